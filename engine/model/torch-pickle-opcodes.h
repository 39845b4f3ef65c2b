/* SPDX-FileCopyrightText: The Gesso authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The opcodes of Python's pickle protocols 2 to 5, with Python's own names.
 */

#pragma once

/* X (code, name): those a plain state dict needs. */
#define PICKLE_OPCODES_KNOWN(X)                                                                                        \
  X (0x80, PROTO)                                                                                                      \
  X (0x95, FRAME)                                                                                                      \
  X ('.', STOP)                                                                                                        \
  X ('(', MARK)                                                                                                        \
  X ('N', NONE)                                                                                                        \
  X (0x88, NEWTRUE)                                                                                                    \
  X (0x89, NEWFALSE)                                                                                                   \
  X ('J', BININT)                                                                                                      \
  X ('K', BININT1)                                                                                                     \
  X ('M', BININT2)                                                                                                     \
  X (0x8a, LONG1)                                                                                                      \
  X ('X', BINUNICODE)                                                                                                  \
  X (0x8c, SHORT_BINUNICODE)                                                                                           \
  X (')', EMPTY_TUPLE)                                                                                                 \
  X (0x85, TUPLE1)                                                                                                     \
  X (0x86, TUPLE2)                                                                                                     \
  X (0x87, TUPLE3)                                                                                                     \
  X ('t', TUPLE)                                                                                                       \
  X ('}', EMPTY_DICT)                                                                                                  \
  X ('s', SETITEM)                                                                                                     \
  X ('u', SETITEMS)                                                                                                    \
  X ('q', BINPUT)                                                                                                      \
  X ('r', LONG_BINPUT)                                                                                                 \
  X (0x94, MEMOIZE)                                                                                                    \
  X ('h', BINGET)                                                                                                      \
  X ('j', LONG_BINGET)                                                                                                 \
  X ('c', GLOBAL)                                                                                                      \
  X (0x93, STACK_GLOBAL)                                                                                               \
  X ('R', REDUCE)                                                                                                      \
  X ('b', BUILD)                                                                                                       \
  X ('Q', BINPERSID)

/* Those that are refused, by name. */
#define PICKLE_OPCODES_REFUSED(X)                                                                                      \
  X ('0', POP)                                                                                                         \
  X ('1', POP_MARK)                                                                                                    \
  X ('2', DUP)                                                                                                         \
  X ('F', FLOAT)                                                                                                       \
  X ('I', INT)                                                                                                         \
  X ('L', LONG)                                                                                                        \
  X ('P', PERSID)                                                                                                      \
  X ('S', STRING)                                                                                                      \
  X ('T', BINSTRING)                                                                                                   \
  X ('U', SHORT_BINSTRING)                                                                                             \
  X ('V', UNICODE)                                                                                                     \
  X ('a', APPEND)                                                                                                      \
  X ('d', DICT)                                                                                                        \
  X ('e', APPENDS)                                                                                                     \
  X ('g', GET)                                                                                                         \
  X ('i', INST)                                                                                                        \
  X ('l', LIST)                                                                                                        \
  X (']', EMPTY_LIST)                                                                                                  \
  X ('o', OBJ)                                                                                                         \
  X ('p', PUT)                                                                                                         \
  X ('G', BINFLOAT)                                                                                                    \
  X ('B', BINBYTES)                                                                                                    \
  X ('C', SHORT_BINBYTES)                                                                                              \
  X (0x81, NEWOBJ)                                                                                                     \
  X (0x82, EXT1)                                                                                                       \
  X (0x83, EXT2)                                                                                                       \
  X (0x84, EXT4)                                                                                                       \
  X (0x8b, LONG4)                                                                                                      \
  X (0x8d, BINUNICODE8)                                                                                                \
  X (0x8e, BINBYTES8)                                                                                                  \
  X (0x8f, EMPTY_SET)                                                                                                  \
  X (0x90, ADDITEMS)                                                                                                   \
  X (0x91, FROZENSET)                                                                                                  \
  X (0x92, NEWOBJ_EX)                                                                                                  \
  X (0x96, BYTEARRAY8)                                                                                                 \
  X (0x97, NEXT_BUFFER)                                                                                                \
  X (0x98, READONLY_BUFFER)

enum
{
#define PICKLE_ENUM(code, name) PICKLE_OP_##name = code,
  PICKLE_OPCODES_KNOWN (PICKLE_ENUM)
#undef PICKLE_ENUM
};
