/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Which models are installed, and finding them by name: in folders made for the purpose.
 */

#include "engine-test.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>
#include <utime.h>

static const char *const variables[] = { "GESSO_MODELS_PATH", "HF_HUB_CACHE",   "HUGGINGFACE_HUB_CACHE",
                                         "HF_HOME",           "XDG_CACHE_HOME", "GESSO_USER_MODELS" };

static void
forget_environment (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (variables); i++)
    g_unsetenv (variables[i]);
}

/* Each test has folders of its own, among them "home", see G_TEST_OPTION_ISOLATE_DIRS. */
static char *
root_folder (void)
{
  return g_path_get_dirname (g_get_home_dir ());
}

static char *
in_root (const char *path)
{
  g_autofree char *root = root_folder ();

  return g_build_filename (root, path, NULL);
}

/* A file with its folders. */
static void
write_file (const char *path, const char *contents, gssize size)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *file = in_root (path);
  g_autofree char *folder = g_path_get_dirname (file);

  g_assert_cmpint (g_mkdir_with_parents (folder, 0700), ==, 0);
  g_file_set_contents (file, contents, size, &error);
  g_assert_no_error (error);
}

static void
make_link (const char *target, const char *path)
{
  g_autofree char *file = in_root (path);

  g_assert_cmpint (symlink (target, file), ==, 0);
}

/* What makes a folder a model. */
static void
make_model (const char *path)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *miniature = test_model_folder ("v2-tiny");
  g_autofree char *index = g_build_filename (miniature, "model_index.json", NULL);
  g_autofree char *copy = g_build_filename (path, "model_index.json", NULL);
  g_autofree char *contents = NULL;
  gsize size;

  g_file_get_contents (index, &contents, &size, &error);
  g_assert_no_error (error);
  write_file (copy, contents, (gssize) size);
}

static void
set_models_path (const char *first, const char *second)
{
  g_autofree char *a = in_root (first);
  g_autofree char *b = in_root (second);
  g_autofree char *both = g_strjoin (G_SEARCHPATH_SEPARATOR_S, a, "", b, NULL);

  g_setenv ("GESSO_MODELS_PATH", both, TRUE);
}

/* The list without what an installed Gesso may have brought along. */
static GPtrArray *
list_here (void)
{
  GPtrArray *models = gesso_models_list ();
  g_autofree char *root = root_folder ();

  for (guint i = models->len; i-- > 0;)
    {
      const GessoInstalledModel *model = g_ptr_array_index (models, i);

      g_assert_true (g_path_is_absolute (model->folder));
      if (!g_str_has_prefix (model->folder, root))
        g_ptr_array_remove_index (models, i);
    }
  return models;
}

static void
assert_model (GPtrArray *models, guint i, const char *name, const char *folder, GessoModelSource source)
{
  g_autofree char *expected = in_root (folder);
  const GessoInstalledModel *model;

  g_assert_cmpuint (i, <, models->len);
  model = g_ptr_array_index (models, i);
  g_assert_cmpstr (model->name, ==, name);
  g_assert_cmpstr (model->folder, ==, expected);
  g_assert_cmpint ((int) model->source, ==, (int) source);
}

static void
assert_found (const char *name, const char *folder)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *found = gesso_models_find (name, &error);
  g_autofree char *expected = in_root (folder);

  g_assert_no_error (error);
  g_assert_cmpstr (found, ==, expected);
}

static void
assert_not_found (const char *name, const char *says)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *found = gesso_models_find (name, &error);

  g_assert_null (found);
  g_assert_error (error, GESSO_ERROR, GESSO_ERROR_MODEL_NOT_FOUND);
  test_assert_says (error, says);
}

static void
test_path (void)
{
  g_autoptr (GPtrArray) models = NULL;

  forget_environment ();
  make_model ("several/zebra");
  make_model ("several/Ant");
  make_model ("several/starter");
  make_model ("several/.hidden");
  make_model ("several/deep/er");
  write_file ("several/file", "x", 1);
  write_file ("several/no-file/model_index.json/x", "x", 1);
  make_link ("nowhere", "several/broken");
  make_link ("zebra", "several/linked");
  make_model ("alone");
  make_model ("alone/inside");
  set_models_path ("several", "alone");
  models = list_here ();
  g_assert_cmpuint (models->len, ==, 5);
  assert_model (models, 0, "starter", "several/starter", GESSO_MODEL_SOURCE_STARTER);
  assert_model (models, 1, "alone", "alone", GESSO_MODEL_SOURCE_PATH);
  assert_model (models, 2, "Ant", "several/Ant", GESSO_MODEL_SOURCE_PATH);
  assert_model (models, 3, "linked", "several/linked", GESSO_MODEL_SOURCE_PATH);
  assert_model (models, 4, "zebra", "several/zebra", GESSO_MODEL_SOURCE_PATH);
  assert_found (NULL, "several/starter");
  assert_found ("", "several/starter");
}

