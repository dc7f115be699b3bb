/* SPDX-License-Identifier: MIT */
/*
 * The driver beside something simpler that moves the same pages in the same repeat.
 *
 * Cost: it fills and leaks, request by request, at a host that takes no time; beside it, the
 * strategy alone inserts and dequeues the same batches. Latency: a run reaches its target at a host
 * that takes its time and has any number of requests at once; beside it, one request after the
 * other. Contention: many threads fill and leak single pages at a host with a thread of its own; beside
 * them, one thread.
 */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/threads.h"
#include "system/fixture.h"

enum {
	MEMBERS = 16,
	MEMBERS_SHARE = 64, /* of the zone: a request takes two threads a while to pass on */
	REQUESTS_UNDER_WAY = 16,
};

struct beside {
	struct fixture fixture;
	struct balloon_device *device; /* the strategy's own */
	struct balloon_page *pages;    /* a request's worth */
};

/* Two ways to move all of the trial's pages. Each returns 0 or a negative errno, and ends as it
 * began: with nothing in the balloon. The time is that of what is measured alone. */
struct way_pair {
	int (*driver)(struct trial *trial, uint64_t *ns);
	int (*reference)(struct trial *trial, uint64_t *ns);
};

static struct balloon_driver *driver_of(const struct trial *trial)
{
	const struct beside *beside = trial->own;
	return beside->fixture.driver;
}

/* What moves all of n pages in one call moves them at all. */
static int all_or_error(int result, uint32_t n)
{
	return result < 0 ? result : result == (int)n ? 0 : -EIO;
}

/* ---- Cost ------------------------------------------------------------------------------------ */

/* One thread that never waits: its processor time is the time, less what others take. */

static int cycle_driver(struct trial *trial, uint64_t *ns)
{
	struct balloon_driver *driver = driver_of(trial);
	const uint32_t n_pages = number_of(trial, "pages"), request = number_of(trial, "request");
	int result = 0;
	uint64_t begin_ns = thread_cpu_ns();
	for (uint32_t i = 0; i < n_pages && result == 0; i += request) {
		result = all_or_error(balloon_driver_fill(driver, request), request);
		if (result == 0)
			result = all_or_error(balloon_driver_leak(driver, request), request);
	}
	*ns = thread_cpu_ns() - begin_ns;
	return result;
}

static int cycle_strategy(struct trial *trial, uint64_t *ns)
{
	struct beside *beside = trial->own;
	struct balloon_frames *frames = balloon_zone_frames(beside->fixture.zone);
	const uint32_t n_pages = number_of(trial, "pages"), request = number_of(trial, "request");
	int result =
		all_or_error(frames->ops->allocate(frames, beside->pages, request, 0), request);
	if (result < 0)
		return result;
	uint64_t begin_ns = thread_cpu_ns();
	for (uint32_t i = 0; i < n_pages && result == 0; i += request) {
		result = all_or_error(
			balloon_pages_insert(beside->device, beside->pages, request), request);
		if (result == 0)
			result = all_or_error(
				balloon_pages_dequeue(beside->device, beside->pages, request),
				request);
	}
	*ns = thread_cpu_ns() - begin_ns;
	frames->ops->free(frames, beside->pages, request);
	return result;
}

static const struct way_pair cost = {cycle_driver, cycle_strategy};

/* ---- Latency --------------------------------------------------------------------------------- */

static int run_to_target(struct trial *trial, uint64_t *ns)
{
	struct beside *beside = trial->own;
	uint64_t begin_ns = now_ns();
	int result = fixture_reach(&beside->fixture, number_of(trial, "pages"));
	*ns = now_ns() - begin_ns;
	return result < 0 ? result : fixture_reach(&beside->fixture, 0);
}

static int fill_one_by_one(struct trial *trial, uint64_t *ns)
{
	struct beside *beside = trial->own;
	const uint32_t n_pages = number_of(trial, "pages"), request = number_of(trial, "request");
	int result = 0;
	uint64_t begin_ns = now_ns();
	for (uint32_t left = n_pages, n; left > 0 && result == 0; left -= n) {
		n = left < request ? left : request;
		result = all_or_error(balloon_driver_fill(beside->fixture.driver, n), n);
	}
	*ns = now_ns() - begin_ns;
	return result < 0 ? result : fixture_reach(&beside->fixture, 0);
}

static const struct way_pair latency = {run_to_target, fill_one_by_one};

/* ---- Contention ------------------------------------------------------------------------------ */

struct member {
	struct balloon_driver *driver;
	uint32_t n_pages;
	int error; /* that should not have been */
};

/* The page, or a lock, is not to be had just now. */
static bool is_for_now(int result)
{
	return result == 0 || result == -EAGAIN || result == -EBUSY || result == -ENOMEM;
}

static int move_one(
	struct balloon_driver *driver, int (*move)(struct balloon_driver *driver, uint32_t n_pages))
{
	int result;
	while (is_for_now(result = move(driver, 1)))
		sched_yield();
	return all_or_error(result, 1);
}

