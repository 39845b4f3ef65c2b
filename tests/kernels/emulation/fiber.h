// SPDX-FileCopyrightText: The Gesso authors
// SPDX-License-Identifier: Apache-2.0
//
// Threads of a block as fibers: each with a stack of its own, switched by hand.

#pragma once

#include <cstddef>

#if !defined __x86_64__ || defined GESSO_EMULATION_UCONTEXT
#include <ucontext.h>
#endif

namespace emulation
{

struct Fiber
{
  char *stack = nullptr;
  void *sanitizer_stack = nullptr;
#if !defined __x86_64__ || defined GESSO_EMULATION_UCONTEXT
  ucontext_t context;
#else
  void *stack_pointer = nullptr;
#endif
};

// Makes `fiber` start at `entry` when it is next switched to. Its stack is kept from one use to the next.
void fiber_prepare (Fiber &fiber, void (*entry) ());

// Leaves `from` for `to`; `ends`: `from` will never be switched to again.
void fiber_switch (Fiber &from, Fiber &to, bool ends);

// To be called before the first switch away from a stack that is not a fiber's.
void fiber_forget_launcher ();

// To be called first in an entry: tells AddressSanitizer that the switch is done.
void fiber_entered ();

} // namespace emulation
