/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The CUDA backend where something goes wrong: each call of the driver and of cuBLASLt fails in turn, weights cannot be
 * read, a run is cancelled. Each time there is the right error, nothing is left behind, and the next try gives the
 * right values.
 */

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "../unit/cpu/backend/fixture.h"
#include "cuda-device.h"
#include "cuda-under-test.h"
#include "emulated-driver.h"

/* Layers enough for the program to be recorded when it runs again. */
#define SIZE 3
#define CHANNELS 8
#define LAYERS 4
#define RUNS 3
/* Measuring makes many calls that are alike: a number that lets all kinds have their turn. With GESSO_FULL it is 1. */
#define MEASURING_STRIDE 29

typedef struct
{
  GessoBackend *backend;
  GessoStore *store;
  GessoProgram *program;
  GessoBuffer *workspace, *x, *y;
} Use;

static void
use_clear (Use *use)
{
  GessoBackend *backend = use->backend;

  if (!backend)
    return;
  backend->program_free (backend, use->program);
  if (use->store)
    backend->store_free (backend, use->store);
  backend->buffer_free (backend, use->workspace);
  backend->buffer_free (backend, use->x);
  backend->buffer_free (backend, use->y);
  backend->free (backend);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Use, use_clear)

/* A whole life of a backend, from its making to its end; what came out in `values`. */
static gboolean
use_backend (Reads *reads, GCancellable *cancellable, guint16 *values, GError **error)
{
  const gsize n = SIZE * SIZE * CHANNELS, bytes = n * sizeof *values;
  const GessoWeightSource source = fixture_source (reads);
  g_autoptr (GessoGraph) graph = fixture_graph (SIZE, CHANNELS, LAYERS);
  /* Outlives the program in it. */
  g_autoptr (GessoPlan) plan = NULL;
  g_auto (Use) use = { .backend = gesso_backend_entry (GESSO_BACKEND_ABI, 0, error) };
  GessoBackend *backend = use.backend;
  GessoBinding input = { 0 }, output = { 0 };
  GessoPlanOptions options;
  GessoProgramMemory memory;
  g_autofree guint16 *x = g_new (guint16, n);

  if (!backend)
    return FALSE;
  backend->plan_options (backend, GESSO_PRECISION_F16, FALSE, &options);
  plan = gesso_plan_new (graph, &options, error);
  g_assert_nonnull (plan);
  for (gsize i = 0; i < n; i++)
    x[i] = (guint16) (0x3000 + i); /* between 0.125 and 0.25 */
  use.store = backend->store_new (backend, &source);
  use.program = backend->compile (backend, use.store, plan, NULL, error);
  if (!use.program)
    return FALSE;
  backend->report (backend, use.program, &memory);
  if (!backend->load (backend, use.program, NULL, NULL, NULL, error)
      || !(use.workspace = backend->buffer_new (backend, memory.workspace, error))
      || !(use.x = backend->buffer_new (backend, bytes, error))
      || !(use.y = backend->buffer_new (backend, bytes, error))
      || !backend->buffer_write (backend, use.x, 0, x, bytes, error))
    return FALSE;
  input.buffer = use.x;
  output.buffer = use.y;
  for (int i = 0; i < RUNS; i++)
    if (!backend->run (backend, use.program, use.workspace, &input, &output, cancellable, error))
      return FALSE;
  return backend->buffer_read (backend, use.y, 0, values, bytes, error);
}

static void
test_each_call (gconstpointer data)
{
  const gboolean for_good = GPOINTER_TO_INT (data);
  const EmulatedDriver *driver = emulated_driver ();
  guint16 expected[SIZE * SIZE * CHANNELS], own[SIZE * SIZE * CHANNELS], values[SIZE * SIZE * CHANNELS];
  g_autofree char *library = g_strdup (g_getenv ("GESSO_CUBLASLT"));
  Reads reads = { 0 };
  g_autoptr (GError) error = NULL;
  guint before, n_calls;

  g_setenv ("GESSO_CUBLASLT", "none", TRUE);
  g_assert_true (use_backend (&reads, NULL, own, &error));
  g_assert_no_error (error);
  g_setenv ("GESSO_CUBLASLT", library, TRUE);
  before = driver->calls ();
  g_assert_true (use_backend (&reads, NULL, expected, &error));
  g_assert_no_error (error);
  g_assert_cmpint (driver->leaks (), ==, 0);
  n_calls = driver->calls () - before;
  g_test_message ("%u calls", n_calls);
  g_assert_cmpuint (n_calls, >, 150);
  for (guint i = 1; i <= n_calls; i++)
    {
      const char *failed;
      gboolean done;

      driver->fail (i, for_good);
      done = use_backend (&reads, NULL, values, &error);
      failed = driver->failed_call (0);
      g_test_message ("%u: %s: %s", i, failed, error ? error->message : "done");
      emulated_driver_check_failure (done, error);
      driver->fail (0, FALSE);
      g_clear_error (&error);
      g_assert_cmpint (driver->leaks (), ==, 0);
      if (done)
        g_assert_cmpmem (values, sizeof values, g_str_equal (failed, "cublasLtCreate") ? own : expected,
                         sizeof expected);
    }
  g_assert_true (use_backend (&reads, NULL, values, &error));
  g_assert_cmpmem (values, sizeof values, expected, sizeof expected);
}

