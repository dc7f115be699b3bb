/* SPDX-License-Identifier: MIT */

#include "explore/search.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char search_unheld[] = "a lock is not held that has to be, and nothing comes of it";
const char search_misfit[] = "it is no schedule of these threads";

struct search_marks search_marks;

enum { PROGRESS_SCHEDULES = 1 << 16 };

/* A choice of which something is left. */
struct node {
	uint32_t step;
	uint32_t n_switches;    /* before it */
	uint32_t n_preemptions; /* before it */
	uint32_t left;          /* threads that were not tried, a bit each */
	bool is_free;
};

static struct {
	const struct search_subject *subject;
	uint32_t bound;
	struct node nodes[SEARCH_STEPS_MAX];
	uint32_t n_nodes;
	struct search_schedule schedule; /* of the run */
	uint32_t n_planned;              /* switches that are given */
	uint32_t at;                     /* the next of them */
	uint32_t n_preemptions;
	bool is_asserted;
} search;

static uint32_t lowest(uint32_t threads)
{
	return (uint32_t)__builtin_ctz(threads);
}

/* ---- A run ----------------------------------------------------------------------------------- */

static void add_switch(uint32_t step, uint32_t thread)
{
	search.schedule.switches[search.schedule.n_switches++] =
		(struct search_switch){step, thread};
}

static void add_node(uint32_t step, uint32_t left, bool is_free)
{
	search.nodes[search.n_nodes++] = (struct node){
		step, search.schedule.n_switches, search.n_preemptions, left, is_free};
}

/* Whoever chooses when nothing is given any more: who runs goes on, else the first who can. */
static uint32_t choose_freely(uint32_t candidates, uint32_t self, uint32_t step)
{
	if (self != ENGINE_NOBODY && candidates & 1u << self) {
		uint32_t others = candidates & ~(1u << self);
		if (others && search.n_preemptions < search.bound)
			add_node(step, others, false);
		return self;
	}
	uint32_t chosen = lowest(candidates);
	if (candidates & (candidates - 1))
		add_node(step, candidates & (candidates - 1), true);
	add_switch(step, chosen);
	return chosen;
}

/* A plan of the search's own always fits: the start of a run is the same each time. */
static uint32_t follow_plan(uint32_t candidates, uint32_t step)
{
	const struct search_switch *given = &search.schedule.switches[search.at++];
	if (given->step != step || !(candidates & 1u << given->thread))
		engine_fail(ENGINE_CLAIM, "%s", search_misfit);
	return given->thread;
}

static uint64_t next_choice(uint32_t step)
{
	if (search.at < search.n_planned)
		return search.schedule.switches[search.at].step;
	return search.n_preemptions < search.bound ? step + 1 : SEARCH_STEPS_MAX;
}

static uint32_t next(uint32_t candidates, uint32_t self, uint64_t *until_step)
{
	uint32_t step = (uint32_t)engine_step();
	uint32_t chosen;
	if (step >= SEARCH_STEPS_MAX)
		engine_fail(ENGINE_ENDLESS, "%u steps, and no end", step);
	if (search.at < search.n_planned)
		chosen = follow_plan(candidates, step);
	else
		chosen = choose_freely(candidates, self, step);
	*until_step = next_choice(step);
	return chosen;
}

static void access(uint32_t thread, const volatile void *place, size_t size_bytes, unsigned kind,
	uintptr_t where)
{
	(void)thread, (void)place, (void)size_bytes, (void)kind, (void)where;
}

static void note_unheld(uint32_t thread, const void *word)
{
	search.is_asserted = true;
	if (search.subject->unheld)
		search.subject->unheld(thread, word);
}

static void end(void)
{
	if (search.subject->end)
		search.subject->end();
}

/* Nothing else is left to chance in what is explored. */
static uint32_t choose(const struct engine_chooser *chooser, enum engine_choice choice, uint32_t n)
{
	(void)chooser, (void)choice, (void)n;
	return 0;
}

static bool run(struct engine_report *report)
{
	const struct search_subject *subject = search.subject;
	const struct engine_explorer explorer = {.next = next,
		.access = subject->access ? subject->access : access,
		.unheld = note_unheld,
		.acquired = subject->acquired,
		.released = subject->released,
		.end = end};
	const struct engine_chooser chooser = {.name = "explorer",
		.policy = ENGINE_EVERY_POINT,
		.choose = choose,
		.explorer = &explorer};
	const struct engine_options options = {.chooser = &chooser};
	search.at = 0;
	search.is_asserted = false;
	if (subject->begin)
		subject->begin();
	return engine_run_threads(&options, subject->threads, subject->n_threads, report);
}

