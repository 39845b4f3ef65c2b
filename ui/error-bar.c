/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "error-bar.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#include "style.h"

struct _GessoErrorBar
{
  GtkBox parent_instance;

  GtkWidget *info;
  GtkWidget *message;
  GtkWidget *hint;
  GtkWidget *use_size;
  GtkWidget *use_model;
  GCancellable *search; /* of a remedy, for the error shown */
  GThread *searcher;
  int width, height;
  char *model;
};

enum
{
  SIGNAL_USE_SIZE,
  SIGNAL_USE_MODEL,
  N_SIGNALS,
};

static guint signals[N_SIGNALS];

enum
{
  RESPONSE_USE_SIZE = 1,
  RESPONSE_USE_MODEL,
};

/* What the search for a remedy is given, and what it finds. */
typedef struct
{
  GessoEngine *engine; /* or NULL */
  GessoRequest *request;
  char *model;
  int width, height; /* found: the largest size, or 0 */
  char *smaller;     /* found: a model, or NULL */
} Search;

G_DEFINE_TYPE (GessoErrorBar, gesso_error_bar, GTK_TYPE_BOX)

static void
search_free (gpointer data)
{
  Search *search = data;

  g_clear_object (&search->engine);
  gesso_request_free (search->request);
  g_free (search->model);
  g_free (search->smaller);
  g_free (search);
}

static int
larger_first (gconstpointer a, gconstpointer b)
{
  const GessoInstalledModel *x = *(GessoInstalledModel *const *) a, *y = *(GessoInstalledModel *const *) b;

  return (x->size_on_disk < y->size_on_disk) - (x->size_on_disk > y->size_on_disk);
}

/* Where the model that does not fit was to paint, and as it was to: on the CPU there may be another memory. */
static gboolean
would_fit (const GessoInstalledModel *model, const Search *search, GCancellable *cancellable)
{
  g_autoptr (GessoOptions) options = gesso_options_new ();
  g_autoptr (GessoRequest) own_size = gesso_request_copy (search->request);
  g_autoptr (GessoEngine) engine = NULL;
  GessoMemoryNeed need = { 0 };

  if (search->engine)
    {
      options->device = gesso_engine_get_device (search->engine);
      options->precision = gesso_engine_get_precision (search->engine);
    }
  engine = gesso_engine_new (model->folder, options, cancellable, NULL);
  own_size->width = own_size->height = 0;
  return engine && gesso_engine_measure (engine, own_size, &need, NULL) && need.least <= need.available;
}

/* The largest model that is smaller than the one in use and fits. */
static char *
find_smaller_model (const Search *search, GCancellable *cancellable)
{
  g_autoptr (GPtrArray) models = gesso_models_list ();
  g_autofree char *folder = gesso_models_find (search->model, NULL);
  guint64 limit = G_MAXUINT64;

  for (guint i = 0; i < models->len; i++)
    {
      GessoInstalledModel *model = g_ptr_array_index (models, i);

      if (g_strcmp0 (model->folder, folder) == 0)
        limit = model->size_on_disk;
    }
  g_ptr_array_sort (models, larger_first);
  for (guint i = 0; i < models->len && !g_cancellable_is_cancelled (cancellable); i++)
    {
      GessoInstalledModel *model = g_ptr_array_index (models, i);

      if (model->size_on_disk < limit && g_strcmp0 (model->folder, folder) != 0
          && would_fit (model, search, cancellable))
        return g_strdup (model->name);
    }
  return NULL;
}

static gpointer
search_thread (gpointer data)
{
  g_autoptr (GTask) task = data;
  GCancellable *cancellable = g_task_get_cancellable (task);
  Search *search = g_task_get_task_data (task);

  if (!search->engine || !gesso_engine_largest_size (search->engine, search->request, &search->width, &search->height))
    search->width = search->height = 0;
  if (search->width == 0 && !g_cancellable_is_cancelled (cancellable))
    search->smaller = find_smaller_model (search, cancellable);
  g_task_return_boolean (task, TRUE);
  return NULL;
}

