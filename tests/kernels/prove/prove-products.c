/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Convolutions and linear layers, in every tile and with k cut into parts, and by what cuBLASLt offers; and several
 * layers of one input in one launch.
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
  int band;   /* > 0: compute only so many rows from the middle on */
  int others; /* members beside the first */
} Case;

/* What a member has by itself, and what comes out. */
typedef struct
{
  Values *weight, *bias, *lt_bias, *residual;
  double *expected;
} Member;

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

/* A product that is to be made in several ways, and what comes out: `n` values a member. */
typedef struct
{
  const Case *test;
  GessoProduct product;
  gsize n;
  const Member *members;
} Expectation;

/* The product by its way, into a result for each member. FALSE where cuBLASLt, whose choice is a guess, does not do
 * what it offered; the engine passes over such a way. */
static gboolean
launch (Prover *prover, const Expectation *expectation, GessoProduct *product, Values **results)
{
  g_autofree float *nothing = g_new0 (float, expectation->n);
  Values *scratch = values_empty (prover, GESSO_DTYPE_F32, gesso_product_scratch (product) / sizeof (float));
  g_autoptr (GError) error = NULL;
  gboolean done;

  product->scratch = scratch->address;
  for (int i = 0; i < product->n_members; i++)
    {
      results[i] = values_new (prover, prover->launcher->type, expectation->n, nothing);
      product->member[i].result = results[i]->address;
    }
  prover_start (prover);
  done = gesso_launch_product (prover->launcher, product, &error);
  prover_must (prover, done || product->way.by_lt, &error);
  prover_stop (prover);
  for (int i = 0; i < product->n_members; i++)
    values_fetch (prover, results[i]);
  values_free (prover, scratch);
  prover->n_by_lt += done && product->way.by_lt;
  prover->n_refused += !done;
  if (!done)
    g_print ("refused: %s\n", error->message);
  return done;
}

/* A member of a group comes out as it does by itself. */
static void
prove_alone (Prover *prover, const Expectation *expectation, const GessoProduct *group, int member,
             const Values *expected, const char *what)
{
  g_autofree char *name = g_strconcat (what, " alone", NULL);
  GessoProduct product = *group;
  Values *result;

  product.n_members = 1;
  product.member[0] = group->member[member];
  product.lt_bias[0] = group->lt_bias[member];
  if (launch (prover, expectation, &product, &result))
    prover_note (prover, name,
                 memcmp (result->raw, expected->raw, expected->n * gesso_dtype_size (expected->type)) == 0);
  values_free (prover, result);
}

static void
prove_way (Prover *prover, const Expectation *expectation, const GessoProductWay *way, const char *name)
{
  static const char *const tile_names[] = { "128x128", "128x64", "64x64", "wg128x160", "wg128x128", "wg256x128" };
  const Case *test = expectation->test;
  const double rounding = prover_rounding (prover->launcher->type);
  GessoProduct product = expectation->product;
  const GessoConvShape *shape = &product.conv;
  const double k = (double) (shape->kernel_height * shape->kernel_width * shape->channels);
  const double operations = (double) product.n_members * (double) (product.end - product.begin)
                            * (double) product.columns * (product.geglu ? 4 : 2);
  g_autofree char *what = NULL;
  Values *results[GESSO_MOST_MEMBERS];
  gboolean is_made;

  product.way = *way;
  is_made = launch (prover, expectation, &product, results);
  what = g_strdup_printf ("product %dx%dx%dx%d %s%d %dx%d/%d%s%s%s%s %s %d", test->n, shape->height, shape->width,
                          shape->channels, test->geglu ? "geglu " : "", test->out_channels, shape->kernel_height,
                          shape->kernel_width, shape->stride, test->virtual_height ? " enlarged" : "",
                          test->residual ? " residual" : "", test->activation ? " activation" : "",
                          test->band ? " band" : "", name ? name : tile_names[way->tile], way->parts);
  for (int i = 0; i < product.n_members && is_made; i++)
    {
      g_autofree char *member
          = product.n_members > 1 ? g_strdup_printf ("%s, %d of %d", what, i + 1, product.n_members) : g_strdup (what);

      prover_compare (prover, member, results[i], expectation->members[i].expected, 2e-5 * sqrt (k) + rounding * 0.1,
                      rounding * 1.05, operations * k);
      if (product.n_members > 1)
        prove_alone (prover, expectation, &product, i, results[i], member);
    }
  for (int i = 0; i < product.n_members; i++)
    values_free (prover, results[i]);
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

        if (gesso_product_has_tile (prover->launcher, product, way.tile)
            && parts <= gesso_product_stages (product, way.tile))
          prove_way (prover, expectation, &way, NULL);
      }
  if (gesso_product_lt_can (prover->launcher, product))
    prover_must (prover, gesso_product_lt_ways (prover->launcher, product, ways, (int) G_N_ELEMENTS (ways), &n, &error),
                 &error);
  for (int i = 0; i < n; i++)
    prove_way (prover, expectation, &ways[i], "cuBLASLt");
}

