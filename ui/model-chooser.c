/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include <glib/gi18n-lib.h>

#include "model-check.h"
#include "model-chooser.h"
#include "style.h"

/* The name that gesso_models_list() gives the starter; "" means the same. */
static const char starter[] = "starter";

typedef enum
{
  ROW_MODEL,   /* a name or a folder */
  ROW_MISSING, /* set, but not installed */
  ROW_SEPARATOR,
  ROW_OTHER, /* "Other Folder…" */
} RowKind;

enum
{
  COLUMN_KIND,
  COLUMN_MODEL, /* what the property is when the row is chosen */
  COLUMN_FOLDER,
  COLUMN_SIZE,
  COLUMN_NAME,   /* as shown */
  COLUMN_MARKUP, /* the first line */
  COLUMN_ERROR,  /* why it does not run, or NULL */
  COLUMN_DETAIL, /* the second line, markup, or NULL */
  N_COLUMNS,
};

struct _GessoModelChooser
{
  GtkBox parent_instance;
  GtkWidget *combo, *message_box, *message, *hint;
  GtkListStore *rows;
  GtkFileChooserNative *dialog;
  char *model;
  GQueue unchecked; /* of char *: folders, measured one after the other */
  GThread *thread;  /* that measures */
  char *chosen;     /* the folder that becomes a row if it is a model */
  GCancellable *cancellable;
  gulong changed_handler;
};

G_DEFINE_FINAL_TYPE (GessoModelChooser, gesso_model_chooser, GTK_TYPE_BOX)

enum
{
  PROP_MODEL = 1,
};

static char *
display_folder (const char *folder)
{
  g_autofree char *path = g_filename_display_name (folder);
  g_autofree char *home = g_filename_display_name (g_get_home_dir ());

  if (g_str_has_prefix (path, home) && path[strlen (home)] == G_DIR_SEPARATOR)
    return g_strconcat ("~", path + strlen (home), NULL);
  return g_steal_pointer (&path);
}

static char *
display_name (const char *model)
{
  /* Translators: the model that comes with Gesso. */
  if (!*model || g_str_equal (model, starter))
    return g_strdup (C_ ("model", "Starter"));
  return g_path_is_absolute (model) ? display_folder (model) : g_filename_display_name (model);
}

/* `can_run`: else the row is dim. */
static void
set_row_text (GessoModelChooser *self, GtkTreeIter *iter, const char *detail, gboolean can_run, const char *error)
{
  /* From right to left, both lines begin at the right, whatever script the name is in: a mark of direction, and the
   * name isolated. */
  gboolean rtl = gtk_widget_get_direction (GTK_WIDGET (self)) == GTK_TEXT_DIR_RTL;
  const char *mark = rtl ? "\u200f" : "", *isolate = rtl ? "\u2068" : "", *end = rtl ? "\u2069" : "";
  g_autofree char *name = NULL, *first = NULL, *second = NULL;

  gtk_tree_model_get (GTK_TREE_MODEL (self->rows), iter, COLUMN_NAME, &name, -1);
  first = g_markup_printf_escaped ("<span alpha='%s'>%s%s%s%s</span>", can_run ? "100%" : "60%", mark, isolate, name,
                                   end);
  second = g_markup_printf_escaped ("<span size='smaller' alpha='%s'>%s%s%s%s</span>", can_run ? "75%" : "60%", mark,
                                    isolate, detail, end);
  gtk_list_store_set (self->rows, iter, COLUMN_MARKUP, first, COLUMN_DETAIL, second, COLUMN_ERROR, error, -1);
}

/* By the property's value or by the folder. */
static gboolean
find_row (GessoModelChooser *self, int column, const char *value, GtkTreeIter *iter)
{
  GtkTreeModel *rows = GTK_TREE_MODEL (self->rows);

  for (gboolean valid = gtk_tree_model_get_iter_first (rows, iter); valid;
       valid = gtk_tree_model_iter_next (rows, iter))
    {
      g_autofree char *found = NULL;
      RowKind kind;

      gtk_tree_model_get (rows, iter, COLUMN_KIND, &kind, column, &found, -1);
      if (kind <= ROW_MISSING && g_strcmp0 (found, value) == 0)
        return TRUE;
    }
  return FALSE;
}

