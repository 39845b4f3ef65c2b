/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * PyTorch files: those of data/ (written by torch itself, see make-fixtures.py), and zip files and pickles made here.
 */

#include "model/torch-pickle.h"
#include "model/weights.h"
#include "support.h"

#include <math.h>
#include <string.h>

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

static GessoWeights *
open_fixture (const char *name, GError **error)
{
  g_autofree char *path = g_test_build_filename (G_TEST_DIST, "data", name, NULL);

  return gesso_weights_open_torch_zip (path, NULL, error);
}

/* A tensor of make-fixtures.py: first, first + 0.5, first + 1... */
static void
check_ramp (GessoWeights *weights, const char *name, GessoDType stored, float first, int rank, const gint64 *dim)
{
  g_autoptr (GError) error = NULL;
  float values[120];
  GessoShape shape;
  GessoDType dtype;

  g_assert_true (gesso_weights_find (weights, name, &shape, &dtype));
  g_assert_cmpint (dtype, ==, stored);
  g_assert_cmpint (shape.rank, ==, rank);
  for (int d = 0; d < rank; d++)
    g_assert_cmpint (shape.dim[d], ==, dim[d]);
  g_assert_true (gesso_weights_read (weights, name, 0, gesso_shape_elements (&shape), GESSO_DTYPE_F32, values, &error));
  g_assert_no_error (error);
  for (int i = 0; i < gesso_shape_elements (&shape); i++)
    g_assert_cmpfloat (values[i], ==, first + (float) i / 2);
}

static void
test_fixture (gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GessoWeights) weights = open_fixture (data, &error);
  GessoShape shape;
  GessoDType dtype;
  float value;

  g_assert_no_error (error);
  g_assert_cmpuint (gesso_weights_count (weights), ==, 12);
  g_assert_cmpstr (gesso_weights_name (weights, 0), ==, "weight");
  check_ramp (weights, "weight", GESSO_DTYPE_F32, 0, 2, (gint64[]) { 2, 3 });
  check_ramp (weights, "bias", GESSO_DTYPE_F32, 0, 1, (gint64[]) { 2 });
  check_ramp (weights, "half", GESSO_DTYPE_F16, 0, 2, (gint64[]) { 2, 2 });
  check_ramp (weights, "brain", GESSO_DTYPE_BF16, 0, 3, (gint64[]) { 4, 1, 1 });
  check_ramp (weights, "shared.head", GESSO_DTYPE_F32, 0, 1, (gint64[]) { 4 });
  check_ramp (weights, "shared.tail", GESSO_DTYPE_F32, 2, 2, (gint64[]) { 2, 3 });
  check_ramp (weights, "shared.whole", GESSO_DTYPE_F32, 0, 1, (gint64[]) { 10 });
  check_ramp (weights, "parameter", GESSO_DTYPE_F32, 0, 1, (gint64[]) { 3 });
  check_ramp (weights, "scalar", GESSO_DTYPE_F32, 2.5f, 0, NULL);
  check_ramp (weights, "empty", GESSO_DTYPE_F32, 0, 2, (gint64[]) { 0, 4 });
  g_assert_false (gesso_weights_find (weights, "ids", &shape, &dtype));
  g_assert_false (gesso_weights_read (weights, "ids", 0, 1, GESSO_DTYPE_F32, &value, &error));
  test_error_says (&error, GESSO_ERROR_MODEL_INVALID, "\"ids\"", "I64", NULL);
  g_assert_false (gesso_weights_read (weights, "double", 0, 1, GESSO_DTYPE_F32, &value, &error));
  test_error_says (&error, GESSO_ERROR_MODEL_INVALID, "\"double\"", "F64", NULL);
}

