/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include <glib/gi18n-lib.h>

#include "seed-chooser.h"
#include "style.h"

enum
{
  DIE_SIZE = 16,
};

struct _GessoSeedChooser
{
  GtkBox parent_instance;
  GtkWidget *spin, *lock, *dice;
  int seed;
  gboolean locked;
  gboolean setting; /* the spin button follows; nobody has typed */
};

G_DEFINE_FINAL_TYPE (GessoSeedChooser, gesso_seed_chooser, GTK_TYPE_BOX)

enum
{
  PROP_SEED = 1,
  PROP_LOCKED,
};

static void
set_seed (GessoSeedChooser *self, int seed)
{
  self->setting = TRUE;
  gtk_spin_button_set_value (GTK_SPIN_BUTTON (self->spin), seed);
  self->setting = FALSE;
  if (seed == self->seed)
    return;
  self->seed = seed;
  g_object_notify (G_OBJECT (self), "seed");
}

static void
set_locked (GessoSeedChooser *self, gboolean locked)
{
  gboolean changed = self->locked != !!locked;

  self->locked = !!locked;
  gtk_toggle_button_set_active (GTK_TOGGLE_BUTTON (self->lock), self->locked);
  if (self->locked)
    gesso_style_set_icon (GTK_BUTTON (self->lock), "changes-prevent-symbolic", _ ("Locked"),
                          _ ("Locked: every picture is painted with this seed"));
  else
    gesso_style_set_icon (GTK_BUTTON (self->lock), "changes-allow-symbolic", _ ("Lock"),
                          _ ("Not locked: every generation takes a new seed"));
  atk_object_set_name (gtk_widget_get_accessible (self->lock), _ ("Lock Seed"));
  if (changed)
    g_object_notify (G_OBJECT (self), "locked");
}

static void
roll (GessoSeedChooser *self)
{
  int seed = self->seed;

  while (seed == self->seed)
    seed = g_random_int () & G_MAXINT;
  set_seed (self, seed);
}

/* A seed that was typed is meant to be used: it locks itself. */
static void
spin_changed (GessoSeedChooser *self)
{
  int seed = gtk_spin_button_get_value (GTK_SPIN_BUTTON (self->spin));

  if (self->setting || seed == self->seed)
    return;
  set_seed (self, seed);
  set_locked (self, TRUE);
}

static void
lock_toggled (GessoSeedChooser *self)
{
  gboolean active = gtk_toggle_button_get_active (GTK_TOGGLE_BUTTON (self->lock));

  if (active != self->locked)
    set_locked (self, active);
}

/* Icon themes have no dice. */
static gboolean
draw_die (GtkWidget *area, cairo_t *cr, gpointer data)
{
  static const double pips[][2] = { { 4.75, 4.75 }, { 11.25, 4.75 }, { 8, 8 }, { 4.75, 11.25 }, { 11.25, 11.25 } };
  const double radius = 3, left = 1.5, right = DIE_SIZE - 1.5;
  GtkStyleContext *style = gtk_widget_get_style_context (area);
  GdkRGBA colour;

  gtk_style_context_get_color (style, gtk_style_context_get_state (style), &colour);
  gdk_cairo_set_source_rgba (cr, &colour);
  cairo_translate (cr, (gtk_widget_get_allocated_width (area) - DIE_SIZE) / 2,
                   (gtk_widget_get_allocated_height (area) - DIE_SIZE) / 2);
  cairo_arc (cr, right - radius, left + radius, radius, -G_PI_2, 0);
  cairo_arc (cr, right - radius, right - radius, radius, 0, G_PI_2);
  cairo_arc (cr, left + radius, right - radius, radius, G_PI_2, G_PI);
  cairo_arc (cr, left + radius, left + radius, radius, G_PI, 3 * G_PI_2);
  cairo_close_path (cr);
  cairo_set_line_width (cr, 1.25);
  cairo_stroke (cr);
  for (guint i = 0; i < G_N_ELEMENTS (pips); i++)
    {
      cairo_arc (cr, pips[i][0], pips[i][1], 1.25, 0, 2 * G_PI);
      cairo_fill (cr);
    }
  return GDK_EVENT_PROPAGATE;
}

