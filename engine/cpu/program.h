/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Programs of the CPU backend. The functions of GessoBackend.
 */

#pragma once

#include "../backend.h"

GessoProgram *gesso_cpu_program_compile (GessoBackend *backend, GessoStore *store, const GessoPlan *plan,
                                         GCancellable *cancellable, GError **error);
void gesso_cpu_program_report (GessoBackend *backend, GessoProgram *program, GessoProgramMemory *memory);
gboolean gesso_cpu_program_load (GessoBackend *backend, GessoProgram *program, GessoLoadFunc progress,
                                 gpointer progress_data, GCancellable *cancellable, GError **error);
void gesso_cpu_program_unload (GessoBackend *backend, GessoProgram *program);
void gesso_cpu_program_free (GessoBackend *backend, GessoProgram *program);
gboolean gesso_cpu_program_run (GessoBackend *backend, GessoProgram *program, GessoBuffer *workspace,
                                const GessoBinding *inputs, const GessoBinding *outputs, GCancellable *cancellable,
                                GError **error);
