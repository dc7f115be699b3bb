/* SPDX-License-Identifier: MIT */
/*
 * Defects of one strategy's descriptors: each file defects-*.c includes a strategy's source under
 * another symbol, breaks its private fields one by one, and wants the right finding.
 */
#ifndef SUITES_DEFECTS_H
#define SUITES_DEFECTS_H

#include "suite.h"

struct defect {
	enum balloon_page_state state; /* of the page that is broken */
	void (*seed)(void *descriptor);
	const char *what; /* the finding */
};

/* Defects of all descriptors that begin with a link. The list is: page 1, and page 0 if listed. */
void unlink_alone(void *descriptor);
void link_to_itself(void *descriptor);

void check_defects(
	const struct balloon_strategy *strategy, const struct defect *defects, size_t n_defects);

#define CHECK_DEFECTS(strategy, defects)                                                           \
	check_defects(&(strategy), (defects), sizeof(defects) / sizeof((defects)[0]))

#endif
