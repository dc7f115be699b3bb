/* SPDX-License-Identifier: MIT */
/*
 * Migration: the host is told about both pages, then they are swapped.
 *
 * Two requests, one to inflate the new pages and one to deflate the old ones, are submitted together and
 * waited for together. Each page is then accepted, refused, or unanswered; what becomes of a pair follows
 * from the two (outcome_of() is the whole table). An unanswered request becomes nobody's, as any other,
 * after the old pages have left the balloon: the driver owns its pages until the answer comes.
 *
 * The old pages are isolated by the caller all the while, so nobody else touches them. Should somebody end
 * that isolation all the same, the counts follow what happened, not what was meant to.
 */
#include "driver/answer.h"
#include "driver/batch.h"
#include "driver/left.h"
#include "driver/lock.h"
#include "driver/state.h"
#include "driver/tell.h"

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
	bool is_in_answered;
	bool is_out_answered;
	uint32_t n_swapped;
};

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

static enum verdict verdict_of(
	const struct balloon_batch *batch, bool is_answered, struct balloon_page page)
{
	if (!is_answered)
		return UNANSWERED;
	return balloon_request_did(&batch->request, page) ? ACCEPTED : REFUSED;
}

/* ---- Before the host is told ----------------------------------------------------------------- */

/*
 * A frame that looks ballooned to the lockless pre-check may be one that a scanner with a stale view is just
 * letting go: whoever can isolate it knows better.
 */
static int check_frame(struct balloon_memmap *map, struct balloon_page page)
{
	if (balloon_page_device(map, page))
		return -EEXIST;
	if (!balloon_page_is_candidate(map, page))
		return 0;
	int result = balloon_page_isolate(map, page);
	if (result == 0) {
		balloon_page_putback(map, page);
		return -EEXIST;
	}
	return result == -EAGAIN ? -EAGAIN : 0;
}

/* Are these pages that can be swapped? The caller has isolated the old ones, so the answer stays. */
static int check_pages(const struct migration *m)
{
	struct balloon_memmap *map = m->driver->config.map;
	for (uint32_t i = 0; i < m->n_pages; i++) {
		if (m->new_pages[i].index >= balloon_memmap_n_pages(map) ||
			m->old_pages[i].index >= balloon_memmap_n_pages(map))
			return -ERANGE;
		struct balloon_device *device = balloon_page_device(map, m->old_pages[i]);
		if (device != m->driver->device)
			return device ? -EXDEV : -ESTALE;
		int result = check_frame(map, m->new_pages[i]);
		if (result < 0)
			return result;
	}
	return 0;
}

static int prepare(struct balloon_batch *batch, enum balloon_request_kind kind,
	const struct balloon_page *pages, uint32_t n_pages)
{
	for (uint32_t i = 0; i < n_pages; i++)
		BALLOON_WRITE(batch->request.pages[i], pages[i]);
	BALLOON_WRITE(batch->n_pages, n_pages);
	BALLOON_WRITE(batch->n_told, n_pages);
	BALLOON_WRITE(batch->request.event, NULL);
	return balloon_request_prepare(&batch->request, kind, n_pages); /* -EINVAL: a page twice */
}

static int take_requests(struct migration *m)
{
	struct driver_state *state = driver_lock(m->driver);
	m->in = batch_take(state, ROUTE_NEW, 0, false);
	m->out = m->in ? batch_take(state, ROUTE_OLD, 0, false) : NULL;
	driver_unlock(m->driver);
	if (m->in && !m->out)
		batch_give_up(m->driver, m->in, 0);
	return m->out ? 0 : -EAGAIN;
}

static void give_up(const struct migration *m)
{
	batch_give_up(m->driver, m->out, 0);
	batch_give_up(m->driver, m->in, 0);
}

/* ---- Telling --------------------------------------------------------------------------------- */

static int submit(struct balloon_driver *driver, struct balloon_batch *batch)
{
	int error = balloon_request_submit(driver_channel(driver), &batch->request);
	struct driver_state *state = driver_lock(driver);
	if (error == 0)
		batch_accepted(state, batch);
	else
		batch_step(state, batch, LIFE_REJECTED, 0);
	driver_unlock(driver);
	return error;
}

