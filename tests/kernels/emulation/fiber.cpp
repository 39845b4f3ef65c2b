// SPDX-FileCopyrightText: The Gesso authors
// SPDX-License-Identifier: Apache-2.0
//
// Built without sanitizers, as all of the emulation: AddressSanitizer's own functions are weak, and used where the
// process has them.

#include "fiber.h"

#include <sys/mman.h>

#include <cstdint>

#include "emulation.h"

extern "C"
{
  void __sanitizer_start_switch_fiber (void **, const void *, size_t) __attribute__ ((weak));
  void __sanitizer_finish_switch_fiber (void *, const void **, size_t *) __attribute__ ((weak));
}

namespace emulation
{

static const size_t stack_bytes = 256 << 10, guard_bytes = 4096;

// The launching thread's stack, as AddressSanitizer tells at the first switch away from it.
static const void *main_stack;
static size_t main_stack_bytes;

static void
make_stack (Fiber &fiber)
{
  const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  void *memory = mmap (nullptr, stack_bytes + guard_bytes, PROT_READ | PROT_WRITE, flags, -1, 0);

  if (memory == MAP_FAILED)
    fail ("no memory for the stack of an emulated thread");
  mprotect (memory, guard_bytes, PROT_NONE);
  fiber.stack = (char *) memory + guard_bytes;
}

void
fiber_forget_launcher ()
{
  main_stack = nullptr;
}

void
fiber_entered ()
{
  const void *stack;
  size_t bytes;

  if (!__sanitizer_finish_switch_fiber)
    return;
  __sanitizer_finish_switch_fiber (nullptr, &stack, &bytes);
  if (!main_stack)
    {
      main_stack = stack;
      main_stack_bytes = bytes;
    }
}

#if !defined __x86_64__ || defined GESSO_EMULATION_UCONTEXT

void
fiber_prepare (Fiber &fiber, void (*entry) ())
{
  if (!fiber.stack)
    make_stack (fiber);
  getcontext (&fiber.context);
  fiber.context.uc_stack.ss_sp = fiber.stack;
  fiber.context.uc_stack.ss_size = stack_bytes;
  fiber.context.uc_link = nullptr;
  makecontext (&fiber.context, entry, 0);
}

static void
change_stack (Fiber &from, Fiber &to)
{
  swapcontext (&from.context, &to.context);
}

#else

// Saves the registers a function must keep. Jumping, not returning, is what processors predict better here.
extern "C" void gesso_emulation_switch (void **save, void *to);
asm (R"(
.text
.globl gesso_emulation_switch
.hidden gesso_emulation_switch
.type gesso_emulation_switch,@function
gesso_emulation_switch:
  pushq %rbp; pushq %rbx; pushq %r12; pushq %r13; pushq %r14; pushq %r15
  movq %rsp,(%rdi)
  movq %rsi,%rsp
  popq %r15; popq %r14; popq %r13; popq %r12; popq %rbx; popq %rbp
  popq %rcx
  jmp *%rcx
.size gesso_emulation_switch,.-gesso_emulation_switch
)");

void
fiber_prepare (Fiber &fiber, void (*entry) ())
{
  void **top;

  if (!fiber.stack)
    make_stack (fiber);
  top = (void **) (fiber.stack + stack_bytes);
  *--top = nullptr; // the entry's return address; it must find the stack pointer at 8 modulo 16
  *--top = (void *) entry;
  for (int i = 0; i < 6; i++)
    *--top = nullptr;
  fiber.stack_pointer = top;
}

static void
change_stack (Fiber &from, Fiber &to)
{
  gesso_emulation_switch (&from.stack_pointer, to.stack_pointer);
}

#endif

void
fiber_switch (Fiber &from, Fiber &to, bool ends)
{
  if (__sanitizer_start_switch_fiber)
    __sanitizer_start_switch_fiber (ends ? nullptr : &from.sanitizer_stack, to.stack ? to.stack : main_stack,
                                    to.stack ? stack_bytes : main_stack_bytes);
  change_stack (from, to);
  if (__sanitizer_finish_switch_fiber)
    __sanitizer_finish_switch_fiber (from.sanitizer_stack, nullptr, nullptr);
}

} // namespace emulation
