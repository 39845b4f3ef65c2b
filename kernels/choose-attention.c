/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * How many queries a block of attention takes, and a warp: as measured on this card, else by rule of thumb, as long as
 * nothing is decided. Pictures are the same either way, so that this needs no decision to be kept to.
 */

#include "choose.h"

#include "tuning-key.h"

typedef struct
{
  GessoLauncher *launcher;
  GessoAttention attention;
} AttentionTrial;

/* The entry of `attention` that can be gone. */
static GessoTuningEntry *
find_usable (GessoTuning *tuning, const GessoLauncher *launcher, const GessoAttention *attention)
{
  const GessoTuningKey key = gesso_tuning_attention_key (launcher->type, attention);
  GessoTuningEntry *entry = gesso_tuning_find (tuning, &key);
  GessoAttentionWay ways[GESSO_MAX_ATTENTION_WAYS];
  const int n = gesso_attention_ways (launcher, attention, ways);

  for (int i = 0; i < n && entry && !entry->is_checked; i++)
    entry->is_checked = gesso_attention_way_equal (&ways[i], &entry->way.attention);
  if (!entry || entry->is_checked)
    return entry;
  gesso_tuning_forget (tuning, &key);
  return NULL;
}

void
gesso_cuda_choose_attention (GessoProgram *program, const GessoAttention *attention)
{
  GessoTuning *tuning = program->backend->tuning;
  GessoAttentionWay ways[GESSO_MAX_ATTENTION_WAYS];

  if (gesso_tuning_is_on (tuning) && gesso_attention_ways (program->launcher, attention, ways)
      && !find_usable (tuning, program->launcher, attention))
    g_array_append_val (program->open_attention, *attention);
}

GessoAttentionWay
gesso_cuda_chosen_attention (const GessoProgram *program, const GessoAttention *attention)
{
  const GessoTuningKey key = gesso_tuning_attention_key (program->launcher->type, attention);
  const GessoTuningEntry *entry = gesso_tuning_find (program->backend->tuning, &key);

  return entry ? entry->way.attention : (GessoAttentionWay) { 0 };
}

static gboolean
queue_attention (gpointer data, GError **error)
{
  const AttentionTrial *trial = data;

  return gesso_launch_attention (trial->launcher, &trial->attention, error);
}

/* Has all of `attention` lie at `address`, one behind the other; returns the bytes that they take. */
static gsize
place_attention (GessoDType type, GessoAttention *attention, CUdeviceptr address)
{
  const GessoAttentionShape *shape = &attention->shape;
  const gsize size = gesso_dtype_size (type), pictures = (gsize) attention->pictures;
  const gsize keys = pictures / (gsize) shape->sharing * (gsize) shape->keys * (gsize) shape->kv_pitch * size;
  const gsize rows = pictures * (gsize) shape->queries;
  GessoPlaces places = { .address = address };

  attention->q = gesso_bench_place (&places, rows * (gsize) shape->q_pitch * size);
  attention->k = gesso_bench_place (&places, keys);
  attention->v = gesso_bench_place (&places, keys);
  attention->result = gesso_bench_place (&places, rows * (gsize) shape->heads * (gsize) shape->width * size);
  return places.end;
}

gboolean
gesso_cuda_settle_attention (GessoBench *bench, GessoProgram *program, const GessoAttention *attention, GError **error)
{
  GessoLauncher *launcher = program->launcher;
  GessoTuning *tuning = program->backend->tuning;
  const GessoTuningKey key = gesso_tuning_attention_key (launcher->type, attention);
  GessoAttention placed = *attention;
  GessoAttentionWay ways[GESSO_MAX_ATTENTION_WAYS];
  const int n = gesso_attention_ways (launcher, attention, ways);
  AttentionTrial attentions[GESSO_MAX_ATTENTION_WAYS];
  GessoTrial trials[GESSO_MAX_ATTENTION_WAYS];
  CUdeviceptr address;
  gboolean ok;
  int quickest;

  /* Those of one shape are many. */
  if (gesso_tuning_find (tuning, &key))
    return TRUE;
  if (!gesso_bench_borrow (bench, place_attention (launcher->type, &placed, GESSO_SOMEWHERE), &address, error))
    return FALSE;
  if (!address)
    return TRUE;
  place_attention (launcher->type, &placed, address);
  for (int i = 0; i < n; i++)
    {
      attentions[i] = (AttentionTrial) { launcher, placed };
      attentions[i].attention.way = ways[i];
      trials[i] = (GessoTrial) { .queue = queue_attention, .data = &attentions[i] };
    }
  ok = gesso_bench_race (bench, trials, n, &quickest, error);
  if (ok)
    gesso_tuning_decide (tuning, &key, &(GessoTuningWay) { .attention = ways[quickest] }, TRUE);
  gesso_cuda_device_free (bench->device, address);
  return ok;
}
