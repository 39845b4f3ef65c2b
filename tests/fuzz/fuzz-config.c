/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The first byte says whose configuration the rest is.
 */

#include "fuzz.h"
#include "model/configs.h"
#include "model/model-index.h"
#include "model/shards.h"

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *scheduler = NULL;
  g_autoptr (GPtrArray) shards = NULL;
  GessoSchedulerConfig scheduler_config;
  GessoTextConfig text_config;
  GessoUnetConfig unet_config;
  GessoVaeConfig vae_config;
  const char *path;

  if (size == 0)
    return 0;
  path = fuzz_file (data + 1, size - 1);
  switch (data[0] % 6)
    {
    case 0:
      fuzz_check (gesso_text_config_read (path, NULL, &text_config, &error), &error);
      break;
    case 1:
      fuzz_check (gesso_unet_config_read (path, NULL, &unet_config, &error), &error);
      break;
    case 2:
      fuzz_check (gesso_vae_config_read (path, NULL, &vae_config, &error), &error);
      break;
    case 3:
      fuzz_check (gesso_scheduler_config_read (path, "PNDMScheduler", NULL, &scheduler_config, &error), &error);
      gesso_scheduler_config_clear (&scheduler_config);
      break;
    case 4:
      fuzz_check (gesso_model_index_read_file (path, NULL, &scheduler, &error), &error);
      break;
    default:
      shards = gesso_shards_names (path, NULL, &error);
      fuzz_check (shards != NULL, &error);
      break;
    }
  return 0;
}
