/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "model-places.h"

#include <string.h>

#include "library-folder.h"

/* A library may lie this many folders below its prefix, as in lib/x86_64-linux-gnu. */
#define MAX_LIBRARY_DEPTH 3

static const char *
variable (const char *name)
{
  const char *value = g_getenv (name);

  return value && *value ? value : NULL;
}

char *
gesso_expand_path (const char *path)
{
  g_autofree char *expanded = NULL;

  if (path[0] == '~' && (path[1] == '\0' || G_IS_DIR_SEPARATOR (path[1])))
    expanded = g_build_filename (g_get_home_dir (), path + 1, NULL);
  return g_canonicalize_filename (expanded ? expanded : path, NULL);
}

char *
gesso_models_user_folder (void)
{
  const char *named = variable ("GESSO_USER_MODELS");

  if (named)
    return gesso_expand_path (named);
  return g_build_filename (g_get_user_data_dir (), "gesso", "models", NULL);
}

static void
place_free (gpointer data)
{
  GessoModelPlace *place = data;

  g_free (place->folder);
  g_free (place);
}

/* Takes over `folder` (nullable). */
static void
add_place (GPtrArray *places, char *folder, GessoModelSource source)
{
  GessoModelPlace *place;

  for (guint i = 0; folder && i < places->len; i++)
    if (strcmp (((GessoModelPlace *) g_ptr_array_index (places, i))->folder, folder) == 0)
      g_clear_pointer (&folder, g_free);
  if (!folder)
    return;
  place = g_new0 (GessoModelPlace, 1);
  *place = (GessoModelPlace) { folder, source };
  g_ptr_array_add (places, place);
}

static void
add_listed (GPtrArray *places)
{
  const char *path = g_getenv ("GESSO_MODELS_PATH");
  g_auto (GStrv) folders = g_strsplit (path ? path : "", G_SEARCHPATH_SEPARATOR_S, -1);

  for (char **folder = folders; *folder; folder++)
    if (**folder)
      add_place (places, gesso_expand_path (*folder), GESSO_MODEL_SOURCE_PATH);
}

/* What came with Gesso, also where its prefix was moved as a whole. `user`: the user's own folder, which a Gesso
 * installed for one user alone has for its data folder, too. */
static void
add_own (GPtrArray *places, const char *user)
{
  g_autofree char *library = gesso_library_folder ();
  g_autofree char *data = g_canonicalize_filename (GESSO_DATADIR G_DIR_SEPARATOR_S "models", NULL);

  if (library)
    add_place (places, g_build_filename (library, "models", NULL), GESSO_MODEL_SOURCE_STARTER);
  if (strcmp (data, user) != 0)
    add_place (places, g_steal_pointer (&data), GESSO_MODEL_SOURCE_STARTER);
  for (int depth = 0; library && depth < MAX_LIBRARY_DEPTH; depth++)
    {
      char *above = g_path_get_dirname (library);
      g_autofree char *models = g_build_filename (above, "share", "gesso", "models", NULL);

      g_free (library);
      library = above;
      if (strcmp (models, user) != 0 && g_file_test (models, G_FILE_TEST_IS_DIR))
        add_place (places, g_steal_pointer (&models), GESSO_MODEL_SOURCE_STARTER);
    }
}

/* As huggingface_hub finds it. */
static char *
hugging_face_folder (void)
{
  const char *hub = variable ("HF_HUB_CACHE");
  const char *home = variable ("HF_HOME");
  const char *cache = variable ("XDG_CACHE_HOME");
  g_autofree char *folder = NULL;

  if (!hub)
    hub = variable ("HUGGINGFACE_HUB_CACHE");
  if (hub)
    return gesso_expand_path (hub);
  if (home)
    folder = g_build_filename (home, "hub", NULL);
  else if (cache)
    folder = g_build_filename (cache, "huggingface", "hub", NULL);
  else
    folder = g_build_filename (g_get_home_dir (), ".cache", "huggingface", "hub", NULL);
  return gesso_expand_path (folder);
}

GPtrArray *
gesso_model_places (void)
{
  GPtrArray *places = g_ptr_array_new_with_free_func (place_free);
  g_autofree char *user_folder = gesso_models_user_folder ();
  g_autofree char *user = g_canonicalize_filename (user_folder, NULL);

  add_listed (places);
  add_own (places, user);
  add_place (places, g_steal_pointer (&user), GESSO_MODEL_SOURCE_USER);
  add_place (places, hugging_face_folder (), GESSO_MODEL_SOURCE_HUGGING_FACE);
  return places;
}
