/* SPDX-License-Identifier: MIT */
/*
 * The life of a request: one state, and one function that changes it.
 *
 * life_step() is a pure function of the driver's counts, a request's life and an event. It is called
 * once a step, under the driver's lock; everything else (asking the source, telling the host, moving
 * pages in and out of the balloon, calling the program) happens between two steps, as the effects that
 * it returns say. So all that can happen to a request is tested without threads, and drawn in
 * docs/driver.md from the table in life.c.
 */
#ifndef BALLOON_DRIVER_LIFE_H
#define BALLOON_DRIVER_LIFE_H

#include <balloon/types.h>

#include "core/private-names.h"

/** Where pages are; driver.h explains. */
enum life_place {
	PLACE_OUTSIDE, /* in the source, or a caller's */
	PLACE_PENDING,
	PLACE_INFLATING,
	PLACE_ENQUEUED,
	PLACE_DEFLATING,
	PLACE_QUARANTINED,
	PLACE_SET_ASIDE,
	N_PLACES,
};

/** From where to where a request's pages go. */
enum life_route {
	ROUTE_FILL,       /* frames of the source, into the balloon */
	ROUTE_LEAK,       /* pages of the balloon, to the source */
	ROUTE_QUARANTINE, /* quarantined pages, to the source */
	ROUTE_NEW,        /* the new pages of a migration */
	ROUTE_OLD,        /* the old pages of a migration */
	N_ROUTES,
};

enum life_state {
	LIFE_FREE,
	LIFE_EMPTY,     /* a call's: it gets its pages */
	LIFE_PENDING,   /* a fill's frames, which relief may take */
	LIFE_TELLING,   /* being submitted */
	LIFE_AT_HOST,   /* a call waits for the answer */
	LIFE_LEFT,      /* nobody waits: whoever comes takes the answer */
	LIFE_LATE,      /* the same, and the host has had its time */
	LIFE_PLACING,   /* answered, or not told; its pages are being moved */
	LIFE_POSTPONED, /* nobody's: a page could not be inserted just now, and is tried again */
	N_LIFE_STATES,
	LIFE_NO_STATE = N_LIFE_STATES,
};

enum life_event {
	LIFE_TAKE,      /* a call wants n pages moved */
	LIFE_ALLOCATED, /* the source gave n frames */
	LIFE_RECLAIMED, /* relief took n of them */
	LIFE_GOT,       /* n pages are there, and sealed at once */
	LIFE_SEAL,      /* no more frames: they are to be told */
	LIFE_GIVE_UP,   /* it has no pages */
	LIFE_ACCEPTED,  /* the channel has the request */
	LIFE_REJECTED,  /* the host could not be told */
	LIFE_LEAVE,     /* the call goes, the request stays with the host */
	LIFE_TIME_OUT,  /* the host has had its time */
	LIFE_ANSWERED,  /* the host did n pages */
	LIFE_SET_ASIDE, /* n refused frames are kept from the source */
	LIFE_RETURNED,  /* n pages go back to where they came from */
	LIFE_KEPT,      /* n replaced pages stay with the host: into quarantine */
	LIFE_STRAYED,   /* n of the pages done could not be inserted: they are not the driver's */
	LIFE_AGAIN,     /* the host is told of what is left */
	LIFE_POSTPONE,  /* pages have to be inserted later */
	LIFE_RESUME,    /* now */
	LIFE_PLACED,    /* every page is where it belongs */
	N_LIFE_EVENTS,
};

/** What follows from a step. Bits. */
enum life_effect {
	/* The event cannot happen in this state: nothing was changed. */
	LIFE_IMPOSSIBLE = 1 << 0,
	/* A lock that is held until the answer may go. */
	LIFE_UNLOCK_ANSWERED = 1 << 1,
	/* A lock that is held until all pages are placed may go. */
	LIFE_UNLOCK_PLACED = 1 << 2,
	/* The host has more, or fewer, pages: the program is told. */
	LIFE_ACCOUNT_IN = 1 << 3,
	LIFE_ACCOUNT_OUT = 1 << 4,
	/* The pages done are to be inserted into the balloon, or are the source's. */
	LIFE_INSERT = 1 << 5,
	LIFE_FREE_FRAMES = 1 << 6,
	/* Sleepers look again: a request is free, or nobody's. */
	LIFE_WAKE = 1 << 7,
};

/** All in pages, unless named otherwise; the driver's lock protects them. */
struct life_counts {
	uint64_t places[N_PLACES]; /* that of PLACE_OUTSIDE stays 0 */
	uint64_t n_planned_in;     /* that calls are about to take from the source */
	uint64_t n_planned_out;    /* that calls are about to take from the balloon */
	uint64_t n_acknowledged;
	uint64_t sequence; /* changes of n_acknowledged */
	uint64_t n_inflated;
	uint64_t n_deflated;
	uint64_t n_strays;
	uint64_t n_timeouts; /* requests */
	uint64_t n_overdue;  /* requests that are LATE */
	uint32_t n_busy;     /* requests that are not FREE */
	uint32_t n_left;     /* requests that are LEFT, LATE or UNSETTLED */
};

/** Of one request; handed over with its state, which the driver's lock protects. */
struct life {
	enum life_state state;
	enum life_route route;
	uint32_t n_planned;
	uint32_t n_pages; /* pending, or on their way: not where they belong */
};

/** The one function. n: as the event says. Returns effects. */
unsigned life_step(
	struct life_counts *counts, struct life *life, enum life_event event, uint32_t n);

/** The state that an event leads to; LIFE_NO_STATE: it cannot happen. */
enum life_state life_next(enum life_event event, enum life_state state);

/** Does a route go to the host's side? */
static inline bool life_is_inflation(enum life_route route)
{
	return route == ROUTE_FILL || route == ROUTE_NEW;
}

/* For people, and for the table in the documentation. */
const char *life_event_name(enum life_event event);
const char *life_state_name(enum life_state state);

#endif
