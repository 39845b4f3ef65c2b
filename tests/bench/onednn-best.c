/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "onednn-best.h"
#include "bench-clock.h"

#include <oneapi/dnnl/dnnl.h>
#include <string.h>

/* Queries of one attention product at a time: few enough for the scores to stay in the cache. */
#define ATTENTION_ROWS 512

typedef enum
{
  PRODUCT_CONV,
  PRODUCT_MATMUL,
} ProductKind;

typedef struct
{
  ProductKind kind;
  dnnl_dim_t n, h, w, i, o, k, stride, oh, ow; /* CONV */
  dnnl_dim_t rows, in, out;                    /* MATMUL */
} Shape;

/* One way of running a product. */
typedef struct
{
  dnnl_primitive_t primitive;
  dnnl_memory_t src, weights, dst;
} Variant;

typedef struct
{
  Shape shape;
  double count; /* times in one run of the plan */
  double flops; /* of one */
  Variant variants[2];
  int n_variants;
  int chosen; /* -1: all of them are tried still */
  double best;
} Product;

struct _OnednnBest
{
  dnnl_engine_t engine;
  dnnl_stream_t stream;
  dnnl_data_type_t type;
  gboolean single;
  GArray *products;
};

static void
check (dnnl_status_t status)
{
  if (status != dnnl_success)
    g_error ("oneDNN gave the status %d", (int) status);
}

static void
add (OnednnBest *self, const Shape *shape, double count, double flops)
{
  Product product = { .shape = *shape, .count = count, .flops = flops, .chosen = -1, .best = G_MAXDOUBLE };

  for (guint i = 0; i < self->products->len; i++)
    {
      Product *known = &g_array_index (self->products, Product, i);

      if (memcmp (&known->shape, shape, sizeof *shape) == 0)
        {
          known->count += count;
          return;
        }
    }
  g_array_append_val (self->products, product);
}

static void
add_matmul (OnednnBest *self, gint64 rows, gint64 in, gint64 out, double count)
{
  Shape shape;

  memset (&shape, 0, sizeof shape);
  shape.kind = PRODUCT_MATMUL;
  shape.rows = rows;
  shape.in = in;
  shape.out = out;
  add (self, &shape, count, 2.0 * (double) rows * (double) in * (double) out);
}

static void
add_conv (OnednnBest *self, const GessoOp *op)
{
  const GessoShape *x = &op->inputs[0]->shape, *weight = &op->weight->shape, *y = &op->output->shape;
  Shape shape;

  memset (&shape, 0, sizeof shape);
  shape.kind = PRODUCT_CONV;
  shape.n = x->dim[0];
  shape.h = op->conv.virtual_height ? op->conv.virtual_height : x->dim[1];
  shape.w = op->conv.virtual_width ? op->conv.virtual_width : x->dim[2];
  shape.i = x->dim[3];
  shape.o = weight->dim[0];
  shape.k = weight->dim[2];
  shape.stride = op->conv.stride;
  shape.oh = y->dim[1];
  shape.ow = y->dim[2];
  add (self, &shape, 1, gesso_op_flops (op));
}

static void
add_attention (OnednnBest *self, const GessoOp *op)
{
  const GessoShape *q = &op->inputs[0]->shape, *k = &op->inputs[1]->shape;
  gint64 rows = MIN (q->dim[1], ATTENTION_ROWS);
  gint64 width = q->dim[2] / op->attention.heads;
  double count = (double) q->dim[0] * op->attention.heads * (double) q->dim[1] / (double) rows;

  add_matmul (self, rows, width, k->dim[1], count);
  add_matmul (self, rows, k->dim[1], width, count);
}

