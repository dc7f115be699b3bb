/* SPDX-License-Identifier: MIT */
/*
 * Threads on the real locks and events (lib/sync), under a model of memory.
 *
 * What is held against each schedule: what a lock protects is a plain word, which must not be raced for, and has been
 * added to as often as somebody had the lock; whoever gave up at a deadline did so after it; and nobody sleeps who
 * has a reason to go on. A flag beside the page lock stays. What somebody waits for by an event is seen once the event was.
 */
#ifndef MEMORY_LOCKS_H
#define MEMORY_LOCKS_H

#include "explore/stage.h"
#include "memory/models.h"

/** What scenario i is called: "lock|try"; NULL past the last. */
const char *locks_name(size_t i);
/** From now on locks_stage is this one. */
void locks_open(size_t i, enum memory memory);
extern const struct stage locks_stage;

/**
 * Search it, up to the first finding: *result says which schedules. Of what has a finding result->finding is one with
 * the fewest preemptions, of those the fewest values that are not the usual ones, of those the fewest steps.
 */
void locks_search(const struct search_options *bounds, struct search_result *result);

#endif
