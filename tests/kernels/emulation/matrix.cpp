// SPDX-FileCopyrightText: The Gesso authors
// SPDX-License-Identifier: Apache-2.0
//
// ldmatrix and mma.m16n8k16 for a whole warp. Which lane holds which element follows the PTX manual:
// with g = lane / 4 and t = lane % 4 * 2,
//   A 16x16: a0 (g, t..t+1)  a1 (g+8, t..)  a2 (g, t+8..)  a3 (g+8, t+8..)
//   B 16x8:  b0 (k = t..t+1, n = g)  b1 (k = t+8.., n = g)
//   C 16x8:  c0 c1 (g, t..t+1)  c2 c3 (g+8, t..)

#include "machine.h"

namespace emulation
{

// A phase reads the 8 rows of one matrix, 16 bytes each: without conflict if they fall on all 8 groups of 4 banks.
static void
note_conflicts (LoadArgument *const *lane, size_t offset)
{
  for (int matrix = 0; matrix < 4; matrix++)
    {
      unsigned count[8] = {}, worst = 0;

      for (int row = 0; row < 8; row++)
        {
          const uintptr_t address = (uintptr_t) lane[matrix * 8 + row]->row + offset;
          const unsigned n = ++count[address / 16 % 8];

          worst = n > worst ? n : worst;
        }
      statistics.bank_conflicts += worst - 1;
    }
}

void
load_matrices (void **arguments)
{
  LoadArgument *const *lane = (LoadArgument **) arguments;
  const bool transposed = lane[0]->transposed;

  for (int i = 0; i < lane[0]->count; i++)
    {
      const size_t offset = (size_t) i * lane[0]->step;
      uint16_t matrix[4][8][8];

      for (int l = 0; l < 32; l++)
        {
          const char *row = (const char *) lane[l]->row + offset;

          if ((uintptr_t) row % 16)
            fail ("ldmatrix: the row of lane %d is not aligned to 16 bytes", l);
          memcpy (matrix[l / 8][l % 8], row, 16);
        }
      for (int l = 0; l < 32; l++)
        for (int j = 0; j < 4; j++)
          {
            const int r = l / 4, c = l % 4 * 2;
            const uint16_t low = transposed ? matrix[j][c][r] : matrix[j][r][c];
            const uint16_t high = transposed ? matrix[j][c + 1][r] : matrix[j][r][c + 1];

            lane[l]->out[i * 4 + j] = low | (uint32_t) high << 16;
          }
      statistics.matrix_loads++;
      note_conflicts (lane, offset);
    }
}

// Exact, and made of what a compiler can vectorise.
static inline float
half_to_float (uint32_t half)
{
  union
  {
    uint32_t bits;
    float value;
  } magnitude, result;

  magnitude.bits = (half & 0x7fff) << 13;
  magnitude.value *= 0x1p112f;
  result.bits = (magnitude.value >= 65536.0f ? magnitude.bits | 0x7f800000 : magnitude.bits) | (half & 0x8000) << 16;
  return result.value;
}

static inline float
bf16_to_float (uint32_t half)
{
  const uint32_t bits = half << 16;
  float value;

  memcpy (&value, &bits, sizeof value);
  return value;
}

template <bool BF16>
static inline void
unpack (uint32_t pair, float *low, float *high)
{
  *low = BF16 ? bf16_to_float (pair & 0xffff) : half_to_float (pair & 0xffff);
  *high = BF16 ? bf16_to_float (pair >> 16) : half_to_float (pair >> 16);
}

#if defined __x86_64__
#define FAST __attribute__ ((target_clones ("default", "arch=haswell")))
#else
#define FAST
#endif

float
matrix_value (uint16_t bits, bool bf16)
{
  return bf16 ? bf16_to_float (bits) : half_to_float (bits);
}

FAST void
add_scaled (float *values, float factor, const float *others, int n)
{
  for (int i = 0; i < n; i++)
    values[i] += factor * others[i];
}

// The warp's whole tile as plain rows of floats, multiplied row by row.
template <int M, int N, bool BF16>
FAST static void
multiply_tile (MultiplyArgument *const *lane)
{
  static float a[M * 16][16], b[16][N * 8], c[M * 16][N * 8];

  for (int l = 0; l < 32; l++)
    {
      const int g = l / 4, t = l % 4 * 2;

      for (int i = 0; i < M; i++)
        for (int r = 0; r < 4; r++)
          {
            float *to = &a[i * 16 + g + (r & 1) * 8][t + (r & 2) * 4];

            unpack<BF16> (lane[l]->a[i * 4 + r], to, to + 1);
          }
      for (int j = 0; j < N; j++)
        for (int r = 0; r < 2; r++)
          unpack<BF16> (lane[l]->b[j * 2 + r], &b[t + r * 8][j * 8 + g], &b[t + r * 8 + 1][j * 8 + g]);
      for (int i = 0; i < M; i++)
        for (int j = 0; j < N; j++)
          for (int r = 0; r < 2; r++)
            memcpy (&c[i * 16 + g + r * 8][j * 8 + t], &lane[l]->c[(i * N + j) * 4 + r * 2], 8);
    }
  for (int i = 0; i < M * 16; i++)
    {
      float sum[N * 8];

      memcpy (sum, c[i], sizeof sum);
      for (int k = 0; k < 16; k++)
        for (int j = 0; j < N * 8; j++)
          sum[j] += a[i][k] * b[k][j];
      memcpy (c[i], sum, sizeof sum);
    }
  for (int l = 0; l < 32; l++)
    for (int i = 0; i < M; i++)
      for (int j = 0; j < N; j++)
        for (int r = 0; r < 2; r++)
          memcpy (&lane[l]->c[(i * N + j) * 4 + r * 2], &c[i * 16 + l / 4 + r * 8][j * 8 + l % 4 * 2], 8);
}

template <int M, int N>
static bool
try_shape (MultiplyArgument *const *lane)
{
  if (lane[0]->m != M || lane[0]->n != N)
    return false;
  if (lane[0]->bf16)
    multiply_tile<M, N, true> (lane);
  else
    multiply_tile<M, N, false> (lane);
  return true;
}

void
multiply (void **arguments)
{
  MultiplyArgument *const *lane = (MultiplyArgument **) arguments;

  statistics.products += (uint64_t) (lane[0]->m * lane[0]->n);
  // Those that the kernels use: linear layers and convolutions; attention's scores; its results.
  if (!try_shape<4, 4> (lane) && !try_shape<2, 4> (lane) && !try_shape<1, 8> (lane) && !try_shape<1, 4> (lane)
      && !try_shape<1, 1> (lane) && !try_shape<1, 5> (lane) && !try_shape<1, 10> (lane) && !try_shape<1, 20> (lane)
      && !try_shape<2, 5> (lane) && !try_shape<2, 10> (lane)
      && !try_shape<2, 8> (lane))
    fail ("a product of %d x %d tiles is not among those that are compiled here", lane[0]->m, lane[0]->n);
}

} // namespace emulation