/* Tensors that are views of others, or in another order than they are read in. */
static void
test_strided (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GessoWeights) weights = open_fixture ("strided.bin", &error);
  float all[120], values[7];

  g_assert_no_error (error);
  check_ramp (weights, "transposed", GESSO_DTYPE_F32, 0, 2, (gint64[]) { 2, 3 });
  check_ramp (weights, "half", GESSO_DTYPE_F16, 0, 2, (gint64[]) { 4, 3 });
  check_ramp (weights, "last", GESSO_DTYPE_F32, 0, 4, (gint64[]) { 4, 3, 2, 5 });
  check_ramp (weights, "within", GESSO_DTYPE_F32, 0, 2, (gint64[]) { 3, 2 });
  check_ramp (weights, "every.second", GESSO_DTYPE_F32, 0, 1, (gint64[]) { 6 });

  /* In pieces, as backends read; and under another shape. */
  for (gint64 first = 0; first < 120; first += 7)
    {
      const gint64 n = MIN (7, 120 - first);

      g_assert_true (gesso_weights_read (weights, "last", first, n, GESSO_DTYPE_F32, values, &error));
      for (gint64 i = 0; i < n; i++)
        g_assert_cmpfloat (values[i], ==, (float) (first + i) / 2);
    }
  gesso_weights_add_alias (weights, "flat", "last", GESSO_SHAPE2 (12, 10));
  g_assert_true (gesso_weights_read (weights, "flat", 0, 120, GESSO_DTYPE_F32, all, &error));
  for (int i = 0; i < 120; i++)
    g_assert_cmpfloat (all[i], ==, (float) i / 2);
}

/* More values in a row than are converted at a time. */
static void
test_long_strided (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GessoWeights) weights = open_fixture ("long-strided.bin", &error);
  g_autofree float *all = g_new (float, 2 * 8200);

  g_assert_no_error (error);
  g_assert_true (gesso_weights_read (weights, "long", 0, 2 * 8200, GESSO_DTYPE_F32, all, &error));
  for (int i = 0; i < 2 * 8200; i++)
    g_assert_cmpfloat (all[i], ==, (float) (i % 200) / 2);
}

static void
test_refused_fixtures (void)
{
  static const struct
  {
    const char *name;
    const char *says;
    const char *remedy;
  } cases[] = {
    { "os-system.bin", "posix.system", "safetensors" },
    { "list.bin", "opcode EMPTY_LIST", "safetensors" },
    { "checkpoint.bin", "\"epoch\" is no tensor", "safetensors" },
    { "tensor.bin", "no dict of tensors", "safetensors" },
    { "module.bin", "torch.nn.modules.linear.Linear", "safetensors" },
    { "float8.bin", "torch._utils._rebuild_tensor_v3", "safetensors" },
    { "before-1.6.bin", "before 1.6", "anew" },
    { "expanded.bin", "\"w\" says one value in several places", "safetensors" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (open_fixture (cases[i].name, &error));
      test_error_says (&error, GESSO_ERROR_MODEL_INVALID, cases[i].name, cases[i].says, cases[i].remedy, NULL);
    }
  g_assert_false (g_file_test ("/tmp/gesso-was-here", G_FILE_TEST_EXISTS));
}

static void
test_empty_dict (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GessoWeights) weights = open_fixture ("empty.bin", &error);

  g_assert_no_error (error);
  g_assert_cmpuint (gesso_weights_count (weights), ==, 0);
}

/* A state dict { "w": tensor [2] of storage "0" } whose numbers can be told otherwise. */
static GByteArray *
make_pickle (guint8 storage_elements, guint8 offset, guint8 size, guint8 stride)
{
  static const char head[] = "\x80\x02}X\1\0\0\0w"
                             "ctorch._utils\n_rebuild_tensor_v2\n("
                             "(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0"
                             "0X\3\0\0\0cpuK";
  GByteArray *pickle = g_byte_array_new ();
  const guint8 middle[] = { storage_elements, 't', 'Q', 'K', offset, 'K', size, 0x85, 'K', stride, 0x85, 0x89 };

  g_byte_array_append (pickle, (const guint8 *) head, sizeof head - 1);
  g_byte_array_append (pickle, middle, sizeof middle);
  g_byte_array_append (pickle, (const guint8 *) "}tRs.", 5);
  return pickle;
}

static const float two[] = { 3, 3.5f };

static GessoWeights *
open_zip (Fixture *fixture, TestZip *zip)
{
  g_autofree char *path = test_zip_finish (zip, fixture->folder);

  return gesso_weights_open_torch_zip (path, NULL, &fixture->error);
}

static void
expect_refused_zip (Fixture *fixture, TestZip *zip, const char *text, const char *other_text)
{
  g_assert_null (open_zip (fixture, zip));
  test_error_says (&fixture->error, GESSO_ERROR_MODEL_INVALID, "model.bin", text, other_text, NULL);
}

