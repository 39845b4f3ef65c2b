/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "onednn.h"

#include <string.h>

#include <oneapi/dnnl/dnnl_debug.h>

#include <glib/gi18n-lib.h>

gboolean
gesso_onednn_check (dnnl_status_t status, const char *what, GError **error)
{
  if (status == dnnl_success)
    return TRUE;
  if (status == dnnl_out_of_memory)
    g_set_error (error, GESSO_ERROR, GESSO_ERROR_OUT_OF_MEMORY,
                 _ ("oneDNN ran out of memory in %s. Close other programs, or choose a smaller picture."), what);
  else
    g_set_error (error, GESSO_ERROR, GESSO_ERROR_DEVICE, _ ("oneDNN cannot do %s here: %s."), what,
                 dnnl_status2str (status));
  return FALSE;
}

dnnl_data_type_t
gesso_onednn_dtype (GessoDType dtype)
{
  switch (dtype)
    {
    case GESSO_DTYPE_F32:
      return dnnl_f32;
    case GESSO_DTYPE_BF16:
      return dnnl_bf16;
    default:
      return dnnl_data_type_undef;
    }
}

/* Index of the post operation that multiplies or adds, for its argument's number. */
static int
post_index (const GessoProductTail *tail, gboolean of_add)
{
  return (tail->activation != GESSO_ACTIVATION_NONE) + (of_add && tail->multiply);
}

static dnnl_status_t
append_activation (dnnl_post_ops_t ops, GessoActivation activation)
{
  switch (activation)
    {
    case GESSO_ACTIVATION_SILU:
      return dnnl_post_ops_append_eltwise (ops, dnnl_eltwise_swish, 1.0f, 0.0f);
    case GESSO_ACTIVATION_QUICK_GELU:
      return dnnl_post_ops_append_eltwise (ops, dnnl_eltwise_swish, 1.702f, 0.0f);
    case GESSO_ACTIVATION_GELU:
      return dnnl_post_ops_append_eltwise (ops, dnnl_eltwise_gelu_erf, 0.0f, 0.0f);
    default:
      return dnnl_success;
    }
}

/* Attributes for `tail` behind an output described by `dst`; the caller destroys them. */
static dnnl_status_t
make_attributes (const GessoProductTail *tail, const_dnnl_memory_desc_t dst, dnnl_primitive_attr_t *attributes)
{
  dnnl_post_ops_t ops = NULL;
  dnnl_status_t status = dnnl_primitive_attr_create (attributes);

  if (status == dnnl_success)
    status = dnnl_primitive_attr_set_scratchpad_mode (*attributes, dnnl_scratchpad_mode_user);
  if (status == dnnl_success)
    status = dnnl_post_ops_create (&ops);
  if (status == dnnl_success)
    status = append_activation (ops, tail->activation);
  if (status == dnnl_success && tail->multiply)
    status = dnnl_post_ops_append_binary (ops, dnnl_binary_mul, dst);
  if (status == dnnl_success && tail->add)
    status = dnnl_post_ops_append_binary (ops, dnnl_binary_add, dst);
  if (status == dnnl_success)
    status = dnnl_primitive_attr_set_post_ops (*attributes, ops);
  dnnl_post_ops_destroy (ops);
  return status;
}

/* Notes what the arguments of a chosen product will be; their memory objects come with prepare(). */
static void
note_arguments (GessoProduct *product, gboolean bias, const GessoProductTail *tail)
{
  const_dnnl_memory_desc_t scratchpad = dnnl_primitive_desc_query_md (product->desc, dnnl_query_scratchpad_md, 0);

  product->args[product->n_args++].arg = DNNL_ARG_SRC;
  product->args[product->n_args++].arg = DNNL_ARG_WEIGHTS;
  product->args[product->n_args++].arg = DNNL_ARG_DST;
  product->args[product->n_args++].arg = DNNL_ARG_SCRATCHPAD;
  if (bias)
    product->args[product->n_args++].arg = DNNL_ARG_BIAS;
  if (tail->multiply)
    product->args[product->n_args++].arg = DNNL_ARG_ATTR_MULTIPLE_POST_OP (post_index (tail, FALSE)) | DNNL_ARG_SRC_1;
  if (tail->add)
    product->args[product->n_args++].arg = DNNL_ARG_ATTR_MULTIPLE_POST_OP (post_index (tail, TRUE)) | DNNL_ARG_SRC_1;
  product->scratchpad = dnnl_memory_desc_get_size (scratchpad);
  if (dnnl_primitive_desc_query (product->desc, dnnl_query_impl_info_str, 0, &product->name) != dnnl_success)
    product->name = "?";
}

