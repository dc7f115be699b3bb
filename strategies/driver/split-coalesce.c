/* SPDX-License-Identifier: MIT */
/*
 * split-coalesce: as split, and a relief that meets a leak under way does not start a second one. It
 * waits, and reports what that one freed.
 *
 * Source: sketched in the thread of October 2017.
 *
 * Locks. inflate_lock and deflate_lock as in split, rank DRIVER. mark_lock, a leaf of rank BOOKS,
 * protects the mark ("a leak is under way that may be joined") and the list of those that joined it.
 *
 * The mark is claimed in one critical section, so of many leaks one owns it (as sketched: test, then
 * set, H-20). Whoever finds it taken puts a note on the list, in its own stack frame, and sleeps on an
 * event, with a bound; the sketch was busy-waiting on an owner that perhaps did not run. The owner takes
 * the list off together with the mark and writes its own result into each note: what a joiner reports
 * is exactly what that leak freed, whatever others fill and leak meanwhile (the sketch took the
 * difference of a shared counter). A joiner whose time is up takes its note off the list before its
 * frame is gone.
 *
 * A plain leak owns the mark if it is free, and goes on without if it is not: it was asked for pages of
 * its own.
 *
 * Why relief makes progress while a fill is under way: as in split; what a joiner waits for is a leak,
 * which takes no lock of a fill's and allocates nothing.
 *
 * Choose it where many threads run out of memory at once: they deflate once, not each for itself.
 */
#include <balloon/driver-design.h>

struct note {
	struct note *next;
	bool is_done;
	int result;
};

struct area {
	struct balloon_lock inflate_lock;
	struct balloon_lock deflate_lock;
	struct balloon_lock mark_lock;
	struct balloon_event done; /* a leak that owned the mark is over */
	bool is_marked;            /* mark_lock */
	struct note *notes;        /* mark_lock */
};

static struct area *area_of(const struct balloon_driver *driver)
{
	return balloon_driver_area(driver);
}

static void init(struct balloon_driver *driver)
{
	struct area *area = area_of(driver);
	balloon_driver_lock_init(driver, &area->inflate_lock);
	balloon_driver_lock_init(driver, &area->deflate_lock);
	balloon_lock_init(&area->mark_lock, BALLOON_RANK_BOOKS, &driver->n_contended);
	balloon_event_init(&area->done);
}

static void fini(struct balloon_driver *driver)
{
	balloon_lock_fini(&area_of(driver)->inflate_lock);
	balloon_lock_fini(&area_of(driver)->deflate_lock);
	balloon_lock_fini(&area_of(driver)->mark_lock);
}

/* ---- The mark -------------------------------------------------------------------------------- */

/* Own the mark, or put a note on the list of whoever does. note: NULL, no note. */
static bool claim(struct area *area, struct note *note)
{
	balloon_lock_acquire(&area->mark_lock);
	bool is_ours = !BALLOON_READ(area->is_marked);
	if (is_ours) {
		BALLOON_WRITE(area->is_marked, true);
	} else if (note) {
		BALLOON_WRITE(note->next, BALLOON_READ(area->notes));
		BALLOON_WRITE(area->notes, note);
	}
	balloon_lock_release(&area->mark_lock);
	return is_ours;
}

/* The owner is done: tell all that joined. */
static void unclaim(struct area *area, int result)
{
	balloon_lock_acquire(&area->mark_lock);
	struct note *note = BALLOON_READ(area->notes);
	while (note) {
		struct note *next = BALLOON_READ(note->next);
		BALLOON_WRITE(note->result, result);
		BALLOON_WRITE(note->is_done, true);
		note = next;
	}
	BALLOON_WRITE(area->notes, NULL);
	BALLOON_WRITE(area->is_marked, false);
	balloon_lock_release(&area->mark_lock);
	balloon_event_signal(&area->done);
}

