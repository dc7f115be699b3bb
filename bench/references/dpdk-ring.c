/* SPDX-License-Identifier: MIT */
/*
 * dpdk-ring: DPDK's bounded ring, many producers and consumers, page numbers in bulk. It lies in
 * ordinary memory: neither huge pages nor DPDK's own start-up are needed.
 */
#include <rte_ring.h>

#include "references/peer.h"

static int insert(struct place *place, const struct balloon_page *pages, size_t n)
{
	unsigned n_done =
		rte_ring_mp_enqueue_burst_elem(place->own, pages, sizeof *pages, (unsigned)n, NULL);
	return n_done > 0 ? (int)n_done : -ENOSPC;
}

static int dequeue(struct place *place, struct balloon_page *pages, size_t n)
{
	return (int)rte_ring_mc_dequeue_burst_elem(
		place->own, pages, sizeof *pages, (unsigned)n, NULL);
}

static const struct ops ops = {.insert = insert, .dequeue = dequeue};

static void work(struct worker *worker)
{
	loops_moving(&ops, worker);
}

static int create(struct instance *instance)
{
	const unsigned n_pages = instance->shape->n_pages;
	unsigned size = 2;
	while (size <= n_pages) /* one entry stays empty */
		size *= 2;
	ssize_t size_bytes = rte_ring_get_memsize_elem(sizeof(struct balloon_page), size);
	if (size_bytes < 0)
		return (int)size_bytes;
	struct rte_ring *ring = reference_allocate((size_t)size_bytes);
	int result = ring ? rte_ring_init(ring, "balloon", size, 0) : -ENOMEM;
	if (result < 0) {
		free(ring);
		return result;
	}
	instance->bytes_per_page = (double)size_bytes / n_pages;
	return peer_place(instance, ring);
}

const struct subject reference_dpdk_ring = {
	.name = "dpdk-ring",
	.what = "DPDK's rte_ring, many producers and consumers, in bulk",
	.lacks = PEER_LACKS "; first in, first out",
	.kind = SUBJECT_PEER,
	.ops = &ops,
	.workloads = PEER_WORKLOADS,
	.create = create,
	.destroy = peer_free,
	.work = work,
};
