/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "launcher.h"

#include <math.h>

typedef struct
{
  int width;
  GessoAttentionWay way;
  int keys;
} Variant;

/* As attention.cu has them, at most GESSO_MAX_ATTENTION_WAYS of a width; in the order in which they are thought of. */
static const Variant variants[] = {
  { 40, { 128, 32 }, 64 }, { 40, { 128, 16 }, 64 }, { 40, { 64, 16 }, 64 },  { 64, { 128, 32 }, 64 },
  { 64, { 128, 16 }, 64 }, { 64, { 64, 16 }, 64 },  { 80, { 128, 32 }, 64 }, { 80, { 128, 16 }, 64 },
  { 80, { 64, 16 }, 64 },  { 160, { 64, 16 }, 32 },
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

gboolean
gesso_attention_way_equal (const GessoAttentionWay *a, const GessoAttentionWay *b)
{
  return a->queries == b->queries && a->warp_queries == b->warp_queries;
}

/* Whether tensor cores are quicker than shared memory, as those of a data centre's cards are: of compute
 * capability 8.0, 9.x and 10.x. Then it pays to read keys and values for 32 queries at a time; elsewhere more warps do.
 */
static gboolean
outruns_shared_memory (const GessoLauncher *launcher)
{
  return launcher->capability == 80 || launcher->capability / 10 == 9 || launcher->capability / 10 == 10;
}

/* By rule of thumb the variant with most queries a block that still makes two blocks for each multiprocessor, or the
 * smallest. */
static const Variant *
choose (const GessoLauncher *launcher, const GessoAttention *attention)
{
  const GessoAttentionShape *shape = &attention->shape;
  const Variant *found = NULL;

  for (gsize i = 0; i < G_N_ELEMENTS (variants) && can_be_fast (attention); i++)
    {
      const int queries = variants[i].way.queries;
      const gint64 tiles = (shape->end - shape->begin + queries - 1) / queries;

      if (variants[i].width != shape->width || (variants[i].way.warp_queries > 16 && !outruns_shared_memory (launcher)))
        continue;
      found = &variants[i];
      if (tiles * shape->heads * attention->pictures >= 2 * launcher->processors)
        break;
    }
  return found;
}

/* That which was measured, or chosen by rule of thumb; NULL where there is none for it. */
static const Variant *
variant_of (const GessoLauncher *launcher, const GessoAttention *attention)
{
  for (gsize i = 0; i < G_N_ELEMENTS (variants) && can_be_fast (attention); i++)
    if (variants[i].width == attention->shape.width && gesso_attention_way_equal (&variants[i].way, &attention->way))
      return &variants[i];
  return choose (launcher, attention);
}

int
gesso_attention_ways (const GessoLauncher *launcher, const GessoAttention *attention, GessoAttentionWay *ways)
{
  const Variant *thumb = choose (launcher, attention);
  int n = 0;

  if (!thumb)
    return 0;
  ways[n++] = thumb->way;
  for (gsize i = 0; i < G_N_ELEMENTS (variants); i++)
    if (variants[i].width == thumb->width && &variants[i] != thumb)
      ways[n++] = variants[i].way;
  return n > 1 ? n : 0;
}

gboolean
gesso_launch_attention (GessoLauncher *launcher, const GessoAttention *attention, GError **error)
{
  GessoAttentionShape shape = attention->shape;
  CUdeviceptr q = attention->q, k = attention->k, v = attention->v, result = attention->result;
  void *parameters[] = { &q, &k, &v, &result, &shape };
  const Variant *variant = variant_of (launcher, attention);
  const int n = shape.end - shape.begin, slices = (shape.width + GESSO_PLAIN_COLUMNS - 1) / GESSO_PLAIN_COLUMNS;
  guint32 grid[3] = { 0, (guint32) shape.heads, (guint32) attention->pictures };

  if (n <= 0)
    return TRUE;
  shape.scale *= (float) 1.44269504088896341;
  if (variant)
    {
      const int pitch = (variant->width + 15) / 16 * 16 + 8;
      const int queries = variant->way.queries, by = variant->way.warp_queries;
      const gsize shared = (gsize) ((queries + 4 * variant->keys) * pitch) * 2;
      char name[32];

      g_snprintf (name, sizeof name, by > 16 ? "attention_%dx%d_by_%d" : "attention_%dx%d", variant->width, queries,
                  by);
      grid[0] = (guint32) ((n + queries - 1) / queries);
      return gesso_launch (launcher, name, launcher->type, grid, (guint) (queries / by * 32), shared, parameters,
                           error);
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
