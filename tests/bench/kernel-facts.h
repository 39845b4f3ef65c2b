/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What the compiler made of each kernel on each architecture, as the build noted it.
 */

#pragma once

#include <glib.h>

typedef struct
{
  char *kernel;       /* "linear_128x128_f16" */
  char *architecture; /* "sm_86" */
  int registers;      /* a thread */
  int shared;         /* bytes that are always there; what a launch asks for comes on top */
  int spills;         /* bytes */
  /* Its hot loop, once through, a warp: 0 where there is no such loop or no disassembler. */
  int products; /* on the tensor cores, counted as m16n8k16 */
  int others;   /* all other instructions */
  int seldom;   /* of these, those that some branch jumps over */
  int matrices; /* ldmatrix */
  int operands; /* bytes of shared memory that it reads, by ldmatrix or by the products themselves */
  int specials; /* exp, reciprocals and their like, which come at a quarter of the rate */
} KernelFacts;

/* All that `folder` (kernels/ of a build) notes, by kernel and architecture; empty where none were compiled. */
GPtrArray *kernel_facts_read (const char *folder);
/* NULL where there is none. */
KernelFacts *kernel_facts_find (GPtrArray *facts, const char *kernel, const char *architecture);
