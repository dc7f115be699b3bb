/* SPDX-License-Identifier: MIT */
/* stress: the command line. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/command-line.h"
#include "stress.h"

enum { EXIT_USAGE = 2 };

/*
 * What is not asked for. Where the environment asks for less than the usual work, as it does under
 * Valgrind, few threads (one of each role), few pages, and a share of FULL_ROUNDS instead of
 * seconds: what drd needs grows faster than the number of threads.
 */
enum { FULL_ROUNDS = 1000 };
static const struct stress_options full = {.n_threads = 8, .n_pages = 512, .seconds = 2};
static const struct stress_options scaled_down = {.n_threads = 4, .n_pages = 96};

struct arguments {
	struct stress_options stress;
	char *strategies;
	double fairness_percent;
};

static _Noreturn void fail_usage(const char *what, const char *argument)
{
	fprintf(stderr, "stress: %s: %s\n", what, argument);
	exit(EXIT_USAGE);
}

static uint64_t parse_number(const char *option, const char *text, uint64_t min, uint64_t max)
{
	char *end;
	errno = 0;
	unsigned long long n = strtoull(text, &end, 10);
	if (errno || end == text || *end || *text == '-' || n < min || n > max)
		fail_usage(option, text);
	return n;
}

enum {
	STRATEGY = COMMAND_LINE_KEY,
	THREADS,
	SECONDS,
	ROUNDS,
	PAGES,
	DEVICES,
	SEED,
	GREEDY,
	FAIRNESS,
	DEADLINE,
};

static int take(void *context, int key, char *value)
{
	struct arguments *arguments = context;
	struct stress_options *stress = &arguments->stress;
	switch (key) {
	case STRATEGY:
		arguments->strategies = value;
		return 0;
	case THREADS:
		stress->n_threads = (unsigned)parse_number("threads", value, 1, STRESS_THREADS_MAX);
		return 0;
	case SECONDS:
		stress->seconds = (unsigned)parse_number("seconds", value, 1, 1000000);
		return 0;
	case ROUNDS:
		stress->n_rounds = parse_number("rounds", value, 1, UINT64_MAX);
		return 0;
	case PAGES:
		stress->n_pages = (uint32_t)parse_number("pages", value, 1, 1 << 24);
		return 0;
	case DEVICES:
		stress->n_devices = (uint32_t)parse_number("devices", value, 1, STRESS_DEVICES_MAX);
		return 0;
	case SEED:
		stress->seed = parse_number("seed", value, 0, UINT64_MAX);
		return 0;
	case GREEDY:
		stress->greedy = true;
		return 0;
	case FAIRNESS:
		arguments->fairness_percent = (double)parse_number("fairness", value, 0, 100);
		return 0;
	case DEADLINE:
		stress->deadline_s = (unsigned)parse_number("deadline", value, 1, 1000000);
		return 0;
	default:
		fail_usage("what is this", value);
	}
}

static const struct argp_option options[] = {
	{"strategy", STRATEGY, "NAME,...", 0, "what to run; all (default): every built-in strategy",
		0},
	{"threads", THREADS, "N", 0, "filler, leaker, scanner, migrator in turn (8)", 0},
	{"seconds", SECONDS, "N", 0, "how long for each strategy (2)", 0},
	{"rounds", ROUNDS, "N", 0, "how many rounds for each thread, instead of --seconds", 0},
	{"pages", PAGES, "N", 0, "pages of the map (512)", 0},
	{"devices", DEVICES, "N", 0, "devices of the map (3)", 0},
	{"seed", SEED, "N", 0, "of the threads' random choices (1); schedules differ all the same",
		0},
	{"greedy", GREEDY, NULL, 0, "threads do not yield between rounds", 0},
	{"fairness", FAIRNESS, "PERCENT", 0,
		"fail if in some second a thread does less than this of the mean", 0},
	{"deadline", DEADLINE, "SECONDS", 0, "fail if a thread gets nowhere for so long (120)", 0},
	{0}};

