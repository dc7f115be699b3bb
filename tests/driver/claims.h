/* SPDX-License-Identifier: MIT */
/* Claims about every driver design, each with every page strategy. */
#ifndef DRIVER_CLAIMS_H
#define DRIVER_CLAIMS_H

#include "../suites/support.h"
#include "rig.h"

/** The designs that claims are held against: designs.c, the built-in ones; mutants.c, broken ones. */
const struct balloon_driver_design *design_at(size_t index);

/** Hold a claim against all combinations. */
void for_each_combination(void (*claim)(
	const struct balloon_strategy *strategy, const struct balloon_driver_design *design));

#define DRIVER_CLAIM(suite, name)                                                                  \
	static void name(const struct balloon_strategy *strategy,                                  \
		const struct balloon_driver_design *design);                                       \
	Test(suite, name)                                                                          \
	{                                                                                          \
		for_each_combination(name);                                                        \
	}                                                                                          \
	static void name(const struct balloon_strategy *strategy,                                  \
		const struct balloon_driver_design *design)

/** Open a rig; a failure fails the test. */
void open_rig(struct rig *rig, const struct balloon_strategy *strategy,
	const struct balloon_driver_design *design,
	void (*change)(struct balloon_driver_config *config));
/** Hold a rig against everything; the claim's other checks come before. */
void check_rig(struct rig *rig);
void close_rig(struct rig *rig);

/** A time so many milliseconds from now. */
uint64_t in_ms(uint64_t ms);

void sleep_ms(long ms);

/** Set a target and run to it; the claim fails if it is not reached within ten seconds. */
void reach(struct rig *rig, uint64_t target);

#endif