static Member
make_member (Prover *prover, const Case *test, const GessoConvShape *shape, const Values *x, gint64 begin, gint64 end)
{
  const GessoDType type = prover->launcher->type;
  const int weight_rows = test->geglu ? 2 * test->out_channels : test->out_channels;
  const int packed_rows = test->geglu ? (test->out_channels + 7) / 8 * 16 : test->out_channels;
  const gsize k = (gsize) (shape->kernel_height * shape->kernel_width * shape->channels), pitch = (k + 7) / 8 * 8;
  const gsize n = (gsize) (test->n * shape->out_height * shape->out_width * test->out_channels);
  Values *w = values_random (prover, type, (gsize) weight_rows * k, 1.7 / sqrt ((double) k));
  g_autofree float *packed = g_new0 (float, (gsize) packed_rows *pitch);
  g_autofree double *sums = g_new (double, (gsize) weight_rows);
  Member self = { .expected = g_new0 (double, n) };

  if (test->bias)
    {
      self.lt_bias = values_random (prover, type, (gsize) packed_rows, 1.0);
      self.bias = values_new (prover, GESSO_DTYPE_F32, (gsize) packed_rows, self.lt_bias->values);
    }
  if (test->residual)
    self.residual = values_random (prover, type, n, 1.0);
  for (int o = 0; o < weight_rows; o++)
    memcpy (packed + (gsize) packed_row (test, o) * pitch, w->values + (gsize) o * k, k * sizeof *packed);
  self.weight = values_new (prover, type, (gsize) packed_rows * pitch, packed);
  for (gint64 row = begin; row < end; row++)
    {
      reference_row (shape, x->values, w->values, weight_rows, row, sums);
      for (int o = 0; o < test->out_channels; o++)
        {
          const gsize place = (gsize) (row * test->out_channels + o);
          const float *bias = self.bias ? self.bias->values : NULL;
          double value = sums[o] + (bias ? (double) bias[packed_row (test, o)] : 0.0);

          if (test->geglu)
            value *= reference_gelu (sums[o + test->out_channels]
                                     + (bias ? (double) bias[packed_row (test, o + test->out_channels)] : 0.0));
          value = reference_activate (test->activation, value);
          self.expected[place] = value + (self.residual ? (double) self.residual->values[place] : 0.0);
        }
    }
  values_free (prover, w);
  return self;
}

static void
free_member (Prover *prover, Member *self)
{
  values_free (prover, self->weight);
  values_free (prover, self->bias);
  values_free (prover, self->lt_bias);
  values_free (prover, self->residual);
  g_free (self->expected);
}

