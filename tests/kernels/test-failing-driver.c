/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Every call of the driver fails once in turn, for a moment or for good: each time there is an error that names the
 * call, and nothing is left behind.
 */

#include <dlfcn.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "emulated-driver.h"
#include "launcher.h"
#include "library.h"

/* What a backend does with a device, in small. FALSE with an error as soon as a call fails. */
static gboolean
use_device (const GessoCudaDriver *driver, GError **error)
{
  enum
  {
    WIDTH = 64,
    BYTES = WIDTH * WIDTH * 2
  };
  const guint16 zeros[WIDTH * WIDTH] = { 0 };
  guint16 values[WIDTH * WIDTH];
  GessoLauncher *launcher = NULL;
  GessoProduct product = { .way = { .tile = GESSO_TILE_64X64, .parts = 2 } };
  CUdeviceptr memory = 0;
  CUcontext context = NULL;
  CUstream stream = NULL;
  CUevent event = NULL;
  CUgraph graph = NULL;
  CUgraphExec program = NULL;
  CUdevice device;
  gboolean done;

  gesso_product_linear (&product, WIDTH, WIDTH, WIDTH, FALSE);
  done = gesso_cuda_call (driver, error, cuInit, (0)) && gesso_cuda_call (driver, error, cuDeviceGet, (&device, 0))
         && gesso_cuda_call (driver, error, cuDevicePrimaryCtxRetain, (&context, device))
         && gesso_cuda_call (driver, error, cuCtxSetCurrent, (context))
         && gesso_cuda_call (driver, error, cuStreamCreate, (&stream, CU_STREAM_NON_BLOCKING))
         && gesso_cuda_call (driver, error, cuEventCreate, (&event, CU_EVENT_DEFAULT))
         && (launcher = gesso_launcher_new (driver, GESSO_DTYPE_F16, 86, 28, stream, error))
         && gesso_cuda_call (driver, error, cuMemAlloc, (&memory, 3 * BYTES + gesso_product_scratch (&product)));
  product.input = memory;
  product.member[0].weight = memory + BYTES;
  product.member[0].result = memory + 2 * BYTES;
  product.scratch = memory + 3 * BYTES;
  for (int i = 0; i < 2; i++)
    done = done
           && gesso_cuda_call (driver, error, cuMemcpyHtoDAsync, (memory + (gsize) i * BYTES, zeros, BYTES, stream));
  done = done && gesso_cuda_call (driver, error, cuEventRecord, (event, stream))
         && gesso_cuda_call (driver, error, cuStreamBeginCapture, (stream, CU_STREAM_CAPTURE_MODE_RELAXED))
         && gesso_launch_product (launcher, &product, error)
         && gesso_cuda_call (driver, error, cuStreamEndCapture, (stream, &graph))
         && gesso_cuda_call (driver, error, cuGraphInstantiate, (&program, graph, 0))
         && gesso_cuda_call (driver, error, cuGraphLaunch, (program, stream))
         && gesso_cuda_call (driver, error, cuMemcpyDtoHAsync, (values, product.member[0].result, BYTES, stream))
         && gesso_cuda_call (driver, error, cuEventSynchronize, (event))
         && gesso_cuda_call (driver, error, cuStreamSynchronize, (stream));
  if (done)
    for (int i = 0; i < WIDTH * WIDTH; i++)
      g_assert_cmpuint (values[i], ==, 0);
  if (program)
    driver->cuGraphExecDestroy (program);
  if (graph)
    driver->cuGraphDestroy (graph);
  if (stream)
    driver->cuStreamSynchronize (stream);
  if (memory)
    driver->cuMemFree (memory);
  gesso_launcher_free (launcher);
  if (event)
    driver->cuEventDestroy (event);
  if (stream)
    driver->cuStreamDestroy (stream);
  if (context)
    driver->cuDevicePrimaryCtxRelease (device);
  return done;
}

static void
test_each_call (gconstpointer data)
{
  const gboolean for_good = GPOINTER_TO_INT (data);
  g_autoptr (GError) error = NULL;
  GessoCudaDriver *driver = gesso_cuda_driver_open (&error);
  const EmulatedDriver *emulation = emulated_driver ();
  guint n_calls, before;

  g_assert_no_error (error);
  before = emulation->calls ();
  g_assert_true (use_device (driver, &error));
  g_assert_no_error (error);
  g_assert_cmpint (emulation->leaks (), ==, 0);
  n_calls = emulation->calls () - before;
  g_assert_cmpuint (n_calls, >, 25);
  for (guint i = 1; i <= n_calls; i++)
    {
      gboolean done;

      emulation->fail (i, for_good);
      done = use_device (driver, &error);
      emulated_driver_check_failure (done, error);
      emulation->fail (0, FALSE);
      g_clear_error (&error);
      g_assert_cmpint (emulation->leaks (), ==, 0);
    }
  g_assert_true (use_device (driver, &error));
  gesso_cuda_driver_close (driver);
}

