/* SPDX-License-Identifier: MIT */
/*
 * The life of a batch: taken, filled with pages, told to the host, settled, given back.
 *
 * A batch is one thread's from take to give. What cannot be settled then (the host did not answer in
 * time, a page could not be inserted just now) is late: nobody's, and every call that begins looks
 * whether it can be settled now. So an answer that comes after the deadline loses nothing.
 */
#include "driver/parts.h"

/* ---- Taking and giving ----------------------------------------------------------------------- */

static void empty(struct balloon_driver *driver, struct balloon_batch *batch)
{
	batch->n_pages = 0;
	batch->n_claimed = 0;
	batch->answer = BALLOON_BATCH_UNTOLD;
	batch->home = driver->device;
	batch->first_insert = 0;
	batch->end_insert = 0;
}

struct balloon_batch *driver_take_batch(struct balloon_driver *driver, bool is_relief)
{
	struct balloon_batch *found = NULL;
	driver_books(driver);
	for (uint32_t i = 0; i < driver->n_batches && !found; i++) {
		struct balloon_batch *batch = &driver->batches[i];
		if (BALLOON_READ(batch->phase) == BALLOON_BATCH_FREE &&
			(is_relief || !batch->is_relief))
			found = batch;
	}
	if (found) {
		BALLOON_WRITE(found->phase, BALLOON_BATCH_HELD);
		empty(driver, found);
		found->is_for_relief = is_relief;
	}
	driver_books_close(driver);
	return found;
}

static bool is_settled(const struct balloon_batch *batch)
{
	return batch->answer != BALLOON_BATCH_UNANSWERED &&
	       batch->first_insert == batch->end_insert;
}

static void count_overdue(
	struct balloon_driver_books *books, struct balloon_batch *batch, bool is_overdue)
{
	if (is_overdue && !batch->is_overdue) {
		BALLOON_BOOK(books->progress.n_overdue, 1);
		BALLOON_BOOK(books->progress.n_timeouts, 1);
	}
	if (!is_overdue && batch->is_overdue)
		BALLOON_BOOK(books->progress.n_overdue, -UINT64_C(1));
	batch->is_overdue = is_overdue;
}

static void unclaim(struct balloon_driver_books *books, struct balloon_batch *batch, uint32_t n)
{
	uint32_t n_released = n < batch->n_claimed ? n : batch->n_claimed;
	if (batch->kind == BALLOON_REQUEST_INFLATE)
		BALLOON_BOOK(books->n_claimed_in, -(uint64_t)n_released);
	else
		BALLOON_BOOK(books->n_claimed_out, -(uint64_t)n_released);
	batch->n_claimed -= n_released;
}

void driver_give_batch(struct balloon_driver *driver, struct balloon_batch *batch)
{
	struct balloon_driver_books *books = driver_books(driver);
	bool is_done = is_settled(batch);
	unclaim(books, batch, batch->n_claimed);
	count_overdue(books, batch, batch->answer == BALLOON_BATCH_UNANSWERED);
	BALLOON_BOOK(books->n_late, is_done ? 0u : 1u);
	BALLOON_WRITE(batch->phase, is_done ? BALLOON_BATCH_FREE : BALLOON_BATCH_LATE);
	driver_books_close(driver);
}

/* ---- Filling --------------------------------------------------------------------------------- */

/* The floor: how many of n frames fills may take. */
static uint32_t above_floor(const struct balloon_driver *driver, uint32_t n)
{
	struct balloon_frames *frames = driver->config.frames;
	if (!frames->ops->n_free)
		return n;
	uint64_t n_free = frames->ops->n_free(frames);
	uint64_t n_above =
		n_free > driver->config.floor_pages ? n_free - driver->config.floor_pages : 0;
	return n_above < n ? (uint32_t)n_above : n;
}

