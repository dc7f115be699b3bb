/* SPDX-License-Identifier: MIT */
/*
 * The recorded concurrency: each recorded task is a thread that does its own rows, in their order, at
 * a pace (pace.h) that keeps the threads overlapping as they did.
 *
 * Which pages it takes, roles.h says. In the end no page may be lost or doubled, and all counts have
 * to agree with what the threads did.
 */
#include "roles.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/threads.h"

/* ---- Threads -------------------------------------------------------------------------------- */

static int fail_row(struct task *task, size_t row, int error)
{
	const struct run *run = task->crew->run;
	pace_call_off(&task->crew->pace);
	return run_fail(run, &task->problem, row, "%s failed: %s",
		op_name(run->recording->rows[row].op), strerror(-error));
}

/* Returns 0 also if the run was called off: then another task knows why. */
static int do_rows(struct task *task)
{
	const struct recording *recording = task->crew->run->recording;
	size_t limit = 0;
	for (size_t i = 0; i < recording->n_rows; i++) {
		if (recording->rows[i].task != task->id)
			continue;
		if (i >= limit && !pace_advance(&task->crew->pace, task->id, i, &limit))
			return 0;
		int result = task_do_row(task, &recording->rows[i]);
		if (result < 0)
			return fail_row(task, i, result);
	}
	return 0;
}

static void work(void *argument)
{
	struct task *task = argument;
	task->result = do_rows(task);
	task->end_ns = now_ns();
	pace_finish(&task->crew->pace, task->id);
}

/* Threads that hang in a strategy can neither be joined nor ended: the whole program goes. */
static void watch(void *argument)
{
	struct crew *crew = argument;
	struct problem problem;
	crew->begin_ns = now_ns();
	if (pace_join(&crew->pace) == 0)
		return;
	run_fail(crew->run, &problem, crew->run->recording->n_rows - 1,
		"no thread made progress for %d seconds", PACE_STALL_S);
	problem_print(&problem);
	_exit(1);
}

static uint64_t end_of_last(const struct crew *crew)
{
	uint64_t end_ns = 0;
	for (unsigned i = 0; i < crew->run->recording->n_tasks; i++) {
		if (crew->tasks[i].end_ns > end_ns)
			end_ns = crew->tasks[i].end_ns;
	}
	return end_ns;
}

static int first_failure(const struct crew *crew)
{
	for (unsigned i = 0; i < crew->run->recording->n_tasks; i++) {
		if (crew->tasks[i].result < 0) {
			*crew->run->problem = crew->tasks[i].problem;
			return -1;
		}
	}
	return 0;
}

static int run_threads(struct crew *crew, struct outcome *outcome)
{
	const struct threads threads = {crew->run->recording->n_tasks, true, work, crew->tasks,
		sizeof *crew->tasks, watch, crew};
	int result = threads_run(&threads);
	if (result < 0)
		return problem_set(
			crew->run->problem, "threads cannot be started: %s", strerror(-result));
	outcome->elapsed_ns = end_of_last(crew) - crew->begin_ns;
	return first_failure(crew);
}

/* ---- The end of a run ----------------------------------------------------------------------- */

/* What all tasks did, and what must have become of the device. */
static struct balloon_device_stats sum(const struct crew *crew, struct outcome *outcome)
{
	struct balloon_device_stats total = {0};
	for (unsigned i = 0; i < crew->run->recording->n_tasks; i++) {
		const struct task *task = &crew->tasks[i];
		total.n_isolated += task->n_isolated;
		total.n_inserted += task->done.n_inserted;
		total.n_dequeued += task->done.n_dequeued;
		total.n_isolates += task->done.n_isolates;
		total.n_putbacks += task->done.n_putbacks;
		total.n_migrated += task->done.n_migrated;
		total.n_finalized += task->done.n_finalized;
		outcome->n_skipped += task->n_skipped;
	}
	total.n_listed = total.n_inserted - total.n_dequeued - total.n_finalized - total.n_isolated;
	return total;
}

