/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * oneDNN as the rest of this room sees it: a "product" is one convolution or matrix product of fixed shape, with what
 * is fused behind it, that runs on pointers.
 */

#pragma once

#include <oneapi/dnnl/dnnl.h>

#include "../graph/graph.h"

/* What follows a product, in this order: activation, times a tensor, plus a tensor (both of the output's shape). */
typedef struct
{
  GessoActivation activation;
  gboolean multiply;
  gboolean add;
} GessoProductTail;

/* A convolution: src [batch, in_rows, in_width, in_channels], dst [batch, out_rows, out_width, out_channels], both
 * contiguous, weights [out_channels, in_channels, kernel_h, kernel_w]. */
typedef struct
{
  GessoDType dtype;
  gint64 batch, in_rows, in_width, in_channels, out_rows, out_width, out_channels;
  gint64 kernel_h, kernel_w, stride;
  gint64 pad_top, pad_left, pad_bottom, pad_right;
  gboolean bias;
  GessoProductTail tail;
} GessoConvShape;

/* A matrix product: src [rows, in], dst [rows, out], weights [out, in] of the file (oneDNN: [in, out], transposed). */
typedef struct
{
  GessoDType dtype;
  gint64 rows, in, out;
  gboolean bias;
  GessoProductTail tail;
} GessoLinearShape;

typedef struct
{
  dnnl_primitive_desc_t desc;
  dnnl_primitive_t primitive; /* NULL until prepared */
  int n_args;
  dnnl_exec_arg_t args[8];
  gsize scratchpad; /* bytes */
  const char *name; /* of the implementation */
} GessoProduct;

/* What a product runs on; NULL where it has no such thing. bias: F32 [out]. */
typedef struct
{
  const void *src, *weights, *bias, *multiply, *add;
  void *dst;
  void *scratchpad;
} GessoProductData;

/* Sets `error` (DEVICE, or OUT_OF_MEMORY) unless `status` is success; `what` names the operation. */
gboolean gesso_onednn_check (dnnl_status_t status, const char *what, GError **error);

/* f32 or bf16; undef for what products are not made of. */
dnnl_data_type_t gesso_onednn_dtype (GessoDType dtype);

/* Choose an implementation. `weights`: the layout to take, or NULL: whatever suits oneDNN. Where it cannot: FALSE with
 * DEVICE. The product is to be cleared in any case. */
gboolean gesso_product_choose_conv (GessoProduct *product, dnnl_engine_t engine, const GessoConvShape *shape,
                                    const_dnnl_memory_desc_t weights, GError **error);
gboolean gesso_product_choose_linear (GessoProduct *product, dnnl_engine_t engine, const GessoLinearShape *shape,
                                      const_dnnl_memory_desc_t weights, GError **error);

/* FALSE for oneDNN's reference implementations, which are for proving, not for use. */
gboolean gesso_product_is_fast (const GessoProduct *product);

/* The layout of the weights it runs on; owned by the product. */
const_dnnl_memory_desc_t gesso_product_weights (const GessoProduct *product);

/* Generates the code; what follows can run then. Nothing to do the second time. */
gboolean gesso_product_prepare (GessoProduct *product, dnnl_engine_t engine, GError **error);
gboolean gesso_product_run (GessoProduct *product, dnnl_stream_t stream, const GessoProductData *data, GError **error);

/* Frees what `product` holds; a cleared or zeroed one is fine. */
void gesso_product_clear (GessoProduct *product);
