/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "procedures.h"

#include <glib/gi18n-lib.h>

#include "generate.h"
#include "painter.h"
#include "pdb-error.h"

/* One call: what is asked for, and what came of it. */
typedef struct
{
  GessoSettings *settings; /* what all pictures share */
  GStrv prompts;
  gint32 *seeds; /* (nullable): one a prompt */
  guint n_prompts;

  GessoCanvas *canvas; /* (nullable): of the image that takes all layers */
  GPtrArray *results;  /* for it */
  GPtrArray *images;   /* else, one a picture */
  GPtrArray *layers;
  GStrv errors; /* one a prompt */
  gboolean failed;
  GError *first_error;
} Batch;

static void
batch_free (Batch *batch)
{
  g_clear_pointer (&batch->settings, gesso_settings_free);
  g_strfreev (batch->prompts);
  g_free (batch->seeds);
  g_clear_pointer (&batch->canvas, gesso_canvas_free);
  g_ptr_array_unref (batch->results);
  g_ptr_array_unref (batch->images);
  g_ptr_array_unref (batch->layers);
  g_strfreev (batch->errors);
  g_clear_error (&batch->first_error);
  g_free (batch);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Batch, batch_free)

static gboolean
read_seeds (Batch *batch, GimpProcedureConfig *config, GError **error)
{
  GValue value = G_VALUE_INIT;
  gsize n = 0;
  const gint32 *seeds;

  g_value_init (&value, GIMP_TYPE_INT32_ARRAY);
  g_object_get_property (G_OBJECT (config), "seeds", &value);
  seeds = gimp_value_get_int32_array (&value, &n);
  if (n == batch->n_prompts)
    batch->seeds = g_memdup2 (seeds, n * sizeof *seeds);
  g_value_unset (&value);
  if (n == 0 || batch->seeds)
    return TRUE;
  g_set_error (error, GESSO_ERROR, GESSO_ERROR_REQUEST_INVALID,
               _ ("The number of seeds, %d, is not that of the prompts, %d. Give one for each prompt, or none."),
               (int) n, (int) batch->n_prompts);
  return FALSE;
}

static Batch *
batch_new (GimpProcedureConfig *config, GError **error)
{
  g_autoptr (Batch) batch = g_new0 (Batch, 1);
  g_autoptr (GimpImage) image = NULL;

  batch->results = g_ptr_array_new_with_free_func ((GDestroyNotify) gesso_result_free);
  batch->images = g_ptr_array_new ();
  batch->layers = g_ptr_array_new ();
  g_object_get (config, "prompts", &batch->prompts, "image", &image, NULL);
  batch->n_prompts = batch->prompts ? g_strv_length (batch->prompts) : 0;
  if (batch->n_prompts == 0)
    {
      g_set_error_literal (error, GESSO_ERROR, GESSO_ERROR_REQUEST_INVALID,
                           _ ("There are no prompts. Give at least one."));
      return NULL;
    }
  batch->errors = g_new0 (char *, batch->n_prompts + 1);
  for (guint i = 0; i < batch->n_prompts; i++)
    batch->errors[i] = g_strdup ("");
  batch->settings = gesso_settings_from_config (config, error);
  if (!batch->settings || !read_seeds (batch, config, error))
    return NULL;
  if (image)
    {
      batch->canvas = gesso_canvas_new (image, NULL, error);
      if (!batch->canvas)
        return NULL;
    }
  return g_steal_pointer (&batch);
}

/* What one prompt is to be painted with. */
static GessoSettings *
settings_of (Batch *batch, guint i, GError **error)
{
  g_autoptr (GessoSettings) settings = gesso_settings_copy (batch->settings);

  g_free (settings->prompt);
  settings->prompt = g_strdup (batch->prompts[i]);
  settings->seed = batch->seeds ? batch->seeds[i] : -1;
  if (settings->seed < -1)
    {
      g_set_error (error, GESSO_ERROR, GESSO_ERROR_REQUEST_INVALID,
                   _ ("The seed %d is out of range: it must be from 0 to %d, or -1 for a random one."), settings->seed,
                   G_MAXINT);
      return NULL;
    }
  gesso_settings_draw_seed (settings);
  return g_steal_pointer (&settings);
}

static gboolean
into_new_image (Batch *batch, GPtrArray *results, GError **error)
{
  g_autoptr (GessoCanvas) canvas = gesso_canvas_new (NULL, NULL, error);
  g_autoptr (GPtrArray) layers = NULL;

  if (canvas)
    layers = gesso_canvas_insert (canvas, results, gesso_painter_show_inserting, NULL, error);
  if (!layers)
    return FALSE;
  g_ptr_array_add (batch->images, gesso_canvas_get_image (canvas));
  g_ptr_array_extend (batch->layers, layers, NULL, NULL);
  return TRUE;
}

