/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of widgets share: a window around the widget, keys, waiting, and miniature models.
 */

#pragma once

#include <gtk/gtk.h>

#include "session.h"

void test_init (int *argc, char ***argv);

/* A window with the widget in it, mapped. */
GtkWidget *test_show (GtkWidget *widget);
/* Runs the main loop for a while. */
void test_run (guint milliseconds);
/* Runs the main loop until `condition`; fails the test where it does not come true. */
typedef gboolean (*TestCondition) (gpointer data);
void test_wait (TestCondition condition, gpointer data);

/* Gives the focus to `widget` and presses a key. */
void test_press (GtkWidget *widget, guint key, GdkModifierType modifiers);

/* The nth descendant of a type, inner children included; fails the test where there is none. */
GtkWidget *test_find (GtkWidget *root, GType type, int nth);
/* The visible label with `text` in it, or NULL. */
GtkWidget *test_find_label (GtkWidget *root, const char *text);

/* Where a miniature model of tests/reference is; transfer full. */
char *test_model_folder (const char *name);
/* A copy of it in a folder, under another name. */
void test_model_copy (const char *model, const char *parent, const char *name);
/* A session whose model is open. */
GessoSession *test_session_new (const char *model);
/* Opens another model in it, by its folder. */
void test_session_open (GessoSession *session, const char *folder);

/* A folder of one's own, and removing it with all below it. */
char *test_folder_new (void);
void test_folder_remove (char *folder);
