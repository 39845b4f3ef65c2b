/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * panel-window: the panel of the dialog in a plain window, without GIMP, to look at and to take pictures of.
 */

#include <glib/gi18n-lib.h>
#include <locale.h>
#include <math.h>

#include "panel.h"

typedef struct
{
  GtkWidget *window;
  GtkWidget *panel;
  const char *state;
  const char *shot;
  gboolean asked;
  gboolean limited;
} Stage;

static char *model = NULL;
static char *prompt = NULL;
static char *state = NULL;
static char *shot = NULL;
static char *css = NULL;
static gboolean dark = FALSE;
static gboolean rtl = FALSE;
static gboolean advanced = FALSE;
static int width = 960;
static int height = 620;

static const GOptionEntry entries[] = {
  { "model", 0, 0, G_OPTION_ARG_FILENAME, &model, "Model, by name or folder", "MODEL" },
  { "prompt", 0, 0, G_OPTION_ARG_STRING, &prompt, "What to paint", "TEXT" },
  { "state", 0, 0, G_OPTION_ARG_STRING, &state, "empty, opening, ready, painting, results, error or oom", "STATE" },
  { "shot", 0, 0, G_OPTION_ARG_FILENAME, &shot, "Takes a picture of the state and ends", "FILE.png" },
  { "css", 0, 0, G_OPTION_ARG_FILENAME, &css, "A theme, such as GIMP's", "FILE.css" },
  { "dark", 0, 0, G_OPTION_ARG_NONE, &dark, "Dark colours", NULL },
  { "rtl", 0, 0, G_OPTION_ARG_NONE, &rtl, "From right to left", NULL },
  { "advanced", 0, 0, G_OPTION_ARG_NONE, &advanced, "Unfolds what is under Advanced", NULL },
  { "width", 0, 0, G_OPTION_ARG_INT, &width, "Of the window", "PIXELS" },
  { "height", 0, 0, G_OPTION_ARG_INT, &height, "Of the window", "PIXELS" },
  { 0 },
};

#define SETTLE_MS 700 /* until everything asked for is drawn */
#define LITTLE_MEMORY (G_GUINT64_CONSTANT (200) << 20)

static gboolean
take_shot (gpointer data)
{
  Stage *stage = data;
  GdkWindow *window = gtk_widget_get_window (stage->window);
  g_autoptr (GdkPixbuf) pixbuf
      = gdk_pixbuf_get_from_window (window, 0, 0, gdk_window_get_width (window), gdk_window_get_height (window));

  if (!pixbuf || !gdk_pixbuf_save (pixbuf, stage->shot, "png", NULL, NULL))
    g_printerr ("panel-window: %s cannot be written\n", stage->shot);
  gtk_main_quit ();
  return G_SOURCE_REMOVE;
}

static void
shoot (Stage *stage, guint delay)
{
  if (stage->shot && !stage->asked)
    g_timeout_add (delay, take_shot, stage);
  stage->asked = TRUE;
}

/* Opens the model anew. */
static void
limit_memory (Stage *stage)
{
  g_autoptr (GessoOptions) options = gesso_options_new ();
  g_autofree char *name = NULL;

  stage->limited = TRUE;
  options->max_memory = LITTLE_MEMORY;
  g_object_get (stage->panel, "model", &name, NULL);
  gesso_session_open (gesso_panel_get_session (GESSO_PANEL (stage->panel)), name, options);
}

static void
on_state (GObject *object, GParamSpec *pspec, Stage *stage)
{
  GessoSessionState now = gesso_session_get_state (GESSO_SESSION (object));

  if (g_str_equal (stage->state, "opening"))
    {
      if (now == GESSO_SESSION_OPENING)
        shoot (stage, 0);
    }
  else if (g_str_equal (stage->state, "error"))
    {
      if (now == GESSO_SESSION_CLOSED)
        shoot (stage, SETTLE_MS);
    }
  else if (now != GESSO_SESSION_READY || stage->asked)
    return;
  else if (g_str_equal (stage->state, "empty") || g_str_equal (stage->state, "ready"))
    shoot (stage, SETTLE_MS);
  else if (g_str_equal (stage->state, "oom") && !stage->limited)
    limit_memory (stage);
  else
    gesso_panel_generate (GESSO_PANEL (stage->panel));
}

static void
on_painting (GObject *object, GParamSpec *pspec, Stage *stage)
{
  gboolean painting;

  g_object_get (object, "painting", &painting, NULL);
  if (!painting && !g_str_equal (stage->state, "painting"))
    shoot (stage, 2 * SETTLE_MS);
}

static void
on_progress (GessoSession *session, const GessoSessionProgress *progress, Stage *stage)
{
  if (g_str_equal (stage->state, "painting") && progress->picture > 0 && progress->step > progress->n_steps / 2)
    shoot (stage, 0);
}

