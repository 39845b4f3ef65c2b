/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Tensors, shapes, names, and the graph that holds them. The operations are in ops.c.
 */

#include "graph-private.h"

#include <stdarg.h>
#include <string.h>

#include <glib/gi18n-lib.h>

gsize
gesso_dtype_size (GessoDType dtype)
{
  switch (dtype)
    {
    case GESSO_DTYPE_F32:
    case GESSO_DTYPE_I32:
      return 4;
    case GESSO_DTYPE_F16:
    case GESSO_DTYPE_BF16:
      return 2;
    case GESSO_DTYPE_U8:
      return 1;
    case GESSO_DTYPE_COMPUTE:
      break;
    }
  return 0;
}

const char *
gesso_dtype_name (GessoDType dtype)
{
  static const char *const names[] = { "f32", "f16", "bf16", "i32", "u8", "compute" };

  return (guint) dtype < G_N_ELEMENTS (names) ? names[dtype] : "?";
}

gint64
gesso_shape_elements (const GessoShape *shape)
{
  gint64 elements = 1;

  for (int i = 0; i < shape->rank; i++)
    elements *= shape->dim[i];
  return elements;
}

gboolean
gesso_shape_equal (const GessoShape *a, const GessoShape *b)
{
  if (a->rank != b->rank)
    return FALSE;
  for (int i = 0; i < a->rank; i++)
    if (a->dim[i] != b->dim[i])
      return FALSE;
  return TRUE;
}

char *
gesso_shape_to_string (const GessoShape *shape)
{
  GString *text = g_string_new ("[");

  for (int i = 0; i < shape->rank && i < GESSO_MAX_DIMS; i++)
    g_string_append_printf (text, "%s%" G_GINT64_FORMAT, i ? ", " : "", shape->dim[i]);
  g_string_append_c (text, ']');
  return g_string_free (text, FALSE);
}

gint64
gesso_shape_channels (const GessoShape *shape)
{
  return shape->rank > 0 ? shape->dim[shape->rank - 1] : 1;
}

gint64
gesso_shape_rows (const GessoShape *shape)
{
  gint64 rows = 1;

  for (int i = 0; i + 1 < shape->rank; i++)
    rows *= shape->dim[i];
  return rows;
}

gboolean
gesso_shape_valid (const GessoShape *shape)
{
  /* No value is larger than 8 bytes. */
  const gint64 limit = MIN (G_MAXINT64, (gint64) (G_MAXSIZE / 2)) / 8;
  gint64 elements = 1;

  if (shape->rank < 1 || shape->rank > GESSO_MAX_DIMS)
    return FALSE;
  for (int i = 0; i < shape->rank; i++)
    {
      if (shape->dim[i] < 1 || shape->dim[i] > limit / elements)
        return FALSE;
      elements *= shape->dim[i];
    }
  return TRUE;
}

GessoTensor *
gesso_tensor_base (const GessoTensor *tensor)
{
  while (tensor->view_of)
    tensor = tensor->view_of;
  return (GessoTensor *) tensor;
}

GessoTensor *
gesso_tensor_new (GPtrArray *tensors, GessoTensorKind kind, GessoDType dtype, GessoShape shape)
{
  GessoTensor *tensor = g_new0 (GessoTensor, 1);

  for (int i = MAX (shape.rank, 0); i < GESSO_MAX_DIMS; i++)
    shape.dim[i] = 1;
  tensor->id = (int) tensors->len;
  tensor->kind = kind;
  tensor->dtype = dtype;
  tensor->shape = shape;
  g_ptr_array_add (tensors, tensor);
  return tensor;
}

void
gesso_tensor_free (GessoTensor *tensor)
{
  g_free (tensor->name);
  g_free (tensor);
}

int
gesso_op_operands (GessoOp *op, GessoTensor **operands[GESSO_MAX_OPERANDS])
{
  GessoTensor **rest[] = { &op->weight,           &op->bias,           &op->residual, &op->input_norm.statistics,
                           &op->input_norm.gamma, &op->input_norm.beta };
  int n = 0;

  for (int i = 0; i < op->n_inputs; i++)
    operands[n++] = &op->inputs[i];
  for (gsize i = 0; i < G_N_ELEMENTS (rest); i++)
    if (*rest[i])
      operands[n++] = rest[i];
  return n;
}

GessoGraph *
gesso_graph_new (const char *name)
{
  GessoGraph *graph = g_new0 (GessoGraph, 1);

  graph->name = g_strdup (name);
  graph->tensors = g_ptr_array_new_with_free_func ((GDestroyNotify) gesso_tensor_free);
  graph->ops = g_ptr_array_new_with_free_func (g_free);
  graph->inputs = g_ptr_array_new ();
  graph->outputs = g_ptr_array_new ();
  return graph;
}

void
gesso_graph_free (GessoGraph *graph)
{
  if (!graph)
    return;
  g_ptr_array_unref (graph->outputs);
  g_ptr_array_unref (graph->inputs);
  g_ptr_array_unref (graph->ops);
  g_ptr_array_unref (graph->tensors);
  g_clear_error (&graph->error);
  g_free (graph->name);
  g_free (graph);
}

