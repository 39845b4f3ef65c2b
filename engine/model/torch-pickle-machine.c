/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The stack machine that runs a pickle.
 */

#include "torch-pickle-opcodes.h"
#include "../shown-text.h"
#include "torch-pickle-values.h"
#include "../cancel.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#define MAX_PROTOCOL 5
/* Names are part of messages; the longest of a tensor here has some 90 bytes. */
#define MAX_NAME 500

typedef struct
{
  const char *path;
  const guint8 *code;
  gsize size;
  gsize position;  /* of the next byte */
  gsize operation; /* of the opcode that runs */
  GPtrArray *heap;
  GPtrArray *stack;
  GArray *marks;    /* of guint: heights of the stack */
  GHashTable *memo; /* number -> PickleValue */
  GError **error;
} Machine;

static const char *
opcode_name (guint8 code)
{
  switch (code)
    {
#define NAME(code, name)                                                                                               \
  case code:                                                                                                           \
    return #name;
      PICKLE_OPCODES_KNOWN (NAME)
      PICKLE_OPCODES_REFUSED (NAME)
#undef NAME
    default:
      return "?";
    }
}

static gboolean
refuse (Machine *machine, const char *what)
{
  const guint8 code = machine->code[machine->operation];

  g_set_error (machine->error, GESSO_ERROR, GESSO_ERROR_MODEL_INVALID,
               _ ("%s: its pickle %s (opcode %s, byte %zu). Only plain state dicts are read, and nothing in them is "
                  "ever executed; use a safetensors file of "
                  "this model instead."),
               machine->path, what, opcode_name (code), machine->operation);
  return FALSE;
}

static gboolean
refuse_cut (Machine *machine)
{
  return refuse (machine, _ ("is cut short"));
}

static gboolean
refuse_stack (Machine *machine)
{
  return refuse (machine, _ ("takes from its stack what is not there"));
}

static void
push (Machine *machine, PickleValue *value)
{
  g_ptr_array_add (machine->stack, value);
}

/* Values that may be taken: those above the last mark. */
static guint
available (const Machine *machine)
{
  const guint floor = machine->marks->len ? g_array_index (machine->marks, guint, machine->marks->len - 1) : 0;

  return machine->stack->len - floor;
}

static PickleValue *
pop (Machine *machine)
{
  if (available (machine) == 0)
    {
      refuse_stack (machine);
      return NULL;
    }
  return g_ptr_array_steal_index (machine->stack, machine->stack->len - 1);
}

static PickleValue *
top (Machine *machine)
{
  if (available (machine) == 0)
    {
      refuse_stack (machine);
      return NULL;
    }
  return g_ptr_array_index (machine->stack, machine->stack->len - 1);
}

/* The next `count` bytes of the code. */
static const guint8 *
take (Machine *machine, gsize count)
{
  const guint8 *bytes = machine->code + machine->position;

  if (count > machine->size - machine->position)
    {
      refuse_cut (machine);
      return NULL;
    }
  machine->position += count;
  return bytes;
}

/* A little-endian number of `count` <= 8 bytes, sign-extended when `is_signed`. */
static gboolean
take_number (Machine *machine, gsize count, gboolean is_signed, gint64 *number)
{
  const guint8 *bytes = take (machine, count);
  guint64 value = 0;

  if (!bytes)
    return FALSE;
  for (gsize i = 0; i < count; i++)
    value |= (guint64) bytes[i] << (8 * i);
  if (is_signed && count > 0 && count < 8 && (bytes[count - 1] & 0x80))
    value |= G_MAXUINT64 << (8 * count);
  *number = (gint64) value;
  return TRUE;
}

static gboolean
push_integer (Machine *machine, PickleKind kind, gint64 number)
{
  PickleValue *value = pickle_value_new (machine->heap, kind);

  value->integer = number;
  push (machine, value);
  return TRUE;
}

static gboolean
do_integer (Machine *machine, gsize count, gboolean is_signed)
{
  gint64 number;

  return take_number (machine, count, is_signed, &number) && push_integer (machine, PICKLE_INTEGER, number);
}

