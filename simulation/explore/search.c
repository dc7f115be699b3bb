/* SPDX-License-Identifier: MIT */

#include "explore/search.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

const char search_unheld[] = "a lock is not held that has to be, and nothing comes of it";
const char search_misfit[] = "it is no schedule of these threads";

struct search_marks search_marks;

enum { PROGRESS_SCHEDULES = 1 << 16 };

/* A choice of which something is left. */
struct node {
	uint32_t step;          /* of a choice of a value its number */
	uint32_t n_switches;    /* before it */
	uint32_t n_values;      /* before it */
	uint32_t n_preemptions; /* before it */
	uint32_t left;          /* threads, or values, that were not tried, a bit each */
	uint32_t n_passed;      /* of threads, with a bound on delays: those that were tried */
	uint32_t next;          /* and the number from which on the next one is */
	bool is_free;
	bool is_value;
};

static struct {
	const struct search_subject *subject;
	uint32_t bound;
	bool counts_delays;
	uint32_t values_bound;
	bool skips_protected;
	struct node nodes[2 * SEARCH_STEPS_MAX]; /* of threads, of values */
	uint32_t n_nodes;
	struct search_schedule schedule; /* of the run */
	uint32_t n_planned;              /* switches that are given */
	uint32_t at;                     /* the next of them */
	uint32_t n_planned_values;       /* values that are given */
	uint32_t values_at;              /* the next of them */
	uint32_t n_choices;              /* of values, in this run */
	uint32_t n_preemptions;
	bool is_asserted;
} search;

static uint32_t lowest(uint32_t threads)
{
	return (uint32_t)__builtin_ctz(threads);
}

/* Of these the first one in turn, from a number on. */
static uint32_t first_from(uint32_t threads, uint32_t from)
{
	uint32_t after = from < 32 ? threads & ~((1u << from) - 1) : 0;
	return lowest(after ? after : threads);
}

/* ---- A run ----------------------------------------------------------------------------------- */

static void add_switch(uint32_t step, uint32_t thread)
{
	search.schedule.switches[search.schedule.n_switches++] =
		(struct search_switch){step, thread};
}

static void add_node(uint32_t step, uint32_t left, uint32_t next, bool is_free)
{
	search.nodes[search.n_nodes++] = (struct node){.step = step,
		.n_switches = search.schedule.n_switches,
		.n_values = search.schedule.n_values,
		.n_preemptions = search.n_preemptions,
		.left = left,
		.next = next,
		.is_free = is_free};
}

/* Whoever chooses when no switch is given any more: who runs goes on, else the first who can, or the next in turn.
 * Before the last value that is given nothing is left to vary: that was tried already, or will be. */
static uint32_t choose_freely(uint32_t candidates, uint32_t self, uint32_t step)
{
	bool is_open = search.values_at == search.n_planned_values &&
		       (search.n_preemptions < search.bound || !search.counts_delays);
	if (self != ENGINE_NOBODY && candidates & 1u << self) {
		uint32_t others = candidates & ~(1u << self);
		if (others && is_open && search.n_preemptions < search.bound)
			add_node(step, others, self + 1, false);
		return self;
	}
	uint32_t chosen = lowest(candidates);
	if (search.counts_delays && self != ENGINE_NOBODY)
		chosen = first_from(candidates, self + 1);
	if (candidates & (candidates - 1) && is_open)
		add_node(step, candidates & ~(1u << chosen), chosen + 1, !search.counts_delays);
	add_switch(step, chosen);
	return chosen;
}

/* A plan of the search's own always fits: the start of a run is the same each time. Before the next switch whoever
 * runs may have waited, for a time that came. */
