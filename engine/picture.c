/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "picture.h"

#include <json-glib/json-glib.h>
#include <math.h>
#include <string.h>

struct _GessoPicture
{
  gatomicrefcount ref_count;
  int width;
  int height;
  guint64 seed;
  GBytes *pixels;
  char *parameters;
};

GessoPicture *
gesso_picture_ref (GessoPicture *picture)
{
  g_atomic_ref_count_inc (&picture->ref_count);
  return picture;
}

void
gesso_picture_unref (GessoPicture *picture)
{
  if (!g_atomic_ref_count_dec (&picture->ref_count))
    return;
  g_bytes_unref (picture->pixels);
  g_free (picture->parameters);
  g_free (picture);
}

G_DEFINE_BOXED_TYPE (GessoPicture, gesso_picture, gesso_picture_ref, gesso_picture_unref)

int
gesso_picture_get_width (const GessoPicture *picture)
{
  return picture->width;
}

int
gesso_picture_get_height (const GessoPicture *picture)
{
  return picture->height;
}

guint64
gesso_picture_get_seed (const GessoPicture *picture)
{
  return picture->seed;
}

GBytes *
gesso_picture_get_pixels (const GessoPicture *picture)
{
  return picture->pixels;
}

const char *
gesso_picture_get_parameters (const GessoPicture *picture)
{
  return picture->parameters;
}

gboolean
gesso_values_are_finite (const float *values, gsize n)
{
  for (gsize i = 0; i < n; i++)
    if (!isfinite (values[i]))
      return FALSE;
  return TRUE;
}

float *
gesso_picture_colours (int channels)
{
  float *colours = g_new0 (float, 3 * (gsize) (channels + 1));

  for (int c = 0; c < 3; c++)
    {
      float *row = colours + c * (channels + 1);

      row[channels == 3 ? c : 0] = row[channels] = 0.5f;
    }
  return colours;
}

GessoPicture *
gesso_picture_new (guint8 *pixels, int width, int height, guint64 seed, char *parameters)
{
  GessoPicture *picture = g_new0 (GessoPicture, 1);

  g_atomic_ref_count_init (&picture->ref_count);
  picture->width = width;
  picture->height = height;
  picture->seed = seed;
  picture->pixels = g_bytes_new_take (pixels, (gsize) width * (gsize) height * 3);
  picture->parameters = parameters;
  return picture;
}

/* What would be read as more than one value is quoted as JSON, as the programs that read this text write it. */
static char *
parameter_value (const char *value)
{
  g_autoptr (JsonNode) node = NULL;

  if (!strpbrk (value, ",:\n"))
    return g_strdup (value);
  node = json_node_init_string (json_node_alloc (), value);
  return json_to_string (node, FALSE);
}

char *
gesso_parameters_text (const GessoRequest *request, const char *sampler, int width, int height, guint64 seed,
                       const char *model)
{
  GString *text = g_string_new (request->prompt);
  g_autofree char *quoted = parameter_value (model);
  char guidance[G_ASCII_DTOSTR_BUF_SIZE];

  if (request->negative_prompt && request->negative_prompt[0])
    g_string_append_printf (text, "\nNegative prompt: %s", request->negative_prompt);
  g_ascii_formatd (guidance, sizeof guidance, "%.6g", request->guidance);
  g_string_append_printf (
      text, "\nSteps: %d, Sampler: %s, CFG scale: %s, Seed: %" G_GUINT64_FORMAT ", Size: %dx%d, Model: %s, Version: %s",
      request->steps, sampler, guidance, seed, width, height, quoted, gesso_version ());
  return g_string_free (text, FALSE);
}
