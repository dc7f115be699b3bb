/* SPDX-License-Identifier: MIT */
/* A user's strategy in a shared module of theirs, for the program balloon-contract. */
#ifndef SUITES_MODULE_H
#define SUITES_MODULE_H

#include <balloon/strategy.h>

/** What is wrong with a module, as one line of text. */
struct module_problem {
	char text[1024];
};

/**
 * Load a module and look its table over, entry by entry.
 *
 * path: as dlopen() takes it. symbol: the table's name. Returns the table, for good: modules are not
 * unloaded; NULL: see problem.
 */
const struct balloon_strategy *module_load(
	const char *path, const char *symbol, struct module_problem *problem);

/**
 * Name the module that for_each_strategy() is about, in this process and in those that it starts:
 * Criterion runs every test in a process of its own, which does not come through main().
 *
 * Returns 0, or -1: no memory.
 */
int module_choose(const char *path, const char *symbol);

#endif
