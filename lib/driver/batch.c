/* SPDX-License-Identifier: MIT */
/*
 * A request from its pages to its end, as life.h says: pages are got, the host is told, its answer is taken,
 * pages are moved where they belong.
 *
 * A request is one thread's while its state says that somebody is at it. While it is with the host and
 * nobody waits (LIFE_LEFT, LIFE_LATE), and while a page of it could not be entered (LIFE_UNSETTLED), it is
 * nobody's: every call that comes in, and every one that sleeps for anything but an answer of its own, a leak
 * that it joined, or the end of all calls, looks after such requests (driver_look_after()). So an answer that
 * comes after the deadline loses nothing.
 */
#include "driver/driver.h"

/* So many answers in a row that do nothing end a call: the host refuses everything. */
enum { REFUSALS_IN_A_ROW = 8 };

static const uint64_t nap_min_ns = 100000;    /* between two tries to enter a page that is locked */
static const uint64_t nap_max_ns = 100000000; /* doubled up to this */

static uint64_t times_two_to(uint64_t n, uint32_t power)
{
	return n > BALLOON_NEVER >> power ? BALLOON_NEVER : n << power;
}

static uint64_t nap_ns(uint32_t n_naps)
{
	return n_naps < 10 ? nap_min_ns << n_naps : nap_max_ns;
}

/* ---- Taking and giving back ------------------------------------------------------------------ */

static struct balloon_batch *take_from(struct driver_state *state, enum batch_pool pool)
{
	struct balloon_batch *batch = BALLOON_READ(state->free[pool]);
	if (batch)
		BALLOON_WRITE(state->free[pool], BALLOON_READ(batch->next_free));
	return batch;
}

struct balloon_batch *batch_take(
	struct driver_state *state, enum life_route route, uint32_t n_pages, bool may_reserve)
{
	struct balloon_batch *batch = NULL;
	if (route == ROUTE_NEW || route == ROUTE_OLD)
		batch = take_from(state, POOL_MIGRATION);
	if (!batch)
		batch = take_from(state, POOL_ANY);
	if (!batch && may_reserve)
		batch = take_from(state, POOL_RELIEF);
	if (!batch)
		return NULL;
	BALLOON_WRITE(batch->life.route, route);
	BALLOON_WRITE(batch->is_relief, false);
	BALLOON_WRITE(batch->is_retry, false);
	BALLOON_WRITE(batch->ends_call, false);
	BALLOON_WRITE(batch->n_pages, 0);
	BALLOON_WRITE(batch->first_insert, 0);
	BALLOON_WRITE(batch->end_insert, 0);
	BALLOON_WRITE(batch->n_naps, 0);
	BALLOON_WRITE(batch->n_moved, 0);
	BALLOON_WRITE(batch->error, 0);
	BALLOON_WRITE(batch->n_refusals, 0);
	life_step(&state->counts, &batch->life, LIFE_TAKE, n_pages);
	return batch;
}

static void put_free(struct driver_state *state, struct balloon_batch *batch)
{
	BALLOON_BOOK(state->n_ended, 1);
	BALLOON_WRITE(batch->next_free, BALLOON_READ(state->free[batch->pool]));
	BALLOON_WRITE(state->free[batch->pool], batch);
}

/* The call that owned the mark is over: so are those that joined it. */
static void unmark(struct driver_state *state, struct balloon_batch *batch, int result)
{
	if (!BALLOON_READ(batch->is_marked))
		return;
	struct relief_note *note = BALLOON_READ(state->notes);
	while (note) {
		struct relief_note *next = BALLOON_READ(note->next);
		BALLOON_WRITE(note->result, result);
		BALLOON_WRITE(note->is_done, true);
		note = next;
	}
	BALLOON_WRITE(state->notes, NULL);
	BALLOON_WRITE(state->is_marked, false);
	BALLOON_WRITE(batch->is_marked, false);
}

static int result_of(const struct balloon_batch *batch)
{
	uint32_t n_moved = BALLOON_READ(batch->n_moved);
	return n_moved > 0 ? (int)n_moved : BALLOON_READ(batch->error);
}

unsigned batch_step(
	struct driver_state *state, struct balloon_batch *batch, enum life_event event, uint32_t n)
{
	unsigned effects = life_step(&state->counts, &batch->life, event, n);
	if (effects & LIFE_UNLOCK_SETTLED)
		state_unlock_request(state, batch);
	if (event == LIFE_GIVE_UP || event == LIFE_SETTLED)
		put_free(state, batch);
	return effects;
}

/*
 * How a route goes, for those who try again by themselves: after a success at once; after a number of refusals
 * in a row ever more rarely, before that at once, as the page refused is set aside and the next one may do;
 * after "again", when nobody will say that it may be tried, soon and then less soon. A lack of memory has a
 * hold-off of its own, and so has each page that was refused before.
 */
