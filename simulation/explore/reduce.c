/* SPDX-License-Identifier: MIT */

#include "explore/reduce.h"

#include <string.h>

#include "engine-internal.h"
#include "explore/guide.h"

enum { PROGRESS_SCHEDULES = 1 << 14 };

/* What a step is to others. */
struct footprint {
	uintptr_t place;
	uint32_t size_bytes;
	bool is_change;
	bool is_counted; /* a change that commutes with others of the place */
	struct search_marks marks;
};

/* A step that was made. Steps are numbered from 0. */
struct event {
	struct footprint footprint;
	uint32_t thread;
	/* Up to which of each thread's steps come before it, or are it, in the order of dependence: the number of
	 * the last one, and 1. */
	uint32_t clock[REDUCE_THREADS_MAX];
};

/* Before a step. Threads are bits. */
struct node {
	uint32_t candidates;
	uint32_t asleep;
	uint32_t wanted; /* to be tried, or tried */
	uint32_t tried;  /* before the one that is now */
	uint32_t chosen;
	uint32_t n_switches;
	uint32_t n_preemptions;
	uint32_t last[REDUCE_THREADS_MAX];          /* step of each thread, and 1 */
	struct footprint steps[REDUCE_THREADS_MAX]; /* that those asleep or tried would make */
};

static struct {
	const struct search_subject *subject;
	struct guide_run run;
	struct node nodes[SEARCH_STEPS_MAX];
	struct event events[SEARCH_STEPS_MAX];
	uint32_t n_nodes;
	bool is_given;   /* the choice at the last node */
	bool is_pending; /* the step of the last node is being made */
	bool is_cut;
} reduce;

/* ---- Dependence ------------------------------------------------------------------------------ */

static bool overlap(const struct footprint *a, const struct footprint *b)
{
	return a->place < b->place + b->size_bytes && b->place < a->place + a->size_bytes;
}

static bool depend(const struct footprint *a, const struct footprint *b)
{
	if ((a->marks.own & b->marks.against) || (a->marks.against & b->marks.own))
		return true;
	return (a->is_change || b->is_change) && !(a->is_counted && b->is_counted) && overlap(a, b);
}

static bool comes_before(uint32_t step, const struct event *event)
{
	return event->clock[reduce.events[step].thread] > step;
}

static void join(uint32_t *clock, const uint32_t *other)
{
	for (uint32_t i = 0; i < reduce.subject->n_threads; i++)
		if (clock[i] < other[i])
			clock[i] = other[i];
}

/* ---- Races ----------------------------------------------------------------------------------- */

/* What can begin a schedule in which the steps after `first` that do not depend on it, and `second`, come before it:
 * the threads of those of them that none of the others has to come before. */
static uint32_t beginners(uint32_t first, uint32_t second)
{
	uint32_t begin[REDUCE_THREADS_MAX]; /* the first of each thread */
	uint32_t seen = 0, result = 0;
	for (uint32_t step = first + 1; step <= second; step++) {
		const struct event *event = &reduce.events[step];
		bool is_beginner = true;
		if (seen & 1u << event->thread || (step != second && comes_before(first, event)))
			continue;
		for (uint32_t i = 0; i < reduce.subject->n_threads; i++)
			is_beginner &= !(seen & 1u << i) || event->clock[i] <= begin[i];
		seen |= 1u << event->thread;
		begin[event->thread] = step;
		result |= is_beginner ? 1u << event->thread : 0;
	}
	return result;
}

static void want(struct node *node, uint32_t threads, uint32_t rather)
{
	if (threads & (node->wanted | node->asleep))
		return;
	node->wanted |= threads & 1u << rather ? 1u << rather : threads & -threads;
}

static void reverse(uint32_t first, uint32_t second)
{
	const struct event *event = &reduce.events[second];
	struct node *node = &reduce.nodes[first];
	/* Whoever waits for a lock is no candidate before its release. */
	want(node, beginners(first, second) & node->candidates, event->thread);
}

