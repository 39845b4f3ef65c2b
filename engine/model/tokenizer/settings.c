/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "settings.h"
#include "../../gesso.h"
#include "../../shown-text.h"

#include <glib/gi18n-lib.h>
#include <inttypes.h>
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

/* Takes the spec (nullable). */
static GessoTokenSpec *
own (GessoTokenizerSettings *settings, GessoTokenSpec *spec)
{
  if (spec)
    g_ptr_array_add (settings->specs, spec);
  return spec;
}

GessoTokenizerSettings *
gesso_tokenizer_settings_new (void)
{
  GessoTokenizerSettings *settings = g_new0 (GessoTokenizerSettings, 1);

  settings->specs = g_ptr_array_new_with_free_func ((GDestroyNotify) gesso_token_spec_free);
  gesso_named_tokens_init (&settings->named);
  gesso_named_tokens_init (&settings->plain);
  gesso_named_tokens_init (&settings->mapped);
  settings->numbered = g_array_new (FALSE, FALSE, sizeof (NumberedToken));
  settings->model_max_length = settings->max_len = -1;
  for (int i = 0; i < GESSO_N_NAMED_TOKENS; i++)
    {
      const char *content = defaults[i].content;

      gesso_named_tokens_set (&settings->named, defaults[i].key,
                              content ? own (settings, gesso_token_spec_new (content, TRUE)) : NULL);
    }
  return settings;
}

void
gesso_tokenizer_settings_free (GessoTokenizerSettings *settings)
{
  if (!settings)
    return;
  gesso_named_tokens_clear (&settings->named);
  gesso_named_tokens_clear (&settings->plain);
  gesso_named_tokens_clear (&settings->mapped);
  g_array_unref (settings->numbered);
  g_clear_pointer (&settings->extra, g_ptr_array_unref);
  g_clear_pointer (&settings->additional, g_ptr_array_unref);
  g_ptr_array_unref (settings->specs);
  g_free (settings->padding_side);
  g_free (settings->truncation_side);
  g_free (settings);
}

/* The list of further special tokens that comes next is appended to *list; an object of them gives them names, and
 * takes the place of a list that was there. */
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
          GessoTokenSpec *spec = own (settings, gesso_token_spec_read (scan, in_config));

          if (spec)
            g_ptr_array_add (*list, spec);
        }
      break;
    case '{':
      g_clear_pointer (list, g_ptr_array_unref);
      gesso_json_scan_enter (scan, '{');
      while (gesso_json_scan_next (scan, &key))
        {
          g_autofree char *name = g_strdup (key);
          GessoTokenSpec *spec = own (settings, gesso_token_spec_read (scan, in_config));

          if (spec)
            gesso_named_tokens_set (&settings->mapped, name, spec);
        }
      break;
    default:
      gesso_json_scan_skip (scan);
    }
}

/* Takes the spec. */
static void
add_numbered (GessoTokenizerSettings *settings, gint64 id, GessoTokenSpec *spec)
{
  NumberedToken token = { id, own (settings, spec), settings->numbered->len };

  g_array_append_val (settings->numbered, token);
}

static void
read_decoder (GessoTokenizerSettings *settings, GessoJsonScan *scan)
{
  const char *key;

  settings->has_decoder = TRUE;
  gesso_json_scan_enter (scan, '{');
  while (gesso_json_scan_next (scan, &key))
    {
      gint64 id;

      if (!g_ascii_string_to_signed (key, 10, 0, G_MAXINT32, &id, NULL))
        {
          g_autofree char *shown = gesso_text_shorten (key);

          gesso_json_scan_fail (scan, _ ("“%s” in added_tokens_decoder is no id"), shown);
        }
      else
        add_numbered (settings, id, gesso_token_spec_read_object (scan, NULL));
    }
}

/* A number of tokens, which may be null (-1). */
static gint64
read_length (GessoJsonScan *scan)
{
  gint64 value = -1;

  if (gesso_json_scan_peek (scan) == 'n')
    gesso_json_scan_skip (scan);
  else if (gesso_json_scan_integer (scan, &value) && value < 2)
    gesso_json_scan_fail (scan, _ ("a text of %" PRId64 " tokens has no room for its start and end"), value);
  return value;
}

static void
read_text (GessoJsonScan *scan, char **text)
{
  const char *value = gesso_json_scan_string (scan);

  g_free (*text);
  *text = g_strdup (value);
}

