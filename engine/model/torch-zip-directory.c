/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A zip file ends with a record that says where its directory is; "zip64" records and fields hold what does not fit
 * 32 bits. The directory gives each entry's sizes and the offset of its local header, whose own length varies.
 */

#include "torch-zip-directory.h"
#include "../cancel.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#define END_SIZE 22
#define END64_SIZE 56
#define LOCATOR64_SIZE 20
#define ENTRY_SIZE 46
#define LOCAL_SIZE 30
#define MAX_COMMENT 0xffff
/* A directory of 700 tensors has some 60 KB. */
#define MAX_DIRECTORY ((guint64) 16 << 20)

#define SIGNATURE_ENTRY 0x02014b50
#define SIGNATURE_LOCAL 0x04034b50
#define SIGNATURE_END 0x06054b50
#define SIGNATURE_END64 0x06064b50
#define SIGNATURE_LOCATOR64 0x07064b50

typedef struct
{
  guint flags;
  guint method;
  guint64 packed;
  guint64 size;
  guint64 local; /* offset of the local header */
} Entry;

struct _GessoZip
{
  GessoFile *file;
  GHashTable *entries; /* name -> Entry */
  char *root;
};

static guint
get16 (const guint8 *bytes)
{
  return bytes[0] | (guint) bytes[1] << 8;
}

static guint32
get32 (const guint8 *bytes)
{
  return get16 (bytes) | (guint32) get16 (bytes + 2) << 16;
}

static guint64
get64 (const guint8 *bytes)
{
  return get32 (bytes) | (guint64) get32 (bytes + 4) << 32;
}

void
gesso_zip_free (GessoZip *zip)
{
  if (!zip)
    return;
  g_hash_table_unref (zip->entries);
  g_free (zip->root);
  g_free (zip);
}

static gboolean
damaged (const GessoZip *zip, const char *what, GError **error)
{
  g_set_error (error, GESSO_ERROR, GESSO_ERROR_MODEL_INVALID,
               _ ("%s: %s. The file is damaged or cut short: download it again."), gesso_file_path (zip->file), what);
  return FALSE;
}

/* Finds the end record: the last one whose comment reaches just to the end of the file. */
static gboolean
find_end (const GessoZip *zip, guint64 *position, guint8 record[END_SIZE], GError **error)
{
  const guint64 file_size = gesso_file_size (zip->file);
  const gsize tail_size = (gsize) MIN (file_size, (guint64) (END_SIZE + MAX_COMMENT));
  g_autofree guint8 *tail = g_malloc (tail_size);

  if (!gesso_file_read (zip->file, file_size - tail_size, tail_size, tail, error))
    return FALSE;
  for (gsize i = tail_size < END_SIZE ? 0 : tail_size - END_SIZE + 1; i-- > 0;)
    if (get32 (tail + i) == SIGNATURE_END && i + END_SIZE + get16 (tail + i + 20) == tail_size)
      {
        memcpy (record, tail + i, END_SIZE);
        *position = file_size - tail_size + i;
        return TRUE;
      }
  return damaged (zip, _ ("it has no zip directory"), error);
}

/* Offset and size of the directory. */
static gboolean
find_directory (const GessoZip *zip, guint64 *offset, guint64 *size, GError **error)
{
  const guint64 file_size = gesso_file_size (zip->file);
  guint8 record[END64_SIZE];
  guint8 locator[LOCATOR64_SIZE];
  guint64 end;

  if (!find_end (zip, &end, record, error))
    return FALSE;
  *size = get32 (record + 12);
  *offset = get32 (record + 16);
  if ((*size == G_MAXUINT32 || *offset == G_MAXUINT32 || get16 (record + 10) == G_MAXUINT16) && end >= LOCATOR64_SIZE)
    {
      if (!gesso_file_read (zip->file, end - LOCATOR64_SIZE, LOCATOR64_SIZE, locator, error))
        return FALSE;
      if (get32 (locator) == SIGNATURE_LOCATOR64)
        {
          end = get64 (locator + 8);
          if (end > file_size || file_size - end < END64_SIZE
              || !gesso_file_read (zip->file, end, END64_SIZE, record, NULL) || get32 (record) != SIGNATURE_END64)
            return damaged (zip, _ ("its zip64 record is not where it should be"), error);
          *size = get64 (record + 40);
          *offset = get64 (record + 48);
        }
    }
  if (*offset > file_size || *size > file_size - *offset || *size > MAX_DIRECTORY)
    return damaged (zip, _ ("its zip directory does not lie inside the file"), error);
  return TRUE;
}

