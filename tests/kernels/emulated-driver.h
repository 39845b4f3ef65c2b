/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The look-alike of the driver (GESSO_CUDA_DRIVER) as tests that make it fail see it; emulation/driver.h.
 */

#pragma once

#include <gio/gio.h>

typedef struct
{
  void (*fail) (guint n, int for_good);
  guint (*calls) (void);
  void (*hang) (int on);
  const char *(*failed_call) (void);
  int (*leaks) (void);
} EmulatedDriver;

const EmulatedDriver *emulated_driver (void);

/* Checks what came of a failure of the call `failed`: the error (NULL when all was `done`) is of the right kind and
 * names the result. Only what gives something back may fail unnoticed, and cuBLASLt's beginning: then all products are
 * our own. */
void emulated_driver_check_failure (const char *failed, gboolean done, const GError *error);
