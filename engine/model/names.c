/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "names.h"

#include <string.h>

/* The weight `name` (of either form) under `alias`, as a matrix or as a 1x1 convolution. One that cannot be read gets
 * its alias, too, so that the message says what is wrong with it; then the shape is of no account. */
static void
set_projection (GessoWeights *weights, const char *alias, const char *name, gboolean as_matrix)
{
  GessoShape shape = GESSO_SHAPE1 (1);
  GessoDType dtype;
  const gboolean readable = gesso_weights_find (weights, name, &shape, &dtype);

  if (readable && shape.rank == 4 && shape.dim[2] == 1 && shape.dim[3] == 1 && as_matrix)
    shape = GESSO_SHAPE2 (shape.dim[0], shape.dim[1]);
  else if (readable && shape.rank == 2 && !as_matrix)
    shape = GESSO_SHAPE4 (shape.dim[0], shape.dim[1], 1, 1);
  else if (strcmp (alias, name) == 0)
    return;
  gesso_weights_add_alias (weights, alias, name, shape);
}

void
gesso_names_text (GessoWeights *weights)
{
  static const char prefix[] = "text_model.";

  for (guint i = 0; i < gesso_weights_count (weights); i++)
    {
      const char *name = gesso_weights_name (weights, i);
      g_autofree char *alias = g_strconcat (prefix, name, NULL);
      GessoShape shape = GESSO_SHAPE1 (1);
      GessoDType dtype;

      if (g_str_has_prefix (name, prefix) || gesso_weights_find (weights, alias, &shape, &dtype))
        continue;
      /* One that cannot be read, of no shape, gets its alias for the message's sake. */
      gesso_weights_find (weights, name, &shape, &dtype);
      gesso_weights_add_alias (weights, alias, name, shape);
    }
}

void
gesso_names_unet (GessoWeights *weights, const GessoUnetConfig *config)
{
  for (guint i = 0; i < gesso_weights_count (weights); i++)
    {
      const char *name = gesso_weights_name (weights, i);

      if (g_str_has_suffix (name, ".proj_in.weight") || g_str_has_suffix (name, ".proj_out.weight"))
        set_projection (weights, name, name, config->use_linear_projection);
    }
}

void
gesso_names_vae (GessoWeights *weights)
{
  static const char *const old_and_new[][2] = {
    { ".query.", ".to_q." }, { ".key.", ".to_k." },  { ".value.", ".to_v." }, { ".proj_attn.", ".to_out.0." },
    { ".to_q.", ".to_q." },  { ".to_k.", ".to_k." }, { ".to_v.", ".to_v." },  { ".to_out.0.", ".to_out.0." },
  };

  for (guint i = 0; i < gesso_weights_count (weights); i++)
    {
      const char *name = gesso_weights_name (weights, i);

      if (!strstr (name, ".attentions."))
        continue;
      for (gsize k = 0; k < G_N_ELEMENTS (old_and_new); k++)
        {
          const char *place = strstr (name, old_and_new[k][0]);
          g_autofree char *alias = NULL;

          if (!place)
            continue;
          alias = g_strdup_printf ("%.*s%s%s", (int) (place - name), name, old_and_new[k][1],
                                   place + strlen (old_and_new[k][0]));
          set_projection (weights, alias, name, TRUE);
          break;
        }
    }
}
