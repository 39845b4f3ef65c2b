/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "vocabulary.h"
#include "../../gesso.h"
#include "../../shown-text.h"

#include <glib/gi18n-lib.h>
#include <inttypes.h>
#include <string.h>

/* No text encoder has rows for more. */
#define MAX_ID ((1 << 24) - 1)

/* Longer tokens are not asked for their merge, since that takes time with the square of the length. Three times the
 * longest of CLIP's. */
#define MAX_MERGED_SIZE 128

typedef struct
{
  guint32 first; /* GESSO_NO_ID: empty */
  guint32 second;
  GessoMerge merge;
} Slot;

struct _GessoVocabulary
{
  GStringChunk *names;
  GHashTable *ids; /* name -> id; with `names`, gone once finished */
  guint size;
  guint32 max_id;
  guint32 bytes[2][256];
  Slot *slots; /* open addressing, a power of two */
  gsize n_slots;
  gsize n_used;
};

GessoVocabulary *
gesso_vocabulary_new (void)
{
  GessoVocabulary *vocabulary = g_new0 (GessoVocabulary, 1);

  vocabulary->names = g_string_chunk_new (1 << 14);
  vocabulary->ids = g_hash_table_new (g_str_hash, g_str_equal);
  return vocabulary;
}

void
gesso_vocabulary_free (GessoVocabulary *vocabulary)
{
  if (!vocabulary)
    return;
  g_clear_pointer (&vocabulary->ids, g_hash_table_unref);
  g_clear_pointer (&vocabulary->names, g_string_chunk_free);
  g_free (vocabulary->slots);
  g_free (vocabulary);
}

gboolean
gesso_vocabulary_add (GessoVocabulary *vocabulary, const char *path, const char *token, gint64 id, GError **error)
{
  if (id < 0 || id > MAX_ID)
    {
      g_autofree char *shown = gesso_text_shorten (token);

      g_set_error (error, GESSO_ERROR, GESSO_ERROR_MODEL_INVALID,
                   _ ("%s: the token “%s” has the id %" PRId64 ", which is not within 0 and %d. Fetch the "
                      "model's tokenizer folder again."),
                   path, shown, id, MAX_ID);
      return FALSE;
    }
  /* A token that stands there twice has its last id, as in every reader of JSON. */
  g_hash_table_insert (vocabulary->ids, g_string_chunk_insert (vocabulary->names, token), GUINT_TO_POINTER (id));
  vocabulary->max_id = MAX (vocabulary->max_id, (guint32) id);
  return TRUE;
}

guint32
gesso_vocabulary_lookup (const GessoVocabulary *vocabulary, const char *token)
{
  gpointer id;

  return g_hash_table_lookup_extended (vocabulary->ids, token, NULL, &id) ? GPOINTER_TO_UINT (id) : GESSO_NO_ID;
}

static gsize
find_slot (const GessoVocabulary *vocabulary, guint32 first, guint32 second)
{
  guint64 hash = ((guint64) first << 32 | second) * G_GUINT64_CONSTANT (0x9E3779B97F4A7C15);
  gsize mask = vocabulary->n_slots - 1;
  gsize i = (gsize) (hash >> 32) & mask;

  while (vocabulary->slots[i].first != GESSO_NO_ID
         && (vocabulary->slots[i].first != first || vocabulary->slots[i].second != second))
    i = (i + 1) & mask;
  return i;
}

/* At least half of the slots stay empty. */
static gboolean
grow_slots (GessoVocabulary *vocabulary, GError **error)
{
  Slot *old = vocabulary->slots;
  gsize n_old = vocabulary->n_slots;
  gsize n = n_old ? n_old * 2 : 1024;

  if (vocabulary->n_used < n_old / 2)
    return TRUE;
  vocabulary->slots = g_try_new (Slot, n);
  if (!vocabulary->slots)
    {
      vocabulary->slots = old;
      g_set_error_literal (error, GESSO_ERROR, GESSO_ERROR_OUT_OF_MEMORY,
                           _ ("There is not enough memory for the tokenizer's merges. Close other programs."));
      return FALSE;
    }
  vocabulary->n_slots = n;
  memset (vocabulary->slots, 0xFF, n * sizeof (Slot));
  for (gsize i = 0; i < n_old; i++)
    if (old[i].first != GESSO_NO_ID)
      vocabulary->slots[find_slot (vocabulary, old[i].first, old[i].second)] = old[i];
  g_free (old);
  return TRUE;
}

