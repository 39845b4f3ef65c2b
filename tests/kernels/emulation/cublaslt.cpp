// SPDX-FileCopyrightText: The Gesso authors
// SPDX-License-Identifier: Apache-2.0
//
// A look-alike of cuBLASLt on the streams of the driver's look-alike. It computes plainly, in f32, and looks closely at
// what it is told: descriptors that live, matrices that fit together, types, alignment, workspace, and algorithms that
// it has named itself for this very product. It has none for a product of a single row.

#include "driver.h"

#include <cublasLt.h>
#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <algorithm>
#include <set>

static const uint64_t algorithm_magic = 0x6765737361675f6cu;
static const int n_algorithms = 3;
// The second is the quickest, and for small products the driver's look-alike makes our own kernels quicker still.
static const double value_milliseconds[n_algorithms] = { 6e-7, 2e-7, 4e-7 }, call_milliseconds = 0.006;
static const size_t workspace_bytes[n_algorithms] = { 0, 4096, 65536 };

struct cublasLtContext
{
  int unused;
};

namespace
{

struct Product
{
  cublasComputeType_t compute;
  cudaDataType_t scale;
  int32_t transpose_a = CUBLAS_OP_N;
  uint32_t epilogue = CUBLASLT_EPILOGUE_DEFAULT;
  const void *bias = nullptr;
};

struct Layout
{
  cudaDataType_t type;
  uint64_t rows, columns;
  int64_t pitch;
};

struct Preference
{
  uint64_t workspace = 0;
  uint32_t reduction = CUBLASLT_REDUCTION_SCHEME_MASK;
  uint32_t alignment[4] = { 256, 256, 256, 256 };
};

std::set<const void *> living;

template <class T, class Handle>
cublasStatus_t
make (Handle *handle, T *made)
{
  living.insert (made);
  driver::count_live (1);
  *handle = (Handle) made;
  return CUBLAS_STATUS_SUCCESS;
}

template <class T>
T *
look (const void *handle)
{
  if (!living.count (handle))
    emulation::fail ("cuBLASLt got %p, which does not live", handle);
  return (T *) handle;
}

template <class T>
cublasStatus_t
destroy (const void *handle, bool failed)
{
  delete look<T> (handle);
  living.erase (handle);
  driver::count_live (-1);
  return failed ? CUBLAS_STATUS_INTERNAL_ERROR : CUBLAS_STATUS_SUCCESS;
}

template <class T>
cublasStatus_t
take (T *to, const void *from, size_t bytes)
{
  if (bytes != sizeof *to)
    return CUBLAS_STATUS_INVALID_VALUE;
  memcpy (to, from, bytes);
  return CUBLAS_STATUS_SUCCESS;
}

bool
is_half (cudaDataType_t type)
{
  return type == CUDA_R_16F || type == CUDA_R_16BF;
}

// Whether it is what Gesso asks for: the weight's rows times the input's.
cublasStatus_t
check (const Product &product, const Layout &a, const Layout &b, const Layout &c, const Layout &d)
{
  if (product.compute != CUBLAS_COMPUTE_32F || product.scale != CUDA_R_32F || product.transpose_a != CUBLAS_OP_T)
    return CUBLAS_STATUS_NOT_SUPPORTED;
  if (!is_half (a.type) || b.type != a.type || c.type != a.type || d.type != a.type)
    return CUBLAS_STATUS_NOT_SUPPORTED;
  if (a.rows != b.rows || d.rows != a.columns || d.columns != b.columns || c.rows != d.rows || c.columns != d.columns)
    return CUBLAS_STATUS_INVALID_VALUE;
  if (a.pitch < (int64_t) a.rows || b.pitch < (int64_t) b.rows || d.pitch < (int64_t) d.rows || c.pitch != d.pitch)
    return CUBLAS_STATUS_INVALID_VALUE;
  if (product.epilogue != CUBLASLT_EPILOGUE_DEFAULT && product.epilogue != CUBLASLT_EPILOGUE_BIAS)
    return CUBLAS_STATUS_NOT_SUPPORTED;
  if ((product.epilogue == CUBLASLT_EPILOGUE_BIAS) != (product.bias != nullptr))
    return CUBLAS_STATUS_INVALID_VALUE;
  return d.columns == 1 ? CUBLAS_STATUS_NOT_SUPPORTED : CUBLAS_STATUS_SUCCESS;
}

// It does for any number of the input's rows.
cublasLtMatmulAlgo_t
name_algorithm (uint64_t number, const Layout &a, const Layout &d)
{
  return { { algorithm_magic, number, a.rows, d.rows, (uint64_t) a.type } };
}

// The number of an algorithm for this product, or -1.
int
algorithm_number (const cublasLtMatmulAlgo_t &algorithm, const Layout &a, const Layout &d)
{
  for (int i = 0; i < n_algorithms; i++)
    {
      const cublasLtMatmulAlgo_t named = name_algorithm ((uint64_t) i, a, d);

      if (!memcmp (&algorithm, &named, sizeof named))
        return i;
    }
  return -1;
}

float
widen (uint16_t bits, cudaDataType_t type)
{
  __nv_bfloat16_raw wide;
  __half_raw half;

  wide.x = half.x = bits;
  return type == CUDA_R_16BF ? __bfloat162float (wide) : __half2float (half);
}

uint16_t
narrow (float value, cudaDataType_t type)
{
  return type == CUDA_R_16BF ? ((__nv_bfloat16_raw) __float2bfloat16_rn (value)).x
                             : ((__half_raw) __float2half_rn (value)).x;
}

std::vector<float>
widen_all (const uint16_t *from, size_t n, cudaDataType_t type)
{
  std::vector<float> values (n);

  for (size_t i = 0; i < n; i++)
    values[i] = widen (from[i], type);
  return values;
}

struct Operands
{
  const uint16_t *a, *b, *c, *bias;
  uint16_t *d;
  char *workspace;
  size_t workspace_bytes;
  float alpha, beta;
};

void
multiply (const Operands &o, const Layout &a, const Layout &b, const Layout &d)
{
  const size_t k = a.rows, columns = d.rows, rows = d.columns;
  // [k][columns], so that the innermost loop runs along a row of the result.
  std::vector<float> turned (k * columns), sums (columns);

  // Whatever lay there is lost.
  if (o.workspace)
    memset (o.workspace, 0xff, o.workspace_bytes);
  for (size_t i = 0; i < columns; i++)
    for (size_t j = 0; j < k; j++)
      turned[j * columns + i] = widen (o.a[i * (size_t) a.pitch + j], a.type);
  for (size_t row = 0; row < rows; row++)
    {
      const std::vector<float> values = widen_all (o.b + row * (size_t) b.pitch, k, b.type);

      std::fill (sums.begin (), sums.end (), 0.0f);
      for (size_t j = 0; j < k; j++)
        for (size_t i = 0; i < columns; i++)
          sums[i] += values[j] * turned[j * columns + i];
      for (size_t i = 0; i < columns; i++)
        {
          const size_t place = row * (size_t) d.pitch + i;
          float value = o.alpha * sums[i] + (o.beta != 0.0f ? o.beta * widen (o.c[place], d.type) : 0.0f);

          if (o.bias)
            value += widen (o.bias[i], d.type);
          o.d[place] = narrow (value, d.type);
        }
    }
}

// The place of a matrix, all of which must be there.
uint16_t *
matrix (const void *address, const Layout &layout)
{
  if ((uintptr_t) address % 16)
    emulation::fail ("cuBLASLt got a matrix at %p, and was promised multiples of 16", address);
  return (uint16_t *) driver::device_range ((CUdeviceptr) address,
                                            ((layout.columns - 1) * (size_t) layout.pitch + layout.rows) * 2);
}

} // namespace