/* ---- The search ------------------------------------------------------------------------------ */

/* Back to the last choice that something is left of. Returns false: there is none. */
static bool go_back(void)
{
	while (search.n_nodes > 0) {
		struct node *node = &search.nodes[search.n_nodes - 1];
		if (!node->left) {
			search.n_nodes--;
			continue;
		}
		search.schedule.n_switches = node->n_switches;
		search.n_preemptions = node->n_preemptions + !node->is_free;
		add_switch(node->step, lowest(node->left));
		node->left &= node->left - 1;
		search.n_planned = search.schedule.n_switches;
		return true;
	}
	return false;
}

static void keep(struct search_finding **kept, struct search_finding *place,
	const struct engine_report *report, const struct search_schedule *schedule,
	uint32_t n_preemptions)
{
	if (*kept && (*kept)->report.step <= engine_step())
		return;
	*kept = place;
	place->report = *report;
	place->report.step = engine_step();
	place->n_preemptions = n_preemptions;
	place->schedule = *schedule;
}

void search_count(struct search_result *result, const struct engine_report *report,
	const struct search_schedule *schedule, uint32_t n_preemptions, bool is_asserted)
{
	static struct search_finding finding, asserted;
	if (report->finding != ENGINE_NONE) {
		result->n_found++;
		keep(&result->finding, &finding, report, schedule, n_preemptions);
	} else if (is_asserted) {
		result->n_asserted++;
		keep(&result->asserted, &asserted, report, schedule, n_preemptions);
		result->asserted->report.finding = ENGINE_ASSERTION;
		snprintf(result->asserted->report.what, sizeof(report->what), "%s", search_unheld);
	}
}

/* Returns whether there is a finding. */
static bool run_one(const struct search_options *options, struct search_result *result)
{
	static struct engine_report report;
	bool is_found = run(&report);
	result->n_steps += engine_step();
	result->n_schedules[search.n_preemptions]++;
	search_count(result, &report, &search.schedule, search.n_preemptions, search.is_asserted);
	if (is_found && options->found)
		options->found(&report);
	return is_found;
}

void search_run(const struct search_subject *subject, const struct search_options *options,
	struct search_result *result)
{
	uint64_t n = 0;
	*result = (struct search_result){.n_steps = 0};
	search.subject = subject;
	search.bound = options->n_preemptions;
	search.n_nodes = 0;
	search.n_planned = 0;
	search.n_preemptions = 0;
	search.schedule.n_switches = 0;
	do {
		if (run_one(options, result) && options->ends_at_finding)
			return;
		if (++n % PROGRESS_SCHEDULES == 0 && options->progress)
			options->progress(n);
	} while (go_back());
}

bool search_replay(const struct search_subject *subject, const struct search_schedule *schedule,
	struct engine_report *report, bool *is_asserted)
{
	search.subject = subject;
	search.bound = 0;
	search.n_nodes = 0;
	search.n_preemptions = 0;
	search.schedule = *schedule;
	search.n_planned = schedule->n_switches;
	bool is_found = run(report);
	report->step = engine_step();
	*is_asserted = search.is_asserted;
	return is_found;
}

/* ---- Schedules as text ----------------------------------------------------------------------- */

void search_format(const struct search_schedule *schedule, char *text, size_t size)
{
	size_t at = 0;
	for (uint32_t i = 0; i < schedule->n_switches && at + 16 < size; i++) {
		const struct search_switch *one = &schedule->switches[i];
		bool is_last = i + 1 == schedule->n_switches;
		int n = is_last ? snprintf(text + at, size - at, "%c", 'a' + (int)one->thread)
				: snprintf(text + at, size - at, "%c%u", 'a' + (int)one->thread,
					  one[1].step - one->step);
		at += n > 0 ? (size_t)n : 0;
	}
	text[at] = '\0';
}

bool search_parse(const char *text, uint32_t n_threads, struct search_schedule *schedule)
{
	uint64_t step = 0;
	schedule->n_switches = 0;
	while (*text) {
		if (*text < 'a' || *text >= 'a' + (int)n_threads ||
			schedule->n_switches == SEARCH_STEPS_MAX)
			return false;
		schedule->switches[schedule->n_switches++] =
			(struct search_switch){(uint32_t)step, (uint32_t)(*text++ - 'a')};
		if (!*text)
			return true;
		char *rest = NULL;
		if (!isdigit((unsigned char)*text))
			return false;
		uint64_t n = strtoull(text, &rest, 10);
		if (n >= SEARCH_STEPS_MAX || (step += n) >= SEARCH_STEPS_MAX)
			return false;
		text = rest;
	}
	return false;
}
