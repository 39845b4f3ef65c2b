/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the reference backend share.
 */

#pragma once

#include "reference-backend.h"

typedef struct
{
  GessoBackend base;
  GessoFusions fusions;
  double flops_per_second;
  double max_step_seconds;
  gsize max_norm_band_bytes;
  guint64 memory; /* the limit */
  guint64 held;   /* of it, in buffers and weights */
  gboolean separate;
  GessoReferenceStepFunc step_func;
  gpointer step_data;
} ReferenceBackend;

struct _GessoBuffer
{
  guint8 *data;
  gsize bytes;
};

/* One weight as f32, as the file has it or (MATRIX) turned so that the output channel is innermost: [kh, kw, in, out].
 */
typedef struct
{
  char *key;
  char *name;
  GessoDType dtype; /* rounded to */
  GessoShape shape;
  gboolean matrix;
  float *values;  /* while loaded */
  int n_programs; /* loaded ones that use it */
} ReferenceWeight;

struct _GessoStore
{
  GessoWeightSource source;
  GHashTable *weights; /* key -> ReferenceWeight */
};

struct _GessoProgram
{
  GessoStore *store;
  const GessoPlan *plan;
  GPtrArray *weights;       /* of ReferenceWeight, each once; the store's */
  ReferenceWeight **matrix; /* by tensor id */
  ReferenceWeight **plain;
  gsize scratch; /* bytes behind the arena */
  gboolean loaded;
};

/* Memory that counts against the limit; zeroed. */
void *gesso_reference_take (ReferenceBackend *backend, guint64 bytes, const char *what, GError **error);
void gesso_reference_give (ReferenceBackend *backend, void *memory, guint64 bytes);

/* program.c */
GessoStore *gesso_reference_store_new (GessoBackend *backend, const GessoWeightSource *source);
void gesso_reference_store_free (GessoBackend *backend, GessoStore *store);
GessoProgram *gesso_reference_compile (GessoBackend *backend, GessoStore *store, const GessoPlan *plan,
                                       GCancellable *cancellable, GError **error);
void gesso_reference_report (GessoBackend *backend, GessoProgram *program, GessoProgramMemory *memory);
gboolean gesso_reference_load (GessoBackend *backend, GessoProgram *program, GessoLoadFunc progress,
                               gpointer progress_data, GCancellable *cancellable, GError **error);
void gesso_reference_unload (GessoBackend *backend, GessoProgram *program);
void gesso_reference_program_free (GessoBackend *backend, GessoProgram *program);

/* run.c */
gsize gesso_reference_op_scratch (const GessoOp *op);
gboolean gesso_reference_run (GessoBackend *backend, GessoProgram *program, GessoBuffer *workspace,
                              const GessoBinding *inputs, const GessoBinding *outputs, GCancellable *cancellable,
                              GError **error);
