/* SPDX-License-Identifier: MIT */
/*
 * The workloads. Each is inlined into its subject together with that subject's operations, so that a
 * floor is what the compiler makes of it, and a strategy pays for its calls and for nothing else.
 */
#ifndef RUN_LOOPS_H
#define RUN_LOOPS_H

#include <errno.h>

#include "run/worker.h"

#define LOOP static inline __attribute__((always_inline))

LOOP size_t loop_least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Is the next call's duration to be measured? */
LOOP bool loop_samples(unsigned *until)
{
	if (--*until > 0)
		return false;
	*until = SAMPLE_INTERVAL;
	return true;
}

/* Insert all of them. */
LOOP bool loop_insert(
	const struct ops *ops, struct worker *w, const struct balloon_page *pages, size_t n)
{
	size_t n_done = 0;
	while (n_done < n) {
		int result = ops->insert(&w->place, pages + n_done, n - n_done);
		if (result > 0)
			n_done += (size_t)result;
		else if (result == -EAGAIN)
			worker_yield();
		else
			return worker_fail(w, "insert", result);
	}
	return true;
}

/* Dequeue up to n pages. Returns how many, at least 1, or 0: the thread has failed. */
LOOP size_t loop_dequeue(
	const struct ops *ops, struct worker *w, struct balloon_page *pages, size_t n)
{
	for (;;) {
		int result = ops->dequeue(&w->place, pages, n);
		if (result > 0)
			return (size_t)result;
		if (result < 0 && result != -EAGAIN) {
			worker_fail(w, "dequeue", result);
			return 0;
		}
		worker_yield();
	}
}

LOOP size_t loop_sampled_dequeue(
	const struct ops *ops, struct worker *w, struct balloon_page *pages, size_t n)
{
	if (!loop_samples(&w->until_dequeue))
		return loop_dequeue(ops, w, pages, n);
	uint64_t begin = now_ns();
	size_t n_got = loop_dequeue(ops, w, pages, n);
	histogram_add(&w->dequeue, now_ns() - begin);
	return n_got;
}

LOOP bool loop_cycle_once(const struct ops *ops, struct worker *w)
{
	const size_t batch = w->shape->batch;
	for (size_t i = 0; i < w->n_pages; i += batch)
		if (!loop_insert(ops, w, w->pages + i, loop_least(batch, w->n_pages - i)))
			return false;
	for (size_t i = 0; i < w->n_pages;) {
		size_t n = loop_dequeue(ops, w, w->pages + i, loop_least(batch, w->n_pages - i));
		if (n == 0)
			return false;
		i += n;
	}
	w->n_done += w->n_pages;
	return true;
}

LOOP bool loop_churn_once(const struct ops *ops, struct worker *w)
{
	size_t n = loop_sampled_dequeue(ops, w, w->pages, w->shape->batch);
	if (n == 0 || !loop_insert(ops, w, w->pages, n))
		return false;
	w->n_done += n;
	return true;
}

/* Look for up to a batch of pages that may be isolated, over at most one round of the map. */
LOOP size_t loop_find(const struct ops *ops, struct worker *w)
{
	size_t n = 0;
	for (uint32_t i = 0; i < w->n_map && n < w->shape->batch; i++) {
		struct balloon_page page = balloon_page(w->cursor);
		w->cursor = w->cursor + 1 < w->n_map ? w->cursor + 1 : 0;
		if (ops->is_candidate(&w->place, page))
			w->found[n++] = page;
	}
	return n;
}

LOOP int loop_sampled_isolate(
	const struct ops *ops, struct worker *w, const struct balloon_page *pages, size_t n)
{
	if (!loop_samples(&w->until_isolate))
		return ops->isolate(&w->place, pages, n);
	uint64_t begin = now_ns();
	int result = ops->isolate(&w->place, pages, n);
	histogram_add(&w->isolate, now_ns() - begin);
	return result;
}

/* Isolate what can be isolated of the pages found; they come to stand at the front. */
LOOP size_t loop_isolate(const struct ops *ops, struct worker *w, size_t n_found)
{
	size_t n_isolated = 0;
	for (size_t i = 0; i < n_found;) {
		int result = loop_sampled_isolate(ops, w, w->found + i, n_found - i);
		size_t n = result > 0 ? (size_t)result : 0;
		for (size_t k = 0; k < n; k++)
			w->found[n_isolated++] = w->found[i + k];
		i += n;
		if (i < n_found) { /* it stopped at a page that cannot be had */
			w->n_attempts++;
			i++;
		}
		w->n_attempts += n;
	}
	w->n_isolated += n_isolated;
	return n_isolated;
}

LOOP bool loop_putback(
	const struct ops *ops, struct worker *w, const struct balloon_page *pages, size_t n)
{
	for (size_t n_done = 0; n_done < n;) {
		int result = ops->putback(&w->place, pages + n_done, n - n_done);
		if (result <= 0)
			return worker_fail(w, "putback", result);
		n_done += (size_t)result;
	}
	return true;
}