static void book_backoff(struct driver_state *state, const struct balloon_batch *batch, int result)
{
	enum { TIMES_MAX = 8 };
	struct backoff *backoff = &state->backoff[BALLOON_READ(batch->life.route)];
	uint32_t n_times = BALLOON_READ(backoff->n_times);
	uint32_t n_refusals = BALLOON_READ(backoff->n_refusals);
	uint64_t for_ns;
	if (result > 0 && (n_times > 0 || n_refusals > 0)) {
		BALLOON_WRITE(backoff->n_times, 0);
		BALLOON_WRITE(backoff->n_refusals, 0);
		BALLOON_WRITE(backoff->until_ns, 0);
	}
	if (result >= 0 || result == -ENOMEM || result == -ECANCELED ||
		BALLOON_READ(batch->is_retry))
		return;
	if (result == -EIO) {
		n_refusals +=
			BALLOON_READ(batch->n_refusals) > 0 ? BALLOON_READ(batch->n_refusals) : 1;
		BALLOON_WRITE(backoff->n_refusals, n_refusals);
		if (n_refusals < REFUSALS_IN_A_ROW)
			return;
	}
	if (result == -EAGAIN)
		for_ns = nap_ns(n_times);
	else
		for_ns = times_two_to(BALLOON_READ(state->tuning.retry_ns),
			n_times < TIMES_MAX ? n_times : TIMES_MAX);
	BALLOON_WRITE(backoff->n_times, n_times + 1);
	BALLOON_WRITE(backoff->until_ns, time_after(balloon_platform_now_ns(), for_ns));
}

/* The call that has the request is over: it leaves, and so do those that joined it. */
static void end_call(struct driver_state *state, struct balloon_batch *batch, int result)
{
	unmark(state, batch, result);
	book_backoff(state, batch, result);
	if (BALLOON_READ(batch->ends_call)) {
		state_note(state, result);
		state_leave(state, true);
	}
}

int batch_give_up(struct balloon_driver *driver, struct balloon_batch *batch, int result)
{
	struct driver_state *state = driver_lock(driver);
	end_call(state, batch, result);
	batch_step(state, batch, LIFE_GIVE_UP, 0);
	driver_unlock_and_wake(driver);
	return result;
}

/* ---- The program's functions ----------------------------------------------------------------- */

struct acknowledgement acknowledgement_of(const struct driver_state *state, unsigned effects)
{
	return (struct acknowledgement){.effects = effects,
		.n_acknowledged = BALLOON_READ(state->counts.n_acknowledged),
		.sequence = BALLOON_READ(state->counts.sequence)};
}

void driver_account(struct balloon_driver *driver, const struct balloon_page *pages, uint32_t n,
	const struct acknowledgement *a)
{
	const struct balloon_driver_config *config = &driver->config;
	if (!(a->effects & (LIFE_ACCOUNT_IN | LIFE_ACCOUNT_OUT)))
		return;
	if (config->account)
		config->account(config->account_context, pages, n,
			(a->effects & LIFE_ACCOUNT_IN) ? -1 : +1);
	if (config->acknowledged)
		config->acknowledged(config->acknowledged_context, a->n_acknowledged, a->sequence);
}

void driver_free(struct balloon_driver *driver, const struct balloon_page *pages, uint32_t n)
{
	if (n > 0)
		driver->config.frames->ops->free(driver->config.frames, pages, n);
}

void driver_moved(struct balloon_driver *driver, const struct balloon_device *device,
	const struct balloon_page *pages, uint32_t n, bool is_in)
{
	if (driver->config.moved && n > 0 && device == driver->device)
		driver->config.moved(driver->config.moved_context, pages, n, is_in);
}

/* ---- Locks ----------------------------------------------------------------------------------- */

/* A thread that waits for a lock: on which event it is asleep. */
struct lock_wait {
	unsigned locks;
	enum lock_direction direction;
	bool is_asleep;
	bool is_for_all; /* on the driver's event */
};

/* The caller has the lock. */
static void count_asleep(struct driver_state *state, const struct lock_wait *wait, uint32_t n)
{
	state_await_lock(state, wait->locks, wait->direction, n == 1);
	if (wait->is_for_all)
		BALLOON_BOOK(state->n_lock_sleepers, n);
	else
		BALLOON_BOOK(state->n_asleep_for[wait->direction], n);
}

/*
 * Asleep, it counts as a waiter, so that no more of the other direction join before it. While requests are
 * nobody's, one of which may hold the lock, it looks after them; else it is woken when its direction may have
 * the lock.
 */
static void sleep_for_lock(struct balloon_driver *driver, struct lock_wait *wait, uint64_t until_ns)
{
	struct driver_state *state = &driver->state; /* locked */
	wait->is_asleep = true;
	wait->is_for_all = BALLOON_READ(state->counts.n_left) > 0;
	count_asleep(state, wait, 1);
	struct balloon_event *event =
		wait->is_for_all ? &driver->event : &driver->lock_events[wait->direction];
	uint32_t seen = balloon_event_seen(event);
	uint64_t look_at_ns = BALLOON_READ(state->look_at_ns);
	driver_unlock(driver);
	/* What was answered before `seen` was remembered; the rest wakes. */
	driver_look_after_if_due(driver);
	balloon_channel_sleep(driver_channel(driver), event, seen, earlier(until_ns, look_at_ns));
}

