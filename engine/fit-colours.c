/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "fit-colours.h"

#include "cancel.h"
#include "model/fingerprint.h"
#include "picture.h"
#include "run-part.h"

#define SIDE 16 /* latents; what is decoded is no larger, nor larger than what the job decodes anyway */
#define PATCH 4 /* latents */
#define MIN_SPLIT 8
#define MAX_DECODES 16 /* a picture of so few latents that more were needed is hardly worth a preview */
#define SEED 20230515  /* any will do; a fixed one makes the colours reproducible */
#define MAX_LATENT 2.5

/* Latents to be decoded: on the left patches of one colour each, on the right soft transitions. Where there is no room
 * for both, only the latter. */
typedef struct
{
  int height, width, channels;
  int split;     /* columns of patches */
  float *values; /* [height, width, channels] */
} Canvas;

static void
canvas_clear (Canvas *canvas)
{
  g_free (canvas->values);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Canvas, canvas_clear)

/* Independent colours that a canvas shows. */
static int
canvas_colours (const Canvas *canvas)
{
  return MAX (1, canvas->height * canvas->width / (PATCH * PATCH));
}

/* About normally distributed, as latents are in the scheduler's scale. */
static double
draw_latent (GRand *random)
{
  double sum = -6;

  for (int i = 0; i < 12; i++)
    sum += g_rand_double (random);
  return CLAMP (sum, -MAX_LATENT, MAX_LATENT);
}

static void
paint_canvas (Canvas *canvas, GRand *random)
{
  const int rows = canvas->height / PATCH + 2, columns = canvas->width / PATCH + 2;
  g_autofree double *lattice = g_new (double, (gsize) (rows * columns));

  for (int c = 0; c < canvas->channels; c++)
    {
      for (int i = 0; i < rows * columns; i++)
        lattice[i] = draw_latent (random);
      for (int y = 0; y < canvas->height; y++)
        for (int x = 0; x < canvas->width; x++)
          {
            const double *corner = lattice + y / PATCH * columns + x / PATCH;
            double v = x < canvas->split ? 0 : (y % PATCH + 0.5) / PATCH,
                   u = x < canvas->split ? 0 : (x % PATCH + 0.5) / PATCH;
            double above = corner[0] * (1 - u) + corner[1] * u;
            double below = corner[columns] * (1 - u) + corner[columns + 1] * u;

            canvas->values[(y * canvas->width + x) * canvas->channels + c] = (float) (above * (1 - v) + below * v);
          }
    }
}

/* Not at a border, where the decoder mixes two colours. */
static gboolean
is_inside (const Canvas *canvas, int y, int x)
{
  if (x < canvas->split)
    return y % PATCH > 0 && y % PATCH < PATCH - 1 && x % PATCH > 0 && x % PATCH < PATCH - 1;
  return canvas->split == 0 || x > canvas->split;
}

/* The mean colour, 0..1, of the pixels that one latent became, as they are in the picture. */
static void
mean_colour (const GessoTensor *picture, const float *values, int factor, int y, int x, double *colour)
{
  const gint64 width = picture->shape.dim[2], channels = picture->shape.dim[3];

  for (int c = 0; c < 3; c++)
    {
      double sum = 0;

      for (int i = 0; i < factor; i++)
        for (int j = 0; j < factor; j++)
          {
            gint64 pixel = (gint64) (y * factor + i) * width + x * factor + j;
            double value = (double) values[pixel * channels + (channels == 3 ? c : 0)] / 2 + 0.5;

            sum += CLAMP (value, 0.0, 1.0);
          }
      colour[c] = sum / (factor * factor);
    }
}

