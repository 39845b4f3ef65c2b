/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What stands for a thing in the tuning table, and in the file's lines.
 */

#pragma once

#include "tuning.h"

/* The first number of a key. */
typedef enum
{
  GESSO_TUNING_PRODUCT,
  GESSO_TUNING_ATTENTION,
  GESSO_N_TUNING_KINDS,
} GessoTuningKind;

/* How many numbers stand behind the kind; the rest are 0. */
gsize gesso_tuning_key_numbers (GessoTuningKind kind);

/* Of a product of values of `type`, whose addresses count only in being there or not; and of attention, whose addresses
 * do not count. */
GessoTuningKey gesso_tuning_product_key (GessoDType type, const GessoProduct *product);
GessoTuningKey gesso_tuning_attention_key (GessoDType type, const GessoAttention *attention);
