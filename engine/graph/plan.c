/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * From a graph to a plan: a copy without what nobody uses, with every type decided, handed through the stages.
 */

#include "graph-private.h"
#include "plan-private.h"

#include <string.h>

#include <glib/gi18n-lib.h>

static GessoDType
compute_dtype (GessoPrecision precision)
{
  switch (precision)
    {
    case GESSO_PRECISION_F32:
      return GESSO_DTYPE_F32;
    case GESSO_PRECISION_BF16:
      return GESSO_DTYPE_BF16;
    case GESSO_PRECISION_F16:
      return GESSO_DTYPE_F16;
    case GESSO_PRECISION_AUTO:
      break;
    }
  return GESSO_DTYPE_COMPUTE;
}

/* Marks (by tensor id) everything that an output depends on. */
static gboolean *
find_needed (const GessoGraph *graph)
{
  gboolean *needed = g_new0 (gboolean, graph->tensors->len + 1);

  for (guint i = 0; i < graph->outputs->len; i++)
    {
      const GessoTensor *output = g_ptr_array_index (graph->outputs, i);

      needed[output->id] = TRUE;
    }
  for (guint i = graph->ops->len; i-- > 0;)
    {
      GessoOp *op = g_ptr_array_index (graph->ops, i);
      GessoTensor **operands[GESSO_MAX_OPERANDS];
      int n = gesso_op_operands (op, operands);

      if (needed[op->output->id])
        for (int j = 0; j < n; j++)
          needed[gesso_tensor_base (*operands[j])->id] = TRUE;
    }
  return needed;
}

/* Tensors keep their ids, so that one can be looked up by the graph's. */
static void
copy_graph (GessoPlan *plan, const GessoGraph *graph, GessoDType compute)
{
  g_autofree gboolean *needed = find_needed (graph);

  for (guint i = 0; i < graph->tensors->len; i++)
    {
      const GessoTensor *from = g_ptr_array_index (graph->tensors, i);
      GessoTensor *to = gesso_tensor_new (plan->tensors, from->kind,
                                          from->dtype == GESSO_DTYPE_COMPUTE ? compute : from->dtype, from->shape);

      to->name = g_strdup (from->name);
      to->is_output = from->is_output;
    }
  for (guint i = 0; i < graph->tensors->len; i++)
    {
      const GessoTensor *from = g_ptr_array_index (graph->tensors, i);
      GessoTensor *to = g_ptr_array_index (plan->tensors, i);

      if (from->view_of)
        to->view_of = g_ptr_array_index (plan->tensors, from->view_of->id);
    }
  for (guint i = 0; i < graph->ops->len; i++)
    {
      const GessoOp *from = g_ptr_array_index (graph->ops, i);
      GessoTensor **operands[GESSO_MAX_OPERANDS];
      GessoOp *to;
      int n;

      if (!needed[from->output->id])
        continue;
      to = g_memdup2 (from, sizeof *from);
      n = gesso_op_operands (to, operands);
      for (int j = 0; j < n; j++)
        *operands[j] = g_ptr_array_index (plan->tensors, (*operands[j])->id);
      to->output = g_ptr_array_index (plan->tensors, from->output->id);
      to->output->producer = to;
      to->id = (int) plan->ops->len;
      g_ptr_array_add (plan->ops, to);
    }
  for (guint i = 0; i < graph->inputs->len; i++)
    {
      const GessoTensor *from = g_ptr_array_index (graph->inputs, i);

      g_ptr_array_add (plan->inputs, g_ptr_array_index (plan->tensors, from->id));
    }
  for (guint i = 0; i < graph->outputs->len; i++)
    {
      const GessoTensor *from = g_ptr_array_index (graph->outputs, i);

      g_ptr_array_add (plan->outputs, g_ptr_array_index (plan->tensors, from->id));
    }
}

/* Lets the tensor that is copied into `output` be the output itself. */
static gboolean
take_output_role (GessoPlan *plan, GessoTensor *tensor, GessoTensor *output)
{
  guint index;

  if (tensor->kind != GESSO_TENSOR_VALUE || tensor->view_of || tensor->is_output
      || !g_ptr_array_find (plan->outputs, output, &index))
    return FALSE;
  g_ptr_array_index (plan->outputs, index) = tensor;
  tensor->is_output = TRUE;
  g_free (tensor->name);
  tensor->name = g_steal_pointer (&output->name);
  output->is_output = FALSE;
  return TRUE;
}

/* A CAST to the type that its input has anyway disappears: its output is another view of the input. */
static void
drop_casts (GessoPlan *plan)
{
  for (guint i = 0; i < plan->ops->len;)
    {
      GessoOp *op = g_ptr_array_index (plan->ops, i);
      GessoTensor *x = op->inputs[0];

      if (op->kind == GESSO_OP_CAST && x->dtype == op->output->dtype
          && (op->output->is_output ? take_output_role (plan, x, op->output) : x->kind != GESSO_TENSOR_WEIGHT))
        {
          op->output->view_of = gesso_tensor_base (x);
          op->output->producer = NULL;
          g_ptr_array_remove_index (plan->ops, i);
        }
      else
        i++;
    }
  for (guint i = 0; i < plan->ops->len; i++)
    ((GessoOp *) g_ptr_array_index (plan->ops, i))->id = (int) i;
}