LOOP bool loop_scan_once(const struct ops *ops, struct worker *w)
{
	size_t n = loop_isolate(ops, w, loop_find(ops, w));
	if (!loop_putback(ops, w, w->found, n))
		return false;
	w->n_done += n;
	return true;
}

/* The pages that came free are the thread's next spare ones. A page that cannot be replaced just
 * now, because a scanner with a stale view holds the new one's lock, is tried again. */
LOOP bool loop_migrate_once(const struct ops *ops, struct worker *w)
{
	size_t n = loop_isolate(ops, w, loop_find(ops, w));
	for (size_t n_done = 0; n_done < n;) {
		int result =
			ops->migrate(&w->place, w->spare + n_done, w->found + n_done, n - n_done);
		if (result > 0)
			n_done += (size_t)result;
		else if (result == -EAGAIN)
			worker_yield();
		else
			return worker_fail(w, "migrate", result);
	}
	for (size_t i = 0; i < n; i++)
		w->spare[i] = w->found[i];
	w->n_done += n;
	return true;
}

/* A page is done when it came in. */
LOOP bool loop_fill_once(const struct ops *ops, struct worker *w)
{
	size_t n = loop_least(w->shape->batch, w->n_pages);
	if (n > 0 && !loop_insert(ops, w, w->pages + w->n_pages - n, n))
		return false;
	w->n_pages -= n;
	w->n_done += n;
	return true;
}

/* Of many threads each may hold pages: there may be none to be had, and that is no failure. */
LOOP bool loop_leak_once(const struct ops *ops, struct worker *w)
{
	size_t room = loop_least(w->shape->batch, w->hand_max - w->n_pages);
	bool is_sample = loop_samples(&w->until_dequeue);
	if (room == 0)
		return true;
	uint64_t begin = is_sample ? now_ns() : 0;
	int result = ops->dequeue(&w->place, w->pages + w->n_pages, room);
	if (is_sample)
		histogram_add(&w->dequeue, now_ns() - begin);
	if (result < 0 && result != -EAGAIN)
		return worker_fail(w, "dequeue", result);
	w->n_pages += result > 0 ? (size_t)result : 0;
	return true;
}

LOOP bool loop_mixed_once(const struct ops *ops, struct worker *w)
{
	const struct mix *mix = &w->shape->mix;
	uint64_t sum = (uint64_t)mix->fill + mix->leak + mix->scan + mix->migrate;
	uint64_t dice = worker_random(w) % sum;
	if (dice < mix->fill)
		return loop_fill_once(ops, w);
	if (dice < (uint64_t)mix->fill + mix->leak)
		return loop_leak_once(ops, w);
	if (dice < (uint64_t)mix->fill + mix->leak + mix->scan)
		return loop_scan_once(ops, w);
	return loop_migrate_once(ops, w);
}

LOOP void loop_scanning(const struct ops *ops, struct worker *w)
{
	const bool migrates = w->shape->workload == WORKLOAD_MIGRATE;
	const bool churns = w->number < shape_n_churners(w->shape);
	const bool scans = !churns || w->shape->n_threads == 1;
	bool is_well = true;
	do {
		if (churns)
			is_well = loop_churn_once(ops, w);
		if (scans && is_well)
			is_well = migrates ? loop_migrate_once(ops, w) : loop_scan_once(ops, w);
	} while (is_well && !worker_is_stopped(w));
}

LOOP void loop_mixed(const struct ops *ops, struct worker *w)
{
	while (loop_mixed_once(ops, w) && !worker_is_stopped(w))
		;
	while (w->n_pages > 0 && !w->failed)
		loop_fill_once(ops, w);
}

/** The work() of a subject with insert and dequeue alone. */
LOOP void loops_moving(const struct ops *ops, struct worker *w)
{
	if (w->shape->workload == WORKLOAD_CYCLE) {
		while (loop_cycle_once(ops, w) && !worker_is_stopped(w))
			if (w->shape->order == ORDER_RANDOM)
				worker_restore_order(w);
		return;
	}
	while (loop_churn_once(ops, w) && !worker_is_stopped(w))
		;
}

/** The work() of a subject with all operations. */
LOOP void loops_all(const struct ops *ops, struct worker *w)
{
	if (w->shape->workload == WORKLOAD_MIXED)
		loop_mixed(ops, w);
	else if (shape_isolates(w->shape))
		loop_scanning(ops, w);
	else
		loops_moving(ops, w);
}

/** The table and the work() of a reference whose operations are called insert() and dequeue(). */
#define LOOPS_OF_REFERENCE                                                                         \
	static const struct ops ops = {.insert = insert, .dequeue = dequeue};                      \
	static void work(struct worker *worker)                                                    \
	{                                                                                          \
		loops_moving(&ops, worker);                                                        \
	}

/** The workloads of loops_moving(). */
enum {
	LOOPS_MOVING = 1 << WORKLOAD_CYCLE | 1 << WORKLOAD_CHURN | 1 << WORKLOAD_MULTI,
	LOOPS_ALL = (1 << N_WORKLOADS) - 1,
};

#endif
