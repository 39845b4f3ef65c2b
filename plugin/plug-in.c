/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The plug-in as GIMP sees it.
 */

#include <libgimp/gimp.h>

#include <libintl.h>

#include "generate.h"
#include "procedures.h"
#include "quit.h"

#define GESSO_TYPE_PLUG_IN (gesso_plug_in_get_type ())
G_DECLARE_FINAL_TYPE (GessoPlugIn, gesso_plug_in, GESSO, PLUG_IN, GimpPlugIn)

struct _GessoPlugIn
{
  GimpPlugIn parent_instance;
};

G_DEFINE_FINAL_TYPE (GessoPlugIn, gesso_plug_in, GIMP_TYPE_PLUG_IN)

static const struct
{
  const char *name;
  GimpProcedure *(*create) (GimpPlugIn *plug_in, const char *name);
} procedures[] = {
  { GESSO_GENERATE_LAYER, gesso_generate_layer_new },
  { GESSO_GENERATE_IMAGE, gesso_generate_image_new },
  { GESSO_GENERATE_BATCH, gesso_generate_batch_new },
  { GESSO_REUSE_SETTINGS, gesso_reuse_settings_new },
};

static GList *
gesso_plug_in_query_procedures (GimpPlugIn *plug_in)
{
  GList *names = NULL;

  for (gsize i = 0; i < G_N_ELEMENTS (procedures); i++)
    names = g_list_append (names, g_strdup (procedures[i].name));
  return names;
}

static GimpProcedure *
gesso_plug_in_create_procedure (GimpPlugIn *plug_in, const gchar *name)
{
  for (gsize i = 0; i < G_N_ELEMENTS (procedures); i++)
    if (g_str_equal (name, procedures[i].name))
      return procedures[i].create (plug_in, name);
  return NULL;
}

/* The catalogues lie beside the plug-in, or, where it is installed for all users, with all others. GIMP warns about a
 * folder of its own that is not there, so it is told of none then. */
static gboolean
gesso_plug_in_set_i18n (GimpPlugIn *plug_in, const gchar *procedure_name, gchar **domain, gchar **folder)
{
  g_autofree char *program_folder = g_path_get_dirname (gimp_get_progname ());
  g_autofree char *beside = g_build_filename (program_folder, "locale", NULL);

  if (g_file_test (beside, G_FILE_TEST_IS_DIR))
    {
      *domain = g_strdup (GETTEXT_PACKAGE);
      return TRUE;
    }
  bindtextdomain (GETTEXT_PACKAGE, LOCALEDIR);
  bind_textdomain_codeset (GETTEXT_PACKAGE, "UTF-8");
  return FALSE;
}

static void
gesso_plug_in_quit (GimpPlugIn *plug_in)
{
  if (gesso_quit ())
    gesso_generate_end ();
}

static void
gesso_plug_in_class_init (GessoPlugInClass *klass)
{
  GimpPlugInClass *plug_in_class = GIMP_PLUG_IN_CLASS (klass);

  plug_in_class->query_procedures = gesso_plug_in_query_procedures;
  plug_in_class->create_procedure = gesso_plug_in_create_procedure;
  plug_in_class->set_i18n = gesso_plug_in_set_i18n;
  plug_in_class->quit = gesso_plug_in_quit;
}

static void
gesso_plug_in_init (GessoPlugIn *self)
{
}

GIMP_MAIN (GESSO_TYPE_PLUG_IN)
