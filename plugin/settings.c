/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "settings.h"

#include <glib/gi18n-lib.h>

#include "bounds.h"

void
gesso_settings_free (GessoSettings *settings)
{
  g_free (settings->prompt);
  g_free (settings->negative_prompt);
  g_free (settings->model);
  g_free (settings->scheduler);
  g_free (settings);
}

/* Device and precision are strings and no choices: of a choice GIMP replaces a wrong value by the default without an
 * error, so that a script would compute on the wrong device and never know. */
void
gesso_settings_add_arguments (GimpProcedure *procedure, gboolean with_prompt)
{
  if (with_prompt)
    gimp_procedure_add_string_argument (procedure, "prompt", _ ("_Prompt"), _ ("What to paint"), "", G_PARAM_READWRITE);
  gimp_procedure_add_string_argument (procedure, "negative-prompt", _ ("_Negative prompt"),
                                      _ ("What to keep away from"), "", G_PARAM_READWRITE);
  gimp_procedure_add_string_argument (
      procedure, "model", _ ("_Model"),
      _ ("Name of an installed model, or a model's folder; empty: the model that comes with Gesso"), "",
      G_PARAM_READWRITE);
  gimp_procedure_add_int_argument (
      procedure, "width", _ ("_Width"),
      _ ("Width of the new layer in pixels; 0: as the selection, else as the image, painted in a size that suits the "
         "model and scaled"),
      0, GESSO_LARGEST_SIDE, 0, G_PARAM_READWRITE);
  gimp_procedure_add_int_argument (procedure, "height", _ ("_Height"),
                                   _ ("Height of the new layer in pixels; 0: as for the width"), 0, GESSO_LARGEST_SIDE,
                                   0, G_PARAM_READWRITE);
  gimp_procedure_add_int_argument (procedure, "steps", _ ("_Steps"), _ ("Denoising steps"), 1, GESSO_LARGEST_STEPS,
                                   GESSO_USUAL_STEPS, G_PARAM_READWRITE);
  gimp_procedure_add_double_argument (
      procedure, "guidance", _ ("_Guidance"),
      _ ("How closely to follow the prompt; 1 or less: without regard to the negative prompt"), 0.0,
      GESSO_LARGEST_GUIDANCE, GESSO_USUAL_GUIDANCE, G_PARAM_READWRITE);
  if (with_prompt)
    {
      gimp_procedure_add_int_argument (
          procedure, "seed", _ ("S_eed"),
          _ ("Seed of the first picture, the next one takes the next number; -1: a random one"), -1, G_MAXINT, -1,
          G_PARAM_READWRITE);
      gimp_procedure_add_int_argument (procedure, "count", _ ("N_umber of pictures"), _ ("How many pictures to paint"),
                                       1, GESSO_LARGEST_COUNT, 1, G_PARAM_READWRITE);
    }
  gimp_procedure_add_string_argument (procedure, "scheduler", _ ("Sche_duler"),
                                      _ ("Scheduler: \"pndm\"; empty: the model's own"), "", G_PARAM_READWRITE);
  gimp_procedure_add_string_argument (procedure, "device", _ ("Dev_ice"),
                                      _ ("Where to compute: \"auto\", \"cpu\" or \"cuda\""), "auto", G_PARAM_READWRITE);
  gimp_procedure_add_string_argument (procedure, "precision", _ ("P_recision"),
                                      _ ("In which precision: \"auto\", \"f32\", \"bf16\" or \"f16\""), "auto",
                                      G_PARAM_READWRITE);
  if (with_prompt)
    gimp_procedure_add_boolean_aux_argument (procedure, "lock-seed", _ ("_Lock seed"),
                                             _ ("Keep the seed for the next picture"), FALSE, G_PARAM_READWRITE);
}

/* A NULL string is an empty one. */
static char *
take_text (char *text)
{
  return text ? text : g_strdup ("");
}

static gboolean
parse_names (const char *device, const char *precision, GessoSettings *settings, GError **error)
{
  if (!gesso_device_from_string (device[0] ? device : "auto", &settings->device))
    {
      g_set_error (error, GESSO_ERROR, GESSO_ERROR_REQUEST_INVALID,
                   _ ("The argument “device” is “%s”, which is none of auto, cpu and cuda."), device);
      return FALSE;
    }
  if (!gesso_precision_from_string (precision[0] ? precision : "auto", &settings->precision))
    {
      g_set_error (error, GESSO_ERROR, GESSO_ERROR_REQUEST_INVALID,
                   _ ("The argument “precision” is “%s”, which is none of auto, f32, bf16 and f16."), precision);
      return FALSE;
    }
  return TRUE;
}

static gboolean
check_seeds (const GessoSettings *settings, GError **error)
{
  if (settings->seed <= G_MAXINT - (settings->count - 1))
    return TRUE;
  g_set_error (error, GESSO_ERROR, GESSO_ERROR_REQUEST_INVALID,
               _ ("The seed %d is too large for %d pictures, whose seeds follow it: the last one can be %d at most."),
               settings->seed, settings->count, G_MAXINT);
  return FALSE;
}

