/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "graph/graph.h"

/* A graph of some dozen operations of all kinds on small tensors, shaped by `seed` alone: chains, branches and skips as
 * networks have them, and views between. Its outputs are the end and a few tensors on the way. */
GessoGraph *random_graph (guint32 seed);
