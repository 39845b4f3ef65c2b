/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Buffers of the CPU backend: plain memory. The functions of GessoBackend.
 */

#pragma once

#include "../backend.h"

GessoBuffer *gesso_cpu_buffer_new (GessoBackend *backend, gsize bytes, GError **error);
void gesso_cpu_buffer_free (GessoBackend *backend, GessoBuffer *buffer);
gboolean gesso_cpu_buffer_write (GessoBackend *backend, GessoBuffer *buffer, gsize offset, const void *data,
                                 gsize bytes, GError **error);
gboolean gesso_cpu_buffer_read (GessoBackend *backend, GessoBuffer *buffer, gsize offset, void *data, gsize bytes,
                                GError **error);
