/* SPDX-License-Identifier: MIT */
/* driver-stress: many threads on one driver, for tools that cannot see through a test framework. */

#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
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
	.about =
		"Run many threads on one driver, each combination of driver design and page "
		"strategy, with a host that fails now and then, and hold everything against "
		"everything afterwards. Then a stop beside calls, and other hosts beside targets.\n",
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

/* ---- Any calls -------------------------------------------------------------------------------- */

static const char *churn(const struct arguments *arguments, struct fixture *fixture)
{
	return churn_run(fixture, arguments->n_threads, arguments->n_rounds, arguments->seed);
}

/* ---- Stop beside calls ------------------------------------------------------------------------ */

enum { CALLERS = 3 };

static void fill_or_stop(void *shared, size_t thread)
{
	struct fixture *fixture = shared;
	if (thread > 0) {
		while (balloon_driver_fill(fixture->driver, 1) != -ECANCELED)
			;
		return;
	}
	host_await_kept(&fixture->host, 1);
	balloon_driver_stop(fixture->driver, BALLOON_NEVER);
}

/* Those who wait for the host look whether the driver is stopped. */
static const char *stop(const struct arguments *arguments, struct fixture *fixture)
{
	(void)arguments;
	host_always(&fixture->host, HOST_KEEPS);
	run_together(CALLERS + 1, fill_or_stop, fixture);
	host_at(&fixture->host, 0, HOST_TAKES);
	host_answer(&fixture->host, UINT32_MAX);
	return fixture_close(fixture);
}

/* ---- Other hosts beside targets --------------------------------------------------------------- */

enum { OTHER_HOSTS = 4 };

struct succession {
	struct fixture *fixture;
	struct host others[OTHER_HOSTS];
	atomic_uint n_targets;
	atomic_bool is_over;
	const char *what;
};

/* Until a call has begun from now on and ended. Relaxed, as all here: what orders the threads is the driver's. */
static void await_target(struct succession *s)
{
	unsigned n = atomic_load_explicit(&s->n_targets, memory_order_relaxed);
	while (atomic_load_explicit(&s->n_targets, memory_order_relaxed) - n < 2)
		sched_yield();
}

/* Returns NULL, or what is wrong. */
static const char *succeed(struct succession *s, struct host *host)
{
	struct balloon_driver *driver = s->fixture->driver;
	if (balloon_driver_quiesce(driver, BALLOON_NEVER) < 0)
		return "the driver does not come to rest";
	host_init(host, FIXTURE_PAGES);
	if (balloon_driver_attach(driver, &host->channel, BALLOON_NEVER) < 0)
		return "another host is not taken";
	await_target(s);
	return balloon_driver_resume(driver) < 0 ? "the driver is not resumed" : NULL;
}

/* One thread has each host new: nothing but the attachment tells the other what is in it. That one sets targets, which
 * is a call that need not wait for anything. */
static void succeed_or_set_targets(void *shared, size_t thread)
{
	struct succession *s = shared;
	if (thread > 0) {
		for (uint32_t i = 0; !atomic_load_explicit(&s->is_over, memory_order_relaxed);
			i++) {
			balloon_driver_set_target(s->fixture->driver, i % FIXTURE_PAGES);
			atomic_fetch_add_explicit(&s->n_targets, 1, memory_order_relaxed);
		}
		return;
	}
	for (uint32_t i = 0; i < OTHER_HOSTS && !s->what; i++)
		s->what = succeed(s, &s->others[i]);
	/* No store: helgrind knows atomic operations by their locked instructions. */
	atomic_exchange_explicit(&s->is_over, true, memory_order_relaxed);
}

static const char *attach(const struct arguments *arguments, struct fixture *fixture)
{
	struct balloon_driver *driver = fixture->driver;
	struct succession s = {.fixture = fixture};
	(void)arguments;
	run_together(2, succeed_or_set_targets, &s);
	if (s.what)
		return s.what;
	if (balloon_driver_quiesce(driver, BALLOON_NEVER) < 0 ||
		balloon_driver_attach(driver, &fixture->host.channel, BALLOON_NEVER) < 0 ||
		balloon_driver_resume(driver) < 0)
		return "the first host is not taken again";
	for (uint32_t i = 0; i < OTHER_HOSTS; i++)
		if (host_fini(&s.others[i]) < 0)
			return "a former host's channel does not end";
	return fixture_close(fixture);
}

/* ---- All of them ------------------------------------------------------------------------------ */

/* NULL, or what is wrong. */
static const char *play(const struct arguments *arguments, const struct balloon_strategy *strategy,
	const struct balloon_driver_design *design,
	void (*change)(struct balloon_driver_config *config),
	const char *(*scenario)(const struct arguments *arguments, struct fixture *fixture))
{
	struct fixture fixture;
	if (fixture_open(&fixture, strategy, design, change) < 0)
		return "cannot be set up";
	return scenario(arguments, &fixture);
}

static bool run(const struct arguments *arguments, const struct balloon_strategy *strategy,
	const struct balloon_driver_design *design)
{
	const char *what = play(arguments, strategy, design, be_quick, churn);
	for (uint32_t i = 0; i < (is_short() ? 1 : 5) && !what; i++)
		what = play(arguments, strategy, design, NULL, stop);
	if (!what)
		what = play(arguments, strategy, design, NULL, attach);
	printf("%-16s %-16s %s\n", design->name, strategy->name, what ? what : "right");
	if (what)
		fprintf(stderr, "driver-stress: %s, %s: %s\n", design->name, strategy->name, what);
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
