/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * scheduler/scheduler_config.json.
 */

#include "../shown-text.h"
#include "config-keys.h"
#include "configs.h"

#include <glib/gi18n-lib.h>
#include <string.h>

/* trained_betas: a list of one beta for each training step, which takes the place of the schedule. */
static gboolean
read_trained_betas (const char *path, JsonObject *object, GessoSchedulerConfig *config, GError **error)
{
  JsonNode *given = json_object_get_member (object, "trained_betas");
  JsonArray *array;
  g_autofree char *what = NULL;

  if (!given || JSON_NODE_HOLDS_NULL (given))
    return TRUE;
  array = JSON_NODE_HOLDS_ARRAY (given) ? json_node_get_array (given) : NULL;
  if (!array || json_array_get_length (array) != (guint) config->num_train_timesteps)
    {
      what = g_strdup_printf (_ ("should be a list of as many numbers as \"num_train_timesteps\", %d"),
                              config->num_train_timesteps);
      return gesso_config_refuse (path, "trained_betas", given, what, error);
    }
  config->beta_schedule = GESSO_BETAS_TRAINED;
  config->trained_betas = g_new0 (double, (gsize) config->num_train_timesteps);
  for (int i = 0; i < config->num_train_timesteps; i++)
    {
      JsonNode *element = json_array_get_element (array, (guint) i);

      config->trained_betas[i] = gesso_json_is_number (element) ? json_node_get_double (element) : -1;
      if (!(config->trained_betas[i] > 0 && config->trained_betas[i] < 1))
        return gesso_config_refuse (path, "trained_betas", element, _ ("is no number between 0 and 1"), error);
    }
  return TRUE;
}

gboolean
gesso_scheduler_config_read (const char *path, const char *class_name, GCancellable *cancellable,
                             GessoSchedulerConfig *config, GError **error)
{
  g_autoptr (JsonNode) root = gesso_json_read (path, cancellable, error);
  JsonObject *object;

  memset (config, 0, sizeof *config);
  if (!root)
    return FALSE;
  object = json_node_get_object (root);
  config->class_name = gesso_text_shorten (class_name); /* it is shown */
  config->is_pndm = strcmp (class_name, "PNDMScheduler") == 0;
  /* Whatever the file says, StableDiffusionPipeline corrects it to 1. But where another scheduler's file says nothing,
   * PNDMScheduler.from_config() takes the corrected value for a default of that scheduler, and its own, 0, instead. */
  config->steps_offset = config->is_pndm || json_object_has_member (object, "steps_offset");
  return gesso_config_read (path, object, &gesso_scheduler_keys, config, error)
         && read_trained_betas (path, object, config, error);
}

void
gesso_scheduler_config_clear (GessoSchedulerConfig *config)
{
  g_clear_pointer (&config->class_name, g_free);
  g_clear_pointer (&config->trained_betas, g_free);
}
