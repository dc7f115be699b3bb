/* SPDX-License-Identifier: MIT */
/* The rounds of releases: each memory in each order, with and without another thread. */
#include <stdlib.h>

#include "common/strategies.h"
#include "system/release.h"

/* Shared memory has no huge pages here: blocks are nothing special there. */
static bool is_done(unsigned channel, enum page_order order)
{
	return channel == CHANNEL_MADVISE || order != ORDER_BLOCKS;
}

struct place {
	unsigned channel;
	enum page_order order;
	bool has_neighbour;
};

/* The round of this number. Returns how many there are up to it, or at all. */
static size_t find(const struct plan *plan, size_t number, struct place *place)
{
	const size_t n_each = plan->n_orders * plan->n_neighbours;
	size_t n = 0;
	for (size_t i = 0; i < plan->n_channels * n_each && n <= number; i++) {
		*place = (struct place){plan->channels[i / n_each],
			plan->orders[i % n_each / plan->n_neighbours],
			plan->neighbours[i % plan->n_neighbours]};
		n += is_done(place->channel, place->order);
	}
	return n;
}

static size_t count(const struct plan *plan)
{
	struct place place;
	return find(plan, SIZE_MAX, &place);
}

static void end(struct round *round)
{
	struct release *release = round->shared;
	region_fini(&release->region);
	free(release);
}

static void add(struct round *round, const struct labels *setting, const struct releaser *releaser)
{
	struct labels labels = *setting;
	labels.kind = releaser->kind;
	labels.channel = releaser->channel;
	labels.call = releaser->call;
	if (releaser->name) /* a driver's is its design's */
		labels.subject = releaser->name;
	round_add(round, &labels, &release_ops)->how = releaser;
}

static void add_driver(struct round *round, const struct plan *plan, const struct labels *setting,
	const struct balloon_driver_design *design)
{
	struct labels labels = *setting;
	labels.subject = labels.driver = driver_name(design);
	labels.strategy = strategy_name(plan->strategies.at[plan->strategies.n - 1]);
	add(round, &labels, &driver_releaser);
}

static void add_all(
	struct round *round, const struct plan *plan, const struct labels *labels, unsigned channel)
{
	if (channel == CHANNEL_MEMFD) {
		for (size_t i = 0; memfd_releasers[i]; i++)
			add(round, labels, memfd_releasers[i]);
		return;
	}
	for (size_t i = 0; raw_releasers[i]; i++)
		add(round, labels, raw_releasers[i]);
	for (size_t i = 0; channel_releasers[i]; i++)
		add(round, labels, channel_releasers[i]);
	for (size_t i = 0; i < plan->n_designs; i++)
		add_driver(round, plan, labels, plan->designs[i]);
}

static struct labels labels_of(
	const struct plan *plan, const struct place *place, const struct region *region)
{
	return (struct labels){.work = WORK_RELEASE,
		.memory = place->channel == CHANNEL_MEMFD ? "memfd" : "anonymous",
		.order = page_order_names[place->order],
		.other_thread = place->has_neighbour,
		.fill = -1,
		.pages = region->n_pages,
		.page_bytes = region->page_bytes,
		.request = plan->request};
}

static int make(
	const struct plan *plan, size_t number, struct round *round, struct problem *problem)
{
	struct place place = {.order = ORDER_CONTIGUOUS};
	struct release *release = calloc(1, sizeof *release);
	if (!release)
		return problem_no_memory(problem);
	find(plan, number, &place);
	release->has_neighbour = place.has_neighbour;
	release->request = plan->request;
	if (region_init(&release->region, place.order, plan->n_pages,
		    place.channel == CHANNEL_MEMFD, problem) < 0) {
		free(release);
		return -1;
	}
	const struct labels labels = labels_of(plan, &place, &release->region);
	*round = (struct round){.shared = release, .end = end};
	add_all(round, plan, &labels, place.channel);
	return 0;
}

const struct rounds rounds_of_release = {.count = count, .make = make};
