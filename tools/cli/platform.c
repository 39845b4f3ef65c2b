/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What the program needs of a POSIX system.
 */

#include "platform.h"

#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <glib-unix.h>

#define DEFAULT_WIDTH 80

typedef struct
{
  void (*interrupted) (gpointer data);
  gpointer data;
} Watch;

static const int watched[] = { SIGINT, SIGTERM, SIGHUP };
static guint sources[G_N_ELEMENTS (watched)];

static volatile sig_atomic_t status_when_interrupted;

/* Whoever starts a program by nohup wants it to outlive the terminal. */
static gboolean
is_to_be_ignored (int signal_number)
{
  struct sigaction old;

  return signal_number == SIGHUP && sigaction (signal_number, NULL, &old) == 0 && old.sa_handler == SIG_IGN;
}

static void
exit_at_once (int signal_number)
{
  _exit (status_when_interrupted);
}

void
cli_platform_exit_on_interrupt (int status)
{
  status_when_interrupted = status;
  for (gsize i = 0; i < G_N_ELEMENTS (watched); i++)
    if (!is_to_be_ignored (watched[i]))
      signal (watched[i], exit_at_once);
}

static gboolean
on_signal (gpointer user_data)
{
  Watch *watch = user_data;

  watch->interrupted (watch->data);
  return G_SOURCE_CONTINUE;
}

void
cli_platform_watch_interrupt (void (*interrupted) (gpointer data), gpointer data)
{
  for (gsize i = 0; i < G_N_ELEMENTS (watched); i++)
    {
      Watch *watch;

      if (is_to_be_ignored (watched[i]))
        continue;
      watch = g_new (Watch, 1);
      *watch = (Watch) { interrupted, data };
      sources[i] = g_unix_signal_add_full (G_PRIORITY_HIGH, watched[i], on_signal, watch, g_free);
    }
}

void
cli_platform_unwatch_interrupt (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (watched); i++)
    g_clear_handle_id (&sources[i], g_source_remove);
}

void
cli_platform_survive_writing (void)
{
  signal (SIGPIPE, SIG_IGN);
  signal (SIGXFSZ, SIG_IGN);
}

int
cli_platform_terminal_width (void)
{
  struct winsize size = { 0 };
  const char *type = g_getenv ("TERM");

  if (!isatty (STDERR_FILENO) || type == NULL || g_str_equal (type, "dumb"))
    return 0;
  if (ioctl (STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
    return DEFAULT_WIDTH;
  return size.ws_col;
}

void
cli_platform_exit_now (int status)
{
  _exit (status);
}
