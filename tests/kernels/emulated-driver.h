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
  void (*refuse) (const char *call, int result);
  guint (*refused) (void);
  const char *(*failed_call) (guint after);
  int (*failed_in_capture) (void);
  guint (*launched) (const char *kernel);
  int (*leaks) (void);
} EmulatedDriver;

const EmulatedDriver *emulated_driver (void);

/* Checks what came of the call that was made to fail, before another is: the error (NULL when all was `done`) is of the
 * right kind and names the result. Only what gives something back may fail unnoticed, recording, and cuBLASLt's
 * beginning. */
void emulated_driver_check_failure (gboolean done, const GError *error);
