/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The kernels with the products of warpgroups prove themselves before they are used: on a card that has them, and where
 * they do not compute what they should, or cannot be tried.
 */

#include "cuda-backend.h"
#include "cuda-under-test.h"
#include "emulated-driver.h"

#include <string.h>

static GessoBackend *backend;
static CUresult (*get_function) (CUfunction *function, CUmodule module, const char *name);
static CUresult (*launch) (CUfunction function, guint grid_x, guint grid_y, guint grid_z, guint block_x, guint block_y,
                           guint block_z, guint shared, CUstream stream, void **parameters, void **extra);
static CUfunction broken;

static GessoLauncher *
launcher_new (int capability)
{
  const GessoCudaDevice *device = ((GessoCudaBackend *) backend)->device;
  g_autoptr (GError) error = NULL;
  GessoLauncher *launcher
      = gesso_launcher_new (device->driver, GESSO_DTYPE_F16, capability, device->processors, device->stream, &error);

  g_assert_no_error (error);
  return launcher;
}

/* Whether the launcher may use them after the proof. */
static gboolean
prove (GessoLauncher *launcher)
{
  g_autoptr (GError) error = NULL;

  gesso_cuda_prove_warpgroups (((GessoCudaBackend *) backend)->device, launcher, &error);
  g_assert_no_error (error);
  return launcher->has_warpgroups;
}

static GessoTile
chosen_tile (const GessoLauncher *launcher)
{
  GessoProduct product = { .n_members = 1 };

  gesso_product_linear (&product, 4096, 640, 640, FALSE);
  gesso_product_choose (launcher, &product);
  return product.way.tile;
}

static void
test_right (void)
{
  GessoLauncher *launcher = launcher_new (90);

  g_assert_true (prove (launcher));
  g_assert_cmpint (chosen_tile (launcher), >=, GESSO_TILE_WARPGROUPS_128X160);
  gesso_launcher_free (launcher);
}

static void
test_other_cards (void)
{
  static const int capabilities[] = { 80, 86, 89, 100, 103, 120 };

  for (gsize i = 0; i < G_N_ELEMENTS (capabilities); i++)
    {
      GessoLauncher *launcher = launcher_new (capabilities[i]);

      g_assert_false (launcher->has_warpgroups);
      g_assert_cmpint (chosen_tile (launcher), <, GESSO_TILE_WARPGROUPS_128X160);
      gesso_launcher_free (launcher);
    }
}

/* One of the two kinds writes half of its rows only. */
static CUresult CUDAAPI
launch_half (CUfunction function, guint grid_x, guint grid_y, guint grid_z, guint block_x, guint block_y, guint block_z,
             guint shared, CUstream stream, void **parameters, void **extra)
{
  return launch (function, function == broken ? grid_x / 2 : grid_x, grid_y, grid_z, block_x, block_y, block_z, shared,
                 stream, parameters, extra);
}

static CUresult CUDAAPI
get_function_to_break (CUfunction *function, CUmodule module, const char *name)
{
  const CUresult result = get_function (function, module, name);

  if (strstr (name, "_wg128x128") && result == CUDA_SUCCESS)
    broken = *function;
  return result;
}

static void
test_wrong (void)
{
  GessoCudaDriver *driver = ((GessoCudaBackend *) backend)->device->driver;
  GessoLauncher *launcher = launcher_new (90);

  get_function = driver->cuModuleGetFunction;
  launch = driver->cuLaunchKernel;
  driver->cuModuleGetFunction = get_function_to_break;
  driver->cuLaunchKernel = launch_half;
  g_assert_false (prove (launcher));
  g_assert_nonnull (broken);
  driver->cuModuleGetFunction = get_function;
  driver->cuLaunchKernel = launch;
  g_assert_cmpint (chosen_tile (launcher), <, GESSO_TILE_WARPGROUPS_128X160);
  gesso_launcher_free (launcher);
}

/* A block of each, which is soon done. */
static CUresult CUDAAPI
launch_little (CUfunction function, guint grid_x, guint grid_y, guint grid_z, guint block_x, guint block_y,
               guint block_z, guint shared, CUstream stream, void **parameters, void **extra)
{
  return launch (function, 1, 1, 1, block_x, block_y, block_z, shared, stream, parameters, extra);
}

/* A card on which they fault can still be used. */
static void
test_off (void)
{
  GessoLauncher *launcher;

  g_setenv ("GESSO_CUDA_WARPGROUPS", "off", TRUE);
  launcher = launcher_new (90);
  g_assert_false (launcher->has_warpgroups);
  g_unsetenv ("GESSO_CUDA_WARPGROUPS");
  g_assert_cmpint (chosen_tile (launcher), <, GESSO_TILE_WARPGROUPS_128X160);
  gesso_launcher_free (launcher);
}

/* Each call fails in turn: the card's failure is told, and how to do without what was tried. */
static void
test_each_call (void)
{
  const EmulatedDriver *driver = emulated_driver ();
  GessoCudaDevice *device = ((GessoCudaBackend *) backend)->device;
  gboolean fails = TRUE;

  launch = device->driver->cuLaunchKernel;
  device->driver->cuLaunchKernel = launch_little;
  for (guint call = 1; fails; call++)
    {
      GessoLauncher *launcher = launcher_new (90);
      const int leaks = driver->leaks ();
      g_autoptr (GError) error = NULL;
      const char *failed;
      gboolean done;

      driver->fail (call, FALSE);
      done = gesso_cuda_prove_warpgroups (device, launcher, &error);
      g_assert_cmpint (done, ==, error == NULL);
      failed = driver->failed_call (0);
      fails = failed != NULL;
      if (!fails)
        g_assert_true (done && call > 20);
      else
        emulated_driver_check_failure (done, error);
      if (error && !strstr (failed, "MemAlloc"))
        g_assert_nonnull (strstr (error->message, "GESSO_CUDA_WARPGROUPS=off"));
      /* Memory whose release is refused is lost. */
      if (!fails || !strstr (failed, "MemFree"))
        g_assert_cmpint (driver->leaks (), ==, leaks);
      driver->fail (0, FALSE);
      gesso_launcher_free (launcher);
    }
  device->driver->cuLaunchKernel = launch;
}

int
main (int argc, char **argv)
{
  int status;

  g_test_init (&argc, &argv, NULL);
  backend = cuda_under_test ();
  g_test_add_func ("/cuda/warpgroups/right", test_right);
  g_test_add_func ("/cuda/warpgroups/other-cards", test_other_cards);
  g_test_add_func ("/cuda/warpgroups/wrong", test_wrong);
  g_test_add_func ("/cuda/warpgroups/off", test_off);
  g_test_add_func ("/cuda/warpgroups/each-call", test_each_call);
  status = g_test_run ();
  backend->free (backend);
  return status;
}
