/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include <string.h>

#include "shown-text.h"

static void
expect (const char *text, const char *shown)
{
  g_autofree char *got = gesso_text_shorten (text);

  g_assert_cmpstr (got, ==, shown);
}

static void
test_length (void)
{
  g_autofree char *sixty = g_strnfill (60, 'x'), *more = g_strnfill (61, 'x');
  g_autofree char *cut = g_strconcat (sixty, "…", NULL);
  /* The thirtieth letter of two bytes ends at the limit, the next one behind it. */
  g_autofree char *wide = g_strdup ("x"), *wide_cut = NULL;

  expect ("", "");
  expect ("ein Name", "ein Name");
  expect (sixty, sixty);
  expect (more, cut);
  for (int i = 0; i < 40; i++)
    {
      char *longer = g_strconcat (wide, "é", NULL);

      g_free (wide);
      wide = longer;
    }
  wide_cut = gesso_text_shorten (wide);
  g_assert_true (g_utf8_validate (wide_cut, -1, NULL));
  g_assert_cmpuint (strlen (wide_cut), ==, 59 + strlen ("…"));
}

static void
test_letters (void)
{
  static const char *const hidden[] = { "a\x1b[2J", "\xc2\x9b", "\xe2\x80\xae", "a\nb", "\xe2\x80\xa8" };

  expect ("\x1b]0;\x07", "\xef\xbf\xbd]0;\xef\xbf\xbd");
  expect ("a\xe2\x80\xae"
          "b",
          "a\xef\xbf\xbd"
          "b");
  expect ("日本 café", "日本 café");
  /* No UTF-8, and cut off in the middle of a letter. */
  expect ("a\xff", "a\xef\xbf\xbd");
  for (gsize i = 0; i < G_N_ELEMENTS (hidden); i++)
    g_assert_false (gesso_text_is_shown (hidden[i]));
  g_assert_true (gesso_text_is_shown ("diffusion_pytorch_model-00001.safetensors"));
  g_assert_true (gesso_text_is_shown ("日本 café"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/shown-text/length", test_length);
  g_test_add_func ("/shown-text/letters", test_letters);
  return g_test_run ();
}
