/* SPDX-License-Identifier: MIT */
/*
 * What the suites share: assertions that name the strategy, a map with devices, and a picture of a
 * whole map to see that nothing changed.
 */
#ifndef SUPPORT_SUITE_H
#define SUPPORT_SUITE_H

#include <criterion/criterion.h>

#include <balloon/strategy.h>

#include "runtime.h"
#include "scale.h"

/* ---- Strategies ----------------------------------------------------------------------------- */

/** The strategy that is being held against a claim; "-" outside of claims. */
extern const char *strategy_under_test;

/** A locking design that the library does not know: its table is the program's own. */
const struct balloon_strategy *outside_strategy(void);

/** Hold a claim against one strategy. */
void hold(const struct balloon_strategy *strategy, void (*claim)(const struct balloon_strategy *));

/**
 * Hold a claim against all strategies that the program is about. built-in.c: each built-in one, and
 * the one from outside. module.c: the one of the module that the user named.
 */
void for_each_strategy(void (*claim)(const struct balloon_strategy *));

/** Define a claim of a suite about every strategy, and the test of it. */
#define CLAIM(suite, name)                                                                         \
	static void name(const struct balloon_strategy *strategy);                                 \
	Test(suite, name)                                                                          \
	{                                                                                          \
		for_each_strategy(name);                                                           \
	}                                                                                          \
	static void name(const struct balloon_strategy *strategy)

#define CHECK(condition) cr_assert((condition), "%s: %s", strategy_under_test, #condition)

/** Two integers are equal. */
#define CHECK_EQ(actual, expected)                                                                 \
	do {                                                                                       \
		long long actual_ = (long long)(actual);                                           \
		long long expected_ = (long long)(expected);                                       \
		cr_assert(actual_ == expected_, "%s: %s is %lld, not %lld", strategy_under_test,   \
			#actual, actual_, expected_);                                              \
	} while (0)

/* ---- A map ---------------------------------------------------------------------------------- */

enum {
	N_PAGES = 48,
	N_DEVICES = 3, /* device slots; the last one is left free */
	N_OPEN = 2,
};

struct fixture {
	const struct balloon_strategy *strategy;
	struct balloon_memmap *map;
	struct balloon_device *devices[N_OPEN];
};

void fixture_open(struct fixture *f, const struct balloon_strategy *strategy);

void check_valid(struct balloon_memmap *map);

/** Hold a map against the validity check, take all pages out of it, and end it. */
void check_and_destroy(struct balloon_memmap *map);

void fixture_close(struct fixture *f);

enum balloon_page_state state_of(const struct fixture *f, uint32_t index);

/** These pages came out of a device: in this order, or in any, as the strategy promises. */
void check_pages(const struct balloon_strategy *strategy, const struct balloon_page *got,
	const uint32_t *expected, int n);

/** Bring an OWNED page into a state, on devices[0]. */
void put_into(struct fixture *f, uint32_t index, enum balloon_page_state state);

struct balloon_device_stats stats_of(struct balloon_device *device);
struct balloon_memmap_stats map_stats_of(struct balloon_memmap *map);

/* ---- A picture of a map --------------------------------------------------------------------- */

/** Every page, every list, every count; but for attempts to isolate, which count failures too. */
struct picture {
	struct {
		enum balloon_page_state state;
		struct balloon_device *device;
		uint32_t next; /* the page after it on its list */
	} pages[N_PAGES];
	uint32_t first[N_OPEN];
	struct balloon_device_stats devices[N_OPEN];
	struct balloon_device_stats map;
};

struct picture take_picture(struct fixture *f);
bool same_picture(const struct picture *a, const struct picture *b);

#endif
