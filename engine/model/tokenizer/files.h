/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The files of a tokenizer folder.
 */

#pragma once

#include <gio/gio.h>

#include "settings.h"
#include "vocabulary.h"

/* Reads the folder: tokenizer.json, which wins for vocabulary and merges as in transformers 5, else vocab.json and
 * merges.txt; and the settings of whatever other files there are; one that is there but cannot be read is an error.
 * *vocab_path and *merges_path: the files that vocabulary and merges are from. */
gboolean gesso_tokenizer_files_read (const char *folder, GessoVocabulary *vocabulary, GessoTokenizerSettings *settings,
                                     char **vocab_path, char **merges_path, GCancellable *cancellable, GError **error);
