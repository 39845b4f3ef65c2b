/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "fuzz.h"
#include "model/torch-pickle.h"

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GessoTorchDict) dict = gesso_torch_dict_read ("model.bin", data, size, NULL, &error);

  fuzz_check (dict != NULL, &error);
  return 0;
}