BALLOON_LOCK_INTERNALS int batch_lock(struct balloon_driver *driver, struct balloon_batch *batch,
	unsigned locks, enum lock_direction direction, uint64_t limit_ns)
{
	struct lock_wait wait = {.locks = locks, .direction = direction};
	uint64_t until_ns = 0;
	for (;;) {
		struct driver_state *state = driver_lock(driver);
		if (wait.is_asleep)
			count_asleep(state, &wait, -1u);
		uint64_t now_ns = 0;
		int result = BALLOON_READ(state->is_stopped) ? -ECANCELED : -EAGAIN;
		if (result == -EAGAIN && state_lock_request(state, batch,
						 (enum balloon_driver_lock)locks, direction)) {
			driver_unlock(driver);
			return 0;
		}
		if (result == -EAGAIN && limit_ns > 0) {
			now_ns = balloon_platform_now_ns();
			if (until_ns == 0)
				until_ns = earlier(limit_ns,
					time_after(now_ns,
						BALLOON_READ(state->tuning.host_timeout_ns)));
		}
		if (result == -ECANCELED || limit_ns == 0 || now_ns >= until_ns) {
			if (result == -EAGAIN)
				BALLOON_BOOK(state->n_busy, 1);
			if (wait.is_asleep) /* others stood back */
				BALLOON_WRITE(state->is_lock_passed, true);
			driver_unlock_and_wake(driver);
			return result;
		}
		sleep_for_lock(driver, &wait, until_ns);
	}
}

static int lock_by_design(
	struct balloon_driver *driver, struct balloon_batch *batch, uint64_t limit_ns)
{
	bool is_in = life_is_inflation(BALLOON_READ(batch->life.route));
	return batch_lock(driver, batch, driver_hold(driver, is_in)->lock,
		is_in ? LOCK_FILL : LOCK_LEAK, limit_ns);
}

/* ---- Pages ----------------------------------------------------------------------------------- */

/*
 * The floor: how many of n frames this fill may take. All fills claim what they are about to take before
 * they look how many are free, so of two that look at the same frames each counts the other.
 */
static uint32_t above_floor(struct balloon_driver *driver, const struct balloon_batch *batch,
	uint32_t n, bool *is_shared)
{
	struct balloon_frames *frames = driver->config.frames;
	struct driver_state *state = driver_lock(driver);
	uint64_t floor_pages = BALLOON_READ(state->tuning.floor_pages);
	uint64_t n_others =
		BALLOON_READ(state->counts.n_claimed_in) - BALLOON_READ(batch->life.n_claimed);
	driver_unlock(driver);
	if (floor_pages == 0 || !frames->ops->n_free)
		return n;
	uint64_t n_above = difference(frames->ops->n_free(frames), floor_pages);
	*is_shared = n_above > 0 && n_above <= n_others;
	uint64_t n_mine = difference(n_above, n_others);
	return n_mine < n ? (uint32_t)n_mine : n;
}

/* Relief may have taken frames since `begin`: close up. Returns how many there are. */
static uint32_t show_pending(
	struct driver_state *state, struct balloon_batch *batch, uint32_t begin, uint32_t n)
{
	struct balloon_page *pages = batch->request.pages;
	uint32_t at = BALLOON_READ(batch->life.n_pages);
	if (at < begin)
		for (uint32_t i = 0; i < n; i++)
			BALLOON_WRITE(pages[at + i], BALLOON_READ(pages[begin + i]));
	life_step(&state->counts, &batch->life, LIFE_ALLOCATED, n);
	return at + n;
}

/* is_shared: there are frames, but other fills have claimed them. */
static int fail_allocation(
	struct balloon_driver *driver, struct balloon_batch *batch, bool is_shared)
{
	if (is_shared)
		return batch_give_up(driver, batch, -EAGAIN);
	uint64_t now_ns = balloon_platform_now_ns();
	struct driver_state *state = driver_lock(driver);
	BALLOON_BOOK(state->n_allocation_failures, 1);
	state_hold_off(
		state, time_after(now_ns, BALLOON_READ(state->tuning.allocation_backoff_ns)));
	driver_unlock(driver);
	return batch_give_up(driver, batch, -ENOMEM);
}

/*
 * Allocate up to n frames. Returns how many, sealed if the lock could be had at once and else pending; or an
 * error, the request is free.
 */
static int allocate(struct balloon_driver *driver, struct balloon_batch *batch, uint32_t n_wanted)
{
	const struct balloon_driver_hold *hold = driver_hold(driver, true);
	struct balloon_frames *frames = driver->config.frames;
	bool is_shared = false;
	uint32_t n = n_wanted;
	uint32_t n_had = 0;
	if (frames->ops->n_free)
		n = above_floor(driver, batch, n_wanted, &is_shared);
	while (n_had < n) {
		int got = frames->ops->allocate(frames, batch->request.pages + n_had, n - n_had);
		if (got <= 0)
			break;
		struct driver_state *state = driver_lock(driver);
		unsigned effects = 0;
		n_had = show_pending(state, batch, n_had, (uint32_t)got);
		/* Memory may have run out meanwhile: then what is there has to do. */
		bool is_last = n_had >= n || BALLOON_READ(state->n_relieving) > 0 ||
			       state_held_off_until(state);
		if (is_last && (BALLOON_READ(batch->lock) ||
				       state_lock_request(state, batch, hold->lock, LOCK_FILL)))
			effects = batch_step(state, batch, LIFE_SEAL, 0);
		driver_unlock_after(driver, effects);
		if (is_last)
			return (int)n_had;
	}
	return n_had > 0 ? (int)n_had : fail_allocation(driver, batch, is_shared);
}

static bool not_told(
	struct balloon_driver *driver, struct balloon_batch *batch, int error, int *result);

