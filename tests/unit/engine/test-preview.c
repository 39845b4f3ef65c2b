/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Preview pictures: their colours, where those are kept, and that nothing else changes for them.
 */

#include "cpu/memory.h"
#include "engine-test.h"

#include <glib/gstdio.h>
#include <json-glib/json-glib.h>
#include <math.h>
#include <string.h>

#define FACTOR 8 /* pixels a latent of the miniatures used here */

/* One thread: tests run side by side, and threads that wait for each other on busy cores take seconds. */
static const GessoOptions options = { .device = GESSO_DEVICE_CPU, .precision = GESSO_PRECISION_F32, .n_threads = 1 };

static GessoRequest *
new_request (int width, int height)
{
  GessoRequest *request = gesso_request_new ("a red circle on blue");

  request->steps = 3;
  request->width = width;
  request->height = height;
  request->previews = TRUE;
  return request;
}

typedef struct
{
  GBytes *last; /* the last preview picture, or that of step `only` */
  int only;
  int width, height;
  GCancellable *cancellable;
  int n_calls, cancel_at;
  double fraction;
} Watch;

static void
watch_clear (Watch *watch)
{
  g_clear_pointer (&watch->last, g_bytes_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Watch, watch_clear)

static void
watch_progress (const GessoProgress *progress, gpointer data)
{
  Watch *watch = data;

  g_assert_cmpfloat (progress->fraction, >=, watch->fraction - 1e-9);
  watch->fraction = progress->fraction;
  if (progress->preview && (!watch->only || progress->step == watch->only))
    {
      g_clear_pointer (&watch->last, g_bytes_unref);
      watch->last = gesso_preview_get_picture (progress->preview, 0, &watch->width, &watch->height);
      g_assert_cmpuint (g_bytes_get_size (watch->last), ==, (gsize) (watch->width * watch->height * 3));
    }
  if (++watch->n_calls == watch->cancel_at)
    g_cancellable_cancel (watch->cancellable);
}

static GBytes *
paint (GessoEngine *engine, const GessoRequest *request, Watch *watch)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) pictures
      = gesso_engine_generate (engine, request, watch ? watch_progress : NULL, watch, NULL, &error);

  g_assert_no_error (error);
  return g_bytes_ref (gesso_picture_get_pixels (g_ptr_array_index (pictures, 0)));
}

/* The one file in the cache of preview colours, or NULL. */
static char *
cached_file (void)
{
  g_autofree char *folder = g_build_filename (g_get_user_cache_dir (), "gesso", "previews", NULL);
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name = dir ? g_dir_read_name (dir) : NULL;
  char *path = name ? g_build_filename (folder, name, NULL) : NULL;

  g_assert_true (!name || !g_dir_read_name (dir));
  return path;
}

static char *
cached_text (void)
{
  g_autofree char *path = cached_file ();
  char *text = NULL;

  g_assert_nonnull (path);
  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  return text;
}

static gboolean
is_grey (GBytes *picture)
{
  gsize size;
  const guint8 *pixels = g_bytes_get_data (picture, &size);

  for (gsize i = 0; i < size; i += 3)
    if (pixels[i] != pixels[i + 1] || pixels[i] != pixels[i + 2])
      return FALSE;
  return TRUE;
}

/* Correlation of the last preview, which shows the finished latents, with the picture made smaller, the mean of each
 * colour taken out. */
static double
correlation (const Watch *watch, GBytes *picture)
{
  const guint8 *small = g_bytes_get_data (watch->last, NULL);
  const guint8 *large = g_bytes_get_data (picture, NULL);
  double xx = 0, xy = 0, yy = 0;

  for (int c = 0; c < 3; c++)
    {
      g_autofree double *means = g_new0 (double, (gsize) (watch->width * watch->height));
      const int n = watch->width * watch->height;
      double x_mean = 0, y_mean = 0;

      for (int y = 0; y < watch->height * FACTOR; y++)
        for (int x = 0; x < watch->width * FACTOR; x++)
          means[y / FACTOR * watch->width + x / FACTOR] += large[(y * watch->width * FACTOR + x) * 3 + c];
      for (int i = 0; i < n; i++)
        {
          means[i] /= FACTOR * FACTOR;
          x_mean += small[i * 3 + c] / (double) n;
          y_mean += means[i] / n;
        }
      for (int i = 0; i < n; i++)
        {
          double x = small[i * 3 + c] - x_mean, y = means[i] - y_mean;

          xx += x * x;
          xy += x * y;
          yy += y * y;
        }
    }
  return xy / sqrt (xx * yy);
}

static gboolean
ends_with (const char *name, const char *const *ends)
{
  for (; *ends; ends++)
    if (g_str_has_suffix (name, *ends))
      return TRUE;
  return FALSE;
}

