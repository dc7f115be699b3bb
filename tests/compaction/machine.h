/* SPDX-License-Identifier: MIT */
/*
 * A small machine for compaction: a zone whose frames are handed out in random order, a driver on
 * it, and two nodes, the lower and the upper half. Nothing here needs a test framework: what cannot
 * be is said on stderr, and the program aborts.
 */
#ifndef COMPACTION_MACHINE_H
#define COMPACTION_MACHINE_H

#include <pthread.h>

#include <balloon/channel-ops.h>
#include <balloon/compactor.h>
#include <balloon/frames-ops.h>
#include <balloon/strategy.h>
#include <balloon/zone.h>

#include "scale.h"

enum { MACHINE_NODES = 2, MACHINE_DEVICES = 8 };

/** Hands the zone's frames out in random order; otherwise the zone as it is. */
struct shuffled {
	struct balloon_frames frames;
	struct balloon_zone *zone;
	pthread_mutex_t mutex; /* protects the rest */
	uint32_t *order;
	uint32_t n;
	uint32_t next;
};

/** Zero-initialise it and set what differs. */
struct machine_config {
	const struct balloon_strategy *strategy;    /* NULL: the first one */
	const struct balloon_driver_design *design; /* NULL: the first one */
	struct balloon_channel *channel;            /* NULL: the null channel */
	uint32_t n_frames;
	uint32_t request_pages;
	uint64_t host_timeout_ns;
	/* The drivers compact before they fill: machine.compactor. */
	bool is_prepared;
	bool is_plain;        /* frames come as the zone gives them, not at random */
	unsigned block_order; /* of compactors */
};

struct machine {
	struct machine_config config;
	struct balloon_memmap *map;
	struct balloon_zone *zone;
	struct shuffled source;
	/* One for each driver, unless the configuration has another. */
	struct balloon_channel null_channels[2];
	struct balloon_driver *driver;
	struct balloon_compactor *compactor; /* of the first driver; NULL unless is_prepared */
	pthread_mutex_t mutex;               /* protects the rest */
	int64_t nodes[MACHINE_NODES]; /* managed pages, less those that were there at first */
	bool *is_used;                /* by machine_use() */
	uint32_t n_used;
};

#define REQUIRE(condition) machine_require((condition), #condition, __FILE__, __LINE__)
void machine_require(bool is_so, const char *what, const char *file, int line);

/** What is being tried, for messages: "movable, coarse". */
extern char machine_name[64];

void machine_open(struct machine *machine, const struct machine_config *config);
/** All that holds at rest, then the balloon is emptied, and every frame is free. */
void machine_close(struct machine *machine);

/** The drivers' source, and the compactors'. */
struct balloon_frames *machine_frames(struct machine *machine);

/** Another driver on the same zone. */
struct balloon_driver *machine_driver(struct machine *machine);

/** Fill the balloon with n random frames. */
void machine_fill(struct machine *machine, uint32_t n_pages);
/** Add given frames to it, which are free. */
void machine_fill_with(struct machine *machine, const uint32_t *indices, uint32_t n);
/** Use n random free frames, or a given one, for something that does not move, until the machine closes. */
void machine_use(struct machine *machine, uint32_t n, uint64_t *random);
void machine_use_one(struct machine *machine, uint32_t index);
void machine_free_one(struct machine *machine, uint32_t index);

/** A compactor of the machine's driver, over all of it. The caller destroys it. */
struct balloon_compactor *machine_compactor(struct machine *machine);
struct balloon_compactor_config machine_compactor_config(struct machine *machine);
struct balloon_compactor_stats machine_stats(struct balloon_compactor *compactor);

/**
 * At rest: map, zone and driver are valid, no page is lost or isolated, and the nodes' counts are
 * what a look at each page says.
 */
void machine_check(struct machine *machine);

struct balloon_driver_progress machine_progress(struct machine *machine);
uint64_t machine_n_free(struct machine *machine);
/** Blocks of 2^order frames that can be allocated: counted by doing it. */
uint32_t machine_n_blocks(struct machine *machine, unsigned order);
/** As many as there can be, wherever the ballooned pages lie; of 2^order frames. */
uint32_t machine_n_blocks_possible(struct machine *machine, unsigned order);
/** Is this page in the balloon, or in quarantine? */
bool machine_is_ballooned(struct machine *machine, uint32_t index);

/** Run with each strategy and each driver design; where time is short, not with all pairs of them. */
void machine_for_each(
	void (*body)(const struct balloon_strategy *, const struct balloon_driver_design *));

/** A random number, of a state that is not 0. */
uint32_t machine_random(uint64_t *state);

#endif
