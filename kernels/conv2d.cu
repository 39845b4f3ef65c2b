// SPDX-FileCopyrightText: The Gesso authors
// SPDX-License-Identifier: Apache-2.0
//
// Convolutions with the products that every card has.

#include "conv2d.cuh"

typedef Tile<128, 128, 2, 4> Tile128x128;
typedef Tile<128, 64, 4, 2> Tile128x64;
typedef Tile<64, 64, 2, 2> Tile64x64;

CONV2D (conv2d_128x128, Tile128x128, 256, 2);
CONV2D (conv2d_128x64, Tile128x64, 256, 2);
CONV2D (conv2d_64x64, Tile64x64, 128, 3);