/* The host was told nothing: all is as before. */
static int undo(const struct migration *m, int error)
{
	struct driver_state *state = driver_lock(m->driver);
	batch_step(state, m->out, LIFE_REJECTED, 0);
	batch_step(state, m->in, LIFE_RETURNED, m->n_pages);
	batch_step(state, m->out, LIFE_RETURNED, m->n_pages);
	driver_unlock(m->driver);
	batch_end(m->driver, m->in);
	batch_end(m->driver, m->out);
	if (error == -EAGAIN || error == -ENODEV)
		return error;
	state = driver_lock(m->driver);
	BALLOON_WRITE(state->last_refusal, error);
	driver_unlock(m->driver);
	return -EIO;
}

/* Ask the host for both. If only the second request could not be submitted, that is as good as refused. */
static int tell(struct migration *m, uint64_t host_until_ns)
{
	struct balloon_driver *driver = m->driver;
	/* Both sides in one step: what a run expects of the balloon does not change. */
	struct driver_state *state = driver_lock(driver);
	batch_step(state, m->in, LIFE_GOT, m->n_pages);
	batch_step(state, m->out, LIFE_GOT, m->n_pages);
	driver_unlock(driver);
	int error = submit(driver, m->in);
	if (error < 0)
		return undo(m, error);
	bool is_out = submit(driver, m->out) == 0;
	m->is_in_answered = batch_await(driver, m->in, host_until_ns) == 0;
	m->is_out_answered = !is_out || batch_await(driver, m->out, host_until_ns) == 0;
	if (!is_out)
		BALLOON_WRITE(m->out->request.n_done, 0);
	return 0;
}

/* ---- Booking what the host said -------------------------------------------------------------- */

static void decide(const struct migration *m)
{
	for (uint32_t i = 0; i < m->n_pages; i++)
		m->outcomes[i] = outcome_of(verdict_of(m->in, m->is_in_answered, m->new_pages[i]),
			verdict_of(m->out, m->is_out_answered, m->old_pages[i]));
}

static uint32_t n_done_of(
	struct driver_state *state, const struct migration *m, const struct balloon_batch *batch)
{
	uint32_t n_done = BALLOON_READ(batch->request.n_done);
	if (n_done < m->n_pages) {
		BALLOON_ADD(state->n_refused, 1);
		if (BALLOON_READ(batch->request.error) < 0)
			BALLOON_WRITE(state->last_refusal, BALLOON_READ(batch->request.error));
	}
	return n_done;
}

/* The new pages that were accepted are inserted by swapping; those refused are the caller's. */
static unsigned count_in(const struct migration *m, struct driver_state *state)
{
	if (!m->is_in_answered)
		return 0;
	uint32_t n_done = n_done_of(state, m, m->in);
	unsigned effects = batch_step(state, m->in, LIFE_ANSWERED, n_done);
	if (n_done < m->n_pages)
		batch_step(state, m->in, LIFE_RETURNED, m->n_pages - n_done);
	return effects;
}

static unsigned count_out(const struct migration *m, struct driver_state *state)
{
	uint32_t n_kept = 0;
	unsigned effects = 0;
	if (!m->is_out_answered)
		return 0;
	uint32_t n_done = n_done_of(state, m, m->out);
	if (BALLOON_READ(m->out->life.state) == LIFE_AT_HOST)
		effects = batch_step(state, m->out, LIFE_ANSWERED, n_done);
	for (uint32_t i = 0; i < m->n_pages; i++)
		n_kept += (m->outcomes[i] & BALLOON_MIGRATED_KEPT_OLD) != 0;
	uint32_t n_quarantined = m->n_pages - n_done - n_kept;
	if (n_kept > 0)
		batch_step(state, m->out, LIFE_RETURNED, n_kept);
	if (n_quarantined > 0) {
		batch_step(state, m->out, LIFE_KEPT, n_quarantined);
		BALLOON_WRITE(
			state->quarantine_at_ns, time_after(balloon_platform_now_ns(),
							 BALLOON_READ(state->tuning.retry_ns)));
	}
	return effects;
}

