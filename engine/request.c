/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "request.h"

#include <glib/gi18n-lib.h>
#include <math.h>

static const char *const precision_names[] = { "auto", "f32", "bf16", "f16" };
static const char *const device_names[] = { "auto", "cpu", "cuda" };

/* Index of `text` in `names`, -1 if it is none of them. */
static int
find_name (const char *text, const char *const *names, gsize n)
{
  for (gsize i = 0; i < n; i++)
    if (g_strcmp0 (text, names[i]) == 0)
      return (int) i;
  return -1;
}

gboolean
gesso_precision_from_string (const char *text, GessoPrecision *precision)
{
  int i = find_name (text, precision_names, G_N_ELEMENTS (precision_names));

  if (i >= 0)
    *precision = (GessoPrecision) i;
  return i >= 0;
}

const char *
gesso_precision_to_string (GessoPrecision precision)
{
  return (gsize) precision < G_N_ELEMENTS (precision_names) ? precision_names[precision] : NULL;
}

gboolean
gesso_device_from_string (const char *text, GessoDevice *device)
{
  int i = find_name (text, device_names, G_N_ELEMENTS (device_names));

  if (i >= 0)
    *device = (GessoDevice) i;
  return i >= 0;
}

const char *
gesso_device_to_string (GessoDevice device)
{
  return (gsize) device < G_N_ELEMENTS (device_names) ? device_names[device] : NULL;
}

GessoOptions *
gesso_options_new (void)
{
  return g_new0 (GessoOptions, 1);
}

GessoOptions *
gesso_options_copy (const GessoOptions *options)
{
  return g_memdup2 (options, sizeof *options);
}

void
gesso_options_free (GessoOptions *options)
{
  g_free (options);
}

G_DEFINE_BOXED_TYPE (GessoOptions, gesso_options, gesso_options_copy, gesso_options_free)

gboolean
gesso_options_check (const GessoOptions *options, GError **error)
{
  g_autofree char *problem = NULL;

  if (!gesso_device_to_string (options->device))
    problem = g_strdup (_ ("The device is none of auto, cpu and cuda."));
  else if (!gesso_precision_to_string (options->precision))
    problem = g_strdup (_ ("The precision is none of auto, f32, bf16 and f16."));
  else if (options->n_threads < 0 || options->n_threads > 1024)
    problem = g_strdup_printf (_ ("The number of threads is %d; it must be between 1 and 1024, or 0 for all cores."),
                               options->n_threads);
  if (problem)
    g_set_error_literal (error, GESSO_ERROR, GESSO_ERROR_REQUEST_INVALID, problem);
  return !problem;
}

GessoRequest *
gesso_request_new (const char *prompt)
{
  GessoRequest *request = g_new0 (GessoRequest, 1);

  request->prompt = g_strdup (prompt);
  request->steps = 25;
  request->guidance = 7.5;
  request->n_images = 1;
  return request;
}

GessoRequest *
gesso_request_copy (const GessoRequest *request)
{
  GessoRequest *copy = g_memdup2 (request, sizeof *request);

  copy->prompt = g_strdup (request->prompt);
  copy->negative_prompt = g_strdup (request->negative_prompt);
  copy->scheduler = g_strdup (request->scheduler);
  return copy;
}

void
gesso_request_free (GessoRequest *request)
{
  g_free (request->prompt);
  g_free (request->negative_prompt);
  g_free (request->scheduler);
  g_free (request);
}

G_DEFINE_BOXED_TYPE (GessoRequest, gesso_request, gesso_request_copy, gesso_request_free)

static gboolean
check_text (const char *text, const char *what, GError **error)
{
  if (!text || g_utf8_validate (text, -1, NULL))
    return TRUE;
  /* Translators: %s is "prompt" or "negative prompt". */
  g_set_error (error, GESSO_ERROR, GESSO_ERROR_REQUEST_INVALID,
               _ ("The %s is not valid UTF-8. Convert it to UTF-8 first."), what);
  return FALSE;
}

static gboolean
check_size (int size, const char *what, int factor, GError **error)
{
  if (size == 0 || (size >= factor && size <= GESSO_MAX_SIZE && size % factor == 0))
    return TRUE;
  /* Translators: the first %s is "width" or "height". */
  g_set_error (error, GESSO_ERROR, GESSO_ERROR_REQUEST_INVALID,
               _ ("The %s of %d pixels is out of range: it must be a multiple of %d from %d to %d, or 0 for the "
                  "model's own size."),
               what, size, factor, factor, GESSO_MAX_SIZE);
  return FALSE;
}

gboolean
gesso_request_check (const GessoRequest *request, int factor, GError **error)
{
  if (!request->prompt)
    {
      g_set_error_literal (error, GESSO_ERROR, GESSO_ERROR_REQUEST_INVALID, _ ("There is no prompt."));
      return FALSE;
    }
  if (!check_text (request->prompt, _ ("prompt"), error)
      || !check_text (request->negative_prompt, _ ("negative prompt"), error)
      || !check_size (request->width, _ ("width"), factor, error)
      || !check_size (request->height, _ ("height"), factor, error))
    return FALSE;
  /* Beyond single precision's own range the guided difference would overflow to infinity anyway. */
  if (!isfinite (request->guidance) || fabs (request->guidance) > 1e6)
    {
      g_set_error (error, GESSO_ERROR, GESSO_ERROR_REQUEST_INVALID,
                   _ ("The guidance scale of %g is out of range: it must be a number from -1000000 to 1000000 "
                      "(7.5 is usual)."),
                   request->guidance);
      return FALSE;
    }
  if (request->n_images < 1 || request->n_images > GESSO_MAX_IMAGES)
    {
      g_set_error (error, GESSO_ERROR, GESSO_ERROR_REQUEST_INVALID,
                   _ ("The number of pictures, %d, is out of range: it must be from 1 to %d."), request->n_images,
                   GESSO_MAX_IMAGES);
      return FALSE;
    }
  if (request->batch < 0 || request->batch > GESSO_MAX_IMAGES)
    {
      g_set_error (
          error, GESSO_ERROR, GESSO_ERROR_REQUEST_INVALID,
          _ ("A batch of %d pictures is out of range: it must be from 1 to %d, or 0 for the engine to choose."),
          request->batch, GESSO_MAX_IMAGES);
      return FALSE;
    }
  return TRUE;
}