static void
search_done (GObject *object, GAsyncResult *result, gpointer data)
{
  GessoErrorBar *self = GESSO_ERROR_BAR (object);
  Search *search = g_task_get_task_data (G_TASK (result));
  g_autofree char *text = NULL;

  if (!g_task_propagate_boolean (G_TASK (result), NULL))
    return;
  if (search->width > 0)
    {
      self->width = search->width;
      self->height = search->height;
      /* Translators: a button; a size in pixels that fits into memory. */
      text = g_strdup_printf (_ ("Use %d × %d"), search->width, search->height);
      gtk_button_set_label (GTK_BUTTON (self->use_size), text);
      gtk_label_set_text (GTK_LABEL (self->hint), _ ("A smaller size fits into the memory."));
      gtk_widget_show (self->use_size);
    }
  else if (search->smaller)
    {
      g_free (self->model);
      self->model = g_steal_pointer (&search->smaller);
      /* Translators: a button; the name of a model. */
      text = g_strdup_printf (_ ("Use “%s”"), self->model);
      gtk_button_set_label (GTK_BUTTON (self->use_model), text);
      gtk_label_set_text (GTK_LABEL (self->hint), _ ("A smaller installed model fits into the memory."));
      gtk_widget_show (self->use_model);
    }
  else
    gtk_label_set_text (GTK_LABEL (self->hint), _ ("Closing other programs may free enough memory."));
  gtk_widget_show (self->hint);
}

/* Waits for the thread: it must not compute on, with an engine of its own, while the process ends. */
static void
stop_search (GessoErrorBar *self)
{
  if (self->search)
    g_cancellable_cancel (self->search);
  g_clear_pointer (&self->searcher, g_thread_join);
  g_clear_object (&self->search);
}

static void
start_search (GessoErrorBar *self, GessoEngine *engine, const GessoRequest *request, const char *model)
{
  Search *search = g_new0 (Search, 1);
  g_autoptr (GTask) task = NULL;

  search->engine = engine ? g_object_ref (engine) : NULL;
  search->request = request ? gesso_request_copy (request) : gesso_request_new ("");
  search->model = g_strdup (model);

  /* A task that is cancelled does not report: the error has gone by then. */
  self->search = g_cancellable_new ();
  task = g_task_new (self, self->search, search_done, NULL);
  g_task_set_source_tag (task, start_search);
  g_task_set_task_data (task, search, search_free);
  self->searcher = g_thread_new ("gesso-remedy", search_thread, g_object_ref (task));
}

static void
on_response (GtkInfoBar *info, int response, GessoErrorBar *self)
{
  g_autofree char *model = g_strdup (self->model);

  gesso_error_bar_hide (self);
  if (response == RESPONSE_USE_SIZE)
    g_signal_emit (self, signals[SIGNAL_USE_SIZE], 0, self->width, self->height);
  else if (response == RESPONSE_USE_MODEL)
    g_signal_emit (self, signals[SIGNAL_USE_MODEL], 0, model);
}

static void
gesso_error_bar_dispose (GObject *object)
{
  stop_search (GESSO_ERROR_BAR (object));
  G_OBJECT_CLASS (gesso_error_bar_parent_class)->dispose (object);
}

static void
gesso_error_bar_finalize (GObject *object)
{
  g_free (GESSO_ERROR_BAR (object)->model);
  G_OBJECT_CLASS (gesso_error_bar_parent_class)->finalize (object);
}

static void
gesso_error_bar_class_init (GessoErrorBarClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->dispose = gesso_error_bar_dispose;
  object_class->finalize = gesso_error_bar_finalize;
  signals[SIGNAL_USE_SIZE] = g_signal_new ("use-size", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                           NULL, G_TYPE_NONE, 2, G_TYPE_INT, G_TYPE_INT);
  signals[SIGNAL_USE_MODEL] = g_signal_new ("use-model", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                            NULL, G_TYPE_NONE, 1, G_TYPE_STRING);
}

static GtkWidget *
add_label (GtkWidget *box)
{
  GtkWidget *label = gtk_label_new (NULL);

  gtk_label_set_line_wrap (GTK_LABEL (label), TRUE);
  gtk_label_set_line_wrap_mode (GTK_LABEL (label), PANGO_WRAP_WORD_CHAR);
  gtk_label_set_xalign (GTK_LABEL (label), 0);
  gtk_label_set_lines (GTK_LABEL (label), 4);
  gtk_label_set_ellipsize (GTK_LABEL (label), PANGO_ELLIPSIZE_END);
  /* Copied whole, also what is cut off; and reached without a mouse. */
  gtk_label_set_selectable (GTK_LABEL (label), TRUE);
  gtk_box_pack_start (GTK_BOX (box), label, FALSE, FALSE, 0);
  return label;
}

