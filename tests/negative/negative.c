/* SPDX-License-Identifier: MIT */
/*
 * negative: programs with one fault each, which a tool has to find, and their healthy twins, the
 * same program without the fault, in which it has to find nothing. `matrix` runs them all.
 */

#include <balloon/strategy.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fault.h"
#include "stress.h"

struct fault fault_of_run;

static bool is_healthy;
static struct stress_options options = {
	.n_threads = 4, .n_pages = 48, .n_devices = 2, .seed = 1, .deadline_s = 10};

/* One row of the matrix. */
struct row {
	const char *name;
	int (*run)(const struct row *row);
	/* For stress: the strategy, and what is wrong with it. */
	const struct balloon_strategy *strategy;
	struct fault fault;
	bool (*is_candidate)(const struct balloon_memmap *map, struct balloon_page page);
};

/* ---- Stress on a faulty strategy ------------------------------------------------------------------ */

static int run_stress(const struct row *row)
{
	struct balloon_strategy strategy = *row->strategy;
	struct stress_report report;
	if (!is_healthy && row->is_candidate)
		strategy.is_candidate = row->is_candidate;
	return stress_run(&strategy, &options, &report) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* ---- One page from hand to hand -------------------------------------------------------------------- */

enum { HANDOVERS = 2000 };

struct handover {
	struct balloon_memmap *map;
	struct balloon_device *device;
	struct balloon_page page;
	pthread_barrier_t barrier;
};

static _Noreturn void fail(const char *what, const char *detail)
{
	fprintf(stderr, "negative: %s: %s\n", what, detail);
	_Exit(EXIT_FAILURE);
}

static void *isolate_and_put_back(void *argument)
{
	struct handover *handover = argument;
	for (int i = 0; i < HANDOVERS; i++) {
		pthread_barrier_wait(&handover->barrier);
		if (balloon_page_isolate(handover->map, handover->page) < 0)
			fail("handover", "the page cannot be isolated");
		pthread_barrier_wait(&handover->barrier);
		balloon_page_putback(handover->map, handover->page);
	}
	return NULL;
}

/*
 * Insert the page, let the other thread isolate it, and dequeue it while it is being put back. There
 * is no third thread, so a lock or a reference on the dequeued page is putback's.
 */
static void insert_and_dequeue(struct handover *handover)
{
	struct balloon_page page;
	if (balloon_page_insert(handover->device, handover->page) < 0)
		fail("handover", "the page cannot be inserted");
	pthread_barrier_wait(&handover->barrier);
	pthread_barrier_wait(&handover->barrier);
	while (balloon_page_dequeue(handover->device, &page) != 1)
		;
	const char *defect = handover->map->strategy->inspect(handover->map, page).defect;
	if (defect)
		fail("I5: dequeue returned a page that putback has not finished with", defect);
}

static int run_handover(const struct row *row)
{
	const struct balloon_memmap_config config = {.strategy = row->strategy, .n_pages = 1};
	struct handover handover = {.page = balloon_page(0)};
	pthread_t thread;
	pthread_barrier_init(&handover.barrier, NULL, 2);
	if (balloon_memmap_create(&config, &handover.map) < 0 ||
		balloon_device_create(handover.map, NULL, &handover.device) < 0 ||
		pthread_create(&thread, NULL, isolate_and_put_back, &handover))
		fail("handover", "cannot be set up");
	for (int i = 0; i < HANDOVERS; i++)
		insert_and_dequeue(&handover);
	pthread_join(thread, NULL);
	balloon_device_destroy(handover.map, handover.device);
	balloon_memmap_destroy(handover.map);
	pthread_barrier_destroy(&handover.barrier);
	return EXIT_SUCCESS;
}

/* ---- Misuse of memory and of numbers ---------------------------------------------------------------- */

static struct balloon_memmap *make_map(void)
{
	const struct balloon_memmap_config config = {
		.strategy = balloon_strategy_at(0), .n_pages = 1024};
	struct balloon_memmap *map;
	if (balloon_memmap_create(&config, &map) < 0)
		fail("map", "cannot be made");
	return map;
}

static int run_leak(const struct row *row)
{
	struct balloon_memmap *volatile map = make_map();
	(void)row;
	if (is_healthy)
		balloon_memmap_destroy(map);
	map = NULL; /* or the leak would still be reachable */
	return EXIT_SUCCESS;
}

static int run_use_after_free(const struct row *row)
{
	struct balloon_memmap *map = make_map();
	(void)row;
	if (is_healthy)
		printf("%u pages\n", (unsigned)balloon_memmap_n_pages(map));
	balloon_memmap_destroy(map);
	if (!is_healthy)
		printf("%u pages\n", (unsigned)balloon_memmap_n_pages(map));
	return EXIT_SUCCESS;
}

static int run_shift(const struct row *row)
{
	struct balloon_memmap *map = make_map();
	uint64_t address;
	(void)row;
	if (!is_healthy)
		map->page_shift = 70;
	balloon_page_to_address(map, balloon_page(1), &address);
	printf("page 1 is at %#llx\n", (unsigned long long)address);
	balloon_memmap_destroy(map);
	return EXIT_SUCCESS;
}

/* ---- The rows ------------------------------------------------------------------------------------- */

#define PAGE_LOCK    &mutant_page_lock_strategy
#define MAPCOUNT     &mutant_mapcount_strategy
#define MOVABLE      &mutant_movable_strategy
#define DEVICE_LOCK  &mutant_device_lock_strategy
#define ISOLATED_BIT &mutant_isolated_bit_strategy

/* clang-format off */
static const struct row rows[] = {
	{"leak", run_leak, NULL, {FAULT_NONE, NULL}, NULL},
	{"use-after-free", run_use_after_free, NULL, {FAULT_NONE, NULL}, NULL},
	{"shift-out-of-range", run_shift, NULL, {FAULT_NONE, NULL}, NULL},

	{"unlocked-read-of-link", run_stress, DEVICE_LOCK, {FAULT_NONE, NULL}, peek_link},
	{"unlocked-read-of-counter", run_stress, MOVABLE, {FAULT_NONE, NULL}, peek_counter},
	{"unlocked-read-of-owner", run_stress, MAPCOUNT, {FAULT_NONE, NULL}, peek_owner},
	{"unlocked-read-of-state", run_stress, PAGE_LOCK, {FAULT_NONE, NULL}, peek_state},

	{"page-lock-dequeue-without-page-lock", run_stress, PAGE_LOCK,
		{FAULT_NO_PAGE_LOCK, "dequeue"}, NULL},
	{"page-lock-isolate-without-pages-lock", run_stress, PAGE_LOCK,
		{FAULT_NO_LOCK, "isolate_locked"}, NULL},
	{"mapcount-dequeue-without-page-lock", run_stress, MAPCOUNT,
		{FAULT_NO_PAGE_LOCK, "dequeue"}, NULL},
	{"mapcount-dequeue-without-pages-lock", run_stress, MAPCOUNT,
		{FAULT_NO_LOCK, "dequeue"}, NULL},
	{"movable-isolate-without-page-lock", run_stress, MOVABLE,
		{FAULT_NO_PAGE_LOCK, "isolate_one"}, NULL},
	{"movable-putback-without-pages-lock", run_stress, MOVABLE,
		{FAULT_NO_LOCK, "putback_page"}, NULL},
	{"device-lock-isolate-without-device-lock", run_stress, DEVICE_LOCK,
		{FAULT_NO_LOCK, "isolate_page"}, NULL},
	{"device-lock-isolate-without-page-lock", run_stress, DEVICE_LOCK,
		{FAULT_NO_PAGE_LOCK, "isolate_one"}, NULL},
	{"isolated-bit-dequeue-without-device-lock", run_stress, ISOLATED_BIT,
		{FAULT_NO_LOCK, "dequeue"}, NULL},
	{"isolated-bit-putback-without-device-lock", run_stress, ISOLATED_BIT,
		{FAULT_NO_LOCK, "putback"}, NULL},

	{"relaxed-unlock-of-lock", run_stress, ISOLATED_BIT, {FAULT_RELAXED_LOCK, NULL}, NULL},
	{"relaxed-unlock-of-page", run_stress, PAGE_LOCK, {FAULT_RELAXED_PAGE, NULL}, NULL},

	{"device-lock-putback-unlocks-page-late", run_handover, DEVICE_LOCK,
		{FAULT_LATE_UNLOCK, "putback_page"}, NULL},
	{"device-lock-putback-clears-isolated-early", run_stress, DEVICE_LOCK,
		{FAULT_EARLY_CLEAR, "putback_page"}, NULL},
};
/* clang-format on */

enum { N_ROWS = sizeof(rows) / sizeof(rows[0]) };

static const char usage[] = "usage: negative [--healthy] [--rounds N | --seconds N] FAULT\n"
			    "       negative --list\n"
			    "Run a program with a fault, or its healthy twin. "
			    "tests/negative/matrix knows which tool has to\n"
			    "find which fault.\n";

static _Noreturn void end_usage(const char *what)
{
	fprintf(stderr, "negative: %s\n", what);
	exit(2);
}

static int list(void)
{
	for (int i = 0; i < N_ROWS; i++)
		puts(rows[i].name);
	return EXIT_SUCCESS;
}

static int run_named(const char *name)
{
	for (int i = 0; i < N_ROWS; i++) {
		if (strcmp(rows[i].name, name) != 0)
			continue;
		if (!is_healthy)
			fault_of_run = rows[i].fault;
		return rows[i].run(&rows[i]);
	}
	end_usage("no such fault");
}

int main(int argc, char **argv)
{
	int i = 1;
	options.seconds = 2;
	for (; i < argc && strncmp(argv[i], "--", 2) == 0; i++) {
		if (strcmp(argv[i], "--help") == 0)
			return fputs(usage, stdout) < 0;
		if (strcmp(argv[i], "--list") == 0)
			return list();
		if (strcmp(argv[i], "--healthy") == 0) {
			is_healthy = true;
		} else if (strcmp(argv[i], "--rounds") == 0 && i + 1 < argc) {
			options.seconds = 0;
			options.n_rounds = strtoull(argv[++i], NULL, 10);
		} else if (strcmp(argv[i], "--seconds") == 0 && i + 1 < argc) {
			options.seconds = (unsigned)strtoul(argv[++i], NULL, 10);
		} else {
			end_usage("unknown option; see --help");
		}
	}
	if (i + 1 != argc)
		end_usage("one fault; see --help");
	return run_named(argv[i]);
}
