/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "colours.h"

#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

#include "model/json.h"

#define VERSION 1        /* of the file */
#define MAX_FACTOR 100.0 /* no decoder turns a latent of 1 into a hundred times white */
#define RIDGE 1e-3       /* of the samples' own weight: keeps directions that were not seen near zero */

#define MAX_TERMS (GESSO_MAX_COLOUR_CHANNELS + 1) /* the channels, and 1 */

/* Sums of products: [term][term] of the latents, [term][3] of latents with colours. */
struct _GessoColourSamples
{
  int channels;
  double n;
  double normal[MAX_TERMS][MAX_TERMS];
  double right[MAX_TERMS][3];
};

void
gesso_colours_table (const GessoColours *colours, int channels, float *table)
{
  for (int c = 0; c < 3; c++)
    {
      float *row = table + c * (channels + 1);

      for (int i = 0; i < channels; i++)
        row[i] = colours ? (float) colours->factor[c][i] : 0.25f / (float) channels;
      row[channels] = colours ? (float) colours->offset[c] : 0.5f;
    }
}

GessoColourSamples *
gesso_colour_samples_new (int channels)
{
  GessoColourSamples *samples = g_new0 (GessoColourSamples, 1);

  samples->channels = MIN (channels, GESSO_MAX_COLOUR_CHANNELS);
  return samples;
}

void
gesso_colour_samples_free (GessoColourSamples *samples)
{
  g_free (samples);
}

void
gesso_colour_samples_add (GessoColourSamples *self, const float *latent, gsize stride, const double *colour)
{
  double terms[MAX_TERMS];
  const int n = self->channels + 1;

  for (int i = 0; i < self->channels; i++)
    terms[i] = (double) latent[(gsize) i * stride];
  terms[self->channels] = 1;
  for (int i = 0; i < n; i++)
    {
      for (int j = 0; j < n; j++)
        self->normal[i][j] += terms[i] * terms[j];
      for (int c = 0; c < 3; c++)
        self->right[i][c] += terms[i] * colour[c];
    }
  self->n += 1;
}

/* Solves normal * x = right in place by elimination with pivots; FALSE where it is singular. */
static gboolean
solve (double normal[MAX_TERMS][MAX_TERMS], double right[MAX_TERMS][3], int n)
{
  for (int k = 0; k < n; k++)
    {
      int pivot = k;

      for (int i = k + 1; i < n; i++)
        if (fabs (normal[i][k]) > fabs (normal[pivot][k]))
          pivot = i;
      if (!(fabs (normal[pivot][k]) > 1e-12))
        return FALSE;
      for (int j = 0; pivot != k && j < n; j++)
        {
          double value = normal[k][j];

          normal[k][j] = normal[pivot][j];
          normal[pivot][j] = value;
        }
      for (int c = 0; pivot != k && c < 3; c++)
        {
          double value = right[k][c];

          right[k][c] = right[pivot][c];
          right[pivot][c] = value;
        }
      for (int i = 0; i < n; i++)
        {
          double factor = normal[i][k] / normal[k][k];

          if (i == k)
            continue;
          for (int j = k; j < n; j++)
            normal[i][j] -= factor * normal[k][j];
          for (int c = 0; c < 3; c++)
            right[i][c] -= factor * right[k][c];
        }
    }
  for (int i = 0; i < n; i++)
    for (int c = 0; c < 3; c++)
      right[i][c] /= normal[i][i];
  return TRUE;
}

static gboolean
is_credible (const GessoColours *colours)
{
  for (int c = 0; c < 3; c++)
    {
      if (!(fabs (colours->offset[c]) <= MAX_FACTOR))
        return FALSE;
      for (int i = 0; i < colours->channels; i++)
        if (!(fabs (colours->factor[c][i]) <= MAX_FACTOR))
          return FALSE;
    }
  return TRUE;
}

