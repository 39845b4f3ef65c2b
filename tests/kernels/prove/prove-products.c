/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Convolutions and linear layers, in every tile and with k cut into parts, and by what cuBLASLt offers.
 */

#include "prove.h"

#include <math.h>
#include <string.h>

typedef struct
{
  int n, height, width, channels, out_channels;
  int kernel_height, kernel_width, stride;
  int pad_top, pad_left, pad_bottom, pad_right;
  int virtual_height, virtual_width; /* 0: the input's own */
  gboolean bias, residual, geglu;
  GessoActivation activation;
  int band; /* > 0: compute only so many rows from the middle on */
} Case;

static GessoConvShape
shape_of (const Case *test)
{
  GessoConvShape shape = { .height = test->height,
                           .width = test->width,
                           .channels = test->channels,
                           .virtual_height = test->virtual_height ? test->virtual_height : test->height,
                           .virtual_width = test->virtual_width ? test->virtual_width : test->width,
                           .kernel_height = test->kernel_height,
                           .kernel_width = test->kernel_width,
                           .stride = test->stride,
                           .pad_top = test->pad_top,
                           .pad_left = test->pad_left };

  shape.out_height = (shape.virtual_height + test->pad_top + test->pad_bottom - test->kernel_height) / test->stride + 1;
  shape.out_width = (shape.virtual_width + test->pad_left + test->pad_right - test->kernel_width) / test->stride + 1;
  return shape;
}

/* Sums of one row: [weight rows] */
static void
reference_row (const GessoConvShape *s, const float *x, const float *w, int weight_rows, gint64 row, double *sums)
{
  const int area = s->out_height * s->out_width;
  const gint64 n = row / area;
  const int y = (int) (row % area) / s->out_width, column = (int) (row % area) % s->out_width;
  const int taps = s->kernel_height * s->kernel_width;

  memset (sums, 0, (gsize) weight_rows * sizeof *sums);
  for (int tap = 0; tap < taps; tap++)
    {
      const int at_y = y * s->stride - s->pad_top + tap / s->kernel_width;
      const int at_x = column * s->stride - s->pad_left + tap % s->kernel_width;
      const float *pixel;

      if (at_y < 0 || at_y >= s->virtual_height || at_x < 0 || at_x >= s->virtual_width)
        continue;
      pixel = x
              + ((n * s->height + at_y * s->height / s->virtual_height) * s->width + at_x * s->width / s->virtual_width)
                    * s->channels;
      for (int o = 0; o < weight_rows; o++)
        {
          const float *weight = w + ((gsize) o * (gsize) taps + (gsize) tap) * (gsize) s->channels;
          float sum = 0.0f;

          for (int c = 0; c < s->channels; c++)
            sum += pixel[c] * weight[c];
          sums[o] += (double) sum;
        }
    }
}

/* Where row `o` of a weight, in the file's order, lies among the kernel's rows. */
static int
packed_row (const Case *test, int o)
{
  const int half = o / test->out_channels, row = o % test->out_channels;

  return test->geglu ? row / 8 * 16 + half * 8 + row % 8 : o;
}

/* A product that is to be made in several ways, and what comes out. */
typedef struct
{
  const Case *test;
  GessoProduct product;
  gsize n;
  const double *expected;
} Expectation;

static void
prove_way (Prover *prover, const Expectation *expectation, const GessoProductWay *way, const char *name)
{
  static const char *const tile_names[] = { "128x128", "128x64", "64x64" };
  const GessoDType type = prover->launcher->type;
  const Case *test = expectation->test;
  const double rounding = prover_rounding (type);
  GessoProduct product = expectation->product;
  const GessoConvShape *shape = &product.conv;
  const double k = (double) (shape->kernel_height * shape->kernel_width * shape->channels);
  const double operations = (double) (product.end - product.begin) * (double) product.columns * (product.geglu ? 4 : 2);
  g_autofree float *nothing = g_new0 (float, expectation->n);
  g_autofree char *what = NULL;
  g_autoptr (GError) error = NULL;
  Values *result, *scratch;

  product.way = *way;
  result = values_new (prover, type, expectation->n, nothing);
  scratch = values_empty (prover, GESSO_DTYPE_F32, gesso_product_scratch (&product) / sizeof (float));
  product.result = result->address;
  product.scratch = scratch->address;
  prover_start (prover);
  prover_must (prover, gesso_launch_product (prover->launcher, &product, &error), &error);
  prover_stop (prover);
  values_fetch (prover, result);
  what = g_strdup_printf ("product %dx%dx%dx%d %s%d %dx%d/%d%s%s%s%s %s %d", test->n, shape->height, shape->width,
                          shape->channels, test->geglu ? "geglu " : "", test->out_channels, shape->kernel_height,
                          shape->kernel_width, shape->stride, test->virtual_height ? " enlarged" : "",
                          test->residual ? " residual" : "", test->activation ? " activation" : "",
                          test->band ? " band" : "", name ? name : tile_names[way->tile], way->parts);
  prover_compare (prover, what, result, expectation->expected, 2e-5 * sqrt (k) + rounding * 0.1, rounding * 1.05,
                  operations * k);
  values_free (prover, scratch);
  values_free (prover, result);
}