#define LT extern "C" __attribute__ ((visibility ("default")))
#define ENTER_LT()                                                                                                     \
  if (driver::enter_context (__func__))                                                                                \
  return CUBLAS_STATUS_EXECUTION_FAILED
// For calls that give something back.
#define ENTER_LT_RELEASE() const bool failed_ = driver::enter (__func__) != CUDA_SUCCESS

// These three are asked without a device and never fail here.
LT size_t
cublasLtGetVersion (void)
{
  const char *version = getenv ("GESSO_EMULATION_CUBLASLT_VERSION");

  return version ? (size_t) atoi (version) : 130100;
}

LT const char *
cublasLtGetStatusName (cublasStatus_t status)
{
  switch (status)
    {
    case CUBLAS_STATUS_EXECUTION_FAILED:
      return "CUBLAS_STATUS_EXECUTION_FAILED";
    case CUBLAS_STATUS_INVALID_VALUE:
      return "CUBLAS_STATUS_INVALID_VALUE";
    case CUBLAS_STATUS_NOT_SUPPORTED:
      return "CUBLAS_STATUS_NOT_SUPPORTED";
    default:
      return "CUBLAS_STATUS_INTERNAL_ERROR";
    }
}

LT const char *
cublasLtGetStatusString (cublasStatus_t)
{
  return "an error of the emulated cuBLASLt";
}

