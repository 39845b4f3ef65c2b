/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The backend itself: options, buffers and the memory they take.
 */

#include "reference-private.h"

#include <string.h>

static void
reference_free (GessoBackend *backend)
{
  g_free (backend);
}

static char *
reference_describe (GessoBackend *backend)
{
  return g_strdup ("the reference in plain C, 1 thread");
}

static gboolean
reference_resolve_precision (GessoBackend *backend, GessoPrecision wanted, GessoPrecision *precision, GError **error)
{
  *precision = wanted == GESSO_PRECISION_AUTO ? GESSO_PRECISION_F32 : wanted;
  return TRUE;
}

static void
reference_plan_options (GessoBackend *backend, GessoPrecision precision, gboolean is_tight, GessoPlanOptions *options)
{
  const ReferenceBackend *self = (ReferenceBackend *) backend;

  options->precision = precision;
  options->fusions = self->fusions;
  options->flops_per_second = self->flops_per_second;
  options->max_step_seconds = self->max_step_seconds;
  options->conv3_share = 0.0;
  options->max_norm_band_bytes = self->max_norm_band_bytes;
}

static guint64
reference_memory_available (GessoBackend *backend)
{
  const ReferenceBackend *self = (ReferenceBackend *) backend;

  return self->memory > self->held ? self->memory - self->held : 0;
}

void *
gesso_reference_take (ReferenceBackend *backend, guint64 bytes, const char *what, GError **error)
{
  void *memory = NULL;

  if (bytes <= reference_memory_available (&backend->base))
    memory = g_try_malloc0 (MAX (bytes, 1));
  if (!memory)
    g_set_error (error, GESSO_ERROR, GESSO_ERROR_OUT_OF_MEMORY, "No %" G_GUINT64_FORMAT " bytes are left for %s.",
                 bytes, what);
  else
    backend->held += bytes;
  return memory;
}

void
gesso_reference_give (ReferenceBackend *backend, void *memory, guint64 bytes)
{
  backend->held -= bytes;
  g_free (memory);
}

static GessoBuffer *
reference_buffer_new (GessoBackend *backend, gsize bytes, GError **error)
{
  GessoBuffer *buffer;
  void *data = gesso_reference_take ((ReferenceBackend *) backend, bytes, "a buffer", error);

  if (!data)
    return NULL;
  buffer = g_new0 (GessoBuffer, 1);
  buffer->data = data;
  buffer->bytes = bytes;
  return buffer;
}

static void
reference_buffer_free (GessoBackend *backend, GessoBuffer *buffer)
{
  if (!buffer)
    return;
  gesso_reference_give ((ReferenceBackend *) backend, buffer->data, buffer->bytes);
  g_free (buffer);
}

static gboolean
check_range (const GessoBuffer *buffer, gsize offset, gsize bytes, GError **error)
{
  if (offset <= buffer->bytes && bytes <= buffer->bytes - offset)
    return TRUE;
  g_set_error (error, GESSO_ERROR, GESSO_ERROR_DEVICE,
               "Bytes %" G_GSIZE_FORMAT " + %" G_GSIZE_FORMAT " lie outside a buffer of %" G_GSIZE_FORMAT ".", offset,
               bytes, buffer->bytes);
  return FALSE;
}

static gboolean
reference_buffer_write (GessoBackend *backend, GessoBuffer *buffer, gsize offset, const void *data, gsize bytes,
                        GError **error)
{
  if (!check_range (buffer, offset, bytes, error))
    return FALSE;
  if (bytes)
    memcpy (buffer->data + offset, data, bytes);
  return TRUE;
}

static gboolean
reference_buffer_read (GessoBackend *backend, GessoBuffer *buffer, gsize offset, void *data, gsize bytes,
                       GError **error)
{
  if (!check_range (buffer, offset, bytes, error))
    return FALSE;
  if (bytes)
    memcpy (data, buffer->data + offset, bytes);
  return TRUE;
}

void
gesso_reference_backend_set_fusions (GessoBackend *backend, GessoFusions fusions)
{
  ((ReferenceBackend *) backend)->fusions = fusions;
}

void
gesso_reference_backend_set_cutting (GessoBackend *backend, double flops_per_second, double max_step_seconds,
                                     gsize max_norm_band_bytes)
{
  ReferenceBackend *self = (ReferenceBackend *) backend;

  self->flops_per_second = flops_per_second;
  self->max_step_seconds = max_step_seconds;
  self->max_norm_band_bytes = max_norm_band_bytes;
}

void
gesso_reference_backend_set_memory (GessoBackend *backend, guint64 bytes)
{
  ((ReferenceBackend *) backend)->memory = bytes;
}

guint64
gesso_reference_backend_get_held (GessoBackend *backend)
{
  return ((ReferenceBackend *) backend)->held;
}

void
gesso_reference_backend_set_separate (GessoBackend *backend, gboolean separate)
{
  ((ReferenceBackend *) backend)->separate = separate;
}

void
gesso_reference_backend_set_step_func (GessoBackend *backend, GessoReferenceStepFunc func, gpointer data)
{
  ReferenceBackend *self = (ReferenceBackend *) backend;

  self->step_func = func;
  self->step_data = data;
}

GessoBackend *
gesso_reference_backend_entry (guint abi, int n_threads, GError **error)
{
  ReferenceBackend *self;

  if (abi != GESSO_BACKEND_ABI)
    {
      g_set_error (error, GESSO_ERROR, GESSO_ERROR_DEVICE,
                   "The reference backend speaks version %d of the contract and was asked for %u; use the one that "
                   "belongs to this library.",
                   GESSO_BACKEND_ABI, abi);
      return NULL;
    }
  self = g_new0 (ReferenceBackend, 1);
  self->base = (GessoBackend) {
    .abi = GESSO_BACKEND_ABI,
    .size = sizeof (GessoBackend),
    .name = "reference",
    .free = reference_free,
    .describe = reference_describe,
    .resolve_precision = reference_resolve_precision,
    .plan_options = reference_plan_options,
    .memory_available = reference_memory_available,
    .buffer_new = reference_buffer_new,
    .buffer_free = reference_buffer_free,
    .buffer_write = reference_buffer_write,
    .buffer_read = reference_buffer_read,
    .store_new = gesso_reference_store_new,
    .store_free = gesso_reference_store_free,
    .compile = gesso_reference_compile,
    .report = gesso_reference_report,
    .load = gesso_reference_load,
    .unload = gesso_reference_unload,
    .program_free = gesso_reference_program_free,
    .run = gesso_reference_run,
  };
  self->fusions = GESSO_FUSE_ALL;
  self->flops_per_second = 1e9;
  self->max_step_seconds = 0.1;
  self->max_norm_band_bytes = 1 << 20;
  self->memory = G_GUINT64_CONSTANT (64) << 30;
  return &self->base;
}
