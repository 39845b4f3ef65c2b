// SPDX-FileCopyrightText: The Gesso authors
// SPDX-License-Identifier: Apache-2.0
//
// Data races in shared memory. Kernels are compiled with -fsanitize=thread, but libtsan is not linked: the calls that
// the compiler puts before each access end here. For every two bytes of shared memory the last writer and reader are
// kept, with the barriers that they had passed. Two accesses of different threads, at least one of them a write,
// without __syncthreads (or, within a warp, __syncwarp) between them are a race, in whatever order they came.
// Shuffles, ldmatrix and products do not order memory.

#include <cstdio>

#include "machine.h"

namespace emulation
{

enum
{
  MANY = -1
};

struct Access
{
  unsigned block, block_barriers, warp_barriers;
  int thread, warp; // MANY: more than one since the last barrier
};

struct Cell
{
  Access write, read;
};

static std::vector<std::vector<Cell> > cells; // of each shared array, in the order they were made

static bool
is_race (const Access &before)
{
  if (before.block != block_number || before.block_barriers != current->block_barriers
      || before.thread == current - lanes)
    return false;
  return before.warp != (int) current->warp || before.warp_barriers >= current->warp_barriers;
}

static void
report (size_t offset, bool write, const Access &before, bool before_wrote)
{
  char other[32] = "several threads";

  if (statistics.races++)
    return;
  if (before.thread != MANY)
    snprintf (other, sizeof other, "thread %d", before.thread);
  fprintf (
      stderr,
      "emulation: RACE: thread %d %s byte %zu of shared memory, which %s %s since the last barrier, block %u,%u,%u\n",
      (int) (current - lanes), write ? "writes" : "reads", offset, other, before_wrote ? "wrote" : "read",
      block_index.x, block_index.y, block_index.z);
}

static void
note (Access *access)
{
  const int thread = (int) (current - lanes), warp = (int) current->warp;
  const bool same = access->block == block_number && access->block_barriers == current->block_barriers;

  access->thread = same && access->thread != thread ? (int) MANY : thread;
  access->warp = same && access->warp != warp ? (int) MANY : warp;
  access->block = block_number;
  access->block_barriers = current->block_barriers;
  access->warp_barriers = current->warp_barriers;
}

static void
look (const void *pointer, size_t bytes, bool write)
{
  size_t offset;
  const int array = find_shared (pointer, &offset);

  if (array < 0)
    return;
  if (cells.size () <= (size_t) array)
    cells.resize ((size_t) array + 1);
  if (cells[(size_t) array].size () < (offset + bytes + 1) / 2)
    cells[(size_t) array].resize ((offset + bytes + 1) / 2 + 4096);
  for (size_t i = offset / 2; i < (offset + bytes + 1) / 2; i++)
    {
      Cell &cell = cells[(size_t) array][i];

      if (is_race (cell.write))
        report (i * 2, write, cell.write, true);
      else if (write && is_race (cell.read))
        report (i * 2, write, cell.read, false);
      if (write)
        {
          cell.write.block = 0; // one writer is all that is kept
          note (&cell.write);
        }
      else
        note (&cell.read);
    }
}

void
race_read (const void *pointer, size_t bytes)
{
  if (races_wanted && current)
    look (pointer, bytes, false);
}

void
race_write (const void *pointer, size_t bytes)
{
  if (races_wanted && current)
    look (pointer, bytes, true);
}

} // namespace emulation

#define HOOKS(n)                                                                                                       \
  extern "C" void __tsan_read##n (void *p)                                                                             \
  {                                                                                                                    \
    emulation::race_read (p, n);                                                                                       \
  }                                                                                                                    \
  extern "C" void __tsan_write##n (void *p)                                                                            \
  {                                                                                                                    \
    emulation::race_write (p, n);                                                                                      \
  }                                                                                                                    \
  extern "C" void __tsan_unaligned_read##n (void *p)                                                                   \
  {                                                                                                                    \
    emulation::race_read (p, n);                                                                                       \
  }                                                                                                                    \
  extern "C" void __tsan_unaligned_write##n (void *p)                                                                  \
  {                                                                                                                    \
    emulation::race_write (p, n);                                                                                      \
  }

HOOKS (1)
HOOKS (2)
HOOKS (4)
HOOKS (8)
HOOKS (16)

extern "C"
{
  void __tsan_read_range (void *p, size_t n)
  {
    emulation::race_read (p, n);
  }

  void __tsan_write_range (void *p, size_t n)
  {
    emulation::race_write (p, n);
  }

  void __tsan_init ()
  {
  }

  void __tsan_func_entry (void *)
  {
  }

  void __tsan_func_exit ()
  {
  }

  void __tsan_vptr_update (void **, void *)
  {
  }

  void __tsan_vptr_read (void **)
  {
  }
}
