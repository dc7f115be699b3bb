/* SPDX-License-Identifier: MIT */
/* ck-stack: Concurrency Kit's lock-free stack, many producers and consumers, page by page. */
#include <ck_stack.h>

#include "references/peer.h"

#ifndef CK_F_STACK_POP_MPMC
#error Concurrency Kit has no such stack on this processor
#endif

struct stack {
	ck_stack_t stack __attribute__((aligned(128)));
	ck_stack_entry_t entries[]; /* of the pages */
};

static int insert(struct place *place, const struct balloon_page *pages, size_t n)
{
	struct stack *stack = place->own;
	for (size_t i = 0; i < n; i++)
		ck_stack_push_mpmc(&stack->stack, &stack->entries[pages[i].index]);
	return (int)n;
}

static int dequeue(struct place *place, struct balloon_page *pages, size_t n)
{
	struct stack *stack = place->own;
	size_t n_done = 0;
	while (n_done < n) {
		ck_stack_entry_t *entry = ck_stack_pop_mpmc(&stack->stack);
		if (!entry)
			break;
		pages[n_done++] = balloon_page((uint32_t)(entry - stack->entries));
	}
	return (int)n_done;
}

LOOPS_OF_REFERENCE

static int create(struct instance *instance)
{
	const size_t n_entries = instance->shape->n_pages;
	int result = peer_create(
		instance, sizeof(struct stack) + n_entries * sizeof(struct ck_stack_entry));
	if (result == 0)
		ck_stack_init(&((struct stack *)instance->memory)->stack);
	return result;
}

const struct subject reference_ck_stack = {
	.name = "ck-stack",
	.what = "Concurrency Kit's ck_stack, many producers and consumers",
	.lacks = PEER_LACKS "; no batches",
	PEER(create, peer_free),
};
