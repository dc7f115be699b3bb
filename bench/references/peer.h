/* SPDX-License-Identifier: MIT */
/* What the adapters of peers share: one container, and memory of theirs behind a single place. */
#ifndef REFERENCES_PEER_H
#define REFERENCES_PEER_H

#include "references/memory.h"
#include "run/loops.h"

#define PEER_LACKS                                                                                 \
	"no removal of a given page, no owner of a page, no refusal of a page put in twice"

/** Put a container behind the only place. Returns 0 or -ENOMEM; then the container is freed. */
static inline int peer_place(struct instance *instance, void *container)
{
	instance->places = container ? calloc(1, sizeof *instance->places) : NULL;
	if (!instance->places) {
		free(container);
		return -ENOMEM;
	}
	instance->memory = container;
	instance->places[0].own = container;
	return 0;
}

static inline void peer_free(struct instance *instance)
{
	free(instance->memory);
	free(instance->places);
}

/** The workloads of a peer: there are no devices. */
enum { PEER_WORKLOADS = 1 << WORKLOAD_CYCLE | 1 << WORKLOAD_CHURN };

#endif
