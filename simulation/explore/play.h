/* SPDX-License-Identifier: MIT */
/*
 * A scenario on a strategy, as threads that can be searched, and what is held against each of their schedules.
 *
 * At the end: the map is valid, and some order of the calls explains what they returned and what is there
 * (model.h). On the way: every access through <balloon/sync.h> lies within the map, and whose hands a page is
 * in says who may touch its descriptor. A page is in a thread's hands from the return of the dequeue, finalize,
 * migrate (the old page) or isolate that gave it out, or from the start, up to the call that gives it away. As
 * long as it is, of other threads
 *   - isolate of that page may read the descriptor and change it by atomic read-modify-writes (a reference, a
 *     trylock), and may not store to it;
 *   - the pre-check of that page may read its atomic words;
 *   - in scenarios of misuse, so may any call that names the page: it has to look, to refuse. And it may
 *     store where its work can be done, as to an isolated page that it puts back: whose that is, no strategy knows;
 *   - everything else may not touch it at all: a putback that is still at work on the page, a walk along the
 *     list, somebody who links its neighbour.
 * Not covered: pages on lists; a page between the critical section that gives it out and the return; which
 * lock protects an access that is allowed.
 */
#ifndef EXPLORE_PLAY_H
#define EXPLORE_PLAY_H

#include "explore/model.h"
#include "explore/stage.h"

struct balloon_strategy;

enum { PLAY_ENDS_MAX = 1 << 11 };

/** Make the map as it is at the start. Returns false: *report says what was found on the way. */
bool play_open(const struct scenario *scenario, const struct balloon_strategy *strategy,
	struct engine_report *report);

/** Do schedules, from the next play_open() on, end at a race of plain accesses (clocks.h)? */
void play_look_for_races(bool do_so);

/** How many ends without a finding the schedules since play_open() had, and one of them as a number: calls in
 * their order, what they returned, and the memory of the map. If there are more than PLAY_ENDS_MAX, not all. */
uint32_t play_n_ends(void);
uint64_t play_end(uint32_t i);

/** What is shown of pages: O, L, I (owned, listed, isolated) as the calls that have returned left them, and whose
 * hands they are in. */
extern const struct stage play_stage;

#endif
