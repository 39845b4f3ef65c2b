/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Convolutions. A plan's step is the whole batch or a band of rows of one picture; each distinct band geometry (input
 * rows, padding) is one product, and all middle bands share one. A 1x1 convolution is a matrix product over pixels.
 *
 * oneDNN chooses the layout of the weights by geometry, and runs another one only in its reference implementation. The
 * weights are packed once, as most rows want them; a band whose own choice would differ (seen with AVX2) is computed as
 * part of a taller one that takes the layout, into scratch, and copied from there.
 */

#include "cpu.h"

#include <string.h>

#include <glib/gi18n-lib.h>

#include "onednn.h"

/* Rows of a convolution that are computed at once, and the input they need. */
typedef struct
{
  gint64 batch;
  gint64 in_rows, out_rows;
  gint64 pad_top, pad_bottom;
  gint64 rows_used; /* output rows of all steps that use it, as first laid out */
  GessoProduct product;
  GessoCpuWeight *weights;
} Geometry;

/* How a step is computed: output rows begin..end-1 as part of the window that starts at window_begin. */
typedef struct
{
  gboolean whole;
  gint64 begin, end;
  gint64 window_begin;
  gint64 in_begin; /* first input row that the window reads */
  Geometry *geometry;
} Band;

typedef struct
{
  GessoCpuOp base;
  GessoConvShape shape; /* what all geometries have in common */
  gboolean is_linear;
  gboolean prepares; /* the input is normalised or enlarged into scratch first */
  gint64 in_height;  /* virtual */
  gsize value;       /* bytes */
  GPtrArray *geometries;
  GArray *bands;
  GessoCpuVector bias, gamma, beta;
  gsize prepared_bytes, window_bytes; /* parts of the scratch, before the scratchpad */
} Conv;

static void
geometry_free (Geometry *geometry)
{
  gesso_product_clear (&geometry->product);
  g_free (geometry);
}

static void
conv_free (GessoCpuOp *op)
{
  Conv *conv = (Conv *) op;

  g_ptr_array_unref (conv->geometries);
  g_array_unref (conv->bands);
  g_free (conv);
}

/* Input rows and padding for output rows begin..end-1 of one picture, or of the whole batch. FALSE where a band would
 * lie in the padding altogether. */
static gboolean
measure (const Conv *conv, gboolean whole, gint64 begin, gint64 end, Geometry *geometry, gint64 *in_begin)
{
  const GessoOp *op = conv->base.op;
  const gint64 first = begin * op->conv.stride - op->conv.pad_top;
  const gint64 last = (end - 1) * op->conv.stride - op->conv.pad_top + conv->shape.kernel_h - 1;

  memset (geometry, 0, sizeof *geometry);
  geometry->out_rows = end - begin;
  if (whole)
    {
      geometry->batch = op->output->shape.dim[0];
      geometry->in_rows = conv->in_height;
      geometry->pad_top = op->conv.pad_top;
      geometry->pad_bottom = op->conv.pad_bottom;
      *in_begin = 0;
      return TRUE;
    }
  geometry->batch = 1;
  *in_begin = MAX (first, 0);
  geometry->in_rows = MIN (last + 1, conv->in_height) - *in_begin;
  geometry->pad_top = *in_begin - first;
  geometry->pad_bottom = MAX (last + 1 - conv->in_height, 0);
  return geometry->in_rows > 0;
}

/* The geometry that is like `wanted`, made if need be. */
static Geometry *
find_geometry (Conv *conv, const Geometry *wanted)
{
  Geometry *geometry;

  for (guint i = 0; i < conv->geometries->len; i++)
    {
      geometry = g_ptr_array_index (conv->geometries, i);
      if (geometry->batch == wanted->batch && geometry->in_rows == wanted->in_rows
          && geometry->out_rows == wanted->out_rows && geometry->pad_top == wanted->pad_top
          && geometry->pad_bottom == wanted->pad_bottom)
        return geometry;
    }
  geometry = g_memdup2 (wanted, sizeof *wanted);
  g_ptr_array_add (conv->geometries, geometry);
  return geometry;
}

