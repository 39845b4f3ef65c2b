/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Attention of one panel of queries with one block of keys.
 *
 * Queries lie across vector lanes. Then the scores of one key are a vector, the softmax needs no sums across lanes,
 * and both products have one form: a small tile of C [rows, lanes] += A [rows] (each value to all lanes) * B [lanes],
 * where A is packed keys (values) and B the queries (probabilities). Any head width works without padding.
 *
 * Compiled once for each instruction set (GESSO_ISA), and once more with GESSO_DOT_BF16, where a unit is two bf16 and
 * the multiply-add is vdpbf16ps.
 */

#include "kernels.h"
#include "simd-math.h"

#include <math.h>

/* Tile: as many rows and vectors as the registers hold, with room for a row of B and one value of A. Two vectors rather
 * than more: what B takes of the first level cache counts twice where another program runs on the same core. */
#define VECTORS 2
#if defined(__AVX512F__)
#define ROWS 12
#else
#define ROWS 6
#endif
#define KEY_BLOCK 96
/* Units of the head width between two visits of a tile: B then stays in the first level cache. */
#define DEPTH 128
/* Channels of the values that lie together: whole tiles and whole cache lines. */
#define GROUP 48

#if defined(GESSO_DOT_BF16)
#define UNIT 2
#else
#define UNIT 1
#endif

INLINE vf
multiply_add (vf c, vf a, vf b)
{
#if defined(GESSO_DOT_BF16)
  return (vf) _mm512_dpbf16_ps ((__m512) c, (__m512bh) a, (__m512bh) b);
#else
  return vf_fma (a, b, c);
#endif
}

/* c [rows, vectors] (+)= sum over n units of a [rows, n] * b [n, vectors]; the elements of a are `row` apart along its
 * rows' index and `step` apart along n. */
INLINE void
tile (int rows, int vectors, gint64 n, const float *a, gint64 row, gint64 step, const float *b, float *c, gboolean add)
{
  vf sum[ROWS][VECTORS];

#pragma GCC unroll 16
  for (int r = 0; r < rows; r++)
#pragma GCC unroll 16
    for (int v = 0; v < vectors; v++)
      sum[r][v] = add ? vf_load (c + (r * vectors + v) * VL) : (vf) { 0 };
  for (gint64 i = 0; i < n; i++, a += step, b += vectors * VL)
    {
      vf line[VECTORS];
#pragma GCC unroll 16
      for (int v = 0; v < vectors; v++)
        line[v] = vf_load (b + v * VL);
#pragma GCC unroll 16
      for (int r = 0; r < rows; r++)
        {
          vf value = vf_set (a[r * row]);
#pragma GCC unroll 16
          for (int v = 0; v < vectors; v++)
            sum[r][v] = multiply_add (sum[r][v], value, line[v]);
        }
    }
#pragma GCC unroll 16
  for (int r = 0; r < rows; r++)
#pragma GCC unroll 16
    for (int v = 0; v < vectors; v++)
      vf_store (c + (r * vectors + v) * VL, sum[r][v]);
}

/* `stride`: of keys in a packed block. The scores go along a key's units, the output along the keys. */
typedef void (*TileFunc) (gint64 n, const float *a, gint64 stride, const float *b, float *c, gboolean add);

#define TILE(R, V)                                                                                                     \
  static void scores_##R##x##V (gint64 n, const float *a, gint64 stride, const float *b, float *c, gboolean add)       \
  {                                                                                                                    \
    if (add)                                                                                                           \
      tile (R, V, n, a, stride, 1, b, c, TRUE);                                                                        \
    else                                                                                                               \
      tile (R, V, n, a, stride, 1, b, c, FALSE);                                                                       \
  }                                                                                                                    \
  static void output_##R##x##V (gint64 n, const float *a, gint64 stride, const float *b, float *c, gboolean add)       \
  {                                                                                                                    \
    if (add)                                                                                                           \
      tile (R, V, n, a, 1, stride, b, c, TRUE);                                                                        \
    else                                                                                                               \
      tile (R, V, n, a, 1, stride, b, c, FALSE);                                                                       \
  }
