/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Damaged tokenizer folders and texts: the code of the error, and what its message names.
 */

#include "folder.h"
#include "model/tokenizer.h"

#include <glib/gstdio.h>
#include <string.h>
#ifdef G_OS_UNIX
#include <unistd.h>
#endif

/* Opens the folder, which must fail with `code` and a message in which each of `names` (NULL-terminated) occurs. */
static void
assert_open_fails (const char *folder, GessoError code, const char *const *names)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GessoTokenizer) tokenizer = gesso_tokenizer_open (folder, NULL, &error);

  g_assert_null (tokenizer);
  g_assert_error (error, GESSO_ERROR, (gint) code);
  for (; *names; names++)
    if (!strstr (error->message, *names))
      g_error ("“%s” does not say “%s”", error->message, *names);
}

#define NAMES(...) ((const char *const[]) { __VA_ARGS__, NULL })

static void
test_missing (void)
{
  g_autoptr (TestFolder) folder = test_folder_new_v1 ();
  g_autofree char *nowhere = g_build_filename (folder, "nowhere", NULL);

  assert_open_fails (nowhere, GESSO_ERROR_MODEL_NOT_FOUND, NAMES ("nowhere", "no such folder", "fetch it again"));
  test_folder_remove (folder, "merges.txt");
  assert_open_fails (folder, GESSO_ERROR_MODEL_NOT_FOUND, NAMES ("merges.txt", "no such file"));
  test_folder_remove (folder, "vocab.json");
  assert_open_fails (folder, GESSO_ERROR_MODEL_NOT_FOUND, NAMES ("vocab.json", "no such file"));
}

/* Every name in a tokenizer folder, needed or not, as something that cannot be read. */
static const char *const file_names[]
    = { "vocab.json",       "merges.txt", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
        "added_tokens.json" };

static void
assert_unreadable (const char *folder, const char *path, GessoError code, const char *why)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (gesso_tokenizer_open (folder, NULL, &error));
  g_assert_error (error, GESSO_ERROR, (gint) code);
  g_assert_true (g_str_has_prefix (error->message, path));
  g_assert_nonnull (strstr (error->message, why));
  g_assert_null (strstr (error->message, "no such file"));
}

static void
test_unreadable_folder (gconstpointer name)
{
  g_autoptr (TestFolder) folder = test_folder_new_v1 ();
  g_autofree char *path = g_build_filename (folder, name, NULL);

  g_remove (path);
  g_assert_cmpint (g_mkdir (path, 0700), ==, 0);
  assert_unreadable (folder, path, GESSO_ERROR_MODEL_INVALID, "this is a folder");
}

#ifdef G_OS_UNIX
static void
test_unreadable_link (gconstpointer name)
{
  g_autoptr (TestFolder) folder = test_folder_new_v1 ();
  g_autofree char *path = g_build_filename (folder, name, NULL);

  g_remove (path);
  g_assert_cmpint (symlink ("nowhere", path), ==, 0);
  assert_unreadable (folder, path, GESSO_ERROR_MODEL_NOT_FOUND, "this is a link");
  g_assert_cmpint (g_remove (path), ==, 0);
  g_assert_cmpint (symlink (name, path), ==, 0);
  assert_unreadable (folder, path, GESSO_ERROR_MODEL_INVALID, "cannot be read");
}

static void
test_unreadable_mode (gconstpointer name)
{
  g_autoptr (TestFolder) folder = test_folder_new_v1 ();
  g_autofree char *path = g_build_filename (folder, name, NULL);

  test_folder_write (folder, name, "{}", -1);
  g_assert_cmpint (g_chmod (path, 0), ==, 0);
  if (g_access (path, R_OK) == 0)
    g_test_skip ("this user may read every file");
  else
    assert_unreadable (folder, path, GESSO_ERROR_MODEL_INVALID, "cannot be read");
}

