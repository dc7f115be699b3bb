/* SPDX-License-Identifier: MIT */

#include "explore/walk.h"

#include "explore/guide.h"

enum { PROGRESS_WALKS = 1 << 14 };

static struct {
	uint64_t random;
	uint32_t depth;
	uint32_t longest; /* steps of a walk */
	uint32_t changes[WALK_DEPTH_MAX];
	uint32_t priorities[ENGINE_THREADS_MAX];
	struct guide_run run;
} walk;

/* splitmix64 (Steele and others, 2014). */
static uint64_t draw(void)
{
	uint64_t value = walk.random += UINT64_C(0x9e3779b97f4a7c15);
	value = (value ^ value >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	value = (value ^ value >> 27) * UINT64_C(0x94d049bb133111eb);
	return value ^ value >> 31;
}

static uint32_t draw_below(uint32_t n)
{
	return (uint32_t)((draw() >> 32) * n >> 32);
}

static uint32_t choose_any(uint32_t candidates, uint32_t self, uint32_t step)
{
	(void)self, (void)step;
	for (uint32_t n = draw_below((uint32_t)__builtin_popcount(candidates)); n > 0; n--)
		candidates &= candidates - 1;
	return (uint32_t)__builtin_ctz(candidates);
}

/* Priorities below depth are those of threads that were changed. */
static void draw_priorities(uint32_t n_threads)
{
	for (uint32_t i = 0; i < n_threads; i++) {
		uint32_t other = draw_below(i + 1);
		walk.priorities[i] = walk.priorities[other];
		walk.priorities[other] = walk.depth + i;
	}
	for (uint32_t i = 1; i < walk.depth; i++)
		walk.changes[i] = 1 + draw_below(walk.longest);
}

static uint32_t choose_highest(uint32_t candidates, uint32_t self, uint32_t step)
{
	uint32_t highest = (uint32_t)__builtin_ctz(candidates);
	for (uint32_t i = 1; self != ENGINE_NOBODY && i < walk.depth; i++)
		if (walk.changes[i] == step)
			walk.priorities[self] = walk.depth - i;
	for (; candidates; candidates &= candidates - 1) {
		uint32_t thread = (uint32_t)__builtin_ctz(candidates);
		if (walk.priorities[thread] > walk.priorities[highest])
			highest = thread;
	}
	return highest;
}

/* Returns whether there is a finding. */
static bool walk_once(const struct search_subject *subject, const struct search_options *options,
	struct search_result *result)
{
	static const struct guide any = {choose_any, NULL}, highest = {choose_highest, NULL};
	static struct engine_report report;
	walk.run.schedule.n_switches = 0;
	walk.run.n_preemptions = 0;
	walk.run.from_step = 0;
	draw_priorities(subject->n_threads);
	bool is_found = guide_make(subject, walk.depth ? &highest : &any, &walk.run, &report);
	if (walk.longest < engine_step())
		walk.longest = (uint32_t)engine_step();
	result->n_walks++;
	result->n_steps += engine_step();
	search_count(
		result, &report, &walk.run.schedule, walk.run.n_preemptions, walk.run.is_asserted);
	if (is_found && options->found)
		options->found(&report);
	return is_found;
}

void walk_run(const struct search_subject *subject, const struct walk_options *how,
	const struct search_options *options, struct search_result *result)
{
	*result = (struct search_result){.n_steps = 0};
	walk.random = how->seed;
	walk.depth = how->depth;
	walk.longest = 1;
	while (result->n_walks < how->n_walks) {
		if (walk_once(subject, options, result) && options->ends_at_finding)
			return;
		if (result->n_walks % PROGRESS_WALKS == 0 && options->progress)
			options->progress(result->n_walks);
	}
}
