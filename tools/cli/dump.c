/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What went between the parts of a generation, as a safetensors file: the length of the header (64 bits), the header
 * (JSON, padded with spaces), the tensors without gaps. All little-endian.
 */

#include "dump.h"

#include <string.h>

#define ALIGNMENT 8

/* Tensors are in machine byte order, and this file writes them as they are. */
G_STATIC_ASSERT (G_BYTE_ORDER == G_LITTLE_ENDIAN);

/* Position of the element types in the safetensors library, which puts the widest first. */
static int
rank (const char *dtype)
{
  static const char *const order[] = { "F32", "I32", "U8" };

  for (gsize i = 0; i < G_N_ELEMENTS (order); i++)
    if (strcmp (dtype, order[i]) == 0)
      return (int) i;
  return G_N_ELEMENTS (order);
}

static int
compare (gconstpointer a, gconstpointer b)
{
  const GessoTensorData *left = *(const GessoTensorData *const *) a, *right = *(const GessoTensorData *const *) b;
  int difference = rank (left->dtype) - rank (right->dtype);

  return difference != 0 ? difference : strcmp (left->name, right->name);
}

GPtrArray *
cli_dump_pack (GPtrArray *trace)
{
  GPtrArray *chunks = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  g_autoptr (GPtrArray) sorted = g_ptr_array_copy (trace, NULL, NULL);
  GString *header = g_string_new ("{");
  guint64 offset = 0, length;

  g_ptr_array_set_free_func (sorted, NULL); /* the tensors are @trace's */
  g_ptr_array_sort (sorted, compare);
  for (guint i = 0; i < sorted->len; i++)
    {
      const GessoTensorData *tensor = g_ptr_array_index (sorted, i);
      const guint64 end = offset + g_bytes_get_size (tensor->data);

      g_string_append_printf (header, "%s\"%s\":{\"dtype\":\"%s\",\"shape\":[", i > 0 ? "," : "", tensor->name,
                              tensor->dtype);
      for (int d = 0; d < tensor->n_dims; d++)
        g_string_append_printf (header, "%s%" G_GINT64_FORMAT, d > 0 ? "," : "", tensor->dims[d]);
      g_string_append_printf (header, "],\"data_offsets\":[%" G_GUINT64_FORMAT ",%" G_GUINT64_FORMAT "]}", offset, end);
      offset = end;
    }
  g_string_append_c (header, '}');
  while (header->len % ALIGNMENT != 0)
    g_string_append_c (header, ' ');

  length = GUINT64_TO_LE ((guint64) header->len);
  g_ptr_array_add (chunks, g_bytes_new (&length, sizeof length));
  g_ptr_array_add (chunks, g_string_free_to_bytes (header));
  for (guint i = 0; i < sorted->len; i++)
    g_ptr_array_add (chunks, g_bytes_ref (((GessoTensorData *) g_ptr_array_index (sorted, i))->data));
  return chunks;
}
