/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "fuzz-weights.h"

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  GError *error = NULL;
  GessoWeights *weights = gesso_weights_open_torch_zip (fuzz_file (data, size), NULL, &error);

  fuzz_weights (weights, &error);
  return 0;
}
