/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "launcher.h"

/* Dynamic shared memory that a kernel may use without asking. */
#define SHARED_BY_DEFAULT (48 << 10)
#define ITEM_THREADS 256

static gboolean
load_image (GessoLauncher *launcher, const GessoKernelImage *image, GError **error)
{
  CUmodule module;

  if (!gesso_cuda_call (launcher->driver, error, cuModuleLoadData, (&module, image->image)))
    return FALSE;
  g_ptr_array_add (launcher->modules, module);
  return TRUE;
}

gboolean
gesso_launcher_wants_warpgroups (void)
{
  return g_strcmp0 (g_getenv ("GESSO_CUDA_WARPGROUPS"), "off") != 0;
}

GessoLauncher *
gesso_launcher_new (const GessoCudaDriver *driver, GessoDType type, int capability, int processors, CUstream stream,
                    GError **error)
{
  GessoLauncher *launcher = g_new0 (GessoLauncher, 1);
  g_autofree char *suffix = g_strconcat ("_", gesso_dtype_name (type), NULL);

  launcher->driver = driver;
  launcher->kernels = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  launcher->modules = g_ptr_array_new ();
  launcher->type = type;
  launcher->capability = capability;
  launcher->processors = processors;
  launcher->stream = stream;
  for (guint i = 0; i < gesso_n_kernel_images; i++)
    {
      const GessoKernelImage *image = &gesso_kernel_images[i];

      if ((image->capability && (image->capability != capability || !gesso_launcher_wants_warpgroups ()))
          || !(g_str_has_suffix (image->name, suffix) || g_str_has_suffix (image->name, "_f32")))
        continue;
      if (!load_image (launcher, image, error))
        {
          gesso_launcher_free (launcher);
          return NULL;
        }
      launcher->has_warpgroups = launcher->has_warpgroups || image->capability;
    }
  return launcher;
}

void
gesso_launcher_free (GessoLauncher *launcher)
{
  if (!launcher)
    return;
  for (guint i = 0; i < launcher->modules->len; i++)
    launcher->driver->cuModuleUnload (g_ptr_array_index (launcher->modules, i));
  g_ptr_array_unref (launcher->modules);
  g_hash_table_unref (launcher->kernels);
  g_free (launcher);
}

typedef struct
{
  CUfunction function;
  gsize shared; /* bytes of dynamic shared memory that it may use */
} Kernel;

/* An error names the call and the kernel. */
static gboolean
check_kernel (const GessoLauncher *launcher, CUresult result, const char *call, const char *name, GError **error)
{
  g_autofree char *what = result ? g_strdup_printf ("%s (%s)", call, name) : NULL;

  return gesso_cuda_check (launcher->driver, result, what, error);
}

/* A name lies in one of the modules. */
static Kernel *
find_kernel (GessoLauncher *launcher, const char *name, GError **error)
{
  Kernel *kernel = g_hash_table_lookup (launcher->kernels, name);
  CUfunction function = NULL;
  CUresult result = CUDA_ERROR_NOT_FOUND;

  if (kernel)
    return kernel;
  for (guint i = 0; i < launcher->modules->len && result == CUDA_ERROR_NOT_FOUND; i++)
    result = launcher->driver->cuModuleGetFunction (&function, g_ptr_array_index (launcher->modules, i), name);
  if (!check_kernel (launcher, result, "cuModuleGetFunction", name, error))
    return NULL;
  kernel = g_new (Kernel, 1);
  *kernel = (Kernel) { .function = function, .shared = SHARED_BY_DEFAULT };
  g_hash_table_insert (launcher->kernels, g_strdup (name), kernel);
  return kernel;
}

/* More than every kernel may use has to be asked for. */
static gboolean
allow_shared (GessoLauncher *launcher, Kernel *kernel, gsize shared, GError **error)
{
  if (shared <= kernel->shared)
    return TRUE;
  if (!gesso_cuda_call (launcher->driver, error, cuFuncSetAttribute,
                        (kernel->function, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, (int) shared)))
    return FALSE;
  kernel->shared = shared;
  return TRUE;
}

gboolean
gesso_launch (GessoLauncher *launcher, const char *name, GessoDType type, const guint32 grid[3], guint threads,
              gsize shared, void **parameters, GError **error)
{
  char full_name[64];
  Kernel *kernel;

  g_snprintf (full_name, sizeof full_name, "%s_%s", name, gesso_dtype_name (type));
  kernel = find_kernel (launcher, full_name, error);
  return kernel && allow_shared (launcher, kernel, shared, error)
         && check_kernel (launcher,
                          launcher->driver->cuLaunchKernel (kernel->function, grid[0], grid[1], grid[2], threads, 1, 1,
                                                            (guint) shared, launcher->stream, parameters, NULL),
                          "cuLaunchKernel", full_name, error);
}

gboolean
gesso_launch_items (GessoLauncher *launcher, const char *name, GessoDType type, gsize n, void **parameters,
                    GError **error)
{
  const gsize blocks = (n + ITEM_THREADS - 1) / ITEM_THREADS;
  const guint32 grid[3] = { (guint32) MIN (blocks, (gsize) launcher->processors * 16), 1, 1 };

  return n == 0 || gesso_launch (launcher, name, type, grid, ITEM_THREADS, 0, parameters, error);
}
