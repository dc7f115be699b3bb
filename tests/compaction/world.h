/* SPDX-License-Identifier: MIT */
/*
 * A small machine for compaction: a zone whose frames are handed out in random order, a driver on
 * it, and two nodes, the lower and the upper half. Nothing here needs a test framework: what cannot
 * be is said on stderr, and the program aborts.
 */
#ifndef COMPACTION_WORLD_H
#define COMPACTION_WORLD_H

#include <pthread.h>

#include <balloon/compactor.h>
#include <balloon/strategy.h>
#include <balloon/zone.h>

enum { WORLD_NODES = 2, WORLD_DEVICES = 8 };

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
struct world_config {
	const struct balloon_strategy *strategy;    /* NULL: the first one */
	const struct balloon_driver_design *design; /* NULL: the first one */
	struct balloon_channel *channel;            /* NULL: the null channel */
	uint32_t n_frames;
	uint32_t request_pages;
	uint64_t host_timeout_ns;
	/* The drivers compact before they fill: world.compactor. */
	bool is_prepared;
	bool is_plain;        /* frames come as the zone gives them, not at random */
	unsigned block_order; /* of compactors */
};

struct world {
	struct world_config config;
	struct balloon_memmap *map;
	struct balloon_zone *zone;
	struct shuffled source;
	/* One for each driver, unless the configuration has another. */
	struct balloon_channel null_channels[2];
	struct balloon_driver *driver;
	struct balloon_compactor *compactor; /* of the first driver; NULL unless is_prepared */
	pthread_mutex_t mutex;               /* protects the rest */
	int64_t nodes[WORLD_NODES]; /* managed pages, less those that were there at first */
	bool *is_used;              /* by world_use() */
	uint32_t n_used;
};

#define REQUIRE(condition) world_require((condition), #condition, __FILE__, __LINE__)
void world_require(bool is_so, const char *what, const char *file, int line);

/** What is being tried, for messages: "movable, coarse". */
extern char world_name[64];

void world_open(struct world *world, const struct world_config *config);
/** All that holds at rest, then the balloon is emptied, and every frame is free. */
void world_close(struct world *world);

/** The drivers' source, and the compactors'. */
struct balloon_frames *world_frames(struct world *world);

/** Another driver on the same zone. */
struct balloon_driver *world_driver(struct world *world);

/** Fill the balloon with n random frames. */
void world_fill(struct world *world, uint32_t n_pages);
/** Add given frames to it, which are free. */
void world_fill_with(struct world *world, const uint32_t *indices, uint32_t n);
/** Use n random free frames, or a given one, for something that does not move, until the world closes. */
void world_use(struct world *world, uint32_t n, uint64_t *random);
void world_use_one(struct world *world, uint32_t index);
void world_free_one(struct world *world, uint32_t index);

/** A compactor of the world's driver, over all of it. The caller destroys it. */
struct balloon_compactor *world_compactor(struct world *world);
struct balloon_compactor_config world_compactor_config(struct world *world);
struct balloon_compactor_stats world_stats(struct balloon_compactor *compactor);

/**
 * At rest: map, zone and driver are valid, no page is lost or isolated, and the nodes' counts are
 * what a look at each page says.
 */
void world_check(struct world *world);

struct balloon_driver_progress world_progress(struct world *world);
uint64_t world_n_free(struct world *world);
/** Blocks of 2^order frames that can be allocated: counted by doing it. */
uint32_t world_n_blocks(struct world *world, unsigned order);
/** As many as there can be, wherever the ballooned pages lie; of 2^order frames. */
uint32_t world_n_blocks_possible(struct world *world, unsigned order);
/** Is this page in the balloon, or in quarantine? */
bool world_is_ballooned(struct world *world, uint32_t index);

/** Is time short? BALLOON_TEST_SCALE is less than 100 per cent, as it is under Valgrind. */
bool world_is_short(void);

/** Run with each strategy and each driver design; where time is short, not with all pairs of them. */
void world_for_each(
	void (*body)(const struct balloon_strategy *, const struct balloon_driver_design *));

/** A random number, of a state that is not 0. */
uint32_t world_random(uint64_t *state);

#endif