/* Both sides in one step, and the program is told of one new number. */
static void count_answers(const struct migration *m)
{
	struct balloon_driver *driver = m->driver;
	const struct balloon_driver_config *config = &driver->config;
	struct driver_state *state = driver_lock(driver);
	unsigned in_effects = count_in(m, state);
	unsigned out_effects = count_out(m, state);
	/* Two changes, and one call that tells of both. */
	if ((in_effects & LIFE_ACCOUNT_IN) && (out_effects & LIFE_ACCOUNT_OUT))
		BALLOON_ADD(state->counts.sequence, -UINT64_C(1));
	struct acknowledgement a = acknowledgement_of(state, in_effects | out_effects);
	driver_unlock(driver);
	/* A request that is not answered yet has a number that the host may write any time. */
	if (config->account && (in_effects & LIFE_ACCOUNT_IN))
		config->account(config->account_context, m->in->request.pages,
			BALLOON_READ(m->in->request.n_done), -1);
	if (config->account && (out_effects & LIFE_ACCOUNT_OUT))
		config->account(config->account_context, m->out->request.pages,
			BALLOON_READ(m->out->request.n_done), +1);
	if (config->acknowledged && (a.effects & (LIFE_ACCOUNT_IN | LIFE_ACCOUNT_OUT)))
		config->acknowledged(config->acknowledged_context, a.n_acknowledged, a.sequence);
}

/* ---- Swapping -------------------------------------------------------------------------------- */

/*
 * End an old page's membership. Somebody else may have ended its isolation: put it back, then it is
 * isolated anew; or taken it out, then it is not the driver's to give, nor the caller's.
 */
static void leave_balloon(const struct migration *m, uint32_t i)
{
	struct balloon_driver *driver = m->driver;
	struct balloon_memmap *map = driver->config.map;
	struct balloon_page page = m->old_pages[i];
	int result = balloon_page_finalize(driver->device, page);
	if (result == -ESTALE && balloon_page_isolate(map, page) == 0) {
		if (balloon_page_device(map, page) == driver->device)
			result = balloon_page_finalize(driver->device, page);
		else
			balloon_page_putback(map, page);
	}
	if (result == 0)
		return;
	m->outcomes[i] &= (uint8_t) ~(unsigned)BALLOON_MIGRATED_GAVE_OLD;
	struct driver_state *state = driver_lock(driver);
	BALLOON_ADD(state->counts.n_strays, 1);
	driver_unlock(driver);
}

/*
 * Both memberships change in one critical section, if they can. If a scanner keeps the new page locked just
 * now, or somebody ended the old one's isolation, the old page leaves alone, and the new one is inserted by
 * itself.
 */
static void swap(struct migration *m, uint32_t i)
{
	struct balloon_driver *driver = m->driver;
	driver_moved(driver, driver->device, &m->new_pages[i], 1, true);
	if (balloon_page_migrate(driver->device, m->new_pages[i], m->old_pages[i]) == 0) {
		m->n_swapped++;
		return;
	}
	leave_balloon(m, i);
	uint32_t end = BALLOON_READ(m->in->end_insert);
	BALLOON_WRITE(m->in->request.pages[end], m->new_pages[i]);
	BALLOON_WRITE(m->in->end_insert, end + 1);
}

/* Every old page that is not kept ends its membership, by swapping if the new one was accepted. As many at a
 * time as can be. */
static void swap_all(struct migration *m)
{
	struct balloon_driver *driver = m->driver;
	uint8_t verdicts[BALLOON_MIGRATE_MAX];
	for (uint32_t i = 0; i < m->n_pages && i < BALLOON_MIGRATE_MAX; i++)
		verdicts[i] = (uint8_t)verdict_of(m->in, m->is_in_answered, m->new_pages[i]);
	BALLOON_WRITE(m->in->first_insert, 0);
	BALLOON_WRITE(m->in->end_insert, 0);
	BALLOON_WRITE(m->in->home, driver->device);
	for (uint32_t i = 0; i < m->n_pages; i++) {
		if (m->outcomes[i] & BALLOON_MIGRATED_KEPT_OLD)
			continue;
		if (verdicts[i] == ACCEPTED)
			swap(m, i);
		else
			leave_balloon(m, i);
		driver_moved(driver, driver->device, &m->old_pages[i], 1, false);
	}
}

/* Old pages that the host keeps although they were replaced. */
static void set_to_quarantine(const struct migration *m)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < m->n_pages; i++)
		if (verdict_of(m->out, true, m->old_pages[i]) == REFUSED &&
			!(m->outcomes[i] & BALLOON_MIGRATED_KEPT_OLD))
			m->out->scratch[n++] = m->old_pages[i];
	for (uint32_t i = 0; i < n; i++)
		BALLOON_WRITE(m->out->request.pages[i], m->out->scratch[i]);
	BALLOON_WRITE(m->out->first_insert, 0);
	BALLOON_WRITE(m->out->end_insert, n);
	BALLOON_WRITE(m->out->home, m->driver->quarantine);
}

