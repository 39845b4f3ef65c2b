/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Attention: keys and values of one picture are packed once, head by head, then blocks of queries run over them. What
 * is computed for a query depends on nothing but the query, so bands and threads change no bit of the result.
 */

#include "kernels.h"

#include <math.h>
#include <stdatomic.h>

/* Queries that go over the keys together, so that a block of keys is fetched once for all of them: with wide heads keys
 * and values do not fit the second level cache, and 64 queries do not hide what fetching them takes. */
#define TASK_QUERIES 256
#define MAX_PANELS (TASK_QUERIES / 8 + 1)

typedef struct
{
  const GessoCpuContext *context;
  const GessoCpuAttention *attention;
  const GessoAttentionKernels *kernels;
  gint64 d, units, element;
  const char *q, *k, *v; /* of the picture at hand (k, v), of all pictures (q) */
  char *y;
  gint64 first_image, n_images;   /* that share the keys */
  gint64 begin, end;              /* query rows of each */
  gint64 task_queries;            /* queries of a task */
  gint64 tasks_per_head, n_tasks; /* in all images and heads */
  gint64 n_blocks;                /* of keys */
  gsize head_keys, head_values;   /* floats of a packed head */
  float *packed_keys, *packed_values, *slots;
  gsize slot_floats;
  _Atomic gint64 next_task;
  atomic_bool cancelled;
} Job;

static gsize
round_up (gsize value, gsize multiple)
{
  return (value + multiple - 1) / multiple * multiple;
}

static const GessoAttentionKernels *
choose_kernels (const GessoCpuContext *context, GessoDType dtype)
{
  const GessoCpuKernels *table = context->kernels;
  return dtype == GESSO_DTYPE_BF16 && table->attention_bf16 ? table->attention_bf16 : table->attention;
}

/* Sizes that scratch and run have to agree on. */
static void
lay_out (Job *job, const GessoCpuContext *context, const GessoCpuAttention *attention)
{
  const GessoAttentionKernels *kernels = choose_kernels (context, attention->dtype);

  job->context = context;
  job->attention = attention;
  job->kernels = kernels;
  job->d = attention->c / attention->heads;
  job->units = (job->d + kernels->unit - 1) / kernels->unit;
  job->element = gesso_dtype_size (attention->dtype);
  job->n_blocks = (attention->lk + kernels->key_block - 1) / kernels->key_block;
  job->head_keys = round_up (attention->lk * job->units, 16);
  job->head_values = round_up ((attention->lk + kernels->unit - 1) / kernels->unit * job->d, 16);
  /* A slot: the scores, then q, o, maximum and sum of as many lanes as a task can have. */
  gsize lanes = round_up (MIN (TASK_QUERIES, attention->lq), kernels->vector);
  job->slot_floats = round_up ((gsize) kernels->key_block * kernels->lanes + lanes * (job->units + job->d + 2), 16);
}

gsize
gesso_cpu_attention_scratch (const GessoCpuContext *context, const GessoCpuAttention *attention)
{
  Job job;

  lay_out (&job, context, attention);
  return sizeof (float)
         * (attention->heads * (job.head_keys + job.head_values) + MAX (1, context->n_threads) * job.slot_floats);
}

static void
pack_pieces (gint64 begin, gint64 end, gpointer data)
{
  const Job *job = data;
  const GessoAttentionKernels *kernels = job->kernels;
  const GessoCpuAttention *attention = job->attention;

  for (gint64 piece = begin; piece < end; piece++)
    {
      gint64 head = piece / job->n_blocks, first = piece % job->n_blocks * kernels->key_block;
      gint64 n_keys = MIN (kernels->key_block, attention->lk - first);
      gsize offset = (first * attention->c + head * job->d) * job->element;

      kernels->pack_keys (attention->dtype, job->k + offset, attention->c, n_keys, job->d,
                          job->packed_keys + head * job->head_keys + first * job->units);
      kernels->pack_values (attention->dtype, job->v + offset, attention->c, n_keys, job->d,
                            job->packed_values + head * job->head_values + first / kernels->unit * job->d);
    }
}

/* Cuts the task's queries into panels. */
static int
make_panels (const Job *job, float *place, gint64 first_query, gint64 n_queries, GessoAttentionPanel *panels)
{
  const GessoAttentionKernels *kernels = job->kernels;
  int n = 0;

  for (gint64 done = 0; done < n_queries; n++)
    {
      GessoAttentionPanel *panel = &panels[n];
      gint64 width = MIN (kernels->lanes, n_queries - done);
      panel->d = job->d;
      panel->first_query = first_query + done;
      panel->n_queries = width;
      panel->vectors = (width + kernels->vector - 1) / kernels->vector;
      panel->scale = fabsf (job->attention->scale) * 1.44269504f;
      panel->negate = job->attention->scale < 0;
      panel->causal = job->attention->causal;
      gint64 lanes = (gint64) panel->vectors * kernels->vector;
      panel->q = place;
      panel->o = panel->q + job->units * lanes;
      panel->maximum = panel->o + job->d * lanes;
      panel->sum = panel->maximum + lanes;
      place = panel->sum + lanes;
      done += width;
    }
  return n;
}