static dnnl_primitive_desc_t
describe (OnednnBest *self, const Shape *shape, dnnl_format_tag_t data_tag)
{
  dnnl_memory_desc_t src, weights, dst;
  dnnl_primitive_desc_t desc = NULL;

  if (shape->kind == PRODUCT_CONV)
    {
      dnnl_dims_t src_dims = { shape->n, shape->i, shape->h, shape->w };
      dnnl_dims_t weights_dims = { shape->o, shape->i, shape->k, shape->k };
      dnnl_dims_t dst_dims = { shape->n, shape->o, shape->oh, shape->ow };
      dnnl_dims_t strides = { shape->stride, shape->stride }, dilates = { 0, 0 };
      dnnl_dims_t left = { shape->k / 2, shape->k / 2 };
      dnnl_dims_t right = { (shape->oh - 1) * shape->stride + shape->k - shape->h - left[0],
                            (shape->ow - 1) * shape->stride + shape->k - shape->w - left[1] };

      check (dnnl_memory_desc_create_with_tag (&src, 4, src_dims, self->type, data_tag));
      check (dnnl_memory_desc_create_with_tag (&weights, 4, weights_dims, self->type, dnnl_format_tag_any));
      check (dnnl_memory_desc_create_with_tag (&dst, 4, dst_dims, self->type, data_tag));
      check (dnnl_convolution_forward_primitive_desc_create (&desc, self->engine, dnnl_forward_inference,
                                                             dnnl_convolution_direct, src, weights, NULL, dst, strides,
                                                             dilates, left, right, NULL));
    }
  else
    {
      dnnl_dims_t src_dims = { shape->rows, shape->in };
      dnnl_dims_t weights_dims = { shape->in, shape->out };
      dnnl_dims_t dst_dims = { shape->rows, shape->out };
      dnnl_format_tag_t tag = data_tag == dnnl_format_tag_any ? dnnl_format_tag_any : dnnl_ab;

      check (dnnl_memory_desc_create_with_tag (&src, 2, src_dims, self->type, tag));
      check (dnnl_memory_desc_create_with_tag (&weights, 2, weights_dims, self->type, dnnl_format_tag_any));
      check (dnnl_memory_desc_create_with_tag (&dst, 2, dst_dims, self->type, tag));
      check (dnnl_matmul_primitive_desc_create (&desc, self->engine, src, weights, NULL, dst, NULL));
    }
  dnnl_memory_desc_destroy (src);
  dnnl_memory_desc_destroy (weights);
  dnnl_memory_desc_destroy (dst);
  return desc;
}

/* Memory full of numbers around one half: zeros or denormals could be faster or slower than real ones. */
static dnnl_memory_t
filled_memory (OnednnBest *self, dnnl_primitive_desc_t desc, dnnl_query_t query)
{
  const_dnnl_memory_desc_t md = dnnl_primitive_desc_query_md (desc, query, 0);
  gsize bytes = dnnl_memory_desc_get_size (md);
  dnnl_memory_t memory;
  void *data;

  check (dnnl_memory_create (&memory, md, self->engine, DNNL_MEMORY_ALLOCATE));
  check (dnnl_memory_get_data_handle (memory, &data));
  memset (data, 0x3f, bytes);
  return memory;
}

static void
add_variant (OnednnBest *self, Product *product, dnnl_format_tag_t data_tag)
{
  dnnl_primitive_desc_t desc = describe (self, &product->shape, data_tag);
  Variant *variant = &product->variants[product->n_variants++];

  check (dnnl_primitive_create (&variant->primitive, desc));
  variant->src = filled_memory (self, desc, dnnl_query_src_md);
  variant->weights = filled_memory (self, desc, dnnl_query_weights_md);
  variant->dst = filled_memory (self, desc, dnnl_query_dst_md);
  dnnl_primitive_desc_destroy (desc);
}

static void
clear_variant (Variant *variant)
{
  dnnl_primitive_destroy (variant->primitive);
  dnnl_memory_destroy (variant->src);
  dnnl_memory_destroy (variant->weights);
  dnnl_memory_destroy (variant->dst);
}

