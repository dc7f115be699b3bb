/* SPDX-License-Identifier: MIT */
/*
 * A request from its pages to its end, as life.h says: pages are got, the host is told, its answer is taken,
 * pages are moved where they belong.
 *
 * A request is one thread's while its state says that somebody is at it. While it is with the host and
 * nobody waits (LIFE_LEFT, LIFE_LATE), and while a page of it could not be inserted (LIFE_POSTPONED), it is
 * nobody's: every call that comes in, and every one that sleeps for anything but an answer of its own, a leak
 * that it joined, or the end of all calls, looks after such requests (driver_look_after()). So an answer that
 * comes after the deadline loses nothing.
 */
#include "driver/batch.h"
#include "driver/state.h"

static const uint64_t nap_min_ns = 100000;    /* between two tries when nobody will say "now" */
static const uint64_t nap_max_ns = 100000000; /* doubled up to this */

uint64_t batch_nap_ns(uint32_t n_naps)
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
	BALLOON_WRITE(batch->may_wait, true);
	BALLOON_WRITE(batch->ends_call, false);
	BALLOON_WRITE(batch->floor_pages, BALLOON_READ(state->tuning.floor_pages));
	BALLOON_WRITE(batch->range_first, 0);
	BALLOON_WRITE(batch->range_end, 0);
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
	BALLOON_ADD(state->n_ended, 1);
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

int batch_result(const struct balloon_batch *batch)
{
	uint32_t n_moved = BALLOON_READ(batch->n_moved);
	return n_moved > 0 ? (int)n_moved : BALLOON_READ(batch->error);
}

unsigned batch_step(
	struct driver_state *state, struct balloon_batch *batch, enum life_event event, uint32_t n)
{
	unsigned effects = life_step(&state->counts, &batch->life, event, n);
	if (effects & LIFE_UNLOCK_PLACED)
		state_unlock_request(state, batch);
	if (event == LIFE_GIVE_UP || event == LIFE_PLACED)
		put_free(state, batch);
	return effects;
}

/*
 * How a route goes, for those who try again by themselves: after a success at once; after a number of refusals
 * in a row ever more rarely, before that at once, as the page refused is set aside and the next one may do;
 * after "again", when nobody will say that it may be tried, soon and then less soon. Memory that ran out has a
 * hold-off of its own, and so has each page that was refused before. Requests that are late together are late
 * once.
 */
void batch_back_off(struct driver_state *state, const struct balloon_batch *batch, int result)
{
	enum { TIMES_MAX = 8 };
	struct backoff *backoff = &state->backoff[BALLOON_READ(batch->life.route)];
	uint32_t n_times = BALLOON_READ(backoff->n_times);
	uint32_t n_refusals = BALLOON_READ(backoff->n_refusals);
	uint64_t for_ns;
	if (result > 0) {
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
	uint64_t now_ns = balloon_platform_now_ns();
	if (result == -ETIMEDOUT && now_ns < BALLOON_READ(backoff->until_ns))
		return;
	if (result == -EAGAIN)
		for_ns = batch_nap_ns(n_times);
	else
		for_ns = times_two_to(BALLOON_READ(state->tuning.retry_ns),
			n_times < TIMES_MAX ? n_times : TIMES_MAX);
	BALLOON_WRITE(backoff->n_times, n_times + 1);
	BALLOON_WRITE(backoff->until_ns, time_after(now_ns, for_ns));
}

void batch_end_call(struct driver_state *state, struct balloon_batch *batch, int result)
{
	unmark(state, batch, result);
	batch_back_off(state, batch, result);
	if (BALLOON_READ(batch->ends_call)) {
		state_note(state, result);
		state_leave(state, CALL_MOVES);
	}
}

int batch_give_up(struct balloon_driver *driver, struct balloon_batch *batch, int result)
{
	struct driver_state *state = driver_lock(driver);
	batch_end_call(state, batch, result);
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
