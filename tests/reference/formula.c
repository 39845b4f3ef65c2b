/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "formula.h"

#include <math.h>
#include <string.h>

/* Last layers of residual branches, which get half the strength. */
static const char *const branch_ends[] = { "conv2.", "to_out.", "out_proj.", "fc2.", "proj_out.", "ff.net.2." };

/* FNV-1a */
static guint64
hash_name (const char *name)
{
  guint64 value = G_GUINT64_CONSTANT (0xcbf29ce484222325);

  for (const char *c = name; *c != '\0'; c++)
    value = (value ^ (guint8) *c) * G_GUINT64_CONSTANT (0x100000001b3);
  return value;
}

/* splitmix64's `index`-th output from the state `seed`, 24 bits of it, in [-1, 1). */
static float
uniform (guint64 seed, guint64 index)
{
  guint64 z = seed + (index + 1) * G_GUINT64_CONSTANT (0x9e3779b97f4a7c15);

  z = (z ^ (z >> 30)) * G_GUINT64_CONSTANT (0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * G_GUINT64_CONSTANT (0x94d049bb133111eb);
  z ^= z >> 31;
  return (float) ((int) (z >> 40) - (1 << 23)) * (1.0f / (1 << 23));
}

static gboolean
ends_branch (const char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS (branch_ends); i++)
    if (strstr (name, branch_ends[i]) != NULL)
      return TRUE;
  return FALSE;
}

void
gesso_formula_fill (const char *name, const GessoShape *shape, gint64 first, gint64 count, float *values)
{
  guint64 seed = hash_name (name);
  float scale = 0.1f, centre = 0;

  if (shape->rank > 1)
    {
      double fan_in = (double) (shape->dim[1] * shape->dim[2] * shape->dim[3]);

      scale = (float) (sqrt (3.0 / fan_in) * (ends_branch (name) ? 0.5 : 1.0));
    }
  else if (!g_str_has_suffix (name, ".bias"))
    centre = 1;

  for (gint64 i = 0; i < count; i++)
    {
      float value = uniform (seed, (guint64) (first + i)) * scale; /* on its own: rounded before the sum */

      values[i] = value + centre;
    }
}
