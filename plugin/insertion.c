/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Puts new layers into the image of a canvas.
 */

#include "canvas-private.h"

#include <glib/gi18n-lib.h>

#include "metadata.h"
#include "pdb-error.h"
#include "scaling.h"

#define LONGEST_NAME 60 /* characters */

/* --- Where in the stack --- */

GimpLayer *
gesso_canvas_layer_of (GimpDrawable *drawable)
{
  if (GIMP_IS_LAYER_MASK (drawable))
    return gimp_layer_from_mask (GIMP_LAYER_MASK (drawable));
  return GIMP_IS_LAYER (drawable) ? GIMP_LAYER (drawable) : NULL;
}

static void
add_spot (GessoCanvas *canvas, GimpLayer *layer)
{
  int id = gimp_item_get_id (GIMP_ITEM (layer));

  g_array_append_val (canvas->spot, id);
}

void
gesso_canvas_find_spot (GessoCanvas *canvas, GimpDrawable **drawables)
{
  g_autofree GimpLayer **layers = NULL;

  for (gsize i = 0; drawables && drawables[i]; i++)
    {
      GimpLayer *layer = gesso_canvas_layer_of (drawables[i]);

      if (layer)
        add_spot (canvas, layer);
    }
  if (canvas->spot->len > 0)
    return;
  layers = gimp_image_get_selected_layers (canvas->image);
  for (gsize i = 0; layers && layers[i]; i++)
    add_spot (canvas, layers[i]);
}

/* GIMP's own way for new layers: into an active group, else above the topmost active layer; position -1 is above what
 * is active now. */
static void
locate (GessoCanvas *canvas, GimpLayer **parent, int *position)
{
  gboolean first = TRUE;

  *parent = NULL;
  *position = -1;
  for (guint i = 0; i < canvas->spot->len; i++)
    {
      int id = g_array_index (canvas->spot, int, i);
      GimpItem *item = gimp_item_id_is_layer (id) ? gimp_item_get_by_id (id) : NULL;
      GimpLayer *above;
      int at;

      if (!item || gimp_item_get_image (item) != canvas->image)
        continue;
      if (gimp_item_is_group (item))
        {
          above = GIMP_LAYER (item);
          at = 0;
        }
      else
        {
          above = GIMP_LAYER (gimp_item_get_parent (item));
          at = gimp_image_get_item_position (canvas->image, item);
        }
      if (first)
        {
          *parent = above;
          *position = at;
        }
      else if (*parent == above)
        *position = MIN (*position, at);
      else
        {
          *parent = NULL;
          *position = 0;
        }
      first = FALSE;
    }
}

/* --- What belongs to a layer --- */

/* One line of the prompt. */
static char *
layer_name (const char *prompt)
{
  g_autofree char *valid = g_utf8_make_valid (prompt, -1);
  g_autoptr (GString) name = g_string_new (NULL);
  gboolean space = FALSE;
  glong length = 0;

  for (const char *p = valid; *p; p = g_utf8_next_char (p))
    {
      gunichar c = g_utf8_get_char (p);

      if (g_unichar_isspace (c) || g_unichar_iscntrl (c) || !g_unichar_isdefined (c))
        {
          space = name->len > 0;
          continue;
        }
      if (length + (space ? 2 : 1) > LONGEST_NAME)
        {
          g_string_append (name, "…");
          break;
        }
      if (space)
        g_string_append_c (name, ' ');
      g_string_append_unichar (name, c);
      length += space ? 2 : 1;
      space = FALSE;
    }
  return name->len > 0 ? g_string_free (g_steal_pointer (&name), FALSE) : g_strdup (_ ("Generated"));
}

static gboolean
add_mask (GessoCanvas *canvas, GimpLayer *layer, const GeglRectangle *where, GError **error)
{
  GimpLayerMask *mask = gimp_layer_create_mask (layer, GIMP_ADD_MASK_BLACK);
  GeglRectangle covered, at;
  GeglBuffer *buffer;

  if (!mask)
    return gesso_set_pdb_error (error);
  if (gegl_rectangle_intersect (&covered, where, &canvas->place))
    {
      at = *GEGL_RECTANGLE (covered.x - where->x, covered.y - where->y, covered.width, covered.height);
      buffer = gimp_drawable_get_buffer (GIMP_DRAWABLE (mask));
      gegl_buffer_copy (canvas->selection, &covered, GEGL_ABYSS_NONE, buffer, &at);
      g_object_unref (buffer);
    }
  if (!gimp_layer_add_mask (layer, mask))
    {
      gesso_set_pdb_error (error);
      if (gimp_image_is_valid (canvas->image))
        gimp_item_delete (GIMP_ITEM (mask));
      return FALSE;
    }
  gimp_layer_set_edit_mask (layer, FALSE);
  return TRUE;
}

