/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The line of the progress bar at every width of terminal.
 */

#include <string.h>

#include "progress.h"

static void
test_time (void)
{
  static const struct
  {
    double seconds;
    const char *text;
  } cases[] = { { 0, "0:00" },     { 0.1, "0:01" },     { 59, "0:59" },      { 60, "1:00" },
                { 3599, "59:59" }, { 3600, "1:00:00" }, { 3723, "1:02:03" }, { -5, "0:00" } };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *text = cli_progress_format_time (cases[i].seconds);

      g_assert_cmpstr (text, ==, cases[i].text);
    }
}

static void
test_parts (void)
{
  GessoProgress state = { .stage = GESSO_STAGE_DENOISE, .fraction = 0.5, .step = 13, .n_steps = 26, .n_images = 1 };
  g_autofree char *wide = cli_progress_line (&state, 1, 62, 200);
  g_autofree char *usual = cli_progress_line (&state, 1, 62, 61);
  g_autofree char *narrow = cli_progress_line (&state, 1, 62, 45);
  g_autofree char *tiny = cli_progress_line (&state, 1, 62, 20);

  g_assert_cmpstr (wide, ==,
                   "Painting, step 13/26  #########################-------------------------  50%  1:02 left");
  g_assert_cmpstr (usual, ==, "Painting, step 13/26  ###########-----------  50%  1:02 left");
  g_assert_cmpstr (narrow, ==, "Painting, step 13/26   50%  1:02 left");
  g_assert_cmpstr (tiny, ==, " 50%  1:02 left");
}

static void
test_widths (void)
{
  static const GessoStage stages[] = { GESSO_STAGE_OPEN, GESSO_STAGE_ENCODE, GESSO_STAGE_DENOISE, GESSO_STAGE_DECODE };

  for (gsize s = 0; s < G_N_ELEMENTS (stages); s++)
    for (int columns = 0; columns <= 200; columns++)
      for (int fraction = -1; fraction <= 11; fraction++)
        {
          GessoProgress state = { .stage = stages[s],
                                  .fraction = fraction / 10.0,
                                  .step = 999,
                                  .n_steps = 1000,
                                  .first_image = 8,
                                  .n_images = 4 };
          g_autofree char *line = cli_progress_line (&state, 64, fraction % 2 ? -1 : 4000, columns);

          g_assert_cmpint (g_utf8_strlen (line, -1), <=, MAX (columns - 1, 0));
          if (columns >= 5)
            g_assert_nonnull (strchr (line, '%'));
        }
}

static void
test_pictures (void)
{
  GessoProgress state = { .stage = GESSO_STAGE_DECODE, .fraction = 1, .first_image = 2, .n_images = 1 };
  g_autofree char *single = cli_progress_line (&state, 8, -1, 100);
  state.n_images = 2;
  g_autofree char *batch = cli_progress_line (&state, 8, -1, 100);

  g_assert_nonnull (strstr (single, "picture 3/8"));
  g_assert_nonnull (strstr (batch, "pictures 3-4/8"));
  g_assert_nonnull (strstr (batch, "100%"));
  g_assert_null (strstr (batch, "left"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/progress/time", test_time);
  g_test_add_func ("/progress/parts", test_parts);
  g_test_add_func ("/progress/widths", test_widths);
  g_test_add_func ("/progress/pictures", test_pictures);
  return g_test_run ();
}
