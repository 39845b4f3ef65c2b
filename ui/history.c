/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include <json-glib/json-glib.h>

#include "history.h"

enum
{
  MAX_PROMPTS = 50,
};

static const char member[] = "prompts";

struct _GessoHistory
{
  char *file;
  GPtrArray *prompts; /* of char *, the newest first, NULL-terminated */
};

static GPtrArray *
prompts_new (void)
{
  return g_ptr_array_new_null_terminated (MAX_PROMPTS, g_free, TRUE);
}

static void
append (GPtrArray *prompts, const char *prompt)
{
  if (prompts->len < MAX_PROMPTS && prompt && *prompt && g_utf8_validate (prompt, -1, NULL)
      && !g_ptr_array_find_with_equal_func (prompts, prompt, g_str_equal, NULL))
    g_ptr_array_add (prompts, g_strdup (prompt));
}

/* Adds what the file holds; a file that is not a history counts as empty. */
static void
append_file (GPtrArray *prompts, const char *file)
{
  g_autoptr (JsonParser) parser = json_parser_new_immutable ();
  JsonNode *root;
  JsonArray *array = NULL;

  if (!json_parser_load_from_file (parser, file, NULL))
    return;
  root = json_parser_get_root (parser);
  if (root && JSON_NODE_HOLDS_OBJECT (root))
    {
      JsonNode *node = json_object_get_member (json_node_get_object (root), member);

      array = node && JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;
    }
  for (guint i = 0; array && i < json_array_get_length (array); i++)
    {
      JsonNode *node = json_array_get_element (array, i);

      if (JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_STRING)
        append (prompts, json_node_get_string (node));
    }
}

/* What cannot be written is remembered until the dialog closes. */
static void
save (GessoHistory *self)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  g_autoptr (JsonGenerator) generator = json_generator_new ();
  g_autoptr (JsonNode) root = NULL;
  g_autofree char *folder = g_path_get_dirname (self->file);
  g_autofree char *data = NULL;
  gsize length;

  json_builder_begin_object (builder);
  json_builder_set_member_name (builder, member);
  json_builder_begin_array (builder);
  for (guint i = 0; i < self->prompts->len; i++)
    json_builder_add_string_value (builder, g_ptr_array_index (self->prompts, i));
  json_builder_end_array (builder);
  json_builder_end_object (builder);
  root = json_builder_get_root (builder);
  json_generator_set_root (generator, root);
  json_generator_set_pretty (generator, TRUE);
  data = json_generator_to_data (generator, &length);
  g_mkdir_with_parents (folder, 0700);
  /* Prompts are private. */
  g_file_set_contents_full (self->file, data, length, G_FILE_SET_CONTENTS_CONSISTENT, 0600, NULL);
}

GessoHistory *
gesso_history_new (const char *file)
{
  GessoHistory *self = g_new0 (GessoHistory, 1);

  self->file = g_strdup (file);
  self->prompts = prompts_new ();
  append_file (self->prompts, file);
  return self;
}

void
gesso_history_free (GessoHistory *self)
{
  if (!self)
    return;
  g_ptr_array_unref (self->prompts);
  g_free (self->file);
  g_free (self);
}

void
gesso_history_add (GessoHistory *self, const char *prompt)
{
  g_autoptr (GPtrArray) old = self->prompts;
  g_autofree char *stripped = g_strstrip (g_strdup (prompt ? prompt : ""));

  if (!*stripped || !g_utf8_validate (prompt, -1, NULL))
    {
      g_steal_pointer (&old);
      return;
    }
  self->prompts = prompts_new ();
  append (self->prompts, prompt);
  for (guint i = 0; i < old->len; i++)
    append (self->prompts, g_ptr_array_index (old, i));
  /* Another dialog may have added to the file meanwhile. */
  append_file (self->prompts, self->file);
  save (self);
}

const char *const *
gesso_history_get_prompts (GessoHistory *self)
{
  return (const char *const *) self->prompts->pdata;
}
