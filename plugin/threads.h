/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * GIMP's preferences say how many threads it may compute with, and mean its plug-ins as well.
 */

#pragma once

/* For GessoOptions: 0 where nothing less is wanted than all processors. */
int gesso_threads_allowed (void);