/* Chooses an implementation of `geometry` that takes `layout` (NULL: any). */
static gboolean
choose (Conv *conv, Geometry *geometry, dnnl_engine_t engine, const_dnnl_memory_desc_t layout, GError **error)
{
  gesso_product_clear (&geometry->product);
  if (conv->is_linear)
    {
      const GessoLinearShape shape = { .dtype = conv->shape.dtype,
                                       .rows = geometry->batch * geometry->out_rows * conv->shape.out_width,
                                       .in = conv->shape.in_channels,
                                       .out = conv->shape.out_channels,
                                       .bias = conv->shape.bias,
                                       .tail = conv->shape.tail };

      return gesso_product_choose_linear (&geometry->product, engine, &shape, layout, error);
    }
  else
    {
      GessoConvShape shape = conv->shape;

      shape.batch = geometry->batch;
      shape.in_rows = geometry->in_rows;
      shape.out_rows = geometry->out_rows;
      shape.pad_top = geometry->pad_top;
      shape.pad_bottom = geometry->pad_bottom;
      return gesso_product_choose_conv (&geometry->product, engine, &shape, layout, error);
    }
}

/* Whether `geometry` runs well on `layout`; it is left chosen so if it does. */
static gboolean
takes (Conv *conv, Geometry *geometry, dnnl_engine_t engine, const_dnnl_memory_desc_t layout)
{
  if (geometry->product.desc && dnnl_memory_desc_equal (gesso_product_weights (&geometry->product), layout))
    return TRUE;
  return choose (conv, geometry, engine, layout, NULL) && gesso_product_is_fast (&geometry->product);
}

/* The layout in which to pack the weights: one that another program of the store has already, else the one that most
 * rows would choose for themselves. The caller destroys it. */
static dnnl_memory_desc_t
choose_layout (Conv *conv, GessoProgram *program, GError **error)
{
  const GessoTensor *weight = conv->base.op->weight;
  g_autoptr (GPtrArray) known = gesso_cpu_store_layouts (program->store, weight->name, 0,
                                                         gesso_shape_elements (&weight->shape), conv->shape.dtype);
  const_dnnl_memory_desc_t best = NULL;
  Geometry *main_geometry = NULL;
  dnnl_memory_desc_t copy = NULL;
  gint64 most = -1;

  for (guint i = 0; i < conv->geometries->len; i++)
    {
      Geometry *geometry = g_ptr_array_index (conv->geometries, i);

      if (!choose (conv, geometry, program->backend->engine, NULL, error))
        return NULL;
      if (!main_geometry || geometry->rows_used > main_geometry->rows_used)
        main_geometry = geometry;
    }
  for (guint i = 0; i < known->len && !best; i++)
    if (takes (conv, main_geometry, program->backend->engine, known->pdata[i]))
      best = known->pdata[i];
  if (!best && known->len > 0 && !choose (conv, main_geometry, program->backend->engine, NULL, error))
    return NULL;
  for (guint i = 0; i < conv->geometries->len && !best; i++)
    {
      const_dnnl_memory_desc_t layout = gesso_product_weights (&((Geometry *) conv->geometries->pdata[i])->product);
      gint64 rows = 0;

      for (guint j = 0; j < conv->geometries->len; j++)
        {
          const Geometry *other = g_ptr_array_index (conv->geometries, j);

          if (dnnl_memory_desc_equal (gesso_product_weights (&other->product), layout))
            rows += other->rows_used;
        }
      if (rows > most)
        {
          most = rows;
          g_clear_pointer (&copy, dnnl_memory_desc_destroy);
          if (!gesso_onednn_check (dnnl_memory_desc_clone (&copy, layout), "memory descriptor", error))
            return NULL;
        }
    }
  if (best && !gesso_onednn_check (dnnl_memory_desc_clone (&copy, best), "memory descriptor", error))
    return NULL;
  return copy;
}

