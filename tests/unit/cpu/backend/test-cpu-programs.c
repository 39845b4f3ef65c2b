/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The life of the CPU backend's programs: what they hold, what they share, and what is left after everything that can
 * go wrong.
 */

#include "fixture.h"

#include <string.h>

#include <glib/gstdio.h>

#include "cpu/memory.h"

typedef struct
{
  guint64 base, most, done, total;
} Watch;

static void
watch_load (guint64 done, guint64 total, gpointer data)
{
  Watch *watch = data;

  g_assert_cmpuint (done, >=, watch->done);
  g_assert_cmpuint (done, <=, total);
  watch->most = MAX (watch->most, gesso_cpu_memory_in_use () - watch->base);
  watch->done = done;
  watch->total = total;
}

/* report() says exactly what load() takes; unload() gives all of it back; a second load() makes the same. */
static void
test_report (gconstpointer data)
{
  const int size = 12, channels = GPOINTER_TO_INT (data);
  GessoBackend *backend = fixture_backend ();
  g_autoptr (GessoGraph) graph = fixture_graph (size, channels, 2);
  const GessoPlanOptions options = fixture_plan_options (backend, 0.1);
  Fixture *first = fixture_new (backend, graph, &options, NULL);
  Fixture *second = fixture_new (backend, graph, &options, NULL);
  Watch watch = { .base = gesso_cpu_memory_in_use () };
  g_autoptr (GError) error = NULL;
  GessoProgramMemory memory;

  g_assert_cmpuint (watch.base, ==, 0);
  g_assert_cmpuint (first->memory.weights, ==, first->memory.weights_new);
  g_assert_cmpuint (first->memory.weights, >=, (gsize) (2 * channels * channels * (9 + 8 + 4)) * sizeof (float));
  backend->load (backend, first->program, watch_load, &watch, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (watch.done, ==, watch.total);
  g_assert_cmpuint (watch.most, ==, first->memory.weights + first->memory.load_scratch);
  g_assert_cmpuint (gesso_cpu_memory_in_use (), ==, first->memory.weights);
  backend->report (backend, first->program, &memory);
  g_assert_cmpuint (memory.weights, ==, first->memory.weights);
  g_assert_cmpuint (memory.weights_new, ==, 0);
  g_assert_cmpuint (memory.load_scratch, ==, 0);

  fixture_must_bind (first);
  fixture_must_run (first);
  backend->unload (backend, first->program);
  fixture_must_load (first);
  fixture_must_bind (second);
  fixture_must_load (second);
  fixture_must_run (second);
  fixture_must_run (first);
  fixture_assert_same_output (first, second);
  fixture_free (first);
  fixture_free (second);
  g_assert_cmpuint (gesso_cpu_memory_in_use (), ==, 0);
  backend->free (backend);
}

/* By Winograd as well, no pixel depends on how the rows are cut. */
static void
test_cuttings (void)
{
  GessoBackend *backend = fixture_backend ();
  g_autoptr (GessoGraph) graph = fixture_graph (67, 32, 1);
  GessoPlanOptions options = fixture_plan_options (backend, 1e6);
  Fixture *whole, *bands;

  /* Matrix products are cut by time, convolutions after a norm by memory too: only the latter is changed here. */
  options.max_norm_band_bytes = 0;
  whole = fixture_new (backend, graph, &options, NULL);
  fixture_must_bind (whole);
  fixture_must_load (whole);
  fixture_must_run (whole);
  for (int rows = 3; rows < 40; rows += 6)
    {
      options.max_norm_band_bytes = (gsize) (rows * 67 * 32) * sizeof (float);
      bands = fixture_new (backend, graph, &options, NULL);
      g_assert_cmpuint (bands->plan->steps->len, >, whole->plan->steps->len);
      fixture_must_bind (bands);
      fixture_must_load (bands);
      fixture_must_run (bands);
      fixture_assert_same_output (bands, whole);
      fixture_free (bands);
    }
  fixture_free (whole);
  backend->free (backend);
}

/* Two programs of one store, for two sizes, hold the weights once; the last one gives them up. Below 8 rows no
 * convolution is Winograd's; with AVX2 oneDNN chooses another layout for 6 of them than for all others. */
static void
test_shared_store (gconstpointer data)
{
  const int size = GPOINTER_TO_INT (data);
  GessoBackend *backend = fixture_backend ();
  g_autoptr (GessoGraph) small = fixture_graph (size, 32, 1);
  g_autoptr (GessoGraph) large = fixture_graph (size < 8 ? 7 : 3 * size, 32, 1);
  const GessoPlanOptions options = fixture_plan_options (backend, 0.1);
  Fixture *owner = fixture_new (backend, small, &options, NULL);
  Fixture *sharer = fixture_new (backend, large, &options, owner->store);
  Fixture *alone = fixture_new (backend, large, &options, NULL);
  GessoProgramMemory memory;
  gint64 values;

  fixture_must_load (owner);
  values = owner->reads.values;
  g_assert_cmpint (values, ==, 32 * 32 * (9 + 8 + 4) + 3 * 32);
  backend->report (backend, sharer->program, &memory);
  g_assert_cmpuint (memory.weights, ==, owner->memory.weights);
  g_assert_cmpuint (memory.weights_new, ==, 0);
  fixture_must_load (sharer);
  g_assert_cmpint (owner->reads.values, ==, values);
  g_assert_cmpuint (gesso_cpu_memory_in_use (), ==, owner->memory.weights);

  backend->unload (backend, owner->program);
  g_assert_cmpuint (gesso_cpu_memory_in_use (), ==, owner->memory.weights);
  fixture_must_bind (sharer);
  fixture_must_run (sharer);
  fixture_must_bind (alone);
  fixture_must_load (alone);
  fixture_must_run (alone);
  fixture_assert_same_output (sharer, alone);
  fixture_free (alone);
  fixture_free (sharer);
  g_assert_cmpuint (gesso_cpu_memory_in_use (), ==, 0);
  fixture_free (owner);
  backend->free (backend);
}

/* Weights that are read in several pieces, the last one with a block that is not full, arrive where they belong. */
static void
test_large_weights (void)
{
  const int in = 1600, out = 2200;
  GessoBackend *backend = fixture_backend ();
  const GessoPlanOptions options = fixture_plan_options (backend, 0.1);
  g_autoptr (GessoGraph) graph = gesso_graph_new ("large");
  GessoTensor *x = gesso_graph_input (graph, "x", GESSO_DTYPE_COMPUTE, GESSO_SHAPE2 (3, in));
  GessoTensor *image = gesso_graph_input (graph, "image", GESSO_DTYPE_COMPUTE, GESSO_SHAPE4 (1, 3, 3, 260));
  Reads reads = { 0 };
  const GessoWeightSource source = fixture_source (&reads);
  GessoBuffer *buffer;
  Fixture *fixture;

  gesso_graph_output (
      graph, gesso_graph_linear (graph, x, gesso_graph_weight (graph, "w", GESSO_SHAPE2 (out, in)), NULL), "y");
  gesso_graph_output (graph,
                      gesso_graph_conv2d (graph, image, gesso_graph_weight (graph, "c", GESSO_SHAPE4 (1100, 260, 3, 3)),
                                          NULL, (GessoConvGeometry) { 1, 0, 0, 0, 0 }),
                      "z");
  fixture = fixture_new (backend, graph, &options, NULL);
  g_assert_cmpuint (fixture->memory.load_scratch, <=, 8 * 1024 * 1024);
  fixture_must_bind (fixture);
  fixture_must_load (fixture);
  fixture_must_run (fixture);

  for (guint i = 0; i < 2; i++)
    {
      const gint64 values = i == 0 ? in : 260 * 9;
      const gint64 rows = i == 0 ? out : 1100;
      g_autofree float *w = g_new (float, values);
      g_autofree float *v = g_new (float, values);
      gsize n;
      g_autofree float *y = fixture_output (fixture, i, &n);

      /* The first row of x; of the picture all of it, whose pixels are innermost in the weights. */
      buffer = fixture->inputs[i].buffer;
      backend->buffer_read (backend, buffer, 0, v, (gsize) values * sizeof *v, NULL);
      for (gint64 o = 0; o < rows; o++)
        {
          double sum = 0.0;

          source.read (&reads, i == 0 ? "w" : "c", o * values, values, GESSO_DTYPE_F32, w, NULL);
          for (gint64 j = 0; j < values; j++)
            sum += (double) w[j] * (double) (i == 0 ? v[j] : v[j % 9 * 260 + j / 9]);
          g_assert_cmpfloat_with_epsilon (y[o], sum, 1e-4);
        }
    }
  fixture_free (fixture);
  backend->free (backend);
}

static void
test_buffers (void)
{
  GessoBackend *backend = fixture_backend ();
  g_autoptr (GError) error = NULL;
  GessoBuffer *buffer = backend->buffer_new (backend, 100, &error);
  guint8 data[100];

  g_assert_no_error (error);
  memset (data, 1, sizeof data);
  g_assert_true (backend->buffer_read (backend, buffer, 0, data, sizeof data, &error));
  for (gsize i = 0; i < sizeof data; i++)
    g_assert_cmpint (data[i], ==, 0);
  memset (data, 7, sizeof data);
  g_assert_true (backend->buffer_write (backend, buffer, 90, data, 10, &error));
  g_assert_false (backend->buffer_write (backend, buffer, 91, data, 10, &error));
  g_assert_error (error, GESSO_ERROR, GESSO_ERROR_DEVICE);
  g_clear_error (&error);
  g_assert_false (backend->buffer_read (backend, buffer, 101, data, 0, &error));
  g_assert_error (error, GESSO_ERROR, GESSO_ERROR_DEVICE);
  g_clear_error (&error);
  g_assert_true (backend->buffer_read (backend, buffer, 89, data, 11, &error));
  g_assert_cmpint (data[0], ==, 0);
  g_assert_cmpint (data[10], ==, 7);
  backend->buffer_free (backend, buffer);

  g_assert_null (backend->buffer_new (backend, G_MAXSIZE / 4, &error));
  g_assert_error (error, GESSO_ERROR, GESSO_ERROR_OUT_OF_MEMORY);
  backend->free (backend);
}

/* A binding or a workspace that is too small is refused before anything is written. */
static void
test_small_bindings (void)
{
  GessoBackend *backend = fixture_backend ();
  g_autoptr (GessoGraph) graph = fixture_graph (8, 32, 1);
  const GessoPlanOptions options = fixture_plan_options (backend, 0.1);
  Fixture *fixture = fixture_new (backend, graph, &options, NULL);
  GessoBuffer *workspace, *small;
  g_autoptr (GError) error = NULL;

  fixture_must_bind (fixture);
  fixture_must_load (fixture);
  fixture->outputs[0].offset = 4;
  g_assert_false (fixture_run (fixture, NULL, &error));
  g_assert_error (error, GESSO_ERROR, GESSO_ERROR_DEVICE);
  g_assert_nonnull (strstr (error->message, "\"y\""));
  g_clear_error (&error);
  fixture->outputs[0].offset = 0;

  workspace = fixture->workspace;
  small = backend->buffer_new (backend, fixture->memory.workspace - 1, &error);
  fixture->workspace = small;
  g_assert_false (fixture_run (fixture, NULL, &error));
  g_assert_error (error, GESSO_ERROR, GESSO_ERROR_DEVICE);
  fixture->workspace = workspace;
  backend->buffer_free (backend, small);
  fixture_must_run (fixture);
  fixture_free (fixture);
  backend->free (backend);
}

static void
test_entry (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;
  GessoBackend *backend;
  GessoPrecision precision;

  g_assert_null (gesso_cpu_backend_entry (GESSO_BACKEND_ABI + 1, 0, &error));
  g_assert_error (error, GESSO_ERROR, GESSO_ERROR_DEVICE);
  g_clear_error (&error);
  g_assert_null (gesso_cpu_backend_entry (GESSO_BACKEND_ABI, -1, &error));
  g_assert_error (error, GESSO_ERROR, GESSO_ERROR_DEVICE);
  g_clear_error (&error);

  backend = fixture_backend ();
  g_assert_cmpuint (backend->abi, ==, GESSO_BACKEND_ABI);
  g_assert_cmpuint (backend->size, ==, sizeof *backend);
  text = backend->describe (backend);
  g_assert_true (g_str_has_prefix (text, "2 threads, "));
  g_assert_nonnull (strstr (text, ", oneDNN 3."));
  g_assert_true (backend->resolve_precision (backend, GESSO_PRECISION_F32, &precision, &error));
  g_assert_cmpint (precision, ==, GESSO_PRECISION_F32);
  g_assert_true (backend->resolve_precision (backend, GESSO_PRECISION_AUTO, &precision, &error));
  g_assert_cmpint (precision, !=, GESSO_PRECISION_AUTO);
  g_assert_false (backend->resolve_precision (backend, GESSO_PRECISION_F16, &precision, &error));
  g_assert_error (error, GESSO_ERROR, GESSO_ERROR_DEVICE);
  g_assert_nonnull (strstr (error->message, "f32"));
  g_assert_cmpuint (backend->memory_available (backend), >, 0);
  backend->free (backend);
}

static void
write_file (const char *root, const char *path, const char *text)
{
  g_autofree char *full = g_build_filename (root, path, NULL);
  g_autofree char *folder = g_path_get_dirname (full);

  g_assert_cmpint (g_mkdir_with_parents (folder, 0700), ==, 0);
  g_assert_true (g_file_set_contents (full, text, -1, NULL));
}

static void
remove_tree (const char *path)
{
  GDir *dir = g_dir_open (path, 0, NULL);

  for (const char *name = dir ? g_dir_read_name (dir) : NULL; name; name = g_dir_read_name (dir))
    {
      g_autofree char *child = g_build_filename (path, name, NULL);

      remove_tree (child);
    }
  g_clear_pointer (&dir, g_dir_close);
  g_assert_cmpint (g_remove (path), ==, 0);
}

/* The machine's memory, then the limits of cgroups of both versions; a group's parents count as well. */
static void
test_memory_available (void)
{
  const guint64 mib = 1024 * 1024;
  g_autofree char *root = g_dir_make_tmp ("gesso-memory-XXXXXX", NULL);

  g_assert_cmpuint (gesso_cpu_memory_available (root), ==, G_MAXUINT64);
  write_file (root, "proc/meminfo", "MemTotal:       16384 kB\nMemFree: 1 kB\nMemAvailable:    10240 kB\n");
  g_assert_cmpuint (gesso_cpu_memory_available (root), ==, 10 * mib);

  write_file (root, "proc/self/cgroup", "0::/a/b\n");
  write_file (root, "sys/fs/cgroup/a/b/memory.max", "max\n");
  write_file (root, "sys/fs/cgroup/a/b/memory.current", "1048576\n");
  g_assert_cmpuint (gesso_cpu_memory_available (root), ==, 10 * mib);
  write_file (root, "sys/fs/cgroup/a/memory.max", "8388608\n");
  write_file (root, "sys/fs/cgroup/a/memory.current", "5242880\n");
  g_assert_cmpuint (gesso_cpu_memory_available (root), ==, 3 * mib);
  write_file (root, "sys/fs/cgroup/a/memory.stat", "anon 4194304\ninactive_file 1048576\n");
  g_assert_cmpuint (gesso_cpu_memory_available (root), ==, 4 * mib);
  write_file (root, "sys/fs/cgroup/a/memory.current", "99999999\n");
  g_assert_cmpuint (gesso_cpu_memory_available (root), ==, 0);

  write_file (root, "proc/self/cgroup", "5:cpu,cpuacct:/x\n4:memory:/c\n");
  write_file (root, "sys/fs/cgroup/memory/c/memory.limit_in_bytes", "4194304\n");
  write_file (root, "sys/fs/cgroup/memory/c/memory.usage_in_bytes", "3145728\n");
  write_file (root, "sys/fs/cgroup/memory/c/memory.stat", "inactive_file 5\ntotal_inactive_file 1048576\n");
  g_assert_cmpuint (gesso_cpu_memory_available (root), ==, 2 * mib);
  remove_tree (root);
}

static gpointer
run_alone (gpointer data)
{
  GessoBackend *backend = fixture_backend ();
  const GessoPlanOptions options = fixture_plan_options (backend, 0.1);
  Fixture *expected = data;
  Fixture *fixture;
  g_autoptr (GessoGraph) graph = fixture_graph (12, 32, 2);

  fixture = fixture_new (backend, graph, &options, NULL);
  fixture_must_bind (fixture);
  fixture_must_load (fixture);
  for (int i = 0; i < 5; i++)
    {
      fixture_must_run (fixture);
      fixture_assert_same_output (fixture, expected);
    }
  fixture_free (fixture);
  backend->free (backend);
  return NULL;
}

/* Two backends in two threads do not know of each other. */
static void
test_two_threads (void)
{
  GessoBackend *backend = fixture_backend ();
  const GessoPlanOptions options = fixture_plan_options (backend, 0.1);
  g_autoptr (GessoGraph) graph = fixture_graph (12, 32, 2);
  Fixture *expected = fixture_new (backend, graph, &options, NULL);
  GThread *threads[2];

  fixture_must_bind (expected);
  fixture_must_load (expected);
  fixture_must_run (expected);
  for (gsize i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("backend", run_alone, expected);
  for (gsize i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
  fixture_free (expected);
  backend->free (backend);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/cpu/entry", test_entry);
  g_test_add_func ("/cpu/buffers", test_buffers);
  g_test_add_data_func ("/cpu/report", GINT_TO_POINTER (36), test_report);
  g_test_add_data_func ("/cpu/report-winograd", GINT_TO_POINTER (32), test_report);
  g_test_add_func ("/cpu/cuttings", test_cuttings);
  g_test_add_data_func ("/cpu/shared-store", GINT_TO_POINTER (2), test_shared_store);
  g_test_add_data_func ("/cpu/shared-store-winograd", GINT_TO_POINTER (8), test_shared_store);
  g_test_add_func ("/cpu/large-weights", test_large_weights);
  g_test_add_func ("/cpu/small-bindings", test_small_bindings);
  g_test_add_func ("/cpu/two-threads", test_two_threads);
  g_test_add_func ("/cpu/memory-available", test_memory_available);
  return g_test_run ();
}
