/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Products are measured once and remembered: in a file that is read the next time, that other processes may write as
 * well, and that is distrusted. Time on the look-alike of the card is what its launches are pretended to take.
 */

#include <glib/gstdio.h>
#include <string.h>

#include "../unit/cpu/backend/fixture.h"
#include "cuda-under-test.h"
#include "emulated-driver.h"

/* Of the larger pictures' products cuBLASLt is pretended to be the quickest, of the smaller ones' our own kernels. */
#define LARGE 16
#define SMALL 3
#define CHANNELS 16
#define HEAD "gesso tuning 1\n"

typedef struct
{
  char *folder;
} Place;

static void
place_set_up (Place *place, gconstpointer data)
{
  place->folder = g_dir_make_tmp ("gesso-tuning-XXXXXX", NULL);
  g_assert_nonnull (place->folder);
  g_setenv ("GESSO_CUDA_TUNING", place->folder, TRUE);
}

/* The only file; NULL where there is none. */
static char *
find_file (const Place *place)
{
  g_autoptr (GDir) dir = g_dir_open (place->folder, 0, NULL);
  const char *name = g_dir_read_name (dir);

  g_assert_null (name ? g_dir_read_name (dir) : NULL);
  return name ? g_build_filename (place->folder, name, NULL) : NULL;
}

static char *
read_file (const Place *place)
{
  g_autofree char *path = find_file (place);
  char *text;

  g_assert_nonnull (path);
  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  return text;
}

static void
place_tear_down (Place *place, gconstpointer data)
{
  g_autofree char *path = find_file (place);

  if (path)
    g_assert_cmpint (g_remove (path), ==, 0);
  g_assert_cmpint (g_rmdir (place->folder), ==, 0);
  g_free (place->folder);
  g_assert_cmpint (emulated_driver ()->leaks (), ==, 0);
}