static gboolean
find_kind (GessoModelChooser *self, RowKind wanted, GtkTreeIter *iter)
{
  GtkTreeModel *rows = GTK_TREE_MODEL (self->rows);

  for (gboolean valid = gtk_tree_model_get_iter_first (rows, iter); valid;
       valid = gtk_tree_model_iter_next (rows, iter))
    {
      RowKind kind;

      gtk_tree_model_get (rows, iter, COLUMN_KIND, &kind, -1);
      if (kind == wanted)
        return TRUE;
    }
  return FALSE;
}

static void check_next (GessoModelChooser *self);

static void
say (GessoModelChooser *self, const char *message)
{
  gtk_label_set_text (GTK_LABEL (self->message), message);
  gtk_widget_set_visible (self->message_box, message != NULL);
}

static void
select_row (GessoModelChooser *self, GtkTreeIter *iter)
{
  g_signal_handler_block (self->combo, self->changed_handler);
  gtk_combo_box_set_active_iter (GTK_COMBO_BOX (self->combo), iter);
  g_signal_handler_unblock (self->combo, self->changed_handler);
}

/* The tooltip has what the row has no room for. */
static void
explain (GessoModelChooser *self)
{
  g_autofree char *folder = NULL, *error = NULL, *shown = NULL, *tip = NULL;
  GtkTreeIter iter;

  if (gtk_combo_box_get_active_iter (GTK_COMBO_BOX (self->combo), &iter))
    gtk_tree_model_get (GTK_TREE_MODEL (self->rows), &iter, COLUMN_FOLDER, &folder, COLUMN_ERROR, &error, -1);
  shown = folder ? g_filename_display_name (folder) : NULL;
  if (shown && error)
    tip = g_strdup_printf ("%s\n%s", shown, error);
  gtk_widget_set_tooltip_text (self->combo, tip ? tip : error ? error : shown);
}

static void
insert_row (GessoModelChooser *self, RowKind kind, const char *model, const char *folder, guint64 size,
            GtkTreeIter *iter)
{
  g_autofree char *name = display_name (model);
  GtkTreeIter separator;

  if (find_kind (self, ROW_SEPARATOR, &separator))
    gtk_list_store_insert_before (self->rows, iter, &separator);
  else
    gtk_list_store_append (self->rows, iter);
  gtk_list_store_set (self->rows, iter, COLUMN_KIND, kind, COLUMN_MODEL, model, COLUMN_FOLDER, folder, COLUMN_SIZE,
                      size, COLUMN_NAME, name, -1);
  if (kind == ROW_MODEL)
    {
      g_autofree char *detail = gesso_model_check_describe_size (size);

      set_row_text (self, iter, size ? detail : "…", TRUE, NULL);
    }
}

static void
take_check (GessoModelChooser *self, const GessoModelCheck *check)
{
  gboolean is_chosen = g_strcmp0 (check->folder, self->chosen) == 0;
  gboolean is_model = !g_error_matches (check->error, GESSO_ERROR, GESSO_ERROR_MODEL_NOT_FOUND)
                      && !g_error_matches (check->error, GESSO_ERROR, GESSO_ERROR_MODEL_INVALID);
  g_autofree char *detail = gesso_model_check_describe (check);
  GtkTreeIter iter;

  if (is_chosen)
    {
      g_clear_pointer (&self->chosen, g_free);
      say (self, is_model ? NULL : check->error->message);
      if (!is_model)
        return;
    }
  if (!find_row (self, COLUMN_FOLDER, check->folder, &iter))
    {
      /* Another folder was chosen meanwhile. */
      if (!is_model)
        return;
      insert_row (self, ROW_MODEL, check->folder, check->folder, check->size_on_disk, &iter);
    }
  set_row_text (self, &iter, detail, gesso_model_check_can_run (check), check->error ? check->error->message : NULL);
  if (is_chosen)
    {
      g_autofree char *model = NULL;

      gtk_tree_model_get (GTK_TREE_MODEL (self->rows), &iter, COLUMN_MODEL, &model, -1);
      gesso_model_chooser_set_model (self, model);
    }
  explain (self);
}

static void
checked (GObject *source, GAsyncResult *result, gpointer data)
{
  GessoModelChooser *self = GESSO_MODEL_CHOOSER (source);
  g_autoptr (GessoModelCheck) check = gesso_model_check_finish (result, NULL);

  if (!check) /* disposed of meanwhile */
    return;
  g_thread_join (g_steal_pointer (&self->thread));
  take_check (self, check);
  check_next (self);
}