/* Takes what did not fit 32 bits from the zip64 field among the entry's extra fields. */
static gboolean
read_zip64 (Entry *entry, const guint8 *extra, gsize length)
{
  guint64 *const values[] = { &entry->size, &entry->packed, &entry->local };

  while (length >= 4)
    {
      const guint kind = get16 (extra);
      gsize field = get16 (extra + 2);

      extra += 4;
      length -= 4;
      if (field > length)
        return FALSE;
      if (kind == 1)
        {
          for (gsize i = 0; i < G_N_ELEMENTS (values); i++)
            if (*values[i] == G_MAXUINT32)
              {
                if (field < 8)
                  return FALSE;
                *values[i] = get64 (extra);
                extra += 8;
                field -= 8;
              }
          return TRUE;
        }
      extra += field;
      length -= field;
    }
  return TRUE;
}

static gboolean
read_entries (GessoZip *zip, const guint8 *directory, gsize length, GCancellable *cancellable, GError **error)
{
  static const char pickle[] = "/data.pkl";

  while (length >= ENTRY_SIZE && get32 (directory) == SIGNATURE_ENTRY)
    {
      const gsize name_length = get16 (directory + 28);
      const gsize extra_length = get16 (directory + 30);
      const gsize whole = ENTRY_SIZE + name_length + extra_length + get16 (directory + 32);
      g_autofree Entry *entry = g_new0 (Entry, 1);
      g_autofree char *name = NULL;

      if (gesso_is_cancelled (cancellable, error))
        return FALSE;
      if (whole > length)
        return damaged (zip, _ ("its zip directory ends in the middle of an entry"), error);
      /* Names that are no text are never asked for, but may be part of a message. */
      name = g_utf8_make_valid ((const char *) directory + ENTRY_SIZE, (gssize) name_length);
      entry->flags = get16 (directory + 8);
      entry->method = get16 (directory + 10);
      entry->packed = get32 (directory + 20);
      entry->size = get32 (directory + 24);
      entry->local = get32 (directory + 42);
      if (!read_zip64 (entry, directory + ENTRY_SIZE + name_length, extra_length))
        return damaged (zip, _ ("its zip directory has a broken zip64 field"), error);
      if (!zip->root && g_str_has_suffix (name, pickle))
        zip->root = g_strndup (name, strlen (name) - strlen (pickle) + 1);
      g_hash_table_replace (zip->entries, g_steal_pointer (&name), g_steal_pointer (&entry));
      directory += whole;
      length -= whole;
    }
  return TRUE;
}

GessoZip *
gesso_zip_open (GessoFile *file, GCancellable *cancellable, GError **error)
{
  g_autoptr (GessoZip) zip = g_new0 (GessoZip, 1);
  g_autofree guint8 *directory = NULL;
  guint64 offset;
  guint64 size;

  zip->file = file;
  zip->entries = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  if (!find_directory (zip, &offset, &size, error))
    return NULL;
  directory = g_malloc ((gsize) size);
  if (!gesso_file_read (file, offset, (gsize) size, directory, error)
      || !read_entries (zip, directory, (gsize) size, cancellable, error))
    return NULL;
  return g_steal_pointer (&zip);
}

const char *
gesso_zip_root (const GessoZip *zip)
{
  return zip->root;
}

gboolean
gesso_zip_has (const GessoZip *zip, const char *name)
{
  return g_hash_table_contains (zip->entries, name);
}

gboolean
gesso_zip_locate (const GessoZip *zip, const char *name, guint64 *offset, guint64 *size, GError **error)
{
  const guint64 file_size = gesso_file_size (zip->file);
  const Entry *entry = g_hash_table_lookup (zip->entries, name);
  guint8 local[LOCAL_SIZE];
  g_autofree char *what = NULL;

  if (!entry)
    {
      what = g_strdup_printf (_ ("it lacks the entry \"%s\""), name);
      return damaged (zip, what, error);
    }
  if (entry->method != 0 || (entry->flags & 1))
    {
      g_set_error (error, GESSO_ERROR, GESSO_ERROR_MODEL_INVALID,
                   _ ("%s: the entry \"%s\" is compressed or encrypted, which torch.save() never does. Download the "
                      "file again, or save it anew with torch."),
                   gesso_file_path (zip->file), name);
      return FALSE;
    }
  *size = entry->size;
  *offset = entry->local + LOCAL_SIZE;
  if (entry->packed == entry->size && entry->local <= file_size && file_size - entry->local >= LOCAL_SIZE)
    {
      if (!gesso_file_read (zip->file, entry->local, LOCAL_SIZE, local, error))
        return FALSE;
      *offset += get16 (local + 26) + get16 (local + 28);
      if (get32 (local) == SIGNATURE_LOCAL && *offset <= file_size && *size <= file_size - *offset)
        return TRUE;
    }
  what = g_strdup_printf (_ ("the entry \"%s\" does not lie inside the file"), name);
  return damaged (zip, what, error);
}