/* clang-format off */
TILE (1, 1) TILE (2, 1) TILE (3, 1) TILE (4, 1) TILE (5, 1) TILE (6, 1)
TILE (1, 2) TILE (2, 2) TILE (3, 2) TILE (4, 2) TILE (5, 2) TILE (6, 2)
/* clang-format on */
#define SIX_TILES(KIND, V) KIND##_1x##V, KIND##_2x##V, KIND##_3x##V, KIND##_4x##V, KIND##_5x##V, KIND##_6x##V
#if ROWS == 12
    /* clang-format off */
TILE (7, 1) TILE (8, 1) TILE (9, 1) TILE (10, 1) TILE (11, 1) TILE (12, 1)
TILE (7, 2) TILE (8, 2) TILE (9, 2) TILE (10, 2) TILE (11, 2) TILE (12, 2)
/* clang-format on */
#define MORE_TILES(KIND, V) , KIND##_7x##V, KIND##_8x##V, KIND##_9x##V, KIND##_10x##V, KIND##_11x##V, KIND##_12x##V
#else
#define MORE_TILES(KIND, V)
#endif
        static const TileFunc score_tiles[VECTORS][ROWS]
    = { { SIX_TILES (scores, 1) MORE_TILES (scores, 1) }, { SIX_TILES (scores, 2) MORE_TILES (scores, 2) } };
static const TileFunc output_tiles[VECTORS][ROWS]
    = { { SIX_TILES (output, 1) MORE_TILES (output, 1) }, { SIX_TILES (output, 2) MORE_TILES (output, 2) } };

INLINE const void *
value_at (GessoDType dtype, const void *x, gint64 index)
{
  return (const char *) x + index * (dtype == GESSO_DTYPE_F32 ? 4 : 2);
}

/* Units u .. of a row of d values; the lanes beyond its end are 0. */
INLINE vf
load_units (GessoDType dtype, const void *row, gint64 u, gint64 d)
{
#if defined(GESSO_DOT_BF16)
  vf units = { 0 };
  memcpy (&units, (const guint16 *) row + 2 * u, MIN ((gsize) (2 * (d - 2 * u)), sizeof units));
  return units;
#else
  return load_n (dtype, row, u, d - u);
#endif
}

/* How a packed block of keys is cut: the head width into chunks over which the tiles of scores run, so that the queries
 * stay in the first level cache; the channels of the values into groups that tiles of the output share. What a tile
 * reads then lies together, which no power of two between rows, and no other head's values, can spread over memory. */
static gint64
chunk_units (gint64 units)
{
  gint64 n_chunks = (units + DEPTH - 1) / DEPTH;
  return (units + n_chunks - 1) / n_chunks;
}

/* [chunks, keys, units of the chunk] */
INLINE void
pack_keys_as (GessoDType dtype, const void *k, gint64 stride, gint64 n_keys, gint64 d, float *packed)
{
  gint64 units = (d + UNIT - 1) / UNIT, chunk = chunk_units (units);

  for (gint64 first = 0; first < units; first += chunk)
    {
      gint64 width = MIN (chunk, units - first);
      for (gint64 key = 0; key < n_keys; key++, packed += width)
        for (gint64 u = 0; u < width; u += VL)
          store_n (GESSO_DTYPE_F32, packed, u, width - u,
                   load_units (dtype, value_at (dtype, k, key * stride), first + u, d));
    }
}

static void
pack_keys (GessoDType dtype, const void *k, gint64 stride, gint64 n_keys, gint64 d, float *packed)
{
  if (dtype == GESSO_DTYPE_F32)
    pack_keys_as (GESSO_DTYPE_F32, k, stride, n_keys, d, packed);
  else
    pack_keys_as (GESSO_DTYPE_BF16, k, stride, n_keys, d, packed);
}

/* [groups, units of keys, channels of the group] */
INLINE void
pack_values_as (GessoDType dtype, const void *v, gint64 stride, gint64 n_keys, gint64 d, float *packed)
{
  for (gint64 first = 0; first < d; first += GROUP)
    {
      gint64 width = MIN (GROUP, d - first);
      for (gint64 key = 0; key < n_keys; key += UNIT, packed += width)
        {
          const void *row = value_at (dtype, v, key * stride + first);
#if defined(GESSO_DOT_BF16)
          /* A unit goes down the rows: one channel of two keys. */
          const guint16 *low = row, *high = low + stride;
          for (gint64 i = 0; i < width; i++)
            packed[i] = float_from_bits (low[i] | (key + 1 < n_keys ? (guint32) high[i] << 16 : 0));
#else
          for (gint64 i = 0; i < width; i += VL)
            store_n (GESSO_DTYPE_F32, packed, i, width - i, load_n (dtype, row, i, width - i));
#endif
        }
    }
}

