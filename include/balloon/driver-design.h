/* SPDX-License-Identifier: MIT */
/**
 * For whoever writes a driver design: the ops table, what a design may see of a driver, and the parts
 * that fill, leak and relief are put together from.
 *
 * A design decides what is locked while frames are allocated, while the host is told, and while pages
 * go in and out of the balloon. It is one `const struct balloon_driver_design`, keeps its locks in an
 * area of the driver's memory, allocates nothing and has no mutable globals.
 *
 * The contract. Any number of threads call any ops at once.
 *  - A page is entered into the balloon after the host took it, and freed after the host gave it back:
 *    the parts do it in that order, whatever is locked around them (H-18, H-38).
 *  - Locks have rank BALLOON_RANK_DRIVER; one is waited for by balloon_driver_lock(), which gives up,
 *    and a second one is taken by trylock alone.
 *  - relieve() keeps what the design declares while a fill holds whatever it holds: it never waits for
 *    a lock under which frames are allocated (H-12).
 *  - migrate_begin() waits for nothing (H-34).
 */
#ifndef BALLOON_DRIVER_DESIGN_H
#define BALLOON_DRIVER_DESIGN_H

#include <balloon/driver.h>
#include <balloon/strategy.h>
#include <balloon/sync.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Changes whenever the table or a structure below changes its layout or meaning. */
#define BALLOON_DRIVER_DESIGN_ABI 1u

struct balloon_batch;

struct balloon_driver_design {
	uint32_t abi;     /* BALLOON_DRIVER_DESIGN_ABI */
	const char *name; /* lower case words joined by '-' */
	const char *era;  /* where the design comes from */
	enum balloon_relief relief;
	size_t area_bytes; /* balloon_driver_area(); zeroed */

	/* Once in a driver's life; it is not shared yet, or no longer. fini is optional. */
	void (*init)(struct balloon_driver *driver);
	void (*fini)(struct balloon_driver *driver);

	/* As driver.h defines them, with an empty batch for the pages. n_pages is at least 1 and fits
	 * into the batch. */
	int (*fill)(struct balloon_driver *driver, struct balloon_batch *batch, uint32_t n_pages);
	int (*leak)(struct balloon_driver *driver, struct balloon_batch *batch, uint32_t n_pages);
	int (*relieve)(
		struct balloon_driver *driver, struct balloon_batch *batch, uint32_t n_pages);

	/* Around telling the host of a migration and swapping the pages: 0, or -EAGAIN at once. */
	int (*migrate_begin)(struct balloon_driver *driver);
	void (*migrate_end)(struct balloon_driver *driver);
};

/* ---- What a design sees ---------------------------------------------------------------------- */

/** Where pages are; driver.h explains. */
enum balloon_place {
	BALLOON_PLACE_OUTSIDE, /* in the source, or a caller's */
	BALLOON_PLACE_PENDING,
	BALLOON_PLACE_INFLATING,
	BALLOON_PLACE_ENQUEUED,
	BALLOON_PLACE_DEFLATING,
	BALLOON_PLACE_QUARANTINED,
	BALLOON_N_PLACES,
};

enum balloon_batch_phase {
	BALLOON_BATCH_FREE,
	BALLOON_BATCH_HELD,    /* a call's */
	BALLOON_BATCH_PENDING, /* a fill's, and relief may take from its pages */
	BALLOON_BATCH_LATE,    /* nobody's: unanswered, or answered and not all entered yet */
};

/** How far the host is with a batch. */
enum balloon_batch_answer {
	BALLOON_BATCH_UNTOLD,
	BALLOON_BATCH_UNANSWERED, /* it had its time */
	BALLOON_BATCH_ANSWERED,
	BALLOON_BATCH_BOOKED, /* answered, and the answer is in the books: what is left is inserting */
};

/** A request and what the driver knows of it. The call's that holds it, unless a lock is named. */
struct balloon_batch {
	struct balloon_request request;
	enum balloon_batch_phase phase; /* the books lock */
	uint32_t n_pages;               /* the books lock while PENDING */
	uint32_t n_claimed;             /* pages that a step said it would move: in the books */
	enum balloon_request_kind kind;
	enum balloon_batch_answer answer;
	bool is_relief;        /* the one that is kept for relief; constant */
	bool is_for_relief;    /* its pages count as relieved */
	bool is_overdue;       /* the books count it as such */
	uint32_t first_insert; /* pages[first_insert .. end_insert) have to be inserted */
	uint32_t end_insert;
	struct balloon_device
		*home; /* of deflated pages that the host keeps: balloon, quarantine */
};

