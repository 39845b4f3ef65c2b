/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What the proofs of the kernels share: numbers by chance, values on the device, and comparing.
 *
 * A proof launches a kernel as the backend does, computes the same from the same rounded inputs in plain double, and
 * compares every element: |got - expected| <= absolute + relative * |expected|.
 */

#pragma once

#include "kernels/launcher.h"

typedef struct
{
  const GessoCudaDriver *driver;
  GessoLauncher *launcher;
  GessoCublasLt *lt; /* NULL: not here */
  CUevent start, stop;
  gboolean timing;          /* on a real card */
  gboolean is_timed;        /* something was, since the last proof */
  guint n_by_lt, n_refused; /* products that cuBLASLt did, and that it offered and did not */
  gboolean quick;           /* a few shapes only */
  guint n_proofs, n_wrong;
  double worst; /* of all, as a share of what is allowed */
} Prover;

/* A value on the device and its float image on the host. */
typedef struct
{
  GessoDType type;
  gsize n;
  float *values; /* as the device has them; NULL where they are integers or nothing yet */
  void *raw;     /* what is uploaded */
  CUdeviceptr address;
} Values;

/* Ends the program where the driver failed: a proof cannot go on. What failed has set `error`. */
void prover_must (Prover *prover, gboolean done, GError **error);

/* -1..1 times `scale`, rounded to `type` (F32, F16, BF16). */
Values *values_random (Prover *prover, GessoDType type, gsize n, double scale);
/* The given values, rounded to `type`; `values` may be freed. */
Values *values_new (Prover *prover, GessoDType type, gsize n, const float *values);
Values *values_integers (Prover *prover, gsize n, const gint32 *values);
/* Memory for a result, `n` values of `type`, with nothing in it. */
Values *values_empty (Prover *prover, GessoDType type, gsize n);
void values_free (Prover *prover, Values *values);
/* 0 for NULL */
CUdeviceptr values_address (const Values *values);
/* Waits for the device and brings a result of F32, F16 or BF16 to `values`. */
void values_fetch (Prover *prover, Values *values);
/* The same for bytes. */
void values_fetch_bytes (Prover *prover, const Values *values, void *bytes, gsize n);

guint32 prover_random (void);
/* begin <= x <= end */
int prover_random_int (int begin, int end);

/* Compares a fetched result, and prints a line. `operations`: multiplications and additions, for the timing. */
void prover_compare (Prover *prover, const char *what, const Values *got, const double *expected, double absolute,
                     double relative, double operations);
/* A line for a proof of another kind. */
void prover_note (Prover *prover, const char *what, gboolean right);

/* The largest relative error that storing as `type` makes. */
double prover_rounding (GessoDType type);

/* Around the launches that are to be timed. */
void prover_start (Prover *prover);
void prover_stop (Prover *prover);

double reference_activate (GessoActivation activation, double x);
double reference_gelu (double x);

/* One a file. */
void prove_layouts (Prover *prover);
void prove_products (Prover *prover);
void prove_attention (Prover *prover);
void prove_norms (Prover *prover);
void prove_pointwise (Prover *prover);
void prove_combine (Prover *prover);
void prove_moves (Prover *prover);
void prove_pictures (Prover *prover);
