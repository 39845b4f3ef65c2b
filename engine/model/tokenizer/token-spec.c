/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "token-spec.h"

#include <glib/gi18n-lib.h>
#include <string.h>

GessoTokenSpec *
gesso_token_spec_new (const char *content, gboolean plain)
{
  GessoTokenSpec *spec = g_new0 (GessoTokenSpec, 1);

  spec->content = g_strdup (content);
  spec->plain = plain;
  spec->normalized = -1;
  return spec;
}

void
gesso_token_spec_free (GessoTokenSpec *spec)
{
  g_free (spec->content);
  g_free (spec);
}

gboolean
gesso_token_spec_is_normalized (const GessoTokenSpec *spec)
{
  return spec->normalized < 0 ? !spec->special : spec->normalized;
}

char *
gesso_token_spec_key (const GessoTokenSpec *spec)
{
  if (spec->plain)
    return g_strconcat ("text ", spec->content, NULL);
  return g_strdup_printf ("object %d%d%d%d%d %s", spec->special, spec->single_word, spec->lstrip, spec->rstrip,
                          gesso_token_spec_is_normalized (spec), spec->content);
}

GessoTokenSpec *
gesso_token_spec_read_object (GessoJsonScan *scan, gint64 *id)
{
  GessoTokenSpec *spec = gesso_token_spec_new (NULL, FALSE);
  const char *key;

  gesso_json_scan_enter (scan, '{');
  while (gesso_json_scan_next (scan, &key))
    {
      if (strcmp (key, "content") == 0)
        {
          const char *content = gesso_json_scan_string (scan);

          g_free (spec->content);
          spec->content = g_strdup (content);
        }
      else if (strcmp (key, "__type") == 0 && gesso_json_scan_peek (scan) == '"')
        spec->typed = g_strcmp0 (gesso_json_scan_string (scan), "AddedToken") == 0;
      else if (strcmp (key, "normalized") == 0)
        {
          gboolean value;

          if (gesso_json_scan_boolean (scan, &value))
            spec->normalized = value;
        }
      else if (strcmp (key, "special") == 0)
        gesso_json_scan_boolean (scan, &spec->special);
      else if (strcmp (key, "single_word") == 0)
        gesso_json_scan_boolean (scan, &spec->single_word);
      else if (strcmp (key, "lstrip") == 0)
        gesso_json_scan_boolean (scan, &spec->lstrip);
      else if (strcmp (key, "rstrip") == 0)
        gesso_json_scan_boolean (scan, &spec->rstrip);
      else if (strcmp (key, "id") == 0 && id)
        gesso_json_scan_integer (scan, id);
      else
        gesso_json_scan_skip (scan);
    }
  if (!spec->content)
    {
      gesso_json_scan_fail (scan, _ ("a token has no “content”"));
      spec->content = g_strdup ("");
    }
  return spec;
}

GessoTokenSpec *
gesso_token_spec_read (GessoJsonScan *scan, gboolean in_config)
{
  GessoTokenSpec *spec;

  switch (gesso_json_scan_peek (scan))
    {
    case '"':
      return gesso_token_spec_new (gesso_json_scan_string (scan), TRUE);
    case 'n':
      gesso_json_scan_skip (scan);
      return NULL;
    case '{':
      spec = gesso_token_spec_read_object (scan, NULL);
      if (in_config && !spec->typed)
        g_clear_pointer (&spec->content, g_free);
      spec->typed = in_config;
      spec->special |= !in_config;
      return spec;
    default:
      gesso_json_scan_skip (scan);
      return gesso_token_spec_new (NULL, FALSE);
    }
}

static void
clear_named (gpointer data)
{
  g_free (((GessoNamedToken *) data)->key);
}

void
gesso_named_tokens_init (GessoNamedTokens *named)
{
  named->tokens = g_array_new (FALSE, FALSE, sizeof (GessoNamedToken));
  g_array_set_clear_func (named->tokens, clear_named);
  named->places = g_hash_table_new (g_str_hash, g_str_equal);
}

void
gesso_named_tokens_clear (GessoNamedTokens *named)
{
  g_hash_table_unref (named->places);
  g_array_unref (named->tokens);
}

guint
gesso_named_tokens_size (const GessoNamedTokens *named)
{
  return named->tokens->len;
}

GessoNamedToken *
gesso_named_tokens_get (const GessoNamedTokens *named, guint i)
{
  return &g_array_index (named->tokens, GessoNamedToken, i);
}

void
gesso_named_tokens_set (GessoNamedTokens *named, const char *key, GessoTokenSpec *spec)
{
  GessoNamedToken token = { NULL, spec };
  gpointer place;

  if (g_hash_table_lookup_extended (named->places, key, NULL, &place))
    {
      gesso_named_tokens_get (named, GPOINTER_TO_UINT (place))->spec = spec;
      return;
    }
  token.key = g_strdup (key);
  g_hash_table_insert (named->places, token.key, GUINT_TO_POINTER (named->tokens->len));
  g_array_append_val (named->tokens, token);
}

void
gesso_named_tokens_set_all (GessoNamedTokens *named, const GessoNamedTokens *more)
{
  for (guint i = 0; i < gesso_named_tokens_size (more); i++)
    {
      const GessoNamedToken *token = gesso_named_tokens_get (more, i);

      gesso_named_tokens_set (named, token->key, token->spec);
    }
}
