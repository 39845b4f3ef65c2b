/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A network as a list of operations on shaped tensors.
 *
 * Layout: pictures are [n, h, w, c], sequences [n, l, c]; the channel is always innermost and tensors are
 * contiguous. Weights keep the shapes of the file: convolution [out, in, kh, kw], linear [out, in].
 *
 * Building never fails half way: a shape that does not fit is remembered as the graph's error, every later call
 * returns a harmless tensor, and gesso_graph_finish() reports it. So networks/ reads like the recipe.
 */

#pragma once

#include "../config.h"
#include "../gesso.h"

#define GESSO_MAX_DIMS 4
#define GESSO_MAX_INPUTS 8

typedef enum
{
  GESSO_DTYPE_F32,
  GESSO_DTYPE_F16,
  GESSO_DTYPE_BF16,
  GESSO_DTYPE_I32,
  GESSO_DTYPE_U8,
  GESSO_DTYPE_COMPUTE, /* whatever precision the plan is made for; never left in a finished plan */
} GessoDType;

/* Bytes of one value; 0 for COMPUTE. */
gsize gesso_dtype_size (GessoDType dtype);
/* "f32", "f16", "bf16", "i32", "u8", "compute" */
const char *gesso_dtype_name (GessoDType dtype);

typedef struct
{
  int rank;
  gint64 dim[GESSO_MAX_DIMS]; /* outermost first; unused ones are 1 */
} GessoShape;

#define GESSO_SHAPE1(a) ((GessoShape) { 1, { (a), 1, 1, 1 } })
#define GESSO_SHAPE2(a, b) ((GessoShape) { 2, { (a), (b), 1, 1 } })
#define GESSO_SHAPE3(a, b, c) ((GessoShape) { 3, { (a), (b), (c), 1 } })
#define GESSO_SHAPE4(a, b, c, d) ((GessoShape) { 4, { (a), (b), (c), (d) } })

gint64 gesso_shape_elements (const GessoShape *shape);
gboolean gesso_shape_equal (const GessoShape *a, const GessoShape *b);
/* "[2, 64, 64, 320]", transfer full */
char *gesso_shape_to_string (const GessoShape *shape);
/* The innermost dimension, and the product of all others ("rows"). */
gint64 gesso_shape_channels (const GessoShape *shape);
gint64 gesso_shape_rows (const GessoShape *shape);

typedef struct _GessoGraph GessoGraph;
typedef struct _GessoTensor GessoTensor;
typedef struct _GessoOp GessoOp;

typedef enum
{
  GESSO_TENSOR_INPUT,  /* bound to a buffer by whoever runs the plan */
  GESSO_TENSOR_WEIGHT, /* read from the model by name */
  GESSO_TENSOR_VALUE,  /* computed by an operation */
} GessoTensorKind;

struct _GessoTensor
{
  int id; /* index in graph->tensors */
  GessoTensorKind kind;
  char *name; /* of inputs, weights and outputs; else NULL */
  GessoDType dtype;
  GessoShape shape;
  GessoOp *producer;    /* of a VALUE that is no view */
  GessoTensor *view_of; /* the same memory under another shape; NULL for a tensor with memory of its own */
  gboolean is_output;   /* bound to a buffer like an input; must have memory of its own */
};

