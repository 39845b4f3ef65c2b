/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The models on this machine: a list, and finding one by name.
 */

#include "folder-size.h"
#include "model-places.h"
#include "model/model-index.h"

#include <glib/gi18n-lib.h>
#include <glib/gstdio.h>
#include <string.h>

#define STARTER "starter"
#define MAX_NAMED 20 /* in a message */

void
gesso_installed_model_free (GessoInstalledModel *model)
{
  if (!model)
    return;
  g_free (model->name);
  g_free (model->folder);
  g_free (model);
}

static gboolean
is_model (const char *folder)
{
  g_autofree char *index = g_build_filename (folder, "model_index.json", NULL);

  return g_file_test (index, G_FILE_TEST_IS_REGULAR);
}

/* One of the name `name`, else one whose last component it is; NULL where none or several are. */
static const GessoInstalledModel *
look_up (GPtrArray *models, const char *name, gboolean last_component)
{
  const GessoInstalledModel *found = NULL;

  for (guint i = 0; i < models->len; i++)
    {
      const GessoInstalledModel *model = g_ptr_array_index (models, i);
      const char *slash = last_component ? strrchr (model->name, '/') : NULL;

      if ((last_component && !slash) || strcmp (slash ? slash + 1 : model->name, name) != 0)
        continue;
      if (found)
        return NULL;
      found = model;
    }
  return found;
}

/* Takes over `name`; of two of one name the first stays. */
static void
add_model (GPtrArray *models, GHashTable *names, char *name, const char *folder, GessoModelSource source)
{
  GessoInstalledModel *model;

  if (g_hash_table_contains (names, name))
    {
      g_free (name);
      return;
    }
  model = g_new0 (GessoInstalledModel, 1);
  model->name = name;
  model->folder = g_strdup (folder);
  model->source = source;
  if (source != GESSO_MODEL_SOURCE_HUGGING_FACE && strcmp (name, STARTER) == 0)
    model->source = GESSO_MODEL_SOURCE_STARTER;
  g_hash_table_add (names, model->name);
  g_ptr_array_add (models, model);
}

/* A folder whose children are models. */
static void
scan_folder (GPtrArray *models, GHashTable *names, const GessoModelPlace *place)
{
  g_autoptr (GDir) dir = g_dir_open (place->folder, 0, NULL);
  const char *child;

  while (dir && (child = g_dir_read_name (dir)))
    {
      g_autofree char *folder = g_build_filename (place->folder, child, NULL);

      if (child[0] != '.' && is_model (folder))
        add_model (models, names, g_filename_display_name (child), folder, place->source);
    }
}

/* The cache holds pipelines of every kind. Those that could not be run are no models to Gesso. */
static gboolean
is_usable (const char *folder)
{
  g_autoptr (GPtrArray) notices = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *scheduler_class = NULL;

  return is_model (folder) && gesso_model_index_read (folder, NULL, &scheduler_class, notices, NULL);
}

/* The version that the branch "main" stands at. */
static char *
main_snapshot (const char *repository)
{
  g_autofree char *reference = g_build_filename (repository, "refs", "main", NULL);
  g_autofree char *hash = NULL;
  g_autofree char *folder = NULL;

  if (!g_file_test (reference, G_FILE_TEST_IS_REGULAR) || !g_file_get_contents (reference, &hash, NULL, NULL))
    return NULL;
  g_strstrip (hash);
  /* A hash, and nothing that leads elsewhere. */
  if (!*hash || strspn (hash, "0123456789abcdefABCDEF") != strlen (hash))
    return NULL;
  folder = g_build_filename (repository, "snapshots", hash, NULL);
  return is_usable (folder) ? g_steal_pointer (&folder) : NULL;
}

static char *
newest_snapshot (const char *repository)
{
  g_autofree char *snapshots = g_build_filename (repository, "snapshots", NULL);
  g_autoptr (GDir) dir = g_dir_open (snapshots, 0, NULL);
  g_autofree char *newest = NULL;
  gint64 newest_time = 0;
  const char *child;

  while (dir && (child = g_dir_read_name (dir)))
    {
      g_autofree char *folder = g_build_filename (snapshots, child, NULL);
      GStatBuf status;
      gint64 time;

      if (!is_usable (folder) || g_stat (folder, &status) != 0)
        continue;
      time = (gint64) status.st_mtime;
      if (newest && (time < newest_time || (time == newest_time && strcmp (folder, newest) < 0)))
        continue;
      g_free (newest);
      newest = g_steal_pointer (&folder);
      newest_time = time;
    }
  return g_steal_pointer (&newest);
}

/* The cache of Hugging Face's tools: models--OWNER--NAME/snapshots/HASH. */
static void
scan_hugging_face (GPtrArray *models, GHashTable *names, const GessoModelPlace *place)
{
  static const char prefix[] = "models--";
  g_autoptr (GDir) dir = g_dir_open (place->folder, 0, NULL);
  const char *child;

  while (dir && (child = g_dir_read_name (dir)))
    {
      g_autofree char *repository = g_build_filename (place->folder, child, NULL);
      g_autofree char *snapshot = NULL;
      const char *name = child + strlen (prefix);
      const char *separator;

      if (!g_str_has_prefix (child, prefix) || !*name || !g_utf8_validate (name, -1, NULL))
        continue;
      snapshot = main_snapshot (repository);
      if (!snapshot)
        snapshot = newest_snapshot (repository);
      if (!snapshot)
        continue;
      separator = strstr (name, "--");
      add_model (models, names,
                 separator ? g_strdup_printf ("%.*s/%s", (int) (separator - name), name, separator + 2)
                           : g_strdup (name),
                 snapshot, place->source);
    }
}

