/* SPDX-License-Identifier: MIT */
/**
 * The driver: makes a balloon as large as it is asked to be.
 *
 * It takes frames from a frame source, tells the host over a channel, and keeps the pages in a balloon
 * device of a memory map; on the way back, the reverse. *Fill* and *leak* are those two ways, in
 * requests of a limited number of pages, several of which can be with the host at once. What is locked
 * while frames are allocated and while the host is told is a *driver design*, of which there are four,
 * chosen beside the strategy of the map:
 *
 *     coarse          one lock over all of fill, and over all of leak (Linux 3.8 to 4.14)
 *     split           a lock each for inflating and deflating, around telling the host alone
 *                     (posted in October 2017)
 *     split-coalesce  as split; a leak for relief joins one that is under way
 *     alloc-outside   one lock, and frames are allocated before it is taken (Linux 4.15)
 *
 * Where a page stands. Every page of a driver is in one of these places, and each has a count:
 *
 *     pending      a frame that a fill took from the source and has not told the host of
 *     inflating    in a request to the host that has not been answered
 *     enqueued     the host has it and the balloon holds it, listed or isolated, or it is being inserted
 *     deflating    taken from the balloon, in a request to the host that has not been answered
 *     quarantined  replaced by a migration, but the host has not given it back: neither in the balloon
 *                  nor free. It is asked for again
 *     set aside    a frame that the host did not want; it is kept from the source until it is tried
 *                  again, so that the next fill gets another one
 *
 * `acknowledged` is what the host has confirmed to have, and has not confirmed to have given back:
 * enqueued + deflating + quarantined, whenever nothing is being inserted. VIRTIO's `actual` is
 * acknowledged; its `num_pages` is the target. A page is deflated only after its inflation was
 * acknowledged (VIRTIO 1.3, 5.5.6.1), because nothing unacknowledged is in the balloon.
 *
 * The life of a request is one state machine, drawn in docs/driver.md. When a host does not answer in
 * time, the request stays with it and its pages stay where they are counted; a late answer is taken
 * by whatever call comes next. Nothing is lost, and no buffer is used twice (H-26, H-27).
 *
 * What the host refuses holds up nothing else: the page that it stopped at is set aside (in the balloon,
 * isolated, if it was to be deflated), the others go on, and it is tried again later, ever more rarely.
 * balloon_driver_refusals() lists such pages.
 *
 * Results. As in balloon.h; also
 *
 *   -EBUSY      the driver is quiesced, or the design is busy; for the end of a driver: pages are left
 *   -EAGAIN     not now: held off after memory ran out, another call has the lock, all requests are
 *               with the host, or the pages of the balloon are isolated
 *   -ENOMEM     the source has no frame, or only those that the floor leaves to the system
 *   -EIO        the host refused; progress says with which reason of its own (last_refusal)
 *   -ETIMEDOUT  the host did not answer in time, or a deadline has come
 *   -ENODEV     the host is gone; progress says why (host_error)
 *   -ECANCELED  the driver was stopped
 *
 * Threads. Any number of threads may make any calls on one driver at once, but for init and fini. Calls
 * may be made from callbacks of the frame source's allocate op: that is how memory runs out.
 *
 * Locks. The design's locks are held by requests, not by threads: a request takes the lock where its
 * design says and gives it up when it is answered, its pages are placed, or it is late, whichever thread does
 * that. Requests of one direction share a lock; those of the other wait until it is free. Once somebody waits at
 * most 16 more join; then it is the turn of those that wait. While a migration waits nobody joins: its turn, of one
 * small request each way, comes between any two of theirs. No library lock is held while the source's, the
 * channel's or the program's functions run, but a request may hold its design's: functions of the program
 * make no calls that wait, and the source's allocate op only those that are said to be safe there
 * (relieve and migrate).
 *
 * Waiting. Waits for a host's answer, for room in a channel and for a lock end by the caller's deadline or
 * after host_timeout_ns, whichever comes first; run, quiesce and stop by their deadline; serve with the
 * driver. All of them end when what they wait for may have changed: an answer, a lock, a new target,
 * quiesce, stop. Nothing busy-waits.
 *
 * Interrupt and signal handlers make calls of "Context: any" alone: balloon_driver_set_target(), above all.
 */
