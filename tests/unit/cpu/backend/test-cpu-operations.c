/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Every operation and every fusion on the CPU backend against the reference backend, whole and in bands. The reference
 * runs the graph as it is: unfused, uncut, in f32.
 */

#include "operations.h"
#include "reference-backend.h"

/* Rounding in another order of sums; and values kept to 8 bits. */
#define F32_TOLERANCE 1e-6
#define BF16_TOLERANCE 1e-2

typedef struct
{
  double max_step_seconds;
  gsize max_norm_band_bytes;
} Cutting;

/* At the 1e9 FLOP/s set below: whole, in a few bands, in more, and row by row. */
static const Cutting cuttings[] = { { 1e6, 0 }, { 5e-3, 18432 }, { 2e-3, 16384 }, { 1e-9, 1 } };

/* Runs `graph` (consumed) in every cutting and precision that the processor has. */
static void
check (const char *what, GessoGraph *graph)
{
  g_autoptr (GError) error = NULL;
  GessoBackend *cpu = gesso_cpu_backend_entry (GESSO_BACKEND_ABI, 2, &error);
  GessoBackend *reference = gesso_reference_backend_entry (GESSO_BACKEND_ABI, 1, &error);
  const GessoPlanOptions plain = { .precision = GESSO_PRECISION_F32, .flops_per_second = 1e9, .max_step_seconds = 1e9 };
  g_autoptr (GPtrArray) expected = NULL;

  gesso_graph_finish (graph, &error);
  g_assert_no_error (error);
  expected = fixture_compute (reference, graph, &plain);
  for (gsize c = 0; c < G_N_ELEMENTS (cuttings); c++)
    for (int bf16 = 0; bf16 < 2; bf16++)
      for (int fused = c > 0; fused < 2; fused++) /* unfused once, uncut */
        {
          g_autoptr (GPtrArray) got = NULL;
          GessoPrecision precision = bf16 ? GESSO_PRECISION_BF16 : GESSO_PRECISION_F32;
          GessoPlanOptions options;

          if (!cpu->resolve_precision (cpu, precision, &precision, NULL))
            continue;
          cpu->plan_options (cpu, precision, FALSE, &options);
          options.flops_per_second = 1e9;
          options.max_step_seconds = cuttings[c].max_step_seconds;
          options.max_norm_band_bytes = cuttings[c].max_norm_band_bytes;
          if (!fused)
            options.fusions = 0;
          got = fixture_compute (cpu, graph, &options);
          g_assert_cmpuint (got->len, ==, expected->len);
          for (guint i = 0; i < got->len; i++)
            {
              const GArray *a = g_ptr_array_index (got, i);
              const GArray *b = g_ptr_array_index (expected, i);
              g_autofree char *name = g_strdup_printf ("%s, output %u, cutting %d, %s%s", what, i, (int) c,
                                                       bf16 ? "bf16" : "f32", fused ? ", fused" : "");

              g_assert_cmpuint (a->len, ==, b->len);
              fixture_assert_close (name, (const float *) (gconstpointer) a->data,
                                    (const float *) (gconstpointer) b->data, b->len,
                                    bf16 ? BF16_TOLERANCE : F32_TOLERANCE);
            }
        }
  reference->free (reference);
  cpu->free (cpu);
  gesso_graph_free (graph);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  operations_add_tests ("/cpu", check);
  return g_test_run ();
}