/* Random weights make a decoder that has no colours for its latents, but patterns. Here it becomes one in which each
 * latent is seen where it lies: blocks add nothing, and convolutions look at one pixel only. */
static void
make_local (const char *folder)
{
  static const char *const silent[] = { ".conv2.weight", ".to_out.0.weight", ".proj_attn.weight", NULL };
  g_autofree char *path = g_build_filename (folder, "vae", "diffusion_pytorch_model.safetensors", NULL);
  g_autofree char *contents = NULL;
  g_autoptr (JsonParser) parser = json_parser_new ();
  JsonObjectIter iter;
  const char *name;
  JsonNode *node;
  guint64 header;
  gsize size;

  g_assert_true (g_file_get_contents (path, &contents, &size, NULL));
  memcpy (&header, contents, sizeof header);
  header = GUINT64_FROM_LE (header);
  g_assert_true (json_parser_load_from_data (parser, contents + 8, (gssize) header, NULL));
  json_object_iter_init (&iter, json_node_get_object (json_parser_get_root (parser)));
  while (json_object_iter_next (&iter, &name, &node))
    {
      JsonObject *tensor = json_node_get_object (node);
      JsonArray *shape
          = json_object_has_member (tensor, "shape") ? json_object_get_array_member (tensor, "shape") : NULL;
      JsonArray *extent = shape ? json_object_get_array_member (tensor, "data_offsets") : NULL;
      char *values = extent ? contents + 8 + header + json_array_get_int_element (extent, 0) : NULL;
      gsize bytes
          = extent ? (gsize) (json_array_get_int_element (extent, 1) - json_array_get_int_element (extent, 0)) : 0;

      if (extent && ends_with (name, silent))
        memset (values, 0, bytes);
      else if (extent && json_array_get_length (shape) == 4 && json_array_get_int_element (shape, 3) == 3)
        for (gsize i = 0; i < bytes / 2; i++) /* F16 */
          if (i % 9 != 4)
            memset (values + i * 2, 0, 2);
    }
  g_assert_true (g_file_set_contents (path, contents, (gssize) size, NULL));
}

static void
test_likeness (void)
{
  static const char *const names[] = { "sd14", "tiny", "v2-tiny" };

  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *folder = test_model_copy (names[i]);
      g_autoptr (GessoRequest) request = new_request (192, 128);
      g_auto (Watch) watch = { 0 };
      g_auto (Watch) plain = { 0 };
      g_autoptr (GessoEngine) engine = NULL;
      g_autoptr (GBytes) picture = NULL;
      g_autoptr (GBytes) same = NULL;
      double likeness, grey;

      make_local (folder);
      engine = test_engine_open_folder (folder, &options);
      picture = paint (engine, request, &watch);
      likeness = correlation (&watch, picture);
      g_assert_cmpint (watch.width, ==, 24);
      g_assert_cmpint (watch.height, ==, 16);
      g_assert_false (is_grey (watch.last));
      g_clear_object (&engine);

      request->previews = FALSE;
      engine = test_engine_open_folder (folder, &options);
      same = paint (engine, request, &plain);
      grey = correlation (&plain, picture);
      g_assert_true (g_bytes_equal (picture, same));
      g_assert_true (is_grey (plain.last));
      g_test_message ("%s: correlation %.3f, grey %.3f", names[i], likeness, grey);
      g_assert_cmpfloat (likeness, >, 0.75);
      g_assert_cmpfloat (likeness, >, grey);
      test_remove_folder (folder);
    }
}

/* What is coming is seen early: a preview is without the noise that the latents still have. */
static void
test_early (void)
{
  g_autofree char *folder = g_test_build_filename (G_TEST_DIST, "..", "..", "models", "starter", NULL);
  g_autoptr (GessoEngine) engine = test_engine_open_folder (folder, &options);
  g_autoptr (GessoRequest) request = gesso_request_new ("a red circle on a blue background");
  g_auto (Watch) watch = { .only = 8 };
  g_autoptr (GBytes) picture = NULL;
  double likeness;

  request->seed = 1;
  request->previews = TRUE;
  picture = paint (engine, request, &watch);
  likeness = correlation (&watch, picture);
  g_test_message ("correlation at step %d of %d: %.3f", watch.only, request->steps, likeness);
  g_assert_cmpfloat (likeness, >, 0.7);
}

