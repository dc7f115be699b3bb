/* SPDX-License-Identifier: MIT */
/* How far a driver is, and whether its counts are right. */

#include "driver/driver.h"
#include "driver/state.h"

static void copy_places(struct balloon_driver_progress *progress, const struct life_counts *counts)
{
	progress->n_pending = BALLOON_READ(counts->places[PLACE_PENDING]);
	progress->n_inflating = BALLOON_READ(counts->places[PLACE_INFLATING]);
	progress->n_enqueued = BALLOON_READ(counts->places[PLACE_ENQUEUED]);
	progress->n_deflating = BALLOON_READ(counts->places[PLACE_DEFLATING]);
	progress->n_quarantined = BALLOON_READ(counts->places[PLACE_QUARANTINED]);
	progress->n_set_aside = BALLOON_READ(counts->places[PLACE_SET_ASIDE]);
	progress->n_acknowledged = BALLOON_READ(counts->n_acknowledged);
	progress->n_requests = BALLOON_READ(counts->n_busy);
	progress->n_overdue = BALLOON_READ(counts->n_overdue);
}

static void copy_events(struct balloon_driver_progress *progress, const struct driver_state *state)
{
	progress->n_inflated = BALLOON_READ(state->counts.n_inflated);
	progress->n_deflated = BALLOON_READ(state->counts.n_deflated);
	progress->n_strays = BALLOON_READ(state->counts.n_strays);
	progress->n_timeouts = BALLOON_READ(state->counts.n_timeouts);
	progress->n_ended = BALLOON_READ(state->n_ended);
	progress->n_migrated = BALLOON_READ(state->n_migrated);
	progress->n_relieved = BALLOON_READ(state->n_relieved);
	progress->n_refused = BALLOON_READ(state->n_refused);
	progress->n_allocation_failures = BALLOON_READ(state->n_allocation_failures);
	progress->n_busy = BALLOON_READ(state->n_busy);
	progress->state = BALLOON_READ(state->state);
	progress->since_ns = BALLOON_READ(state->since_ns);
	progress->last_error = BALLOON_READ(state->last_error);
	progress->last_error_ns = BALLOON_READ(state->last_error_ns);
	progress->last_refusal = BALLOON_READ(state->last_refusal);
}

int balloon_driver_progress(struct balloon_driver *driver, struct balloon_driver_progress *progress)
{
	struct balloon_device_stats stats;
	if (!driver || !progress)
		return -EINVAL;
	driver_enter(driver, CALL_ANY);
	uint64_t now_ns = balloon_platform_now_ns();
	struct driver_state *state = driver_lock(driver);
	uint32_t target = driver_target(driver);
	state_look(state, target, now_ns);
	progress->target = target;
	copy_places(progress, &state->counts);
	copy_events(progress, state);
	driver_unlock(driver);
	progress->host_error = balloon_channel_error(driver_channel(driver));
	int result = balloon_device_stats(driver->device, &stats);
	progress->n_isolated = stats.n_isolated;
	driver_leave(driver, CALL_ANY, 0);
	return result;
}

bool balloon_driver_is_busy(struct balloon_driver *driver)
{
	if (!driver)
		return false;
	struct driver_state *state = driver_lock(driver);
	const uint64_t *places = state->counts.places;
	bool is_busy = BALLOON_READ(places[PLACE_INFLATING]) > 0 ||
		       BALLOON_READ(places[PLACE_DEFLATING]) > 0;
	driver_unlock(driver);
	return is_busy;
}

const char *balloon_driver_state_name(enum balloon_driver_state state)
{
	switch (state) {
	case BALLOON_DRIVER_IDLE:
		return "idle";
	case BALLOON_DRIVER_PROGRESSING:
		return "progressing";
	case BALLOON_DRIVER_STALLED:
		return "stalled";
	case BALLOON_DRIVER_HELD_OFF:
		return "held off";
	case BALLOON_DRIVER_QUIESCED:
		return "quiesced";
	case BALLOON_DRIVER_STOPPED:
		return "stopped";
	}
	return "unknown";
}

/* ---- Validity -------------------------------------------------------------------------------- */

static uint64_t n_held(struct balloon_device *device)
{
	struct balloon_device_stats stats;
	balloon_device_stats(device, &stats);
	return stats.n_listed + stats.n_isolated;
}

/* What requests that are nobody's hold: pages with the host by direction, and such to be inserted. */
struct held {
	uint64_t n_in;
	uint64_t n_out;
	uint64_t n_to_balloon;
	uint64_t n_to_quarantine;
	uint32_t n_busy;
	uint32_t n_left;
	uint64_t n_late;
};

