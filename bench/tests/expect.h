/* SPDX-License-Identifier: MIT */
/* What the tests of the program's inside have in common. */
#ifndef TESTS_EXPECT_H
#define TESTS_EXPECT_H

#include <stdio.h>
#include <string.h>

#include "harness/trial.h"

static int n_failed;

#define CHECK(condition)                                                                           \
	((condition) ? (void)0                                                                     \
		     : (void)(n_failed++,                                                          \
			       fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition)))

/* Make and run the only round of a workload: what it comes to, and words of the problem. */
static void expect_round(const struct workload *workload, int expected, const char *words)
{
	static struct round round;
	struct problem problem = {.text = ""};
	int result = round_make(&round, workload, NULL, 1, 0, &problem);
	if (result == 0)
		result = round_run(&round, NULL);
	round_fini(&round);
	if (result == expected && strstr(problem.text, words))
		return;
	n_failed++;
	fprintf(stderr, "expected %d and '%s', not %d and '%s'\n", expected, words, result,
		problem.text);
}

#endif