/* Puts `band`, whose own geometry does not take `layout`, into a taller window that does. */
static gboolean
cover (Conv *conv, Band *band, GessoProgram *program, const_dnnl_memory_desc_t layout)
{
  const gint64 height = conv->base.op->output->shape.dim[1];

  for (guint i = 0; i < conv->geometries->len; i++)
    {
      Geometry *taller = g_ptr_array_index (conv->geometries, i);
      const gint64 begin = MIN (band->begin, height - taller->out_rows);
      gint64 in_begin;
      Geometry wanted;

      if (taller->batch != 1 || taller->out_rows <= band->end - band->begin || !taller->weights)
        continue;
      if (!measure (conv, FALSE, begin, begin + taller->out_rows, &wanted, &in_begin))
        continue;
      taller = find_geometry (conv, &wanted);
      if (!takes (conv, taller, program->backend->engine, layout))
        continue;
      band->geometry = taller;
      band->window_begin = begin;
      band->in_begin = in_begin;
      return TRUE;
    }
  return FALSE;
}

/* Weights of the convolution in `layout`. */
static GessoCpuWeight *
want_weights (const Conv *conv, GessoProgram *program, const_dnnl_memory_desc_t layout, GError **error)
{
  const GessoTensor *tensor = conv->base.op->weight;
  GessoCpuWeight *weight = gesso_cpu_store_want_packed (
      program->store, tensor->name, 0, gesso_shape_elements (&tensor->shape), conv->shape.dtype, layout, error);

  return weight ? gesso_program_take (program, weight) : NULL;
}

/* Gives every band a product and its weights. */
static gboolean
choose_products (Conv *conv, GessoProgram *program, GError **error)
{
  dnnl_memory_desc_t layout = choose_layout (conv, program, error);
  GessoCpuWeight *weights = layout ? want_weights (conv, program, layout, error) : NULL;
  gboolean ok = weights != NULL;

  for (guint i = 0; ok && i < conv->geometries->len; i++)
    {
      Geometry *geometry = g_ptr_array_index (conv->geometries, i);

      if (takes (conv, geometry, program->backend->engine, layout))
        geometry->weights = weights;
    }
  for (guint i = 0; ok && i < conv->bands->len; i++)
    {
      Band *band = &g_array_index (conv->bands, Band, i);

      if (band->geometry->weights)
        continue;
      if (cover (conv, band, program, layout))
        {
          band->geometry->weights = weights;
          continue;
        }
      /* Nothing tall enough: weights of its own, rather than a reference implementation. */
      ok = choose (conv, band->geometry, program->backend->engine, NULL, error);
      if (ok)
        band->geometry->weights = want_weights (conv, program, gesso_product_weights (&band->geometry->product), error);
      ok = ok && band->geometry->weights;
    }
  dnnl_memory_desc_destroy (layout);
  return ok;
}

static Band *
find_band (Conv *conv, const GessoPlanStep *step)
{
  for (guint i = 0; i < conv->bands->len; i++)
    {
      Band *band = &g_array_index (conv->bands, Band, i);

      if (band->whole == (step->image < 0) && band->begin == step->begin && band->end == step->end)
        return band;
    }
  return NULL;
}