static void
remove_files (const char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while ((name = g_dir_read_name (dir)))
    {
      g_autofree char *path = g_build_filename (folder, name, NULL);

      g_assert_cmpint (g_remove (path), ==, 0);
    }
}

/* Whether the one tuning file in `folder` has a line that begins with `kind`. */
static gboolean
was_measured (const char *folder, const char *kind)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  g_autofree char *begin = g_strdup_printf ("\n%s ", kind);
  gboolean found = FALSE;

  for (const char *name; (name = g_dir_read_name (dir));)
    {
      g_autofree char *path = g_build_filename (folder, name, NULL), *text = NULL;

      found |= g_file_get_contents (path, &text, NULL, NULL) && strstr (text, begin);
    }
  return found;
}

/* Calls fail while `life` measures things of a `kind`, every `stride`th in turn, and with `for_good` all after it. An
 * algorithm of cuBLASLt's that cannot be had is left out, and where there is no memory nothing is measured; anything
 * else is an error as ever. */
static void
check_measuring (gboolean (*life) (GError **error), const char *kind, guint stride, gboolean for_good)
{
  g_autofree char *folder = g_dir_make_tmp ("gesso-failures-XXXXXX", NULL);
  const EmulatedDriver *driver = emulated_driver ();
  g_autoptr (GError) error = NULL;
  guint before = driver->calls (), n_calls;

  g_setenv ("GESSO_CUDA_TUNING", folder, TRUE);
  g_assert_true (life (&error));
  g_assert_no_error (error);
  g_assert_true (was_measured (folder, kind));
  n_calls = driver->calls () - before;
  for (guint i = 1; i <= n_calls; i += stride)
    {
      const char *failed;
      gboolean done;

      remove_files (folder);
      driver->fail (i, for_good);
      done = life (&error);
      failed = driver->failed_call (0);
      g_test_message ("%u of %u: %s: %s", i, n_calls, failed, error ? error->message : "done");
      /* No memory for it says nothing yet; the weights' own will tell. */
      if (g_str_has_prefix (failed, "cuMemAlloc"))
        g_assert_true (done == (error == NULL));
      else if (!done || !g_str_has_prefix (failed, "cublasLt"))
        emulated_driver_check_failure (done, error);
      driver->fail (0, FALSE);
      g_clear_error (&error);
      g_assert_cmpint (driver->leaks (), ==, 0);
    }
  remove_files (folder);
  g_assert_cmpint (g_rmdir (folder), ==, 0);
  g_setenv ("GESSO_CUDA_TUNING", "off", TRUE);
}

static gboolean
use_products (GError **error)
{
  guint16 values[SIZE * SIZE * CHANNELS];
  Reads reads = { 0 };

  return use_backend (&reads, NULL, values, error);
}

static void
test_measuring (gconstpointer data)
{
  const guint stride = g_getenv ("GESSO_FULL") ? 1 : MEASURING_STRIDE;

  check_measuring (use_products, "product", stride, GPOINTER_TO_INT (data));
}

/* Loads a program of attention that can go several ways. */
static gboolean
use_attention (GError **error)
{
  g_autoptr (GessoGraph) graph = gesso_graph_new ("attention");
  GessoTensor *x = gesso_graph_input (graph, "x", GESSO_DTYPE_COMPUTE, GESSO_SHAPE3 (1, 2, 40));
  g_autoptr (GessoPlan) plan = NULL;
  g_auto (Use) use = { .backend = gesso_backend_entry (GESSO_BACKEND_ABI, 0, error) };
  GessoPlanOptions options;
  Reads reads = { 0 };
  const GessoWeightSource source = fixture_source (&reads);

  gesso_graph_output (graph, gesso_graph_attention (graph, x, x, x, 1, 0.1f, FALSE), "y");
  g_assert_true (gesso_graph_finish (graph, NULL));
  if (!use.backend)
    return FALSE;
  use.store = use.backend->store_new (use.backend, &source);
  use.backend->plan_options (use.backend, GESSO_PRECISION_F16, FALSE, &options);
  plan = gesso_plan_new (graph, &options, NULL);
  use.program = use.backend->compile (use.backend, use.store, plan, NULL, error);
  if (use.program && use.backend->load (use.backend, use.program, NULL, NULL, NULL, error))
    return TRUE;
  return FALSE;
}