static void
prove_ways (Prover *prover, const Expectation *expectation)
{
  const GessoProduct *product = &expectation->product;
  GessoProductWay ways[4];
  g_autoptr (GError) error = NULL;
  int n = 0;

  for (int tile = 0; tile < GESSO_N_TILES; tile++)
    for (int parts = 1; parts <= 3; parts += 2)
      {
        const GessoProductWay way = { .tile = (GessoTile) tile, .parts = parts };

        if (gesso_product_has_tile (product, way.tile) && parts <= gesso_product_stages (product))
          prove_way (prover, expectation, &way, NULL);
      }
  if (gesso_product_lt_can (prover->launcher, product))
    prover_must (prover, gesso_product_lt_ways (prover->launcher, product, ways, (int) G_N_ELEMENTS (ways), &n, &error),
                 &error);
  for (int i = 0; i < n; i++)
    prove_way (prover, expectation, &ways[i], "cuBLASLt");
}

static void
prove_case (Prover *prover, const Case *test)
{
  const GessoDType type = prover->launcher->type;
  const GessoConvShape shape = shape_of (test);
  const int weight_rows = test->geglu ? 2 * test->out_channels : test->out_channels;
  const int packed_rows = test->geglu ? (test->out_channels + 7) / 8 * 16 : test->out_channels;
  const gsize k = (gsize) (shape.kernel_height * shape.kernel_width * shape.channels), pitch = (k + 7) / 8 * 8;
  const gint64 rows = (gint64) test->n * shape.out_height * shape.out_width;
  const gint64 begin = test->band ? rows / 2 : 0, end = test->band ? MIN (rows, begin + test->band) : rows;
  const gsize n = (gsize) (rows * test->out_channels);
  Values *x = values_random (prover, type, (gsize) (test->n * shape.height * shape.width * shape.channels), 1.0);
  Values *w = values_random (prover, type, (gsize) weight_rows * k, 1.7 / sqrt ((double) k));
  Values *lt_bias = test->bias ? values_random (prover, type, (gsize) packed_rows, 1.0) : NULL;
  Values *bias = test->bias ? values_new (prover, GESSO_DTYPE_F32, (gsize) packed_rows, lt_bias->values) : NULL;
  Values *residual = test->residual ? values_random (prover, type, n, 1.0) : NULL;
  g_autofree float *packed = g_new0 (float, (gsize) packed_rows *pitch);
  g_autofree double *expected = g_new0 (double, n);
  g_autofree double *sums = g_new (double, (gsize) weight_rows);
  Values *weight;

  for (int o = 0; o < weight_rows; o++)
    memcpy (packed + (gsize) packed_row (test, o) * pitch, w->values + (gsize) o * k, k * sizeof *packed);
  weight = values_new (prover, type, (gsize) packed_rows * pitch, packed);
  for (gint64 row = begin; row < end; row++)
    {
      reference_row (&shape, x->values, w->values, weight_rows, row, sums);
      for (int o = 0; o < test->out_channels; o++)
        {
          const gsize place = (gsize) (row * test->out_channels + o);
          double value = sums[o] + (bias ? (double) bias->values[packed_row (test, o)] : 0.0);

          if (test->geglu)
            value *= reference_gelu (sums[o + test->out_channels]
                                     + (bias ? (double) bias->values[packed_row (test, o + test->out_channels)] : 0.0));
          value = reference_activate (test->activation, value);
          expected[place] = value + (residual ? (double) residual->values[place] : 0.0);
        }
    }
  prove_ways (prover, &(const Expectation) { .test = test,
                                             .product = { .input = x->address,
                                                          .weight = weight->address,
                                                          .bias = values_address (bias),
                                                          .lt_bias = values_address (lt_bias),
                                                          .residual = values_address (residual),
                                                          .conv = shape,
                                                          .begin = begin,
                                                          .end = end,
                                                          .columns = test->out_channels,
                                                          .geglu = test->geglu,
                                                          .activation = test->activation },
                                             .n = n,
                                             .expected = expected });
  values_free (prover, x);
  values_free (prover, w);
  values_free (prover, weight);
  values_free (prover, bias);
  values_free (prover, lt_bias);
  values_free (prover, residual);
}

