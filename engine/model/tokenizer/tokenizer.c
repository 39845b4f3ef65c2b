/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The way of a text: tokens that are found in it as it stands; what is between them is normalized; tokens that are
 * found in that; what is between them is split into words; each word goes through the byte pair encoding.
 */

#include "../tokenizer.h"
#include "../../shown-text.h"

#include "added-tokens.h"
#include "bpe.h"
#include "files.h"
#include "normalize.h"
#include "split.h"

#include <glib/gi18n-lib.h>
#include <string.h>

/* A prompt has some hundred bytes. Working on this many takes a few hundred MB. */
#define MAX_TEXT_SIZE (4 << 20)

/* model_max_length where no file has a sensible one: CLIP's text encoders have 77 positions. (diffusers fails there:
 * transformers puts 10^30.) */
#define DEFAULT_LENGTH 77
#define MAX_LENGTH 65536

struct _GessoTokenizer
{
  GessoVocabulary *vocabulary;
  GPtrArray *added; /* GessoAddedToken */
  GessoTokenFinder *plain_finder;
  GessoTokenFinder *normalized_finder;
  int length;
  guint32 max_id;
  guint32 start_id;
  guint32 end_id;
  guint32 pad_id;
  gboolean pads_left;
  gboolean splits_special;
};

/* One text on its way. */
typedef struct
{
  const GessoTokenizer *tokenizer;
  const char *text; /* the caller's */
  GessoBpe *bpe;
  GArray *normalized; /* GessoChar */
  GArray *words;      /* GessoSpan */
  GByteArray *bytes;  /* of a word */
  GArray *offsets;    /* of the bytes' characters in the caller's text: guint32 */
  gint32 *ids;        /* NULL: only counted */
  gsize room;         /* tokens that the model sees */
  gsize n;            /* tokens so far */
  gssize cut_off;     /* smallest offset of a character in a token beyond the room, or -1 */
} Encoding;

/* The tokens to add, each with its id: the one it has in the vocabulary, else the next free one. What a file says of
 * ids is not asked; nor does transformers. `ids` is filled: content -> id. */
static GPtrArray *
add_tokens (GPtrArray *specs, const GessoVocabulary *vocabulary, GHashTable *ids, guint32 *max_id)
{
  g_autoptr (GHashTable) tokens = g_hash_table_new (NULL, NULL);
  GPtrArray *added = g_ptr_array_new_with_free_func ((GDestroyNotify) gesso_added_token_free);
  guint32 next_id = gesso_vocabulary_size (vocabulary);

  for (guint i = 0; i < specs->len; i++)
    {
      const GessoTokenSpec *spec = g_ptr_array_index (specs, i);
      GessoAddedToken *token;
      gpointer known;
      guint32 id;

      if (!*spec->content)
        continue;
      if (g_hash_table_lookup_extended (ids, spec->content, NULL, &known))
        id = GPOINTER_TO_UINT (known);
      else
        {
          id = gesso_vocabulary_lookup (vocabulary, spec->content);
          if (id == GESSO_NO_ID)
            id = next_id++;
          g_hash_table_insert (ids, spec->content, GUINT_TO_POINTER (id));
        }
      token = g_hash_table_lookup (tokens, GUINT_TO_POINTER (id));
      if (!token)
        {
          token = g_new0 (GessoAddedToken, 1);
          g_ptr_array_add (added, token);
          g_hash_table_insert (tokens, GUINT_TO_POINTER (id), token);
        }
      g_free (token->content);
      token->content = g_strdup (spec->content);
      token->single_word = spec->single_word;
      token->lstrip = spec->lstrip;
      token->rstrip = spec->rstrip;
      token->normalized = gesso_token_spec_is_normalized (spec);
      /* Once special, always special. */
      token->special |= spec->special;
      token->id = id;
      *max_id = MAX (*max_id, id);
    }
  return added;
}

/* A textual inversion of several vectors has a token for each, "T", "T_1", "T_2" ...; a prompt names the first, and
 * diffusers puts the others behind it (TextualInversionLoaderMixin.maybe_convert_prompt), but for those that the
 * tokenizers library gives back in other letters than they were added in. */
