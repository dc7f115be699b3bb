/* SPDX-License-Identifier: MIT */
/*
 * Faults at every place: the n-th request, the n-th allocation, for every n of one scenario, for each
 * kind of fault. Nothing is lost, nothing hangs, all counts are right.
 */
#include "claims.h"

/* A host that does not answer costs this much time each time. */
static void be_quick(struct balloon_driver_config *config)
{
	config->host_timeout_ns = MS / 2;
	config->allocation_backoff_ns = MS / 10;
	config->relief_holdoff_ns = MS / 10;
	config->retry_ns = MS / 10;
}

enum { PLACES = 24 }; /* as many as there are requests, or allocations */

/* Fill, move, leak, be relieved, fill again: some of each, results do not matter. */
static void play(struct fixture *fixture)
{
	struct balloon_driver *driver = fixture->driver;
	balloon_driver_fill(driver, 5);
	balloon_driver_set_target(driver, 60);
	for (int i = 0; i < 5; i++)
		balloon_driver_step(driver);
	fixture_migrate(fixture, 4);
	balloon_driver_leak(driver, 7);
	fixture_migrate(fixture, 9);
	balloon_driver_relieve(driver, 10, NULL);
	balloon_driver_fill(driver, 6);
	balloon_driver_set_target(driver, 20);
	for (int i = 0; i < 4; i++)
		balloon_driver_step(driver);
	fixture_migrate(fixture, 1);
}

/* How many requests and allocations the scenario makes when nothing goes wrong. */
DRIVER_CLAIM(faults, are_put_at_every_place)
{
	struct fixture fixture;
	open_fixture(&fixture, strategy, design, be_quick);
	play(&fixture);
	CHECK(host_n_requests(&fixture.host) >= 12 && fixture.source.n_calls >= 5);
	CHECK(host_n_requests(&fixture.host) <= PLACES && fixture.source.n_calls <= PLACES);
	close_fixture(&fixture);
}

static void play_with(const struct balloon_strategy *strategy,
	const struct balloon_driver_design *design, uint64_t n, enum host_behaviour behaviour,
	bool goes_on)
{
	struct fixture fixture;
	open_fixture(&fixture, strategy, design, be_quick);
	host_at(&fixture.host, n, behaviour);
	fixture.host.goes_on = goes_on;
	play(&fixture);
	check_fixture(&fixture);
	host_at(&fixture.host, 0, HOST_TAKES);
	host_answer(&fixture.host, n % 3 == 0 ? 2 : UINT32_MAX);
	check_fixture(&fixture);
	CHECK_EQ(fixture_progress(&fixture).n_overdue, 0);
	reach(&fixture, 33);
	close_fixture(&fixture);
}

/* The n-th request, for each n that there is. */
static void fault_at(const struct balloon_strategy *strategy,
	const struct balloon_driver_design *design, enum host_behaviour behaviour, bool goes_on)
{
	play_with(strategy, design, claim_number(), behaviour, goes_on);
}

DRIVER_CLAIMS(faults, a_refused_request_loses_nothing, PLACES)
{
	fault_at(strategy, design, HOST_REFUSES, false);
	fault_at(strategy, design, HOST_HALVES, false);
	fault_at(strategy, design, HOST_REJECTS, false);
}

DRIVER_CLAIMS(faults, a_host_that_refuses_for_good_loses_nothing, PLACES)
{
	fault_at(strategy, design, HOST_REFUSES, true);
	fault_at(strategy, design, HOST_HALVES, true);
}

DRIVER_CLAIMS(faults, an_answer_that_is_late_or_missing_loses_nothing, PLACES)
{
	fault_at(strategy, design, HOST_IS_LATE, false);
	fault_at(strategy, design, HOST_KEEPS, false);
}

DRIVER_CLAIMS(faults, a_host_that_never_answers_again_loses_nothing, PLACES)
{
	fault_at(strategy, design, HOST_KEEPS, true);
}

DRIVER_CLAIMS(faults, answers_that_cannot_be_are_refused, PLACES)
{
	fault_at(strategy, design, HOST_TWICE, false);
	fault_at(strategy, design, HOST_WRONG, false);
}

DRIVER_CLAIMS(faults, a_failed_allocation_loses_nothing, PLACES)
{
	struct fixture fixture;
	open_fixture(&fixture, strategy, design, be_quick);
	source_fail_at(&fixture.source, claim_number());
	play(&fixture);
	check_fixture(&fixture);
	reach(&fixture, 33);
	close_fixture(&fixture);
}

