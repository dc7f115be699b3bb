/* SPDX-License-Identifier: MIT */
/* Drivers that say "again": a fill is with the host meanwhile. */

#include <sched.h>
#include <stdatomic.h>

#include "deadlines.h"
#include "host.h"
#include "suite.h"
#include "machine.h"

enum { FRAMES = 256, HALF = FRAMES / 2, CLUSTER = BALLOON_COMPACTOR_CLUSTER };

struct busy {
	struct host host;
	struct machine machine;
	struct balloon_compactor *compactor;
	pthread_t filler;
};

static void *fill(void *argument)
{
	struct busy *b = argument;
	REQUIRE(balloon_driver_fill(b->machine.driver, 8) == 8);
	return NULL;
}

static void open_busy(struct busy *b, const struct balloon_strategy *strategy,
	const struct balloon_driver_design *design, uint32_t n_tries)
{
	struct machine_config config = {.strategy = strategy,
		.design = design,
		.channel = &b->host.channel,
		.n_frames = FRAMES,
		.host_timeout_ns = 3600 * 1000 * MS};
	strategy_under_test = machine_name;
	host_init(&b->host, FRAMES);
	machine_open(&b->machine, &config);
	machine_fill(&b->machine, HALF);
	struct balloon_compactor_config compactor = machine_compactor_config(&b->machine);
	compactor.n_tries = n_tries;
	CHECK_EQ(balloon_compactor_create(&compactor, &b->compactor), 0);
	host_usually(&b->host, HOST_KEEPS, HOST_TAKES);
	CHECK_EQ(pthread_create(&b->filler, NULL, fill, b), 0);
	host_await_kept(&b->host, 1);
}

/* What was kept, and whatever comes. */
static void answer_all(struct host *host)
{
	host_usually(host, HOST_TAKES, HOST_TAKES);
	host_answer(host, UINT32_MAX);
}

static void close_busy(struct busy *b)
{
	answer_all(&b->host);
	CHECK_EQ(pthread_join(b->filler, NULL), 0);
	CHECK_EQ(machine_progress(&b->machine).n_enqueued, HALF + 8);
	CHECK(!balloon_driver_is_busy(b->machine.driver));
	CHECK_EQ(balloon_compactor_destroy(b->compactor), 0);
	machine_close(&b->machine);
	CHECK(!b->host.violation);
	CHECK_EQ(host_fini(&b->host), 0);
}

static void are_asked_ten_times(
	const struct balloon_strategy *strategy, const struct balloon_driver_design *design)
{
	struct busy b;
	open_busy(&b, strategy, design, 0);
	uint64_t n_free = machine_n_free(&b.machine);
	uint64_t start_ns = balloon_platform_now_ns();
	CHECK_EQ(balloon_compactor_step(b.compactor, 0), -EAGAIN);
	CHECK(balloon_platform_now_ns() - start_ns >= 9 * 100000);
	struct balloon_compactor_stats stats = machine_stats(b.compactor);
	CHECK_EQ(stats.n_isolated, CLUSTER);
	CHECK_EQ(stats.n_again, 10 * CLUSTER);
	CHECK_EQ(stats.n_put_back, CLUSTER);
	CHECK_EQ(stats.n_refused, 0);
	CHECK_EQ(machine_n_free(&b.machine), n_free);
	CHECK_EQ(machine_progress(&b.machine).n_isolated, 0);
	/* Not the same ones again in this pass. */
	balloon_compactor_prepare(b.compactor, FRAMES);
	CHECK_EQ(machine_stats(b.compactor).n_isolated, 2 * CLUSTER);
	CHECK(machine_stats(b.compactor).n_scanned > stats.n_scanned);
	int result;
	while ((result = balloon_compactor_step(b.compactor, 0)) >= 0 || result == -EAGAIN)
		;
	CHECK_EQ(result, -ENOENT);
	CHECK_EQ(machine_stats(b.compactor).n_passes, 1);
	/* What was no target after all may be one for the next pages: it went over all that could move. */
	CHECK(machine_stats(b.compactor).n_isolated > HALF / 2 - HALF / 8);
	CHECK_EQ(machine_stats(b.compactor).n_left, machine_stats(b.compactor).n_isolated);
	CHECK_EQ(machine_stats(b.compactor).n_put_back, machine_stats(b.compactor).n_isolated);
	CHECK_EQ(machine_stats(b.compactor).n_migrated, 0);
	close_busy(&b);
}

