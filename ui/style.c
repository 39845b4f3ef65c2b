/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "style.h"

static const char css[]
    = "." GESSO_STYLE_DIM " { color: alpha(currentColor, 0.7); }\n"
      "." GESSO_STYLE_WARNING " { color: mix(currentColor, #f57900, 0.7); }\n"
      "." GESSO_STYLE_SMALL " { padding: 2px 4px; min-height: 0; min-width: 0; }\n"
      "infobar." GESSO_STYLE_ERROR ", infobar." GESSO_STYLE_ERROR " > revealer > box {"
      " background-image: none; background-color: transparent; border-color: transparent; }\n"
      "infobar." GESSO_STYLE_ERROR " { background-color: alpha(#d02020, 0.25); }\n"
      "infobar." GESSO_STYLE_ERROR " box, infobar." GESSO_STYLE_ERROR " label { background-color: transparent; }\n";

static void
use_css (GdkScreen *screen)
{
  const char *key = "gesso-style";
  g_autoptr (GtkCssProvider) provider = NULL;

  if (g_object_get_data (G_OBJECT (screen), key))
    return;
  provider = gtk_css_provider_new ();
  gtk_css_provider_load_from_data (provider, css, -1, NULL);
  /* GIMP's theme is added with the application's priority. */
  gtk_style_context_add_provider_for_screen (screen, GTK_STYLE_PROVIDER (provider),
                                             GTK_STYLE_PROVIDER_PRIORITY_APPLICATION + 1);
  g_object_set_data_full (G_OBJECT (screen), key, g_steal_pointer (&provider), g_object_unref);
}

void
gesso_style_add (GtkWidget *widget, const char *style_class)
{
  use_css (gtk_widget_get_screen (widget));
  gtk_style_context_add_class (gtk_widget_get_style_context (widget), style_class);
}

void
gesso_style_remove (GtkWidget *widget, const char *style_class)
{
  gtk_style_context_remove_class (gtk_widget_get_style_context (widget), style_class);
}

GtkWidget *
gesso_style_note_new (void)
{
  GtkWidget *label = gtk_label_new (NULL);

  gtk_label_set_xalign (GTK_LABEL (label), 0);
  gtk_label_set_line_wrap (GTK_LABEL (label), TRUE);
  gtk_label_set_line_wrap_mode (GTK_LABEL (label), PANGO_WRAP_WORD_CHAR);
  gtk_label_set_max_width_chars (GTK_LABEL (label), 40);
  gesso_style_add (label, GESSO_STYLE_DIM);
  return label;
}

void
gesso_style_set_icon (GtkButton *button, const char *icon_name, const char *fallback, const char *name)
{
  GtkWidget *child = gtk_bin_get_child (GTK_BIN (button));
  GtkIconTheme *theme = gtk_icon_theme_get_for_screen (gtk_widget_get_screen (GTK_WIDGET (button)));

  if (child)
    gtk_container_remove (GTK_CONTAINER (button), child);
  child = gtk_icon_theme_has_icon (theme, icon_name) ? gtk_image_new_from_icon_name (icon_name, GTK_ICON_SIZE_MENU)
                                                     : gtk_label_new (fallback);
  gtk_widget_show (child);
  gtk_container_add (GTK_CONTAINER (button), child);
  gtk_widget_set_tooltip_text (GTK_WIDGET (button), name);
  atk_object_set_name (gtk_widget_get_accessible (GTK_WIDGET (button)), name);
}

static gboolean
pass_scrolling (GtkWidget *widget, GdkEvent *event, gpointer data)
{
  g_signal_stop_emission_by_name (widget, "scroll-event");
  return GDK_EVENT_PROPAGATE;
}

void
gesso_style_pass_scrolling (GtkWidget *widget)
{
  g_signal_connect (widget, "scroll-event", G_CALLBACK (pass_scrolling), NULL);
}