static void
join_vectors (GPtrArray *added, GHashTable *ids)
{
  for (guint i = 0; i < added->len; i++)
    {
      GessoAddedToken *token = g_ptr_array_index (added, i);

      if (!gesso_added_token_is_found_as_spelt (token))
        continue;
      for (guint n = 1;; n++)
        {
          g_autofree char *name = g_strdup_printf ("%s_%u", token->content, n);
          gpointer id;
          guint32 vector;

          if (!g_hash_table_lookup_extended (ids, name, NULL, &id))
            break;
          if (!token->vectors)
            token->vectors = g_array_new (FALSE, FALSE, sizeof (guint32));
          vector = GPOINTER_TO_UINT (id);
          g_array_append_val (token->vectors, vector);
        }
    }
}

/* Id of a named token; the settings saw to it that it is among those added. */
static guint32
named_id (const GessoTokenizerSettings *settings, GHashTable *ids, int which)
{
  return GPOINTER_TO_UINT (g_hash_table_lookup (ids, gesso_tokenizer_settings_token (settings, which)));
}

static gboolean
set_side (const char *folder, const char *key, const char *side, gboolean left_allowed, gboolean *is_left,
          GError **error)
{
  g_autofree char *shown = NULL;

  *is_left = g_strcmp0 (side, "left") == 0;
  if (!side || strcmp (side, "right") == 0 || (*is_left && left_allowed))
    return TRUE;
  shown = gesso_text_shorten (side);
  g_set_error (error, GESSO_ERROR, GESSO_ERROR_MODEL_INVALID,
               _ ("%s: “%s” is “%s” in tokenizer_config.json or tokenizer.json, which this engine cannot do. CLIP's "
                  "is “right”."),
               folder, key, shown);
  return FALSE;
}

static gboolean
set_up (GessoTokenizer *tokenizer, GessoTokenizerSettings *settings, const char *folder, const char *vocab_path,
        const char *merges_path, GError **error)
{
  g_autoptr (GPtrArray) specs = gesso_tokenizer_settings_resolve (settings, folder, error);
  g_autoptr (GHashTable) ids = g_hash_table_new (g_str_hash, g_str_equal);
  const char *unknown = gesso_tokenizer_settings_token (settings, GESSO_TOKEN_UNK);
  gint64 length = settings->model_max_length >= 0 ? settings->model_max_length : settings->max_len;
  gboolean truncates_left;

  if (!specs || !set_side (folder, "padding_side", settings->padding_side, TRUE, &tokenizer->pads_left, error)
      || !set_side (folder, "truncation_side", settings->truncation_side, FALSE, &truncates_left, error))
    return FALSE;
  tokenizer->splits_special = settings->splits_special;
  tokenizer->length = length < 0 || length > MAX_LENGTH ? DEFAULT_LENGTH : (int) length;
  tokenizer->max_id = gesso_vocabulary_max_id (tokenizer->vocabulary);
  tokenizer->added = add_tokens (specs, tokenizer->vocabulary, ids, &tokenizer->max_id);
  join_vectors (tokenizer->added, ids);
  tokenizer->start_id = named_id (settings, ids, GESSO_TOKEN_BOS);
  tokenizer->end_id = named_id (settings, ids, GESSO_TOKEN_EOS);
  tokenizer->pad_id = named_id (settings, ids, GESSO_TOKEN_PAD);
  tokenizer->plain_finder = gesso_token_finder_new (tokenizer->added, FALSE);
  tokenizer->normalized_finder = gesso_token_finder_new (tokenizer->added, TRUE);
  /* transformers spells the token that is null "None". */
  return gesso_vocabulary_finish (tokenizer->vocabulary, vocab_path, merges_path, unknown ? unknown : "None", ids,
                                  error);
}

GessoTokenizer *
gesso_tokenizer_open (const char *folder, GCancellable *cancellable, GError **error)
{
  g_autoptr (GessoTokenizer) tokenizer = g_new0 (GessoTokenizer, 1);
  g_autoptr (GessoTokenizerSettings) settings = gesso_tokenizer_settings_new ();
  g_autofree char *vocab_path = NULL, *merges_path = NULL;

  tokenizer->vocabulary = gesso_vocabulary_new ();
  if (!gesso_tokenizer_files_read (folder, tokenizer->vocabulary, settings, &vocab_path, &merges_path, cancellable,
                                   error)
      || !set_up (tokenizer, settings, folder, vocab_path, merges_path, error))
    return NULL;
  return g_steal_pointer (&tokenizer);
}

