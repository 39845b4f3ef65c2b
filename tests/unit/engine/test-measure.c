/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What a request needs, the sizes that suit a model and the machine, and what tells models apart.
 */

#include "cpu/memory.h"
#include "engine-test.h"
#include "fit-size.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

/* One thread: tests run side by side, and threads that wait for each other on busy cores take seconds. */
static const GessoOptions options = { .device = GESSO_DEVICE_CPU, .precision = GESSO_PRECISION_F32, .n_threads = 1 };

typedef struct
{
  int width, height; /* of what the model was trained on */
  int unet_levels, vae_levels;
} Shape;

/* SD, Tiny, a 1:1 model of 96, one that is wider than high, one of little detail, one without levels, a giant. */
static const Shape shapes[] = {
  { 512, 512, 4, 4 }, { 512, 512, 3, 4 }, { 128, 128, 3, 4 },   { 96, 96, 3, 3 }, { 768, 512, 4, 4 },
  { 64, 64, 3, 4 },   { 80, 80, 1, 1 },   { 4096, 4096, 4, 4 }, { 8, 8, 1, 4 },
};

static void
fit (const Shape *shape, int width, int height, int *fitted_width, int *fitted_height)
{
  GessoModel model = { 0 };

  model.vae.n_levels = shape->vae_levels;
  model.unet.n_levels = shape->unet_levels;
  model.unet.sample_width = shape->width >> (shape->vae_levels - 1);
  model.unet.sample_height = shape->height >> (shape->vae_levels - 1);
  *fitted_width = *fitted_height = -1;
  gesso_fit_size (&model, width, height, fitted_width, fitted_height);
}

static void
assert_fit_is_good (const Shape *shape, int width, int height)
{
  const double trained = (double) shape->width * shape->height;
  int w, h, again_w, again_h;
  double wanted, got;

  fit (shape, width, height, &w, &h);
  g_assert_cmpint (w, >=, 8);
  g_assert_cmpint (h, >=, 8);
  g_assert_cmpint (w, <=, 2048);
  g_assert_cmpint (h, <=, 2048);
  g_assert_cmpint (w % MAX (8, 1 << (shape->vae_levels - 1)), ==, 0);
  g_assert_cmpint (h % MAX (8, 1 << (shape->vae_levels - 1)), ==, 0);
  g_assert_cmpfloat ((double) w / h, <=, 3.0001);
  g_assert_cmpfloat ((double) h / w, <=, 3.0001);
  g_assert_cmpfloat ((double) w * h, <=, trained * 1.5001);
  if (shape->width <= 2048)
    g_assert_cmpfloat ((double) w * h, >=, trained * 0.5624);
  if (width > 0 && height > 0 && shape->width >= 96)
    {
      wanted = CLAMP ((double) width / height, 1 / 3.0, 3.0);
      got = (double) w / h;
      g_test_message ("%d x %d in the way of %d x %d: %d x %d", width, height, shape->width, shape->height, w, h);
      g_assert_cmpfloat (fabs (log (got / wanted)), <, 0.11);
    }
  if (shape->unet_levels == 4 && shape->width >= 512)
    {
      g_assert_cmpint (w % 64, ==, 0);
      g_assert_cmpint (h % 64, ==, 0);
      fit (shape, w, h, &again_w, &again_h);
      g_assert_cmpint (again_w, ==, w);
      g_assert_cmpint (again_h, ==, h);
    }
}

static void
test_fit_size_grid (void)
{
  static const int extremes[] = { G_MININT, -1, 0, 1, 2, 7, 8, 63, 2047, 2048, 2049, 65536, G_MAXINT - 1, G_MAXINT };

  for (gsize s = 0; s < G_N_ELEMENTS (shapes); s++)
    {
      for (int width = 40; width < 2500; width += 223)
        for (int height = 40; height < 2500; height += 197)
          assert_fit_is_good (&shapes[s], width, height);
      for (gsize i = 0; i < G_N_ELEMENTS (extremes); i++)
        for (gsize j = 0; j < G_N_ELEMENTS (extremes); j++)
          assert_fit_is_good (&shapes[s], extremes[i], extremes[j]);
    }
}

