/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the CPU backend share: the backend itself, a program being compiled, and one being run.
 */

#pragma once

#include <oneapi/dnnl/dnnl.h>

#include "../backend.h"
#include "operators.h"
#include "store.h"

typedef struct
{
  GessoBackend base;
  int n_threads;
  const GessoCpuKernels *kernels;
  dnnl_engine_t engine;
  dnnl_stream_t stream;
  struct _GessoIdleTeam *idle_team; /* nullable */
} GessoCpuBackend;

struct _GessoBuffer
{
  guint8 *data;
  gsize bytes;
};

/* A vector that an operation reads: a weight, or a tensor computed by the plan or bound to it. */
typedef struct
{
  GessoCpuWeight *weight;
  const GessoTensor *tensor;
} GessoCpuVector;

/* One plan being run. */
typedef struct
{
  GessoProgram *program;
  GessoCpuContext context;
  dnnl_stream_t stream;
  guint8 *arena;
  guint8 *scratch; /* of the running step */
  const GessoBinding *inputs;
  const GessoBinding *outputs;
} GessoCpuRun;

/* An operation, ready to run; made by one of the compile functions below. */
typedef struct _GessoCpuOp GessoCpuOp;
typedef struct
{
  /* Runs plan step `step`. FALSE with an error, or without one where an operator was cancelled. */
  gboolean (*run) (GessoCpuOp *op, GessoCpuRun *run, const GessoPlanStep *step, GError **error);
  /* Generates code; NULL: nothing to do. */
  gboolean (*prepare) (GessoCpuOp *op, dnnl_engine_t engine, GError **error);
  void (*free) (GessoCpuOp *op);
} GessoCpuOpClass;

struct _GessoCpuOp
{
  const GessoCpuOpClass *class;
  const GessoOp *op;
  gsize scratch; /* bytes that run() needs at GessoCpuRun.scratch */
};

struct _GessoProgram
{
  GessoCpuBackend *backend;
  GessoStore *store;
  const GessoPlan *plan;
  GPtrArray *ops;     /* of GessoCpuOp, as plan->ops */
  GPtrArray *weights; /* of GessoCpuWeight, each once */
  GHashTable *wanted; /* the same as a set */
  gsize scratch;      /* the most that any operation needs */
  gboolean loaded;
};

/* Whether `op`, a convolution, is for gesso_cpu_compile_winograd() rather than gesso_cpu_compile_conv(). */
gboolean gesso_cpu_winograd_suits (const GessoProgram *program, const GessoOp *op);

/* Compile one operation; `steps` are the plan's steps of it. */
GessoCpuOp *gesso_cpu_compile_winograd (GessoProgram *program, const GessoOp *op, const GArray *steps);
GessoCpuOp *gesso_cpu_compile_conv (GessoProgram *program, const GessoOp *op, const GArray *steps, GError **error);
GessoCpuOp *gesso_cpu_compile_linear (GessoProgram *program, const GessoOp *op, const GArray *steps, GError **error);
GessoCpuOp *gesso_cpu_compile_operator (GessoProgram *program, const GessoOp *op, GError **error);

/* Notes that `program` wants `weight` (one want of the store's is taken over; a second one of the same is dropped). */
GessoCpuWeight *gesso_program_take (GessoProgram *program, GessoCpuWeight *weight);
/* All of the weight tensor `tensor` in `dtype`. */
GessoCpuWeight *gesso_program_want (GessoProgram *program, const GessoTensor *tensor, GessoDType dtype);
/* `tensor` (nullable) as a vector of F32. */
GessoCpuVector gesso_program_vector (GessoProgram *program, const GessoTensor *tensor);

/* Where `tensor` (no weight) lies in this run. */
guint8 *gesso_run_data (const GessoCpuRun *run, const GessoTensor *tensor);
/* The values of `vector`; NULL for an empty one. */
const void *gesso_run_vector (const GessoCpuRun *run, const GessoCpuVector *vector);

/* `bytes` rounded up so that what follows is aligned as tensors are. */
static inline gsize
gesso_cpu_align (gsize bytes)
{
  return (bytes + GESSO_ARENA_ALIGNMENT - 1) / GESSO_ARENA_ALIGNMENT * GESSO_ARENA_ALIGNMENT;
}