gboolean
gesso_vocabulary_add_merge (GessoVocabulary *vocabulary, const char *path, guint number, const char *first,
                            const char *second, GError **error)
{
  g_autofree char *joined = g_strconcat (first, second, NULL);
  const char *parts[] = { first, second, joined };
  guint32 ids[3];
  Slot *slot;

  for (int i = 0; i < 3; i++)
    {
      ids[i] = gesso_vocabulary_lookup (vocabulary, parts[i]);
      if (ids[i] == GESSO_NO_ID)
        {
          g_autofree char *first_shown = gesso_text_shorten (first), *second_shown = gesso_text_shorten (second);
          g_autofree char *missing = gesso_text_shorten (parts[i]);

          g_set_error (error, GESSO_ERROR, GESSO_ERROR_MODEL_INVALID,
                       _ ("%s: merge %u, “%s %s”, needs the token “%s”, which is not in the vocabulary. The "
                          "vocabulary and the merges do not belong together: fetch the model's tokenizer folder "
                          "again."),
                       path, number, first_shown, second_shown, missing);
          return FALSE;
        }
    }
  if (!grow_slots (vocabulary, error))
    return FALSE;
  /* A pair that stands there twice joins at the later place. */
  slot = &vocabulary->slots[find_slot (vocabulary, ids[0], ids[1])];
  vocabulary->n_used += slot->first == GESSO_NO_ID;
  *slot = (Slot) { ids[0], ids[1], { number, ids[2] } };
  return TRUE;
}

static gboolean
check_unique (GessoVocabulary *vocabulary, const char *path, GError **error)
{
  g_autoptr (GHashTable) owners = g_hash_table_new (NULL, NULL);
  GHashTableIter iter;
  gpointer name, id;

  g_hash_table_iter_init (&iter, vocabulary->ids);
  while (g_hash_table_iter_next (&iter, &name, &id))
    if (!g_hash_table_insert (owners, id, name))
      {
        g_autofree char *shown = gesso_text_shorten (name);

        g_set_error (
            error, GESSO_ERROR, GESSO_ERROR_MODEL_INVALID,
            _ ("%s: more than one token has the id %u; one is “%s”. Fetch the model's tokenizer folder again."), path,
            GPOINTER_TO_UINT (id), shown);
        return FALSE;
      }
  return TRUE;
}

/* Whether two tokens joined are `name`, and it is more than one character, with or without the end of a word. */
static gboolean
needs_merge (const GessoVocabulary *vocabulary, const char *name)
{
  gsize size = strlen (name);
  char first[MAX_MERGED_SIZE + 1];
  const char *second;

  if (!*name || size > MAX_MERGED_SIZE)
    return FALSE;
  second = g_utf8_next_char (name);
  if (!*second || strcmp (second, "</w>") == 0)
    return FALSE;
  for (; *second; second = g_utf8_next_char (second))
    {
      memcpy (first, name, (gsize) (second - name));
      first[second - name] = '\0';
      if (g_hash_table_contains (vocabulary->ids, first) && g_hash_table_contains (vocabulary->ids, second))
        return TRUE;
    }
  return FALSE;
}

/* Merges are in the order of the tokens that they make, so a list that was cut short lacks those of the last tokens.
 * Others may lack theirs: transformers does not mind, and such a token is never made. */