Test(busy_drivers, are_asked_ten_times_then_pages_are_put_back)
{
	machine_for_each(are_asked_ten_times);
}

/* Once the driver was asked a few times in vain. */
static void *answer_late(void *argument)
{
	struct busy *b = argument;
	while (machine_progress(&b->machine).n_busy < 3)
		sched_yield();
	answer_all(&b->host);
	return NULL;
}

static void are_asked_until_they_can(
	const struct balloon_strategy *strategy, const struct balloon_driver_design *design)
{
	struct busy b;
	pthread_t host;
	open_busy(&b, strategy, design, 1000000);
	CHECK_EQ(pthread_create(&host, NULL, answer_late, &b), 0);
	CHECK_EQ(balloon_compactor_step(b.compactor, 0), CLUSTER);
	struct balloon_compactor_stats stats = machine_stats(b.compactor);
	CHECK_EQ(stats.n_isolated, CLUSTER);
	CHECK_EQ(stats.n_put_back, 0);
	CHECK(stats.n_again >= 3 * CLUSTER);
	CHECK_EQ(pthread_join(host, NULL), 0);
	close_busy(&b);
}

Test(busy_drivers, are_asked_until_they_can_with_the_pages_isolated)
{
	machine_for_each(are_asked_until_they_can);
}

/* A run at its first cluster: it is seen to hold pages again and again, and goes on holding them. */
struct patience {
	struct busy *busy;
	atomic_bool is_over;
};

static void *answer_the_patient(void *argument)
{
	struct patience *p = argument;
	for (uint32_t n = 0; n < 1000 && !atomic_load(&p->is_over);) {
		n = machine_progress(&p->busy->machine).n_isolated > 0 ? n + 1 : 0;
		sched_yield();
	}
	answer_all(&p->busy->host);
	return NULL;
}

static void are_waited_for(
	const struct balloon_strategy *strategy, const struct balloon_driver_design *design)
{
	struct busy b;
	struct patience p = {.busy = &b};
	pthread_t host;
	open_busy(&b, strategy, design, 0);
	CHECK_EQ(pthread_create(&host, NULL, answer_the_patient, &p), 0);
	CHECK_EQ(balloon_compactor_run(b.compactor, BALLOON_NEVER), 0);
	atomic_store(&p.is_over, true);
	struct balloon_compactor_stats stats = machine_stats(b.compactor);
	CHECK_EQ(stats.n_put_back, 0);
	CHECK_EQ(stats.n_left, 0);
	CHECK(stats.n_migrated > HALF / 2 - HALF / 8);
	CHECK_EQ(pthread_join(host, NULL), 0);
	close_busy(&b);
}

Test(busy_drivers, are_waited_for_by_a_run)
{
	machine_for_each(are_waited_for);
}