/* The host dies with the n-th request, or keeps the n-th and dies: the guest takes everything back. */
static void die(const struct balloon_strategy *strategy, const struct balloon_driver_design *design,
	uint64_t n, enum host_behaviour last)
{
	struct fixture fixture;
	open_fixture(&fixture, strategy, design, be_quick);
	host_at(&fixture.host, n, last);
	fixture.host.goes_on = true;
	play(&fixture);
	check_fixture(&fixture);
	balloon_driver_set_target(fixture.driver, 50);
	int result = balloon_driver_run(fixture.driver, in_ms(5), NULL, NULL);
	if (host_n_requests(&fixture.host) < fixture.host.fault_at)
		CHECK_EQ(result, 0); /* there were not so many */
	else
		CHECK(result == -ENODEV || result == -ETIMEDOUT);
	CHECK_EQ(balloon_driver_reset(fixture.driver), -EBUSY);
	CHECK_EQ(balloon_driver_stop(fixture.driver, in_ms(60000)), 0);
	CHECK_EQ(balloon_driver_reset(fixture.driver), 0);
	CHECK_EQ(balloon_driver_fill(fixture.driver, 1), -ECANCELED);
	CHECK_EQ(source_n_free(&fixture.source), FIXTURE_PAGES);
	close_fixture(&fixture);
}

DRIVER_CLAIMS(faults, from_a_host_that_is_gone_everything_is_taken_back, PLACES)
{
	die(strategy, design, claim_number(), HOST_GONE);
	die(strategy, design, claim_number(), HOST_KEEPS);
}

/* ---- Deadlines ------------------------------------------------------------------------------- */

static void be_slow(struct balloon_driver_config *config)
{
	config->host_timeout_ns = 20 * MS;
	config->retry_ns = 5 * MS;
}

/* A call waits for a lock as long as for the host, and for either once. Then it says so. */
DRIVER_CLAIM(faults, a_host_that_does_not_answer_makes_an_error_in_time)
{
	struct fixture fixture;
	open_fixture(&fixture, strategy, design, be_slow);
	CHECK_EQ(balloon_driver_fill(fixture.driver, 9), 9);
	host_always(&fixture.host, HOST_KEEPS);
	uint64_t begin_ns = engine_now_ns();
	CHECK_EQ(balloon_driver_fill(fixture.driver, 3), -ETIMEDOUT);
	CHECK_EQ(balloon_driver_leak(fixture.driver, 4), -ETIMEDOUT);
	CHECK_EQ(engine_now_ns() - begin_ns, 40 * MS);
	struct balloon_driver_progress progress = fixture_progress(&fixture);
	CHECK_EQ(progress.n_inflating, 3);
	CHECK_EQ(progress.n_deflating, 4);
	CHECK_EQ(progress.n_enqueued, 5);
	CHECK_EQ(progress.n_overdue, 2);
	CHECK_EQ(progress.n_timeouts, 2);
	CHECK_EQ(progress.state, BALLOON_DRIVER_STALLED);
	CHECK_EQ(progress.last_error, -ETIMEDOUT);
	check_fixture(&fixture);
	host_answer(&fixture.host, UINT32_MAX);
	progress = fixture_progress(&fixture);
	CHECK_EQ(progress.n_enqueued, 5 + 3);
	CHECK_EQ(progress.n_inflating + progress.n_deflating + progress.n_overdue, 0);
	close_fixture(&fixture);
}

/* When all requests are with the host, calls say so at once, and relief has one of its own. */
DRIVER_CLAIM(faults, calls_without_a_request_are_told_to_come_again)
{
	struct fixture fixture;
	open_fixture(&fixture, strategy, design, be_quick);
	reach(&fixture, 100);
	host_always(&fixture.host, HOST_KEEPS);
	for (int i = 0; i < 6; i++)
		CHECK_EQ(balloon_driver_leak(fixture.driver, 2), -ETIMEDOUT);
	CHECK_EQ(balloon_driver_leak(fixture.driver, 2), -EAGAIN);
	host_at(&fixture.host, 0, HOST_TAKES);
	CHECK_EQ(balloon_driver_relieve(fixture.driver, 2, NULL), 2);
	host_always(&fixture.host, HOST_KEEPS);
	CHECK_EQ(balloon_driver_relieve(fixture.driver, 2, NULL), -ETIMEDOUT);
	CHECK_EQ(balloon_driver_relieve(fixture.driver, 2, NULL), -EBUSY);
	check_fixture(&fixture);
	close_fixture(&fixture);
}

DRIVER_CLAIM(faults, nobody_waits_busily)
{
	struct fixture fixture;
	open_fixture(&fixture, strategy, design, NULL);
	host_always(&fixture.host, HOST_REFUSES);
	balloon_driver_set_target(fixture.driver, 100);
	CHECK_EQ(balloon_driver_run(fixture.driver, in_ms(100), NULL, NULL), -ETIMEDOUT);
	/* After 2 ms, and then after twice as long each time; each time it tries a few frames. */
	CHECK(fixture_progress(&fixture).n_refused <= 6 * 8);
	close_fixture(&fixture);
}