static void
test_no_driver (void)
{
  const char *before = g_getenv ("GESSO_CUDA_DRIVER");
  g_autofree char *kept = g_strdup (before);
  g_autoptr (GError) error = NULL;

  g_setenv ("GESSO_CUDA_DRIVER", "/nonexistent/libcuda.so", TRUE);
  g_assert_null (gesso_cuda_driver_open (&error));
  g_assert_error (error, GESSO_ERROR, GESSO_ERROR_DEVICE);
  g_assert_nonnull (strstr (error->message, "/nonexistent/libcuda.so"));
  g_setenv ("GESSO_CUDA_DRIVER", kept, TRUE);
}

/* A test in a process of its own; what it must say, or NULL where it ends well. */
static void
run_alone (GTestDataFunc test, const char *says)
{
  if (g_test_subprocess ())
    {
      test (NULL);
      return;
    }
  g_test_trap_subprocess (NULL, 60 * G_USEC_PER_SEC, G_TEST_SUBPROCESS_DEFAULT);
  if (!says)
    {
      g_test_trap_assert_passed ();
      return;
    }
  g_test_trap_assert_failed ();
  g_test_trap_assert_stderr (says);
}

/* Archives of libtool's in the working folder say that NVIDIA's libraries are another one, which must not be opened. */
static void
open_beside_archives (gconstpointer data)
{
  static const char *const names[]
      = { "libcuda.so.1", "libcuda.so", "libcublasLt.so.13", "libcublasLt.so.12", "libcublasLt.so" };
  g_autofree char *folder = g_dir_make_tmp ("gesso-hostile-XXXXXX", NULL);
  g_autofree char *hostile = g_strdup (g_getenv ("GESSO_CUDA_DRIVER")), *name = g_path_get_basename (hostile);
  g_autofree char *libdir = g_path_get_dirname (hostile);
  g_autofree char *says = g_strdup_printf ("dlname='%s'\nlibdir='%s'\ninstalled=yes\n", name, libdir);

  g_assert_cmpint (g_chdir (folder), ==, 0);
  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *archive = g_strconcat (names[i], ".la", NULL);

      g_assert_true (g_file_set_contents (archive, says, -1, NULL));
    }
  g_unsetenv ("GESSO_CUDA_DRIVER");
  g_unsetenv ("GESSO_CUBLASLT");
  /* A machine may have its own. */
  gesso_cuda_driver_close (gesso_cuda_driver_open (NULL));
  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    {
      const char *const alone[] = { names[i], NULL };
      g_autofree char *archive = g_strconcat (names[i], ".la", NULL), *why = NULL;

      gesso_library_open (NULL, alone, &why);
      g_assert_cmpint (g_remove (archive), ==, 0);
    }
  g_assert_null (dlopen (hostile, RTLD_NOW | RTLD_NOLOAD));
  g_assert_cmpint (g_rmdir (folder), ==, 0);
}

static void
test_working_folder (void)
{
  run_alone (open_beside_archives, NULL);
}

/* A driver that is there and no library is told apart from none. */
static void
test_broken_driver (void)
{
  g_autofree char *kept = g_strdup (g_getenv ("GESSO_CUDA_DRIVER")), *path = NULL;
  g_autoptr (GError) error = NULL;
  const int file = g_file_open_tmp ("gesso-broken-XXXXXX.so", &path, &error);

  g_assert_no_error (error);
  g_assert_cmpint (write (file, "no library", 10), ==, 10);
  g_assert_true (g_close (file, NULL));
  g_setenv ("GESSO_CUDA_DRIVER", path, TRUE);
  g_assert_null (gesso_cuda_driver_open (&error));
  g_assert_error (error, GESSO_ERROR, GESSO_ERROR_DEVICE);
  g_test_message ("%s", error->message);
  g_assert_nonnull (strstr (error->message, "is there and cannot be loaded"));
  g_assert_nonnull (strstr (error->message, path));
  g_clear_error (&error);
  g_setenv ("GESSO_CUDA_DRIVER", "", TRUE);
  g_assert_null (gesso_cuda_driver_open (&error));
  g_assert_nonnull (strstr (error->message, "There is no NVIDIA driver here"));
  g_setenv ("GESSO_CUDA_DRIVER", kept, TRUE);
  g_assert_cmpint (g_remove (path), ==, 0);
}