static gboolean
do_long (Machine *machine)
{
  gint64 count;

  if (!take_number (machine, 1, FALSE, &count))
    return FALSE;
  if (count > 8)
    return refuse (machine, _ ("holds a number of more than 64 bits"));
  return do_integer (machine, (gsize) count, TRUE);
}

static gboolean
do_string (Machine *machine, gsize length_bytes)
{
  const guint8 *bytes;
  PickleValue *value;
  gint64 length;

  if (!take_number (machine, length_bytes, FALSE, &length))
    return FALSE;
  bytes = take (machine, (gsize) length);
  if (!bytes)
    return FALSE;
  if (length > MAX_NAME)
    return refuse (machine, _ ("holds a name of more than 500 bytes"));
  /* This also refuses a NUL inside. */
  if (!g_utf8_validate ((const char *) bytes, (gssize) length, NULL))
    return refuse (machine, _ ("holds a name that is no UTF-8 text"));
  value = pickle_value_new (machine->heap, PICKLE_STRING);
  value->string = g_strndup ((const char *) bytes, (gsize) length);
  push (machine, value);
  return TRUE;
}

static gboolean
do_tuple (Machine *machine, guint n)
{
  PickleValue *tuple;

  if (available (machine) < n)
    return refuse_stack (machine);
  tuple = pickle_value_new (machine->heap, PICKLE_TUPLE);
  tuple->tuple.n = n;
  if (n > 0)
    {
      tuple->tuple.items = g_memdup2 (machine->stack->pdata + machine->stack->len - n, n * sizeof *tuple->tuple.items);
      g_ptr_array_set_size (machine->stack, (int) (machine->stack->len - n));
    }
  push (machine, tuple);
  return TRUE;
}

/* Takes the last mark away; *count values are above it. */
static gboolean
pop_mark (Machine *machine, guint *count)
{
  if (machine->marks->len == 0)
    return refuse_stack (machine);
  *count = available (machine);
  g_array_set_size (machine->marks, machine->marks->len - 1);
  return TRUE;
}

static gboolean
do_marked_tuple (Machine *machine)
{
  guint n;

  return pop_mark (machine, &n) && do_tuple (machine, n);
}

static gboolean
do_dict (Machine *machine)
{
  PickleValue *dict = pickle_value_new (machine->heap, PICKLE_DICT);

  dict->pairs = g_ptr_array_new ();
  push (machine, dict);
  return TRUE;
}

/* Moves `n` values, keys and values in turn, into the dict below them. */
static gboolean
do_set_items (Machine *machine, guint n)
{
  const guint first = machine->stack->len - n;
  PickleValue *dict;

  if (n % 2 || available (machine) < n + 1)
    return refuse_stack (machine);
  dict = g_ptr_array_index (machine->stack, first - 1);
  if (dict->kind != PICKLE_DICT)
    return refuse (machine, _ ("puts items into something that is no dict"));
  for (guint i = 0; i < n; i++)
    g_ptr_array_add (dict->pairs, g_ptr_array_index (machine->stack, first + i));
  g_ptr_array_set_size (machine->stack, (int) first);
  return TRUE;
}

static gboolean
do_marked_items (Machine *machine)
{
  guint n;

  return pop_mark (machine, &n) && do_set_items (machine, n);
}

static gboolean
memo_put (Machine *machine, gint64 number)
{
  PickleValue *value = top (machine);

  if (!value)
    return FALSE;
  g_hash_table_insert (machine->memo, GUINT_TO_POINTER ((guint) number), value);
  return TRUE;
}

static gboolean
do_put (Machine *machine, gsize count)
{
  gint64 number;

  return take_number (machine, count, FALSE, &number) && memo_put (machine, number);
}

static gboolean
do_get (Machine *machine, gsize count)
{
  PickleValue *value;
  gint64 number;

  if (!take_number (machine, count, FALSE, &number))
    return FALSE;
  value = g_hash_table_lookup (machine->memo, GUINT_TO_POINTER ((guint) number));
  if (!value)
    return refuse (machine, _ ("asks for something it never noted"));
  push (machine, value);
  return TRUE;
}

