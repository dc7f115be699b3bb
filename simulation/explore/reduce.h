/* SPDX-License-Identifier: MIT */
/*
 * The search without a bound, reduced: of schedules that differ in nothing but the order of steps that do not
 * depend on each other, one is made (dynamic partial-order reduction with source sets: Abdulla and others,
 * 2014; with sleep sets: Godefroid, 1996).
 *
 * Dependence. Two steps of different threads depend on each other if both touch a byte and one of them may
 * change it. A try of a lock, one that fails as well, a lock that was waited for, a trylock and a release all
 * change its word. So whether a thread waits, and for whom, changes by steps alone that its own next one depends
 * on. Steps that depend on each other stay in their order in all schedules of a class; so every read finds the same,
 * every thread does the same, and the memory at the end is the same: one schedule says what becomes of them
 * all. Findings that a thread makes by itself (assertions, ranks, crashes) are the same for the same reason.
 *
 * What oracles see. An oracle beside the code may tell schedules of one class apart: by which calls had
 * returned when others began, or by whose hands a page was in when it was touched. A subject says so
 * with marks (struct search_marks): a step that has marks depends on those which those are against. With them an
 * oracle finds in every schedule of a class what it finds in one.
 *
 * Which schedules are made. Each step is compared with those before it. If it depends on one of another thread and
 * no third step lies between them in the order of dependence, the two race: there are schedules in which they come
 * in the other order. Before the first of them, a thread is then tried that begins such a schedule, unless one of
 * those that are tried there does. A thread that waits for a lock races with whoever takes it: it could have taken
 * it. A thread whose step was tried before is not tried again (it sleeps) until a step is made that its own depends
 * on; a schedule in which all who could go on sleep is cut: what comes of it was seen.
 *
 * A finding ends a run, and the steps that others would have made are not seen. So a step with a finding depends on
 * all, and the others are tried in its place.
 *
 * Not for threads that sleep until they are woken, or look at the clock: the passing of time depends on everybody.
 * That is a finding, which says so. There is no bound on preemptions: together with one, a schedule that is left
 * out as equal may be the only one of its class within the bound.
 */
#ifndef EXPLORE_REDUCE_H
#define EXPLORE_REDUCE_H

#include "explore/search.h"

enum { REDUCE_THREADS_MAX = 8 };

/** As search_run(). n_classes: schedules that were made to their end, each of a class of its own; n_cut: that were
 * cut. They are not counted by preemptions. */
void reduce_run(const struct search_subject *subject, const struct search_options *options,
	struct search_result *result);

#endif
