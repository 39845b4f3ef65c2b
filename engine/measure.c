/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "measure.h"

#define MIN_SIDE 64
#define STEP 8 /* pixels */

/* Left free where the size is ours to choose: the process and its neighbours grow a little. */
#define SPARE(bytes) ((bytes) / 32)

GessoSketch *
gesso_sketch_new (const GessoPipeline *pipeline)
{
  GessoSketch *sketch = g_memdup2 (pipeline, sizeof *pipeline);

  sketch->parts = gesso_parts_new (pipeline->backend, pipeline->precision, pipeline->model);
  return sketch;
}

void
gesso_sketch_free (GessoSketch *sketch)
{
  gesso_parts_free (sketch->parts);
  g_free (sketch);
}

static gboolean
measure (GessoPipeline *pipeline, GessoSketch *sketch, const GessoRequest *request, GessoMemoryNeed *need,
         GError **error)
{
  g_auto (GessoJob) job = { 0 };
  GessoMemoryLimit limit;
  guint64 buffers;

  if (!gesso_pipeline_plan_parts (sketch, pipeline, request, &job, &limit, NULL, error))
    return FALSE;
  buffers = gesso_pipeline_buffer_bytes (sketch, &job);
  gesso_parts_peak (sketch->parts, &need->resident, &need->least);
  need->resident += buffers;
  need->least += buffers;
  need->available = limit.bytes > limit.own ? limit.bytes - limit.own : 0;
  return TRUE;
}

gboolean
gesso_pipeline_has_room (GessoPipeline *pipeline, char **why_not)
{
  g_autoptr (GessoSketch) sketch = gesso_sketch_new (pipeline);
  g_autoptr (GessoRequest) request = gesso_request_new ("");
  g_autoptr (GError) shortage = NULL;
  g_auto (GessoJob) job = { 0 };
  GessoMemoryLimit limit;

  /* What else is wrong is told when a picture is asked for. */
  if (!gesso_pipeline_plan_parts (sketch, pipeline, request, &job, &limit, NULL, NULL)
      || gesso_parts_set_limit (sketch->parts, &limit, gesso_pipeline_buffer_bytes (sketch, &job), &shortage))
    return TRUE;
  *why_not = g_strdup (shortage->message);
  return FALSE;
}

gboolean
gesso_pipeline_measure (GessoPipeline *pipeline, const GessoRequest *request, GessoMemoryNeed *need, GError **error)
{
  g_autoptr (GessoSketch) sketch = gesso_sketch_new (pipeline);

  return measure (pipeline, sketch, request, need, error);
}

typedef struct
{
  GessoPipeline *pipeline;
  GessoSketch *sketch;
  GessoRequest request; /* a copy whose size changes; what it points to is the caller's */
  int width, height;    /* the caller's size */
  int step;
} Search;

static gboolean
fits (Search *search, int width, int height, gboolean with_spare)
{
  GessoMemoryNeed need;

  search->request.width = width;
  search->request.height = height;
  return measure (search->pipeline, search->sketch, &search->request, &need, NULL)
         && need.least <= need.available - (with_spare ? SPARE (need.available) : 0);
}

/* The size of the caller's proportions whose longer side is `n` steps. */
static void
size_of (const Search *search, int n, int *width, int *height)
{
  const int longer = MAX (search->width, search->height), shorter = MIN (search->width, search->height);
  const gint64 scaled = ((gint64) shorter * n * search->step + longer / 2) / longer; /* pixels */
  const int rounded = MAX (1, (int) ((scaled + search->step / 2) / search->step)) * search->step;

  *width = search->width >= search->height ? n * search->step : rounded;
  *height = search->width >= search->height ? rounded : n * search->step;
}

gboolean
gesso_pipeline_largest_size (GessoPipeline *pipeline, const GessoRequest *request, int *width, int *height)
{
  g_autoptr (GessoSketch) sketch = gesso_sketch_new (pipeline);
  const GessoUnetConfig *unet = &pipeline->model->unet;
  const int factor = gesso_model_vae_factor (pipeline->model);
  Search search = { .pipeline = pipeline,
                    .sketch = sketch,
                    .request = *request,
                    .width = request->width ? request->width : unet->sample_width * factor,
                    .height = request->height ? request->height : unet->sample_height * factor,
                    .step = MAX (STEP, factor) };
  int low = 1, high = MAX (search.width, search.height) / search.step;

  *width = search.width;
  *height = search.height;
  if (MIN (search.width, search.height) <= 0)
    return FALSE;
  if (fits (&search, search.width, search.height, FALSE))
    return TRUE;
  for (;; low++)
    {
      size_of (&search, low, width, height);
      if (low >= high || MIN (*width, *height) >= MIN_SIDE)
        break;
    }
  if (low >= high || !fits (&search, *width, *height, TRUE))
    return FALSE;
  /* `low` fits, `high` does not: it is the caller's own size, or nearly. */
  while (high - low > 1)
    {
      const int middle = low + (high - low) / 2;

      size_of (&search, middle, width, height);
      if (fits (&search, *width, *height, TRUE))
        low = middle;
      else
        high = middle;
    }
  size_of (&search, low, width, height);
  return TRUE;
}
