/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The few entry points of NVIDIA's cuBLASLt that Gesso uses, found at run time where the toolkit's libraries are
 * installed. Without it all products are Gesso's own. GESSO_CUBLASLT in the environment names another library, such as
 * the tests' look-alike, or with "none" makes do without; so does a GESSO_CUDA_DRIVER alone.
 */

#pragma once

#include <cublasLt.h>

#include "gesso.h"

#define GESSO_CUBLASLT_ENTRIES(X)                                                                                      \
  X (cublasLtGetVersion)                                                                                               \
  X (cublasLtGetStatusName)                                                                                            \
  X (cublasLtGetStatusString)                                                                                          \
  X (cublasLtCreate)                                                                                                   \
  X (cublasLtDestroy)                                                                                                  \
  X (cublasLtMatmulDescCreate)                                                                                         \
  X (cublasLtMatmulDescDestroy)                                                                                        \
  X (cublasLtMatmulDescSetAttribute)                                                                                   \
  X (cublasLtMatrixLayoutCreate)                                                                                       \
  X (cublasLtMatrixLayoutDestroy)                                                                                      \
  X (cublasLtMatmulPreferenceCreate)                                                                                   \
  X (cublasLtMatmulPreferenceDestroy)                                                                                  \
  X (cublasLtMatmulPreferenceSetAttribute)                                                                             \
  X (cublasLtMatmulAlgoGetHeuristic)                                                                                   \
  X (cublasLtMatmulAlgoCheck)                                                                                          \
  X (cublasLtMatmul)

#define GESSO_CUBLASLT_FIELD(entry) __typeof__ (entry) *entry;

struct _GessoCublasLt
{
  cublasLtHandle_t handle;
  int version;     /* 130100: 13.1.0 */
  gsize workspace; /* bytes that an algorithm may want to work in */
  GESSO_CUBLASLT_ENTRIES (GESSO_CUBLASLT_FIELD)
};

typedef struct _GessoCublasLt GessoCublasLt;

/* Finds the library and all entry points, and makes a handle for the current context, on a card of compute capability
 * `major`. NULL where it cannot be used, which is no failure of anything: the message says why, in a few words to be
 * put into brackets. */
GessoCublasLt *gesso_cublaslt_open (int major, GError **error);
/* Nothing of it may be in use. NULL is ignored. */
void gesso_cublaslt_close (GessoCublasLt *lt);

/* TRUE for CUBLAS_STATUS_SUCCESS; else an error (OUT_OF_MEMORY or DEVICE) that names `call` and the result. */
gboolean gesso_cublaslt_check (const GessoCublasLt *lt, cublasStatus_t status, const char *call, GError **error);

/* The same around a call: gesso_cublaslt_call (lt, error, cublasLtMatmulPreferenceCreate, (&preference)). */
#define gesso_cublaslt_call(lt, error, entry, arguments) gesso_cublaslt_check (lt, (lt)->entry arguments, #entry, error)