static void
check_next (GessoModelChooser *self)
{
  g_autofree char *folder = self->thread ? NULL : g_queue_pop_head (&self->unchecked);
  GtkTreeIter iter;
  guint64 size = 0;

  if (!folder)
    return;
  if (find_row (self, COLUMN_FOLDER, folder, &iter))
    gtk_tree_model_get (GTK_TREE_MODEL (self->rows), &iter, COLUMN_SIZE, &size, -1);
  self->thread = gesso_model_check_start (self, folder, size, self->cancellable, checked, NULL);
}

static void
folder_chosen (GtkNativeDialog *dialog, int response, GessoModelChooser *self)
{
  g_autofree char *folder = gtk_file_chooser_get_filename (GTK_FILE_CHOOSER (dialog));

  if (response == GTK_RESPONSE_ACCEPT && folder && !g_utf8_validate (folder, -1, NULL))
    {
      g_autofree char *shown = g_filename_display_name (folder);
      g_autofree char *message = g_strdup_printf (
          _ ("The name of %s is not UTF-8, so it could not be kept with a picture. Rename it."), shown);

      g_clear_pointer (&self->chosen, g_free);
      say (self, message);
    }
  else if (response == GTK_RESPONSE_ACCEPT && folder)
    {
      g_free (self->chosen);
      self->chosen = g_strdup (folder);
      g_queue_push_head (&self->unchecked, g_steal_pointer (&folder));
      check_next (self);
    }
  g_clear_object (&self->dialog);
}

static void
ask_for_folder (GessoModelChooser *self)
{
  GtkWidget *window = gtk_widget_get_toplevel (GTK_WIDGET (self));

  if (self->dialog)
    return;
  self->dialog
      = gtk_file_chooser_native_new (_ ("Choose a Model Folder"), GTK_IS_WINDOW (window) ? GTK_WINDOW (window) : NULL,
                                     GTK_FILE_CHOOSER_ACTION_SELECT_FOLDER, _ ("_Open"), _ ("_Cancel"));
  gtk_native_dialog_set_modal (GTK_NATIVE_DIALOG (self->dialog), TRUE);
  g_signal_connect (self->dialog, "response", G_CALLBACK (folder_chosen), self);
  gtk_native_dialog_show (GTK_NATIVE_DIALOG (self->dialog));
}

/* Selects the row of the property, which is made where there is none. */
static void
show_model (GessoModelChooser *self)
{
  g_autofree char *folder = NULL;
  g_autoptr (GError) error = NULL;
  GtkTreeIter iter;

  if (!find_row (self, COLUMN_MODEL, self->model, &iter) && !find_row (self, COLUMN_FOLDER, self->model, &iter)
      && !(g_str_equal (self->model, starter) && find_row (self, COLUMN_MODEL, "", &iter)))
    {
      folder = gesso_models_find (self->model, &error);
      if (folder && !find_row (self, COLUMN_FOLDER, folder, &iter)) /* else a name known by its last part */
        {
          insert_row (self, ROW_MODEL, self->model, folder, 0, &iter);
          g_queue_push_tail (&self->unchecked, g_strdup (folder));
          check_next (self);
        }
      else if (!folder)
        {
          if (find_kind (self, ROW_MISSING, &iter))
            gtk_list_store_remove (self->rows, &iter);
          insert_row (self, ROW_MISSING, self->model, NULL, 0, &iter);
          set_row_text (self, &iter, _ ("not found"), FALSE, error->message);
        }
    }
  select_row (self, &iter);
  explain (self);
}

static void
combo_changed (GtkComboBox *combo, GessoModelChooser *self)
{
  g_autofree char *model = NULL;
  GtkTreeIter iter;
  RowKind kind;

  if (!gtk_combo_box_get_active_iter (combo, &iter))
    return;
  gtk_tree_model_get (GTK_TREE_MODEL (self->rows), &iter, COLUMN_KIND, &kind, COLUMN_MODEL, &model, -1);
  if (kind == ROW_OTHER)
    {
      show_model (self);
      ask_for_folder (self);
      return;
    }
  gesso_model_chooser_set_model (self, model);
}