/* The last step is made: where it stands in the order, and with which it races. */
static void place_event(void)
{
	uint32_t races[REDUCE_THREADS_MAX];
	uint32_t n_races = 0;
	uint32_t step = reduce.n_nodes - 1;
	struct event *event = &reduce.events[step];
	uint32_t last = reduce.nodes[step].last[event->thread];
	if (last)
		memcpy(event->clock, reduce.events[last - 1].clock, sizeof(event->clock));
	else
		memset(event->clock, 0, sizeof(event->clock));
	event->clock[event->thread] = step + 1;
	for (uint32_t i = step; i-- > 0;) {
		const struct event *other = &reduce.events[i];
		if (comes_before(i, event) || !depend(&other->footprint, &event->footprint))
			continue;
		join(event->clock, other->clock);
		races[n_races++] = i; /* one of each thread, at most */
	}
	for (uint32_t i = 0; i < n_races; i++)
		reverse(races[i], step);
}

/* ---- A run ----------------------------------------------------------------------------------- */

/* Those who could have taken a lock that the last step took, and wait for it now. */
static void want_waiters(uint32_t candidates)
{
	struct node *node = &reduce.nodes[reduce.n_nodes - 1];
	uint32_t shut_out = node->candidates & ~candidates & ~(1u << node->chosen);
	for (; shut_out; shut_out &= shut_out - 1)
		want(node, shut_out & -shut_out, ENGINE_NOBODY);
}

static void end_step(void)
{
	if (!reduce.is_pending)
		return;
	reduce.events[reduce.n_nodes - 1].footprint.marks.own |= search_marks.own;
	reduce.events[reduce.n_nodes - 1].footprint.marks.against |= search_marks.against;
	reduce.is_pending = false;
	place_event();
}

/* Who was asleep, or tried before, and does not depend on the step, sleeps. */
static void put_to_sleep(struct node *node)
{
	const struct node *before = node - 1;
	const struct footprint *made = &reduce.events[reduce.n_nodes - 1].footprint;
	uint32_t threads = (before->asleep | before->tried) & node->candidates;
	for (; threads; threads &= threads - 1) {
		uint32_t thread = (uint32_t)__builtin_ctz(threads);
		if (thread == before->chosen || depend(&before->steps[thread], made))
			continue;
		node->asleep |= 1u << thread;
		node->steps[thread] = before->steps[thread];
	}
}

static void open_node(uint32_t candidates)
{
	struct node *node = &reduce.nodes[reduce.n_nodes];
	node->candidates = candidates;
	node->asleep = node->wanted = node->tried = 0;
	if (reduce.n_nodes == 0) {
		memset(node->last, 0, sizeof(node->last));
	} else {
		memcpy(node->last, node[-1].last, sizeof(node->last));
		node->last[node[-1].chosen] = reduce.n_nodes;
		want_waiters(candidates);
		put_to_sleep(node);
	}
	reduce.n_nodes++;
}

/* Whoever runs goes on, else the first who can. */
static uint32_t pick(struct node *node, uint32_t self)
{
	uint32_t able = node->candidates & ~(node->asleep | node->tried);
	node->n_switches = reduce.run.schedule.n_switches;
	node->n_preemptions = reduce.run.n_preemptions;
	if (!able) {
		reduce.is_cut = true;
		engine_fail(ENGINE_CLAIM, "what comes of it was seen");
	}
	if (self != ENGINE_NOBODY && able & 1u << self)
		node->chosen = self;
	else
		node->chosen = (uint32_t)__builtin_ctz(able);
	node->wanted |= 1u << node->chosen;
	return node->chosen;
}

static uint32_t choose(uint32_t candidates, uint32_t self, uint32_t step)
{
	end_step();
	search_marks = (struct search_marks){0, 0};
	if (step == reduce.n_nodes)
		open_node(candidates);
	struct node *node = &reduce.nodes[step];
	node->candidates = candidates; /* without those that have ended, and made no step */
	if (!reduce.is_given)
		return pick(node, self);
	reduce.is_given = false;
	return node->chosen;
}

