/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "kernels-test.h"

#include <math.h>
#include <string.h>

static const GessoDType dtypes[] = { GESSO_DTYPE_F32, GESSO_DTYPE_BF16 };
#define FOR_DTYPES(name) for (GessoDType name##_i = 0, name = dtypes[0]; name##_i < 2; name = dtypes[++name##_i % 2])

static double
activate (GessoActivation activation, double x)
{
  switch (activation)
    {
    case GESSO_ACTIVATION_SILU:
      return x / (1 + exp (-x));
    case GESSO_ACTIVATION_GELU:
      return x < 0 ? x * 0.5 * erfc (-x * M_SQRT1_2) : x * 0.5 * (1 + erf (x * M_SQRT1_2));
    case GESSO_ACTIVATION_QUICK_GELU:
      return x / (1 + exp (-1.702 * x));
    case GESSO_ACTIVATION_NONE:
      break;
    }
  return x;
}

/* Mean and 1 / sqrt (variance + eps) of one group. */
static void
group_moments (const Array *x, gint64 image, gint64 rows, gint64 c, gint64 first, gint64 width, double eps,
               double *mean, double *rstd)
{
  double sum = 0, squares = 0;
  for (gint64 row = 0; row < rows; row++)
    for (gint64 i = first; i < first + width; i++)
      sum += array_get (x, (image * rows + row) * c + i);
  *mean = sum / (rows * width);
  for (gint64 row = 0; row < rows; row++)
    for (gint64 i = first; i < first + width; i++)
      {
        double off = array_get (x, (image * rows + row) * c + i) - *mean;
        squares += off * off;
      }
  *rstd = 1 / sqrt (squares / (rows * width) + eps);
}

static const struct
{
  gint64 n, rows, c;
  int groups;
} norm_shapes[] = { { 1, 1, 4, 4 },     { 3, 1, 36, 4 },    { 2, 17, 36, 6 },  { 1, 9, 3, 1 },
                    { 1, 700, 32, 16 }, { 2, 9, 1280, 32 }, { 3, 33, 40, 40 }, { 1, 20000, 4, 2 } };

static void
test_group_norm (const GessoCpuContext *context)
{
  FOR_DTYPES (dtype)
  for (gsize s = 0; s < G_N_ELEMENTS (norm_shapes); s++)
    for (int far = 0; far < 2; far++)
      {
        gint64 n = norm_shapes[s].n, rows = norm_shapes[s].rows, c = norm_shapes[s].c, width;
        int groups = norm_shapes[s].groups;
        double mean = far ? 1000 : 0.2; /* deviations far smaller than the mean */
        if (far && dtype == GESSO_DTYPE_BF16)
          continue;
        g_auto (Array) x = array_random (dtype, n * rows * c, mean, 1, s + 1);
        g_auto (Array) y = array_new (dtype, n * rows * c);
        g_auto (Array) statistics = array_new (GESSO_DTYPE_F32, n * groups * 2);
        g_auto (Array) gamma = array_random (GESSO_DTYPE_F32, c, 1, 0.5, 7);
        g_auto (Array) beta = array_random (GESSO_DTYPE_F32, c, 0, 0.5, 8);
        g_autofree double *expected = g_new (double, n *rows *c);
        g_autofree double *expected_statistics = g_new (double, n *groups * 2);
        width = c / groups;
        g_assert_true (gesso_cpu_group_statistics (context, dtype, x.data, n, rows, c, groups, 1e-5f, statistics.data));
        for (gint64 image = 0; image < n; image++)
          for (int group = 0; group < groups; group++)
            group_moments (&x, image, rows, c, group * width, width, 1e-5,
                           &expected_statistics[(image * groups + group) * 2],
                           &expected_statistics[(image * groups + group) * 2 + 1]);
        array_check (&statistics, expected_statistics, 1e-7, 2e-6, "statistics");
        for (int activation = 0; activation < 4; activation++)
          {
            for (gint64 i = 0; i < n * rows * c; i++)
              {
                const double *moments = &expected_statistics[(i / (rows * c) * groups + i % c / width) * 2];
                expected[i]
                    = activate (activation, (array_get (&x, i) - moments[0]) * moments[1] * array_get (&gamma, i % c)
                                                + array_get (&beta, i % c));
              }
            /* in f32 the mean of 1000 itself is only known to 3e-5 */
            double absolute = far ? 1e-3 : 3e-6;
            if (rows * width == 1) /* a single value: 1 / sqrt (eps) magnifies any rounding of the mean */
              absolute = far ? 0.1 : 1e-4;
            g_assert_true (gesso_cpu_group_apply (context, dtype, x.data, n, rows, c, groups, statistics.data,
                                                  gamma.data, beta.data, activation, y.data));
            array_check (&y, expected, absolute, 3e-6, "group norm");
          }
        /* in place */
        g_assert_true (gesso_cpu_group_apply (context, dtype, x.data, n, rows, c, groups, statistics.data, gamma.data,
                                              beta.data, GESSO_ACTIVATION_QUICK_GELU, x.data));
        g_assert_cmpmem (x.data, n * rows * c * gesso_dtype_size (dtype), y.data,
                         n * rows * c * gesso_dtype_size (dtype));
      }
}