static void cycle_pages(void *argument)
{
	struct member *member = argument;
	for (uint32_t i = 0; i < member->n_pages && member->error == 0; i++) {
		member->error = move_one(member->driver, balloon_driver_fill);
		if (member->error == 0)
			member->error = move_one(member->driver, balloon_driver_leak);
	}
}

static int cycle_members(struct trial *trial, uint64_t *ns, unsigned n_threads)
{
	struct member members[MEMBERS];
	const struct threads threads = {
		n_threads, false, cycle_pages, members, sizeof *members, NULL, NULL};
	for (unsigned i = 0; i < n_threads; i++)
		members[i] = (struct member){.driver = driver_of(trial),
			.n_pages = number_of(trial, "pages") / n_threads};
	uint64_t begin_ns = now_ns();
	int result = threads_run(&threads);
	*ns = now_ns() - begin_ns;
	for (unsigned i = 0; i < n_threads && result == 0; i++)
		result = members[i].error;
	return result;
}

static int cycle_many(struct trial *trial, uint64_t *ns)
{
	return cycle_members(trial, ns, MEMBERS);
}

static int cycle_alone(struct trial *trial, uint64_t *ns)
{
	return cycle_members(trial, ns, 1);
}

static const struct way_pair contention = {cycle_many, cycle_alone};

/* ---- Trials ---------------------------------------------------------------------------------- */

static int repeat(struct trial *trial)
{
	const struct way_pair *ways = trial->how;
	struct beside *beside = trial->own;
	const double n_pages = number_of(trial, "pages");
	uint64_t ns = 0, reference_ns = 0;
	if (trial_expect(trial, "moving pages", ways->driver(trial, &ns)) < 0 ||
		trial_expect(trial, "moving the reference's pages",
			ways->reference(trial, &reference_ns)) < 0)
		return -1;
	trial_note(trial, "ns_per_page", (double)ns / n_pages);
	trial_note(trial, "reference_ns_per_page", (double)reference_ns / n_pages);
	trial_note(trial, "times_reference", (double)ns / (double)reference_ns);
	return fixture_check(&beside->fixture, trial, 0, 0);
}

static void close_trial(struct trial *trial)
{
	struct beside *beside = trial->own;
	if (beside->device)
		balloon_device_destroy(beside->fixture.map, beside->device);
	fixture_close(&beside->fixture);
	free(beside->pages);
}

static int open_trial(struct trial *trial)
{
	struct beside *beside = trial->own;
	beside->pages = calloc(number_of(trial, "request"), sizeof *beside->pages);
	if (!beside->pages)
		return problem_no_memory(trial->round->problem);
	int result = fixture_open(&beside->fixture, trial, REQUESTS_UNDER_WAY);
	if (result < 0) {
		free(beside->pages);
		return -1;
	}
	result = balloon_device_create(beside->fixture.map, NULL, &beside->device);
	if (result < 0)
		close_trial(trial);
	return trial_expect(trial, "making a device", result);
}

/* ---- Rounds ---------------------------------------------------------------------------------- */

static int make(struct round *round, const char *channel, uint32_t n_pages, uint32_t request,
	uint32_t host_us, const struct way_pair *ways)
{
	static const struct trial_ops ops = {
		sizeof(struct beside), open_trial, repeat, repeat, NULL, close_trial};
	round->labels = (struct labels){{{"channel", .text = channel},
		{"strategy", .text = last_strategy(round->plan)}, {"pages", .number = n_pages},
		{"request", .number = request}, {"host_us", .number = host_us}}};
	add_drivers(round, &ops, ways);
	return 0;
}

/* Requests as large as they are to be, and of one page. */
static size_t count_costs(const void *plan)
{
	return ((const struct system_plan *)plan)->request > 1 ? 2 : 1;
}

static int make_cost(struct round *round, size_t number)
{
	const struct system_plan *plan = round->plan;
	const uint32_t request = number == 0 ? plan->request : 1;
	return make(round, "null", plan->n_zone_pages / request * request, request, 0, &cost);
}

static int make_latency(struct round *round, size_t number)
{
	const struct system_plan *plan = round->plan;
	(void)number;
	return make(round, "slow", plan->n_zone_pages, plan->request, plan->host_us, &latency);
}

static int make_contention(struct round *round, size_t number)
{
	const struct system_plan *plan = round->plan;
	const uint32_t n_shares = MEMBERS_SHARE * MEMBERS;
	(void)number;
	return make(round, "slow", plan->n_zone_pages / n_shares * MEMBERS, 1, 0, &contention);
}

static const struct column columns[] = {COLUMNS_OF("ns/page", "ns_per_page"),
	{"reference", "reference_ns_per_page", NULL, 0}, {"x that", "times_reference", "%.3g", 0},
	NO_COLUMN};

const struct workload workload_cost = {"cost",
	"of a fill and a leak, beside the strategy alone; with requests of one page as well",
	"ns_per_page", columns, count_costs, make_cost, NULL, 0};
const struct workload workload_latency = {"latency",
	"a run at a host that takes its time, beside one request after the other", "ns_per_page",
	columns, NULL, make_latency, NULL, 1};
const struct workload workload_contention = {"contention",
	"16 threads that fill and leak single pages, beside one", "ns_per_page", columns, NULL,
	make_contention, NULL, 1};
