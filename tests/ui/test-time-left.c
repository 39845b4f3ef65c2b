/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The estimate of the time left on made-up clocks: right where the speed is steady, quiet at first, without jumps where
 * the speed changes.
 */

#include "time-left.h"

#include <math.h>

static void
test_steady (void)
{
  GessoTimeLeft left;

  gesso_time_left_begin (&left, 100);
  for (int i = 1; i <= 40; i++)
    {
      double seconds = gesso_time_left_update (&left, 100 + i * 0.5, i / 40.0);

      if (i * 0.5 < 1 || i < 3)
        g_assert_cmpfloat (seconds, <, 0);
      else
        g_assert_cmpfloat_with_epsilon (seconds, 20 - i * 0.5, 0.01);
    }
}

/* Nothing has been done for a while: the seconds go by. */
static void
test_standing_still (void)
{
  GessoTimeLeft left;

  gesso_time_left_begin (&left, 0);
  g_assert_cmpfloat (gesso_time_left_update (&left, 5, 0), <, 0);
  for (int i = 1; i <= 10; i++)
    gesso_time_left_update (&left, 5 + i, i / 20.0);
  g_assert_cmpfloat_with_epsilon (gesso_time_left_update (&left, 17, 0.5), gesso_time_left_update (&left, 15, 0.5) - 2,
                                  1e-9);
  g_assert_cmpfloat (gesso_time_left_update (&left, 1000, 0.5), ==, 0);
  g_assert_cmpfloat (gesso_time_left_update (&left, 1001, 1), ==, 0);
}

/* Weights are read first, slower or faster than estimated; then the steps go at their own pace. */
static void
check_change (double first_rate, double then_rate)
{
  GessoTimeLeft left;
  double fraction = 0, now = 0, before = -1, seconds = -1;

  gesso_time_left_begin (&left, 0);
  while (fraction < 0.98)
    {
      now += 0.25;
      fraction += 0.25 * (fraction < 0.3 ? first_rate : then_rate);
      seconds = gesso_time_left_update (&left, now, fraction);
      if (before >= 0)
        g_assert_cmpfloat (fabs (seconds - (before - 0.25)), <=, 0.1 * (0.7 / MIN (first_rate, then_rate)));
      before = seconds;
      if (fraction > 0.8)
        g_assert_cmpfloat_with_epsilon (seconds, (1 - fraction) / then_rate, 0.35 * (1 - 0.3) / then_rate);
    }
}

static void
test_change (void)
{
  check_change (0.1, 0.02);
  check_change (0.01, 0.04);
  check_change (0.02, 0.02);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/time-left/steady", test_steady);
  g_test_add_func ("/time-left/standing-still", test_standing_still);
  g_test_add_func ("/time-left/change", test_change);
  return g_test_run ();
}
