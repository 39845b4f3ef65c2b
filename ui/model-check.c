/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include <glib/gi18n-lib.h>

#include "model-check.h"

/* A model has its files one folder down; whoever chooses a whole disk does not wait for its size. */
enum
{
  MAX_DEPTH = 2,
};

void
gesso_model_check_free (GessoModelCheck *check)
{
  g_free (check->folder);
  g_clear_error (&check->error);
  g_free (check);
}

static guint64
size_below (GFile *folder, int depth, GCancellable *cancellable)
{
  g_autoptr (GFileEnumerator) files = g_file_enumerate_children (
      folder, G_FILE_ATTRIBUTE_STANDARD_TYPE "," G_FILE_ATTRIBUTE_STANDARD_SIZE "," G_FILE_ATTRIBUTE_STANDARD_NAME,
      G_FILE_QUERY_INFO_NONE, cancellable, NULL);
  guint64 size = 0;
  GFileInfo *info;
  GFile *child;

  while (files && g_file_enumerator_iterate (files, &info, &child, cancellable, NULL) && info)
    if (g_file_info_get_file_type (info) == G_FILE_TYPE_REGULAR)
      size += g_file_info_get_size (info);
    else if (g_file_info_get_file_type (info) == G_FILE_TYPE_DIRECTORY && depth < MAX_DEPTH)
      size += size_below (child, depth + 1, cancellable);
  return size;
}

static gpointer
check_in_thread (gpointer data)
{
  g_autoptr (GTask) task = data;
  GCancellable *cancellable = g_task_get_cancellable (task);
  GessoModelCheck *check = g_task_get_task_data (task);
  g_autoptr (GessoRequest) request = gesso_request_new ("");
  g_autoptr (GessoEngine) engine = gesso_engine_new (check->folder, NULL, cancellable, &check->error);

  if (engine)
    gesso_engine_measure (engine, request, &check->need, &check->error);
  g_clear_object (&engine);
  if (!check->size_on_disk)
    {
      g_autoptr (GFile) folder = g_file_new_for_path (check->folder);

      check->size_on_disk = size_below (folder, 0, cancellable);
    }
  g_task_return_boolean (task, TRUE);
  return NULL;
}

GThread *
gesso_model_check_start (gpointer source, const char *folder, guint64 size_on_disk, GCancellable *cancellable,
                         GAsyncReadyCallback callback, gpointer user_data)
{
  GTask *task = g_task_new (source, cancellable, callback, user_data);
  GessoModelCheck *check = g_new0 (GessoModelCheck, 1);

  check->folder = g_strdup (folder);
  check->size_on_disk = size_on_disk;
  g_task_set_task_data (task, check, NULL);
  g_object_set_data_full (G_OBJECT (task), "check", check, (GDestroyNotify) gesso_model_check_free);
  return g_thread_new ("gesso-model-check", check_in_thread, task);
}

GessoModelCheck *
gesso_model_check_finish (GAsyncResult *result, GError **error)
{
  if (!g_task_propagate_boolean (G_TASK (result), error))
    return NULL;
  return g_object_steal_data (G_OBJECT (result), "check");
}

gboolean
gesso_model_check_can_run (const GessoModelCheck *check)
{
  return !check->error && check->need.least <= check->need.available;
}

char *
gesso_model_check_describe_size (guint64 size_on_disk)
{
  g_autofree char *size = g_format_size (size_on_disk);

  /* Translators: a model, by its size on disk. */
  return g_strdup_printf (_ ("%s on disk"), size);
}

/* In a few words; the whole message is in check->error. */
static const char *
describe_error (const GError *error)
{
  if (error->domain != GESSO_ERROR)
    return _ ("cannot be read");
  switch (error->code)
    {
    case GESSO_ERROR_MODEL_NOT_FOUND:
      return _ ("incomplete");
    case GESSO_ERROR_MODEL_INVALID:
      return _ ("damaged, or of an unknown kind");
    case GESSO_ERROR_OUT_OF_MEMORY:
      return _ ("needs more memory than there is");
    case GESSO_ERROR_DEVICE:
      return _ ("no device for it here");
    default:
      return _ ("does not run here");
    }
}

char *
gesso_model_check_describe (const GessoModelCheck *check)
{
  g_autofree char *size = g_format_size (check->size_on_disk);
  g_autofree char *least = g_format_size (check->need.least);
  g_autofree char *available = g_format_size (check->need.available);

  /* All of it has to fit into one line of the chooser. */
  if (check->error)
    return g_strdup_printf ("%s · %s", size, describe_error (check->error));
  if (!gesso_model_check_can_run (check))
    /* Translators: a model's size on disk, the memory it needs, and the memory there is. */
    return g_strdup_printf (_ ("%s · %s of memory, but only %s free"), size, least, available);
  /* Translators: a model's size on disk, and the memory it needs. */
  return g_strdup_printf (_ ("%s · %s of memory · runs here"), size, least);
}
