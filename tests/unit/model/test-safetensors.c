/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * safetensors files: what is read from good ones, and what is said about bad ones.
 */

#include "model/weights.h"
#include "support.h"

#include <glib/gstdio.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct
{
  char *folder;
  GError *error;
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer data)
{
  fixture->folder = test_folder_new ();
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  g_assert_no_error (fixture->error);
  test_folder_remove (fixture->folder);
}

/* Opens a file of this header and `size` zero bytes (data NULL) or the bytes given. */
static GessoWeights *
open_file (Fixture *fixture, const char *header, const void *data, gsize size)
{
  g_autofree guint8 *zeros = g_malloc0 (size + 1);
  g_autoptr (GByteArray) file = test_safetensors (header, data ? data : zeros, size);
  g_autofree char *path = test_write (fixture->folder, "model.safetensors", file->data, file->len);

  return gesso_weights_open_safetensors (path, NULL, &fixture->error);
}

/* Expects that opening such a file fails, with all of these in the message. */
static void
expect_refusal (Fixture *fixture, const char *header, gsize size, const char *text, const char *other_text)
{
  g_assert_null (open_file (fixture, header, NULL, size));
  test_error_says (&fixture->error, GESSO_ERROR_MODEL_INVALID, "model.safetensors", text, other_text, NULL);
}