static void
layer_rectangle (const GessoCanvas *canvas, const GessoResult *result, GeglRectangle *where)
{
  const GeglRectangle *place = &canvas->place;
  int width = result->origin->width > 0 ? result->origin->width : place->width;
  int height = result->origin->height > 0 ? result->origin->height : place->height;

  where->width = width > 0 ? width : gesso_picture_get_width (result->picture);
  where->height = height > 0 ? height : gesso_picture_get_height (result->picture);
  where->x = canvas->kind == PLACE_NONE ? 0 : place->x + (place->width - where->width) / 2;
  where->y = canvas->kind == PLACE_NONE ? 0 : place->y + (place->height - where->height) / 2;
}

/* How far all of it is. */
typedef struct
{
  GessoFillFunc func;
  gpointer data;
  guint n_done, n;
} Progress;

static gboolean
on_filled (double fraction, gpointer data)
{
  const Progress *progress = data;

  return progress->func ((progress->n_done + fraction) / progress->n, progress->data);
}

gboolean
gesso_canvas_check_image (GessoCanvas *canvas, GError **error)
{
  if (!canvas->image || gimp_image_is_valid (canvas->image))
    return TRUE;
  g_set_error_literal (error, GIMP_PLUG_IN_ERROR, 0,
                       _ ("The image was closed while the picture was being painted, so there is nothing to put it "
                          "into."));
  return FALSE;
}

/* --- Pictures in the size of their layers --- */

typedef struct
{
  GeglRectangle where;
  GeglBuffer *pixels;
} Scaled;

static void
scaled_free (gpointer data)
{
  Scaled *scaled = data;

  g_object_unref (scaled->pixels);
  g_free (scaled);
}

static gboolean
check_ratio (const GessoPicture *picture, const GeglRectangle *where, GError **error)
{
  int width = gesso_picture_get_width (picture), height = gesso_picture_get_height (picture);

  if (where->width <= GESSO_LARGEST_RATIO * width && where->height <= GESSO_LARGEST_RATIO * height)
    return TRUE;
  g_set_error (error, GESSO_ERROR, GESSO_ERROR_REQUEST_INVALID,
               _ ("A picture of %d x %d pixels can be enlarged %d times at most, not to %d x %d. Choose a smaller "
                  "size."),
               width, height, GESSO_LARGEST_RATIO, where->width, where->height);
  return FALSE;
}

/* What is scaled keeps its fractions for images that can hold them. */
static const Babl *
format_for (const GessoCanvas *canvas)
{
  gboolean holds_bytes = !canvas->image || gimp_image_get_precision (canvas->image) == GIMP_PRECISION_U8_NON_LINEAR;

  return babl_format (holds_bytes ? "R'G'B' u8" : "R'G'B' float");
}

static Scaled *
scale (GessoCanvas *canvas, const GessoResult *result, Progress *progress, GError **error)
{
  Scaled *scaled;
  GeglRectangle where;

  layer_rectangle (canvas, result, &where);
  if (!check_ratio (result->picture, &where, error))
    return NULL;
  scaled = g_new (Scaled, 1);
  scaled->where = where;
  scaled->pixels = gegl_buffer_new (GEGL_RECTANGLE (0, 0, where.width, where.height), format_for (canvas));
  if (gesso_fill_buffer (scaled->pixels, result->picture, on_filled, progress))
    return scaled;
  scaled_free (scaled);
  g_set_error_literal (error, GESSO_ERROR, GESSO_ERROR_CANCELLED, _ ("Cancelled."));
  return NULL;
}

/* It takes a while, and the image may be closed meanwhile: GIMP hears of no layer before all are there. */
static GPtrArray *
scale_all (GessoCanvas *canvas, GPtrArray *results, Progress *progress, GError **error)
{
  g_autoptr (GPtrArray) all = g_ptr_array_new_with_free_func (scaled_free);

  for (; progress->n_done < results->len; progress->n_done++)
    {
      Scaled *scaled = NULL;

      if (gesso_canvas_check_image (canvas, error))
        scaled = scale (canvas, g_ptr_array_index (results, progress->n_done), progress, error);

      if (!scaled)
        return NULL;
      g_ptr_array_add (all, scaled);
    }
  return g_steal_pointer (&all);
}

/* --- One layer --- */

/* RGBA serves every image: GIMP takes only the alpha from it and stores pixels as the image has them. It belongs to the
 * image at once: one that is closed takes its layers with it, but leaves others with nothing to belong to, which GIMP
 * does not survive. To its group it goes when it is done: nothing may be written into a group that is locked. */
