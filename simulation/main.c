/* SPDX-License-Identifier: MIT */
/* balloon-simulate: sweeps simulations by seeds, up to the first finding, and makes it small. */

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/command-line.h"
#include "options.h"
#include "simulation.h"
#include "text.h"

enum { FOUND_MAX = 64, EXIT_FINDING = 1 };

static const char *const host_names[HOST_N_KINDS] = {
	[HOST_AT_ONCE] = "at-once",
	[HOST_LATER] = "later",
	[HOST_POLLED] = "polled",
	[HOST_MIXED] = "mixed",
};

static const char *const fault_names[] = {"refused", "twice", "slow", "never", "untold", "dead",
	"frames", "memory", "lies", "picky", "locked"};
enum { N_FAULTS = sizeof(fault_names) / sizeof(fault_names[0]) };

struct options {
	uint64_t seed;
	uint64_t n_seeds;
	uint64_t n_points; /* of all runs together */
	const struct engine_chooser *chooser;
	struct sim_bounds bounds;
	enum engine_time time;
	bool has_faults;
	bool is_replay;
	bool is_json;
	bool goes_on;
	bool shrinks;
};

const char options_program[] = "balloon-simulate";

/* ---- Options --------------------------------------------------------------------------------- */

static void add_design(const char *option, const char *name, void *context)
{
	struct sim_bounds *bounds = context;
	const struct balloon_driver_design *design = balloon_driver_design_find(name);
	if (!design || bounds->n_designs == 16)
		options_wrong("%s: no driver design '%s'", option, name);
	bounds->designs[bounds->n_designs++] = design;
}

static void add_strategy(const char *option, const char *name, void *context)
{
	struct sim_bounds *bounds = context;
	const struct balloon_strategy *strategy = balloon_strategy_find(name);
	if (!strategy || bounds->n_strategies == 16)
		options_wrong("%s: no strategy '%s'", option, name);
	bounds->strategies[bounds->n_strategies++] = strategy;
}

static void add_fault(const char *option, const char *name, void *context)
{
	struct sim_bounds *bounds = context;
	for (uint32_t i = 0; i < N_FAULTS; i++)
		if (!strcmp(fault_names[i], name)) {
			bounds->faults |= 1u << i;
			return;
		}
	if (strcmp(name, "none") != 0)
		options_wrong("%s: no fault '%s'", option, name);
}

static int find_host(const char *option, const char *name)
{
	for (int i = 0; i < HOST_N_KINDS; i++)
		if (!strcmp(host_names[i], name))
			return i;
	options_wrong("%s: no host '%s'", option, name);
}

static enum engine_time find_time(const char *option, const char *name)
{
	static const char *const names[] = {"patient", "hasty", "either"};
	for (int i = 0; i < 3; i++)
		if (!strcmp(names[i], name))
			return (enum engine_time)i;
	options_wrong("%s: no time '%s'", option, name);
}

static void set_defaults(struct options *options)
{
	*options = (struct options){.seed = 1,
		.n_seeds = 1000,
		.n_points = UINT64_MAX,
		.chooser = &engine_random,
		.time = ENGINE_EITHER,
		.shrinks = true};
	options->bounds.scenario = &sim_scenarios[0];
	options->bounds.host = -1;
	options->bounds.n_calls = 12;
}

static void add_all(struct sim_bounds *bounds)
{
	for (size_t i = 0; bounds->n_designs == i && i < 16 && balloon_driver_design_at(i); i++)
		bounds->designs[bounds->n_designs++] = balloon_driver_design_at(i);
	for (size_t i = 0; bounds->n_strategies == i && i < 16 && balloon_strategy_at(i); i++)
		bounds->strategies[bounds->n_strategies++] = balloon_strategy_at(i);
}

enum {
	SEED = COMMAND_LINE_KEY,
	SEEDS,
	STEPS,
	SCENARIO,
	DRIVERS,
	STRATEGIES,
	HOST,
	THREADS,
	CALLS,
	FAULTS,
	CHOOSER,
	TIME,
	REPLAY,
	KEEP_GOING,
	NO_SHRINK,
	JSON,
};