/* Relief may have taken pages since `begin`: close up. The books see them from here on. */
static uint32_t show_pending(struct balloon_driver *driver, struct balloon_batch *batch,
	uint32_t begin, uint32_t n_pages)
{
	struct balloon_page *pages = batch->request.pages;
	struct balloon_driver_books *books = driver_books(driver);
	uint32_t at = BALLOON_READ(batch->n_pages);
	if (at < begin)
		for (uint32_t i = 0; i < n_pages; i++)
			BALLOON_WRITE(pages[at + i], pages[begin + i]);
	BALLOON_WRITE(batch->n_pages, at + n_pages);
	BALLOON_WRITE(batch->phase, BALLOON_BATCH_PENDING);
	books_move(books, n_pages, BALLOON_PLACE_OUTSIDE, BALLOON_PLACE_PENDING);
	unclaim(books, batch, n_pages);
	driver_books_close(driver);
	return at + n_pages;
}

int balloon_driver_allocate(
	struct balloon_driver *driver, struct balloon_batch *batch, uint32_t n_wanted)
{
	struct balloon_frames *frames = driver->config.frames;
	uint32_t n = above_floor(driver, n_wanted);
	uint32_t n_had = 0;
	batch->kind = BALLOON_REQUEST_INFLATE;
	/* Memory may run out meanwhile: then what is there has to do. */
	while (n_had < n && !driver_is_held_off(driver)) {
		int got = frames->ops->allocate(frames, batch->request.pages + n_had, n - n_had);
		if (got <= 0)
			break;
		n_had = show_pending(driver, batch, n_had, (uint32_t)got);
	}
	if (n_had > 0)
		return (int)n_had;
	driver_count(driver, &driver->books.progress.n_allocation_failures, 1);
	driver_hold_off(driver, driver->config.allocation_backoff_ns);
	return -ENOMEM;
}

int balloon_driver_dequeue(
	struct balloon_driver *driver, struct balloon_batch *batch, uint32_t n_wanted)
{
	batch->kind = BALLOON_REQUEST_DEFLATE;
	int n = balloon_pages_dequeue(driver->device, batch->request.pages, n_wanted);
	if (n <= 0)
		return n;
	batch->n_pages = (uint32_t)n;
	struct balloon_driver_books *books = driver_books(driver);
	books_move(books, batch->n_pages, BALLOON_PLACE_ENQUEUED, BALLOON_PLACE_DEFLATING);
	unclaim(books, batch, batch->n_pages);
	driver_books_close(driver);
	return n;
}

/* ---- Telling --------------------------------------------------------------------------------- */

/* Take a batch out of what relief can see. Returns how many pages it still has. */
static uint32_t seal(struct balloon_driver *driver, struct balloon_batch *batch)
{
	struct balloon_driver_books *books = driver_books(driver);
	if (BALLOON_READ(batch->phase) == BALLOON_BATCH_PENDING) {
		BALLOON_WRITE(batch->phase, BALLOON_BATCH_HELD);
		books_move(books, BALLOON_READ(batch->n_pages), BALLOON_PLACE_PENDING,
			BALLOON_PLACE_INFLATING);
	}
	uint32_t n_pages = BALLOON_READ(batch->n_pages);
	driver_books_close(driver);
	return n_pages;
}

/* A source may hand out what is no page of the map, or a page twice: the host is not bothered. */
int driver_submit(struct balloon_driver *driver, struct balloon_batch *batch)
{
	int result = balloon_request_prepare(&batch->request, batch->kind, batch->n_pages);
	if (result == 0 && batch->request.pages[batch->n_pages - 1].index >=
				   balloon_memmap_n_pages(driver->config.map))
		result = -ERANGE;
	batch->request.event = &driver->event;
	return result < 0 ? result
			  : balloon_request_submit(driver->config.channel, &batch->request);
}

int driver_await(struct balloon_driver *driver, struct balloon_batch *batch, uint64_t deadline_ns)
{
	int result = balloon_request_wait(driver->config.channel, &batch->request, deadline_ns);
	batch->answer = result < 0 ? BALLOON_BATCH_UNANSWERED : BALLOON_BATCH_ANSWERED;
	return result;
}