static void
test_zip (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GByteArray) pickle = make_pickle (2, 0, 2, 1);
  g_autoptr (GessoWeights) weights = NULL;
  TestZip zip;

  test_zip_start (&zip);
  zip.zip64 = GPOINTER_TO_INT (data);
  test_zip_add (&zip, "any/data.pkl", pickle->data, pickle->len);
  test_zip_add (&zip, "any/byteorder", "little", 6);
  test_zip_add (&zip, "any/data/0", two, sizeof two);
  weights = open_zip (fixture, &zip);
  g_assert_no_error (fixture->error);
  check_ramp (weights, "w", GESSO_DTYPE_F32, 3, 1, (gint64[]) { 2 });
}

static void
test_bad_entries (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GByteArray) pickle = make_pickle (2, 0, 2, 1);
  TestZip zip;

  test_zip_start (&zip);
  zip.method = 8;
  test_zip_add (&zip, "a/data.pkl", pickle->data, pickle->len);
  expect_refused_zip (fixture, &zip, "a/data.pkl", "compressed");

  test_zip_start (&zip);
  test_zip_add (&zip, "a/data.pkl", pickle->data, pickle->len);
  zip.flags = 1;
  test_zip_add (&zip, "a/data/0", two, sizeof two);
  expect_refused_zip (fixture, &zip, "a/data/0", "encrypted");

  test_zip_start (&zip);
  test_zip_add (&zip, "a/data.pkl", pickle->data, pickle->len);
  expect_refused_zip (fixture, &zip, "lacks", "a/data/0");

  test_zip_start (&zip);
  test_zip_add (&zip, "a/data.pkl", pickle->data, pickle->len);
  zip.misplaced = 3;
  test_zip_add (&zip, "a/data/0", two, sizeof two);
  expect_refused_zip (fixture, &zip, "does not lie inside", "a/data/0");

  test_zip_start (&zip);
  test_zip_add (&zip, "a/data.pkl", pickle->data, pickle->len);
  zip.misplaced = 100000;
  test_zip_add (&zip, "a/data/0", two, sizeof two);
  expect_refused_zip (fixture, &zip, "does not lie inside", "a/data/0");

  test_zip_start (&zip);
  test_zip_add (&zip, "a/weights.txt", "x", 1);
  expect_refused_zip (fixture, &zip, "without a pickle", "Download");

  test_zip_start (&zip);
  test_zip_add (&zip, "a/data.pkl", pickle->data, pickle->len);
  test_zip_add (&zip, "a/byteorder", "big", 3);
  test_zip_add (&zip, "a/data/0", two, sizeof two);
  expect_refused_zip (fixture, &zip, "byte order", "safetensors");
}

static void
test_large_pickle (Fixture *fixture, gconstpointer data)
{
  g_autofree char *long_pickle = g_malloc0 (3 << 20);
  TestZip zip;

  test_zip_start (&zip);
  test_zip_add (&zip, "a/data.pkl", long_pickle, 3 << 20);
  expect_refused_zip (fixture, &zip, "a/data.pkl", "too many");
}

static void
test_bad_tensors (Fixture *fixture, gconstpointer data)
{
  static const struct
  {
    guint8 storage_elements, offset, size, stride;
    const char *says;
  } cases[] = {
    { 3, 0, 2, 1, "larger than the entry \"a/data/0\"" }, /* the storage is longer than its entry */
    { 2, 0, 3, 1, "larger than the entry" },
    { 2, 1, 2, 1, "larger than the entry" },
    { 2, 3, 0, 1, "larger than the entry" },
    { 2, 0, 2, 2, "larger than the entry" },
    { 2, 0, 2, 0, "one value in several places" },
  };
  TestZip zip;

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GByteArray) pickle
          = make_pickle (cases[i].storage_elements, cases[i].offset, cases[i].size, cases[i].stride);

      test_zip_start (&zip);
      test_zip_add (&zip, "a/data.pkl", pickle->data, pickle->len);
      test_zip_add (&zip, "a/data/0", two, sizeof two);
      expect_refused_zip (fixture, &zip, "\"w\"", cases[i].says);
    }
}

