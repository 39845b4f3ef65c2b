// SPDX-FileCopyrightText: The Gesso authors
// SPDX-License-Identifier: Apache-2.0
//
// The look-alike's device: what it is, its context, and calls that are made to fail.

#include "driver.h"

#include <cstdio>
#include <cstdlib>

namespace driver
{

static unsigned n_calls, fail_at;
static bool fail_for_good;
static bool hung;
static bool failed_in_capture;
static std::vector<const char *> calls_since; // from the one that was made to fail on
static std::string refused_call;
static CUresult refusal;
static unsigned n_refused;
static thread_local CUcontext context;
static int n_contexts, n_live;

static long
number (const char *name, long otherwise)
{
  const char *text = getenv (name);

  return text ? strtol (text, nullptr, 10) : otherwise;
}

static Settings
read_settings ()
{
  const char *capability = getenv ("GESSO_EMULATION_CAPABILITY");
  Settings read;

  read.devices = (int) number ("GESSO_EMULATION_DEVICES", 1);
  read.major = 8;
  read.minor = 6;
  if (capability)
    sscanf (capability, "%d.%d", &read.major, &read.minor);
  read.processors = (int) number ("GESSO_EMULATION_PROCESSORS", 28);
  read.version = (int) number ("GESSO_EMULATION_DRIVER_VERSION", 13000);
  read.memory = (size_t) number ("GESSO_EMULATION_MEMORY", 8192) << 20;
  fail_at = (unsigned) number ("GESSO_EMULATION_FAIL", 0);
  fail_for_good = getenv ("GESSO_EMULATION_FAIL_FOR_GOOD") != nullptr;
  return read;
}

const Settings &
settings ()
{
  static const Settings read = read_settings ();

  return read;
}

bool
has_warpgroups ()
{
  return settings ().major == 9 && settings ().minor == 0;
}

int
most_shared ()
{
  // Of the others the least of all that have asynchronous copies.
  return has_warpgroups () ? 227 << 10 : 99 << 10;
}

CUresult
enter (const char *call)
{
  settings ();
  n_calls++;
  if (!refused_call.empty () && !strncmp (call, refused_call.c_str (), refused_call.size ()))
    {
      n_refused++;
      return refusal;
    }
  if (fail_at && n_calls >= fail_at)
    calls_since.push_back (call);
  if (!fail_at || n_calls < fail_at || (n_calls > fail_at && !fail_for_good))
    return CUDA_SUCCESS;
  if (n_calls == fail_at)
    failed_in_capture = any_capture ();
  if (std::string (call).find ("Alloc") != std::string::npos)
    return CUDA_ERROR_OUT_OF_MEMORY;
  return CUDA_ERROR_LAUNCH_FAILED;
}

CUresult
enter_context (const char *call)
{
  const CUresult result = enter (call);

  return result ? result : context ? CUDA_SUCCESS : CUDA_ERROR_INVALID_CONTEXT;
}

bool
is_lost ()
{
  return fail_at && fail_for_good && n_calls >= fail_at;
}

bool
is_hung ()
{
  return hung;
}

void
set_context (CUcontext to)
{
  context = to;
}

void
count_live (int change)
{
  n_live += change;
}

} // namespace driver

void
gesso_emulation_fail (unsigned n, int for_good)
{
  driver::settings ();
  driver::fail_at = n ? driver::n_calls + n : 0;
  driver::fail_for_good = for_good != 0;
  driver::calls_since.clear ();
}

void
gesso_emulation_refuse (const char *call, int result)
{
  driver::refused_call = call ? call : "";
  driver::refusal = (CUresult) result;
  driver::n_refused = 0;
}

unsigned
gesso_emulation_refused (void)
{
  return driver::n_refused;
}

void
gesso_emulation_hang (int on)
{
  driver::hung = on != 0;
}

unsigned
gesso_emulation_calls (void)
{
  return driver::n_calls;
}

const char *
gesso_emulation_failed_call (unsigned after)
{
  return after < driver::calls_since.size () ? driver::calls_since[after] : nullptr;
}