int balloon_driver_tell(struct balloon_driver *driver, struct balloon_batch *batch)
{
	if (seal(driver, batch) == 0)
		return -EAGAIN; /* relief was faster */
	int result = driver_submit(driver, batch);
	if (result == 0)
		result = driver_await(
			driver, batch, balloon_platform_now_ns() + driver->config.host_timeout_ns);
	if (result < 0)
		return result;
	return batch->request.n_done ? (int)batch->request.n_done : batch->request.error;
}

/* ---- Settling -------------------------------------------------------------------------------- */

void driver_acknowledge(struct balloon_driver *driver, const struct balloon_page *pages,
	uint32_t n_pages, int change)
{
	if (n_pages == 0)
		return;
	struct balloon_driver_books *books = driver_books(driver);
	BALLOON_BOOK(books->progress.n_acknowledged, change < 0 ? n_pages : -(uint64_t)n_pages);
	if (change < 0)
		BALLOON_BOOK(books->progress.n_inflated, n_pages);
	else
		BALLOON_BOOK(books->progress.n_deflated, n_pages);
	driver_books_close(driver);
	if (driver->config.account)
		driver->config.account(driver->config.account_context, pages, n_pages, change);
}

void driver_free(struct balloon_driver *driver, const struct balloon_page *pages, uint32_t n_pages)
{
	if (n_pages > 0)
		driver->config.frames->ops->free(driver->config.frames, pages, n_pages);
}

void driver_nap(struct balloon_driver *driver)
{
	enum { NAP_NS = 20000 };
	uint32_t seen = balloon_event_seen(&driver->event);
	balloon_event_wait(&driver->event, seen, balloon_platform_now_ns() + NAP_NS);
}

static void drop_page(struct balloon_driver *driver, const struct balloon_page *page,
	const struct balloon_device *device)
{
	driver_acknowledge(driver, page, 1, +1);
	driver_move(driver, 1,
		device == driver->device ? BALLOON_PLACE_ENQUEUED : BALLOON_PLACE_QUARANTINED,
		BALLOON_PLACE_OUTSIDE);
}

/*
 * A page whose lock a scanner with a stale view holds is tried again after a nap: the scanner needs it
 * for a few instructions. One that is in a balloon already was not the source's to give; it stays
 * where it is, and is counted there.
 */
void driver_insert(
	struct balloon_driver *driver, struct balloon_batch *batch, struct balloon_device *device)
{
	uint64_t deadline_ns = balloon_platform_now_ns() + driver->config.host_timeout_ns;
	while (batch->first_insert < batch->end_insert) {
		int n = balloon_pages_insert(device, batch->request.pages + batch->first_insert,
			batch->end_insert - batch->first_insert);
		if (n > 0) {
			batch->first_insert += (uint32_t)n;
		} else if (n != -EAGAIN) {
			drop_page(driver, batch->request.pages + batch->first_insert++, device);
		} else if (balloon_platform_now_ns() >= deadline_ns) {
			return;
		} else {
			driver_nap(driver);
		}
	}
}

/* What the host took goes into the balloon, the rest back to the source. */
static void book_inflated(
	struct balloon_driver *driver, struct balloon_batch *batch, uint32_t n_done)
{
	uint32_t n_left = batch->n_pages - n_done;
	driver_acknowledge(driver, batch->request.pages, n_done, -1);
	driver_move(driver, n_done, BALLOON_PLACE_INFLATING, BALLOON_PLACE_ENQUEUED);
	driver_free(driver, batch->request.pages + n_done, n_left);
	driver_move(driver, n_left, BALLOON_PLACE_INFLATING, BALLOON_PLACE_OUTSIDE);
	batch->first_insert = 0;
	batch->end_insert = n_done;
}