static void
open_and_close (gconstpointer data)
{
  const char *path = g_getenv ("GESSO_CUDA_DRIVER");

  g_assert_null (dlopen (path, RTLD_NOW | RTLD_NOLOAD));
  gesso_cuda_driver_close (gesso_cuda_driver_open (NULL));
  g_assert_nonnull (dlopen (path, RTLD_NOW | RTLD_NOLOAD));
}

/* The driver's threads keep their code. */
static void
test_stays (void)
{
  run_alone (open_and_close, NULL);
}

/* What a call says that is refused for a reason of its own. */
static void
check_refusal (const char *call, CUresult result, GessoError code, const char *says, const char *never_says)
{
  g_autoptr (GError) error = NULL;
  GessoCudaDriver *driver = gesso_cuda_driver_open (&error);

  g_assert_no_error (error);
  g_assert_false (gesso_cuda_check (driver, result, call, &error));
  g_assert_error (error, GESSO_ERROR, (int) code);
  g_test_message ("%s", error->message);
  g_assert_nonnull (strstr (error->message, call));
  g_assert_nonnull (strstr (error->message, says));
  g_assert_null (strstr (error->message, never_says));
  gesso_cuda_driver_close (driver);
}

static void
test_explained (void)
{
  check_refusal ("cuMemAlloc", CUDA_ERROR_OUT_OF_MEMORY, GESSO_ERROR_OUT_OF_MEMORY, "The card's memory is full", "own");
  check_refusal ("cuMemHostAlloc", CUDA_ERROR_OUT_OF_MEMORY, GESSO_ERROR_OUT_OF_MEMORY, "own memory", "full");
  check_refusal ("cuModuleLoadData", CUDA_ERROR_UNSUPPORTED_PTX_VERSION, GESSO_ERROR_DEVICE, "driver up to date",
                 "Try again");
  check_refusal ("cuModuleLoadData", CUDA_ERROR_NO_BINARY_FOR_GPU, GESSO_ERROR_DEVICE, "driver up to date",
                 "Try again");
}

/* With its own arrays a kernel would have more shared memory than there is. */
static void
launch_too_wide (gconstpointer data)
{
  const GessoCudaDriver *driver = gesso_cuda_driver_open (NULL);
  const GessoAttentionShape shape = { .queries = 1, .keys = 1, .heads = 1, .width = 512, .sharing = 1, .end = 1 };
  const guint32 grid[3] = { 1, 1, 1 };
  CUdeviceptr memory = 0;
  void *parameters[] = { &memory, &memory, &memory, &memory, (gpointer) &shape };
  GessoLauncher *launcher;
  CUcontext context = NULL;
  CUstream stream = NULL;

  driver->cuInit (0);
  driver->cuDevicePrimaryCtxRetain (&context, 0);
  driver->cuCtxSetCurrent (context);
  driver->cuStreamCreate (&stream, CU_STREAM_NON_BLOCKING);
  driver->cuMemAlloc (&memory, 4096);
  launcher = gesso_launcher_new (driver, GESSO_DTYPE_F16, 86, 28, stream, NULL);
  g_assert_true (
      gesso_launch (launcher, "attention_512", GESSO_DTYPE_F16, grid, 256, GESSO_MOST_SHARED, parameters, NULL));
  driver->cuStreamSynchronize (stream);
}

static void
test_shared_memory (void)
{
  run_alone (launch_too_wide, "*bytes of shared memory, and the launch may have 101376*");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_data_func ("/cuda/failing-driver/for-a-moment", GINT_TO_POINTER (FALSE), test_each_call);
  g_test_add_data_func ("/cuda/failing-driver/for-good", GINT_TO_POINTER (TRUE), test_each_call);
  g_test_add_func ("/cuda/no-driver", test_no_driver);
  g_test_add_func ("/cuda/broken-driver", test_broken_driver);
  g_test_add_func ("/cuda/working-folder", test_working_folder);
  g_test_add_func ("/cuda/stays", test_stays);
  g_test_add_func ("/cuda/explained", test_explained);
  g_test_add_func ("/cuda/shared-memory", test_shared_memory);
  return g_test_run ();
}