static struct held count_held(const struct balloon_driver *driver)
{
	struct held held = {0, 0, 0, 0, 0, 0, 0};
	for (uint32_t i = 0; i < driver->n_batches; i++) {
		const struct balloon_batch *batch = &driver->batches[i];
		enum life_state state = batch->life.state;
		held.n_busy += state != LIFE_FREE;
		held.n_left += state == LIFE_LEFT || state == LIFE_LATE || state == LIFE_POSTPONED;
		held.n_late += state == LIFE_LATE;
		if (state == LIFE_LEFT || state == LIFE_LATE)
			*(life_is_inflation(batch->life.route) ? &held.n_in : &held.n_out) +=
				batch->life.n_pages;
		if (state == LIFE_POSTPONED)
			*(batch->home == driver->device ? &held.n_to_balloon
							: &held.n_to_quarantine) +=
				batch->end_insert - batch->first_insert;
	}
	return held;
}

static uint64_t n_frames_aside(const struct driver_state *state)
{
	uint64_t n = 0;
	for (uint32_t i = 0; i < state->n_refusals; i++)
		n += state->refusals[i].is_held &&
		     state->refusals[i].what.kind == BALLOON_REQUEST_INFLATE;
	return n;
}

/* Locks are held by requests alone, and not for longer than the host, or the page, has its time. */
static const char *find_lock_defect(const struct balloon_driver *driver)
{
	uint32_t n_holders[N_REQUEST_LOCKS] = {0, 0};
	for (uint32_t i = 0; i < driver->n_batches; i++) {
		const struct balloon_batch *batch = &driver->batches[i];
		if (batch->lock && batch->life.state != LIFE_LEFT)
			return "a request holds a lock, and is not with the host";
		for (unsigned k = 0; k < N_REQUEST_LOCKS; k++)
			n_holders[k] += ((unsigned)batch->lock >> k) & 1;
	}
	for (unsigned k = 0; k < N_REQUEST_LOCKS; k++) {
		const struct request_lock *lock = &driver->state.locks[k];
		if (lock->n_holders != n_holders[k])
			return "a lock is held by no request";
		for (unsigned i = 0; i < N_LOCK_DIRECTIONS; i++)
			if (lock->n_waiting[i] > 0)
				return "somebody is counted as waiting for a lock";
	}
	for (unsigned i = 0; i < N_LOCK_DIRECTIONS; i++)
		if (driver->state.n_asleep_for[i] > 0)
			return "a sleeper for a lock is counted";
	return NULL;
}

static const char *find_defect(struct balloon_driver *driver)
{
	const struct driver_state *state = &driver->state;
	const struct life_counts *counts = &state->counts;
	const uint64_t *at = counts->places;
	const struct held held = count_held(driver);
	if (state->n_inside > 0 || state->n_moving > 0 || state->n_relieving > 0)
		return "a call is counted as under way";
	if (state->n_sleepers > 0 || state->n_lock_sleepers > 0)
		return "a sleeper is counted";
	if (held.n_busy != held.n_left || held.n_busy != counts->n_busy ||
		held.n_left != counts->n_left)
		return "a request is some call's, and no call is under way";
	if (held.n_late != counts->n_overdue)
		return "overdue requests are miscounted";
	if (counts->n_planned_in || counts->n_planned_out)
		return "a plan is left over";
	if (at[PLACE_PENDING])
		return "frames are pending and no fill is under way";
	if (at[PLACE_INFLATING] != held.n_in)
		return "inflating pages are not those of unanswered requests";
	if (at[PLACE_DEFLATING] != held.n_out)
		return "deflating pages are not those of unanswered requests";
	if (at[PLACE_ENQUEUED] != n_held(driver->device) + held.n_to_balloon)
		return "enqueued pages are not those of the balloon";
	if (at[PLACE_QUARANTINED] != n_held(driver->quarantine) + held.n_to_quarantine)
		return "quarantined pages are not those of the quarantine";
	if (at[PLACE_SET_ASIDE] != n_frames_aside(state))
		return "frames set aside are not those that were refused";
	if (counts->n_acknowledged !=
		at[PLACE_ENQUEUED] + at[PLACE_DEFLATING] + at[PLACE_QUARANTINED])
		return "acknowledged is not what the host has";
	if (counts->n_acknowledged != counts->n_inflated - counts->n_deflated)
		return "acknowledged is not what was inflated less what was deflated";
	return find_lock_defect(driver);
}

int balloon_driver_validate(struct balloon_driver *driver, const char **what)
{
	if (!driver)
		return -EINVAL;
	const char *defect = find_defect(driver);
	if (what)
		*what = defect;
	return defect ? -EUCLEAN : 0;
}
