/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Products through cuBLASLt. It thinks in columns where we think in rows, so that the product is turned round:
 *
 *   result' [columns x rows] = weight [k x columns]' * input [k x rows] + bias, + residual'
 *
 * with the matrices as they lie.
 */

#include "cublaslt.h"
#include "launcher.h"

#include <string.h>

/* Of all addresses, which begin at any row. */
#define ALIGNMENT 16
#define MAX_RESULTS 8

G_STATIC_ASSERT (sizeof (cublasLtMatmulAlgo_t) == sizeof ((GessoProductWay *) 0)->lt_algorithm);

/* What cuBLASLt wants to be told of a member of a product. */
typedef struct
{
  cublasLtMatmulDesc_t product;
  cublasLtMatrixLayout_t weight, input, result; /* the residual lies as the result does */
} Description;

gboolean
gesso_product_lt_can (const GessoLauncher *launcher, const GessoProduct *product)
{
  for (int i = 0; i < product->n_members; i++)
    if (product->member[i].bias && !product->lt_bias[i])
      return FALSE;
  return launcher->lt && gesso_product_is_linear (product) && !product->geglu
         && product->activation == GESSO_ACTIVATION_NONE && product->columns % 8 == 0;
}

static void
description_clear (const GessoCublasLt *lt, Description *self)
{
  if (self->result)
    lt->cublasLtMatrixLayoutDestroy (self->result);
  if (self->input)
    lt->cublasLtMatrixLayoutDestroy (self->input);
  if (self->weight)
    lt->cublasLtMatrixLayoutDestroy (self->weight);
  if (self->product)
    lt->cublasLtMatmulDescDestroy (self->product);
}

static gboolean
set (const GessoCublasLt *lt, cublasLtMatmulDesc_t product, cublasLtMatmulDescAttributes_t attribute, const void *value,
     gsize bytes, GError **error)
{
  return gesso_cublaslt_call (lt, error, cublasLtMatmulDescSetAttribute, (product, attribute, value, bytes));
}

/* `bias`: 0 for none. */
static gboolean
describe_product (const GessoCublasLt *lt, CUdeviceptr bias, Description *self, GError **error)
{
  const gint32 transposed = CUBLAS_OP_T;
  const guint32 epilogue = CUBLASLT_EPILOGUE_BIAS;

  return gesso_cublaslt_call (lt, error, cublasLtMatmulDescCreate, (&self->product, CUBLAS_COMPUTE_32F, CUDA_R_32F))
         && set (lt, self->product, CUBLASLT_MATMUL_DESC_TRANSA, &transposed, sizeof transposed, error)
         && (!bias
             || (set (lt, self->product, CUBLASLT_MATMUL_DESC_EPILOGUE, &epilogue, sizeof epilogue, error)
                 && set (lt, self->product, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &bias, sizeof bias, error)));
}

/* Members differ in the place of their bias alone. */
static gboolean
describe (const GessoLauncher *launcher, const GessoProduct *product, int member, Description *self, GError **error)
{
  const cudaDataType_t type = launcher->type == GESSO_DTYPE_BF16 ? CUDA_R_16BF : CUDA_R_16F;
  const guint64 rows = (guint64) (product->end - product->begin), columns = (guint64) product->columns;
  const guint64 k = (guint64) product->conv.channels;
  const GessoCublasLt *lt = launcher->lt;

  *self = (Description) { NULL };
  if (describe_product (lt, product->lt_bias[member], self, error)
      && gesso_cublaslt_call (lt, error, cublasLtMatrixLayoutCreate, (&self->weight, type, k, columns, (gint64) k))
      && gesso_cublaslt_call (lt, error, cublasLtMatrixLayoutCreate, (&self->input, type, k, rows, (gint64) k))
      && gesso_cublaslt_call (lt, error, cublasLtMatrixLayoutCreate,
                              (&self->result, type, columns, rows, (gint64) columns)))
    return TRUE;
  description_clear (lt, self);
  return FALSE;
}

/* What an algorithm may do: no more memory than there is, and sums in f32 to the end. */
static cublasLtMatmulPreference_t
make_preference (const GessoCublasLt *lt, GError **error)
{
  static const cublasLtMatmulPreferenceAttributes_t alignments[]
      = { CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
          CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES };
  const guint64 workspace = lt->workspace;
  const guint32 alignment = ALIGNMENT, reduction = CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE;
  cublasLtMatmulPreference_t preference = NULL;
  gboolean ok;

  if (!gesso_cublaslt_call (lt, error, cublasLtMatmulPreferenceCreate, (&preference)))
    return NULL;
  ok = gesso_cublaslt_call (lt, error, cublasLtMatmulPreferenceSetAttribute,
                            (preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &workspace, sizeof workspace))
       && gesso_cublaslt_call (lt, error, cublasLtMatmulPreferenceSetAttribute,
                               (preference, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, &reduction, sizeof reduction));
  for (gsize i = 0; i < G_N_ELEMENTS (alignments) && ok; i++)
    ok = gesso_cublaslt_call (lt, error, cublasLtMatmulPreferenceSetAttribute,
                              (preference, alignments[i], &alignment, sizeof alignment));
  if (ok)
    return preference;
  lt->cublasLtMatmulPreferenceDestroy (preference);
  return NULL;
}

/* These say of a product or an algorithm that it cannot be done, and not that something failed. */
static gboolean
is_refusal (cublasStatus_t status)
{
  return status == CUBLAS_STATUS_NOT_SUPPORTED || status == CUBLAS_STATUS_INVALID_VALUE
         || status == CUBLAS_STATUS_ARCH_MISMATCH;
}

