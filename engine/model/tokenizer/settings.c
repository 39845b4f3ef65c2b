/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "settings.h"
#include "../../gesso.h"

#include <glib/gi18n-lib.h>
#include <string.h>

static const struct
{
  const char *key;
  const char *content;
} defaults[GESSO_N_NAMED_TOKENS] = {
  [GESSO_TOKEN_BOS] = { "bos_token", "<|startoftext|>" },
  [GESSO_TOKEN_EOS] = { "eos_token", "<|endoftext|>" },
  [GESSO_TOKEN_UNK] = { "unk_token", "<|endoftext|>" },
  [GESSO_TOKEN_SEP] = { "sep_token", NULL },
  [GESSO_TOKEN_PAD] = { "pad_token", "<|endoftext|>" },
  [GESSO_TOKEN_CLS] = { "cls_token", NULL },
  [GESSO_TOKEN_MASK] = { "mask_token", NULL },
};

typedef struct
{
  gint64 id;
  GessoTokenSpec *spec;
  guint order; /* sorting by id keeps it */
} NumberedToken;

static void
free_spec (gpointer data)
{
  GessoTokenSpec *spec = data;

  g_free (spec->content);
  g_free (spec);
}

static void
clear_named (gpointer data)
{
  g_free (((GessoNamedToken *) data)->key);
}

static GessoTokenSpec *
new_spec (GessoTokenizerSettings *settings, const char *content, gboolean plain)
{
  GessoTokenSpec *spec = g_new0 (GessoTokenSpec, 1);

  spec->content = g_strdup (content);
  spec->plain = plain;
  spec->normalized = -1;
  g_ptr_array_add (settings->specs, spec);
  return spec;
}

gboolean
gesso_token_spec_is_normalized (const GessoTokenSpec *spec)
{
  return spec->normalized < 0 ? !spec->special : spec->normalized;
}

/* Sets the token of `key`; a new key goes to the end. */
static void
set_named (GArray *named, const char *key, GessoTokenSpec *spec)
{
  GessoNamedToken token = { NULL, TRUE, spec };

  for (guint i = 0; i < named->len; i++)
    {
      GessoNamedToken *old = &g_array_index (named, GessoNamedToken, i);

      if (strcmp (old->key, key) == 0)
        {
          old->given = TRUE;
          old->spec = spec;
          return;
        }
    }
  token.key = g_strdup (key);
  g_array_append_val (named, token);
}

GessoTokenizerSettings *
gesso_tokenizer_settings_new (void)
{
  GessoTokenizerSettings *settings = g_new0 (GessoTokenizerSettings, 1);

  settings->specs = g_ptr_array_new_with_free_func (free_spec);
  settings->named = g_array_new (FALSE, FALSE, sizeof (GessoNamedToken));
  g_array_set_clear_func (settings->named, clear_named);
  settings->explicit = g_array_new (FALSE, FALSE, sizeof (GessoNamedToken));
  g_array_set_clear_func (settings->explicit, clear_named);
  settings->numbered = g_array_new (FALSE, FALSE, sizeof (NumberedToken));
  settings->model_max_length = settings->max_len = -1;
  for (int i = 0; i < GESSO_N_NAMED_TOKENS; i++)
    {
      const char *content = defaults[i].content;

      set_named (settings->named, defaults[i].key, content ? new_spec (settings, content, TRUE) : NULL);
      g_array_index (settings->named, GessoNamedToken, i).given = FALSE;
    }
  return settings;
}

void
gesso_tokenizer_settings_free (GessoTokenizerSettings *settings)
{
  if (!settings)
    return;
  g_array_unref (settings->named);
  g_array_unref (settings->explicit);
  g_array_unref (settings->numbered);
  g_clear_pointer (&settings->extra, g_ptr_array_unref);
  g_clear_pointer (&settings->additional, g_ptr_array_unref);
  g_ptr_array_unref (settings->specs);
  g_free (settings->padding_side);
  g_free (settings->truncation_side);
  g_free (settings);
}

