/* SPDX-License-Identifier: MIT */
/* What the adapters of peers share: one container, and memory of theirs behind a single place. */
#ifndef REFERENCES_PEER_H
#define REFERENCES_PEER_H

#include "references/memory.h"
#include "run/loops.h"

#define PEER_LACKS                                                                                 \
	"no removal of a given page, no owner of a page, no refusal of a page put in twice"

/**
 * Make a container of so many bytes, zeros, behind the only place. Returns 0, and it is in instance->memory; or -ENOMEM.
 */
static inline int peer_create(struct instance *instance, size_t n_bytes)
{
	instance->places = calloc(1, sizeof *instance->places);
	instance->memory = instance->places ? reference_allocate(n_bytes) : NULL;
	if (!instance->memory) {
		free(instance->places);
		return -ENOMEM;
	}
	instance->places[0].own = instance->memory;
	instance->bytes_per_page = (double)n_bytes / instance->shape->n_pages;
	return 0;
}

static inline void peer_free(struct instance *instance)
{
	free(instance->memory);
	free(instance->places);
}

/* One entry of the ring stays empty, and its size is a power of two. */
static inline uint32_t ring_size(uint32_t n_pages)
{
	uint32_t size = 2;
	while (size <= n_pages)
		size *= 2;
	return size;
}

/** What every peer's subject has. There are no devices. */
#define PEER(creates, destroys)                                                                    \
	.kind = SUBJECT_PEER, .ops = &ops, .workloads = 1 << WORKLOAD_CYCLE | 1 << WORKLOAD_CHURN, \
	.create = (creates), .destroy = (destroys), .work = work

#endif
