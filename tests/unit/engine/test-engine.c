/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The public interface on a miniature model: what it refuses and how it says so, cancelling, memory limits, progress.
 */

#include "engine-test.h"

#include <glib/gstdio.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

static void
test_defaults (void)
{
  g_autoptr (GessoEngine) engine = test_engine_open ("v2-tiny", NULL);
  int width = 0, height = 0;
  gssize cut_off = 0;

  gesso_engine_get_default_size (engine, &width, &height);
  g_assert_cmpint (width, >, 0);
  g_assert_cmpint (height, >, 0);
  g_assert_cmpint (gesso_engine_get_device (engine), ==, GESSO_DEVICE_CPU);
  g_assert_cmpint (gesso_engine_get_precision (engine), ==, GESSO_PRECISION_F32);
  g_assert_cmpint (gesso_engine_count_tokens (engine, "a cat", &cut_off), >, 0);
  g_assert_cmpint (cut_off, ==, -1);
}

static void
refuse (GessoEngine *engine, const GessoRequest *request, GessoError code, const char *says)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) pictures = gesso_engine_generate (engine, request, NULL, NULL, NULL, &error);

  g_assert_null (pictures);
  g_assert_error (error, GESSO_ERROR, (int) code);
  test_assert_says (error, says);
}

static void
test_refused_requests (void)
{
  g_autoptr (GessoEngine) engine = test_engine_open ("v2-tiny", NULL);
  struct
  {
    int width, height, steps;
    double guidance;
    int n_images;
    const char *scheduler;
    const char *says;
  } cases[] = {
    { 63, 0, 2, 7.5, 1, NULL, "width of 63" },
    { 0, 12, 2, 7.5, 1, NULL, "height of 12" },
    { -8, 0, 2, 7.5, 1, NULL, "width of -8" },
    { 1 << 20, 0, 2, 7.5, 1, NULL, "width of 1048576" },
    { 0, 0, 0, 7.5, 1, NULL, "0" },
    { 0, 0, 1001, 7.5, 1, NULL, "1001" },
    { 0, 0, 2, (double) NAN, 1, NULL, "guidance" },
    { 0, 0, 2, (double) INFINITY, 1, NULL, "guidance" },
    { 0, 0, 2, 7.5, 0, NULL, "number of pictures, 0" },
    { 0, 0, 2, 7.5, 65, NULL, "number of pictures, 65" },
    { 0, 0, 2, 7.5, 1, "nonsense", "pndm" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GessoRequest) request = gesso_request_new ("x");

      request->width = cases[i].width;
      request->height = cases[i].height;
      request->steps = cases[i].steps;
      request->guidance = cases[i].guidance;
      request->n_images = cases[i].n_images;
      request->scheduler = g_strdup (cases[i].scheduler);
      refuse (engine, request, GESSO_ERROR_REQUEST_INVALID, cases[i].says);
    }
}

static void
test_refused_prompts (void)
{
  g_autoptr (GessoEngine) engine = test_engine_open ("v2-tiny", NULL);
  g_autoptr (GessoRequest) bad = gesso_request_new ("caf\xe9");
  g_autoptr (GessoRequest) none = gesso_request_new (NULL);
  g_autoptr (GessoRequest) bad_negative = gesso_request_new ("x");

  bad_negative->negative_prompt = g_strdup ("\xff");
  refuse (engine, bad, GESSO_ERROR_REQUEST_INVALID, "prompt is not valid UTF-8");
  refuse (engine, none, GESSO_ERROR_REQUEST_INVALID, "no prompt");
  refuse (engine, bad_negative, GESSO_ERROR_REQUEST_INVALID, "negative prompt");
}