static gboolean
paint_one (Batch *batch, guint i, GessoPainter *painter, GError **error)
{
  g_autoptr (GessoSettings) settings = settings_of (batch, i, error);
  g_autoptr (GPtrArray) results = NULL;
  GeglRectangle place = { 0, 0, 0, 0 };

  if (!settings)
    return FALSE;
  if (batch->canvas)
    gesso_canvas_get_place (batch->canvas, NULL, &place);
  results = gesso_painter_paint (painter, settings, place.width, place.height, error);
  if (!results)
    return FALSE;
  if (!batch->canvas)
    return into_new_image (batch, results, error);
  g_ptr_array_extend_and_steal (batch->results, g_steal_pointer (&results));
  return TRUE;
}

/* A prompt that fails does not lose the others. */
static gboolean
paint_all (Batch *batch, GError **error)
{
  g_autoptr (GessoPainter) painter = gesso_painter_new (batch->settings, (int) batch->n_prompts, error);

  if (!painter)
    return FALSE;
  for (guint i = 0; i < batch->n_prompts; i++)
    {
      g_autoptr (GError) problem = NULL;

      /* Somebody may close it: the rest would be painted for nothing. */
      if (batch->canvas && !gesso_canvas_check_image (batch->canvas, error))
        return FALSE;
      if (paint_one (batch, i, painter, &problem))
        continue;
      batch->failed = TRUE;
      g_free (batch->errors[i]);
      batch->errors[i] = g_strdup (problem->message);
      if (!batch->first_error)
        batch->first_error = g_steal_pointer (&problem);
    }
  if (batch->results->len > 0)
    {
      g_autoptr (GPtrArray) layers
          = gesso_canvas_insert (batch->canvas, batch->results, gesso_painter_show_inserting, NULL, error);

      if (!layers)
        return FALSE;
      g_ptr_array_extend (batch->layers, layers, NULL, NULL);
    }
  if (batch->layers->len > 0)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&batch->first_error));
  return FALSE;
}

static GimpValueArray *
run (GimpProcedure *procedure, GimpProcedureConfig *config, gpointer data)
{
  g_autoptr (Batch) batch = NULL;
  GError *error = NULL;
  GimpValueArray *values;

  gesso_generate_begin ();
  batch = batch_new (config, &error);
  if (!batch || !paint_all (batch, &error))
    return gesso_pdb_failure (procedure, error);
  if (!batch->failed)
    g_clear_pointer (&batch->errors, g_strfreev);
  values = gimp_procedure_new_return_values (procedure, GIMP_PDB_SUCCESS, NULL);
  GIMP_VALUES_TAKE_CORE_OBJECT_ARRAY (values, 1, gesso_generate_to_array (batch->images));
  GIMP_VALUES_TAKE_CORE_OBJECT_ARRAY (values, 2, gesso_generate_to_array (batch->layers));
  GIMP_VALUES_TAKE_STRV (values, 3, batch->failed ? g_steal_pointer (&batch->errors) : g_new0 (char *, 1));
  return values;
}

GimpProcedure *
gesso_generate_batch_new (GimpPlugIn *plug_in, const char *name)
{
  GimpProcedure *procedure = gimp_procedure_new (plug_in, name, GIMP_PDB_PROC_TYPE_PLUGIN, run, NULL, NULL);

  gesso_procedure_describe (
      procedure, _ ("Paint many pictures from many sentences in one call"),
      _ ("For scripts: the model is opened once. Without an image each picture gets a new image of its own, else a "
         "layer "
         "of that image, as plug-in-gesso-generate-layer would do it; all layers are one undo step. A prompt that "
         "fails "
         "does not lose the others: the call succeeds with what could be made, and fails only where nothing could."));
  gesso_procedure_add_run_mode (procedure, _ ("The run mode; there is no dialog"));
  gimp_procedure_add_string_array_argument (procedure, "prompts", _ ("Prompts"), _ ("What to paint, one a picture"),
                                            G_PARAM_READWRITE);
  gimp_procedure_add_int32_array_argument (procedure, "seeds", _ ("Seeds"),
                                           _ ("A seed for each prompt, -1: a random one; empty: random ones for all"),
                                           G_PARAM_READWRITE);
  gimp_procedure_add_image_argument (procedure, "image", _ ("Image"),
                                     _ ("The image to add layers to; none: a new image for each picture"), TRUE,
                                     G_PARAM_READWRITE);
  gesso_settings_add_arguments (procedure, FALSE);
  gimp_procedure_add_core_object_array_return_value (
      procedure, "images", _ ("Images"),
      _ ("The new images of the prompts that went well, in their order; empty where an image was given"),
      GIMP_TYPE_IMAGE, G_PARAM_READWRITE);
  gimp_procedure_add_core_object_array_return_value (procedure, "layers", _ ("Layers"),
                                                     _ ("The new layers of the prompts that went well, in their order"),
                                                     GIMP_TYPE_LAYER, G_PARAM_READWRITE);
  gimp_procedure_add_string_array_return_value (
      procedure, "errors", _ ("Errors"),
      _ ("Empty where all went well; else a text for each prompt: why it failed, or an empty one"), G_PARAM_READWRITE);
  return procedure;
}
