/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "kernels.h"

#include <math.h>
#include <string.h>

float
gesso_reference_gelu (float x)
{
  return 0.5f * x * (1.0f + erff (x * 0.70710678118654752f));
}

float
gesso_reference_activate (GessoActivation activation, float x)
{
  switch (activation)
    {
    case GESSO_ACTIVATION_NONE:
      break;
    case GESSO_ACTIVATION_SILU:
      return x / (1.0f + expf (-x));
    case GESSO_ACTIVATION_GELU:
      return gesso_reference_gelu (x);
    case GESSO_ACTIVATION_QUICK_GELU:
      return x / (1.0f + expf (-1.702f * x));
    }
  return x;
}

void
gesso_reference_group_statistics (const float *x, gint64 n, gint64 rows, gint64 c, int groups, float eps,
                                  float *statistics)
{
  const gint64 width = c / groups;

  for (gint64 image = 0; image < n; image++)
    for (gint64 group = 0; group < groups; group++)
      {
        const float *first = x + image * rows * c + group * width;
        const double count = (double) rows * (double) width;
        double sum = 0.0, squares = 0.0, mean;

        for (gint64 row = 0; row < rows; row++)
          for (gint64 i = 0; i < width; i++)
            sum += first[row * c + i];
        mean = sum / count;
        for (gint64 row = 0; row < rows; row++)
          for (gint64 i = 0; i < width; i++)
            squares += (first[row * c + i] - mean) * (first[row * c + i] - mean);
        statistics[(image * groups + group) * 2] = (float) mean;
        statistics[(image * groups + group) * 2 + 1] = (float) (1.0 / sqrt (squares / count + (double) eps));
      }
}

void
gesso_reference_group_apply (const float *x, gint64 n, gint64 rows, gint64 c, int groups, const float *statistics,
                             const float *gamma, const float *beta, GessoActivation activation, float *y)
{
  const gint64 width = c / groups;

  for (gint64 image = 0; image < n; image++)
    for (gint64 row = 0; row < rows; row++)
      for (gint64 i = 0; i < c; i++)
        {
          const float *pair = statistics + (image * groups + i / width) * 2;
          const gint64 at = (image * rows + row) * c + i;

          y[at] = gesso_reference_activate (activation, (x[at] - pair[0]) * pair[1] * gamma[i] + beta[i]);
        }
}

void
gesso_reference_layer_norm (const float *x, gint64 rows, gint64 c, const float *gamma, const float *beta, float eps,
                            float *y)
{
  for (gint64 row = 0; row < rows; row++, x += c, y += c)
    {
      float pair[2];

      gesso_reference_group_statistics (x, 1, 1, c, 1, eps, pair);
      gesso_reference_group_apply (x, 1, 1, c, 1, pair, gamma, beta, GESSO_ACTIVATION_NONE, y);
    }
}

void
gesso_reference_upsample (const void *x, gint64 n, gint64 h, gint64 w, gsize bytes, gint64 oh, gint64 ow, void *y)
{
  const guint8 *from = x;
  guint8 *to = y;

  for (gint64 image = 0; image < n; image++)
    for (gint64 row = 0; row < oh; row++)
      for (gint64 column = 0; column < ow; column++, to += bytes)
        memcpy (to, from + (gsize) ((image * h + row * h / oh) * w + column * w / ow) * bytes, bytes);
}

/* sums [BLOCK, o] += x[each] [k] times weight [k, o] */
static void
accumulate (const float *const *x, gint64 k, const float *weight, gint64 o, float *sums)
{
  float *restrict a = sums, *restrict b = sums + o, *restrict c = sums + 2 * o, *restrict d = sums + 3 * o;

  for (gint64 i = 0; i < k; i++, weight += o)
    {
      const float xa = x[0][i], xb = x[1][i], xc = x[2][i], xd = x[3][i];

      for (gint64 j = 0; j < o; j++)
        {
          a[j] += xa * weight[j];
          b[j] += xb * weight[j];
          c[j] += xc * weight[j];
          d[j] += xd * weight[j];
        }
    }
}

/* Sums to `count` rows of the output, of which `first` is the first. */
static void
finish (const GessoReferenceEpilogue *epilogue, const float *sums, gint64 o, gint64 first, gint64 count, float *y)
{
  const gint64 columns = epilogue->geglu ? 2 * o : o;
  const float *bias = epilogue->bias;

  for (gint64 row = 0; row < count; row++, sums += columns)
    for (gint64 j = 0; j < o; j++)
      {
        const gint64 at = (first + row) * o + j;
        float value = bias ? sums[j] + bias[j] : sums[j];

        if (epilogue->geglu)
          value *= gesso_reference_gelu (bias ? sums[o + j] + bias[o + j] : sums[o + j]);
        value = gesso_reference_activate (epilogue->activation, value);
        y[at] = epilogue->residual ? value + epilogue->residual[at] : value;
      }
}

