/* SPDX-License-Identifier: MIT */
/*
 * The life of a request, without threads and exhaustively: two requests in every combination of routes, few
 * pages, and all states that any sequence of events leads to, however long. Whoever calls life_step() keeps
 * to what is said of an event in life.h; may_happen() is that.
 */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "driver/life.h"

enum {
	N_REQUESTS = 2,
	CAPACITY = 2, /* pages of a request, and of a claim */
	N_PAGES = 4,  /* of the map */
	PLACE_BITS = 3,
	SET_BITS = 21,
};

/** What one request is, with what the rules know of it beside. */
struct one {
	struct life life;
	uint32_t n_entering; /* pages that were done, or came back, and may turn out to be strays */
};

struct two {
	struct one requests[N_REQUESTS];
	struct life_counts counts;
};

/* ---- A state as a number --------------------------------------------------------------------- */

static uint64_t key_of(const struct two *two)
{
	uint64_t key = 0;
	for (int i = 0; i < N_REQUESTS; i++) {
		const struct one *one = &two->requests[i];
		bool is_free = one->life.state == LIFE_FREE; /* what it was does not matter */
		key = key << 4 | one->life.state;
		key = key << 3 | (is_free ? 0 : one->life.route);
		key = key << 2 | one->life.n_planned;
		key = key << 2 | one->life.n_pages;
		key = key << 3 | (is_free ? 0 : one->n_entering);
	}
	for (int place = PLACE_PENDING; place < N_PLACES; place++)
		key = key << PLACE_BITS | two->counts.places[place];
	return key;
}

static uint32_t take_bits(uint64_t *key, unsigned n)
{
	uint32_t bits = (uint32_t)(*key & ((1u << n) - 1));
	*key >>= n;
	return bits;
}

static bool is_nobodys(enum life_state state)
{
	return state == LIFE_LEFT || state == LIFE_LATE || state == LIFE_POSTPONED;
}

static uint64_t n_acknowledged(const uint64_t *places)
{
	return places[PLACE_ENQUEUED] + places[PLACE_DEFLATING] + places[PLACE_QUARANTINED];
}

/* Everything that the lives and the places determine. */
static void recount(struct life_counts *counts, const struct two *two)
{
	counts->n_acknowledged = n_acknowledged(counts->places);
	for (int i = 0; i < N_REQUESTS; i++) {
		const struct life *life = &two->requests[i].life;
		counts->n_busy += life->state != LIFE_FREE;
		counts->n_left += is_nobodys(life->state);
		counts->n_overdue += life->state == LIFE_LATE;
		*(life_is_inflation(life->route) ? &counts->n_planned_in
						 : &counts->n_planned_out) += life->n_planned;
	}
}

static struct two two_of(uint64_t key)
{
	struct two two;
	memset(&two, 0, sizeof(two));
	for (int place = N_PLACES - 1; place >= PLACE_PENDING; place--)
		two.counts.places[place] = take_bits(&key, PLACE_BITS);
	for (int i = N_REQUESTS - 1; i >= 0; i--) {
		struct one *one = &two.requests[i];
		one->n_entering = take_bits(&key, 3);
		one->life.n_pages = take_bits(&key, 2);
		one->life.n_planned = take_bits(&key, 2);
		one->life.route = (enum life_route)take_bits(&key, 3);
		one->life.state = (enum life_state)take_bits(&key, 4);
	}
	recount(&two.counts, &two);
	two.counts.n_inflated = two.counts.n_acknowledged;
	return two;
}

/* ---- What may happen ------------------------------------------------------------------------- */

static uint64_t n_outside(const struct two *two)
{
	uint64_t n = N_PAGES;
	for (int place = PLACE_PENDING; place < N_PLACES; place++)
		n -= two->counts.places[place];
	return n;
}

/* So many pages of this route's are there to be got. */
static uint64_t n_there(const struct two *two, enum life_route route)
{
	switch (route) {
	case ROUTE_LEAK:
	case ROUTE_OLD:
		return two->counts.places[PLACE_ENQUEUED];
	case ROUTE_QUARANTINE:
		return two->counts.places[PLACE_QUARANTINED];
	default:
		return n_outside(two);
	}
}