static const struct command_line line = {
	.name = "stress",
	.about = "Run many threads on one memory map and hold every page transition against a "
		 "shadow state.\n",
	.after = "Environment: BALLOON_TEST_SCALE, per cent of the usual work; below 100 the "
		 "defaults are fewer threads and pages, and rounds instead of seconds.\n"
		 "Exit status: 0, 1 an invariant is broken or a thread starved, 2 wrong usage.",
	.options = options,
	.take = take,
};

static void parse(int argc, char **argv, struct arguments *arguments)
{
	int status = command_line_read(&line, argc, argv, arguments);
	if (status != COMMAND_LINE_GO_ON)
		exit(status);
	if (arguments->stress.seconds > 0 && arguments->stress.n_rounds > 0)
		fail_usage("one of the two", "--seconds, --rounds");
}

static uint64_t scale_percent(void)
{
	const char *text = getenv("BALLOON_TEST_SCALE");
	return text ? parse_number("BALLOON_TEST_SCALE", text, 1, 10000) : 100;
}

static void set_defaults(struct stress_options *stress)
{
	uint64_t percent = scale_percent();
	const struct stress_options *defaults = percent < 100 ? &scaled_down : &full;
	if (stress->n_threads == 0)
		stress->n_threads = defaults->n_threads;
	if (stress->n_pages == 0)
		stress->n_pages = defaults->n_pages;
	if (stress->seconds == 0 && stress->n_rounds == 0) {
		stress->seconds = defaults->seconds;
		stress->n_rounds = stress->seconds > 0 ? 0 : FULL_ROUNDS * percent / 100;
	}
	stress->progress = isatty(STDERR_FILENO);
}

static void print_report(const char *name, const struct stress_report *report)
{
	printf("%-12s %.1f s, %llu rounds, %.0f moved/s, %llu isolated, %llu contended, "
	       "least share %.0f %% of the mean (thread %u, %s, second %u)\n",
		name, report->seconds, (unsigned long long)report->n_rounds,
		(double)report->n_moved / report->seconds, (unsigned long long)report->n_isolated,
		(unsigned long long)report->n_contended, report->worst_percent,
		report->worst_thread, stress_role_name(report->worst_thread), report->worst_second);
	fflush(stdout);
}

static int run_one(const struct arguments *arguments, const struct balloon_strategy *strategy)
{
	struct balloon_strategy_info info;
	struct stress_report report;
	balloon_strategy_describe(strategy, &info);
	int result = stress_run(strategy, &arguments->stress, &report);
	if (arguments->stress.progress)
		fputc('\r', stderr);
	if (result < 0) {
		fprintf(stderr, "stress: %s cannot be run: %s\n", info.name, strerror(-result));
		return EXIT_FAILURE;
	}
	print_report(info.name, &report);
	if (report.worst_percent >= arguments->fairness_percent)
		return EXIT_SUCCESS;
	fprintf(stderr, "stress: %s: a thread starved: %.1f %% of the mean, expected %.0f\n",
		info.name, report.worst_percent, arguments->fairness_percent);
	return EXIT_FAILURE;
}

static int run_all(const struct arguments *arguments)
{
	int status = EXIT_SUCCESS;
	const struct balloon_strategy *strategy;
	for (size_t i = 0; (strategy = balloon_strategy_at(i)); i++)
		if (run_one(arguments, strategy) != EXIT_SUCCESS)
			status = EXIT_FAILURE;
	return status;
}

static int run_listed(const struct arguments *arguments)
{
	int status = EXIT_SUCCESS;
	for (char *name = strtok(arguments->strategies, ","); name; name = strtok(NULL, ",")) {
		const struct balloon_strategy *strategy = balloon_strategy_find(name);
		if (!strategy)
			fail_usage("no such strategy", name);
		if (run_one(arguments, strategy) != EXIT_SUCCESS)
			status = EXIT_FAILURE;
	}
	return status;
}

int main(int argc, char **argv)
{
	struct arguments arguments = {
		.stress = {.n_devices = 3, .seed = 1, .deadline_s = 120},
	};
	parse(argc, argv, &arguments);
	set_defaults(&arguments.stress);
	printf("seed %llu\n", (unsigned long long)arguments.stress.seed);
	if (!arguments.strategies || strcmp(arguments.strategies, "all") == 0)
		return run_all(&arguments);
	return run_listed(&arguments);
}
