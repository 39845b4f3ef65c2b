/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "gallery.h"

#include <glib/gi18n-lib.h>

#include "picture-view.h"
#include "style.h"

struct _GessoGallery
{
  GtkBox parent_instance;

  GtkWidget *view;
  GtkWidget *caption;
  GtkWidget *compare;
  GtkWidget *results;
  gboolean has_backdrop;
  gboolean painting;
  gboolean watching; /* previews are shown; else a result was chosen meanwhile */
  gboolean adding;   /* "selected" comes from gesso_results_add() */
};

enum
{
  PROP_N_KEPT = 1,
  N_PROPERTIES,
};

static GParamSpec *properties[N_PROPERTIES];

#define LEAST_SIDE 224

G_DEFINE_TYPE (GessoGallery, gesso_gallery, GTK_TYPE_BOX)

static void
show_picture (GessoGallery *self, GessoPicture *picture)
{
  g_autofree char *caption = NULL;
  g_autofree char *seed = NULL;

  if (!picture)
    {
      gesso_picture_view_set_rgb (GESSO_PICTURE_VIEW (self->view), NULL, 0, 0, FALSE);
      gtk_label_set_text (GTK_LABEL (self->caption), "");
      gtk_widget_set_sensitive (self->compare, FALSE);
      return;
    }
  gesso_picture_view_set_rgb (GESSO_PICTURE_VIEW (self->view), gesso_picture_get_pixels (picture),
                              gesso_picture_get_width (picture), gesso_picture_get_height (picture), TRUE);
  seed = g_strdup_printf ("%" G_GUINT64_FORMAT, gesso_picture_get_seed (picture));
  /* Translators: a picture's width and height in pixels, and the seed it was made from. */
  caption = g_strdup_printf (_ ("%d × %d · seed %s"), gesso_picture_get_width (picture),
                             gesso_picture_get_height (picture), seed);
  gtk_label_set_text (GTK_LABEL (self->caption), caption);
  gtk_widget_set_sensitive (self->compare, self->has_backdrop);
}

static void
on_selected (GessoResults *results, GessoPicture *picture, GessoGallery *self)
{
  if (!self->adding)
    self->watching = FALSE;
  show_picture (self, picture);
}

static void
on_kept_changed (GessoResults *results, GessoGallery *self)
{
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_N_KEPT]);
}

static void
on_compare_toggled (GtkToggleButton *button, GessoGallery *self)
{
  gesso_picture_view_set_compare (GESSO_PICTURE_VIEW (self->view), gtk_toggle_button_get_active (button));
}

static void
gesso_gallery_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  if (id == PROP_N_KEPT)
    g_value_set_int (value, gesso_gallery_get_n_kept (GESSO_GALLERY (object)));
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
gesso_gallery_class_init (GessoGalleryClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->get_property = gesso_gallery_get_property;
  properties[PROP_N_KEPT]
      = g_param_spec_int ("n-kept", NULL, NULL, 0, G_MAXINT, 0, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  g_object_class_install_properties (object_class, N_PROPERTIES, properties);
}

static void
gesso_gallery_init (GessoGallery *self)
{
  GtkWidget *row = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 6);

  gtk_orientable_set_orientation (GTK_ORIENTABLE (self), GTK_ORIENTATION_VERTICAL);
  gtk_box_set_spacing (GTK_BOX (self), 6);

  self->view = gesso_picture_view_new ();
  gtk_widget_set_size_request (self->view, LEAST_SIDE, LEAST_SIDE);
  gtk_box_pack_start (GTK_BOX (self), self->view, TRUE, TRUE, 0);

  self->caption = gtk_label_new (NULL);
  gtk_label_set_xalign (GTK_LABEL (self->caption), 0);
  gtk_label_set_ellipsize (GTK_LABEL (self->caption), PANGO_ELLIPSIZE_END);
  gesso_style_add (self->caption, GESSO_STYLE_DIM);
  gtk_box_pack_start (GTK_BOX (row), self->caption, TRUE, TRUE, 0);

  self->compare = gtk_toggle_button_new_with_mnemonic (_ ("Compare _with Image"));
  gtk_widget_set_tooltip_text (self->compare,
                               _ ("Show the image beside the picture. Pressing the picture shows the image alone"));
  gtk_widget_set_sensitive (self->compare, FALSE);
  g_signal_connect (self->compare, "toggled", G_CALLBACK (on_compare_toggled), self);
  gtk_box_pack_end (GTK_BOX (row), self->compare, FALSE, FALSE, 0);
  gtk_box_pack_start (GTK_BOX (self), row, FALSE, FALSE, 0);

  self->results = gesso_results_new ();
  g_signal_connect (self->results, "selected", G_CALLBACK (on_selected), self);
  g_signal_connect (self->results, "kept-changed", G_CALLBACK (on_kept_changed), self);
  gtk_box_pack_start (GTK_BOX (self), self->results, FALSE, FALSE, 0);

  gtk_widget_show_all (GTK_WIDGET (self));
  /* Without an image to compare with the button would only raise questions. */
  gtk_widget_set_no_show_all (self->compare, TRUE);
}

GtkWidget *
gesso_gallery_new (GBytes *backdrop, int width, int height)
{
  GessoGallery *self = g_object_new (GESSO_TYPE_GALLERY, NULL);

  self->has_backdrop = backdrop != NULL;
  gtk_widget_set_visible (self->compare, self->has_backdrop);
  if (backdrop)
    gesso_picture_view_set_backdrop (GESSO_PICTURE_VIEW (self->view), backdrop, width, height);
  return GTK_WIDGET (self);
}

void
gesso_gallery_set_placeholder (GessoGallery *self, const char *text)
{
  gesso_picture_view_set_placeholder (GESSO_PICTURE_VIEW (self->view), text);
}

void
gesso_gallery_begin (GessoGallery *self)
{
  self->painting = TRUE;
  self->watching = TRUE;
}

void
gesso_gallery_set_preview (GessoGallery *self, GBytes *rgb, int width, int height)
{
  if (!self->painting || !self->watching)
    return;
  gesso_picture_view_set_rgb (GESSO_PICTURE_VIEW (self->view), rgb, width, height, TRUE);
  gtk_label_set_text (GTK_LABEL (self->caption), _ ("Preview"));
  gtk_widget_set_sensitive (self->compare, self->has_backdrop);
}

void
gesso_gallery_add (GessoGallery *self, GessoResult *result)
{
  self->adding = TRUE;
  gesso_results_add (GESSO_RESULTS (self->results), result, TRUE);
  self->adding = FALSE;
  /* The next picture's previews are shown again even where another was looked at meanwhile; until they come, what is
   * looked at stays. */
  self->watching = TRUE;
}

void
gesso_gallery_end (GessoGallery *self)
{
  self->painting = FALSE;
  self->watching = FALSE;
  show_picture (self, gesso_results_get_selected (GESSO_RESULTS (self->results)));
}

int
gesso_gallery_get_n_kept (GessoGallery *self)
{
  return gesso_results_get_n_kept (GESSO_RESULTS (self->results));
}

GPtrArray *
gesso_gallery_get_kept (GessoGallery *self)
{
  return gesso_results_get_kept (GESSO_RESULTS (self->results));
}
