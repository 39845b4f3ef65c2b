/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * vae/config.json.
 */

#include "config-keys.h"
#include "configs.h"

#include <glib/gi18n-lib.h>
#include <string.h>

gboolean
gesso_vae_config_read (const char *path, GCancellable *cancellable, GessoVaeConfig *config, GError **error)
{
  g_autoptr (JsonNode) root = gesso_json_read (path, cancellable, error);

  if (!root)
    return FALSE;
  memset (config, 0, sizeof *config);
  if (!gesso_config_read (path, json_node_get_object (root), &gesso_vae_keys, config, error))
    return FALSE;
  for (int i = 0; i < config->n_levels; i++)
    if (config->block_out_channels[i] % config->norm_num_groups != 0)
      return gesso_config_refuse_int (path, "norm_num_groups", config->norm_num_groups,
                                      _ ("does not divide every number of \"block_out_channels\""), error);
  return TRUE;
}
