/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "tuning.h"
#include "tuning-line.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#ifdef G_OS_UNIX
#include <sys/file.h>
#else
#define O_CLOEXEC 0
#endif

#define MAX_BYTES (4 << 20) /* of a file that is worth reading */
/* Another process has the file for milliseconds only; one that is stopped has it for longer. */
#define LOCK_MILLISECONDS 5000
#define LOCK_LOOK_MILLISECONDS 10

struct _GessoTuning
{
  gboolean is_on;
  gboolean is_new; /* there is something to be written */
  char *path;
  char *head;          /* the file's first lines, which have to be the same */
  GHashTable *entries; /* GessoTuningKey -> GessoTuningEntry, both owned */
  GHashTable *refused; /* the same, of what the file said and cannot be gone */
};

static guint
key_hash (gconstpointer data)
{
  const GessoTuningKey *key = data;
  guint hash = 2166136261u;

  for (gsize i = 0; i < G_N_ELEMENTS (key->numbers); i++)
    hash = (hash ^ (guint) key->numbers[i]) * 16777619u;
  return hash;
}

static gboolean
key_equal (gconstpointer a, gconstpointer b)
{
  return memcmp (a, b, sizeof (GessoTuningKey)) == 0;
}

static GHashTable *
entries_new (void)
{
  return g_hash_table_new_full (key_hash, key_equal, g_free, g_free);
}

/* --- the file: the head, a line for each entry, and a sum of all that --- */

static char *
checksum_line (const char *text, gsize length)
{
  g_autofree char *sum = g_compute_checksum_for_data (G_CHECKSUM_SHA256, (const guchar *) text, length);

  return g_strconcat ("sum ", sum, "\n", NULL);
}

static gboolean
read_line (const char *line, GHashTable *entries)
{
  GessoTuningEntry entry = { .is_measured = TRUE };
  GessoTuningKey key;

  if (!gesso_tuning_line_parse (line, &key, &entry.way))
    return FALSE;
  g_hash_table_replace (entries, g_memdup2 (&key, sizeof key), g_memdup2 (&entry, sizeof entry));
  return TRUE;
}

/* What the file holds; nothing where it is damaged or another card's. */
static GHashTable *
read_file (const GessoTuning *self)
{
  g_autoptr (GHashTable) entries = entries_new ();
  g_autofree char *text = NULL, *sum = NULL;
  g_auto (GStrv) lines = NULL;
  const char *last;
  GStatBuf about;
  gsize length;

  if (g_stat (self->path, &about) != 0 || about.st_size > MAX_BYTES
      || !g_file_get_contents (self->path, &text, &length, NULL) || strlen (text) != length
      || !g_str_has_prefix (text, self->head) || !(last = g_strrstr (text, "sum ")))
    return entries_new ();
  sum = checksum_line (text, (gsize) (last - text));
  if (!g_str_equal (last, sum))
    return entries_new ();
  text[last - text] = '\0';
  lines = g_strsplit (text + strlen (self->head), "\n", 0);
  for (char **line = lines; *line; line++)
    if (**line && !read_line (*line, entries))
      return entries_new ();
  return g_steal_pointer (&entries);
}

static int
compare_lines (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

/* Adds what is known to what stands in the file, and writes it. */
static gboolean
merge (GessoTuning *self)
{
  g_autoptr (GPtrArray) lines = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GHashTable) written = read_file (self);
  g_autoptr (GString) text = g_string_new (self->head);
  g_autofree char *sum = NULL;
  GHashTableIter iter;
  gpointer key, value;

  /* What stands there stays, others may have painted by it; but for what cannot be gone, if nobody has mended it. */
  g_hash_table_iter_init (&iter, written);
  while (g_hash_table_iter_next (&iter, &key, &value))
    {
      const GessoTuningEntry *entry = value, *refused = g_hash_table_lookup (self->refused, key);

      if (refused && gesso_tuning_way_equal (&entry->way, &refused->way))
        g_hash_table_iter_remove (&iter);
      else
        g_ptr_array_add (lines, gesso_tuning_line_new (key, &entry->way));
    }
  g_hash_table_iter_init (&iter, self->entries);
  while (g_hash_table_iter_next (&iter, &key, &value))
    if (((const GessoTuningEntry *) value)->is_measured && !g_hash_table_contains (written, key))
      g_ptr_array_add (lines, gesso_tuning_line_new (key, &((const GessoTuningEntry *) value)->way));
  g_ptr_array_sort (lines, compare_lines);
  for (guint i = 0; i < lines->len; i++)
    g_string_append (text, g_ptr_array_index (lines, i));
  sum = checksum_line (text->str, text->len);
  g_string_append (text, sum);
  return g_file_set_contents (self->path, text->str, (gssize) text->len, NULL);
}

