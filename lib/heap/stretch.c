/* SPDX-License-Identifier: MIT */
/*
 * Allocation by range, as a kernel's contiguous allocator does it.
 *
 * A stretch that nobody has but the balloon is reserved in the zone, then what the balloon has of it is taken
 * out: moved to frames that are free elsewhere, if there are enough, else deflated. What was free in it, and
 * what becomes free, is kept for the call that reserved it. So an allocation costs the balloon its own size
 * at most.
 *
 * A page of it that is in use, isolated, refused by the host or with it: then the stretch is given up for
 * another one. All are tried, and again as long as such a round made the balloon smaller, or added to
 * the host's refusals, or others were faster. That there is none is believed only if nobody moved a page while
 * it was looked for: what is between the balloon and the source is in neither.
 */
#include "heap/shortage.h"
#include "heap/stretch.h"

#define NO_PAGE UINT32_MAX

enum {
	LOOK_PAGES = 512, /* at a time: the zone's lock is not held for longer */
	REQUEST_PAGES = 256,
	MOVE_PAGES = 32, /* at once; no more than BALLOON_MIGRATE_MAX */
};

/* ---- Finding one ----------------------------------------------------------------------------- */

static uint32_t align_up(uint32_t at, uint32_t align)
{
	return (at + (align - 1)) & ~(align - 1);
}

/* The page of the map that a frame lies in, and its first frame. */
static struct balloon_page unit_of(const struct balloon_heap *heap, uint32_t frame)
{
	return balloon_page(frame >> heap->unit_order);
}

static uint32_t frame_of(const struct balloon_heap *heap, struct balloon_page unit)
{
	return unit.index << heap->unit_order;
}

/* Without a driver nothing is to be had of a balloon. In a child of fork() the map goes on to say that the pages
 * of its parent's balloon are there, when it has long taken them (fork.c). */
static bool is_ballooned(const struct balloon_heap *heap, uint32_t frame)
{
	return heap->driver && balloon_page_is_candidate(heap->map, unit_of(heap, frame));
}

/* A search for a place. */
struct search {
	const struct balloon_heap *heap;
	uint32_t n_wanted;
	uint32_t align;
	uint32_t
		begin; /* of the run that is being followed: all is free or ballooned from there on */
	uint32_t best; /* the first page of the shortest run that is long enough; NO_PAGE */
	uint32_t best_pages;
};

/* The run ends before `end`. Of those that are long enough the shortest is taken: long ones are kept for
 * allocations that need them. */
static void end_run(struct search *search, uint32_t end)
{
	uint32_t n = end > search->begin ? end - search->begin : 0;
	if (n >= search->n_wanted && n < search->best_pages) {
		search->best = search->begin;
		search->best_pages = n;
	}
	search->begin = align_up(end + 1, search->align);
}

/* Follow n pages from `at` on. */
static void follow(struct search *search, const uint64_t *free_bits, uint32_t at, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		bool is_free = free_bits[i / 64] >> i % 64 & 1;
		if (!is_free && !is_ballooned(search->heap, at + i))
			end_run(search, at + i);
	}
}

/* A stretch from `from` on of which nobody has a frame but the balloon: its first page, or NO_PAGE, and in
 * *n_pages how long it is. Once there is one, so many pages more are looked at for a shorter one. */
static uint32_t find(const struct balloon_heap *heap, uint32_t n_wanted, uint32_t align,
	uint32_t from, uint32_t *n_pages)
{
	enum { LOOK_MAX = 1 << 18 };
	struct balloon_frames *frames = balloon_zone_frames(heap->zone);
	uint32_t end = balloon_memmap_n_pages(heap->map) << heap->unit_order;
	uint64_t free_bits[LOOK_PAGES / 64];
	struct search search = {.heap = heap,
		.n_wanted = n_wanted,
		.align = align,
		.begin = align_up(from, align),
		.best = NO_PAGE,
		.best_pages = NO_PAGE};
	uint32_t n_more = LOOK_MAX;
	for (uint32_t at = from; at < end && n_more > 0; at += LOOK_PAGES) {
		uint32_t n = end - at < LOOK_PAGES ? end - at : LOOK_PAGES;
		frames->ops->which_free(frames, at, n, free_bits);
		follow(&search, free_bits, at, n);
		if (search.best != NO_PAGE)
			n_more -= LOOK_PAGES;
		if (end - at <= LOOK_PAGES)
			end_run(&search, end);
	}
	*n_pages = search.best_pages;
	return search.best;
}