static gboolean
check_merges (const GessoVocabulary *vocabulary, const char *path, GHashTable *added, GError **error)
{
  guint32 missing_id = GESSO_NO_ID;
  gint64 last_made = -1;
  g_autofree char *shown = NULL;
  const char *missing = NULL;
  GHashTableIter iter;
  gpointer name, id;

  for (gsize i = 0; i < vocabulary->n_slots; i++)
    if (vocabulary->slots[i].first != GESSO_NO_ID)
      last_made = MAX (last_made, vocabulary->slots[i].merge.id);
  g_hash_table_iter_init (&iter, vocabulary->ids);
  while (g_hash_table_iter_next (&iter, &name, &id))
    if (GPOINTER_TO_UINT (id) < missing_id && GPOINTER_TO_UINT (id) > last_made && !g_hash_table_contains (added, name)
        && needs_merge (vocabulary, name))
      {
        missing_id = GPOINTER_TO_UINT (id);
        missing = name;
      }
  if (!missing)
    return TRUE;
  shown = gesso_text_shorten (missing);
  g_set_error (error, GESSO_ERROR, GESSO_ERROR_MODEL_INVALID,
               _ ("%s: the merges are cut short: none of them makes the token “%s”, which has the id %u in the "
                  "vocabulary. Fetch the model's tokenizer folder again."),
               path, shown, missing_id);
  return FALSE;
}

/* GPT-2's names of bytes: printable Latin-1 as it is, all others in order from U+0100 on. */
static void
name_byte (guint byte, gunichar *next_hidden, gboolean last, char name[16])
{
  gboolean printable = (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
  int n = g_unichar_to_utf8 (printable ? byte : (*next_hidden)++, name);

  g_strlcpy (name + n, last ? "</w>" : "", 16 - n);
}

gboolean
gesso_vocabulary_finish (GessoVocabulary *vocabulary, const char *path, const char *merges_path,
                         const char *unknown_token, GHashTable *added, GError **error)
{
  guint32 unknown = gesso_vocabulary_lookup (vocabulary, unknown_token);

  if (!check_unique (vocabulary, path, error))
    return FALSE;
  for (int last = 0; last < 2; last++)
    {
      gunichar next_hidden = 0x100;

      for (guint byte = 0; byte < 256; byte++)
        {
          char name[16];
          guint32 id;

          name_byte (byte, &next_hidden, last, name);
          id = gesso_vocabulary_lookup (vocabulary, name);
          if (id == GESSO_NO_ID && unknown == GESSO_NO_ID)
            {
              g_autofree char *shown = gesso_text_shorten (unknown_token);

              g_set_error (error, GESSO_ERROR, GESSO_ERROR_MODEL_INVALID,
                           _ ("%s: there is no token “%s” for the byte 0x%02X and no “%s” for what is unknown. Fetch "
                              "the model's tokenizer folder again."),
                           path, name, byte, shown);
              return FALSE;
            }
          vocabulary->bytes[last][byte] = id == GESSO_NO_ID ? unknown : id;
        }
    }
  if (!check_merges (vocabulary, merges_path, added, error))
    return FALSE;
  vocabulary->size = g_hash_table_size (vocabulary->ids);
  g_clear_pointer (&vocabulary->ids, g_hash_table_unref);
  g_clear_pointer (&vocabulary->names, g_string_chunk_free);
  return TRUE;
}

guint
gesso_vocabulary_size (const GessoVocabulary *vocabulary)
{
  return vocabulary->ids ? g_hash_table_size (vocabulary->ids) : vocabulary->size;
}

guint32
gesso_vocabulary_max_id (const GessoVocabulary *vocabulary)
{
  return vocabulary->max_id;
}

guint32
gesso_vocabulary_byte (const GessoVocabulary *vocabulary, guint8 byte, gboolean last)
{
  return vocabulary->bytes[last ? 1 : 0][byte];
}

GessoMerge
gesso_vocabulary_merge (const GessoVocabulary *vocabulary, guint32 first, guint32 second)
{
  GessoMerge none = { 0, GESSO_NO_ID };
  const Slot *slot;

  if (!vocabulary->n_slots)
    return none;
  slot = &vocabulary->slots[find_slot (vocabulary, first, second)];
  return slot->first == GESSO_NO_ID ? none : slot->merge;
}
