/* SPDX-License-Identifier: MIT */
/* Switching stacks: the registers that a call keeps go on the old stack, and come from the new one. */

#include "engine-internal.h"

#include <string.h>

#ifdef ENGINE_HAS_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

void engine_context_swap(void **from, void *to);

#if defined(__x86_64__)
enum { N_KEPT = 6 };
__asm__(".text\n"
	".globl engine_context_swap\n"
	".hidden engine_context_swap\n"
	".type engine_context_swap, @function\n"
	"engine_context_swap:\n"
	"	pushq %rbp\n"
	"	pushq %rbx\n"
	"	pushq %r12\n"
	"	pushq %r13\n"
	"	pushq %r14\n"
	"	pushq %r15\n"
	"	movq %rsp, (%rdi)\n"
	"	movq %rsi, %rsp\n"
	"	popq %r15\n"
	"	popq %r14\n"
	"	popq %r13\n"
	"	popq %r12\n"
	"	popq %rbx\n"
	"	popq %rbp\n"
	"	ret\n"
	".size engine_context_swap, . - engine_context_swap\n");
#elif defined(__aarch64__)
enum { N_KEPT = 20 };
__asm__(".text\n"
	".globl engine_context_swap\n"
	".hidden engine_context_swap\n"
	".type engine_context_swap, %function\n"
	"engine_context_swap:\n"
	"	sub sp, sp, #160\n"
	"	stp x19, x20, [sp, #0]\n"
	"	stp x21, x22, [sp, #16]\n"
	"	stp x23, x24, [sp, #32]\n"
	"	stp x25, x26, [sp, #48]\n"
	"	stp x27, x28, [sp, #64]\n"
	"	stp x29, x30, [sp, #80]\n"
	"	stp d8, d9, [sp, #96]\n"
	"	stp d10, d11, [sp, #112]\n"
	"	stp d12, d13, [sp, #128]\n"
	"	stp d14, d15, [sp, #144]\n"
	"	mov x2, sp\n"
	"	str x2, [x0]\n"
	"	mov sp, x1\n"
	"	ldp x19, x20, [sp, #0]\n"
	"	ldp x21, x22, [sp, #16]\n"
	"	ldp x23, x24, [sp, #32]\n"
	"	ldp x25, x26, [sp, #48]\n"
	"	ldp x27, x28, [sp, #64]\n"
	"	ldp x29, x30, [sp, #80]\n"
	"	ldp d8, d9, [sp, #96]\n"
	"	ldp d10, d11, [sp, #112]\n"
	"	ldp d12, d13, [sp, #128]\n"
	"	ldp d14, d15, [sp, #144]\n"
	"	add sp, sp, #160\n"
	"	ret\n"
	".size engine_context_swap, . - engine_context_swap\n");
#else
#error "no stack switch for this processor"
#endif

void engine_context_init(
	struct engine_context *context, void *stack, size_t stack_bytes, void (*entry)(void))
{
	uintptr_t top = ((uintptr_t)stack + stack_bytes) & ~(uintptr_t)15;
#ifdef ENGINE_HAS_ASAN
	__asan_unpoison_memory_region(stack, stack_bytes); /* frames that were abandoned */
#endif
	context->stack = stack;
	context->stack_bytes = stack_bytes;
	context->fake_stack = NULL;
#if defined(__x86_64__)
	/* As if entry() had been called: below a return address that it never uses. */
	uintptr_t *at = (uintptr_t *)top - 2 - N_KEPT;
	memset(at, 0, (N_KEPT + 2) * sizeof(*at));
	at[N_KEPT] = (uintptr_t)entry;
#else
	uintptr_t *at = (uintptr_t *)top - N_KEPT;
	memset(at, 0, N_KEPT * sizeof(*at));
	at[11] = (uintptr_t)entry; /* x30 */
#endif
	context->stack_pointer = at;
}

#ifdef ENGINE_HAS_ASAN
/* Where the context that was left keeps what the sanitizer says about it. */
static struct engine_context *left;

static void finish_switch(void *fake_stack)
{
	const void *stack;
	size_t stack_bytes;
	__sanitizer_finish_switch_fiber(fake_stack, &stack, &stack_bytes);
	/* The first context of all is the program's own: now it is known where that lies. */
	if (left && !left->stack) {
		left->stack = (void *)(uintptr_t)stack;
		left->stack_bytes = stack_bytes;
	}
}
#endif

void engine_context_entered(void)
{
#ifdef ENGINE_HAS_ASAN
	finish_switch(NULL);
#endif
}

void engine_context_switch(struct engine_context *from, struct engine_context *to, bool is_last)
{
#ifdef ENGINE_HAS_ASAN
	left = from;
	__sanitizer_start_switch_fiber(
		is_last ? NULL : &from->fake_stack, to->stack, to->stack_bytes);
#else
	(void)is_last;
#endif
	engine_context_swap(&from->stack_pointer, to->stack_pointer);
#ifdef ENGINE_HAS_ASAN
	finish_switch(from->fake_stack);
#endif
}
