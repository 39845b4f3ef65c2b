/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * In place of the kernels' images, for the look-alike: one that looks like a fat binary for each type.
 */

#include "launcher.h"

static const guint32 image[] = { 0xba55ed50u };

const GessoKernelImage gesso_kernel_images[]
    = { { "all_f16", 0, image }, { "all_bf16", 0, image }, { "hopper_f16", 90, image }, { "hopper_bf16", 90, image } };
const guint gesso_n_kernel_images = G_N_ELEMENTS (gesso_kernel_images);
