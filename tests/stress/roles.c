/* SPDX-License-Identifier: MIT */
/* What each kind of thread does in a round. */

#include "worker.h"

#include <sched.h>

/* How rare wrong calls are: one round in so many. */
enum { WRONG_EVERY = 32 };

/* How far a scanner walks in a round, in pages. */
enum { WINDOW = 128 };

static size_t random_batch(struct worker *worker)
{
	return 1 + worker_random(worker, STRESS_BATCH_MAX);
}

static bool is_time_for_wrong(struct worker *worker)
{
	return worker_random(worker, WRONG_EVERY) == 0;
}

static void fill(struct worker *worker)
{
	struct balloon_page pages[STRESS_BATCH_MAX];
	uint16_t device = worker_random_device(worker);
	size_t n = pool_take(worker, pages, random_batch(worker));
	if (n == 0) {
		call_stats(worker, device); /* nothing to do: through the lock all the same */
		return;
	}
	if (is_time_for_wrong(worker))
		wrong_with_owned(worker, pages[0]);
	size_t n_in = call_insert(worker, device, pages, n);
	pool_give(worker, pages + n_in, n - n_in);
}

/* In some designs deflating is the faster half: mostly leave the others something to work on, and
 * sometimes do not, for the sake of empty devices. */
static bool is_time_to_leak(struct worker *worker)
{
	return pool_is_low(worker) || worker_random(worker, 8) == 0;
}

static void leak(struct worker *worker)
{
	struct balloon_page pages[STRESS_BATCH_MAX];
	uint16_t device = worker_random_device(worker);
	size_t n = is_time_to_leak(worker)
			   ? call_dequeue(worker, device, pages, random_batch(worker))
			   : 0;
	if (n == 0) {
		call_stats(worker, device); /* nothing to do: through the lock all the same */
		return;
	}
	if (is_time_for_wrong(worker))
		wrong_with_owned(worker, pages[n - 1]);
	pool_give(worker, pages, n);
}

/* The candidates of a window that starts anywhere, and its first page, candidate or not: any page
 * may be tried at any time. */
static size_t find_candidates(struct worker *worker, struct balloon_page *pages, size_t n_max)
{
	struct run *run = worker->run;
	uint32_t n_pages = run->options->n_pages;
	uint32_t start = worker_random(worker, n_pages);
	size_t n = 0;
	pages[n++] = balloon_page(start);
	for (uint32_t i = 1; i < WINDOW && i < n_pages && n < n_max; i++) {
		struct balloon_page page = balloon_page((start + i) % n_pages);
		if (balloon_page_is_candidate(run->map, page))
			pages[n++] = page;
	}
	return n;
}

/* Isolate what a window has; a batch stops at a page that cannot be had: go on after it. */
static void catch_pages(struct worker *worker)
{
	struct balloon_page pages[STRESS_BATCH_MAX];
	size_t n = find_candidates(worker, pages, random_batch(worker));
	for (size_t i = 0; i < n; i++) {
		size_t n_got = call_isolate(worker, pages + i, n - i);
		for (size_t j = 0; j < n_got; j++)
			worker->held[worker->n_held++] = pages[i + j];
		i += n_got;
	}
	if (worker->n_held > 0 && is_time_for_wrong(worker))
		wrong_with_isolated(worker, worker->held[0]);
}

/* The pages isolated last, latest first; only those of one device. Returns how many. */
static size_t last_of_one_device(
	struct worker *worker, uint16_t *device, struct balloon_page *pages, size_t n_max)
{
	struct shadow *shadow = &worker->run->shadow;
	size_t n = 0;
	*device = shadow_look(shadow, worker->held[worker->n_held - 1]).device;
	while (n < n_max && n < worker->n_held) {
		struct balloon_page page = worker->held[worker->n_held - 1 - n];
		if (shadow_look(shadow, page).device != *device)
			break;
		pages[n++] = page;
	}
	return n;
}

static void put_all_back(struct worker *worker)
{
	struct balloon_page pages[STRESS_BATCH_MAX];
	size_t n = worker->n_held;
	for (size_t i = 0; i < n; i++)
		pages[i] = worker->held[n - 1 - i];
	worker->n_held = 0;
	call_putback(worker, pages, n);
}

static void finalize_some(struct worker *worker)
{
	struct balloon_page pages[STRESS_BATCH_MAX];
	uint16_t device;
	size_t n = last_of_one_device(worker, &device, pages, random_batch(worker));
	worker->n_held -= n;
	call_finalize(worker, device, pages, n);
	pool_give(worker, pages, n);
}

static void migrate_some(struct worker *worker)
{
	struct balloon_page new_pages[STRESS_BATCH_MAX];
	struct balloon_page old_pages[STRESS_BATCH_MAX];
	uint16_t device;
	size_t n_new = pool_take(worker, new_pages, random_batch(worker));
	if (n_new == 0) {
		put_all_back(worker);
		return;
	}
	size_t n_old = last_of_one_device(worker, &device, old_pages, n_new);
	size_t n = call_migrate(worker, device, new_pages, old_pages, n_old);
	worker->n_held -= n_old;
	pool_give(worker, old_pages, n);
	pool_give(worker, new_pages + n, n_new - n);
	if (n < n_old)
		call_putback(worker, old_pages + n, n_old - n);
}

/* Isolate in one round, let go in the next, so that pages are isolated in pauses too. */
static void scan(struct worker *worker)
{
	if (worker->n_held == 0)
		catch_pages(worker);
	else if (worker_random(worker, 4) == 0)
		finalize_some(worker);
	else
		put_all_back(worker);
}

static void move(struct worker *worker)
{
	if (worker->n_held == 0)
		catch_pages(worker);
	else
		migrate_some(worker);
}

static const struct {
	const char *name;
	void (*round)(struct worker *worker);
} roles[] = {{"filler", fill}, {"leaker", leak}, {"scanner", scan}, {"migrator", move}};

enum { N_ROLES = sizeof(roles) / sizeof(roles[0]) };

const char *stress_role_name(unsigned i)
{
	return roles[i % N_ROLES].name;
}

/* With more threads than processors a greedy thread has the map to itself for a time slice, and
 * finds it empty or full for most of it: yielding, threads meet more often. */
void role_round(struct worker *worker)
{
	roles[worker->thread.id % N_ROLES].round(worker);
	atomic_fetch_add_explicit(&worker->n_rounds, 1, memory_order_relaxed);
	if (!worker->run->options->greedy)
		sched_yield();
}

void role_finish(struct worker *worker)
{
	if (worker->n_held > 0)
		put_all_back(worker);
}