static GBytes *
new_backdrop (int columns, int rows)
{
  guint8 *rgb = g_malloc ((gsize) columns * rows * 3);

  for (int y = 0; y < rows; y++)
    for (int x = 0; x < columns; x++)
      {
        guint8 *pixel = rgb + 3 * ((gsize) y * columns + x);

        pixel[0] = (guint8) (90 + 120 * y / rows);
        pixel[1] = (guint8) (120 + 60 * sin (x * 0.02));
        pixel[2] = (guint8) (200 - 120 * y / rows);
      }
  return g_bytes_new_take (rgb, (gsize) columns * rows * 3);
}

static void
use_css (void)
{
  g_autoptr (GtkCssProvider) provider = gtk_css_provider_new ();
  g_autoptr (GError) error = NULL;

  if (!css)
    return;
  if (!gtk_css_provider_load_from_path (provider, css, &error))
    g_printerr ("panel-window: %s\n", error->message);
  gtk_style_context_add_provider_for_screen (gdk_screen_get_default (), GTK_STYLE_PROVIDER (provider),
                                             GTK_STYLE_PROVIDER_PRIORITY_APPLICATION);
}

static void
unfold (GtkWidget *widget, gpointer data)
{
  if (GTK_IS_EXPANDER (widget))
    gtk_expander_set_expanded (GTK_EXPANDER (widget), TRUE);
  else if (GTK_IS_CONTAINER (widget))
    gtk_container_forall (GTK_CONTAINER (widget), unfold, data);
}

static void
set_up_state (Stage *stage)
{
  gboolean many = g_str_equal (stage->state, "painting") || g_str_equal (stage->state, "results");

  if (!g_str_equal (stage->state, "empty"))
    g_object_set (stage->panel, "prompt", prompt ? prompt : "a lighthouse at dusk, oil painting, warm light",
                  "negative-prompt", "blurry, text", NULL);
  if (many)
    g_object_set (stage->panel, "count", 4, "steps", 25, NULL);
  if (g_str_equal (stage->state, "error"))
    g_object_set (stage->panel, "model", "watercolour-small", NULL);
  else if (model)
    g_object_set (stage->panel, "model", model, NULL);
  if (g_str_equal (stage->state, "oom"))
    g_object_set (stage->panel, "width", 2048, "height", 1536, NULL);
}

int
main (int argc, char **argv)
{
  GessoPanelPlace place = { .width = 768, .height = 512, .backdrop_width = 384, .backdrop_height = 256 };
  g_autoptr (GBytes) backdrop = new_backdrop (384, 256);
  g_autofree char *history_file = NULL;
  g_autoptr (GError) error = NULL;
  Stage stage = { 0 };

  setlocale (LC_ALL, "");
  if (!gtk_init_with_args (&argc, &argv, "", entries, GETTEXT_PACKAGE, &error))
    {
      g_printerr ("panel-window: %s\n", error->message);
      return 1;
    }
  gtk_widget_set_default_direction (rtl ? GTK_TEXT_DIR_RTL : GTK_TEXT_DIR_LTR);
  g_object_set (gtk_settings_get_default (), "gtk-application-prefer-dark-theme", dark, NULL);
  use_css ();

  place.name = _ ("Selection");
  place.backdrop = backdrop;
  stage.state = state ? state : "ready";
  stage.shot = shot;
  stage.window = gtk_window_new (GTK_WINDOW_TOPLEVEL);
  gtk_window_set_title (GTK_WINDOW (stage.window), "Gesso");
  gtk_window_set_default_size (GTK_WINDOW (stage.window), width, height);
  gtk_container_set_border_width (GTK_CONTAINER (stage.window), 12);
  g_signal_connect (stage.window, "destroy", G_CALLBACK (gtk_main_quit), NULL);

  history_file = g_build_filename (g_get_user_data_dir (), "gesso-panel-window.json", NULL);
  stage.panel = gesso_panel_new (&place, history_file, NULL);
  gtk_container_add (GTK_CONTAINER (stage.window), stage.panel);
  g_signal_connect (stage.panel, "activated", G_CALLBACK (gesso_panel_generate), NULL);
  if (shot)
    {
      g_signal_connect (gesso_panel_get_session (GESSO_PANEL (stage.panel)), "notify::state", G_CALLBACK (on_state),
                        &stage);
      g_signal_connect (gesso_panel_get_session (GESSO_PANEL (stage.panel)), "progress", G_CALLBACK (on_progress),
                        &stage);
      g_signal_connect (stage.panel, "notify::painting", G_CALLBACK (on_painting), &stage);
    }
  set_up_state (&stage);
  if (advanced)
    unfold (stage.panel, NULL);
  gtk_widget_show (stage.window);
  gtk_widget_grab_focus (stage.panel);
  gtk_main ();
  return 0;
}
