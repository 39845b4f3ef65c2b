/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "painter.h"

#include <glib/gi18n-lib.h>

#include "quit.h"
#include "threads.h"

/* How often GIMP is told about progress, and thereby asked whether it is still there. */
#define REPORT_MILLISECONDS 250

struct _GessoPainter
{
  GessoSession *session;
  int n_jobs, n_done;
  double fraction; /* of the running job */
  guint report;    /* source */

  const GessoRequest *request;
  GessoOrigin *origin;
  GPtrArray *results;
  GError *error;
};

static void
on_progress (GessoSession *session, const GessoSessionProgress *progress, GessoPainter *painter)
{
  painter->fraction = progress->fraction;
}

static void
on_picture (GessoSession *session, GessoPicture *picture, int index, GessoPainter *painter)
{
  g_ptr_array_add (painter->results, gesso_result_new (picture, painter->request, painter->origin));
}

static void
on_finished (GessoSession *session, const GError *error, GessoPainter *painter)
{
  painter->error = error ? g_error_copy (error) : NULL;
}

static gboolean
report (gpointer data)
{
  GessoPainter *painter = data;

  gimp_progress_update ((painter->n_done + painter->fraction) / painter->n_jobs);
  return G_SOURCE_CONTINUE;
}

GessoPainter *
gesso_painter_new (const GessoSettings *settings, int n_jobs, GError **error)
{
  g_autoptr (GessoPainter) painter = g_new0 (GessoPainter, 1);
  g_autoptr (GessoOptions) options = gesso_options_new ();

  painter->session = gesso_session_new ();
  painter->n_jobs = n_jobs;
  gesso_quit_stops (painter->session);
  g_signal_connect (painter->session, "progress", G_CALLBACK (on_progress), painter);
  g_signal_connect (painter->session, "picture", G_CALLBACK (on_picture), painter);
  g_signal_connect (painter->session, "finished", G_CALLBACK (on_finished), painter);

  gimp_progress_init (_ ("Painting"));
  painter->report = g_timeout_add (REPORT_MILLISECONDS, report, painter);
  options->device = settings->device;
  options->precision = settings->precision;
  options->n_threads = gesso_threads_allowed ();
  gesso_session_open (painter->session, settings->model, options);
  gesso_session_wait (painter->session);
  if (!gesso_session_get_engine (painter->session))
    {
      g_propagate_error (error, g_error_copy (gesso_session_get_error (painter->session)));
      return NULL;
    }
  return g_steal_pointer (&painter);
}

void
gesso_painter_free (GessoPainter *painter)
{
  g_source_remove (painter->report);
  g_clear_object (&painter->session);
  gimp_progress_end ();
  g_free (painter);
}

GessoEngine *
gesso_painter_get_engine (GessoPainter *painter)
{
  return gesso_session_get_engine (painter->session);
}

GPtrArray *
gesso_painter_paint (GessoPainter *painter, const GessoSettings *settings, int place_width, int place_height,
                     GError **error)
{
  g_autoptr (GPtrArray) results = g_ptr_array_new_with_free_func ((GDestroyNotify) gesso_result_free);
  g_autoptr (GessoRequest) request
      = gesso_settings_to_request (settings, gesso_painter_get_engine (painter), place_width, place_height);
  g_autoptr (GessoOrigin) origin = gesso_origin_new (painter->session, settings->width, settings->height);

  painter->request = request;
  painter->origin = origin;
  painter->results = results;
  painter->fraction = 0;
  gimp_progress_set_text (_ ("Painting"));
  gesso_session_paint (painter->session, request);
  gesso_session_wait (painter->session);
  painter->request = NULL;
  painter->origin = NULL;
  painter->results = NULL;
  painter->n_done++;
  painter->fraction = 0;
  if (painter->error)
    {
      g_propagate_error (error, g_steal_pointer (&painter->error));
      return NULL;
    }
  return g_steal_pointer (&results);
}

gboolean
gesso_painter_show_inserting (double fraction, gpointer unused)
{
  if (fraction < 1) /* there is something to wait for */
    {
      gimp_progress_set_text (_ ("Inserting"));
      gimp_progress_update (fraction);
    }
  return TRUE;
}
