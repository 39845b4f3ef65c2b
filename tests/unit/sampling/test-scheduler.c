/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The tables replayed in double on a made-up model, against what diffusers' PNDMScheduler made of the same
 * (pndm.json, made by make-references.py); and what cannot be done.
 */

#include <math.h>
#include <string.h>
#include <json-glib/json-glib.h>

#include "sampling/betas.h"
#include "sampling/scheduler.h"

#define N_LATENTS 4
#define MAX_OUTPUTS 8
#define TOLERANCE 1e-5

static JsonParser *references;

static void
read_config (JsonObject *object, GessoSchedulerConfig *config)
{
  const char *schedule = json_object_get_string_member (object, "beta_schedule");
  const char *spacing = json_object_get_string_member (object, "timestep_spacing");

  *config = (GessoSchedulerConfig) {
    .is_pndm = TRUE,
    .num_train_timesteps = (int) json_object_get_int_member (object, "num_train_timesteps"),
    .beta_start = json_object_get_double_member (object, "beta_start"),
    .beta_end = json_object_get_double_member (object, "beta_end"),
    .beta_schedule = g_str_equal (schedule, "linear")          ? GESSO_BETAS_LINEAR
                     : g_str_equal (schedule, "scaled_linear") ? GESSO_BETAS_SCALED_LINEAR
                                                               : GESSO_BETAS_SQUAREDCOS_CAP_V2,
    .skip_prk_steps = json_object_get_boolean_member (object, "skip_prk_steps"),
    .set_alpha_to_one = json_object_get_boolean_member (object, "set_alpha_to_one"),
    .prediction_type = g_str_equal (json_object_get_string_member (object, "prediction_type"), "epsilon")
                           ? GESSO_PREDICTION_EPSILON
                           : GESSO_PREDICTION_V,
    .timestep_spacing = g_str_equal (spacing, "leading")    ? GESSO_SPACING_LEADING
                        : g_str_equal (spacing, "trailing") ? GESSO_SPACING_TRAILING
                                                            : GESSO_SPACING_LINSPACE,
    .steps_offset = (int) json_object_get_int_member (object, "steps_offset"),
  };
  if (json_object_has_member (object, "trained_betas"))
    {
      JsonArray *betas = json_object_get_array_member (object, "trained_betas");

      config->beta_schedule = GESSO_BETAS_TRAINED;
      config->trained_betas = g_new (double, json_array_get_length (betas));
      for (guint i = 0; i < json_array_get_length (betas); i++)
        config->trained_betas[i] = json_array_get_double_element (betas, i);
    }
}

static void
check_count (const GessoSchedule *schedule, JsonArray *count)
{
  gint64 sum = 0;

  g_assert_cmpint (schedule->n_rows, ==, json_array_get_int_element (count, 0));
  for (int i = 0; i < schedule->n_rows; i++)
    sum += (i % 97 + 1) * (gint64) schedule->rows[i].timestep;
  g_assert_cmpint (sum, ==, json_array_get_int_element (count, 1));
}

/* What runs a table, in its plainest form. */
typedef struct
{
  double latents[N_LATENTS];
  double base[N_LATENTS];
  double kept[MAX_OUTPUTS][N_LATENTS]; /* newest first */
  int n_kept;
} Replay;

static void
replay_row (Replay *replay, const GessoSchedule *schedule, int i)
{
  const GessoSchedulerRow *row = &schedule->rows[i];
  double output[N_LATENTS];

  if (row->store_base)
    memcpy (replay->base, replay->latents, sizeof replay->base);
  for (int j = 0; j < N_LATENTS; j++)
    output[j] = 0.5 * row->input_scale * replay->latents[j] + sin (0.37 * j + 0.01 * row->timestep + 0.9 * i);
  for (int j = 0; j < N_LATENTS; j++)
    {
      double sum = row->c_base * (row->use_base ? replay->base[j] : replay->latents[j]);

      sum += row->c_history[0] * output[j];
      for (int k = 1; k < GESSO_MAX_HISTORY; k++)
        if (row->c_history[k] != 0)
          {
            g_assert_cmpint (k, <=, replay->n_kept);
            sum += row->c_history[k] * replay->kept[k - 1][j];
          }
      replay->latents[j] = sum;
    }

  g_assert_cmpint (row->forget, <=, replay->n_kept);
  replay->n_kept -= row->forget;
  memmove (replay->kept, replay->kept + row->forget, (gsize) replay->n_kept * sizeof replay->kept[0]);
  if (row->keep_output)
    {
      /* No more is kept than the schedule says it needs. */
      replay->n_kept = MIN (replay->n_kept + 1, schedule->n_outputs - 1);
      memmove (replay->kept + 1, replay->kept, (gsize) (replay->n_kept - 1) * sizeof replay->kept[0]);
      memcpy (replay->kept[0], output, sizeof output);
    }
}

