/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Ids, counts and cut-offs against those that transformers gave (make-references.py).
 */

#include "folder.h"
#include "model/tokenizer.h"
#include "model/tokenizer/normalize.h"

#include <string.h>

static GessoTokenizer *
open_folder (const char *folder)
{
  g_autoptr (GError) error = NULL;
  GessoTokenizer *tokenizer = gesso_tokenizer_open (folder, NULL, &error);

  g_assert_no_error (error);
  return tokenizer;
}

static GessoTokenizer *
open_data (const char *name)
{
  g_autofree char *folder = g_test_build_filename (G_TEST_DIST, "data", name, NULL);

  return open_folder (folder);
}

static void
encode (const GessoTokenizer *tokenizer, const char *text, int n, gint32 *ids)
{
  g_autoptr (GError) error = NULL;

  gesso_tokenizer_encode (tokenizer, text, n, ids, &error);
  g_assert_no_error (error);
}

/* One line: text, count, cut-off, ids without the padding, separated by tabs. */
static void
check_line (const GessoTokenizer *tokenizer, const char *line, int length, gint32 pad, gboolean left)
{
  g_auto (GStrv) fields = g_strsplit (line, "\t", -1);
  g_autofree char *text = NULL;
  g_auto (GStrv) numbers = NULL;
  g_autofree gint32 *ids = g_new (gint32, length);
  int n_numbers, count;
  gssize cut_off = -2;

  g_assert_cmpuint (g_strv_length (fields), ==, 4);
  text = g_strcompress (fields[0]);
  numbers = g_strsplit (fields[3], " ", -1);
  n_numbers = (int) g_strv_length (numbers);
  encode (tokenizer, text, length, ids);
  for (int i = 0; i < length; i++)
    {
      int j = left ? i - (length - n_numbers) : i;
      gint32 expected = j < 0 || j >= n_numbers ? pad : (gint32) g_ascii_strtoll (numbers[j], NULL, 10);

      if (ids[i] != expected)
        g_error ("“%s”: id %d is %d, expected %d", fields[0], i, ids[i], expected);
    }
  count = gesso_tokenizer_count (tokenizer, text, &cut_off);
  if (count != (int) g_ascii_strtoll (fields[1], NULL, 10))
    g_error ("“%s”: %d tokens, expected %s", fields[0], count, fields[1]);
  if (strcmp (fields[2], "?") != 0 && cut_off != (gssize) g_ascii_strtoll (fields[2], NULL, 10))
    g_error ("“%s”: cut off at %" G_GSSIZE_FORMAT ", expected %s", fields[0], cut_off, fields[2]);
}

static void
check_file (const GessoTokenizer *tokenizer, const char *path, guint n_lines)
{
  g_autofree char *text = NULL;
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) lines = NULL, header = NULL;
  gint32 pad;
  int length;

  g_file_get_contents (path, &text, NULL, &error);
  g_assert_no_error (error);
  lines = g_strsplit (text, "\n", -1);
  header = g_strsplit (lines[0], " ", -1);
  g_assert_cmpuint (g_strv_length (header), ==, 6); /* # length N pad P SIDE */
  length = (int) g_ascii_strtoll (header[2], NULL, 10);
  pad = (gint32) g_ascii_strtoll (header[4], NULL, 10);
  g_assert_cmpint (gesso_tokenizer_length (tokenizer), ==, length);
  g_assert_cmpuint (g_strv_length (lines), >=, n_lines + 2);
  for (int i = 1; lines[i + 1]; i++)
    check_line (tokenizer, lines[i], length, pad, strcmp (header[5], "left") == 0);
}

static void
test_folder (gconstpointer name)
{
  g_autoptr (GessoTokenizer) tokenizer = open_data (name);
  g_autofree char *file = g_strconcat (name, ".tsv", NULL);
  g_autofree char *path = g_test_build_filename (G_TEST_DIST, "data", file, NULL);

  check_file (tokenizer, path, 300);
}

static const char *const rules[]
    = { "added-tokens",    "additional", "decoder-over-map", "extra",        "left", "map-of-objects",
        "map-over-config", "no-unknown", "nothing",          "older-length", "own",  "split-special",
        "texts",           "typed",      "vectors" };

static void
test_rule (gconstpointer name)
{
  g_autofree char *from = g_build_filename ("rules", name, NULL);
  g_autofree char *path = g_test_build_filename (G_TEST_DIST, "data", from, "expected.tsv", NULL);
  g_autoptr (TestFolder) folder = test_folder_new_v1 ();
  g_autoptr (GessoTokenizer) tokenizer = NULL;

  test_folder_copy (folder, from, "tokenizer_config.json");
  test_folder_copy (folder, from, "special_tokens_map.json");
  test_folder_copy (folder, from, "added_tokens.json");
  tokenizer = open_folder (folder);
  check_file (tokenizer, path, 8);
}

