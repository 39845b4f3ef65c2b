/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Reads a whole safetensors file of any dtype, for comparisons in tests.
 */

#pragma once

#include <gio/gio.h>

#define TEST_TENSOR_DIMS 5

typedef struct
{
  char dtype[8];
  int n_dims;
  gint64 dims[TEST_TENSOR_DIMS];
  gsize n_values;
  gconstpointer data; /* in the file's memory */
} TestTensor;

typedef struct _TestFile TestFile;

/* Fails the running test where the file cannot be read. */
TestFile *test_file_open (const char *path);
void test_file_free (TestFile *file);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (TestFile, test_file_free)

/* The tensor `name`; fails the running test where there is none. */
TestTensor test_file_get (TestFile *file, const char *name);

/* The F32 tensor [..., c, h, w] as [..., h, w, c], as our networks have pictures; transfer full. */
float *test_tensor_pixels (const TestTensor *tensor);

/* ||a - b|| / ||b||, and in `worst` the largest single difference over the largest |b|. */
double test_relative_error (const float *a, const float *b, gsize n, double *worst);

/* Checks both against `tolerance` and 20 times `tolerance`; prints what was found. */
void test_assert_close (const char *what, const float *a, const float *b, gsize n, double tolerance);