static const struct argp_option rows[] = {{"seed", SEED, "N", 0, "the first seed (1)", 0},
	{"seeds", SEEDS, "N", 0, "so many seeds (1000)", 0},
	{"steps", STEPS, "N", 0, "end after so many points of all runs together", 0},
	{"scenario", SCENARIO, "NAME", 0,
		"all, size, calls, runs, memory, pages, rest, lies, picky, ranges (all)", 0},
	{"drivers", DRIVERS, "LIST", 0, "driver designs, as a,b,c (all)", 0},
	{"strategies", STRATEGIES, "LIST", 0, "page strategies (all)", 0},
	{"host", HOST, "KIND", 0, "at-once, later, polled, mixed (any)", 0},
	{"threads", THREADS, "N", 0, "threads that make calls, 1 to 8 (1 to 4)", 0},
	{"calls", CALLS, "N", 0, "calls of each, at most (12)", 0},
	{"faults", FAULTS, "LIST", 0,
		"of the scenario's: refused, twice, slow, never, untold, dead, frames, memory, "
		"lies, picky, locked; none (all)",
		0},
	{"chooser", CHOOSER, "NAME", 0, "random, pct (random)", 0},
	{"time", TIME, "KIND", 0, "patient: when all wait; hasty: at any point; either (either)",
		0},
	{"replay", REPLAY, "SEED", 0, "run this seed alone, and print what it did at last", 0},
	{"keep-going", KEEP_GOING, NULL, 0, "do not end at a finding; list all that differ", 0},
	{"no-shrink", NO_SHRINK, NULL, 0, "do not look for a smaller run with the same finding", 0},
	{"json", JSON, NULL, 0, "results as JSON, a line each", 0}, {0}};

static const char *name_of(int key)
{
	const struct argp_option *row = rows;
	while (row->key != key)
		row++;
	return row->name;
}

static int take(void *context, int key, char *value)
{
	struct options *options = context;
	struct sim_bounds *bounds = &options->bounds;
	switch (key) {
	case SEED:
		options->seed = options_number(name_of(key), value, 0, UINT64_MAX);
		return 0;
	case SEEDS:
		options->n_seeds = options_number(name_of(key), value, 1, UINT64_MAX);
		return 0;
	case STEPS:
		options->n_points = options_number(name_of(key), value, 1, UINT64_MAX);
		return 0;
	case SCENARIO:
		bounds->scenario = sim_scenario_find(value);
		if (!bounds->scenario)
			options_wrong("%s: no scenario '%s'", name_of(key), value);
		return 0;
	case DRIVERS:
		options_each(name_of(key), value, add_design, bounds);
		return 0;
	case STRATEGIES:
		options_each(name_of(key), value, add_strategy, bounds);
		return 0;
	case HOST:
		bounds->host = find_host(name_of(key), value);
		return 0;
	case THREADS:
		bounds->n_threads = (uint32_t)options_number(name_of(key), value, 1, 8);
		return 0;
	case CALLS:
		bounds->n_calls = (uint32_t)options_number(name_of(key), value, 1, 10000);
		return 0;
	case FAULTS:
		options_each(name_of(key), value, add_fault, bounds);
		options->has_faults = true;
		return 0;
	case CHOOSER:
		options->chooser = engine_chooser_find(value);
		if (!options->chooser)
			options_wrong("%s: no chooser '%s'", name_of(key), value);
		return 0;
	case TIME:
		options->time = find_time(name_of(key), value);
		return 0;
	case REPLAY:
		options->seed = options_number(name_of(key), value, 0, UINT64_MAX);
		options->n_seeds = 1;
		options->is_replay = true;
		return 0;
	case KEEP_GOING:
		options->goes_on = true;
		return 0;
	case NO_SHRINK:
		options->shrinks = false;
		return 0;
	case JSON:
		options->is_json = true;
		return 0;
	default:
		options_wrong("%s: no such argument", value);
	}
}

static const struct command_line line = {
	.name = "balloon-simulate",
	.about = "Run the library's own code in simulations, up to the first finding.\n",
	.after = "Exit status: 0 nothing found, 1 a finding, 2 wrong usage.",
	.options = rows,
	.take = take,
};

static void parse(struct options *options, int argc, char **argv)
{
	set_defaults(options);
	int status = command_line_read(&line, argc, argv, options);
	if (status != COMMAND_LINE_GO_ON)
		exit(status);
	if (!options->has_faults)
		options->bounds.faults = FAULT_ALL;
	add_all(&options->bounds);
}

/* ---- Runs ------------------------------------------------------------------------------------ */

static uint64_t n_points_done;

static struct engine_report run(const struct options *options, uint64_t seed)
{
	const struct engine_options engine_options = {.seed = seed,
		.chooser = options->chooser,
		.time = options->time,
		.max_points = 200000};
	struct engine_report report =
		engine_run_with(&engine_options, sim_play, (void *)(uintptr_t)&options->bounds);
	n_points_done += report.step;
	return report;
}

