/* SPDX-License-Identifier: MIT */
/* Claims about validity: what is wrong with a driver's counts is found, and said. */

#include "claims.h"
#include "driver/driver.h"

#include <string.h>

/* A count, and what is said if it is one too large. */
struct count {
	size_t offset;
	size_t size_bytes;
	const char *what;
};

#define COUNT(member, what)                                                                        \
	{                                                                                          \
		offsetof(struct driver_state, member),                                             \
			sizeof(((struct driver_state *)NULL)->member), what                        \
	}

static const char call[] = "a call is counted as under way";
static const char sleeper[] = "a sleeper is counted";
static const char request[] = "a request is some call's, and no call is under way";
static const char plan[] = "a plan is left over";
static const char deflated[] = "acknowledged is not what was inflated less what was deflated";
static const char lock[] = "a lock is held by no request";
static const char waiter[] = "somebody is counted as waiting for a lock";
static const char lock_sleeper[] = "a sleeper for a lock is counted";

static const struct count counts[] = {
	COUNT(n_inside, call),
	COUNT(n_moving, call),
	COUNT(n_relieving, call),
	COUNT(n_sleepers, sleeper),
	COUNT(n_lock_sleepers, sleeper),
	COUNT(counts.n_busy, request),
	COUNT(counts.n_left, request),
	COUNT(counts.n_overdue, "overdue requests are miscounted"),
	COUNT(counts.n_planned_in, plan),
	COUNT(counts.n_planned_out, plan),
	COUNT(counts.places[PLACE_PENDING], "frames are pending and no fill is under way"),
	COUNT(counts.places[PLACE_INFLATING],
		"inflating pages are not those of unanswered requests"),
	COUNT(counts.places[PLACE_DEFLATING],
		"deflating pages are not those of unanswered requests"),
	COUNT(counts.places[PLACE_ENQUEUED], "enqueued pages are not those of the balloon"),
	COUNT(counts.places[PLACE_QUARANTINED],
		"quarantined pages are not those of the quarantine"),
	COUNT(counts.places[PLACE_SET_ASIDE], "frames set aside are not those that were refused"),
	COUNT(counts.n_acknowledged, "acknowledged is not what the host has"),
	COUNT(counts.n_inflated, deflated),
	COUNT(counts.n_deflated, deflated),
	COUNT(locks[0].n_holders, lock),
	COUNT(locks[1].n_holders, lock),
	COUNT(locks[0].n_waiting[LOCK_FILL], waiter),
	COUNT(locks[1].n_waiting[LOCK_MIGRATE], waiter),
	COUNT(n_asleep_for[LOCK_FILL], lock_sleeper),
	COUNT(n_asleep_for[LOCK_LEAK], lock_sleeper),
	COUNT(n_asleep_for[LOCK_MIGRATE], lock_sleeper),
};
enum { N_COUNTS = sizeof(counts) / sizeof(counts[0]) };

static void change(struct balloon_driver *driver, const struct count *count, int by)
{
	void *at = (unsigned char *)&driver->state + count->offset;
	if (count->size_bytes == sizeof(uint64_t))
		*(uint64_t *)at += (uint64_t)(int64_t)by;
	else
		*(uint32_t *)at += (uint32_t)by;
}

static void check_defect(struct balloon_driver *driver, const char *expected)
{
	const char *what = NULL;
	CHECK_EQ(balloon_driver_validate(driver, &what), -EUCLEAN);
	CHECK_EQ(balloon_driver_validate(driver, NULL), -EUCLEAN);
	if (!what || strcmp(what, expected) != 0)
		engine_fail(ENGINE_CLAIM, "'%s', not '%s'", what ? what : "", expected);
}

static void short_timeout(struct balloon_driver_config *config)
{
	config->host_timeout_ns = 5 * MS;
	config->retry_ns = 1000 * MS;
}

/* Pages in every place where pages can be while no call is under way, and a request that is late. */
static void open_mixed(struct fixture *fixture, const struct balloon_strategy *strategy,
	const struct balloon_driver_design *design)
{
	open_fixture(fixture, strategy, design, short_timeout);
	reach(fixture, 20);
	host_at(&fixture->host, 2, HOST_REFUSES);
	CHECK_EQ(fixture_migrate(fixture, 1), 0);
	host_always(&fixture->host, HOST_KEEPS);
	CHECK_EQ(balloon_driver_leak(fixture->driver, 2), -ETIMEDOUT);
	host_always(&fixture->host, HOST_REFUSES);
	CHECK_EQ(balloon_driver_fill(fixture->driver, 1), -EIO);
	host_always(&fixture->host, HOST_KEEPS);
	balloon_driver_set_target(fixture->driver, 40);
	CHECK_EQ(balloon_driver_poll(fixture->driver, NULL), 1);
	struct balloon_driver_progress progress = fixture_progress(fixture);
	CHECK(progress.n_inflating > 0 && progress.n_enqueued > 0 && progress.n_deflating > 0 &&
		progress.n_quarantined > 0 && progress.n_set_aside > 0 && progress.n_overdue > 0);
}

DRIVER_CLAIM(defects, each_count_that_is_wrong_is_found)
{
	struct fixture fixture;
	open_mixed(&fixture, strategy, design);
	for (uint32_t i = 0; i < N_COUNTS; i++) {
		const char *what = "";
		CHECK_EQ(balloon_driver_validate(fixture.driver, &what), 0);
		CHECK(!what);
		change(fixture.driver, &counts[i], +1);
		check_defect(fixture.driver, counts[i].what);
		change(fixture.driver, &counts[i], -1);
	}
	close_fixture(&fixture);
}

/* A free one, and one that is late. */
DRIVER_CLAIM(defects, a_lock_of_a_request_that_is_not_with_its_host_is_found)
{
	struct fixture fixture;
	open_mixed(&fixture, strategy, design);
	for (uint32_t i = 0; i < fixture.driver->n_batches; i++) {
		struct balloon_batch *batch = &fixture.driver->batches[i];
		if (batch->life.state == LIFE_LEFT)
			continue;
		batch->lock = BALLOON_DRIVER_LOCK_2;
		check_defect(fixture.driver, "a request holds a lock, and is not with the host");
		batch->lock = BALLOON_DRIVER_NO_LOCK;
	}
	close_fixture(&fixture);
}