/* tokenizer.json as older libraries wrote it, merges as "a b" and before the vocabulary, with nothing beside it but a
 * vocab.json and merges.txt that must not be looked at. */
static void
test_older_whole (void)
{
  g_autoptr (TestFolder) folder = test_folder_new_v1 ();
  g_autofree char *vocab = test_folder_read (folder, "vocab.json");
  g_autofree char *merges = test_folder_read (folder, "merges.txt");
  g_autofree char *path = g_test_build_filename (G_TEST_DIST, "data", "rules", "nothing", "expected.tsv", NULL);
  g_autoptr (GString) whole = g_string_new ("{\"version\": \"1.0\", \"truncation\": null, \"padding\": null,\n"
                                            "\"added_tokens\": [], \"normalizer\": {\"type\": \"NFC\"},\n"
                                            "\"model\": {\"dropout\": null, \"merges\": [");
  g_auto (GStrv) lines = g_strsplit (merges, "\n", -1);
  g_autoptr (GessoTokenizer) tokenizer = NULL;

  g_assert_cmpstr (lines[0], ==, "#version: 0.2");
  for (int i = 1; *lines[i]; i++)
    {
      g_auto (GStrv) parts = g_strsplit (lines[i], "\"", -1);
      g_autofree char *quoted = g_strjoinv ("\\\"", parts);

      g_string_append_printf (whole, "%s\"%s\"", i > 1 ? ", " : "", quoted);
    }
  g_string_append_printf (whole, "], \"vocab\": %s}}", vocab);
  test_folder_write (folder, "tokenizer.json", whole->str, (gssize) whole->len);
  test_folder_write (folder, "vocab.json", "{}", -1);
  test_folder_write (folder, "merges.txt", "nonsense", -1);
  tokenizer = open_folder (folder);
  check_file (tokenizer, path, 8);
}

/* Windows' ends of lines, no end at the last one, and a second version line. */
static void
test_line_ends (void)
{
  g_autoptr (TestFolder) folder = test_folder_new_v1 ();
  g_autofree char *merges = test_folder_read (folder, "merges.txt");
  g_autofree char *path = g_test_build_filename (G_TEST_DIST, "data", "rules", "nothing", "expected.tsv", NULL);
  g_auto (GStrv) lines = g_strsplit (g_strchomp (merges), "\n", -1);
  g_autofree char *joined = g_strjoinv ("\r\n", lines);
  g_autofree char *after = g_strconcat ("#version: 0.1\r\n", joined, NULL);
  g_autoptr (GessoTokenizer) tokenizer = NULL;

  test_folder_write (folder, "merges.txt", after, -1);
  tokenizer = open_folder (folder);
  check_file (tokenizer, path, 8);
}

/* Every row of the tables of code points. */
static void
test_unicode (void)
{
  static const struct
  {
    const char *name;
    gboolean (*contains) (gunichar c);
  } classes[] = { { "letter", gesso_unicode_is_letter },
                  { "number", gesso_unicode_is_number },
                  { "space", gesso_unicode_is_space },
                  { "word", gesso_unicode_is_word },
                  { "normalized", NULL },
                  { "among marks", NULL } };
  g_autofree char *path = g_test_build_filename (G_TEST_DIST, "data", "unicode.tsv", NULL);
  g_autofree char *expected = NULL;
  g_autoptr (GString) found = g_string_new (NULL);
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (classes); i++)
    {
      g_autoptr (GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA256);
      g_autoptr (GArray) text = g_array_new (FALSE, FALSE, sizeof (GessoChar));
      gboolean among_marks = strcmp (classes[i].name, "among marks") == 0;

      for (gunichar c = 0; c < 0x110000; c = c == 0xD7FF ? 0xE000 : c + 1)
        {
          GessoChar in[] = { { 0x345, 0 }, { c, 0 }, { 0x334, 0 } };

          g_array_set_size (text, 0);
          if (!classes[i].contains)
            gesso_normalize (among_marks ? in : in + 1, among_marks ? 3 : 1, text);
          else if (classes[i].contains (c))
            g_array_append_val (text, in[1]);
          for (guint j = 0; j < text->len; j++)
            {
              char utf8[6];
              int size = g_unichar_to_utf8 (g_array_index (text, GessoChar, j).c, utf8);

              g_checksum_update (checksum, (const guchar *) utf8, size);
            }
        }
      g_string_append_printf (found, "%s\t%s\n", classes[i].name, g_checksum_get_string (checksum));
    }
  g_file_get_contents (path, &expected, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (found->str, ==, expected);
}

