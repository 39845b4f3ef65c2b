/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * trial-networks COMMAND MODEL-FOLDER: the networks of a model on a card, by themselves, for tools/gpu-trial. Inputs
 * are made up.
 *
 *   times        of a step with guidance (the U-Net alone) and of decoding one picture
 *   operations   each operation of both by itself, beside its share of the roofline's work
 */

#include <locale.h>

#include "../unit/cpu/backend/fixture.h"
#include "cuda-backend.h"
#include "cuda-under-test.h"
#include "model/model.h"
#include "networks/unet.h"
#include "networks/vae.h"
#include "trial-report.h"
#include "weight-source.h"

#define LENGTH 77
#define WAKE_MICROSECONDS 500000

static int size = 512, images = 1, rounds = 10, repeats = 5;

static const GOptionEntry entries[]
    = { { "size", 0, 0, G_OPTION_ARG_INT, &size, "pixels a side", "N" },
        { "images", 0, 0, G_OPTION_ARG_INT, &images, "pictures at a time", "N" },
        { "rounds", 0, 0, G_OPTION_ARG_INT, &rounds, "of which the median counts", "N" },
        { "repeats", 0, 0, G_OPTION_ARG_INT, &repeats, "in a row, in each round", "N" },
        G_OPTION_ENTRY_NULL };

/* A graph (taken over) with its weights on the card, about to run; NULL where that fails. */
static Fixture *
open_network (GessoBackend *backend, GessoGraph *graph, GessoWeights *weights, GError **error)
{
  g_autoptr (GessoGraph) owned = graph;
  const GessoWeightSource source = gesso_weight_source (weights);
  GessoPlanOptions options;
  Fixture *fixture;

  if (!gesso_graph_finish (graph, error))
    return NULL;
  backend->plan_options (backend, GESSO_PRECISION_F16, FALSE, &options);
  fixture = fixture_new (backend, graph, &options, backend->store_new (backend, &source));
  fixture->owns_store = TRUE;
  if (fixture_bind (fixture, error) && fixture_load (fixture, error))
    return fixture;
  fixture_free (fixture);
  return NULL;
}

static gboolean
run_and_wait (Fixture *fixture, int times, GError **error)
{
  for (int i = 0; i < times; i++)
    if (!fixture_run (fixture, NULL, error))
      return FALSE;
  return gesso_cuda_device_wait (((GessoCudaBackend *) fixture->backend)->device, error);
}

/* Runs often enough before that what is recorded is recorded, and long enough that the card is awake: one that idles
 * has a fifth of its clock. */
static gboolean
wake (Fixture *fixture, GError **error)
{
  const gint64 end = g_get_monotonic_time () + (rounds > 1 ? WAKE_MICROSECONDS : 0);

  do
    if (!run_and_wait (fixture, 3, error))
      return FALSE;
  while (g_get_monotonic_time () < end);
  return TRUE;
}

static gboolean
time_network (Fixture *fixture, JsonBuilder *builder, GError **error)
{
  g_autofree double *seconds = g_new (double, (gsize) rounds);

  if (!wake (fixture, error))
    return FALSE;
  for (int i = 0; i < rounds; i++)
    {
      const gint64 begin = g_get_monotonic_time ();

      if (!run_and_wait (fixture, repeats, error))
        return FALSE;
      seconds[i] = (double) (g_get_monotonic_time () - begin) / 1e6 / repeats;
    }
  trial_add_times (builder, "seconds", seconds, rounds);
  trial_add_double (builder, "flops", fixture->plan->flops);
  trial_add_int (builder, "weights_bytes", (gint64) fixture->memory.weights);
  trial_add_int (builder, "workspace_bytes", (gint64) fixture->memory.workspace);
  trial_add_int (builder, "warpgroups", fixture->program->launcher->has_warpgroups);
  return TRUE;
}

static CUdeviceptr *
addresses_of (const Fixture *fixture)
{
  const GessoPlan *plan = fixture->plan;
  CUdeviceptr *addresses = g_new (CUdeviceptr, gesso_cuda_n_addresses (fixture->program));

  addresses[0] = fixture->workspace->address;
  for (guint i = 0; i < plan->inputs->len; i++)
    addresses[1 + i] = fixture->inputs[i].buffer->address;
  for (guint i = 0; i < plan->outputs->len; i++)
    addresses[1 + plan->inputs->len + i] = fixture->outputs[i].buffer->address;
  return addresses;
}

/* Step `first` of the plan with what goes in its launch; `next` is then the step that follows. */
typedef struct
{
  Fixture *fixture;
  const CUdeviceptr *addresses;
  guint first, next;
  CUgraphExec recording;
} Operation;