static gboolean
gesso_seed_chooser_mnemonic_activate (GtkWidget *widget, gboolean group_cycling)
{
  return gtk_widget_mnemonic_activate (GESSO_SEED_CHOOSER (widget)->spin, group_cycling);
}

static void
gesso_seed_chooser_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  GessoSeedChooser *self = GESSO_SEED_CHOOSER (object);

  if (id == PROP_SEED)
    g_value_set_int (value, self->seed);
  else
    g_value_set_boolean (value, self->locked);
}

static void
gesso_seed_chooser_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  GessoSeedChooser *self = GESSO_SEED_CHOOSER (object);

  if (id == PROP_SEED)
    set_seed (self, g_value_get_int (value));
  else
    set_locked (self, g_value_get_boolean (value));
}

static void
gesso_seed_chooser_class_init (GessoSeedChooserClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GParamFlags flags = G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS;

  object_class->get_property = gesso_seed_chooser_get_property;
  object_class->set_property = gesso_seed_chooser_set_property;
  GTK_WIDGET_CLASS (klass)->mnemonic_activate = gesso_seed_chooser_mnemonic_activate;
  g_object_class_install_property (object_class, PROP_SEED,
                                   g_param_spec_int ("seed", NULL, NULL, 0, G_MAXINT, 0, flags));
  g_object_class_install_property (object_class, PROP_LOCKED,
                                   g_param_spec_boolean ("locked", NULL, NULL, FALSE, flags));
}

static void
gesso_seed_chooser_init (GessoSeedChooser *self)
{
  GtkWidget *die = gtk_drawing_area_new ();

  gtk_box_set_spacing (GTK_BOX (self), 6);

  self->spin = gtk_spin_button_new_with_range (0, G_MAXINT, 1);
  gtk_spin_button_set_numeric (GTK_SPIN_BUTTON (self->spin), TRUE);
  gtk_entry_set_width_chars (GTK_ENTRY (self->spin), 10);
  gtk_entry_set_activates_default (GTK_ENTRY (self->spin), TRUE);
  g_signal_connect_swapped (self->spin, "value-changed", G_CALLBACK (spin_changed), self);
  gesso_style_pass_scrolling (self->spin);
  atk_object_set_name (gtk_widget_get_accessible (self->spin), _ ("Seed"));

  self->lock = gtk_toggle_button_new ();
  g_signal_connect_swapped (self->lock, "toggled", G_CALLBACK (lock_toggled), self);
  set_locked (self, FALSE);

  self->dice = gtk_button_new ();
  gtk_widget_set_size_request (die, DIE_SIZE, DIE_SIZE);
  g_signal_connect (die, "draw", G_CALLBACK (draw_die), NULL);
  gtk_container_add (GTK_CONTAINER (self->dice), die);
  gtk_widget_set_tooltip_text (self->dice, _ ("Take a new seed now"));
  atk_object_set_name (gtk_widget_get_accessible (self->dice), _ ("New Seed"));
  g_signal_connect_swapped (self->dice, "clicked", G_CALLBACK (roll), self);

  gtk_box_pack_start (GTK_BOX (self), self->spin, TRUE, TRUE, 0);
  gtk_box_pack_start (GTK_BOX (self), self->lock, FALSE, FALSE, 0);
  gtk_box_pack_start (GTK_BOX (self), self->dice, FALSE, FALSE, 0);
  gtk_widget_show_all (self->spin);
  gtk_widget_show_all (self->lock);
  gtk_widget_show_all (self->dice);
}

GtkWidget *
gesso_seed_chooser_new (void)
{
  return g_object_new (GESSO_TYPE_SEED_CHOOSER, NULL);
}

int
gesso_seed_chooser_next (GessoSeedChooser *self)
{
  g_return_val_if_fail (GESSO_IS_SEED_CHOOSER (self), 0);
  gtk_spin_button_update (GTK_SPIN_BUTTON (self->spin)); /* what is typed and not left yet */
  if (!self->locked)
    roll (self);
  return self->seed;
}