/* The formula of each operation. "rows" are all but the innermost dimension. Accumulation is always in f32. */
typedef enum
{
  /* inputs[0] [n,h,w,i], weight [o,i,kh,kw], bias [o] or NULL, residual or NULL -> [n,oh,ow,o].
   * The input is first (each only if set, in this order) normalised by `norm` (see GessoOpNorm), and enlarged to
   * conv.virtual_height x conv.virtual_width by nearest neighbour (source index = floor (y * h / virtual_height)).
   * Zero padding comes after both. out = activation (conv + bias) + residual */
  GESSO_OP_CONV2D,
  /* inputs[0] [..,i], weight [o,i], bias [o] or NULL, residual or NULL -> [..,o].
   * out = activation (x w' + bias) + residual; with geglu: weight [2o,i], bias [2o],
   * out = (x w1' + b1) * gelu (x w2' + b2) + residual, where w1 are the first o rows */
  GESSO_OP_LINEAR,
  /* inputs: q [n,lq,c], k [m,lk,c], v [m,lk,c] -> [n,lq,c]; m divides n and picture i uses row i / (n / m).
   * heads split the channel; softmax (scale q k' + causal mask) v, softmax in f32 */
  GESSO_OP_ATTENTION,
  /* inputs[0] [n,..,c], weight (gamma) [c], bias (beta) [c] -> same shape. Groups are c / norm.groups neighbouring
   * channels; biased variance; activation afterwards */
  GESSO_OP_GROUP_NORM,
  /* inputs[0] [n,..,c] -> F32 [n, groups, 2]: mean and 1 / sqrt (variance + eps), what GROUP_NORM would use */
  GESSO_OP_GROUP_STATISTICS,
  /* inputs[0] [..,c], weight [c], bias [c] -> same shape; over the innermost dimension */
  GESSO_OP_LAYER_NORM,
  /* inputs[0] -> activation (inputs[0]) */
  GESSO_OP_ACTIVATION,
  /* inputs[0] [..,2c] -> [..,c]: first half * gelu (second half) */
  GESSO_OP_GEGLU,
  /* inputs[0], inputs[1] -> inputs[0] + inputs[1]; inputs[1] has the same shape or is a vector [c] */
  GESSO_OP_ADD,
  /* inputs[0], inputs[1] -> joined along the innermost dimension */
  GESSO_OP_CONCAT,
  /* inputs[0] [n,h,w,c] -> [n,oh,ow,c], nearest: source index = floor (y * h / oh) */
  GESSO_OP_UPSAMPLE,
  /* inputs[0] I32 [n,l], weight [vocab,c], bias (positions) [>= l,c] -> [n,l,c]: weight[id] + bias[position].
   * Ids are checked against vocab before the plan runs */
  GESSO_OP_EMBEDDING,
  /* inputs[0] -> the same values in output->dtype */
  GESSO_OP_CAST,
  /* inputs[0] [n,..] -> [n * repeat,..]: the whole tensor `repeat` times */
  GESSO_OP_REPEAT,
  /* inputs[0..k-1] of one shape, inputs[k] F32 [k] (coefficients) -> sum of coefficient[i] * inputs[i].
   * A term whose coefficient is 0 contributes nothing, whatever it holds. k <= 7 */
  GESSO_OP_COMBINE,
  /* inputs[0] [..,c], inputs[1] F32 [3,c+1] (for each of red, green and blue a factor a channel, then an offset)
   * -> U8 [..,3]: 255 times the sum of factor * channel and the offset, clamped to 0..1; to nearest even, NaN to 0 */
  GESSO_OP_PIXELS,
  /* inputs[0] -> I32 [1]: 1 where every value is a finite number, else 0 */
  GESSO_OP_IS_FINITE,
  GESSO_N_OPS
} GessoOpKind;

const char *gesso_op_kind_name (GessoOpKind kind);

/* Group norm folded into a convolution's input: y = act ((x - mean) * rstd * gamma + beta). */
typedef struct
{
  GessoTensor *statistics; /* F32 [n, groups, 2] or NULL: no norm */
  GessoTensor *gamma;
  GessoTensor *beta;
  int groups;
  GessoActivation activation;
} GessoOpNorm;

struct _GessoOp
{
  GessoOpKind kind;
  int id; /* index in the list it is in */
  int n_inputs;
  GessoTensor *inputs[GESSO_MAX_INPUTS];
  GessoTensor *weight;
  GessoTensor *bias;     /* a WEIGHT, or an INPUT or VALUE of dtype F32 and shape [o] */
  GessoTensor *residual; /* shape of the output */
  GessoActivation activation;
  GessoTensor *output;
  union
  {
    struct
    {
      int stride;
      int pad_top, pad_left, pad_bottom, pad_right;
      int virtual_height, virtual_width; /* 0: the input's own */
    } conv;
    struct
    {
      gboolean geglu;
    } linear;
    struct
    {
      int heads;
      float scale;
      gboolean causal; /* query i sees keys 0..i */
    } attention;
    struct
    {
      int groups; /* group norm and statistics */
      float eps;
    } norm;
    struct
    {
      int times;
    } repeat;
  };
  GessoOpNorm input_norm; /* CONV2D only */
};