/* Returns how many old pages are the caller's, or -EIO if nothing has changed. */
static int result_of(const struct migration *m)
{
	int n_given = 0;
	bool has_changed = false;
	for (uint32_t i = 0; i < m->n_pages; i++) {
		n_given += (m->outcomes[i] & BALLOON_MIGRATED_GAVE_OLD) != 0;
		has_changed |= m->outcomes[i] != BALLOON_MIGRATED_KEPT_OLD;
	}
	return has_changed ? n_given : -EIO;
}

/* What was not answered is nobody's from now on, what was is over. */
static void end(const struct migration *m)
{
	struct balloon_driver *driver = m->driver;
	struct driver_state *state = driver_lock(driver);
	BALLOON_ADD(state->n_migrated, m->n_swapped);
	driver_unlock(driver);
	if (m->is_out_answered)
		batch_end(driver, m->out);
	else
		batch_leave(driver, m->out);
	if (m->is_in_answered)
		batch_end(driver, m->in);
	else
		batch_leave(driver, m->in);
}

static int migrate(struct migration *m, uint64_t lock_until_ns, uint64_t host_until_ns)
{
	struct balloon_driver *driver = m->driver;
	int result = take_requests(m);
	if (result < 0)
		return result;
	result = prepare(m->in, BALLOON_REQUEST_INFLATE, m->new_pages, m->n_pages);
	if (result == 0)
		result = prepare(m->out, BALLOON_REQUEST_DEFLATE, m->old_pages, m->n_pages);
	if (result == 0)
		result = batch_lock(driver, m->in, driver->config.design->migration_locks,
			LOCK_MIGRATE, lock_until_ns);
	if (result < 0) {
		give_up(m);
		return result;
	}
	result = tell(m, host_until_ns);
	if (result < 0)
		return result;
	decide(m);
	count_answers(m);
	swap_all(m);
	if (m->is_out_answered)
		set_to_quarantine(m);
	result = result_of(m);
	end(m);
	return result;
}

/* ---- Calls ----------------------------------------------------------------------------------- */

uint32_t balloon_driver_migrate_max(const struct balloon_driver *driver)
{
	if (!driver)
		return 0;
	const struct balloon_channel_limits *limits = &driver_channel(driver)->limits;
	uint64_t max = earlier(driver->config.request_pages, BALLOON_MIGRATE_MAX);
	if (limits->request_pages)
		max = earlier(max, limits->request_pages);
	if (limits->request_ranges)
		max = earlier(max, limits->request_ranges);
	return (uint32_t)max;
}

static int call(struct migration *m, uint64_t lock_until_ns, uint64_t host_until_ns)
{
	struct balloon_driver *driver = m->driver;
	if (!driver || !m->new_pages || !m->old_pages || !m->outcomes || m->n_pages == 0 ||
		m->n_pages > balloon_driver_migrate_max(driver))
		return -EINVAL;
	for (uint32_t i = 0; i < m->n_pages; i++)
		m->outcomes[i] = BALLOON_MIGRATED_KEPT_OLD;
	int result = driver_enter(driver, CALL_MOVES);
	if (result < 0)
		return result;
	result = check_pages(m);
	if (result == 0)
		result = migrate(m, lock_until_ns, host_until_ns);
	return driver_leave(driver, CALL_MOVES, result);
}

int balloon_driver_migrate(struct balloon_driver *driver, const struct balloon_page *new_pages,
	const struct balloon_page *old_pages, uint32_t n_pages, uint8_t *outcomes)
{
	struct migration m = {.driver = driver,
		.new_pages = new_pages,
		.old_pages = old_pages,
		.n_pages = n_pages,
		.outcomes = outcomes};
	return call(&m, 0, BALLOON_NEVER);
}

int balloon_driver_migrate_until(struct balloon_driver *driver,
	const struct balloon_page *new_pages, const struct balloon_page *old_pages,
	uint32_t n_pages, uint8_t *outcomes, uint64_t deadline_ns)
{
	struct migration m = {.driver = driver,
		.new_pages = new_pages,
		.old_pages = old_pages,
		.n_pages = n_pages,
		.outcomes = outcomes};
	return call(&m, deadline_ns, deadline_ns);
}
