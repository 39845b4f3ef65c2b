/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A tokenizer folder: the input is its files one after the other, each begun by a line of an "@" and the first letter
 * of its name (t: tokenizer.json, k: tokenizer_config.json). Without a vocabulary of its own it gets a complete one, so
 * that the other files are read.
 */

#include "fuzz.h"
#include "model/tokenizer.h"

#include <glib/gstdio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct
{
  char letter;
  const char *name;
} files[] = { { 't', "tokenizer.json" },
              { 'k', "tokenizer_config.json" },
              { 's', "special_tokens_map.json" },
              { 'a', "added_tokens.json" },
              { 'v', "vocab.json" },
              { 'm', "merges.txt" } };

static char *folder;

static void
remove_files (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (files); i++)
    {
      g_autofree char *path = g_build_filename (folder, files[i].name, NULL);

      g_remove (path);
    }
}

static void
remove_folder (void)
{
  remove_files ();
  g_rmdir (folder);
}

/* An empty folder, the same every time: in memory where there is such a place, since disks take most of a run's time.
 */
static void
empty_folder (void)
{
  static const char in_memory[] = "/dev/shm";

  if (folder)
    {
      remove_files ();
      return;
    }
  folder = g_build_filename (g_access (in_memory, W_OK) == 0 ? in_memory : g_get_tmp_dir (), "fuzz-tokenizer-XXXXXX",
                             NULL);
  if (!g_mkdtemp (folder))
    abort ();
  atexit (remove_folder);
}

/* Not g_file_set_contents(), which waits for the disk. */
static void
write_file (const char *name, const void *data, size_t size)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  FILE *file = fopen (path, "w");

  if (!file || fwrite (data, 1, size, file) != size || fclose (file) != 0)
    abort ();
}

static GString *
make_vocabulary (void)
{
  GString *vocab = g_string_new ("{");
  int id = 0;

  for (gunichar c = '!'; c < 0x144; c++)
    if ((c <= '~' || c >= 0xA1) && c != 0xAD)
      for (int last = 0; last < 2; last++)
        {
          char name[7] = "";

          g_unichar_to_utf8 (c, name);
          g_string_append_printf (vocab, "\"%s%s%s\": %d, ", c == '"' || c == '\\' ? "\\" : "", name,
                                  last ? "</w>" : "", id++);
        }
  g_string_append (vocab, "\"th\": 1000, \"the</w>\": 1001}");
  return vocab;
}

static void
write_default_vocabulary (void)
{
  static const char merges[] = "#version: 0.2\nt h\nth e</w>\n";
  static GString *vocab;

  if (!vocab)
    vocab = make_vocabulary ();
  write_file ("vocab.json", vocab->str, vocab->len);
  write_file ("merges.txt", merges, strlen (merges));
}

static const char *
find_name (char letter)
{
  for (guint i = 0; i < G_N_ELEMENTS (files); i++)
    if (files[i].letter == letter)
      return files[i].name;
  return NULL;
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GessoTokenizer) tokenizer = NULL;
  const char *at = (const char *) data, *end = at + size;
  gboolean has_vocabulary = FALSE;

  empty_folder ();
  while (end - at >= 3)
    {
      const char *name = at[0] == '@' && at[2] == '\n' ? find_name (at[1]) : NULL;
      const char *next = memmem (at + 3, (size_t) (end - at - 3), "\n@", 2);
      const char *stop = next ? next + 1 : end;

      if (name)
        write_file (name, at + 3, (size_t) (stop - at - 3));
      has_vocabulary |= name && (at[1] == 't' || at[1] == 'v');
      at = stop;
    }
  if (!has_vocabulary)
    write_default_vocabulary ();
  tokenizer = gesso_tokenizer_open (folder, NULL, &error);
  fuzz_check (tokenizer != NULL, &error);
  if (tokenizer)
    {
      int length = gesso_tokenizer_length (tokenizer);
      g_autofree gint32 *ids = g_new (gint32, length);

      fuzz_check (gesso_tokenizer_encode (tokenizer,
                                          "The <new>, \xC3\x9C"
                                          "bung! <|ENDOFTEXT|>",
                                          length, ids, &error),
                  &error);
      for (int i = 0; i < length; i++)
        if (ids[i] < 0 || ids[i] > gesso_tokenizer_max_id (tokenizer))
          abort ();
    }
  return 0;
}
