/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "denoise.h"

#include <string.h>

#include "cancel.h"
#include "picture.h"
#include "preview.h"
#include "run-part.h"

#define N_LATENTS 3                               /* current, next, stored */
#define N_COEFFICIENTS (2 + GESSO_MAX_HISTORY)    /* base, model outputs, noise */
#define N_CLEAR 2                                 /* latents, model output */
#define ROW_VALUES (N_COEFFICIENTS + 1 + N_CLEAR) /* between them the next row's input scale */

GessoGraph *
gesso_update_graph (int n, int repeat, int height, int width, int channels)
{
  GessoGraph *graph = gesso_graph_new ("update");
  GessoShape shape = GESSO_SHAPE4 (n, height, width, channels);
  GessoTensor *outputs[2], *terms[N_COEFFICIENTS];
  GessoTensor *guidance, *coefficients, *input_scale, *latents, *clear[N_CLEAR], *clear_factors, *colours;
  int n_outputs = 0;

  if (repeat == 2)
    outputs[n_outputs++] = gesso_graph_input (graph, "negative", GESSO_DTYPE_F32, shape);
  outputs[n_outputs++] = gesso_graph_input (graph, "positive", GESSO_DTYPE_F32, shape);
  guidance = gesso_graph_input (graph, "guidance", GESSO_DTYPE_F32, GESSO_SHAPE1 (n_outputs));
  terms[0] = gesso_graph_input (graph, "base", GESSO_DTYPE_F32, shape);
  terms[1] = gesso_graph_combine (graph, n_outputs, outputs, guidance);
  gesso_graph_output (graph, terms[1], "model_output");
  for (int k = 1; k < GESSO_MAX_HISTORY; k++)
    {
      g_autofree char *name = g_strdup_printf ("history.%d", k);

      terms[1 + k] = gesso_graph_input (graph, name, GESSO_DTYPE_F32, shape);
    }
  terms[1 + GESSO_MAX_HISTORY] = gesso_graph_input (graph, "noise", GESSO_DTYPE_F32, shape);
  coefficients = gesso_graph_input (graph, "coefficients", GESSO_DTYPE_F32, GESSO_SHAPE1 (N_COEFFICIENTS));
  latents = gesso_graph_combine (graph, N_COEFFICIENTS, terms, coefficients);
  gesso_graph_output (graph, latents, "latents");
  input_scale = gesso_graph_input (graph, "input_scale", GESSO_DTYPE_F32, GESSO_SHAPE1 (1));
  gesso_graph_output (graph, gesso_graph_combine (graph, 1, &latents, input_scale), "scaled");
  clear[0] = gesso_graph_input (graph, "previous", GESSO_DTYPE_F32, shape);
  clear[1] = terms[1];
  clear_factors = gesso_graph_input (graph, "clear", GESSO_DTYPE_F32, GESSO_SHAPE1 (N_CLEAR));
  colours = gesso_graph_input (graph, "colours", GESSO_DTYPE_F32, GESSO_SHAPE2 (3, channels + 1));
  gesso_graph_output (graph,
                      gesso_graph_pixels (graph, gesso_graph_combine (graph, N_CLEAR, clear, clear_factors), colours),
                      "preview");
  return graph;
}

void
gesso_planes_to_pixels (const float *planes, int n, int c, gsize area, float *pixels)
{
  for (int i = 0; i < n; i++)
    for (int j = 0; j < c; j++)
      for (gsize p = 0; p < area; p++)
        pixels[((gsize) i * area + p) * (gsize) c + (gsize) j] = planes[((gsize) (i * c + j)) * area + p];
}

void
gesso_pixels_to_planes (const float *pixels, int n, int c, gsize area, float *planes)
{
  for (int i = 0; i < n; i++)
    for (int j = 0; j < c; j++)
      for (gsize p = 0; p < area; p++)
        planes[((gsize) (i * c + j)) * area + p] = pixels[((gsize) i * area + p) * (gsize) c + (gsize) j];
}