static gboolean
push_global (Machine *machine, const char *module, const char *name)
{
  const PickleGlobal *global = pickle_global_find (module, name);
  PickleValue *value;

  if (!global)
    {
      g_autofree char *module_shown = gesso_text_shorten (module), *name_shown = gesso_text_shorten (name);
      g_autofree char *what
          = g_strdup_printf (_ ("asks for \"%s.%s\", which no state dict needs"), module_shown, name_shown);

      return refuse (machine, what);
    }
  value = pickle_value_new (machine->heap, PICKLE_GLOBAL);
  value->global = global;
  push (machine, value);
  return TRUE;
}

/* Text up to the next end of line. */
static char *
take_line (Machine *machine)
{
  const char *start = (const char *) machine->code + machine->position;
  const char *end = memchr (start, '\n', MIN (machine->size - machine->position, MAX_NAME));

  if (!end)
    {
      refuse (machine, _ ("is cut short or holds a name of more than 500 bytes"));
      return NULL;
    }
  machine->position += (gsize) (end - start) + 1;
  return g_utf8_make_valid (start, end - start);
}

static gboolean
do_global (Machine *machine)
{
  g_autofree char *module = take_line (machine);
  g_autofree char *name = module ? take_line (machine) : NULL;

  return name && push_global (machine, module, name);
}

static gboolean
do_stack_global (Machine *machine)
{
  PickleValue *name = pop (machine);
  PickleValue *module = name ? pop (machine) : NULL;

  if (!module)
    return FALSE;
  if (name->kind != PICKLE_STRING || module->kind != PICKLE_STRING)
    return refuse (machine, _ ("names a global by something that is no text"));
  return push_global (machine, module->string, name->string);
}

static gboolean
do_reduce (Machine *machine)
{
  PickleValue *arguments = pop (machine);
  PickleValue *function = arguments ? pop (machine) : NULL;
  g_autofree char *what = NULL;
  PickleValue *result = NULL;

  if (!function)
    return FALSE;
  if (function->kind != PICKLE_GLOBAL)
    return refuse (machine, _ ("calls something that is no function"));
  if (function->global->call && arguments->kind == PICKLE_TUPLE)
    result = function->global->call (machine->heap, arguments);
  if (!result)
    {
      what = g_strdup_printf (_ ("calls %s.%s in a way that torch does not"), function->global->module,
                              function->global->name);
      return refuse (machine, what);
    }
  push (machine, result);
  return TRUE;
}

/* The state of an OrderedDict is its attributes ("_metadata" with versions), which matter to nobody. */
static gboolean
do_build (Machine *machine)
{
  PickleValue *state = pop (machine);
  PickleValue *object = state ? top (machine) : NULL;

  if (!object)
    return FALSE;
  if (object->kind != PICKLE_DICT || state->kind != PICKLE_DICT)
    return refuse (machine, _ ("sets the state of something that is no dict"));
  return TRUE;
}

static gboolean
do_persistent (Machine *machine)
{
  PickleValue *id = pop (machine);
  PickleValue *storage;

  if (!id)
    return FALSE;
  storage = pickle_storage_new (machine->heap, id);
  if (!storage)
    return refuse (machine, _ ("refers to something that is no storage of a known type"));
  push (machine, storage);
  return TRUE;
}

static gboolean
do_protocol (Machine *machine)
{
  gint64 protocol;

  if (!take_number (machine, 1, FALSE, &protocol))
    return FALSE;
  if (protocol < 2 || protocol > MAX_PROTOCOL)
    return refuse (machine, _ ("has an unknown protocol"));
  return TRUE;
}

