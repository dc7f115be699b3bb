/* SPDX-License-Identifier: MIT */
/* What follows from an answer: pages go where they belong, and what was not refused is told again. */

#include "core/probe.h"
#include "driver/answer.h"
#include "driver/batch.h"
#include "driver/refusals.h"
#include "driver/state.h"

/* ---- Entering -------------------------------------------------------------------------------- */

/* It was in a balloon already: not the source's to give. It stays where it is, and is counted there. */
static void stray(struct balloon_driver *driver, struct balloon_batch *batch, uint32_t at)
{
	struct driver_state *state = driver_lock(driver);
	unsigned effects = batch_step(state, batch, LIFE_STRAYED, 1);
	struct acknowledgement acknowledgement = acknowledgement_of(state, effects);
	driver_unlock(driver);
	driver_account(driver, &batch->request.pages[at], 1, &acknowledgement);
	driver_moved(driver, BALLOON_READ(batch->home), &batch->request.pages[at], 1, false);
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
static bool insert_pages(
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

static void set_to_insert(struct balloon_driver *driver, struct balloon_batch *batch,
	uint32_t first, uint32_t end, struct balloon_device *home)
{
	BALLOON_WRITE(batch->first_insert, first);
	BALLOON_WRITE(batch->end_insert, end);
	BALLOON_WRITE(batch->home, home);
	driver_moved(driver, home, batch->request.pages + first, end - first, true);
}

/* The last step of a request: it is free, or its pages are inserted later. Returns what came of it. */
static int end(struct balloon_driver *driver, struct balloon_batch *batch, bool is_inserted)
{
	struct driver_state *state = driver_lock(driver);
	int result = batch_result(batch);
	batch_end_call(state, batch, result);
	if (is_inserted) {
		batch_step(state, batch, LIFE_PLACED, 0);
	} else {
		uint32_t n_naps = BALLOON_READ(batch->n_naps);
		uint64_t at_ns = time_after(balloon_platform_now_ns(), batch_nap_ns(n_naps));
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
	end(driver, batch, insert_pages(driver, batch, &n_strays));
}

/* ---- Answers --------------------------------------------------------------------------------- */

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

struct answer batch_take_answer(
	struct balloon_driver *driver, struct driver_state *state, struct balloon_batch *batch)
{
	uint32_t n_done = BALLOON_READ(batch->request.n_done);
	uint32_t n_told = BALLOON_READ(batch->n_told);
	struct answer answer = {.n_done = n_done, .error = BALLOON_READ(batch->request.error)};
	/* Then nobody has refused anything: the request was taken back. */
	bool has_failed = balloon_channel_error(driver_channel(driver)) < 0;
	bool is_gone = has_failed || BALLOON_READ(state->is_stopped);
	answer.is_refused = n_done < n_told && !is_gone;
	answer.n_left = BALLOON_READ(batch->n_pages) - n_done - (answer.is_refused ? 1 : 0);
	if (n_done < n_told) {
		BALLOON_ADD(state->n_refused, 1);
		BALLOON_WRITE(batch->error, has_failed ? -ENODEV : (is_gone ? -ECANCELED : -EIO));
	}
	if (answer.is_refused)
		BALLOON_WRITE(state->last_refusal, answer.error);
	BALLOON_WRITE(batch->n_refusals, n_done ? 0 : BALLOON_READ(batch->n_refusals) + 1);
	if (BALLOON_READ(batch->is_relief))
		BALLOON_ADD(state->n_relieved, n_done);
	bool has_patience =
		state_halted(state) == 0 && BALLOON_READ(batch->n_refusals) < REFUSALS_IN_A_ROW;
	answer.goes_on = answer.n_left > 0 && !is_gone &&
			 (has_patience || BALLOON_READ(state->is_attaching));
	unsigned effects = batch_step(state, batch, LIFE_ANSWERED, n_done);
	if (is_unlocked_when_answered(driver, batch) && !answer.goes_on)
		state_unlock_request(state, batch);
	answer.acknowledgement = acknowledgement_of(state, effects);
	BALLOON_PROBE(driver__answer, driver, &batch->request,
		(int)life_is_inflation(BALLOON_READ(batch->life.route)), n_done, n_told,
		answer.error);
	return answer;
}

static void count_returned(struct balloon_driver *driver, struct balloon_batch *batch, uint32_t n)
{
	enum life_route route = BALLOON_READ(batch->life.route);
	if (n == 0)
		return;
	batch_step(driver_lock(driver), batch, route == ROUTE_OLD ? LIFE_KEPT : LIFE_RETURNED, n);
	driver_unlock_and_wake(driver);
}

/* The host took n_done frames. Returns whether all are inserted. */
static bool follow_inflation(
	struct balloon_driver *driver, struct balloon_batch *batch, struct answer *answer)
{
	struct balloon_page *pages = batch->request.pages;
	uint32_t n_strays;
	set_to_insert(driver, batch, 0, answer->n_done, driver->device);
	bool is_inserted = insert_pages(driver, batch, &n_strays);
	BALLOON_ADD(batch->n_moved, answer->n_done - n_strays);
	if (n_strays > 0)
		BALLOON_WRITE(batch->error, -EEXIST);
	if (answer->is_refused) {
		struct balloon_page refused = BALLOON_READ(pages[answer->n_done]);
		if (!refusals_set_frame_aside(driver, batch, refused, answer->error)) {
			count_returned(driver, batch, 1);
			driver_free(driver, &refused, 1);
		}
	}
	answer->goes_on = answer->goes_on && is_inserted;
	if (!answer->goes_on) {
		uint32_t first = answer->n_done + (answer->is_refused ? 1 : 0);
		count_returned(driver, batch, answer->n_left);
		driver_free(driver, pages + first, answer->n_left);
	}
	return is_inserted;
}

/* The host gave n_done pages back: they are the source's. Returns whether the others are inserted. */
static bool follow_deflation(
	struct balloon_driver *driver, struct balloon_batch *batch, struct answer *answer)
{
	struct balloon_page *pages = batch->request.pages;
	struct balloon_device *home = home_of(driver, BALLOON_READ(batch->life.route));
	uint32_t n_refused = answer->is_refused ? 1 : 0;
	uint32_t n_back = n_refused + (answer->goes_on ? 0 : answer->n_left);
	uint32_t n_strays;
	driver_free(driver, pages, answer->n_done);
	BALLOON_ADD(batch->n_moved, answer->n_done);
	count_returned(driver, batch, n_back);
	set_to_insert(driver, batch, answer->n_done, answer->n_done + n_back, home);
	bool is_inserted = insert_pages(driver, batch, &n_strays);
	if (is_inserted && answer->is_refused)
		refusals_set_page_aside(
			driver, home, BALLOON_READ(pages[answer->n_done]), answer->error);
	if (answer->goes_on && !is_inserted) {
		answer->goes_on = false;
		count_returned(driver, batch, answer->n_left);
		driver_moved(driver, home, pages + answer->n_done + n_back, answer->n_left, true);
		BALLOON_ADD(batch->end_insert, answer->n_left);
	}
	return is_inserted;
}

uint32_t batch_follow(struct balloon_driver *driver, struct balloon_batch *batch,
	struct answer *answer, int *result)
{
	struct balloon_page *pages = batch->request.pages;
	bool is_in = life_is_inflation(BALLOON_READ(batch->life.route));
	driver_account(driver, pages, answer->n_done, &answer->acknowledgement);
	bool is_inserted = is_in ? follow_inflation(driver, batch, answer)
				 : follow_deflation(driver, batch, answer);
	if (!answer->goes_on) {
		*result = end(driver, batch, is_inserted);
		return 0;
	}
	uint32_t first = answer->n_done + (answer->is_refused ? 1 : 0);
	for (uint32_t i = 0; i < answer->n_left; i++)
		BALLOON_WRITE(pages[i], BALLOON_READ(pages[first + i]));
	batch_step(driver_lock(driver), batch, LIFE_AGAIN, 0);
	driver_unlock(driver);
	return answer->n_left;
}

bool batch_not_told(
	struct balloon_driver *driver, struct balloon_batch *batch, int error, int *result)
{
	struct answer answer = {.n_left = BALLOON_READ(batch->n_pages)};
	BALLOON_WRITE(batch->error, error);
	batch_step(driver_lock(driver), batch, LIFE_REJECTED, 0);
	driver_unlock(driver);
	return batch_follow(driver, batch, &answer, result) > 0;
}
