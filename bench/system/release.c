/* SPDX-License-Identifier: MIT */
/* One repeat of a release, by whomever. */
#include "system/release.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/pin.h"
#include "system/neighbour.h"

/* Of all requests, one in so many is repeated on pages that are still warm. */
enum { WARM_SHARE = 8 };

static const struct releaser *releaser_of(const struct trial *trial)
{
	return trial->how;
}

/* ---- The steps of a repeat ------------------------------------------------------------------- */

struct repeat {
	struct trial *trial;
	struct sample *sample;
	struct problem *problem;
	int result;
};

/* How many pages of the memory there are now, all or none. */
static int check_resident(const struct repeat *repeat, const char *when, bool is_there)
{
	const struct region *region = region_of(repeat->trial);
	int64_t n = region_n_resident(region);
	int64_t n_expected = is_there ? (int64_t)(region->n_bytes / SMALL_PAGE) : 0;
	if (n == n_expected)
		return 0;
	return trial_fail(repeat->trial, repeat->problem,
		"%s %" PRId64 " pages are in memory, not %" PRId64, when, n, n_expected);
}

static double per_page(const struct repeat *repeat, uint64_t begin_ns, size_t n_pages)
{
	return (double)(now_ns() - begin_ns) /
	       region_small_pages(region_of(repeat->trial), n_pages);
}

/* Do one thing to all pages, and time it. */
static int time_all(const struct repeat *repeat, const char *what, int (*work)(struct trial *trial),
	enum figure figure)
{
	uint64_t begin_ns = now_ns();
	int result = work(repeat->trial);
	repeat->sample->figures[figure] =
		per_page(repeat, begin_ns, region_of(repeat->trial)->n_pages);
	return result < 0 ? trial_fail_errno(repeat->trial, repeat->problem, what, result) : 0;
}

static int touch_all(struct trial *trial)
{
	const struct region *region = region_of(trial);
	region_touch(region, region->order, region->n_pages);
	return 0;
}

/* Each request's pages are touched right after it: the kernel still has the same frames at hand. */
static int touch_warm(const struct repeat *repeat)
{
	const struct region *region = region_of(repeat->trial);
	uint32_t request = release_of(repeat->trial)->request;
	uint64_t ns = 0, n_pages = 0;
	for (uint32_t first = 0; first < region->n_pages; first += request * WARM_SHARE) {
		uint32_t left = region->n_pages - first, n = left < request ? left : request;
		int result = releaser_of(repeat->trial)->cycle(repeat->trial, first, n);
		if (result < 0)
			return trial_fail_errno(
				repeat->trial, repeat->problem, "a single request", result);
		uint64_t begin_ns = now_ns();
		region_touch(region, region->order + first, n);
		ns += now_ns() - begin_ns;
		n_pages += n;
	}
	repeat->sample->figures[REFAULT_WARM_NS_PER_PAGE] =
		(double)ns / region_small_pages(region, n_pages);
	return check_resident(repeat, "after single requests", true);
}

static int check(const struct repeat *repeat)
{
	const struct releaser *releaser = releaser_of(repeat->trial);
	const char *what = releaser->check ? releaser->check(repeat->trial) : NULL;
	return what ? trial_fail(repeat->trial, repeat->problem, "%s", what) : 0;
}

static int give_and_take(const struct repeat *repeat)
{
	const struct releaser *releaser = releaser_of(repeat->trial);
	if (time_all(repeat, "the release", releaser->inflate, NS_PER_PAGE) < 0 ||
		check_resident(repeat, "after the release", false) < 0)
		return -1;
	if (releaser->deflate &&
		time_all(repeat, "taking pages back", releaser->deflate, DEFLATE_NS_PER_PAGE) < 0)
		return -1;
	return check(repeat);
}

static int run_steps(const struct repeat *repeat)
{
	const struct region *region = region_of(repeat->trial);
	touch_all(repeat->trial);
	if (region->page_bytes == HUGE_PAGE)
		repeat->sample->figures[HUGE_SHARE] = region_huge_share(region);
	if (check_resident(repeat, "before the release", true) < 0 || give_and_take(repeat) < 0 ||
		time_all(repeat, "touching", touch_all, REFAULT_NS_PER_PAGE) < 0)
		return -1;
	return releaser_of(repeat->trial)->cycle ? touch_warm(repeat) : 0;
}

/* ---- Where it runs: on one processor, beside the neighbour's --------------------------------- */

static void *run_pinned(void *argument)
{
	struct repeat *repeat = argument;
	pin_thread(0);
	repeat->result = run_steps(repeat);
	return NULL;
}

static int run_beside(struct repeat *repeat)
{
	struct neighbour neighbour;
	pthread_t thread;
	bool has_neighbour = release_of(repeat->trial)->has_neighbour;
	int error = has_neighbour ? -neighbour_begin(&neighbour) : 0;
	if (error)
		return -error;
	error = pthread_create(&thread, NULL, run_pinned, repeat);
	if (!error)
		pthread_join(thread, NULL);
	if (has_neighbour)
		neighbour_end(&neighbour);
	return -error;
}

static int repeat(struct trial *trial, struct sample *sample, struct problem *problem)
{
	struct repeat one = {trial, sample, problem, -1};
	int result = run_beside(&one);
	if (result < 0)
		return trial_fail_errno(trial, problem, "starting a thread", result);
	return one.result;
}

static int open_trial(struct trial *trial, struct problem *problem)
{
	const struct releaser *releaser = releaser_of(trial);
	int result = releaser->open ? releaser->open(trial) : 0;
	return result < 0 ? trial_fail_errno(trial, problem, "opening", result) : 0;
}

static void close_trial(struct trial *trial)
{
	if (releaser_of(trial)->close)
		releaser_of(trial)->close(trial);
}

const struct trial_ops release_ops = {open_trial, repeat, close_trial};