/* Everything a batch keeps on the device between two evaluations. */
typedef struct
{
  GessoPipeline *pipeline;
  const GessoJob *job;
  int n, channels;
  gsize area;             /* latents a picture and channel */
  gsize values;           /* floats in one batch of latents */
  float *pixels;          /* as many, on the host, as the device has them */
  guint8 *preview_pixels; /* [n, area, 3], on the host */
  GPtrArray *buffers;     /* owns all below */
  GessoBuffer *latents[N_LATENTS];
  GessoBuffer *scaled;
  GessoBuffer *predicted; /* U-Net's output [n * repeat, ...] */
  GessoBuffer *noise;     /* what a row with c_noise adds */
  GPtrArray *history;     /* of GessoBuffer: [0] for the running row's output, then the kept ones, newest first */
  GessoBuffer *guidance;
  GessoBuffer *table; /* F32 [rows, ROW_VALUES] */
  GessoBuffer *colours, *preview;
  GArray *unet_inputs, *unet_outputs, *update_inputs, *update_outputs; /* of GessoBinding */
  int current, stored;                                                 /* indices into latents: after the running row */
  const GessoSchedulerRow *row;                                        /* the running one */
} Loop;

static void
loop_clear (Loop *loop)
{
  if (loop->buffers)
    for (guint i = 0; i < loop->buffers->len; i++)
      loop->pipeline->backend->buffer_free (loop->pipeline->backend, g_ptr_array_index (loop->buffers, i));
  g_clear_pointer (&loop->buffers, g_ptr_array_unref);
  g_clear_pointer (&loop->pixels, g_free);
  g_clear_pointer (&loop->preview_pixels, g_free);
  g_clear_pointer (&loop->history, g_ptr_array_unref);
  g_clear_pointer (&loop->unet_inputs, g_array_unref);
  g_clear_pointer (&loop->unet_outputs, g_array_unref);
  g_clear_pointer (&loop->update_inputs, g_array_unref);
  g_clear_pointer (&loop->update_outputs, g_array_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Loop, loop_clear)

static gboolean
new_buffer (Loop *loop, gsize n_values, GessoBuffer **buffer, GError **error)
{
  GessoBackend *backend = loop->pipeline->backend;

  *buffer = backend->buffer_new (backend, n_values * sizeof (float), error);
  if (*buffer)
    g_ptr_array_add (loop->buffers, *buffer);
  return *buffer != NULL;
}

static gboolean
write_values (Loop *loop, GessoBuffer *buffer, const float *values, gsize n, GError **error)
{
  GessoBackend *backend = loop->pipeline->backend;

  return backend->buffer_write (backend, buffer, 0, values, n * sizeof (float), error);
}

static gboolean
make_buffers (Loop *loop, GError **error)
{
  for (int i = 0; i < N_LATENTS; i++)
    if (!new_buffer (loop, loop->values, &loop->latents[i], error))
      return FALSE;
  for (int i = 0; i < MAX (loop->job->schedule->n_outputs, GESSO_MAX_HISTORY); i++)
    {
      GessoBuffer *buffer;

      if (!new_buffer (loop, loop->values, &buffer, error))
        return FALSE;
      g_ptr_array_add (loop->history, buffer);
    }
  return new_buffer (loop, loop->values, &loop->scaled, error)
         && new_buffer (loop, loop->values * (gsize) loop->job->repeat, &loop->predicted, error)
         && new_buffer (loop, loop->values, &loop->noise, error)
         && new_buffer (loop, (gsize) loop->job->repeat, &loop->guidance, error)
         && new_buffer (loop, (gsize) loop->job->schedule->n_rows * ROW_VALUES, &loop->table, error)
         && new_buffer (loop, 3 * (gsize) (loop->channels + 1), &loop->colours, error)
         /* Of the four bytes of a value a pixel takes three. */
         && new_buffer (loop, (gsize) loop->n * loop->area, &loop->preview, error);
}

/* Coefficients of all rows, so that the loop itself has nothing to send. */
static gboolean
write_table (Loop *loop, double guidance, GError **error)
{
  const GessoSchedule *schedule = loop->job->schedule;
  gsize n = (gsize) schedule->n_rows * ROW_VALUES;
  g_autofree float *table = gesso_try_alloc (n * sizeof (float), error);
  float weights[2] = { (float) (1 - guidance), (float) guidance };

  if (!table)
    return FALSE;
  for (int i = 0; i < schedule->n_rows; i++)
    {
      const GessoSchedulerRow *row = &schedule->rows[i];
      float *values = table + (gsize) i * ROW_VALUES;

      values[0] = (float) row->c_base;
      for (int k = 0; k < GESSO_MAX_HISTORY; k++)
        values[1 + k] = (float) row->c_history[k];
      values[1 + GESSO_MAX_HISTORY] = (float) row->c_noise;
      values[N_COEFFICIENTS] = i + 1 < schedule->n_rows ? (float) row[1].input_scale : 1.0f;
      values[N_COEFFICIENTS + 1] = (float) row->clear_latents;
      values[N_COEFFICIENTS + 2] = (float) row->clear_output;
    }
  if (loop->job->repeat == 1)
    weights[0] = 1;
  return write_values (loop, loop->table, table, n, error)
         && write_values (loop, loop->guidance, weights, (gsize) loop->job->repeat, error);
}

static gboolean
start_latents (Loop *loop, const float *planes, GError **error)
{
  const GessoSchedule *schedule = loop->job->schedule;
  float *pixels = loop->pixels;

  gesso_planes_to_pixels (planes, loop->n, loop->channels, loop->area, pixels);
  for (gsize i = 0; i < loop->values; i++)
    pixels[i] *= (float) schedule->init_noise_sigma;
  if (!write_values (loop, loop->latents[0], pixels, loop->values, error))
    return FALSE;
  for (gsize i = 0; i < loop->values; i++)
    pixels[i] *= (float) schedule->rows[0].input_scale;
  return write_values (loop, loop->scaled, pixels, loop->values, error);
}

static gboolean
write_colours (Loop *loop, GError **error)
{
  const gsize n = 3 * (gsize) (loop->channels + 1);
  g_autofree float *table = g_new (float, n);

  gesso_colours_table (loop->pipeline->colours, loop->channels, table);
  return write_values (loop, loop->colours, table, n, error);
}

/* One binding for each input or output of `part`, all of them empty. */
static GArray *
empty_bindings (Loop *loop, GessoPart part, gboolean inputs)
{
  const GessoPlan *plan = gesso_parts_get_plan (loop->pipeline->parts, part);
  guint n = inputs ? plan->inputs->len : plan->outputs->len;
  GArray *bindings = g_array_sized_new (FALSE, TRUE, sizeof (GessoBinding), n);

  g_array_set_size (bindings, n);
  return bindings;
}

static void
bind_input (Loop *loop, GessoPart part, const char *name, GessoBuffer *buffer, gsize offset)
{
  GArray *bindings = part == GESSO_PART_UNET ? loop->unet_inputs : loop->update_inputs;
  int i = gesso_plan_find_input (gesso_parts_get_plan (loop->pipeline->parts, part), name);

  g_array_index (bindings, GessoBinding, i) = (GessoBinding) { buffer, offset };
}

static void
bind_output (Loop *loop, GessoPart part, const char *name, GessoBuffer *buffer)
{
  GArray *bindings = part == GESSO_PART_UNET ? loop->unet_outputs : loop->update_outputs;
  int i = gesso_plan_find_output (gesso_parts_get_plan (loop->pipeline->parts, part), name);

  g_array_index (bindings, GessoBinding, i) = (GessoBinding) { buffer, 0 };
}

static void
bind_what_stays (Loop *loop, const GessoConditioning *conditioning)
{
  gsize half = loop->values * sizeof (float);

  loop->unet_inputs = empty_bindings (loop, GESSO_PART_UNET, TRUE);
  loop->unet_outputs = empty_bindings (loop, GESSO_PART_UNET, FALSE);
  loop->update_inputs = empty_bindings (loop, GESSO_PART_UPDATE, TRUE);
  loop->update_outputs = empty_bindings (loop, GESSO_PART_UPDATE, FALSE);

  bind_input (loop, GESSO_PART_UNET, "latents", loop->scaled, 0);
  bind_output (loop, GESSO_PART_UNET, "noise", loop->predicted);
  for (guint i = 0; i < conditioning->context->len; i++)
    {
      g_autofree char *name = g_strdup_printf ("%s.%u", i % 2 ? "value" : "key", i / 2);

      bind_input (loop, GESSO_PART_UNET, name, g_ptr_array_index (conditioning->context, i), 0);
    }
  if (loop->job->repeat == 2)
    bind_input (loop, GESSO_PART_UPDATE, "negative", loop->predicted, 0);
  bind_input (loop, GESSO_PART_UPDATE, "positive", loop->predicted, loop->job->repeat == 2 ? half : 0);
  bind_input (loop, GESSO_PART_UPDATE, "guidance", loop->guidance, 0);
  bind_input (loop, GESSO_PART_UPDATE, "noise", loop->noise, 0);
  bind_input (loop, GESSO_PART_UPDATE, "colours", loop->colours, 0);
  bind_output (loop, GESSO_PART_UPDATE, "scaled", loop->scaled);
  bind_output (loop, GESSO_PART_UPDATE, "preview", loop->preview);
}

static void
bind_time (Loop *loop, const GessoConditioning *conditioning, int row)
{
  const GessoPlan *plan = gesso_parts_get_plan (loop->pipeline->parts, GESSO_PART_UNET);

  for (guint i = 0; i < conditioning->time->len; i++)
    {
      g_autofree char *name = g_strdup_printf ("time.%u", i);
      const GessoTensor *tensor = g_ptr_array_index (plan->inputs, gesso_plan_find_input (plan, name));
      gsize channels = (gsize) gesso_shape_channels (&tensor->shape);

      bind_input (loop, GESSO_PART_UNET, name, g_ptr_array_index (conditioning->time, i),
                  (gsize) row * channels * sizeof (float));
    }
}

/* The buffers that neither `a` nor `b` is. */
static int
free_latents (int a, int b)
{
  int i = 0;

  while (i == a || i == b)
    i++;
  return i;
}

static void
bind_row (Loop *loop, const GessoConditioning *conditioning, int index)
{
  const GessoSchedulerRow *row = loop->row = &loop->job->schedule->rows[index];
  gsize table_row = (gsize) index * ROW_VALUES * sizeof (float);
  int base, next;

  bind_time (loop, conditioning, index);
  if (row->store_base)
    loop->stored = loop->current;
  base = row->use_base ? loop->stored : loop->current;
  next = free_latents (loop->current, loop->stored);
  bind_input (loop, GESSO_PART_UPDATE, "previous", loop->latents[loop->current], 0);
  bind_input (loop, GESSO_PART_UPDATE, "base", loop->latents[base], 0);
  bind_output (loop, GESSO_PART_UPDATE, "latents", loop->latents[next]);
  loop->current = next;

  bind_output (loop, GESSO_PART_UPDATE, "model_output", g_ptr_array_index (loop->history, 0));
  for (int k = 1; k < GESSO_MAX_HISTORY; k++)
    {
      g_autofree char *name = g_strdup_printf ("history.%d", k);

      bind_input (loop, GESSO_PART_UPDATE, name, g_ptr_array_index (loop->history, k), 0);
    }
  bind_input (loop, GESSO_PART_UPDATE, "coefficients", loop->table, table_row);
  bind_input (loop, GESSO_PART_UPDATE, "input_scale", loop->table, table_row + N_COEFFICIENTS * sizeof (float));
  bind_input (loop, GESSO_PART_UPDATE, "clear", loop->table, table_row + (N_COEFFICIENTS + 1) * sizeof (float));
}

/* What the row leaves behind; buffers that are given up go to the end, to be used again. */
static void
update_history (Loop *loop, const GessoSchedulerRow *row)
{
  guint last = loop->history->len - 1;

  for (int i = 0; i < row->forget; i++)
    g_ptr_array_insert (loop->history, (int) last, g_ptr_array_steal_index (loop->history, 1));
  if (row->keep_output)
    g_ptr_array_insert (loop->history, 0, g_ptr_array_steal_index (loop->history, last));
}

static gboolean
read_planes (Loop *loop, GessoBuffer *buffer, float *planes, GError **error)
{
  GessoBackend *backend = loop->pipeline->backend;

  if (!backend->buffer_read (backend, buffer, 0, loop->pixels, loop->values * sizeof (float), error))
    return FALSE;
  gesso_pixels_to_planes (loop->pixels, loop->n, loop->channels, loop->area, planes);
  return TRUE;
}

static gsize
preview_bytes (const Loop *loop)
{
  return (gsize) loop->n * loop->area * 3;
}

/* For previews. Where the device fails, the next row will tell. */
static void
fetch_latents (GessoPreview *preview)
{
  Loop *loop = preview->source;

  if (!read_planes (loop, loop->latents[loop->current], preview->planes, NULL))
    memset (preview->planes, 0, loop->values * sizeof (float));
}

static void
fetch_pixels (GessoPreview *preview)
{
  const Loop *loop = preview->source;
  GessoBackend *backend = loop->pipeline->backend;

  if (!backend->buffer_read (backend, loop->preview, 0, preview->pixels, preview_bytes (loop), NULL))
    memset (preview->pixels, 0, preview_bytes (loop));
}

/* The noise that `row` adds, from each picture's own generator, as diffusers draws it. */
static gboolean
draw_noise (Loop *loop, const GessoSchedulerRow *row, GessoNoise *const *generators, GError **error)
{
  gsize picture = loop->values / (gsize) loop->n;
  g_autofree float *planes = NULL;

  if (row->c_noise == 0)
    return TRUE;
  planes = gesso_try_alloc (loop->values * sizeof (float), error);
  if (!planes)
    return FALSE;
  for (int i = 0; i < loop->n; i++)
    gesso_noise_draw (generators[i], picture, planes + (gsize) i * picture);
  gesso_planes_to_pixels (planes, loop->n, loop->channels, loop->area, loop->pixels);
  return write_values (loop, loop->noise, loop->pixels, loop->values, error);
}

static gboolean
run_row (Loop *loop, GCancellable *cancellable, GError **error)
{
  GessoParts *parts = loop->pipeline->parts;

  return gesso_parts_enter (parts, GESSO_PART_UNET, NULL, NULL, cancellable, error)
         && gesso_parts_run (parts, GESSO_PART_UNET, (GessoBinding *) (gpointer) loop->unet_inputs->data,
                             (GessoBinding *) (gpointer) loop->unet_outputs->data, cancellable, error)
         && gesso_parts_enter (parts, GESSO_PART_UPDATE, NULL, NULL, cancellable, error)
         && gesso_parts_run (parts, GESSO_PART_UPDATE, (GessoBinding *) (gpointer) loop->update_inputs->data,
                             (GessoBinding *) (gpointer) loop->update_outputs->data, cancellable, error);
}

static gboolean
check_latents (const Loop *loop, const float *planes, GError **error)
{
  return gesso_values_are_finite (planes, loop->values)
         || gesso_report_no_numbers (loop->pipeline, loop->pipeline->model->unet_weights, error);
}

gboolean
gesso_denoise (GessoPipeline *pipeline, const GessoJob *job, const GessoConditioning *conditioning, double guidance,
               int n, GessoNoise *const *generators, float *planes, GessoMeter *meter, GCancellable *cancellable,
               GError **error)
{
  GessoPreview preview = { .planes = planes,
                           .fetch_latents = fetch_latents,
                           .fetch_pixels = fetch_pixels,
                           .n_images = n,
                           .channels = pipeline->model->unet.in_channels,
                           .height = job->latent_height,
                           .width = job->latent_width };
  gsize area = (gsize) job->latent_height * (gsize) job->latent_width;
  g_auto (Loop) loop = { .pipeline = pipeline,
                         .job = job,
                         .n = n,
                         .channels = preview.channels,
                         .area = area,
                         .values = (gsize) n * (gsize) preview.channels * area,
                         .buffers = g_ptr_array_new (),
                         .history = g_ptr_array_new () };
  const double seconds = gesso_part_seconds (pipeline, GESSO_PART_UNET);

  loop.pixels = gesso_try_alloc (loop.values * sizeof (float), error);
  loop.preview_pixels = loop.pixels ? gesso_try_alloc (preview_bytes (&loop), error) : NULL;
  if (!loop.preview_pixels || !make_buffers (&loop, error) || !write_table (&loop, guidance, error)
      || !write_colours (&loop, error) || !start_latents (&loop, planes, error))
    return FALSE;
  preview.pixels = loop.preview_pixels;
  preview.source = &loop;
  bind_what_stays (&loop, conditioning);

  for (int i = 0; i < job->schedule->n_rows; i++)
    {
      bind_row (&loop, conditioning, i);
      if (!draw_noise (&loop, loop.row, generators, error) || !run_row (&loop, cancellable, error))
        return FALSE;
      meter->progress.step++;
      /* Damaged weights show at the first evaluation: no need to compute the others, but where all are queued sooner
       * than one is waited for. */
      if (i == 0 && pipeline->host_memory
          && (!read_planes (&loop, loop.latents[loop.current], planes, error) || !check_latents (&loop, planes, error)))
        return FALSE;
      preview.has_latents = preview.has_pixels = FALSE;
      gesso_meter_advance (meter, GESSO_STAGE_DENOISE, seconds, &preview);
      update_history (&loop, loop.row);
    }
  return read_planes (&loop, loop.latents[loop.current], planes, error) && check_latents (&loop, planes, error);
}
