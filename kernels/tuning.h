/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Which way every product goes, and how attention is cut. A way that is decided stays for as long as the backend lives,
 * and one that was measured is kept in a file in the user's cache folder, named after the card, the driver and
 * cuBLASLt: so a picture is the same each time. GESSO_CUDA_TUNING in the environment names another folder, or with
 * "off" has nothing measured or read, which is also so where GESSO_CUDA_DRIVER names a driver.
 */

#pragma once

#include "cuda-device.h"
#include "launcher.h"

typedef struct _GessoTuning GessoTuning;

/* Of what kind a thing is and all that its way depends on. Integers without gaps, so that bytes compare. */
typedef struct
{
  gint32 numbers[23];
} GessoTuningKey;

/* One or the other, by the key's kind. */
typedef struct
{
  GessoProductWay product;
  GessoAttentionWay attention;
} GessoTuningWay;

typedef struct
{
  GessoTuningWay way;
  gboolean is_measured; /* and so belongs into the file */
  gboolean is_checked;  /* it can be gone: what comes from a file may not fit */
} GessoTuningEntry;

/* With what is known of `device` and version `lt_version` of cuBLASLt (0: none). */
GessoTuning *gesso_tuning_new (const GessoCudaDevice *device, int lt_version);
void gesso_tuning_free (GessoTuning *tuning);

/* Whether what is not known yet is to be measured. */
gboolean gesso_tuning_is_on (const GessoTuning *tuning);

/* What is known of it. NULL: nothing. */
GessoTuningEntry *gesso_tuning_find (GessoTuning *tuning, const GessoTuningKey *key);
/* Notes its way; once only. */
void gesso_tuning_decide (GessoTuning *tuning, const GessoTuningKey *key, const GessoTuningWay *way,
                          gboolean is_measured);
/* Of what comes from the file and cannot be used. */
void gesso_tuning_forget (GessoTuning *tuning, const GessoTuningKey *key);

/* Writes what was measured, beside what other processes have written and write meanwhile. Where that fails it is tried
 * again when there is more, and at last measured again by the next process. */
void gesso_tuning_save (GessoTuning *tuning);