/* Frames are pending: take the lock and seal them, unless relief was faster. Returns as batch_start(). */
static bool seal(
	struct balloon_driver *driver, struct balloon_batch *batch, uint64_t limit_ns, int *result)
{
	int error = 0;
	if (BALLOON_READ(batch->lock) == BALLOON_DRIVER_NO_LOCK)
		error = lock_by_design(driver, batch, limit_ns);
	struct driver_state *state = driver_lock(driver);
	uint32_t n = BALLOON_READ(batch->life.n_pages);
	unsigned effects = n > 0 ? batch_step(state, batch, LIFE_SEAL, 0) : 0;
	driver_unlock_after(driver, effects);
	if (n == 0) {
		*result = batch_give_up(driver, batch, error < 0 ? error : -EAGAIN);
		return false;
	}
	BALLOON_WRITE(batch->n_pages, n);
	if (error < 0)
		return not_told(driver, batch, error, result);
	return batch_tell(driver, batch, n, limit_ns, result);
}

static bool start_fill(struct balloon_driver *driver, struct balloon_batch *batch, uint32_t n,
	uint64_t limit_ns, int *result)
{
	*result = allocate(driver, batch, n);
	if (*result <= 0)
		return false;
	if (BALLOON_READ(batch->life.state) == LIFE_PENDING)
		return seal(driver, batch, limit_ns, result);
	return batch_tell(driver, batch, (uint32_t)*result, limit_ns, result);
}

bool batch_lock_and_tell(struct balloon_driver *driver, struct balloon_batch *batch, uint32_t n,
	uint64_t limit_ns, int *result)
{
	int error = 0;
	BALLOON_WRITE(batch->n_pages, n);
	if (BALLOON_READ(batch->lock) == BALLOON_DRIVER_NO_LOCK)
		error = lock_by_design(driver, batch, limit_ns);
	if (error < 0)
		return not_told(driver, batch, error, result);
	return batch_tell(driver, batch, n, limit_ns, result);
}

static bool start_leak(struct balloon_driver *driver, struct balloon_batch *batch,
	uint32_t n_wanted, uint64_t limit_ns, int *result)
{
	int n = balloon_pages_dequeue(driver->device, batch->request.pages, n_wanted);
	struct driver_state *state = driver_lock(driver);
	/* Is all that is left what the host keeps? */
	if (n == -EAGAIN && refusals_next_ns(state, REFUSED_PAGE) != BALLOON_NEVER)
		n = -EIO;
	/* Pages that are just being entered: nobody says when they are there. */
	if (n == 0 && BALLOON_READ(state->counts.places[PLACE_ENQUEUED]) > 0)
		book_backoff(state, batch, -EAGAIN);
	unsigned effects = n > 0 ? batch_step(state, batch, LIFE_GOT, (uint32_t)n) : 0;
	driver_unlock_after(driver, effects);
	if (n <= 0) {
		*result = batch_give_up(driver, batch, n);
		return false;
	}
	driver_moved(driver, driver->device, batch->request.pages, (uint32_t)n, false);
	return batch_lock_and_tell(driver, batch, (uint32_t)n, limit_ns, result);
}

bool batch_start(struct balloon_driver *driver, struct balloon_batch *batch, uint32_t n_pages,
	uint64_t limit_ns, int *result)
{
	bool is_in = life_is_inflation(BALLOON_READ(batch->life.route));
	bool is_locked_first = driver_hold(driver, is_in)->from == BALLOON_LOCK_FROM_PAGES;
	int error = 0;
	if (is_locked_first && BALLOON_READ(batch->lock) == BALLOON_DRIVER_NO_LOCK)
		error = lock_by_design(driver, batch, limit_ns);
	if (error < 0) {
		*result = batch_give_up(driver, batch, error);
		return false;
	}
	return is_in ? start_fill(driver, batch, n_pages, limit_ns, result)
		     : start_leak(driver, batch, n_pages, limit_ns, result);
}

/* ---- Entering -------------------------------------------------------------------------------- */

/* It was in a balloon already: not the source's to give. It stays where it is, and is counted there. */
static void stray(struct balloon_driver *driver, struct balloon_batch *batch, uint32_t at)
{
	struct driver_state *state = driver_lock(driver);
	unsigned effects = batch_step(state, batch, LIFE_STRAYED, 1);
	struct acknowledgement acknowledgement = acknowledgement_of(state, effects);
	driver_unlock(driver);
	driver_account(driver, &batch->request.pages[at], 1, &acknowledgement);
}

/* A scanner with a stale view holds a page's lock for a few instructions. */
static bool relax(uint32_t n_tries)
{
	enum { TRIES_MAX = 8 };
	for (uint32_t i = 0; i < 1u << n_tries; i++)
		balloon_platform_relax();
	return n_tries < TRIES_MAX;
}

/* Returns whether all are in. *n_strays: how many are not the driver's. */
static bool enter_pages(
	struct balloon_driver *driver, struct balloon_batch *batch, uint32_t *n_strays)
{
	uint32_t at = BALLOON_READ(batch->first_insert);
	uint32_t end = BALLOON_READ(batch->end_insert);
	struct balloon_device *home = BALLOON_READ(batch->home);
	uint32_t n_tries = 0;
	*n_strays = 0;
	while (at < end) {
		int n = balloon_pages_insert(home, batch->request.pages + at, end - at);
		if (n > 0) {
			at += (uint32_t)n;
			n_tries = 0;
		} else if (n != -EAGAIN) {
			stray(driver, batch, at++);
			(*n_strays)++;
		} else if (!relax(n_tries++)) {
			break;
		}
	}
	BALLOON_WRITE(batch->first_insert, at);
	return at == end;
}

static void set_to_enter(struct balloon_driver *driver, struct balloon_batch *batch, uint32_t first,
	uint32_t end, struct balloon_device *home)
{
	BALLOON_WRITE(batch->first_insert, first);
	BALLOON_WRITE(batch->end_insert, end);
	BALLOON_WRITE(batch->home, home);
	driver_moved(driver, home, batch->request.pages + first, end - first, true);
}

