/* SPDX-License-Identifier: MIT */
/*
 * Migration: the host is told about both pages, then they are swapped.
 *
 * Two batches, one to inflate the new pages and one to deflate the old ones, are submitted together and
 * waited for together. Each page is then accepted, refused, or unanswered; what becomes of a pair
 * follows from the two (outcome_of() is the whole table). An unanswered batch goes on as any other late
 * one: the driver owns its pages until the answer comes.
 *
 * The old pages are isolated by the caller all the while, so nobody else touches them.
 */
#include "driver/parts.h"

/* What the host said of a page. */
enum verdict { ACCEPTED, REFUSED, UNANSWERED };

struct migration {
	struct balloon_driver *driver;
	struct balloon_batch *in;
	struct balloon_batch *out;
	const struct balloon_page *new_pages;
	const struct balloon_page *old_pages;
	uint32_t n_pages;
	uint8_t *outcomes;
};

static enum verdict verdict_of(const struct balloon_batch *batch, struct balloon_page page)
{
	if (batch->answer == BALLOON_BATCH_UNANSWERED)
		return UNANSWERED;
	return balloon_request_did(&batch->request, page) ? ACCEPTED : REFUSED;
}

/*
 *   new page    old page     new is          old
 *   accepted    accepted     the driver's    is the caller's
 *   accepted    refused      the driver's    goes into quarantine
 *   accepted    unanswered   the driver's    is with the host
 *   refused     accepted     the caller's    is the caller's: the balloon shrinks
 *   refused     refused      the caller's    stays isolated: nothing changed
 *   refused     unanswered   the caller's    is with the host
 *   unanswered  accepted     with the host   is the caller's
 *   unanswered  refused      with the host   stays isolated
 *   unanswered  unanswered   with the host   is with the host
 */
static uint8_t outcome_of(enum verdict new_page, enum verdict old_page)
{
	uint8_t outcome = new_page == REFUSED ? 0 : BALLOON_MIGRATED_TOOK_NEW;
	if (old_page == ACCEPTED)
		outcome |= BALLOON_MIGRATED_GAVE_OLD;
	if (old_page == REFUSED && new_page != ACCEPTED)
		outcome |= BALLOON_MIGRATED_KEPT_OLD;
	return outcome;
}

/* ---- Telling --------------------------------------------------------------------------------- */

/* Are these pages that can be swapped? The caller has isolated the old ones, so the answer stays. */
static int check_pages(const struct migration *m)
{
	struct balloon_memmap *map = m->driver->config.map;
	for (uint32_t i = 0; i < m->n_pages; i++) {
		if (m->new_pages[i].index >= balloon_memmap_n_pages(map) ||
			m->old_pages[i].index >= balloon_memmap_n_pages(map))
			return -ERANGE;
		if (balloon_page_device(map, m->new_pages[i]) ||
			balloon_page_is_candidate(map, m->new_pages[i]))
			return -EEXIST; /* isolated, or listed */
		struct balloon_device *device = balloon_page_device(map, m->old_pages[i]);
		if (device != m->driver->device)
			return device ? -EXDEV : -ESTALE;
	}
	return 0;
}

static int prepare(struct balloon_batch *batch, enum balloon_request_kind kind,
	const struct balloon_page *pages, uint32_t n_pages)
{
	batch->kind = kind;
	batch->n_pages = n_pages;
	for (uint32_t i = 0; i < n_pages; i++)
		batch->request.pages[i] = pages[i];
	return balloon_request_prepare(&batch->request, kind, n_pages); /* -EINVAL: a page twice */
}

/*
 * Ask the host for both. An error: it was told nothing. If only the second request could not be
 * submitted, that is as good as refused.
 */
static int tell(const struct migration *m)
{
	struct balloon_driver *driver = m->driver;
	int result = driver_submit(driver, m->in);
	if (result < 0)
		return result;
	driver_move(driver, m->n_pages, BALLOON_PLACE_OUTSIDE, BALLOON_PLACE_INFLATING);
	driver_move(driver, m->n_pages, BALLOON_PLACE_ENQUEUED, BALLOON_PLACE_DEFLATING);
	bool is_out = driver_submit(driver, m->out) == 0;
	if (!is_out) {
		m->out->answer = BALLOON_BATCH_ANSWERED;
		m->out->request.n_done = 0;
	}
	uint64_t deadline_ns = balloon_platform_now_ns() + driver->config.host_timeout_ns;
	driver_await(driver, m->in, deadline_ns);
	if (is_out)
		driver_await(driver, m->out, deadline_ns);
	return 0;
}

