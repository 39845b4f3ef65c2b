/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What the engine says of cards that are not there or cannot do it, each in a process of its own: "cuda" is refused
 * with the reason, and "auto" takes the CPU and tells it. And what it says of memory: parts that take turns, and what
 * is refused with the figures.
 */

#include <string.h>

#include "backend.h"
#include "devices.h"
#include "gesso.h"
#include "model/configs.h"
#include "networks/clip-text.h"
#include "networks/unet.h"
#include "networks/vae.h"

static void
open_devices (const char *says)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *why_not = NULL;
  GessoDevice opened;
  GessoBackend *cpu;

  g_assert_null (gesso_devices_open (GESSO_DEVICE_CUDA, 1, &opened, NULL, &error));
  g_assert_error (error, GESSO_ERROR, GESSO_ERROR_DEVICE);
  g_assert_nonnull (strstr (error->message, says));
  g_assert_nonnull (strstr (error->message, "CPU"));
  cpu = gesso_devices_open (GESSO_DEVICE_AUTO, 1, &opened, &why_not, NULL);
  g_assert_nonnull (cpu);
  g_assert_cmpint (opened, ==, GESSO_DEVICE_CPU);
  g_assert_cmpstr (why_not, ==, error->message);
  cpu->free (cpu);
}

typedef struct
{
  const char *name, *variable, *value, *says;
} Refusal;

static const Refusal refusals[] = {
  { "no-driver", "GESSO_CUDA_DRIVER", "/nonexistent/libcuda.so", "/nonexistent/libcuda.so" },
  { "no-card", "GESSO_EMULATION_DEVICES", "0", "finds no card" },
  { "old-driver", "GESSO_EMULATION_DRIVER_VERSION", "12040", "CUDA 12.4" },
  { "old-card", "GESSO_EMULATION_CAPABILITY", "7.5", "compute capability 7.5" },
  { "failing-driver", "GESSO_EMULATION_FAIL_FOR_GOOD", "1", "CUDA_ERROR_LAUNCH_FAILED" },
};

static void
test_refusal (gconstpointer data)
{
  const Refusal *refusal = data;

  if (g_test_subprocess ())
    {
      g_setenv (refusal->variable, refusal->value, TRUE);
      if (g_str_equal (refusal->name, "failing-driver"))
        g_setenv ("GESSO_EMULATION_FAIL", "1", TRUE);
      open_devices (refusal->says);
      return;
    }
  g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_INHERIT_STDERR);
  g_test_trap_assert_passed ();
}

/* A card too small for the model: "auto" paints on the CPU and tells why, "cuda" refuses with the figures. */
static void
test_too_small (void)
{
  g_autofree char *folder = g_test_build_filename (G_TEST_DIST, "..", "..", "models", "starter", NULL);
  const GessoOptions automatic = { .device = GESSO_DEVICE_AUTO, .n_threads = 1 },
                     cuda = { .device = GESSO_DEVICE_CUDA };
  g_autoptr (GessoRequest) request = gesso_request_new ("a red circle on blue");
  g_autoptr (GessoEngine) engine = NULL, refusing = NULL;
  g_autoptr (GPtrArray) pictures = NULL;
  g_autoptr (GError) error = NULL;
  const char *const *notices;

  if (!g_test_subprocess ())
    {
      g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_INHERIT_STDERR);
      g_test_trap_assert_passed ();
      return;
    }
  g_setenv ("GESSO_EMULATION_MEMORY", "16", TRUE);
  request->steps = 1;
  engine = gesso_engine_new (folder, &automatic, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (gesso_engine_get_device (engine), ==, GESSO_DEVICE_CPU);
  notices = gesso_engine_get_notices (engine);
  g_assert_nonnull (notices[0]);
  g_assert_nonnull (strstr (notices[0], "The card is not used: This needs "));
  pictures = gesso_engine_generate (engine, request, NULL, NULL, NULL, &error);
  g_assert_no_error (error);

  refusing = gesso_engine_new (folder, &cuda, NULL, &error);
  g_assert_no_error (error);
  g_assert_null (gesso_engine_generate (refusing, request, NULL, NULL, NULL, &error));
  g_assert_error (error, GESSO_ERROR, GESSO_ERROR_OUT_OF_MEMORY);
}

