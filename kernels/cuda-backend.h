/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the CUDA backend share: the backend, its buffers and its programs.
 */

#pragma once

#include "backend.h"
#include "cuda-device.h"
#include "launcher.h"
#include "store.h"
#include "tuning.h"

/* Runs that may be queued. A step is two, the U-Net and the update: with three the next step waits on the card while
 * one is computed, and a look at the cancellable is never further than two steps. */
#define GESSO_CUDA_RUNS_AHEAD 3

typedef struct
{
  GessoBackend base;
  GessoCudaDevice *device;
  GessoCublasLt *lt; /* NULL: not here */
  char *why_no_lt;
  GessoTuning *tuning;
  GessoLauncher *launchers[2];             /* F16, BF16; as they are first needed */
  CUevent run_done[GESSO_CUDA_RUNS_AHEAD]; /* of the last runs, in turn */
  guint64 n_runs;
} GessoCudaBackend;

struct _GessoBuffer
{
  CUdeviceptr address;
  gsize bytes;
};

/* The weights among an operation's operands, in the form that it wants (NULL where there is none), and its steps. */
typedef struct
{
  GessoCudaWeight *weight, *bias, *inputs[2];
  GessoCudaWeight *lt_bias;      /* the bias again, as cuBLASLt wants it */
  GessoCudaWeight *gamma, *beta; /* of a norm that is folded in */
  /* How many operations from this one on are queued as one launch: more than one of linear layers with one input, and
   * 0 of those that an earlier one takes along. */
  int n_members;
  /* Of a product: the plan's step of most rows, whose way all go, and the rows of the shortest where there are more. Of
   * attention, the step of most queries. */
  guint tallest;
  gint64 shortest;
} GessoCudaOperands;

struct _GessoProgram
{
  GessoCudaBackend *backend;
  GessoLauncher *launcher;
  GessoStore *store;
  const GessoPlan *plan;
  GPtrArray *weights;          /* of GessoCudaWeight, each once */
  GessoCudaOperands *operands; /* by operation */
  GArray *open;                /* of GessoProduct: those whose way is to be measured, without addresses */
  GArray *open_attention;      /* the same of GessoAttention */
  gboolean loaded;
  /* The workspace: the plan's arena, scratch of a running operation, and copies of small inputs. */
  gsize scratch, scratch_at;
  gsize *copy_at; /* by input: where its copy lies; 0: bound as it is */
  gsize workspace;
  /* The recording of a run, and the addresses it was made for: workspace, inputs, outputs. */
  gboolean is_long; /* launches enough to be worth recording, and the driver has not refused it */
  CUgraphExec recording;
  CUdeviceptr *recorded, *latest; /* of the recording; of the last run */
};

/* Where things lie in one run: the workspace, then the plan's inputs, then its outputs. */
guint gesso_cuda_n_addresses (const GessoProgram *program);

/* Says of every operation of the plan how many are queued with it. */
void gesso_cuda_find_groups (GessoProgram *program);

/* Notes the weights that `op` wants, and tells the bytes of scratch that it needs; DEVICE where it cannot be computed
 * here. */
gboolean gesso_cuda_operation_prepare (GessoProgram *program, const GessoOp *op, gsize *scratch, GError **error);
/* Queues step `*next` of a run at `addresses`, and those behind it that go in the same launch; `*next` is then the one
 * that follows. */
gboolean gesso_cuda_operation_queue (const GessoProgram *program, const CUdeviceptr *addresses, guint *next,
                                     GError **error);

/* warpgroups.c: takes the launcher's warpgroups away where they do not compute what they should. FALSE where the card
 * failed. */
gboolean gesso_cuda_prove_warpgroups (GessoCudaDevice *device, GessoLauncher *launcher, GError **error);

/* The functions of GessoBackend that concern programs. */
GessoProgram *gesso_cuda_program_compile (GessoBackend *backend, GessoStore *store, const GessoPlan *plan,
                                          GCancellable *cancellable, GError **error);
void gesso_cuda_program_report (GessoBackend *backend, GessoProgram *program, GessoProgramMemory *memory);
gboolean gesso_cuda_program_load (GessoBackend *backend, GessoProgram *program, GessoLoadFunc progress,
                                  gpointer progress_data, GCancellable *cancellable, GError **error);
void gesso_cuda_program_unload (GessoBackend *backend, GessoProgram *program);
void gesso_cuda_program_free (GessoBackend *backend, GessoProgram *program);
gboolean gesso_cuda_program_run (GessoBackend *backend, GessoProgram *program, GessoBuffer *workspace,
                                 const GessoBinding *inputs, const GessoBinding *outputs, GCancellable *cancellable,
                                 GError **error);
/* Gives up the recording of a run. */
void gesso_cuda_program_forget (GessoProgram *program);

static inline gsize
gesso_cuda_tensor_bytes (const GessoTensor *tensor)
{
  return (gsize) gesso_shape_elements (&tensor->shape) * gesso_dtype_size (tensor->dtype);
}