/* ---- Moving what the balloon has of it ------------------------------------------------------- */

/* Isolate up to n of the pages that the frames from *at to end - 1 lie in. Returns how many. */
static uint32_t isolate(struct balloon_heap *heap, uint32_t *at, uint32_t end,
	struct balloon_page *pages, uint32_t n)
{
	uint32_t n_isolated = 0;
	struct balloon_page page = unit_of(heap, *at);
	for (; *at < end && n_isolated < n; page.index++, *at = frame_of(heap, page))
		if (balloon_page_is_candidate(heap->map, page) &&
			balloon_page_isolate(heap->map, page) == 0)
			pages[n_isolated++] = page;
	return n_isolated;
}

static void put_back(struct balloon_heap *heap, const struct balloon_page *pages, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		balloon_page_putback(heap->map, pages[i]);
}

/* What is not the driver's after a migration is given back. Returns how many pages left the stretch. */
static uint32_t finish(struct balloon_heap *heap, const struct balloon_page *new_pages,
	const struct balloon_page *old_pages, uint32_t n, const uint8_t *outcomes)
{
	struct balloon_frames *frames = heap_units(heap);
	uint32_t n_gone = 0;
	for (uint32_t i = 0; i < n; i++) {
		if (!(outcomes[i] & BALLOON_MIGRATED_TOOK_NEW))
			frames->ops->free(frames, &new_pages[i], 1);
		if (outcomes[i] & BALLOON_MIGRATED_KEPT_OLD)
			put_back(heap, &old_pages[i], 1);
		if (outcomes[i] & BALLOON_MIGRATED_GAVE_OLD) {
			frames->ops->free(frames, &old_pages[i], 1);
			n_gone++;
		}
	}
	return n_gone;
}

/* Move up to one migration's worth of the pages from *at on. Returns how many left the stretch, or an error. Out of
 * line: its pages are on the stack no longer than it needs them. */
__attribute__((noinline)) static int move(
	struct balloon_heap *heap, const struct shortage *shortage, uint32_t *at, uint32_t end)
{
	struct balloon_frames *frames = heap_units(heap);
	struct balloon_page old_pages[MOVE_PAGES];
	struct balloon_page new_pages[MOVE_PAGES];
	uint8_t outcomes[MOVE_PAGES];
	uint32_t max = balloon_driver_migrate_max(heap->driver);
	uint32_t n = isolate(heap, at, end, old_pages, max < MOVE_PAGES ? max : MOVE_PAGES);
	if (n == 0)
		return 0;
	int got = frames->ops->allocate(frames, new_pages, n, 0);
	uint32_t n_pairs = got > 0 ? (uint32_t)got : 0;
	put_back(heap, old_pages + n_pairs, n - n_pairs);
	if (n_pairs < n)
		*at = frame_of(heap, old_pages[n_pairs]);
	if (n_pairs == 0)
		return -ENOMEM;
	int result = balloon_driver_migrate_until(
		heap->driver, new_pages, old_pages, n_pairs, outcomes, shortage->until_ns);
	uint32_t n_gone = finish(heap, new_pages, old_pages, n_pairs, outcomes);
	heap_count(heap, &heap->n_moved, n_gone);
	if (result == -EBUSY || result == -EAGAIN)
		*at = frame_of(heap, old_pages[0]);
	return n_gone > 0 ? (int)n_gone : result;
}

/* ---- Deflating it ---------------------------------------------------------------------------- */

