/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "result-item.h"

#include <glib/gi18n-lib.h>
#include <math.h>

#include "rgb-surface.h"

#define THUMBNAIL_SIDE 96
#define MARGIN 3

struct _GessoResultItem
{
  GtkFlowBoxChild parent_instance;
  GessoResult *result;
  int number;
  GtkWidget *thumbnail;
  GtkWidget *check;
};

G_DEFINE_FINAL_TYPE (GessoResultItem, gesso_result_item, GTK_TYPE_FLOW_BOX_CHILD)

enum
{
  PROP_KEPT = 1,
  N_PROPERTIES
};

static GParamSpec *properties[N_PROPERTIES];

/* As sharp as the display: again when the window moves to another one. */
static void
update_thumbnail (GessoResultItem *self)
{
  GessoPicture *picture = self->result->picture;
  int scale = gtk_widget_get_scale_factor (GTK_WIDGET (self));
  int width = gesso_picture_get_width (picture);
  int height = gesso_picture_get_height (picture);
  double factor = (double) (THUMBNAIL_SIDE * scale) / MAX (width, height);
  int thumbnail_width = MAX ((int) lround (width * factor), 1);
  int thumbnail_height = MAX ((int) lround (height * factor), 1);
  cairo_surface_t *full = gesso_rgb_surface_new (gesso_picture_get_pixels (picture), width, height);
  cairo_surface_t *thumbnail;
  cairo_t *cr;

  if (!full)
    return;
  thumbnail = cairo_image_surface_create (CAIRO_FORMAT_RGB24, thumbnail_width, thumbnail_height);
  cr = cairo_create (thumbnail);
  cairo_scale (cr, (double) thumbnail_width / width, (double) thumbnail_height / height);
  cairo_set_source_surface (cr, full, 0, 0);
  cairo_pattern_set_filter (cairo_get_source (cr), CAIRO_FILTER_GOOD);
  cairo_pattern_set_extend (cairo_get_source (cr), CAIRO_EXTEND_PAD);
  cairo_paint (cr);
  cairo_destroy (cr);
  cairo_surface_set_device_scale (thumbnail, scale, scale);
  gtk_image_set_from_surface (GTK_IMAGE (self->thumbnail), thumbnail);
  cairo_surface_destroy (thumbnail);
  cairo_surface_destroy (full);
}

static void
update_name (GessoResultItem *self)
{
  AtkObject *accessible = gtk_widget_get_accessible (GTK_WIDGET (self));
  g_autofree char *seed = g_strdup_printf ("%" G_GUINT64_FORMAT, gesso_picture_get_seed (self->result->picture));
  g_autofree char *name = NULL;

  if (gesso_result_item_get_kept (self))
    /* Translators: read aloud: the number of a picture, the seed it was made from, and that it is ticked. */
    name = g_strdup_printf (_ ("Picture %d, seed %s, kept"), self->number, seed);
  else
    name = g_strdup_printf (_ ("Picture %d, seed %s, not kept"), self->number, seed);
  atk_object_set_name (accessible, name);
}

static void
on_toggled (GtkToggleButton *check, GessoResultItem *self)
{
  update_name (self);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_KEPT]);
}

/* --- What was painted once can be painted again, with more steps or other words --- */

static void
append_action (GMenu *menu, const char *label, const char *action, GVariant *target)
{
  g_autoptr (GMenuItem) item = g_menu_item_new (label, NULL);

  g_menu_item_set_action_and_target_value (item, action, target);
  g_menu_append_item (menu, item);
}

/* The actions are the panel's: GTK finds them among the ancestors of the widget that a menu is attached to. */
static void
show_menu (GessoResultItem *self, const GdkEvent *event)
{
  const GessoRequest *request = self->result->request;
  const char *negative = request->negative_prompt ? request->negative_prompt : "";
  g_autoptr (GMenu) model = g_menu_new ();
  GtkWidget *menu;

  /* Translators: in the menu of a picture: its seed goes into the settings, and stays there. */
  append_action (model, _ ("Use This _Seed"), "result.use-seed",
                 g_variant_new_uint64 (gesso_picture_get_seed (self->result->picture)));
  /* Translators: in the menu of a picture: what it was painted from goes into the settings. */
  append_action (model, _ ("Use This _Prompt"), "result.use-prompt", g_variant_new ("(ss)", request->prompt, negative));
  menu = gtk_menu_new_from_model (G_MENU_MODEL (model));
  gtk_menu_attach_to_widget (GTK_MENU (menu), GTK_WIDGET (self), NULL);
  g_signal_connect (menu, "selection-done", G_CALLBACK (gtk_widget_destroy), NULL);
  if (event)
    gtk_menu_popup_at_pointer (GTK_MENU (menu), event);
  else
    gtk_menu_popup_at_widget (GTK_MENU (menu), self->thumbnail, GDK_GRAVITY_SOUTH_WEST, GDK_GRAVITY_NORTH_WEST, NULL);
}

static gboolean
gesso_result_item_popup_menu (GtkWidget *widget)
{
  show_menu (GESSO_RESULT_ITEM (widget), NULL);
  return GDK_EVENT_STOP;
}

