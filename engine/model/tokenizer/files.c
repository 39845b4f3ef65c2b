/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "files.h"
#include "../../cancel.h"
#include "../../shown-text.h"

#include <errno.h>
#include <glib/gi18n-lib.h>
#include <glib/gstdio.h>
#include <inttypes.h>
#include <string.h>

/* Twenty times the largest of CLIP's. */
#define MAX_FILE_SIZE (64 << 20)

/* One file being read, and where its contents go. */
typedef struct
{
  GessoVocabulary *vocabulary;
  GessoTokenizerSettings *settings;
  GessoJsonScan scan;
  gboolean found_vocab;
  gboolean found_merges;
} Reader;

typedef void (*ReadFunc) (Reader *reader);

/* Whether there is anything of that name, be it a link that leads nowhere. */
static gboolean
is_there (const char *path)
{
  GStatBuf info;

  return g_lstat (path, &info) == 0 || errno != ENOENT;
}

/* Size of the file, or -1 if it is none. */
static gint64
file_size (const char *path, GError **error)
{
  GStatBuf info;

  if (g_stat (path, &info) != 0)
    {
      int reason = errno;

      if (!is_there (path))
        g_set_error (error, GESSO_ERROR, GESSO_ERROR_MODEL_NOT_FOUND,
                     _ ("%s: there is no such file. Fetch the model's tokenizer folder again."), path);
      else if (reason == ENOENT)
        g_set_error (error, GESSO_ERROR, GESSO_ERROR_MODEL_NOT_FOUND,
                     _ ("%s: this is a link, and what it leads to is not there. Fetch the model's tokenizer folder "
                        "again."),
                     path);
      else
        g_set_error (error, GESSO_ERROR, GESSO_ERROR_MODEL_INVALID,
                     _ ("%s: the file cannot be read: %s. Fetch the model's tokenizer folder again."), path,
                     g_strerror (reason));
      return -1;
    }
  if (!g_file_test (path, G_FILE_TEST_IS_REGULAR))
    {
      g_set_error (error, GESSO_ERROR, GESSO_ERROR_MODEL_INVALID,
                   _ ("%s: this is a folder or a device, not a file. Fetch the model's tokenizer folder again."), path);
      return -1;
    }
  return info.st_size;
}

/* The whole file, or NULL. */
static char *
load_file (const char *path, gsize *size, GCancellable *cancellable, GError **error)
{
  g_autoptr (GError) local = NULL;
  gint64 expected_size;
  char *data = NULL;

  if (gesso_is_cancelled (cancellable, error))
    return NULL;
  expected_size = file_size (path, error);
  if (expected_size < 0)
    return NULL;
  if (expected_size > MAX_FILE_SIZE)
    {
      g_set_error (error, GESSO_ERROR, GESSO_ERROR_MODEL_INVALID,
                   _ ("%s: the file has %" PRIu64 " bytes; no tokenizer of this family has more than %d. "
                      "Fetch the model's tokenizer folder again."),
                   path, (guint64) expected_size, MAX_FILE_SIZE);
      return NULL;
    }
  if (!g_file_get_contents (path, &data, size, &local))
    {
      gboolean memory = g_error_matches (local, G_FILE_ERROR, G_FILE_ERROR_NOMEM);

      g_set_error (error, GESSO_ERROR, memory ? GESSO_ERROR_OUT_OF_MEMORY : GESSO_ERROR_MODEL_INVALID,
                   _ ("%s: the file cannot be read: %s. Check its permissions, or download it again."), path,
                   local->message);
    }
  return data;
}

/* Reads the JSON file `name` of `folder` with `read`. One that is not there is an error only if it is `needed`. */
static gboolean
read_json (Reader *reader, const char *folder, const char *name, gboolean needed, ReadFunc read,
           GCancellable *cancellable, GError **error)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  g_autofree char *data = NULL;
  gsize size;

  if (!needed && !is_there (path))
    return TRUE;
  data = load_file (path, &size, cancellable, error);
  if (!data)
    return FALSE;
  gesso_json_scan_init (&reader->scan, path, data, size);
  read (reader);
  gesso_json_scan_end (&reader->scan);
  return gesso_json_scan_clear (&reader->scan, error);
}