/* Every cut of a good file is an error that says so. */
static void
test_cut (Fixture *fixture, gconstpointer data)
{
  g_autofree char *whole = g_test_build_filename (G_TEST_DIST, "data", "state-dict.bin", NULL);
  g_autofree char *bytes = NULL;
  gsize size;

  g_assert_true (g_file_get_contents (whole, &bytes, &size, NULL));
  for (gsize cut = 0; cut < size; cut += 13)
    {
      g_autofree char *path = test_write (fixture->folder, "cut.bin", bytes, cut);

      g_assert_null (gesso_weights_open_torch_zip (path, NULL, &fixture->error));
      test_error_says (&fixture->error, GESSO_ERROR_MODEL_INVALID, "cut.bin", "ownload it again", NULL);
    }
}

static void
test_no_zip (Fixture *fixture, gconstpointer data)
{
  g_autofree char *text = test_write_text (fixture->folder, "text.bin", "<html>not found, sorry</html>");
  g_autofree char *pointer
      = test_write_text (fixture->folder, "pointer.bin", "version https://git-lfs.github.com/spec/v1\noid 0\n");
  g_autofree char *zip = test_write_text (fixture->folder, "zip.bin", "PK is how this begins, but that is all");
  g_autofree char *missing = g_build_filename (fixture->folder, "missing.bin", NULL);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();

  g_assert_null (gesso_weights_open_torch_zip (text, NULL, &fixture->error));
  test_error_says (&fixture->error, GESSO_ERROR_MODEL_INVALID, "text.bin", "no PyTorch file", NULL);
  g_assert_null (gesso_weights_open_torch_zip (pointer, NULL, &fixture->error));
  test_error_says (&fixture->error, GESSO_ERROR_MODEL_INVALID, "pointer.bin", "git lfs pull", NULL);
  g_assert_null (gesso_weights_open_torch_zip (zip, NULL, &fixture->error));
  test_error_says (&fixture->error, GESSO_ERROR_MODEL_INVALID, "zip.bin", "no zip directory", NULL);
  g_assert_null (gesso_weights_open_torch_zip (missing, NULL, &fixture->error));
  test_error_says (&fixture->error, GESSO_ERROR_MODEL_NOT_FOUND, "missing.bin", NULL);
  g_cancellable_cancel (cancellable);
  g_assert_null (gesso_weights_open_torch_zip (zip, cancellable, &fixture->error));
  test_error_says (&fixture->error, GESSO_ERROR_CANCELLED, NULL);
}

