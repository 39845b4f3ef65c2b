// SPDX-FileCopyrightText: The Gesso authors
// SPDX-License-Identifier: Apache-2.0
//
// The look-alike's device memory and copies.

#include "driver.h"

#include <cstdlib>
#include <map>

static std::map<char *, size_t> live; // device memory by its address, without the tag
static size_t used;
static std::map<char *, size_t> pinned; // the host's memory that the device reads and writes by itself

// The live block that `place` lies in, or live.end ().
static std::map<char *, size_t>::iterator
find_block (const void *place)
{
  auto next = live.upper_bound ((char *) place);

  if (next == live.begin ())
    return live.end ();
  --next;
  return (char *) place < next->first + next->second ? next : live.end ();
}

bool
emulation::is_device_memory (const void *pointer)
{
  return find_block (pointer) != live.end ();
}

char *
driver::device_range (CUdeviceptr address, size_t bytes)
{
  char *place = (char *) (address & ~emulation::device_tag);
  const auto block = find_block (place);

  if (!(address & emulation::device_tag))
    emulation::fail ("the driver got %llx, which is no device address", address);
  if (block == live.end () || bytes > (size_t) (block->first + block->second - place))
    emulation::fail ("%zu bytes at %p are not all of live device memory", bytes, (void *) place);
  return place;
}

API
cuMemGetInfo (size_t *available, size_t *total)
{
  ENTER_CONTEXT ();
  *total = driver::settings ().memory;
  *available = *total - used;
  return CUDA_SUCCESS;
}

API
cuMemAlloc (CUdeviceptr *address, size_t bytes)
{
  void *memory;

  ENTER_CONTEXT ();
  if (!bytes)
    return CUDA_ERROR_INVALID_VALUE;
  if (driver::any_capture ())
    return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
  // posix_memalign keeps the size to the byte, for AddressSanitizer's bounds.
  if (bytes > driver::settings ().memory - used || posix_memalign (&memory, 256, bytes))
    return CUDA_ERROR_OUT_OF_MEMORY;
  memset (memory, 0xff, bytes);
  live[(char *) memory] = bytes;
  used += bytes;
  driver::count_live (1);
  *address = (CUdeviceptr) memory | emulation::device_tag;
  return CUDA_SUCCESS;
}

API
cuMemFree (CUdeviceptr address)
{
  ENTER_RELEASE ();
  const auto block = live.find ((char *) (address & ~emulation::device_tag));

  if (!(address & emulation::device_tag) || block == live.end ())
    emulation::fail ("cuMemFree of %llx, which is not live", address);
  driver::drain_all (); // as it does on a GPU
  used -= block->second;
  free (block->first);
  live.erase (block);
  driver::count_live (-1);
  LEAVE_RELEASE ();
}

API
cuMemHostAlloc (void **memory, size_t bytes, unsigned)
{
  ENTER_CONTEXT ();
  *memory = malloc (bytes);
  if (!*memory)
    return CUDA_ERROR_OUT_OF_MEMORY;
  pinned[(char *) *memory] = bytes;
  driver::count_live (1);
  return CUDA_SUCCESS;
}

API
cuMemFreeHost (void *memory)
{
  ENTER_RELEASE ();
  pinned.erase ((char *) memory);
  free (memory);
  driver::count_live (-1);
  LEAVE_RELEASE ();
}

// With memory that is not pinned the host itself copies: after all that the stream still has to do.
static void
push_copy (CUstream stream, const void *host, size_t bytes, const Job &job)
{
  const auto next = pinned.upper_bound ((char *) host);
  const bool is_pinned
      = next != pinned.begin () && (char *) host + bytes <= std::prev (next)->first + std::prev (next)->second;

  driver::push (stream, job);
  if (!is_pinned && !driver::stream_of (stream)->capture)
    driver::drain (stream);
}

API
cuMemcpyHtoDAsync (CUdeviceptr to, const void *from, size_t bytes, CUstream stream)
{
  ENTER_CONTEXT ();
  char *place = driver::device_range (to, bytes);

  push_copy (stream, from, bytes, [=] { memcpy (place, from, bytes); });
  return CUDA_SUCCESS;
}

API
cuMemcpyDtoHAsync (void *to, CUdeviceptr from, size_t bytes, CUstream stream)
{
  ENTER_CONTEXT ();
  char *place = driver::device_range (from, bytes);

  push_copy (stream, to, bytes, [=] { memcpy (to, place, bytes); });
  return CUDA_SUCCESS;
}

API
cuMemcpyDtoDAsync (CUdeviceptr to, CUdeviceptr from, size_t bytes, CUstream stream)
{
  ENTER_CONTEXT ();
  char *target = driver::device_range (to, bytes), *source = driver::device_range (from, bytes);

  driver::push (stream, [=] { memmove (target, source, bytes); });
  return CUDA_SUCCESS;
}

API
cuMemsetD8Async (CUdeviceptr to, unsigned char value, size_t bytes, CUstream stream)
{
  ENTER_CONTEXT ();
  char *place = driver::device_range (to, bytes);

  driver::push (stream, [=] { memset (place, value, bytes); });
  return CUDA_SUCCESS;
}

API
cuMemsetD32Async (CUdeviceptr to, unsigned value, size_t n, CUstream stream)
{
  ENTER_CONTEXT ();
  char *place = driver::device_range (to, n * sizeof value);

  if (to % sizeof value)
    return CUDA_ERROR_INVALID_VALUE;
  driver::push (stream, [=] {
    for (size_t i = 0; i < n; i++)
      memcpy (place + i * sizeof value, &value, sizeof value);
  });
  return CUDA_SUCCESS;
}