static void are_waited_for_until_the_deadline(
	const struct balloon_strategy *strategy, const struct balloon_driver_design *design)
{
	struct busy b;
	open_busy(&b, strategy, design, 0);
	CHECK(balloon_driver_is_busy(b.machine.driver) && !balloon_driver_is_busy(NULL));
	uint64_t deadline_ns = in_ms(2);
	CHECK_EQ(balloon_compactor_run(b.compactor, deadline_ns), -ETIMEDOUT);
	CHECK(balloon_platform_now_ns() >= deadline_ns);
	struct balloon_compactor_stats stats = machine_stats(b.compactor);
	/* More than from an idle driver, as its turn is what takes long. */
	CHECK(stats.n_isolated > CLUSTER && stats.n_isolated <= BALLOON_MIGRATE_MAX);
	CHECK_EQ(stats.n_put_back, stats.n_isolated);
	CHECK_EQ(stats.n_left, stats.n_isolated);
	CHECK_EQ(stats.n_migrated + stats.n_kept, 0);
	CHECK_EQ(machine_progress(&b.machine).n_isolated, 0);
	/* A deadline that has come before: each is asked once, in what is left of this pass and in the next. */
	balloon_compactor_run(b.compactor, 1);
	CHECK_EQ(balloon_compactor_run(b.compactor, 1), -ETIMEDOUT);
	struct balloon_compactor_stats more = machine_stats(b.compactor);
	CHECK(more.n_isolated > stats.n_isolated);
	CHECK_EQ(more.n_again - stats.n_again, more.n_isolated - stats.n_isolated);
	close_busy(&b);
}

Test(busy_drivers, are_waited_for_until_the_deadline)
{
	machine_for_each(are_waited_for_until_the_deadline);
}

/* A driver that can do nothing: the run says how many pages it found and left, and then does them. */
static void leave_pages_that_a_run_counts(
	const struct balloon_strategy *strategy, const struct balloon_driver_design *design)
{
	struct machine machine;
	struct machine_config config = {.strategy = strategy, .design = design, .n_frames = FRAMES};
	strategy_under_test = machine_name;
	machine_open(&machine, &config);
	machine_fill(&machine, HALF);
	struct balloon_compactor *compactor = machine_compactor(&machine);
	CHECK_EQ(balloon_driver_quiesce(machine.driver, BALLOON_NEVER), 0);
	int n_left = balloon_compactor_run(compactor, BALLOON_NEVER);
	struct balloon_compactor_stats stats = machine_stats(compactor);
	CHECK(n_left > HALF / 4);
	CHECK_EQ(stats.n_left, n_left);
	CHECK_EQ(stats.n_put_back, n_left);
	CHECK_EQ(stats.n_migrated, 0);
	CHECK_EQ(balloon_driver_resume(machine.driver), 0);
	CHECK_EQ(balloon_compactor_run(compactor, BALLOON_NEVER), 0);
	CHECK_EQ(machine_stats(compactor).n_migrated, n_left);
	CHECK_EQ(machine_stats(compactor).n_left, n_left);
	CHECK_EQ(balloon_compactor_destroy(compactor), 0);
	machine_close(&machine);
}

Test(busy_drivers, leave_pages_that_a_run_counts)
{
	machine_for_each(leave_pages_that_a_run_counts);
}

/* One of two drivers is busy: the other one's pages do not wait. */
Test(busy_drivers, do_not_hold_up_others)
{
	struct busy b;
	open_busy(&b, balloon_strategy_at(0), balloon_driver_design_at(0), 0);
	struct balloon_driver *other = machine_driver(&b.machine);
	host_usually(&b.host, HOST_TAKES, HOST_TAKES);
	CHECK_EQ(balloon_driver_fill(other, 64), 64);
	struct balloon_driver *const drivers[] = {b.machine.driver, other};
	struct balloon_compactor_config config = machine_compactor_config(&b.machine);
	CHECK_EQ(balloon_compactor_destroy(b.compactor), 0);
	config.drivers = drivers;
	config.n_drivers = 2;
	CHECK_EQ(balloon_compactor_create(&config, &b.compactor), 0);
	int n = balloon_compactor_step(b.compactor, 0);
	CHECK(n > 0 && n < CLUSTER);
	CHECK_EQ(machine_stats(b.compactor).n_put_back, CLUSTER - n);
	CHECK_EQ(balloon_driver_leak(other, 64), 64);
	CHECK_EQ(balloon_driver_destroy(other), 0);
	close_busy(&b);
}