LT cublasStatus_t
cublasLtCreate (cublasLtHandle_t *handle)
{
  ENTER_LT ();
  return make (handle, new cublasLtContext);
}

LT cublasStatus_t
cublasLtDestroy (cublasLtHandle_t handle)
{
  ENTER_LT_RELEASE ();
  return destroy<cublasLtContext> (handle, failed_);
}

LT cublasStatus_t
cublasLtMatmulDescCreate (cublasLtMatmulDesc_t *product, cublasComputeType_t compute, cudaDataType_t scale)
{
  ENTER_LT ();
  Product *made = new Product;

  made->compute = compute;
  made->scale = scale;
  return make (product, made);
}

LT cublasStatus_t
cublasLtMatmulDescDestroy (cublasLtMatmulDesc_t product)
{
  ENTER_LT_RELEASE ();
  return destroy<Product> (product, failed_);
}

LT cublasStatus_t
cublasLtMatmulDescSetAttribute (cublasLtMatmulDesc_t handle, cublasLtMatmulDescAttributes_t attribute,
                                const void *value, size_t bytes)
{
  ENTER_LT ();
  Product *product = look<Product> (handle);

  switch (attribute)
    {
    case CUBLASLT_MATMUL_DESC_TRANSA:
      return take (&product->transpose_a, value, bytes);
    case CUBLASLT_MATMUL_DESC_EPILOGUE:
      return take (&product->epilogue, value, bytes);
    case CUBLASLT_MATMUL_DESC_BIAS_POINTER:
      return take (&product->bias, value, bytes);
    default:
      return CUBLAS_STATUS_INVALID_VALUE;
    }
}

LT cublasStatus_t
cublasLtMatrixLayoutCreate (cublasLtMatrixLayout_t *layout, cudaDataType type, uint64_t rows, uint64_t columns,
                            int64_t pitch)
{
  ENTER_LT ();
  if (!rows || !columns)
    return CUBLAS_STATUS_INVALID_VALUE;
  return make (layout, new Layout{ type, rows, columns, pitch });
}

LT cublasStatus_t
cublasLtMatrixLayoutDestroy (cublasLtMatrixLayout_t layout)
{
  ENTER_LT_RELEASE ();
  return destroy<Layout> (layout, failed_);
}

LT cublasStatus_t
cublasLtMatmulPreferenceCreate (cublasLtMatmulPreference_t *preference)
{
  ENTER_LT ();
  return make (preference, new Preference);
}

LT cublasStatus_t
cublasLtMatmulPreferenceDestroy (cublasLtMatmulPreference_t preference)
{
  ENTER_LT_RELEASE ();
  return destroy<Preference> (preference, failed_);
}

LT cublasStatus_t
cublasLtMatmulPreferenceSetAttribute (cublasLtMatmulPreference_t handle, cublasLtMatmulPreferenceAttributes_t attribute,
                                      const void *value, size_t bytes)
{
  ENTER_LT ();
  Preference *preference = look<Preference> (handle);

  switch (attribute)
    {
    case CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES:
      return take (&preference->workspace, value, bytes);
    case CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK:
      return take (&preference->reduction, value, bytes);
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES:
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES:
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES:
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES:
      return take (&preference->alignment[attribute - CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES], value, bytes);
    default:
      return CUBLAS_STATUS_INVALID_VALUE;
    }
}

