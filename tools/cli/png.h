/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A picture as a PNG file.
 */

#pragma once

#include "gesso.h"

/**
 * cli_png_encode:
 * @picture: a picture
 *
 * The file carries what other tools read: a text chunk "parameters", in Latin-1 (tEXt) where that suffices, else in
 * UTF-8 (iTXt).
 *
 * Returns: (transfer full): the file's contents, or %NULL
 */
GBytes *cli_png_encode (const GessoPicture *picture, GError **error);
