/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include <glib/gi18n-lib.h>
#include <math.h>

#include "bounds.h"
#include "size-chooser.h"
#include "style.h"

enum
{
  MIN_SIDE = GESSO_SIDE_UNIT,
  MAX_SIDE = 2048,  /* of what is not named by hand */
  USUAL_SIDE = 512, /* until the model is open */
};

static const struct
{
  const char *name;
  int width, height;
} ratios[] = {
  { "1:1", 1, 1 }, { "4:3", 4, 3 }, { "3:2", 3, 2 },   { "16:9", 16, 9 },
  { "3:4", 3, 4 }, { "2:3", 2, 3 }, { "9:16", 9, 16 },
};

/* Rows of the combo box. Without a place there is no MODE_PLACE. */
typedef enum
{
  MODE_PLACE,
  MODE_MODEL,
  MODE_RATIO, /* and those that follow */
  MODE_CUSTOM = MODE_RATIO + G_N_ELEMENTS (ratios),
  N_MODES,
} Mode;

enum
{
  COLUMN_MODE,
  COLUMN_TEXT,
  N_COLUMNS,
};

struct _GessoSizeChooser
{
  GtkBox parent_instance;
  GtkWidget *combo, *custom, *spins[2], *warning, *note;
  GtkListStore *rows;
  GessoSession *session;
  char *place_name;
  int place[2];
  Mode mode;
  gboolean guess; /* the size came from outside: the mode is what has this size */
  int size[2];    /* the properties: width, height */
  gboolean setting;
};

G_DEFINE_FINAL_TYPE (GessoSizeChooser, gesso_size_chooser, GTK_TYPE_BOX)

enum
{
  PROP_WIDTH = 1,
  PROP_HEIGHT,
};

static GessoEngine *
get_engine (GessoSizeChooser *self)
{
  return self->session ? gesso_session_get_engine (self->session) : NULL;
}

static int
round_side (int side, int largest)
{
  /* No sum of a side and another, where it is as large as a number can be. */
  side = MIN (side, largest);
  return CLAMP ((side + GESSO_SIDE_UNIT / 2) / GESSO_SIDE_UNIT * GESSO_SIDE_UNIT, MIN_SIDE, largest);
}

/* The size that a mode paints in; 0 x 0 where only the model knows. */
static void
get_mode_size (GessoSizeChooser *self, Mode mode, int size[2])
{
  GessoEngine *engine = get_engine (self);

  size[0] = size[1] = 0;
  if (mode == MODE_CUSTOM)
    {
      size[0] = round_side (self->size[0], GESSO_LARGEST_SIDE);
      size[1] = round_side (self->size[1], GESSO_LARGEST_SIDE);
    }
  else if (mode >= MODE_RATIO)
    {
      double width = ratios[mode - MODE_RATIO].width, height = ratios[mode - MODE_RATIO].height;
      int model[2] = { USUAL_SIDE, USUAL_SIDE };
      double scale;

      if (engine)
        gesso_engine_get_default_size (engine, &model[0], &model[1]);
      scale = sqrt ((double) model[0] * model[1] / (width * height));
      size[0] = round_side (lround (width * scale), MAX_SIDE);
      size[1] = round_side (lround (height * scale), MAX_SIDE);
      if (engine)
        gesso_engine_fit_size (engine, lround (width * scale), lround (height * scale), &size[0], &size[1]);
    }
  else if (engine && mode == MODE_MODEL)
    gesso_engine_get_default_size (engine, &size[0], &size[1]);
  else if (engine)
    gesso_engine_fit_size (engine, self->place[0], self->place[1], &size[0], &size[1]);
}

/* What means 0 x 0. */
static Mode
default_mode (GessoSizeChooser *self)
{
  return self->place_name ? MODE_PLACE : MODE_MODEL;
}

static Mode
guess_mode (GessoSizeChooser *self)
{
  if (!self->size[0] && !self->size[1])
    return default_mode (self);
  for (Mode mode = MODE_MODEL; mode < MODE_CUSTOM; mode++)
    {
      int size[2];

      get_mode_size (self, mode, size);
      if (size[0] == self->size[0] && size[1] == self->size[1])
        return mode;
    }
  return MODE_CUSTOM;
}

static void
set_size (GessoSizeChooser *self, const int size[2])
{
  static const char *const properties[] = { "width", "height" };
  gboolean changed[2];

  g_object_freeze_notify (G_OBJECT (self));
  for (int i = 0; i < 2; i++)
    {
      changed[i] = self->size[i] != size[i];
      self->size[i] = size[i];
    }
  for (int i = 0; i < 2; i++)
    if (changed[i])
      g_object_notify (G_OBJECT (self), properties[i]);
  g_object_thaw_notify (G_OBJECT (self));
}