static bool is_done(struct area *area, const struct note *note)
{
	balloon_lock_acquire(&area->mark_lock);
	bool result = BALLOON_READ(note->is_done);
	balloon_lock_release(&area->mark_lock);
	return result;
}

/* Take a note off the list, unless it was answered meanwhile. */
static void withdraw(struct area *area, struct note *note)
{
	balloon_lock_acquire(&area->mark_lock);
	struct note **link = &area->notes;
	while (BALLOON_READ(*link) && BALLOON_READ(*link) != note)
		link = &(*link)->next;
	if (BALLOON_READ(*link))
		BALLOON_WRITE(*link, note->next);
	balloon_lock_release(&area->mark_lock);
}

/* Wait for the leak that the note is on. */
static int join(struct balloon_driver *driver, struct note *note)
{
	struct area *area = area_of(driver);
	uint64_t deadline_ns = balloon_platform_now_ns() + driver->config.host_timeout_ns;
	for (;;) {
		uint32_t seen = balloon_event_seen(&area->done);
		if (is_done(area, note) || balloon_platform_now_ns() >= deadline_ns)
			break;
		balloon_event_wait(&area->done, seen, deadline_ns);
	}
	withdraw(area, note);
	return note->is_done ? note->result : -EBUSY;
}

/* ---- Fill and leak --------------------------------------------------------------------------- */

static int fill(struct balloon_driver *driver, struct balloon_batch *batch, uint32_t n_pages)
{
	int result = balloon_driver_allocate(driver, batch, n_pages);
	if (result < 0)
		return result;
	return balloon_driver_settle(driver, batch,
		balloon_driver_tell_under(driver, batch, &area_of(driver)->inflate_lock));
}

static int leak_batch(struct balloon_driver *driver, struct balloon_batch *batch, uint32_t n_pages)
{
	int result = balloon_driver_dequeue(driver, batch, n_pages);
	if (result <= 0)
		return result;
	return balloon_driver_settle(driver, batch,
		balloon_driver_tell_under(driver, batch, &area_of(driver)->deflate_lock));
}

static int leak(struct balloon_driver *driver, struct balloon_batch *batch, uint32_t n_pages)
{
	bool is_ours = claim(area_of(driver), NULL);
	int result = leak_batch(driver, batch, n_pages);
	if (is_ours)
		unclaim(area_of(driver), result);
	return result;
}

static int relieve(struct balloon_driver *driver, struct balloon_batch *batch, uint32_t n_pages)
{
	struct note note = {NULL, false, 0};
	int result = balloon_driver_reclaim(driver, batch, n_pages);
	if (result > 0)
		return result;
	if (!claim(area_of(driver), &note))
		return join(driver, &note);
	result = leak_batch(driver, batch, n_pages);
	unclaim(area_of(driver), result);
	return result;
}

BALLOON_LOCK_INTERNALS static int migrate_begin(struct balloon_driver *driver)
{
	if (!balloon_driver_trylock(driver, &area_of(driver)->inflate_lock))
		return -EAGAIN;
	if (balloon_driver_trylock(driver, &area_of(driver)->deflate_lock))
		return 0;
	balloon_lock_release(&area_of(driver)->inflate_lock);
	return -EAGAIN;
}

BALLOON_LOCK_INTERNALS static void migrate_end(struct balloon_driver *driver)
{
	balloon_lock_release(&area_of(driver)->deflate_lock);
	balloon_lock_release(&area_of(driver)->inflate_lock);
}

const struct balloon_driver_design balloon_driver_design_split_coalesce = {
	.abi = BALLOON_DRIVER_DESIGN_ABI,
	.name = "split-coalesce",
	.era = "sketched for Linux 4.15 (October 2017)",
	.relief = BALLOON_RELIEF_PROGRESS,
	.area_bytes = sizeof(struct area),
	.init = init,
	.fini = fini,
	.fill = fill,
	.leak = leak,
	.relieve = relieve,
	.migrate_begin = migrate_begin,
	.migrate_end = migrate_end,
};
