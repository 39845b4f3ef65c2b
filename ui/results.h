/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A strip of finished pictures: click or arrow keys to look at one, tick those to keep.
 */

#pragma once

#include <gtk/gtk.h>

#include "gesso.h"

G_BEGIN_DECLS

#define GESSO_TYPE_RESULTS (gesso_results_get_type ())
/* Signals: "selected" (GessoPicture *), "kept-changed" (). Properties: "n-kept" (int, read only). */
G_DECLARE_FINAL_TYPE (GessoResults, gesso_results, GESSO, RESULTS, GtkBox)

GtkWidget *gesso_results_new (void);

/* Appends, selects the new one when the selection was at the end, keeps it ticked when `keep`. `request` (copied) is
 * what it was made from. */
void gesso_results_add (GessoResults *results, GessoPicture *picture, const GessoRequest *request, const char *model,
                        gboolean keep);
void gesso_results_clear (GessoResults *results);
GessoPicture *gesso_results_get_selected (GessoResults *results);
int gesso_results_get_n_kept (GessoResults *results);

/* A finished picture and how it was made. */
typedef struct
{
  GessoPicture *picture;
  GessoRequest *request; /* with the picture's own seed and n_images 1 */
  char *model;           /* name or folder */
} GessoResult;

/* Of a picture that `request` led to (its seed becomes the picture's, its n_images 1); everything is copied or shared.
 */
GessoResult *gesso_result_new (GessoPicture *picture, const GessoRequest *request, const char *model);
void gesso_result_free (GessoResult *result);

/* (transfer full) (element-type GessoResult): the ticked ones in their order. */
GPtrArray *gesso_results_get_kept (GessoResults *results);

G_END_DECLS
