/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A plug-in for tests that runs beside GIMP all the time: while Gesso's plug-in is painting, it does to an image with
 * the parasite "test-meddle" what the parasite says, as a user might just then. The parasite goes when it is done.
 */

#include <libgimp/gimp.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PARASITE "test-meddle"
#define POLL_MILLISECONDS 20
/* By the processor's clock, so that it is the same on a busy machine: after starting, but long before the end. */
#define BUSY_SECONDS 0.6

#define MEDDLER_TYPE_PLUG_IN (meddler_plug_in_get_type ())
G_DECLARE_FINAL_TYPE (MeddlerPlugIn, meddler_plug_in, MEDDLER, PLUG_IN, GimpPlugIn)

struct _MeddlerPlugIn
{
  GimpPlugIn parent_instance;
};

G_DEFINE_FINAL_TYPE (MeddlerPlugIn, meddler_plug_in, GIMP_TYPE_PLUG_IN)

/* --- Gesso's process --- */

/* The processor's time that a process of this GIMP's has taken, if it is Gesso's; else -1. */
static double
seconds_of (const char *pid)
{
  g_autofree char *file = g_build_filename ("/proc", pid, "stat", NULL);
  g_autofree char *text = NULL;
  g_auto (GStrv) fields = NULL;
  const char *rest;

  if (!g_file_get_contents (file, &text, NULL, NULL) || !strstr (text, "(gesso) "))
    return -1;
  rest = strstr (text, "(gesso) ") + strlen ("(gesso) ");
  fields = g_strsplit (rest, " ", 0);
  /* From the state on: parent is the second, user and system time the 12th and 13th. */
  if (g_strv_length (fields) < 13 || atoi (fields[1]) != getppid ())
    return -1;
  return (g_ascii_strtod (fields[11], NULL) + g_ascii_strtod (fields[12], NULL)) / (double) sysconf (_SC_CLK_TCK);
}

static int
find_painting (int former)
{
  g_autoptr (GDir) processes = g_dir_open ("/proc", 0, NULL);
  const char *name;

  while (processes && (name = g_dir_read_name (processes)))
    if (g_ascii_isdigit (name[0]) && atoi (name) != former && seconds_of (name) >= BUSY_SECONDS)
      return atoi (name);
  return 0;
}

/* --- Meddling --- */

static void
delete_active (GimpImage *image)
{
  g_autofree GimpLayer **layers = gimp_image_get_selected_layers (image);

  gimp_image_remove_layer (image, layers[0]);
}

static void
select_lowest (GimpImage *image)
{
  g_autofree GimpLayer **layers = gimp_image_get_layers (image);
  const GimpLayer *lowest[2] = { NULL, NULL };

  for (gsize i = 0; layers[i]; i++)
    lowest[0] = layers[i];
  gimp_image_set_selected_layers (image, lowest);
}

static void
meddle (GimpImage *image, const char *action, int painting)
{
  gimp_image_detach_parasite (image, PARASITE);
  if (g_str_equal (action, "delete-layer"))
    delete_active (image);
  else if (g_str_equal (action, "select-lowest"))
    select_lowest (image);
  else if (g_str_equal (action, "select-all"))
    gimp_selection_all (image);
  else if (g_str_equal (action, "convert"))
    gimp_image_convert_grayscale (image);
  else if (g_str_equal (action, "crop"))
    gimp_image_crop (image, 8, 8, 0, 0);
  else if (g_str_equal (action, "kill-plug-in"))
    kill (painting, SIGKILL);
  else if (g_str_equal (action, "kill-gimp"))
    kill (getppid (), SIGKILL);
  else
    g_critical ("unknown action %s", action);
}

static gboolean
poll (gpointer data)
{
  static int former = 0; /* may still be ending while the next one starts */
  g_autofree GimpImage **images = NULL;
  int painting = find_painting (former);

  /* GIMP is asked for nothing before. */
  if (!painting)
    return G_SOURCE_CONTINUE;
  images = gimp_get_images ();
  for (gsize i = 0; images && images[i]; i++)
    {
      GimpParasite *parasite = gimp_image_get_parasite (images[i], PARASITE);
      guint32 length;
      const char *text = parasite ? gimp_parasite_get_data (parasite, &length) : NULL;
      g_autofree char *action = text ? g_strndup (text, length) : NULL;

      g_clear_pointer (&parasite, gimp_parasite_free);
      if (action)
        {
          former = painting;
          meddle (images[i], action, painting);
        }
    }
  return G_SOURCE_CONTINUE;
}

static GimpValueArray *
run (GimpProcedure *procedure, GimpProcedureConfig *config, gpointer data)
{
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);

  gimp_plug_in_set_pdb_error_handler (gimp_get_plug_in (), GIMP_PDB_ERROR_HANDLER_PLUGIN);
  gimp_procedure_persistent_ready (procedure);
  gimp_plug_in_persistent_enable (gimp_get_plug_in ());
  g_timeout_add (POLL_MILLISECONDS, poll, NULL);
  g_main_loop_run (loop);
  return gimp_procedure_new_return_values (procedure, GIMP_PDB_SUCCESS, NULL);
}

static GList *
meddler_plug_in_query_procedures (GimpPlugIn *plug_in)
{
  return g_list_append (NULL, g_strdup ("plug-in-test-meddle"));
}

static GimpProcedure *
meddler_plug_in_create_procedure (GimpPlugIn *plug_in, const gchar *name)
{
  return gimp_procedure_new (plug_in, name, GIMP_PDB_PROC_TYPE_PERSISTENT, run, NULL, NULL);
}

static void
meddler_plug_in_class_init (MeddlerPlugInClass *klass)
{
  GIMP_PLUG_IN_CLASS (klass)->query_procedures = meddler_plug_in_query_procedures;
  GIMP_PLUG_IN_CLASS (klass)->create_procedure = meddler_plug_in_create_procedure;
  GIMP_PLUG_IN_CLASS (klass)->set_i18n = NULL;
}

static void
meddler_plug_in_init (MeddlerPlugIn *self)
{
}

GIMP_MAIN (MEDDLER_TYPE_PLUG_IN)