static void
check_trajectory (const char *name, const GessoSchedule *schedule, JsonArray *rows)
{
  Replay replay = { .latents = { 1.0, -0.5, 0.25, 2.0 } };
  guint next = 0;

  g_assert_cmpint (schedule->n_outputs, <=, MAX_OUTPUTS);
  for (int i = 0; i < schedule->n_rows; i++)
    {
      JsonArray *wanted = json_array_get_array_element (rows, next);

      replay_row (&replay, schedule, i);
      if (json_array_get_int_element (wanted, 0) != i)
        continue;
      next++;
      for (int j = 0; j < N_LATENTS; j++)
        {
          double value = json_array_get_double_element (wanted, (guint) j + 1);

          if (!(fabs (replay.latents[j] - value) <= TOLERANCE * MAX (1, fabs (value))))
            g_error ("%s, row %d of %d, latent %d: %.9g instead of %.9g", name, i, schedule->n_rows, j,
                     replay.latents[j], value);
        }
    }
  g_assert_cmpuint (next, ==, json_array_get_length (rows));
}

static void
check_run (const char *name, const GessoSchedulerConfig *config, JsonObject *run)
{
  g_autoptr (GError) error = NULL;
  int steps = (int) json_object_get_int_member (run, "steps");
  g_autoptr (GessoSchedule) schedule = gesso_schedule_new ("pndm", config, steps, &error);

  if (json_object_has_member (run, "error"))
    {
      g_assert_error (error, GESSO_ERROR, GESSO_ERROR_REQUEST_INVALID);
      g_assert_null (schedule);
      return;
    }
  g_assert_no_error (error);
  g_assert_cmpstr (schedule->name, ==, "pndm");
  g_assert_cmpfloat (schedule->init_noise_sigma, ==, 1);
  check_count (schedule, json_object_get_array_member (run, "count"));
  if (json_object_has_member (run, "timesteps"))
    {
      JsonArray *timesteps = json_object_get_array_member (run, "timesteps");

      for (int i = 0; i < schedule->n_rows; i++)
        g_assert_cmpfloat (schedule->rows[i].timestep, ==, (double) json_array_get_int_element (timesteps, (guint) i));
    }
  check_trajectory (name, schedule, json_object_get_array_member (run, "rows"));
}

static void
test_diffusers (gconstpointer data)
{
  JsonObject *entry = (JsonObject *) data;
  JsonArray *runs = json_object_get_array_member (entry, "runs");
  GessoSchedulerConfig config;

  read_config (json_object_get_object_member (entry, "config"), &config);
  for (guint i = 0; i < json_array_get_length (runs); i++)
    check_run (json_object_get_string_member (entry, "name"), &config, json_array_get_object_element (runs, i));

  if (json_object_has_member (entry, "counts"))
    {
      JsonArray *counts = json_object_get_array_member (entry, "counts");

      for (guint i = 0; i < json_array_get_length (counts); i++)
        {
          g_autoptr (GError) error = NULL;
          g_autoptr (GessoSchedule) schedule = gesso_schedule_new ("pndm", &config, (int) i + 1, &error);

          g_assert_no_error (error);
          check_count (schedule, json_array_get_array_element (counts, i));
        }
    }
  g_free (config.trained_betas);
}

static GessoSchedulerConfig
card (void)
{
  return (GessoSchedulerConfig) { .is_pndm = TRUE,
                                  .num_train_timesteps = 1000,
                                  .beta_start = 0.00085,
                                  .beta_end = 0.012,
                                  .beta_schedule = GESSO_BETAS_SCALED_LINEAR,
                                  .skip_prk_steps = TRUE,
                                  .steps_offset = 1 };
}

static void
assert_refused (const char *name, const GessoSchedulerConfig *config, int steps, int code, const char *part)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GessoSchedule) schedule = gesso_schedule_new (name, config, steps, &error);

  g_assert_null (schedule);
  g_assert_error (error, GESSO_ERROR, code);
  if (strstr (error->message, part) == NULL)
    g_error ("“%s” does not say “%s”", error->message, part);
}