GessoSettings *
gesso_settings_from_config (GimpProcedureConfig *config, GError **error)
{
  g_autoptr (GessoSettings) settings = g_new0 (GessoSettings, 1);
  g_autofree char *device = NULL;
  g_autofree char *precision = NULL;

  settings->seed = -1;
  settings->count = 1;
  g_object_get (config, "negative-prompt", &settings->negative_prompt, "model", &settings->model, "width",
                &settings->width, "height", &settings->height, "steps", &settings->steps, "guidance",
                &settings->guidance, "scheduler", &settings->scheduler, "device", &device, "precision", &precision,
                NULL);
  if (g_object_class_find_property (G_OBJECT_GET_CLASS (config), "prompt"))
    g_object_get (config, "prompt", &settings->prompt, "seed", &settings->seed, "count", &settings->count, NULL);
  settings->prompt = take_text (settings->prompt);
  settings->negative_prompt = take_text (settings->negative_prompt);
  settings->model = take_text (settings->model);
  settings->scheduler = take_text (settings->scheduler);
  device = take_text (device);
  precision = take_text (precision);
  if (!parse_names (device, precision, settings, error) || !check_seeds (settings, error))
    return NULL;
  return g_steal_pointer (&settings);
}

void
gesso_settings_to_config (const GessoSettings *settings, GimpProcedureConfig *config)
{
  g_object_set (config, "negative-prompt", settings->negative_prompt, "model", settings->model, "width",
                settings->width, "height", settings->height, "steps", settings->steps, "guidance", settings->guidance,
                "scheduler", settings->scheduler, "device", gesso_device_to_string (settings->device), "precision",
                gesso_precision_to_string (settings->precision), NULL);
  if (g_object_class_find_property (G_OBJECT_GET_CLASS (config), "prompt"))
    g_object_set (config, "prompt", settings->prompt, "seed", settings->seed, "count", settings->count, NULL);
}

GessoSettings *
gesso_settings_copy (const GessoSettings *settings)
{
  GessoSettings *copy = g_memdup2 (settings, sizeof *settings);

  copy->prompt = g_strdup (settings->prompt);
  copy->negative_prompt = g_strdup (settings->negative_prompt);
  copy->model = g_strdup (settings->model);
  copy->scheduler = g_strdup (settings->scheduler);
  return copy;
}

void
gesso_settings_draw_seed (GessoSettings *settings)
{
  /* The seeds of all pictures shall be valid ones, too. */
  if (settings->seed < 0)
    settings->seed = g_random_int_range (0, G_MAXINT - GESSO_LARGEST_COUNT);
}

/* The size of the layer: as asked for, else the place's (0 where there is none). */
static void
get_layer_size (const GessoSettings *settings, int place_width, int place_height, int *width, int *height)
{
  *width = settings->width > 0 ? settings->width : place_width;
  *height = settings->height > 0 ? settings->height : place_height;
}

/* The nearest side that the engine can paint. */
static int
nearest_side (int side)
{
  return MAX (GESSO_SIDE_UNIT, (side + GESSO_SIDE_UNIT / 2) / GESSO_SIDE_UNIT * GESSO_SIDE_UNIT);
}

void
gesso_settings_simplify_size (GessoSettings *settings)
{
  if (settings->painted_width > 0
      && (settings->painted_width != nearest_side (settings->width)
          || settings->painted_height != nearest_side (settings->height)))
    settings->width = settings->height = 0;
  settings->painted_width = settings->painted_height = 0;
}

GessoRequest *
gesso_settings_to_request (const GessoSettings *settings, GessoEngine *engine, int place_width, int place_height)
{
  GessoRequest *request = gesso_request_new (settings->prompt);
  int width, height;
  int default_width, default_height;

  get_layer_size (settings, place_width, place_height, &width, &height);
  gesso_engine_get_default_size (engine, &default_width, &default_height);
  if (settings->painted_width > 0 && settings->painted_height > 0)
    {
      request->width = settings->painted_width;
      request->height = settings->painted_height;
    }
  else if (width > 0 && height > 0 && (settings->width == 0 || settings->height == 0))
    gesso_engine_fit_size (engine, width, height, &request->width, &request->height);
  else
    {
      request->width = nearest_side (width > 0 ? width : default_width);
      request->height = nearest_side (height > 0 ? height : default_height);
    }
  request->negative_prompt = g_strdup (settings->negative_prompt);
  request->steps = settings->steps;
  request->guidance = settings->guidance;
  request->seed = (guint64) settings->seed;
  request->n_images = settings->count;
  if (settings->scheduler[0])
    request->scheduler = g_strdup (settings->scheduler);
  return request;
}