static GessoBackend *
open_cuda (void)
{
  g_autoptr (GError) error = NULL;
  GessoDevice opened;
  GessoBackend *backend = gesso_devices_open (GESSO_DEVICE_AUTO, 1, &opened, NULL, &error);

  g_assert_no_error (error);
  g_assert_cmpint (opened, ==, GESSO_DEVICE_CUDA);
  return backend;
}

static void
test_used (void)
{
  GessoBackend *backend = open_cuda ();
  g_autofree char *text = gesso_devices_describe ();
  g_autoptr (GError) error = NULL;
  GessoPrecision precision;

  g_assert_nonnull (strstr (text, "cuda: Gesso's emulation, compute capability 8.6"));
  g_assert_nonnull (strstr (text, "matrix products by cuBLASLt 13.1.0"));
  g_assert_nonnull (strstr (text, "precision f16"));
  g_assert_false (backend->resolve_precision (backend, GESSO_PRECISION_F32, &precision, &error));
  g_assert_error (error, GESSO_ERROR, GESSO_ERROR_DEVICE);
  backend->free (backend);
}

/* Where cuBLASLt cannot be used the card can, and the description says why. */
static const Refusal own_products[] = {
  { "without", "GESSO_CUBLASLT", "none", "own matrix products (GESSO_CUBLASLT names no library)" },
  { "not-installed", "GESSO_CUBLASLT", "/nonexistent/libcublasLt.so", "(/nonexistent/libcublasLt.so was not found)" },
  { "old", "GESSO_EMULATION_CUBLASLT_VERSION", "111103", "own matrix products (cuBLASLt is version 11" },
  { "unknown", "GESSO_EMULATION_CUBLASLT_VERSION", "140000", "own matrix products (cuBLASLt is version 14" },
};

static void
test_own_products (gconstpointer data)
{
  const Refusal *reason = data;

  if (g_test_subprocess ())
    {
      g_autofree char *text = NULL;

      g_setenv (reason->variable, reason->value, TRUE);
      text = gesso_devices_describe ();
      g_test_message ("%s", text);
      g_assert_nonnull (strstr (text, reason->says));
      return;
    }
  g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_INHERIT_STDERR);
  g_test_trap_assert_passed ();
}

/* A buffer that is too large names what was asked for and what is free, and leaves the card usable. */
static void
test_buffer_too_large (void)
{
  GessoBackend *backend = open_cuda ();
  g_autoptr (GError) error = NULL;
  GessoBuffer *buffer;

  g_assert_null (backend->buffer_new (backend, (gsize) 64 << 30, &error));
  g_assert_error (error, GESSO_ERROR, GESSO_ERROR_OUT_OF_MEMORY);
  g_assert_nonnull (strstr (error->message, "64.0"));
  g_assert_nonnull (strstr (error->message, "8.0"));
  buffer = backend->buffer_new (backend, 1000, NULL);
  g_assert_nonnull (buffer);
  backend->buffer_free (backend, buffer);
  backend->free (backend);
}

static gboolean
no_weights (gpointer data, const char *name, gint64 first, gint64 count, GessoDType dtype, void *values, GError **error)
{
  g_assert_not_reached ();
}

static GessoDType
f16_weights (gpointer data, const char *name)
{
  return GESSO_DTYPE_F16;
}

/* What `graph` (taken over) holds when it alone is loaded and runs. */
static guint64
need_of (GessoBackend *backend, gboolean is_tight, GessoGraph *graph)
{
  const GessoWeightSource source = { no_weights, f16_weights, NULL };
  GessoStore *store = backend->store_new (backend, &source);
  g_autoptr (GessoGraph) owned = graph;
  g_autoptr (GessoPlan) plan = NULL;
  g_autoptr (GError) error = NULL;
  GessoProgramMemory memory;
  GessoPlanOptions options;
  GessoProgram *program;

  gesso_graph_finish (graph, &error);
  g_assert_no_error (error);
  backend->plan_options (backend, GESSO_PRECISION_F16, is_tight, &options);
  plan = gesso_plan_new (graph, &options, &error);
  g_assert_no_error (error);
  program = backend->compile (backend, store, plan, NULL, &error);
  g_assert_no_error (error);
  backend->report (backend, program, &memory);
  g_test_message ("%s%s: weights %.0f MiB, workspace %.0f MiB", plan->name, is_tight ? ", tight" : "",
                  (double) memory.weights / 1048576.0, (double) memory.workspace / 1048576.0);
  backend->program_free (backend, program);
  backend->store_free (backend, store);
  return memory.weights + memory.workspace + memory.load_scratch;
}

