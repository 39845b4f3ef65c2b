/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "kernel-launches.h"

#include "cuda-backend.h"
#include "cuda-under-test.h"

/* Some place, aligned and not 0, which would mean that there is no such operand. */
#define SOMEWHERE 4096

static GArray *noted;
static guint noted_op, noted_members;

static CUresult CUDAAPI
note_function (CUfunction *function, CUmodule module, const char *name)
{
  *function = (CUfunction) (gpointer) g_intern_string (name);
  return CUDA_SUCCESS;
}

static CUresult CUDAAPI
note_attribute (CUfunction function, CUfunction_attribute attribute, int value)
{
  return CUDA_SUCCESS;
}

static CUresult CUDAAPI
note_launch (CUfunction function, guint grid_x, guint grid_y, guint grid_z, guint block_x, guint block_y, guint block_z,
             guint shared, CUstream stream, void **parameters, void **extra)
{
  const KernelLaunch launch = { .op = noted_op,
                                .members = noted_members,
                                .kernel = (const char *) function,
                                .grid = { grid_x, grid_y, grid_z },
                                .threads = block_x * block_y * block_z,
                                .shared = shared };

  g_array_append_val (noted, launch);
  return CUDA_SUCCESS;
}

static CUresult CUDAAPI
ignore_copy (CUdeviceptr to, CUdeviceptr from, size_t bytes, CUstream stream)
{
  return CUDA_SUCCESS;
}

static CUresult CUDAAPI
ignore_set (CUdeviceptr to, unsigned char value, size_t bytes, CUstream stream)
{
  return CUDA_SUCCESS;
}

static CUresult CUDAAPI
ignore_set_words (CUdeviceptr to, guint value, size_t n, CUstream stream)
{
  return CUDA_SUCCESS;
}

static gboolean
no_weights (gpointer data, const char *name, gint64 first, gint64 count, GessoDType dtype, void *values, GError **error)
{
  g_assert_not_reached ();
}

static GessoDType
any_dtype (gpointer data, const char *name)
{
  return GESSO_DTYPE_F16;
}

static void
set_weights (GessoProgram *program, CUdeviceptr address)
{
  for (guint i = 0; i < program->weights->len; i++)
    ((GessoCudaWeight *) g_ptr_array_index (program->weights, i))->address = address;
}

GArray *
kernel_launches_of (const GessoPlan *plan, int capability, int processors)
{
  const GessoWeightSource source = { no_weights, any_dtype, NULL };
  GessoBackend *backend = cuda_under_test ();
  GessoLauncher **launcher = &((GessoCudaBackend *) backend)->launchers[FALSE];
  GessoCudaDevice *device = ((GessoCudaBackend *) backend)->device;
  GessoStore *store = backend->store_new (backend, &source);
  g_autoptr (GError) error = NULL;
  g_autofree CUdeviceptr *addresses = NULL;
  GessoProgram *program;

  device->driver->cuModuleGetFunction = note_function;
  device->driver->cuFuncSetAttribute = note_attribute;
  device->driver->cuLaunchKernel = note_launch;
  device->driver->cuMemcpyDtoDAsync = ignore_copy;
  device->driver->cuMemsetD8Async = ignore_set;
  device->driver->cuMemsetD32Async = ignore_set_words;
  /* Made beforehand, since the kernels of warpgroups cannot prove themselves where nothing runs. */
  *launcher = gesso_launcher_new (device->driver, GESSO_DTYPE_F16, capability, processors, device->stream, &error);
  g_assert_no_error (error);
  program = backend->compile (backend, store, plan, NULL, &error);
  g_assert_no_error (error);
  addresses = g_new (CUdeviceptr, gesso_cuda_n_addresses (program));
  for (guint i = 0; i < gesso_cuda_n_addresses (program); i++)
    addresses[i] = SOMEWHERE;
  set_weights (program, SOMEWHERE);
  noted = g_array_new (FALSE, FALSE, sizeof (KernelLaunch));
  for (guint next = 0; next < plan->steps->len;)
    {
      noted_op = (guint) g_array_index (plan->steps, GessoPlanStep, next).op;
      noted_members = (guint) program->operands[noted_op].n_members;
      gesso_cuda_operation_queue (program, addresses, &next, &error);
      g_assert_no_error (error);
    }
  set_weights (program, 0);
  backend->program_free (backend, program);
  backend->store_free (backend, store);
  backend->free (backend);
  return noted;
}