gboolean
gesso_graph_finish (GessoGraph *graph, GError **error)
{
  if (!graph->error)
    return TRUE;
  g_propagate_error (error, g_error_copy (graph->error));
  return FALSE;
}

GessoTensor *
gesso_graph_fail (GessoGraph *graph, const char *operation, const char *reason, ...)
{
  if (!graph->error)
    {
      g_autoptr (GString) operands = g_string_new (NULL);
      GessoTensor *tensor;
      va_list args;

      va_start (args, reason);
      while ((tensor = va_arg (args, GessoTensor *)))
        {
          g_autofree char *shape = gesso_shape_to_string (&tensor->shape);

          g_string_append (operands, operands->len ? ", " : " ");
          if (tensor->name)
            g_string_append_printf (operands, "\"%s\" ", tensor->name);
          g_string_append_printf (operands, "%s %s", shape, gesso_dtype_name (tensor->dtype));
        }
      va_end (args);
      graph->error = g_error_new (GESSO_ERROR, GESSO_ERROR_MODEL_INVALID,
                                  /* network, operation, its operands, what is wrong */
                                  _ ("Network \"%s\", %s%s: %s. The sizes in the model's config.json do not describe "
                                     "a network that fits together."),
                                  graph->name, operation, operands->str, reason);
    }
  return gesso_tensor_new (graph->tensors, GESSO_TENSOR_VALUE, GESSO_DTYPE_COMPUTE, GESSO_SHAPE1 (1));
}

static GessoTensor *
find_named (GPtrArray *tensors, GessoTensorKind kind, const char *name)
{
  for (guint i = 0; i < tensors->len; i++)
    {
      GessoTensor *tensor = g_ptr_array_index (tensors, i);

      if (tensor->kind == kind && g_strcmp0 (tensor->name, name) == 0)
        return tensor;
    }
  return NULL;
}

/* A tensor with a name; a shape that cannot be is the graph's error. */
static GessoTensor *
new_named (GessoGraph *graph, GessoTensorKind kind, const char *name, GessoDType dtype, GessoShape shape)
{
  GessoTensor *tensor = gesso_tensor_new (graph->tensors, kind, dtype, shape);

  tensor->name = g_strdup (name);
  if (gesso_shape_valid (&shape))
    return tensor;
  return gesso_graph_fail (graph, kind == GESSO_TENSOR_INPUT ? "input" : "weight",
                           _ ("its shape is empty or too large"), tensor, NULL);
}

GessoTensor *
gesso_graph_input (GessoGraph *graph, const char *name, GessoDType dtype, GessoShape shape)
{
  GessoTensor *tensor;

  if (graph->error)
    return gesso_graph_fail (graph, "input", "", NULL);
  if ((tensor = find_named (graph->inputs, GESSO_TENSOR_INPUT, name)))
    return gesso_graph_fail (graph, "input", _ ("there are two of that name"), tensor, NULL);
  tensor = new_named (graph, GESSO_TENSOR_INPUT, name, dtype, shape);
  if (!graph->error)
    g_ptr_array_add (graph->inputs, tensor);
  return tensor;
}

GessoTensor *
gesso_graph_weight (GessoGraph *graph, const char *name, GessoShape shape)
{
  GessoTensor *tensor;

  if (graph->error)
    return gesso_graph_fail (graph, "weight", "", NULL);
  tensor = find_named (graph->tensors, GESSO_TENSOR_WEIGHT, name);
  if (!tensor)
    return new_named (graph, GESSO_TENSOR_WEIGHT, name, GESSO_DTYPE_COMPUTE, shape);
  if (!gesso_shape_equal (&tensor->shape, &shape))
    {
      g_autofree char *text = gesso_shape_to_string (&shape);
      g_autofree char *reason = g_strdup_printf (_ ("it is also asked for as %s"), text);

      return gesso_graph_fail (graph, "weight", reason, tensor, NULL);
    }
  return tensor;
}

void
gesso_graph_output (GessoGraph *graph, GessoTensor *tensor, const char *name)
{
  if (graph->error)
    return;
  if (!tensor)
    {
      gesso_graph_fail (graph, "output", _ ("there is no tensor"), NULL);
      return;
    }
  for (guint i = 0; i < graph->outputs->len; i++)
    {
      GessoTensor *other = g_ptr_array_index (graph->outputs, i);

      if (strcmp (other->name, name) == 0)
        {
          gesso_graph_fail (graph, "output", _ ("there are two of that name"), other, NULL);
          return;
        }
    }

  /* An output has memory of its own, and one name. */
  if (tensor->kind != GESSO_TENSOR_VALUE || tensor->view_of || tensor->is_output)
    tensor = gesso_graph_op (graph, GESSO_OP_CAST, 1, &tensor, tensor->dtype, tensor->shape)->output;
  tensor->is_output = TRUE;
  tensor->name = g_strdup (name);
  g_ptr_array_add (graph->outputs, tensor);
}