/* What the U-Net, the decoder and the text encoder of a model need at 512 x 512. Nothing is read or computed: plans
 * tell.
 */
typedef struct
{
  guint64 step, decoder, tight_decoder, text;
} Needs;

static Needs
needs_of (const char *model)
{
  GessoBackend *backend = open_cuda ();
  g_autofree char *unet_path = g_test_build_filename (G_TEST_DIST, "data", "full", model, "unet", "config.json", NULL);
  g_autofree char *vae_path = g_test_build_filename (G_TEST_DIST, "data", "full", model, "vae", "config.json", NULL);
  g_autofree char *text_path
      = g_test_build_filename (G_TEST_DIST, "data", "full", model, "text_encoder", "config.json", NULL);
  g_autoptr (GError) error = NULL;
  GessoUnetConfig unet = { 0 };
  GessoVaeConfig vae = { 0 };
  GessoTextConfig text = { 0 };
  Needs needs;

  g_assert_true (gesso_unet_config_read (unet_path, NULL, &unet, &error));
  g_assert_true (gesso_vae_config_read (vae_path, NULL, &vae, &error));
  g_assert_true (gesso_text_config_read (text_path, NULL, &text, &error));
  g_assert_no_error (error);
  needs.step = need_of (backend, FALSE, gesso_unet_graph (&unet, 1, 2, 77, 64, 64));
  needs.decoder = need_of (backend, FALSE, gesso_vae_decoder_graph (&vae, 1, 64, 64));
  needs.tight_decoder = need_of (backend, TRUE, gesso_vae_decoder_graph (&vae, 1, 64, 64));
  needs.text = need_of (backend, FALSE, gesso_clip_text_graph (&text, 2, 77));
  backend->free (backend);
  return needs;
}

/* The parts of Stable Diffusion 1.4 fit a card of 4 GB one by one, and the U-Net none of 1 GB. */
static void
test_full_size (void)
{
  const guint64 gib = (guint64) 1 << 30;
  const Needs needs = needs_of ("sd14");

  g_assert_cmpuint (needs.step, >, gib);
  /* A tenth of the memory is left to others, and something goes between the parts. */
  g_assert_cmpuint (needs.step, <, gib * 33 / 10);
  g_assert_cmpuint (needs.decoder, <, gib * 33 / 10);
  g_assert_cmpuint (needs.text, <, gib);
  /* In bands the decoder needs less. */
  g_assert_cmpuint (needs.tight_decoder, <, needs.decoder * 9 / 10);
}

/* v2-Small wants 2.4 GB at most with all its parts on the card, and no part more than 1.5. */
static void
test_small_in_full_size (void)
{
  const Needs needs = needs_of ("v2-small");

  g_assert_cmpuint (needs.step + needs.decoder + needs.text, <, 2400000000u);
  g_assert_cmpuint (MAX (needs.step, MAX (needs.decoder, needs.text)), <, 1500000000u);
}