static int deflate(struct balloon_heap *heap, uint32_t *at, uint32_t end)
{
	struct balloon_page first = unit_of(heap, *at);
	uint32_t n = unit_of(heap, end - 1).index + 1 - first.index;
	n = n < REQUEST_PAGES ? n : REQUEST_PAGES;
	int result = balloon_driver_relieve_range(heap->driver, first, n);
	balloon_lock_acquire(&heap->lock);
	BALLOON_ADD(heap->n_reliefs, 1);
	if (result > 0)
		BALLOON_ADD(heap->n_relieved, (uint64_t)result);
	balloon_lock_release(&heap->lock);
	if (result == 0)
		*at = frame_of(heap, balloon_page(first.index + n));
	return result;
}

/* ---- Clearing one ---------------------------------------------------------------------------- */

uint64_t balloon_shortage_n_free(struct balloon_heap *heap)
{
	struct balloon_frames *frames = balloon_zone_frames(heap->zone);
	return frames->ops->n_free(frames);
}

/* One request's worth of the stretch from *at on; what lies before has been tried. Returns how many frames
 * came, 0, or an error. */
static int clear_some(struct balloon_heap *heap, struct shortage *shortage, uint32_t n_missing,
	uint32_t *at, uint32_t end)
{
	uint64_t n_elsewhere =
		balloon_shortage_n_free(heap); /* of the stretch, none is free: they are kept */
	if (n_elsewhere >= n_missing) {
		int result = move(heap, shortage, at, end);
		if (result != -ENOMEM) /* a fill was faster */
			return result;
	}
	return deflate(heap, at, end);
}

/* Where to look for the next stretch: after a page that looks as if it could be had, and could not. */
static uint32_t after_obstacle(const struct balloon_heap *heap, const struct shortage *shortage)
{
	uint32_t first = shortage->stretch.first.index;
	for (uint32_t at = first + shortage->stretch.n_frames; at > first; at--)
		if (is_ballooned(heap, at - 1))
			return frame_of(heap, balloon_page(unit_of(heap, at - 1).index + 1));
	return first;
}

/* Make the reserved stretch free. Returns 1; 0: it is not to be had, or others were faster; or an error of the
 * driver that holds for any stretch. */
static int clear(struct balloon_heap *heap, struct shortage *shortage)
{
	uint32_t at = shortage->stretch.first.index;
	uint32_t end = at + shortage->stretch.n_frames;
	for (;;) {
		int n_missing = balloon_zone_missing(heap->zone, &shortage->stretch);
		if (n_missing == 0)
			return 1;
		if (at >= end || !heap->driver)
			return 0;
		int result = clear_some(heap, shortage, (uint32_t)n_missing, &at, end);
		if (result > 0) {
			shortage->has_progress = true;
		} else if (result == -EBUSY || result == -EAGAIN) {
			shortage->is_busy = true;
			if (balloon_platform_now_ns() >= shortage->until_ns)
				return 0;
			balloon_shortage_nap(shortage);
		} else if (result == -EIO || result == -ETIMEDOUT) {
			return 0; /* set aside, or with the host: a page that is not to be had */
		} else if (result < 0) {
			return result;
		}
	}
}

/* ---- What is on its way ---------------------------------------------------------------------- */

/* What moves frames beside this call: requests of the driver's, who isolates pages, and stretches of other calls,
 * which may not want all of theirs. */
struct traffic {
	bool is_under_way;
	uint64_t n_ended; /* the sum of what was under way; it never falls */
	uint64_t n_ready; /* frames that wait for the host, or are kept back: had without it */
};

/* Refusals of the host that are kept. */
static uint32_t n_refusals(struct balloon_heap *heap)
{
	int n = heap->driver ? balloon_driver_refusals(heap->driver, NULL, 0) : 0;
	return n > 0 ? (uint32_t)n : 0;
}

