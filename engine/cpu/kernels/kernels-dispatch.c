/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Which instruction sets this processor (and the system: the wide registers have to be saved) has.
 */

#include "kernels.h"

static const GessoCpuKernels plain = {
#if defined(__x86_64__)
  "sse2",
  "SSE2",
#else
  "plain",
  "plain C",
#endif
  &gesso_norm_kernels_plain,
  &gesso_pointwise_kernels_plain,
  &gesso_attention_kernels_plain,
  NULL,
  &gesso_winograd_kernels_plain,
  NULL,
};

#if defined(__x86_64__)
static const GessoCpuKernels avx2 = {
  "avx2",
  "AVX2",
  &gesso_norm_kernels_avx2,
  &gesso_pointwise_kernels_avx2,
  &gesso_attention_kernels_avx2,
  NULL,
  &gesso_winograd_kernels_avx2,
  NULL,
};

static const GessoCpuKernels avx512 = {
  "avx512",
  "AVX-512",
  &gesso_norm_kernels_avx512,
  &gesso_pointwise_kernels_avx512,
  &gesso_attention_kernels_avx512,
  NULL,
  &gesso_winograd_kernels_avx512,
  NULL,
};

static const GessoCpuKernels avx512_bf16 = {
  "avx512-bf16",
  "AVX-512 BF16",
  &gesso_norm_kernels_avx512,
  &gesso_pointwise_kernels_avx512,
  &gesso_attention_kernels_avx512,
  &gesso_attention_kernels_avx512_bf16,
  &gesso_winograd_kernels_avx512,
  &gesso_winograd_kernels_avx512_bf16,
};

static gboolean
has_avx2 (void)
{
  return __builtin_cpu_supports ("avx2") && __builtin_cpu_supports ("fma") && __builtin_cpu_supports ("f16c");
}

static gboolean
has_avx512 (void)
{
  return has_avx2 () && __builtin_cpu_supports ("avx512f") && __builtin_cpu_supports ("avx512bw")
         && __builtin_cpu_supports ("avx512dq") && __builtin_cpu_supports ("avx512vl");
}

static gboolean
has_avx512_bf16 (void)
{
  return has_avx512 () && __builtin_cpu_supports ("avx512bf16");
}

/* Intel's cores since Sapphire Rapids, which have tile units for bf16, start a vdpbf16ps only every other cycle: half
 * of what two f32 multiply-adds a cycle do. There bf16 is widened; AMD's and Cooper Lake's do one or two a cycle. */
static gboolean
has_quick_bf16_dot (void)
{
  return has_avx512_bf16 () && (!__builtin_cpu_is ("intel") || __builtin_cpu_is ("cooperlake"));
}

const GessoCpuKernels *
gesso_cpu_kernels_get (const char *isa_limit)
{
  __builtin_cpu_init ();
  if (!isa_limit)
    return has_quick_bf16_dot () ? &avx512_bf16 : has_avx512 () ? &avx512 : has_avx2 () ? &avx2 : &plain;
  if (g_str_equal (isa_limit, "avx512-bf16") && has_avx512_bf16 ())
    return &avx512_bf16;
  if (g_str_has_prefix (isa_limit, "avx512") && has_avx512 ())
    return &avx512;
  if (g_str_has_prefix (isa_limit, "avx") && has_avx2 ())
    return &avx2;
  return &plain;
}

gboolean
gesso_cpu_has_bf16 (void)
{
  __builtin_cpu_init ();
  return has_avx512_bf16 ();
}

gboolean
gesso_cpu_has_quick_bf16 (void)
{
  __builtin_cpu_init ();
  return has_quick_bf16_dot ();
}
#else
const GessoCpuKernels *
gesso_cpu_kernels_get (const char *isa_limit)
{
  return &plain;
}

gboolean
gesso_cpu_has_bf16 (void)
{
  return FALSE;
}

gboolean
gesso_cpu_has_quick_bf16 (void)
{
  return FALSE;
}
#endif

const char *
gesso_cpu_kernels_name (const GessoCpuKernels *kernels)
{
  return kernels->name;
}