/* Decodes the canvas and adds what is seen. */
static gboolean
look (GessoPipeline *pipeline, const Canvas *canvas, GessoColourSamples *samples, GessoMeter *meter,
      GCancellable *cancellable, GError **error)
{
  const GessoVaeConfig *vae = &pipeline->model->vae;
  const gsize n = (gsize) (canvas->height * canvas->width * canvas->channels);
  const int factor = gesso_model_vae_factor (pipeline->model);
  const GessoTensor *picture
      = g_ptr_array_index (gesso_parts_get_plan (pipeline->parts, GESSO_PART_DECODER)->outputs, 0);
  g_autofree float *scaled = gesso_try_alloc (n * sizeof (float), error);
  g_autofree float *values = NULL;

  if (!scaled)
    return FALSE;
  for (gsize i = 0; i < n; i++)
    scaled[i] = (float) (canvas->values[i] / vae->scaling_factor);
  values = gesso_run_part_to_host (pipeline, GESSO_PART_DECODER, scaled, meter, cancellable, error);
  if (!values || !gesso_values_are_finite (values, (gsize) gesso_shape_elements (&picture->shape)))
    return FALSE;
  for (int y = 0; y < canvas->height; y++)
    for (int x = 0; x < canvas->width; x++)
      if (is_inside (canvas, y, x))
        {
          double colour[3];

          mean_colour (picture, values, factor, y, x, colour);
          gesso_colour_samples_add (samples, canvas->values + (y * canvas->width + x) * canvas->channels, 1, colour);
        }
  gesso_meter_advance (meter, GESSO_STAGE_OPEN, gesso_part_seconds (pipeline, GESSO_PART_DECODER), NULL);
  return TRUE;
}

/* NULL with or without an error. */
static GessoColours *
fit (GessoPipeline *pipeline, const GessoJob *job, GessoMeter *meter, GCancellable *cancellable, GError **error)
{
  const int channels = pipeline->model->vae.latent_channels;
  const int wanted = 6 * (channels + 1); /* colours, for as many unknowns */
  g_auto (Canvas) canvas
      = { .height = MIN (SIDE, job->latent_height), .width = MIN (SIDE, job->latent_width), .channels = channels };
  g_autoptr (GessoColourSamples) samples = gesso_colour_samples_new (channels);
  g_autoptr (GRand) random = g_rand_new_with_seed (SEED);
  const int n_decodes = (wanted + canvas_colours (&canvas) - 1) / canvas_colours (&canvas);

  if (n_decodes > MAX_DECODES)
    return NULL;
  canvas.split = MIN (canvas.height, canvas.width) >= MIN_SPLIT ? canvas.width / 2 / PATCH * PATCH : 0;
  canvas.values = g_new (float, (gsize) (canvas.height * canvas.width * channels));
  if (!gesso_pipeline_plan_decoder (pipeline, canvas.height, canvas.width, TRUE, cancellable, error)
      || !gesso_parts_can_run (pipeline->parts, GESSO_PART_DECODER))
    return NULL;
  meter->total += n_decodes * gesso_part_seconds (pipeline, GESSO_PART_DECODER);
  for (int i = 0; i < n_decodes; i++)
    {
      paint_canvas (&canvas, random);
      if (!look (pipeline, &canvas, samples, meter, cancellable, error))
        return NULL;
    }
  return gesso_colour_samples_fit (samples);
}

gboolean
gesso_pipeline_fit_colours (GessoPipeline *pipeline, const GessoJob *job, GessoMeter *meter, GCancellable *cancellable,
                            GError **error)
{
  const int channels = pipeline->model->vae.latent_channels;
  g_autofree char *fingerprint = NULL;
  g_autoptr (GError) local = NULL;

  if (pipeline->colours || channels > GESSO_MAX_COLOUR_CHANNELS)
    return TRUE;
  fingerprint = gesso_vae_fingerprint (pipeline->model, NULL);
  if (fingerprint)
    pipeline->colours = gesso_colours_load (fingerprint, channels);
  if (pipeline->colours)
    return TRUE;

  pipeline->colours = fit (pipeline, job, meter, cancellable, &local);
  if (pipeline->colours && fingerprint)
    gesso_colours_save (pipeline->colours, fingerprint);
  if (g_error_matches (local, GESSO_ERROR, GESSO_ERROR_CANCELLED))
    {
      g_propagate_error (error, g_steal_pointer (&local));
      return FALSE;
    }
  if (!gesso_pipeline_plan_decoder (pipeline, job->latent_height, job->latent_width, FALSE, cancellable, error))
    return FALSE;
  gesso_parts_leave (pipeline->parts, GESSO_PART_DECODER);
  return TRUE;
}
