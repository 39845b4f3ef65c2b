// SPDX-FileCopyrightText: The Gesso authors
// SPDX-License-Identifier: Apache-2.0
//
// The parts of the emulation among themselves.

#pragma once

#include <vector>

#include "emulation.h"
#include "fiber.h"

namespace emulation
{

struct Copy
{
  void *shared;
  const void *source; // NULL: zeros
  unsigned group;
  int array; // the shared one that it goes to, and where
  size_t offset;
};

struct Lane
{
  Fiber fiber;
  uint3 index;
  unsigned warp, bit;
  unsigned block_barriers, warp_barriers; // passed so far; the latter since the last of the former
  std::vector<Copy> copies;               // issued and not yet carried out
  unsigned group;                         // commits so far
  unsigned published;                     // proxy fences so far
  bool products_may_begin;                // of its warpgroup
};

struct Statistics
{
  uint64_t blocks, switches, products, matrix_loads, bank_conflicts, copies, races;
};

extern Lane lanes[1024];
extern Lane *current; // NULL outside of kernels
extern unsigned block_number;
extern unsigned seed;
extern bool races_wanted;
extern Statistics statistics;

unsigned random_number ();

// The shared array that `pointer` lies in: its number, and the byte within. -1: in none.
int find_shared (const void *pointer, size_t *offset);
void shared_free_all ();
// A block begins that has `dynamic_bytes`, and with its other arrays may have `most`.
void shared_start (size_t dynamic_bytes, size_t most);

// One value of a matrix as a float, and values += factor * others.
float matrix_value (uint16_t bits, bool bf16);
void add_scaled (float *values, float factor, const float *others, int n);

void warpgroup_note_copy (const Copy &copy, bool carried_out);
// Around a block.
void warpgroups_start ();
void warpgroups_end (unsigned n_warps);

} // namespace emulation
