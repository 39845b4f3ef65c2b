/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "../graph/graph.h"

/* CLIP text encoder. Input "tokens" I32 [n, length]; output "text" F32 [n, length, hidden_size], after the final
 * layer norm. Weight names as transformers writes them, with "text_model.". */
GessoGraph *gesso_clip_text_graph (const GessoTextConfig *config, int n, int length);