/** What the books lock protects. */
struct balloon_driver_books {
	struct balloon_driver_progress progress; /* all but the places */
	uint64_t places[BALLOON_N_PLACES];
	uint64_t n_claimed_in; /* pages that steps are about to fill */
	uint64_t n_claimed_out;
	uint64_t hold_until_ns; /* nothing is inflated before */
	uint64_t retry_at_ns;   /* the quarantine is not asked for before */
	uint32_t n_active;      /* calls under way */
	uint32_t n_late;        /* batches that are LATE */
	bool is_quiesced;
	bool is_stopped;
	bool has_failed; /* the last attempt */
};

/** Constant once the driver is shared, unless a comment names a lock. */
struct balloon_driver {
	struct balloon_driver_config config; /* with its defaults filled in */
	struct balloon_device *device;
	struct balloon_device *quarantine;
	struct balloon_batch *batches; /* n_batches: n_requests, and one for relief behind them */
	uint32_t n_batches;
	void *area;

	BALLOON_ALIGNED struct balloon_lock books_lock;
	struct balloon_atomic_word n_contended;
	struct balloon_event
		event; /* something changed that a run, a quiesce or a stop waits for */
	struct balloon_driver_books books; /* books_lock */
};

static inline void *balloon_driver_area(const struct balloon_driver *driver)
{
	return driver->area;
}

/* ---- Locks ----------------------------------------------------------------------------------- */

/** Make a lock of the design's area. */
BALLOON_EXPORT void balloon_driver_lock_init(
	struct balloon_driver *driver, struct balloon_lock *lock);

/** Take a lock, or give up after host_timeout_ns: whether it was taken. A failure is counted. */
BALLOON_EXPORT bool balloon_driver_lock(struct balloon_driver *driver, struct balloon_lock *lock)
	BALLOON_TRIES(*lock);
/** The same without waiting. */
BALLOON_EXPORT bool balloon_driver_trylock(struct balloon_driver *driver, struct balloon_lock *lock)
	BALLOON_TRIES(*lock);

/* ---- Parts. Each returns a number of pages, or a negative errno ------------------------------ */

/**
 * Allocate up to n_pages frames into an empty batch. They are pending: relief may take some of them
 * until the batch is told (H-13).
 */
BALLOON_EXPORT int balloon_driver_allocate(
	struct balloon_driver *driver, struct balloon_batch *batch, uint32_t n_pages);

/** Dequeue up to n_pages pages of the balloon into an empty batch. 0: the balloon is empty. */
BALLOON_EXPORT int balloon_driver_dequeue(
	struct balloon_driver *driver, struct balloon_batch *batch, uint32_t n_pages);

/**
 * Tell the host of a batch that was filled by one of the former, and wait for its answer. Returns how
 * many pages the host did; an error, if none: the frames are back where they were, or the batch is
 * late and will be settled by another call.
 */
BALLOON_EXPORT int balloon_driver_tell(struct balloon_driver *driver, struct balloon_batch *batch);

/** The same while holding a lock; -EAGAIN: it could not be had, and the host was not told. */
static inline int balloon_driver_tell_under(
	struct balloon_driver *driver, struct balloon_batch *batch, struct balloon_lock *lock)
{
	if (!balloon_driver_lock(driver, lock))
		return -EAGAIN;
	int told = balloon_driver_tell(driver, batch);
	balloon_lock_release(lock);
	return told;
}

/**
 * Do what follows from the answer: enter what the host took, free what it gave back. Comes after each
 * balloon_driver_tell(), whatever that returned; returns the same.
 */
BALLOON_EXPORT int balloon_driver_settle(
	struct balloon_driver *driver, struct balloon_batch *batch, int told);

/** Free up to n_pages frames that fills have pending; the batch is empty before and after. */
BALLOON_EXPORT int balloon_driver_reclaim(
	struct balloon_driver *driver, struct balloon_batch *batch, uint32_t n_pages);

#ifdef __cplusplus
}
#endif

#endif