/* What the host gave back is free, the rest goes to where it is kept. */
static void book_deflated(
	struct balloon_driver *driver, struct balloon_batch *batch, uint32_t n_done)
{
	enum balloon_place home =
		batch->home == driver->device ? BALLOON_PLACE_ENQUEUED : BALLOON_PLACE_QUARANTINED;
	driver_acknowledge(driver, batch->request.pages, n_done, +1);
	driver_free(driver, batch->request.pages, n_done);
	driver_move(driver, n_done, BALLOON_PLACE_DEFLATING, BALLOON_PLACE_OUTSIDE);
	if (batch->is_for_relief)
		driver_count(driver, &driver->books.progress.n_relieved, n_done);
	driver_move(driver, batch->n_pages - n_done, BALLOON_PLACE_DEFLATING, home);
	batch->first_insert = n_done;
	batch->end_insert = batch->n_pages;
}

int balloon_driver_settle(struct balloon_driver *driver, struct balloon_batch *batch, int told)
{
	if (batch->answer == BALLOON_BATCH_UNANSWERED)
		return told;
	if (seal(driver, batch) == 0)
		return told;
	bool is_answered = batch->answer == BALLOON_BATCH_ANSWERED;
	uint32_t n_done = is_answered ? batch->request.n_done : 0;
	if (batch->answer != BALLOON_BATCH_BOOKED) {
		if (is_answered && n_done < batch->n_pages)
			driver_count(driver, &driver->books.progress.n_refused, 1);
		if (batch->kind == BALLOON_REQUEST_INFLATE)
			book_inflated(driver, batch, n_done);
		else
			book_deflated(driver, batch, n_done);
		batch->answer = BALLOON_BATCH_BOOKED;
	}
	driver_insert(driver, batch,
		batch->kind == BALLOON_REQUEST_INFLATE ? driver->device : batch->home);
	return told;
}

/* ---- Late batches ---------------------------------------------------------------------------- */

static bool claim_late(struct balloon_driver *driver, struct balloon_batch *batch)
{
	struct balloon_driver_books *books = driver_books(driver);
	bool is_ours = BALLOON_READ(batch->phase) == BALLOON_BATCH_LATE;
	if (is_ours) {
		BALLOON_WRITE(batch->phase, BALLOON_BATCH_HELD);
		BALLOON_BOOK(books->n_late, -1u);
	}
	driver_books_close(driver);
	return is_ours;
}

void driver_reap(struct balloon_driver *driver)
{
	struct balloon_channel *channel = driver->config.channel;
	balloon_channel_poll(channel);
	for (uint32_t i = 0; i < driver->n_batches; i++) {
		struct balloon_batch *batch = &driver->batches[i];
		if (!claim_late(driver, batch))
			continue;
		if (batch->answer == BALLOON_BATCH_UNANSWERED)
			driver_await(driver, batch, 0);
		balloon_driver_settle(driver, batch, 0);
		driver_give_batch(driver, batch);
	}
}

/* ---- What fills have in hand ----------------------------------------------------------------- */

int balloon_driver_reclaim(
	struct balloon_driver *driver, struct balloon_batch *to, uint32_t n_wanted)
{
	uint32_t n = 0;
	driver_books(driver);
	for (uint32_t i = 0; i < driver->n_batches; i++) {
		struct balloon_batch *from = &driver->batches[i];
		if (BALLOON_READ(from->phase) != BALLOON_BATCH_PENDING)
			continue;
		for (; n < n_wanted && BALLOON_READ(from->n_pages) > 0; n++) {
			BALLOON_BOOK(from->n_pages, -1u);
			to->request.pages[n] = from->request.pages[from->n_pages];
		}
	}
	driver_books_close(driver);
	driver_free(driver, to->request.pages, n);
	driver_move(driver, n, BALLOON_PLACE_PENDING, BALLOON_PLACE_OUTSIDE);
	driver_count(driver, &driver->books.progress.n_relieved, n);
	return (int)n;
}