/* A backend's whole life with one program; the first output, and how many calls of the driver that took. */
static GBytes *
paint (int size, guint *n_calls)
{
  GessoBackend *backend = cuda_under_test ();
  g_autoptr (GessoGraph) graph = fixture_graph (size, CHANNELS, 1);
  const guint before = emulated_driver ()->calls ();
  GessoPlanOptions options;
  Fixture *fixture;
  float *values;
  gsize n;

  backend->plan_options (backend, GESSO_PRECISION_F16, FALSE, &options);
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

/* With other sums than those of the rule of thumb, and so nearly what it gives. */
static void
check_close_to_untuned (GBytes *painted)
{
  g_autofree char *folder = g_strdup (g_getenv ("GESSO_CUDA_TUNING"));
  g_autoptr (GBytes) expected = NULL;
  guint n;

  g_setenv ("GESSO_CUDA_TUNING", "off", TRUE);
  expected = paint (LARGE, &n);
  g_setenv ("GESSO_CUDA_TUNING", folder, TRUE);
  g_assert_cmpuint (g_bytes_get_size (painted), ==, g_bytes_get_size (expected));
  fixture_assert_close ("measured", g_bytes_get_data (painted, NULL), g_bytes_get_data (expected, NULL),
                        g_bytes_get_size (painted) / sizeof (float), 2e-3);
}

static void
test_remembered (Place *place, gconstpointer data)
{
  guint measuring, remembering;
  g_autoptr (GBytes) first = paint (LARGE, &measuring);
  g_autofree char *text = read_file (place), *path = find_file (place), *again = NULL;
  g_autoptr (GBytes) second = paint (LARGE, &remembering);

  g_test_message ("%u and %u calls; %s:\n%s", measuring, remembering, path, text);
  g_assert_true (g_bytes_equal (first, second));
  g_assert_cmpuint (measuring, >, 4 * remembering);
  g_assert_nonnull (strstr (path, "Gesso-s-emulation-28-13000-cublaslt-130100"));
  g_assert_true (g_str_has_prefix (text, HEAD "Gesso's emulation 28 13000 cublaslt 130100\n"));
  /* The algorithm that is not the first that cuBLASLt names. */
  g_assert_nonnull (strstr (text, " cublaslt 4096 6765737361675f6c 1 "));
  g_assert_nonnull (strstr (text, " own "));
  again = read_file (place);
  g_assert_cmpstr (text, ==, again);
  check_close_to_untuned (first);
}

/* What is new is added. */
static void
test_added (Place *place, gconstpointer data)
{
  guint n;
  g_autoptr (GBytes) large = paint (LARGE, &n);
  g_autofree char *before = read_file (place);
  g_autoptr (GBytes) small = paint (SMALL, &n);
  g_autofree char *after = read_file (place);
  g_auto (GStrv) lines = g_strsplit (before, "\n", 0);

  g_assert_cmpuint (strlen (after), >, strlen (before));
  for (char **line = lines; *line; line++)
    if (!g_str_has_prefix (*line, "sum "))
      g_assert_nonnull (strstr (after, *line));
}

/* Writes `text` with the sum that goes with it. */
static void
write_with_sum (const char *path, const char *text)
{
  g_autofree char *sum = g_compute_checksum_for_string (G_CHECKSUM_SHA256, text, -1);
  g_autofree char *all = g_strconcat (text, "sum ", sum, "\n", NULL);

  g_assert_true (g_file_set_contents (path, all, -1, NULL));
}

static char *
replace (const char *text, const char *what, const char *with)
{
  GString *changed = g_string_new (text);

  g_assert_cmpuint (g_string_replace (changed, what, with, 0), >, 0);
  return g_string_free (changed, FALSE);
}

/* Paints by a file that is wrong; it is right again afterwards. */
static void
check_mended (const Place *place, const char *what, const char *right, GBytes *expected)
{
  guint n;
  g_autoptr (GBytes) painted = paint (LARGE, &n);
  g_autofree char *text = read_file (place);

  g_test_message ("%s", what);
  g_assert_true (g_bytes_equal (painted, expected));
  g_assert_cmpstr (text, ==, right);
}

static void
test_damaged (Place *place, gconstpointer data)
{
  guint n;
  g_autoptr (GBytes) expected = paint (LARGE, &n);
  g_autofree char *right = read_file (place), *path = find_file (place);
  g_autofree char *body = g_strndup (right, (gsize) (strstr (right, "sum ") - right));
  const gsize length = strlen (right);
  const struct
  {
    const char *what, *replaced, *with;
  } changes[] = {
    { "another card's", "Gesso's emulation 28", "Gesso's emulation 30" },
    { "another format", "tuning 1\n", "tuning 2\n" },
    { "a tile that there is not", " own 1 ", " own 7 " },
    { "parts that there cannot be", " own 1 1\n", " own 1 60\n" },
    { "no number", " own 1 ", " own two " },
    { "too many numbers", " own 1 ", " own 1 1 " },
    { "a way that there is not", " own ", " theirs " },
    { "another algorithm", " 6765737361675f6c 1 ", " 6765737361675f6c 9 " },
    { "too much workspace", " cublaslt 4096 ", " cublaslt 999999999 " },
    { "too little workspace", " cublaslt 4096 ", " cublaslt 16 " },
  };

  for (gsize i = 0; i < length; i += 61)
    {
      g_autofree char *cut = g_strndup (right, i), *flipped = g_strdup (right);

      g_assert_true (g_file_set_contents (path, cut, -1, NULL));
      check_mended (place, "cut short", right, expected);
      flipped[i] ^= 4;
      g_assert_true (g_file_set_contents (path, flipped, (gssize) length, NULL));
      check_mended (place, "a bit flipped", right, expected);
    }
  for (gsize i = 0; i < G_N_ELEMENTS (changes); i++)
    {
      g_autofree char *changed = replace (body, changes[i].replaced, changes[i].with);

      write_with_sum (path, changed);
      check_mended (place, changes[i].what, right, expected);
    }
}

/* Neither read nor written, and the same every time. */
static void
test_off (Place *place, gconstpointer data)
{
  g_autoptr (GBytes) first = NULL, second = NULL;
  guint n;

  g_setenv ("GESSO_CUDA_TUNING", "off", TRUE);
  first = paint (LARGE, &n);
  second = paint (LARGE, &n);
  g_assert_true (g_bytes_equal (first, second));
  g_assert_null (find_file (place));
}

/* Without cuBLASLt the tiles are measured all the same, and kept apart from what holds with it. */
static void
test_own_products (Place *place, gconstpointer data)
{
  g_autofree char *library = g_strdup (g_getenv ("GESSO_CUBLASLT")), *text = NULL;
  g_autoptr (GBytes) painted = NULL;
  guint n;

  g_setenv ("GESSO_CUBLASLT", "none", TRUE);
  painted = paint (LARGE, &n);
  g_setenv ("GESSO_CUBLASLT", library, TRUE);
  text = read_file (place);
  g_assert_true (g_str_has_prefix (text, HEAD "Gesso's emulation 28 13000 cublaslt 0\n"));
  g_assert_null (strstr (text, " cublaslt 4096 "));
  g_assert_nonnull (strstr (text, " own "));
}

/* A load that is cancelled while it measures can be done again. */
static void
test_cancelled (Place *place, gconstpointer data)
{
  GessoBackend *backend = cuda_under_test ();
  g_autoptr (GessoGraph) graph = fixture_graph (LARGE, CHANNELS, 1);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  GessoPlanOptions options;
  Fixture *fixture;

  backend->plan_options (backend, GESSO_PRECISION_F16, FALSE, &options);
  fixture = fixture_new (backend, graph, &options, NULL);
  g_cancellable_cancel (cancellable);
  g_assert_false (backend->load (backend, fixture->program, NULL, NULL, cancellable, &error));
  g_assert_error (error, GESSO_ERROR, GESSO_ERROR_CANCELLED);
  g_assert_null (find_file (place));
  fixture_must_bind (fixture);
  fixture_must_load (fixture);
  fixture_must_run (fixture);
  fixture_free (fixture);
  backend->free (backend);
}

int
main (int argc, char **argv)
{
  static const struct
  {
    const char *path;
    void (*test) (Place *place, gconstpointer data);
  } tests[] = {
    { "/cuda/tuning/remembered", test_remembered },     { "/cuda/tuning/added", test_added },
    { "/cuda/tuning/damaged", test_damaged },           { "/cuda/tuning/off", test_off },
    { "/cuda/tuning/own-products", test_own_products }, { "/cuda/tuning/cancelled", test_cancelled },
  };

  g_test_init (&argc, &argv, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (tests); i++)
    g_test_add (tests[i].path, Place, NULL, place_set_up, tests[i].test, place_tear_down);
  return g_test_run ();
}
