/* SPDX-License-Identifier: MIT */
/* One repeat of a release, by whomever, and the rounds: each memory in each order, with and without another thread. */
#include "system/release.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/threads.h"

/* Of all requests, one in so many is repeated on pages that are still warm. */
enum { WARM_SHARE = 8 };

const char *const channel_names[] = {"madvise", "memfd", NULL};

static const struct releaser *releaser_of(const struct trial *trial)
{
	return trial->how;
}

/* ---- The steps of a repeat ------------------------------------------------------------------- */

/* How many pages of the memory there are now, all or none. */
static int check_resident(const struct trial *trial, const char *when, bool is_there)
{
	const struct region *region = region_of(trial);
	int64_t n = region_n_resident(region);
	int64_t n_expected = is_there ? (int64_t)(region->n_bytes / SMALL_PAGE) : 0;
	if (n == n_expected)
		return 0;
	return trial_fail(
		trial, "%s %" PRId64 " pages are in memory, not %" PRId64, when, n, n_expected);
}

/* Do one thing to all pages; the time of a small one. Returns 0 or -1. */
static int time_all(
	struct trial *trial, const char *what, int (*work)(struct trial *trial), double *ns)
{
	const struct region *region = region_of(trial);
	uint64_t begin_ns = now_ns();
	int result = work(trial);
	*ns = (double)(now_ns() - begin_ns) / region_small_pages(region, region->n_pages);
	return trial_expect(trial, what, result);
}

static int touch_all(struct trial *trial)
{
	const struct region *region = region_of(trial);
	region_touch(region, region->order, region->n_pages);
	return 0;
}

/* Each request's pages are touched right after it: the kernel still has the same frames at hand. */
static int touch_warm(struct trial *trial)
{
	const struct region *region = region_of(trial);
	uint32_t request = release_of(trial)->request;
	uint64_t ns = 0, n_pages = 0;
	for (uint32_t first = 0; first < region->n_pages; first += request * WARM_SHARE) {
		uint32_t left = region->n_pages - first, n = left < request ? left : request;
		int result = releaser_of(trial)->cycle(trial, first, n);
		if (result < 0)
			return trial_expect(trial, "a single request", result);
		uint64_t begin_ns = now_ns();
		region_touch(region, region->order + first, n);
		ns += now_ns() - begin_ns;
		n_pages += n;
	}
	trial_note(trial, "refault_warm_ns_per_page",
		(double)ns / region_small_pages(region, n_pages));
	return check_resident(trial, "after single requests", true);
}

static int give_and_take(struct trial *trial)
{
	const struct releaser *releaser = releaser_of(trial);
	const double page_gib = 1e9 * SMALL_PAGE / (1 << 30);
	double ns;
	if (time_all(trial, "the release", releaser->inflate, &ns) < 0 ||
		check_resident(trial, "after the release", false) < 0)
		return -1;
	trial_note(trial, "ns_per_page", ns);
	trial_note(trial, "gib_per_s", page_gib / ns);
	if (releaser->deflate) {
		if (time_all(trial, "taking pages back", releaser->deflate, &ns) < 0)
			return -1;
		trial_note(trial, "deflate_ns_per_page", ns);
	}
	const char *what = releaser->check ? releaser->check(trial) : NULL;
	return what ? trial_fail(trial, "%s", what) : 0;
}

static int run_steps(struct trial *trial)
{
	const struct region *region = region_of(trial);
	double ns;
	touch_all(trial);
	if (region->page_bytes == HUGE_PAGE)
		trial_note(trial, "huge_share", region_huge_share(region));
	if (check_resident(trial, "before the release", true) < 0 || give_and_take(trial) < 0 ||
		time_all(trial, "touching", touch_all, &ns) < 0)
		return -1;
	trial_note(trial, "refault_ns_per_page", ns);
	return releaser_of(trial)->cycle ? touch_warm(trial) : 0;
}

/* ---- Where it runs: on one processor, beside a neighbour's ------------------------------------ */

/*
 * The neighbour is another thread of the process, which runs all the time on a processor of its own. What it does does
 * not matter: whatever the first thread unmaps, the kernel has to tell the processor on which the other one runs. A
 * thread that sleeps costs nothing.
 */
struct place {
	struct trial *trial;  /* NULL: the neighbour */
	atomic_bool *is_run;  /* the neighbour runs */
	atomic_bool *is_over; /* the repeat is over */
	int result;
};

static void run_place(void *context)
{
	struct place *place = context;
	if (place->trial) {
		while (!atomic_load(place->is_run))
			sched_yield();
		place->result = run_steps(place->trial);
		atomic_store(place->is_over, true);
	} else {
		atomic_store(place->is_run, true);
		while (!atomic_load_explicit(place->is_over, memory_order_relaxed))
			; /* no hint that it only waits: below virtual machines it would be taken at its word */
	}
}

