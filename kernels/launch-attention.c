/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "launcher.h"

#include <math.h>

typedef struct
{
  int width, queries, keys;
  guint threads;
} Variant;

/* As attention.cu has them, at most GESSO_MAX_ATTENTION_WAYS of a width. */
static const Variant variants[] = {
  { 40, 128, 64, 256 }, { 40, 64, 64, 128 }, { 64, 128, 64, 256 }, { 64, 64, 64, 128 },
  { 80, 128, 64, 256 }, { 80, 64, 64, 128 }, { 160, 64, 32, 128 },
};

#define WIDE_WIDTH 512
#define WIDE_QUERIES 32
#define WIDE_THREADS 256
#define WIDE_SHARED ((32 + 3 * 16) * (512 + 8) * 2) /* of queries and ring */

#define PLAIN_WARPS 4

/* Maxima are taken before scores are scaled, and rows are read in vectors. */
static gboolean
can_be_fast (const GessoAttention *attention)
{
  return !attention->plain && attention->shape.scale > 0 && attention->shape.q_pitch % 8 == 0
         && attention->shape.kv_pitch % 8 == 0;
}

/* The variant that was measured; else that with most queries a block that still makes two blocks for each
 * multiprocessor, or the smallest. */
static const Variant *
choose (const GessoLauncher *launcher, const GessoAttention *attention)
{
  const GessoAttentionShape *shape = &attention->shape;
  const Variant *found = NULL;

  if (!can_be_fast (attention))
    return NULL;
  for (gsize i = 0; i < G_N_ELEMENTS (variants); i++)
    {
      const gint64 tiles = (shape->end - shape->begin + variants[i].queries - 1) / variants[i].queries;

      if (variants[i].width != shape->width)
        continue;
      found = &variants[i];
      if (attention->block_queries ? variants[i].queries == attention->block_queries
                                   : tiles * shape->heads * attention->pictures >= 2 * launcher->processors)
        break;
    }
  return found;
}

int
gesso_attention_ways (const GessoLauncher *launcher, const GessoAttention *attention, int *queries)
{
  GessoAttention by_thumb = *attention;
  const Variant *thumb;
  int n = 0;

  by_thumb.block_queries = 0;
  thumb = choose (launcher, &by_thumb);
  if (!thumb)
    return 0;
  queries[n++] = thumb->queries;
  for (gsize i = 0; i < G_N_ELEMENTS (variants); i++)
    if (variants[i].width == thumb->width && variants[i].queries != thumb->queries)
      queries[n++] = variants[i].queries;
  return n > 1 ? n : 0;
}

gboolean
gesso_launch_attention (GessoLauncher *launcher, const GessoAttention *attention, GError **error)
{
  GessoAttentionShape shape = attention->shape;
  CUdeviceptr q = attention->q, k = attention->k, v = attention->v, result = attention->result;
  void *parameters[] = { &q, &k, &v, &result, &shape };
  const Variant *variant = choose (launcher, attention);
  const int n = shape.end - shape.begin, slices = (shape.width + GESSO_PLAIN_COLUMNS - 1) / GESSO_PLAIN_COLUMNS;
  guint32 grid[3] = { 0, (guint32) shape.heads, (guint32) attention->pictures };

  if (n <= 0)
    return TRUE;
  shape.scale *= (float) 1.44269504088896341;
  if (variant)
    {
      const int pitch = (variant->width + 15) / 16 * 16 + 8;
      const gsize shared = (gsize) ((variant->queries + 4 * variant->keys) * pitch) * 2;
      char name[32];

      g_snprintf (name, sizeof name, "attention_%dx%d", variant->width, variant->queries);
      grid[0] = (guint32) ((n + variant->queries - 1) / variant->queries);
      return gesso_launch (launcher, name, launcher->type, grid, variant->threads, shared, parameters, error);
    }
  if (shape.width == WIDE_WIDTH && can_be_fast (attention))
    {
      grid[0] = (guint32) ((n + WIDE_QUERIES - 1) / WIDE_QUERIES);
      return gesso_launch (launcher, "attention_512", launcher->type, grid, WIDE_THREADS, WIDE_SHARED, parameters,
                           error);
    }
  grid[0] = (guint32) ((n + PLAIN_WARPS - 1) / PLAIN_WARPS * slices);
  return gesso_launch (launcher, "attention_plain", launcher->type, grid, 32 * PLAIN_WARPS,
                       PLAIN_WARPS * (gsize) MIN (shape.width, GESSO_PLAIN_COLUMNS) * sizeof (float), parameters,
                       error);
}