/* Pages that were inserted and are there still: of those, some may be strays. */
static uint64_t n_strays_max(const struct two *two, const struct one *one)
{
	uint64_t n;
	if (one->life.route == ROUTE_OLD || one->life.route == ROUTE_QUARANTINE)
		n = two->counts.places[PLACE_QUARANTINED];
	else
		n = two->counts.places[PLACE_ENQUEUED];
	/* Those of the other request are no strays of this one. */
	return n < one->n_entering ? n : one->n_entering;
}

/* What callers keep to: with n pages, in a state in which the event is possible. */
static bool may_happen(
	const struct two *two, const struct one *one, enum life_event event, uint32_t n)
{
	const struct life *life = &one->life;
	bool is_fill = life->route == ROUTE_FILL;
	switch (event) {
	case LIFE_TAKE:
		return n <= CAPACITY;
	case LIFE_ALLOCATED:
		return is_fill && n > 0 && life->n_pages + n <= CAPACITY && n <= n_outside(two);
	case LIFE_GOT:
		return !is_fill && n > 0 && n <= CAPACITY && n <= n_there(two, life->route);
	case LIFE_RECLAIMED:
		return n > 0 && n <= life->n_pages;
	case LIFE_SEAL:
	case LIFE_AGAIN:
		return n == 0 && life->n_pages > 0;
	case LIFE_ANSWERED:
		return n <= life->n_pages;
	case LIFE_SET_ASIDE:
		return is_fill && n > 0 && n <= life->n_pages;
	case LIFE_RETURNED:
		return n > 0 && n <= life->n_pages;
	case LIFE_KEPT:
		return life->route == ROUTE_OLD && n > 0 && n <= life->n_pages;
	case LIFE_STRAYED:
		return n > 0 && n <= n_strays_max(two, one);
	case LIFE_GIVE_UP:
	case LIFE_POSTPONE:
	case LIFE_PLACED:
		return n == 0 && life->n_pages == 0;
	default:
		return n == 0;
	}
}

static void note_entering(struct one *one, enum life_event event, uint32_t n)
{
	bool is_in = life_is_inflation(one->life.route);
	if ((event == LIFE_ANSWERED && is_in) ||
		((event == LIFE_RETURNED || event == LIFE_KEPT) && !is_in))
		one->n_entering += n;
	if (event == LIFE_STRAYED)
		one->n_entering -= n;
	if (event == LIFE_AGAIN || event == LIFE_PLACED || event == LIFE_GIVE_UP)
		one->n_entering = 0;
}

/* ---- What holds then ------------------------------------------------------------------------- */

static void check_counts(const struct two *two)
{
	const struct life_counts *counts = &two->counts;
	struct life_counts right;
	uint64_t n_pending = 0;
	uint64_t n_in = 0;
	uint64_t n_out = 0;
	memset(&right, 0, sizeof(right));
	memcpy(right.places, counts->places, sizeof(right.places));
	recount(&right, two);
	cr_assert_eq(counts->n_busy, right.n_busy);
	cr_assert_eq(counts->n_left, right.n_left);
	cr_assert_eq(counts->n_overdue, right.n_overdue);
	cr_assert_eq(counts->n_planned_in, right.n_planned_in);
	cr_assert_eq(counts->n_planned_out, right.n_planned_out);
	cr_assert_eq(counts->n_acknowledged, right.n_acknowledged);
	cr_assert_eq(counts->n_acknowledged, counts->n_inflated - counts->n_deflated);
	for (int i = 0; i < N_REQUESTS; i++) {
		const struct life *life = &two->requests[i].life;
		if (life->state == LIFE_FREE)
			cr_assert(life->n_pages == 0 && life->n_planned == 0);
		else if (life->state == LIFE_PENDING)
			n_pending += life->n_pages;
		else
			*(life_is_inflation(life->route) ? &n_in : &n_out) += life->n_pages;
	}
	cr_assert_eq(counts->places[PLACE_OUTSIDE], 0);
	cr_assert_eq(counts->places[PLACE_PENDING], n_pending);
	cr_assert_eq(counts->places[PLACE_INFLATING], n_in);
	cr_assert_eq(counts->places[PLACE_DEFLATING], n_out);
	uint64_t sum = 0;
	for (int place = PLACE_PENDING; place < N_PLACES; place++) {
		cr_assert(counts->places[place] <= N_PAGES, "place %d underflows", place);
		sum += counts->places[place];
	}
	cr_assert(sum <= N_PAGES, "a page is counted twice");
}

