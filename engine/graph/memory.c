/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Where every tensor lies. Tensors that live at different times share memory; the places are found by packing
 * rectangles (time x bytes) into one arena, largest first, each into the tightest gap it fits. Several orders are
 * tried, for none is the best for all networks.
 */

#include "graph-private.h"
#include "plan-private.h"

#include <string.h>

#include <glib/gi18n-lib.h>

/* A stretch of the arena: one tensor, or several that are computed in place one after another. */
typedef struct
{
  gsize bytes;
  int first; /* the operation that writes it */
  int last;  /* the last one that reads it */
  gsize offset;
  int index;
} Slot;

typedef gint (*SlotOrder) (gconstpointer a, gconstpointer b, gpointer data);

static int
compare_double (double a, double b)
{
  return (a > b) - (a < b);
}

static double
duration (const Slot *slot)
{
  return (double) (slot->last - slot->first + 1);
}

static gint
by_size (gconstpointer a, gconstpointer b, gpointer data)
{
  const Slot *x = *(Slot *const *) a, *y = *(Slot *const *) b;
  const int order = compare_double ((double) y->bytes, (double) x->bytes);

  return order ? order : x->index - y->index;
}

static gint
by_area (gconstpointer a, gconstpointer b, gpointer data)
{
  const Slot *x = *(Slot *const *) a, *y = *(Slot *const *) b;
  const int order = compare_double ((double) y->bytes * duration (y), (double) x->bytes * duration (x));

  return order ? order : x->index - y->index;
}

static gint
by_duration (gconstpointer a, gconstpointer b, gpointer data)
{
  const Slot *x = *(Slot *const *) a, *y = *(Slot *const *) b;
  const int order = compare_double (duration (y), duration (x));

  return order ? order : by_size (a, b, data);
}

static gint
by_time (gconstpointer a, gconstpointer b, gpointer data)
{
  const Slot *x = *(Slot *const *) a, *y = *(Slot *const *) b;

  return x->first != y->first ? x->first - y->first : by_size (a, b, data);
}

/* Whether `op` may write where it reads, value by value: never one that runs in bands. */
static gboolean
works_in_place (const GessoOp *op, int input)
{
  switch (op->kind)
    {
    case GESSO_OP_GROUP_NORM:
    case GESSO_OP_LAYER_NORM:
    case GESSO_OP_ACTIVATION:
      return input == 0;
    case GESSO_OP_ADD:
      return input == 0 || gesso_shape_equal (&op->inputs[1]->shape, &op->inputs[0]->shape);
    default:
      return FALSE;
    }
}

/* Says where inputs, outputs and weights are; what is left of the used tensors is for the arena. */
static void
place_bound (GessoPlan *plan)
{
  for (guint i = 0; i < plan->ops->len; i++)
    {
      GessoOp *op = g_ptr_array_index (plan->ops, i);
      GessoTensor **operands[GESSO_MAX_OPERANDS];
      int n = gesso_op_operands (op, operands);

      for (int j = 0; j < n; j++)
        if ((*operands[j])->kind == GESSO_TENSOR_WEIGHT)
          plan->placements[(*operands[j])->id].place = GESSO_PLACE_WEIGHT;
      plan->placements[op->output->id].place = GESSO_PLACE_ARENA;
    }
  for (guint i = 0; i < plan->inputs->len; i++)
    {
      const GessoTensor *tensor = g_ptr_array_index (plan->inputs, i);

      plan->placements[tensor->id] = (GessoPlacement) { .place = GESSO_PLACE_INPUT, .binding = (int) i };
    }
  for (guint i = 0; i < plan->outputs->len; i++)
    {
      const GessoTensor *tensor = g_ptr_array_index (plan->outputs, i);

      plan->placements[tensor->id] = (GessoPlacement) { .place = GESSO_PLACE_OUTPUT, .binding = (int) i };
    }
}

/* By tensor id: the last operation that reads a tensor of the arena. */
static int *
find_last_uses (GessoPlan *plan)
{
  int *last = g_new (int, plan->tensors->len + 1);

  for (guint i = 0; i < plan->tensors->len; i++)
    last[i] = -1;
  for (guint i = 0; i < plan->ops->len; i++)
    {
      GessoOp *op = g_ptr_array_index (plan->ops, i);
      GessoTensor **operands[GESSO_MAX_OPERANDS];
      int n = gesso_op_operands (op, operands);

      for (int j = 0; j < n; j++)
        last[gesso_tensor_base (*operands[j])->id] = (int) i;
    }
  return last;
}

/* Gives every tensor of the arena a slot: that of an input which is no longer needed where the operation can work in
 * place, else a new one. Returns the slots; `slot_of` by tensor id, -1 for tensors elsewhere. */