static void
list_models (GessoModelChooser *self)
{
  g_autoptr (GPtrArray) models = gesso_models_list ();
  g_autofree char *user_folder = gesso_models_user_folder ();
  g_autofree char *shown = display_folder (user_folder);
  /* A path runs from left to right, also where the words around it do not. */
  gboolean rtl = gtk_widget_get_direction (GTK_WIDGET (self)) == GTK_TEXT_DIR_RTL;
  g_autofree char *isolated = rtl ? g_strconcat ("\u2066", shown, "\u2069", NULL) : g_strdup (shown);
  g_autofree char *hint = g_strdup_printf (_ ("Put the folders of more models into %s."), isolated);
  GtkTreeIter iter;

  for (guint i = 0; i < models->len; i++)
    {
      const GessoInstalledModel *model = g_ptr_array_index (models, i);

      insert_row (self, ROW_MODEL, g_str_equal (model->name, starter) ? "" : model->name, model->folder,
                  model->size_on_disk, &iter);
      g_queue_push_tail (&self->unchecked, g_strdup (model->folder));
    }
  gtk_list_store_insert_with_values (self->rows, NULL, -1, COLUMN_KIND, ROW_SEPARATOR, -1);
  gtk_list_store_insert_with_values (self->rows, NULL, -1, COLUMN_KIND, ROW_OTHER, COLUMN_MARKUP, _ ("Other Folder…"),
                                     -1);
  gtk_label_set_text (GTK_LABEL (self->hint), hint);
  gtk_widget_set_visible (self->hint, models->len < 2);
}

static gboolean
is_separator (GtkTreeModel *rows, GtkTreeIter *iter, gpointer data)
{
  RowKind kind;

  gtk_tree_model_get (rows, iter, COLUMN_KIND, &kind, -1);
  return kind == ROW_SEPARATOR;
}

static void
show_detail (GtkCellLayout *layout, GtkCellRenderer *cell, GtkTreeModel *rows, GtkTreeIter *iter, gpointer data)
{
  g_autofree char *detail = NULL;
  int width;

  gtk_tree_model_get (rows, iter, COLUMN_DETAIL, &detail, -1);
  g_object_set (cell, "visible", detail != NULL, "markup", detail, NULL);
  /* No less than all of it, in one line. */
  gtk_cell_renderer_set_fixed_size (cell, -1, -1);
  gtk_cell_renderer_get_preferred_width (cell, GTK_WIDGET (layout), NULL, &width);
  gtk_cell_renderer_set_fixed_size (cell, width + 1, -1);
}

/* Names from elsewhere are long: they are cut, where they differ least, instead of the dialog widened. The line below
 * is short, and never cut. */
static GtkWidget *
make_combo (GtkTreeModel *rows)
{
  GtkCellArea *area = gtk_cell_area_box_new ();
  GtkWidget *combo = g_object_new (GTK_TYPE_COMBO_BOX, "model", rows, "cell-area", area, NULL);
  GtkCellRenderer *name = gtk_cell_renderer_text_new (), *detail = gtk_cell_renderer_text_new ();

  gtk_orientable_set_orientation (GTK_ORIENTABLE (area), GTK_ORIENTATION_VERTICAL);
  g_object_set (name, "ellipsize", PANGO_ELLIPSIZE_MIDDLE, "width-chars", 36, "max-width-chars", 44, "ypad", 0, NULL);
  g_object_set (detail, "ellipsize", PANGO_ELLIPSIZE_END, "ypad", 0, NULL); /* else room is made for a second line */
  gtk_cell_layout_pack_start (GTK_CELL_LAYOUT (combo), name, FALSE);
  gtk_cell_layout_add_attribute (GTK_CELL_LAYOUT (combo), name, "markup", COLUMN_MARKUP);
  gtk_cell_layout_pack_start (GTK_CELL_LAYOUT (combo), detail, FALSE);
  gtk_cell_layout_set_cell_data_func (GTK_CELL_LAYOUT (combo), detail, show_detail, NULL, NULL);
  gtk_combo_box_set_row_separator_func (GTK_COMBO_BOX (combo), is_separator, NULL, NULL);
  return combo;
}

static gboolean
gesso_model_chooser_mnemonic_activate (GtkWidget *widget, gboolean group_cycling)
{
  return gtk_widget_mnemonic_activate (GESSO_MODEL_CHOOSER (widget)->combo, group_cycling);
}

static void
gesso_model_chooser_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  g_value_set_string (value, GESSO_MODEL_CHOOSER (object)->model);
}

static void
gesso_model_chooser_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  gesso_model_chooser_set_model (GESSO_MODEL_CHOOSER (object), g_value_get_string (value));
}

static void
gesso_model_chooser_dispose (GObject *object)
{
  GessoModelChooser *self = GESSO_MODEL_CHOOSER (object);

  g_cancellable_cancel (self->cancellable);
  if (self->thread)
    g_thread_join (g_steal_pointer (&self->thread));
  g_clear_object (&self->dialog);
  g_clear_object (&self->rows);
  G_OBJECT_CLASS (gesso_model_chooser_parent_class)->dispose (object);
}

