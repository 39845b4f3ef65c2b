/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "kernels-test.h"

#include <math.h>
#include <string.h>

static void
run_all (gconstpointer data)
{
  static const char *const limits[] = { "sse2", "avx2", "avx512", "avx512-bf16" };
  KernelsTest test = *(const KernelsTest *) data;
  const GessoCpuKernels *last = NULL;

  for (gsize i = 0; i < G_N_ELEMENTS (limits); i++)
    {
      const GessoCpuKernels *kernels = gesso_cpu_kernels_get (limits[i]);
      if (kernels == last) /* the processor ends here */
        continue;
      last = kernels;
      for (int n_threads = 1; n_threads <= 3; n_threads += 2)
        {
          g_test_message ("%s, %d threads", gesso_cpu_kernels_name (kernels), n_threads);
          test (&(GessoCpuContext) { n_threads, kernels, NULL });
        }
    }
}

void
kernels_test_add (const char *path, KernelsTest test)
{
  KernelsTest *copy = g_new (KernelsTest, 1);
  *copy = test;
  g_test_add_data_func_full (path, copy, run_all, g_free);
}

Array
array_new (GessoDType dtype, gint64 n)
{
  Array array = { dtype, n, g_aligned_alloc (MAX (n, 1), gesso_dtype_size (dtype), 64) };
  memset (array.data, 0x7f, n * gesso_dtype_size (dtype));
  return array;
}

Array
array_random (GessoDType dtype, gint64 n, double mean, double spread, guint32 seed)
{
  Array array = array_new (dtype, n);
  guint32 state = seed * 2654435761u + 1;
  for (gint64 i = 0; i < n; i++)
    {
      state = state * 1664525 + 1013904223;
      array_set (&array, i, mean + spread * ((gint32) state * 0x1p-31));
    }
  return array;
}

void
array_clear (Array *array)
{
  g_aligned_free (array->data);
  array->data = NULL;
}

double
array_get (const Array *array, gint64 i)
{
  guint32 bits;
  float value;
  if (array->dtype == GESSO_DTYPE_F32)
    return ((const float *) array->data)[i];
  g_assert_cmpint (array->dtype, ==, GESSO_DTYPE_BF16);
  bits = (guint32) ((const guint16 *) array->data)[i] << 16;
  memcpy (&value, &bits, 4);
  return value;
}

void
array_set (const Array *array, gint64 i, double value)
{
  float single = value;
  guint32 bits;
  memcpy (&bits, &single, 4);
  if (array->dtype == GESSO_DTYPE_F32)
    ((float *) array->data)[i] = single;
  else
    ((guint16 *) array->data)[i] = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
}

void
array_check (const Array *y, const double *expected, double absolute, double relative, const char *what)
{
  gint64 worst = -1;
  double excess = 0;

  if (y->dtype == GESSO_DTYPE_BF16)
    relative += 0x1p-8; /* half a unit in the last place of 8 bits */
  for (gint64 i = 0; i < y->n; i++)
    {
      double off = fabs (array_get (y, i) - expected[i]) - absolute - relative * fabs (expected[i]);
      if (!(off <= excess))
        {
          excess = off;
          worst = i;
        }
    }
  if (worst >= 0)
    {
      g_test_message ("%s: value %d of %d is %.9g, not %.9g", what, (int) worst, (int) y->n, array_get (y, worst),
                      expected[worst]);
      g_test_fail ();
    }
}
