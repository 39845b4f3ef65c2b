/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Ways of attention are measured and remembered as products' are (test-cuda-tuning.c), but where nothing is known of
 * them they go by rule of thumb, and the picture is the same to the bit.
 */

#include <string.h>

#include "../unit/cpu/backend/fixture.h"
#include "emulated-driver.h"
#include "tuning-place.h"

#define PICTURES 4
#define HEADS 8
#define QUERIES 160
#define KEYS 16

static const char entry[] = "\nattention 1 4 160 16 8 40 320 320 1 0 queries 128 32\n";

/* Attention with heads of 40, of pictures enough for the larger blocks. */
static GessoGraph *
attention_graph (void)
{
  GessoGraph *graph = gesso_graph_new ("attention");
  GessoTensor *q = gesso_graph_input (graph, "q", GESSO_DTYPE_COMPUTE, GESSO_SHAPE3 (PICTURES, QUERIES, HEADS * 40));
  GessoTensor *k = gesso_graph_input (graph, "k", GESSO_DTYPE_COMPUTE, GESSO_SHAPE3 (PICTURES, KEYS, HEADS * 40));

  gesso_graph_output (graph, gesso_graph_attention (graph, q, k, k, HEADS, 0.2f, FALSE), "y");
  g_assert_true (gesso_graph_finish (graph, NULL));
  return graph;
}

/* How often its one attention goes the rule of thumb's way, and by warps of 32 queries, which are fewer threads. */
static GBytes *
paint_attention (const GessoGraph *graph, guint *by_thumb, guint *by_32)
{
  const EmulatedDriver *driver = emulated_driver ();
  const guint before = driver->launched ("attention_40x128_f16");
  const guint before_by_32 = driver->launched ("attention_40x128_by_32_f16");
  guint n;
  GBytes *painted = tuning_paint (graph, 0, &n);

  *by_thumb = driver->launched ("attention_40x128_f16") - before;
  *by_32 = driver->launched ("attention_40x128_by_32_f16") - before_by_32;
  return painted;
}

/* Ways of attention are measured where there is a choice, remembered and kept to, and make no other picture; a file
 * that names one that there is not is mended. */
static void
test_attention (TuningPlace *place, gconstpointer data)
{
  g_autoptr (GessoGraph) graph = attention_graph ();
  g_autoptr (GBytes) measured = NULL, remembered = NULL, mended = NULL, expected = NULL;
  g_autofree char *text = NULL, *path = NULL, *body = NULL, *wrong = NULL, *again = NULL;
  guint by_thumb, by_32;

  measured = paint_attention (graph, &by_thumb, &by_32);
  g_assert_cmpuint (by_thumb, >, 1);
  g_assert_cmpuint (by_32, >, 1);
  text = tuning_place_read (place);
  path = tuning_place_file (place);
  g_test_message ("%s", text);
  g_assert_nonnull (strstr (text, entry));
  remembered = paint_attention (graph, &by_thumb, &by_32);
  g_assert_cmpuint (by_thumb, ==, 0);
  g_assert_cmpuint (by_32, ==, 1);

  body = tuning_body_of (text);
  wrong = tuning_replace (body, "queries 128 32", "queries 64 32");
  tuning_write_with_sum (path, wrong);
  mended = paint_attention (graph, &by_thumb, &by_32);
  g_assert_cmpuint (by_thumb, >, 1);
  again = tuning_place_read (place);
  g_assert_cmpstr (again, ==, text);

  g_setenv ("GESSO_CUDA_TUNING", "off", TRUE);
  expected = paint_attention (graph, &by_thumb, &by_32);
  g_assert_cmpuint (by_thumb, ==, 1);
  g_assert_cmpuint (by_32, ==, 0);
  g_assert_true (g_bytes_equal (measured, expected));
  g_assert_true (g_bytes_equal (remembered, expected));
  g_assert_true (g_bytes_equal (mended, expected));
}

/* A launch that is pretended to take 17 seconds is timed once: after that the time is up, and no round follows. */
static void
test_long (TuningPlace *place, gconstpointer data)
{
  g_autoptr (GessoGraph) graph = attention_graph ();
  g_autoptr (GBytes) painted = NULL;
  g_autofree char *text = NULL;
  guint by_thumb, by_32;

  g_setenv ("GESSO_EMULATION_SLOWNESS", "100000", TRUE);
  painted = paint_attention (graph, &by_thumb, &by_32);
  g_unsetenv ("GESSO_EMULATION_SLOWNESS");
  text = tuning_place_read (place);
  g_assert_nonnull (strstr (text, entry));
  /* To have the kernel loaded, to see that it is long, and to be timed; the other not to see, but to paint. */
  g_assert_cmpuint (by_thumb, ==, 3);
  g_assert_cmpuint (by_32, ==, 3);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add ("/cuda/tuning/attention", TuningPlace, NULL, tuning_place_set_up, test_attention, tuning_place_tear_down);
  g_test_add ("/cuda/tuning/attention/long", TuningPlace, NULL, tuning_place_set_up, test_long, tuning_place_tear_down);
  return g_test_run ();
}
