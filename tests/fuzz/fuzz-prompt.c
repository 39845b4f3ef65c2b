/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A prompt: the first byte says for which of the miniature tokenizers, the rest is the text.
 */

#include "fuzz.h"
#include "model/tokenizer.h"

#include <stdlib.h>
#include <string.h>

static GessoTokenizer *
open_tokenizer (unsigned which)
{
  static const char *const names[] = { "v1", "v2", "odd" };
  static GessoTokenizer *tokenizers[G_N_ELEMENTS (names)];

  which %= G_N_ELEMENTS (names);
  if (!tokenizers[which])
    {
      g_autofree char *folder = g_build_filename (FUZZ_TOKENIZERS, names[which], NULL);

      tokenizers[which] = gesso_tokenizer_open (folder, NULL, NULL);
      if (!tokenizers[which])
        abort ();
    }
  return tokenizers[which];
}

static void
check_ids (const GessoTokenizer *tokenizer, const char *text, const gint32 *ids, int length)
{
  gssize cut_off;
  int count = gesso_tokenizer_count (tokenizer, text, &cut_off);
  int end = MIN (count, length - 2) + 1;
  gint32 few[5];

  for (int i = 0; i < length; i++)
    if (ids[i] < 0 || ids[i] > gesso_tokenizer_max_id (tokenizer))
      abort ();
  if (count < 0 || ids[end] != gesso_tokenizer_end_id (tokenizer))
    abort ();
  if ((cut_off < 0) != (count <= length - 2))
    abort ();
  /* Cut off at the start of a character. */
  if (cut_off >= 0 && ((gsize) cut_off >= strlen (text) || ((guchar) text[cut_off] & 0xC0) == 0x80))
    abort ();
  /* A shorter encoding is the beginning of a longer one. */
  if (!gesso_tokenizer_encode (tokenizer, text, 5, few, NULL) || memcmp (few, ids, MIN (end, 4) * sizeof *ids) != 0)
    abort ();
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;
  g_autofree gint32 *ids = NULL;
  GessoTokenizer *tokenizer;
  gboolean ok;
  int length;

  if (size == 0)
    return 0;
  tokenizer = open_tokenizer (data[0]);
  length = gesso_tokenizer_length (tokenizer);
  text = g_strndup ((const char *) data + 1, size - 1);
  ids = g_new (gint32, length);
  ok = gesso_tokenizer_encode (tokenizer, text, length, ids, &error);
  if (ok != g_utf8_validate (text, -1, NULL))
    abort ();
  fuzz_check (ok, &error);
  if (ok)
    check_ids (tokenizer, text, ids, length);
  return 0;
}