static void check_effects(const struct life_counts *before, const struct life_counts *after,
	unsigned effects, enum life_event event, enum life_state state)
{
	bool is_in = after->n_inflated > before->n_inflated;
	bool is_out = after->n_deflated > before->n_deflated;
	cr_assert_eq((effects & LIFE_ACCOUNT_IN) != 0, is_in);
	cr_assert_eq((effects & LIFE_ACCOUNT_OUT) != 0, is_out);
	cr_assert_eq(after->sequence - before->sequence, (uint64_t)(is_in || is_out));
	cr_assert_eq(after->n_timeouts - before->n_timeouts, event == LIFE_TIME_OUT);
	bool is_over = state == LIFE_FREE || state == LIFE_LATE || state == LIFE_POSTPONED;
	cr_assert_eq((effects & LIFE_UNLOCK_PLACED) != 0, is_over,
		"%s: a lock is kept, or lost too soon", life_event_name(event));
	cr_assert_eq((effects & LIFE_UNLOCK_ANSWERED) != 0, is_over || event == LIFE_ANSWERED);
	if (is_over || is_nobodys(state))
		cr_assert(effects & LIFE_WAKE, "%s wakes nobody", life_event_name(event));
	bool is_done = event == LIFE_ANSWERED && (is_in || is_out);
	cr_assert_eq((effects & LIFE_INSERT) != 0, is_done && is_in);
	cr_assert_eq((effects & LIFE_FREE_FRAMES) != 0, is_done && is_out);
}

/* Where it is checked, an impossible event ends the program instead. */
static void check_impossible(const struct two *two, int which, enum life_event event, uint32_t n)
{
#if defined(BALLOON_CHECKING) || defined(BALLOON_CONTROLLED)
	(void)two;
	(void)which;
	(void)event;
	(void)n;
#else
	struct two after = *two;
	cr_assert_eq(
		life_step(&after.counts, &after.requests[which].life, event, n), LIFE_IMPOSSIBLE);
	cr_assert_eq(
		memcmp(&after, two, sizeof(after)), 0, "an impossible event changes something");
#endif
}

/* ---- All states ------------------------------------------------------------------------------ */

static uint64_t *set; /* of keys, plus one; 0: none */
static uint64_t *queue;
static size_t n_queued;
static bool was_seen[N_LIFE_EVENTS][N_LIFE_STATES][N_ROUTES];

static void visit(uint64_t key)
{
	size_t at = (size_t)(key * 0x9e3779b97f4a7c15u >> (64 - SET_BITS));
	while (set[at] != 0 && set[at] != key + 1)
		at = (at + 1) & ((1u << SET_BITS) - 1);
	if (set[at] != 0)
		return;
	set[at] = key + 1;
	cr_assert(n_queued < 1u << (SET_BITS - 1), "too many states");
	queue[n_queued++] = key;
}

static void let_happen(const struct two *two, int which, enum life_event event, uint32_t n)
{
	struct two after = *two;
	struct one *one = &after.requests[which];
	enum life_state before = one->life.state;
	unsigned effects = life_step(&after.counts, &one->life, event, n);
	cr_assert_eq(effects & LIFE_IMPOSSIBLE, 0);
	cr_assert_eq(one->life.state, life_next(event, before));
	note_entering(one, event, n);
	check_counts(&after);
	check_effects(&two->counts, &after.counts, effects, event, one->life.state);
	was_seen[event][before][one->life.route] = true;
	visit(key_of(&after));
}

static void follow(const struct two *two, int which, enum life_event event)
{
	const struct one *one = &two->requests[which];
	bool is_possible = life_next(event, one->life.state) != LIFE_NO_STATE;
	for (uint32_t n = 0; n <= CAPACITY; n++)
		if (!is_possible)
			check_impossible(two, which, event, n);
		else if (may_happen(two, one, event, n))
			let_happen(two, which, event, n);
}

