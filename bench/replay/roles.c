/* SPDX-License-Identifier: MIT */
#include "roles.h"

#include <sched.h>

/* ---- The pool -------------------------------------------------------------------------------- */

/* Returns false if there is no page. */
static bool take(struct pool *pool, struct balloon_page *page)
{
	pthread_mutex_lock(&pool->mutex);
	bool is_done = pool->n_pages > 0;
	if (is_done)
		*page = pool->pages[--pool->n_pages];
	pthread_mutex_unlock(&pool->mutex);
	return is_done;
}

/* Returns 0, or -EOVERFLOW: there are more pages than there can be. */
static int give(struct pool *pool, struct balloon_page page)
{
	pthread_mutex_lock(&pool->mutex);
	bool is_done = pool->n_pages < pool->n_total;
	if (is_done)
		pool->pages[pool->n_pages++] = page;
	pthread_mutex_unlock(&pool->mutex);
	return is_done ? 0 : -EOVERFLOW;
}

/* ---- What a thread does ------------------------------------------------------------------------ */

static int insert(struct task *task, struct balloon_page page)
{
	int result;
	while ((result = balloon_page_insert(task->crew->run->device, page)) == -EAGAIN)
		sched_yield(); /* a scanner is just looking at it */
	if (result == 0)
		task->done.n_inserted++;
	return result;
}

static int inflate(struct task *task)
{
	struct balloon_page page;
	return take(&task->crew->pool, &page) ? insert(task, page) : -ENOSPC;
}

static bool is_nothing(int dequeue_result)
{
	return dequeue_result == 0 || dequeue_result == -EAGAIN;
}

/* A dequeue that may wait for others. Returns what dequeue returned last. */
static int dequeue(struct task *task, struct balloon_page *page)
{
	struct balloon_device *device = task->crew->run->device;
	struct pace *pace = &task->crew->pace;
	int result = balloon_page_dequeue(device, page);
	if (!is_nothing(result))
		return result;
	pace_tell(pace);
	for (;;) {
		uint64_t step = pace_look(pace);
		result = balloon_page_dequeue(device, page);
		if (!is_nothing(result) || !pace_starve(pace, task->id, step))
			return result;
	}
}

int task_deflate(struct task *task)
{
	struct balloon_page page;
	int result = dequeue(task, &page);
	if (is_nothing(result)) {
		task->n_owed++;
		return 0;
	}
	if (result < 0)
		return result;
	task->done.n_dequeued++;
	return give(&task->crew->pool, page);
}

static int deflate_none(struct task *task)
{
	struct balloon_page page;
	int result = balloon_page_dequeue(task->crew->run->device, &page);
	if (result <= 0)
		return is_nothing(result) ? 0 : result;
	task->done.n_dequeued++;
	return insert(task, page);
}

static struct balloon_page next_of_scan(struct task *task)
{
	struct balloon_page page = balloon_page(task->cursor);
	if (++task->cursor == balloon_memmap_n_pages(task->crew->run->map))
		task->cursor = 0;
	return page;
}

static int isolate(struct task *task)
{
	struct balloon_memmap *map = task->crew->run->map;
	for (uint32_t n = balloon_memmap_n_pages(map); n > 0; n--) {
		struct balloon_page page = next_of_scan(task);
		if (!balloon_page_is_candidate(map, page))
			continue;
		int result = balloon_page_isolate(map, page);
		if (result == 0) {
			task->isolated[task->n_isolated++] = page;
			task->done.n_isolates++;
		}
		if (result != -EAGAIN && result != -ESTALE)
			return result;
	}
	task->n_skipped++;
	return 0;
}

static int putback(struct task *task)
{
	if (task->n_isolated == 0) {
		task->n_skipped++;
		return 0;
	}
	task->done.n_putbacks++;
	return balloon_page_putback(task->crew->run->map, task->isolated[--task->n_isolated]);
}

/* Without a page of its own: another one leaves later, so that the balloon ends at its size. */
static int finalize(struct task *task)
{
	if (task->n_isolated == 0) {
		task->n_skipped++;
		task->n_owed++;
		return 0;
	}
	struct balloon_page page = task->isolated[--task->n_isolated];
	int result = balloon_page_finalize(task->crew->run->device, page);
	if (result < 0)
		return result;
	task->done.n_finalized++;
	return give(&task->crew->pool, page);
}

static int migrate_to(struct task *task, struct balloon_page new_page)
{
	struct balloon_page old_page = task->isolated[--task->n_isolated];
	int result;
	while ((result = balloon_page_migrate(task->crew->run->device, new_page, old_page)) ==
		-EAGAIN)
		sched_yield(); /* a scanner is just looking at the new page */
	if (result < 0)
		return result;
	task->done.n_migrated++;
	return give(&task->crew->pool, old_page);
}

static int migrate(struct task *task)
{
	struct balloon_page new_page;
	if (task->n_isolated == 0) {
		task->n_skipped++;
		return 0;
	}
	return take(&task->crew->pool, &new_page) ? migrate_to(task, new_page) : -ENOSPC;
}

int task_do_row(struct task *task, const struct row *row)
{
	switch (row->op) {
	case OP_INFLATE:
		return inflate(task);
	case OP_DEFLATE:
		return task_deflate(task);
	case OP_DEFLATE_NONE:
		return deflate_none(task);
	case OP_ISOLATE:
		return isolate(task);
	case OP_PUTBACK:
		return putback(task);
	case OP_MIGRATE:
		return migrate(task);
	case OP_FINALIZE:
		return finalize(task);
	default:
		return 0;
	}
}