static gboolean
queue_rounds (gpointer data, GError **error)
{
  Operation *self = data;

  for (int i = 0; i < rounds; i++)
    {
      self->next = self->first;
      if (!gesso_cuda_operation_queue (self->fixture->program, self->addresses, &self->next, error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
queue_recording (Operation *self, GessoCudaDevice *device, GError **error)
{
  if (!self->recording)
    return queue_rounds (self, error);
  return gesso_cuda_call (device->driver, error, cuGraphLaunch, (self->recording, device->stream));
}

/* Seconds of it, `rounds` times in a row between two events. They are recorded, and the same is done once before, so
 * that a small kernel is not over before the host has queued the next. */
static gboolean
time_operation (Operation *self, CUevent start, CUevent stop, double *seconds, GError **error)
{
  GessoCudaDevice *device = ((GessoCudaBackend *) self->fixture->backend)->device;
  const GessoCudaDriver *driver = device->driver;
  float milliseconds = 0.0f;
  gboolean done;

  self->next = self->first;
  if (!gesso_cuda_operation_queue (self->fixture->program, self->addresses, &self->next, error))
    return FALSE;
  device->is_busy = TRUE;
  self->recording = gesso_cuda_device_record (device, queue_rounds, self);
  done = queue_recording (self, device, error)
         && gesso_cuda_call (driver, error, cuEventRecord, (start, device->stream))
         && queue_recording (self, device, error)
         && gesso_cuda_call (driver, error, cuEventRecord, (stop, device->stream))
         && gesso_cuda_device_wait (device, error)
         && gesso_cuda_call (driver, error, cuEventElapsedTime, (&milliseconds, start, stop));
  if (self->recording && gesso_cuda_device_settle (device))
    driver->cuGraphExecDestroy (self->recording);
  self->recording = NULL;
  *seconds = (double) milliseconds / 1e3 / rounds;
  return done;
}

static double
bytes_of (const GessoTensor *tensor)
{
  return tensor ? (double) gesso_shape_elements (&tensor->shape) * (double) gesso_dtype_size (tensor->dtype) : 0.0;
}

static void
add_operation (JsonBuilder *builder, const GessoOp *op, double seconds)
{
  g_autofree char *in = gesso_shape_to_string (&op->inputs[0]->shape);
  g_autofree char *out = gesso_shape_to_string (&op->output->shape);
  double bytes = bytes_of (op->output) + bytes_of (op->weight) + bytes_of (op->bias) + bytes_of (op->residual);

  for (int i = 0; i < op->n_inputs; i++)
    bytes += bytes_of (op->inputs[i]);
  json_builder_begin_object (builder);
  trial_add_string (builder, "kind", gesso_op_kind_name (op->kind));
  trial_add_string (builder, "input", in);
  trial_add_string (builder, "output", out);
  if (op->kind == GESSO_OP_CONV2D)
    trial_add_int (builder, "kernel", op->weight->shape.dim[2]);
  trial_add_double (builder, "seconds", seconds);
  trial_add_double (builder, "flops", gesso_op_flops (op));
  trial_add_double (builder, "bytes", bytes);
  json_builder_end_object (builder);
}

static gboolean
time_operations (Fixture *fixture, JsonBuilder *builder, GError **error)
{
  GessoCudaDevice *device = ((GessoCudaBackend *) fixture->backend)->device;
  const GessoCudaDriver *driver = device->driver;
  g_autofree CUdeviceptr *addresses = addresses_of (fixture);
  CUevent start = NULL, stop = NULL;
  Operation operation = { .fixture = fixture, .addresses = addresses };
  gboolean done = wake (fixture, error) && gesso_cuda_call (driver, error, cuEventCreate, (&start, CU_EVENT_DEFAULT))
                  && gesso_cuda_call (driver, error, cuEventCreate, (&stop, CU_EVENT_DEFAULT));

  json_builder_set_member_name (builder, "operations");
  json_builder_begin_array (builder);
  for (; done && operation.first < fixture->plan->steps->len; operation.first = operation.next)
    {
      const GessoPlanStep *step = &g_array_index (fixture->plan->steps, GessoPlanStep, operation.first);
      double seconds = 0.0;

      done = time_operation (&operation, start, stop, &seconds, error);
      add_operation (builder, g_ptr_array_index (fixture->plan->ops, (guint) step->op), seconds);
    }
  json_builder_end_array (builder);
  gesso_cuda_device_settle (device);
  if (start)
    driver->cuEventDestroy (start);
  if (stop)
    driver->cuEventDestroy (stop);
  return done;
}

typedef gboolean (*Measure) (Fixture *fixture, JsonBuilder *builder, GError **error);

static gboolean
run (const char *folder, GessoBackend *backend, Measure measure, JsonBuilder *builder, GError **error)
{
  g_autoptr (GessoModel) model = gesso_model_open (folder, NULL, error);
  const int side = model ? size / gesso_model_vae_factor (model) : 0;
  g_autofree char *description = backend->describe (backend);

  if (!model)
    return FALSE;
  trial_add_string (builder, "device", description);
  for (int i = 0; i < 2; i++)
    {
      GessoGraph *graph = i ? gesso_vae_decoder_graph (&model->vae, 1, side, side)
                            : gesso_unet_graph (&model->unet, images, 2, LENGTH, side, side);
      Fixture *fixture = open_network (backend, graph, i ? model->vae_weights : model->unet_weights, error);
      gboolean done;

      if (!fixture)
        return FALSE;
      json_builder_set_member_name (builder, i ? "decode" : "step");
      json_builder_begin_object (builder);
      done = measure (fixture, builder, error);
      json_builder_end_object (builder);
      fixture_free (fixture);
      if (!done)
        return FALSE;
    }
  return TRUE;
}

int
main (int argc, char **argv)
{
  g_autoptr (GOptionContext) context = g_option_context_new ("COMMAND MODEL-FOLDER");
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  g_autoptr (GError) error = NULL;
  Measure measure = NULL;
  GessoBackend *backend;

  setlocale (LC_ALL, "");
  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, &argc, &argv, &error))
    return trial_report (builder, error);
  if (argc == 3)
    measure = g_str_equal (argv[1], "times")        ? time_network
              : g_str_equal (argv[1], "operations") ? time_operations
                                                    : NULL;
  if (!measure)
    {
      g_printerr ("usage: trial-networks times|operations MODEL-FOLDER [OPTION...]\n");
      return 2;
    }
  json_builder_begin_object (builder);
  backend = gesso_backend_entry (GESSO_BACKEND_ABI, 0, &error);
  if (backend)
    {
      run (argv[2], backend, measure, builder, &error);
      backend->free (backend);
    }
  json_builder_end_object (builder);
  return trial_report (builder, error);
}