/* The last step of a request: it is free, or its pages are entered later. Returns what came of it. */
static int end(struct balloon_driver *driver, struct balloon_batch *batch, bool is_entered)
{
	struct driver_state *state = driver_lock(driver);
	int result = result_of(batch);
	end_call(state, batch, result);
	if (is_entered) {
		batch_step(state, batch, LIFE_SETTLED, 0);
	} else {
		uint32_t n_naps = BALLOON_READ(batch->n_naps);
		uint64_t at_ns = time_after(balloon_platform_now_ns(), nap_ns(n_naps));
		BALLOON_WRITE(batch->n_naps, n_naps + 1);
		BALLOON_WRITE(batch->deadline_ns, at_ns);
		BALLOON_WRITE(state->look_at_ns, earlier(BALLOON_READ(state->look_at_ns), at_ns));
		BALLOON_WRITE(batch->ends_call, false);
		batch_step(state, batch, LIFE_POSTPONE, 0);
	}
	driver_unlock_and_wake(driver);
	return result;
}

void batch_end(struct balloon_driver *driver, struct balloon_batch *batch)
{
	uint32_t n_strays;
	end(driver, batch, enter_pages(driver, batch, &n_strays));
}

/* ---- Answers --------------------------------------------------------------------------------- */

/* What the host said, and what is to be done. */
struct answer {
	uint32_t n_done;
	uint32_t n_left; /* behind them, and behind the one that was refused */
	bool is_refused; /* pages[n_done] */
	bool goes_on;    /* the host is told of what is left */
	int error;       /* the host's */
	struct acknowledgement acknowledgement;
};

static struct balloon_device *home_of(struct balloon_driver *driver, enum life_route route)
{
	return route == ROUTE_QUARANTINE || route == ROUTE_OLD ? driver->quarantine
							       : driver->device;
}

/* A migration keeps its locks until the pages are swapped. */
static bool is_unlocked_when_answered(
	const struct balloon_driver *driver, const struct balloon_batch *batch)
{
	enum life_route route = BALLOON_READ(batch->life.route);
	return (route == ROUTE_FILL || route == ROUTE_LEAK) &&
	       driver_hold(driver, route == ROUTE_FILL)->until == BALLOON_LOCK_UNTIL_ANSWERED;
}

/* Book an answer. The caller has the lock, and takes the request with it. */
static struct answer take_answer(
	struct balloon_driver *driver, struct driver_state *state, struct balloon_batch *batch)
{
	uint32_t n_done = BALLOON_READ(batch->request.n_done);
	uint32_t n_told = BALLOON_READ(batch->n_told);
	struct answer answer = {.n_done = n_done, .error = BALLOON_READ(batch->request.error)};
	/* Then nobody has refused anything: the request was taken back. */
	bool is_gone = balloon_channel_error(driver_channel(driver)) < 0 ||
		       BALLOON_READ(state->is_stopped);
	answer.is_refused = n_done < n_told && !is_gone;
	answer.n_left = BALLOON_READ(batch->n_pages) - n_done - (answer.is_refused ? 1 : 0);
	if (n_done < n_told) {
		BALLOON_BOOK(state->n_refused, 1);
		BALLOON_WRITE(batch->error, is_gone ? -ENODEV : -EIO);
	}
	if (answer.is_refused)
		BALLOON_WRITE(state->last_refusal, answer.error);
	BALLOON_WRITE(batch->n_refusals, n_done ? 0 : BALLOON_READ(batch->n_refusals) + 1);
	if (BALLOON_READ(batch->is_relief))
		BALLOON_BOOK(state->n_relieved, n_done);
	bool has_patience =
		state_halted(state) == 0 && BALLOON_READ(batch->n_refusals) < REFUSALS_IN_A_ROW;
	answer.goes_on = answer.n_left > 0 && !is_gone &&
			 (has_patience || BALLOON_READ(state->is_attaching));
	unsigned effects = batch_step(state, batch, LIFE_ANSWERED, n_done);
	if ((effects & LIFE_UNLOCK_ANSWERED) && is_unlocked_when_answered(driver, batch) &&
		!answer.goes_on)
		state_unlock_request(state, batch);
	answer.acknowledgement = acknowledgement_of(state, effects);
	return answer;
}

static void book_returned(struct balloon_driver *driver, struct balloon_batch *batch, uint32_t n)
{
	enum life_route route = BALLOON_READ(batch->life.route);
	if (n == 0)
		return;
	batch_step(driver_lock(driver), batch, route == ROUTE_OLD ? LIFE_KEPT : LIFE_RETURNED, n);
	driver_unlock_and_wake(driver);
}

/* The host took n_done frames. Returns whether all are entered. */
static bool follow_inflation(
	struct balloon_driver *driver, struct balloon_batch *batch, struct answer *answer)
{
	struct balloon_page *pages = batch->request.pages;
	uint32_t n_strays;
	set_to_enter(driver, batch, 0, answer->n_done, driver->device);
	bool is_entered = enter_pages(driver, batch, &n_strays);
	BALLOON_BOOK(batch->n_moved, answer->n_done - n_strays);
	if (answer->is_refused) {
		struct balloon_page refused = BALLOON_READ(pages[answer->n_done]);
		if (!refusals_set_frame_aside(driver, batch, refused, answer->error)) {
			book_returned(driver, batch, 1);
			driver_free(driver, &refused, 1);
		}
	}
	answer->goes_on = answer->goes_on && is_entered;
	if (!answer->goes_on) {
		uint32_t first = answer->n_done + (answer->is_refused ? 1 : 0);
		book_returned(driver, batch, answer->n_left);
		driver_free(driver, pages + first, answer->n_left);
	}
	return is_entered;
}