/* The shapes of a product of either kind, and how its input and output lie. */
typedef struct
{
  GessoDType dtype;
  int rank;
  dnnl_format_tag_t tag;
  int bias_rank; /* 0: no bias */
  dnnl_dims_t src, weights, bias, dst;
  const GessoProductTail *tail;
} Geometry;

/* What a product of either kind is described by. */
typedef struct
{
  dnnl_memory_desc_t src, any_weights, bias, dst;
  const_dnnl_memory_desc_t weights; /* those given, or any */
  dnnl_primitive_attr_t attributes;
} Description;

static void
description_clear (Description *description)
{
  dnnl_primitive_attr_destroy (description->attributes);
  dnnl_memory_desc_destroy (description->dst);
  dnnl_memory_desc_destroy (description->bias);
  dnnl_memory_desc_destroy (description->any_weights);
  dnnl_memory_desc_destroy (description->src);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Description, description_clear)

/* Weights lie as given, or where that is NULL as oneDNN likes best. */
static dnnl_status_t
describe (Description *description, const Geometry *geometry, const_dnnl_memory_desc_t weights)
{
  const dnnl_data_type_t type = gesso_onednn_dtype (geometry->dtype);
  const int rank = geometry->rank;
  dnnl_status_t status = dnnl_memory_desc_create_with_tag (&description->src, rank, geometry->src, type, geometry->tag);

  if (status == dnnl_success)
    status = dnnl_memory_desc_create_with_tag (&description->any_weights, rank, geometry->weights, type,
                                               dnnl_format_tag_any);
  if (status == dnnl_success && geometry->bias_rank)
    status = dnnl_memory_desc_create_with_tag (&description->bias, geometry->bias_rank, geometry->bias, dnnl_f32,
                                               geometry->bias_rank == 1 ? dnnl_a : dnnl_ab);
  if (status == dnnl_success)
    status = dnnl_memory_desc_create_with_tag (&description->dst, rank, geometry->dst, type, geometry->tag);
  if (status == dnnl_success)
    status = make_attributes (geometry->tail, description->dst, &description->attributes);
  description->weights = weights ? weights : description->any_weights;
  return status;
}

/* Has oneDNN choose an implementation of what was described; `shape`: the product's own. */
typedef dnnl_status_t (*ChooseFunc) (dnnl_primitive_desc_t *desc, dnnl_engine_t engine, const Description *description,
                                     const void *shape);

static gboolean
choose (GessoProduct *product, dnnl_engine_t engine, const Geometry *geometry, const_dnnl_memory_desc_t weights,
        ChooseFunc func, const void *shape, const char *what, GError **error)
{
  g_auto (Description) description = { 0 };
  dnnl_status_t status;

  memset (product, 0, sizeof *product);
  status = describe (&description, geometry, weights);
  if (status == dnnl_success)
    status = func (&product->desc, engine, &description, shape);
  if (status == dnnl_success)
    note_arguments (product, geometry->bias_rank > 0, geometry->tail);
  return gesso_onednn_check (status, what, error);
}

static dnnl_status_t
choose_conv (dnnl_primitive_desc_t *desc, dnnl_engine_t engine, const Description *description, const void *own)
{
  const GessoConvShape *shape = own;
  const dnnl_dims_t strides = { shape->stride, shape->stride };
  const dnnl_dims_t dilates = { 0, 0 };
  const dnnl_dims_t pad_begin = { shape->pad_top, shape->pad_left };
  const dnnl_dims_t pad_end = { shape->pad_bottom, shape->pad_right };

  return dnnl_convolution_forward_primitive_desc_create (
      desc, engine, dnnl_forward_inference, dnnl_convolution_direct, description->src, description->weights,
      description->bias, description->dst, strides, dilates, pad_begin, pad_end, description->attributes);
}

static dnnl_status_t
choose_linear (dnnl_primitive_desc_t *desc, dnnl_engine_t engine, const Description *description, const void *own)
{
  return dnnl_matmul_primitive_desc_create (desc, engine, description->src, description->weights, description->bias,
                                            description->dst, description->attributes);
}