static int
compare_models (gconstpointer a, gconstpointer b)
{
  const GessoInstalledModel *x = *(GessoInstalledModel *const *) a;
  const GessoInstalledModel *y = *(GessoInstalledModel *const *) b;
  const int starter = (strcmp (y->name, STARTER) == 0) - (strcmp (x->name, STARTER) == 0);
  const int order = starter ? starter : g_ascii_strcasecmp (x->name, y->name);

  return order ? order : strcmp (x->name, y->name);
}

/* All models, their sizes not looked at. */
static GPtrArray *
scan (GPtrArray *places)
{
  GPtrArray *models = g_ptr_array_new_with_free_func ((GDestroyNotify) gesso_installed_model_free);
  g_autoptr (GHashTable) names = g_hash_table_new (g_str_hash, g_str_equal);

  for (guint i = 0; i < places->len; i++)
    {
      const GessoModelPlace *place = g_ptr_array_index (places, i);

      if (place->source == GESSO_MODEL_SOURCE_HUGGING_FACE)
        scan_hugging_face (models, names, place);
      else if (place->source == GESSO_MODEL_SOURCE_PATH && is_model (place->folder))
        add_model (models, names, g_filename_display_basename (place->folder), place->folder, place->source);
      else
        scan_folder (models, names, place);
    }
  g_ptr_array_sort (models, compare_models);
  return models;
}

GPtrArray *
gesso_models_list (void)
{
  g_autoptr (GPtrArray) places = gesso_model_places ();
  GPtrArray *models = scan (places);

  for (guint i = 0; i < models->len; i++)
    {
      GessoInstalledModel *model = g_ptr_array_index (models, i);

      model->size_on_disk = gesso_folder_size (model->folder);
    }
  return models;
}

/* "a, b, c"; of many only the first. Transfer full. */
static char *
join (GPtrArray *array, const char *(*text_of) (gconstpointer item))
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < MIN (array->len, MAX_NAMED); i++)
    {
      g_autofree char *shown = g_filename_display_name (text_of (g_ptr_array_index (array, i)));

      g_string_append_printf (text, "%s%s", i ? ", " : "", shown);
    }
  if (array->len > MAX_NAMED)
    g_string_append (text, ", ...");
  return g_string_free (text, FALSE);
}

static const char *
model_name (gconstpointer model)
{
  return ((const GessoInstalledModel *) model)->name;
}

static const char *
place_folder (gconstpointer place)
{
  return ((const GessoModelPlace *) place)->folder;
}

static void
set_not_found (GError **error, const char *name, GPtrArray *models, GPtrArray *places)
{
  g_autofree char *shown = g_filename_display_name (name ? name : "");
  g_autofree char *missing = name ? g_strdup_printf (_ ("There is no model \"%s\"."), shown)
                                  : g_strdup (_ ("The starter model is not installed."));
  g_autofree char *names = join (models, model_name);
  g_autofree char *installed
      = models->len ? g_strdup_printf (_ ("Installed are: %s."), names) : g_strdup (_ ("No model is installed."));
  g_autofree char *folders = join (places, place_folder);
  g_autofree char *user = gesso_models_user_folder ();
  g_autofree char *user_shown = g_filename_display_name (user);

  /* Translators: the first %s is a sentence such as "There is no model "x".", the second one such as "Installed are: a,
   * b.", then come folders. */
  g_set_error (
      error, GESSO_ERROR, GESSO_ERROR_MODEL_NOT_FOUND,
      _ ("%s %s Looked in: %s. Name an installed model or give the path of a model folder, or put one into %s."),
      missing, installed, folders, user_shown);
}

static char *
find_folder (const char *path, GError **error)
{
  g_autofree char *folder = gesso_expand_path (path);

  return gesso_model_index_is_there (folder, error) ? g_steal_pointer (&folder) : NULL;
}

char *
gesso_models_find (const char *name, GError **error)
{
  g_autoptr (GPtrArray) places = NULL;
  g_autoptr (GPtrArray) models = NULL;
  const GessoInstalledModel *model;

  if (name && !*name)
    name = NULL;
  if (name && (g_path_is_absolute (name) || name[0] == '.' || g_str_has_prefix (name, "~/")))
    return find_folder (name, error);
  places = gesso_model_places ();
  models = scan (places);
  model = look_up (models, name ? name : STARTER, FALSE);
  if (!model && name && !is_model (name))
    model = look_up (models, name, TRUE);
  if (model)
    return g_strdup (model->folder);
  if (name && g_file_test (name, G_FILE_TEST_EXISTS))
    return find_folder (name, error);
  set_not_found (error, name, models, places);
  return NULL;
}