gboolean
gesso_reference_conv2d (const GessoReferenceConv *conv, const float *x, const float *weight,
                        const GessoReferenceEpilogue *epilogue, gint64 begin, gint64 end, float *y, float *scratch,
                        GCancellable *cancellable)
{
  float *sums = scratch;
  float *zeros = scratch + GESSO_REFERENCE_BLOCK * conv->o;

  memset (zeros, 0, (gsize) conv->i * sizeof *zeros);
  for (gint64 row = begin; row < end; row++)
    {
      if (g_cancellable_is_cancelled (cancellable))
        return FALSE;
      for (gint64 column = 0; column < conv->ow; column += GESSO_REFERENCE_BLOCK)
        {
          const gint64 count = MIN (GESSO_REFERENCE_BLOCK, conv->ow - column);

          memset (sums, 0, (gsize) (GESSO_REFERENCE_BLOCK * conv->o) * sizeof *sums);
          for (gint64 tap = 0; tap < conv->kh * conv->kw; tap++)
            {
              const gint64 iy = row * conv->stride - conv->pad_top + tap / conv->kw;
              const float *pixels[GESSO_REFERENCE_BLOCK];

              if (iy < 0 || iy >= conv->h)
                continue;
              for (gint64 p = 0; p < GESSO_REFERENCE_BLOCK; p++)
                {
                  const gint64 ix = (column + p) * conv->stride - conv->pad_left + tap % conv->kw;

                  pixels[p] = p < count && ix >= 0 && ix < conv->w ? x + (iy * conv->w + ix) * conv->i : zeros;
                }
              accumulate (pixels, conv->i, weight + tap * conv->i * conv->o, conv->o, sums);
            }
          finish (epilogue, sums, conv->o, row * conv->ow + column, count, y);
        }
    }
  return TRUE;
}

gboolean
gesso_reference_linear (const float *x, gint64 i, const float *weight, gint64 o, const GessoReferenceEpilogue *epilogue,
                        gint64 begin, gint64 end, float *y, float *scratch, GCancellable *cancellable)
{
  const gint64 columns = epilogue->geglu ? 2 * o : o;

  for (gint64 row = begin; row < end; row += GESSO_REFERENCE_BLOCK)
    {
      const gint64 count = MIN (GESSO_REFERENCE_BLOCK, end - row);
      const float *rows[GESSO_REFERENCE_BLOCK];

      if (g_cancellable_is_cancelled (cancellable))
        return FALSE;
      memset (scratch, 0, (gsize) (GESSO_REFERENCE_BLOCK * columns) * sizeof *scratch);
      /* The last block may be short: its last row is then computed several times and taken once. */
      for (gint64 p = 0; p < GESSO_REFERENCE_BLOCK; p++)
        rows[p] = x + (row + MIN (p, count - 1)) * i;
      accumulate (rows, i, weight, columns, scratch);
      finish (epilogue, scratch, o, row, count, y);
    }
  return TRUE;
}

gboolean
gesso_reference_attention (const float *q, const float *k, const float *v, gint64 lk, gint64 c, int heads, float scale,
                           gboolean causal, gint64 begin, gint64 end, float *y, float *scratch,
                           GCancellable *cancellable)
{
  const gint64 width = c / heads;

  for (gint64 row = begin; row < end; row++)
    {
      const gint64 n_keys = causal ? MIN (lk, row + 1) : lk;

      if (g_cancellable_is_cancelled (cancellable))
        return FALSE;
      for (gint64 head = 0; head < heads; head++)
        {
          const float *query = q + row * c + head * width;
          float *out = y + row * c + head * width;
          float largest = -INFINITY;
          double sum = 0.0;

          for (gint64 key = 0; key < n_keys; key++)
            {
              const float *other = k + key * c + head * width;
              float product = 0.0f;

              for (gint64 i = 0; i < width; i++)
                product += query[i] * other[i];
              scratch[key] = scale * product;
              largest = MAX (largest, scratch[key]);
            }
          for (gint64 key = 0; key < n_keys; key++)
            {
              scratch[key] = expf (scratch[key] - largest);
              sum += scratch[key];
            }
          memset (out, 0, (gsize) width * sizeof *out);
          for (gint64 key = 0; key < n_keys; key++)
            for (gint64 i = 0; i < width; i++)
              out[i] += (float) (scratch[key] / sum) * v[key * c + head * width + i];
        }
    }
  return TRUE;
}
