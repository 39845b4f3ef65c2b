// SPDX-FileCopyrightText: The Gesso authors
// SPDX-License-Identifier: Apache-2.0
//
// Runs the threads of a block: who is next, barriers of warps and blocks, and launching.

#include "machine.h"

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <mutex>

namespace emulation
{

struct Warp
{
  unsigned ready, alive, arrived; // bit masks of lanes
  Operation operation;
  void *arguments[32];
};

uint3 thread_index, block_index;
dim3 block_size, grid_size;
Kernel *Kernel::first;

Lane lanes[1024];
Lane *current;
unsigned block_number;
unsigned seed;
bool races_wanted;
Statistics statistics;

static Lane launcher;
static Warp warps[32];
static unsigned n_warps, n_alive, n_at_barrier;
static unsigned running_warp;
static unsigned patience; // with a seed: how long a warp tends to go on, of 64
static uint64_t random_state;
static const Body *running_body;
static const char *running_name;

void
fail (const char *format, ...)
{
  va_list arguments;

  va_start (arguments, format);
  fputs ("emulation: ", stderr);
  vfprintf (stderr, format, arguments);
  va_end (arguments);
  if (current)
    fprintf (stderr, " (%s, block %u,%u,%u, thread %u,%u,%u)", running_name, block_index.x, block_index.y,
             block_index.z, current->index.x, current->index.y, current->index.z);
  fputc ('\n', stderr);
  abort ();
}

unsigned
random_number ()
{
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  random_state ^= random_state << 17;
  return (unsigned) (random_state >> 16);
}

[[noreturn]] static void
fail_deadlock ()
{
  for (unsigned i = 0; i < n_warps; i++)
    fprintf (stderr, "  warp %u: alive %08x, in warp operation %d: %08x\n", i, warps[i].alive, warps[i].operation,
             warps[i].arrived);
  fail ("deadlock: %u of %u live threads wait at __syncthreads, the others in warp operations", n_at_barrier, n_alive);
}

// Takes a thread that can go on out of its warp's ready ones.
static Lane *
pick ()
{
  unsigned ready, bit;

  if (!warps[running_warp].ready || (seed && random_number () % 64 < patience))
    {
      const unsigned start = seed ? random_number () % n_warps : running_warp + 1;
      unsigned i = 0;

      while (i < n_warps && !warps[(start + i) % n_warps].ready)
        i++;
      if (i == n_warps)
        fail_deadlock ();
      running_warp = (start + i) % n_warps;
    }
  ready = warps[running_warp].ready;
  if (seed)
    {
      const unsigned first = random_number () & 31;
      const unsigned later = ready >> first << first;

      bit = (unsigned) __builtin_ctz (later ? later : ready);
    }
  else
    bit = (unsigned) __builtin_ctz (ready);
  warps[running_warp].ready &= ~(1u << bit);
  return &lanes[running_warp * 32 + bit];
}

static void
go (Lane *to, bool ends = false)
{
  Lane *from = current;

  if (to == from)
    return;
  statistics.switches++;
  current = to;
  thread_index = to->index;
  fiber_switch (from->fiber, to->fiber, ends);
}

// After a barrier the last to arrive goes on, unless a seed says that anyone may.
static void
go_on ()
{
  if (!seed)
    return;
  warps[current->warp].ready |= 1u << current->bit;
  go (pick ());
}

void
warp_operation (Operation operation, void *argument, Evaluate evaluate)
{
  Warp &warp = warps[current->warp];

  if (warp.operation == OPERATION_NONE)
    warp.operation = operation;
  if (warp.operation != operation)
    fail ("lanes of one warp meet in different warp operations (%d and %d)", warp.operation, operation);
  warp.arguments[current->bit] = argument;
  warp.arrived |= 1u << current->bit;
  if (warp.arrived != ~0u)
    {
      go (pick ());
      return;
    }
  if (evaluate)
    evaluate (warp.arguments);
  warp.ready = warp.alive & ~(1u << current->bit);
  warp.arrived = 0;
  warp.operation = OPERATION_NONE;
  go_on ();
}

void
warp_barrier ()
{
  current->warp_barriers++;
  warp_operation (OPERATION_SYNC, nullptr, nullptr);
}

static void
open_barrier ()
{
  n_at_barrier = 0;
  for (unsigned i = 0; i < n_warps; i++)
    warps[i].ready = warps[i].alive;
}

void
block_barrier ()
{
  current->block_barriers++;
  current->warp_barriers = 0;
  if (++n_at_barrier < n_alive)
    {
      go (pick ());
      return;
    }
  open_barrier ();
  warps[current->warp].ready &= ~(1u << current->bit);
  go_on ();
}

static void
run_thread ()
{
  Warp *warp;

  fiber_entered ();
  (*running_body) ();
  if (!current->copies.empty ())
    fail ("a thread ends with asynchronous copies that it never waited for");
  warp = &warps[current->warp];
  if (warp->arrived)
    fail ("a lane ends while others of its warp wait in a warp operation");
  warp->alive &= ~(1u << current->bit);
  n_alive--;
  if (!n_alive)
    go (&launcher, true);
  if (n_at_barrier == n_alive)
    open_barrier ();
  go (pick (), true);
  abort ();
}

static void
print_statistics ()
{
  fprintf (stderr,
           "emulation: %lu blocks, %lu switches, %lu products (m16n8k16), %lu matrix loads with %lu bank conflicts, "
           "%lu asynchronous copies, %lu races\n",
           statistics.blocks, statistics.switches, statistics.products, statistics.matrix_loads,
           statistics.bank_conflicts, statistics.copies, statistics.races);
}

static void
read_environment ()
{
  static bool done;
  const char *text = getenv ("GESSO_EMULATION_SEED");

  if (done)
    return;
  done = true;
  seed = text ? (unsigned) strtoul (text, nullptr, 10) : 0;
  random_state = 0x9e3779b97f4a7c15ull * (seed + 1);
  races_wanted = getenv ("GESSO_EMULATION_RACES") != nullptr;
  if (getenv ("GESSO_EMULATION_STATISTICS"))
    atexit (print_statistics);
}

static void
run_block (unsigned n_threads)
{
  for (unsigned i = 0; i < n_threads; i++)
    {
      Lane &lane = lanes[i];

      fiber_prepare (lane.fiber, run_thread);
      lane.index = { i % block_size.x, i / block_size.x % block_size.y, i / block_size.x / block_size.y };
      lane.warp = i / 32;
      lane.bit = i % 32;
      lane.block_barriers = lane.warp_barriers = lane.group = lane.published = 0;
      lane.products_may_begin = false;
      lane.copies.clear ();
    }
  for (unsigned i = 0; i < n_warps; i++)
    warps[i] = { ~0u, ~0u, 0, OPERATION_NONE, {} };
  warpgroups_start ();
  statistics.blocks++;
  block_number++;
  n_alive = n_threads;
  n_at_barrier = 0;
  running_warp = seed ? random_number () % n_warps : 0;
  patience = seed ? random_number () % 3 * 4 : 0;
  current = &launcher;
  fiber_forget_launcher ();
  go (pick ());
  current = nullptr;
  warpgroups_end (n_warps);
}

void
launch (const Kernel *kernel, const Body &body, dim3 grid, dim3 block, size_t dynamic_bytes, size_t shared_bytes)
{
  static std::mutex one_at_a_time;
  const std::lock_guard<std::mutex> lock (one_at_a_time);
  const size_t n_threads = (size_t) block.x * block.y * block.z;
  const size_t n_blocks = (size_t) grid.x * grid.y * grid.z;
  size_t first;

  read_environment ();
  running_name = kernel->name;
  if (!n_threads || n_threads % 32 || n_threads > (size_t) kernel->max_threads)
    fail ("%s: a block of %zu threads is no multiple of 32 up to %d", kernel->name, n_threads, kernel->max_threads);
  block_size = block;
  grid_size = grid;
  running_body = &body;
  n_warps = (unsigned) n_threads / 32;
  first = seed ? random_number () % n_blocks : 0;
  for (size_t i = 0; i < n_blocks; i++)
    {
      const size_t id = (i + first) % n_blocks;

      block_index = { (unsigned) (id % grid.x), (unsigned) (id / grid.x % grid.y), (unsigned) (id / grid.x / grid.y) };
      shared_start (dynamic_bytes, shared_bytes);
      run_block ((unsigned) n_threads);
      shared_free_all ();
    }
  if (statistics.races)
    fail ("%s: %lu data races in shared memory", kernel->name, statistics.races);
}

} // namespace emulation
