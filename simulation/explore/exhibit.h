/* SPDX-License-Identifier: MIT */
/* What there is to explore: strategies and drivers, and the scenarios of both. */
#ifndef EXPLORE_EXHIBIT_H
#define EXPLORE_EXHIBIT_H

#include "explore/command.h"
#include "explore/drive.h"
#include "explore/scenario.h"
#include "explore/stage.h"

/** What is explored: a page strategy, or a driver design on one. */
struct exhibit {
	const struct balloon_strategy *strategy;
	const struct balloon_driver_design *design; /* NULL: pages alone */
	const char *driver;                         /* its name */
	const struct stage *stage;
};

/** Its scenarios. */
struct menu {
	bool is_of_drivers;
	struct scenarios pages;
	struct drives drives;
	size_t n;
};

struct exhibit exhibit_of(
	const struct balloon_strategy *strategy, const struct balloon_driver_design *design);
/** "isolated-bit", "split on isolated-bit". Valid until the next call, as the next one's. */
const char *exhibit_title(const struct exhibit *exhibit);
/** The command that makes a schedule again. */
const char *exhibit_command(
	const struct exhibit *exhibit, const char *scenario, const char *schedule, bool is_race);

/** Returns false: no memory. */
bool menu_make(const struct options *options, struct menu *menu);
void menu_clear(struct menu *menu);
const char *menu_name(const struct menu *menu, size_t i);
/** Is this scenario one that was asked for? */
bool menu_wants(const struct options *options, const struct menu *menu, size_t i);
/** What a finding of a hazard says; NULL: any is one. */
const struct search_sign *menu_sign(const struct menu *menu, size_t i);
/** Returns false: *report says what was found before there are threads. */
bool menu_open(const struct menu *menu, size_t i, const struct exhibit *exhibit,
	struct engine_report *report);

#endif
