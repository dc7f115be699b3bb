/* SPDX-License-Identifier: MIT */
/* urcu-wfcqueue: userspace-rcu's queue, wait-free enqueue and blocking dequeue, page by page. */
#include <urcu/wfcqueue.h>

#include "references/peer.h"

struct queue {
	struct cds_wfcq_tail tail __attribute__((aligned(128)));
	struct cds_wfcq_head head __attribute__((aligned(128)));
	struct cds_wfcq_node nodes[]; /* of the pages */
};

static int insert(struct place *place, const struct balloon_page *pages, size_t n)
{
	struct queue *queue = place->own;
	for (size_t i = 0; i < n; i++) {
		struct cds_wfcq_node *node = &queue->nodes[pages[i].index];
		cds_wfcq_node_init(node);
		cds_wfcq_enqueue(&queue->head, &queue->tail, node);
	}
	return (int)n;
}

static int dequeue(struct place *place, struct balloon_page *pages, size_t n)
{
	struct queue *queue = place->own;
	size_t n_done = 0;
	while (n_done < n) {
		struct cds_wfcq_node *node = cds_wfcq_dequeue_blocking(&queue->head, &queue->tail);
		if (!node)
			break;
		pages[n_done++] = balloon_page((uint32_t)(node - queue->nodes));
	}
	return (int)n_done;
}

LOOPS_OF_REFERENCE

static int create(struct instance *instance)
{
	const size_t n_nodes = instance->shape->n_pages;
	int result = peer_create(
		instance, sizeof(struct queue) + n_nodes * sizeof(struct cds_wfcq_node));
	struct queue *queue = instance->memory;
	if (result == 0)
		cds_wfcq_init(&queue->head, &queue->tail);
	return result;
}

static void destroy(struct instance *instance)
{
	struct queue *queue = instance->memory;
	cds_wfcq_destroy(&queue->head, &queue->tail);
	peer_free(instance);
}

const struct subject reference_urcu_wfcqueue = {
	.name = "urcu-wfcqueue",
	.what = "userspace-rcu's wfcqueue, wait-free enqueue, dequeue under a mutex",
	.lacks = PEER_LACKS "; no batches; first in, first out",
	PEER(create, destroy),
};