static void
gesso_model_chooser_finalize (GObject *object)
{
  GessoModelChooser *self = GESSO_MODEL_CHOOSER (object);

  g_queue_clear_full (&self->unchecked, g_free);
  g_object_unref (self->cancellable);
  g_free (self->chosen);
  g_free (self->model);
  G_OBJECT_CLASS (gesso_model_chooser_parent_class)->finalize (object);
}

static void
gesso_model_chooser_class_init (GessoModelChooserClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->get_property = gesso_model_chooser_get_property;
  object_class->set_property = gesso_model_chooser_set_property;
  object_class->dispose = gesso_model_chooser_dispose;
  object_class->finalize = gesso_model_chooser_finalize;
  GTK_WIDGET_CLASS (klass)->mnemonic_activate = gesso_model_chooser_mnemonic_activate;
  g_object_class_install_property (
      object_class, PROP_MODEL,
      g_param_spec_string ("model", NULL, NULL, "",
                           G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS));
}

static void
gesso_model_chooser_init (GessoModelChooser *self)
{
  GtkWidget *icon = gtk_image_new_from_icon_name ("dialog-warning-symbolic", GTK_ICON_SIZE_MENU);

  self->model = g_strdup ("");
  self->cancellable = g_cancellable_new ();
  g_queue_init (&self->unchecked);
  gtk_orientable_set_orientation (GTK_ORIENTABLE (self), GTK_ORIENTATION_VERTICAL);
  gtk_box_set_spacing (GTK_BOX (self), 4);

  self->rows = gtk_list_store_new (N_COLUMNS, G_TYPE_INT, G_TYPE_STRING, G_TYPE_STRING, G_TYPE_UINT64, G_TYPE_STRING,
                                   G_TYPE_STRING, G_TYPE_STRING, G_TYPE_STRING);
  self->combo = make_combo (GTK_TREE_MODEL (self->rows));
  self->changed_handler = g_signal_connect (self->combo, "changed", G_CALLBACK (combo_changed), self);
  gesso_style_pass_scrolling (self->combo);
  atk_object_set_name (gtk_widget_get_accessible (self->combo), _ ("Model"));

  self->message_box = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 6);
  gtk_widget_set_no_show_all (self->message_box, TRUE);
  gtk_widget_set_valign (icon, GTK_ALIGN_START);
  gesso_style_add (icon, GESSO_STYLE_WARNING);
  self->message = gesso_style_note_new ();
  gesso_style_remove (self->message, GESSO_STYLE_DIM);
  gtk_label_set_selectable (GTK_LABEL (self->message), TRUE);
  gtk_box_pack_start (GTK_BOX (self->message_box), icon, FALSE, FALSE, 0);
  gtk_box_pack_start (GTK_BOX (self->message_box), self->message, TRUE, TRUE, 0);
  gtk_widget_show (icon);
  gtk_widget_show (self->message);

  self->hint = gesso_style_note_new ();
  gtk_label_set_selectable (GTK_LABEL (self->hint), TRUE);
  gtk_widget_set_no_show_all (self->hint, TRUE);
  gtk_box_pack_start (GTK_BOX (self), self->combo, FALSE, FALSE, 0);
  gtk_box_pack_start (GTK_BOX (self), self->message_box, FALSE, FALSE, 0);
  gtk_box_pack_start (GTK_BOX (self), self->hint, FALSE, FALSE, 0);
  gtk_widget_show (self->combo);

  list_models (self);
  show_model (self);
  check_next (self);
}

GtkWidget *
gesso_model_chooser_new (void)
{
  return g_object_new (GESSO_TYPE_MODEL_CHOOSER, NULL);
}

const char *
gesso_model_chooser_get_model (GessoModelChooser *self)
{
  g_return_val_if_fail (GESSO_IS_MODEL_CHOOSER (self), NULL);
  return self->model;
}

void
gesso_model_chooser_set_model (GessoModelChooser *self, const char *model)
{
  g_return_if_fail (GESSO_IS_MODEL_CHOOSER (self));
  if (g_strcmp0 (self->model, model ? model : "") == 0)
    return;
  g_free (self->model);
  self->model = g_strdup (model ? model : "");
  say (self, NULL);
  show_model (self);
  g_object_notify (G_OBJECT (self), "model");
}