/* A first row far away from all others must not spoil the variance. */
static void
test_outlier (const GessoCpuContext *context)
{
  gint64 rows = 2000, c = 32;
  g_auto (Array) x = array_random (GESSO_DTYPE_F32, rows * c, 5, 1, 3);
  g_auto (Array) statistics = array_new (GESSO_DTYPE_F32, 4);
  double expected[4];

  for (gint64 i = 0; i < c; i++)
    array_set (&x, i, 30000);
  group_moments (&x, 0, rows, c, 0, 16, 1e-5, &expected[0], &expected[1]);
  group_moments (&x, 0, rows, c, 16, 16, 1e-5, &expected[2], &expected[3]);
  g_assert_true (gesso_cpu_group_statistics (context, GESSO_DTYPE_F32, x.data, 1, rows, c, 2, 1e-5f, statistics.data));
  for (int group = 0; group < 2; group++)
    {
      double rstd = expected[group * 2 + 1];
      g_assert_cmpfloat_with_epsilon (array_get (&statistics, group * 2), expected[group * 2], 1e-6 / rstd);
      g_assert_cmpfloat_with_epsilon (array_get (&statistics, group * 2 + 1), rstd, 1e-6 * rstd);
    }
}

static void
test_conv_input (const GessoCpuContext *context)
{
  static const struct
  {
    gint64 h, w, c, vh, vw;
    int groups;
  } shapes[] = { { 5, 4, 36, 5, 4, 6 }, { 3, 5, 16, 6, 10, 4 }, { 4, 3, 20, 7, 5, 2 },
                 { 1, 1, 4, 3, 2, 4 },  { 7, 6, 32, 3, 4, 32 }, { 6, 40, 64, 12, 80, 8 } };

  FOR_DTYPES (dtype)
  for (gsize s = 0; s < G_N_ELEMENTS (shapes); s++)
    for (int normalise = 0; normalise < 2; normalise++)
      {
        gint64 h = shapes[s].h, w = shapes[s].w, c = shapes[s].c, vh = shapes[s].vh, vw = shapes[s].vw;
        int groups = shapes[s].groups;
        GessoActivation activation = normalise ? GESSO_ACTIVATION_SILU : GESSO_ACTIVATION_NONE;
        g_auto (Array) x = array_random (dtype, h * w * c, 0.2, 1, s + 1);
        g_auto (Array) statistics = array_random (GESSO_DTYPE_F32, groups * 2, 1, 0.5, 5);
        g_auto (Array) gamma = array_random (GESSO_DTYPE_F32, c, 1, 0.5, 7);
        g_auto (Array) beta = array_random (GESSO_DTYPE_F32, c, 0, 0.5, 8);
        for (gint64 begin = 0; begin < vh; begin++)
          for (gint64 end = begin; end <= vh; end++)
            {
              g_auto (Array) y = array_new (dtype, (end - begin) * vw * c);
              g_autofree double *expected = g_new (double, y.n + 1);
              for (gint64 i = 0; i < y.n; i++)
                {
                  gint64 channel = i % c, column = i / c % vw * w / vw, row = (begin + i / c / vw) * h / vh;
                  gint64 group = channel / (c / groups);
                  double value = array_get (&x, (row * w + column) * c + channel);
                  if (normalise)
                    value = activate (activation, (value - array_get (&statistics, group * 2))
                                                          * array_get (&statistics, group * 2 + 1)
                                                          * array_get (&gamma, channel)
                                                      + array_get (&beta, channel));
                  expected[i] = value;
                }
              g_assert_true (gesso_cpu_prepare_conv_input (
                  context, dtype, x.data, h, w, c, vh, vw, begin, end, groups, normalise ? statistics.data : NULL,
                  normalise ? gamma.data : NULL, normalise ? beta.data : NULL, activation, y.data));
              array_check (&y, expected, 3e-6, 2e-6, "convolution input");
            }
      }
}