/* The host gave n_done pages back: they are the source's. Returns whether the others are entered. */
static bool follow_deflation(
	struct balloon_driver *driver, struct balloon_batch *batch, struct answer *answer)
{
	struct balloon_page *pages = batch->request.pages;
	struct balloon_device *home = home_of(driver, BALLOON_READ(batch->life.route));
	uint32_t n_refused = answer->is_refused ? 1 : 0;
	uint32_t n_back = n_refused + (answer->goes_on ? 0 : answer->n_left);
	uint32_t n_strays;
	driver_free(driver, pages, answer->n_done);
	BALLOON_BOOK(batch->n_moved, answer->n_done);
	book_returned(driver, batch, n_back);
	set_to_enter(driver, batch, answer->n_done, answer->n_done + n_back, home);
	bool is_entered = enter_pages(driver, batch, &n_strays);
	if (is_entered && answer->is_refused)
		refusals_set_page_aside(
			driver, home, BALLOON_READ(pages[answer->n_done]), answer->error);
	if (answer->goes_on && !is_entered) {
		answer->goes_on = false;
		book_returned(driver, batch, answer->n_left);
		driver_moved(driver, home, pages + answer->n_done + n_back, answer->n_left, true);
		BALLOON_BOOK(batch->end_insert, answer->n_left);
	}
	return is_entered;
}

/*
 * Do what follows from an answer that was taken. Returns how many pages are left of which the host is to be
 * told next, at the front, the request being told; 0: it is over, and *result says what came of it.
 */
static uint32_t follow(struct balloon_driver *driver, struct balloon_batch *batch,
	struct answer *answer, int *result)
{
	struct balloon_page *pages = batch->request.pages;
	bool is_in = life_is_inflation(BALLOON_READ(batch->life.route));
	driver_account(driver, pages, answer->n_done, &answer->acknowledgement);
	bool is_entered = is_in ? follow_inflation(driver, batch, answer)
				: follow_deflation(driver, batch, answer);
	if (!answer->goes_on) {
		*result = end(driver, batch, is_entered);
		return 0;
	}
	uint32_t first = answer->n_done + (answer->is_refused ? 1 : 0);
	for (uint32_t i = 0; i < answer->n_left; i++)
		BALLOON_WRITE(pages[i], BALLOON_READ(pages[first + i]));
	batch_step(driver_lock(driver), batch, LIFE_AGAIN, 0);
	driver_unlock(driver);
	return answer->n_left;
}

/* The host knows nothing of these pages: as if it had refused all of them, but no page is to blame. */
static bool not_told(
	struct balloon_driver *driver, struct balloon_batch *batch, int error, int *result)
{
	struct answer answer = {.n_left = BALLOON_READ(batch->n_pages)};
	BALLOON_WRITE(batch->error, error);
	batch_step(driver_lock(driver), batch, LIFE_REJECTED, 0);
	driver_unlock(driver);
	return follow(driver, batch, &answer, result) > 0;
}

/* ---- Telling --------------------------------------------------------------------------------- */

/* Sort the pages, and see how many the host can be told of at once. 0, or why it is told of none. */
static int prepare(struct balloon_driver *driver, struct balloon_batch *batch, uint32_t n)
{
	struct balloon_request *request = &batch->request;
	const struct balloon_channel_limits *limits = &driver_channel(driver)->limits;
	enum balloon_request_kind kind = life_is_inflation(BALLOON_READ(batch->life.route))
						 ? BALLOON_REQUEST_INFLATE
						 : BALLOON_REQUEST_DEFLATE;
	if (balloon_request_prepare(request, kind, n) < 0)
		return -EEXIST; /* a page twice */
	struct balloon_page last = BALLOON_READ(request->pages[n - 1]);
	if (last.index >= balloon_memmap_n_pages(driver->config.map))
		return -ERANGE;
	uint32_t n_ranges = BALLOON_READ(request->n_ranges);
	uint32_t n_told = n;
	if (limits->request_ranges && n_ranges > limits->request_ranges) {
		n_told = 0;
		for (uint32_t i = 0; i < limits->request_ranges; i++)
			n_told += BALLOON_READ(request->ranges[i].n_pages);
	}
	if (limits->request_pages && n_told > limits->request_pages)
		n_told = limits->request_pages;
	if (n_told < n)
		balloon_request_prepare(request, kind, n_told);
	BALLOON_WRITE(batch->n_told, n_told);
	return 0;
}

/* Asleep until a request of this driver's is over, or until a time. */
static void await_end_of_any(struct balloon_driver *driver, uint32_t n_ended, uint64_t until_ns)
{
	for (;;) {
		struct driver_state *state = driver_lock(driver);
		bool is_over = BALLOON_READ(state->n_ended) != n_ended ||
			       BALLOON_READ(state->is_stopped) ||
			       balloon_platform_now_ns() >= until_ns;
		BALLOON_BOOK(state->n_sleepers, is_over ? 0u : 1u);
		uint32_t seen = balloon_event_seen(&driver->event);
		driver_unlock(driver);
		if (is_over)
			return;
		driver_look_after_if_due(driver);
		balloon_channel_sleep(driver_channel(driver), &driver->event, seen, until_ns);
		state = driver_lock(driver);
		BALLOON_BOOK(state->n_sleepers, -1u);
		driver_unlock(driver);
	}
}