static Case
random_case (void)
{
  static const int kernels[] = { 1, 3, 3, 3, 2, 5 };
  Case test = { .n = prover_random_int (1, 8),
                .height = prover_random_int (1, 9),
                .width = prover_random_int (1, 9),
                .channels = prover_random () % 3 ? 8 * prover_random_int (1, 9) : prover_random_int (1, 40),
                .out_channels = prover_random () % 3 ? 8 * prover_random_int (1, 18) : prover_random_int (1, 70),
                .kernel_height = kernels[prover_random () % G_N_ELEMENTS (kernels)],
                .kernel_width = kernels[prover_random () % G_N_ELEMENTS (kernels)],
                .stride = prover_random_int (1, 2),
                .bias = prover_random () % 4 != 0,
                .residual = prover_random () % 2,
                .activation = (GessoActivation) (prover_random () % 4),
                .band = prover_random () % 4 ? 0 : prover_random_int (1, 40) };

  if (prover_random () % 3 == 0)
    {
      test.virtual_height = 2 * test.height - (int) (prover_random () % 2);
      test.virtual_width = 2 * test.width + (int) (prover_random () % 3);
    }
  test.pad_top = prover_random_int (0, test.kernel_height / 2);
  test.pad_left = prover_random_int (0, test.kernel_width / 2);
  test.pad_bottom = test.kernel_height - 1 - test.pad_top;
  test.pad_right = test.kernel_width - 1 - test.pad_left;
  return test;
}

/* 1x1 pixels: a linear layer of `rows` rows. */
static Case
linear_case (int rows, int width, int columns, gboolean geglu, GessoActivation activation)
{
  return (Case) { .n = rows,
                  .height = 1,
                  .width = 1,
                  .channels = width,
                  .out_channels = columns,
                  .kernel_height = 1,
                  .kernel_width = 1,
                  .stride = 1,
                  .bias = TRUE,
                  .residual = geglu,
                  .geglu = geglu,
                  .activation = activation };
}

void
prove_products (Prover *prover)
{
  const Case cases[] = {
    { 1, 16, 16, 64, 128, 3, 3, 1, 1, 1, 1, 1, 0, 0, TRUE, TRUE, FALSE, GESSO_ACTIVATION_NONE, 0 },
    { 2, 9, 7, 32, 40, 3, 3, 1, 1, 1, 1, 1, 0, 0, TRUE, FALSE, FALSE, GESSO_ACTIVATION_SILU, 0 },
    { 1, 17, 20, 96, 160, 3, 3, 2, 1, 1, 1, 1, 0, 0, TRUE, TRUE, FALSE, GESSO_ACTIVATION_NONE, 0 },
    /* the VAE's downsampling: padding at the bottom and the right only */
    { 1, 8, 10, 40, 24, 3, 3, 2, 0, 0, 1, 1, 0, 0, TRUE, FALSE, FALSE, GESSO_ACTIVATION_NONE, 0 },
    { 2, 5, 6, 64, 64, 3, 3, 1, 1, 1, 1, 1, 10, 12, TRUE, FALSE, FALSE, GESSO_ACTIVATION_NONE, 0 },
    { 1, 5, 6, 16, 8, 3, 3, 1, 1, 1, 1, 1, 9, 11, TRUE, FALSE, FALSE, GESSO_ACTIVATION_NONE, 0 },
    { 2, 12, 12, 4, 320, 3, 3, 1, 1, 1, 1, 1, 0, 0, TRUE, FALSE, FALSE, GESSO_ACTIVATION_NONE, 0 },
    { 2, 12, 12, 320, 4, 3, 3, 1, 1, 1, 1, 1, 0, 0, TRUE, FALSE, FALSE, GESSO_ACTIVATION_NONE, 0 },
    { 1, 1, 1, 8, 3, 3, 3, 1, 1, 1, 1, 1, 0, 0, TRUE, FALSE, FALSE, GESSO_ACTIVATION_NONE, 0 },
    { 1, 3, 3, 4, 4, 1, 1, 1, 0, 0, 0, 0, 0, 0, TRUE, FALSE, FALSE, GESSO_ACTIVATION_NONE, 0 },
    linear_case (1, 320, 1280, FALSE, GESSO_ACTIVATION_SILU),
    linear_case (154, 768, 72, FALSE, GESSO_ACTIVATION_QUICK_GELU),
    linear_case (100, 64, 129, FALSE, GESSO_ACTIVATION_GELU),
    linear_case (77, 96, 136, FALSE, GESSO_ACTIVATION_NONE),
    { 2, 7, 9, 72, 40, 1, 1, 1, 0, 0, 0, 0, 0, 0, TRUE, TRUE, FALSE, GESSO_ACTIVATION_NONE, 0 },
    { 2, 7, 9, 72, 40, 1, 1, 1, 0, 0, 0, 0, 0, 0, FALSE, TRUE, FALSE, GESSO_ACTIVATION_NONE, 30 },
    linear_case (130, 320, 80, TRUE, GESSO_ACTIVATION_NONE),
    linear_case (65, 72, 21, TRUE, GESSO_ACTIVATION_NONE),
    linear_case (33, 27, 12, TRUE, GESSO_ACTIVATION_NONE),
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    prove_case (prover, &cases[i]);
  for (int i = 0; i < (prover->quick ? 6 : 60); i++)
    {
      const Case test = random_case ();

      prove_case (prover, &test);
    }
}