static void
test_read (Fixture *fixture, gconstpointer data)
{
  static const struct
  {
    float f32[4];
    guint16 f16[2];
    guint16 bf16[3];
    guint16 nothing[3];
    gint64 ids[2];
  } values = { { 1.5f, -2, 3e-5f, 65504 }, { 0x3c00, 0x0001 }, { 0x3f80, 0xc000, 0x7f80 }, { 0 }, { 0, 1 } };
  static const char header[] = "{\"__metadata__\":{\"format\":\"pt\"},"
                               "\"a.f32\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,16]},"
                               "\"b.f16\":{\"dtype\":\"F16\",\"shape\":[2,1,1],\"data_offsets\":[16,20]},"
                               "\"c.bf16\":{\"dtype\":\"BF16\",\"shape\":[3],\"data_offsets\":[20,26]},"
                               "\"scalar\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[26,30]},"
                               "\"empty\":{\"dtype\":\"F32\",\"shape\":[0,4],\"data_offsets\":[30,30]},"
                               "\"one\":{\"dtype\":\"F16\",\"shape\":[1],\"data_offsets\":[30,32]},"
                               "\"position_ids\":{\"dtype\":\"I64\",\"shape\":[1,2],\"data_offsets\":[32,48]}}    ";
  g_autoptr (GessoWeights) weights = open_file (fixture, header, &values, sizeof values);
  guint16 shorts[4];
  float floats[4];
  GessoShape shape;
  GessoDType dtype;

  g_assert_no_error (fixture->error);
  g_assert_cmpuint (gesso_weights_count (weights), ==, 7);
  g_assert_cmpstr (gesso_weights_name (weights, 0), ==, "a.f32");
  g_assert_cmpstr (gesso_weights_name (weights, 6), ==, "position_ids");
  g_assert_true (g_str_has_suffix (gesso_weights_path (weights), "model.safetensors"));
  g_assert_cmpuint (gesso_weights_file_size (weights), ==, 8 + strlen (header) + sizeof values);

  g_assert_true (gesso_weights_find (weights, "a.f32", &shape, &dtype));
  g_assert_cmpint (dtype, ==, GESSO_DTYPE_F32);
  g_assert_cmpint (shape.rank, ==, 2);
  g_assert_cmpint (shape.dim[0], ==, 2);
  g_assert_cmpint (shape.dim[1], ==, 2);
  g_assert_cmpint (shape.dim[2], ==, 1);
  g_assert_true (gesso_weights_find (weights, "scalar", &shape, &dtype));
  g_assert_cmpint (shape.rank, ==, 0);
  g_assert_cmpint (gesso_shape_elements (&shape), ==, 1);
  g_assert_false (gesso_weights_find (weights, "position_ids", &shape, &dtype));
  g_assert_false (gesso_weights_find (weights, "nothing", &shape, &dtype));

  g_assert_true (gesso_weights_read (weights, "a.f32", 0, 4, GESSO_DTYPE_F32, floats, &fixture->error));
  g_assert_cmpmem (floats, 16, values.f32, 16);
  g_assert_true (gesso_weights_read (weights, "a.f32", 1, 2, GESSO_DTYPE_F32, floats, &fixture->error));
  g_assert_cmpmem (floats, 8, values.f32 + 1, 8);
  g_assert_true (gesso_weights_read (weights, "a.f32", 3, 1, GESSO_DTYPE_F16, shorts, &fixture->error));
  g_assert_cmphex (shorts[0], ==, 0x7bff);
  g_assert_true (gesso_weights_read (weights, "a.f32", 0, 2, GESSO_DTYPE_BF16, shorts, &fixture->error));
  g_assert_cmphex (shorts[0], ==, 0x3fc0);
  g_assert_cmphex (shorts[1], ==, 0xc000);
  g_assert_true (gesso_weights_read (weights, "b.f16", 0, 2, GESSO_DTYPE_F32, floats, &fixture->error));
  g_assert_true (floats[0] == 1 && floats[1] == ldexpf (1, -24));
  g_assert_true (gesso_weights_read (weights, "c.bf16", 1, 2, GESSO_DTYPE_F32, floats, &fixture->error));
  g_assert_true (floats[0] == -2 && isinf (floats[1]));
  g_assert_true (gesso_weights_read (weights, "c.bf16", 0, 1, GESSO_DTYPE_F16, shorts, &fixture->error));
  g_assert_cmphex (shorts[0], ==, 0x3c00);
  g_assert_true (gesso_weights_read (weights, "empty", 0, 0, GESSO_DTYPE_F32, floats, &fixture->error));

  g_assert_false (gesso_weights_read (weights, "a.f32", 3, 2, GESSO_DTYPE_F32, floats, &fixture->error));
  test_error_says (&fixture->error, GESSO_ERROR_MODEL_INVALID, "model.safetensors", "a.f32", "3 to 5", NULL);
  g_assert_false (gesso_weights_read (weights, "a.f32", -1, 1, GESSO_DTYPE_F32, floats, &fixture->error));
  test_error_says (&fixture->error, GESSO_ERROR_MODEL_INVALID, "a.f32", NULL);
  g_assert_false (gesso_weights_read (weights, "a.f32", 0, 1, GESSO_DTYPE_I32, floats, &fixture->error));
  test_error_says (&fixture->error, GESSO_ERROR_MODEL_INVALID, "a.f32", "i32", NULL);
  g_assert_false (gesso_weights_read (weights, "position_ids", 0, 1, GESSO_DTYPE_F32, floats, &fixture->error));
  test_error_says (&fixture->error, GESSO_ERROR_MODEL_INVALID, "position_ids", "I64", "F32, F16 and BF16", NULL);
  g_assert_false (gesso_weights_read (weights, "nothing", 0, 1, GESSO_DTYPE_F32, floats, &fixture->error));
  test_error_says (&fixture->error, GESSO_ERROR_MODEL_INVALID, "lacks", "nothing", NULL);
}

/* More than a piece of the converting reader, from an odd place. */
static void
test_read_long (Fixture *fixture, gconstpointer data)
{
  const gint64 n = 100000;
  g_autofree guint16 *values = g_new (guint16, n);
  g_autofree float *floats = g_new (float, n);
  g_autofree char *header
      = g_strdup_printf ("{\"w\":{\"dtype\":\"F16\",\"shape\":[%d],\"data_offsets\":[0,%d]}}", (int) n, (int) (2 * n));
  g_autoptr (GessoWeights) weights = NULL;

  for (gint64 i = 0; i < n; i++)
    values[i] = (guint16) (i % 0x7c00);
  weights = open_file (fixture, header, values, 2 * (gsize) n);
  g_assert_no_error (fixture->error);
  g_assert_true (gesso_weights_read (weights, "w", 7, n - 7, GESSO_DTYPE_F32, floats, &fixture->error));
  for (gint64 i = 0; i < n - 7; i++)
    {
      const int bits = (int) ((i + 7) % 0x7c00);
      const double expected = bits < 0x400 ? ldexp (bits, -24) : ldexp (0x400 + bits % 0x400, bits / 0x400 - 25);

      g_assert_cmpfloat (floats[i], ==, expected);
    }
}

