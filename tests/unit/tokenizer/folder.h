/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Tokenizer folders made up for one test.
 */

#pragma once

#include <glib.h>

typedef char TestFolder;

/* An empty folder, removed with all its files by test_folder_free(). */
TestFolder *test_folder_new (void);
/* One with vocab.json and merges.txt of data/v1. */
TestFolder *test_folder_new_v1 (void);
void test_folder_free (TestFolder *folder);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (TestFolder, test_folder_free)

/* Copies data/`from`/`name`; one that is not there is left out. */
void test_folder_copy (const TestFolder *folder, const char *from, const char *name);
void test_folder_write (const TestFolder *folder, const char *name, const char *text, gssize size);
char *test_folder_read (const TestFolder *folder, const char *name);
/* Replaces the one place where `name` has `old`. */
void test_folder_edit (const TestFolder *folder, const char *name, const char *old, const char *new);
void test_folder_remove (const TestFolder *folder, const char *name);
