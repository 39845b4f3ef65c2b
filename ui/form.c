/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "form.h"

#include <glib/gi18n-lib.h>

#include "bounds.h"
#include "model-chooser.h"
#include "prompt-view.h"
#include "seed-chooser.h"
#include "size-chooser.h"
#include "style.h"

struct _GessoForm
{
  GtkBox parent_instance;

  GObject *settings; /* not owned: it contains the form */
  GessoSession *session;
  GtkWidget *prompt;
  GtkWidget *size;
  GtkWidget *seed;
  GtkWidget *resolved;
  gboolean unfolding;
  GtkSizeGroup *line; /* the height of a line of the grid */
};

enum
{
  SIGNAL_ACTIVATED,
  N_SIGNALS,
};

static guint signals[N_SIGNALS];

/* A value as procedures know it, and as it is shown. */
typedef struct
{
  const char *id;
  const char *title;
} Choice;

static const Choice schedulers[] = { { "", N_ ("Of the Model") }, { "pndm", "PNDM" }, { NULL, NULL } };
static const Choice devices[] = {
  { "auto", N_ ("Automatic") }, { "cpu", N_ ("Processor (CPU)") }, { "cuda", N_ ("NVIDIA Card (CUDA)") }, { NULL, NULL }
};
static const Choice precisions[] = { { "auto", N_ ("Automatic") },
                                     { "f32", N_ ("32-bit (f32)") },
                                     { "bf16", N_ ("16-bit (bf16)") },
                                     { "f16", N_ ("16-bit (f16)") },
                                     { NULL, NULL } };

G_DEFINE_TYPE (GessoForm, gesso_form, GTK_TYPE_BOX)

static void
bind (GessoForm *self, const char *name, gpointer target, const char *property)
{
  g_object_bind_property (self->settings, name, target, property, G_BINDING_BIDIRECTIONAL | G_BINDING_SYNC_CREATE);
}

static void
on_activated (gpointer source, GessoForm *self)
{
  g_signal_emit (self, signals[SIGNAL_ACTIVATED], 0);
}

static void
on_chosen (GessoHistoryButton *button, const char *prompt, GessoForm *self)
{
  gesso_prompt_view_set_text (GESSO_PROMPT_VIEW (self->prompt), prompt);
  gtk_widget_grab_focus (self->prompt);
}

/* What "auto" has become, and what else is to be known about the open model. */
static void
on_state (GObject *session, GParamSpec *pspec, GessoForm *self)
{
  GessoEngine *engine = gesso_session_get_engine (self->session);
  g_autoptr (GString) text = g_string_new (NULL);

  if (engine)
    {
      gboolean cuda = gesso_engine_get_device (engine) == GESSO_DEVICE_CUDA;

      /* Translators: the device ("CPU", "CUDA") and the precision ("f32") that are used. */
      g_string_append_printf (text, _ ("In use: %s, %s"), cuda ? "CUDA" : "CPU",
                              gesso_precision_to_string (gesso_engine_get_precision (engine)));
      for (const char *const *notice = gesso_engine_get_notices (engine); notice && *notice; notice++)
        g_string_append_printf (text, "\n%s", *notice);
    }
  gtk_label_set_text (GTK_LABEL (self->resolved), text->str);
  gtk_widget_set_visible (self->resolved, text->len > 0);
}

static void
gesso_form_grab_focus (GtkWidget *widget)
{
  gtk_widget_grab_focus (GESSO_FORM (widget)->prompt);
}

static void
gesso_form_finalize (GObject *object)
{
  g_clear_object (&GESSO_FORM (object)->session);
  g_clear_object (&GESSO_FORM (object)->line);
  G_OBJECT_CLASS (gesso_form_parent_class)->finalize (object);
}