static void
run_task (Job *job, gint64 task, float *slot)
{
  const GessoAttentionKernels *kernels = job->kernels;
  const GessoCpuAttention *attention = job->attention;
  GessoAttentionPanel panels[MAX_PANELS];
  gint64 head = task / job->tasks_per_head % attention->heads;
  gint64 image = job->first_image + task / job->tasks_per_head / attention->heads;
  gint64 first = job->begin + task % job->tasks_per_head * job->task_queries;
  gint64 n_queries = MIN (job->task_queries, job->end - first);
  int n_panels = make_panels (job, slot + kernels->key_block * kernels->lanes, first, n_queries, panels);
  const float *keys = job->packed_keys + head * job->head_keys;
  const float *values = job->packed_values + head * job->head_values;
  gint64 lk = attention->causal ? MIN (attention->lk, first + n_queries) : attention->lk;
#define AT(query) (((image * attention->lq + (query)) * attention->c + head * job->d) * job->element)

  for (int i = 0; i < n_panels; i++)
    kernels->begin (&panels[i], attention->dtype, job->q + AT (panels[i].first_query), attention->c);
  for (gint64 key = 0; key < lk; key += kernels->key_block)
    {
      if (g_cancellable_is_cancelled (job->context->cancellable))
        {
          atomic_store (&job->cancelled, TRUE);
          return;
        }
      for (int i = 0; i < n_panels; i++)
        {
          gint64 n_keys = MIN (kernels->key_block, attention->lk - key);
          if (!attention->causal || key < panels[i].first_query + panels[i].n_queries)
            kernels->block (&panels[i], keys + key * job->units, values + key / kernels->unit * job->d, key, n_keys,
                            slot);
        }
    }
  for (int i = 0; i < n_panels; i++)
    kernels->end (&panels[i], attention->dtype, job->y + AT (panels[i].first_query), attention->c);
#undef AT
}

/* One item a slot of scratch, so that a slot is never used by two threads; who holds one takes tasks until none are
 * left. */
static void
run_slots (gint64 begin, gint64 end, gpointer data)
{
  Job *job = data;

  for (gint64 slot = begin; slot < end; slot++)
    for (;;)
      {
        gint64 task = atomic_fetch_add (&job->next_task, 1);
        if (task >= job->n_tasks || atomic_load (&job->cancelled))
          break;
        run_task (job, task, job->slots + slot * job->slot_floats);
      }
}

/* A whole task where there are plenty, less where threads would go without. */
static gint64
choose_task_queries (const Job *job, int n_threads)
{
  gint64 queries = TASK_QUERIES;
  gint64 heads = job->n_images * job->attention->heads;

  while (queries > job->kernels->lanes && heads * ((job->end - job->begin + queries - 1) / queries) < 4 * n_threads)
    queries /= 2;
  return MAX (queries, job->kernels->vector);
}

gboolean
gesso_cpu_attention (const GessoCpuContext *context, const GessoCpuAttention *attention, gint64 image, gint64 begin,
                     gint64 end, const void *q, const void *k, const void *v, void *y, void *scratch)
{
  Job job;
  int n_threads = MAX (1, context->n_threads);
  gint64 shared = attention->n / attention->m;

  lay_out (&job, context, attention);
  job.q = q;
  job.y = y;
  job.packed_keys = scratch;
  job.packed_values = job.packed_keys + attention->heads * job.head_keys;
  job.slots = job.packed_values + attention->heads * job.head_values;
  job.begin = image < 0 ? 0 : begin;
  job.end = image < 0 ? attention->lq : end;
  job.n_images = image < 0 ? shared : 1;
  atomic_init (&job.cancelled, FALSE);

  /* Keys by keys: the scratch holds those of one picture. */
  gint64 first = image < 0 ? 0 : image / shared, last = image < 0 ? attention->m - 1 : first;
  for (gint64 source = first; source <= last; source++)
    {
      gsize offset = source * attention->lk * attention->c * job.element;
      job.k = (const char *) k + offset;
      job.v = (const char *) v + offset;
      job.first_image = image < 0 ? source * shared : image;
      job.task_queries = choose_task_queries (&job, n_threads);
      job.tasks_per_head = (job.end - job.begin + job.task_queries - 1) / job.task_queries;
      job.n_tasks = job.n_images * attention->heads * job.tasks_per_head;
      atomic_init (&job.next_task, 0);

      gint64 grain = gesso_cpu_grain (job.kernels->key_block * job.d * 8);
      if (!gesso_parallel_for (n_threads, attention->heads * job.n_blocks, grain, pack_pieces, &job,
                               context->cancellable))
        return FALSE;
      if (!gesso_parallel_for (n_threads, n_threads, 1, run_slots, &job, context->cancellable)
          || atomic_load (&job.cancelled))
        return FALSE;
    }
  return TRUE;
}