static void note(uint32_t thread, const volatile void *place, size_t size_bytes, unsigned kind)
{
	struct event *event = &reduce.events[reduce.n_nodes - 1];
	bool is_read = kind == ENGINE_POINT_READ || kind == ENGINE_POINT_LOAD;
	if (kind == ENGINE_POINT_WAIT || kind == ENGINE_POINT_WAKE || kind == ENGINE_POINT_CLOCK)
		engine_fail(
			ENGINE_CLAIM, "a thread that sleeps or looks at the clock: not reduced");
	event->thread = thread;
	event->footprint = (struct footprint){.place = (uintptr_t)place,
		.size_bytes = (uint32_t)size_bytes,
		.is_change = !is_read};
	if (reduce.subject->look)
		event->footprint.is_counted =
			reduce.subject->look(place, &event->footprint.marks) &&
			kind == ENGINE_POINT_MODIFY;
	reduce.is_pending = true;
}

/* ---- The search ------------------------------------------------------------------------------ */

/* The run is over. Where it was ended by a finding, what others would do is not seen. */
static void end_run(bool is_found)
{
	struct node *node = &reduce.nodes[reduce.n_nodes - 1];
	struct event *event = &reduce.events[reduce.n_nodes - 1];
	if (reduce.is_cut)
		return;
	if (!reduce.is_pending) /* the last thread made no step */
		*event = (struct event){.thread = node->chosen};
	reduce.is_pending = true;
	if (is_found && !reduce.run.has_ended) {
		event->footprint.marks = (struct search_marks){~0u, ~0u};
		node->wanted |= node->candidates;
	}
	end_step();
}

/* Returns whether there is a finding. */
static bool run_one(const struct search_options *options, struct search_result *result)
{
	static const struct guide guide = {choose, note};
	static struct engine_report report;
	reduce.is_cut = false;
	reduce.is_pending = false;
	bool is_found = guide_make(reduce.subject, &guide, &reduce.run, &report);
	result->n_steps += engine_step();
	end_run(is_found);
	if (reduce.is_cut) {
		result->n_cut++;
		return false;
	}
	result->n_classes++;
	search_count(result, &report, &reduce.run.schedule, reduce.run.n_preemptions,
		reduce.run.is_asserted);
	if (is_found && options->found)
		options->found(&report);
	return is_found;
}

/* Back to the last choice that something is left of. Returns false: there is none. */
static bool go_back(void)
{
	if (reduce.is_cut)
		reduce.n_nodes--; /* no step was made there */
	for (; reduce.n_nodes > 0; reduce.n_nodes--) {
		uint32_t step = reduce.n_nodes - 1;
		struct node *node = &reduce.nodes[step];
		node->tried |= 1u << node->chosen;
		node->steps[node->chosen] = reduce.events[step].footprint;
		uint32_t left = node->wanted & ~(node->tried | node->asleep) & node->candidates;
		if (!left)
			continue;
		node->chosen = (uint32_t)__builtin_ctz(left);
		reduce.is_given = true;
		reduce.run.schedule.n_switches = node->n_switches;
		reduce.run.n_preemptions = node->n_preemptions;
		reduce.run.from_step = step;
		return true;
	}
	return false;
}

void reduce_run(const struct search_subject *subject, const struct search_options *options,
	struct search_result *result)
{
	*result = (struct search_result){.n_steps = 0};
	reduce.subject = subject;
	reduce.n_nodes = 0;
	reduce.is_given = false;
	reduce.run.schedule.n_switches = 0;
	reduce.run.n_preemptions = 0;
	reduce.run.from_step = 0;
	do {
		if (run_one(options, result) && options->ends_at_finding)
			return;
		uint64_t n = result->n_classes + result->n_cut;
		if (n % PROGRESS_SCHEDULES == 0 && options->progress)
			options->progress(n);
	} while (go_back());
}
