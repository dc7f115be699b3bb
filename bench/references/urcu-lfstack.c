/* SPDX-License-Identifier: MIT */
/* urcu-lfstack: userspace-rcu's stack, lock-free push and blocking pop, page by page. */
#include <urcu/lfstack.h>

#include "references/peer.h"

struct stack {
	struct cds_lfs_stack stack;
	struct cds_lfs_node nodes[]; /* of the pages */
};

static int insert(struct place *place, const struct balloon_page *pages, size_t n)
{
	struct stack *stack = place->own;
	for (size_t i = 0; i < n; i++)
		cds_lfs_push(&stack->stack, &stack->nodes[pages[i].index]);
	return (int)n;
}

static int dequeue(struct place *place, struct balloon_page *pages, size_t n)
{
	struct stack *stack = place->own;
	size_t n_done = 0;
	while (n_done < n) {
		struct cds_lfs_node *node = cds_lfs_pop_blocking(&stack->stack);
		if (!node)
			break;
		pages[n_done++] = balloon_page((uint32_t)(node - stack->nodes));
	}
	return (int)n_done;
}

LOOPS_OF_REFERENCE

static int create(struct instance *instance)
{
	const size_t n_nodes = instance->shape->n_pages;
	int result =
		peer_create(instance, sizeof(struct stack) + n_nodes * sizeof(struct cds_lfs_node));
	if (result == 0)
		cds_lfs_init(&((struct stack *)instance->memory)->stack);
	return result;
}

static void destroy(struct instance *instance)
{
	cds_lfs_destroy(&((struct stack *)instance->memory)->stack);
	peer_free(instance);
}

const struct subject reference_urcu_lfstack = {
	.name = "urcu-lfstack",
	.what = "userspace-rcu's lfstack, lock-free push, pop under a mutex",
	.lacks = PEER_LACKS "; no batches",
	PEER(create, destroy),
};
