/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Every call of the driver fails once in turn, for a moment or for good: each time there is an error that names the
 * call, and nothing is left behind.
 */

#include <string.h>

#include "emulated-driver.h"
#include "launcher.h"

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
         && (launcher = gesso_launcher_new (driver, GESSO_DTYPE_F16, 28, stream, error))
         && gesso_cuda_call (driver, error, cuMemAlloc, (&memory, 3 * BYTES + gesso_product_scratch (&product)));
  product.input = memory;
  product.weight = memory + BYTES;
  product.result = memory + 2 * BYTES;
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
         && gesso_cuda_call (driver, error, cuMemcpyDtoHAsync, (values, product.result, BYTES, stream))
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
      const char *failed;
      gboolean done;

      emulation->fail (i, for_good);
      done = use_device (driver, &error);
      failed = emulation->failed_call ();
      emulation->fail (0, FALSE);
      g_assert_nonnull (failed);
      emulated_driver_check_failure (failed, done, error);
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

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_data_func ("/cuda/failing-driver/for-a-moment", GINT_TO_POINTER (FALSE), test_each_call);
  g_test_add_data_func ("/cuda/failing-driver/for-good", GINT_TO_POINTER (TRUE), test_each_call);
  g_test_add_func ("/cuda/no-driver", test_no_driver);
  return g_test_run ();
}
