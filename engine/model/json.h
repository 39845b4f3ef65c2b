/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * JSON files, bounded before json-glib sees them, and errors that name file, key and value.
 */

#pragma once

#include "platform-file.h"
#include <json-glib/json-glib.h>

/* The object that `text` (of `length` bytes, followed by a NUL; NaN and infinities in it become what is no number)
 * holds. `path` is for messages. MODEL_INVALID when it is damaged, nested too deeply or no object. */
JsonNode *gesso_json_parse (const char *path, char *text, gsize length, GError **error);

/* The object that the file `path` holds. */
JsonNode *gesso_json_read (const char *path, GCancellable *cancellable, GError **error);

/* `node` as JSON text, cut as gesso_text_shorten() does: for messages. */
char *gesso_json_to_text (JsonNode *node);

gboolean gesso_json_is_integer (JsonNode *node);
gboolean gesso_json_is_number (JsonNode *node);
gboolean gesso_json_is_boolean (JsonNode *node);
gboolean gesso_json_is_string (JsonNode *node);
