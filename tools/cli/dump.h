/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What went between the parts of a generation, as a safetensors file.
 */

#pragma once

#include "gesso.h"

/**
 * cli_dump_pack:
 * @trace: (element-type GessoTensorData): the tensors, see gesso_engine_generate_traced()
 *
 * The bytes are those that the safetensors library writes for these tensors.
 *
 * Returns: (transfer full) (element-type GBytes): the file's contents, piece by piece
 */
GPtrArray *cli_dump_pack (GPtrArray *trace);