/* With a limit between what one part needs and what all need, parts take turns, and the picture is the same. */
static void
test_turns (void)
{
  g_autofree char *folder = g_test_build_filename (G_TEST_DIST, "data", "models", "v2-tiny", NULL);
  const GessoOptions options = { .device = GESSO_DEVICE_CUDA };
  g_autoptr (GessoRequest) request = gesso_request_new ("a red circle on blue");
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) pictures = NULL, tight_pictures = NULL;
  guint64 low = 1, high = (guint64) 1 << 30;

  request->steps = 1;
  request->width = request->height = 16;
  {
    g_autoptr (GessoEngine) engine = gesso_engine_new (folder, &options, NULL, &error);

    g_assert_no_error (error);
    pictures = gesso_engine_generate (engine, request, NULL, NULL, NULL, &error);
    g_assert_no_error (error);
  }
  {
    g_autoptr (GessoEngine) engine = gesso_engine_new (folder, &options, NULL, &error);

    while (high - low > 1024)
      {
        g_autofree char *plan = NULL;

        request->max_memory = low + (high - low) / 2;
        plan = gesso_engine_plan (engine, request, &error);
        g_assert_no_error (error);
        if (strstr (plan, "Does not fit"))
          low = request->max_memory;
        else
          high = request->max_memory;
      }
    request->max_memory = low;
    g_assert_null (gesso_engine_generate (engine, request, NULL, NULL, NULL, &error));
    g_assert_error (error, GESSO_ERROR, GESSO_ERROR_OUT_OF_MEMORY);
    g_assert_nonnull (strstr (error->message, "may be used"));
    g_clear_error (&error);
    request->max_memory = high;
    tight_pictures = gesso_engine_generate (engine, request, NULL, NULL, NULL, &error);
    g_assert_no_error (error);
  }
  g_assert_true (g_bytes_equal (gesso_picture_get_pixels (g_ptr_array_index (pictures, 0)),
                                gesso_picture_get_pixels (g_ptr_array_index (tight_pictures, 0))));
}

/* Where the decoder does not fit otherwise it computes in bands, and the picture is the same (test-cuda-networks.c has
 * small ones; this one takes a minute). */
static void
test_decoder_in_bands (void)
{
  g_autofree char *folder = g_test_build_filename (G_TEST_DIST, "..", "..", "models", "starter", NULL);
  const GessoOptions options = { .device = GESSO_DEVICE_CUDA };
  const gboolean paint = g_getenv ("GESSO_FULL") != NULL;
  g_autoptr (GessoRequest) request = gesso_request_new ("a red circle on a blue background");
  g_autoptr (GError) error = NULL;
  g_autoptr (GessoEngine) engine = gesso_engine_new (folder, &options, NULL, &error);
  g_autoptr (GPtrArray) pictures = NULL, tight_pictures = NULL;
  g_autofree char *roomy_plan = NULL, *tight_plan = NULL;
  GessoMemoryNeed need;

  g_assert_no_error (error);
  request->steps = 1;
  request->seed = 3;
  request->width = request->height = 288;
  roomy_plan = gesso_engine_plan (engine, request, &error);
  g_assert_null (strstr (roomy_plan, "group_statistics"));
  if (paint)
    pictures = gesso_engine_generate (engine, request, NULL, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (gesso_engine_measure (engine, request, &need, &error));

  request->max_memory = need.least - 1;
  tight_plan = gesso_engine_plan (engine, request, &error);
  g_assert_nonnull (strstr (tight_plan, "group_statistics"));
  g_assert_null (strstr (tight_plan, "Does not fit"));
  if (paint)
    {
      tight_pictures = gesso_engine_generate (engine, request, NULL, NULL, NULL, &error);
      g_assert_no_error (error);
      g_assert_true (g_bytes_equal (gesso_picture_get_pixels (g_ptr_array_index (pictures, 0)),
                                    gesso_picture_get_pixels (g_ptr_array_index (tight_pictures, 0))));
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (refusals); i++)
    {
      g_autofree char *path = g_strconcat ("/cuda/device/", refusals[i].name, NULL);

      g_test_add_data_func (path, &refusals[i], test_refusal);
    }
  for (gsize i = 0; i < G_N_ELEMENTS (own_products); i++)
    {
      g_autofree char *path = g_strconcat ("/cuda/device/own-products/", own_products[i].name, NULL);

      g_test_add_data_func (path, &own_products[i], test_own_products);
    }
  g_test_add_func ("/cuda/device/too-small", test_too_small);
  g_test_add_func ("/cuda/device/used", test_used);
  g_test_add_func ("/cuda/device/buffer-too-large", test_buffer_too_large);
  g_test_add_func ("/cuda/device/full-size/sd14", test_full_size);
  g_test_add_func ("/cuda/device/full-size/v2-small", test_small_in_full_size);
  g_test_add_func ("/cuda/device/turns", test_turns);
  g_test_add_func ("/cuda/device/decoder-in-bands", test_decoder_in_bands);
  return g_test_run ();
}
