// SPDX-FileCopyrightText: The Gesso authors
// SPDX-License-Identifier: Apache-2.0
//
// Shared memory: a heap block for each array, so that AddressSanitizer knows where it ends, and full of NaN for every
// thread block, so that what nobody has written shows.

#include <cstdlib>

#include "machine.h"

extern "C"
{
  void __asan_poison_memory_region (const volatile void *, size_t) __attribute__ ((weak));
  void __asan_unpoison_memory_region (const volatile void *, size_t) __attribute__ ((weak));
}

namespace emulation
{

struct Shared
{
  const void *key; // NULL: the dynamic one
  char *memory;
  size_t bytes, whole;
};

// The most that a kernel may ask for.
static const size_t alignment = 1024;

static std::vector<Shared> arrays;
static size_t bytes_in_all, bytes_at_most;

void *
shared_array (const void *key, size_t bytes)
{
  const size_t whole = (bytes + alignment - 1) / alignment * alignment;
  char *memory;

  for (const Shared &array : arrays)
    if (array.key == key)
      return array.memory;
  bytes_in_all += bytes;
  if (bytes_in_all > bytes_at_most)
    fail ("%zu bytes of shared memory, and the launch may have %zu", bytes_in_all, bytes_at_most);
  memory = (char *) aligned_alloc (alignment, whole);
  if (!memory)
    fail ("no memory for a shared array of %zu bytes", bytes);
  memset (memory, 0xff, bytes);
  if (__asan_poison_memory_region)
    __asan_poison_memory_region (memory + bytes, whole - bytes);
  arrays.push_back ({ key, memory, bytes, whole });
  return memory;
}

void
shared_start (size_t dynamic_bytes, size_t most)
{
  bytes_in_all = 0;
  bytes_at_most = most;
  if (dynamic_bytes)
    shared_array (nullptr, dynamic_bytes);
}

void *
shared_dynamic ()
{
  for (const Shared &array : arrays)
    if (!array.key)
      return array.memory;
  fail ("dynamic shared memory is used, but the launch asked for none");
}

int
find_shared (const void *pointer, size_t *offset)
{
  const char *place = (const char *) pointer;

  for (size_t i = 0; i < arrays.size (); i++)
    if (place >= arrays[i].memory && place < arrays[i].memory + arrays[i].bytes)
      {
        *offset = (size_t) (place - arrays[i].memory);
        return (int) i;
      }
  return -1;
}

void
shared_free_all ()
{
  for (const Shared &array : arrays)
    {
      if (__asan_unpoison_memory_region)
        __asan_unpoison_memory_region (array.memory, array.whole);
      free (array.memory);
    }
  arrays.clear ();
}

} // namespace emulation
