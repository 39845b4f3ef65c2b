/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Which colour a decoder makes of a latent, roughly: an affine map, fitted and kept in the user's cache.
 */

#pragma once

#include "gesso.h"

#define GESSO_MAX_COLOUR_CHANNELS 64

typedef struct
{
  int channels;
  double offset[3];
  double factor[3][GESSO_MAX_COLOUR_CHANNELS];
} GessoColours;

/* The map as GESSO_OP_PIXELS takes it: `table` [3, channels + 1]. NULL: light and dark by the mean of the channels,
 * which at least shows that something takes shape. */
void gesso_colours_table (const GessoColours *colours, int channels, float *table);

/* What was seen so far: latents and the colours that the decoder made of them. */
typedef struct _GessoColourSamples GessoColourSamples;
GessoColourSamples *gesso_colour_samples_new (int channels);
void gesso_colour_samples_free (GessoColourSamples *samples);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GessoColourSamples, gesso_colour_samples_free)
/* `latent`: its channels are `stride` values apart; `colour`: three values of 0..1. */
void gesso_colour_samples_add (GessoColourSamples *samples, const float *latent, gsize stride, const double *colour);

/* The map of least squares, slightly drawn towards grey where the samples do not decide; NULL where they make none. */
GessoColours *gesso_colour_samples_fit (const GessoColourSamples *samples);

/* The map that was kept for the VAE of this fingerprint; NULL where there is none, or none that can be true. */
GessoColours *gesso_colours_load (const char *fingerprint, int channels);
/* Keeps it, where the cache can be written. */
void gesso_colours_save (const GessoColours *colours, const char *fingerprint);