static void
gesso_form_class_init (GessoFormClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = gesso_form_finalize;
  GTK_WIDGET_CLASS (klass)->grab_focus = gesso_form_grab_focus;
  signals[SIGNAL_ACTIVATED]
      = g_signal_new ("activated", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void
gesso_form_init (GessoForm *self)
{
  gtk_orientable_set_orientation (GTK_ORIENTABLE (self), GTK_ORIENTATION_VERTICAL);
  gtk_box_set_spacing (GTK_BOX (self), 6);
  self->line = gtk_size_group_new (GTK_SIZE_GROUP_VERTICAL);
}

static void
add_prompts (GessoForm *self, GessoHistory *history)
{
  GtkWidget *button = gesso_history_button_new (history);
  GtkWidget *negative;

  self->prompt = gesso_prompt_view_new (_ ("_Prompt"), 4, self->session);
  gesso_prompt_view_add_button (GESSO_PROMPT_VIEW (self->prompt), button);
  g_signal_connect (button, "chosen", G_CALLBACK (on_chosen), self);
  bind (self, "prompt", self->prompt, "text");

  negative = gesso_prompt_view_new (_ ("_Negative Prompt"), 2, self->session);
  gtk_widget_set_tooltip_text (negative, _ ("What the picture should keep away from"));
  bind (self, "negative-prompt", negative, "text");

  g_signal_connect (self->prompt, "activated", G_CALLBACK (on_activated), self);
  g_signal_connect (negative, "activated", G_CALLBACK (on_activated), self);
  gtk_box_pack_start (GTK_BOX (self), self->prompt, TRUE, TRUE, 0);
  gtk_box_pack_start (GTK_BOX (self), negative, FALSE, FALSE, 0);
}

/* A row of the grid: the title before the widget. */
static void
attach (GessoForm *self, GtkWidget *grid, int row, const char *title, GtkWidget *widget)
{
  GtkWidget *label = gtk_label_new_with_mnemonic (title);

  gtk_label_set_xalign (GTK_LABEL (label), 0);
  gtk_label_set_mnemonic_widget (GTK_LABEL (label), widget);
  gtk_widget_set_hexpand (widget, TRUE);
  gtk_widget_set_valign (label, GTK_ALIGN_START); /* beside the first line of what has several */
  gtk_size_group_add_widget (self->line, label);
  gtk_grid_attach (GTK_GRID (grid), label, 0, row, 1, 1);
  gtk_grid_attach (GTK_GRID (grid), widget, 1, row, 1, 1);
}

/* For what shows its title itself, where screen readers do not find it. Without the mnemonic, which some languages
 * append: "Seed (_S)". */
static void
name_as (GtkWidget *widget, const char *title)
{
  const char *appended = g_str_has_suffix (title, ")") ? g_strrstr (title, "(_") : NULL;
  g_autofree char *shown = appended ? g_strndup (title, (gsize) (appended - title)) : g_strdup (title);
  g_auto (GStrv) parts = g_strsplit (g_strchomp (shown), "_", 2);
  g_autofree char *name = g_strjoinv ("", parts);

  atk_object_set_name (gtk_widget_get_accessible (widget), name);
}

typedef struct
{
  const char *name;
  const char *title;
  const char *tooltip;
  double lower, usual, upper, step, page; /* a scale ends at `usual` */
  int digits;
} Number;

static void
attach_number (GessoForm *self, GtkWidget *grid, int row, GessoMakeScale make_scale, const Number *number)
{
  GtkAdjustment *adjustment
      = gtk_adjustment_new (number->lower, number->lower, number->upper, number->step, number->page, 0);
  GtkWidget *widget;

  if (make_scale)
    {
      widget = make_scale (adjustment, _ (number->title), number->digits, number->usual);
      name_as (widget, _ (number->title));
      gtk_widget_set_hexpand (widget, TRUE);
      gtk_grid_attach (GTK_GRID (grid), widget, 0, row, 2, 1);
    }
  else
    {
      widget = gtk_spin_button_new (adjustment, 0, number->digits);
      attach (self, grid, row, _ (number->title), widget);
    }
  gtk_spin_button_set_numeric (GTK_SPIN_BUTTON (widget), TRUE);
  gtk_entry_set_activates_default (GTK_ENTRY (widget), TRUE);
  gtk_widget_set_tooltip_text (widget, _ (number->tooltip));
  bind (self, number->name, adjustment, "value");
}

static GtkWidget *
new_grid (void)
{
  GtkWidget *grid = gtk_grid_new ();

  gtk_grid_set_row_spacing (GTK_GRID (grid), 6);
  gtk_grid_set_column_spacing (GTK_GRID (grid), 6);
  return grid;
}

static void
add_main (GessoForm *self, const GessoPanelPlace *place, GessoMakeScale make_scale)
{
  static const Number numbers[] = {
    { "steps", N_ ("S_teps"), N_ ("More steps take longer and show finer detail"), 1, 100, GESSO_LARGEST_STEPS, 1, 5,
      0 },
    { "guidance", N_ ("G_uidance"), N_ ("How closely the picture follows the prompt"), 0, 20, GESSO_LARGEST_GUIDANCE,
      0.5, 1, 2 },
    { "count", N_ ("Num_ber of Pictures"), N_ ("How many pictures to paint, each with a seed of its own"), 1, 16,
      GESSO_LARGEST_COUNT, 1, 4, 0 },
  };
  GtkWidget *grid = new_grid ();
  GtkWidget *model = gesso_model_chooser_new ();

  bind (self, "model", model, "model");
  attach (self, grid, 0, _ ("_Model"), model);

  self->size = gesso_size_chooser_new (self->session, place->name, place->width, place->height);
  bind (self, "width", self->size, "width");
  bind (self, "height", self->size, "height");
  attach (self, grid, 1, _ ("Si_ze"), self->size);

  self->seed = gesso_seed_chooser_new ();
  gtk_size_group_add_widget (self->line, self->seed);
  bind (self, "seed", self->seed, "seed");
  bind (self, "lock-seed", self->seed, "locked");
  attach (self, grid, 2, _ ("S_eed"), self->seed);

  for (guint i = 0; i < G_N_ELEMENTS (numbers); i++)
    attach_number (self, grid, 3 + (int) i, make_scale, &numbers[i]);
  gtk_box_pack_start (GTK_BOX (self), grid, FALSE, FALSE, 0);
}

static GtkWidget *
new_combo (GessoForm *self, const char *name, const Choice *choices)
{
  GtkWidget *combo = gtk_combo_box_text_new ();

  for (const Choice *choice = choices; choice->id; choice++)
    gtk_combo_box_text_append (GTK_COMBO_BOX_TEXT (combo), choice->id, _ (choice->title));
  bind (self, name, combo, "active-id");
  return combo;
}

static void
on_unfolded (GtkWidget *grid, GessoForm *self)
{
  self->unfolding = TRUE;
}

/* When it has its place, what was unfolded comes into sight. */
static void
on_placed (GtkWidget *grid, GdkRectangle *place, GessoForm *self)
{
  GtkAdjustment *adjustment = gtk_container_get_focus_vadjustment (GTK_CONTAINER (self));

  if (self->unfolding && adjustment)
    gtk_adjustment_set_value (adjustment, gtk_adjustment_get_upper (adjustment));
  self->unfolding = FALSE;
}

static void
add_advanced (GessoForm *self)
{
  GtkWidget *expander = gtk_expander_new_with_mnemonic (_ ("_Advanced"));
  GtkWidget *grid = new_grid ();

  /* GTK leaves a wide expander's title at the left in languages from right to left, so the grid is beside it, not in
   * it. */
  gtk_widget_set_halign (expander, GTK_ALIGN_START);
  gtk_widget_set_margin_start (grid, 12);
  attach (self, grid, 0, _ ("Sche_duler"), new_combo (self, "scheduler", schedulers));
  attach (self, grid, 1, _ ("De_vice"), new_combo (self, "device", devices));
  attach (self, grid, 2, _ ("Precisi_on"), new_combo (self, "precision", precisions));

  self->resolved = gesso_style_note_new ();
  gtk_grid_attach (GTK_GRID (grid), self->resolved, 0, 3, 2, 1);

  gtk_widget_show_all (grid);
  gtk_widget_set_no_show_all (self->resolved, TRUE);
  gtk_widget_set_no_show_all (grid, TRUE);
  g_object_bind_property (expander, "expanded", grid, "visible", G_BINDING_SYNC_CREATE);
  g_signal_connect (grid, "show", G_CALLBACK (on_unfolded), self);
  g_signal_connect (grid, "size-allocate", G_CALLBACK (on_placed), self);
  gtk_box_pack_start (GTK_BOX (self), expander, FALSE, FALSE, 0);
  gtk_box_pack_start (GTK_BOX (self), grid, FALSE, FALSE, 0);
}

GtkWidget *
gesso_form_new (GObject *settings, GessoSession *session, const GessoPanelPlace *place, GessoHistory *history,
                GessoMakeScale make_scale)
{
  GessoForm *self = g_object_new (GESSO_TYPE_FORM, NULL);

  self->settings = settings;
  self->session = g_object_ref (session);
  add_prompts (self, history);
  add_main (self, place, make_scale);
  add_advanced (self);
  gtk_widget_show_all (GTK_WIDGET (self));
  g_signal_connect_object (session, "notify::state", G_CALLBACK (on_state), self, 0);
  on_state (NULL, NULL, self);
  return GTK_WIDGET (self);
}

void
gesso_form_get_size (GessoForm *self, int *width, int *height)
{
  gesso_size_chooser_get_size (GESSO_SIZE_CHOOSER (self->size), width, height);
}

int
gesso_form_next_seed (GessoForm *self)
{
  return gesso_seed_chooser_next (GESSO_SEED_CHOOSER (self->seed));
}