static void
test_upsample (const GessoCpuContext *context)
{
  FOR_DTYPES (dtype)
  {
    gint64 n = 3, h = 5, w = 4, c = 10, oh = 9, ow = 8;
    g_auto (Array) x = array_random (dtype, n * h * w * c, 0, 1, 1);
    g_auto (Array) y = array_new (dtype, n * oh * ow * c);
    g_assert_true (gesso_cpu_upsample (context, dtype, x.data, n, h, w, c, oh, ow, y.data));
    for (gint64 i = 0; i < y.n; i++)
      {
        gint64 column = i / c % ow * w / ow, row = i / c / ow % oh * h / oh, image = i / (oh * ow * c);
        g_assert_cmpfloat (array_get (&y, i), ==, array_get (&x, ((image * h + row) * w + column) * c + i % c));
      }
  }
}

static void
test_layer_norm (const GessoCpuContext *context)
{
  static const gint64 widths[] = { 1, 5, 36, 64, 320, 771 };

  FOR_DTYPES (dtype)
  for (gsize s = 0; s < G_N_ELEMENTS (widths); s++)
    for (int far = 0; far < (dtype == GESSO_DTYPE_F32 ? 2 : 1); far++)
      {
        gint64 rows = s == 0 ? 1 : 77, c = widths[s];
        g_auto (Array) x = array_random (dtype, rows * c, far ? 1000 : 0.1, 1, s);
        g_auto (Array) y = array_new (dtype, rows * c);
        g_auto (Array) gamma = array_random (GESSO_DTYPE_F32, c, 1, 0.5, 7);
        g_auto (Array) beta = array_random (GESSO_DTYPE_F32, c, 0, 0.5, 8);
        g_autofree double *expected = g_new (double, rows *c);
        for (gint64 row = 0; row < rows; row++)
          {
            double mean, rstd;
            group_moments (&x, row, 1, c, 0, c, 1e-5, &mean, &rstd);
            for (gint64 i = 0; i < c; i++)
              expected[row * c + i]
                  = (array_get (&x, row * c + i) - mean) * rstd * array_get (&gamma, i) + array_get (&beta, i);
          }
        g_assert_true (gesso_cpu_layer_norm (context, dtype, x.data, rows, c, gamma.data, beta.data, 1e-5f, y.data));
        array_check (&y, expected, far ? 3e-4 : 3e-6, 3e-6, "layer norm");
        g_assert_true (gesso_cpu_layer_norm (context, dtype, x.data, rows, c, gamma.data, beta.data, 1e-5f, x.data));
        g_assert_cmpmem (x.data, rows * c * gesso_dtype_size (dtype), y.data, rows * c * gesso_dtype_size (dtype));
      }
}