/* Not inline: what it asks for is large, and lies in nobody else's stack frame. */
__attribute__((noinline)) static void look_at_driver(
	struct balloon_heap *heap, struct traffic *traffic)
{
	struct balloon_driver_progress progress;
	struct balloon_device_stats stats;
	if (!heap->driver || balloon_driver_progress(heap->driver, &progress) < 0 ||
		balloon_device_stats(balloon_driver_device(heap->driver), &stats) < 0 ||
		progress.state == BALLOON_DRIVER_STOPPED || progress.host_error < 0)
		return;
	traffic->n_ready = progress.n_set_aside + progress.n_pending;
	traffic->n_ended += progress.n_ended + stats.n_isolates;
	traffic->is_under_way |= progress.n_requests > 0 || traffic->n_ready > 0 ||
				 stats.n_isolated > n_refusals(heap);
}

static struct traffic look(struct balloon_heap *heap)
{
	/* In this order: one that ends in between is seen as under way. */
	uint32_t n_ended = balloon_atomic_load(&heap->n_stretches_ended, BALLOON_RELAXED);
	uint32_t n_begun = balloon_atomic_load(&heap->n_stretches_begun, BALLOON_RELAXED);
	struct traffic traffic = {.is_under_way = n_begun != n_ended, .n_ended = n_ended};
	look_at_driver(heap, &traffic);
	return traffic;
}

/* No stretch is there. May there be another one? before: from before the search for one. */
static bool wait_for_more(
	struct balloon_heap *heap, struct shortage *shortage, const struct traffic *before)
{
	const struct traffic after = look(heap);
	bool is_quiet = !before->is_under_way && !after.is_under_way &&
			before->n_ended == after.n_ended && !shortage->is_busy;
	if (after.n_ready > 0 &&
		balloon_driver_relieve(heap->driver, (uint32_t)after.n_ready, NULL) > 0)
		return true;
	if (!is_quiet)
		balloon_shortage_nap(shortage);
	return !is_quiet;
}

/* ---- One after the other --------------------------------------------------------------------- */

/* Reserve the stretch at `at`. Counted first: who sees that its frames are not free sees why. */
static bool reserve(
	struct balloon_heap *heap, struct shortage *shortage, uint32_t at, uint32_t n_frames)
{
	balloon_atomic_add(&heap->n_stretches_begun, 1, BALLOON_RELAXED);
	if (balloon_zone_reserve(heap->zone, &shortage->stretch, balloon_page(at), n_frames) == 0)
		return true;
	balloon_atomic_add(&heap->n_stretches_ended, 1, BALLOON_RELAXED);
	return false;
}

/* Reserve and clear the stretch at `at`. Returns as clear(); *from: where to look for the next one. */
static int try_stretch(struct balloon_heap *heap, struct shortage *shortage, uint32_t at,
	uint32_t n_frames, uint32_t *from)
{
	if (!reserve(heap, shortage, at, n_frames)) { /* another call is at some of it */
		shortage->is_busy = true;
		*from = at + n_frames;
		return 0;
	}
	uint32_t n_refused = n_refusals(heap);
	int result = clear(heap, shortage);
	if (result > 0)
		return result;
	shortage->has_progress |= n_refusals(heap) > n_refused;
	*from = after_obstacle(heap, shortage);
	shortage->is_busy |= *from == at; /* what looked as if it could be had is not there */
	balloon_zone_unreserve(heap->zone, &shortage->stretch);
	balloon_atomic_add(&heap->n_stretches_ended, 1, BALLOON_RELAXED);
	return result;
}

bool balloon_shortage_clear_stretch(
	struct balloon_heap *heap, struct shortage *shortage, uint32_t n_frames, uint32_t n_liked)
{
	uint32_t from = 0;
	shortage->has_progress = false;
	shortage->is_busy = false;
	for (;;) {
		uint32_t n = 0;
		const struct traffic before = look(heap);
		uint32_t at = find(heap, n_frames, shortage->align_frames, from, &n);
		int result = 0;
		if (at != NO_PAGE)
			result = try_stretch(heap, shortage, at, n < n_liked ? n : n_liked, &from);
		if (result != 0)
			return result > 0;
		if (balloon_platform_now_ns() >= shortage->until_ns)
			return false;
		if (at != NO_PAGE)
			continue;
		if (!shortage->has_progress && !wait_for_more(heap, shortage, &before))
			return false;
		from = 0;
		shortage->has_progress = false;
		shortage->is_busy = false;
	}
}