struct _GessoGraph
{
  char *name;         /* "unet", for messages */
  GPtrArray *tensors; /* of GessoTensor, owned */
  GPtrArray *ops;     /* of GessoOp, owned, in an order in which they can run */
  GPtrArray *inputs;  /* of GessoTensor, in the order they were made */
  GPtrArray *outputs; /* of GessoTensor, in the order they were marked */
  GError *error;      /* the first thing that did not fit, or NULL */
};

GessoGraph *gesso_graph_new (const char *name);
void gesso_graph_free (GessoGraph *graph);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GessoGraph, gesso_graph_free)

/* TRUE when everything fitted; else the remembered error (MODEL_INVALID, naming operation and shapes). */
gboolean gesso_graph_finish (GessoGraph *graph, GError **error);

GessoTensor *gesso_graph_input (GessoGraph *graph, const char *name, GessoDType dtype, GessoShape shape);
/* The weight `name` as a tensor; asking twice for one name gives one tensor. `name` is copied. */
GessoTensor *gesso_graph_weight (GessoGraph *graph, const char *name, GessoShape shape);
/* Marks `tensor` as an output under `name`; a view, an input or a weight is copied through a CAST first. */
void gesso_graph_output (GessoGraph *graph, GessoTensor *tensor, const char *name);

typedef struct
{
  int stride;
  int pad_top, pad_left, pad_bottom, pad_right;
} GessoConvGeometry;

GessoTensor *gesso_graph_conv2d (GessoGraph *graph, GessoTensor *x, GessoTensor *weight, GessoTensor *bias,
                                 GessoConvGeometry geometry);
GessoTensor *gesso_graph_linear (GessoGraph *graph, GessoTensor *x, GessoTensor *weight, GessoTensor *bias);
GessoTensor *gesso_graph_attention (GessoGraph *graph, GessoTensor *q, GessoTensor *k, GessoTensor *v, int heads,
                                    float scale, gboolean causal);
GessoTensor *gesso_graph_group_norm (GessoGraph *graph, GessoTensor *x, GessoTensor *gamma, GessoTensor *beta,
                                     int groups, float eps);
GessoTensor *gesso_graph_layer_norm (GessoGraph *graph, GessoTensor *x, GessoTensor *gamma, GessoTensor *beta,
                                     float eps);
GessoTensor *gesso_graph_activation (GessoGraph *graph, GessoTensor *x, GessoActivation activation);
GessoTensor *gesso_graph_geglu (GessoGraph *graph, GessoTensor *x);
GessoTensor *gesso_graph_add (GessoGraph *graph, GessoTensor *a, GessoTensor *b);
GessoTensor *gesso_graph_concat (GessoGraph *graph, GessoTensor *a, GessoTensor *b);
GessoTensor *gesso_graph_upsample (GessoGraph *graph, GessoTensor *x, gint64 height, gint64 width);
GessoTensor *gesso_graph_embedding (GessoGraph *graph, GessoTensor *ids, GessoTensor *table, GessoTensor *positions);
GessoTensor *gesso_graph_cast (GessoGraph *graph, GessoTensor *x, GessoDType dtype);
GessoTensor *gesso_graph_repeat (GessoGraph *graph, GessoTensor *x, int times);
/* `n` terms; coefficients: F32 [n] */
GessoTensor *gesso_graph_combine (GessoGraph *graph, int n, GessoTensor *const *terms, GessoTensor *coefficients);
/* `colours`: F32 [3, c + 1] */
GessoTensor *gesso_graph_pixels (GessoGraph *graph, GessoTensor *x, GessoTensor *colours);
GessoTensor *gesso_graph_is_finite (GessoGraph *graph, GessoTensor *x);
/* A view: the same number of elements under another shape. */
GessoTensor *gesso_graph_reshape (GessoGraph *graph, GessoTensor *x, GessoShape shape);