static void
test_refused_options (void)
{
  g_autofree char *folder = test_model_folder ("v2-tiny");
  GessoOptions f16 = { .device = GESSO_DEVICE_CPU, .precision = GESSO_PRECISION_F16 };
  GessoOptions threads = { .n_threads = -1 };
  GessoOptions device = { .device = (GessoDevice) 9 };
  GessoOptions cuda = { .device = GESSO_DEVICE_CUDA };
  struct
  {
    const GessoOptions *options;
    GessoError code;
    const char *says;
  } cases[] = { { &f16, GESSO_ERROR_DEVICE, "f32" },
                { &threads, GESSO_ERROR_REQUEST_INVALID, "threads" },
                { &device, GESSO_ERROR_REQUEST_INVALID, "device" },
                { &cuda, GESSO_ERROR_DEVICE, "cuda" } };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GessoEngine) engine = gesso_engine_new (folder, cases[i].options, NULL, &error);

      g_assert_null (engine);
      g_assert_error (error, GESSO_ERROR, (int) cases[i].code);
      test_assert_says (error, cases[i].says);
    }
}

static void
test_missing_model (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GessoEngine) engine = gesso_engine_new ("no-such-folder", NULL, NULL, &error);

  g_assert_null (engine);
  g_assert_error (error, GESSO_ERROR, GESSO_ERROR_MODEL_NOT_FOUND);
  test_assert_says (error, "no-such-folder");
}

/* What cannot be sampled with is said when the model is opened, with its folder: several may be installed. */
static void
test_betas_that_make_no_schedule (void)
{
  g_autofree char *folder = test_model_copy ("v2-tiny");
  g_autofree char *path = g_build_filename (folder, "scheduler", "scheduler_config.json", NULL);
  g_autoptr (GError) error = NULL;

  g_assert_true (g_file_set_contents (
      path, "{\"_class_name\": \"PNDMScheduler\", \"beta_start\": 0.5, \"beta_end\": 0.9}", -1, NULL));
  g_assert_null (gesso_engine_new (folder, NULL, NULL, &error));
  g_assert_error (error, GESSO_ERROR, GESSO_ERROR_MODEL_INVALID);
  test_assert_says (error, path);
  test_assert_says (error, "leave nothing of the picture");
  test_remove_folder (folder);
}

/* Overwrites the values in the middle of a part's weights with NaN. */
static void
damage (const char *folder, const char *part, const char *file)
{
  g_autofree char *path = g_build_filename (folder, part, file, NULL);
  g_autofree char *contents = NULL;
  g_autoptr (GError) error = NULL;
  guint64 header;
  gsize size;

  g_file_get_contents (path, &contents, &size, &error);
  g_assert_no_error (error);
  memcpy (&header, contents, sizeof header);
  header = GUINT64_FROM_LE (header) + sizeof header;
  g_assert_cmpuint (header, <, size);
  /* All bits set is a NaN in every floating type. */
  memset (contents + header, 0xff, size - header);
  g_file_set_contents (path, contents, (gssize) size, &error);
  g_assert_no_error (error);
}

static void
test_damaged (const char *part, const char *file, const char *says)
{
  g_autofree char *folder = test_model_copy ("v2-tiny");
  g_autoptr (GessoRequest) request = gesso_request_new ("x");
  g_autoptr (GessoEngine) engine = NULL;

  damage (folder, part, file);
  engine = test_engine_open_folder (folder, NULL);
  request->steps = 1;
  request->width = request->height = 16;
  refuse (engine, request, GESSO_ERROR_MODEL_INVALID, says);
  test_remove_folder (folder);
}

static void
test_nan_in_unet (void)
{
  test_damaged ("unet", "diffusion_pytorch_model.safetensors",
                "unet/diffusion_pytorch_model.safetensors: these weights give values that are no numbers");
}

static void
test_nan_in_text_encoder (void)
{
  test_damaged ("text_encoder", "model.safetensors",
                "text_encoder/model.safetensors: these weights give values that are no numbers");
}

static void
test_nan_in_decoder (void)
{
  test_damaged ("vae", "diffusion_pytorch_model.safetensors",
                "vae/diffusion_pytorch_model.safetensors: these weights give values that are no numbers");
}

