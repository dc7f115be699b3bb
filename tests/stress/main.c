/* SPDX-License-Identifier: MIT */
/* stress: the command line. */

#include "stress.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EXIT_USAGE = 2 };

/*
 * What is not asked for. Where the environment asks for less than the usual work, as it does under
 * Valgrind, few threads (one of each role), few pages, and a share of FULL_ROUNDS instead of
 * seconds: what drd needs grows faster than the number of threads.
 */
enum { FULL_ROUNDS = 1000 };
static const struct stress_options full = {.n_threads = 8, .n_pages = 512, .seconds = 2};
static const struct stress_options scaled_down = {.n_threads = 4, .n_pages = 96};

static const char usage[] =
	"usage: stress [OPTION...]\n"
	"Run many threads on one memory map and hold every page transition against a shadow "
	"state.\n"
	"\n"
	"  --strategy NAME,...  what to run; all (default): every built-in strategy\n"
	"  --threads N          filler, leaker, scanner, migrator in turn (8)\n"
	"  --seconds N          how long for each strategy (2)\n"
	"  --rounds N           how many rounds for each thread, instead of --seconds\n"
	"  --pages N            pages of the map (512)\n"
	"  --devices N          devices of the map (3)\n"
	"  --seed N             of the threads' random choices (1); schedules differ all the same\n"
	"  --greedy             threads do not yield between rounds\n"
	"  --fairness PERCENT   fail if in some second a thread does less than this of the mean\n"
	"  --deadline SECONDS   fail if a thread gets nowhere for so long (120)\n"
	"  --help\n"
	"\n"
	"Environment: BALLOON_TEST_SCALE, per cent of the usual work; below 100 the defaults are "
	"fewer\n"
	"threads and pages, and rounds instead of seconds.\n"
	"Exit status: 0, 1 an invariant is broken or a thread starved, 2 wrong usage.\n";

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

static void set_option(struct arguments *arguments, const char *name, char *text)
{
	struct stress_options *stress = &arguments->stress;
	if (strcmp(name, "strategy") == 0)
		arguments->strategies = text;
	else if (strcmp(name, "threads") == 0)
		stress->n_threads = (unsigned)parse_number(name, text, 1, STRESS_THREADS_MAX);
	else if (strcmp(name, "seconds") == 0)
		stress->seconds = (unsigned)parse_number(name, text, 1, 1000000);
	else if (strcmp(name, "rounds") == 0)
		stress->n_rounds = parse_number(name, text, 1, UINT64_MAX);
	else if (strcmp(name, "pages") == 0)
		stress->n_pages = (uint32_t)parse_number(name, text, 1, 1 << 24);
	else if (strcmp(name, "devices") == 0)
		stress->n_devices = (uint32_t)parse_number(name, text, 1, STRESS_DEVICES_MAX);
	else if (strcmp(name, "seed") == 0)
		stress->seed = parse_number(name, text, 0, UINT64_MAX);
	else if (strcmp(name, "greedy") == 0)
		stress->greedy = true;
	else if (strcmp(name, "fairness") == 0)
		arguments->fairness_percent = (double)parse_number(name, text, 0, 100);
	else
		stress->deadline_s = (unsigned)parse_number(name, text, 1, 1000000);
}

static void parse(int argc, char **argv, struct arguments *arguments)
{
	static const struct option options[] = {
		{"strategy", required_argument, NULL, 0},
		{"threads", required_argument, NULL, 0},
		{"seconds", required_argument, NULL, 0},
		{"rounds", required_argument, NULL, 0},
		{"pages", required_argument, NULL, 0},
		{"devices", required_argument, NULL, 0},
		{"seed", required_argument, NULL, 0},
		{"greedy", no_argument, NULL, 0},
		{"fairness", required_argument, NULL, 0},
		{"deadline", required_argument, NULL, 0},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int index;
	int c;
	while ((c = getopt_long(argc, argv, "", options, &index)) != -1) {
		if (c == 'h') {
			fputs(usage, stdout);
			exit(EXIT_SUCCESS);
		}
		if (c != 0)
			exit(EXIT_USAGE); /* getopt_long() has said why */
		set_option(arguments, options[index].name, optarg);
	}
	if (optind < argc)
		fail_usage("what is this", argv[optind]);
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
