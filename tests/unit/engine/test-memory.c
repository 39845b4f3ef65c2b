/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Memory: limits that put parts out in turn, allocations that fail, and no growth over many pictures.
 */

#include <string.h>

#include "cpu/memory.h"
#include "engine-test.h"
#include "process-memory.h"

static GessoRequest *
small_request (void)
{
  GessoRequest *request = gesso_request_new ("a red circle on blue");

  request->steps = 2;
  request->width = request->height = 64;
  return request;
}

static GBytes *
pixels_of (GessoEngine *engine, const GessoRequest *request)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) pictures = gesso_engine_generate (engine, request, NULL, NULL, NULL, &error);

  g_assert_no_error (error);
  return g_bytes_ref (gesso_picture_get_pixels (g_ptr_array_index (pictures, 0)));
}

/* The tightest limit that is accepted gives the same pixels, and a byte less than the least is refused beforehand. */
static void
test_limit (void)
{
  g_autoptr (GessoEngine) engine = test_engine_open ("sd14", NULL);
  g_autoptr (GessoRequest) request = small_request ();
  g_autoptr (GBytes) free_pixels = pixels_of (engine, request);
  guint64 resident = gesso_cpu_memory_in_use ();
  guint64 low = 1, high = G_GUINT64_CONSTANT (1) << 34;
  g_autoptr (GBytes) tight_pixels = NULL;

  /* The limit is for the whole process, whose own part moves a little: search to within 256 KiB. */
  while (high - low > 256 * 1024)
    {
      g_autoptr (GError) error = NULL;

      request->max_memory = low + (high - low) / 2;
      if (gesso_engine_prepare (engine, request, NULL, NULL, NULL, &error))
        high = request->max_memory;
      else
        {
          g_assert_error (error, GESSO_ERROR, GESSO_ERROR_OUT_OF_MEMORY);
          test_assert_says (error, "of memory");
          low = request->max_memory;
        }
    }
  request->max_memory = high + 384 * 1024;
  tight_pixels = pixels_of (engine, request);
  g_assert_true (g_bytes_equal (free_pixels, tight_pixels));
  g_assert_cmpuint (gesso_cpu_memory_in_use (), <, resident);
}

/* What does not fit is planned all the same, and said to be too much; more pictures need more. */
static void
test_plan_says (void)
{
  g_autoptr (GessoEngine) engine = test_engine_open ("sd14", NULL);
  g_autoptr (GessoRequest) request = small_request ();
  g_autoptr (GError) error = NULL;
  g_autofree char *fits = gesso_engine_plan (engine, request, &error);
  g_autofree char *many = NULL;
  g_autofree char *tight = NULL;

  g_assert_no_error (error);
  g_assert_null (strstr (fits, "Does not fit"));
  request->n_images = 64;
  many = gesso_engine_plan (engine, request, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (fits, !=, many);
  request->max_memory = 1024 * 1024;
  tight = gesso_engine_plan (engine, request, &error);
  g_assert_no_error (error);
  g_assert_nonnull (strstr (tight, "Does not fit"));
  g_assert_nonnull (strstr (tight, "and only 1.0"));
}

/* The first, second, ... large allocation fails until a whole run gets through: OUT_OF_MEMORY each time, and the
 * picture is right afterwards. */
static void
test_failing_allocations (void)
{
  g_autoptr (GessoRequest) request = small_request ();
  g_autoptr (GBytes) expected = NULL;
  int n_failed = 0;

  /* Large enough for latents and history to count as large allocations, too. */
  request->steps = 1;
  request->width = request->height = 256;

  {
    g_autoptr (GessoEngine) engine = test_engine_open ("v2-tiny", NULL);

    expected = pixels_of (engine, request);
  }
  for (int n = 1;; n++)
    {
      g_autoptr (GessoEngine) engine = test_engine_open ("v2-tiny", NULL);
      g_autoptr (GError) error = NULL;
      g_autoptr (GPtrArray) pictures = NULL;
      g_autoptr (GBytes) after = NULL;

      gesso_cpu_memory_fail_after (n);
      pictures = gesso_engine_generate (engine, request, NULL, NULL, NULL, &error);
      gesso_cpu_memory_fail_after (0);
      if (pictures)
        break;
      g_assert_error (error, GESSO_ERROR, GESSO_ERROR_OUT_OF_MEMORY);
      n_failed++;
      after = pixels_of (engine, request);
      g_assert_true (g_bytes_equal (expected, after));
    }
  g_test_message ("%d large allocations failed in turn", n_failed);
  g_assert_cmpint (n_failed, >, 3);
  g_assert_cmpuint (gesso_cpu_memory_in_use (), ==, 0);
}

/* What the process holds by itself; AddressSanitizer keeps freed memory back, so under it only ours is counted. */
static guint64
held_bytes (void)
{
#if defined(__SANITIZE_ADDRESS__)
  return gesso_cpu_memory_in_use ();
#else
  return gesso_process_anonymous_bytes ();
#endif
}

static void
test_no_growth (void)
{
  g_autoptr (GessoEngine) engine = test_engine_open ("v2-tiny", NULL);
  g_autoptr (GessoRequest) request = small_request ();
  guint64 before = 0;

  request->steps = 1;
  request->width = request->height = 16;
  for (int i = 0; i < 200; i++)
    {
      g_autoptr (GBytes) pixels = NULL;

      request->seed = (guint64) i;
      pixels = pixels_of (engine, request);
      if (i == 20)
        before = held_bytes ();
    }
  g_test_message ("grew by %" G_GINT64_FORMAT " bytes", (gint64) (held_bytes () - before));
  g_assert_cmpuint (before, >, 0);
  g_assert_cmpuint (held_bytes (), <, before + 2 * 1024 * 1024);
}

/* Another size does not read the model again. */
static void
test_other_size_keeps_weights (void)
{
  g_autoptr (GessoEngine) engine = test_engine_open ("sd14", NULL);
  g_autoptr (GessoRequest) request = small_request ();
  g_autoptr (GBytes) first = pixels_of (engine, request);
  g_autoptr (GBytes) second = NULL;
  g_autoptr (GBytes) third = NULL;

  request->width = 96;
  second = pixels_of (engine, request);
  request->width = 64;
  third = pixels_of (engine, request);
  g_assert_true (g_bytes_equal (first, third));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/memory/limit", test_limit);
  g_test_add_func ("/memory/plan-says", test_plan_says);
  g_test_add_func ("/memory/failing-allocations", test_failing_allocations);
  g_test_add_func ("/memory/no-growth", test_no_growth);
  g_test_add_func ("/memory/other-size-keeps-weights", test_other_size_keeps_weights);
  return g_test_run ();
}
