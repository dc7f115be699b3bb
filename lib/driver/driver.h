/* SPDX-License-Identifier: MIT */
/* What the files of the driver share. */
#ifndef BALLOON_DRIVER_DRIVER_H
#define BALLOON_DRIVER_DRIVER_H

#include <balloon/channel-ops.h>
#include <balloon/driver-design.h>
#include <balloon/frames-ops.h>
#include <balloon/sync.h>

#include "channels/channel.h"
#include "core/memory.h"
#include "core/names.h"
#include "driver/life.h"

/** Whose requests they are. */
enum batch_pool {
	POOL_ANY,       /* n_requests of them */
	POOL_MIGRATION, /* small ones, so that a run that has many under way leaves migrations room */
	POOL_RELIEF,    /* one, for when there is no other */
	N_POOLS,
};

/** A request and what the driver knows of it. Handed over with its life's state, whole. */
struct balloon_batch {
	struct life life; /* its state: the driver's lock */
	struct balloon_request request;
	struct balloon_event event; /* whoever waits for the answer sleeps on it */
	struct balloon_batch *next_free;

	enum balloon_driver_lock lock; /* held: the driver's lock */
	enum batch_pool pool;          /* constant */
	bool is_relief;                /* its pages count as relieved */
	bool is_retry;                 /* its pages were refused before */
	bool is_marked;                /* a leak that may be joined */
	bool may_wait;                 /* the call that has it */
	bool ends_call;                /* the call that has it leaves in the step that ends it */

	uint64_t floor_pages; /* of a fill: so many frames are left to others */
	/* Of a leak: of which pages; end 0: of any. */
	uint32_t range_first;
	uint32_t range_end;

	uint32_t n_pages; /* in request.pages, while it is being told, or answered */
	uint32_t n_told;  /* of these the host was told of so many; the others come after them */
	/* Pages to be inserted, of request.pages, and where. */
	uint32_t first_insert;
	uint32_t end_insert;
	struct balloon_device *home;
	uint32_t n_naps; /* tries to insert them in vain */

	/* What it has come to so far. */
	uint32_t n_moved;
	int error;           /* why nothing more was moved, or 0 */
	uint32_t n_refusals; /* answers in a row that did nothing */
	struct balloon_page scratch[BALLOON_MIGRATE_MAX];
	uint64_t deadline_ns; /* LIFE_LEFT: when the host has had its time; UNSETTLED: next try */
};

/** One of the two locks that requests hold; the driver's lock protects it. */
enum lock_direction { LOCK_FILL, LOCK_LEAK, LOCK_MIGRATE, N_LOCK_DIRECTIONS };

struct request_lock {
	enum lock_direction direction; /* of its holders, or of the last ones */
	uint32_t n_holders;
	enum lock_direction moved; /* the last one that was no migration */
	uint32_t n_joined;         /* while somebody waits in another direction */
	uint32_t n_waiting[N_LOCK_DIRECTIONS];
};

enum { N_REQUEST_LOCKS = 2 };

/** A relief that has joined a leak: in the joiner's stack frame, until it is done or withdrawn. */
struct relief_note {
	struct relief_note *next;
	bool is_done;
	int result;
};

/** How the host refuses one direction: when it is asked again. */
struct backoff {
	uint64_t until_ns; /* 0: now */
	uint32_t n_times;
	uint32_t n_refusals; /* in a row */
};

enum refusal_kind {
	REFUSED_FRAME,       /* not taken: set aside from the source */
	REFUSED_PAGE,        /* not given back: in the balloon, isolated */
	REFUSED_QUARANTINED, /* not given back: in the quarantine, isolated */
};

/** A page that the host refused. */
struct refusal {
	struct balloon_refusal what;
	enum refusal_kind kind;
	bool is_held; /* set aside: the frame is the driver's, the page isolated by it */
};

/** Of POOL_MIGRATION: a pair. */
enum { N_MIGRATION_BATCHES = 2 };

