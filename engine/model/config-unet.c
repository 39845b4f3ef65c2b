/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * unet/config.json.
 */

#include "config-keys.h"
#include "configs.h"

#include <glib/gi18n-lib.h>
#include <string.h>

/* Transformer and residual blocks are listed one by one when the network is built. */
#define MAX_BLOCKS 1024

/* The embedding of the time has four times the first level's channels; diffusers can be told otherwise. */
static gboolean
check_time_embedding (const char *path, JsonObject *object, const GessoUnetConfig *config, GError **error)
{
  JsonNode *given = json_object_get_member (object, "time_embedding_dim");
  const int channels = config->block_out_channels[0];

  if (channels / 2 == config->freq_shift)
    return gesso_config_refuse_int (path, "freq_shift", channels / 2,
                                    _ ("is half of the first number of \"block_out_channels\", which leaves no "
                                       "frequencies"),
                                    error);
  if (!given || JSON_NODE_HOLDS_NULL (given)
      || (gesso_json_is_integer (given) && json_node_get_int (given) == 4 * channels))
    return TRUE;
  return gesso_config_refuse (path, "time_embedding_dim", given,
                              _ ("is not supported: only four times the first number of \"block_out_channels\" is"),
                              error);
}

static gboolean
check_levels (const char *path, const GessoUnetConfig *config, GError **error)
{
  const int last = config->n_levels - 1;
  int blocks = 0;

  for (int i = 0; i < config->n_levels; i++)
    {
      /* Up blocks count from the bottom: this is the one of level i. */
      const gboolean attends
          = config->down_has_attention[i] || config->up_has_attention[last - i] || (i == last && config->has_mid_block);

      if (config->block_out_channels[i] % config->norm_num_groups != 0)
        return gesso_config_refuse_int (path, "norm_num_groups", config->norm_num_groups,
                                        _ ("does not divide every number of \"block_out_channels\""), error);
      if (attends && config->block_out_channels[i] % config->num_attention_heads[i] != 0)
        return gesso_config_refuse_int (path, "attention_head_dim", config->num_attention_heads[i],
                                        _ ("(the number of heads) does not divide the \"block_out_channels\" of its "
                                           "level"),
                                        error);
      blocks += (2 * config->layers_per_block[i] + 1) * (1 + config->transformer_layers[i]);
    }
  if (blocks > MAX_BLOCKS)
    return gesso_config_refuse_int (path, "layers_per_block", config->layers_per_block[0],
                                    _ ("makes a network of more than a thousand blocks"), error);
  return TRUE;
}

/* Files from before diffusers 0.9 wrote a sample_size that was not the model's. */
static gboolean
is_before_0_9 (JsonObject *object)
{
  JsonNode *version = json_object_get_member (object, "_diffusers_version");
  char *end = NULL;
  const char *text;

  if (!version || !gesso_json_is_string (version))
    return FALSE;
  text = json_node_get_string (version);
  if (g_ascii_strtoull (text, &end, 10) != 0 || end == text || *end != '.')
    return FALSE;
  return g_ascii_isdigit (end[1]) && g_ascii_strtoull (end + 1, NULL, 10) < 9;
}

static void
mend_old_size (JsonObject *object, GessoUnetConfig *config)
{
  JsonNode *size = json_object_get_member (object, "sample_size");

  if (size && gesso_json_is_integer (size) && config->sample_height < 64 && is_before_0_9 (object))
    config->sample_height = config->sample_width = 64;
}

gboolean
gesso_unet_config_read (const char *path, GCancellable *cancellable, GessoUnetConfig *config, GError **error)
{
  g_autoptr (JsonNode) root = gesso_json_read (path, cancellable, error);
  JsonObject *object;

  if (!root)
    return FALSE;
  object = json_node_get_object (root);
  memset (config, 0, sizeof *config);
  if (!gesso_config_read (path, object, &gesso_unet_keys, config, error)
      || !check_time_embedding (path, object, config, error) || !check_levels (path, config, error))
    return FALSE;
  mend_old_size (object, config);
  return TRUE;
}