/* Whether the product's way can be gone with `rows` rows. */
static gboolean
check_rows (const GessoLauncher *launcher, const GessoProduct *product, gint64 rows, gboolean *usable, GError **error)
{
  const GessoCublasLt *lt = launcher->lt;
  cublasLtMatmulHeuristicResult_t result = { 0 };
  cublasLtMatmulAlgo_t algorithm;
  GessoProduct band = *product;
  cublasStatus_t status;
  Description is;

  band.end = band.begin + rows;
  memcpy (&algorithm, product->way.lt_algorithm, sizeof algorithm);
  if (!describe (launcher, &band, 0, &is, error))
    return FALSE;
  status = lt->cublasLtMatmulAlgoCheck (lt->handle, is.product, is.weight, is.input, is.result, is.result, &algorithm,
                                        &result);
  description_clear (lt, &is);
  *usable = status == CUBLAS_STATUS_SUCCESS && result.workspaceSize <= product->way.lt_workspace;
  return is_refusal (status) || gesso_cublaslt_check (lt, status, "cublasLtMatmulAlgoCheck", error);
}

gboolean
gesso_product_lt_check (GessoLauncher *launcher, const GessoProduct *product, gboolean *usable, GError **error)
{
  const gint64 rows = product->end - product->begin, least = gesso_product_least_rows (product);

  *usable = FALSE;
  if (!gesso_product_lt_can (launcher, product) || product->way.lt_workspace > launcher->lt->workspace)
    return TRUE;
  return check_rows (launcher, product, rows, usable, error)
         && (!*usable || least == rows || check_rows (launcher, product, least, usable, error));
}

gboolean
gesso_product_lt_ways (GessoLauncher *launcher, const GessoProduct *product, GessoProductWay *ways, int n, int *n_ways,
                       GError **error)
{
  const GessoCublasLt *lt = launcher->lt;
  cublasLtMatmulHeuristicResult_t results[MAX_RESULTS];
  cublasLtMatmulPreference_t preference;
  GessoProduct tried = *product;
  Description is;
  cublasStatus_t status;
  int found = 0;

  *n_ways = 0;
  if (!(preference = make_preference (lt, error)))
    return FALSE;
  if (!describe (launcher, product, 0, &is, error))
    {
      lt->cublasLtMatmulPreferenceDestroy (preference);
      return FALSE;
    }
  status = lt->cublasLtMatmulAlgoGetHeuristic (lt->handle, is.product, is.weight, is.input, is.result, is.result,
                                               preference, MIN (n, MAX_RESULTS), results, &found);
  description_clear (lt, &is);
  lt->cublasLtMatmulPreferenceDestroy (preference);
  if (is_refusal (status))
    return TRUE;
  for (int i = 0; i < found && status == CUBLAS_STATUS_SUCCESS; i++)
    {
      GessoProductWay *way = &ways[*n_ways];
      gboolean usable = TRUE;

      if (results[i].state != CUBLAS_STATUS_SUCCESS || results[i].workspaceSize > lt->workspace)
        continue;
      *way = (GessoProductWay) { .parts = 1, .by_lt = TRUE, .lt_workspace = results[i].workspaceSize };
      memcpy (way->lt_algorithm, &results[i].algo, sizeof way->lt_algorithm);
      tried.way = *way;
      /* It was named for the tallest band. */
      if (tried.shortest && !gesso_product_lt_check (launcher, &tried, &usable, error))
        return FALSE;
      *n_ways += usable;
    }
  return gesso_cublaslt_check (lt, status, "cublasLtMatmulAlgoGetHeuristic", error);
}

static gboolean
launch_member (GessoLauncher *launcher, const GessoProduct *product, int i, GError **error)
{
  const GessoProductMember *member = &product->member[i];
  const gsize size = gesso_dtype_size (launcher->type);
  const CUdeviceptr rows_before = (CUdeviceptr) product->begin * size;
  const CUdeviceptr input = product->input + rows_before * (CUdeviceptr) product->conv.channels;
  const CUdeviceptr result = member->result + rows_before * (CUdeviceptr) product->columns;
  const CUdeviceptr residual
      = member->residual ? member->residual + rows_before * (CUdeviceptr) product->columns : result;
  const float one = 1.0f, share = member->residual ? 1.0f : 0.0f;
  const GessoCublasLt *lt = launcher->lt;
  cublasLtMatmulAlgo_t algorithm;
  Description is;
  gboolean ok;

  memcpy (&algorithm, product->way.lt_algorithm, sizeof algorithm);
  if (!describe (launcher, product, i, &is, error))
    return FALSE;
  ok = gesso_cublaslt_call (lt, error, cublasLtMatmul,
                            (lt->handle, is.product, &one, (const void *) member->weight, is.weight,
                             (const void *) input, is.input, &share, (const void *) residual, is.result,
                             (void *) result, is.result, &algorithm,
                             product->way.lt_workspace ? (void *) product->scratch : NULL, product->way.lt_workspace,
                             (cudaStream_t) launcher->stream));
  description_clear (lt, &is);
  return ok;
}

gboolean
gesso_launch_product_lt (GessoLauncher *launcher, const GessoProduct *product, GError **error)
{
  for (int i = 0; i < product->n_members; i++)
    if (!launch_member (launcher, product, i, error))
      return FALSE;
  return TRUE;
}
