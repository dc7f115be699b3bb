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

LOOPS_OF_REFERENCE

static int create(struct instance *instance)
{
	const uint32_t size = ring_size(instance->shape->n_pages);
	ssize_t n_bytes = rte_ring_get_memsize_elem(sizeof(struct balloon_page), size);
	int result = n_bytes < 0 ? (int)n_bytes : peer_create(instance, (size_t)n_bytes);
	if (result < 0)
		return result;
	result = rte_ring_init(instance->memory, "balloon", size, 0);
	if (result < 0)
		peer_free(instance);
	return result;
}

const struct subject reference_dpdk_ring = {
	.name = "dpdk-ring",
	.what = "DPDK's rte_ring, many producers and consumers, in bulk",
	.lacks = PEER_LACKS "; first in, first out",
	PEER(create, peer_free),
};
