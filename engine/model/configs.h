/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Readers of a model's configuration files: each fills in a struct of engine/config.h, checks that the values fit one
 * another, and refuses what the engine cannot do by file, key and value.
 */

#pragma once

#include "../config.h"
#include <gio/gio.h>

gboolean gesso_text_config_read (const char *path, GCancellable *cancellable, GessoTextConfig *config, GError **error);
gboolean gesso_unet_config_read (const char *path, GCancellable *cancellable, GessoUnetConfig *config, GError **error);
gboolean gesso_vae_config_read (const char *path, GCancellable *cancellable, GessoVaeConfig *config, GError **error);

/* `class_name`: the scheduler that model_index.json asks for. The result is freed with gesso_scheduler_config_clear(),
 * also after an error. */
gboolean gesso_scheduler_config_read (const char *path, const char *class_name, GCancellable *cancellable,
                                      GessoSchedulerConfig *config, GError **error);
void gesso_scheduler_config_clear (GessoSchedulerConfig *config);
