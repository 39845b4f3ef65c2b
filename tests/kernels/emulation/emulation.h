// SPDX-FileCopyrightText: The Gesso authors
// SPDX-License-Identifier: Apache-2.0
//
// What the kernels' CPU bodies (kernels/device.cuh) ask of the emulation, and how the look-alike of the driver finds
// and launches them. One block runs at a time; its threads are fibers, which change at barriers only.
//
// Environment: GESSO_EMULATION_SEED=n   n > 0 shuffles the order of blocks, warps and threads, and lets each
//                                       asynchronous copy happen early or late; 0: fixed order, every copy late
//              GESSO_EMULATION_RACES=1  reports data races in shared memory (needs kernels built for it)
//              GESSO_EMULATION_STATISTICS=1  prints counts at exit

#pragma once

#include <vector_types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <tuple>
#include <type_traits>
#include <cstring>

namespace emulation
{

[[noreturn]] void fail (const char *format, ...) __attribute__ ((format (printf, 1, 2)));

// --- where a thread is ---
extern uint3 thread_index, block_index;
extern dim3 block_size, grid_size;

// --- barriers ---
enum Operation
{
  OPERATION_NONE,
  OPERATION_SYNC,
  OPERATION_SHUFFLE,
  OPERATION_LOAD_MATRICES,
  OPERATION_MULTIPLY,
  OPERATION_WARPGROUP_MULTIPLY,
  OPERATION_WARPGROUP_COMMIT,
  OPERATION_WARPGROUP_WAIT,
};
// Meets the other 31 lanes; the last one evaluates for all. arguments[32]: one a lane.
typedef void (*Evaluate) (void **arguments);
void warp_operation (Operation operation, void *argument, Evaluate evaluate);
void warp_barrier ();
void block_barrier ();

template <class T, class Source>
T
shuffle (T value, Source source)
{
  struct Argument
  {
    T in, out;
    Source source;
  } argument{ value, value, source };

  warp_operation (OPERATION_SHUFFLE, &argument, [] (void **all) {
    for (int lane = 0; lane < 32; lane++)
      {
        Argument *mine = (Argument *) all[lane];
        const int from = mine->source (lane);

        mine->out = from < 0 || from > 31 ? mine->in : ((Argument *) all[from])->in;
      }
  });
  return argument.out;
}

// --- shared memory: a heap block for each array, full of NaN when the thread block starts ---
void *shared_array (const void *key, size_t bytes);
void *shared_dynamic ();

// --- asynchronous copies of 16 bytes; zeros where source is NULL ---
void copy_async (void *shared, const void *source);
void copy_commit ();
void copy_wait (unsigned pending);

// --- matrices ---
struct LoadArgument
{
  const void *row; // of 8x8 matrix lane / 8, its row lane % 8
  size_t step;     // bytes from one group of four matrices to the next
  uint32_t *out;   // [count][4]
  int count;
  bool transposed;
};
void load_matrices (void **arguments);

struct MultiplyArgument
{
  float *c;          // [m][n][4]
  const uint32_t *a; // [m][4]
  const uint32_t *b; // [n][2]
  int m, n;
  bool bf16;
};
void multiply (void **arguments);

// --- products of warpgroups ---
uint32_t shared_address (const void *pointer);
void warpgroup_publish ();
void warpgroup_begin ();
void warpgroup_multiply (float *sums, uint64_t a, uint64_t b, int n, bool bf16);
void warpgroup_commit ();
void warpgroup_wait (unsigned most_pending);

// --- data races ---
void race_read (const void *pointer, size_t bytes);
void race_write (const void *pointer, size_t bytes);

// Lets AddressSanitizer see an access at the line of the kernel that asks for it.
inline void
touch (const void *pointer, size_t bytes)
{
  (void) *(const volatile char *) pointer;
  (void) *((const volatile char *) pointer + bytes - 1);
}

// --- kernels by name ---
// Device addresses have this bit, so that a host that uses one gets a fault.
constexpr uint64_t device_tag = 1ull << 63;
// Of the driver's look-alike: whether `pointer` (without the tag) lies in live device memory.
bool is_device_memory (const void *pointer);

// A device address as the kernels on the CPU use it; NULL for 0.
inline void *
device_pointer (uint64_t address)
{
  void *pointer = (void *) (address & ~device_tag);

  if (address && !(address & device_tag))
    fail ("a host pointer was given to a kernel");
  if (address && !is_device_memory (pointer))
    fail ("a kernel's parameter points to no live device memory");
  return pointer;
}

// One parameter as cuLaunchKernel gets it. Structures hold numbers only: device_pointer () is for addresses among them.
template <class T>
T
take_parameter (void *place)
{
  T value;

  memcpy (&value, place, sizeof value);
  if constexpr (std::is_pointer_v<T>)
    value = (T) device_pointer ((uint64_t) value);
  else
    static_assert (std::is_arithmetic_v<T> || (std::is_class_v<T> && std::is_trivially_copyable_v<T>),
                   "kernel parameters: pointers, numbers and structures of numbers");
  return value;
}

typedef std::function<void ()> Body;

struct Kernel
{
  const char *name;
  void (*function) ();
  Body (*bind) (void (*function) (), void **parameters); // takes the parameters' values at once, as the driver does
  int max_threads;                                       // of __launch_bounds__
  Kernel *next;
  static Kernel *first;

  template <class... A>
  Kernel (const char *kernel_name, void (*kernel) (A...), int threads)
      : name (kernel_name), function ((void (*) ()) kernel), bind (&bind_all<A...>), max_threads (threads), next (first)
  {
    first = this;
  }

  template <class... A> static Body bind_all (void (*function) (), void **parameters)
  {
    return bind_each<A...> (function, parameters, std::index_sequence_for<A...> ());
  }

  template <class... A, size_t... I>
  static Body bind_each (void (*function) (), void **parameters, std::index_sequence<I...>)
  {
    return [function, values = std::make_tuple (take_parameter<A> (parameters[I])...)] {
      std::apply ((void (*) (A...)) function, values);
    };
  }
};

// A block may have `shared_bytes` of shared memory in all.
void launch (const Kernel *kernel, const Body &body, dim3 grid, dim3 block, size_t dynamic_bytes, size_t shared_bytes);

} // namespace emulation