static void
test_fit_size_known (void)
{
  static const struct
  {
    int width, height, fitted_width, fitted_height;
  } cases[] = {
    { 512, 512, 512, 512 }, { 0, 0, 512, 512 },      { 100, 100, 384, 384 },    { 4000, 4000, 576, 576 },
    { 640, 512, 640, 512 }, { 1200, 600, 768, 384 }, { 10000, 100, 960, 320 },  { 1, 1000, 256, 768 },
    { 500, 500, 512, 512 }, { 960, 320, 960, 320 },  { G_MAXINT, 1, 960, 320 }, { 512, 0, 512, 512 },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      int width, height;

      fit (&shapes[0], cases[i].width, cases[i].height, &width, &height);
      g_test_message ("%d x %d: %d x %d", cases[i].width, cases[i].height, width, height);
      g_assert_cmpint (width, ==, cases[i].fitted_width);
      g_assert_cmpint (height, ==, cases[i].fitted_height);
    }
  /* Its own size, whatever that is a multiple of. */
  for (gsize s = 0; s < G_N_ELEMENTS (shapes); s++)
    if (shapes[s].width <= 2048)
      {
        int width, height;

        fit (&shapes[s], shapes[s].width, shapes[s].height, &width, &height);
        g_assert_cmpint (width, ==, shapes[s].width);
        g_assert_cmpint (height, ==, shapes[s].height);
      }
}

/* What comes out can be asked for. */
static void
test_fit_size_is_accepted (void)
{
  g_autoptr (GessoEngine) engine = test_engine_open ("odd-heads", &options);
  g_autoptr (GessoRequest) request = gesso_request_new ("x");
  g_autoptr (GError) error = NULL;
  GessoMemoryNeed need;

  gesso_engine_fit_size (engine, 1000, 700, &request->width, &request->height);
  g_assert_cmpint (request->width, >, request->height);
  g_assert_true (gesso_engine_measure (engine, request, &need, &error));
  g_assert_no_error (error);
}

/* A limit that leaves `bytes` for the model: the process's own share comes on top. */
static void
limit_to (GessoEngine *engine, GessoRequest *request, guint64 bytes)
{
  g_autoptr (GError) error = NULL;
  GessoMemoryNeed need;

  request->max_memory = G_GUINT64_CONSTANT (1) << 30;
  g_assert_true (gesso_engine_measure (engine, request, &need, &error));
  g_assert_no_error (error);
  request->max_memory = request->max_memory - need.available + bytes;
}

static void
test_measure (void)
{
  g_autoptr (GessoEngine) engine = test_engine_open ("sd14", &options);
  g_autoptr (GessoRequest) request = gesso_request_new ("x");
  g_autoptr (GError) error = NULL;
  GessoMemoryNeed small, large, unlimited;

  request->steps = 2;
  request->width = request->height = 64;
  g_assert_true (gesso_engine_measure (engine, request, &small, &error));
  request->width = request->height = 512;
  g_assert_true (gesso_engine_measure (engine, request, &large, &error));
  g_assert_cmpuint (small.least, >, 0);
  g_assert_cmpuint (small.least, <, small.resident);
  g_assert_cmpuint (small.least, <, large.least);
  g_assert_cmpuint (small.resident, <, large.resident);
  unlimited = large;

  /* What fits by these figures can be prepared, and what does not is refused; in between is what planning itself may
   * take, as it is not known whether that was done already. */
  limit_to (engine, request, unlimited.least + TEST_SLACK);
  g_assert_true (gesso_engine_prepare (engine, request, NULL, NULL, NULL, &error));
  g_assert_no_error (error);
  if (TEST_LIMITS_EXACT)
    {
      limit_to (engine, request, unlimited.least - 16 * TEST_SLACK);
      g_assert_true (gesso_engine_measure (engine, request, &large, &error));
      g_assert_cmpuint (large.least, ==, unlimited.least);
      g_assert_cmpuint (large.available, <, large.least);
      g_assert_false (gesso_engine_prepare (engine, request, NULL, NULL, NULL, &error));
      g_assert_error (error, GESSO_ERROR, GESSO_ERROR_OUT_OF_MEMORY);
      g_clear_error (&error);
    }

  request->width = 63;
  g_assert_false (gesso_engine_measure (engine, request, &large, &error));
  g_assert_error (error, GESSO_ERROR, GESSO_ERROR_REQUEST_INVALID);
}