/* Pickles that are refused: bytes, and what is said of them. */
static void
test_pickles (void)
{
#define P(bytes, text, opcode) { bytes, sizeof bytes - 1, text, opcode }
  static const struct
  {
    const char *bytes;
    gsize size;
    const char *says;
    const char *opcode;
  } cases[] = {
    P ("", "cut short", ""),
    P ("\x80\x02", "cut short", ""),
    P ("\x80", "cut short", "PROTO"),
    P ("\x80\x01.", "unknown protocol", "PROTO"),
    P ("\x80\x06.", "unknown protocol", "PROTO"),
    P (".", "not there", "STOP"),
    P ("(.", "not there", "STOP"),
    P ("0", "no state dict needs", "opcode POP,"),
    P ("]", "no state dict needs", "EMPTY_LIST"),
    P ("i__main__\nX\n", "no state dict needs", "INST"),
    P ("\x81", "no state dict needs", "NEWOBJ"),
    P ("\xff", "no state dict needs", "opcode ?"),
    P ("cos\nsystem\n", "\"os.system\"", "GLOBAL"),
    P ("cbuiltins\neval\n", "\"builtins.eval\"", "GLOBAL"),
    P ("ctorch._utils\n_rebuild_tensor\n", "\"torch._utils._rebuild_tensor\"", "GLOBAL"),
    P ("cos\nsystem", "cut short", "GLOBAL"),
    P ("cos", "cut short", "GLOBAL"),
    P ("c\xff\nx\n", ".x\"", "GLOBAL"),
    P ("\x8c\2os\x8c\6system\x93", "\"os.system\"", "STACK_GLOBAL"),
    P ("K\1K\1\x93", "no text", "STACK_GLOBAL"),
    P ("\x93", "not there", "STACK_GLOBAL"),
    P ("K\1)R", "no function", "REDUCE"),
    P ("ctorch\nFloatStorage\n)R", "calls torch.FloatStorage", "REDUCE"),
    P ("ccollections\nOrderedDict\nK\1\x85R", "calls collections.OrderedDict", "REDUCE"),
    P ("ccollections\nOrderedDict\nK\1R", "calls collections.OrderedDict", "REDUCE"),
    P ("ctorch._utils\n_rebuild_parameter\nK\1\x89K\1\x87R", "calls torch._utils._rebuild_parameter", "REDUCE"),
    P ("ctorch._utils\n_rebuild_tensor_v2\n)R", "calls torch._utils._rebuild_tensor_v2", "REDUCE"),
    P ("R", "not there", "REDUCE"),
    P ("K\1Q", "no storage", "BINPERSID"),
    P ("(K\1K\1K\1K\1K\1tQ", "no storage", "BINPERSID"),
    P ("Q", "not there", "BINPERSID"),
    P ("K\1}b", "no dict", "BUILD"),
    P ("}K\1b", "no dict", "BUILD"),
    P ("}b", "not there", "BUILD"),
    P ("K\1K\1K\1s", "no dict", "SETITEM"),
    P ("}K\1s", "not there", "SETITEM"),
    P ("}(K\1u", "not there", "SETITEMS"),
    P ("}(K\1K\1s", "not there", "SETITEM"),
    P ("u", "not there", "SETITEMS"),
    P ("t", "not there", "opcode TUPLE,"),
    P ("K\1\x86", "not there", "TUPLE2"),
    P ("K\1(\x85", "not there", "TUPLE1"),
    P ("q\1", "not there", "BINPUT"),
    P ("K\1(q\1", "not there", "BINPUT"),
    P ("h\1", "never noted", "BINGET"),
    P ("j\1\0\0\0", "never noted", "LONG_BINGET"),
    P ("X\5\0\0\0abc", "cut short", "BINUNICODE"),
    P ("X\xff\xff\xff\xff"
       "abc",
       "cut short", "BINUNICODE"),
    P ("X\1\0", "cut short", "BINUNICODE"),
    P ("\x8c\1\xff", "UTF-8", "SHORT_BINUNICODE"),
    P ("\x8c\1\0", "UTF-8", "SHORT_BINUNICODE"),
    P ("\x8a\x09"
       "abcdefghi",
       "64 bits", "LONG1"),
    P ("\x95\0\0", "cut short", "FRAME"),
    P ("N.", "no dict of tensors", ""),
    P ("}K\1K\1s.", "is no tensor", ""),
    P ("}X\1\0\0\0wNs.", "\"w\" is no tensor", ""),
  };
#undef P

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      /* A copy of just the size, for the sanitizer to see. */
      g_autofree guint8 *bytes = g_memdup2 (cases[i].bytes, cases[i].size);
      g_autoptr (GError) error = NULL;

      g_assert_null (gesso_torch_dict_read ("model.bin", bytes, cases[i].size, NULL, &error));
      test_error_says (&error, GESSO_ERROR_MODEL_INVALID, "model.bin", cases[i].says, cases[i].opcode, NULL);
    }
}