/* A link to a file, as download caches have them, is that file. */
static void
test_link (void)
{
  g_autoptr (TestFolder) folder = test_folder_new_v1 ();
  g_autofree char *path = g_build_filename (folder, "vocab.json", NULL);
  g_autofree char *moved = g_build_filename (folder, "blob", NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (GessoTokenizer) tokenizer = NULL;

  g_assert_cmpint (g_rename (path, moved), ==, 0);
  g_assert_cmpint (symlink ("blob", path), ==, 0);
  tokenizer = gesso_tokenizer_open (folder, NULL, &error);
  g_assert_no_error (error);
  g_assert_nonnull (tokenizer);
}
#endif

/* merges.txt cut behind every third of its lines, and before the last one. */
static void
test_cut_merges (void)
{
  g_autoptr (TestFolder) folder = test_folder_new_v1 ();
  g_autofree char *merges = test_folder_read (folder, "merges.txt");
  g_autofree char *path = g_build_filename (folder, "merges.txt", NULL);
  g_auto (GStrv) lines = g_strsplit (merges, "\n", -1);
  gsize size = 0;

  test_folder_write (folder, "merges.txt", "", 0);
  assert_open_fails (folder, GESSO_ERROR_MODEL_INVALID,
                     NAMES (path, "cut short", "“à¤”, which has the id 512", "Fetch"));
  for (guint i = 0; *lines[i + 1]; i++)
    {
      g_auto (GStrv) next = g_strsplit (lines[i + 1], " ", 2);
      g_autofree char *token = g_strdup_printf ("“%s%s”, which has the id %u", next[0], next[1], 512 + i);

      size += strlen (lines[i]) + 1;
      if (i % 3 != 0 && *lines[i + 2]) /* all of them take seconds */
        continue;
      test_folder_write (folder, "merges.txt", merges, (gssize) size);
      assert_open_fails (folder, GESSO_ERROR_MODEL_INVALID, NAMES (path, "cut short", token, "Fetch"));
    }
  g_assert_cmpuint (size, >, 3000);
}

/* A token that no merge makes is never made, and no reason to refuse the others. */
static void
test_merge_less (void)
{
  g_autoptr (TestFolder) folder = test_folder_new_v1 ();
  g_autofree char *merges = test_folder_read (folder, "merges.txt");
  const char *second = strchr (strchr (merges, '\n') + 1, '\n') + 1, *third = strchr (second, '\n') + 1;
  g_autofree char *without = g_strdup_printf ("%.*s%s", (int) (second - merges), merges, third);
  g_autoptr (GError) error = NULL;
  g_autoptr (GessoTokenizer) tokenizer = NULL;

  test_folder_write (folder, "merges.txt", without, -1);
  tokenizer = gesso_tokenizer_open (folder, NULL, &error);
  g_assert_no_error (error);
  g_assert_nonnull (tokenizer);
}

/* merges.txt cut in the middle of its last line: "a b</w>" may become another merge. */
static void
test_cut_line (void)
{
  g_autoptr (TestFolder) folder = test_folder_new_v1 ();
  g_autofree char *merges = test_folder_read (folder, "merges.txt");
  gsize end = strlen (merges) - 1;

  for (gsize size = end - 1; merges[size] != '\n'; size--)
    {
      test_folder_write (folder, "merges.txt", merges, (gssize) size);
      assert_open_fails (folder, GESSO_ERROR_MODEL_INVALID, NAMES ("merges.txt"));
    }
}

/* Tokens for which no merge can be missing: nothing in the vocabulary could make them. transformers' own tests have
 * such. */
static void
test_tokens_without_merge (void)
{
  g_autoptr (TestFolder) folder = test_folder_new_v1 ();
  g_autoptr (GError) error = NULL;
  g_autoptr (GessoTokenizer) tokenizer = NULL;

  test_folder_edit (folder, "vocab.json", "\"<|startoftext|>\": 1032",
                    "\"<|startoftext|>\": 1032, \"xyzzyx\": 1034, \"\": 1035, \"中\": 1036, \"中</w>\": 1037, "
                    "\"</w>\": 1038, \"xyzzyx</w>\": 1039");
  test_folder_write (folder, "added_tokens.json", "{\"xyzzyx</w>\": 1039}", -1);
  tokenizer = gesso_tokenizer_open (folder, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (gesso_tokenizer_max_id (tokenizer), ==, 1039);
  /* Not added, the last one is two tokens that want joining. */
  test_folder_remove (folder, "added_tokens.json");
  assert_open_fails (folder, GESSO_ERROR_MODEL_INVALID, NAMES ("merges.txt", "“xyzzyx</w>”, which has the id 1039"));
}

static void
test_cancelled (void)
{
  g_autoptr (TestFolder) folder = test_folder_new_v1 ();
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;

  g_cancellable_cancel (cancellable);
  g_assert_null (gesso_tokenizer_open (folder, cancellable, &error));
  g_assert_error (error, GESSO_ERROR, GESSO_ERROR_CANCELLED);
}

/* One thing changed in the folder v1, and what the message must say. */
typedef struct
{
  const char *test;
  const char *file;
  const char *old; /* NULL: the file is `new` as a whole */
  const char *new;
  const char *names[3];
} Damage;

static const Damage damages[] = {
  { "json/no-end", "vocab.json", "\"#\": 2,", "\"#\": 2, \"", { "vocab.json, line 1" } },
  { "json/cut", "vocab.json", NULL, "{\"!\": 0,\n\"a\": 1", { "vocab.json, line 2", "cut short" } },
  { "json/cut-text", "vocab.json", NULL, "{\"!\": 0,\n\"a", { "vocab.json, line 2", "cut short" } },
  { "json/list", "vocab.json", NULL, "[]", { "vocab.json, line 1", "an object was expected" } },
  { "json/empty", "vocab.json", NULL, "", { "vocab.json, line 1", "an object was expected" } },
  { "json/comma", "vocab.json", "\"#\": 2,", "\"#\": 2", { "a comma" } },
  { "json/colon", "vocab.json", "\"#\": 2,", "\"#\" 2,", { "a colon" } },
  { "json/behind", "vocab.json", NULL, "{}{}", { "behind the end" } },
  { "json/escape", "vocab.json", "\"#\": 2,", "\"\\x\": 2,", { "damaged escape" } },
  { "json/surrogate", "vocab.json", "\"#\": 2,", "\"\\ud83d\": 2,", { "damaged escape" } },
  { "json/low-surrogate", "vocab.json", "\"#\": 2,", "\"\\ude00\": 2,", { "damaged escape" } },
  { "json/nul", "vocab.json", "\"#\": 2,", "\"\\u0000\": 2,", { "damaged escape" } },
  { "json/control", "vocab.json", "\"#\": 2,", "\"\n\": 2,", { "must not stand in it" } },
  { "json/utf-8", "vocab.json", "\"#\": 2,", "\"\xff\": 2,", { "vocab.json", "not UTF-8" } },
  { "json/number", "vocab.json", "\"#\": 2,", "\"#\": 02,", { "a number is damaged" } },
  { "json/fraction", "vocab.json", "\"#\": 2,", "\"#\": 2.5,", { "a whole number" } },
  { "json/text-id", "vocab.json", "\"#\": 2,", "\"#\": \"2\",", { "a number was expected" } },
  { "vocab/negative", "vocab.json", "\"#\": 2,", "\"#\": -2,", { "vocab.json", "“#” has the id -2", "Fetch" } },
  { "vocab/large", "vocab.json", "\"#\": 2,", "\"#\": 99999999999999999999,", { "“#”", "not within 0 and" } },
  { "vocab/repeated", "vocab.json", "\"#\": 2,", "\"#\": 1,", { "vocab.json", "more than one", "the id 1; one is" } },
  { "vocab/alphabet", "vocab.json", "\"#\": 2,", "\"xyzzy\": 2,", { "vocab.json", "“#” for the byte 0x23" } },
  { "merges/foreign", "merges.txt", "\nt h\n", "\nt qqq\n", { "merges.txt", "“t qqq”", "“qqq”, which is not" } },
  { "merges/three", "merges.txt", "\nt h\n", "\nt h e\n", { "merges.txt, line", "not two tokens" } },
  { "merges/empty-line", "merges.txt", "\nt h\n", "\n\nt h\n", { "merges.txt, line", "not two tokens" } },
  { "merges/utf-8", "merges.txt", "\nt h\n", "\nt \xc3\n", { "merges.txt, line", "not two tokens" } },
  { "config/pad-null", "tokenizer_config.json", NULL, "{\"pad_token\": null}", { "“pad_token”", "must be a token" } },
  { "config/pad-empty", "tokenizer_config.json", NULL, "{\"pad_token\": \"\"}", { "“pad_token”" } },
  { "config/bos-number", "tokenizer_config.json", NULL, "{\"bos_token\": 7}", { "“bos_token”" } },
  { "config/eos-untyped", "tokenizer_config.json", NULL, "{\"eos_token\": {\"content\": \"a\"}}", { "“eos_token”" } },
  { "config/no-content", "tokenizer_config.json", NULL, "{\"eos_token\": {}}", { "config.json, line 1", "“content”" } },
  { "config/flag",
    "special_tokens_map.json",
    NULL,
    "{\"eos_token\": {\"content\": \"a\", \"lstrip\": 1}}",
    { "special_tokens_map.json, line 1", "true or false" } },
  { "config/extra",
    "tokenizer_config.json",
    NULL,
    "{\"extra_special_tokens\": [\"a\", 1]}",
    { "entry 2 of the extra" } },
  { "config/decoder", "tokenizer_config.json", NULL, "{\"added_tokens_decoder\": {\"x\": {}}}", { "“x” in added" } },
  { "config/length", "tokenizer_config.json", NULL, "{\"model_max_length\": 1}", { "a text of 1 tokens" } },
  { "config/length-text",
    "tokenizer_config.json",
    NULL,
    "{\"model_max_length\": \"77\"}",
    { "a number was expected" } },
  { "config/truncation",
    "tokenizer_config.json",
    NULL,
    "{\"truncation_side\": \"left\"}",
    { "“truncation_side” is “left”", "cannot do" } },
  { "config/padding", "tokenizer_config.json", NULL, "{\"padding_side\": \"up\"}", { "“padding_side” is “up”" } },
  { "config/unknown", "tokenizer_config.json", NULL, "{", { "tokenizer_config.json", "cut short" } },
  { "added/id", "added_tokens.json", NULL, "{\"a\": \"b\"}", { "added_tokens.json", "a number was expected" } },
};

static void
test_damage (gconstpointer data)
{
  const Damage *damage = data;
  g_autoptr (TestFolder) folder = test_folder_new_v1 ();
  const char *const names[] = { damage->names[0], damage->names[1], damage->names[1] ? damage->names[2] : NULL, NULL };

  if (damage->old)
    test_folder_edit (folder, damage->file, damage->old, damage->new);
  else
    test_folder_write (folder, damage->file, damage->new, -1);
  /* A vocabulary may lack bytes if it has a token for what is unknown; here it must not. */
  if (strcmp (damage->test, "vocab/alphabet") == 0)
    test_folder_write (folder, "tokenizer_config.json", "{\"unk_token\": \"<unk>\"}", -1);
  assert_open_fails (folder, GESSO_ERROR_MODEL_INVALID, names);
}

static const Damage whole_damages[] = {
  { "model", "tokenizer.json", "\"type\": \"BPE\"", "\"type\": \"WordPiece\"", { "line", "“WordPiece”" } },
  { "suffix", "tokenizer.json", "\"end_of_word_suffix\": \"</w>\"", "\"end_of_word_suffix\": \"@\"", { "“@”" } },
  { "normalizer",
    "tokenizer.json",
    "\"type\": \"Lowercase\"",
    "\"type\": \"BertNormalizer\"",
    { "“normalizer”", "“BertNormalizer”" } },
  { "pre-tokenizer",
    "tokenizer.json",
    "\"type\": \"Split\"",
    "\"type\": \"Metaspace\"",
    { "“pre_tokenizer”", "“Metaspace”" } },
  { "post-processor",
    "tokenizer.json",
    "\"type\": \"RobertaProcessing\"",
    "\"type\": \"BertProcessing\"",
    { "“post_processor”", "“BertProcessing”" } },
  { "no-vocab", "tokenizer.json", "\"vocab\": {", "\"word\": {", { "no “vocab”" } },
  { "no-merges", "tokenizer.json", "\"merges\": [", "\"merge\": [", { "no “merges”" } },
  { "truncation",
    "tokenizer.json",
    "\"truncation\": null",
    "\"truncation\": {\"direction\": \"Left\"}",
    { "“truncation_side” is “left”" } },
  { "token", "tokenizer.json", "\"added_tokens\": [", "\"added_tokens\": [3,", { "an object was expected" } },
  { "merge", "tokenizer.json", "\"merges\": [", "\"merges\": [[\"a\"],", { "merge 1 is not two tokens" } },
  { "merge-text", "tokenizer.json", "\"merges\": [", "\"merges\": [\"a\",", { "merge 1 is not two tokens" } },
  { "cut-merges",
    "tokenizer.json",
    ",\n      [\n        \"®Î½\",\n        \"Î±</w>\"\n      ]",
    "",
    { "tokenizer.json: the merges are cut short", "“®Î½Î±</w>”, which has the id 1031" } },
  { "merge-foreign", "tokenizer.json", "\"merges\": [", "\"merges\": [[\"a\", \"qqq\"],", { "merge 1, “a qqq”" } },
};

static void
test_whole_damage (gconstpointer data)
{
  const Damage *damage = data;
  g_autoptr (TestFolder) folder = test_folder_new ();
  const char *const names[] = { "tokenizer.json", damage->names[0], damage->names[1], NULL };

  test_folder_copy (folder, "whole", "tokenizer.json");
  test_folder_edit (folder, damage->file, damage->old, damage->new);
  assert_open_fails (folder, GESSO_ERROR_MODEL_INVALID, names);
}

static void
test_deep (void)
{
  g_autoptr (TestFolder) folder = test_folder_new_v1 ();
  g_autoptr (GString) text = g_string_new ("{\"chat_template\": ");

  for (int i = 0; i < 1000000; i++)
    g_string_append_c (text, '[');
  test_folder_write (folder, "tokenizer_config.json", text->str, (gssize) text->len);
  assert_open_fails (folder, GESSO_ERROR_MODEL_INVALID, NAMES ("tokenizer_config.json", "nested too deeply"));
}

static void
test_texts (void)
{
  static const struct
  {
    const char *text;
    const char *place;
  } bad[] = { { "a \xff", "byte 2 is 0xFF" }, { "\xed\xa0\x80", "byte 0 is 0xED" }, { "ab\xc3", "byte 2 is 0xC3" } };
  g_autoptr (TestFolder) folder = test_folder_new_v1 ();
  g_autoptr (GessoTokenizer) tokenizer = gesso_tokenizer_open (folder, NULL, NULL);
  g_autofree char *huge = g_strnfill (5000000, 'a');
  g_autoptr (GError) error = NULL;
  gint32 ids[77];
  gssize cut_off = 5;

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_assert_false (gesso_tokenizer_encode (tokenizer, bad[i].text, 77, ids, &error));
      g_assert_error (error, GESSO_ERROR, GESSO_ERROR_REQUEST_INVALID);
      g_assert_nonnull (strstr (error->message, bad[i].place));
      g_clear_error (&error);
      g_assert_cmpint (gesso_tokenizer_count (tokenizer, bad[i].text, &cut_off), ==, -1);
      g_assert_cmpint (cut_off, ==, -1);
    }
  g_assert_false (gesso_tokenizer_encode (tokenizer, huge, 77, ids, &error));
  g_assert_error (error, GESSO_ERROR, GESSO_ERROR_REQUEST_INVALID);
  g_assert_nonnull (strstr (error->message, "longer than"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/tokenizer/missing", test_missing);
  for (guint i = 0; i < G_N_ELEMENTS (file_names); i++)
    {
      g_autofree char *as_folder = g_strconcat ("/tokenizer/unreadable/folder/", file_names[i], NULL);
#ifdef G_OS_UNIX
      g_autofree char *as_link = g_strconcat ("/tokenizer/unreadable/link/", file_names[i], NULL);
      g_autofree char *by_mode = g_strconcat ("/tokenizer/unreadable/mode/", file_names[i], NULL);

      g_test_add_data_func (as_link, file_names[i], test_unreadable_link);
      g_test_add_data_func (by_mode, file_names[i], test_unreadable_mode);
#endif
      g_test_add_data_func (as_folder, file_names[i], test_unreadable_folder);
    }
#ifdef G_OS_UNIX
  g_test_add_func ("/tokenizer/link", test_link);
#endif
  g_test_add_func ("/tokenizer/cut-merges", test_cut_merges);
  g_test_add_func ("/tokenizer/merge-less", test_merge_less);
  g_test_add_func ("/tokenizer/cut-line", test_cut_line);
  g_test_add_func ("/tokenizer/tokens-without-merge", test_tokens_without_merge);
  g_test_add_func ("/tokenizer/cancelled", test_cancelled);
  for (guint i = 0; i < G_N_ELEMENTS (damages); i++)
    {
      g_autofree char *path = g_strconcat ("/tokenizer/damage/", damages[i].test, NULL);

      g_test_add_data_func (path, &damages[i], test_damage);
    }
  for (guint i = 0; i < G_N_ELEMENTS (whole_damages); i++)
    {
      g_autofree char *path = g_strconcat ("/tokenizer/whole-damage/", whole_damages[i].test, NULL);

      g_test_add_data_func (path, &whole_damages[i], test_whole_damage);
    }
  g_test_add_func ("/tokenizer/deep", test_deep);
  g_test_add_func ("/tokenizer/texts", test_texts);
  return g_test_run ();
}
