/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The CUDA backend, linked in, on whatever driver GESSO_CUDA_DRIVER names.
 */

#pragma once

#include "backend.h"

/* The module's entry point. */
GessoBackend *gesso_backend_entry (guint abi, int n_threads, GError **error);

/* The backend; ends the test where there is none. */
static inline GessoBackend *
cuda_under_test (void)
{
  g_autoptr (GError) error = NULL;
  GessoBackend *backend = gesso_backend_entry (GESSO_BACKEND_ABI, 0, &error);

  g_assert_no_error (error);
  return backend;
}