/* The object that comes next as a token; `id` (nullable) is set if it has one. */
static GessoTokenSpec *
read_object (GessoTokenizerSettings *settings, GessoJsonScan *scan, gint64 *id)
{
  GessoTokenSpec *spec = new_spec (settings, NULL, FALSE);
  const char *key;

  gesso_json_scan_enter (scan, '{');
  while (gesso_json_scan_next (scan, &key))
    {
      gboolean value;

      if (strcmp (key, "content") == 0)
        {
          const char *content = gesso_json_scan_string (scan);

          g_free (spec->content);
          spec->content = g_strdup (content);
        }
      else if (strcmp (key, "__type") == 0 && gesso_json_scan_peek (scan) == '"')
        spec->typed = g_strcmp0 (gesso_json_scan_string (scan), "AddedToken") == 0;
      else if (strcmp (key, "normalized") == 0 && gesso_json_scan_boolean (scan, &value))
        spec->normalized = value;
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
  if (!spec->content && !scan->error)
    gesso_json_scan_fail (scan, _ ("a token has no “content”"));
  return spec;
}

/* The token that comes next: a text, null (NULL) or an object. In tokenizer_config.json (`in_config`) an object is one
 * only if it says so; in special_tokens_map.json every token is special. */
static GessoTokenSpec *
read_token (GessoTokenizerSettings *settings, GessoJsonScan *scan, gboolean in_config)
{
  GessoTokenSpec *spec;

  switch (gesso_json_scan_peek (scan))
    {
    case '"':
      return new_spec (settings, gesso_json_scan_string (scan), TRUE);
    case 'n':
      gesso_json_scan_skip (scan);
      return NULL;
    case '{':
      spec = read_object (settings, scan, NULL);
      if (in_config && !spec->typed)
        g_clear_pointer (&spec->content, g_free);
      spec->typed = in_config;
      if (!in_config)
        spec->special = TRUE;
      return spec;
    default:
      gesso_json_scan_skip (scan);
      return new_spec (settings, NULL, FALSE);
    }
}

static gboolean
specs_equal (const GessoTokenSpec *a, const GessoTokenSpec *b)
{
  if (a->plain != b->plain || g_strcmp0 (a->content, b->content) != 0)
    return FALSE;
  return a->plain
         || (a->special == b->special && a->single_word == b->single_word && a->lstrip == b->lstrip
             && a->rstrip == b->rstrip && gesso_token_spec_is_normalized (a) == gesso_token_spec_is_normalized (b));
}

static gboolean
contains_equal (GPtrArray *specs, const GessoTokenSpec *spec)
{
  for (guint i = 0; i < specs->len; i++)
    if (specs_equal (g_ptr_array_index (specs, i), spec))
      return TRUE;
  return FALSE;
}

/* The list of further special tokens that comes next is appended to *list; an object of them gives them names. */
static void
read_extra (GessoTokenizerSettings *settings, GessoJsonScan *scan, gboolean in_config, GPtrArray **list)
{
  const char *key;

  switch (gesso_json_scan_peek (scan))
    {
    case '[':
      if (!*list)
        *list = g_ptr_array_new ();
      gesso_json_scan_enter (scan, '[');
      while (gesso_json_scan_next (scan, NULL))
        {
          GessoTokenSpec *spec = read_token (settings, scan, in_config);

          if (spec && !contains_equal (*list, spec))
            g_ptr_array_add (*list, spec);
        }
      break;
    case '{':
      gesso_json_scan_enter (scan, '{');
      while (gesso_json_scan_next (scan, &key))
        {
          g_autofree char *name = g_strdup (key);
          GessoTokenSpec *spec = read_token (settings, scan, in_config);

          if (spec)
            set_named (settings->explicit, name, spec);
        }
      break;
    default:
      gesso_json_scan_skip (scan);
    }
}

static void
add_numbered (GessoTokenizerSettings *settings, gint64 id, GessoTokenSpec *spec)
{
  NumberedToken token = { id, spec, settings->numbered->len };

  g_array_append_val (settings->numbered, token);
}

static void
read_decoder (GessoTokenizerSettings *settings, GessoJsonScan *scan)
{
  const char *key;

  gesso_json_scan_enter (scan, '{');
  while (gesso_json_scan_next (scan, &key))
    {
      gint64 id;

      if (!g_ascii_string_to_signed (key, 10, 0, G_MAXINT32, &id, NULL))
        gesso_json_scan_fail (scan, _ ("“%s” in added_tokens_decoder is no id"), key);
      else
        add_numbered (settings, id, read_object (settings, scan, NULL));
    }
}

/* A number that may be null (-1). */
static gint64
read_length (GessoJsonScan *scan)
{
  gint64 value = -1;

  if (gesso_json_scan_peek (scan) == 'n')
    gesso_json_scan_skip (scan);
  else if (gesso_json_scan_integer (scan, &value) && value < 2)
    gesso_json_scan_fail (scan, _ ("a text of %" G_GINT64_FORMAT " tokens has no room for its start and end"), value);
  return value;
}

static void
read_text (GessoJsonScan *scan, char **text)
{
  const char *value = gesso_json_scan_string (scan);

  g_free (*text);
  *text = g_strdup (value);
}

/* One entry of tokenizer_config.json or special_tokens_map.json, which may hold the same ones. */
static void
read_entry (GessoTokenizerSettings *settings, GessoJsonScan *scan, const char *key, gboolean in_config)
{
  for (int i = 0; i < GESSO_N_NAMED_TOKENS; i++)
    if (strcmp (key, defaults[i].key) == 0)
      {
        set_named (settings->named, defaults[i].key, read_token (settings, scan, in_config));
        return;
      }
  if (g_str_has_suffix (key, "_token"))
    {
      gboolean is_text = gesso_json_scan_peek (scan) == '"';
      g_autofree char *name = g_strdup (key);
      GessoTokenSpec *spec = read_token (settings, scan, in_config);

      if (spec && spec->content)
        set_named (in_config && is_text ? settings->explicit : settings->named, name, spec);
    }
  else if (strcmp (key, "extra_special_tokens") == 0)
    read_extra (settings, scan, in_config, &settings->extra);
  else if (strcmp (key, "additional_special_tokens") == 0)
    read_extra (settings, scan, in_config, &settings->additional);
  else if (strcmp (key, "model_max_length") == 0)
    {
      settings->model_max_length = read_length (scan);
      settings->max_len = -1; /* whatever the older name says, also when this is null */
    }
  else
    gesso_json_scan_skip (scan);
}

void
gesso_tokenizer_settings_read_config (GessoTokenizerSettings *settings, GessoJsonScan *scan)
{
  gboolean has_length = FALSE;
  const char *key;

  gesso_json_scan_enter (scan, '{');
  while (gesso_json_scan_next (scan, &key))
    {
      if (strcmp (key, "added_tokens_decoder") == 0)
        {
          settings->has_decoder = TRUE;
          read_decoder (settings, scan);
        }
      else if (strcmp (key, "max_len") == 0)
        settings->max_len = read_length (scan);
      else if (strcmp (key, "padding_side") == 0)
        read_text (scan, &settings->padding_side);
      else if (strcmp (key, "truncation_side") == 0)
        read_text (scan, &settings->truncation_side);
      else if (strcmp (key, "split_special_tokens") == 0)
        gesso_json_scan_boolean (scan, &settings->splits_special);
      else
        {
          has_length |= strcmp (key, "model_max_length") == 0;
          read_entry (settings, scan, key, TRUE);
        }
    }
  if (has_length)
    settings->max_len = -1;
  if (settings->additional && !(settings->extra && settings->extra->len))
    {
      g_clear_pointer (&settings->extra, g_ptr_array_unref);
      settings->extra = g_steal_pointer (&settings->additional);
    }
}

void
gesso_tokenizer_settings_read_special_tokens_map (GessoTokenizerSettings *settings, GessoJsonScan *scan)
{
  const char *key;

  gesso_json_scan_enter (scan, '{');
  while (gesso_json_scan_next (scan, &key))
    read_entry (settings, scan, key, FALSE);
}

/* Whether a file that is already read names `content` a special token. A typed object does not count: transformers
 * turns it into a token only later. */
static gboolean
is_named_special (const GessoTokenizerSettings *settings, const char *content)
{
  for (int i = 0; i < GESSO_N_NAMED_TOKENS; i++)
    {
      const GessoNamedToken *named = &g_array_index (settings->named, GessoNamedToken, i);

      if (named->given && named->spec && !named->spec->typed && g_strcmp0 (named->spec->content, content) == 0)
        return TRUE;
    }
  for (guint i = 0; settings->extra && i < settings->extra->len; i++)
    {
      const GessoTokenSpec *spec = g_ptr_array_index (settings->extra, i);

      if (!spec->typed && g_strcmp0 (spec->content, content) == 0)
        return TRUE;
    }
  return FALSE;
}

void
gesso_tokenizer_settings_read_added_tokens (GessoTokenizerSettings *settings, GessoJsonScan *scan)
{
  const char *key;

  gesso_json_scan_enter (scan, '{');
  while (gesso_json_scan_next (scan, &key))
    {
      GessoTokenSpec *spec = new_spec (settings, key, FALSE);
      gint64 id = 0;

      spec->special = is_named_special (settings, key);
      spec->normalized = !spec->special;
      if (gesso_json_scan_integer (scan, &id))
        add_numbered (settings, id, spec);
    }
}

void
gesso_tokenizer_settings_read_token_list (GessoTokenizerSettings *settings, GessoJsonScan *scan)
{
  gesso_json_scan_enter (scan, '[');
  while (gesso_json_scan_next (scan, NULL))
    {
      gint64 id = 0;
      GessoTokenSpec *spec = read_object (settings, scan, &id);

      add_numbered (settings, id, spec);
    }
}

static int
compare_numbered (gconstpointer a, gconstpointer b)
{
  const NumberedToken *left = a, *right = b;

  if (left->id != right->id)
    return left->id < right->id ? -1 : 1;
  return left->order < right->order ? -1 : left->order > right->order;
}

/* A named token that has an id somewhere gets the properties it has there. Then the model's own tokens that come last
 * are appended. */
static void
merge_named (GessoTokenizerSettings *settings)
{
  g_autoptr (GHashTable) by_content = g_hash_table_new (g_str_hash, g_str_equal);

  for (guint i = 0; i < settings->numbered->len; i++)
    {
      GessoTokenSpec *spec = g_array_index (settings->numbered, NumberedToken, i).spec;

      if (spec->content)
        g_hash_table_replace (by_content, spec->content, spec);
    }
  for (int i = 0; i < GESSO_N_NAMED_TOKENS; i++)
    {
      GessoNamedToken *named = &g_array_index (settings->named, GessoNamedToken, i);
      GessoTokenSpec *spec
          = named->given && named->spec && named->spec->content
                ? g_hash_table_lookup (by_content, named->spec->content)
                : NULL;

      if (spec)
        named->spec = spec;
    }
  for (guint i = 0; i < settings->explicit->len; i++)
    {
      const GessoNamedToken *named = &g_array_index (settings->explicit, GessoNamedToken, i);

      set_named (settings->named, named->key, named->spec);
    }
}

static gboolean
check_named (const GessoTokenizerSettings *settings, const char *folder, GError **error)
{
  for (guint i = 0; i < settings->named->len; i++)
    {
      const GessoNamedToken *named = &g_array_index (settings->named, GessoNamedToken, i);
      gboolean needed = i == GESSO_TOKEN_BOS || i == GESSO_TOKEN_EOS || i == GESSO_TOKEN_PAD;

      if (named->spec ? !named->spec->content || (needed && !*named->spec->content) : needed)
        {
          g_set_error (error, GESSO_ERROR, GESSO_ERROR_MODEL_INVALID,
                       _ ("%s: “%s” in tokenizer_config.json or special_tokens_map.json must be a token: a text or an "
                          "added-token object. Fetch the model's tokenizer folder again."),
                       folder, named->key);
          return FALSE;
        }
    }
  for (guint i = 0; settings->extra && i < settings->extra->len; i++)
    {
      const GessoTokenSpec *spec = g_ptr_array_index (settings->extra, i);

      if (!spec->content)
        {
          g_set_error (error, GESSO_ERROR, GESSO_ERROR_MODEL_INVALID,
                       _ ("%s: entry %u of the extra special tokens in tokenizer_config.json or "
                          "special_tokens_map.json is no token. Fetch the model's tokenizer folder again."),
                       folder, i + 1);
          return FALSE;
        }
    }
  return TRUE;
}

GPtrArray *
gesso_tokenizer_settings_resolve (GessoTokenizerSettings *settings, const char *folder, GError **error)
{
  g_autoptr (GHashTable) known = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr (GPtrArray) tokens = g_ptr_array_new ();
  NumberedToken *numbered = (NumberedToken *) settings->numbered->data;
  guint n_numbered = settings->numbered->len;

  merge_named (settings);
  if (settings->additional && !settings->extra)
    settings->extra = g_steal_pointer (&settings->additional);
  if (!check_named (settings, folder, error))
    return NULL;

  g_array_sort (settings->numbered, compare_numbered);
  for (guint i = 0; i < n_numbered; i++)
    if (i + 1 == n_numbered || numbered[i + 1].id != numbered[i].id)
      {
        g_hash_table_add (known, numbered[i].spec->content);
        g_ptr_array_add (tokens, numbered[i].spec);
      }
  for (guint i = 0; i < settings->named->len; i++)
    {
      GessoTokenSpec *spec = g_array_index (settings->named, GessoNamedToken, i).spec;

      if (spec && !g_hash_table_contains (known, spec->content) && !contains_equal (tokens, spec))
        g_ptr_array_add (tokens, spec);
    }
  for (guint i = 0; settings->extra && i < settings->extra->len; i++)
    {
      GessoTokenSpec *spec = g_ptr_array_index (settings->extra, i);

      if (!g_hash_table_contains (known, spec->content) && !contains_equal (tokens, spec))
        g_ptr_array_add (tokens, spec);
    }

  /* Whatever is a text, or has a name, is special. */
  g_hash_table_remove_all (known);
  for (guint i = 0; i < settings->named->len; i++)
    {
      const GessoTokenSpec *spec = g_array_index (settings->named, GessoNamedToken, i).spec;

      if (spec)
        g_hash_table_add (known, spec->content);
    }
  for (guint i = 0; i < tokens->len; i++)
    {
      GessoTokenSpec *spec = g_ptr_array_index (tokens, i);

      spec->special |= spec->plain || g_hash_table_contains (known, spec->content);
    }
  return g_steal_pointer (&tokens);
}

const char *
gesso_tokenizer_settings_token (const GessoTokenizerSettings *settings, int which)
{
  const GessoTokenSpec *spec = g_array_index (settings->named, GessoNamedToken, which).spec;

  return spec ? spec->content : NULL;
}
