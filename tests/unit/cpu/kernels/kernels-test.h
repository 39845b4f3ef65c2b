/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What the operator tests share: every instruction set the processor has, arrays in either type, and the comparison
 * with formulas in double precision.
 */

#pragma once

#include "cpu/operators.h"

/* Runs `test` with every table that this processor has and with one and three threads. */
typedef void (*KernelsTest) (const GessoCpuContext *context);
void kernels_test_add (const char *path, KernelsTest test);

/* `n` values of `dtype`, 64-byte aligned and of exactly that size, so that AddressSanitizer sees any overrun. */
typedef struct
{
  GessoDType dtype;
  gint64 n;
  void *data;
} Array;

Array array_new (GessoDType dtype, gint64 n);
/* Reproducible values around `mean`, at most `spread` from it. */
Array array_random (GessoDType dtype, gint64 n, double mean, double spread, guint32 seed);
void array_clear (Array *array);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Array, array_clear)
double array_get (const Array *array, gint64 i);
void array_set (const Array *array, gint64 i, double value);

/* Fails unless |y - expected| <= absolute + relative * |expected| for all values, rounding of the type allowed. */
void array_check (const Array *y, const double *expected, double absolute, double relative, const char *what);
