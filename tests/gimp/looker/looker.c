/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A plug-in for tests: what the dialog shows to compare pictures with, as an image.
 */

#include <libgimp/gimp.h>

#include "canvas.h"
#include "pdb-error.h"

#define LOOKER_TYPE_PLUG_IN (looker_plug_in_get_type ())
G_DECLARE_FINAL_TYPE (LookerPlugIn, looker_plug_in, LOOKER, PLUG_IN, GimpPlugIn)

struct _LookerPlugIn
{
  GimpPlugIn parent_instance;
};

G_DEFINE_FINAL_TYPE (LookerPlugIn, looker_plug_in, GIMP_TYPE_PLUG_IN)

/* NULL where there is nothing to see. */
static GimpImage *
look (GimpImage *image, int longest, GError **error)
{
  g_autoptr (GessoCanvas) canvas = gesso_canvas_new (image, NULL, error);
  g_autoptr (GBytes) rgb = NULL;
  GimpImage *seen;
  GimpLayer *layer;
  GeglBuffer *buffer;
  int width, height;

  if (canvas)
    rgb = gesso_canvas_get_backdrop (canvas, longest, &width, &height);
  if (!rgb)
    return NULL;
  seen = gimp_image_new (width, height, GIMP_RGB);
  layer = gimp_layer_new (seen, "Seen", width, height, GIMP_RGB_IMAGE, 100.0, GIMP_LAYER_MODE_NORMAL);
  buffer = gimp_drawable_get_buffer (GIMP_DRAWABLE (layer));
  gegl_buffer_set (buffer, GEGL_RECTANGLE (0, 0, width, height), 0, babl_format ("R'G'B' u8"),
                   g_bytes_get_data (rgb, NULL), GEGL_AUTO_ROWSTRIDE);
  g_object_unref (buffer);
  gimp_image_insert_layer (seen, layer, NULL, -1);
  return seen;
}

static GimpValueArray *
run (GimpProcedure *procedure, GimpProcedureConfig *config, gpointer data)
{
  g_autoptr (GimpImage) image = NULL;
  GError *error = NULL;
  GimpImage *seen;
  GimpValueArray *values;
  int longest;

  gegl_init (NULL, NULL);
  g_object_get (config, "image", &image, "longest", &longest, NULL);
  seen = look (image, longest, &error);
  if (error)
    return gesso_pdb_failure (procedure, error);
  values = gimp_procedure_new_return_values (procedure, GIMP_PDB_SUCCESS, NULL);
  GIMP_VALUES_SET_IMAGE (values, 1, seen);
  return values;
}

static GList *
looker_plug_in_query_procedures (GimpPlugIn *plug_in)
{
  return g_list_append (NULL, g_strdup ("plug-in-test-look"));
}

static GimpProcedure *
looker_plug_in_create_procedure (GimpPlugIn *plug_in, const gchar *name)
{
  GimpProcedure *procedure = gimp_procedure_new (plug_in, name, GIMP_PDB_PROC_TYPE_PLUGIN, run, NULL, NULL);

  gimp_procedure_add_image_argument (procedure, "image", "Image", "The image", FALSE, G_PARAM_READWRITE);
  gimp_procedure_add_int_argument (procedure, "longest", "Longest", "Pixels a side", 1, G_MAXINT, 512,
                                   G_PARAM_READWRITE);
  gimp_procedure_add_image_return_value (procedure, "seen", "Seen", "What is seen", TRUE, G_PARAM_READWRITE);
  return procedure;
}

static void
looker_plug_in_class_init (LookerPlugInClass *klass)
{
  GIMP_PLUG_IN_CLASS (klass)->query_procedures = looker_plug_in_query_procedures;
  GIMP_PLUG_IN_CLASS (klass)->create_procedure = looker_plug_in_create_procedure;
  GIMP_PLUG_IN_CLASS (klass)->set_i18n = NULL;
}

static void
looker_plug_in_init (LookerPlugIn *self)
{
}

GIMP_MAIN (LOOKER_TYPE_PLUG_IN)
