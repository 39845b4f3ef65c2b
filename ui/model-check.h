/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Whether a model folder can be used here: opened in a thread, measured and closed again. Reads headers, no weights.
 */

#pragma once

#include "gesso.h"

G_BEGIN_DECLS

typedef struct
{
  char *folder;
  guint64 size_on_disk;
  GessoMemoryNeed need; /* at the model's own size */
  GError *error;        /* why it cannot be opened or measured, or NULL */
} GessoModelCheck;

void gesso_model_check_free (GessoModelCheck *check);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GessoModelCheck, gesso_model_check_free)

/* `size_on_disk`: where it is known already, or 0. The thread is to be joined, which does not wait once `callback` was
 * called, and not long once `cancellable` was triggered: no program should exit before. */
GThread *gesso_model_check_start (gpointer source, const char *folder, guint64 size_on_disk, GCancellable *cancellable,
                                  GAsyncReadyCallback callback, gpointer user_data);
/* Fails with G_IO_ERROR_CANCELLED only. */
GessoModelCheck *gesso_model_check_finish (GAsyncResult *result, GError **error);

gboolean gesso_model_check_can_run (const GessoModelCheck *check);
/* (transfer full): "1.3 GB on disk · 2.1 GB of memory · runs here". */
char *gesso_model_check_describe (const GessoModelCheck *check);
/* (transfer full): the same while it is still measured. */
char *gesso_model_check_describe_size (guint64 size_on_disk);

G_END_DECLS
