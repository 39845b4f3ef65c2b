/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Products are measured once and remembered: in a file that is read the next time, that other processes
 * may write as well, and that is distrusted. Time on the look-alike of the card is what its launches are pretended to
 * take.
 */

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/file.h>

#include <cuda.h>

#include "../unit/cpu/backend/fixture.h"
#include "cuda-under-test.h"
#include "emulated-driver.h"
#include "tuning-place.h"

/* Of the larger pictures' products cuBLASLt is pretended to be the quickest, of the smaller ones' our own kernels. */
#define LARGE 16
#define SMALL 3
#define CHANNELS 16
#define HEADS 8
#define QUERIES 160
#define KEYS 16
#define HEAD "gesso tuning 4\n"

static GBytes *
paint (int size, guint *n_calls)
{
  g_autoptr (GessoGraph) graph = fixture_graph (size, CHANNELS, 1);

  return tuning_paint (graph, 0, n_calls);
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
test_remembered (TuningPlace *place, gconstpointer data)
{
  guint measuring, remembering;
  g_autoptr (GBytes) first = paint (LARGE, &measuring);
  g_autofree char *text = tuning_place_read (place), *path = tuning_place_file (place), *again = NULL;
  g_autoptr (GBytes) second = paint (LARGE, &remembering);

  g_test_message ("%u and %u calls; %s:\n%s", measuring, remembering, path, text);
  g_assert_true (g_bytes_equal (first, second));
  g_assert_cmpuint (measuring, >, 4 * remembering);
  g_assert_nonnull (strstr (path, "Gesso-s-emulation-28-13000-cublaslt-130100"));
  g_assert_true (g_str_has_prefix (text, HEAD "Gesso's emulation 28 13000 cublaslt 130100\n"));
  /* The algorithm that is not the first that cuBLASLt names. */
  g_assert_nonnull (strstr (text, " cublaslt 4096 6765737361675f6c 1 "));
  g_assert_nonnull (strstr (text, " own "));
  again = tuning_place_read (place);
  g_assert_cmpstr (text, ==, again);
  check_close_to_untuned (first);
}

/* What is new is added. */
static void
test_added (TuningPlace *place, gconstpointer data)
{
  guint n;
  g_autoptr (GBytes) large = paint (LARGE, &n);
  g_autofree char *before = tuning_place_read (place);
  g_autoptr (GBytes) small = paint (SMALL, &n);
  g_autofree char *after = tuning_place_read (place);
  g_auto (GStrv) lines = g_strsplit (before, "\n", 0);

  g_assert_cmpuint (strlen (after), >, strlen (before));
  for (char **line = lines; *line; line++)
    if (!g_str_has_prefix (*line, "sum "))
      g_assert_nonnull (strstr (after, *line));
}

/* Paints by a file that is wrong; it is right again afterwards. */
static void
check_mended (const TuningPlace *place, const char *what, const char *right, GBytes *expected)
{
  guint n;
  g_autoptr (GBytes) painted = paint (LARGE, &n);
  g_autofree char *text = tuning_place_read (place);

  g_test_message ("%s", what);
  g_assert_true (g_bytes_equal (painted, expected));
  g_assert_cmpstr (text, ==, right);
}

static void
test_damaged (TuningPlace *place, gconstpointer data)
{
  guint n;
  g_autoptr (GBytes) expected = paint (LARGE, &n);
  g_autofree char *right = tuning_place_read (place), *path = tuning_place_file (place);
  g_autofree char *body = tuning_body_of (right);
  const gsize length = strlen (right);
  const struct
  {
    const char *what, *replaced, *with;
  } changes[] = {
    { "another card's", "Gesso's emulation 28", "Gesso's emulation 30" },
    { "another format", "tuning 4\n", "tuning 3\n" },
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
      g_autofree char *changed = tuning_replace (body, changes[i].replaced, changes[i].with);

      tuning_write_with_sum (path, changed);
      check_mended (place, changes[i].what, right, expected);
    }
}

static guint
count_lines (const char *text)
{
  g_auto (GStrv) lines = g_strsplit (text, "\n", 0);

  return g_strv_length (lines);
}

typedef struct
{
  guint n_calls;
  gint is_over;
} Painting;

static gpointer
paint_large (gpointer data)
{
  Painting *painting = data;

  g_bytes_unref (paint (LARGE, &painting->n_calls));
  g_atomic_int_set (&painting->is_over, TRUE);
  return NULL;
}

/* Paints by the file at `path`, for which another process writes `meanwhile` while it has the lock; what it is then. */
static char *
paint_while_locked (const TuningPlace *place, const char *path, const char *meanwhile)
{
  g_autofree char *lock_path = g_strconcat (path, ".lock", NULL);
  const int lock = g_open (lock_path, O_RDWR | O_CREAT, 0600);
  Painting painting = { 0 };
  guint seen = 0, before;
  GThread *thread;

  g_assert_cmpint (flock (lock, LOCK_EX), ==, 0);
  thread = g_thread_new ("painting", paint_large, &painting);
  /* Until it is done, or waits for the lock. */
  do
    {
      before = seen;
      g_usleep (G_USEC_PER_SEC / 2);
      seen = emulated_driver ()->calls ();
    }
  while (seen != before && !g_atomic_int_get (&painting.is_over));
  g_assert_true (g_file_set_contents (path, meanwhile, -1, NULL));
  g_assert_true (g_close (lock, NULL));
  g_thread_join (thread);
  return tuning_place_read (place);
}

/* What another process writes meanwhile is neither lost nor loses anything. */
static void
test_locked (TuningPlace *place, gconstpointer data)
{
  guint n;
  g_autoptr (GBytes) small = paint (SMALL, &n);
  g_autofree char *theirs = tuning_place_read (place), *path = tuning_place_file (place), *both = NULL;
  g_auto (GStrv) lines = g_strsplit (theirs, "\n", 0);

  g_assert_cmpint (g_remove (path), ==, 0);
  both = paint_while_locked (place, path, theirs);
  g_assert_cmpuint (count_lines (both), >, count_lines (theirs));
  for (char **line = lines; *line; line++)
    if (!g_str_has_prefix (*line, "sum "))
      g_assert_nonnull (strstr (both, *line));
}

/* Nor is it where something in the file cannot be gone: only that is replaced. */
static void
test_refused_alone (TuningPlace *place, gconstpointer data)
{
  guint n;
  g_autoptr (GBytes) large = paint (LARGE, &n), small = NULL;
  g_autofree char *of_large = tuning_place_read (place), *path = tuning_place_file (place),
                  *body = tuning_body_of (of_large);
  g_autofree char *wrong = tuning_replace (body, " cublaslt 4096 ", " cublaslt 16 ");
  g_autofree char *of_both = NULL, *body_of_both = NULL, *wrong_of_both = NULL, *written = NULL, *mended = NULL;

  small = paint (SMALL, &n);
  of_both = tuning_place_read (place);
  body_of_both = tuning_body_of (of_both);
  wrong_of_both = tuning_replace (body_of_both, " cublaslt 4096 ", " cublaslt 16 ");
  tuning_write_with_sum (path, wrong_of_both);
  written = tuning_place_read (place);
  tuning_write_with_sum (path, wrong);
  mended = paint_while_locked (place, path, written);
  g_assert_cmpstr (mended, ==, of_both);
}

/* Launches are recorded to be timed; where they cannot be, the same is found out without. */
static void
test_not_recorded (TuningPlace *place, gconstpointer data)
{
  guint n;
  g_autoptr (GBytes) expected = paint (LARGE, &n), painted = NULL;
  g_autofree char *right = tuning_place_read (place), *path = tuning_place_file (place), *text = NULL;

  g_assert_cmpint (g_remove (path), ==, 0);
  emulated_driver ()->refuse ("cuStreamBeginCapture", CUDA_ERROR_NOT_SUPPORTED);
  painted = paint (LARGE, &n);
  g_assert_cmpuint (emulated_driver ()->refused (), >, 3);
  emulated_driver ()->refuse (NULL, 0);
  text = tuning_place_read (place);
  g_assert_cmpstr (text, ==, right);
  g_assert_true (g_bytes_equal (painted, expected));
}

/* The bands of an operation, of which the first and the last see an edge and the last is shorter, go one way. */
static void
test_bands (TuningPlace *place, gconstpointer data)
{
  guint n;
  g_autoptr (GBytes) painted = NULL;
  g_autoptr (GessoGraph) graph = fixture_graph (LARGE + 1, CHANNELS, 1);
  g_autofree char *text = NULL;

  painted = tuning_paint (graph, (gsize) 5 * (LARGE + 1) * CHANNELS * 2, &n);
  text = tuning_place_read (place);
  g_test_message ("%s", text);
  /* Two lines of head, one for each of three products, the sum, and nothing behind it. */
  g_assert_cmpuint (count_lines (text), ==, 2 + 3 + 1 + 1);
}

/* A norm and a 1x1 convolution of `height` pixels above one another. */
static GessoGraph *
column_graph (int height)
{
  GessoGraph *graph = gesso_graph_new ("column");
  GessoTensor *x = gesso_graph_input (graph, "x", GESSO_DTYPE_COMPUTE, GESSO_SHAPE4 (1, height, 1, CHANNELS));

  x = gesso_graph_group_norm (graph, x, gesso_graph_weight (graph, "gamma", GESSO_SHAPE1 (CHANNELS)),
                              gesso_graph_weight (graph, "beta", GESSO_SHAPE1 (CHANNELS)), 4, 1e-5f);
  x = gesso_graph_conv2d (graph, x, gesso_graph_weight (graph, "weight", GESSO_SHAPE4 (CHANNELS, CHANNELS, 1, 1)), NULL,
                          (GessoConvGeometry) { 1, 0, 0, 0, 0 });
  gesso_graph_output (graph, x, "y");
  g_assert_true (gesso_graph_finish (graph, NULL));
  return graph;
}

/* The look-alike of cuBLASLt does not multiply a single row. So none of the bands goes through it where the last is
 * one, and all do where that has two; by rule of thumb too. */
static void
test_short_band (TuningPlace *place, gconstpointer data)
{
  for (int height = 7; height <= 8; height++)
    for (int measured = 0; measured < 2; measured++)
      {
        g_autoptr (GessoGraph) graph = column_graph (height);
        g_autoptr (GBytes) whole = NULL, in_bands = NULL;
        guint n;

        g_setenv ("GESSO_CUDA_TUNING", measured ? place->folder : "off", TRUE);
        whole = tuning_paint (graph, 0, &n);
        in_bands = tuning_paint (graph, (gsize) 3 * CHANNELS * 2, &n);
        fixture_assert_close ("bands", g_bytes_get_data (in_bands, NULL), g_bytes_get_data (whole, NULL),
                              g_bytes_get_size (whole) / sizeof (float), 2e-3);
      }
}

/* Three layers of one input of `rows` rows. */
static GessoGraph *
group_graph (int rows)
{
  GessoGraph *graph = gesso_graph_new ("group");
  GessoTensor *x = gesso_graph_input (graph, "x", GESSO_DTYPE_COMPUTE, GESSO_SHAPE2 (rows, CHANNELS));

  for (const char *const *name = (const char *const[]) { "q", "k", "v", NULL }; *name; name++)
    gesso_graph_output (
        graph,
        gesso_graph_linear (graph, x, gesso_graph_weight (graph, *name, GESSO_SHAPE2 (CHANNELS, CHANNELS)), NULL),
        *name);
  g_assert_true (gesso_graph_finish (graph, NULL));
  return graph;
}

/* They are one product: small ones in a launch of ours, of the larger ones each through cuBLASLt. */
static void
test_group (TuningPlace *place, gconstpointer data)
{
  static const struct
  {
    int rows;
    const char *entry;
  } groups[] = { { 16, "\nproduct 1 3 16 16 16 0 0 0 0 0 1 1 16 1 1 1 1 1 1 1 0 0 own " },
                 { 512, "\nproduct 1 3 512 512 16 0 0 0 0 0 1 1 16 1 1 1 1 1 1 1 0 0 cublaslt 4096 " } };

  for (gsize i = 0; i < G_N_ELEMENTS (groups); i++)
    {
      g_autoptr (GessoGraph) graph = group_graph (groups[i].rows);
      guint measuring, remembering;
      g_autoptr (GBytes) first = tuning_paint (graph, 0, &measuring);
      g_autofree char *text = tuning_place_read (place);
      g_autoptr (GBytes) second = tuning_paint (graph, 0, &remembering);

      g_test_message ("%s", text);
      g_assert_true (g_bytes_equal (first, second));
      g_assert_cmpuint (measuring, >, 4 * remembering);
      g_assert_nonnull (strstr (text, groups[i].entry));
      /* Two lines of head, one for each group, the sum, and nothing behind it. */
      g_assert_cmpuint (count_lines (text), ==, 2 + (guint) i + 1 + 1 + 1);
    }
}

/* Neither read nor written, and the same every time. */
static void
test_off (TuningPlace *place, gconstpointer data)
{
  g_autoptr (GBytes) first = NULL, second = NULL;
  guint n;

  g_setenv ("GESSO_CUDA_TUNING", "off", TRUE);
  first = paint (LARGE, &n);
  second = paint (LARGE, &n);
  g_assert_true (g_bytes_equal (first, second));
  g_assert_null (tuning_place_file (place));
}

/* Without cuBLASLt the tiles are measured all the same, and kept apart from what holds with it. */
static void
test_own_products (TuningPlace *place, gconstpointer data)
{
  g_autofree char *library = g_strdup (g_getenv ("GESSO_CUBLASLT")), *text = NULL;
  g_autoptr (GBytes) painted = NULL;
  guint n;

  g_setenv ("GESSO_CUBLASLT", "none", TRUE);
  painted = paint (LARGE, &n);
  g_setenv ("GESSO_CUBLASLT", library, TRUE);
  text = tuning_place_read (place);
  g_assert_true (g_str_has_prefix (text, HEAD "Gesso's emulation 28 13000 cublaslt 0\n"));
  g_assert_null (strstr (text, " cublaslt 4096 "));
  g_assert_nonnull (strstr (text, " own "));
}

/* A load that is cancelled while it measures can be done again. */
static void
test_cancelled (TuningPlace *place, gconstpointer data)
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
  g_assert_null (tuning_place_file (place));
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
    void (*test) (TuningPlace *place, gconstpointer data);
  } tests[] = {
    { "/cuda/tuning/remembered", test_remembered },     { "/cuda/tuning/added", test_added },
    { "/cuda/tuning/damaged", test_damaged },           { "/cuda/tuning/off", test_off },
    { "/cuda/tuning/own-products", test_own_products }, { "/cuda/tuning/cancelled", test_cancelled },
    { "/cuda/tuning/refused", test_refused_alone },     { "/cuda/tuning/locked", test_locked },
    { "/cuda/tuning/not-recorded", test_not_recorded }, { "/cuda/tuning/bands", test_bands },
    { "/cuda/tuning/short-band", test_short_band },     { "/cuda/tuning/group", test_group },
  };

  g_test_init (&argc, &argv, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (tests); i++)
    g_test_add (tests[i].path, TuningPlace, NULL, tuning_place_set_up, tests[i].test, tuning_place_tear_down);
  return g_test_run ();
}