OnednnBest *
onednn_best_new (const GessoPlan *plan, GessoPrecision precision, gboolean single)
{
  OnednnBest *self = g_new0 (OnednnBest, 1);

  self->single = single;
  check (dnnl_engine_create (&self->engine, dnnl_cpu, 0));
  check (dnnl_stream_create (&self->stream, self->engine, dnnl_stream_default_flags));
  self->type = precision == GESSO_PRECISION_BF16 ? dnnl_bf16 : dnnl_f32;
  self->products = g_array_new (FALSE, TRUE, sizeof (Product));
  for (guint i = 0; i < plan->ops->len; i++)
    {
      const GessoOp *op = g_ptr_array_index (plan->ops, i);

      if (op->kind == GESSO_OP_CONV2D)
        add_conv (self, op);
      else if (op->kind == GESSO_OP_LINEAR)
        add_matmul (self, gesso_shape_rows (&op->output->shape), op->weight->shape.dim[1], op->weight->shape.dim[0], 1);
      else if (op->kind == GESSO_OP_ATTENTION)
        add_attention (self, op);
    }
  return self;
}

void
onednn_best_free (OnednnBest *self)
{
  g_array_unref (self->products);
  dnnl_stream_destroy (self->stream);
  dnnl_engine_destroy (self->engine);
  g_free (self);
}

static double
run_variant (OnednnBest *self, const Variant *variant)
{
  dnnl_exec_arg_t args[]
      = { { DNNL_ARG_SRC, variant->src }, { DNNL_ARG_WEIGHTS, variant->weights }, { DNNL_ARG_DST, variant->dst } };
  gint64 begin = bench_now (self->single);

  check (dnnl_primitive_execute (variant->primitive, self->stream, G_N_ELEMENTS (args), args));
  check (dnnl_stream_wait (self->stream));
  return (double) (bench_now (self->single) - begin) / 1e6;
}

/* The memory of one product at a time is held: all of a decoder's together would be gigabytes. */
static double
time_product (OnednnBest *self, Product *product)
{
  double fastest = G_MAXDOUBLE;

  product->n_variants = 0;
  if (product->chosen != 1)
    add_variant (self, product, dnnl_format_tag_any);
  if (product->chosen != 0)
    add_variant (self, product, dnnl_nhwc);
  for (int i = 0; i < product->n_variants; i++)
    {
      double seconds;

      run_variant (self, &product->variants[i]);
      seconds = MIN (run_variant (self, &product->variants[i]), run_variant (self, &product->variants[i]));
      if (seconds < fastest)
        {
          fastest = seconds;
          if (product->n_variants == 2)
            product->chosen = i;
        }
      clear_variant (&product->variants[i]);
    }
  product->best = MIN (product->best, fastest);
  return fastest;
}

double
onednn_best_round (OnednnBest *self)
{
  double sum = 0;

  for (guint i = 0; i < self->products->len; i++)
    {
      Product *product = &g_array_index (self->products, Product, i);

      sum += time_product (self, product) * product->count;
    }
  return sum;
}

void
onednn_best_print (OnednnBest *self)
{
  for (guint i = 0; i < self->products->len; i++)
    {
      const Product *product = &g_array_index (self->products, Product, i);
      const Shape *s = &product->shape;

      if (s->kind == PRODUCT_CONV)
        g_print ("  conv %dx%d/%d %4d x %4d x %4d -> %4d, batch %d", (int) s->k, (int) s->k, (int) s->stride,
                 (int) s->h, (int) s->w, (int) s->i, (int) s->o, (int) s->n);
      else
        g_print ("  product %6d x %4d -> %5d         ", (int) s->rows, (int) s->in, (int) s->out);
      g_print ("  x %6.1f  %8.2f ms  %7.1f GFLOP/s  %6.1f %%\n", product->count, product->best * 1e3,
               product->flops / product->best / 1e9, 100 * product->best * product->count);
    }
}
