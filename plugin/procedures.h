/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The procedures, one a file. Making one reads no model.
 */

#pragma once

#include <libgimp/gimp.h>

#define GESSO_GENERATE_LAYER "plug-in-gesso-generate-layer"
#define GESSO_GENERATE_IMAGE "plug-in-gesso-generate-image"
#define GESSO_GENERATE_BATCH "plug-in-gesso-generate-batch"
#define GESSO_REUSE_SETTINGS "plug-in-gesso-reuse-settings"

GimpProcedure *gesso_generate_layer_new (GimpPlugIn *plug_in, const char *name);
GimpProcedure *gesso_generate_image_new (GimpPlugIn *plug_in, const char *name);
GimpProcedure *gesso_generate_batch_new (GimpPlugIn *plug_in, const char *name);
GimpProcedure *gesso_reuse_settings_new (GimpPlugIn *plug_in, const char *name);

/* For each: what it does in a line and in some more, and whose it is. */
void gesso_procedure_describe (GimpProcedure *procedure, const char *blurb, const char *help);

/* For those that are no image procedures, which have it already. */
void gesso_procedure_add_run_mode (GimpProcedure *procedure, const char *blurb);