static GimpLayer *
add_layer (GessoCanvas *canvas, const GessoResult *result, const GeglRectangle *where, int position, GError **error)
{
  g_autofree char *name = layer_name (result->request->prompt);
  g_autoptr (GessoMetadata) metadata = gesso_metadata_new (result, where->width, where->height);
  GimpLayer *layer = gimp_layer_new (canvas->image, name, where->width, where->height, GIMP_RGBA_IMAGE, 100.0,
                                     gimp_image_get_default_new_layer_mode (canvas->image));

  if (!layer)
    {
      gesso_set_pdb_error (error);
      return NULL;
    }
  if (gesso_metadata_attach (metadata, layer, error))
    {
      if (gimp_layer_set_offsets (layer, where->x, where->y)
          && gimp_image_insert_layer (canvas->image, layer, NULL, position))
        return layer;
      gesso_set_pdb_error (error);
    }
  if (gimp_image_is_valid (canvas->image))
    gimp_item_delete (GIMP_ITEM (layer));
  return NULL;
}

static gboolean
fill (GimpLayer *layer, const Scaled *scaled, GError **error)
{
  GeglBuffer *buffer = gimp_drawable_get_buffer (GIMP_DRAWABLE (layer));

  if (!buffer)
    return gesso_set_pdb_error (error);
  gegl_buffer_copy (scaled->pixels, NULL, GEGL_ABYSS_NONE, buffer, NULL);
  g_object_unref (buffer); /* sends it to GIMP */
  return gimp_drawable_update (GIMP_DRAWABLE (layer), 0, 0, scaled->where.width, scaled->where.height)
         || gesso_set_pdb_error (error);
}

static gboolean
furnish (GessoCanvas *canvas, GimpLayer *layer, const Scaled *scaled, GError **error)
{
  return fill (layer, scaled, error) && (!canvas->selection || add_mask (canvas, layer, &scaled->where, error));
}

/* --- All of them --- */

static gboolean
add_all (GessoCanvas *canvas, GPtrArray *results, GPtrArray *scaled, GPtrArray *layers, GError **error)
{
  const GessoResult *last = g_ptr_array_index (results, results->len - 1);
  GimpLayer *parent;
  int position;

  locate (canvas, &parent, &position);
  for (guint i = 0; i < results->len; i++)
    {
      const GessoResult *result = g_ptr_array_index (results, i);
      const Scaled *one = g_ptr_array_index (scaled, i);
      GimpLayer *layer = add_layer (canvas, result, &one->where, parent ? 0 : position, error);

      if (!layer)
        return FALSE;
      g_ptr_array_add (layers, layer);
      if (!furnish (canvas, layer, one, error))
        return FALSE;
      if (parent && !gimp_image_reorder_item (canvas->image, GIMP_ITEM (layer), GIMP_ITEM (parent), position))
        return gesso_set_pdb_error (error);
    }
  return gesso_metadata_attach_parameters (canvas->image, last->picture, error);
}

/* The layers, or NULL, and then none is left. */
static GPtrArray *
add_as_one_step (GessoCanvas *canvas, GPtrArray *results, GPtrArray *scaled, GError **error)
{
  g_autoptr (GPtrArray) layers = g_ptr_array_new ();
  g_autoptr (GError) problem = NULL;
  gboolean added;

  gimp_image_undo_group_start (canvas->image);
  added = add_all (canvas, results, scaled, layers, &problem);
  if (!added && !gesso_canvas_check_image (canvas, error))
    return NULL;
  for (guint i = 0; i < layers->len && !added; i++)
    gimp_image_remove_layer (canvas->image, g_ptr_array_index (layers, i));
  gimp_image_undo_group_end (canvas->image);
  if (added)
    return g_steal_pointer (&layers);
  g_propagate_error (error, g_steal_pointer (&problem));
  return NULL;
}

/* As large as the largest. */
static void
make_image (GessoCanvas *canvas, GPtrArray *scaled)
{
  int width = 0, height = 0;

  for (guint i = 0; i < scaled->len; i++)
    {
      const Scaled *one = g_ptr_array_index (scaled, i);

      width = MAX (width, one->where.width);
      height = MAX (height, one->where.height);
    }
  canvas->image = gimp_image_new (width, height, GIMP_RGB);
}

GPtrArray *
gesso_canvas_insert (GessoCanvas *canvas, GPtrArray *results, GessoFillFunc func, gpointer data, GError **error)
{
  gboolean fresh = canvas->image == NULL;
  Progress progress = { func, data, 0, results->len };
  g_autoptr (GPtrArray) scaled = NULL;
  GPtrArray *layers;

  if (!gesso_canvas_check_image (canvas, error))
    return NULL;
  scaled = scale_all (canvas, results, &progress, error);
  if (!scaled || !gesso_canvas_check_image (canvas, error))
    return NULL;
  if (!fresh)
    return add_as_one_step (canvas, results, scaled, error);
  make_image (canvas, scaled);
  gimp_image_undo_disable (canvas->image);
  layers = add_as_one_step (canvas, results, scaled, error);
  if (layers)
    gimp_image_undo_enable (canvas->image);
  else
    {
      gimp_image_delete (canvas->image);
      canvas->image = NULL;
    }
  return layers;
}