void
gesso_tokenizer_free (GessoTokenizer *tokenizer)
{
  if (!tokenizer)
    return;
  gesso_vocabulary_free (tokenizer->vocabulary);
  gesso_token_finder_free (tokenizer->plain_finder);
  gesso_token_finder_free (tokenizer->normalized_finder);
  g_clear_pointer (&tokenizer->added, g_ptr_array_unref);
  g_free (tokenizer);
}

int
gesso_tokenizer_length (const GessoTokenizer *tokenizer)
{
  return tokenizer->length;
}

int
gesso_tokenizer_max_id (const GessoTokenizer *tokenizer)
{
  return (int) tokenizer->max_id;
}

int
gesso_tokenizer_end_id (const GessoTokenizer *tokenizer)
{
  return (int) tokenizer->end_id;
}

/* Whether no further token matters. */
static gboolean
is_full (const Encoding *encoding)
{
  return encoding->ids && encoding->n >= encoding->room;
}

static void
emit (Encoding *encoding, guint32 id, guint32 offset)
{
  if (encoding->n >= encoding->room && (encoding->cut_off < 0 || offset < encoding->cut_off))
    encoding->cut_off = offset;
  if (encoding->ids && encoding->n < encoding->room)
    encoding->ids[encoding->n] = (gint32) id;
  encoding->n++;
}

static void
encode_word (Encoding *encoding, const GessoChar *text, gsize n)
{
  const GArray *pieces;

  g_byte_array_set_size (encoding->bytes, 0);
  g_array_set_size (encoding->offsets, 0);
  for (gsize i = 0; i < n; i++)
    {
      char utf8[6];
      int size = g_unichar_to_utf8 (text[i].c, utf8);

      g_byte_array_append (encoding->bytes, (const guint8 *) utf8, (guint) size);
      for (int j = 0; j < size; j++)
        g_array_append_val (encoding->offsets, text[i].offset);
    }
  pieces
      = gesso_bpe_encode (encoding->bpe, encoding->tokenizer->vocabulary, encoding->bytes->data, encoding->bytes->len);
  for (guint i = 0; i < pieces->len; i++)
    {
      const GessoPiece *piece = &g_array_index (pieces, GessoPiece, i);
      guint end = i + 1 < pieces->len ? piece[1].start : encoding->bytes->len;
      guint32 offset = G_MAXUINT32;

      /* Marks change places in normalization, so the first byte need not be from the first character. */
      for (guint j = piece->start; j < end; j++)
        offset = MIN (offset, g_array_index (encoding->offsets, guint32, j));
      emit (encoding, piece->id, offset);
    }
}

static void
encode_words (Encoding *encoding, const GessoChar *text, gsize n)
{
  g_array_set_size (encoding->words, 0);
  gesso_split (text, n, encoding->words);
  for (guint i = 0; i < encoding->words->len && !is_full (encoding); i++)
    {
      GessoSpan span = g_array_index (encoding->words, GessoSpan, i);

      encode_word (encoding, text + span.start, span.end - span.start);
    }
}

typedef void (*EncodeFunc) (Encoding *encoding, const GessoChar *text, gsize n);

/* An added token and, where it is spelt as the model's maker did, its further vectors. */
static void
emit_added (Encoding *encoding, const GessoAddedToken *token, guint32 offset)
{
  emit (encoding, token->id, offset);
  if (token->vectors && g_str_has_prefix (encoding->text + offset, token->content))
    for (guint i = 0; i < token->vectors->len; i++)
      emit (encoding, g_array_index (token->vectors, guint32, i), offset);
}

/* Emits the tokens that `finder` finds, and has `encode` do what is between them. */
static void
encode_around (Encoding *encoding, const GessoTokenFinder *finder, const GessoChar *text, gsize n, EncodeFunc encode)
{
  gsize done = 0, from = 0, start, first, end;
  const GessoAddedToken *token;

  while (!is_full (encoding)
         && (token = gesso_token_finder_next (finder, text, n, done, encoding->tokenizer->splits_special, &from, &start,
                                              &first, &end)))
    {
      if (start > done)
        encode (encoding, text + done, start - done);
      emit_added (encoding, token, text[first].offset);
      done = end;
    }
  if (done < n && !is_full (encoding))
    encode (encoding, text + done, n - done);
}

