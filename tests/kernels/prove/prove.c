/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "prove.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "convert.h"

void
prover_must (Prover *prover, gboolean done, GError **error)
{
  if (done)
    return;
  g_printerr ("%s\n", *error ? (*error)->message : "A call failed without saying why.");
  exit (2);
}

static guint64 random_state = 88172645463325252u;

guint32
prover_random (void)
{
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  random_state ^= random_state << 17;
  return (guint32) (random_state >> 16);
}

int
prover_random_int (int begin, int end)
{
  return begin + (int) (prover_random () % (guint32) (end - begin + 1));
}

/* Copies go on the launches' own stream, which waits for no other, and are over when this returns: the host's memory,
 * which is not pinned, may go then. */
static void
must_have_copied (Prover *prover, gboolean copying, GError **error)
{
  prover_must (prover, copying, error);
  prover_must (prover, gesso_cuda_call (prover->driver, error, cuStreamSynchronize, (prover->launcher->stream)), error);
}

static Values *
upload (Prover *prover, GessoDType type, gsize n, void *raw)
{
  const gsize bytes = MAX (n, 1) * gesso_dtype_size (type);
  g_autoptr (GError) error = NULL;
  Values *values = g_new0 (Values, 1);

  values->type = type;
  values->n = n;
  values->raw = raw;
  prover_must (prover, gesso_cuda_call (prover->driver, &error, cuMemAlloc, (&values->address, bytes)), &error);
  if (raw)
    must_have_copied (prover,
                      gesso_cuda_call (prover->driver, &error, cuMemcpyHtoDAsync,
                                       (values->address, raw, bytes, prover->launcher->stream)),
                      &error);
  return values;
}

Values *
values_new (Prover *prover, GessoDType type, gsize n, const float *from)
{
  void *raw = g_malloc (MAX (n, 1) * gesso_dtype_size (type));
  Values *values;

  gesso_reference_from_f32 (type, from, (gint64) n, raw);
  values = upload (prover, type, n, raw);
  values->values = g_new (float, MAX (n, 1));
  gesso_reference_to_f32 (type, raw, (gint64) n, values->values);
  return values;
}

Values *
values_random (Prover *prover, GessoDType type, gsize n, double scale)
{
  g_autofree float *from = g_new (float, MAX (n, 1));

  for (gsize i = 0; i < n; i++)
    from[i] = (float) (((double) prover_random () / 0x80000000u - 1.0) * scale);
  return values_new (prover, type, n, from);
}

Values *
values_integers (Prover *prover, gsize n, const gint32 *values)
{
  return upload (prover, GESSO_DTYPE_I32, n, g_memdup2 (values, n * sizeof *values));
}

Values *
values_empty (Prover *prover, GessoDType type, gsize n)
{
  return upload (prover, type, n, NULL);
}

void
values_free (Prover *prover, Values *values)
{
  if (!values)
    return;
  prover->driver->cuMemFree (values->address);
  g_free (values->values);
  g_free (values->raw);
  g_free (values);
}

CUdeviceptr
values_address (const Values *values)
{
  return values ? values->address : 0;
}

void
values_fetch_bytes (Prover *prover, const Values *values, void *bytes, gsize n)
{
  g_autoptr (GError) error = NULL;

  must_have_copied (prover,
                    gesso_cuda_call (prover->driver, &error, cuMemcpyDtoHAsync,
                                     (bytes, values->address, n, prover->launcher->stream)),
                    &error);
}

void
values_fetch (Prover *prover, Values *values)
{
  const gsize bytes = values->n * gesso_dtype_size (values->type);

  g_free (values->raw);
  g_free (values->values);
  values->raw = g_malloc (MAX (bytes, 1));
  values->values = g_new (float, MAX (values->n, 1));
  values_fetch_bytes (prover, values, values->raw, bytes);
  gesso_reference_to_f32 (values->type, values->raw, (gint64) values->n, values->values);
}

void
prover_note (Prover *prover, const char *what, gboolean right)
{
  prover->n_proofs++;
  prover->n_wrong += !right;
  g_print ("%-72s %s\n", what, right ? "ok" : "WRONG");
}

void
prover_compare (Prover *prover, const char *what, const Values *got, const double *expected, double absolute,
                double relative, double operations)
{
  double worst = -1.0;
  gsize at = 0;
  gboolean right;

  for (gsize i = 0; i < got->n; i++)
    {
      const double share = fabs ((double) got->values[i] - expected[i]) / (absolute + relative * fabs (expected[i]));

      if (!(share <= worst))
        {
          worst = share;
          at = i;
          if (isnan (share))
            break;
        }
    }
  right = worst <= 1.0;
  prover->n_proofs++;
  prover->n_wrong += !right;
  prover->worst = MAX (prover->worst, worst);
  g_print ("%-72s %5.2f of what is allowed, at %" G_GSIZE_FORMAT ": %g, expected %g%s", what, worst, at,
           got->n ? (double) got->values[at] : 0.0, got->n ? expected[at] : 0.0, right ? "" : " WRONG");
  if (prover->is_timed)
    {
      float milliseconds = 0.0f;

      prover->driver->cuEventElapsedTime (&milliseconds, prover->start, prover->stop);
      g_print ("  %.3f ms, %.2f T/s", (double) milliseconds, operations / ((double) milliseconds * 1e9));
    }
  prover->is_timed = FALSE;
  g_print ("\n");
}

double
prover_rounding (GessoDType type)
{
  return type == GESSO_DTYPE_BF16 ? 0x1p-8 : type == GESSO_DTYPE_F16 ? 0x1p-11 : 0x1p-22;
}

void
prover_start (Prover *prover)
{
  if (prover->timing)
    prover->driver->cuEventRecord (prover->start, prover->launcher->stream);
}

void
prover_stop (Prover *prover)
{
  if (prover->timing)
    prover->driver->cuEventRecord (prover->stop, prover->launcher->stream);
  prover->is_timed = prover->timing;
}

double
reference_gelu (double x)
{
  return 0.5 * x * (1.0 + erf (x * 0.70710678118654752));
}

double
reference_activate (GessoActivation activation, double x)
{
  switch (activation)
    {
    case GESSO_ACTIVATION_NONE:
      break;
    case GESSO_ACTIVATION_SILU:
      return x / (1.0 + exp (-x));
    case GESSO_ACTIVATION_GELU:
      return reference_gelu (x);
    case GESSO_ACTIVATION_QUICK_GELU:
      return x / (1.0 + exp (-1.702 * x));
    }
  return x;
}
