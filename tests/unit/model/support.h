/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of the model room share: files made in a folder that goes away, and errors that are read.
 */

#pragma once

#include "gesso.h"

/* A folder for one test; freed with test_folder_remove(), with all that is in it. */
char *test_folder_new (void);
void test_folder_remove (char *folder);

/* Writes FOLDER/NAME (making folders on the way) and returns its path. */
char *test_write (const char *folder, const char *name, const void *bytes, gsize size);
char *test_write_text (const char *folder, const char *name, const char *text);

/* A safetensors file of this header and data. */
GByteArray *test_safetensors (const char *header, const void *data, gsize size);

/* A zip file, built entry by entry. */
typedef struct
{
  GByteArray *file;
  GByteArray *directory;
  guint n;
  gboolean zip64;  /* sizes and offsets in zip64 fields and records */
  guint method;    /* what the next entries claim: 0 stored, 8 deflated */
  guint flags;     /* likewise; 1: encrypted */
  guint misplaced; /* added to the next entries' offsets */
} TestZip;

void test_zip_start (TestZip *zip);
void test_zip_add (TestZip *zip, const char *name, const void *bytes, gsize size);
/* Writes it as FOLDER/model.bin and returns the path. */
char *test_zip_finish (TestZip *zip, const char *folder);

/* Checks that *error is GESSO_ERROR with `code` and that its message holds every one of the texts (up to NULL); clears
 * it. */
void test_error_says (GError **error, int code, ...) G_GNUC_NULL_TERMINATED;