LT cublasStatus_t
cublasLtMatmulAlgoGetHeuristic (cublasLtHandle_t handle, cublasLtMatmulDesc_t product, cublasLtMatrixLayout_t a,
                                cublasLtMatrixLayout_t b, cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d,
                                cublasLtMatmulPreference_t preference_handle, int wanted,
                                cublasLtMatmulHeuristicResult_t *results, int *found)
{
  ENTER_LT ();
  const Preference *preference = look<Preference> (preference_handle);
  const cublasStatus_t status
      = check (*look<Product> (product), *look<Layout> (a), *look<Layout> (b), *look<Layout> (c), *look<Layout> (d));

  look<cublasLtContext> (handle);
  *found = 0;
  if (status != CUBLAS_STATUS_SUCCESS)
    return status;
  // Sums kept in 16 bits would do, were they not forbidden; addresses are not what the real one expects by itself.
  if (preference->reduction != CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE)
    emulation::fail ("cuBLASLt may keep sums in the type of values");
  if (*std::max_element (preference->alignment, preference->alignment + 4) > 16)
    emulation::fail ("cuBLASLt was promised an alignment that is not kept");
  for (int i = 0; i < n_algorithms && *found < wanted; i++)
    if (workspace_bytes[i] <= preference->workspace)
      {
        cublasLtMatmulHeuristicResult_t *result = &results[(*found)++];

        memset (result, 0, sizeof *result);
        result->algo = name_algorithm ((uint64_t) i, *look<Layout> (a), *look<Layout> (d));
        result->workspaceSize = workspace_bytes[i];
      }
  return *found ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_NOT_SUPPORTED;
}

LT cublasStatus_t
cublasLtMatmulAlgoCheck (cublasLtHandle_t handle, cublasLtMatmulDesc_t product, cublasLtMatrixLayout_t a,
                         cublasLtMatrixLayout_t b, cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d,
                         const cublasLtMatmulAlgo_t *algorithm, cublasLtMatmulHeuristicResult_t *result)
{
  ENTER_LT ();
  const int number = algorithm_number (*algorithm, *look<Layout> (a), *look<Layout> (d));
  const cublasStatus_t status
      = check (*look<Product> (product), *look<Layout> (a), *look<Layout> (b), *look<Layout> (c), *look<Layout> (d));

  look<cublasLtContext> (handle);
  if (number < 0 || status != CUBLAS_STATUS_SUCCESS)
    return number < 0 ? CUBLAS_STATUS_INVALID_VALUE : status;
  result->workspaceSize = workspace_bytes[number];
  return CUBLAS_STATUS_SUCCESS;
}

LT cublasStatus_t
cublasLtMatmul (cublasLtHandle_t handle, cublasLtMatmulDesc_t product_handle, const void *alpha, const void *a,
                cublasLtMatrixLayout_t a_handle, const void *b, cublasLtMatrixLayout_t b_handle, const void *beta,
                const void *c, cublasLtMatrixLayout_t c_handle, void *d, cublasLtMatrixLayout_t d_handle,
                const cublasLtMatmulAlgo_t *algorithm, void *workspace, size_t bytes, cudaStream_t stream)
{
  ENTER_LT ();
  const Product product = *look<Product> (product_handle);
  const Layout a_is = *look<Layout> (a_handle), b_is = *look<Layout> (b_handle), d_is = *look<Layout> (d_handle);
  const cublasStatus_t status = check (product, a_is, b_is, *look<Layout> (c_handle), d_is);
  int number;
  Operands operands;

  look<cublasLtContext> (handle);
  if (status != CUBLAS_STATUS_SUCCESS)
    return status;
  if (!algorithm || (number = algorithm_number (*algorithm, a_is, d_is)) < 0)
    emulation::fail ("cuBLASLt got an algorithm that it has not named for this product");
  if (bytes < workspace_bytes[number])
    return CUBLAS_STATUS_INVALID_VALUE;
  operands.a = matrix (a, a_is);
  operands.b = matrix (b, b_is);
  operands.c = matrix (c, d_is);
  operands.d = matrix (d, d_is);
  operands.bias
      = product.bias ? (const uint16_t *) driver::device_range ((CUdeviceptr) product.bias, d_is.rows * 2) : nullptr;
  operands.workspace_bytes = workspace_bytes[number];
  operands.workspace = bytes ? driver::device_range ((CUdeviceptr) workspace, bytes) : nullptr;
  memcpy (&operands.alpha, alpha, sizeof operands.alpha);
  memcpy (&operands.beta, beta, sizeof operands.beta);
  driver::push ((CUstream) stream, [=] { multiply (operands, a_is, b_is, d_is); },
                call_milliseconds + (double) d_is.rows * (double) d_is.columns * value_milliseconds[number]);
  return CUBLAS_STATUS_SUCCESS;
}
