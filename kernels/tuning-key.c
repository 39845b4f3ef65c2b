/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "tuning-key.h"

static const gsize key_numbers[GESSO_N_TUNING_KINDS] = {
  [GESSO_TUNING_PRODUCT] = 22,
  [GESSO_TUNING_ATTENTION] = 10,
};

gsize
gesso_tuning_key_numbers (GessoTuningKind kind)
{
  return key_numbers[kind];
}

/* Those behind the kind; the rest are 0. */
static GessoTuningKey
make_key (GessoTuningKind kind, const gint64 *numbers, gsize n)
{
  GessoTuningKey key = { { (gint32) kind } };

  g_assert (n == key_numbers[kind] && n < G_N_ELEMENTS (key.numbers));
  for (gsize i = 0; i < n; i++)
    key.numbers[1 + i] = (gint32) numbers[i];
  return key;
}

/* Of a plain product it does not matter how the pixels lie. */
static GessoConvShape
shape_of (const GessoProduct *product)
{
  GessoProduct plain = *product;

  if (gesso_product_is_linear (product))
    gesso_product_linear (&plain, 0, product->conv.channels, product->columns, product->geglu);
  return plain.conv;
}

GessoTuningKey
gesso_tuning_product_key (GessoDType type, const GessoProduct *product)
{
  const GessoConvShape conv = shape_of (product);
  const gint64 numbers[] = { (gint64) type,
                             product->n_members,
                             product->end - product->begin,
                             gesso_product_least_rows (product),
                             product->columns,
                             product->geglu,
                             (gint64) product->activation,
                             product->member[0].bias != 0,
                             product->lt_bias[0] != 0,
                             product->member[0].residual != 0,
                             conv.height,
                             conv.width,
                             conv.channels,
                             conv.virtual_height,
                             conv.virtual_width,
                             conv.out_height,
                             conv.out_width,
                             conv.kernel_height,
                             conv.kernel_width,
                             conv.stride,
                             conv.pad_top,
                             conv.pad_left };

  return make_key (GESSO_TUNING_PRODUCT, numbers, G_N_ELEMENTS (numbers));
}

GessoTuningKey
gesso_tuning_attention_key (GessoDType type, const GessoAttention *attention)
{
  const GessoAttentionShape *shape = &attention->shape;
  const gint64 numbers[]
      = { (gint64) type, attention->pictures, shape->end - shape->begin, shape->keys,    shape->heads,
          shape->width,  shape->q_pitch,      shape->kv_pitch,           shape->sharing, shape->causal };

  return make_key (GESSO_TUNING_ATTENTION, numbers, G_N_ELEMENTS (numbers));
}
