// SPDX-FileCopyrightText: The Gesso authors
// SPDX-License-Identifier: Apache-2.0
//
// Linear layers and convolutions with the products of warpgroups, for compute capability 9.0 alone.

// As wgmma wants it.
#define GESSO_DYNAMIC_ALIGNMENT 1024

#include "conv2d.cuh"
#include "linear.cuh"
#include "warpgroup.cuh"

typedef WarpgroupTile<128, 160> Tile128x160;
typedef WarpgroupTile<128, 128> Tile128x128;
typedef WarpgroupTile<256, 128> Tile256x128;

LINEAR (linear_wg128x160, Tile128x160, 256, 1, false);
LINEAR (linear_wg128x128, Tile128x128, 256, 1, false);
LINEAR (linear_wg256x128, Tile256x128, 256, 1, false);
LINEAR (geglu_wg128x160, Tile128x160, 256, 1, true);
LINEAR (geglu_wg128x128, Tile128x128, 256, 1, true);
LINEAR (geglu_wg256x128, Tile256x128, 256, 1, true);
CONV2D (conv2d_wg128x160, Tile128x160, 256, 1);
CONV2D (conv2d_wg128x128, Tile128x128, 256, 1);
CONV2D (conv2d_wg256x128, Tile256x128, 256, 1);
