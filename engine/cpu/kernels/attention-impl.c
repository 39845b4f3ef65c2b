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

/* Tile: as many rows and vectors as the registers hold, with room for a row of B and one value of A. */
#define ROWS 6
#if defined(__AVX512F__)
#define VECTORS 4
#else
#define VECTORS 2
#endif
#define KEY_BLOCK 96
/* Units of the head width between two visits of a tile: B then stays in the first level cache. */
#define DEPTH 128

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

/* c [rows, vectors] (+)= sum over n units of a [n, rows] * b [n, vectors] */
INLINE void
tile (int rows, int vectors, gint64 n, const float *a, const float *b, float *c, gboolean add)
{
  vf sum[ROWS][VECTORS];

#pragma GCC unroll 8
  for (int r = 0; r < rows; r++)
#pragma GCC unroll 8
    for (int v = 0; v < vectors; v++)
      sum[r][v] = add ? vf_load (c + (r * vectors + v) * VL) : (vf) { 0 };
  for (gint64 i = 0; i < n; i++, a += rows, b += vectors * VL)
    {
      vf row[VECTORS];
#pragma GCC unroll 8
      for (int v = 0; v < vectors; v++)
        row[v] = vf_load (b + v * VL);
#pragma GCC unroll 8
      for (int r = 0; r < rows; r++)
        {
          vf value = vf_set (a[r]);
#pragma GCC unroll 8
          for (int v = 0; v < vectors; v++)
            sum[r][v] = multiply_add (sum[r][v], value, row[v]);
        }
    }
#pragma GCC unroll 8
  for (int r = 0; r < rows; r++)
#pragma GCC unroll 8
    for (int v = 0; v < vectors; v++)
      vf_store (c + (r * vectors + v) * VL, sum[r][v]);
}

typedef void (*TileFunc) (gint64 n, const float *a, const float *b, float *c, gboolean add);

#define TILE(R, V)                                                                                                     \
  static void tile_##R##x##V (gint64 n, const float *a, const float *b, float *c, gboolean add)                        \
  {                                                                                                                    \
    if (add)                                                                                                           \
      tile (R, V, n, a, b, c, TRUE);                                                                                   \
    else                                                                                                               \
      tile (R, V, n, a, b, c, FALSE);                                                                                  \
  }
#define TILES(V) TILE (1, V) TILE (2, V) TILE (3, V) TILE (4, V) TILE (5, V) TILE (6, V)
#define TILE_NAMES(V) { tile_1x##V, tile_2x##V, tile_3x##V, tile_4x##V, tile_5x##V, tile_6x##V }

TILES (1)
TILES (2)
#if VECTORS == 4
TILES (3)
TILES (4)
static const TileFunc tiles[VECTORS][ROWS] = { TILE_NAMES (1), TILE_NAMES (2), TILE_NAMES (3), TILE_NAMES (4) };
#else
static const TileFunc tiles[VECTORS][ROWS] = { TILE_NAMES (1), TILE_NAMES (2) };
#endif

/* Unit `i` of a row of n values. */
INLINE float
row_unit (GessoDType dtype, const void *row, gint64 i, gint64 n)
{
#if defined(GESSO_DOT_BF16)
  const guint16 *x = row;
  guint32 low = x[2 * i], high = 2 * i + 1 < n ? x[2 * i + 1] : 0;
  return float_from_bits (low | high << 16);
#else
  return dtype == GESSO_DTYPE_F32 ? ((const float *) row)[i]
                                  : float_from_bits ((guint32) ((const guint16 *) row)[i] << 16);
#endif
}

/* Value `i` of unit row `u`, where a unit goes down the rows: keys 2u and 2u + 1 of the same channel. */
INLINE float
column_unit (GessoDType dtype, const void *x, gint64 stride, gint64 u, gint64 i, gint64 n_rows)
{
#if defined(GESSO_DOT_BF16)
  const guint16 *p = (const guint16 *) x + 2 * u * stride + i;
  guint32 low = p[0], high = 2 * u + 1 < n_rows ? p[stride] : 0;
  return float_from_bits (low | high << 16);
#else
  return row_unit (dtype, (const char *) x + u * stride * (dtype == GESSO_DTYPE_F32 ? 4 : 2), i, 0);
#endif
}

INLINE const void *
row_at (GessoDType dtype, const void *x, gint64 index)
{
  return (const char *) x + index * (dtype == GESSO_DTYPE_F32 ? 4 : 2);
}