static void
test_measuring_attention (gconstpointer data)
{
  check_measuring (use_attention, "attention", 1, GPOINTER_TO_INT (data));
}

/* What the driver does not record is queued step by step, and it is asked once. */
static void
test_not_recorded (void)
{
  static const char *const calls[] = { "cuStreamBeginCapture", "cuGraphInstantiate" };
  const EmulatedDriver *driver = emulated_driver ();
  guint16 expected[SIZE * SIZE * CHANNELS], values[SIZE * SIZE * CHANNELS];
  g_autoptr (GError) error = NULL;
  Reads reads = { 0 };

  g_assert_true (use_backend (&reads, NULL, expected, &error));
  for (gsize i = 0; i < G_N_ELEMENTS (calls); i++)
    {
      driver->refuse (calls[i], CUDA_ERROR_NOT_SUPPORTED);
      g_assert_true (use_backend (&reads, NULL, values, &error));
      g_assert_no_error (error);
      g_assert_cmpmem (values, sizeof values, expected, sizeof expected);
      g_assert_cmpuint (driver->refused (), ==, 1);
      driver->refuse (NULL, 0);
      g_assert_cmpint (driver->leaks (), ==, 0);
    }
}

/* Of two cards one cannot be had at the moment. Settings are read once: in a process of its own. */
static void
test_next_card (void)
{
  const EmulatedDriver *driver = emulated_driver ();
  g_autoptr (GError) error = NULL;
  gboolean found = FALSE;

  if (!g_test_subprocess ())
    {
      g_test_trap_subprocess (NULL, 60 * G_USEC_PER_SEC, G_TEST_SUBPROCESS_DEFAULT);
      g_test_trap_assert_passed ();
      return;
    }
  g_setenv ("GESSO_EMULATION_DEVICES", "2", TRUE);
  for (guint i = 1; !found; i++)
    {
      GessoCudaDevice *device;

      driver->fail (i, FALSE);
      device = gesso_cuda_device_open (&error);
      found = g_strcmp0 (driver->failed_call (0), "cuDevicePrimaryCtxRetain") == 0;
      driver->fail (0, FALSE);
      if (found)
        {
          g_assert_no_error (error);
          g_assert_cmpint (device->device, ==, 1);
        }
      g_clear_error (&error);
      gesso_cuda_device_close (device);
    }
  driver->refuse ("cuDevicePrimaryCtxRetain", CUDA_ERROR_DEVICE_UNAVAILABLE);
  g_assert_null (gesso_cuda_device_open (&error));
  g_assert_error (error, GESSO_ERROR, GESSO_ERROR_DEVICE);
  g_assert_cmpuint (driver->refused (), ==, 2);
  driver->refuse (NULL, 0);
}

/* A card that has failed does not say how much memory it has left: that is not known, rather than none, and the next
 * call tells what is the matter. */
static void
test_memory_unknown (void)
{
  const EmulatedDriver *driver = emulated_driver ();
  g_autoptr (GError) error = NULL;
  GessoBackend *backend = gesso_backend_entry (GESSO_BACKEND_ABI, 0, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (backend->memory_available (backend), <, G_MAXUINT64);
  driver->refuse ("cuMemGetInfo", CUDA_ERROR_LAUNCH_FAILED);
  g_assert_cmpuint (backend->memory_available (backend), ==, G_MAXUINT64);
  g_assert_cmpuint (driver->refused (), ==, 1);
  driver->refuse (NULL, 0);
  backend->free (backend);
}

/* What is no number of seconds is as if it were not there. */
static void
test_patience (void)
{
  static const struct
  {
    const char *value;
    int seconds;
  } cases[] = { { "7", 7 }, { "abc", 300 }, { "", 300 }, { "0", 300 }, { "-5", 300 }, { "12s", 300 }, { "1e9", 300 } };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      GessoCudaDevice *device;

      g_setenv ("GESSO_CUDA_PATIENCE", cases[i].value, TRUE);
      device = gesso_cuda_device_open (NULL);
      g_test_message ("%s", cases[i].value);
      g_assert_cmpint (device->patience, ==, cases[i].seconds);
      gesso_cuda_device_close (device);
    }
  g_unsetenv ("GESSO_CUDA_PATIENCE");
}