static void
test_requests (void)
{
  GessoSchedulerConfig config = card ();

  assert_refused ("euler", &config, 25, GESSO_ERROR_REQUEST_INVALID, "pndm");
  assert_refused ("pndm", &config, 0, GESSO_ERROR_REQUEST_INVALID, "1 to 999 steps");
  assert_refused ("pndm", &config, -3, GESSO_ERROR_REQUEST_INVALID, "-3 steps");
  assert_refused ("pndm", &config, 1001, GESSO_ERROR_REQUEST_INVALID, "1 to 999 steps");
  assert_refused ("pndm", &config, 1000, GESSO_ERROR_REQUEST_INVALID, "time step 1000");
  assert_refused ("pndm", &config, 1000, GESSO_ERROR_REQUEST_INVALID, "1 to 999 steps");
  config.skip_prk_steps = FALSE;
  assert_refused ("pndm", &config, 0, GESSO_ERROR_REQUEST_INVALID, "4 to 999 steps");
  assert_refused ("pndm", &config, 3, GESSO_ERROR_REQUEST_INVALID, "skip_prk_steps");
  assert_refused ("pndm", &config, 3, GESSO_ERROR_REQUEST_INVALID, "4 to 999 steps");
  config.timestep_spacing = GESSO_SPACING_LINSPACE;
  assert_refused ("pndm", &config, 1001, GESSO_ERROR_REQUEST_INVALID, "4 to 1000 steps");
  config.num_train_timesteps = 3;
  assert_refused ("pndm", &config, 2, GESSO_ERROR_REQUEST_INVALID, "Choose another model");
}

static void
test_configs (void)
{
  GessoSchedulerConfig config = card ();
  double nothing[] = { 0, 0, 0, 0 };

  config.beta_end = 1.5;
  assert_refused ("pndm", &config, 25, GESSO_ERROR_MODEL_INVALID, "beta_end");
  config = card ();
  config.beta_start = -0.1;
  assert_refused ("pndm", &config, 25, GESSO_ERROR_MODEL_INVALID, "beta_start");
  config = card ();
  config.beta_start = config.beta_end = 0.9;
  assert_refused ("pndm", &config, 25, GESSO_ERROR_MODEL_INVALID, "nothing of the picture");
  config = card ();
  config.beta_schedule = GESSO_BETAS_TRAINED;
  assert_refused ("pndm", &config, 25, GESSO_ERROR_MODEL_INVALID, "trained_betas");
  config.trained_betas = nothing;
  config.num_train_timesteps = G_N_ELEMENTS (nothing);
  config.steps_offset = 0;
  assert_refused ("pndm", &config, 2, GESSO_ERROR_MODEL_INVALID, "no noise");
  config = card ();
  config.num_train_timesteps = 2000000000;
  assert_refused ("pndm", &config, 1, GESSO_ERROR_MODEL_INVALID, "num_train_timesteps");
}

/* A model that knows picture and noise, whatever it is asked to name, shows the picture at every row. */
static void
test_clear (void)
{
  static const double picture = 0.7, noise = -1.3;

  for (int kind = 0; kind < 4; kind++)
    {
      GessoSchedulerConfig config = card ();
      g_autoptr (GError) error = NULL;
      g_autofree double *alphas = NULL;
      g_autoptr (GessoSchedule) schedule = NULL;

      config.prediction_type = kind % 2 ? GESSO_PREDICTION_V : GESSO_PREDICTION_EPSILON;
      config.skip_prk_steps = kind < 2;
      alphas = gesso_alphas_cumprod (&config, &error);
      schedule = gesso_schedule_new ("pndm", &config, 25, &error);
      g_assert_no_error (error);
      for (int i = 0; i < schedule->n_rows; i++)
        {
          const GessoSchedulerRow *row = &schedule->rows[i];
          const double a = alphas[(int) row->timestep], latents = sqrt (a) * picture + sqrt (1 - a) * noise;
          const double output = kind % 2 ? sqrt (a) * noise - sqrt (1 - a) * picture : noise;

          g_assert_cmpfloat_with_epsilon (row->clear_latents * latents + row->clear_output * output, picture, 1e-9);
        }
    }
}

static void
test_names (void)
{
  GessoSchedulerConfig config = card ();

  for (const char *const *name = gesso_scheduler_names (); *name != NULL; name++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GessoSchedule) schedule = gesso_schedule_new (*name, &config, 25, &error);

      g_assert_no_error (error);
      g_assert_cmpstr (schedule->name, ==, *name);
    }
}

int
main (int argc, char *argv[])
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = NULL;
  JsonArray *entries;
  int result;

  g_test_init (&argc, &argv, NULL);
  path = g_test_build_filename (G_TEST_DIST, "pndm.json", NULL);
  references = json_parser_new ();
  json_parser_load_from_file (references, path, &error);
  g_assert_no_error (error);
  entries = json_node_get_array (json_parser_get_root (references));
  for (guint i = 0; i < json_array_get_length (entries); i++)
    {
      JsonObject *entry = json_array_get_object_element (entries, i);
      g_autofree char *test = g_strconcat ("/sampling/pndm/", json_object_get_string_member (entry, "name"), NULL);

      g_test_add_data_func (test, entry, test_diffusers);
    }
  g_test_add_func ("/sampling/scheduler/requests", test_requests);
  g_test_add_func ("/sampling/scheduler/configs", test_configs);
  g_test_add_func ("/sampling/scheduler/clear", test_clear);
  g_test_add_func ("/sampling/scheduler/names", test_names);
  result = g_test_run ();
  g_object_unref (references);
  return result;
}