/* The command line that makes this run again. */
static const char *replay_command(const struct options *options, uint64_t seed)
{
	static const char *const times[] = {"patient", "hasty", "either"};
	static char text[1024];
	const struct sim_bounds *bounds = &options->bounds;
	text[0] = '\0';
	text_append(text, sizeof(text), "balloon-simulate --replay %" PRIu64 " --scenario %s", seed,
		bounds->scenario->name);
	for (uint32_t i = 0; i < bounds->n_designs; i++) {
		struct balloon_driver_design_info info;
		balloon_driver_design_describe(bounds->designs[i], &info);
		text_append(text, sizeof(text), "%s%s", i ? "," : " --drivers ", info.name);
	}
	for (uint32_t i = 0; i < bounds->n_strategies; i++)
		text_append(text, sizeof(text), "%s%s", i ? "," : " --strategies ",
			bounds->strategies[i]->name);
	if (bounds->host >= 0)
		text_append(text, sizeof(text), " --host %s", host_names[bounds->host]);
	if (bounds->n_threads)
		text_append(text, sizeof(text), " --threads %u", bounds->n_threads);
	text_append(text, sizeof(text), " --calls %u --chooser %s --time %s", bounds->n_calls,
		options->chooser->name, times[options->time]);
	uint32_t faults = bounds->faults & bounds->scenario->faults;
	const char *separator = " --faults ";
	for (uint32_t i = 0; i < N_FAULTS && faults != bounds->scenario->faults; i++)
		if (faults & 1u << i) {
			text_append(text, sizeof(text), "%s%s", separator, fault_names[i]);
			separator = ",";
		}
	if (!faults)
		text_append(text, sizeof(text), " --faults none");
	return text;
}

/* ---- Making a finding small ------------------------------------------------------------------ */

/* Numbers do not make a difference. */
static bool is_alike(const char *a, const char *b)
{
	for (; *a && *b; a++, b++) {
		while (*a >= '0' && *a <= '9')
			a++;
		while (*b >= '0' && *b <= '9')
			b++;
		if (*a != *b)
			return false;
		if (!*a)
			return true;
	}
	return *a == *b;
}

static bool is_same(const struct engine_report *a, const struct engine_report *b)
{
	return a->finding == b->finding && is_alike(a->what, b->what);
}

/* How long it may take, all together. */
static uint64_t n_points_max;

/* Look for the finding within other bounds. */
static bool find_again(struct options *options, struct engine_report *report, uint64_t n_seeds)
{
	for (uint64_t seed = 1; seed <= n_seeds && n_points_done < n_points_max; seed++) {
		struct engine_report found = run(options, seed);
		if (is_same(&found, report)) {
			*report = found;
			return true;
		}
	}
	return false;
}

/* One thing less. step: which. Returns false: there is none. */
static bool reduce(struct sim_bounds *bounds, const struct sim_choice *choice, uint32_t step)
{
	switch (step) {
	case 0:
		bounds->designs[0] = choice->design;
		bounds->n_designs = 1;
		return true;
	case 1:
		bounds->strategies[0] = choice->strategy;
		bounds->n_strategies = 1;
		return true;
	case 2:
		bounds->host = (int)choice->host;
		return true;
	case 3:
		bounds->faults = choice->faults;
		return true;
	case 4:
		bounds->n_threads = 1;
		return true;
	case 5:
		bounds->n_threads = 2;
		return choice->n_threads > 2;
	case 6:
		bounds->n_calls = 1;
		return true;
	case 7:
		bounds->n_calls = 2;
		return choice->n_calls > 2;
	case 8:
		bounds->n_calls = 4;
		return choice->n_calls > 4;
	default:
		bounds->faults = choice->faults & ~(1u << (step - 9));
		return bounds->faults != choice->faults;
	}
}

static void shrink(struct options *options, struct engine_report *report)
{
	enum { N_STEPS = 9 + N_FAULTS, N_SEEDS = 400 };
	struct sim_choice choice = sim->choice;
	n_points_max = n_points_done + 100000000;
	for (uint32_t step = 0; step < N_STEPS; step++) {
		struct options less = *options;
		if (!reduce(&less.bounds, &choice, step) || !find_again(&less, report, N_SEEDS))
			continue;
		*options = less;
		choice = sim->choice;
	}
	/* Within these bounds, the shortest of several. */
	for (uint64_t seed = 1; seed <= N_SEEDS && n_points_done < n_points_max; seed++) {
		struct engine_report found = run(options, seed);
		if (is_same(&found, report) && found.step < report->step)
			*report = found;
	}
}