#ifndef BALLOON_DRIVER_H
#define BALLOON_DRIVER_H

#include <balloon/balloon.h>
#include <balloon/channel.h>
#include <balloon/frames.h>

#ifdef __cplusplus
extern "C" {
#endif

struct balloon_driver;

/* ---- Designs --------------------------------------------------------------------------------- */

/** A driver lock design. */
struct balloon_driver_design;

/** What balloon_driver_relieve() promises while a fill is under way, on its own or another thread. */
enum balloon_relief {
	BALLOON_RELIEF_BUSY,     /* -EBUSY at once */
	BALLOON_RELIEF_PROGRESS, /* pages, or the error of a host that does not give them */
};

struct balloon_driver_design_info {
	const char *name; /* as balloon_driver_design_find() takes it */
	const char *era;  /* where the design comes from */
	enum balloon_relief relief;
};

/** As balloon_strategy_find(), _at() and _describe(). Context: any. */
BALLOON_EXPORT const struct balloon_driver_design *balloon_driver_design_find(const char *name);
BALLOON_EXPORT const struct balloon_driver_design *balloon_driver_design_at(size_t index);
BALLOON_EXPORT int balloon_driver_design_describe(
	const struct balloon_driver_design *design, struct balloon_driver_design_info *info);

/* ---- A driver -------------------------------------------------------------------------------- */

/** Device slots of its map that a driver takes: the balloon, and the quarantine. */
enum { BALLOON_DRIVER_DEVICES = 2 };

/** How many refused pages a driver remembers. What is refused beyond is not set aside. */
enum { BALLOON_REFUSALS_MAX = 64 };

/** The most pairs in one call of balloon_driver_migrate(). */
enum { BALLOON_MIGRATE_MAX = 64 };

struct balloon_driver_progress;

/** What can be changed while a driver runs, too: balloon_driver_tune(). 0 means the default. */
struct balloon_driver_tuning {
	/** Pages of one request; 0 means 256: some hosts silently skip longer ones. Also the pages that
	 * one step moves at most. No more than the driver was made with. What is more than the channel
	 * takes at once the host is told in parts. */
	uint32_t request_pages;
	/** How long the host may take for a request, and a call may wait for a lock; 0 means 1 s. */
	uint64_t host_timeout_ns;
	/** How long nothing is allocated after the source had no frame; 0 means 200 ms. */
	uint64_t allocation_backoff_ns;
	/** How long nothing is inflated after memory ran out and was relieved; 0 means 1 s. */
	uint64_t relief_holdoff_ns;
	/** For how long a page that was refused is set aside; and how long run(), serve() and poll() wait
	 * before they ask the host again after eight answers in a row that did nothing, or none in time.
	 * Doubled for each further time, up to 256 times as long, 16,384 times for one and the same frame.
	 * 0 means 200 ms. */
	uint64_t retry_ns;
	/** Free frames that fills leave to the system, for sources that know how many are free; 0: none. */
	uint64_t floor_pages;
};

/** Zero-initialise it and set what differs. Everything that it points to outlives the driver. */
struct balloon_driver_config {
	const struct balloon_driver_design *design;
	/** The pages. Two free device slots. */
	struct balloon_memmap *map;
	/** Where frames come from: pages of the map. */
	struct balloon_frames *frames;
	/** The host. It covers the map, and no other driver has it. */
	struct balloon_channel *channel;
	/* As in struct balloon_driver_tuning. */
	uint32_t request_pages;
	/** Requests that can be under way at once: 2 to 1024; 0 means 8. Beside them one is kept for a lack
	 * of memory, and two small ones for migrations. */
	uint32_t n_requests;
	uint64_t host_timeout_ns;
	uint64_t allocation_backoff_ns;
	uint64_t relief_holdoff_ns;
	uint64_t retry_ns;
	uint64_t floor_pages;
	/** Memory that runs out is not this driver's affair: balloon_driver_relieve() is -EOPNOTSUPP. */
	bool no_relief;
	/**
	 * Called before a fill allocates, without locks: say, to compact memory, so that what is given
	 * up is adjacent (balloon_compactor_prepare()). Its result does not matter. Optional.
	 */
	void (*before_fill)(void *context, size_t n_pages);
	void *before_fill_context;
	/**
	 * Managed memory: pages that the host took (change = -1), or gave back (+1), by where they are;
	 * both sides of a migration (H-31). Called once for each page, from the call that learnt of it,
	 * without locks: it makes no calls on the driver that wait. Optional.
	 */
	void (*account)(
		void *context, const struct balloon_page *pages, size_t n_pages, int change);
	void *account_context;
	/**
	 * The number of acknowledged pages has changed: once for each answer, once for both sides of a
	 * migration, from the call that learnt of it, without locks. sequence rises by one with each
	 * change; two calls may arrive in another order on two threads, so whoever publishes the number
	 * keeps the one with the highest sequence (H-25). Optional.
	 */
	void (*acknowledged)(void *context, uint64_t n_pages, uint64_t sequence);
	void *acknowledged_context;
	/**
	 * Pages came into the balloon (is_in) or left it, in the call that did it: for a program that
	 * arms and disarms something of its own at a page. Coming is told before a page is inserted,
	 * leaving after its membership has ended. Without locks. Optional.
	 */
	void (*moved)(void *context, const struct balloon_page *pages, size_t n_pages, bool is_in);
	void *moved_context;
};

/** Bytes that balloon_driver_init() wants. Returns 0; -ENOENT: design is NULL, as
 * balloon_driver_design_find() returns for an unknown name; -EINVAL. Context: any. */
BALLOON_EXPORT int balloon_driver_size(
	const struct balloon_driver_config *config, size_t *size_bytes);

/**
 * Make a driver in memory of the caller's, aligned to BALLOON_MEMORY_ALIGN. Its target is 0.
 *
 * Returns 0; -ENOENT: design is NULL; -EINVAL: another null pointer, memory unaligned or too small,
 * numbers out of bounds, a channel that does not cover the map; -ENOSPC: the map has not two free device slots; -EBUSY: another driver
 * has the channel. Context: thread.
 */
BALLOON_EXPORT int balloon_driver_init(void *memory, size_t size_bytes,
	const struct balloon_driver_config *config, struct balloon_driver **driver);

/**
 * End a driver; its memory is the caller's.
 *
 * Returns 0; -EINVAL; -EBUSY: it holds pages or requests are under way. To get there: set the target
 * to 0 and run, or, if the host is gone for good, balloon_driver_reset() first.
 * Threads: the caller serialises it against every other call on the driver. Context: thread.
 */
BALLOON_EXPORT int balloon_driver_fini(struct balloon_driver *driver);

/** The same in memory of its own; hosted builds only. -ENOMEM also. Context: thread. */
BALLOON_EXPORT int balloon_driver_create(
	const struct balloon_driver_config *config, struct balloon_driver **driver);
BALLOON_EXPORT int balloon_driver_destroy(struct balloon_driver *driver);

/** The device whose pages are the balloon's. NULL for a null driver. Context: any. */
BALLOON_EXPORT struct balloon_device *balloon_driver_device(const struct balloon_driver *driver);
BALLOON_EXPORT struct balloon_memmap *balloon_driver_memmap(const struct balloon_driver *driver);

/* ---- Size ------------------------------------------------------------------------------------ */

/**
 * Say how many pages the balloon is to hold; more than 2^32 - 1 means so many. Takes effect at once
 * where somebody runs, else with the next step.
 *
 * Returns 0; -EINVAL. Threads: any, interrupt and signal handlers included: one word, no lock; wakes
 * sleepers through the platform. Context: any.
 */
BALLOON_EXPORT int balloon_driver_set_target(struct balloon_driver *driver, uint64_t n_pages);

/**
 * Change numbers while the driver runs. Takes effect with what begins afterwards.
 *
 * Returns 0; -EINVAL: a null pointer, numbers out of bounds, more request_pages than the driver was made
 * with. Context: thread.
 */
BALLOON_EXPORT int balloon_driver_tune(
	struct balloon_driver *driver, const struct balloon_driver_tuning *tuning);

/**
 * Inflate by up to n_pages, one request's worth, whatever the target is.
 *
 * Returns how many pages the host took and the balloon holds now; or for the first one an error:
 * -EINVAL, -EAGAIN, -EBUSY, -ENOMEM, -EIO, -ETIMEDOUT, -ENODEV, -ECANCELED; -ERANGE or -EEXIST: the
 * source gave what is no page of the map, a page twice, or one that is in a balloon. After an error every
 * frame is back in its source or set aside, or, while the host has not answered, counted as inflating.
 * Context: thread.
 */
BALLOON_EXPORT int balloon_driver_fill(struct balloon_driver *driver, uint32_t n_pages);

/**
 * Deflate by up to n_pages, one request's worth, whatever the target is.
 *
 * Returns how many pages went back to the source; 0: the balloon is empty; or errors as fill, -EIO also
 * if all that is left in the balloon is set aside because the host refused it before. What the host
 * refused is in the balloon again; what it has not answered is counted as deflating.
 * Context: thread.
 */
BALLOON_EXPORT int balloon_driver_leak(struct balloon_driver *driver, uint32_t n_pages);

/**
 * Do one request's worth of work towards the target and wait for its answer: finish what was answered late,
 * ask for a refused page again if it is time, fill or leak.
 *
 * Returns how many pages moved; 0: the target is reached and nothing is under way; -EAGAIN: what is
 * missing is under way already, or as fill; or errors as fill. Context: thread.
 */
BALLOON_EXPORT int balloon_driver_step(struct balloon_driver *driver);

/** When and on what an event loop calls balloon_driver_poll() again. */
struct balloon_driver_next {
	/** No later than at this time of balloon_platform_now_ns(); BALLOON_NEVER. */
	uint64_t at_ns;
	/** And whenever this descriptor is readable; -1: the channel has none, and answers are looked
	 * for at the time above. */
	int descriptor;
};

/**
 * A step that waits for nothing: finish what was answered, give the host as many requests as it may
 * have, and say when to call again. A new target, too, is a reason to call it; so are calls of other
 * threads on the driver, which may take the answers that the descriptor would have shown.
 *
 * next: may be NULL; not written if the driver was quiesced or stopped before. Returns 1: something is
 * under way or missing; 0: the target is reached and nothing is under way; -ENODEV: the host is gone;
 * -EBUSY: quiesced; -ECANCELED: stopped; -EINVAL. Context: thread.
 */
BALLOON_EXPORT int balloon_driver_poll(
	struct balloon_driver *driver, struct balloon_driver_next *next);

/** Told how far a run is, no lock held. Returning false ends the run. */
typedef bool (*balloon_progress_callback)(
	void *context, const struct balloon_driver_progress *progress);

/**
 * Step until the target is reached and nothing is under way, or until the deadline. Up to n_requests
 * requests are with the host at once.
 *
 * Waits between steps that cannot be done, as long as it takes: for memory, for the host, until a
 * hold-off is over. Looks again at once when the target changes. callback: NULL, or called after each
 * step or wait, every 100 ms at least. What is under way when a run ends stays under way.
 * Returns 0; -ETIMEDOUT: the deadline came, progress says what is missing and why; -ECANCELED: the
 * callback said so, or the driver was stopped; -EBUSY: it was quiesced; -ENODEV: the host is gone;
 * -EINVAL. Context: thread.
 */
BALLOON_EXPORT int balloon_driver_run(struct balloon_driver *driver, uint64_t deadline_ns,
	balloon_progress_callback callback, void *context);

/**
 * Follow the target until the driver is stopped: a run that does not end when the target is reached,
 * and waits while the driver is quiesced. For a thread of its own.
 *
 * Returns -ECANCELED: stopped, or the callback said so; -ENODEV: the host is gone; -EINVAL.
 * Context: thread.
 */
BALLOON_EXPORT int balloon_driver_serve(
	struct balloon_driver *driver, balloon_progress_callback callback, void *context);

/**
 * Memory has run out: deflate up to n_pages now (the request's worth at most). For allocators, and
 * safe in any of them: it allocates nothing, and uses a request kept for it.
 *
 * Frames that were set aside are taken first, and, where the design promises progress, frames that fills
 * have pending: they need no host. No frame is allocated meanwhile, nor for relief_holdoff_ns after
 * something was relieved.
 * bytes: receives exactly how many bytes went back to the source; with split-coalesce perhaps by the
 * leak that it joined. May be NULL.
 * Returns how many pages; 0: the balloon is empty; -EBUSY: the design cannot now, as it declares, all
 * requests are under way, the one for relief included, or the leak that it joined took longer than
 * host_timeout_ns; -EOPNOTSUPP: the configuration says no_relief; or errors as leak.
 * Context: thread.
 */
BALLOON_EXPORT int balloon_driver_relieve(
	struct balloon_driver *driver, uint32_t n_pages, uint64_t *bytes);

/**
 * The same for given pages: deflate those of the n_pages from `first` on that the balloon holds, a request's
 * worth at most. For allocations that need adjacent frames (balloon_zone_reserve()).
 *
 * It joins no leak, and looks for no other frames. Pages that are isolated, with the host or set aside are
 * passed over.
 * Returns how many went back to the source; 0: there is none that can be had; -ERANGE: not of the map;
 * -EAGAIN: somebody is at them just now; or errors as balloon_driver_relieve(). Cost: a look at each.
 * Context: thread.
 */
BALLOON_EXPORT int balloon_driver_relieve_range(
	struct balloon_driver *driver, struct balloon_page first, uint32_t n_pages);

/* ---- Migration ------------------------------------------------------------------------------- */

/** What became of a pair in balloon_driver_migrate(). Bits. */
enum balloon_migrated {
	/** new is the driver's now. Without it: still the caller's. */
	BALLOON_MIGRATED_TOOK_NEW = 1 << 0,
	/** old has left the balloon and is the caller's. */
	BALLOON_MIGRATED_GAVE_OLD = 1 << 1,
	/** old is isolated as before, the caller's to put back. With neither: the driver keeps it, in
	 * quarantine or in an unanswered request. */
	BALLOON_MIGRATED_KEPT_OLD = 1 << 2,
};

/**
 * Put new pages in the place of isolated ones, and tell the host about both.
 *
 * old_pages: isolated by the caller, of this driver's balloon. new_pages: frames of the caller's, from
 * the driver's source. n_pages: 1 to balloon_driver_migrate_max().
 * outcomes: receives for each pair the bits of enum balloon_migrated. As a rule TOOK_NEW | GAVE_OLD.
 * GAVE_OLD alone: the old page left and the new one was refused; the balloon is one page smaller.
 * TOOK_NEW alone: the host has not given the old page back; it is in quarantine.
 * Returns how many old pages the caller got back; a negative errno if every outcome is KEPT_OLD and no
 * new page was taken: nothing has changed; -EAGAIN: the driver is busy, or a scanner is at a page just
 * now: try again; -EIO: the host refused; -ENODEV, -EBUSY: quiesced, -ECANCELED; -EINVAL: a null pointer,
 * a number out of bounds, a page twice; -EEXIST, -ESTALE, -EXDEV, -ERANGE: a page is not what it has to
 * be. A host that does not answer in time is no error: the outcomes say what became of the pages.
 * Context: thread.
 */
BALLOON_EXPORT int balloon_driver_migrate(struct balloon_driver *driver,
	const struct balloon_page *new_pages, const struct balloon_page *old_pages,
	uint32_t n_pages, uint8_t *outcomes);

/**
 * The same, waiting until deadline_ns at most, for a lock as for the host: for callers that hold nothing
 * that a fill may want, so never from inside an allocation (H-34). balloon_driver_migrate() waits for no
 * lock, and host_timeout_ns for the host. deadline_ns 0: waits for nothing at all, as a scanner must
 * that cannot sleep; what a host does not answer at once the driver keeps (neither bit of the old page).
 * Context: thread.
 */
BALLOON_EXPORT int balloon_driver_migrate_until(struct balloon_driver *driver,
	const struct balloon_page *new_pages, const struct balloon_page *old_pages,
	uint32_t n_pages, uint8_t *outcomes, uint64_t deadline_ns);

/** The most pairs that this driver takes in one call. 0 for a null driver. Context: any. */
BALLOON_EXPORT uint32_t balloon_driver_migrate_max(const struct balloon_driver *driver);

/* ---- Rest ------------------------------------------------------------------------------------ */

/**
 * Hold all work and wait until nothing is under way: no call, no request, no page in between.
 *
 * From its beginning to balloon_driver_resume() every other call that moves pages is refused with
 * -EBUSY; serve() waits. Pages may stay in quarantine. Returns 0; -ETIMEDOUT: something is still under
 * way (the driver stays held); -EAGAIN: another thread resumed it meanwhile; -ENODEV: the host is gone
 * with requests that it has not answered; -EINVAL; -ECANCELED: stopped. Context: thread.
 */
BALLOON_EXPORT int balloon_driver_quiesce(struct balloon_driver *driver, uint64_t deadline_ns);
/** Returns 0; -EINVAL; -ECANCELED: stopped. Context: thread. */
BALLOON_EXPORT int balloon_driver_resume(struct balloon_driver *driver);

/**
 * End all work for good: calls under way return soon, and those that move pages, quiesce and resume are
 * refused with -ECANCELED from now on.
 *
 * Returns 0: nobody is inside the driver any more, but for calls of stop, reset, forget and set_target,
 * which are not counted; -ETIMEDOUT: calls are still inside: in the channel's, the source's or the
 * program's functions; -EINVAL. Requests may be with the host still. Context: thread.
 */
BALLOON_EXPORT int balloon_driver_stop(struct balloon_driver *driver, uint64_t deadline_ns);

/**
 * Take everything back into the source, without asking for it page by page: the channel's reset makes the
 * host let go.
 *
 * Works on a stopped driver. Returns 0: the driver holds nothing; -EINVAL; -EBUSY: not stopped, or calls
 * are inside; -ETIMEDOUT: the host has not let go; what it may still touch stays where it is counted;
 * -EAGAIN: pages are isolated, or held just now, by somebody who has to let them go first. Nothing is lost:
 * call it again. The channel takes no more requests, whatever the result. Context: thread.
 */
BALLOON_EXPORT int balloon_driver_reset(struct balloon_driver *driver);

/**
 * The same although the host has not confirmed to have let go: for a program that knows that the host is
 * dead. A host that lives will destroy what is in the pages. Context: thread.
 */
BALLOON_EXPORT int balloon_driver_forget(struct balloon_driver *driver);

/**
 * Give a driver a new host in the place of one that is gone: as after a restore of a virtual machine.
 *
 * The driver is quiesced, and no request of it is outstanding on the old channel: that one was reset, if
 * it had any. The new host is told of every page that the balloon holds; what it refuses leaves the
 * balloon and is the source's; quarantined pages go back to the source. Then the driver may be resumed.
 * Returns 0; -EINVAL: a null pointer, a channel that does not cover the map; -EBUSY: not quiesced,
 * calls inside, or the old host has not let go, or another driver has the channel; -EAGAIN: pages are
 * isolated by somebody who has to put them back first; -ETIMEDOUT: the deadline came, or the new host has
 * not answered in time; -ENODEV: the new host is gone, too; -ECANCELED: stopped. After -EAGAIN and
 * -ETIMEDOUT call it again, with the same channel: the pages that the new host was told of are known. After
 * -ENODEV with another one. A set_target() that began before may still signal on the old channel: that one ends no
 * earlier than such a call.
 * Cost: a look at each page of the map. Context: thread.
 */
BALLOON_EXPORT int balloon_driver_attach(
	struct balloon_driver *driver, struct balloon_channel *channel, uint64_t deadline_ns);

/* ---- How far it is --------------------------------------------------------------------------- */

enum balloon_driver_state {
	BALLOON_DRIVER_IDLE,        /* the target is reached, nothing is under way */
	BALLOON_DRIVER_PROGRESSING, /* the last attempt moved pages */
	BALLOON_DRIVER_STALLED,     /* the last attempt failed: last_error says why */
	BALLOON_DRIVER_HELD_OFF,    /* waiting, after memory ran out */
	BALLOON_DRIVER_QUIESCED,
	BALLOON_DRIVER_STOPPED,
};

/** In pages, unless named otherwise. All of one moment, but for n_isolated. */
struct balloon_driver_progress {
	uint64_t target;
	/* Where pages are: see the top of this file. */
	uint64_t n_pending;
	uint64_t n_inflating;
	uint64_t n_enqueued;
	uint64_t n_isolated; /* of the enqueued ones */
	uint64_t n_deflating;
	uint64_t n_quarantined;
	uint64_t n_set_aside;
	uint64_t n_acknowledged;
	uint64_t
		n_requests; /* in use: from before a page is taken for one until all of its pages have arrived */
	uint64_t n_overdue; /* of those, not answered in time */

	/* Events since the beginning; they never fall. */
	uint64_t n_inflated; /* pages that the host took */
	uint64_t n_deflated; /* pages that the host gave back */
	uint64_t n_migrated; /* pages replaced: counted in both of the former, too */
	uint64_t n_relieved; /* pages that went back because memory ran out */
	uint64_t n_refused;  /* requests that the host did in part or not at all */
	uint64_t n_strays;   /* pages that turned out to be somebody else's when they were moved */
	uint64_t n_ended;    /* requests that were in use */
	uint64_t n_timeouts; /* requests not answered in time */
	uint64_t n_allocation_failures; /* fills that got no frame */
	uint64_t n_busy;                /* calls that found the design's lock taken and gave up */

	enum balloon_driver_state state;
	uint64_t since_ns; /* when it was first seen to be so, in balloon_platform_now_ns() */
	int last_error;    /* of the last call or request that failed; 0: none has */
	uint64_t last_error_ns;
	int last_refusal; /* the host's reason of the last refusal; 0: it has refused nothing */
	int host_error;   /* why the host is gone; 0: it is there */
};

/** A page that the host refused, and that is tried again. */
struct balloon_refusal {
	struct balloon_page page;
	/* What the host was asked. INFLATE: the frame is set aside; DEFLATE: the page is in the balloon, or
	 * the quarantine, isolated. */
	enum balloon_request_kind kind;
	int error; /* the host's reason */
	uint32_t n_times;
	uint64_t retry_at_ns;
};

/**
 * Say how far the driver is, after taking late answers, which may call the program's functions.
 *
 * Returns 0; -EINVAL. Threads: any, also of a driver that is quiesced or stopped. Context: thread.
 */
BALLOON_EXPORT int balloon_driver_progress(
	struct balloon_driver *driver, struct balloon_driver_progress *progress);

/**
 * Has the host a request, so that another one may have to wait for the design's lock? False for a null driver.
 *
 * Out of date when it returns. Takes no answers, and calls nothing of the program's. Threads: any. Locks: the
 * driver's. Context: thread.
 */
BALLOON_EXPORT bool balloon_driver_is_busy(struct balloon_driver *driver);

/**
 * List the pages that the host refused and that are set aside now.
 *
 * refusals: receives up to n_max; may be NULL if that is 0. Returns how many there are,
 * BALLOON_REFUSALS_MAX at most; -EINVAL. Threads: any. Locks: the driver's. Context: thread.
 */
BALLOON_EXPORT int balloon_driver_refusals(
	struct balloon_driver *driver, struct balloon_refusal *refusals, size_t n_max);

/** A name for people: "progressing". Context: any. */
BALLOON_EXPORT const char *balloon_driver_state_name(enum balloon_driver_state state);

/**
 * Hold the counts against each other and against the devices.
 *
 * what: receives a constant string that says what is wrong; may be NULL.
 * Returns 0; -EINVAL; -EUCLEAN. Threads: the caller sees to it that no other call is under way.
 * Context: thread.
 */
BALLOON_EXPORT int balloon_driver_validate(struct balloon_driver *driver, const char **what);

#ifdef __cplusplus
}
#endif

#endif