/* Every page of the map is in the pool once, or in the balloon. */
static int check_pool(struct crew *crew, const struct balloon_device_stats *total)
{
	struct run *run = crew->run;
	const struct pool *pool = &crew->pool;
	const size_t last = run->recording->n_rows - 1;
	bool *is_seen = calloc(pool->n_total, sizeof *is_seen), is_sound = true;
	if (!is_seen)
		return problem_no_memory(run->problem);
	for (uint32_t i = 0; is_sound && i < pool->n_pages; i++) {
		uint32_t index = pool->pages[i].index;
		is_sound = index < pool->n_total && !is_seen[index];
		if (is_sound)
			is_seen[index] = true;
	}
	free(is_seen);
	if (!is_sound)
		return run_fail(run, run->problem, last, "a page came out of the balloon twice");
	if (pool->n_pages + total->n_listed + total->n_isolated != pool->n_total)
		return run_fail(run, run->problem, last, "pages are lost");
	return 0;
}

static int finish(struct crew *crew, struct outcome *outcome)
{
	struct run *run = crew->run;
	const struct recording *recording = run->recording;
	size_t last = recording->n_rows - 1;
	for (unsigned i = 0; i < recording->n_tasks; i++) {
		for (; crew->tasks[i].n_owed > 0; crew->tasks[i].n_owed--) {
			uint64_t n_before = crew->tasks[i].done.n_dequeued;
			if (task_deflate(&crew->tasks[i]) < 0 ||
				crew->tasks[i].done.n_dequeued == n_before)
				return run_fail(run, run->problem, last,
					"a dequeue finds no page, and all threads have ended");
		}
	}
	struct balloon_device_stats total = sum(crew, outcome);
	outcome->n_dequeues = recording->n_ops[OP_DEFLATE];
	if (total.n_listed + total.n_isolated !=
		recording->final_listed + recording->final_isolated)
		return run_fail(run, run->problem, last, "the balloon ends at another size");
	return run_check(run, &total, outcome) < 0 ? -1 : check_pool(crew, &total);
}

/* ---- The beginning of a run ----------------------------------------------------------------- */

/*
 * The threads may hold more pages at a time than the recorded tasks did, because they may come in
 * another order: never more than all that they insert, and one on the way in each thread.
 */
static uint32_t n_pages_wanted(const struct recording *recording)
{
	uint64_t n_pages = recording->n_ops[OP_INFLATE] + recording->n_tasks;
	if (n_pages < recording->n_pages)
		return recording->n_pages;
	return n_pages < BALLOON_PAGES_MAX ? (uint32_t)n_pages : BALLOON_PAGES_MAX;
}

static int run_crew(struct crew *crew, struct outcome *outcome)
{
	uint32_t n_pages = n_pages_wanted(crew->run->recording);
	crew->pool = (struct pool){.pages = calloc(n_pages, sizeof *crew->pool.pages),
		.n_pages = n_pages,
		.n_total = n_pages};
	if (!crew->pool.pages)
		return problem_no_memory(crew->run->problem);
	for (uint32_t i = 0; i < n_pages; i++)
		crew->pool.pages[i] = balloon_page(n_pages - 1 - i);
	int result = run_begin(crew->run, n_pages);
	if (result == 0) {
		pthread_mutex_init(&crew->pool.mutex, NULL);
		pace_init(&crew->pace, crew->run->recording->n_tasks);
		result = run_threads(crew, outcome);
		if (result == 0)
			result = finish(crew, outcome);
		pace_fini(&crew->pace);
		pthread_mutex_destroy(&crew->pool.mutex);
		run_end(crew->run);
	}
	free(crew->pool.pages);
	return result;
}

static int task_init(struct task *task, struct crew *crew, unsigned id)
{
	const struct recorded_task *recorded = &crew->run->recording->tasks[id];
	task->crew = crew;
	task->id = id;
	task->isolated = calloc(recorded->n_isolates + 1, sizeof *task->isolated);
	return task->isolated ? 0 : problem_no_memory(crew->run->problem);
}

int replay_tasks(struct run *run, struct outcome *outcome)
{
	unsigned n_tasks = run->recording->n_tasks;
	struct crew crew = {.run = run, .tasks = calloc(n_tasks, sizeof *crew.tasks)};
	*outcome = (struct outcome){0};
	if (!crew.tasks)
		return problem_no_memory(run->problem);
	int result = 0;
	for (unsigned i = 0; i < n_tasks && result == 0; i++)
		result = task_init(&crew.tasks[i], &crew, i);
	if (result == 0)
		result = run_crew(&crew, outcome);
	for (unsigned i = 0; i < n_tasks; i++)
		free(crew.tasks[i].isolated);
	free(crew.tasks);
	return result;
}
