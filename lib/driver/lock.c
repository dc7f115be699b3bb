/* SPDX-License-Identifier: MIT */
/* Taking the locks that a design wants for a request. */

#include "channels/channel.h"
#include "channels/wait.h"
#include "driver/batch.h"
#include "driver/left.h"
#include "driver/lock.h"
#include "driver/state.h"

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
		BALLOON_ADD(state->n_lock_sleepers, n);
	else
		BALLOON_ADD(state->n_asleep_for[wait->direction], n);
}

/*
 * Asleep, it counts as a waiter, so that no more of the other direction join before it. While requests are
 * nobody's, one of which may hold the lock, it looks after them; else it is woken when its direction may have
 * the lock. The caller has the driver's lock, and loses it.
 */
BALLOON_LOCK_INTERNALS static void sleep_for_lock(
	struct balloon_driver *driver, struct lock_wait *wait, uint64_t until_ns)
{
	struct driver_state *state = &driver->state;
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
	channel_sleep_with_host(driver_channel(driver), event, seen, earlier(until_ns, look_at_ns));
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
			/* Whoever holds it waits for a host that will not answer. */
			if (balloon_channel_error(driver_channel(driver)) < 0)
				result = -ENODEV;
			now_ns = balloon_platform_now_ns();
			if (until_ns == 0)
				until_ns = earlier(limit_ns,
					time_after(now_ns,
						BALLOON_READ(state->tuning.host_timeout_ns)));
		}
		if (result != -EAGAIN || limit_ns == 0 || now_ns >= until_ns) {
			if (result == -EAGAIN)
				BALLOON_ADD(state->n_busy, 1);
			if (wait.is_asleep) /* others stood back */
				BALLOON_WRITE(state->is_lock_passed, true);
			driver_unlock_and_wake(driver);
			return result;
		}
		sleep_for_lock(driver, &wait, until_ns);
	}
}

int batch_lock_by_design(
	struct balloon_driver *driver, struct balloon_batch *batch, uint64_t limit_ns)
{
	bool is_in = life_is_inflation(BALLOON_READ(batch->life.route));
	return batch_lock(driver, batch, driver_hold(driver, is_in)->lock,
		is_in ? LOCK_FILL : LOCK_LEAK, limit_ns);
}
