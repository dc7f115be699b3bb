/* SPDX-License-Identifier: MIT */
/*
 * The driver's lock and what is decided under it: who is inside, who holds what, what is expected.
 *
 * One short lock, a leaf: nobody's functions run under it. Whoever changes what somebody may be asleep for
 * signals the driver's event after the lock; where nobody sleeps there, that costs nothing.
 */
#include "driver/batch.h"
#include "driver/left.h"
#include "driver/state.h"

/* Of those who sleep for a lock, the directions that may have it now. The caller has the lock. */
static unsigned directions_to_wake(
	const struct balloon_driver *driver, const struct driver_state *state)
{
	unsigned directions = BALLOON_READ(state->wakes_directions);
	if (!BALLOON_READ(state->is_lock_passed))
		return directions;
	for (unsigned i = 0; i < N_LOCK_DIRECTIONS; i++)
		if (BALLOON_READ(state->n_asleep_for[i]) > 0 &&
			state_can_lock(state,
				(enum balloon_driver_lock)driver_locks(
					driver, (enum lock_direction)i),
				(enum lock_direction)i))
			directions |= 1u << i;
	return directions;
}

static void wake(struct balloon_driver *driver, bool has_sleepers, unsigned directions)
{
	struct balloon_channel *channel = driver_channel(driver);
	if (has_sleepers)
		balloon_channel_signal(channel, &driver->event);
	for (unsigned i = 0; i < N_LOCK_DIRECTIONS; i++)
		if (directions & (1u << i))
			balloon_channel_signal(channel, &driver->lock_events[i]);
}

static void count_call(struct driver_state *state, enum driver_call call, uint32_t n)
{
	BALLOON_ADD(state->n_inside, n);
	if (call == CALL_MOVES)
		BALLOON_ADD(state->n_moving, n);
}

BALLOON_LOCK_INTERNALS static void unlock_and_wake_sleepers(struct balloon_driver *driver)
{
	struct driver_state *state = &driver->state;
	bool is_passed = BALLOON_READ(state->is_lock_passed);
	bool has_sleepers = BALLOON_READ(state->n_sleepers) > 0 ||
			    (is_passed && BALLOON_READ(state->n_lock_sleepers) > 0);
	unsigned directions = directions_to_wake(driver, state);
	BALLOON_WRITE(state->is_lock_passed, false);
	BALLOON_WRITE(state->wakes_directions, 0u);
	bool has_left = BALLOON_READ(state->has_left);
	/* Once nobody is inside a stopped driver it may be gone. */
	if (has_left && state_halted(state) < 0) {
		wake(driver, has_sleepers, directions);
		driver_unlock(driver);
		return;
	}
	/* Woken under the lock they would wait for it at once: the call stays until it has woken them. */
	enum driver_call call = BALLOON_READ(state->left_call);
	if (has_left) {
		count_call(state, call, 1);
		BALLOON_WRITE(state->has_left, false);
	}
	driver_unlock(driver);
	wake(driver, has_sleepers, directions);
	if (has_left) {
		state_leave(driver_lock(driver), call);
		driver_unlock_left(driver);
	}
}

static bool has_any_sleeper(const struct driver_state *state)
{
	uint32_t n = BALLOON_READ(state->n_sleepers) + BALLOON_READ(state->n_lock_sleepers);
	for (unsigned i = 0; i < N_LOCK_DIRECTIONS; i++)
		n += BALLOON_READ(state->n_asleep_for[i]);
	return n > 0;
}

BALLOON_LOCK_INTERNALS void driver_unlock_and_wake(struct balloon_driver *driver)
{
	if (has_any_sleeper(&driver->state)) {
		unlock_and_wake_sleepers(driver);
		return;
	}
	BALLOON_WRITE(driver->state.is_lock_passed, false);
	driver_unlock(driver);
}

void state_wake_directions(struct driver_state *state)
{
	unsigned directions = 0;
	for (unsigned i = 0; i < N_LOCK_DIRECTIONS; i++)
		if (BALLOON_READ(state->n_asleep_for[i]) > 0)
			directions |= 1u << i;
	BALLOON_WRITE(state->wakes_directions, directions);
}

BALLOON_LOCK_INTERNALS void driver_unlock_after(struct balloon_driver *driver, unsigned effects)
{
	if (effects & LIFE_WAKE)
		driver_unlock_and_wake(driver);
	else
		driver_unlock(driver);
}

BALLOON_LOCK_INTERNALS void driver_unlock_left(struct balloon_driver *driver)
{
	if (state_halted(&driver->state) < 0)
		driver_unlock_and_wake(driver);
	else
		driver_unlock(driver);
}

