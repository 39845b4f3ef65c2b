/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "choices-box.h"

#include "bounds.h"

typedef struct
{
  GessoChoices choices;
} GessoChoicesBoxPrivate;

G_DEFINE_ABSTRACT_TYPE_WITH_PRIVATE (GessoChoicesBox, gesso_choices_box, GTK_TYPE_BOX)

/* Property ids are places in these tables, counted from 1: texts, then numbers, then the two others. */
static const struct
{
  const char *name;
  gsize offset;
  const char *value;
} texts[] = {
  { "prompt", G_STRUCT_OFFSET (GessoChoices, prompt), "" },
  { "negative-prompt", G_STRUCT_OFFSET (GessoChoices, negative_prompt), "" },
  { "model", G_STRUCT_OFFSET (GessoChoices, model), "" },
  { "scheduler", G_STRUCT_OFFSET (GessoChoices, scheduler), "" },
  { "device", G_STRUCT_OFFSET (GessoChoices, device), "auto" },
  { "precision", G_STRUCT_OFFSET (GessoChoices, precision), "auto" },
};

static const struct
{
  const char *name;
  gsize offset;
  int lower, upper, value;
} numbers[] = {
  { "width", G_STRUCT_OFFSET (GessoChoices, width), 0, G_MAXINT, 0 },
  { "height", G_STRUCT_OFFSET (GessoChoices, height), 0, G_MAXINT, 0 },
  { "steps", G_STRUCT_OFFSET (GessoChoices, steps), 1, GESSO_LARGEST_STEPS, GESSO_USUAL_STEPS },
  { "seed", G_STRUCT_OFFSET (GessoChoices, seed), 0, G_MAXINT, 0 },
  { "count", G_STRUCT_OFFSET (GessoChoices, count), 1, GESSO_LARGEST_COUNT, 1 },
};

enum
{
  N_TEXTS = G_N_ELEMENTS (texts),
  N_INTEGERS = N_TEXTS + G_N_ELEMENTS (numbers),
  PROP_GUIDANCE = N_INTEGERS + 1,
  PROP_LOCK_SEED,
};

static char **
text_at (GessoChoices *choices, guint id)
{
  return G_STRUCT_MEMBER_P (choices, texts[id - 1].offset);
}

static int *
number_at (GessoChoices *choices, guint id)
{
  return G_STRUCT_MEMBER_P (choices, numbers[id - 1 - N_TEXTS].offset);
}

/* Whether it was another one. */
static gboolean
replace_text (char **place, const char *text)
{
  if (!text)
    text = "";
  if (g_strcmp0 (*place, text) == 0)
    return FALSE;
  g_free (*place);
  *place = g_strdup (text);
  return TRUE;
}

static gboolean
replace_number (int *place, int number)
{
  gboolean changed = *place != number;

  *place = number;
  return changed;
}

static void
gesso_choices_box_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  GessoChoicesBoxPrivate *self = gesso_choices_box_get_instance_private (GESSO_CHOICES_BOX (object));
  GessoChoices *choices = &self->choices;
  gboolean changed = FALSE;

  if (id <= N_TEXTS)
    changed = replace_text (text_at (choices, id), g_value_get_string (value));
  else if (id <= N_INTEGERS)
    changed = replace_number (number_at (choices, id), g_value_get_int (value));
  else if (id == PROP_LOCK_SEED)
    changed = replace_number (&choices->lock_seed, g_value_get_boolean (value));
  else
    {
      changed = choices->guidance != g_value_get_double (value);
      choices->guidance = g_value_get_double (value);
    }
  if (changed)
    g_object_notify_by_pspec (object, pspec);
}

static void
gesso_choices_box_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  GessoChoicesBoxPrivate *self = gesso_choices_box_get_instance_private (GESSO_CHOICES_BOX (object));
  GessoChoices *choices = &self->choices;

  if (id <= N_TEXTS)
    g_value_set_string (value, *text_at (choices, id));
  else if (id <= N_INTEGERS)
    g_value_set_int (value, *number_at (choices, id));
  else if (id == PROP_LOCK_SEED)
    g_value_set_boolean (value, choices->lock_seed);
  else
    g_value_set_double (value, choices->guidance);
}

static void
gesso_choices_box_finalize (GObject *object)
{
  GessoChoicesBoxPrivate *self = gesso_choices_box_get_instance_private (GESSO_CHOICES_BOX (object));

  for (guint id = 1; id <= N_TEXTS; id++)
    g_free (*text_at (&self->choices, id));
  G_OBJECT_CLASS (gesso_choices_box_parent_class)->finalize (object);
}

static void
gesso_choices_box_class_init (GessoChoicesBoxClass *klass)
{
  const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_CONSTRUCT | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS;
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  guint id = 1;

  object_class->set_property = gesso_choices_box_set_property;
  object_class->get_property = gesso_choices_box_get_property;
  object_class->finalize = gesso_choices_box_finalize;

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++, id++)
    g_object_class_install_property (object_class, id,
                                     g_param_spec_string (texts[i].name, NULL, NULL, texts[i].value, flags));
  for (guint i = 0; i < G_N_ELEMENTS (numbers); i++, id++)
    g_object_class_install_property (
        object_class, id,
        g_param_spec_int (numbers[i].name, NULL, NULL, numbers[i].lower, numbers[i].upper, numbers[i].value, flags));
  g_object_class_install_property (
      object_class, PROP_GUIDANCE,
      g_param_spec_double ("guidance", NULL, NULL, 0, GESSO_LARGEST_GUIDANCE, GESSO_USUAL_GUIDANCE, flags));
  g_object_class_install_property (object_class, PROP_LOCK_SEED,
                                   g_param_spec_boolean ("lock-seed", NULL, NULL, FALSE, flags));
}

static void
gesso_choices_box_init (GessoChoicesBox *box)
{
}

const GessoChoices *
gesso_choices_box_get (GessoChoicesBox *box)
{
  GessoChoicesBoxPrivate *self = gesso_choices_box_get_instance_private (box);

  g_return_val_if_fail (GESSO_IS_CHOICES_BOX (box), NULL);
  return &self->choices;
}
