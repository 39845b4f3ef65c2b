/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Every operation and every fusion on the CUDA backend against the reference backend. The reference runs the graph as
 * it is, unfused and in f32. Each graph runs three times: queued, recorded, and played back, with the same result.
 */

#include "../unit/cpu/backend/operations.h"
#include "cuda-under-test.h"
#include "reference-backend.h"

/* Values kept to 11 and to 8 bits. */
#define F16_TOLERANCE 2e-3
#define BF16_TOLERANCE 1.5e-2
#define RUNS 3

static GessoBackend *cuda;

/* The outputs of `graph`, the same from run to run. */
static void
compare (const char *what, const GessoGraph *graph, const GessoPlanOptions *options, const GPtrArray *expected,
         double tolerance)
{
  Fixture *fixture = fixture_new (cuda, graph, options, NULL);

  fixture_must_bind (fixture);
  fixture_must_load (fixture);
  for (int run = 0; run < RUNS; run++)
    {
      fixture_must_run (fixture);
      g_assert_cmpuint (fixture->plan->outputs->len, ==, expected->len);
      for (guint i = 0; i < expected->len; i++)
        {
          const GArray *b = g_ptr_array_index (expected, i);
          g_autofree char *name = g_strdup_printf ("%s, output %u, run %d", what, i, run);
          gsize n;
          g_autofree float *a = fixture_output (fixture, i, &n);

          g_assert_cmpuint (n, ==, b->len);
          fixture_assert_close (name, a, (const float *) (gconstpointer) b->data, n, tolerance);
        }
    }
  fixture_free (fixture);
}

static void
check (const char *what, GessoGraph *graph)
{
  g_autoptr (GError) error = NULL;
  GessoBackend *reference = gesso_reference_backend_entry (GESSO_BACKEND_ABI, 1, &error);
  const GessoPlanOptions plain = { .precision = GESSO_PRECISION_F32, .flops_per_second = 1e9, .max_step_seconds = 1e9 };
  g_autoptr (GPtrArray) expected = NULL;

  gesso_graph_finish (graph, &error);
  g_assert_no_error (error);
  expected = fixture_compute (reference, graph, &plain);
  for (int kind = 0; kind < 6; kind++)
    {
      const gboolean bf16 = kind == 1, unfused = kind == 2, cut = kind == 3, tight = kind >= 4, narrow = kind == 5;
      g_autofree char *name
          = g_strdup_printf ("%s, %s%s%s%s%s", what, bf16 ? "bf16" : "f16", unfused ? ", unfused" : "",
                             cut ? ", in bands" : "", tight ? ", tight" : "", narrow ? " in narrow bands" : "");
      GessoPlanOptions options;

      cuda->plan_options (cuda, bf16 ? GESSO_PRECISION_BF16 : GESSO_PRECISION_F16, tight, &options);
      if (unfused)
        options.fusions = 0;
      /* The backend does not ask for bands, but can compute them. */
      options.flops_per_second = 1e9;
      if (cut)
        options.max_step_seconds = 2e-3;
      if (narrow)
        options.max_norm_band_bytes = 1;
      compare (name, graph, &options, expected, bf16 ? BF16_TOLERANCE : F16_TOLERANCE);
    }
  reference->free (reference);
  gesso_graph_free (graph);
}

int
main (int argc, char **argv)
{
  int status;

  g_test_init (&argc, &argv, NULL);
  cuda = cuda_under_test ();
  operations_add_tests ("/cuda", check);
  status = g_test_run ();
  cuda->free (cuda);
  return status;
}