static void
test_largest_size (void)
{
  g_autoptr (GessoEngine) engine = test_engine_open ("sd14", &options);
  g_autoptr (GessoRequest) request = gesso_request_new ("x");
  g_autoptr (GError) error = NULL;
  GessoMemoryNeed need;
  int width = 0, height = 0;

  g_assert_true (gesso_engine_largest_size (engine, request, &width, &height));
  g_assert_cmpint (width, ==, 64);
  g_assert_cmpint (height, ==, 64);
  request->width = 512;
  request->height = 256;
  g_assert_true (gesso_engine_measure (engine, request, &need, &error));
  request->width = 1024;
  request->height = 512;
  g_assert_true (gesso_engine_largest_size (engine, request, &width, &height));
  g_assert_cmpint (width, ==, 1024);
  g_assert_cmpint (height, ==, 512);

  limit_to (engine, request, need.least + need.least / 4 + 4 * TEST_SLACK);
  g_assert_true (gesso_engine_largest_size (engine, request, &width, &height));
  g_test_message ("%d x %d", width, height);
  g_assert_cmpint (width, >=, 512);
  if (TEST_LIMITS_EXACT)
    g_assert_cmpint (width, <, 768);
  g_assert_cmpint (ABS (width - 2 * height), <=, 8);
  request->width = width;
  request->height = height;
  g_assert_true (gesso_engine_prepare (engine, request, NULL, NULL, NULL, &error));
  g_assert_no_error (error);

  request->width = 512;
  request->height = 1024;
  request->max_memory = 1024 * 1024;
  g_assert_false (gesso_engine_largest_size (engine, request, &width, &height));
  request->width = 64;
  request->height = 32;
  g_assert_false (gesso_engine_largest_size (engine, request, &width, &height));
  request->steps = 0;
  request->max_memory = 0;
  g_assert_false (gesso_engine_largest_size (engine, request, &width, &height));
}