/*
 * A ring that is full has room after another completion, perhaps of a request that is not this driver's: then
 * nobody says so. Returns false: not in time.
 */
static bool await_room(
	struct balloon_driver *driver, uint64_t *until_ns, uint64_t limit_ns, uint32_t n_tries)
{
	if (limit_ns == 0)
		return false;
	struct driver_state *state = driver_lock(driver);
	uint64_t now_ns = balloon_platform_now_ns();
	if (*until_ns == 0)
		*until_ns = earlier(
			limit_ns, time_after(now_ns, BALLOON_READ(state->tuning.host_timeout_ns)));
	bool is_stopped = BALLOON_READ(state->is_stopped);
	uint32_t n_ended = BALLOON_READ(state->n_ended);
	driver_unlock(driver);
	if (now_ns >= *until_ns || is_stopped)
		return false;
	await_end_of_any(driver, n_ended, earlier(*until_ns, time_after(now_ns, nap_ns(n_tries))));
	return true;
}

static int submit(struct balloon_driver *driver, struct balloon_batch *batch, uint64_t limit_ns)
{
	struct balloon_channel *channel = driver_channel(driver);
	uint64_t until_ns = 0;
	int result;
	BALLOON_WRITE(batch->request.event, NULL);
	for (uint32_t n = 0; (result = balloon_request_submit(channel, &batch->request)) == -EAGAIN;
		n++)
		if (!await_room(driver, &until_ns, limit_ns, n))
			break;
	return result;
}

static int submit_error(struct balloon_driver *driver, int error)
{
	if (error == -EAGAIN || error == -ENODEV)
		return error;
	struct driver_state *state = driver_lock(driver);
	BALLOON_WRITE(state->last_refusal, error);
	driver_unlock(driver);
	return -EIO;
}

/* When a request is with the host: until when it may be. The caller has the lock. */
static void set_deadline(struct driver_state *state, struct balloon_batch *batch)
{
	BALLOON_WRITE(batch->deadline_ns,
		time_after(balloon_platform_now_ns(), BALLOON_READ(state->tuning.host_timeout_ns)));
}

bool batch_tell(struct balloon_driver *driver, struct balloon_batch *batch, uint32_t n_pages,
	uint64_t limit_ns, int *result)
{
	do {
		BALLOON_WRITE(batch->n_pages, n_pages);
		int error = prepare(driver, batch, n_pages);
		if (error == 0) {
			error = submit(driver, batch, limit_ns);
			error = error < 0 ? submit_error(driver, error) : 0;
		}
		if (error < 0)
			return not_told(driver, batch, error, result);
		struct driver_state *state = driver_lock(driver);
		batch_step(state, batch, LIFE_ACCEPTED, 0);
		if (balloon_request_state(&batch->request) != BALLOON_REQUEST_COMPLETE) {
			set_deadline(state, batch);
			driver_unlock(driver);
			return true;
		}
		struct answer answer = take_answer(driver, state, batch);
		driver_unlock_and_wake(driver);
		n_pages = follow(driver, batch, &answer, result);
	} while (n_pages > 0);
	return false;
}

/* Take the answer that is there, and do what follows. Returns as batch_start(). */
static bool take_and_follow(struct balloon_driver *driver, struct balloon_batch *batch, int *result)
{
	struct driver_state *state = driver_lock(driver);
	struct answer answer = take_answer(driver, state, batch);
	driver_unlock_and_wake(driver);
	uint32_t n_left = follow(driver, batch, &answer, result);
	return n_left > 0 && batch_tell(driver, batch, n_left, 0, result);
}

/* ---- Waiting --------------------------------------------------------------------------------- */

static bool is_stopped(struct balloon_driver *driver)
{
	struct driver_state *state = driver_lock(driver);
	bool result = BALLOON_READ(state->is_stopped);
	driver_unlock(driver);
	return result;
}

/*
 * Let it be nobody's. Returns false: it was answered meanwhile. If it was not when it becomes nobody's, the
 * driver's event is signalled when it is, and whoever looks after that finds it.
 */
static bool let_go(struct balloon_driver *driver, struct balloon_batch *batch, int result)
{
	balloon_request_redirect(driver_channel(driver), &batch->request, &driver->event);
	uint64_t now_ns = balloon_platform_now_ns();
	struct driver_state *state = driver_lock(driver);
	if (balloon_request_state(&batch->request) == BALLOON_REQUEST_COMPLETE) {
		driver_unlock(driver);
		return false;
	}
	uint64_t deadline_ns = BALLOON_READ(batch->deadline_ns);
	end_call(state, batch, result);
	BALLOON_WRITE(batch->ends_call, false);
	batch_step(state, batch, LIFE_LEAVE, 0);
	state_wake_directions(state);
	if (now_ns >= deadline_ns)
		batch_step(state, batch, LIFE_TIME_OUT, 0);
	else
		BALLOON_WRITE(
			state->look_at_ns, earlier(BALLOON_READ(state->look_at_ns), deadline_ns));
	driver_unlock_and_wake(driver);
	return true;
}

