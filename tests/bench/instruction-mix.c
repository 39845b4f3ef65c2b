/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 */

#include "instruction-mix.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where it may be: named, on the PATH, in the toolkit. It wants nvdisasm beside itself. */
#define DISASSEMBLER "GESSO_CUOBJDUMP"
static const char *const toolkit = "/usr/local/cuda/bin/cuobjdump";

#define INSTRUCTION 16 /* bytes */

/* Sources with products; one type tells of both. */
static const char *const images[]
    = { "linear_f16", "conv2d_f16", "hopper_f16", "gather_f16", "attention_f16", "attention_512_f16", NULL };

typedef struct
{
  guint64 address, target; /* of a branch; 0: none */
  gboolean is_conditional;
  char name[24];
} Instruction;

static char *
find_disassembler (char **why)
{
  const char *named = g_getenv (DISASSEMBLER);
  g_autofree char *found = g_find_program_in_path (named ? named : "cuobjdump");

  if (!found && !named && g_file_test (toolkit, G_FILE_TEST_IS_EXECUTABLE))
    found = g_strdup (toolkit);
  if (!found)
    *why = g_strdup_printf ("no disassembler: %s is not there. It belongs to the CUDA toolkit and is on PyPI "
                            "(nvidia-cuda-cuobjdump and nvidia-cuda-nvdisasm); %s may name it",
                            named ? named : "cuobjdump", DISASSEMBLER);
  return g_steal_pointer (&found);
}

/* "        /\*0a30*\/   @!P1 BRA 0xe90 ;": FALSE for any other line. */
static gboolean
read_instruction (const char *line, Instruction *instruction)
{
  const char *at = line + strspn (line, " \t"), *target;
  char *end;
  gsize length;

  *instruction = (Instruction) { 0 };
  if (!g_str_has_prefix (at, "/*"))
    return FALSE;
  instruction->address = strtoull (at + 2, &end, 16);
  if (end == at + 2 || !g_str_has_prefix (end, "*/"))
    return FALSE;
  at = end + 2 + strspn (end + 2, " \t");
  if (*at == '@')
    {
      instruction->is_conditional = TRUE;
      at += strcspn (at, " ");
      at += strspn (at, " ");
    }
  length = MIN (strcspn (at, " ;"), sizeof instruction->name - 1);
  if (!length)
    return FALSE;
  memcpy (instruction->name, at, length);
  target = strstr (at, "0x");
  if (g_str_has_prefix (at, "BRA") && target)
    instruction->target = strtoull (target, NULL, 16);
  return TRUE;
}

/* How many m16n8k16 of a warp an instruction does the work of, and the bytes of shared memory that a quarter of its
 * warpgroup reads for it; 0 for all others. */
static int
products_of (const Instruction *instruction, int *operands)
{
  int rows, columns;

  *operands = 0;
  if (g_str_has_prefix (instruction->name, "HMMA"))
    return 1;
  if (sscanf (instruction->name, "HGMMA.%dx%dx16", &rows, &columns) != 2)
    return 0;
  *operands = (rows + columns) * 16 * 2 / 4;
  return rows / 4 * columns / (16 * 8);
}

/* Instructions from `first` on, up to the address `end`; with `name` those alone. */
static int
count_until (GArray *code, guint first, guint64 end, const char *name)
{
  int n = 0;

  for (guint i = first; i < code->len && g_array_index (code, Instruction, i).address < end; i++)
    n += !name || g_str_has_prefix (g_array_index (code, Instruction, i).name, name);
  return n;
}

/* What a branch jumps over may end in another branch, `i`, over the rest: then one of the two parts runs each time.
 * Takes the shorter one out of the count. */
static void
count_either (GArray *code, guint first, guint i, KernelFacts *loop)
{
  const Instruction *over = &g_array_index (code, Instruction, i);

  for (guint k = i; !over->is_conditional && k-- > first;)
    {
      const Instruction *branch = &g_array_index (code, Instruction, k);

      if (!branch->is_conditional || branch->target != over->address + INSTRUCTION)
        continue;
      loop->seldom
          -= MIN (count_until (code, k + 1, branch->target, NULL), count_until (code, i + 1, over->target, NULL));
      loop->specials
          -= MIN (count_until (code, k + 1, branch->target, "MUFU"), count_until (code, i + 1, over->target, "MUFU"));
      return;
    }
}