/* Asking leaves everything loaded as it was. */
static void
test_asking_disturbs_nothing (void)
{
  g_autoptr (GessoEngine) engine = test_engine_open ("sd14", &options);
  g_autoptr (GessoRequest) request = gesso_request_new ("x");
  g_autoptr (GError) error = NULL;
  g_autofree char *plan = NULL;
  GessoMemoryNeed need;
  guint64 held;
  int width, height;

  request->width = request->height = 64;
  g_assert_true (gesso_engine_prepare (engine, request, NULL, NULL, NULL, &error));
  held = gesso_cpu_memory_in_use ();
  g_assert_cmpuint (held, >, 0);
  request->width = request->height = 512;
  request->guidance = 1;
  request->steps = 7;
  g_assert_true (gesso_engine_measure (engine, request, &need, &error));
  request->max_memory = 1024 * 1024;
  g_assert_false (gesso_engine_largest_size (engine, request, &width, &height));
  plan = gesso_engine_plan (engine, request, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (gesso_cpu_memory_in_use (), ==, held);
}

static char *
fingerprint_of (const char *folder)
{
  g_autoptr (GessoEngine) engine = test_engine_open_folder (folder, &options);
  g_autoptr (GError) error = NULL;
  char *fingerprint = gesso_engine_get_fingerprint (engine, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (strlen (fingerprint), ==, 64);
  g_assert_cmpuint (strspn (fingerprint, "0123456789abcdef"), ==, 64);
  return fingerprint;
}

/* The byte at `offset`, from the end where negative, becomes another. */
static void
change_byte (const char *folder, const char *name, gint64 offset, const char *value)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  int file = g_open (path, O_RDWR, 0);

  g_assert_cmpint (file, >=, 0);
  g_assert_cmpint (lseek (file, offset, offset < 0 ? SEEK_END : SEEK_SET), >=, 0);
  g_assert_cmpint (write (file, value, 1), ==, 1);
  g_assert_true (g_close (file, NULL));
}

static void
test_fingerprint (void)
{
  static const struct
  {
    const char *file;
    gint64 offset;
    const char *value;
  } changes[] = {
    { "unet/diffusion_pytorch_model.safetensors", -1, "\x01" },
    { "vae/diffusion_pytorch_model.safetensors", -100, "\x01" },
    { "text_encoder/model.safetensors", -1, "\x01" },
    { "vae/config.json", -1, " " },
    { "unet/config.json", -1, " " },
    { "tokenizer/vocab.json", -1, " " },
    { "model_index.json", -1, " " },
  };
  g_autofree char *original = test_model_folder ("v2-tiny");
  g_autofree char *expected = fingerprint_of (original);
  g_autofree char *other_folder = test_model_folder ("tiny");
  g_autofree char *other = fingerprint_of (other_folder);
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autofree char *folder = test_model_copy ("v2-tiny");
  g_autofree char *copied = fingerprint_of (folder);

  g_assert_cmpstr (copied, ==, expected);
  g_assert_cmpstr (other, !=, expected);
  g_hash_table_add (seen, g_strdup (expected));
  for (gsize i = 0; i < G_N_ELEMENTS (changes); i++)
    {
      change_byte (folder, changes[i].file, changes[i].offset, changes[i].value);
      g_assert_true (g_hash_table_add (seen, fingerprint_of (folder)));
    }
  test_remove_folder (folder);
}

/* The same weights under another name are the same model; of several files the one counts that is used. */
static void
test_fingerprint_variant (void)
{
  g_autofree char *original = test_model_folder ("v2-tiny");
  g_autofree char *expected = fingerprint_of (original);
  g_autofree char *folder = test_model_copy ("v2-tiny");
  g_autofree char *name = g_build_filename (folder, "unet", "diffusion_pytorch_model.safetensors", NULL);
  g_autofree char *variant = g_build_filename (folder, "unet", "diffusion_pytorch_model.fp16.safetensors", NULL);
  g_autofree char *config = g_build_filename (folder, "unet", "config.json", NULL);
  g_autofree char *renamed = NULL;
  g_autofree char *gone = NULL;
  g_autoptr (GessoEngine) engine = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (g_rename (name, variant), ==, 0);
  renamed = fingerprint_of (folder);
  g_assert_cmpstr (renamed, ==, expected);

  engine = test_engine_open_folder (folder, &options);
  g_assert_cmpint (g_remove (config), ==, 0);
  gone = gesso_engine_get_fingerprint (engine, &error);
  g_assert_null (gone);
  g_assert_nonnull (error);
  test_assert_says (error, "unet");
  test_remove_folder (folder);
}

/* Puts 12 MiB of zeros, which no part asks for, behind the tensors of a file. */
static void
enlarge (const char *folder, const char *name)
{
  const guint64 extra = G_GUINT64_CONSTANT (12) << 20;
  g_autofree char *path = g_build_filename (folder, name, NULL);
  g_autofree char *contents = NULL;
  g_autoptr (GString) header = g_string_new (NULL);
  g_autoptr (GByteArray) file = g_byte_array_new ();
  guint64 length, data;
  gsize size;

  g_assert_true (g_file_get_contents (path, &contents, &size, NULL));
  memcpy (&length, contents, sizeof length);
  length = GUINT64_FROM_LE (length);
  data = size - 8 - length;
  g_string_append_printf (header,
                          "{\"extra\":{\"dtype\":\"U8\",\"shape\":[%" G_GUINT64_FORMAT
                          "],\"data_offsets\":[%" G_GUINT64_FORMAT ",%" G_GUINT64_FORMAT "]},",
                          extra, data, data + extra);
  g_string_append_len (header, contents + 9, (gssize) length - 1);
  while (header->len % 8)
    g_string_append_c (header, ' ');
  length = GUINT64_TO_LE ((guint64) header->len);
  g_byte_array_append (file, (const guint8 *) &length, sizeof length);
  g_byte_array_append (file, (const guint8 *) header->str, (guint) header->len);
  g_byte_array_append (file, (const guint8 *) contents + size - data, (guint) data);
  g_assert_true (g_file_set_contents (path, (const char *) file->data, file->len, NULL));
  g_assert_cmpint (truncate (path, (off_t) (file->len + extra)), ==, 0);
}

/* Large files are only looked into: at both ends and in between. */
static void
test_fingerprint_large (void)
{
  static const char name[] = "vae/diffusion_pytorch_model.safetensors";
  g_autofree char *folder = test_model_copy ("v2-tiny");
  g_autofree char *before = NULL;
  g_autofree char *unseen = NULL;
  g_autofree char *last = NULL;

  enlarge (folder, name);
  before = fingerprint_of (folder);
  change_byte (folder, name, -80 * 1024, "x");
  unseen = fingerprint_of (folder);
  g_assert_cmpstr (unseen, ==, before);
  change_byte (folder, name, -1, "x");
  last = fingerprint_of (folder);
  g_assert_cmpstr (last, !=, before);
  test_remove_folder (folder);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/measure/fit-size-grid", test_fit_size_grid);
  g_test_add_func ("/measure/fit-size-known", test_fit_size_known);
  g_test_add_func ("/measure/fit-size-is-accepted", test_fit_size_is_accepted);
  g_test_add_func ("/measure/need", test_measure);
  g_test_add_func ("/measure/largest-size", test_largest_size);
  g_test_add_func ("/measure/asking-disturbs-nothing", test_asking_disturbs_nothing);
  g_test_add_func ("/measure/fingerprint", test_fingerprint);
  g_test_add_func ("/measure/fingerprint-variant", test_fingerprint_variant);
  g_test_add_func ("/measure/fingerprint-large", test_fingerprint_large);
  return g_test_run ();
}
