/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Convolutions by Winograd with every instruction set, against the plain sum in double precision.
 */

#include "kernels-test.h"

#include <math.h>

typedef struct
{
  GessoCpuWinograd conv;
  gint64 images, out_h, out_w;
  Array x, weights, bias, add, packed;
} Case;

static void
case_clear (Case *c)
{
  array_clear (&c->x);
  array_clear (&c->weights);
  array_clear (&c->bias);
  array_clear (&c->add);
  array_clear (&c->packed);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Case, case_clear)

static Case
case_new (const GessoCpuContext *context, GessoDType dtype, gint64 images, gint64 h, gint64 w, gint64 in, gint64 out,
          gboolean doubled)
{
  const gint64 panel = gesso_cpu_winograd_panel (context->kernels, dtype);
  Case c = { .conv = { .dtype = dtype, .h = h, .w = w, .in = in, .out = out, .doubled = doubled },
             .images = images,
             .out_h = doubled ? 2 * h : h,
             .out_w = doubled ? 2 * w : w };

  g_assert_true (gesso_cpu_winograd_takes (context->kernels, dtype, in, out));
  c.x = array_random (dtype, images * h * w * in, 0, 1, 1);
  c.weights = array_random (dtype, out * in * 9, 0, 1, 2);
  c.bias = array_random (GESSO_DTYPE_F32, out, 0, 1, 3);
  c.add = array_random (dtype, images * c.out_h * c.out_w * out, 0, 1, 4);
  c.packed = array_new (dtype, out * in * 9);
  gesso_cpu_winograd_pack (context->n_threads, dtype, panel, out, in, c.weights.data, c.packed.data);
  return c;
}

/* Rows begin..end-1 of `images` pictures from `image` on; whole ones if they are several. */
static Array
run (const GessoCpuContext *context, const Case *c, gint64 image, gint64 images, gint64 begin, gint64 end)
{
  const GessoCpuWinograd *conv = &c->conv;
  const gsize value = gesso_dtype_size (conv->dtype);
  const gsize first_x = (gsize) ((image * conv->h) * conv->w * conv->in) * value;
  const gsize first_y = (gsize) ((image * c->out_h + begin) * c->out_w * conv->out) * value;
  Array y = array_new (conv->dtype, images * (end - begin) * c->out_w * conv->out);
  g_auto (Array) scratch = array_new (
      GESSO_DTYPE_F32, (gint64) (gesso_cpu_winograd_scratch (context, conv, images, begin, end) / sizeof (float)));
  gint64 in_begin, in_end;

  gesso_cpu_winograd_input (conv, begin, end, &in_begin, &in_end);
  g_assert_true (gesso_cpu_winograd (context, conv, images, begin, end,
                                     (guint8 *) c->x.data + first_x + (gsize) (in_begin * conv->w * conv->in) * value,
                                     c->packed.data, c->bias.data, (guint8 *) c->add.data + first_y, y.data,
                                     scratch.data));
  return y;
}

static double
expected_value (const Case *c, gint64 i)
{
  const GessoCpuWinograd *conv = &c->conv;
  const int scale = conv->doubled ? 2 : 1;
  const gint64 o = i % conv->out, column = i / conv->out % c->out_w, row = i / conv->out / c->out_w % c->out_h;
  const gint64 image = i / conv->out / c->out_w / c->out_h;
  double sum = array_get (&c->bias, o) + array_get (&c->add, i);

  for (int j = 0; j < 9; j++)
    {
      const gint64 y = row + j / 3 - 1, x = column + j % 3 - 1;

      if (y < 0 || x < 0 || y >= c->out_h || x >= c->out_w)
        continue;
      for (gint64 k = 0; k < conv->in; k++)
        sum += array_get (&c->x, ((image * conv->h + y / scale) * conv->w + x / scale) * conv->in + k)
               * array_get (&c->weights, (o * conv->in + k) * 9 + j);
    }
  return sum;
}

/* All at once against the formula, and parts against that, to the bit. */
static void
check_type (const GessoCpuContext *context, GessoDType dtype, gint64 images, gint64 h, gint64 w, gint64 in, gint64 out,
            gboolean doubled)
{
  const GessoCpuContext alone = { .n_threads = 1, .kernels = context->kernels };
  g_auto (Case) c = case_new (context, dtype, images, h, w, in, out, doubled);
  const gint64 row = c.out_w * out, n = images * c.out_h * row;
  const gsize row_bytes = (gsize) row * gesso_dtype_size (dtype);
  /* Transformed tiles and weights are rounded to bf16, too. */
  const double tolerance = dtype == GESSO_DTYPE_F32 ? 1e-6 * (double) in : 0.03 * sqrt ((double) in);
  g_auto (Array) y = run (context, &c, 0, images, 0, c.out_h);
  g_autofree double *expected = g_new (double, n);

  for (gint64 i = 0; i < n; i++)
    expected[i] = expected_value (&c, i);
  array_check (&y, expected, tolerance, 0, "winograd");
  for (gint64 image = 0; image < images; image++)
    for (gint64 begin = 0; begin < c.out_h; begin += 3)
      {
        const gint64 end = MIN (begin + 3, c.out_h);
        g_auto (Array) part = run (&alone, &c, image, 1, begin, end);

        g_assert_cmpmem (part.data, (gsize) (end - begin) * row_bytes,
                         (guint8 *) y.data + (gsize) (image * c.out_h + begin) * row_bytes,
                         (gsize) (end - begin) * row_bytes);
      }
}

static void
check (const GessoCpuContext *context, gint64 images, gint64 h, gint64 w, gint64 in, gint64 out, gboolean doubled)
{
  check_type (context, GESSO_DTYPE_F32, images, h, w, in, out, doubled);
  if (gesso_cpu_winograd_panel (context->kernels, GESSO_DTYPE_BF16))
    check_type (context, GESSO_DTYPE_BF16, images, h, w, 2 * in, out, doubled);
}

static void
test_winograd (const GessoCpuContext *context)
{
  check (context, 1, 9, 13, 48, 64, FALSE);
  check (context, 2, 1, 1, 48, 64, FALSE);
  check (context, 1, 5, 7, 48, 64, TRUE);
  check (context, 3, 2, 3, 48, 32, TRUE);
}

/* So many tiles, and input and output channels, that none of them are worked on in one go. */
static void
test_blocks (const GessoCpuContext *context)
{
  check (context, 2, 17, 19, 32, 32, FALSE);
  check (context, 2, 5, 7, 208, 160, FALSE);
  check (context, 1, 3, 4, 112, 288, TRUE);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  kernels_test_add ("/cpu/winograd", test_winograd);
  kernels_test_add ("/cpu/winograd/blocks", test_blocks);
  return g_test_run ();
}