static GArray *
make_slots (GessoPlan *plan, int *slot_of)
{
  g_autofree int *last_use = find_last_uses (plan);
  GArray *slots = g_array_new (FALSE, TRUE, sizeof (Slot));

  for (guint i = 0; i < plan->tensors->len; i++)
    slot_of[i] = -1;
  for (guint i = 0; i < plan->ops->len; i++)
    {
      const GessoOp *op = g_ptr_array_index (plan->ops, i);
      const GessoTensor *output = op->output;
      const int last = MAX (last_use[output->id], (int) i);

      if (plan->placements[output->id].place != GESSO_PLACE_ARENA)
        continue;
      for (int j = 0; j < op->n_inputs && slot_of[output->id] < 0; j++)
        {
          const GessoTensor *input = gesso_tensor_base (op->inputs[j]);

          if (slot_of[input->id] >= 0 && last_use[input->id] == (int) i && works_in_place (op, j))
            slot_of[output->id] = slot_of[input->id];
        }
      if (slot_of[output->id] < 0)
        {
          const gsize bytes = (gsize) gesso_shape_elements (&output->shape) * gesso_dtype_size (output->dtype);
          const Slot slot = { .bytes = (bytes + GESSO_ARENA_ALIGNMENT - 1) & ~(gsize) (GESSO_ARENA_ALIGNMENT - 1),
                              .first = (int) i,
                              .index = (int) slots->len };

          slot_of[output->id] = slot.index;
          g_array_append_val (slots, slot);
        }
      g_array_index (slots, Slot, slot_of[output->id]).last = last;
    }
  return slots;
}

/* Places `slot` among `placed` (in the order of their offsets). */
static gboolean
place_slot (GPtrArray *placed, Slot *slot)
{
  gsize end = 0, best = 0, best_gap = G_MAXSIZE;
  guint at = 0;

  for (guint i = 0; i < placed->len; i++)
    {
      const Slot *other = g_ptr_array_index (placed, i);

      if (other->last < slot->first || other->first > slot->last)
        continue;
      if (other->offset > end && other->offset - end >= slot->bytes && other->offset - end < best_gap)
        {
          best = end;
          best_gap = other->offset - end;
        }
      end = MAX (end, other->offset + other->bytes);
    }
  slot->offset = best_gap < G_MAXSIZE ? best : end;
  if (slot->offset > G_MAXSIZE / 2 - slot->bytes)
    return FALSE;
  while (at < placed->len && ((const Slot *) g_ptr_array_index (placed, at))->offset <= slot->offset)
    at++;
  g_ptr_array_insert (placed, (int) at, slot);
  return TRUE;
}

/* Places all slots in one order; FALSE when that passes what can be addressed. */
static gboolean
pack (GArray *slots, SlotOrder order, gsize *bytes)
{
  g_autoptr (GPtrArray) queue = g_ptr_array_new ();
  g_autoptr (GPtrArray) placed = g_ptr_array_new ();

  for (guint i = 0; i < slots->len; i++)
    g_ptr_array_add (queue, &g_array_index (slots, Slot, i));
  g_ptr_array_sort_with_data (queue, order, NULL);
  *bytes = 0;
  for (guint i = 0; i < queue->len; i++)
    {
      Slot *slot = g_ptr_array_index (queue, i);

      if (!place_slot (placed, slot))
        return FALSE;
      *bytes = MAX (*bytes, slot->offset + slot->bytes);
    }
  return TRUE;
}

gboolean
gesso_plan_place (GessoPlan *plan, GError **error)
{
  static const SlotOrder orders[] = { by_size, by_area, by_duration, by_time };
  g_autofree int *slot_of = g_new (int, plan->tensors->len + 1);
  g_autoptr (GArray) slots = NULL;
  gboolean fits = FALSE;

  plan->placements = g_new0 (GessoPlacement, plan->tensors->len + 1);
  place_bound (plan);
  slots = make_slots (plan, slot_of);
  for (gsize i = 0; i < G_N_ELEMENTS (orders); i++)
    {
      gsize bytes;

      if (!pack (slots, orders[i], &bytes) || (fits && bytes >= plan->arena_bytes))
        continue;
      fits = TRUE;
      plan->arena_bytes = bytes;
      for (guint j = 0; j < plan->tensors->len; j++)
        if (slot_of[j] >= 0)
          plan->placements[j].offset = g_array_index (slots, Slot, slot_of[j]).offset;
    }
  if (!fits)
    {
      g_set_error (error, GESSO_ERROR, GESSO_ERROR_OUT_OF_MEMORY,
                   _ ("Network \"%s\" would need more memory than this machine can address; ask for a smaller picture "
                      "or fewer at a time."),
                   plan->name);
      return FALSE;
    }
  for (guint i = 0; i < plan->tensors->len; i++)
    {
      const GessoTensor *tensor = g_ptr_array_index (plan->tensors, i);

      if (tensor->view_of)
        plan->placements[i] = plan->placements[gesso_tensor_base (tensor)->id];
    }
  return TRUE;
}