static int repeat(struct trial *trial)
{
	const bool has_neighbour = release_of(trial)->has_neighbour;
	atomic_bool is_run = !has_neighbour, is_over = false;
	struct place places[] = {{trial, &is_run, &is_over, -1}, {NULL, &is_run, &is_over, 0}};
	const struct threads threads = {
		has_neighbour ? 2 : 1, true, run_place, places, sizeof *places, NULL, NULL};
	int result = threads_run(&threads);
	return result < 0 ? trial_expect(trial, "starting a thread", result) : places[0].result;
}

static int open_trial(struct trial *trial)
{
	const struct releaser *releaser = releaser_of(trial);
	trial->own = calloc(1, releaser->own_bytes + 1);
	if (!trial->own)
		return problem_no_memory(trial->round->problem);
	int result = releaser->open ? releaser->open(trial) : 0;
	if (result < 0)
		free(trial->own);
	return trial_expect(trial, "opening", result);
}

static void close_trial(struct trial *trial)
{
	if (releaser_of(trial)->close)
		releaser_of(trial)->close(trial);
	free(trial->own);
}

const struct trial_ops release_ops = {0, open_trial, repeat, repeat, NULL, close_trial};

/* ---- Rounds ---------------------------------------------------------------------------------- */

static size_t count(const void *context)
{
	const struct system_plan *plan = context;
	return plan->channels.n * plan->orders.n * plan->other_threads.n;
}

static void end(struct round *round)
{
	region_fini(&((struct release *)round->shared)->region);
}

static struct trial *add(struct round *round, const struct releaser *releaser, const char *name)
{
	struct trial *trial = round_add(round, name, releaser->kind, &release_ops, releaser);
	trial_label(trial, "channel", releaser->channel);
	trial_label(trial, "call", releaser->call);
	return trial;
}

static void add_all(struct round *round, const struct releaser *const *releasers)
{
	for (size_t i = 0; releasers[i]; i++)
		add(round, releasers[i], releasers[i]->name);
}

static void add_designs(struct round *round)
{
	const struct system_plan *plan = round->plan;
	for (size_t i = 0; i < plan->drivers.n; i++) {
		const char *name = driver_names()[plan->drivers.at[i]];
		struct trial *trial = add(round, &driver_releaser, name);
		trial_label(trial, "driver", name);
		trial_label(trial, "strategy", last_strategy(plan));
	}
}

static int make(struct round *round, size_t number)
{
	const struct system_plan *plan = round->plan;
	const size_t n_each = plan->orders.n * plan->other_threads.n;
	const bool is_memfd = plan->channels.at[number / n_each] == CHANNEL_MEMFD;
	const enum page_order order = plan->orders.at[number % n_each / plan->other_threads.n];
	const bool has_neighbour = plan->other_threads.at[number % plan->other_threads.n];
	if (is_memfd && order == ORDER_BLOCKS) /* shared memory has no huge pages here */
		return 0;
	struct release *release = round_share(round, sizeof *release);
	if (!release)
		return -1;
	release->has_neighbour = has_neighbour;
	release->request = plan->request;
	if (region_init(&release->region, order, plan->n_pages, is_memfd, round->problem) < 0)
		return -1;
	round->end = end;
	round->labels = (struct labels){{{"memory", .text = is_memfd ? "memfd" : "anonymous"},
		{"order", .text = page_order_names[order]},
		{"other_thread", .number = has_neighbour, .is_flag = true},
		{"pages", .number = release->region.n_pages},
		{"page_bytes", .number = release->region.page_bytes},
		{"request", .number = plan->request}}};
	add_all(round, is_memfd ? memfd_releasers : raw_releasers);
	if (!is_memfd) {
		add_all(round, channel_releasers);
		add_designs(round);
	}
	return 0;
}

static const struct column columns[] = {COLUMNS_OF("ns/page", "ns_per_page"),
	{"GiB/s", "gib_per_s", "%.2f", 0}, {"x one", "ratio/raw-one-call", "%.3g", 0},
	{"x vec", "ratio/raw-vector", "%.3g", 0}, {"x page", "ratio/raw-per-page", "%.3g", 0},
	{"deflate", "deflate_ns_per_page", NULL, 0}, {"refault", "refault_ns_per_page", NULL, 0},
	{"warm", "refault_warm_ns_per_page", NULL, 0}, NO_COLUMN};

const struct workload workload_release = {"release",
	"memory is given back, request by request, by raw system calls, by channels, by the whole driver",
	"ns_per_page", columns, count, make, NULL, 0};