gboolean
gesso_product_choose_conv (GessoProduct *product, dnnl_engine_t engine, const GessoConvShape *shape,
                           const_dnnl_memory_desc_t weights, GError **error)
{
  const Geometry geometry = {
    .dtype = shape->dtype,
    .rank = 4,
    .tag = dnnl_nhwc,
    .bias_rank = shape->bias ? 1 : 0,
    .src = { shape->batch, shape->in_channels, shape->in_rows, shape->in_width },
    .weights = { shape->out_channels, shape->in_channels, shape->kernel_h, shape->kernel_w },
    .bias = { shape->out_channels },
    .dst = { shape->batch, shape->out_channels, shape->out_rows, shape->out_width },
    .tail = &shape->tail,
  };

  return choose (product, engine, &geometry, weights, choose_conv, shape, "convolution", error);
}

gboolean
gesso_product_choose_linear (GessoProduct *product, dnnl_engine_t engine, const GessoLinearShape *shape,
                             const_dnnl_memory_desc_t weights, GError **error)
{
  const Geometry geometry = {
    .dtype = shape->dtype,
    .rank = 2,
    .tag = dnnl_ab,
    .bias_rank = shape->bias ? 2 : 0,
    .src = { shape->rows, shape->in },
    .weights = { shape->in, shape->out },
    .bias = { 1, shape->out },
    .dst = { shape->rows, shape->out },
    .tail = &shape->tail,
  };

  return choose (product, engine, &geometry, weights, choose_linear, shape, "matrix product", error);
}

gboolean
gesso_product_is_fast (const GessoProduct *product)
{
  return product->desc && !g_str_has_prefix (product->name, "ref");
}

const_dnnl_memory_desc_t
gesso_product_weights (const GessoProduct *product)
{
  return dnnl_primitive_desc_query_md (product->desc, dnnl_query_weights_md, 0);
}

/* The description of argument `arg` in the chosen implementation. */
static const_dnnl_memory_desc_t
argument_desc (const GessoProduct *product, int arg)
{
  switch (arg)
    {
    case DNNL_ARG_SRC:
      return dnnl_primitive_desc_query_md (product->desc, dnnl_query_src_md, 0);
    case DNNL_ARG_WEIGHTS:
      return gesso_product_weights (product);
    case DNNL_ARG_BIAS:
      return dnnl_primitive_desc_query_md (product->desc, dnnl_query_weights_md, 1);
    case DNNL_ARG_SCRATCHPAD:
      return dnnl_primitive_desc_query_md (product->desc, dnnl_query_scratchpad_md, 0);
    default: /* the output, and what is multiplied or added to it */
      return dnnl_primitive_desc_query_md (product->desc, dnnl_query_dst_md, 0);
    }
}

gboolean
gesso_product_prepare (GessoProduct *product, dnnl_engine_t engine, GError **error)
{
  dnnl_status_t status = dnnl_success;

  if (!product->primitive)
    status = dnnl_primitive_create (&product->primitive, product->desc);
  for (int i = 0; i < product->n_args && status == dnnl_success; i++)
    if (!product->args[i].memory)
      status = dnnl_memory_create (&product->args[i].memory, argument_desc (product, product->args[i].arg), engine,
                                   DNNL_MEMORY_NONE);
  return gesso_onednn_check (status, product->name, error);
}

gboolean
gesso_product_run (GessoProduct *product, dnnl_stream_t stream, const GessoProductData *data, GError **error)
{
  /* After the first four come what is there of bias, multiply and add, in this order. */
  const void *const optional[] = { data->bias, data->multiply, data->add };
  const void *pointers[G_N_ELEMENTS (product->args)] = { data->src, data->weights, data->dst, data->scratchpad };
  dnnl_status_t status = dnnl_success;
  int n = 4;

  for (gsize i = 0; i < G_N_ELEMENTS (optional); i++)
    if (optional[i])
      pointers[n++] = optional[i];
  g_return_val_if_fail (n == product->n_args, FALSE);
  for (int i = 0; i < n && status == dnnl_success; i++)
    status = dnnl_memory_set_data_handle (product->args[i].memory, (void *) pointers[i]);
  if (status == dnnl_success)
    status = dnnl_primitive_execute (product->primitive, stream, product->n_args, product->args);
  if (status == dnnl_success)
    status = dnnl_stream_wait (stream);
  return gesso_onednn_check (status, product->name, error);
}

void
gesso_product_clear (GessoProduct *product)
{
  for (int i = 0; i < product->n_args; i++)
    dnnl_memory_destroy (product->args[i].memory);
  dnnl_primitive_destroy (product->primitive);
  dnnl_primitive_desc_destroy (product->desc);
  memset (product, 0, sizeof *product);
}