static char *
describe_mode (GessoSizeChooser *self, Mode mode)
{
  int size[2];

  get_mode_size (self, mode, size);
  if (mode == MODE_CUSTOM)
    return g_strdup (C_ ("size", "Custom"));
  if (mode == MODE_PLACE)
    /* Translators: "Selection" or "Image", and its width and height in pixels. */
    return g_strdup_printf (_ ("%s (%d × %d)"), self->place_name, self->place[0], self->place[1]);
  if (mode == MODE_MODEL)
    return size[0] ? g_strdup_printf (_ ("Model's Own (%d × %d)"), size[0], size[1]) : g_strdup (_ ("Model's Own"));
  if (!get_engine (self))
    return g_strdup (ratios[mode - MODE_RATIO].name);
  return g_strdup_printf (_ ("%s (%d × %d)"), ratios[mode - MODE_RATIO].name, size[0], size[1]);
}

/* Whether the model was not made for so many or so few pixels. */
static gboolean
is_unusual (GessoSizeChooser *self, const int size[2], int fitted[2])
{
  double area = (double) size[0] * size[1], good;

  gesso_engine_fit_size (get_engine (self), size[0], size[1], &fitted[0], &fitted[1]);
  good = (double) fitted[0] * fitted[1];
  return area > 2 * good || area < good / 2;
}

/* No half of a size shall go to the next line alone. */
static void
set_note_text (GessoSizeChooser *self, const char *text)
{
  g_auto (GStrv) parts = g_strsplit (text ? text : "", " × ", -1);
  g_autofree char *whole = g_strjoinv ("\u00a0×\u00a0", parts);

  gtk_label_set_text (GTK_LABEL (self->note), whole);
}

static void
show_note (GessoSizeChooser *self)
{
  g_autofree char *text = NULL;
  gboolean unusual = FALSE;
  int size[2], fitted[2];

  gesso_size_chooser_get_size (GESSO_SIZE_CHOOSER (self), &size[0], &size[1]);
  if (size[0] && self->mode == MODE_PLACE && (size[0] != self->place[0] || size[1] != self->place[1]))
    text = g_strdup_printf (_ ("Painted at %d × %d, then scaled to %d × %d."), size[0], size[1], self->place[0],
                            self->place[1]);
  else if (size[0] && self->mode == MODE_CUSTOM && get_engine (self) && is_unusual (self, size, fitted))
    {
      text = g_strdup_printf (_ ("Painted at %d × %d. The model paints best near %d × %d."), size[0], size[1],
                              fitted[0], fitted[1]);
      unusual = TRUE;
    }
  else if (size[0])
    text = g_strdup_printf (_ ("Painted at %d × %d."), size[0], size[1]);
  set_note_text (self, text);
  gtk_widget_set_visible (self->warning, unusual);
  if (unusual)
    gesso_style_remove (self->note, GESSO_STYLE_DIM);
  else
    gesso_style_add (self->note, GESSO_STYLE_DIM);
}

/* Makes everything follow the mode, the session's model and the size. */
static void
update (GessoSizeChooser *self)
{
  GtkTreeModel *rows = GTK_TREE_MODEL (self->rows);
  GtkTreeIter iter;
  int size[2];

  if (self->guess)
    self->mode = guess_mode (self);
  if (self->guess && get_engine (self))
    self->guess = FALSE;
  get_mode_size (self, self->mode, size);
  /* A ratio stays one when the model changes; without a model the size of the last one stays. */
  if (self->mode != MODE_CUSTOM && self->mode != default_mode (self) && get_engine (self))
    set_size (self, size);

  self->setting = TRUE;
  for (gboolean valid = gtk_tree_model_get_iter_first (rows, &iter); valid;
       valid = gtk_tree_model_iter_next (rows, &iter))
    {
      g_autofree char *text = NULL;
      Mode mode;

      gtk_tree_model_get (rows, &iter, COLUMN_MODE, &mode, -1);
      text = describe_mode (self, mode);
      gtk_list_store_set (self->rows, &iter, COLUMN_TEXT, text, -1);
      if (mode == self->mode)
        gtk_combo_box_set_active_iter (GTK_COMBO_BOX (self->combo), &iter);
    }
  gtk_widget_set_visible (self->custom, self->mode == MODE_CUSTOM);
  for (int i = 0; i < 2; i++)
    if (self->mode == MODE_CUSTOM)
      gtk_spin_button_set_value (GTK_SPIN_BUTTON (self->spins[i]), size[i]);
  self->setting = FALSE;
  show_note (self);
}

