/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "tuning-place.h"

#include <glib/gstdio.h>
#include <string.h>

#include "../unit/cpu/backend/fixture.h"
#include "cuda-under-test.h"
#include "emulated-driver.h"

void
tuning_place_set_up (TuningPlace *place, gconstpointer data)
{
  place->folder = g_dir_make_tmp ("gesso-tuning-XXXXXX", NULL);
  g_assert_nonnull (place->folder);
  g_setenv ("GESSO_CUDA_TUNING", place->folder, TRUE);
}

char *
tuning_place_file (const TuningPlace *place)
{
  g_autoptr (GDir) dir = g_dir_open (place->folder, 0, NULL);
  char *found = NULL;

  for (const char *name; (name = g_dir_read_name (dir));)
    if (!g_str_has_suffix (name, ".lock"))
      {
        g_assert_null (found);
        found = g_build_filename (place->folder, name, NULL);
      }
  return found;
}

char *
tuning_place_read (const TuningPlace *place)
{
  g_autofree char *path = tuning_place_file (place);
  char *text;

  g_assert_nonnull (path);
  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  return text;
}

void
tuning_place_tear_down (TuningPlace *place, gconstpointer data)
{
  g_autofree char *path = tuning_place_file (place), *lock = path ? g_strconcat (path, ".lock", NULL) : NULL;

  if (path)
    {
      g_assert_cmpint (g_remove (path), ==, 0);
      g_assert_cmpint (g_remove (lock), ==, 0);
    }
  g_assert_cmpint (g_rmdir (place->folder), ==, 0);
  g_free (place->folder);
  g_assert_cmpint (emulated_driver ()->leaks (), ==, 0);
}

GBytes *
tuning_paint (const GessoGraph *graph, gsize band_bytes, guint *n_calls)
{
  GessoBackend *backend = cuda_under_test ();
  const guint before = emulated_driver ()->calls ();
  GessoPlanOptions options;
  Fixture *fixture;
  float *values;
  gsize n;

  backend->plan_options (backend, GESSO_PRECISION_F16, band_bytes > 0, &options);
  options.max_norm_band_bytes = band_bytes;
  fixture = fixture_new (backend, graph, &options, NULL);
  fixture_must_bind (fixture);
  fixture_must_load (fixture);
  fixture_must_run (fixture);
  values = fixture_output (fixture, 0, &n);
  fixture_free (fixture);
  *n_calls = emulated_driver ()->calls () - before;
  backend->free (backend);
  return g_bytes_new_take (values, n * sizeof *values);
}

char *
tuning_body_of (const char *text)
{
  return g_strndup (text, (gsize) (strstr (text, "sum ") - text));
}

void
tuning_write_with_sum (const char *path, const char *text)
{
  g_autofree char *sum = g_compute_checksum_for_string (G_CHECKSUM_SHA256, text, -1);
  g_autofree char *all = g_strconcat (text, "sum ", sum, "\n", NULL);

  g_assert_true (g_file_set_contents (path, all, -1, NULL));
}

char *
tuning_replace (const char *text, const char *what, const char *with)
{
  GString *changed = g_string_new (text);

  g_assert_cmpuint (g_string_replace (changed, what, with, 0), >, 0);
  return g_string_free (changed, FALSE);
}