/* A file cut short after the engine was opened is an error when its values are read, not a signal. */
static void
test_truncated_later (void)
{
  g_autofree char *folder = test_model_copy ("v2-tiny");
  g_autofree char *path = g_build_filename (folder, "unet", "diffusion_pytorch_model.safetensors", NULL);
  g_autoptr (GessoEngine) engine = test_engine_open_folder (folder, NULL);
  g_autoptr (GessoRequest) request = gesso_request_new ("x");
  GStatBuf status;

  g_assert_cmpint (g_stat (path, &status), ==, 0);
  g_assert_cmpint (truncate (path, status.st_size / 2), ==, 0);
  request->steps = 1;
  request->width = request->height = 16;
  refuse (engine, request, GESSO_ERROR_MODEL_INVALID, "diffusion_pytorch_model.safetensors");
  test_remove_folder (folder);
}

typedef struct
{
  GCancellable *cancellable;
  int cancel_at; /* callbacks */
  int n_calls;
  double fraction;
  int step;
  gboolean previewed;
  GThread *thread;
} Watch;

static void
watch_progress (const GessoProgress *progress, gpointer data)
{
  Watch *watch = data;

  g_assert_true (g_thread_self () == watch->thread);
  g_assert_cmpfloat (progress->fraction, >=, watch->fraction - 1e-9);
  g_assert_cmpfloat (progress->fraction, <=, 1.0);
  g_assert_cmpint (progress->step, >=, watch->step);
  watch->fraction = progress->fraction;
  watch->step = progress->step;
  if (progress->preview)
    {
      int channels, height, width;

      g_assert_nonnull (gesso_preview_get_latents (progress->preview, 0, &channels, &height, &width));
      g_assert_cmpint (channels, ==, 4);
      g_assert_cmpint (height, ==, 4);
      g_assert_cmpint (width, ==, 8);
      watch->previewed = TRUE;
    }
  if (++watch->n_calls == watch->cancel_at)
    g_cancellable_cancel (watch->cancellable);
}

static GessoRequest *
small_request (const char *prompt)
{
  GessoRequest *request = gesso_request_new (prompt);

  request->steps = 3;
  request->width = 64;
  request->height = 32;
  return request;
}

static void
test_progress (void)
{
  g_autoptr (GessoEngine) engine = test_engine_open ("v2-tiny", NULL);
  g_autoptr (GessoRequest) request = small_request ("x");
  g_autoptr (GPtrArray) pictures = NULL;
  Watch watch = { .thread = g_thread_self () };

  pictures = gesso_engine_generate (engine, request, watch_progress, &watch, NULL, NULL);
  g_assert_nonnull (pictures);
  g_assert_cmpint (watch.step, ==, 4);
  g_assert_cmpfloat (watch.fraction, >, 0.99);
  g_assert_true (watch.previewed);
}

/* Cancelled at its first, second, ... callback until one run gets through: always CANCELLED, always usable after. */
static void
test_cancel_anywhere (void)
{
  g_autoptr (GessoEngine) engine = test_engine_open ("v2-tiny", NULL);
  g_autoptr (GessoRequest) request = small_request ("x");
  int n_cancelled = 0;

  for (int at = 1;; at++)
    {
      g_autoptr (GCancellable) cancellable = g_cancellable_new ();
      g_autoptr (GError) error = NULL;
      Watch watch = { .thread = g_thread_self (), .cancellable = cancellable, .cancel_at = at };
      g_autoptr (GPtrArray) pictures
          = gesso_engine_generate (engine, request, watch_progress, &watch, cancellable, &error);

      if (pictures)
        {
          g_assert_cmpint (watch.n_calls, <=, at);
          break;
        }
      g_assert_error (error, GESSO_ERROR, GESSO_ERROR_CANCELLED);
      n_cancelled++;
    }
  g_assert_cmpint (n_cancelled, >, 4);
}

static void
test_cancelled_before (void)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autofree char *folder = test_model_folder ("v2-tiny");
  g_autoptr (GError) error = NULL;
  g_autoptr (GessoEngine) engine = NULL;

  g_cancellable_cancel (cancellable);
  engine = gesso_engine_new (folder, NULL, cancellable, &error);
  g_assert_null (engine);
  g_assert_error (error, GESSO_ERROR, GESSO_ERROR_CANCELLED);
}

