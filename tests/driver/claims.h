/* SPDX-License-Identifier: MIT */
/*
 * Claims about every driver design, each with every page strategy. A claim is a scenario of the engine: its
 * threads run in an order that a seed decides, and its time is virtual, so what it says about time is exact.
 *
 * To look closer: BALLOON_DRIVER names one design, BALLOON_CLAIM_SEED the first seed and BALLOON_CLAIM_SEEDS
 * how many, and with BALLOON_CLAIM_TRACE set a failure shows the last points of its run.
 */
#ifndef DRIVER_CLAIMS_H
#define DRIVER_CLAIMS_H

#include <criterion/criterion.h>

#include "engine.h"
#include "fixture.h"

/** The designs that claims are held against: designs.c, the built-in ones; mutants.c, broken ones. */
const struct balloon_driver_design *design_at(size_t index);

typedef void (*driver_claim)(
	const struct balloon_strategy *strategy, const struct balloon_driver_design *design);

/**
 * Hold a claim against all combinations. n_numbers 0: with some seeds and choosers each. Else for
 * claim_number() from 1 to so many, once each.
 */
void for_each_combination(driver_claim claim, uint32_t n_numbers);

#define DRIVER_CLAIMS(suite, name, n_numbers)                                                      \
	static void name(const struct balloon_strategy *strategy,                                  \
		const struct balloon_driver_design *design);                                       \
	Test(suite, name)                                                                          \
	{                                                                                          \
		for_each_combination(name, n_numbers);                                             \
	}                                                                                          \
	static void name(const struct balloon_strategy *strategy,                                  \
		const struct balloon_driver_design *design)

#define DRIVER_CLAIM(suite, name) DRIVER_CLAIMS(suite, name, 0)

/** Which case of a claim this is. */
uint32_t claim_number(void);

/* Within a claim, in place of Criterion's: a failure ends the run, and with it the test. Nobody comes to an
 * equation who was woken without cause. */
#define CHECK(condition)                                                                           \
	((condition) ? (void)0                                                                     \
		     : engine_fail(ENGINE_CLAIM, "%s:%d: %s", __FILE__, __LINE__, #condition))

#define CHECK_EQ(actual, expected)                                                                 \
	do {                                                                                       \
		long long actual_ = (long long)(actual);                                           \
		long long expected_ = (long long)(expected);                                       \
		engine_act();                                                                      \
		if (actual_ != expected_)                                                          \
			engine_fail(ENGINE_CLAIM, "%s:%d: %s is %lld, not %lld", __FILE__,         \
				__LINE__, #actual, actual_, expected_);                            \
	} while (0)

/** Open a fixture; a failure fails the claim. */
void open_fixture(struct fixture *fixture, const struct balloon_strategy *strategy,
	const struct balloon_driver_design *design,
	void (*change)(struct balloon_driver_config *config));
/** Hold a fixture against everything; the claim's other checks come before. */
void check_fixture(struct fixture *fixture);
void close_fixture(struct fixture *fixture);

/** For `change`: the host has to be polled. */
void be_polled(struct balloon_driver_config *config);

void sleep_ms(uint64_t ms);

/** From now on the host answers each request after so long, in order. */
void answer_after(struct fixture *fixture, uint64_t latency_ns);

/** Set a target and run to it; the claim fails if it is not reached within ten seconds. */
void reach(struct fixture *fixture, uint64_t target);

#endif