static void
read_config (Reader *reader)
{
  gesso_tokenizer_settings_read_config (reader->settings, &reader->scan);
}

static void
read_special_tokens_map (Reader *reader)
{
  gesso_tokenizer_settings_read_special_tokens_map (reader->settings, &reader->scan);
}

static void
read_added_tokens (Reader *reader)
{
  gesso_tokenizer_settings_read_added_tokens (reader->settings, &reader->scan);
}

/* The object token -> id that comes next. */
static void
read_vocab (Reader *reader)
{
  GessoJsonScan *scan = &reader->scan;
  const char *token;

  gesso_json_scan_enter (scan, '{');
  while (gesso_json_scan_next (scan, &token))
    {
      gint64 id;

      if (gesso_json_scan_integer (scan, &id) && !scan->error)
        gesso_vocabulary_add (reader->vocabulary, scan->path, token, id, &scan->error);
    }
  reader->found_vocab = TRUE;
}

/* A merge as "a b"; the text is cut in two. */
static gboolean
split_merge (char *text, char **second)
{
  *second = strchr (text, ' ');
  if (!*second || strchr (*second + 1, ' '))
    return FALSE;
  *(*second)++ = '\0';
  return TRUE;
}

/* The list of merges that comes next: each "a b", or ["a", "b"] in newer files. */
static void
read_merges (Reader *reader)
{
  GessoJsonScan *scan = &reader->scan;

  gesso_json_scan_enter (scan, '[');
  for (guint number = 1; gesso_json_scan_next (scan, NULL); number++)
    {
      g_autofree char *first = NULL, *pair = NULL;
      char *second = NULL;

      if (gesso_json_scan_peek (scan) == '"')
        {
          pair = g_strdup (gesso_json_scan_string (scan));
          if (pair && !split_merge (pair, &second))
            gesso_json_scan_fail (scan, _ ("merge %u is not two tokens with a space between"), number);
          first = g_steal_pointer (&pair);
        }
      else
        {
          int n = 0;

          for (gesso_json_scan_enter (scan, '['); gesso_json_scan_next (scan, NULL); n++)
            {
              const char *part = gesso_json_scan_string (scan);

              if (n == 0)
                first = g_strdup (part);
              else if (n == 1)
                second = pair = g_strdup (part);
            }
          if (n != 2)
            gesso_json_scan_fail (scan, _ ("merge %u is not two tokens"), number);
        }
      if (!scan->error)
        gesso_vocabulary_add_merge (reader->vocabulary, scan->path, number, first, second, &scan->error);
    }
  reader->found_merges = TRUE;
}

/* Refuses what CLIP's tokenizer is not made of. `what` is the part's key; it may be a sequence of such parts. */
static void
check_part (GessoJsonScan *scan, const char *what, const char *const *allowed)
{
  const char *key;

  if (gesso_json_scan_peek (scan) == 'n')
    {
      gesso_json_scan_skip (scan);
      return;
    }
  gesso_json_scan_enter (scan, '{');
  while (gesso_json_scan_next (scan, &key))
    {
      if (strcmp (key, "type") == 0)
        {
          const char *type = gesso_json_scan_string (scan);
          g_autofree char *shown = type ? gesso_text_shorten (type) : NULL;

          if (type && strcmp (type, "Sequence") != 0 && !g_strv_contains (allowed, type))
            gesso_json_scan_fail (scan,
                                  _ ("“%s” has a part “%s”, which CLIP's tokenizer has not; this engine reads "
                                     "CLIP's only"),
                                  what, shown);
        }
      else if (g_str_has_prefix (key, "normalizers") || g_str_has_prefix (key, "pretokenizers")
               || g_str_has_prefix (key, "processors"))
        {
          gesso_json_scan_enter (scan, '[');
          while (gesso_json_scan_next (scan, NULL))
            check_part (scan, what, allowed);
        }
      else
        gesso_json_scan_skip (scan);
    }
}