/* ---- Booking what the host said -------------------------------------------------------------- */

/* The new pages that were accepted are entered by swapping; those refused are the caller's. */
static void book_in(const struct migration *m)
{
	if (m->in->answer == BALLOON_BATCH_UNANSWERED)
		return;
	uint32_t n_done = m->in->request.n_done;
	m->in->answer = BALLOON_BATCH_BOOKED;
	driver_acknowledge(m->driver, m->in->request.pages, n_done, -1);
	driver_move(m->driver, n_done, BALLOON_PLACE_INFLATING, BALLOON_PLACE_ENQUEUED);
	driver_move(m->driver, m->n_pages - n_done, BALLOON_PLACE_INFLATING, BALLOON_PLACE_OUTSIDE);
}

static void book_out(const struct migration *m)
{
	uint32_t n_quarantined = 0;
	uint32_t n_kept = 0;
	if (m->out->answer == BALLOON_BATCH_UNANSWERED)
		return;
	m->out->answer = BALLOON_BATCH_BOOKED;
	for (uint32_t i = 0; i < m->n_pages; i++) {
		bool is_refused = !(m->outcomes[i] & BALLOON_MIGRATED_GAVE_OLD);
		n_kept += is_refused && (m->outcomes[i] & BALLOON_MIGRATED_KEPT_OLD);
		n_quarantined += is_refused && !(m->outcomes[i] & BALLOON_MIGRATED_KEPT_OLD);
	}
	uint32_t n_done = m->n_pages - n_kept - n_quarantined;
	driver_acknowledge(m->driver, m->out->request.pages, n_done, +1);
	driver_move(m->driver, n_done, BALLOON_PLACE_DEFLATING, BALLOON_PLACE_OUTSIDE);
	driver_move(m->driver, n_kept, BALLOON_PLACE_DEFLATING, BALLOON_PLACE_ENQUEUED);
	driver_move(m->driver, n_quarantined, BALLOON_PLACE_DEFLATING, BALLOON_PLACE_QUARANTINED);
}

static void count(const struct migration *m, uint32_t n_swapped)
{
	struct balloon_driver_books *books = driver_books(m->driver);
	BALLOON_BOOK(books->progress.n_migrated, n_swapped);
	if (m->in->answer != BALLOON_BATCH_UNANSWERED && m->in->request.n_done < m->n_pages)
		BALLOON_BOOK(books->progress.n_refused, 1);
	if (m->out->answer != BALLOON_BATCH_UNANSWERED && m->out->request.n_done < m->n_pages)
		BALLOON_BOOK(books->progress.n_refused, 1);
	driver_books_close(m->driver);
}

/* ---- Swapping -------------------------------------------------------------------------------- */

/*
 * Both memberships change in one critical section. If a scanner keeps a new page locked for as long as
 * a host may take, the old page leaves alone and the new one is entered with the late batches.
 */
static void swap(const struct migration *m, const struct balloon_page *new_pages,
	const struct balloon_page *old_pages, uint32_t n)
{
	struct balloon_driver *driver = m->driver;
	uint64_t deadline_ns = balloon_platform_now_ns() + driver->config.host_timeout_ns;
	uint32_t n_done = 0;
	while (n_done < n && balloon_platform_now_ns() < deadline_ns) {
		int done = balloon_pages_migrate(
			driver->device, new_pages + n_done, old_pages + n_done, n - n_done);
		if (done > 0)
			n_done += (uint32_t)done;
		else
			driver_nap(driver);
	}
	for (uint32_t i = n_done; i < n; i++) {
		balloon_page_finalize(driver->device, old_pages[i]);
		m->in->request.pages[m->in->end_insert++] = new_pages[i];
	}
}

