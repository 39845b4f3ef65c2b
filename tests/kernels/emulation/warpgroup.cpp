// SPDX-FileCopyrightText: The Gesso authors
// SPDX-License-Identifier: Apache-2.0
//
// wgmma, warp by warp: rows 16 w on of the 64 are those of warp w of its warpgroup, and nothing else joins the four. A
// product is carried out when it is waited for, or with a seed some when they are begun; what it reads has to be there
// and published when it is begun. Descriptors are decoded as the PTX manual has them (kernels/warpgroup.cuh).

#include "machine.h"

namespace emulation
{

struct Product
{
  float *sums[32]; // of each lane, [n][4]
  uint64_t a, b;
  int n;
  bool bf16;
  unsigned group;
};

struct WarpProducts
{
  std::vector<Product> pending;
  unsigned group, begun;
};

static WarpProducts products[32];

uint32_t
shared_address (const void *pointer)
{
  size_t offset;

  if (find_shared (pointer, &offset) != 0)
    fail ("a matrix of wgmma does not lie in dynamic shared memory");
  return (uint32_t) offset;
}

// --- what is visible ---

// Who wrote 16 bytes last, and what it had published before; for a copy under way NEVER.
struct Stamp
{
  unsigned thread, published;
};

static const unsigned NEVER = ~0u;
static std::vector<Stamp> stamps; // of the dynamic array

void
warpgroup_note_copy (const Copy &copy, bool carried_out)
{
  const size_t cell = copy.offset / 16;

  if (copy.array != 0)
    return;
  if (stamps.size () <= cell)
    stamps.resize (cell + 4096, { 0, 0 });
  stamps[cell] = { (unsigned) (current - lanes), carried_out ? current->published : NEVER };
}

void
warpgroup_publish ()
{
  current->published++;
}

// --- reading ---

static const size_t row_bytes = 128;

static size_t
start_of (uint64_t descriptor)
{
  return (descriptor & 0x3fff) << 4;
}

// Where chunk `chunk` (0, 1) of the 16 values of k in row `row` of a descriptor's matrix lies in shared memory.
static size_t
place_of (uint64_t descriptor, int row, size_t chunk)
{
  const size_t eight_rows = (size_t) (descriptor >> 32 & 0x3fff) << 4;
  const size_t place = start_of (descriptor) + (size_t) row / 8 * eight_rows + (size_t) row % 8 * row_bytes + chunk * 16;

  return place ^ (place >> 7 & 7) << 4;
}

static void
read_row (uint64_t descriptor, int row, uint16_t values[16])
{
  for (size_t chunk = 0; chunk < 2; chunk++)
    {
      const size_t place = place_of (descriptor, row, chunk);
      const char *from = (const char *) shared_dynamic () + place;
      size_t offset;

      if (find_shared (from + 15, &offset) != 0)
        fail ("a matrix of wgmma reaches beyond dynamic shared memory, to byte %zu", place);
      race_read (from, 16);
      memcpy (values + chunk * 8, from, 16);
    }
}

static void
check_row (uint64_t descriptor, int row)
{
  for (size_t chunk = 0; chunk < 2; chunk++)
    {
      const size_t cell = place_of (descriptor, row, chunk) / 16;

      if (cell < stamps.size ()
          && (stamps[cell].published == NEVER || lanes[stamps[cell].thread].published <= stamps[cell].published))
        fail ("wgmma reads byte %zu of shared memory, where a copy of thread %u %s", cell * 16, stamps[cell].thread,
              stamps[cell].published == NEVER ? "is under way" : "was not published by a proxy fence");
    }
}

static void
check_descriptor (uint64_t descriptor)
{
  const size_t start = start_of (descriptor);

  if (descriptor >> 62 != 1)
    fail ("wgmma: the descriptor %016lx has another swizzle than that of 128 bytes", descriptor);
  if (start % 1024 >= row_bytes || start % 32)
    fail ("wgmma: the rows of descriptor %016lx do not begin at a multiple of 1024 bytes", descriptor);
}

// --- products ---

static void
carry_out (const Product &product)
{
  static float b[16][256], c[16][256];
  const int columns = product.n * 8, first_row = (int) (current->warp % 4) * 16;
  uint16_t values[16];

  for (int j = 0; j < columns; j++)
    {
      read_row (product.b, j, values);
      for (int k = 0; k < 16; k++)
        b[k][j] = matrix_value (values[k], product.bf16);
    }
  for (int lane = 0; lane < 32; lane++)
    for (int j = 0; j < product.n; j++)
      for (int half = 0; half < 2; half++)
        memcpy (&c[lane / 4 + half * 8][j * 8 + lane % 4 * 2], product.sums[lane] + j * 4 + half * 2, 8);
  for (int i = 0; i < 16; i++)
    {
      read_row (product.a, first_row + i, values);
      for (int k = 0; k < 16; k++)
        add_scaled (c[i], matrix_value (values[k], product.bf16), b[k], columns);
    }
  for (int lane = 0; lane < 32; lane++)
    for (int j = 0; j < product.n; j++)
      for (int half = 0; half < 2; half++)
        memcpy (product.sums[lane] + j * 4 + half * 2, &c[lane / 4 + half * 8][j * 8 + lane % 4 * 2], 8);
}

void
warpgroup_begin ()
{
  current->products_may_begin = true;
}

void
warpgroup_multiply (float *sums, uint64_t a, uint64_t b, int n, bool bf16)
{
  Product argument = { { sums }, a, b, n, bf16, 0 };

  if (!current->products_may_begin)
    fail ("wgmma: no wgmma.fence since the sums were last waited for");
  warp_operation (OPERATION_WARPGROUP_MULTIPLY, &argument, [] (void **all) {
    WarpProducts &warp = products[current->warp];
    Product product = *(Product *) all[0];

    for (int lane = 0; lane < 32; lane++)
      {
        const Product &its = *(Product *) all[lane];

        if (its.a != product.a || its.b != product.b)
          fail ("wgmma: the lanes of a warp have different descriptors");
        product.sums[lane] = its.sums[0];
      }
    check_descriptor (product.a);
    check_descriptor (product.b);
    for (int row = 0; row < 64; row++)
      check_row (product.a, row);
    for (int row = 0; row < product.n * 8; row++)
      check_row (product.b, row);
    product.group = warp.group;
    warp.begun++;
    statistics.products += (uint64_t) product.n;
    // In their order: sums are added to one after another.
    if (seed && warp.pending.empty () && random_number () & 1)
      carry_out (product);
    else
      warp.pending.push_back (product);
  });
}

void
warpgroup_commit ()
{
  warp_operation (OPERATION_WARPGROUP_COMMIT, nullptr, [] (void **) { products[current->warp].group++; });
}

void
warpgroup_wait (unsigned most_pending)
{
  current->products_may_begin = false;
  warp_operation (OPERATION_WARPGROUP_WAIT, &most_pending, [] (void **all) {
    WarpProducts &warp = products[current->warp];
    size_t done = 0;

    while (done < warp.pending.size () && warp.pending[done].group + *(unsigned *) all[0] < warp.group)
      carry_out (warp.pending[done++]);
    warp.pending.erase (warp.pending.begin (), warp.pending.begin () + (std::ptrdiff_t) done);
  });
}

void
warpgroups_start ()
{
  stamps.clear ();
  for (WarpProducts &warp : products)
    warp = {};
}

void
warpgroups_end (unsigned n_warps)
{
  for (unsigned i = 0; i < n_warps; i++)
    {
      if (!products[i].pending.empty ())
        fail ("warp %u ends with products of its warpgroup that it never waited for", i);
      if (products[i].begun != products[i / 4 * 4].begun)
        fail ("the warps of a warpgroup do not begin the same products");
    }
}

} // namespace emulation
