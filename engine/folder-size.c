/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "folder-size.h"

/* A model has one level of folders; a link to a whole disk is not to be followed to its end. */
#define MAX_DEPTH 6
#define MAX_FILES 20000

#define ATTRIBUTES                                                                                                     \
  G_FILE_ATTRIBUTE_STANDARD_NAME                                                                                       \
  "," G_FILE_ATTRIBUTE_STANDARD_TYPE "," G_FILE_ATTRIBUTE_STANDARD_SIZE "," G_FILE_ATTRIBUTE_ID_FILE

static guint64
size_below (GFile *folder, int depth, GHashTable *seen)
{
  g_autoptr (GFileEnumerator) children
      = g_file_enumerate_children (folder, ATTRIBUTES, G_FILE_QUERY_INFO_NONE, NULL, NULL);
  guint64 sum = 0;
  GFileInfo *info;
  GFile *child;

  while (children && g_hash_table_size (seen) < MAX_FILES
         && g_file_enumerator_iterate (children, &info, &child, NULL, NULL) && info)
    {
      const GFileType type = g_file_info_get_file_type (info);
      const char *id = g_file_info_get_attribute_string (info, G_FILE_ATTRIBUTE_ID_FILE);

      /* One file under two names, and a link back up. */
      if (id && !g_hash_table_add (seen, g_strdup (id)))
        continue;
      if (type == G_FILE_TYPE_REGULAR)
        sum += (guint64) MAX (g_file_info_get_size (info), 0);
      else if (type == G_FILE_TYPE_DIRECTORY && depth < MAX_DEPTH)
        sum += size_below (child, depth + 1, seen);
    }
  return sum;
}

guint64
gesso_folder_size (const char *folder)
{
  g_autoptr (GFile) file = g_file_new_for_path (folder);
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  return size_below (file, 0, seen);
}