GessoColours *
gesso_colour_samples_fit (const GessoColourSamples *samples)
{
  g_autofree GessoColourSamples *work = g_memdup2 (samples, sizeof *samples);
  g_autofree GessoColours *colours = g_new0 (GessoColours, 1);
  const int channels = samples->channels;

  for (int i = 0; i < channels; i++)
    work->normal[i][i] += RIDGE * samples->n;
  if (samples->n < 1 || !solve (work->normal, work->right, channels + 1))
    return NULL;
  colours->channels = channels;
  for (int c = 0; c < 3; c++)
    {
      for (int i = 0; i < channels; i++)
        colours->factor[c][i] = work->right[i][c];
      colours->offset[c] = work->right[channels][c];
    }
  return is_credible (colours) ? g_steal_pointer (&colours) : NULL;
}

static char *
cache_path (const char *fingerprint)
{
  g_autofree char *name = g_strconcat (fingerprint, ".json", NULL);

  return g_build_filename (g_get_user_cache_dir (), "gesso", "previews", name, NULL);
}

/* A list of `n` numbers, the member `name`. */
static gboolean
read_numbers (JsonObject *object, const char *name, guint n, double *values)
{
  JsonNode *node = json_object_get_member (object, name);
  JsonArray *array = node && JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;

  if (!array || json_array_get_length (array) != n)
    return FALSE;
  for (guint i = 0; i < n; i++)
    {
      JsonNode *number = json_array_get_element (array, i);

      if (!gesso_json_is_number (number))
        return FALSE;
      values[i] = json_node_get_double (number);
    }
  return TRUE;
}

GessoColours *
gesso_colours_load (const char *fingerprint, int channels)
{
  static const char *const names[] = { "red", "green", "blue" };
  g_autofree char *path = cache_path (fingerprint);
  g_autofree GessoColours *colours = g_new0 (GessoColours, 1);
  g_autoptr (JsonNode) root = gesso_json_read (path, NULL, NULL);
  JsonObject *object = root ? json_node_get_object (root) : NULL;
  double version = 0;

  if (!object || channels > GESSO_MAX_COLOUR_CHANNELS || !read_numbers (object, "version", 1, &version)
      || version != VERSION || !read_numbers (object, "offset", 3, colours->offset))
    return NULL;
  colours->channels = channels;
  for (int c = 0; c < 3; c++)
    if (!read_numbers (object, names[c], (guint) channels, colours->factor[c]))
      return NULL;
  return is_credible (colours) ? g_steal_pointer (&colours) : NULL;
}

static void
append_numbers (GString *text, const char *name, const double *values, int n)
{
  g_string_append_printf (text, "  \"%s\": [", name);
  for (int i = 0; i < n; i++)
    {
      char number[G_ASCII_DTOSTR_BUF_SIZE];

      g_string_append_printf (text, "%s%s", i ? ", " : "", g_ascii_dtostr (number, sizeof number, values[i]));
    }
  g_string_append (text, "]");
}

void
gesso_colours_save (const GessoColours *colours, const char *fingerprint)
{
  g_autofree char *path = cache_path (fingerprint);
  g_autofree char *folder = g_path_get_dirname (path);
  g_autoptr (GString) text = g_string_new ("{\n");
  const double version = VERSION;

  append_numbers (text, "version", &version, 1);
  g_string_append (text, ",\n");
  append_numbers (text, "offset", colours->offset, 3);
  g_string_append (text, ",\n");
  append_numbers (text, "red", colours->factor[0], colours->channels);
  g_string_append (text, ",\n");
  append_numbers (text, "green", colours->factor[1], colours->channels);
  g_string_append (text, ",\n");
  append_numbers (text, "blue", colours->factor[2], colours->channels);
  g_string_append (text, "\n}\n");
  if (g_mkdir_with_parents (folder, 0700) == 0)
    g_file_set_contents (path, text->str, (gssize) text->len, NULL);
}