static gboolean
try_lock (int lock)
{
#ifdef G_OS_UNIX
  return flock (lock, LOCK_EX | LOCK_NB) == 0;
#else
  return TRUE;
#endif
}

/* Has the file for this process alone until the descriptor is closed; -1 where another does not give it up. The lock
 * lies beside the file, which is a new one each time it is written. */
static int
lock_file (const GessoTuning *self)
{
  g_autofree char *path = g_strconcat (self->path, ".lock", NULL);
  const int lock = g_open (path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

  for (int waited = 0; lock >= 0 && waited <= LOCK_MILLISECONDS; waited += LOCK_LOOK_MILLISECONDS)
    {
      if (try_lock (lock))
        return lock;
      g_usleep (LOCK_LOOK_MILLISECONDS * 1000);
    }
  if (lock >= 0)
    g_close (lock, NULL);
  return -1;
}

void
gesso_tuning_save (GessoTuning *self)
{
  g_autofree char *folder = g_path_get_dirname (self->path);
  int lock;

  if (!self->is_on || !self->is_new || g_mkdir_with_parents (folder, 0700) != 0 || (lock = lock_file (self)) < 0)
    return;
  self->is_new = !merge (self);
  g_close (lock, NULL);
}

/* --- the table --- */

GessoTuning *
gesso_tuning_new (const GessoCudaDevice *device, int lt_version)
{
  const char *named = g_getenv ("GESSO_CUDA_TUNING");
  g_autofree char *about
      = g_strdup_printf ("%s %d %d cublaslt %d%s", device->name, device->processors, device->driver_version, lt_version,
                         gesso_launcher_wants_warpgroups () ? "" : " without warpgroups");
  g_autofree char *file = g_strconcat (about, ".tuning", NULL);
  GessoTuning *self = g_new0 (GessoTuning, 1);

  /* What only looks like a card is not worth measuring unasked. */
  self->is_on = named ? !g_str_equal (named, "off") : g_getenv ("GESSO_CUDA_DRIVER") == NULL;
  /* The second line tells apart what the file's name does not. */
  self->head = g_strdup_printf ("gesso tuning 4\n%s\n", about);
  g_strcanon (file, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS ".", '-');
  self->path
      = named ? g_build_filename (named, file, NULL) : g_build_filename (g_get_user_cache_dir (), "gesso", file, NULL);
  self->entries = self->is_on ? read_file (self) : entries_new ();
  self->refused = entries_new ();
  return self;
}

void
gesso_tuning_free (GessoTuning *self)
{
  if (!self)
    return;
  g_hash_table_unref (self->entries);
  g_hash_table_unref (self->refused);
  g_free (self->head);
  g_free (self->path);
  g_free (self);
}

gboolean
gesso_tuning_is_on (const GessoTuning *self)
{
  return self->is_on;
}

GessoTuningEntry *
gesso_tuning_find (GessoTuning *self, const GessoTuningKey *key)
{
  return g_hash_table_lookup (self->entries, key);
}

void
gesso_tuning_decide (GessoTuning *self, const GessoTuningKey *key, const GessoTuningWay *way, gboolean is_measured)
{
  const GessoTuningEntry entry = { .way = *way, .is_measured = is_measured, .is_checked = TRUE };

  g_hash_table_insert (self->entries, g_memdup2 (key, sizeof *key), g_memdup2 (&entry, sizeof entry));
  self->is_new |= is_measured;
}

void
gesso_tuning_forget (GessoTuning *self, const GessoTuningKey *key)
{
  gpointer refused_key, entry;

  if (g_hash_table_steal_extended (self->entries, key, &refused_key, &entry))
    g_hash_table_replace (self->refused, refused_key, entry);
}