static void
test_activation (const GessoCpuContext *context)
{
  FOR_DTYPES (dtype)
  for (int activation = 0; activation < 4; activation++)
    for (int reach = 1; reach <= 1000; reach *= 10)
      {
        gint64 n = 4003;
        g_auto (Array) x = array_random (dtype, n, 0, reach, 1);
        g_auto (Array) y = array_new (dtype, n);
        g_autofree double *expected = g_new (double, n);
        array_set (&x, 0, 0);
        array_set (&x, 1, 1e30);
        array_set (&x, 2, -1e30);
        for (gint64 i = 0; i < n; i++)
          expected[i] = activate (activation, array_get (&x, i));
        g_assert_true (gesso_cpu_activation (context, dtype, x.data, n, activation, y.data));
        array_check (&y, expected, activation == GESSO_ACTIVATION_GELU ? 1e-7 : 1e-12,
                     activation == GESSO_ACTIVATION_NONE ? 0 : 2e-6, "activation");
        g_assert_true (gesso_cpu_activation (context, dtype, x.data, n, activation, x.data));
        g_assert_cmpmem (x.data, n * gesso_dtype_size (dtype), y.data, n * gesso_dtype_size (dtype));
      }
}

/* Weights with a NaN give a picture of NaN, which the engine reports; it must not vanish on the way. */
static void
test_nan (const GessoCpuContext *context)
{
  FOR_DTYPES (dtype)
  for (int activation = 0; activation < 4; activation++)
    {
      g_auto (Array) x = array_random (dtype, 40, 0, 1, 1);
      array_set (&x, 3, NAN);
      array_set (&x, 39, NAN);
      g_assert_true (gesso_cpu_activation (context, dtype, x.data, 40, activation, x.data));
      for (int i = 0; i < 40; i++)
        g_assert_cmpint (!!isnan (array_get (&x, i)), ==, i == 3 || i == 39);
    }
}

static void
test_geglu (const GessoCpuContext *context)
{
  FOR_DTYPES (dtype)
  for (gint64 c = 1; c < 80; c += 13)
    {
      gint64 rows = 11;
      g_auto (Array) x = array_random (dtype, rows * 2 * c, 0, 3, 1);
      g_auto (Array) y = array_new (dtype, rows * c);
      g_autofree double *expected = g_new (double, rows *c);
      for (gint64 i = 0; i < rows * c; i++)
        expected[i] = array_get (&x, i / c * 2 * c + i % c)
                      * activate (GESSO_ACTIVATION_GELU, array_get (&x, i / c * 2 * c + c + i % c));
      g_assert_true (gesso_cpu_geglu (context, dtype, x.data, rows, c, y.data));
      array_check (&y, expected, 4e-7, 1e-6, "geglu");
    }
}

static void
test_add (const GessoCpuContext *context)
{
  FOR_DTYPES (dtype)
  {
    gint64 rows = 37, c = 41, n = rows * c;
    g_auto (Array) a = array_random (dtype, n, 0, 3, 1);
    g_auto (Array) b = array_random (dtype, n, 0, 3, 2);
    g_auto (Array) y = array_new (dtype, n);
    g_autofree double *expected = g_new (double, n);
    for (gint64 i = 0; i < n; i++)
      expected[i] = array_get (&a, i) + array_get (&b, i);
    g_assert_true (gesso_cpu_add (context, dtype, a.data, b.data, n, y.data));
    array_check (&y, expected, 0, 1e-7, "sum");
    FOR_DTYPES (b_dtype)
    {
      g_auto (Array) vector = array_random (b_dtype, c, 0, 3, 4);
      if (b_dtype != GESSO_DTYPE_F32 && b_dtype != dtype)
        continue;
      for (gint64 i = 0; i < n; i++)
        expected[i] = array_get (&a, i) + array_get (&vector, i % c);
      g_assert_true (gesso_cpu_add_vector (context, dtype, a.data, b_dtype, vector.data, rows, c, y.data));
      array_check (&y, expected, 0, 1e-7, "sum with a vector");
    }
    g_assert_true (gesso_cpu_add (context, dtype, a.data, b.data, n, b.data));
    for (gint64 i = 0; i < n; i++)
      expected[i] = array_get (&b, i);
    g_assert_true (gesso_cpu_combine (context, dtype, 1, (const void *[]) { b.data }, (float[]) { 1 }, n, y.data));
    array_check (&y, expected, 0, 0, "copy");
  }
}

