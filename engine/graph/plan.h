/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A plan: a graph, fused as far as a backend can take it, cut into steps that are short enough to cancel
 * between, with every intermediate tensor at its place in one arena.
 */

#pragma once

#include "graph.h"

/* What a backend folds into one operation. Where a flag is missing the plan keeps the separate operation. */
typedef enum
{
  GESSO_FUSE_BIAS = 1 << 0,           /* ADD of a vector into the bias of CONV2D / LINEAR that have none */
  GESSO_FUSE_ACTIVATION = 1 << 1,     /* ACTIVATION into CONV2D, LINEAR, GROUP_NORM */
  GESSO_FUSE_RESIDUAL = 1 << 2,       /* ADD of the same shape into CONV2D, LINEAR */
  GESSO_FUSE_GEGLU = 1 << 3,          /* GEGLU into LINEAR */
  GESSO_FUSE_UPSAMPLE = 1 << 4,       /* UPSAMPLE into CONV2D */
  GESSO_FUSE_NORM_INTO_CONV = 1 << 5, /* GROUP_NORM (+ activation) into a following CONV2D of stride 1 as
                                         GROUP_STATISTICS + input_norm */
  GESSO_FUSE_ALL = (1 << 6) - 1,
} GessoFusions;

typedef struct
{
  GessoPrecision precision;  /* F32, BF16 or F16: what COMPUTE becomes */
  GessoFusions fusions;      /* what the backend takes */
  double flops_per_second;   /* careful estimate of the backend's rate, for the cutting */
  double max_step_seconds;   /* an operation estimated above it is cut into row bands */
  double conv3_share;        /* what counts for the cutting of the products of a 3x3 convolution of stride 1, where a
                                backend computes fewer or looks at the cancellable between them; 0: all */
  gsize max_norm_band_bytes; /* bands of a CONV2D with input_norm or a virtual size keep their prepared input below
                                this, one step doing all pictures where those fit together; 0: no such limit */
} GessoPlanOptions;

/* Where a tensor lies while the plan runs. */
typedef enum
{
  GESSO_PLACE_NONE,   /* not used by any operation (fused away) */
  GESSO_PLACE_ARENA,  /* at offset in the workspace */
  GESSO_PLACE_INPUT,  /* binding index in plan->inputs */
  GESSO_PLACE_OUTPUT, /* binding index in plan->outputs */
  GESSO_PLACE_WEIGHT, /* with the backend */
} GessoPlace;

typedef struct
{
  GessoPlace place;
  gsize offset; /* ARENA: bytes, a multiple of GESSO_ARENA_ALIGNMENT */
  int binding;  /* INPUT, OUTPUT */
} GessoPlacement;

#define GESSO_ARENA_ALIGNMENT 64

/* One unit of work. CONV2D: rows [begin, end) of the output's height, of picture `image` alone (image == -1: all
 * rows of all pictures). LINEAR: rows of the flattened output (image is -1). ATTENTION: query rows of picture
 * `image` (or -1: everything). Any other operation: always everything. */
typedef struct
{
  int op; /* index in plan->ops */
  gint64 image;
  gint64 begin;
  gint64 end;
} GessoPlanStep;

typedef struct
{
  char *name;
  GessoPlanOptions options;
  GPtrArray *tensors;         /* of GessoTensor, owned; dtype never COMPUTE; ids are indices */
  GPtrArray *ops;             /* of GessoOp, owned; fused, in running order */
  GArray *steps;              /* of GessoPlanStep */
  GPtrArray *inputs;          /* of GessoTensor */
  GPtrArray *outputs;         /* of GessoTensor */
  GessoPlacement *placements; /* one a tensor (views too: that of their base) */
  gsize arena_bytes;          /* activations at their peak */
  double flops;               /* multiplications and additions of CONV2D, LINEAR and ATTENTION */
  gint64 parameters;          /* values in all weights together */
} GessoPlan;

/* Makes a plan; the graph is left as it is and may be freed. Errors: MODEL_INVALID, OUT_OF_MEMORY (sizes that
 * overflow). */
GessoPlan *gesso_plan_new (const GessoGraph *graph, const GessoPlanOptions *options, GError **error);
void gesso_plan_free (GessoPlan *plan);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GessoPlan, gesso_plan_free)

/* Index of the input / output `name`, -1 if there is none. */
int gesso_plan_find_input (const GessoPlan *plan, const char *name);
int gesso_plan_find_output (const GessoPlan *plan, const char *name);

/* Where `tensor` lies; views are resolved. */
const GessoPlacement *gesso_plan_placement (const GessoPlan *plan, const GessoTensor *tensor);

/* Multiply-adds x 2 of one operation (0 for those without products). */
double gesso_op_flops (const GessoOp *op);