static void
test_alias (Fixture *fixture, gconstpointer data)
{
  static const float values[] = { 1, 2, 3, 4 };
  g_autoptr (GessoWeights) weights
      = open_file (fixture, "{\"w\":{\"dtype\":\"F32\",\"shape\":[2,2,1,1],\"data_offsets\":[0,16]}}", values, 16);
  float floats[4] = { 0 };
  GessoShape shape;
  GessoDType dtype;

  g_assert_no_error (fixture->error);
  gesso_weights_add_alias (weights, "v", "w", GESSO_SHAPE2 (2, 2));
  g_assert_true (gesso_weights_find (weights, "v", &shape, &dtype));
  g_assert_cmpint (shape.rank, ==, 2);
  g_assert_true (gesso_weights_read (weights, "v", 0, 4, GESSO_DTYPE_F32, floats, &fixture->error));
  g_assert_cmpmem (floats, 16, values, 16);
  g_assert_cmpuint (gesso_weights_count (weights), ==, 1);
  /* The same name under another shape takes the place of the first. */
  gesso_weights_add_alias (weights, "w", "w", GESSO_SHAPE1 (4));
  g_assert_true (gesso_weights_find (weights, "w", &shape, &dtype));
  g_assert_cmpint (shape.rank, ==, 1);
  /* What does not fit is no alias. */
  gesso_weights_add_alias (weights, "x", "w", GESSO_SHAPE1 (5));
  g_assert_false (gesso_weights_find (weights, "x", &shape, &dtype));
  gesso_weights_add_alias (weights, "x", "u", GESSO_SHAPE1 (4));
  g_assert_false (gesso_weights_find (weights, "x", &shape, &dtype));
}

static void
test_check (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GessoWeights) weights
      = open_file (fixture,
                   "{\"w\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]},"
                   "\"d\":{\"dtype\":\"F64\",\"shape\":[3],\"data_offsets\":[24,48]},"
                   "\"n\":{\"dtype\":\"F4_NEW\",\"shape\":[3],\"data_offsets\":[48,49]},"
                   "\"r\":{\"dtype\":\"F32\",\"shape\":[1,1,1,2,3],\"data_offsets\":[49,73]}}",
                   NULL, 73);
  const GessoShape shape = GESSO_SHAPE2 (2, 3);
  const GessoShape other = GESSO_SHAPE2 (3, 2);

  g_assert_no_error (fixture->error);
  g_assert_true (gesso_weights_check (weights, "w", &shape, &fixture->error));
  g_assert_false (gesso_weights_check (weights, "w", &other, &fixture->error));
  test_error_says (&fixture->error, GESSO_ERROR_MODEL_INVALID, "\"w\"", "[2, 3]", "[3, 2]", NULL);
  g_assert_false (gesso_weights_check (weights, "d", &shape, &fixture->error));
  test_error_says (&fixture->error, GESSO_ERROR_MODEL_INVALID, "\"d\"", "F64", NULL);
  g_assert_false (gesso_weights_check (weights, "n", &shape, &fixture->error));
  test_error_says (&fixture->error, GESSO_ERROR_MODEL_INVALID, "\"n\"", "F4_NEW", NULL);
  g_assert_false (gesso_weights_check (weights, "r", &shape, &fixture->error));
  test_error_says (&fixture->error, GESSO_ERROR_MODEL_INVALID, "\"r\"", "5 dimensions", NULL);
  g_assert_false (gesso_weights_check (weights, "z", &shape, &fixture->error));
  test_error_says (&fixture->error, GESSO_ERROR_MODEL_INVALID, "lacks", "\"z\"", NULL);
}