static gboolean
lay_out_bands (Conv *conv, const GArray *steps, GError **error)
{
  const GessoOp *op = conv->base.op;

  for (guint i = 0; i < steps->len; i++)
    {
      GessoPlanStep step = g_array_index (steps, GessoPlanStep, i);
      Band *known = find_band (conv, &step);
      Band band = { .whole = step.image < 0, .begin = step.begin, .end = step.end, .window_begin = step.begin };
      Geometry wanted;

      if (known)
        {
          known->geometry->rows_used += known->geometry->batch * known->geometry->out_rows;
          continue;
        }
      if (!measure (conv, band.whole, band.begin, band.end, &wanted, &band.in_begin))
        {
          g_set_error (error, GESSO_ERROR, GESSO_ERROR_DEVICE,
                       _ ("The padding of the convolution with \"%s\" is larger than its kernel."), op->weight->name);
          return FALSE;
        }
      band.geometry = find_geometry (conv, &wanted);
      band.geometry->rows_used += band.geometry->batch * band.geometry->out_rows;
      g_array_append_val (conv->bands, band);
    }
  return TRUE;
}

static gsize
output_row_bytes (const Conv *conv)
{
  return (gsize) (conv->shape.out_width * conv->shape.out_channels) * conv->value;
}

static gsize
input_row_bytes (const Conv *conv)
{
  return (gsize) (conv->shape.in_width * conv->shape.in_channels) * conv->value;
}

/* Whether `band` computes rows beside its own. */
static gboolean
is_covered (const Band *band)
{
  return band->geometry->out_rows != band->end - band->begin;
}

static void
lay_out_scratch (Conv *conv)
{
  gsize scratchpad = 0;

  for (guint i = 0; i < conv->bands->len; i++)
    {
      const Band *band = &g_array_index (conv->bands, Band, i);
      const Geometry *geometry = band->geometry;
      const gsize input = (gsize) (geometry->batch * geometry->in_rows) * input_row_bytes (conv);

      if (conv->prepares)
        conv->prepared_bytes = MAX (conv->prepared_bytes, gesso_cpu_align (input));
      if (is_covered (band))
        conv->window_bytes
            = MAX (conv->window_bytes, gesso_cpu_align ((gsize) geometry->out_rows * output_row_bytes (conv)));
      scratchpad = MAX (scratchpad, geometry->product.scratchpad);
    }
  conv->base.scratch = conv->prepared_bytes + conv->window_bytes + scratchpad;
}

static gboolean
conv_prepare (GessoCpuOp *op, dnnl_engine_t engine, GError **error)
{
  Conv *conv = (Conv *) op;

  for (guint i = 0; i < conv->bands->len; i++)
    if (!gesso_product_prepare (&g_array_index (conv->bands, Band, i).geometry->product, engine, error))
      return FALSE;
  return TRUE;
}

/* The input rows of `band`, normalised and enlarged into `scratch`. FALSE when cancelled. */
static gboolean
prepare_input (const Conv *conv, GessoCpuRun *run, const Band *band, gint64 image, guint8 *scratch)
{
  const GessoOp *op = conv->base.op;
  const GessoOpNorm *norm = &op->input_norm;
  const GessoShape *in = &op->inputs[0]->shape;
  const gsize picture = (gsize) (in->dim[1] * in->dim[2] * in->dim[3]) * conv->value;
  const guint8 *x = gesso_run_data (run, op->inputs[0]);
  const float *statistics = norm->statistics ? (const float *) gesso_run_data (run, norm->statistics) : NULL;
  const float *gamma = gesso_run_vector (run, &conv->gamma);
  const float *beta = gesso_run_vector (run, &conv->beta);

  for (gint64 i = 0; i < band->geometry->batch; i++)
    {
      const gint64 n = image + i;

      if (!gesso_cpu_prepare_conv_input (
              &run->context, conv->shape.dtype, x + (gsize) n * picture, in->dim[1], in->dim[2], in->dim[3],
              conv->in_height, conv->shape.in_width, band->in_begin, band->in_begin + band->geometry->in_rows,
              norm->groups, statistics ? statistics + n * norm->groups * 2 : NULL, gamma, beta, norm->activation,
              scratch + (gsize) (i * band->geometry->in_rows) * input_row_bytes (conv)))
        return FALSE;
    }
  return TRUE;
}