enum driver_call {
	CALL_MOVES, /* pages: refused where the driver is quiesced or stopped */
	CALL_RULES, /* over those: refused where it is stopped */
	CALL_ANY,
};

/** What the driver's lock protects, beside the states of requests. */
struct driver_state {
	struct life_counts counts;
	struct balloon_driver_tuning tuning;
	struct request_lock locks[N_REQUEST_LOCKS];
	struct balloon_batch *free[N_POOLS];
	uint64_t n_ended;          /* requests */
	struct relief_note *notes; /* of those who joined the marked leak */
	bool is_marked;            /* a leak is under way that may be joined */
	bool is_stopped;
	bool is_quiesced;
	bool has_left; /* a call, while the lock was held: its thread touches nothing any more */
	enum driver_call left_call;
	bool is_attaching;  /* a new host is told of every page, whatever it refuses */
	bool has_failed;    /* the last attempt */
	uint32_t n_resumes; /* calls of resume */
	uint32_t n_inside;  /* calls, but for stop */
	uint32_t n_moving;  /* of those, calls that move pages */
	/* Threads that are, or are about to be, asleep: on the driver's event for anything, or for a lock
	 * because requests are nobody's, one of which may hold it; on the event of a direction for a lock. */
	uint32_t n_sleepers;
	uint32_t n_lock_sleepers;
	uint32_t n_asleep_for[N_LOCK_DIRECTIONS];
	bool is_lock_passed;       /* who sleeps for a lock has reason to look */
	unsigned wakes_directions; /* bits: all that sleep for these have */
	uint32_t n_relieving;      /* reliefs under way */
	uint64_t hold_until_ns;    /* nothing is allocated before; 0: no hold-off */
	struct backoff backoff[N_ROUTES];
	uint64_t look_at_ns; /* when something is to be done about requests that are nobody's */
	uint32_t looked_at;  /* the driver's event, when they were looked at */
	uint32_t told_again; /* a new host was told of the pages below */
	uint64_t quarantine_at_ns; /* the quarantine is not asked for before */
	uint32_t n_refusals;
	struct refusal refusals[BALLOON_REFUSALS_MAX];

	/* Counts of events, in balloon_driver_progress. */
	uint64_t n_migrated;
	uint64_t n_relieved;
	uint64_t n_refused;
	uint64_t n_allocation_failures;
	uint64_t n_busy;
	enum balloon_driver_state state;
	uint64_t since_ns;
	int last_error;
	uint64_t last_error_ns;
	int last_refusal;
};

/** Constant once the driver is shared, unless a comment names a lock. */
struct balloon_driver {
	struct balloon_driver_config config;
	/* G1 (acquire) in driver_channel() pairs with G2 (release) where another one is attached: what is
	 * signalled there is a channel that is whole. */
	struct balloon_atomic_word channel;
	struct balloon_device *device;
	struct balloon_device *quarantine;
	struct balloon_batch *batches; /* n_batches, of all pools in their order */
	uint32_t n_batches;

	BALLOON_ALIGNED struct balloon_lock lock;
	struct balloon_atomic_word n_contended;
	struct balloon_atomic_u32 target;
	struct balloon_event event; /* something changed that sleepers wait for */
	struct balloon_event lock_events[N_LOCK_DIRECTIONS]; /* they may try for their lock */
	struct driver_state state;                           /* lock */
};

static inline struct balloon_channel *driver_channel(const struct balloon_driver *driver)
{
	uintptr_t channel = balloon_atomic_load(&driver->channel, BALLOON_ACQUIRE); /* G1 */
	return (struct balloon_channel *)(void *)channel;
}

static inline uint32_t driver_target(const struct balloon_driver *driver)
{
	return balloon_atomic_load(&driver->target, BALLOON_RELAXED);
}

static inline uint64_t times_two_to(uint64_t n, uint32_t power)
{
	return n > BALLOON_NEVER >> power ? BALLOON_NEVER : n << power;
}

/** a - b, or 0. */
static inline uint64_t difference(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

static inline uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

#endif