/* Of two of one name the first counts. */
static void
test_user_folder (void)
{
  g_autofree char *folder = gesso_models_user_folder ();
  g_autofree char *root = root_folder ();
  const char *user = folder + strlen (root) + 1;
  g_autofree char *mine = g_build_filename (user, "mine", NULL);
  g_autofree char *both = g_build_filename (user, "both", NULL);
  g_autoptr (GPtrArray) models = NULL;

  forget_environment ();
  g_assert_true (g_str_has_prefix (folder, root));
  make_model (mine);
  make_model (both);
  make_model ("several/both");
  set_models_path ("several", "nowhere");
  models = list_here ();
  g_assert_cmpuint (models->len, ==, 2);
  assert_model (models, 0, "both", "several/both", GESSO_MODEL_SOURCE_PATH);
  assert_model (models, 1, "mine", mine, GESSO_MODEL_SOURCE_USER);
}

static void
test_other_user_folder (void)
{
  g_autofree char *wanted = in_root ("elsewhere");
  g_autofree char *folder = NULL;
  g_autoptr (GPtrArray) models = NULL;

  forget_environment ();
  g_setenv ("GESSO_USER_MODELS", wanted, TRUE);
  folder = gesso_models_user_folder ();
  g_assert_cmpstr (folder, ==, wanted);
  assert_not_found ("absent", wanted);
  make_model ("elsewhere/mine");
  models = list_here ();
  g_assert_cmpuint (models->len, ==, 1);
  assert_model (models, 0, "mine", "elsewhere/mine", GESSO_MODEL_SOURCE_USER);
}

static void
make_old (const char *path, int seconds)
{
  g_autofree char *folder = in_root (path);
  struct utimbuf times = { 1700000000 - seconds, 1700000000 - seconds };

  g_assert_cmpint (utime (folder, &times), ==, 0);
}

