/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The table of the tensors in one or more weights files, and reading their values.
 */

#include "weights-table.h"
#include "../shown-text.h"
#include "convert.h"

#include <glib/gi18n-lib.h>
#include <inttypes.h>
#include <string.h>

/* Eight bytes each, so aligned for every type: 32 KiB are converted at a time. */
#define PIECE 4096

typedef struct
{
  char *name;
  const char *stored_name; /* in the file */
  char *problem;           /* why it cannot be read; NULL when it can */
  GessoFile *file;
  GessoShape shape;
  GessoDType dtype;
  guint64 offset;
  gboolean is_strided;           /* not row-major: */
  GessoShape stored;             /* also of an alias */
  gint64 stride[GESSO_MAX_DIMS]; /* in values, of `stored` */
} Tensor;

struct _GessoWeights
{
  GPtrArray *files;    /* of GessoFile; the first one stands for all */
  GPtrArray *tensors;  /* of Tensor, in the files' order */
  GPtrArray *aliases;  /* of Tensor */
  GHashTable *by_name; /* name -> Tensor, aliases before tensors */
};

static void
tensor_free (gpointer data)
{
  Tensor *tensor = data;

  g_free (tensor->name);
  g_free (tensor->problem);
  g_free (tensor);
}

GessoWeights *
gesso_weights_new (GessoFile *file)
{
  GessoWeights *weights = g_new0 (GessoWeights, 1);

  weights->files = g_ptr_array_new_with_free_func ((GDestroyNotify) gesso_file_close);
  g_ptr_array_add (weights->files, file);
  weights->tensors = g_ptr_array_new_with_free_func (tensor_free);
  weights->aliases = g_ptr_array_new_with_free_func (tensor_free);
  weights->by_name = g_hash_table_new (g_str_hash, g_str_equal);
  return weights;
}

void
gesso_weights_free (GessoWeights *weights)
{
  if (!weights)
    return;
  g_hash_table_unref (weights->by_name);
  g_ptr_array_unref (weights->aliases);
  g_ptr_array_unref (weights->tensors);
  g_ptr_array_unref (weights->files);
  g_free (weights);
}

GessoFile *
gesso_weights_file (const GessoWeights *weights, guint i)
{
  return i < weights->files->len ? g_ptr_array_index (weights->files, i) : NULL;
}

gsize
gesso_weights_type_size (const char *type)
{
  static const struct
  {
    const char *type;
    gsize size;
  } sizes[] = {
    { "F32", 4 },  { "F16", 2 },     { "BF16", 2 }, { "F64", 8 },     { "I64", 8 }, { "U64", 8 },
    { "I32", 4 },  { "U32", 4 },     { "I16", 2 },  { "U16", 2 },     { "I8", 1 },  { "U8", 1 },
    { "BOOL", 1 }, { "F8_E4M3", 1 }, { "C64", 8 },  { "F8_E5M2", 1 },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (sizes); i++)
    if (strcmp (type, sizes[i].type) == 0)
      return sizes[i].size;
  return 0;
}

gboolean
gesso_weights_extent (guint rank, const gint64 *dim, gint64 *elements)
{
  const gint64 limit = (gint64) 1 << 56;

  *elements = 1;
  for (guint d = 0; d < rank; d++)
    {
      if (dim[d] < 0 || dim[d] > limit || (dim[d] > 0 && *elements > limit / dim[d]))
        return FALSE;
      *elements *= dim[d];
    }
  return TRUE;
}

static void
add (GessoWeights *weights, GPtrArray *list, Tensor *tensor)
{
  g_ptr_array_add (list, tensor);
  g_hash_table_replace (weights->by_name, tensor->name, tensor);
}

void
gesso_weights_join (GessoWeights *weights, GessoWeights *shard)
{
  g_ptr_array_extend_and_steal (weights->files, g_steal_pointer (&shard->files));
  for (guint i = 0; i < shard->tensors->len; i++)
    add (weights, weights->tensors, g_ptr_array_index (shard->tensors, i));
  g_ptr_array_set_free_func (shard->tensors, NULL);
  shard->files = g_ptr_array_new ();
  gesso_weights_free (shard);
}

