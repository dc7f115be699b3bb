/* SPDX-License-Identifier: MIT */
/*
 * A depth-first search over the schedules of some threads: all of them in which at most so many switches are
 * preemptions.
 *
 * A schedule is the list of its switches. Threads begin, and are switched to, when they are chosen; each makes
 * at least one step before the next choice. A switch away from a thread that could go on is a preemption. One
 * away from a thread that ended, or waits for a lock, is none, and all who can go on are tried there.
 *
 * What else is left open is a choice of values (engine_choose() with a choice beyond ENGINE_CHOOSE_VALUE): 0 is what
 * is usual, and at most so many in a schedule are another one, each of which is tried.
 *
 * With a bound on delays instead (Emmi, Qadeer, Rakamaric, 2011) who goes on is what a scheduler says that takes
 * turns: whoever runs goes on, and after it the next one in order that can. Passing over one that it says is a
 * delay. There are fewer schedules, as a thread that waits leaves no choice.
 *
 * The search keeps no states: it makes the start of a run again, up to the last choice that is left to vary,
 * and goes on from there without preemptions. Each run is one schedule, none comes twice.
 */
#ifndef EXPLORE_SEARCH_H
#define EXPLORE_SEARCH_H

#include "engine.h"

enum {
	SEARCH_PREEMPTIONS_MAX = 12,
	SEARCH_STEPS_MAX = 20000, /* of a run: more is a thread that does not end */
	SEARCH_VALUES_MAX = 4,
	SEARCH_TEXT_MAX = 512,
};

/** From so many steps on the thread runs. The first of a schedule is at 0. */
struct search_switch {
	uint32_t step;
	uint32_t thread;
};

/** The choice of that number is of another value than 0. */
struct search_value {
	uint32_t number; /* of choices of values, from 0 */
	uint32_t value;
};

struct search_schedule {
	uint32_t n_switches;
	uint32_t n_values;
	struct search_value values[SEARCH_VALUES_MAX];
	struct search_switch switches[SEARCH_STEPS_MAX];
};

/**
 * What a step is to the subject's oracles, a bit each: what it does, or looks at; and what a step of another thread
 * must not do before instead of after it, or the oracles may see another thing. "a is against b" goes both ways.
 */
struct search_marks {
	uint32_t own;
	uint32_t against;
};

/** Of the step that is being made: a subject adds to it. It comprises the access and what the thread does up to
 * its next one; the first step of a thread, what it does before as well. */
extern struct search_marks search_marks;

static inline void search_mark(uint32_t own, uint32_t against)
{
	search_marks.own |= own;
	search_marks.against |= against;
}

/** What is explored. Whatever a run changes begin() makes anew. */
struct search_subject {
	const struct engine_thread *threads;
	uint32_t n_threads;
	void (*begin)(void); /* optional, as the others */
	void (*access)(uint32_t thread, const volatile void *place, size_t size_bytes,
		unsigned kind, uintptr_t where);
	void (*unheld)(uint32_t thread, const void *word);
	/* A lock, when the thread has it, and when it is about to release it. */
	void (*acquired)(uint32_t thread, const void *word);
	void (*released)(uint32_t thread, const void *word);
	void (*end)(void);
	/* The marks of an access to the place. Returns whether atomic changes of it are additions of which nobody
	 * uses the result. */
	bool (*look)(const volatile void *place, struct search_marks *marks);
};

struct search_finding {
	struct engine_report report;
	uint32_t n_preemptions; /* or delays */
	bool counts_delays;
	struct search_schedule schedule;
};

/** By which a finding is told from others. */
struct search_sign {
	const char *what; /* it says this, among other things */
	uint32_t thread;  /* that found it */
};

struct search_result {
	uint64_t n_schedules[SEARCH_PREEMPTIONS_MAX +
			     1]; /* with exactly so many preemptions, or delays */
	uint64_t n_steps;
	uint64_t n_classes; /* of the reduction (reduce.h), as the next */
	uint64_t n_cut;
	uint64_t n_walks; /* at random (walk.h) */
	uint64_t n_found; /* schedules with a finding */
	uint64_t n_other; /* with another one than is meant */
	/* Schedules in which an assertion about a lock failed, and nothing else was found. */
	uint64_t n_asserted;
	struct search_finding *finding;  /* of those found, one with the fewest steps; NULL: none */
	struct search_finding *asserted; /* the same of those asserted */
};

struct search_options {
	uint32_t n_preemptions; /* or delays */
	bool counts_delays;
	uint32_t n_values; /* up to SEARCH_VALUES_MAX */
	/* No preemption before a plain access that is made under a lock: whoever comes between there would have to do
	 * without the lock, and can as well come before it or be interrupted itself. */
	bool skips_protected;
	bool ends_at_finding;
	const struct search_sign
		*sign; /* a finding that is not this is another one. NULL: none is */
	void (*progress)(uint64_t n_schedules);            /* now and then; optional, as the next */
	void (*found)(const struct engine_report *report); /* each finding */
};

/** What is said where an assertion about a lock failed, and nothing else is found. */
extern const char search_unheld[];
extern const char search_misfit[];

/** Findings in the result stay until the next search. */
void search_run(const struct search_subject *subject, const struct search_options *options,
	struct search_result *result);

/** Add to a result what became of a schedule: with report->finding, or else perhaps an assertion about a lock. */
void search_count(struct search_result *result, const struct engine_report *report,
	const struct search_schedule *schedule, uint32_t n_preemptions, bool is_asserted);

/** Make one schedule again. Where it leaves a choice open, whoever runs goes on. Returns whether there is a
 * finding: ENGINE_CLAIM and search_misfit, too, if it is no schedule of these threads. *is_asserted: an assertion
 * about a lock failed. */
bool search_replay(const struct search_subject *subject, const struct search_schedule *schedule,
	struct engine_report *report, bool *is_asserted);

/** "a12b7a": thread a makes 12 steps, b makes 7, a goes on to the end. "a12b7a,0=2,3=1": and the first choice of a value
 * is 2, the fourth one 1. */
void search_format(const struct search_schedule *schedule, char *text, size_t size);
/** Returns whether it is one of n_threads threads. */
bool search_parse(const char *text, uint32_t n_threads, struct search_schedule *schedule);

#endif