/* Nobody who does not ask pays. */
static void
test_not_wanted (void)
{
  g_autoptr (GessoEngine) engine = test_engine_open ("v2-tiny", &options);
  g_autoptr (GessoRequest) request = new_request (128, 128);
  g_autoptr (GBytes) without_callback = paint (engine, request, NULL);
  g_autoptr (GBytes) with_previews = NULL;
  g_auto (Watch) watch = { 0 };
  g_autofree char *file = cached_file ();

  g_assert_null (file);
  with_previews = paint (engine, request, &watch);
  g_assert_true (g_bytes_equal (without_callback, with_previews));
}

static void
replace_cache (const char *contents)
{
  g_autofree char *path = cached_file ();

  g_assert_true (g_file_set_contents (path, contents, -1, NULL));
}

static void
test_cache (void)
{
  static const char *const nonsense[] = {
    "",
    "{",
    "[]",
    "{}",
    "{\"version\": [1], \"offset\": [0, 0, 0], \"red\": [0], \"green\": [0], \"blue\": [0]}",
    "{\"version\": [2], \"offset\": [0, 0, 0], \"red\": [0,0,0,0], \"green\": [0,0,0,0], \"blue\": [0,0,0,0]}",
    "{\"version\": [1], \"offset\": [0, 0, 1e300], \"red\": [0,0,0,0], \"green\": [0,0,0,0], \"blue\": [0,0,0,0]}",
    "{\"version\": [1], \"offset\": [0, 0, \"x\"], \"red\": [0,0,0,0], \"green\": [0,0,0,0], \"blue\": [0,0,0,0]}",
    "{\"version\": 1, \"offset\": null, \"red\": {}, \"green\": [0,0,0,0], \"blue\": [0,0,0,0]}"
  };
  g_autoptr (GessoRequest) request = new_request (128, 128);
  g_autofree char *text = NULL;

  {
    g_autoptr (GessoEngine) engine = test_engine_open ("v2-tiny", &options);
    g_autoptr (GError) error = NULL;

    /* Without a callback, too: preparing is for what comes. */
    gesso_engine_prepare (engine, request, NULL, NULL, NULL, &error);
    g_assert_no_error (error);
    text = cached_text ();
  }
  for (gsize i = 0; i < G_N_ELEMENTS (nonsense); i++)
    {
      g_autoptr (GessoEngine) engine = test_engine_open ("v2-tiny", &options);
      g_auto (Watch) watch = { 0 };
      g_autoptr (GBytes) picture = NULL;
      g_autofree char *again = NULL;

      replace_cache (nonsense[i]);
      picture = paint (engine, request, &watch);
      again = cached_text ();
      g_assert_cmpstr (again, ==, text);
      g_assert_false (is_grey (watch.last));
    }
  {
    g_autoptr (GessoEngine) engine = test_engine_open ("v2-tiny", &options);
    g_auto (Watch) watch = { 0 };
    g_autoptr (GBytes) picture = NULL;
    const guint8 *pixels;

    replace_cache ("{\"version\": [1], \"offset\": [1, 0.5, 0], \"red\": [0,0,0,0], \"green\": [0,0,0,0], "
                   "\"blue\": [0,0,0,0]}");
    picture = paint (engine, request, &watch);
    pixels = g_bytes_get_data (watch.last, NULL);
    g_assert_cmpuint (pixels[0], ==, 255);
    g_assert_cmpuint (pixels[1], ==, 128);
    g_assert_cmpuint (pixels[2], ==, 0);
  }
}

static void
test_cache_not_writable (void)
{
  g_autofree char *obstacle = g_build_filename (g_get_user_cache_dir (), "gesso", NULL);
  g_autoptr (GessoEngine) engine = test_engine_open ("v2-tiny", &options);
  g_autoptr (GessoRequest) request = new_request (128, 128);
  g_auto (Watch) watch = { 0 };
  g_autoptr (GBytes) picture = NULL;

  g_assert_cmpint (g_mkdir_with_parents (g_get_user_cache_dir (), 0700), ==, 0);
  g_assert_true (g_file_set_contents (obstacle, "x", 1, NULL));
  picture = paint (engine, request, &watch);
  g_assert_false (is_grey (watch.last));
}

/* Sizes down to a single latent: colours while there is something to learn them from, never an error. */
static void
test_small (void)
{
  static const struct
  {
    int width, height;
    gboolean colours;
  } cases[] = { { 8, 8, FALSE }, { 16, 32, FALSE }, { 64, 32, TRUE }, { 32, 256, TRUE } };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GessoEngine) engine = test_engine_open ("v2-tiny", &options);
      g_autoptr (GessoRequest) request = new_request (cases[i].width, cases[i].height);
      g_auto (Watch) watch = { 0 };
      g_autoptr (GBytes) picture = paint (engine, request, &watch);
      g_autofree char *file = cached_file ();

      g_assert_true (is_grey (watch.last) == !cases[i].colours);
      g_assert_true ((file != NULL) == cases[i].colours);
      if (file)
        g_remove (file);
    }
}

