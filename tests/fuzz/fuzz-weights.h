/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "fuzz.h"
#include "model/weights.h"

/* Asks everything of a weights file that was opened (or not). Frees it. */
static inline void
fuzz_weights (GessoWeights *weights, GError **error)
{
  fuzz_check (weights != NULL, error);
  for (guint i = 0; weights && i < gesso_weights_count (weights); i++)
    {
      const char *name = gesso_weights_name (weights, i);
      float values[64];
      gint64 elements;
      GessoShape shape;
      GessoDType dtype;

      if (!gesso_weights_find (weights, name, &shape, &dtype))
        {
          fuzz_check (gesso_weights_read (weights, name, 0, 1, GESSO_DTYPE_F32, values, error), error);
          continue;
        }
      elements = gesso_shape_elements (&shape);
      fuzz_check (gesso_weights_read (weights, name, 0, MIN (elements, 64), GESSO_DTYPE_F32, values, error), error);
      fuzz_check (gesso_weights_read (weights, name, MAX (elements - 64, 0), MIN (elements, 64), GESSO_DTYPE_BF16,
                                      values, error),
                  error);
    }
  gesso_weights_free (weights);
}
