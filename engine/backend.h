/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The contract every backend fulfils: it turns plans into something that runs, and knows no model.
 *
 * A backend is a GessoBackend made by an entry point of the type GessoBackendEntry. The CPU backend is linked into
 * the library; others are modules named libgesso-NAME beside the library (never looked for in the working folder)
 * that export GESSO_BACKEND_SYMBOL.
 *
 * Life of a program:
 *   compile()  chooses implementations; allocates nothing of the model's size. The plan must outlive the program
 *   report()   says what it will hold: packed weights, and the workspace to run in
 *   load()     reads and packs the weights (each once per store, whatever programs share it)
 *   run()      as often as you like, with buffers bound to the plan's inputs and outputs
 *   unload()   gives the packed weights up that no other loaded program of the store uses; load() may follow
 *   free
 *
 * All calls for one backend instance come from one thread at a time. Long calls look at the cancellable at least
 * every 100 ms or so and return CANCELLED. Every failure leaves backend, stores and programs usable or freeable.
 * Messages are translated by the backend.
 */

#pragma once

#include "graph/plan.h"

#define GESSO_BACKEND_ABI 3
#define GESSO_BACKEND_SYMBOL "gesso_backend_entry"

typedef struct _GessoBackend GessoBackend;
typedef struct _GessoStore GessoStore;     /* backend's own: the packed weights of one part of a model */
typedef struct _GessoProgram GessoProgram; /* backend's own */
typedef struct _GessoBuffer GessoBuffer;   /* backend's own: memory on the device that outlives a run */

/* Where weights come from. `read` converts `count` values of the tensor `name` (row-major, as GessoGraph has its
 * shape), starting at `first`, to `dtype` (F32, F16 or BF16, rounded to nearest even) and returns FALSE with an
 * error when the file fails. It may be called from any one thread at a time. */
typedef struct
{
  gboolean (*read) (gpointer data, const char *name, gint64 first, gint64 count, GessoDType dtype, void *values,
                    GError **error);
  /* The dtype in the file, so that a backend can take it as it is. */
  GessoDType (*dtype) (gpointer data, const char *name);
  gpointer data; /* outlives the store */
} GessoWeightSource;

typedef struct
{
  guint64 weights;      /* bytes of packed weights, those that a shared store already holds included */
  guint64 weights_new;  /* of these, what load() would add now */
  guint64 load_scratch; /* bytes needed on top while load() runs */
  guint64 workspace;    /* arena and scratch for run() */
} GessoProgramMemory;

/* What a plan's input or output is bound to: `buffer` from byte `offset` on. */
typedef struct
{
  GessoBuffer *buffer;
  gsize offset;
} GessoBinding;

/* progress: bytes of weights packed so far, of `total` */
typedef void (*GessoLoadFunc) (guint64 done, guint64 total, gpointer data);

struct _GessoBackend
{
  guint abi;        /* GESSO_BACKEND_ABI */
  gsize size;       /* sizeof (GessoBackend) */
  const char *name; /* "cpu", "cuda" */

  void (*free) (GessoBackend *backend);

  /* A line for people: "2 threads, AVX-512 BF16, oneDNN 3.7.2"; transfer full. */
  char *(*describe) (GessoBackend *backend);
  /* AUTO becomes what is best here; one it cannot do is an error (DEVICE) that says which it can. */
  gboolean (*resolve_precision) (GessoBackend *backend, GessoPrecision wanted, GessoPrecision *precision,
                                 GError **error);
  /* Fills in everything of `options` (precision included) for plans of this backend: for the least time, or, tight, for
   * the least memory. The two have other fusions unless they are the same. */
  void (*plan_options) (GessoBackend *backend, GessoPrecision precision, gboolean is_tight, GessoPlanOptions *options);
  /* Bytes of memory that could be allocated now; G_MAXUINT64 where that is not known. A device that has failed does not
   * know: what is asked of it next will tell why. */
  guint64 (*memory_available) (GessoBackend *backend);

  GessoBuffer *(*buffer_new) (GessoBackend *backend, gsize bytes, GError **error); /* zeroed */
  void (*buffer_free) (GessoBackend *backend, GessoBuffer *buffer);
  gboolean (*buffer_write) (GessoBackend *backend, GessoBuffer *buffer, gsize offset, const void *data, gsize bytes,
                            GError **error);
  gboolean (*buffer_read) (GessoBackend *backend, GessoBuffer *buffer, gsize offset, void *data, gsize bytes,
                           GError **error);

  GessoStore *(*store_new) (GessoBackend *backend, const GessoWeightSource *source);
  void (*store_free) (GessoBackend *backend, GessoStore *store); /* after its programs */

  GessoProgram *(*compile) (GessoBackend *backend, GessoStore *store, const GessoPlan *plan, GCancellable *cancellable,
                            GError **error);
  void (*report) (GessoBackend *backend, GessoProgram *program, GessoProgramMemory *memory);
  gboolean (*load) (GessoBackend *backend, GessoProgram *program, GessoLoadFunc progress, gpointer progress_data,
                    GCancellable *cancellable, GError **error);
  void (*unload) (GessoBackend *backend, GessoProgram *program);
  void (*program_free) (GessoBackend *backend, GessoProgram *program);

  /* Runs a loaded program. `workspace`: at least report()'s bytes; may be shared by programs that run in turn.
   * inputs / outputs: one binding for each of the plan's, in its order. */
  gboolean (*run) (GessoBackend *backend, GessoProgram *program, GessoBuffer *workspace, const GessoBinding *inputs,
                   const GessoBinding *outputs, GCancellable *cancellable, GError **error);
};

/* Makes a backend with `n_threads` host threads (0: all that the process may use). NULL with DEVICE and the reason
 * where it cannot work here. `abi` is the caller's GESSO_BACKEND_ABI: an entry point refuses any other. */
typedef GessoBackend *(*GessoBackendEntry) (guint abi, int n_threads, GError **error);

/* The CPU backend's entry point (engine/cpu/). */
GessoBackend *gesso_cpu_backend_entry (guint abi, int n_threads, GError **error);