/* ---- Results --------------------------------------------------------------------------------- */

static void print_finding(const struct options *options, const struct engine_report *report)
{
	const char *command = replay_command(options, report->seed);
	if (options->is_json) {
		printf("{\"finding\": \"%s\", \"what\": ", engine_finding_name(report->finding));
		text_put_quoted(report->what, stdout);
		printf(", \"seed\": %" PRIu64 ", \"point\": %" PRIu64 ", \"hash\": \"%016" PRIx64
		       "\", \"replay\": ",
			report->seed, report->step, report->hash);
		text_put_quoted(command, stdout);
		puts("}");
	} else {
		engine_print(report, stdout);
		printf("replay: %s\n", command);
	}
}

static void print_setting(void)
{
	const struct sim_choice *choice = &sim->choice;
	struct balloon_driver_design_info info;
	balloon_driver_design_describe(choice->design, &info);
	printf("simulation: %s, %s, host %s, %u threads, %u calls, %u pages, requests %u of %u "
	       "pages, floor %llu, faults",
		info.name, choice->strategy->name, host_names[choice->host], choice->n_threads,
		choice->n_calls, choice->n_pages, choice->n_requests, choice->request_pages,
		(unsigned long long)choice->floor_pages);
	for (uint32_t i = 0; i < N_FAULTS; i++)
		if (choice->faults & 1u << i)
			printf(" %s", fault_names[i]);
	puts(choice->faults ? "" : " none");
}

/* Findings that differ, with --keep-going. */
static struct found {
	struct engine_report report;
	uint64_t n;
} found[FOUND_MAX];
static uint32_t n_found;

static void keep(const struct engine_report *report)
{
	uint32_t i = 0;
	while (i < n_found && (found[i].report.finding != report->finding ||
				      !is_alike(found[i].report.what, report->what)))
		i++;
	if (i == FOUND_MAX)
		return;
	if (i == n_found) {
		n_found++;
		found[i].report = *report;
	}
	found[i].n++;
}

static void print_kept(const struct options *options)
{
	for (uint32_t i = 0; i < n_found; i++) {
		const struct engine_report *report = &found[i].report;
		if (options->is_json)
			print_finding(options, report);
		else
			printf("%6" PRIu64 " %-12s %s\n       %s\n", found[i].n,
				engine_finding_name(report->finding), report->what,
				replay_command(options, report->seed));
	}
}

static void print_sum(const struct options *options, uint64_t n_seeds, clock_t begin)
{
	double seconds = (double)(clock() - begin) / CLOCKS_PER_SEC;
	double per_second = seconds > 0 ? (double)n_points_done / seconds : 0;
	printf(options->is_json ? "{\"seeds\": %" PRIu64 ", \"points\": %" PRIu64
				  ", \"points_per_second\": %.0f}\n"
				: "%" PRIu64 " seeds, %" PRIu64 " points, %.0f points a second\n",
		n_seeds, n_points_done, per_second);
}

static void show_progress(uint64_t n)
{
	static int is_terminal = -1;
	if (is_terminal < 0)
		is_terminal = isatty(STDERR_FILENO);
	if (is_terminal && n % 256 == 0)
		fprintf(stderr, "\r%" PRIu64 " seeds, %" PRIu64 " points ", n, n_points_done);
}

static int sweep(struct options *options)
{
	clock_t begin = clock();
	uint64_t n = 0;
	while (n < options->n_seeds && n_points_done < options->n_points) {
		struct engine_report report = run(options, options->seed + n);
		show_progress(++n);
		if (options->is_replay && !options->is_json)
			print_setting();
		if (report.finding != ENGINE_NONE && options->goes_on) {
			keep(&report);
		} else if (report.finding != ENGINE_NONE) {
			n_found = 1;
			if (options->is_replay || !options->shrinks) {
				print_finding(options, &report);
				break;
			}
			if (!options->is_json)
				printf("found: %s\n", replay_command(options, report.seed));
			shrink(options, &report);
			print_finding(options, &report);
			break;
		} else if (options->is_replay && !options->is_json) {
			engine_print(&report, stdout);
		}
	}
	if (options->goes_on)
		print_kept(options);
	print_sum(options, n, begin);
	if (fflush(stdout) != 0)
		return EXIT_FINDING;
	return n_found ? EXIT_FINDING : 0;
}

int main(int argc, char **argv)
{
	static struct options options;
	parse(&options, argc, argv);
	sim_open();
	engine_watch(5);
	return sweep(&options);
}