/* A free request may be taken for any route. */
static void follow_all(const struct two *two, int which)
{
	struct two changed = *two;
	struct life *life = &changed.requests[which].life;
	if (life->state != LIFE_FREE) {
		for (int event = 0; event < N_LIFE_EVENTS; event++)
			follow(&changed, which, (enum life_event)event);
		return;
	}
	for (int route = 0; route < N_ROUTES; route++) {
		life->route = (enum life_route)route;
		for (int event = 0; event < N_LIFE_EVENTS; event++)
			follow(&changed, which, (enum life_event)event);
	}
}

/* Frames that were set aside go back by themselves. */
static void release_frames(const struct two *two)
{
	struct two after = *two;
	if (after.counts.places[PLACE_SET_ASIDE] == 0)
		return;
	after.counts.places[PLACE_SET_ASIDE]--;
	visit(key_of(&after));
}

static bool is_of_route(enum life_event event, enum life_state state, enum life_route route)
{
	switch (event) {
	case LIFE_ALLOCATED:
	case LIFE_RECLAIMED:
	case LIFE_SEAL:
	case LIFE_SET_ASIDE:
		return route == ROUTE_FILL;
	case LIFE_GOT:
		return route != ROUTE_FILL;
	case LIFE_KEPT:
		return route == ROUTE_OLD;
	case LIFE_GIVE_UP:
		return state != LIFE_PENDING || route == ROUTE_FILL;
	default:
		return true;
	}
}

static void check_all_seen(void)
{
	for (int event = 0; event < N_LIFE_EVENTS; event++)
		for (int state = 0; state < N_LIFE_STATES; state++)
			for (int route = 0; route < N_ROUTES; route++) {
				bool is_possible = life_next((enum life_event)event,
							   (enum life_state)state) != LIFE_NO_STATE;
				bool is_wanted = is_possible && is_of_route((enum life_event)event,
									(enum life_state)state,
									(enum life_route)route);
				cr_assert_eq(was_seen[event][state][route], is_wanted,
					"%s, in %s, on route %d",
					life_event_name((enum life_event)event),
					life_state_name((enum life_state)state), route);
			}
}

/* From wherever a request is, events that were seen to happen lead to its end: it is stuck nowhere. */
static void check_all_end(enum life_route route)
{
	bool ends[N_LIFE_STATES] = {[LIFE_FREE] = true};
	bool has_changed = true;
	while (has_changed) {
		has_changed = false;
		for (int event = 0; event < N_LIFE_EVENTS; event++)
			for (int state = 0; state < N_LIFE_STATES; state++) {
				if (ends[state] || !was_seen[event][state][route] ||
					!ends[life_next(
						(enum life_event)event, (enum life_state)state)])
					continue;
				ends[state] = has_changed = true;
			}
	}
	for (int state = 0; state < N_LIFE_STATES; state++)
		cr_assert(ends[state] || (state == LIFE_PENDING && route != ROUTE_FILL),
			"%s, on route %d, never ends", life_state_name((enum life_state)state),
			route);
}

Test(life, is_right_in_every_state_that_can_be_reached)
{
	struct two nothing;
	memset(&nothing, 0, sizeof(nothing));
	set = calloc((size_t)1 << SET_BITS, sizeof(*set));
	queue = calloc((size_t)1 << (SET_BITS - 1), sizeof(*queue));
	visit(key_of(&nothing));
	for (size_t at = 0; at < n_queued; at++) {
		const struct two two = two_of(queue[at]);
		for (int which = 0; which < N_REQUESTS; which++)
			follow_all(&two, which);
		release_frames(&two);
	}
	cr_log_info("%zu states", n_queued);
	cr_assert(n_queued > 10000);
	check_all_seen();
	for (int route = 0; route < N_ROUTES; route++)
		check_all_end((enum life_route)route);
	free(set);
	free(queue);
}

Test(life, names_are_for_people)
{
	for (int event = 0; event < N_LIFE_EVENTS; event++)
		cr_assert(life_event_name((enum life_event)event)[0] != '?');
	for (int state = 0; state < N_LIFE_STATES; state++)
		cr_assert(life_state_name((enum life_state)state)[0] != '?');
	cr_assert_str_eq(life_event_name(N_LIFE_EVENTS), "?");
	cr_assert_str_eq(life_state_name(LIFE_NO_STATE), "?");
}