INLINE void
pack_keys_as (GessoDType dtype, const void *k, gint64 stride, gint64 n_keys, gint64 d, float *packed)
{
  gint64 units = (d + UNIT - 1) / UNIT;

  for (gint64 first = 0; first < n_keys; first += ROWS)
    {
      gint64 rows = MIN (ROWS, n_keys - first);
      const void *row[ROWS];
      for (gint64 r = 0; r < ROWS; r++)
        row[r] = row_at (dtype, k, (first + MIN (r, rows - 1)) * stride);
      for (gint64 u = 0; u < units; u++, packed += ROWS)
#pragma GCC unroll 8
        for (int r = 0; r < ROWS; r++)
          packed[r] = row_unit (dtype, row[r], u, d);
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

INLINE void
pack_values_as (GessoDType dtype, const void *v, gint64 stride, gint64 n_keys, gint64 d, float *packed)
{
  gint64 units = (n_keys + UNIT - 1) / UNIT;

  for (gint64 first = 0; first < d; first += ROWS)
    {
      int rows = MIN (ROWS, d - first);
      for (gint64 u = 0; u < units; u++, packed += rows)
        for (int r = 0; r < rows; r++)
          packed[r] = column_unit (dtype, v, stride, u, first + r, n_keys);
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

  for (gint64 first = 0; first < lanes; first += VL)
    {
      const void *row[VL];
      int used = CLAMP (panel->n_queries - first, 0, VL);
      for (int lane = 0; lane < used; lane++)
        row[lane] = row_at (dtype, q, (first + lane) * stride);
      for (gint64 u = 0; u < units; u++)
        {
          float part[VL] = { 0 };
          for (int lane = 0; lane < used; lane++)
            part[lane] = row_unit (dtype, row[lane], u, panel->d);
          vf_store (panel->q + u * lanes + first, (vf) ((vu) vf_load (part) ^ sign));
        }
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
  const TileFunc *tile_of = tiles[panel->vectors - 1];
  gint64 units = (panel->d + UNIT - 1) / UNIT;
  gint64 key_units = (n_keys + UNIT - 1) / UNIT;
  int lanes = panel->vectors * VL;

  for (gint64 u = 0; u < units; u += DEPTH)
    for (gint64 key = 0; key < n_keys; key += ROWS)
      tile_of[ROWS - 1](MIN (DEPTH, units - u), keys + key * units + u * ROWS, panel->q + u * lanes,
                        scores + key * lanes, u > 0);

  if (panel->causal && first_key + n_keys - 1 > panel->first_query)
    mask_later_keys (panel, first_key, n_keys, scores);

  switch (panel->vectors)
    {
    case 1:
      softmax (panel, 1, n_keys, scores);
      break;
    case 2:
      softmax (panel, 2, n_keys, scores);
      break;
#if VECTORS == 4
    case 3:
      softmax (panel, 3, n_keys, scores);
      break;
    default:
      softmax (panel, 4, n_keys, scores);
      break;
#endif
    }

  for (gint64 i = 0; i < panel->d; i += ROWS)
    tile_of[MIN (ROWS, panel->d - i) - 1](key_units, values + i * key_units, scores, panel->o + i * lanes,
                                          panel->started);
  panel->started = TRUE;
}

INLINE void
end_as (GessoAttentionPanel *panel, GessoDType dtype, void *y, gint64 stride)
{
  int lanes = panel->vectors * VL;

  for (int v = 0; v < panel->vectors; v++)
    {
      vf inverse = 1.0f / vf_load (panel->sum + v * VL);
      for (gint64 i = 0; i < panel->d; i++)
        {
          float *o = panel->o + i * lanes + v * VL;
          vf_store (o, vf_load (o) * inverse);
        }
    }
  for (int lane = 0; lane < panel->n_queries; lane++)
    for (gint64 i = 0; i < panel->d; i += VL)
      {
        int n = MIN (VL, panel->d - i);
        float part[VL] = { 0 };
        for (int j = 0; j < n; j++)
          part[j] = panel->o[(i + j) * lanes + lane];
        if (n == VL)
          store (dtype, y, lane * stride + i, vf_load (part));
        else
          store_part (dtype, y, lane * stride + i, n, vf_load (part));
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
                                                                         .rows = ROWS,
                                                                         .unit = UNIT,
                                                                         .key_block = KEY_BLOCK,
                                                                         .pack_keys = pack_keys,
                                                                         .pack_values = pack_values,
                                                                         .begin = begin,
                                                                         .block = block,
                                                                         .end = end };