int
gesso_emulation_failed_in_capture (void)
{
  return driver::failed_in_capture;
}

int
gesso_emulation_leaks (void)
{
  return driver::n_live + driver::n_contexts;
}

using driver::settings;

API
cuInit (unsigned)
{
  ENTER ();
  return settings ().devices ? CUDA_SUCCESS : CUDA_ERROR_NO_DEVICE;
}

API
cuDriverGetVersion (int *version)
{
  ENTER ();
  *version = settings ().version;
  return CUDA_SUCCESS;
}

// Names and descriptions come without a device and never fail here.
API
cuGetErrorName (CUresult result, const char **name)
{
  switch (result)
    {
    case CUDA_SUCCESS:
      *name = "CUDA_SUCCESS";
      break;
    case CUDA_ERROR_OUT_OF_MEMORY:
      *name = "CUDA_ERROR_OUT_OF_MEMORY";
      break;
    case CUDA_ERROR_LAUNCH_FAILED:
      *name = "CUDA_ERROR_LAUNCH_FAILED";
      break;
    case CUDA_ERROR_NO_DEVICE:
      *name = "CUDA_ERROR_NO_DEVICE";
      break;
    case CUDA_ERROR_UNSUPPORTED_PTX_VERSION:
      *name = "CUDA_ERROR_UNSUPPORTED_PTX_VERSION";
      break;
    default:
      *name = "CUDA_ERROR_UNKNOWN";
    }
  return CUDA_SUCCESS;
}

API
cuGetErrorString (CUresult, const char **text)
{
  *text = "an error of the emulated driver";
  return CUDA_SUCCESS;
}

API
cuDeviceGetCount (int *count)
{
  ENTER ();
  *count = settings ().devices;
  return CUDA_SUCCESS;
}

API
cuDeviceGet (CUdevice *device, int ordinal)
{
  ENTER ();
  *device = ordinal;
  return ordinal >= 0 && ordinal < settings ().devices ? CUDA_SUCCESS : CUDA_ERROR_INVALID_DEVICE;
}

API
cuDeviceGetName (char *name, int length, CUdevice)
{
  ENTER ();
  snprintf (name, (size_t) length, "Gesso's emulation");
  return CUDA_SUCCESS;
}

API
cuDeviceGetAttribute (int *value, CUdevice_attribute attribute, CUdevice)
{
  ENTER ();
  switch (attribute)
    {
    case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR:
      *value = settings ().major;
      break;
    case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR:
      *value = settings ().minor;
      break;
    case CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT:
      *value = settings ().processors;
      break;
    case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN:
      *value = driver::most_shared ();
      break;
    case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_MULTIPROCESSOR:
      *value = driver::most_shared () + (1 << 10);
      break;
    case CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_MULTIPROCESSOR:
      *value = 65536;
      break;
    case CU_DEVICE_ATTRIBUTE_CLOCK_RATE:
      *value = 1777000;
      break;
    case CU_DEVICE_ATTRIBUTE_INTEGRATED:
    case CU_DEVICE_ATTRIBUTE_KERNEL_EXEC_TIMEOUT:
      *value = 0;
      break;
    default:
      return CUDA_ERROR_INVALID_VALUE;
    }
  return CUDA_SUCCESS;
}

API
cuDevicePrimaryCtxRetain (CUcontext *context, CUdevice device)
{
  static char contexts[16];

  ENTER ();
  if (device < 0 || device >= settings ().devices)
    return CUDA_ERROR_INVALID_DEVICE;
  *context = (CUcontext) &contexts[device & 15];
  driver::n_contexts++;
  return CUDA_SUCCESS;
}

API
cuDevicePrimaryCtxRelease (CUdevice)
{
  ENTER_RELEASE ();
  if (!driver::n_contexts)
    return CUDA_ERROR_INVALID_CONTEXT;
  if (--driver::n_contexts == 0)
    driver::set_context (nullptr);
  LEAVE_RELEASE ();
}

API
cuCtxSetCurrent (CUcontext context)
{
  ENTER ();
  driver::set_context (context);
  return CUDA_SUCCESS;
}