static gboolean
gesso_result_item_button_press_event (GtkWidget *widget, GdkEventButton *event)
{
  if (!gdk_event_triggers_context_menu ((const GdkEvent *) event))
    return GDK_EVENT_PROPAGATE;
  gtk_widget_grab_focus (widget);
  show_menu (GESSO_RESULT_ITEM (widget), (const GdkEvent *) event);
  return GDK_EVENT_STOP;
}

/* Where the focus is, whoever brought it there, is what is looked at. */
static void
gesso_result_item_grab_focus (GtkWidget *widget)
{
  GtkWidget *strip = gtk_widget_get_parent (widget);

  GTK_WIDGET_CLASS (gesso_result_item_parent_class)->grab_focus (widget);
  if (GTK_IS_FLOW_BOX (strip))
    gtk_flow_box_select_child (GTK_FLOW_BOX (strip), GTK_FLOW_BOX_CHILD (widget));
}

static void
gesso_result_item_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  if (id == PROP_KEPT)
    g_value_set_boolean (value, gesso_result_item_get_kept (GESSO_RESULT_ITEM (object)));
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
gesso_result_item_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  if (id == PROP_KEPT)
    gesso_result_item_set_kept (GESSO_RESULT_ITEM (object), g_value_get_boolean (value));
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
gesso_result_item_finalize (GObject *object)
{
  g_clear_pointer (&GESSO_RESULT_ITEM (object)->result, gesso_result_free);
  G_OBJECT_CLASS (gesso_result_item_parent_class)->finalize (object);
}

static void
gesso_result_item_class_init (GessoResultItemClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->get_property = gesso_result_item_get_property;
  object_class->set_property = gesso_result_item_set_property;
  object_class->finalize = gesso_result_item_finalize;
  GTK_WIDGET_CLASS (klass)->grab_focus = gesso_result_item_grab_focus;
  GTK_WIDGET_CLASS (klass)->popup_menu = gesso_result_item_popup_menu;
  GTK_WIDGET_CLASS (klass)->button_press_event = gesso_result_item_button_press_event;
  properties[PROP_KEPT] = g_param_spec_boolean ("kept", NULL, NULL, FALSE,
                                                G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);
  g_object_class_install_properties (object_class, N_PROPERTIES, properties);
}

static void
gesso_result_item_init (GessoResultItem *self)
{
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_VERTICAL, MARGIN);

  self->thumbnail = gtk_image_new ();
  /* Of one width in any case; the tallest gives the height. */
  gtk_widget_set_size_request (self->thumbnail, THUMBNAIL_SIDE, -1);
  gtk_box_pack_start (GTK_BOX (box), self->thumbnail, TRUE, TRUE, 0);

  /* Translators: a tick below a picture: it will go into the image. */
  self->check = gtk_check_button_new_with_label (_ ("Keep"));
  gtk_widget_set_halign (self->check, GTK_ALIGN_CENTER);
  /* The item has the focus, and its space bar ticks: one stop for each picture. */
  gtk_widget_set_can_focus (self->check, FALSE);
  gtk_box_pack_start (GTK_BOX (box), self->check, FALSE, FALSE, 0);
  g_signal_connect (self->check, "toggled", G_CALLBACK (on_toggled), self);

  gtk_widget_add_events (GTK_WIDGET (self), GDK_BUTTON_PRESS_MASK);
  gtk_container_set_border_width (GTK_CONTAINER (box), MARGIN);
  gtk_container_add (GTK_CONTAINER (self), box);
  gtk_widget_show_all (GTK_WIDGET (self));
}

GtkWidget *
gesso_result_item_new (GessoResult *result, int number, gboolean kept)
{
  GessoResultItem *self = g_object_new (GESSO_TYPE_RESULT_ITEM, NULL);
  g_autofree char *seed = g_strdup_printf ("%" G_GUINT64_FORMAT, gesso_picture_get_seed (result->picture));
  g_autofree char *tooltip = g_strdup_printf (_ ("Seed %s"), seed);

  self->result = result;
  self->number = number;
  gtk_toggle_button_set_active (GTK_TOGGLE_BUTTON (self->check), kept);
  gtk_widget_set_tooltip_text (self->thumbnail, tooltip);
  update_name (self);
  update_thumbnail (self);
  g_signal_connect (self, "notify::scale-factor", G_CALLBACK (update_thumbnail), NULL);
  return GTK_WIDGET (self);
}

const GessoResult *
gesso_result_item_get_result (GessoResultItem *self)
{
  g_return_val_if_fail (GESSO_IS_RESULT_ITEM (self), NULL);
  return self->result;
}

gboolean
gesso_result_item_get_kept (GessoResultItem *self)
{
  g_return_val_if_fail (GESSO_IS_RESULT_ITEM (self), FALSE);
  return gtk_toggle_button_get_active (GTK_TOGGLE_BUTTON (self->check));
}

void
gesso_result_item_set_kept (GessoResultItem *self, gboolean kept)
{
  g_return_if_fail (GESSO_IS_RESULT_ITEM (self));
  gtk_toggle_button_set_active (GTK_TOGGLE_BUTTON (self->check), kept);
}
