/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A state dict as torch.save() writes it: a zip file with a pickle, "archive/data.pkl", that names the tensors, and
 * their values in "archive/data/0", "archive/data/1"...
 */

#include "../cancel.h"
#include "../shown-text.h"
#include "lfs-pointer.h"
#include "torch-pickle.h"
#include "torch-zip-directory.h"
#include "weights-table.h"

#include <glib/gi18n-lib.h>
#include <inttypes.h>
#include <string.h>

/* The pickle of a state dict names tensors and holds no values: some 200 KB for the largest network here. Its reader
 * spends some hundred bytes on one of the pickle, whatever it says. */
#define MAX_PICKLE ((guint64) 2 << 20)

/* How the files of torch before 1.6 begin: a pickle that holds nothing but this number. */
static const guint8 legacy_start[] = { 0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19 };

static gboolean
check_start (GessoFile *file, GError **error)
{
  guint8 start[sizeof legacy_start];
  const char *path = gesso_file_path (file);

  if (gesso_lfs_pointer_refuse (file, error))
    return FALSE;
  if (gesso_file_size (file) >= sizeof start)
    {
      if (!gesso_file_read (file, 0, sizeof start, start, error))
        return FALSE;
      if (memcmp (start, "PK", 2) == 0)
        return TRUE;
      if (memcmp (start, legacy_start, sizeof start) == 0)
        {
          g_set_error (
              error, GESSO_ERROR, GESSO_ERROR_MODEL_INVALID,
              _ ("%s was written by a PyTorch before 1.6, whose files are not read. Load and save it anew with "
                 "torch, or use a safetensors file of this model."),
              path);
          return FALSE;
        }
    }
  g_set_error (error, GESSO_ERROR, GESSO_ERROR_MODEL_INVALID,
               _ ("%s is no PyTorch file (a zip file with a pickle). Download it again."), path);
  return FALSE;
}

/* The entry ROOT + `name` as bytes; at most `limit` of them. */
static guint8 *
read_entry (GessoFile *file, const GessoZip *zip, const char *name, guint64 limit, gsize *length, GError **error)
{
  g_autofree char *whole = g_strconcat (gesso_zip_root (zip), name, NULL);
  g_autofree guint8 *bytes = NULL;
  guint64 offset;
  guint64 size;

  if (!gesso_zip_locate (zip, whole, &offset, &size, error))
    return NULL;
  if (size > limit)
    {
      g_set_error (error, GESSO_ERROR, GESSO_ERROR_MODEL_INVALID,
                   _ ("%s: the entry \"%s\" has %" PRIu64
                      " bytes, too many for a state dict. Use a safetensors file of this model instead."),
                   gesso_file_path (file), whole, size);
      return NULL;
    }
  bytes = g_malloc0 ((gsize) size + 1);
  if (!gesso_file_read (file, offset, (gsize) size, bytes, error))
    return NULL;
  *length = (gsize) size;
  return g_steal_pointer (&bytes);
}

static gboolean
check_byte_order (GessoFile *file, const GessoZip *zip, GError **error)
{
  g_autofree char *name = g_strconcat (gesso_zip_root (zip), "byteorder", NULL);
  g_autofree guint8 *order = NULL;
  gsize length;

  if (!gesso_zip_has (zip, name))
    return TRUE;
  order = read_entry (file, zip, "byteorder", 16, &length, error);
  if (!order)
    return FALSE;
  if (strcmp ((const char *) order, "little") == 0)
    return TRUE;
  g_set_error (
      error, GESSO_ERROR, GESSO_ERROR_MODEL_INVALID,
      _ ("%s was written in another byte order than \"little\". Use a safetensors file of this model instead."),
      gesso_file_path (file));
  return FALSE;
}

static gboolean
is_contiguous (const GessoTorchTensor *tensor, gint64 elements)
{
  gint64 expected = 1;

  if (elements == 0)
    return TRUE;
  for (guint d = tensor->rank; d-- > 0;)
    {
      if (tensor->dim[d] != 1 && tensor->stride[d] != expected)
        return FALSE;
      expected *= tensor->dim[d];
    }
  return TRUE;
}