/* One entry of tokenizer_config.json or special_tokens_map.json that both may have. */
static void
read_entry (GessoTokenizerSettings *settings, GessoJsonScan *scan, const char *key, gboolean in_config)
{
  for (int i = 0; i < GESSO_N_NAMED_TOKENS; i++)
    if (strcmp (key, defaults[i].key) == 0)
      {
        settings->given[i] = TRUE;
        gesso_named_tokens_set (&settings->named, defaults[i].key,
                                own (settings, gesso_token_spec_read (scan, in_config)));
        return;
      }
  if (g_str_has_suffix (key, "_token"))
    {
      gboolean is_plain = in_config && gesso_json_scan_peek (scan) == '"';
      g_autofree char *name = g_strdup (key);
      GessoTokenSpec *spec = own (settings, gesso_token_spec_read (scan, in_config));

      if (spec && spec->content)
        gesso_named_tokens_set (is_plain ? &settings->plain : &settings->named, name, spec);
    }
  else if (strcmp (key, "extra_special_tokens") == 0)
    read_extra (settings, scan, in_config, &settings->extra);
  else if (strcmp (key, "additional_special_tokens") == 0)
    read_extra (settings, scan, in_config, &settings->additional);
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
        read_decoder (settings, scan);
      else if (strcmp (key, "model_max_length") == 0)
        {
          has_length = TRUE;
          settings->model_max_length = read_length (scan);
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
        read_entry (settings, scan, key, TRUE);
    }
  /* The older name counts only where the newer is absent; null is not absent. */
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

/* What the files read so far name special tokens. A typed object does not count: transformers makes it a token only
 * later. */
static GHashTable *
named_special (const GessoTokenizerSettings *settings)
{
  GHashTable *contents = g_hash_table_new (g_str_hash, g_str_equal);

  for (int i = 0; i < GESSO_N_NAMED_TOKENS; i++)
    {
      const GessoTokenSpec *spec = gesso_named_tokens_get (&settings->named, i)->spec;

      if (settings->given[i] && spec && !spec->typed && spec->content)
        g_hash_table_add (contents, spec->content);
    }
  for (guint i = 0; settings->extra && i < settings->extra->len; i++)
    {
      const GessoTokenSpec *spec = g_ptr_array_index (settings->extra, i);

      if (!spec->typed && spec->content)
        g_hash_table_add (contents, spec->content);
    }
  return contents;
}

void
gesso_tokenizer_settings_read_added_tokens (GessoTokenizerSettings *settings, GessoJsonScan *scan)
{
  g_autoptr (GHashTable) special = named_special (settings);
  const char *key;

  gesso_json_scan_enter (scan, '{');
  while (gesso_json_scan_next (scan, &key))
    {
      GessoTokenSpec *spec = gesso_token_spec_new (key, FALSE);
      gint64 id = 0;

      spec->special = g_hash_table_contains (special, key);
      spec->normalized = !spec->special;
      gesso_json_scan_integer (scan, &id);
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
      GessoTokenSpec *spec = gesso_token_spec_read_object (scan, &id);

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

/* A named token that has an id somewhere gets the properties it has there. Then a model's own are put in their
 * places. */
static void
merge_named (GessoTokenizerSettings *settings)
{
  g_autoptr (GHashTable) by_content = g_hash_table_new (g_str_hash, g_str_equal);

  for (guint i = 0; i < settings->numbered->len; i++)
    {
      GessoTokenSpec *spec = g_array_index (settings->numbered, NumberedToken, i).spec;

      g_hash_table_replace (by_content, spec->content, spec);
    }
  for (int i = 0; i < GESSO_N_NAMED_TOKENS; i++)
    {
      GessoNamedToken *named = gesso_named_tokens_get (&settings->named, i);
      gboolean known = settings->given[i] && named->spec && named->spec->content;
      GessoTokenSpec *spec = known ? g_hash_table_lookup (by_content, named->spec->content) : NULL;

      if (spec)
        named->spec = spec;
    }
  gesso_named_tokens_set_all (&settings->plain, &settings->mapped);
  gesso_named_tokens_set_all (&settings->named, &settings->plain);
  if (settings->additional && !settings->extra)
    settings->extra = g_steal_pointer (&settings->additional);
}

static gboolean
check_tokens (const GessoTokenizerSettings *settings, const char *folder, GError **error)
{
  for (guint i = 0; i < gesso_named_tokens_size (&settings->named); i++)
    {
      const GessoNamedToken *named = gesso_named_tokens_get (&settings->named, i);
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

/* Adds the token unless its text has an id in some file, or an equal one is there. `keys`: of those that are. */
static void
add_special (GPtrArray *tokens, GHashTable *keys, GHashTable *numbered_contents, GessoTokenSpec *spec)
{
  if (!g_hash_table_contains (numbered_contents, spec->content) && g_hash_table_add (keys, gesso_token_spec_key (spec)))
    g_ptr_array_add (tokens, spec);
}

GPtrArray *
gesso_tokenizer_settings_resolve (GessoTokenizerSettings *settings, const char *folder, GError **error)
{
  g_autoptr (GHashTable) contents = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr (GHashTable) keys = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr (GPtrArray) tokens = g_ptr_array_new ();
  const GessoNamedTokens *named = &settings->named;
  const NumberedToken *numbered = (const NumberedToken *) settings->numbered->data;
  guint n_numbered = settings->numbered->len;

  merge_named (settings);
  if (!check_tokens (settings, folder, error))
    return NULL;

  g_array_sort (settings->numbered, compare_numbered);
  for (guint i = 0; i < n_numbered; i++)
    if (i + 1 == n_numbered || numbered[i + 1].id != numbered[i].id)
      {
        g_hash_table_add (contents, numbered[i].spec->content);
        g_ptr_array_add (tokens, numbered[i].spec);
      }
  for (guint i = 0; i < gesso_named_tokens_size (named); i++)
    if (gesso_named_tokens_get (named, i)->spec)
      add_special (tokens, keys, contents, gesso_named_tokens_get (named, i)->spec);
  for (guint i = 0; settings->extra && i < settings->extra->len; i++)
    add_special (tokens, keys, contents, g_ptr_array_index (settings->extra, i));

  /* Whatever is a text, or has a name, is special. */
  g_hash_table_remove_all (contents);
  for (guint i = 0; i < gesso_named_tokens_size (named); i++)
    if (gesso_named_tokens_get (named, i)->spec)
      g_hash_table_add (contents, gesso_named_tokens_get (named, i)->spec->content);
  for (guint i = 0; i < tokens->len; i++)
    {
      GessoTokenSpec *spec = g_ptr_array_index (tokens, i);

      spec->special |= spec->plain || g_hash_table_contains (contents, spec->content);
    }
  return g_steal_pointer (&tokens);
}

const char *
gesso_tokenizer_settings_token (const GessoTokenizerSettings *settings, int which)
{
  const GessoTokenSpec *spec = gesso_named_tokens_get (&settings->named, which)->spec;

  return spec ? spec->content : NULL;
}