static void
prove_case (Prover *prover, const Case *test)
{
  const GessoConvShape shape = shape_of (test);
  const gint64 rows = (gint64) test->n * shape.out_height * shape.out_width;
  const gint64 begin = test->band ? rows / 2 : 0, end = test->band ? MIN (rows, begin + test->band) : rows;
  Values *x = values_random (prover, prover->launcher->type,
                             (gsize) (test->n * shape.height * shape.width * shape.channels), 1.0);
  Member members[GESSO_MOST_MEMBERS];
  Expectation expectation = { .test = test,
                              .product = { .input = x->address,
                                           .n_members = 1 + test->others,
                                           .conv = shape,
                                           .begin = begin,
                                           .end = end,
                                           .columns = test->out_channels,
                                           .geglu = test->geglu,
                                           .activation = test->activation },
                              .n = (gsize) (rows * test->out_channels),
                              .members = members };

  for (int i = 0; i <= test->others; i++)
    {
      members[i] = make_member (prover, test, &shape, x, begin, end);
      expectation.product.member[i] = (GessoProductMember) { .weight = members[i].weight->address,
                                                             .bias = values_address (members[i].bias),
                                                             .residual = values_address (members[i].residual) };
      expectation.product.lt_bias[i] = values_address (members[i].lt_bias);
    }
  prove_ways (prover, &expectation);
  for (int i = 0; i <= test->others; i++)
    free_member (prover, &members[i]);
  values_free (prover, x);
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

/* The same of `members` layers. */
static Case
group_case (int members, Case test)
{
  test.others = members - 1;
  return test;
}

void
prove_products (Prover *prover)
{
  const Case cases[] = {
    { 1, 16, 16, 64, 128, 3, 3, 1, 1, 1, 1, 1, 0, 0, TRUE, TRUE, FALSE, GESSO_ACTIVATION_NONE, 0, 0 },
    { 2, 9, 7, 32, 40, 3, 3, 1, 1, 1, 1, 1, 0, 0, TRUE, FALSE, FALSE, GESSO_ACTIVATION_SILU, 0, 0 },
    { 1, 17, 20, 96, 160, 3, 3, 2, 1, 1, 1, 1, 0, 0, TRUE, TRUE, FALSE, GESSO_ACTIVATION_NONE, 0, 0 },
    /* the VAE's downsampling: padding at the bottom and the right only */
    { 1, 8, 10, 40, 24, 3, 3, 2, 0, 0, 1, 1, 0, 0, TRUE, FALSE, FALSE, GESSO_ACTIVATION_NONE, 0, 0 },
    { 2, 5, 6, 64, 64, 3, 3, 1, 1, 1, 1, 1, 10, 12, TRUE, FALSE, FALSE, GESSO_ACTIVATION_NONE, 0, 0 },
    { 1, 5, 6, 16, 8, 3, 3, 1, 1, 1, 1, 1, 9, 11, TRUE, FALSE, FALSE, GESSO_ACTIVATION_NONE, 0, 0 },
    { 2, 12, 12, 4, 320, 3, 3, 1, 1, 1, 1, 1, 0, 0, TRUE, FALSE, FALSE, GESSO_ACTIVATION_NONE, 0, 0 },
    { 2, 12, 12, 320, 4, 3, 3, 1, 1, 1, 1, 1, 0, 0, TRUE, FALSE, FALSE, GESSO_ACTIVATION_NONE, 0, 0 },
    { 1, 1, 1, 8, 3, 3, 3, 1, 1, 1, 1, 1, 0, 0, TRUE, FALSE, FALSE, GESSO_ACTIVATION_NONE, 0, 0 },
    { 1, 3, 3, 4, 4, 1, 1, 1, 0, 0, 0, 0, 0, 0, TRUE, FALSE, FALSE, GESSO_ACTIVATION_NONE, 0, 0 },
    linear_case (1, 320, 1280, FALSE, GESSO_ACTIVATION_SILU),
    linear_case (154, 768, 72, FALSE, GESSO_ACTIVATION_QUICK_GELU),
    linear_case (100, 64, 129, FALSE, GESSO_ACTIVATION_GELU),
    linear_case (77, 96, 136, FALSE, GESSO_ACTIVATION_NONE),
    { 2, 7, 9, 72, 40, 1, 1, 1, 0, 0, 0, 0, 0, 0, TRUE, TRUE, FALSE, GESSO_ACTIVATION_NONE, 0, 0 },
    { 2, 7, 9, 72, 40, 1, 1, 1, 0, 0, 0, 0, 0, 0, FALSE, TRUE, FALSE, GESSO_ACTIVATION_NONE, 30, 0 },
    linear_case (130, 320, 80, TRUE, GESSO_ACTIVATION_NONE),
    linear_case (65, 72, 21, TRUE, GESSO_ACTIVATION_NONE),
    linear_case (33, 27, 12, TRUE, GESSO_ACTIVATION_NONE),
    group_case (2, linear_case (154, 96, 40, FALSE, GESSO_ACTIVATION_NONE)),
    group_case (3, linear_case (130, 136, 72, FALSE, GESSO_ACTIVATION_NONE)),
    group_case (4, linear_case (1, 320, 136, FALSE, GESSO_ACTIVATION_SILU)),
    group_case (2, linear_case (65, 104, 21, TRUE, GESSO_ACTIVATION_NONE)),
    group_case (3, linear_case (70, 99, 19, FALSE, GESSO_ACTIVATION_GELU)),
    group_case (
        3, (Case) { 2, 7, 9, 104, 136, 1, 1, 1, 0, 0, 0, 0, 0, 0, TRUE, TRUE, FALSE, GESSO_ACTIVATION_NONE, 50, 0 }),
    group_case (
        3, (Case) { 1, 9, 11, 72, 64, 1, 1, 1, 0, 0, 0, 0, 0, 0, FALSE, FALSE, FALSE, GESSO_ACTIVATION_NONE, 0, 0 }),
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    prove_case (prover, &cases[i]);
  for (int i = 0; i < (prover->quick ? 6 : 60); i++)
    {
      const Case test = random_case ();

      prove_case (prover, &test);
    }
}