static void
encode_plain (Encoding *encoding, const GessoChar *text, gsize n)
{
  g_array_set_size (encoding->normalized, 0);
  gesso_normalize (text, n, encoding->normalized);
  encode_around (encoding, encoding->tokenizer->normalized_finder, (const GessoChar *) encoding->normalized->data,
                 encoding->normalized->len, encode_words);
}

/* Sends `text`, valid and of no more than MAX_TEXT_SIZE, on its way. */
static void
encode_text (Encoding *encoding, const char *text)
{
  g_autoptr (GArray) chars = g_array_new (FALSE, FALSE, sizeof (GessoChar));

  for (const char *at = text; *at; at = g_utf8_next_char (at))
    {
      GessoChar c = { g_utf8_get_char (at), (guint32) (at - text) };

      g_array_append_val (chars, c);
    }
  encoding->text = text;
  encoding->bpe = gesso_bpe_new ();
  encoding->normalized = g_array_new (FALSE, FALSE, sizeof (GessoChar));
  encoding->words = g_array_new (FALSE, FALSE, sizeof (GessoSpan));
  encoding->bytes = g_byte_array_new ();
  encoding->offsets = g_array_new (FALSE, FALSE, sizeof (guint32));
  encode_around (encoding, encoding->tokenizer->plain_finder, (const GessoChar *) chars->data, chars->len,
                 encode_plain);
  gesso_bpe_free (encoding->bpe);
  g_array_unref (encoding->normalized);
  g_array_unref (encoding->words);
  g_byte_array_unref (encoding->bytes);
  g_array_unref (encoding->offsets);
}

static gboolean
check_text (const char *text, GError **error)
{
  gsize size = strnlen (text, MAX_TEXT_SIZE + 1);
  const char *bad;

  if (size > MAX_TEXT_SIZE)
    {
      g_set_error (error, GESSO_ERROR, GESSO_ERROR_REQUEST_INVALID,
                   _ ("The prompt is longer than %d bytes. Shorten it: a model reads some 75 words."), MAX_TEXT_SIZE);
      return FALSE;
    }
  if (!g_utf8_validate_len (text, size, &bad))
    {
      g_set_error (error, GESSO_ERROR, GESSO_ERROR_REQUEST_INVALID,
                   _ ("The prompt is not UTF-8 text: byte %zu is 0x%02X. Convert it to UTF-8."), (gsize) (bad - text),
                   (guint) (guchar) *bad);
      return FALSE;
    }
  return TRUE;
}

gboolean
gesso_tokenizer_encode (const GessoTokenizer *tokenizer, const char *text, int n, gint32 *ids, GError **error)
{
  Encoding encoding = { .tokenizer = tokenizer, .ids = ids + 1, .room = (gsize) n - 2, .cut_off = -1 };
  int used, padding;

  g_return_val_if_fail (n >= 2, FALSE);
  if (!check_text (text, error))
    return FALSE;
  encode_text (&encoding, text);
  used = (int) MIN (encoding.n, encoding.room) + 2;
  ids[0] = (gint32) tokenizer->start_id;
  ids[used - 1] = (gint32) tokenizer->end_id;
  padding = n - used;
  if (tokenizer->pads_left)
    memmove (ids + padding, ids, used * sizeof *ids);
  for (int i = 0; i < padding; i++)
    ids[tokenizer->pads_left ? i : used + i] = (gint32) tokenizer->pad_id;
  return TRUE;
}

int
gesso_tokenizer_count (const GessoTokenizer *tokenizer, const char *text, gssize *cut_off)
{
  Encoding encoding = { .tokenizer = tokenizer, .room = (gsize) tokenizer->length - 2, .cut_off = -1 };

  if (cut_off)
    *cut_off = -1;
  if (!check_text (text, NULL))
    return -1;
  encode_text (&encoding, text);
  if (cut_off)
    *cut_off = encoding.cut_off;
  return (int) encoding.n;
}
