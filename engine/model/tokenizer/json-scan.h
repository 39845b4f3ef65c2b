/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Reads JSON from front to back without building a tree: a vocabulary has 49,408 entries and its merges as many
 * pairs, which should cost neither 50 ms nor 50 MB. The reader asks for what it expects next.
 *
 *   gesso_json_scan_init (&scan, path, data, size);
 *   gesso_json_scan_enter (&scan, '{');
 *   while (gesso_json_scan_next (&scan, &key))
 *     if (strcmp (key, "wanted") == 0)
 *       gesso_json_scan_integer (&scan, &value);
 *     else
 *       gesso_json_scan_skip (&scan);
 *   gesso_json_scan_end (&scan);
 *   ok = gesso_json_scan_clear (&scan, error);
 *
 * The first error sticks: from then on nothing is read, loops end, and gesso_json_scan_clear() hands it out.
 */

#pragma once

#include <glib.h>

#define GESSO_JSON_MAX_DEPTH 64

typedef struct
{
  const char *path; /* for messages */
  const char *data;
  const char *at;
  const char *end;
  int depth;
  char closer[GESSO_JSON_MAX_DEPTH];
  gboolean begun[GESSO_JSON_MAX_DEPTH]; /* an element of this object or array was read: a comma comes next */
  GString *key;
  GString *text;
  GError *error;
} GessoJsonScan;

/* `path` and `data` are borrowed. */
void gesso_json_scan_init (GessoJsonScan *scan, const char *path, const char *data, gsize size);
/* Frees; FALSE with the error if there was one. */
gboolean gesso_json_scan_clear (GessoJsonScan *scan, GError **error);
/* The error of a value that is well-formed but not what the reader needs: MODEL_INVALID, with file and line. */
void gesso_json_scan_fail (GessoJsonScan *scan, const char *format, ...) G_GNUC_PRINTF (2, 3);

/* What comes next: one of { [ " 0 (a number) t f n, or NUL for anything else and after an error. */
char gesso_json_scan_peek (GessoJsonScan *scan);
/* Enters the object ('{') or array ('[') that must come next. */
gboolean gesso_json_scan_enter (GessoJsonScan *scan, char opener);
/* Whether the object or array entered last has another element; if not, it is left. `key` (NULL in arrays) is valid
 * until the next key is read. */
gboolean gesso_json_scan_next (GessoJsonScan *scan, const char **key);
/* The string that must come next, valid until the next one is read, or NULL. It has no NUL within. */
const char *gesso_json_scan_string (GessoJsonScan *scan);
/* The whole number that must come next; beyond 64 bits it is the nearest such one. */
gboolean gesso_json_scan_integer (GessoJsonScan *scan, gint64 *value);
gboolean gesso_json_scan_boolean (GessoJsonScan *scan, gboolean *value);
/* Passes over whatever comes next. */
void gesso_json_scan_skip (GessoJsonScan *scan);
/* Nothing but white space may be left. */
void gesso_json_scan_end (GessoJsonScan *scan);