static gboolean
conv_run (GessoCpuOp *base, GessoCpuRun *run, const GessoPlanStep *step, GError **error)
{
  Conv *conv = (Conv *) base;
  const GessoOp *op = base->op;
  const Band *band = find_band (conv, step);
  const gint64 image = MAX (step->image, 0);
  const gint64 height = op->output->shape.dim[1];
  const gsize row = output_row_bytes (conv);
  const gsize window = (gsize) (image * height + band->window_begin) * row;
  guint8 *output = gesso_run_data (run, op->output);
  guint8 *computed = is_covered (band) ? run->scratch + conv->prepared_bytes : output + window;
  GessoProductData data = { .weights = band->geometry->weights->data,
                            .bias = gesso_run_vector (run, &conv->bias),
                            .dst = computed,
                            .scratchpad = run->scratch + conv->prepared_bytes + conv->window_bytes };

  if (conv->prepares)
    {
      if (!prepare_input (conv, run, band, image, run->scratch))
        return FALSE;
      data.src = run->scratch;
    }
  else
    data.src = gesso_run_data (run, op->inputs[0])
               + (gsize) (image * conv->in_height + band->in_begin) * input_row_bytes (conv);
  if (op->residual)
    data.add = gesso_run_data (run, op->residual) + window;
  if (!gesso_product_run (&band->geometry->product, run->stream, &data, error))
    return FALSE;
  if (is_covered (band))
    memcpy (output + (gsize) (image * height + band->begin) * row,
            computed + (gsize) (band->begin - band->window_begin) * row, (gsize) (band->end - band->begin) * row);
  return TRUE;
}

static const GessoCpuOpClass conv_class = { conv_run, conv_prepare, conv_free };

GessoCpuOp *
gesso_cpu_compile_conv (GessoProgram *program, const GessoOp *op, const GArray *steps, GError **error)
{
  const GessoShape *in = &op->inputs[0]->shape;
  const GessoShape *weight = &op->weight->shape;
  const GessoOpNorm *norm = &op->input_norm;
  Conv *conv = g_new0 (Conv, 1);

  conv->base.class = &conv_class;
  conv->base.op = op;
  conv->geometries = g_ptr_array_new_with_free_func ((GDestroyNotify) geometry_free);
  conv->bands = g_array_new (FALSE, FALSE, sizeof (Band));
  conv->in_height = op->conv.virtual_height ? op->conv.virtual_height : in->dim[1];
  conv->value = gesso_dtype_size (op->output->dtype);
  conv->shape = (GessoConvShape) {
    .dtype = op->output->dtype,
    .in_width = op->conv.virtual_width ? op->conv.virtual_width : in->dim[2],
    .in_channels = in->dim[3],
    .out_width = op->output->shape.dim[2],
    .out_channels = op->output->shape.dim[3],
    .kernel_h = weight->dim[2],
    .kernel_w = weight->dim[3],
    .stride = op->conv.stride,
    .pad_left = op->conv.pad_left,
    .pad_right = op->conv.pad_right,
    .bias = op->bias != NULL,
    .tail = { .activation = op->activation, .add = op->residual != NULL },
  };
  conv->prepares = norm->statistics || conv->in_height != in->dim[1] || conv->shape.in_width != in->dim[2];
  conv->is_linear = weight->dim[2] == 1 && weight->dim[3] == 1 && op->conv.stride == 1 && op->conv.pad_top == 0
                    && op->conv.pad_bottom == 0 && op->conv.pad_left == 0 && op->conv.pad_right == 0;
  conv->bias = gesso_program_vector (program, op->bias);
  if (norm->statistics)
    {
      conv->gamma = gesso_program_vector (program, norm->gamma);
      conv->beta = gesso_program_vector (program, norm->beta);
    }
  if (!lay_out_bands (conv, steps, error) || !choose_products (conv, program, error))
    {
      conv_free (&conv->base);
      return NULL;
    }
  lay_out_scratch (conv);
  return &conv->base;
}
