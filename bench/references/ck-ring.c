/* SPDX-License-Identifier: MIT */
/* ck-ring: Concurrency Kit's bounded ring, many producers and consumers, page by page. */
#include <ck_ring.h>

#include "references/peer.h"

struct ring {
	ck_ring_t ring __attribute__((aligned(128)));
	ck_ring_buffer_t buffer[];
};

/* An entry is a pointer, and none of them is NULL. */
static int insert(struct place *place, const struct balloon_page *pages, size_t n)
{
	struct ring *ring = place->own;
	for (size_t i = 0; i < n; i++) {
		void *entry = (void *)(uintptr_t)(pages[i].index + UINT64_C(1));
		if (!ck_ring_enqueue_mpmc(&ring->ring, ring->buffer, entry))
			return i > 0 ? (int)i : -ENOSPC;
	}
	return (int)n;
}

static int dequeue(struct place *place, struct balloon_page *pages, size_t n)
{
	struct ring *ring = place->own;
	size_t n_done = 0;
	void *entry;
	while (n_done < n && ck_ring_dequeue_mpmc(&ring->ring, ring->buffer, &entry))
		pages[n_done++] = balloon_page((uint32_t)((uintptr_t)entry - 1));
	return (int)n_done;
}

LOOPS_OF_REFERENCE

static int create(struct instance *instance)
{
	const uint32_t size = ring_size(instance->shape->n_pages);
	int result = peer_create(instance, sizeof(struct ring) + size * sizeof(ck_ring_buffer_t));
	if (result == 0)
		ck_ring_init(&((struct ring *)instance->memory)->ring, size);
	return result;
}

const struct subject reference_ck_ring = {
	.name = "ck-ring",
	.what = "Concurrency Kit's ck_ring, many producers and consumers",
	.lacks = PEER_LACKS "; no batches; first in, first out",
	PEER(create, peer_free),
};