/* Whether `operand` of `op` is added or multiplied to each row: what backends keep in F32. */
static gboolean
is_vector_operand (const GessoOp *op, GessoTensor *const *operand)
{
  switch (op->kind)
    {
    case GESSO_OP_GROUP_NORM:
    case GESSO_OP_LAYER_NORM:
      return operand == &op->weight || operand == &op->bias;
    case GESSO_OP_ADD:
      return operand == &op->inputs[1] && !gesso_shape_equal (&op->inputs[1]->shape, &op->output->shape);
    case GESSO_OP_EMBEDDING:
      return FALSE;
    default:
      return operand == &op->bias || operand == &op->input_norm.gamma || operand == &op->input_norm.beta;
    }
}

/* Biases, gammas and betas are read as F32. A weight that is also used otherwise is there twice. */
static void
decide_weight_types (GessoPlan *plan)
{
  const guint n_tensors = plan->tensors->len;
  g_autofree gboolean *otherwise = g_new0 (gboolean, n_tensors + 1);
  g_autofree GessoTensor **twin = g_new0 (GessoTensor *, n_tensors + 1);

  for (int pass = 0; pass < 2; pass++)
    for (guint i = 0; i < plan->ops->len; i++)
      {
        GessoOp *op = g_ptr_array_index (plan->ops, i);
        GessoTensor **operands[GESSO_MAX_OPERANDS];
        int n = gesso_op_operands (op, operands);

        for (int j = 0; j < n; j++)
          {
            GessoTensor *weight = *operands[j];

            if (weight->kind != GESSO_TENSOR_WEIGHT || weight->id >= (int) n_tensors)
              continue;
            if (!is_vector_operand (op, operands[j]))
              otherwise[weight->id] = TRUE;
            else if (pass && !otherwise[weight->id])
              weight->dtype = GESSO_DTYPE_F32;
            else if (pass)
              {
                if (!twin[weight->id])
                  {
                    twin[weight->id]
                        = gesso_tensor_new (plan->tensors, GESSO_TENSOR_WEIGHT, GESSO_DTYPE_F32, weight->shape);
                    twin[weight->id]->name = g_strdup (weight->name);
                  }
                *operands[j] = twin[weight->id];
              }
          }
      }
}

/* Chains of views become one step long, and what is computed and counted is summed up. */
static void
tidy_up (GessoPlan *plan)
{
  g_autoptr (GHashTable) weights = g_hash_table_new (g_str_hash, g_str_equal);

  for (guint i = 0; i < plan->tensors->len; i++)
    {
      GessoTensor *tensor = g_ptr_array_index (plan->tensors, i);

      if (tensor->view_of)
        tensor->view_of = gesso_tensor_base (tensor);
    }
  for (guint i = 0; i < plan->ops->len; i++)
    {
      GessoOp *op = g_ptr_array_index (plan->ops, i);
      GessoTensor **operands[GESSO_MAX_OPERANDS];
      int n = gesso_op_operands (op, operands);

      plan->flops += gesso_op_flops (op);
      for (int j = 0; j < n; j++)
        if ((*operands[j])->kind == GESSO_TENSOR_WEIGHT && g_hash_table_add (weights, (*operands[j])->name))
          plan->parameters += gesso_shape_elements (&(*operands[j])->shape);
    }
}

GessoPlan *
gesso_plan_new (const GessoGraph *graph, const GessoPlanOptions *options, GError **error)
{
  g_autoptr (GessoPlan) plan = NULL;
  const GessoDType compute = compute_dtype (options->precision);

  if (graph->error)
    {
      g_propagate_error (error, g_error_copy (graph->error));
      return NULL;
    }
  if (compute == GESSO_DTYPE_COMPUTE)
    {
      g_set_error (error, GESSO_ERROR, GESSO_ERROR_MODEL_INVALID,
                   _ ("Network \"%s\" cannot be planned before its precision is chosen: f32, bf16 or f16."),
                   graph->name);
      return NULL;
    }

  plan = g_new0 (GessoPlan, 1);
  plan->name = g_strdup (graph->name);
  plan->options = *options;
  plan->tensors = g_ptr_array_new_with_free_func ((GDestroyNotify) gesso_tensor_free);
  plan->ops = g_ptr_array_new_with_free_func (g_free);
  plan->steps = g_array_new (FALSE, FALSE, sizeof (GessoPlanStep));
  plan->inputs = g_ptr_array_new ();
  plan->outputs = g_ptr_array_new ();

  copy_graph (plan, graph, compute);
  drop_casts (plan);
  decide_weight_types (plan);
  gesso_plan_fuse (plan);
  tidy_up (plan);
  gesso_plan_cut (plan);
  if (!gesso_plan_place (plan, error))
    return NULL;
  return g_steal_pointer (&plan);
}

void
gesso_plan_free (GessoPlan *plan)
{
  if (!plan)
    return;
  g_free (plan->placements);
  g_ptr_array_unref (plan->outputs);
  g_ptr_array_unref (plan->inputs);
  g_array_unref (plan->steps);
  g_ptr_array_unref (plan->ops);
  g_ptr_array_unref (plan->tensors);
  g_free (plan->name);
  g_free (plan);
}

static int
find_by_name (GPtrArray *tensors, const char *name)
{
  for (guint i = 0; i < tensors->len; i++)
    {
      const GessoTensor *tensor = g_ptr_array_index (tensors, i);

      if (strcmp (tensor->name, name) == 0)
        return (int) i;
    }
  return -1;
}

int
gesso_plan_find_input (const GessoPlan *plan, const char *name)
{
  return find_by_name (plan->inputs, name);
}

int
gesso_plan_find_output (const GessoPlan *plan, const char *name)
{
  return find_by_name (plan->outputs, name);
}

const GessoPlacement *
gesso_plan_placement (const GessoPlan *plan, const GessoTensor *tensor)
{
  return &plan->placements[gesso_tensor_base (tensor)->id];
}