static void
test_combine (const GessoCpuContext *context)
{
  FOR_DTYPES (dtype)
  {
    gint64 n = 50003;
    g_auto (Array) a = array_random (dtype, n, 0, 3, 1);
    g_auto (Array) b = array_random (dtype, n, 0, 3, 2);
    g_auto (Array) unread = array_new (dtype, n);
    g_autofree double *expected = g_new (double, n);
    const void *terms[] = { a.data, unread.data, b.data };
    const float coefficients[] = { 1.25f, 0, -3.5f };
    for (gint64 i = 0; i < n; i++)
      {
        array_set (&unread, i, INFINITY);
        expected[i] = 1.25 * array_get (&a, i) - 3.5 * array_get (&b, i);
      }
    g_assert_true (gesso_cpu_combine (context, dtype, 3, terms, coefficients, n, a.data));
    array_check (&a, expected, 1e-6, 1e-6, "combination");
    memset (expected, 0, n * sizeof (double));
    g_assert_true (gesso_cpu_combine (context, dtype, 3, terms, (float[]) { 0, 0, 0 }, n, a.data));
    array_check (&a, expected, 0, 0, "empty combination");
  }
}

/* By any colours to a byte that is near, and as pictures are made to that byte alone. */
static void
test_pixels (const GessoCpuContext *context)
{
  FOR_DTYPES (dtype)
  for (gint64 c = 1; c <= 5; c++)
    for (gint64 n = 1; n < 60000; n = n * 7 + 1)
      {
        g_auto (Array) x = array_random (dtype, n * c, 0, 1, 1);
        g_auto (Array) colours = array_random (GESSO_DTYPE_F32, 3 * (c + 1), 0, 0.5, 2);
        const float halves[] = { 0.5f, 0, 0, 0.5f, 0, 0.5f, 0, 0.5f, 0, 0, 0.5f, 0.5f };
        g_autofree guint8 *y = g_malloc (n * 3);

        g_assert_true (gesso_cpu_pixels (context, dtype, x.data, (const float *) colours.data, n, c, y));
        for (gint64 i = 0; i < n * 3; i++)
          {
            double sum = array_get (&colours, i % 3 * (c + 1) + c);
            for (gint64 j = 0; j < c; j++)
              sum += array_get (&colours, i % 3 * (c + 1) + j) * array_get (&x, i / 3 * c + j);
            g_assert_cmpfloat (fabs (CLAMP (sum, 0, 1) * 255 - y[i]), <=, 0.501);
          }
        if (c != 3)
          continue;
        array_set (&x, 0, NAN);
        g_assert_true (gesso_cpu_pixels (context, dtype, x.data, halves, n, c, y));
        for (gint64 i = 3; i < n * 3; i++)
          {
            float unit = (float) array_get (&x, i) / 2 + 0.5f;
            g_assert_cmpint (y[i], ==, (int) rintf (CLAMP (unit, 0, 1) * 255));
          }
        g_assert_cmpint (y[0], ==, 0);
      }
}