int batch_await(struct balloon_driver *driver, struct balloon_batch *batch, uint64_t limit_ns)
{
	struct balloon_channel *channel = driver_channel(driver);
	uint64_t until_ns = earlier(limit_ns, BALLOON_READ(batch->deadline_ns));
	balloon_request_redirect(channel, &batch->request, &batch->event);
	if (limit_ns == 0)
		balloon_channel_poll(channel);
	for (;;) {
		uint32_t seen = balloon_event_seen(&batch->event);
		if (balloon_request_state(&batch->request) == BALLOON_REQUEST_COMPLETE)
			return 0;
		if (is_stopped(driver))
			return -ECANCELED;
		if (balloon_channel_error(channel) < 0)
			return -ENODEV;
		if (balloon_platform_now_ns() >= until_ns)
			return -ETIMEDOUT;
		balloon_channel_sleep(channel, &batch->event, seen, until_ns);
	}
}

int batch_finish(struct balloon_driver *driver, struct balloon_batch *batch, uint64_t limit_ns)
{
	int result;
	do {
		result = batch_await(driver, batch, limit_ns);
		if (result < 0 && let_go(driver, batch, result))
			return result;
	} while (take_and_follow(driver, batch, &result));
	return result;
}

/* ---- Requests that are nobody's -------------------------------------------------------------- */

static void note(struct balloon_driver *driver, int result)
{
	state_note(driver_lock(driver), result);
	driver_unlock(driver);
}

void batch_leave(struct balloon_driver *driver, struct balloon_batch *batch)
{
	int result;
	while (!let_go(driver, batch, 0))
		if (!take_and_follow(driver, batch, &result)) {
			note(driver, result);
			return;
		}
}

static bool is_answered(const struct balloon_batch *batch)
{
	enum life_state life = BALLOON_READ(batch->life.state);
	return (life == LIFE_LEFT || life == LIFE_LATE) &&
	       balloon_request_state(&batch->request) == BALLOON_REQUEST_COMPLETE;
}

static bool is_due(const struct balloon_batch *batch, uint64_t now_ns)
{
	enum life_state life = BALLOON_READ(batch->life.state);
	return (life == LIFE_LEFT || life == LIFE_UNSETTLED) &&
	       now_ns >= BALLOON_READ(batch->deadline_ns);
}

/* The next one of nobody's with which something is to be done, from number *at on. The caller has the
 * lock. */
static struct balloon_batch *next_ready(
	const struct balloon_driver *driver, uint32_t *at, uint64_t now_ns)
{
	while (*at < driver->n_batches) {
		struct balloon_batch *batch = &driver->batches[(*at)++];
		if (is_answered(batch) || is_due(batch, now_ns))
			return batch;
	}
	return NULL;
}

/* The caller has the lock, and loses it. */
BALLOON_LOCK_INTERNALS static void look_after(
	struct balloon_driver *driver, struct driver_state *state, struct balloon_batch *batch)
{
	int result;
	if (is_answered(batch)) {
		struct answer answer = take_answer(driver, state, batch);
		driver_unlock_and_wake(driver);
		uint32_t n_left = follow(driver, batch, &answer, &result);
		if (n_left > 0 && batch_tell(driver, batch, n_left, 0, &result))
			batch_leave(driver, batch);
		else
			note(driver, result);
	} else if (BALLOON_READ(batch->life.state) == LIFE_LEFT) {
		batch_step(state, batch, LIFE_TIME_OUT, 0);
		state_note(state, -ETIMEDOUT);
		driver_unlock_and_wake(driver);
	} else {
		batch_step(state, batch, LIFE_RESUME, 0);
		driver_unlock(driver);
		batch_end(driver, batch);
	}
}

/* When to look again if nothing is signalled. The caller has the lock. */
static uint64_t next_look_ns(const struct balloon_driver *driver)
{
	uint64_t at_ns = BALLOON_NEVER;
	for (uint32_t i = 0; i < driver->n_batches; i++) {
		const struct balloon_batch *batch = &driver->batches[i];
		enum life_state life = BALLOON_READ(batch->life.state);
		if (life == LIFE_LEFT || life == LIFE_UNSETTLED)
			at_ns = earlier(at_ns, BALLOON_READ(batch->deadline_ns));
	}
	return at_ns;
}

BALLOON_LOCK_INTERNALS void driver_look_after(struct balloon_driver *driver, uint64_t now_ns)
{
	balloon_channel_poll(driver_channel(driver));
	uint32_t seen = balloon_event_seen(&driver->event);
	uint32_t at = 0;
	for (;;) {
		struct driver_state *state = driver_lock(driver);
		struct balloon_batch *batch = next_ready(driver, &at, now_ns);
		if (!batch) {
			BALLOON_WRITE(state->looked_at, seen);
			BALLOON_WRITE(state->look_at_ns, next_look_ns(driver));
			break;
		}
		look_after(driver, state, batch);
	}
	driver_unlock(driver);
}

void driver_look_after_if_due(struct balloon_driver *driver)
{
	struct driver_state *state = driver_lock(driver);
	bool has_left = BALLOON_READ(state->counts.n_left) > 0;
	uint32_t looked_at = BALLOON_READ(state->looked_at);
	uint64_t look_at_ns = BALLOON_READ(state->look_at_ns);
	driver_unlock(driver);
	if (!has_left)
		return;
	balloon_channel_poll(driver_channel(driver));
	uint64_t now_ns = balloon_platform_now_ns();
	if (balloon_event_is_past(&driver->event, looked_at) || now_ns >= look_at_ns)
		driver_look_after(driver, now_ns);
}