/* "truncation" or "padding", of which only the side matters, and only if tokenizer_config.json names none. */
static void
read_side (GessoJsonScan *scan, char **side)
{
  const char *key;

  if (gesso_json_scan_peek (scan) == 'n')
    {
      gesso_json_scan_skip (scan);
      return;
    }
  gesso_json_scan_enter (scan, '{');
  while (gesso_json_scan_next (scan, &key))
    {
      const char *value;

      if (strcmp (key, "direction") != 0)
        gesso_json_scan_skip (scan);
      else if ((value = gesso_json_scan_string (scan)) && !*side)
        *side = g_ascii_strdown (value, -1);
    }
}

/* "model" of tokenizer.json. Merges that stand before the vocabulary have to wait. */
static void
read_model (Reader *reader)
{
  GessoJsonScan *scan = &reader->scan;
  const char *key;

  gesso_json_scan_enter (scan, '{');
  while (gesso_json_scan_next (scan, &key))
    {
      const char *value;
      g_autofree char *shown = NULL;

      if (strcmp (key, "vocab") == 0)
        read_vocab (reader);
      else if (strcmp (key, "merges") == 0 && reader->found_vocab)
        read_merges (reader);
      else if (strcmp (key, "type") == 0)
        {
          value = gesso_json_scan_string (scan);
          shown = value ? gesso_text_shorten (value) : NULL;
          if (value && strcmp (value, "BPE") != 0)
            gesso_json_scan_fail (scan, _ ("the model is of the type “%s”; CLIP's is “BPE”"), shown);
        }
      else if (strcmp (key, "end_of_word_suffix") == 0 && gesso_json_scan_peek (scan) == '"')
        {
          value = gesso_json_scan_string (scan);
          shown = value ? gesso_text_shorten (value) : NULL;
          if (value && strcmp (value, "</w>") != 0)
            gesso_json_scan_fail (scan, _ ("words end with “%s”; CLIP's end with “</w>”"), shown);
        }
      else
        gesso_json_scan_skip (scan);
    }
}

static void
read_tokenizer_json (Reader *reader)
{
  static const char *const normalizers[] = { "NFC", "Replace", "Lowercase", NULL };
  static const char *const pre_tokenizers[] = { "Split", "ByteLevel", NULL };
  static const char *const post_processors[] = { "RobertaProcessing", "TemplateProcessing", "ByteLevel", NULL };
  GessoJsonScan *scan = &reader->scan;
  const char *key;

  gesso_json_scan_enter (scan, '{');
  while (gesso_json_scan_next (scan, &key))
    {
      if (strcmp (key, "model") == 0)
        read_model (reader);
      else if (strcmp (key, "added_tokens") == 0 && !reader->settings->has_decoder)
        gesso_tokenizer_settings_read_token_list (reader->settings, scan);
      else if (strcmp (key, "normalizer") == 0)
        check_part (scan, "normalizer", normalizers);
      else if (strcmp (key, "pre_tokenizer") == 0)
        check_part (scan, "pre_tokenizer", pre_tokenizers);
      else if (strcmp (key, "post_processor") == 0)
        check_part (scan, "post_processor", post_processors);
      else if (strcmp (key, "truncation") == 0)
        read_side (scan, &reader->settings->truncation_side);
      else if (strcmp (key, "padding") == 0)
        read_side (scan, &reader->settings->padding_side);
      else
        gesso_json_scan_skip (scan);
    }
  if (!reader->found_vocab)
    gesso_json_scan_fail (scan, _ ("there is no “vocab” in “model”"));
}

