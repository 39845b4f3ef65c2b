/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * COMBINE after COMBINE in one launch. Only addresses tell what a term is: a plan's tensors may share memory, and its
 * outputs may be bound to the buffers of its inputs.
 */

#include "launcher.h"

static gboolean
overlap (CUdeviceptr a, gsize a_bytes, CUdeviceptr b, gsize b_bytes)
{
  return a < b + b_bytes && b < a + a_bytes;
}

/* Whether what `writer` writes keeps clear of what `reader` reads: each thread reads its own values before it writes
 * them, but when it does so beside the others nobody knows. */
static gboolean
keeps_clear (const GessoCombine *writer, const GessoCombine *reader, gsize bytes)
{
  for (int i = 0; i < reader->n_terms; i++)
    if (reader->terms[i] != writer->result && overlap (reader->terms[i], bytes, writer->result, bytes))
      return FALSE;
  return !overlap (reader->coefficients, (gsize) reader->n_terms * sizeof (float), writer->result, bytes);
}

static gboolean
can_join (const GessoCombine *stages, int n_before, gsize bytes)
{
  const GessoCombine *last = &stages[n_before];

  for (int i = 0; i < n_before; i++)
    if (!keeps_clear (&stages[i], last, bytes) || !keeps_clear (last, &stages[i], bytes)
        || (last->result != stages[i].result && overlap (last->result, bytes, stages[i].result, bytes)))
      return FALSE;
  return TRUE;
}

int
gesso_combine_together (const GessoCombine *stages, int n_stages, GessoDType type, gint64 n)
{
  const gsize bytes = (gsize) n * gesso_dtype_size (type);
  int together = 1;

  while (together < MIN (n_stages, GESSO_COMBINE_STAGES) && can_join (stages, together, bytes))
    together++;
  return together;
}

/* The stage in front of `stage` that wrote last to `address`; -1: none. */
static int
find_writer (const GessoCombine *stages, int stage, CUdeviceptr address)
{
  while (--stage >= 0 && stages[stage].result != address)
    ;
  return stage;
}

gboolean
gesso_launch_combine (GessoLauncher *launcher, GessoDType type, const GessoCombine *stages, int n_stages, gint64 n,
                      GError **error)
{
  GessoCombineChain chain = { 0 };
  gsize items = (gsize) n;
  void *parameters[] = { &chain, &items };

  g_return_val_if_fail (gesso_combine_together (stages, n_stages, type, n) == n_stages, FALSE);
  for (int i = 0; i < n_stages; i++)
    {
      GessoCombineStage *stage = &chain.stages[i];

      stage->n_terms = stages[i].n_terms;
      stage->coefficients = stages[i].coefficients;
      stage->result = stages[i].result;
      for (int j = 0; j < stages[i].n_terms; j++)
        {
          stage->terms[j] = stages[i].terms[j];
          stage->stages[j] = find_writer (stages, i, stages[i].terms[j]);
        }
    }
  return gesso_launch_items (launcher, "combine", type, items, parameters, error);
}
