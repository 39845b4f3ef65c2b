/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * text_encoder/config.json.
 */

#include "config-keys.h"
#include "configs.h"

#include <glib/gi18n-lib.h>
#include <string.h>

gboolean
gesso_text_config_read (const char *path, GCancellable *cancellable, GessoTextConfig *config, GError **error)
{
  g_autoptr (JsonNode) root = gesso_json_read (path, cancellable, error);
  JsonObject *object;
  JsonNode *inner;

  if (!root)
    return FALSE;
  object = json_node_get_object (root);
  /* The config of a whole CLIP holds that of its text half, and transformers takes it from there. */
  inner = json_object_get_member (object, "text_config");
  if (inner && JSON_NODE_HOLDS_OBJECT (inner))
    object = json_node_get_object (inner);
  memset (config, 0, sizeof *config);
  if (!gesso_config_read (path, object, &gesso_text_keys, config, error))
    return FALSE;
  if (config->hidden_size % config->num_attention_heads != 0)
    return gesso_config_refuse_int (path, "num_attention_heads", config->num_attention_heads,
                                    _ ("does not divide \"hidden_size\""), error);
  return TRUE;
}