/* Each reading of a weight fails in turn. */
static void
test_each_read (void)
{
  guint16 values[SIZE * SIZE * CHANNELS];
  int n = 0;

  for (;; n++)
    {
      Reads reads = { .fail_at = n + 1 };
      g_autoptr (GError) error = NULL;

      if (use_backend (&reads, NULL, values, &error))
        break;
      g_assert_error (error, GESSO_ERROR, GESSO_ERROR_MODEL_INVALID);
      g_assert_cmpint (emulated_driver ()->leaks (), ==, 0);
    }
  g_assert_cmpint (n, >, 5 * LAYERS);
}

static void
test_cancelled (void)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  guint16 values[SIZE * SIZE * CHANNELS];
  g_autoptr (GError) error = NULL;
  Reads reads = { 0 };

  g_cancellable_cancel (cancellable);
  g_assert_false (use_backend (&reads, cancellable, values, &error));
  g_assert_error (error, GESSO_ERROR, GESSO_ERROR_CANCELLED);
  g_assert_cmpint (emulated_driver ()->leaks (), ==, 0);
}

/* A card that never answers: in its own process, as nothing that it holds can be given back. */
static void
test_stuck (void)
{
  const gsize n = SIZE * SIZE * CHANNELS, bytes = n * sizeof (guint16);
  const EmulatedDriver *driver = emulated_driver ();
  g_autoptr (GError) error = NULL;
  GessoBackend *backend;
  GessoBuffer *buffer;
  guint16 values[SIZE * SIZE * CHANNELS] = { 0 };
  gint64 begin;

  if (!g_test_subprocess ())
    {
      g_test_trap_subprocess (NULL, 60 * G_USEC_PER_SEC, G_TEST_SUBPROCESS_DEFAULT);
      g_test_trap_assert_passed ();
      return;
    }
  g_setenv ("GESSO_CUDA_PATIENCE", "1", TRUE);
  backend = gesso_backend_entry (GESSO_BACKEND_ABI, 0, &error);
  g_assert_no_error (error);
  buffer = backend->buffer_new (backend, bytes, &error);
  g_assert_no_error (error);
  driver->hang (TRUE);
  begin = g_get_monotonic_time ();
  /* The buffer's clearing is still queued. */
  g_assert_false (backend->buffer_read (backend, buffer, 0, values, bytes, &error));
  g_assert_error (error, GESSO_ERROR, GESSO_ERROR_DEVICE);
  g_assert_nonnull (strstr (error->message, "has not answered for 1 seconds"));
  g_assert_cmpint (g_get_monotonic_time () - begin, <, 20 * G_USEC_PER_SEC);
  g_clear_error (&error);
  /* And it is not waited for again. */
  begin = g_get_monotonic_time ();
  g_assert_false (backend->buffer_write (backend, buffer, 0, values, bytes, &error));
  g_assert_error (error, GESSO_ERROR, GESSO_ERROR_DEVICE);
  g_clear_error (&error);
  g_assert_null (backend->buffer_new (backend, bytes, &error));
  g_assert_error (error, GESSO_ERROR, GESSO_ERROR_DEVICE);
  backend->buffer_free (backend, buffer);
  backend->free (backend);
  g_assert_cmpint (g_get_monotonic_time () - begin, <, G_USEC_PER_SEC / 2);
  /* What the card holds is lost: nothing that looks for leaks at the end is asked. */
  _exit (0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_data_func ("/cuda/failures/for-a-moment", GINT_TO_POINTER (FALSE), test_each_call);
  g_test_add_data_func ("/cuda/failures/for-good", GINT_TO_POINTER (TRUE), test_each_call);
  for (gsize i = 0; i < 2; i++)
    {
      const char *how = i ? "for-good" : "for-a-moment";
      g_autofree char *products = g_strdup_printf ("/cuda/failures/measuring/%s", how);
      g_autofree char *attention = g_strdup_printf ("/cuda/failures/measuring-attention/%s", how);

      g_test_add_data_func (products, GSIZE_TO_POINTER (i), test_measuring);
      g_test_add_data_func (attention, GSIZE_TO_POINTER (i), test_measuring_attention);
    }
  g_test_add_func ("/cuda/failures/not-recorded", test_not_recorded);
  g_test_add_func ("/cuda/failures/next-card", test_next_card);
  g_test_add_func ("/cuda/failures/memory-unknown", test_memory_unknown);
  g_test_add_func ("/cuda/failures/patience", test_patience);
  g_test_add_func ("/cuda/failures/reads", test_each_read);
  g_test_add_func ("/cuda/failures/cancelled", test_cancelled);
  g_test_add_func ("/cuda/failures/stuck", test_stuck);
  return g_test_run ();
}
