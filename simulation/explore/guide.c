/* SPDX-License-Identifier: MIT */

#include "explore/guide.h"

static struct {
	const struct search_subject *subject;
	const struct guide *guide;
	struct guide_run *run;
	uint32_t n_planned;
	uint32_t at; /* the planned switch that is next */
} state;

static uint32_t choose(uint32_t candidates, uint32_t self, uint32_t step)
{
	struct guide_run *run = state.run;
	uint32_t chosen = state.guide->choose(candidates, self, step);
	if (chosen != self) {
		run->n_preemptions += self != ENGINE_NOBODY && candidates & 1u << self;
		run->schedule.switches[run->schedule.n_switches++] =
			(struct search_switch){step, chosen};
	}
	return chosen;
}

static uint32_t next(uint32_t candidates, uint32_t self, uint64_t *until_step)
{
	struct guide_run *run = state.run;
	uint32_t step = (uint32_t)engine_step();
	uint32_t chosen;
	if (step >= SEARCH_STEPS_MAX)
		engine_fail(ENGINE_ENDLESS, "%u steps, and no end", step);
	if (state.at < state.n_planned)
		chosen = run->schedule.switches[state.at++].thread;
	else
		chosen = choose(candidates, self, step);
	if (state.at < state.n_planned)
		*until_step = run->schedule.switches[state.at].step;
	else
		*until_step = step < run->from_step ? run->from_step : step + 1;
	return chosen;
}

static void access(uint32_t thread, const volatile void *place, size_t size_bytes, unsigned kind,
	uintptr_t where)
{
	if (state.guide->made && engine_step() > state.run->from_step)
		state.guide->made(thread, place, size_bytes, kind);
	if (state.subject->access)
		state.subject->access(thread, place, size_bytes, kind, where);
}

static void note_unheld(uint32_t thread, const void *word)
{
	state.run->is_asserted = true;
	if (state.subject->unheld)
		state.subject->unheld(thread, word);
}

static void end(void)
{
	state.run->has_ended = true;
	if (state.subject->end)
		state.subject->end();
}

/* Nothing else is left to chance in what is explored. */
static uint32_t choose_first(
	const struct engine_chooser *chooser, enum engine_choice choice, uint32_t n)
{
	(void)chooser, (void)choice, (void)n;
	return 0;
}

bool guide_make(const struct search_subject *subject, const struct guide *guide,
	struct guide_run *run, struct engine_report *report)
{
	const struct engine_explorer explorer = {.next = next,
		.access = access,
		.unheld = note_unheld,
		.acquired = subject->acquired,
		.released = subject->released,
		.end = end};
	const struct engine_chooser chooser = {.name = "explorer",
		.policy = ENGINE_EVERY_POINT,
		.choose = choose_first,
		.explorer = &explorer};
	const struct engine_options options = {.chooser = &chooser};
	state.subject = subject;
	state.guide = guide;
	state.run = run;
	state.n_planned = run->schedule.n_switches;
	state.at = 0;
	run->is_asserted = false;
	run->has_ended = false;
	if (subject->begin)
		subject->begin();
	return engine_run_threads(&options, subject->threads, subject->n_threads, report);
}