static void
combo_changed (GessoSizeChooser *self)
{
  const int none[2] = { 0, 0 };
  GtkTreeIter iter;
  int size[2];

  if (self->setting || !gtk_combo_box_get_active_iter (GTK_COMBO_BOX (self->combo), &iter))
    return;
  gesso_size_chooser_get_size (self, &size[0], &size[1]);
  gtk_tree_model_get (GTK_TREE_MODEL (self->rows), &iter, COLUMN_MODE, &self->mode, -1);
  self->guess = FALSE;
  if (self->mode == default_mode (self))
    set_size (self, none);
  else if (self->mode == MODE_CUSTOM) /* goes on from the size before */
    {
      if (!size[0])
        size[0] = size[1] = USUAL_SIDE;
      set_size (self, size);
    }
  else
    {
      get_mode_size (self, self->mode, size);
      if (!size[0]) /* the model's own, once it is known */
        size[0] = size[1] = USUAL_SIDE;
      set_size (self, size);
    }
  update (self);
}

static void
spin_changed (GessoSizeChooser *self)
{
  int size[2];

  if (self->setting)
    return;
  for (int i = 0; i < 2; i++)
    size[i] = round_side (gtk_spin_button_get_value_as_int (GTK_SPIN_BUTTON (self->spins[i])), GESSO_LARGEST_SIDE);
  self->guess = FALSE;
  set_size (self, size);
  show_note (self);
}

static gboolean
gesso_size_chooser_mnemonic_activate (GtkWidget *widget, gboolean group_cycling)
{
  return gtk_widget_mnemonic_activate (GESSO_SIZE_CHOOSER (widget)->combo, group_cycling);
}

static void
gesso_size_chooser_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  g_value_set_int (value, GESSO_SIZE_CHOOSER (object)->size[id - PROP_WIDTH]);
}

static void
gesso_size_chooser_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  GessoSizeChooser *self = GESSO_SIZE_CHOOSER (object);
  int size[2] = { self->size[0], self->size[1] };

  size[id - PROP_WIDTH] = g_value_get_int (value);
  if (size[0] == self->size[0] && size[1] == self->size[1])
    return;
  self->guess = TRUE;
  set_size (self, size);
  update (self);
}

static void
gesso_size_chooser_dispose (GObject *object)
{
  GessoSizeChooser *self = GESSO_SIZE_CHOOSER (object);

  g_clear_object (&self->session);
  g_clear_object (&self->rows);
  G_OBJECT_CLASS (gesso_size_chooser_parent_class)->dispose (object);
}

static void
gesso_size_chooser_finalize (GObject *object)
{
  g_free (GESSO_SIZE_CHOOSER (object)->place_name);
  G_OBJECT_CLASS (gesso_size_chooser_parent_class)->finalize (object);
}

static void
gesso_size_chooser_class_init (GessoSizeChooserClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GParamFlags flags = G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS;

  object_class->get_property = gesso_size_chooser_get_property;
  object_class->set_property = gesso_size_chooser_set_property;
  object_class->dispose = gesso_size_chooser_dispose;
  object_class->finalize = gesso_size_chooser_finalize;
  GTK_WIDGET_CLASS (klass)->mnemonic_activate = gesso_size_chooser_mnemonic_activate;
  g_object_class_install_property (object_class, PROP_WIDTH,
                                   g_param_spec_int ("width", NULL, NULL, 0, G_MAXINT, 0, flags));
  g_object_class_install_property (object_class, PROP_HEIGHT,
                                   g_param_spec_int ("height", NULL, NULL, 0, G_MAXINT, 0, flags));
}

static GtkWidget *
side_new (GessoSizeChooser *self, const char *name)
{
  GtkWidget *spin = gtk_spin_button_new_with_range (MIN_SIDE, GESSO_LARGEST_SIDE, GESSO_SIDE_UNIT);

  gtk_spin_button_set_snap_to_ticks (GTK_SPIN_BUTTON (spin), TRUE);
  gtk_spin_button_set_numeric (GTK_SPIN_BUTTON (spin), TRUE);
  gtk_entry_set_activates_default (GTK_ENTRY (spin), TRUE);
  gtk_widget_set_tooltip_text (spin, name);
  atk_object_set_name (gtk_widget_get_accessible (spin), name);
  gesso_style_pass_scrolling (spin);
  g_signal_connect_swapped (spin, "value-changed", G_CALLBACK (spin_changed), self);
  return spin;
}