static gboolean
step (Machine *machine, guint8 code)
{
  const guint height = machine->stack->len;

  switch (code)
    {
    case PICKLE_OP_PROTO:
      return do_protocol (machine);
    case PICKLE_OP_FRAME:
      return take (machine, 8) != NULL;
    case PICKLE_OP_MARK:
      g_array_append_val (machine->marks, height);
      return TRUE;
    case PICKLE_OP_NONE:
      return push_integer (machine, PICKLE_NONE, 0);
    case PICKLE_OP_NEWTRUE:
      return push_integer (machine, PICKLE_BOOLEAN, 1);
    case PICKLE_OP_NEWFALSE:
      return push_integer (machine, PICKLE_BOOLEAN, 0);
    case PICKLE_OP_BININT:
      return do_integer (machine, 4, TRUE);
    case PICKLE_OP_BININT1:
      return do_integer (machine, 1, FALSE);
    case PICKLE_OP_BININT2:
      return do_integer (machine, 2, FALSE);
    case PICKLE_OP_LONG1:
      return do_long (machine);
    case PICKLE_OP_BINUNICODE:
      return do_string (machine, 4);
    case PICKLE_OP_SHORT_BINUNICODE:
      return do_string (machine, 1);
    case PICKLE_OP_EMPTY_TUPLE:
      return do_tuple (machine, 0);
    case PICKLE_OP_TUPLE1:
      return do_tuple (machine, 1);
    case PICKLE_OP_TUPLE2:
      return do_tuple (machine, 2);
    case PICKLE_OP_TUPLE3:
      return do_tuple (machine, 3);
    case PICKLE_OP_TUPLE:
      return do_marked_tuple (machine);
    case PICKLE_OP_EMPTY_DICT:
      return do_dict (machine);
    case PICKLE_OP_SETITEM:
      return do_set_items (machine, 2);
    case PICKLE_OP_SETITEMS:
      return do_marked_items (machine);
    case PICKLE_OP_BINPUT:
      return do_put (machine, 1);
    case PICKLE_OP_LONG_BINPUT:
      return do_put (machine, 4);
    case PICKLE_OP_MEMOIZE:
      return memo_put (machine, g_hash_table_size (machine->memo));
    case PICKLE_OP_BINGET:
      return do_get (machine, 1);
    case PICKLE_OP_LONG_BINGET:
      return do_get (machine, 4);
    case PICKLE_OP_GLOBAL:
      return do_global (machine);
    case PICKLE_OP_STACK_GLOBAL:
      return do_stack_global (machine);
    case PICKLE_OP_REDUCE:
      return do_reduce (machine);
    case PICKLE_OP_BUILD:
      return do_build (machine);
    case PICKLE_OP_BINPERSID:
      return do_persistent (machine);
    default:
      return refuse (machine, _ ("does something that no state dict needs"));
    }
}

/* Runs to the end. */
static PickleValue *
run (Machine *machine, GCancellable *cancellable)
{
  for (guint n = 0;; n++)
    {
      machine->operation = machine->position;
      if (machine->position >= machine->size)
        {
          g_set_error (machine->error, GESSO_ERROR, GESSO_ERROR_MODEL_INVALID,
                       _ ("%s: its pickle is cut short. Download the file again."), machine->path);
          return NULL;
        }
      machine->position++;
      if (machine->code[machine->operation] == PICKLE_OP_STOP)
        return pop (machine);
      if (n % 4096 == 0 && gesso_is_cancelled (cancellable, machine->error))
        return NULL;
      if (!step (machine, machine->code[machine->operation]))
        return NULL;
    }
}

PickleValue *
pickle_run (const char *path, const guint8 *code, gsize size, GPtrArray *heap, GCancellable *cancellable,
            GError **error)
{
  g_autoptr (GPtrArray) stack = g_ptr_array_new ();
  g_autoptr (GArray) marks = g_array_new (FALSE, FALSE, sizeof (guint));
  g_autoptr (GHashTable) memo = g_hash_table_new (NULL, NULL);
  Machine machine = {
    .path = path, .code = code, .size = size, .heap = heap, .stack = stack, .marks = marks, .memo = memo, .error = error
  };

  return run (&machine, cancellable);
}