void driver_wake_all(struct balloon_driver *driver)
{
	balloon_channel_signal(driver_channel(driver), &driver->event);
	for (unsigned i = 0; i < N_LOCK_DIRECTIONS; i++)
		balloon_channel_signal(driver_channel(driver), &driver->lock_events[i]);
	for (uint32_t i = 0; i < driver->n_batches; i++)
		balloon_channel_signal(driver_channel(driver), &driver->batches[i].event);
}

/* ---- Calls ----------------------------------------------------------------------------------- */

int state_halted(const struct driver_state *state)
{
	if (BALLOON_READ(state->is_stopped))
		return -ECANCELED;
	return BALLOON_READ(state->is_quiesced) ? -EBUSY : 0;
}

int state_enter(struct driver_state *state, enum driver_call call)
{
	int result = call == CALL_ANY ? 0 : state_halted(state);
	if (result == -EBUSY && call == CALL_RULES)
		result = 0;
	if (result < 0)
		return result;
	count_call(state, call, 1);
	return 0;
}

void state_leave(struct driver_state *state, enum driver_call call)
{
	count_call(state, call, -1u);
	BALLOON_WRITE(state->has_left, true);
	BALLOON_WRITE(state->left_call, call);
}

bool state_mark(struct driver_state *state, struct balloon_batch *batch)
{
	if (BALLOON_READ(state->is_marked))
		return false;
	BALLOON_WRITE(state->is_marked, true);
	BALLOON_WRITE(batch->is_marked, true);
	return true;
}

void state_note(struct driver_state *state, int result)
{
	if (result < 0) {
		BALLOON_WRITE(state->last_error, result);
		BALLOON_WRITE(state->last_error_ns, balloon_platform_now_ns());
	}
	if (result != 0)
		BALLOON_WRITE(state->has_failed, result < 0);
}

int driver_enter(struct balloon_driver *driver, enum driver_call call)
{
	int result = state_enter(driver_lock(driver), call);
	driver_unlock(driver);
	if (result == 0)
		driver_look_after_if_due(driver);
	return result;
}

int driver_leave(struct balloon_driver *driver, enum driver_call call, int result)
{
	struct driver_state *state = driver_lock(driver);
	if (call == CALL_MOVES)
		state_note(state, result);
	state_leave(state, call);
	driver_unlock_left(driver);
	return result;
}

/* ---- How far it is --------------------------------------------------------------------------- */

/* A migration may shrink the balloon below what a step has planned. */
uint64_t state_expected(const struct driver_state *state)
{
	const struct life_counts *counts = &state->counts;
	uint64_t n_in = BALLOON_READ(counts->places[PLACE_PENDING]) +
			BALLOON_READ(counts->places[PLACE_INFLATING]) +
			BALLOON_READ(counts->places[PLACE_ENQUEUED]) +
			BALLOON_READ(counts->n_planned_in);
	return difference(n_in, BALLOON_READ(counts->n_planned_out));
}

bool state_is_at_rest(const struct driver_state *state, uint32_t target)
{
	const struct life_counts *counts = &state->counts;
	return BALLOON_READ(counts->n_busy) == 0 &&
	       BALLOON_READ(counts->places[PLACE_QUARANTINED]) == 0 &&
	       BALLOON_READ(counts->places[PLACE_SET_ASIDE]) == 0 &&
	       BALLOON_READ(counts->places[PLACE_ENQUEUED]) == target;
}

uint64_t state_held_off_until(struct driver_state *state)
{
	uint64_t until_ns = BALLOON_READ(state->hold_until_ns);
	if (until_ns == 0)
		return 0;
	if (balloon_platform_now_ns() < until_ns)
		return until_ns;
	BALLOON_WRITE(state->hold_until_ns, 0);
	return 0;
}

void state_hold_off(struct driver_state *state, uint64_t until_ns)
{
	if (until_ns > BALLOON_READ(state->hold_until_ns))
		BALLOON_WRITE(state->hold_until_ns, until_ns);
}

static enum balloon_driver_state doing(
	const struct driver_state *state, uint32_t target, uint64_t now_ns)
{
	if (BALLOON_READ(state->is_stopped))
		return BALLOON_DRIVER_STOPPED;
	if (BALLOON_READ(state->is_quiesced))
		return BALLOON_DRIVER_QUIESCED;
	if (state_is_at_rest(state, target))
		return BALLOON_DRIVER_IDLE;
	if (state_expected(state) < target && now_ns < BALLOON_READ(state->hold_until_ns))
		return BALLOON_DRIVER_HELD_OFF;
	return BALLOON_READ(state->has_failed) ? BALLOON_DRIVER_STALLED
					       : BALLOON_DRIVER_PROGRESSING;
}