static void
pack_values (GessoDType dtype, const void *v, gint64 stride, gint64 n_keys, gint64 d, float *packed)
{
  if (dtype == GESSO_DTYPE_F32)
    pack_values_as (GESSO_DTYPE_F32, v, stride, n_keys, d, packed);
  else
    pack_values_as (GESSO_DTYPE_BF16, v, stride, n_keys, d, packed);
}

INLINE void
begin_as (GessoAttentionPanel *panel, GessoDType dtype, const void *q, gint64 stride)
{
  gint64 units = (panel->d + UNIT - 1) / UNIT;
  int lanes = panel->vectors * VL;
  guint32 sign = !panel->negate ? 0 : UNIT == 2 ? 0x80008000 : 0x80000000;

  for (int first = 0; first < lanes; first += VL)
    for (gint64 u = 0; u < units; u += VL)
      {
        vf block[VL];
        int n = MIN (VL, units - u), used = CLAMP (panel->n_queries - first, 0, VL);
        for (int lane = 0; lane < used; lane++)
          block[lane] = load_units (dtype, value_at (dtype, q, (first + lane) * stride), u, panel->d);
        for (int lane = used; lane < VL; lane++)
          block[lane] = (vf) { 0 };
        vf_transpose (block);
        for (int i = 0; i < n; i++)
          vf_store (panel->q + (u + i) * lanes + first, (vf) ((vu) block[i] ^ sign));
      }
}

static void
begin (GessoAttentionPanel *panel, GessoDType dtype, const void *q, gint64 stride)
{
  if (dtype == GESSO_DTYPE_F32)
    begin_as (panel, GESSO_DTYPE_F32, q, stride);
  else
    begin_as (panel, GESSO_DTYPE_BF16, q, stride);
  panel->started = FALSE;
}

/* Keys that come after a query are not seen by it. */
static void
mask_later_keys (const GessoAttentionPanel *panel, gint64 first_key, gint64 n_keys, float *scores)
{
  int lanes = panel->vectors * VL;

  for (gint64 key = MAX (0, panel->first_query + 1 - first_key); key < n_keys; key++)
    {
      gint64 hidden = CLAMP (first_key + key - panel->first_query, 0, lanes);
      for (gint64 lane = 0; lane < hidden; lane++)
        scores[key * lanes + lane] = -INFINITY;
    }
}

/* Row `key` of the probabilities, in place of the scores. */
INLINE void
store_probabilities (float *scores, gint64 key, int vectors, int v, vf low, vf high)
{
#if defined(GESSO_DOT_BF16)
  /* Rounded to bf16 and put side by side; they are no NaN that rounding could turn into infinity: 0x7fff8000 and
   * above cannot come out of an exponential, only the quiet NaN 0x7fc00000, which stays one. */
  vu rounded = ((((vu) low + 0x8000) >> 16) | (((vu) high + 0x8000) & 0xffff0000u));
  vf_store (scores + (key / 2 * vectors + v) * VL, (vf) rounded);
#else
  vf_store (scores + (key * vectors + v) * VL, low);
#endif
}

/* Scores to probabilities against a maximum that only moves when it must: a score may pass it by a factor of 2^8 before
 * everything so far is scaled down, so that after the first blocks this hardly ever happens. */
