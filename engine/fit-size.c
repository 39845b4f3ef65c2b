/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "fit-size.h"

#include <math.h>

#define MAX_SIDE 2048
#define MIN_STEP 8
#define MAX_RATIO 3.0
/* Of the area the model was trained on: above, things are painted twice; below, they fall apart. 1.5 is 768 x 512 for a
 * model made for 512 x 512. */
#define MIN_AREA (0.75 * 0.75)
#define MAX_AREA 1.5
/* Proportions count that much more than the area: what does not fit the place is stretched or cut off. */
#define RATIO_WEIGHT 16.0
/* A coarser grid of sizes will do while the proportions are met as well as this. */
#define GOOD_RATIO_ERROR 0.1

#define SLACK 1e-9 /* for rounding */

typedef struct
{
  double ratio, area;        /* wanted */
  double min_area, max_area; /* allowed */
  double best;               /* what the best so far costs */
  double ratio_error;        /* of the best so far */
  int width, height;         /* the best so far; 0: none */
} Search;

static void
consider (Search *search, int width, int height)
{
  double area = (double) width * height, ratio = (double) width / height;
  double ratio_error = fabs (log (ratio / search->ratio));
  double area_error = log (area / search->area);
  double cost = RATIO_WEIGHT * ratio_error * ratio_error + area_error * area_error;

  if (area < search->min_area * (1 - SLACK) || area > search->max_area * (1 + SLACK)
      || fabs (log (ratio)) > log (MAX_RATIO) + SLACK || (search->width && cost >= search->best))
    return;
  search->best = cost;
  search->ratio_error = ratio_error;
  search->width = width;
  search->height = height;
}

static void
search_grid (Search *search, int step)
{
  search->width = search->height = 0;
  for (int width = step; width <= MAX_SIDE; width += step)
    for (int height = step; height <= MAX_SIDE; height += step)
      consider (search, width, height);
}

void
gesso_fit_size (const GessoModel *model, int width, int height, int *fitted_width, int *fitted_height)
{
  const int factor = gesso_model_vae_factor (model);
  const int model_width = model->unet.sample_width * factor, model_height = model->unet.sample_height * factor;
  const double trained = (double) model_width * model_height;
  const int min_step = MAX (MIN_STEP, factor);
  Search search = { 0 };

  if (width <= 0)
    width = model_width;
  if (height <= 0)
    height = model_height;
  *fitted_width = model_width;
  *fitted_height = model_height;
  if (width == model_width && height == model_height && MAX (width, height) <= MAX_SIDE)
    return;

  /* A model made for pictures larger than we ask for is asked for the largest. */
  search.min_area = MIN (trained * MIN_AREA, (double) MAX_SIDE * MAX_SIDE / MAX_RATIO);
  search.max_area = trained * MAX_AREA;
  search.ratio = CLAMP ((double) width / height, 1 / MAX_RATIO, MAX_RATIO);
  search.area = CLAMP ((double) width * height, search.min_area, search.max_area);
  search.area = MIN (search.area, (double) MAX_SIDE * MAX_SIDE * MIN (search.ratio, 1 / search.ratio));
  for (int step = MAX (min_step, factor << (model->unet.n_levels - 1));; step /= 2)
    {
      search_grid (&search, step);
      if (search.width && (step <= min_step || search.ratio_error <= GOOD_RATIO_ERROR))
        break;
      if (step <= min_step)
        return; /* a model for pictures smaller than any step: its own size it is */
    }
  *fitted_width = search.width;
  *fitted_height = search.height;
}