static void
gesso_error_bar_init (GessoErrorBar *self)
{
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 3);
  GtkWidget *icon = gtk_image_new_from_icon_name ("dialog-error", GTK_ICON_SIZE_LARGE_TOOLBAR);
  GtkWidget *content;
  GtkWidget *close;
  GtkInfoBar *info;

  self->info = gtk_info_bar_new ();
  info = GTK_INFO_BAR (self->info);
  gtk_info_bar_set_message_type (info, GTK_MESSAGE_ERROR);
  gesso_style_add (self->info, GESSO_STYLE_ERROR);
  self->message = add_label (box);
  self->hint = add_label (box);
  gtk_widget_set_no_show_all (self->hint, TRUE);
  content = gtk_info_bar_get_content_area (info);
  gtk_widget_set_valign (icon, GTK_ALIGN_START);
  gtk_box_pack_start (GTK_BOX (content), icon, FALSE, FALSE, 0);
  gtk_box_pack_start (GTK_BOX (content), box, TRUE, TRUE, 0);
  self->use_size = gtk_info_bar_add_button (info, "", RESPONSE_USE_SIZE);
  self->use_model = gtk_info_bar_add_button (info, "", RESPONSE_USE_MODEL);
  gtk_widget_set_no_show_all (self->use_size, TRUE);
  gtk_widget_set_no_show_all (self->use_model, TRUE);
  /* GTK's own close button has no name for screen readers. */
  close = gtk_button_new ();
  gesso_style_set_icon (GTK_BUTTON (close), "window-close-symbolic", "×", _ ("Dismiss"));
  gtk_button_set_relief (GTK_BUTTON (close), GTK_RELIEF_NONE);
  gtk_widget_set_valign (close, GTK_ALIGN_CENTER);
  gtk_info_bar_add_action_widget (info, close, GTK_RESPONSE_CLOSE);
  gtk_button_box_set_child_non_homogeneous (GTK_BUTTON_BOX (gtk_info_bar_get_action_area (info)), close, TRUE);
  g_signal_connect (info, "response", G_CALLBACK (on_response), self);

  gtk_box_pack_start (GTK_BOX (self), self->info, TRUE, TRUE, 0);
  gtk_widget_show_all (self->info);
  gtk_widget_hide (self->use_size);
  gtk_widget_hide (self->use_model);
  gtk_widget_set_no_show_all (GTK_WIDGET (self), TRUE);
}

GtkWidget *
gesso_error_bar_new (void)
{
  return g_object_new (GESSO_TYPE_ERROR_BAR, NULL);
}

void
gesso_error_bar_hide (GessoErrorBar *self)
{
  stop_search (self);
  gtk_widget_hide (self->use_size);
  gtk_widget_hide (self->use_model);
  gtk_widget_hide (self->hint);
  gtk_widget_hide (GTK_WIDGET (self));
}

void
gesso_error_bar_show_error (GessoErrorBar *self, const GError *error, GessoEngine *engine, const GessoRequest *request,
                            const char *model)
{
  gesso_error_bar_hide (self);
  if (g_error_matches (error, GESSO_ERROR, GESSO_ERROR_CANCELLED))
    return;

  gtk_label_set_text (GTK_LABEL (self->message), error->message);
  gtk_widget_set_tooltip_text (self->message, error->message);
  if (g_error_matches (error, GESSO_ERROR, GESSO_ERROR_OUT_OF_MEMORY))
    start_search (self, engine, request, model);
  else if (g_error_matches (error, GESSO_ERROR, GESSO_ERROR_MODEL_NOT_FOUND))
    {
      g_autofree char *folder = gesso_models_user_folder ();
      g_autofree char *shown = g_filename_display_name (folder);
      g_autofree char *hint = g_strdup_printf (_ ("Folders of models of your own go into “%s”."), shown);

      /* Most of these messages say it themselves. */
      gtk_label_set_text (GTK_LABEL (self->hint), hint);
      gtk_widget_set_visible (self->hint, strstr (error->message, folder) == NULL);
    }
  gtk_widget_show (GTK_WIDGET (self));
  /* Screen readers speak what a bar says when it is announced as an alert. */
  atk_object_set_role (gtk_widget_get_accessible (self->info), ATK_ROLE_ALERT);
  atk_object_set_name (gtk_widget_get_accessible (self->info), error->message);
}