static uint32_t follow_plan(uint32_t candidates, uint32_t self, uint32_t step)
{
	const struct search_switch *given = &search.schedule.switches[search.at];
	uint32_t chosen = given->step == step ? given->thread : self;
	if (chosen == ENGINE_NOBODY || !(candidates & 1u << chosen))
		engine_fail(ENGINE_CLAIM, "%s", search_misfit);
	search.at += given->step == step;
	return chosen;
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
		chosen = follow_plan(candidates, self, step);
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

/* Values from 1 on are left. */
static void add_value_node(uint32_t number, uint32_t n)
{
	add_node(number, n < 32 ? (1u << n) - 2 : ~1u, 0, true);
	search.nodes[search.n_nodes - 1].is_value = true;
}

/* What is the scenario's own, and no more. */
static uint32_t choose(const struct engine_chooser *chooser, enum engine_choice choice, uint32_t n)
{
	(void)chooser;
	if (choice <= ENGINE_CHOOSE_VALUE)
		return 0;
	uint32_t number = search.n_choices++;
	if (number == SEARCH_STEPS_MAX)
		engine_fail(ENGINE_ENDLESS, "%u choices, and no end", number);
	if (search.values_at < search.n_planned_values) {
		const struct search_value *given = &search.schedule.values[search.values_at];
		if (given->number != number)
			return 0;
		search.values_at++;
		if (given->value >= n)
			engine_fail(ENGINE_CLAIM, "%s", search_misfit);
		return given->value;
	}
	if (search.at == search.n_planned && search.schedule.n_values < search.values_bound)
		add_value_node(number, n);
	return 0;
}

/* skips: see struct search_options. */
static bool run(bool skips, struct engine_report *report)
{
	const struct search_subject *subject = search.subject;
	const struct engine_explorer explorer = {.next = next,
		.skips_protected = skips,
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
	search.values_at = 0;
	search.n_choices = 0;
	search.is_asserted = false;
	if (subject->begin)
		subject->begin();
	return engine_run_threads(&options, subject->threads, subject->n_threads, report);
}

/* ---- The search ------------------------------------------------------------------------------ */

static void take_value(struct node *node)
{
	struct search_schedule *schedule = &search.schedule;
	schedule->values[schedule->n_values++] =
		(struct search_value){node->step, lowest(node->left)};
	node->left &= node->left - 1;
}

static void take_thread(struct node *node)
{
	uint32_t thread = lowest(node->left);
	uint32_t cost = !node->is_free;
	if (search.counts_delays) {
		thread = first_from(node->left, node->next);
		cost = ++node->n_passed;
	}
	search.n_preemptions += cost;
	add_switch(node->step, thread);
	node->left &= ~(1u << thread);
	if (search.counts_delays && search.n_preemptions == search.bound)
		node->left = 0;
}

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
		search.schedule.n_values = node->n_values;
		search.n_preemptions = node->n_preemptions;
		if (node->is_value)
			take_value(node);
		else
			take_thread(node);
		search.n_planned = search.schedule.n_switches;
		search.n_planned_values = search.schedule.n_values;
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
	place->counts_delays = search.counts_delays;
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

static bool bears(const struct engine_report *report, const struct search_sign *sign)
{
	return report->thread == sign->thread && strstr(report->what, sign->what);
}

/* Returns whether there is a finding that is meant. */
static bool run_one(const struct search_options *options, struct search_result *result)
{
	static struct engine_report report;
	bool is_found = run(search.skips_protected, &report);
	result->n_steps += engine_step();
	result->n_schedules[search.n_preemptions]++;
	if (is_found && options->sign && !bears(&report, options->sign)) {
		result->n_other++;
		return false;
	}
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
	search.counts_delays = options->counts_delays;
	search.values_bound = options->n_values;
	search.skips_protected = options->skips_protected;
	search.n_nodes = 0;
	search.n_planned = 0;
	search.n_planned_values = 0;
	search.n_preemptions = 0;
	search.schedule.n_switches = 0;
	search.schedule.n_values = 0;
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
	search.counts_delays = false;
	search.values_bound = 0;
	search.n_nodes = 0;
	search.n_preemptions = 0;
	search.schedule = *schedule;
	search.n_planned = schedule->n_switches;
	search.n_planned_values = schedule->n_values;
	bool is_found = run(false, report);
	if (search.values_at < search.n_planned_values) {
		report->finding = ENGINE_CLAIM;
		snprintf(report->what, sizeof(report->what), "%s", search_misfit);
		is_found = true;
	}
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
	for (uint32_t i = 0; i < schedule->n_values; i++)
		text_append(text, size, ",%u=%u", schedule->values[i].number,
			schedule->values[i].value);
}

/* ",3=1" and so on, to the end, in order. */
static bool parse_values(const char *text, struct search_schedule *schedule)
{
	while (*text) {
		unsigned number;
		unsigned value;
		int n = 0;
		if (sscanf(text, ",%4u=%4u%n", &number, &value, &n) != 2 || n == 0 ||
			strpbrk(text, "+- ") || schedule->n_values == SEARCH_VALUES_MAX)
			return false;
		uint32_t n_values = schedule->n_values++;
		if (n_values > 0 && schedule->values[n_values - 1].number >= number)
			return false;
		schedule->values[n_values] = (struct search_value){number, value};
		text += n;
	}
	return true;
}

bool search_parse(const char *text, uint32_t n_threads, struct search_schedule *schedule)
{
	uint64_t step = 0;
	schedule->n_switches = 0;
	schedule->n_values = 0;
	while (*text) {
		if (*text < 'a' || *text >= 'a' + (int)n_threads ||
			schedule->n_switches == SEARCH_STEPS_MAX)
			return false;
		schedule->switches[schedule->n_switches++] =
			(struct search_switch){(uint32_t)step, (uint32_t)(*text++ - 'a')};
		if (!*text || *text == ',')
			return parse_values(text, schedule);
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
