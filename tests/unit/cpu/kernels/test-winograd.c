/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Convolutions by Winograd with every instruction set, against the plain sum in double precision.
 */

#include "kernels-test.h"

static double
reference (const GessoCpuWinograd *conv, const Array *x, const Array *w, gint64 row, gint64 column, gint64 o)
{
  const int scale = conv->doubled ? 2 : 1;
  double sum = 0;

  for (int i = 0; i < 9; i++)
    {
      const gint64 r = row + i / 3 - 1, c = column + i % 3 - 1;

      if (r < 0 || c < 0 || r >= conv->h * scale || c >= conv->w * scale)
        continue;
      for (gint64 k = 0; k < conv->in; k++)
        sum += array_get (x, (r / scale * conv->w + c / scale) * conv->in + k)
               * array_get (w, (o * conv->in + k) * 9 + i);
    }
  return sum;
}

static void
check (const GessoCpuContext *context, gint64 h, gint64 w, gboolean doubled, gint64 begin, gint64 end)
{
  const GessoCpuWinograd conv = { .h = h, .w = w, .in = 48, .out = 64, .doubled = doubled };
  const gint64 panel = gesso_cpu_winograd_panel (context->kernels);
  const gint64 out_w = doubled ? 2 * w : w;
  const gint64 n = (end - begin) * out_w * conv.out;
  gint64 in_begin, in_end;

  g_assert_true (gesso_cpu_winograd_takes (context->kernels, conv.in, conv.out));
  gesso_cpu_winograd_input (&conv, begin, end, &in_begin, &in_end);
  g_auto (Array) x = array_random (GESSO_DTYPE_F32, h * w * conv.in, 0, 1, 1);
  g_auto (Array) weights = array_random (GESSO_DTYPE_F32, conv.out * conv.in * 9, 0, 1, 2);
  g_auto (Array) bias = array_random (GESSO_DTYPE_F32, conv.out, 0, 1, 3);
  g_auto (Array) add = array_random (GESSO_DTYPE_F32, n, 0, 1, 4);
  g_auto (Array) y = array_new (GESSO_DTYPE_F32, n);
  g_auto (Array) packed
      = array_new (GESSO_DTYPE_F32, conv.out / panel * (gint64) gesso_cpu_winograd_panel_bytes (panel, conv.in, doubled)
                                        / (gint64) sizeof (float));
  g_auto (Array) scratch
      = array_new (GESSO_DTYPE_F32, (gint64) (gesso_cpu_winograd_scratch (context, &conv) / sizeof (float)));
  g_autofree double *expected = g_new (double, n);

  gesso_cpu_winograd_pack (panel, conv.out, conv.in, doubled, weights.data, packed.data);
  g_assert_true (gesso_cpu_winograd (context, &conv, begin, end, (float *) x.data + in_begin * w * conv.in, packed.data,
                                     bias.data, add.data, y.data, scratch.data));
  for (gint64 i = 0; i < n; i++)
    expected[i] = array_get (&bias, i % conv.out) + array_get (&add, i)
                  + reference (&conv, &x, &weights, begin + i / conv.out / out_w, i / conv.out % out_w, i % conv.out);
  array_check (&y, expected, 5e-5, 0, "winograd");
}

static void
test_winograd (const GessoCpuContext *context)
{
  check (context, 9, 13, FALSE, 0, 9);
  check (context, 9, 13, FALSE, 3, 6);
  check (context, 1, 1, FALSE, 0, 1);
  check (context, 5, 7, TRUE, 0, 10);
  check (context, 5, 7, TRUE, 3, 9);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  kernels_test_add ("/cpu/winograd", test_winograd);
  return g_test_run ();
}
