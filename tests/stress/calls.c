/* SPDX-License-Identifier: MIT */
/* The library's calls, stamped in the shadow state and counted, and their results checked. */

#include "worker.h"

#include <string.h>

static void stamp_all(struct worker *worker, enum shadow_op op, const struct balloon_page *pages,
	size_t n_pages, struct shadow_mark from, struct shadow_mark to)
{
	for (size_t i = 0; i < n_pages; i++)
		shadow_stamp(&worker->thread, op, pages[i], from, to);
}

/* The count that a result stands for: an error is none, and only `allowed` may be one. */
static size_t n_done(
	struct worker *worker, enum shadow_op op, int result, size_t n_pages, int allowed)
{
	if (result == allowed)
		return 0;
	if (result < 0)
		shadow_fail(&worker->thread, "I10: %s was refused with no reason for it: %s",
			shadow_op_name(op), strerror(-result));
	if ((size_t)result > n_pages || (result == 0 && op != SHADOW_DEQUEUE))
		shadow_fail(&worker->thread, "I7: %s of %zu pages returned %d", shadow_op_name(op),
			n_pages, result);
	return (size_t)result;
}

size_t call_insert(
	struct worker *worker, uint16_t device, const struct balloon_page *pages, size_t n_pages)
{
	struct shadow_mark owned = shadow_owned(worker->thread.id);
	struct shadow_mark listed = shadow_listed(device, worker->thread.id);
	stamp_all(worker, SHADOW_INSERT, pages, n_pages, owned, listed);
	int result = balloon_pages_insert(worker->run->devices[device], pages, n_pages);
	size_t n = n_done(worker, SHADOW_INSERT, result, n_pages, -EAGAIN);
	/* The others were never in, so nobody can have taken them. */
	stamp_all(worker, SHADOW_INSERT, pages + n, n_pages - n, listed, owned);
	worker->counted[device].n_inserted += n;
	return n;
}

size_t call_dequeue(
	struct worker *worker, uint16_t device, struct balloon_page *pages, size_t n_pages)
{
	int result = balloon_pages_dequeue(worker->run->devices[device], pages, n_pages);
	size_t n = n_done(worker, SHADOW_DEQUEUE, result, n_pages, -EAGAIN);
	stamp_all(worker, SHADOW_DEQUEUE, pages, n, shadow_listed(device, SHADOW_ANY),
		shadow_owned(worker->thread.id));
	worker->counted[device].n_dequeued += n;
	return n;
}

static uint16_t device_of(struct worker *worker, struct balloon_page page)
{
	return shadow_look(&worker->run->shadow, page).device;
}

size_t call_isolate(struct worker *worker, const struct balloon_page *pages, size_t n_pages)
{
	int result = balloon_pages_isolate(worker->run->map, pages, n_pages);
	size_t n = result == -ESTALE ? 0 : n_done(worker, SHADOW_ISOLATE, result, n_pages, -EAGAIN);
	stamp_all(worker, SHADOW_ISOLATE, pages, n, shadow_listed(SHADOW_ANY, SHADOW_ANY),
		shadow_isolated(SHADOW_ANY, worker->thread.id));
	for (size_t i = 0; i < n; i++) {
		uint16_t device = device_of(worker, pages[i]);
		if (balloon_page_device(worker->run->map, pages[i]) != worker->run->devices[device])
			shadow_fail(&worker->thread, "I2: page %u is not device %u's",
				(unsigned)pages[i].index, (unsigned)device);
		worker->counted[device].n_isolates++;
	}
	return n;
}

/* No page that the caller holds isolated may be refused. */
static void check_all_done(struct worker *worker, enum shadow_op op, size_t n, size_t n_pages)
{
	if (n != n_pages)
		shadow_fail(&worker->thread, "I10: %s of %zu isolated pages did %zu",
			shadow_op_name(op), n_pages, n);
}

void call_putback(struct worker *worker, const struct balloon_page *pages, size_t n_pages)
{
	for (size_t i = 0; i < n_pages; i++)
		worker->counted[device_of(worker, pages[i])].n_putbacks++;
	stamp_all(worker, SHADOW_PUTBACK, pages, n_pages,
		shadow_isolated(SHADOW_ANY, worker->thread.id),
		shadow_listed(SHADOW_ANY, worker->thread.id));
	int result = balloon_pages_putback(worker->run->map, pages, n_pages);
	check_all_done(worker, SHADOW_PUTBACK, n_done(worker, SHADOW_PUTBACK, result, n_pages, 0),
		n_pages);
}

void call_finalize(
	struct worker *worker, uint16_t device, const struct balloon_page *pages, size_t n_pages)
{
	int result = balloon_pages_finalize(worker->run->devices[device], pages, n_pages);
	check_all_done(worker, SHADOW_FINALIZE, n_done(worker, SHADOW_FINALIZE, result, n_pages, 0),
		n_pages);
	stamp_all(worker, SHADOW_FINALIZE, pages, n_pages,
		shadow_isolated(device, worker->thread.id), shadow_owned(worker->thread.id));
	worker->counted[device].n_finalized += n_pages;
}

size_t call_migrate(struct worker *worker, uint16_t device, const struct balloon_page *new_pages,
	const struct balloon_page *old_pages, size_t n_pages)
{
	struct shadow_mark owned = shadow_owned(worker->thread.id);
	struct shadow_mark listed = shadow_listed(device, worker->thread.id);
	stamp_all(worker, SHADOW_MIGRATE, new_pages, n_pages, owned, listed);
	int result =
		balloon_pages_migrate(worker->run->devices[device], new_pages, old_pages, n_pages);
	size_t n = n_done(worker, SHADOW_MIGRATE, result, n_pages, -EAGAIN);
	stamp_all(worker, SHADOW_MIGRATE, new_pages + n, n_pages - n, listed, owned);
	stamp_all(worker, SHADOW_MIGRATE, old_pages, n, shadow_isolated(device, worker->thread.id),
		owned);
	worker->counted[device].n_migrated += n;
	return n;
}

void call_stats(struct worker *worker, uint16_t device)
{
	struct balloon_device_stats stats;
	int result = balloon_device_stats(worker->run->devices[device], &stats);
	if (result < 0)
		shadow_fail(&worker->thread, "I10: statistics were refused: %s", strerror(-result));
}