/* Every old page that is not kept ends its membership, by swapping if the new one was accepted. */
static uint32_t swap_accepted(const struct migration *m)
{
	struct balloon_page new_pages[BALLOON_MIGRATE_MAX];
	struct balloon_page old_pages[BALLOON_MIGRATE_MAX];
	uint32_t n = 0;
	for (uint32_t i = 0; i < m->n_pages; i++) {
		if (verdict_of(m->in, m->new_pages[i]) == ACCEPTED) {
			new_pages[n] = m->new_pages[i];
			old_pages[n++] = m->old_pages[i];
		} else if (!(m->outcomes[i] & BALLOON_MIGRATED_KEPT_OLD)) {
			balloon_page_finalize(m->driver->device, m->old_pages[i]);
		}
	}
	swap(m, new_pages, old_pages, n);
	return n;
}

/* Old pages that the host keeps although they were replaced. */
static void quarantine(const struct migration *m)
{
	struct balloon_batch *out = m->out;
	if (out->answer == BALLOON_BATCH_UNANSWERED)
		return;
	out->home = m->driver->quarantine;
	for (uint32_t i = 0; i < m->n_pages; i++)
		if (m->outcomes[i] == BALLOON_MIGRATED_TOOK_NEW)
			out->request.pages[out->end_insert++] = m->old_pages[i];
	driver_insert(m->driver, out, m->driver->quarantine);
}

/* Returns how many old pages are the caller's, or an error if nothing has changed. */
static int result_of(const struct migration *m)
{
	int n_given = 0;
	bool has_changed = false;
	for (uint32_t i = 0; i < m->n_pages; i++) {
		n_given += (m->outcomes[i] & BALLOON_MIGRATED_GAVE_OLD) != 0;
		has_changed |= m->outcomes[i] != BALLOON_MIGRATED_KEPT_OLD;
	}
	return has_changed ? n_given : m->in->request.error;
}

static int migrate(const struct migration *m)
{
	int result = prepare(m->in, BALLOON_REQUEST_INFLATE, m->new_pages, m->n_pages);
	if (result == 0)
		result = prepare(m->out, BALLOON_REQUEST_DEFLATE, m->old_pages, m->n_pages);
	if (result == 0)
		result = tell(m);
	if (result < 0)
		return result;
	for (uint32_t i = 0; i < m->n_pages; i++)
		m->outcomes[i] = outcome_of(
			verdict_of(m->in, m->new_pages[i]), verdict_of(m->out, m->old_pages[i]));
	m->out->home = m->driver->quarantine;
	book_in(m);
	book_out(m);
	uint32_t n_swapped = swap_accepted(m);
	count(m, n_swapped);
	result = result_of(m);
	quarantine(m);
	return result;
}

/* Both batches, under the design's locks. */
static int migrate_locked(struct migration *m)
{
	int result = m->driver->config.design->migrate_begin(m->driver);
	if (result < 0)
		return result;
	m->in = driver_take_batch(m->driver, false);
	m->out = m->in ? driver_take_batch(m->driver, false) : NULL;
	result = m->out ? migrate(m) : -EAGAIN;
	if (m->in)
		driver_give_batch(m->driver, m->in);
	if (m->out)
		driver_give_batch(m->driver, m->out);
	m->driver->config.design->migrate_end(m->driver);
	return result;
}

uint32_t balloon_driver_migrate_max(const struct balloon_driver *driver)
{
	if (!driver)
		return 0;
	return driver->config.request_pages < BALLOON_MIGRATE_MAX ? driver->config.request_pages
								  : BALLOON_MIGRATE_MAX;
}

int balloon_driver_migrate(struct balloon_driver *driver, const struct balloon_page *new_pages,
	const struct balloon_page *old_pages, uint32_t n_pages, uint8_t *outcomes)
{
	struct migration m = {driver, NULL, NULL, new_pages, old_pages, n_pages, outcomes};
	if (!driver || !new_pages || !old_pages || !outcomes || n_pages == 0 ||
		n_pages > balloon_driver_migrate_max(driver))
		return -EINVAL;
	for (uint32_t i = 0; i < n_pages; i++)
		outcomes[i] = BALLOON_MIGRATED_KEPT_OLD;
	int result = driver_enter(driver);
	if (result < 0)
		return result;
	result = check_pages(&m);
	if (result == 0)
		result = migrate_locked(&m);
	return driver_leave(driver, result);
}
