/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "pack.h"

#include <string.h>

/* Values alternate with their gates in groups of so many. */
#define GATE_ROWS 8
/* Rows of a matrix are padded to a multiple of so many values. */
#define ROW_VALUES 8

static gboolean
is_gated (const GessoCudaWeight *weight)
{
  return weight->form == GESSO_CUDA_GEGLU || weight->form == GESSO_CUDA_GEGLU_VECTOR;
}

static gboolean
is_matrix (const GessoCudaWeight *weight)
{
  return weight->form == GESSO_CUDA_MATRIX || weight->form == GESSO_CUDA_GEGLU;
}

/* Values of one row in the file. */
static gint64
row_values (const GessoCudaWeight *weight)
{
  return gesso_shape_elements (&weight->shape) / weight->shape.dim[0];
}

gint64
gesso_cuda_packed_rows (const GessoCudaWeight *weight)
{
  const gint64 rows = weight->shape.dim[0];

  return is_gated (weight) ? (rows / 2 + GATE_ROWS - 1) / GATE_ROWS * GATE_ROWS * 2 : rows;
}

gsize
gesso_cuda_packed_pitch (const GessoCudaWeight *weight)
{
  const gint64 values = row_values (weight);

  return (gsize) (is_matrix (weight) ? (values + ROW_VALUES - 1) / ROW_VALUES * ROW_VALUES : values)
         * gesso_dtype_size (weight->dtype);
}

gboolean
gesso_cuda_is_packed (const GessoCudaWeight *weight)
{
  const gboolean has_taps = weight->shape.dim[2] * weight->shape.dim[3] > 1;

  return !is_gated (weight) && !(is_matrix (weight) && has_taps)
         && gesso_cuda_packed_pitch (weight) == (gsize) row_values (weight) * gesso_dtype_size (weight->dtype);
}

gint64
gesso_cuda_source_row (const GessoCudaWeight *weight, gint64 row)
{
  const gint64 half = weight->shape.dim[0] / 2, group = row / GATE_ROWS;
  const gint64 value = group / 2 * GATE_ROWS + row % GATE_ROWS;

  if (!is_gated (weight))
    return row;
  return value >= half ? -1 : group % 2 ? half + value : value;
}

void
gesso_cuda_pack_row (const GessoCudaWeight *weight, const void *values, void *packed)
{
  const gint64 n = row_values (weight), taps = weight->shape.dim[2] * weight->shape.dim[3], channels = n / taps;
  const gsize size = gesso_dtype_size (weight->dtype);
  const guint16 *from = values;
  guint16 *to = packed;

  if (taps == 1 || !is_matrix (weight))
    memcpy (packed, values, (gsize) n * size);
  else
    for (gint64 tap = 0; tap < taps; tap++)
      for (gint64 channel = 0; channel < channels; channel++)
        to[tap * channels + channel] = from[channel * taps + tap];
  memset ((char *) packed + (gsize) n * size, 0, gesso_cuda_packed_pitch (weight) - (gsize) n * size);
}