/* Instructions [first, last] are a loop: counts them. */
static KernelFacts
count_loop (GArray *code, guint first, guint last)
{
  const guint64 end = g_array_index (code, Instruction, last).address;
  KernelFacts loop = { 0 };
  guint64 jumped_to = 0;

  for (guint i = first; i <= last; i++)
    {
      const Instruction *instruction = &g_array_index (code, Instruction, i);
      int operands;
      const int products = products_of (instruction, &operands);

      loop.products += products;
      loop.operands += operands;
      if (!products)
        {
          loop.others++;
          loop.seldom += instruction->address < jumped_to;
        }
      if (g_str_has_prefix (instruction->name, "LDSM"))
        {
          loop.matrices++;
          loop.operands += 512;
        }
      loop.specials += g_str_has_prefix (instruction->name, "MUFU");
      /* Within the loop: what such a branch jumps over may be jumped over each time. */
      if (instruction->target > instruction->address && instruction->target <= end)
        {
          jumped_to = MAX (jumped_to, instruction->target);
          count_either (code, first, i, &loop);
        }
    }
  return loop;
}

static gboolean
find_address (GArray *code, guint end, guint64 address, guint *index)
{
  for (guint i = 0; i <= end; i++)
    if (g_array_index (code, Instruction, i).address == address)
      {
        *index = i;
        return TRUE;
      }
  return FALSE;
}

/* The innermost loop with tensor-core instructions: the shortest way back over any. */
static void
finish_kernel (GArray *code, KernelFacts *facts)
{
  for (guint i = 0; facts && i < code->len; i++)
    {
      const Instruction *branch = &g_array_index (code, Instruction, i);
      KernelFacts loop;
      guint first;

      if (!branch->target || branch->target > branch->address || !find_address (code, i, branch->target, &first))
        continue;
      loop = count_loop (code, first, i);
      if (!loop.products || (facts->products && loop.others >= facts->others))
        continue;
      facts->products = loop.products;
      facts->others = loop.others;
      facts->seldom = loop.seldom;
      facts->matrices = loop.matrices;
      facts->operands = loop.operands;
      facts->specials = loop.specials;
    }
  g_array_set_size (code, 0);
}

static void
read_listing (char *listing, GPtrArray *facts)
{
  g_autoptr (GArray) code = g_array_new (FALSE, FALSE, sizeof (Instruction));
  char architecture[16] = "", *line, *next;
  KernelFacts *kernel = NULL;

  for (line = listing; line; line = next)
    {
      Instruction instruction;
      const char *name;

      next = strchr (line, '\n');
      if (next)
        *next++ = '\0';
      if (g_str_has_prefix (line, "arch = "))
        g_strlcpy (architecture, line + strlen ("arch = "), sizeof architecture);
      else if ((name = strstr (line, "Function : ")))
        {
          finish_kernel (code, kernel);
          kernel = kernel_facts_find (facts, name + strlen ("Function : "), architecture);
        }
      else if (read_instruction (line, &instruction))
        g_array_append_val (code, instruction);
    }
  finish_kernel (code, kernel);
}

gboolean
instruction_mix_read (const char *folder, GPtrArray *facts, char **why)
{
  g_autofree char *disassembler = find_disassembler (why);

  for (int i = 0; disassembler && images[i]; i++)
    {
      g_autofree char *file = g_strconcat (folder, "/", images[i], ".fatbin", NULL);
      char *arguments[] = { disassembler, (char *) "-sass", file, NULL };
      g_autofree char *listing = NULL, *said = NULL;
      g_autoptr (GError) error = NULL;
      int status;

      if (!g_spawn_sync (NULL, arguments, NULL, G_SPAWN_DEFAULT, NULL, NULL, &listing, &said, &status, &error)
          || !g_spawn_check_wait_status (status, &error))
        {
          *why = g_strdup_printf ("%s failed: %s %s", disassembler, error->message, said ? g_strstrip (said) : "");
          return FALSE;
        }
      read_listing (listing, facts);
    }
  return disassembler != NULL;
}