static void
test_hugging_face (void)
{
  g_autofree char *hub = in_root ("hub");
  g_autoptr (GPtrArray) models = NULL;

  forget_environment ();
  g_setenv ("HF_HUB_CACHE", hub, TRUE);
  /* The version that refs/main names, whatever is newer. */
  make_model ("hub/models--nota-ai--bk-sdm-v2-tiny/snapshots/aaa1");
  make_model ("hub/models--nota-ai--bk-sdm-v2-tiny/snapshots/bbb2");
  write_file ("hub/models--nota-ai--bk-sdm-v2-tiny/refs/main", "aaa1\n", -1);
  make_old ("hub/models--nota-ai--bk-sdm-v2-tiny/snapshots/aaa1", 1000);
  /* Without it, or where it leads astray, the newest one. */
  make_model ("hub/models--o--two--dashes/snapshots/old");
  make_model ("hub/models--o--two--dashes/snapshots/new");
  make_old ("hub/models--o--two--dashes/snapshots/old", 1000);
  make_old ("hub/models--o--two--dashes/snapshots/new", 10);
  make_model ("hub/models--o--evil/snapshots/aaa");
  write_file ("hub/models--o--evil/refs/main", "../../models--o--two--dashes/snapshots/old", -1);
  make_model ("hub/models--o--dangling/snapshots/aaa");
  write_file ("hub/models--o--dangling/refs/main", "ccc", -1);
  make_model ("hub/models--ownerless/snapshots/aaa");
  /* As the tools leave it: files are links to blobs. One of these leads nowhere. */
  make_model ("hub/models--o--linked/blobs");
  write_file ("hub/models--o--linked/snapshots/aaa/x", "x", 1);
  make_link ("../../blobs/model_index.json", "hub/models--o--linked/snapshots/aaa/model_index.json");
  write_file ("hub/models--o--broken/snapshots/aaa/x", "x", 1);
  make_link ("../../blobs/gone", "hub/models--o--broken/snapshots/aaa/model_index.json");
  /* No models of ours. */
  make_model ("hub/datasets--o--data/snapshots/aaa");
  make_model ("hub/models--/snapshots/aaa");
  write_file ("hub/models--o--llm/snapshots/aaa/config.json", "{}", -1);
  write_file ("hub/models--o--xl/snapshots/aaa/model_index.json",
              "{\"text_encoder_2\": [\"transformers\", \"CLIPTextModelWithProjection\"]}", -1);
  write_file ("hub/models--o--file", "x", 1);

  models = list_here ();
  g_assert_cmpuint (models->len, ==, 6);
  assert_model (models, 0, "nota-ai/bk-sdm-v2-tiny", "hub/models--nota-ai--bk-sdm-v2-tiny/snapshots/aaa1",
                GESSO_MODEL_SOURCE_HUGGING_FACE);
  assert_model (models, 1, "o/dangling", "hub/models--o--dangling/snapshots/aaa", GESSO_MODEL_SOURCE_HUGGING_FACE);
  assert_model (models, 2, "o/evil", "hub/models--o--evil/snapshots/aaa", GESSO_MODEL_SOURCE_HUGGING_FACE);
  assert_model (models, 3, "o/linked", "hub/models--o--linked/snapshots/aaa", GESSO_MODEL_SOURCE_HUGGING_FACE);
  assert_model (models, 4, "o/two--dashes", "hub/models--o--two--dashes/snapshots/new",
                GESSO_MODEL_SOURCE_HUGGING_FACE);
  assert_model (models, 5, "ownerless", "hub/models--ownerless/snapshots/aaa", GESSO_MODEL_SOURCE_HUGGING_FACE);

  assert_found ("nota-ai/bk-sdm-v2-tiny", "hub/models--nota-ai--bk-sdm-v2-tiny/snapshots/aaa1");
  assert_found ("bk-sdm-v2-tiny", "hub/models--nota-ai--bk-sdm-v2-tiny/snapshots/aaa1");
  make_model ("hub/models--other--bk-sdm-v2-tiny/snapshots/aaa");
  assert_not_found ("bk-sdm-v2-tiny", "other/bk-sdm-v2-tiny");
}

/* Where the cache is, as its own tools find it. */
static void
test_hugging_face_variables (void)
{
  static const struct
  {
    const char *variable, *value, *folder;
  } cases[] = {
    { NULL, NULL, "home/.cache/huggingface/hub" }, { "XDG_CACHE_HOME", "~/xdg", "home/xdg/huggingface/hub" },
    { "HF_HOME", "~/hf", "home/hf/hub" },          { "HUGGINGFACE_HUB_CACHE", "~/older", "home/older" },
    { "HF_HUB_CACHE", "~/newer", "home/newer" },
  };

  forget_environment ();
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *model = g_build_filename (cases[i].folder, "models--o--m/snapshots/aaa", NULL);

      make_model (model);
      if (cases[i].variable)
        g_setenv (cases[i].variable, cases[i].value, TRUE);
      assert_found ("o/m", model);
    }
}

static const GessoInstalledModel *
only_model (GPtrArray *models)
{
  g_assert_cmpuint (models->len, ==, 1);
  return g_ptr_array_index (models, 0);
}

static void
test_size_on_disk (void)
{
  char data[3000] = "";
  g_autoptr (GPtrArray) models = NULL;
  g_autoptr (GPtrArray) larger = NULL;
  g_autofree char *file = in_root ("several/model/unet/weights");
  g_autofree char *hard = in_root ("several/model/unet/again");

  forget_environment ();
  make_model ("several/model");
  set_models_path ("several", "nowhere");
  models = list_here ();

  write_file ("several/model/unet/weights", data, 1000);
  write_file ("elsewhere", data, 3000);
  g_assert_cmpint (link (file, hard), ==, 0);
  make_link ("weights", "several/model/unet/linked");
  make_link ("nowhere", "several/model/unet/broken");
  make_link ("..", "several/model/unet/above");
  make_link ("../../elsewhere", "several/model/linked");
  larger = list_here ();
  g_assert_cmpuint (only_model (models)->size_on_disk, >, 100);
  g_assert_cmpuint (only_model (larger)->size_on_disk, ==, only_model (models)->size_on_disk + 4000);
}