void state_look(struct driver_state *state, uint32_t target, uint64_t now_ns)
{
	enum balloon_driver_state now = doing(state, target, now_ns);
	if (now == BALLOON_READ(state->state) && BALLOON_READ(state->since_ns))
		return;
	BALLOON_WRITE(state->state, now);
	BALLOON_WRITE(state->since_ns, now_ns);
}

/* ---- The locks that requests hold ------------------------------------------------------------ */

static uint32_t n_waiting_against(const struct request_lock *lock, enum lock_direction direction)
{
	uint32_t n = 0;
	for (unsigned i = 0; i < N_LOCK_DIRECTIONS; i++)
		if (i != (unsigned)direction)
			n += BALLOON_READ(lock->n_waiting[i]);
	return n;
}

/*
 * Whose turn it is, of those that wait, when nobody has it: fills and leaks come by turns, and a migration, which
 * is one small request each way, between any two turns of theirs.
 */
static bool is_turn_of(const struct request_lock *lock, enum lock_direction direction)
{
	enum lock_direction next = BALLOON_READ(lock->moved) == LOCK_FILL ? LOCK_LEAK : LOCK_FILL;
	bool is_migration_first = BALLOON_READ(lock->direction) != LOCK_MIGRATE;
	bool has_migration = BALLOON_READ(lock->n_waiting[LOCK_MIGRATE]) > 0;
	bool has_next = BALLOON_READ(lock->n_waiting[next]) > 0;
	if (direction == LOCK_MIGRATE)
		return is_migration_first || n_waiting_against(lock, direction) == 0;
	return !(is_migration_first && has_migration) && (direction == next || !has_next);
}

/*
 * Who holds it lets others of its direction join, unless it migrates. Once somebody waits in the other one, so
 * many more do at most: threads that fill and leak by turns would else change the direction for every request.
 * While a migration waits nobody joins.
 */
static bool can_have(const struct request_lock *lock, enum lock_direction direction)
{
	enum { JOIN_MAX = 16 };
	if (BALLOON_READ(lock->n_holders) == 0)
		return is_turn_of(lock, direction);
	if (direction == LOCK_MIGRATE || BALLOON_READ(lock->direction) != direction)
		return false;
	if (BALLOON_READ(lock->n_waiting[LOCK_MIGRATE]) > 0)
		return false;
	return n_waiting_against(lock, direction) == 0 || BALLOON_READ(lock->n_joined) < JOIN_MAX;
}

bool state_can_lock(const struct driver_state *state, enum balloon_driver_lock locks,
	enum lock_direction direction)
{
	for (unsigned i = 0; i < N_REQUEST_LOCKS; i++)
		if (((unsigned)locks & (1u << i)) && !can_have(&state->locks[i], direction))
			return false;
	return true;
}

bool state_lock_request(struct driver_state *state, struct balloon_batch *batch,
	enum balloon_driver_lock locks, enum lock_direction direction)
{
	if (!state_can_lock(state, locks, direction))
		return false;
	for (unsigned i = 0; i < N_REQUEST_LOCKS; i++) {
		struct request_lock *lock = &state->locks[i];
		if (!((unsigned)locks & (1u << i)))
			continue;
		uint32_t n_joined = n_waiting_against(lock, direction) > 0
					    ? BALLOON_READ(lock->n_joined) + 1
					    : 0;
		bool is_same = BALLOON_READ(lock->direction) == direction;
		BALLOON_WRITE(lock->n_joined, is_same ? n_joined : 0);
		BALLOON_WRITE(lock->direction, direction);
		if (direction != LOCK_MIGRATE)
			BALLOON_WRITE(lock->moved, direction);
		BALLOON_ADD(lock->n_holders, 1);
	}
	BALLOON_WRITE(batch->lock, locks);
	return true;
}

void state_unlock_request(struct driver_state *state, struct balloon_batch *batch)
{
	unsigned locks = BALLOON_READ(batch->lock);
	for (unsigned i = 0; i < N_REQUEST_LOCKS; i++) {
		struct request_lock *lock = &state->locks[i];
		if (!(locks & (1u << i)))
			continue;
		BALLOON_ADD(lock->n_holders, -1u);
		if (BALLOON_READ(lock->n_holders) == 0)
			BALLOON_WRITE(state->is_lock_passed, true);
	}
	BALLOON_WRITE(batch->lock, BALLOON_DRIVER_NO_LOCK);
}

void state_await_lock(
	struct driver_state *state, unsigned locks, enum lock_direction direction, bool is_waiting)
{
	for (unsigned i = 0; i < N_REQUEST_LOCKS; i++)
		if (locks & (1u << i))
			BALLOON_ADD(state->locks[i].n_waiting[direction], is_waiting ? 1u : -1u);
}