INLINE void
softmax (GessoAttentionPanel *panel, int vectors, gint64 n_keys, float *scores)
{
  vf maximum[VECTORS], sum[VECTORS];
  vf scale = vf_set (panel->scale);

  for (int v = 0; v < vectors; v++)
    maximum[v] = vf_load (scores + v * VL);
  for (gint64 key = 1; key < n_keys; key++)
    for (int v = 0; v < vectors; v++)
      maximum[v] = vf_max (maximum[v], vf_load (scores + (key * vectors + v) * VL));

  for (int v = 0; v < vectors; v++)
    {
      float *place = panel->maximum + v * VL;
      vf top = maximum[v] * scale;
      sum[v] = (vf) { 0 };
      if (panel->started)
        {
          vf old = vf_load (place);
          /* Written so that a NaN moves it too. */
          vi move = ~(vi) (top <= old + 8.0f);
          top = vf_select (move, top, old);
          if (vi_any (move))
            {
              vf factor = vf_exp2 (old - top);
              vf_store (panel->sum + v * VL, vf_load (panel->sum + v * VL) * factor);
              for (gint64 i = 0; i < panel->d; i++)
                {
                  float *o = panel->o + (i * vectors + v) * VL;
                  vf_store (o, vf_load (o) * factor);
                }
            }
        }
      else
        vf_store (panel->sum + v * VL, (vf) { 0 });
      vf_store (place, top);
      maximum[v] = top;
    }

  for (gint64 key = 0; key < n_keys; key += UNIT)
    for (int v = 0; v < vectors; v++)
      {
        vf low = vf_exp2 (vf_load (scores + (key * vectors + v) * VL) * scale - maximum[v]);
        vf high = { 0 };
        if (UNIT == 2 && key + 1 < n_keys)
          high = vf_exp2 (vf_load (scores + ((key + 1) * vectors + v) * VL) * scale - maximum[v]);
        sum[v] += low + high;
        store_probabilities (scores, key, vectors, v, low, high);
      }
  for (int v = 0; v < vectors; v++)
    vf_store (panel->sum + v * VL, vf_load (panel->sum + v * VL) + sum[v]);
}

static void
block (GessoAttentionPanel *panel, const float *keys, const float *values, gint64 first_key, gint64 n_keys,
       float *scores)
{
  gint64 units = (panel->d + UNIT - 1) / UNIT, key_units = (n_keys + UNIT - 1) / UNIT;
  gint64 chunk = chunk_units (units);
  int lanes = panel->vectors * VL;

  for (gint64 first = 0; first < units; first += chunk)
    {
      gint64 width = MIN (chunk, units - first);
      for (gint64 key = 0; key < n_keys; key += ROWS)
        score_tiles[panel->vectors - 1][MIN (ROWS, n_keys - key) - 1](width, keys + n_keys * first + key * width, width,
                                                                      panel->q + first * lanes, scores + key * lanes,
                                                                      first > 0);
    }

  if (panel->causal && first_key + n_keys - 1 > panel->first_query)
    mask_later_keys (panel, first_key, n_keys, scores);

  if (panel->vectors == 1)
    softmax (panel, 1, n_keys, scores);
  else
    softmax (panel, VECTORS, n_keys, scores);

  for (gint64 first = 0; first < panel->d; first += GROUP)
    {
      gint64 width = MIN (GROUP, panel->d - first);
      for (gint64 i = 0; i < width; i += ROWS)
        output_tiles[panel->vectors - 1][MIN (ROWS, width - i) - 1](
            key_units, values + key_units * first + i, width, scores, panel->o + (first + i) * lanes, panel->started);
    }
  panel->started = TRUE;
}

INLINE void
end_as (GessoAttentionPanel *panel, GessoDType dtype, void *y, gint64 stride)
{
  int lanes = panel->vectors * VL;

  for (int first = 0; first < panel->n_queries; first += VL)
    {
      vf inverse = 1.0f / vf_load (panel->sum + first);
      for (gint64 i = 0; i < panel->d; i += VL)
        {
          vf block[VL];
          int n = MIN (VL, panel->d - i), used = MIN (VL, panel->n_queries - first);
          for (int j = 0; j < n; j++)
            block[j] = vf_load (panel->o + (i + j) * lanes + first) * inverse;
          for (int j = n; j < VL; j++)
            block[j] = (vf) { 0 };
          vf_transpose (block);
          for (int lane = 0; lane < used; lane++)
            store_n (dtype, y, (first + lane) * stride + i, n, block[lane]);
        }
    }
}

static void
end (GessoAttentionPanel *panel, GessoDType dtype, void *y, gint64 stride)
{
  if (dtype == GESSO_DTYPE_F32)
    end_as (panel, GESSO_DTYPE_F32, y, stride);
  else
    end_as (panel, GESSO_DTYPE_BF16, y, stride);
}

const GessoAttentionKernels GESSO_ISA_NAME (gesso_attention_kernels) = { .lanes = VECTORS * VL,
                                                                         .vector = VL,
                                                                         .unit = UNIT,
                                                                         .key_block = KEY_BLOCK,
                                                                         .pack_keys = pack_keys,
                                                                         .pack_values = pack_values,
                                                                         .begin = begin,
                                                                         .block = block,
                                                                         .end = end };