static void
test_is_finite (const GessoCpuContext *context)
{
  const float others[] = { NAN, INFINITY, -INFINITY };

  FOR_DTYPES (dtype)
  for (gint64 n = 1; n < 60000; n = n * 7 + 1)
    {
      g_auto (Array) x = array_random (dtype, n, 0, 3, 1);
      gint32 y = -1;

      g_assert_true (gesso_cpu_is_finite (context, dtype, x.data, n, &y));
      g_assert_cmpint (y, ==, 1);
      for (gsize i = 0; i < G_N_ELEMENTS (others); i++)
        {
          array_set (&x, n - 1, others[i]);
          g_assert_true (gesso_cpu_is_finite (context, dtype, x.data, n, &y));
          g_assert_cmpint (y, ==, 0);
        }
    }
}

static void
test_rows (const GessoCpuContext *context)
{
  FOR_DTYPES (dtype)
  {
    gint64 rows = 301, ca = 5, cb = 34, vocab = 9, length = 7, n = 3;
    gsize size = gesso_dtype_size (dtype);
    g_auto (Array) a = array_random (dtype, rows * ca, 0, 1, 1);
    g_auto (Array) b = array_random (dtype, rows * cb, 0, 1, 2);
    g_auto (Array) y = array_new (dtype, rows * (ca + cb));
    g_auto (Array) twice = array_new (dtype, rows * cb * 3);
    g_auto (Array) embedded = array_new (dtype, n * length * cb);
    gint32 ids[21];

    g_assert_true (gesso_cpu_concat (context, dtype, a.data, ca, b.data, cb, rows, y.data));
    for (gint64 i = 0; i < y.n; i++)
      {
        gint64 row = i / (ca + cb), channel = i % (ca + cb);
        g_assert_cmpfloat (array_get (&y, i), ==,
                           channel < ca ? array_get (&a, row * ca + channel) : array_get (&b, row * cb + channel - ca));
      }
    g_assert_true (gesso_cpu_repeat (context, b.data, b.n * size, 3, twice.data));
    for (int i = 0; i < 3; i++)
      g_assert_cmpmem ((char *) twice.data + i * b.n * size, b.n * size, b.data, b.n * size);

    g_autofree double *expected = g_new (double, embedded.n);
    for (int with_positions = 0; with_positions < 2; with_positions++)
      {
        for (int i = 0; i < 21; i++)
          {
            ids[i] = i - 5; /* some below 0, some beyond the table */
            for (gint64 j = 0; j < cb; j++)
              expected[i * cb + j] = array_get (&b, CLAMP (ids[i], 0, vocab - 1) * cb + j)
                                     + (with_positions ? array_get (&b, (20 + i % length) * cb + j) : 0);
          }
        g_assert_true (gesso_cpu_embedding (context, dtype, ids, n, length, b.data, vocab, cb,
                                            with_positions ? (char *) b.data + 20 * cb * size : NULL, embedded.data));
        array_check (&embedded, expected, 0, 1e-7, "embedding");
      }
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  kernels_test_add ("/cpu/operators/group-norm", test_group_norm);
  kernels_test_add ("/cpu/operators/outlier", test_outlier);
  kernels_test_add ("/cpu/operators/conv-input", test_conv_input);
  kernels_test_add ("/cpu/operators/upsample", test_upsample);
  kernels_test_add ("/cpu/operators/layer-norm", test_layer_norm);
  kernels_test_add ("/cpu/operators/activation", test_activation);
  kernels_test_add ("/cpu/operators/nan", test_nan);
  kernels_test_add ("/cpu/operators/geglu", test_geglu);
  kernels_test_add ("/cpu/operators/add", test_add);
  kernels_test_add ("/cpu/operators/combine", test_combine);
  kernels_test_add ("/cpu/operators/pixels", test_pixels);
  kernels_test_add ("/cpu/operators/is-finite", test_is_finite);
  kernels_test_add ("/cpu/operators/rows", test_rows);
  return g_test_run ();
}