static void
gesso_size_chooser_init (GessoSizeChooser *self)
{
  GtkCellRenderer *cell = gtk_cell_renderer_text_new ();
  GtkWidget *note_box = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 6);

  gtk_orientable_set_orientation (GTK_ORIENTABLE (self), GTK_ORIENTATION_VERTICAL);
  gtk_box_set_spacing (GTK_BOX (self), 4);

  self->rows = gtk_list_store_new (N_COLUMNS, G_TYPE_INT, G_TYPE_STRING);
  self->combo = gtk_combo_box_new_with_model (GTK_TREE_MODEL (self->rows));
  gtk_cell_layout_pack_start (GTK_CELL_LAYOUT (self->combo), cell, TRUE);
  gtk_cell_layout_set_attributes (GTK_CELL_LAYOUT (self->combo), cell, "text", COLUMN_TEXT, NULL);
  g_signal_connect_swapped (self->combo, "changed", G_CALLBACK (combo_changed), self);
  gesso_style_pass_scrolling (self->combo);
  atk_object_set_name (gtk_widget_get_accessible (self->combo), _ ("Size"));

  self->custom = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 6);
  self->spins[0] = side_new (self, _ ("Width"));
  self->spins[1] = side_new (self, _ ("Height"));
  gtk_box_pack_start (GTK_BOX (self->custom), self->spins[0], TRUE, TRUE, 0);
  gtk_box_pack_start (GTK_BOX (self->custom), gtk_label_new ("×"), FALSE, FALSE, 0);
  gtk_box_pack_start (GTK_BOX (self->custom), self->spins[1], TRUE, TRUE, 0);
  gtk_widget_show_all (self->custom);
  gtk_widget_set_no_show_all (self->custom, TRUE);

  self->warning = gtk_image_new_from_icon_name ("dialog-warning-symbolic", GTK_ICON_SIZE_MENU);
  gtk_widget_set_no_show_all (self->warning, TRUE);
  gtk_widget_set_valign (self->warning, GTK_ALIGN_START);
  gesso_style_add (self->warning, GESSO_STYLE_WARNING);
  self->note = gesso_style_note_new ();
  gtk_box_pack_start (GTK_BOX (note_box), self->warning, FALSE, FALSE, 0);
  gtk_box_pack_start (GTK_BOX (note_box), self->note, TRUE, TRUE, 0);
  gtk_widget_show_all (note_box);

  gtk_box_pack_start (GTK_BOX (self), self->combo, FALSE, FALSE, 0);
  gtk_box_pack_start (GTK_BOX (self), self->custom, FALSE, FALSE, 0);
  gtk_box_pack_start (GTK_BOX (self), note_box, FALSE, FALSE, 0);
  gtk_widget_show (self->combo);
}

GtkWidget *
gesso_size_chooser_new (GessoSession *session, const char *place_name, int place_width, int place_height)
{
  GessoSizeChooser *self = g_object_new (GESSO_TYPE_SIZE_CHOOSER, NULL);

  self->place_name = g_strdup (place_name);
  self->place[0] = place_width;
  self->place[1] = place_height;
  self->mode = default_mode (self);
  for (Mode mode = self->mode; mode < N_MODES; mode++)
    gtk_list_store_insert_with_values (self->rows, NULL, -1, COLUMN_MODE, mode, -1);
  if (session)
    {
      self->session = g_object_ref (session);
      g_signal_connect_object (session, "notify::state", G_CALLBACK (update), self, G_CONNECT_SWAPPED);
    }
  update (self);
  return GTK_WIDGET (self);
}

void
gesso_size_chooser_get_size (GessoSizeChooser *self, int *width, int *height)
{
  int size[2], model[2];

  g_return_if_fail (GESSO_IS_SIZE_CHOOSER (self) && width && height);
  get_mode_size (self, get_engine (self) || !self->size[0] ? self->mode : MODE_CUSTOM, size);
  if (self->mode == MODE_CUSTOM && get_engine (self)) /* one side alone is the model's */
    {
      gesso_engine_get_default_size (get_engine (self), &model[0], &model[1]);
      for (int i = 0; i < 2; i++)
        if (!self->size[i])
          size[i] = model[i];
    }
  *width = size[0];
  *height = size[1];
}
