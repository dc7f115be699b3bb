/* SPDX-License-Identifier: MIT */
/* The table of a request's life, and the function that follows it. */

#include <balloon/sync.h>

#include "driver/life.h"

/* ---- The table ------------------------------------------------------------------------------- */

/* Where an event leads, by the state in which it happens. One more than the state, so that what is not
 * named, 0, is impossible. */
#define TO(state) ((unsigned char)((state) + 1))
static const unsigned char transitions[N_LIFE_EVENTS][N_LIFE_STATES] = {
	[LIFE_TAKE][LIFE_FREE] = TO(LIFE_EMPTY),
	[LIFE_ALLOCATED][LIFE_EMPTY] = TO(LIFE_PENDING),
	[LIFE_ALLOCATED][LIFE_PENDING] = TO(LIFE_PENDING),
	[LIFE_RECLAIMED][LIFE_PENDING] = TO(LIFE_PENDING),
	[LIFE_SEAL][LIFE_PENDING] = TO(LIFE_TELLING),
	[LIFE_GOT][LIFE_EMPTY] = TO(LIFE_TELLING),
	[LIFE_GIVE_UP][LIFE_EMPTY] = TO(LIFE_FREE),
	[LIFE_GIVE_UP][LIFE_PENDING] = TO(LIFE_FREE),
	[LIFE_ACCEPTED][LIFE_TELLING] = TO(LIFE_AT_HOST),
	[LIFE_REJECTED][LIFE_TELLING] = TO(LIFE_PLACING),
	[LIFE_LEAVE][LIFE_AT_HOST] = TO(LIFE_LEFT),
	[LIFE_TIME_OUT][LIFE_LEFT] = TO(LIFE_LATE),
	[LIFE_ANSWERED][LIFE_AT_HOST] = TO(LIFE_PLACING),
	[LIFE_ANSWERED][LIFE_LEFT] = TO(LIFE_PLACING),
	[LIFE_ANSWERED][LIFE_LATE] = TO(LIFE_PLACING),
	[LIFE_SET_ASIDE][LIFE_PLACING] = TO(LIFE_PLACING),
	[LIFE_RETURNED][LIFE_PLACING] = TO(LIFE_PLACING),
	[LIFE_KEPT][LIFE_PLACING] = TO(LIFE_PLACING),
	[LIFE_STRAYED][LIFE_PLACING] = TO(LIFE_PLACING),
	[LIFE_AGAIN][LIFE_PLACING] = TO(LIFE_TELLING),
	[LIFE_POSTPONE][LIFE_PLACING] = TO(LIFE_POSTPONED),
	[LIFE_RESUME][LIFE_POSTPONED] = TO(LIFE_PLACING),
	[LIFE_PLACED][LIFE_PLACING] = TO(LIFE_FREE),
};
#undef TO

/* from: where the pages are before the host is told; with: while it is asked; to: when it did them;
 * back: when it did not. */
static const struct {
	unsigned char from;
	unsigned char with;
	unsigned char to;
	unsigned char back;
} routes[N_ROUTES] = {
	[ROUTE_FILL] = {PLACE_PENDING, PLACE_INFLATING, PLACE_ENQUEUED, PLACE_OUTSIDE},
	[ROUTE_LEAK] = {PLACE_ENQUEUED, PLACE_DEFLATING, PLACE_OUTSIDE, PLACE_ENQUEUED},
	[ROUTE_QUARANTINE] = {PLACE_QUARANTINED, PLACE_DEFLATING, PLACE_OUTSIDE, PLACE_QUARANTINED},
	[ROUTE_NEW] = {PLACE_OUTSIDE, PLACE_INFLATING, PLACE_ENQUEUED, PLACE_OUTSIDE},
	[ROUTE_OLD] = {PLACE_ENQUEUED, PLACE_DEFLATING, PLACE_OUTSIDE, PLACE_ENQUEUED},
};

enum life_state life_next(enum life_event event, enum life_state state)
{
	unsigned next = transitions[event][state];
	return next ? (enum life_state)(next - 1) : LIFE_NO_STATE;
}

/* ---- What an event does ---------------------------------------------------------------------- */

static void move(struct life_counts *counts, uint64_t n, unsigned from, unsigned to)
{
	if (from != PLACE_OUTSIDE) {
		BALLOON_ASSERT(BALLOON_READ(counts->places[from]) >= n);
		BALLOON_ADD(counts->places[from], -n);
	}
	if (to != PLACE_OUTSIDE)
		BALLOON_ADD(counts->places[to], n);
}