/* Picture i of N is what seed + i alone gives, one by one and in batches. */
static void
test_seeds (void)
{
  g_autoptr (GessoEngine) engine = test_engine_open ("v2-tiny", NULL);
  g_autoptr (GessoRequest) request = small_request ("a red circle");
  g_autoptr (GPtrArray) together = NULL;
  g_autoptr (GPtrArray) batched = NULL;

  request->seed = 41;
  request->n_images = 3;
  together = gesso_engine_generate (engine, request, NULL, NULL, NULL, NULL);
  request->batch = 2;
  batched = gesso_engine_generate (engine, request, NULL, NULL, NULL, NULL);
  g_assert_cmpuint (together->len, ==, 3);
  request->n_images = 1;
  for (guint i = 0; i < 3; i++)
    {
      GessoPicture *picture = g_ptr_array_index (together, i);
      g_autoptr (GPtrArray) alone = NULL;

      request->seed = 41 + i;
      g_assert_cmpuint (gesso_picture_get_seed (picture), ==, request->seed);
      alone = gesso_engine_generate (engine, request, NULL, NULL, NULL, NULL);
      g_assert_true (
          g_bytes_equal (gesso_picture_get_pixels (picture), gesso_picture_get_pixels (g_ptr_array_index (alone, 0))));
      test_assert_pictures_near (picture, g_ptr_array_index (batched, i));
    }
  g_assert_false (g_bytes_equal (gesso_picture_get_pixels (g_ptr_array_index (together, 0)),
                                 gesso_picture_get_pixels (g_ptr_array_index (together, 1))));
}

static void
test_parameters_text (void)
{
  g_autoptr (GessoEngine) engine = test_engine_open ("v2-tiny", NULL);
  g_autoptr (GessoRequest) request = small_request ("a red circle");
  g_autoptr (GPtrArray) pictures = NULL;
  const char *text;

  request->negative_prompt = g_strdup ("blue");
  request->seed = 12;
  pictures = gesso_engine_generate (engine, request, NULL, NULL, NULL, NULL);
  text = gesso_picture_get_parameters (g_ptr_array_index (pictures, 0));
  g_assert_true (g_str_has_prefix (text, "a red circle\nNegative prompt: blue\nSteps: 3, Sampler: "));
  g_assert_nonnull (strstr (text, ", CFG scale: 7.5, Seed: 12, Size: 64x32, Model: v2-tiny"));
}

static void
test_prepare (void)
{
  g_autoptr (GessoEngine) engine = test_engine_open ("v2-tiny", NULL);
  g_autoptr (GessoRequest) request = small_request ("x");
  g_autoptr (GError) error = NULL;
  g_autofree char *plan = NULL;
  g_autofree char *info = NULL;

  gesso_engine_prepare (engine, request, NULL, NULL, NULL, &error);
  g_assert_no_error (error);
  plan = gesso_engine_plan (engine, request, &error);
  g_assert_no_error (error);
  g_assert_nonnull (strstr (plan, "64 x 32"));
  info = gesso_engine_describe (engine);
  g_assert_nonnull (strstr (info, "v2-tiny"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/engine/defaults", test_defaults);
  g_test_add_func ("/engine/refused-requests", test_refused_requests);
  g_test_add_func ("/engine/refused-prompts", test_refused_prompts);
  g_test_add_func ("/engine/refused-options", test_refused_options);
  g_test_add_func ("/engine/missing-model", test_missing_model);
  g_test_add_func ("/engine/betas-that-make-no-schedule", test_betas_that_make_no_schedule);
  g_test_add_func ("/engine/nan-in-unet", test_nan_in_unet);
  g_test_add_func ("/engine/nan-in-text-encoder", test_nan_in_text_encoder);
  g_test_add_func ("/engine/nan-in-decoder", test_nan_in_decoder);
  g_test_add_func ("/engine/truncated-later", test_truncated_later);
  g_test_add_func ("/engine/progress", test_progress);
  g_test_add_func ("/engine/cancel-anywhere", test_cancel_anywhere);
  g_test_add_func ("/engine/cancelled-before", test_cancelled_before);
  g_test_add_func ("/engine/seeds", test_seeds);
  g_test_add_func ("/engine/parameters-text", test_parameters_text);
  g_test_add_func ("/engine/prepare", test_prepare);
  return g_test_run ();
}