void
gesso_weights_add (GessoWeights *weights, const char *name, const char *type, guint rank, const gint64 *dim,
                   const gint64 *stride, guint64 offset)
{
  Tensor *tensor = g_new0 (Tensor, 1);

  tensor->name = g_strdup (name);
  tensor->stored_name = tensor->name;
  tensor->file = gesso_weights_file (weights, 0);
  tensor->offset = offset;
  tensor->shape = GESSO_SHAPE4 (1, 1, 1, 1);
  if (strcmp (type, "F32") == 0)
    tensor->dtype = GESSO_DTYPE_F32;
  else if (strcmp (type, "F16") == 0)
    tensor->dtype = GESSO_DTYPE_F16;
  else if (strcmp (type, "BF16") == 0)
    tensor->dtype = GESSO_DTYPE_BF16;
  else
    {
      g_autofree char *shown = gesso_text_shorten (type);

      tensor->problem = g_strdup_printf (_ ("holds values of type %s; only F32, F16 and BF16 can be read. Use a "
                                            "file of this model in one of these types"),
                                         shown);
    }
  if (rank > GESSO_MAX_DIMS && !tensor->problem)
    tensor->problem = g_strdup_printf (_ ("has %u dimensions; at most %d can be read. Download the file "
                                          "again"),
                                       rank, GESSO_MAX_DIMS);
  if (!tensor->problem)
    {
      tensor->shape.rank = (int) rank;
      tensor->is_strided = stride != NULL;
      for (guint d = 0; d < rank; d++)
        {
          tensor->shape.dim[d] = dim[d];
          tensor->stride[d] = stride ? stride[d] : 0;
        }
      tensor->stored = tensor->shape;
    }
  add (weights, weights->tensors, tensor);
}

void
gesso_weights_add_alias (GessoWeights *weights, const char *alias, const char *name, GessoShape shape)
{
  const Tensor *original = g_hash_table_lookup (weights->by_name, name);
  Tensor *tensor;

  if (!original || (!original->problem && gesso_shape_elements (&shape) != gesso_shape_elements (&original->shape)))
    return;
  tensor = g_new0 (Tensor, 1);
  *tensor = *original;
  tensor->name = g_strdup (alias);
  tensor->problem = g_strdup (original->problem);
  tensor->shape = shape;
  add (weights, weights->aliases, tensor);
}

const char *
gesso_weights_path (const GessoWeights *weights)
{
  return gesso_file_path (gesso_weights_file (weights, 0));
}

guint64
gesso_weights_file_size (const GessoWeights *weights)
{
  guint64 sum = 0;

  for (guint i = 0; i < weights->files->len; i++)
    sum += gesso_file_size (gesso_weights_file (weights, i));
  return sum;
}

guint
gesso_weights_count (const GessoWeights *weights)
{
  return weights->tensors->len;
}

const char *
gesso_weights_name (const GessoWeights *weights, guint i)
{
  const Tensor *tensor = g_ptr_array_index (weights->tensors, i);

  return tensor->name;
}

gboolean
gesso_weights_find (const GessoWeights *weights, const char *name, GessoShape *shape, GessoDType *dtype)
{
  const Tensor *tensor = g_hash_table_lookup (weights->by_name, name);

  if (!tensor || tensor->problem)
    return FALSE;
  *shape = tensor->shape;
  *dtype = tensor->dtype;
  return TRUE;
}

/* The tensor when it can be read, else NULL and MODEL_INVALID. */
static const Tensor *
require (const GessoWeights *weights, const char *name, GError **error)
{
  const Tensor *tensor = g_hash_table_lookup (weights->by_name, name);

  if (!tensor)
    g_set_error (error, GESSO_ERROR, GESSO_ERROR_MODEL_INVALID,
                 _ ("%s lacks the tensor \"%s\". Does the file belong to this model? Download it again."),
                 gesso_weights_path (weights), name);
  else if (tensor->problem)
    g_set_error (error, GESSO_ERROR, GESSO_ERROR_MODEL_INVALID, _ ("%s: the tensor \"%s\" %s."),
                 gesso_file_path (tensor->file), tensor->stored_name, tensor->problem);
  return tensor && !tensor->problem ? tensor : NULL;
}

gboolean
gesso_weights_check (const GessoWeights *weights, const char *name, const GessoShape *shape, GError **error)
{
  const Tensor *tensor = require (weights, name, error);
  g_autofree char *there = NULL;
  g_autofree char *wanted = NULL;

  if (!tensor)
    return FALSE;
  if (memcmp (tensor->shape.dim, shape->dim, sizeof shape->dim) == 0)
    return TRUE;
  there = gesso_shape_to_string (&tensor->shape);
  wanted = gesso_shape_to_string (shape);
  g_set_error (error, GESSO_ERROR, GESSO_ERROR_MODEL_INVALID,
               _ ("%s: the tensor \"%s\" has the shape %s, but config.json asks for %s. Does the file belong to this "
                  "model? Download it again."),
               gesso_file_path (tensor->file), tensor->stored_name, there, wanted);
  return FALSE;
}

static gboolean
read_bytes (const Tensor *tensor, guint64 offset, gsize count, void *buffer, GError **error)
{
  g_autoptr (GError) reason = NULL;

  if (gesso_file_read (tensor->file, offset, count, buffer, &reason))
    return TRUE;
  g_set_error (error, GESSO_ERROR, GESSO_ERROR_MODEL_INVALID, _ ("The tensor \"%s\" cannot be read: %s"),
               tensor->stored_name, reason->message);
  return FALSE;
}