/* Opcodes and numbers that the fixtures do not show. */
static void
test_numbers (void)
{
  static const char start[]
      = "\x80\x04\x95\0\0\0\0\0\0\0\0}\x94(\x8c\1a\x8c\x0ctorch._utils\x8c\x12_rebuild_tensor_v2\x93("
        "(\x8c\7storagectorch\nHalfStorage\n\x8c\1k\x8c\3cpuJ\xff\xff\xff\x7ftQ"
        "r\xff\xff\xff\xffj\xff\xff\xff\xff\x86";
  static const char dict[] = "M\x01\x02\x8a\2\xff\x7f\x85\x8a\0\x85\x88NtRu.";
  g_autoptr (GByteArray) pickle = g_byte_array_new ();
  g_autoptr (GessoTorchDict) result = NULL;
  g_autoptr (GError) error = NULL;
  const GessoTorchTensor *tensor;

  /* The storage twice in a tuple is no argument list torch would write... */
  g_byte_array_append (pickle, (const guint8 *) start, sizeof start - 1);
  g_byte_array_append (pickle, (const guint8 *) dict, sizeof dict - 1);
  g_assert_null (gesso_torch_dict_read ("model.bin", pickle->data, pickle->len, NULL, &error));
  test_error_says (&error, GESSO_ERROR_MODEL_INVALID, "calls torch._utils._rebuild_tensor_v2", NULL);

  /* ... once alone it is. */
  g_byte_array_set_size (pickle, 0);
  g_byte_array_append (pickle, (const guint8 *) start, sizeof start - 1 - 6);
  g_byte_array_append (pickle, (const guint8 *) dict, sizeof dict - 1);
  result = gesso_torch_dict_read ("model.bin", pickle->data, pickle->len, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (gesso_torch_dict_count (result), ==, 1);
  tensor = gesso_torch_dict_get (result, 0);
  g_assert_cmpstr (tensor->name, ==, "a");
  g_assert_cmpstr (tensor->storage, ==, "k");
  g_assert_cmpstr (tensor->type, ==, "F16");
  g_assert_cmpint (tensor->storage_elements, ==, G_MAXINT32);
  g_assert_cmpint (tensor->offset, ==, 0x201);
  g_assert_cmpuint (tensor->rank, ==, 1);
  g_assert_cmpint (tensor->dim[0], ==, 0x7fff);
  g_assert_cmpint (tensor->stride[0], ==, 0);
}

static void
test_long_names (void)
{
  g_autoptr (GByteArray) pickle = g_byte_array_new ();
  g_autofree char *line = g_strdup_printf ("c%10000s\nx\n.", "");
  g_autofree char *name = g_strnfill (10000, 'x');
  g_autoptr (GError) error = NULL;

  g_byte_array_append (pickle, (const guint8 *) "X\x10\x27\0\0", 5);
  g_byte_array_append (pickle, (const guint8 *) name, 10000);
  g_assert_null (gesso_torch_dict_read ("model.bin", pickle->data, pickle->len, NULL, &error));
  test_error_says (&error, GESSO_ERROR_MODEL_INVALID, "more than 500 bytes", "BINUNICODE", NULL);
  g_assert_null (gesso_torch_dict_read ("model.bin", (const guint8 *) line, strlen (line), NULL, &error));
  test_error_says (&error, GESSO_ERROR_MODEL_INVALID, "more than 500 bytes", "GLOBAL", NULL);
}

/* A dict inside itself, and a tuple that doubles forty times: nothing follows them. */
static void
test_knots (void)
{
  static const char knot[] = "}q\1X\1\0\0\0wh\1s.";
  g_autoptr (GByteArray) pickle = g_byte_array_new ();
  g_autoptr (GError) error = NULL;

  g_assert_null (gesso_torch_dict_read ("model.bin", (const guint8 *) knot, sizeof knot - 1, NULL, &error));
  test_error_says (&error, GESSO_ERROR_MODEL_INVALID, "\"w\" is no tensor", NULL);
  g_byte_array_append (pickle, (const guint8 *) ")", 1);
  for (int i = 0; i < 40; i++)
    g_byte_array_append (pickle, (const guint8 *) "q\1h\1\x86", 5);
  g_byte_array_append (pickle, (const guint8 *) ".", 1);
  g_assert_null (gesso_torch_dict_read ("model.bin", pickle->data, pickle->len, NULL, &error));
  test_error_says (&error, GESSO_ERROR_MODEL_INVALID, "no dict of tensors", NULL);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_data_func ("/torch/fixture/state-dict", "state-dict.bin", test_fixture);
  g_test_add_data_func ("/torch/fixture/plain-dict-protocol-4", "plain-dict-protocol-4.bin", test_fixture);
  g_test_add_func ("/torch/strided", test_strided);
  g_test_add_func ("/torch/long-strided", test_long_strided);
  g_test_add_func ("/torch/fixture/refused", test_refused_fixtures);
  g_test_add_func ("/torch/fixture/empty", test_empty_dict);
#define ADD(name, data, function) g_test_add ("/torch/" name, Fixture, data, set_up, function, tear_down)
  ADD ("zip", NULL, test_zip);
  ADD ("zip64", GINT_TO_POINTER (TRUE), test_zip);
  ADD ("bad-entries", NULL, test_bad_entries);
  ADD ("large-pickle", NULL, test_large_pickle);
  ADD ("bad-tensors", NULL, test_bad_tensors);
  ADD ("cut", NULL, test_cut);
  ADD ("no-zip", NULL, test_no_zip);
#undef ADD
  g_test_add_func ("/torch/pickles", test_pickles);
  g_test_add_func ("/torch/numbers", test_numbers);
  g_test_add_func ("/torch/long-names", test_long_names);
  g_test_add_func ("/torch/knots", test_knots);
  return g_test_run ();
}
