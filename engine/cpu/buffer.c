/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "buffer.h"

#include <string.h>

#include "../backend-checks.h"
#include "cpu.h"
#include "memory.h"

GessoBuffer *
gesso_cpu_buffer_new (GessoBackend *backend, gsize bytes, GError **error)
{
  GessoBuffer *buffer;
  guint8 *data = gesso_cpu_memory_alloc (bytes, error);

  if (!data)
    return NULL;
  buffer = g_new0 (GessoBuffer, 1);
  buffer->data = data;
  buffer->bytes = bytes;
  return buffer;
}

void
gesso_cpu_buffer_free (GessoBackend *backend, GessoBuffer *buffer)
{
  if (!buffer)
    return;
  gesso_cpu_memory_free (buffer->data, buffer->bytes);
  g_free (buffer);
}

gboolean
gesso_cpu_buffer_write (GessoBackend *backend, GessoBuffer *buffer, gsize offset, const void *data, gsize bytes,
                        GError **error)
{
  if (!gesso_backend_check_range (buffer->bytes, offset, bytes, error))
    return FALSE;
  if (bytes)
    memcpy (buffer->data + offset, data, bytes);
  return TRUE;
}

gboolean
gesso_cpu_buffer_read (GessoBackend *backend, GessoBuffer *buffer, gsize offset, void *data, gsize bytes,
                       GError **error)
{
  if (!gesso_backend_check_range (buffer->bytes, offset, bytes, error))
    return FALSE;
  if (bytes)
    memcpy (data, buffer->data + offset, bytes);
  return TRUE;
}
