/* SPDX-License-Identifier: MIT */
/* driver-stress: many threads on one driver, for tools that cannot see through a test framework. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scale.h"
#include "common/command-line.h"
#include "churn.h"

static void be_quick(struct balloon_driver_config *config)
{
	config->host_timeout_ns = MS;
	config->allocation_backoff_ns = MS / 20;
	config->relief_holdoff_ns = MS / 20;
	config->retry_ns = MS / 20;
}

static _Noreturn void fail_usage(const char *what, const char *argument)
{
	fprintf(stderr, "driver-stress: %s: %s\n", what, argument);
	exit(2);
}

static uint64_t number(const char *text, uint64_t max)
{
	char *end;
	errno = 0;
	uint64_t n = strtoull(text, &end, 10);
	if (errno || *end || end == text || *text == '-' || n == 0 || n > max)
		fail_usage("not a number in bounds", text);
	return n;
}

struct arguments {
	const struct balloon_driver_design *design;
	unsigned n_threads;
	uint32_t n_rounds;
	uint64_t seed;
};

enum { DRIVER = COMMAND_LINE_KEY, THREADS, ROUNDS, SEED };

static int take(void *context, int key, char *value)
{
	struct arguments *arguments = context;
	switch (key) {
	case DRIVER:
		arguments->design = balloon_driver_design_find(value);
		if (!arguments->design)
			fail_usage("no such driver design", value);
		return 0;
	case THREADS:
		arguments->n_threads = (unsigned)number(value, 16);
		return 0;
	case ROUNDS:
		arguments->n_rounds = (uint32_t)number(value, 1000000000);
		return 0;
	case SEED:
		arguments->seed = number(value, UINT64_MAX);
		return 0;
	default:
		fail_usage("not an option", value);
	}
}

static const struct argp_option options[] = {
	{"driver", DRIVER, "NAME", 0, "one driver design only", 0},
	{"threads", THREADS, "N", 0, "threads (4)", 0},
	{"rounds", ROUNDS, "N", 0, "calls of each thread (2000)", 0},
	{"seed", SEED, "N", 0, "of the random choices (1); schedules differ all the same", 0}, {0}};

static const struct command_line line = {
	.name = "driver-stress",
	.about = "Run many threads on one driver, each combination of driver design and page "
		 "strategy, with a host that fails now and then, and hold everything against "
		 "everything afterwards.\n",
	.after = "Environment: BALLOON_TEST_SCALE, per cent of the usual work; below 100 a little "
		 "is done.\n"
		 "Exit status: 0, 1 something is wrong, 2 wrong usage.",
	.options = options,
	.take = take,
};

static void parse(struct arguments *arguments, int argc, char **argv)
{
	int status = command_line_read(&line, argc, argv, arguments);
	if (status != COMMAND_LINE_GO_ON)
		exit(status);
}

static bool run(const struct arguments *arguments, const struct balloon_strategy *strategy,
	const struct balloon_driver_design *design)
{
	struct fixture fixture;
	if (fixture_open(&fixture, strategy, design, be_quick) < 0) {
		fprintf(stderr, "driver-stress: cannot be set up\n");
		return false;
	}
	const char *what =
		churn_run(&fixture, arguments->n_threads, arguments->n_rounds, arguments->seed);
	printf("%-32s %s\n", fixture.name, what ? what : "right");
	if (what)
		fprintf(stderr, "driver-stress: %s: %s\n", fixture.name, what);
	return !what;
}

/* Under Valgrind little, with one strategy a design: what drd needs grows much faster than the work. */
static bool is_wanted(const struct arguments *arguments, size_t strategy, size_t design)
{
	if (arguments->design && arguments->design != balloon_driver_design_at(design))
		return false;
	return !is_short() || strategy == design + 1 || !balloon_strategy_at(design + 1);
}

int main(int argc, char **argv)
{
	struct arguments arguments = {NULL, 4, is_short() ? 40 : 2000, 1};
	bool is_right = true;
	parse(&arguments, argc, argv);
	for (size_t d = 0; balloon_driver_design_at(d); d++)
		for (size_t s = 0; balloon_strategy_at(s); s++)
			if (is_wanted(&arguments, s, d))
				is_right &= run(&arguments, balloon_strategy_at(s),
					balloon_driver_design_at(d));
	return is_right ? 0 : 1;
}
