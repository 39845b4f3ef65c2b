/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A box with properties for all that is chosen in it: what a panel is asked for, and nothing of how it looks.
 */

#pragma once

#include <gtk/gtk.h>

G_BEGIN_DECLS

typedef struct
{
  /* Never NULL. */
  char *prompt;
  char *negative_prompt;
  char *model;     /* name or folder; "": the starter */
  char *scheduler; /* "": the model's own */
  char *device;
  char *precision;
  int width, height; /* 0: the place to fill */
  int steps;
  int seed;
  int count;
  double guidance;
  gboolean lock_seed;
} GessoChoices;

#define GESSO_TYPE_CHOICES_BOX (gesso_choices_box_get_type ())
/* Properties: those of GessoChoices, with "-" for "_". */
G_DECLARE_DERIVABLE_TYPE (GessoChoicesBox, gesso_choices_box, GESSO, CHOICES_BOX, GtkBox)

struct _GessoChoicesBoxClass
{
  GtkBoxClass parent_class;
};

/* As they are now; valid until they change. */
const GessoChoices *gesso_choices_box_get (GessoChoicesBox *box);

G_END_DECLS
