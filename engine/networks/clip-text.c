/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * After transformers' CLIPTextTransformer: pre-norm transformer with a causal mask; padding is not masked.
 */

#include "clip-text.h"

#include <math.h>

#include "blocks.h"

static GessoTensor *
encoder_layer (GessoGraph *graph, GessoTensor *x, const char *path, const GessoTextConfig *config)
{
  g_autofree char *norm1 = gesso_block_path (path, "layer_norm1", -1);
  g_autofree char *norm2 = gesso_block_path (path, "layer_norm2", -1);
  g_autofree char *attention = gesso_block_path (path, "self_attn", -1);
  g_autofree char *q_proj = gesso_block_path (attention, "q_proj", -1);
  g_autofree char *k_proj = gesso_block_path (attention, "k_proj", -1);
  g_autofree char *v_proj = gesso_block_path (attention, "v_proj", -1);
  g_autofree char *out_proj = gesso_block_path (attention, "out_proj", -1);
  g_autofree char *fc1 = gesso_block_path (path, "mlp.fc1", -1);
  g_autofree char *fc2 = gesso_block_path (path, "mlp.fc2", -1);
  int width = config->hidden_size;
  int heads = config->num_attention_heads;
  float scale = (float) (1.0 / sqrt ((double) width / heads));
  GessoTensor *hidden, *q, *k, *v;

  hidden = gesso_block_layer_norm (graph, x, norm1, config->layer_norm_eps);
  q = gesso_block_linear (graph, hidden, q_proj, width, TRUE);
  k = gesso_block_linear (graph, hidden, k_proj, width, TRUE);
  v = gesso_block_linear (graph, hidden, v_proj, width, TRUE);
  hidden = gesso_graph_attention (graph, q, k, v, heads, scale, TRUE);
  x = gesso_graph_add (graph, gesso_block_linear (graph, hidden, out_proj, width, TRUE), x);

  hidden = gesso_block_layer_norm (graph, x, norm2, config->layer_norm_eps);
  hidden = gesso_block_linear (graph, hidden, fc1, config->intermediate_size, TRUE);
  hidden = gesso_graph_activation (graph, hidden, config->hidden_act);
  return gesso_graph_add (graph, gesso_block_linear (graph, hidden, fc2, width, TRUE), x);
}

GessoGraph *
gesso_clip_text_graph (const GessoTextConfig *config, int n, int length)
{
  GessoGraph *graph = gesso_graph_new ("text_encoder");
  GessoTensor *tokens = gesso_graph_input (graph, "tokens", GESSO_DTYPE_I32, GESSO_SHAPE2 (n, length));
  GessoTensor *table, *positions, *x;

  table = gesso_block_weight (graph, "text_model.embeddings.token_embedding", "weight",
                              GESSO_SHAPE2 (config->vocab_size, config->hidden_size));
  positions = gesso_block_weight (graph, "text_model.embeddings.position_embedding", "weight",
                                  GESSO_SHAPE2 (config->max_position_embeddings, config->hidden_size));
  x = gesso_graph_embedding (graph, tokens, table, positions);

  for (int i = 0; i < config->num_hidden_layers; i++)
    {
      g_autofree char *path = gesso_block_path ("text_model.encoder", "layers", i);

      x = encoder_layer (graph, x, path, config);
    }
  x = gesso_block_layer_norm (graph, x, "text_model.final_layer_norm", config->layer_norm_eps);
  gesso_graph_output (graph, gesso_graph_cast (graph, x, GESSO_DTYPE_F32), "text");
  return graph;
}