static void
test_thousands (void)
{
  g_autoptr (GPtrArray) models = NULL;

  forget_environment ();
  for (int i = 0; i < 2000; i++)
    {
      g_autofree char *name = g_strdup_printf ("several/%04d", i);
      g_autofree char *folder = in_root (name);

      if (i % 100 == 0)
        make_model (name);
      else
        g_assert_cmpint (g_mkdir_with_parents (folder, 0700), ==, 0);
    }
  set_models_path ("several", "nowhere");
  models = list_here ();
  g_assert_cmpuint (models->len, ==, 20);
  assert_model (models, 19, "1900", "several/1900", GESSO_MODEL_SOURCE_PATH);
  /* A message that anybody can read to its end. */
  assert_not_found ("nowhere", "0000, 0100");
  make_model ("several/one-more");
  assert_not_found ("nowhere", "1900, ...");
}

static void
test_unreadable (void)
{
  g_autofree char *sealed = in_root ("several/sealed");
  g_autoptr (GPtrArray) models = NULL;
  guint n;

  forget_environment ();
  make_model ("several/open");
  make_model ("several/sealed");
  write_file ("file", "x", 1);
  set_models_path ("file", "several");
  g_assert_cmpint (g_chmod (sealed, 0), ==, 0);
  models = list_here ();
  n = models->len;
  g_assert_cmpint (g_chmod (sealed, 0700), ==, 0);
  assert_model (models, 0, "open", "several/open", GESSO_MODEL_SOURCE_PATH);
  /* The superuser reads everything. */
  g_assert_cmpuint (n, ==, geteuid () == 0 ? 2 : 1);
}

static void
test_find (void)
{
  g_autofree char *here = g_get_current_dir ();
  g_autofree char *absolute = in_root ("several/model");
  g_autofree char *user = gesso_models_user_folder ();
  g_autofree char *place = in_root ("several");
  g_autofree char *work = in_root ("working");

  forget_environment ();
  make_model ("several/model");
  make_model ("working/model");
  make_model ("working/local");
  write_file ("working/empty/file", "x", 1);
  write_file ("working/model.safetensors", "x", 1);
  set_models_path ("several", "nowhere");
  make_model ("home/sweet");
  g_assert_cmpint (g_chdir (work), ==, 0);

  assert_found ("model", "several/model");
  assert_found ("./model", "working/model");
  assert_found ("../working/model/", "working/model");
  assert_found ("local", "working/local");
  assert_found (absolute, "several/model");
  assert_found ("~/sweet", "home/sweet");

  assert_not_found ("absent", "There is no model \"absent\"");
  assert_not_found ("absent", "Installed are: ");
  assert_not_found ("absent", "model");
  assert_not_found ("absent", place);
  assert_not_found ("absent", user);
  assert_not_found ("caf\xe9", "There is no model");
  assert_not_found ("~/absent", "There is no folder");
  assert_not_found ("empty", "model_index.json");
  assert_not_found ("./model.safetensors", "is a file");
  g_assert_cmpint (g_chdir (here), ==, 0);
}

static void
test_no_starter (void)
{
  g_autoptr (GPtrArray) models = NULL;

  forget_environment ();
  models = gesso_models_list ();
  if (models->len > 0)
    {
      g_test_skip ("Gesso is installed here with a model");
      return;
    }
  assert_not_found (NULL, "The starter model is not installed. No model is installed.");
  make_model ("several/other");
  set_models_path ("several", "nowhere");
  assert_not_found ("", "The starter model is not installed. Installed are: other.");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);
  g_test_add_func ("/models/path", test_path);
  g_test_add_func ("/models/user-folder", test_user_folder);
  g_test_add_func ("/models/user-folder/another", test_other_user_folder);
  g_test_add_func ("/models/hugging-face", test_hugging_face);
  g_test_add_func ("/models/hugging-face-variables", test_hugging_face_variables);
  g_test_add_func ("/models/size-on-disk", test_size_on_disk);
  g_test_add_func ("/models/thousands", test_thousands);
  g_test_add_func ("/models/unreadable", test_unreadable);
  g_test_add_func ("/models/find", test_find);
  g_test_add_func ("/models/no-starter", test_no_starter);
  return g_test_run ();
}