/* The merges of a tokenizer.json that has them before the vocabulary. */
static void
read_early_merges (Reader *reader)
{
  GessoJsonScan *scan = &reader->scan;
  const char *key;

  gesso_json_scan_enter (scan, '{');
  while (gesso_json_scan_next (scan, &key))
    {
      if (strcmp (key, "model") != 0)
        {
          gesso_json_scan_skip (scan);
          continue;
        }
      gesso_json_scan_enter (scan, '{');
      while (gesso_json_scan_next (scan, &key))
        if (strcmp (key, "merges") == 0)
          read_merges (reader);
        else
          gesso_json_scan_skip (scan);
    }
  if (!reader->found_merges)
    gesso_json_scan_fail (scan, _ ("there are no “merges” in “model”"));
}

/* merges.txt: one "a b" a line; lines that begin with "#version" do not count. */
static gboolean
read_merges_txt (Reader *reader, const char *folder, GCancellable *cancellable, GError **error)
{
  g_autofree char *path = g_build_filename (folder, "merges.txt", NULL);
  g_autofree char *data = NULL;
  gsize size;
  guint number = 0, line_number = 0;

  data = load_file (path, &size, cancellable, error);
  if (!data)
    return FALSE;
  for (char *line = data, *next; line < data + size; line = next)
    {
      char *end = memchr (line, '\n', data + size - line), *second;

      next = end ? end + 1 : data + size;
      end = end ? end : data + size;
      if (end > line && end[-1] == '\r')
        end--;
      *end = '\0'; /* g_file_get_contents() leaves room for one behind the last line */
      line_number++;
      if (g_str_has_prefix (line, "#version"))
        continue;
      number++;
      if (!g_utf8_validate (line, end - line, NULL) || !split_merge (line, &second))
        {
          g_set_error (error, GESSO_ERROR, GESSO_ERROR_MODEL_INVALID,
                       _ ("%s, line %u: this is not two tokens with a space between. Fetch the model's tokenizer "
                          "folder again."),
                       path, line_number);
          return FALSE;
        }
      if (!gesso_vocabulary_add_merge (reader->vocabulary, path, number, line, second, error))
        return FALSE;
    }
  return TRUE;
}

gboolean
gesso_tokenizer_files_read (const char *folder, GessoVocabulary *vocabulary, GessoTokenizerSettings *settings,
                            char **vocab_path, char **merges_path, GCancellable *cancellable, GError **error)
{
  Reader reader = { .vocabulary = vocabulary, .settings = settings };
  g_autofree char *whole = g_build_filename (folder, "tokenizer.json", NULL);
  gboolean has_whole = is_there (whole);

  if (!g_file_test (folder, G_FILE_TEST_IS_DIR))
    {
      g_set_error (error, GESSO_ERROR, GESSO_ERROR_MODEL_NOT_FOUND,
                   _ ("%s: there is no such folder. The model needs its tokenizer: fetch it again."), folder);
      return FALSE;
    }
  if (!read_json (&reader, folder, "tokenizer_config.json", FALSE, read_config, cancellable, error))
    return FALSE;
  if (!settings->has_decoder
      && (!read_json (&reader, folder, "special_tokens_map.json", FALSE, read_special_tokens_map, cancellable, error)
          || !read_json (&reader, folder, "added_tokens.json", FALSE, read_added_tokens, cancellable, error)))
    return FALSE;
  *vocab_path = g_build_filename (folder, has_whole ? "tokenizer.json" : "vocab.json", NULL);
  *merges_path = g_build_filename (folder, has_whole ? "tokenizer.json" : "merges.txt", NULL);
  if (has_whole)
    return read_json (&reader, folder, "tokenizer.json", TRUE, read_tokenizer_json, cancellable, error)
           && (reader.found_merges
               || read_json (&reader, folder, "tokenizer.json", TRUE, read_early_merges, cancellable, error));
  return read_json (&reader, folder, "vocab.json", TRUE, read_vocab, cancellable, error)
         && read_merges_txt (&reader, folder, cancellable, error);
}