/* The tightest limit that a request runs in without previews is enough with them. */
static void
test_limit (void)
{
  g_autoptr (GessoEngine) engine = test_engine_open ("sd14", &options);
  g_autoptr (GessoRequest) request = new_request (128, 128);
  g_autoptr (GBytes) expected = NULL;
  g_autoptr (GBytes) tight = NULL;
  g_auto (Watch) watch = { 0 };
  GessoMemoryNeed need;
  g_autoptr (GError) error = NULL;

  request->previews = FALSE;
  expected = paint (engine, request, NULL);
  request->max_memory = G_GUINT64_CONSTANT (1) << 40;
  g_assert_true (gesso_engine_measure (engine, request, &need, &error));
  request->max_memory += need.least + TEST_SLACK;
  request->max_memory -= need.available;
  request->previews = TRUE;
  tight = paint (engine, request, &watch);
  g_assert_true (g_bytes_equal (expected, tight));
  g_assert_false (is_grey (watch.last));
}

static void
forget_colours (void)
{
  g_autofree char *file = cached_file ();

  if (file)
    g_remove (file);
}

static void
test_cancel_anywhere (void)
{
  g_autoptr (GessoRequest) request = new_request (64, 64);
  int n_cancelled = 0;

  for (int at = 1;; at += 1 + at / 2)
    {
      g_autoptr (GessoEngine) engine = test_engine_open ("v2-tiny", &options);
      g_autoptr (GCancellable) cancellable = g_cancellable_new ();
      g_autoptr (GError) error = NULL;
      g_auto (Watch) watch = { .cancellable = cancellable, .cancel_at = at };
      g_auto (Watch) after = { 0 };
      g_autoptr (GPtrArray) pictures = NULL;
      g_autoptr (GBytes) picture = NULL;

      forget_colours ();
      pictures = gesso_engine_generate (engine, request, watch_progress, &watch, cancellable, &error);
      if (pictures)
        break;
      g_assert_error (error, GESSO_ERROR, GESSO_ERROR_CANCELLED);
      n_cancelled++;
      picture = paint (engine, request, &after);
      g_assert_false (is_grey (after.last));
    }
  g_assert_cmpint (n_cancelled, >, 6);
}

/* The first, second, ... large allocation fails: a preview without colours, or OUT_OF_MEMORY where the picture itself
 * could not be made; and the right picture afterwards. */
static void
test_failing_allocations (void)
{
  g_autoptr (GessoRequest) request = new_request (256, 256);
  g_autoptr (GBytes) expected = NULL;
  int n_grey = 0;

  request->steps = 1;
  {
    g_autoptr (GessoEngine) engine = test_engine_open ("v2-tiny", &options);

    expected = paint (engine, request, NULL);
  }
  for (int n = 1;; n++)
    {
      g_autoptr (GessoEngine) engine = test_engine_open ("v2-tiny", &options);
      g_autoptr (GError) error = NULL;
      g_auto (Watch) watch = { 0 };
      g_autoptr (GPtrArray) pictures = NULL;
      g_autoptr (GBytes) after = NULL;

      forget_colours ();
      gesso_cpu_memory_fail_after (n);
      pictures = gesso_engine_generate (engine, request, watch_progress, &watch, NULL, &error);
      gesso_cpu_memory_fail_after (0);
      if (pictures)
        {
          g_assert_true (g_bytes_equal (expected, gesso_picture_get_pixels (g_ptr_array_index (pictures, 0))));
          if (!is_grey (watch.last))
            break;
          n_grey++;
          continue;
        }
      g_assert_error (error, GESSO_ERROR, GESSO_ERROR_OUT_OF_MEMORY);
      after = paint (engine, request, NULL);
      g_assert_true (g_bytes_equal (expected, after));
    }
  g_assert_cmpint (n_grey, >, 0);
  g_assert_cmpuint (gesso_cpu_memory_in_use (), ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);
  g_test_add_func ("/preview/likeness", test_likeness);
  g_test_add_func ("/preview/early", test_early);
  g_test_add_func ("/preview/not-wanted", test_not_wanted);
  g_test_add_func ("/preview/cache", test_cache);
  g_test_add_func ("/preview/cache-not-writable", test_cache_not_writable);
  g_test_add_func ("/preview/small", test_small);
  g_test_add_func ("/preview/limit", test_limit);
  g_test_add_func ("/preview/cancel-anywhere", test_cancel_anywhere);
  g_test_add_func ("/preview/failing-allocations", test_failing_allocations);
  return g_test_run ();
}