static gboolean
read_converted (const Tensor *tensor, guint64 offset, gsize count, GessoDType dtype, guint8 *target, GError **error)
{
  guint64 piece[PIECE];
  const gsize size = gesso_dtype_size (tensor->dtype);

  if (tensor->dtype == dtype)
    return read_bytes (tensor, offset, count * size, target, error);
  while (count > 0)
    {
      const gsize n = MIN (count, sizeof piece / size);

      if (!read_bytes (tensor, offset, n * size, piece, error))
        return FALSE;
      gesso_convert (tensor->dtype, piece, dtype, target, n);
      offset += n * size;
      target += n * gesso_dtype_size (dtype);
      count -= n;
    }
  return TRUE;
}

/* Where a tensor is not row-major, values that lie together in the file are read together, along one dimension, and put
 * where they belong. */
typedef struct
{
  const Tensor *tensor;
  gint64 first, count; /* of all values, in row-major order */
  GessoDType dtype;
  guint8 *target;
  gint64 first_row, end_row;   /* of the outermost dimension */
  int along;                   /* the dimension whose values lie together */
  gint64 step[GESSO_MAX_DIMS]; /* values of the result, row-major */
} Gathering;

static gboolean
gather_run (const Gathering *gathering, guint64 offset, gint64 place, GError **error)
{
  guint64 piece[PIECE];
  const gsize from = gesso_dtype_size (gathering->tensor->dtype), to = gesso_dtype_size (gathering->dtype);
  const gint64 stride = gathering->tensor->stride[gathering->along], step = gathering->step[gathering->along];
  const gint64 most = stride == 1 ? (gint64) (sizeof piece / MAX (from, to)) : 1;
  const gint64 end = gathering->along ? gathering->tensor->stored.dim[gathering->along] : gathering->end_row;
  const guint8 *values = (const guint8 *) piece;

  for (gint64 i = gathering->along ? 0 : gathering->first_row; i < end; i += most)
    {
      const gint64 n = MIN (most, end - i);

      if (!read_converted (gathering->tensor, offset + (guint64) (i * stride) * from, (gsize) n, gathering->dtype,
                           (guint8 *) piece, error))
        return FALSE;
      for (gint64 j = 0; j < n; j++)
        {
          const gint64 at = place + (i + j) * step - gathering->first;

          if (at >= 0 && at < gathering->count)
            memcpy (gathering->target + (gsize) at * to, values + (gsize) j * to, to);
        }
    }
  return TRUE;
}

/* All runs of dimension `d` and further inwards: `offset` in the file and `place` in the result are those so far. */
static gboolean
gather (const Gathering *gathering, int d, guint64 offset, gint64 place, GError **error)
{
  const Tensor *tensor = gathering->tensor;

  if (d == tensor->stored.rank)
    return gather_run (gathering, offset, place, error);
  if (d == gathering->along)
    return gather (gathering, d + 1, offset, place, error);
  for (gint64 i = d ? 0 : gathering->first_row; i < (d ? tensor->stored.dim[d] : gathering->end_row); i++)
    if (!gather (gathering, d + 1, offset + (guint64) (i * tensor->stride[d]) * gesso_dtype_size (tensor->dtype),
                 place + i * gathering->step[d], error))
      return FALSE;
  return TRUE;
}

static gboolean
read_strided (const Tensor *tensor, gint64 first, gint64 count, GessoDType dtype, guint8 *target, GError **error)
{
  const GessoShape *shape = &tensor->stored;
  Gathering gathering = {
    .tensor = tensor, .first = first, .count = count, .dtype = dtype, .target = target, .along = shape->rank - 1
  };

  for (int d = shape->rank; d-- > 0;)
    gathering.step[d] = d + 1 < shape->rank ? gathering.step[d + 1] * shape->dim[d + 1] : 1;
  for (int d = 0; d < shape->rank; d++)
    if (tensor->stride[d] == 1 && shape->dim[d] > 1)
      gathering.along = d;
  gathering.first_row = first / gathering.step[0];
  gathering.end_row = (first + count - 1) / gathering.step[0] + 1;
  return gather (&gathering, 0, tensor->offset, 0, error);
}

gboolean
gesso_weights_read (GessoWeights *weights, const char *name, gint64 first, gint64 count, GessoDType dtype, void *values,
                    GError **error)
{
  const Tensor *tensor = require (weights, name, error);
  gint64 elements;

  if (!tensor)
    return FALSE;
  elements = gesso_shape_elements (&tensor->shape);
  if (first < 0 || count < 0 || first > elements || count > elements - first || dtype > GESSO_DTYPE_BF16)
    {
      g_set_error (error, GESSO_ERROR, GESSO_ERROR_MODEL_INVALID,
                   _ ("%s: values %" PRId64 " to %" PRId64
                      " of the tensor \"%s\" were asked for as %s, which has %" PRId64 " numbers."),
                   gesso_weights_path (weights), first, first + count, name, gesso_dtype_name (dtype), elements);
      return FALSE;
    }
  if (tensor->is_strided && count > 0)
    return read_strided (tensor, first, count, dtype, values, error);
  return read_converted (tensor, tensor->offset + (guint64) first * gesso_dtype_size (tensor->dtype), (gsize) count,
                         dtype, values, error);
}