static void unplan(struct life_counts *counts, struct life *life, uint32_t n)
{
	uint32_t n_planned = BALLOON_READ(life->n_planned);
	uint32_t n_given = n < n_planned ? n : n_planned;
	if (n_given == 0)
		return;
	BALLOON_WRITE(life->n_planned, n_planned - n_given);
	if (life_is_inflation(BALLOON_READ(life->route)))
		BALLOON_ADD(counts->n_planned_in, -(uint64_t)n_given);
	else
		BALLOON_ADD(counts->n_planned_out, -(uint64_t)n_given);
}

/* Fewer pages are there than were wanted: somebody else may get the others. */
static unsigned unplan_rest(struct life_counts *counts, struct life *life)
{
	uint32_t n_planned = BALLOON_READ(life->n_planned);
	unplan(counts, life, n_planned);
	return n_planned > 0 ? LIFE_WAKE : 0;
}

static void take(struct life_counts *counts, struct life *life, uint32_t n)
{
	BALLOON_WRITE(life->n_pages, 0);
	BALLOON_WRITE(life->n_planned, n);
	BALLOON_ADD(counts->n_busy, 1);
	if (life_is_inflation(BALLOON_READ(life->route)))
		BALLOON_ADD(counts->n_planned_in, n);
	else
		BALLOON_ADD(counts->n_planned_out, n);
}

/* The host has n pages more, or has given n back. */
static unsigned acknowledge(struct life_counts *counts, bool is_in, uint32_t n)
{
	if (n == 0)
		return 0;
	BALLOON_ADD(counts->sequence, 1);
	BALLOON_ADD(counts->n_acknowledged, is_in ? n : -(uint64_t)n);
	if (is_in)
		BALLOON_ADD(counts->n_inflated, n);
	else
		BALLOON_ADD(counts->n_deflated, n);
	return is_in ? LIFE_ACCOUNT_IN : LIFE_ACCOUNT_OUT;
}

static unsigned answered(struct life_counts *counts, struct life *life, uint32_t n)
{
	enum life_route route = BALLOON_READ(life->route);
	bool is_in = life_is_inflation(route);
	move(counts, n, routes[route].with, routes[route].to);
	BALLOON_ADD(life->n_pages, -n);
	unsigned effects = acknowledge(counts, is_in, n) | LIFE_UNLOCK_ANSWERED;
	if (n > 0)
		effects |= routes[route].to == PLACE_ENQUEUED ? LIFE_INSERT : LIFE_FREE_FRAMES;
	return effects;
}

static unsigned depart(
	struct life_counts *counts, struct life *life, uint32_t n, unsigned from, unsigned to)
{
	move(counts, n, from, to);
	BALLOON_ADD(life->n_pages, -n);
	return 0;
}

static unsigned end(struct life_counts *counts, struct life *life)
{
	BALLOON_ASSERT(BALLOON_READ(life->n_pages) == 0);
	unplan(counts, life, BALLOON_READ(life->n_planned));
	BALLOON_ADD(counts->n_busy, -1u);
	return LIFE_UNLOCK_ANSWERED | LIFE_UNLOCK_PLACED | LIFE_WAKE;
}

/* Where pages were counted that turn out not to be there. */
static unsigned stray_place(enum life_route route)
{
	if (route == ROUTE_OLD)
		return PLACE_QUARANTINED;
	return life_is_inflation(route) ? PLACE_ENQUEUED : routes[route].back;
}

static bool is_nobodys(enum life_state state)
{
	return 1u << state & (1u << LIFE_LEFT | 1u << LIFE_LATE | 1u << LIFE_POSTPONED);
}

