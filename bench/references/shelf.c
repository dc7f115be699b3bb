/* SPDX-License-Identifier: MIT */
#include "references/shelf.h"

#include "references/memory.h"

int shelves_create(struct instance *instance)
{
	const struct shape *shape = instance->shape;
	struct shelf *shelves = reference_allocate(shape->n_devices * sizeof *shelves);
	struct node *nodes = reference_allocate(shape->n_pages * sizeof *nodes);
	instance->memory = shelves;
	instance->places = calloc(shape->n_devices, sizeof *instance->places);
	if (!shelves || !nodes || !instance->places) {
		free(nodes);
		free(shelves);
		free(instance->places);
		return -ENOMEM;
	}
	for (unsigned i = 0; i < shape->n_devices; i++) {
		shelves[i] = (struct shelf){.nodes = nodes, .first = SHELF_END, .owner = i + 1};
		instance->places[i].own = &shelves[i];
	}
	instance->bytes_per_page = sizeof *nodes;
	return 0;
}

void shelves_destroy(struct instance *instance)
{
	struct shelf *shelves = instance->memory;
	free(shelves[0].nodes);
	free(shelves);
	free(instance->places);
}

int shelves_count(struct instance *instance, struct counts *counts)
{
	const struct shelf *shelves = instance->memory;
	*counts = (struct counts){0};
	for (unsigned i = 0; i < instance->shape->n_devices; i++) {
		counts->n_listed += shelves[i].n_listed;
		counts->n_contended +=
			balloon_atomic_load(&shelves[i].n_contended, BALLOON_RELAXED);
	}
	return 0;
}
