/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "trial-report.h"

#include <stdlib.h>
#include <string.h>

#include "cuda-driver.h"

static const char *
code_of (const GError *error)
{
  static const char *const names[] = {
    [GESSO_ERROR_MODEL_NOT_FOUND] = "MODEL_NOT_FOUND",
    [GESSO_ERROR_MODEL_INVALID] = "MODEL_INVALID",
    [GESSO_ERROR_REQUEST_INVALID] = "REQUEST_INVALID",
    [GESSO_ERROR_OUT_OF_MEMORY] = "OUT_OF_MEMORY",
    [GESSO_ERROR_DEVICE] = "DEVICE",
    [GESSO_ERROR_CANCELLED] = "CANCELLED",
  };

  if (error->domain == GESSO_ERROR && error->code >= 0 && error->code < (int) G_N_ELEMENTS (names))
    return names[error->code];
  return g_quark_to_string (error->domain);
}

int
trial_report (JsonBuilder *builder, const GError *error)
{
  g_autoptr (JsonGenerator) generator = json_generator_new ();
  g_autoptr (JsonBuilder) failure = json_builder_new ();
  g_autoptr (JsonNode) root = NULL;
  g_autofree char *text = NULL;

  if (error)
    {
      json_builder_begin_object (failure);
      json_builder_set_member_name (failure, "error");
      json_builder_begin_object (failure);
      trial_add_string (failure, "code", code_of (error));
      trial_add_string (failure, "message", error->message);
      json_builder_end_object (failure);
      json_builder_end_object (failure);
    }
  root = json_builder_get_root (error ? failure : builder);
  json_generator_set_root (generator, root);
  text = json_generator_to_data (generator, NULL);
  g_print ("%s\n", text);
  return error ? 1 : 0;
}

void
trial_add_double (JsonBuilder *builder, const char *name, double value)
{
  json_builder_set_member_name (builder, name);
  json_builder_add_double_value (builder, value);
}

void
trial_add_int (JsonBuilder *builder, const char *name, gint64 value)
{
  json_builder_set_member_name (builder, name);
  json_builder_add_int_value (builder, value);
}

void
trial_add_string (JsonBuilder *builder, const char *name, const char *value)
{
  json_builder_set_member_name (builder, name);
  json_builder_add_string_value (builder, value);
}

static int
compare_doubles (gconstpointer a, gconstpointer b)
{
  const double x = *(const double *) a, y = *(const double *) b;

  return (x > y) - (x < y);
}

void
trial_add_times (JsonBuilder *builder, const char *name, const double *values, int n)
{
  g_autofree double *sorted = g_memdup2 (values, (gsize) n * sizeof *values);
  g_autofree char *all = g_strconcat (name, "_all", NULL);

  qsort (sorted, (gsize) n, sizeof *sorted, compare_doubles);
  trial_add_double (builder, name, n % 2 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2);
  json_builder_set_member_name (builder, all);
  json_builder_begin_array (builder);
  for (int i = 0; i < n; i++)
    json_builder_add_double_value (builder, values[i]);
  json_builder_end_array (builder);
}

struct _TrialMemory
{
  GessoCudaDriver *driver;
  CUdevice device;
  gsize before, least;
};

static void
memory_free (TrialMemory *memory)
{
  gesso_cuda_driver_close (memory->driver);
  g_free (memory);
}

TrialMemory *
trial_memory_new (void)
{
  TrialMemory *memory = g_new0 (TrialMemory, 1);
  CUcontext context;
  size_t total;

  memory->driver = gesso_cuda_driver_open (NULL);
  if (memory->driver && !memory->driver->cuInit (0) && !memory->driver->cuDeviceGet (&memory->device, 0)
      && !memory->driver->cuDevicePrimaryCtxRetain (&context, memory->device))
    {
      if (!memory->driver->cuCtxSetCurrent (context) && !memory->driver->cuMemGetInfo (&memory->before, &total))
        {
          memory->least = memory->before;
          return memory;
        }
      memory->driver->cuDevicePrimaryCtxRelease (memory->device);
    }
  memory_free (memory);
  return NULL;
}

void
trial_memory_look (TrialMemory *memory)
{
  size_t available, total;

  if (memory && !memory->driver->cuMemGetInfo (&available, &total))
    memory->least = MIN (memory->least, available);
}

gint64
trial_memory_finish (TrialMemory *memory)
{
  gint64 taken;

  if (!memory)
    return 0;
  taken = (gint64) (memory->before - memory->least);
  memory->driver->cuDevicePrimaryCtxRelease (memory->device);
  memory_free (memory);
  return taken;
}