static unsigned happen(struct life_counts *counts, struct life *life, enum life_event event,
	uint32_t n, enum life_state before)
{
	enum life_route route = BALLOON_READ(life->route);
	switch (event) {
	case LIFE_TAKE:
		take(counts, life, n);
		return 0;
	case LIFE_ALLOCATED:
		move(counts, n, PLACE_OUTSIDE, PLACE_PENDING);
		BALLOON_ADD(life->n_pages, n);
		unplan(counts, life, n);
		return 0;
	case LIFE_RECLAIMED:
		return depart(counts, life, n, PLACE_PENDING, PLACE_OUTSIDE);
	case LIFE_GOT:
		move(counts, n, routes[route].from, routes[route].with);
		unplan(counts, life, n);
		BALLOON_ADD(life->n_pages, n);
		return unplan_rest(counts, life);
	case LIFE_SEAL:
		move(counts, BALLOON_READ(life->n_pages), PLACE_PENDING, PLACE_INFLATING);
		return unplan_rest(counts, life);
	case LIFE_ACCEPTED:
	case LIFE_REJECTED:
	case LIFE_RESUME:
		return 0;
	case LIFE_LEAVE:
	case LIFE_AGAIN:
		return LIFE_WAKE;
	case LIFE_TIME_OUT:
		BALLOON_ADD(counts->n_overdue, 1);
		BALLOON_ADD(counts->n_timeouts, 1);
		return LIFE_UNLOCK_ANSWERED | LIFE_UNLOCK_PLACED | LIFE_WAKE;
	case LIFE_ANSWERED:
		if (before == LIFE_LATE)
			BALLOON_ADD(counts->n_overdue, -UINT64_C(1));
		return answered(counts, life, n);
	case LIFE_SET_ASIDE:
		return depart(counts, life, n, routes[route].with, PLACE_SET_ASIDE);
	case LIFE_RETURNED:
		return depart(counts, life, n, routes[route].with, routes[route].back);
	case LIFE_KEPT:
		return depart(counts, life, n, routes[route].with, PLACE_QUARANTINED);
	case LIFE_STRAYED:
		move(counts, n, stray_place(route), PLACE_OUTSIDE);
		BALLOON_ADD(counts->n_strays, n);
		return acknowledge(counts, false, n);
	case LIFE_POSTPONE:
		return LIFE_UNLOCK_ANSWERED | LIFE_UNLOCK_PLACED | LIFE_WAKE;
	case LIFE_GIVE_UP:
	case LIFE_PLACED:
		return end(counts, life);
	case N_LIFE_EVENTS:
		break;
	}
	return LIFE_IMPOSSIBLE;
}

unsigned life_step(struct life_counts *counts, struct life *life, enum life_event event, uint32_t n)
{
	enum life_state before = BALLOON_READ(life->state);
	enum life_state next = life_next(event, before);
	BALLOON_ASSERT(next != LIFE_NO_STATE);
	if (next == LIFE_NO_STATE)
		return LIFE_IMPOSSIBLE;
	unsigned effects = happen(counts, life, event, n, before);
	if (is_nobodys(next) != is_nobodys(before))
		BALLOON_ADD(counts->n_left, is_nobodys(next) ? 1u : -1u);
	BALLOON_WRITE(life->state, next);
	return effects;
}

/* ---- Names ----------------------------------------------------------------------------------- */

const char *life_event_name(enum life_event event)
{
	static const char *const names[N_LIFE_EVENTS] = {
		[LIFE_TAKE] = "take",
		[LIFE_ALLOCATED] = "allocated",
		[LIFE_RECLAIMED] = "reclaimed",
		[LIFE_GOT] = "got",
		[LIFE_SEAL] = "seal",
		[LIFE_GIVE_UP] = "give up",
		[LIFE_ACCEPTED] = "accepted",
		[LIFE_REJECTED] = "rejected",
		[LIFE_LEAVE] = "leave",
		[LIFE_TIME_OUT] = "time out",
		[LIFE_ANSWERED] = "answered",
		[LIFE_SET_ASIDE] = "set aside",
		[LIFE_RETURNED] = "returned",
		[LIFE_KEPT] = "kept",
		[LIFE_STRAYED] = "strayed",
		[LIFE_AGAIN] = "again",
		[LIFE_POSTPONE] = "postpone",
		[LIFE_RESUME] = "resume",
		[LIFE_PLACED] = "placed",
	};
	return event < N_LIFE_EVENTS ? names[event] : "?";
}

const char *life_state_name(enum life_state state)
{
	static const char *const names[N_LIFE_STATES] = {
		[LIFE_FREE] = "free",
		[LIFE_EMPTY] = "empty",
		[LIFE_PENDING] = "pending",
		[LIFE_TELLING] = "telling",
		[LIFE_AT_HOST] = "at host",
		[LIFE_LEFT] = "left",
		[LIFE_LATE] = "late",
		[LIFE_PLACING] = "placing",
		[LIFE_POSTPONED] = "postponed",
	};
	return state < N_LIFE_STATES ? names[state] : "?";
}
