/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "kernel-facts.h"

#include <stdio.h>
#include <string.h>

static void
facts_free (gpointer data)
{
  KernelFacts *facts = data;

  g_free (facts->kernel);
  g_free (facts->architecture);
  g_free (facts);
}

static gint
by_kernel (gconstpointer a, gconstpointer b)
{
  const KernelFacts *x = *(KernelFacts *const *) a, *y = *(KernelFacts *const *) b;
  const int order = strcmp (x->kernel, y->kernel);

  return order ? order : strcmp (x->architecture, y->architecture);
}

static void
read_file (const char *path, GPtrArray *all)
{
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;

  if (!g_file_get_contents (path, &text, NULL, NULL))
    return;
  lines = g_strsplit (g_strchomp (text), "\n", -1);
  for (int i = 0; lines[i]; i++)
    {
      char name[64], architecture[16];
      KernelFacts read = { 0 };

      if (sscanf (lines[i], "%63s %15s %d %d %d", name, architecture, &read.registers, &read.shared, &read.spills) != 5)
        continue;
      read.kernel = g_strdup (name);
      read.architecture = g_strdup (architecture);
      g_ptr_array_add (all, g_memdup2 (&read, sizeof read));
    }
}

GPtrArray *
kernel_facts_read (const char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  GPtrArray *all = g_ptr_array_new_with_free_func (facts_free);
  const char *file;

  while (dir && (file = g_dir_read_name (dir)))
    {
      g_autofree char *path = g_build_filename (folder, file, NULL);

      if (g_str_has_suffix (file, ".resources"))
        read_file (path, all);
    }
  g_ptr_array_sort (all, by_kernel);
  return all;
}

KernelFacts *
kernel_facts_find (GPtrArray *facts, const char *kernel, const char *architecture)
{
  for (guint i = 0; i < facts->len; i++)
    {
      KernelFacts *candidate = g_ptr_array_index (facts, i);

      if (g_str_equal (candidate->kernel, kernel) && g_str_equal (candidate->architecture, architecture))
        return candidate;
    }
  return NULL;
}
