// SPDX-FileCopyrightText: The Gesso authors
// SPDX-License-Identifier: Apache-2.0
//
// The look-alike's modules: an image has to look like a fat binary; the kernels are those that are linked in.

#include "driver.h"

#include <map>

static const uint32_t fatbin_magic = 0xba55ed50u;
static const int shared_by_default = 48 << 10;
// What a launch is pretended to take, and each of its threads.
static const double launch_milliseconds = 0.004, thread_milliseconds = 1e-5;

static std::map<std::string, unsigned> launched;

struct CUfunc_st
{
  const emulation::Kernel *kernel;
  int shared_limit;
};

struct CUmod_st
{
  std::map<std::string, CUfunc_st> functions;
};

API
cuModuleLoadData (CUmodule *module, const void *image)
{
  uint32_t magic;

  ENTER_CONTEXT ();
  memcpy (&magic, image, sizeof magic);
  if (magic != fatbin_magic)
    return CUDA_ERROR_INVALID_IMAGE;
  *module = new CUmod_st;
  driver::count_live (1);
  return CUDA_SUCCESS;
}

API
cuModuleUnload (CUmodule module)
{
  ENTER_RELEASE ();
  driver::drain_all ();
  delete module;
  driver::count_live (-1);
  LEAVE_RELEASE ();
}

API
cuModuleGetFunction (CUfunction *function, CUmodule module, const char *name)
{
  ENTER_CONTEXT ();
  if (strstr (name, "_wg") && !driver::has_warpgroups ())
    return CUDA_ERROR_NOT_FOUND;
  for (const emulation::Kernel *kernel = emulation::Kernel::first; kernel; kernel = kernel->next)
    if (!strcmp (kernel->name, name))
      {
        *function = &(module->functions[name] = { kernel, shared_by_default });
        return CUDA_SUCCESS;
      }
  return CUDA_ERROR_NOT_FOUND;
}

API
cuFuncSetAttribute (CUfunction function, CUfunction_attribute attribute, int value)
{
  ENTER_CONTEXT ();
  if (attribute != CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES || value > driver::most_shared ())
    return CUDA_ERROR_INVALID_VALUE;
  function->shared_limit = value;
  return CUDA_SUCCESS;
}

API
cuLaunchKernel (CUfunction function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x,
                unsigned block_y, unsigned block_z, unsigned shared, CUstream stream, void **parameters, void **extra)
{
  const dim3 grid (grid_x, grid_y, grid_z), block (block_x, block_y, block_z);
  const uint64_t threads = (uint64_t) block_x * block_y * block_z;
  const emulation::Kernel *kernel;
  emulation::Body body;
  size_t shared_in_all;

  ENTER_CONTEXT ();
  if (!grid_x || !grid_y || !grid_z || grid_x > 0x7fffffff || grid_y > 65535 || grid_z > 65535 || !threads
      || threads > (uint64_t) function->kernel->max_threads || (int) shared > function->shared_limit || extra)
    return CUDA_ERROR_INVALID_VALUE;
  kernel = function->kernel;
  body = kernel->bind (kernel->function, parameters);
  launched[kernel->name]++;
  // What lies still counts as well: within what a kernel has unasked, or with what was asked for within all there is.
  shared_in_all = (size_t) (function->shared_limit > shared_by_default ? driver::most_shared () : shared_by_default);
  driver::push (
      stream, [=] { emulation::launch (kernel, body, grid, block, shared, shared_in_all); },
      launch_milliseconds + (double) grid_x * grid_y * grid_z * (double) threads * thread_milliseconds);
  return CUDA_SUCCESS;
}

unsigned
gesso_emulation_launched (const char *kernel)
{
  return launched[kernel];
}