static void
test_ids (void)
{
  g_autoptr (GessoTokenizer) v1 = open_data ("v1"), odd = open_data ("odd");

  /* 1034 entries, the last two of which are start and end; "odd" adds five. */
  g_assert_cmpint (gesso_tokenizer_length (v1), ==, 77);
  g_assert_cmpint (gesso_tokenizer_max_id (v1), ==, 1033);
  g_assert_cmpint (gesso_tokenizer_end_id (v1), ==, 1033);
  g_assert_cmpint (gesso_tokenizer_length (odd), ==, 20);
  g_assert_cmpint (gesso_tokenizer_max_id (odd), ==, 1038);
}

static void
test_short (void)
{
  g_autoptr (GessoTokenizer) tokenizer = open_data ("v1");
  gint32 all[77], few[6] = { 0, 0, 0, 0, -5, -5 };

  encode (tokenizer, "a cat sat on the mat", 77, all);
  encode (tokenizer, "a cat sat on the mat", 4, few);
  g_assert_cmpint (few[0], ==, 1032);
  g_assert_cmpint (few[1], ==, all[1]);
  g_assert_cmpint (few[2], ==, all[2]);
  g_assert_cmpint (few[3], ==, 1033);
  g_assert_cmpint (few[4], ==, -5);
  encode (tokenizer, "a cat", 2, few);
  g_assert_cmpint (few[0], ==, 1032);
  g_assert_cmpint (few[1], ==, 1033);
}

/* Normalization puts U+0323 (class 220) before U+0301 (230): the model sees the letter with its dot and not the
 * accent, which stands before the dot in the text. */
static void
test_reordered_cut (void)
{
  g_autoptr (GessoTokenizer) tokenizer = open_data ("v1");
  g_autoptr (GString) text = g_string_new (NULL);
  gssize cut_off;

  for (int i = 0; i < 74; i++)
    g_string_append (text, "cat ");
  g_string_append (text, "a\314\201\314\243");
  g_assert_cmpint (gesso_tokenizer_count (tokenizer, text->str, &cut_off), >, 75);
  g_assert_cmpint (cut_off, ==, 74 * 4);
  g_string_truncate (text, 73 * 4);
  g_string_append (text, "\341\272\241 \314\201\314\243");
  gesso_tokenizer_count (tokenizer, text->str, &cut_off);
  g_assert_cmpint (cut_off, ==, 73 * 4);
}

/* Long words, many words and many marks take time in proportion; a quadratic way would take minutes each. */
static void
test_long (void)
{
  static const char *const pieces[] = { "x", "ab", "\314\201\314\243", "!", "cat ", "<|endoftext|>", "\303\251" };
  g_autoptr (GessoTokenizer) tokenizer = open_data ("v1");

  for (guint i = 0; i < G_N_ELEMENTS (pieces); i++)
    {
      g_autoptr (GString) text = g_string_new (NULL);
      gint64 start = g_get_monotonic_time ();
      gint32 ids[77];

      while (text->len < 500000)
        g_string_append (text, pieces[i]);
      g_assert_cmpint (gesso_tokenizer_count (tokenizer, text->str, NULL), >, 30000);
      encode (tokenizer, text->str, 77, ids);
      g_assert_cmpint (ids[76], ==, 1033);
      g_assert_cmpint (g_get_monotonic_time () - start, <, 15 * G_USEC_PER_SEC);
    }
}

int
main (int argc, char **argv)
{
  static const char *const folders[] = { "v1", "v2", "whole", "odd" };

  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (folders); i++)
    {
      g_autofree char *path = g_strconcat ("/tokenizer/folder/", folders[i], NULL);

      g_test_add_data_func (path, folders[i], test_folder);
    }
  for (guint i = 0; i < G_N_ELEMENTS (rules); i++)
    {
      g_autofree char *path = g_strconcat ("/tokenizer/rule/", rules[i], NULL);

      g_test_add_data_func (path, rules[i], test_rule);
    }
  g_test_add_func ("/tokenizer/older-whole", test_older_whole);
  g_test_add_func ("/tokenizer/line-ends", test_line_ends);
  g_test_add_func ("/tokenizer/unicode", test_unicode);
  g_test_add_func ("/tokenizer/ids", test_ids);
  g_test_add_func ("/tokenizer/short", test_short);
  g_test_add_func ("/tokenizer/reordered-cut", test_reordered_cut);
  g_test_add_func ("/tokenizer/long", test_long);
  return g_test_run ();
}