static void
test_headers (Fixture *fixture, gconstpointer data)
{
  static const struct
  {
    const char *header;
    const char *says;
  } cases[] = {
    { "", "not an object" },
    { "[]", "not an object" },
    { "{", "damaged" },
    { "{\"w\":1}", "is no object" },
    { "{\"w\":{}}", "dtype" },
    { "{\"w\":{\"dtype\":3}}", "dtype" },
    { "{\"w\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", "shape" },
    { "{\"w\":{\"dtype\":\"F32\",\"shape\":3,\"data_offsets\":[0,4]}}", "shape" },
    { "{\"w\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}", "shape" },
    { "{\"w\":{\"dtype\":\"F32\",\"shape\":[1.0],\"data_offsets\":[0,4]}}", "shape" },
    { "{\"w\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,0]}}", "shape" },
    { "{\"w\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,4]}}", "shape" },
    { "{\"w\":{\"dtype\":\"F32\",\"shape\":[1]}}", "data_offsets" },
    { "{\"w\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4]}}", "data_offsets" },
    { "{\"w\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,0]}}", "data_offsets" },
    { "{\"w\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,\"4\"]}}", "data_offsets" },
    { "{\"w\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,3]}}", "do not fit" },
    { "{\"w\":{\"dtype\":\"I64\",\"shape\":[1],\"data_offsets\":[0,4]}}", "do not fit" },
    { "{\"w\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", "cut short" },
    { "{\"w\":{\"dtype\":\"NEW\",\"shape\":[2],\"data_offsets\":[0,8]}}", "cut short" },
    { "{\"w\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[9223372036854775800,9223372036854775808]}}",
      "do not fit" },
    /* A gap, a rest, one that lies in the other, one that begins in it. */
    { "{\"w\":{\"dtype\":\"F16\",\"shape\":[1],\"data_offsets\":[2,4]}}", "do not follow" },
    { "{\"w\":{\"dtype\":\"F16\",\"shape\":[1],\"data_offsets\":[0,2]}}", "do not follow" },
    { "{\"w\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
      "\"v\":{\"dtype\":\"F16\",\"shape\":[1],\"data_offsets\":[0,2]}}",
      "do not follow" },
    { "{\"w\":{\"dtype\":\"NEW\",\"shape\":[1],\"data_offsets\":[0,3]},"
      "\"v\":{\"dtype\":\"F16\",\"shape\":[1],\"data_offsets\":[2,4]}}",
      "do not follow" },
    { "{}", "do not follow" },
    { "{\"w\":/*[*/1}", "no JSON" },
    { "{'w':1}", "no JSON" },
    { "{\"\xff\":1}", "UTF-8" },
    /* What the parser quotes of it ends within a letter. */
    { "{\"__metadata_orI__metadata__data_ormit\311\266IIIIBIIIIIIIIIIIIIIIIIId:\" {\"dtype\": ets\": "
      "faII\036IIIIIIIIIdt",
      "damaged" },
    { "{\"w\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}", "too deeply" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    expect_refusal (fixture, cases[i].header, 4, cases[i].says, NULL);
}

static void
test_too_many_values (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GString) header = g_string_new ("{\"w\":[0");

  for (int i = 0; i < 500000; i++)
    g_string_append (header, ",0");
  g_string_append (header, "]}");
  expect_refusal (fixture, header->str, 4, "too many values", NULL);
}

static void
test_long_names (Fixture *fixture, gconstpointer data)
{
  g_autofree char *name = g_strnfill (10000, 'x');
  g_autofree char *header = g_strdup_printf ("{\"%s\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", name);
  g_autofree char *type = g_strdup_printf ("{\"w\":{\"dtype\":\"%s\",\"shape\":[1],\"data_offsets\":[0,4]}}", name);

  expect_refusal (fixture, header, 4, "xxx…", "more than 500 bytes");
  expect_refusal (fixture, type, 4, "dtype", NULL);
}

static void
test_prefix (Fixture *fixture, gconstpointer data)
{
  static const struct
  {
    const char *bytes;
    gsize size;
    const char *says;
  } cases[] = {
    { "", 0, "no safetensors file" },
    { "\x02\0\0\0\0\0\0", 7, "no safetensors file" },
    { "\x03\0\0\0\0\0\0\0{}", 10, "claims a header of 3" },
    { "\xff\xff\xff\xff\xff\xff\xff\xff{}", 10, "claims a header of 18446744073709551615" },
    { "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 4\n", 60, "git lfs pull" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *path = test_write (fixture->folder, "model.safetensors", cases[i].bytes, cases[i].size);

      g_assert_null (gesso_weights_open_safetensors (path, NULL, &fixture->error));
      test_error_says (&fixture->error, GESSO_ERROR_MODEL_INVALID, "model.safetensors", cases[i].says, NULL);
    }
}

/* A header longer than the format allows, in a file that is as long as it claims (and takes no room on the disk). */
static void
test_long_header (Fixture *fixture, gconstpointer data)
{
  static const guint64 length = GUINT64_TO_LE (G_GUINT64_CONSTANT (200000000));
  g_autofree char *path = test_write (fixture->folder, "model.safetensors", &length, sizeof length);

  g_assert_cmpint (truncate (path, 300000000), ==, 0);
  g_assert_null (gesso_weights_open_safetensors (path, NULL, &fixture->error));
  test_error_says (&fixture->error, GESSO_ERROR_MODEL_INVALID, "claims a header of 200000000", NULL);
}

static void
test_no_file (Fixture *fixture, gconstpointer data)
{
  g_autofree char *path = g_build_filename (fixture->folder, "nothing.safetensors", NULL);
  g_autofree char *loop = g_build_filename (fixture->folder, "loop.safetensors", NULL);
  g_autofree char *pipe = g_build_filename (fixture->folder, "pipe.safetensors", NULL);

  g_assert_null (gesso_weights_open_safetensors (path, NULL, &fixture->error));
  test_error_says (&fixture->error, GESSO_ERROR_MODEL_NOT_FOUND, "nothing.safetensors", "Download", NULL);
  g_assert_null (gesso_weights_open_safetensors (fixture->folder, NULL, &fixture->error));
  test_error_says (&fixture->error, GESSO_ERROR_MODEL_INVALID, fixture->folder, "not an ordinary file", "download",
                   NULL);
  g_assert_cmpint (symlink ("loop.safetensors", loop), ==, 0);
  g_assert_null (gesso_weights_open_safetensors (loop, NULL, &fixture->error));
  test_error_says (&fixture->error, GESSO_ERROR_MODEL_INVALID, loop, "cannot be opened", "download", NULL);
  g_assert_cmpint (mkfifo (pipe, 0600), ==, 0);
  g_assert_null (gesso_weights_open_safetensors (pipe, NULL, &fixture->error));
  test_error_says (&fixture->error, GESSO_ERROR_MODEL_INVALID, "not an ordinary file", NULL);
}

/* The file loses its end after it was opened: an error, no signal. */
static void
test_cut_later (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GessoWeights) weights
      = open_file (fixture, "{\"w\":{\"dtype\":\"F32\",\"shape\":[5000],\"data_offsets\":[0,20000]}}", NULL, 20000);
  g_autofree float *floats = g_new (float, 5000);
  g_autofree guint16 *shorts = g_new (guint16, 5000);

  g_assert_no_error (fixture->error);
  g_assert_cmpint (truncate (gesso_weights_path (weights), 10000), ==, 0);
  g_assert_true (gesso_weights_read (weights, "w", 0, 2000, GESSO_DTYPE_F32, floats, &fixture->error));
  g_assert_false (gesso_weights_read (weights, "w", 0, 5000, GESSO_DTYPE_F32, floats, &fixture->error));
  test_error_says (&fixture->error, GESSO_ERROR_MODEL_INVALID, "\"w\"", "model.safetensors", "cut short",
                   "before byte 10000", NULL);
  g_assert_false (gesso_weights_read (weights, "w", 0, 5000, GESSO_DTYPE_BF16, shorts, &fixture->error));
  test_error_says (&fixture->error, GESSO_ERROR_MODEL_INVALID, "\"w\"", "model.safetensors", "cut short", NULL);
}

static void
test_cancelled (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autofree char *path = test_write_text (fixture->folder, "model.safetensors", "");

  g_cancellable_cancel (cancellable);
  g_assert_null (gesso_weights_open_safetensors (path, cancellable, &fixture->error));
  test_error_says (&fixture->error, GESSO_ERROR_CANCELLED, NULL);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name, function) g_test_add ("/safetensors/" name, Fixture, NULL, set_up, function, tear_down)
  ADD ("read", test_read);
  ADD ("read-long", test_read_long);
  ADD ("alias", test_alias);
  ADD ("check", test_check);
  ADD ("headers", test_headers);
  ADD ("too-many-values", test_too_many_values);
  ADD ("long-names", test_long_names);
  ADD ("prefix", test_prefix);
  ADD ("long-header", test_long_header);
  ADD ("no-file", test_no_file);
  ADD ("cut-later", test_cut_later);
  ADD ("cancelled", test_cancelled);
#undef ADD
  return g_test_run ();
}