/* How many values of its storage a tensor reaches over; G_MAXINT64 where that is more than there can be. */
static gint64
reach (const GessoTorchTensor *tensor, gint64 elements)
{
  gint64 last = 0;

  for (guint d = 0; d < tensor->rank && elements > 0; d++)
    {
      const gint64 steps = tensor->dim[d] - 1;

      if (steps > 0 && tensor->stride[d] > (G_MAXINT64 - 1 - last) / steps)
        return G_MAXINT64;
      last += steps * tensor->stride[d];
    }
  return elements > 0 ? last + 1 : 0;
}

static gboolean
add_tensor (GessoWeights *weights, const GessoZip *zip, const GessoTorchTensor *tensor, GError **error)
{
  g_autofree char *name = g_strconcat (gesso_zip_root (zip), "data/", tensor->storage, NULL);
  const guint64 size = gesso_weights_type_size (tensor->type);
  guint64 place;
  guint64 bytes;
  gint64 elements;

  if (!gesso_zip_locate (zip, name, &place, &bytes, error))
    return FALSE;
  if (!gesso_weights_extent (tensor->rank, tensor->dim, &elements) || (guint64) tensor->storage_elements > bytes / size
      || tensor->offset > tensor->storage_elements
      || reach (tensor, elements) > tensor->storage_elements - tensor->offset)
    {
      g_autofree char *shown = gesso_text_shorten (tensor->name), *entry = gesso_text_shorten (name);

      g_set_error (error, GESSO_ERROR, GESSO_ERROR_MODEL_INVALID,
                   _ ("%s: the tensor \"%s\" is larger than the entry \"%s\" that should hold it. The file is damaged: "
                      "download it again."),
                   gesso_weights_path (weights), shown, entry);
      return FALSE;
    }
  /* Else a small file could hold the largest of tensors. */
  if (elements > reach (tensor, elements))
    {
      g_autofree char *shown = gesso_text_shorten (tensor->name);

      g_set_error (
          error, GESSO_ERROR, GESSO_ERROR_MODEL_INVALID,
          _ ("%s: the tensor \"%s\" says one value in several places. Use a safetensors file of this model, or "
             "save it anew with contiguous tensors."),
          gesso_weights_path (weights), shown);
      return FALSE;
    }
  gesso_weights_add (weights, tensor->name, tensor->type, tensor->rank, tensor->dim,
                     is_contiguous (tensor, elements) ? NULL : tensor->stride, place + (guint64) tensor->offset * size);
  return TRUE;
}

static gboolean
add_tensors (GessoWeights *weights, const GessoZip *zip, GCancellable *cancellable, GError **error)
{
  g_autoptr (GessoTorchDict) dict = NULL;
  g_autofree guint8 *pickle = NULL;
  gsize length;

  if (!check_byte_order (gesso_weights_file (weights, 0), zip, error))
    return FALSE;
  pickle = read_entry (gesso_weights_file (weights, 0), zip, "data.pkl", MAX_PICKLE, &length, error);
  if (!pickle)
    return FALSE;
  dict = gesso_torch_dict_read (gesso_weights_path (weights), pickle, length, cancellable, error);
  if (!dict)
    return FALSE;
  for (guint i = 0; i < gesso_torch_dict_count (dict); i++)
    if (gesso_is_cancelled (cancellable, error) || !add_tensor (weights, zip, gesso_torch_dict_get (dict, i), error))
      return FALSE;
  return TRUE;
}

GessoWeights *
gesso_weights_open_torch_zip (const char *path, GCancellable *cancellable, GError **error)
{
  g_autoptr (GessoWeights) weights = NULL;
  g_autoptr (GessoZip) zip = NULL;
  GessoFile *file;

  if (gesso_is_cancelled (cancellable, error))
    return NULL;
  file = gesso_file_open (path, error);
  if (!file)
    return NULL;
  weights = gesso_weights_new (file);
  if (!check_start (file, error))
    return NULL;
  zip = gesso_zip_open (file, cancellable, error);
  if (!zip)
    return NULL;
  if (!gesso_zip_root (zip))
    {
      g_set_error (error, GESSO_ERROR, GESSO_ERROR_MODEL_INVALID,
                   _ ("%s is a zip file without a pickle, so no PyTorch file. Download it again."), path);
      return NULL;
    }
  return add_tensors (weights, zip, cancellable, error) ? g_steal_pointer (&weights) : NULL;
}
