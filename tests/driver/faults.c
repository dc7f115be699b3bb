/* SPDX-License-Identifier: MIT */
/*
 * Faults at every place: the n-th request, the n-th allocation, for every n of one scenario, for each
 * kind of fault. Nothing is lost, nothing hangs, all counts are right.
 */
#define _POSIX_C_SOURCE 200809L /* timers */

#include "claims.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/time.h>

/* A host that does not answer costs this much time each time. */
static void be_quick(struct balloon_driver_config *config)
{
	config->host_timeout_ns = RIG_MS / 2;
	config->allocation_backoff_ns = RIG_MS / 10;
	config->relief_holdoff_ns = RIG_MS / 10;
	config->retry_ns = RIG_MS / 10;
}

/* Fill, move, leak, be relieved, fill again: some of each, results do not matter. */
static void play(struct rig *rig)
{
	struct balloon_driver *driver = rig->driver;
	balloon_driver_fill(driver, 5);
	balloon_driver_set_target(driver, 60);
	for (int i = 0; i < 5; i++)
		balloon_driver_step(driver);
	rig_migrate(rig, 4);
	balloon_driver_leak(driver, 7);
	rig_migrate(rig, 9);
	balloon_driver_relieve(driver, 10, NULL);
	balloon_driver_fill(driver, 6);
	balloon_driver_set_target(driver, 20);
	for (int i = 0; i < 4; i++)
		balloon_driver_step(driver);
	rig_migrate(rig, 1);
}

/* How many requests and allocations the scenario makes when nothing goes wrong. */
static void count_play(const struct balloon_strategy *strategy,
	const struct balloon_driver_design *design, uint64_t *n_requests, uint64_t *n_allocations)
{
	struct rig rig;
	open_rig(&rig, strategy, design, be_quick);
	play(&rig);
	*n_requests = host_n_requests(&rig.host);
	*n_allocations = rig.source.n_calls;
	CHECK(*n_requests >= 12 && *n_allocations >= 5);
	close_rig(&rig);
}

static void play_with(const struct balloon_strategy *strategy,
	const struct balloon_driver_design *design, uint64_t n, enum host_behaviour behaviour,
	bool goes_on)
{
	struct rig rig;
	open_rig(&rig, strategy, design, be_quick);
	host_at(&rig.host, n, behaviour);
	rig.host.goes_on = goes_on;
	play(&rig);
	check_rig(&rig);
	host_at(&rig.host, 0, HOST_TAKES);
	host_answer(&rig.host, n % 3 == 0 ? 2 : UINT32_MAX);
	check_rig(&rig);
	CHECK_EQ(rig_progress(&rig).n_overdue, 0);
	reach(&rig, 33);
	close_rig(&rig);
}

/* Under Valgrind, some of the places. */
static uint64_t stride(void)
{
	return scaled(100) >= 100 ? 1 : 5;
}

static void fault_everywhere(const struct balloon_strategy *strategy,
	const struct balloon_driver_design *design, enum host_behaviour behaviour, bool goes_on)
{
	uint64_t n_requests;
	uint64_t n_allocations;
	count_play(strategy, design, &n_requests, &n_allocations);
	for (uint64_t n = 1; n <= n_requests; n += stride())
		play_with(strategy, design, n, behaviour, goes_on);
}

DRIVER_CLAIM(faults, a_refused_request_loses_nothing)
{
	fault_everywhere(strategy, design, HOST_REFUSES, false);
	fault_everywhere(strategy, design, HOST_HALVES, false);
	fault_everywhere(strategy, design, HOST_REJECTS, false);
}

DRIVER_CLAIM(faults, a_host_that_refuses_for_good_loses_nothing)
{
	fault_everywhere(strategy, design, HOST_REFUSES, true);
	fault_everywhere(strategy, design, HOST_HALVES, true);
}

DRIVER_CLAIM(faults, an_answer_that_is_late_or_missing_loses_nothing)
{
	fault_everywhere(strategy, design, HOST_IS_LATE, false);
	fault_everywhere(strategy, design, HOST_KEEPS, false);
}

DRIVER_CLAIM(faults, a_host_that_never_answers_again_loses_nothing)
{
	fault_everywhere(strategy, design, HOST_KEEPS, true);
}

DRIVER_CLAIM(faults, answers_that_cannot_be_are_refused)
{
	fault_everywhere(strategy, design, HOST_TWICE, false);
	fault_everywhere(strategy, design, HOST_WRONG, false);
}

DRIVER_CLAIM(faults, a_failed_allocation_loses_nothing)
{
	uint64_t n_requests;
	uint64_t n_allocations;
	count_play(strategy, design, &n_requests, &n_allocations);
	for (uint64_t n = 1; n <= n_allocations; n++) {
		struct rig rig;
		open_rig(&rig, strategy, design, be_quick);
		source_fail_at(&rig.source, n);
		play(&rig);
		check_rig(&rig);
		reach(&rig, 33);
		close_rig(&rig);
	}
}

/* The host dies with the n-th request, or keeps the n-th and dies: the guest takes everything back. */
static void die(const struct balloon_strategy *strategy, const struct balloon_driver_design *design,
	uint64_t n, enum host_behaviour last)
{
	struct rig rig;
	open_rig(&rig, strategy, design, be_quick);
	host_at(&rig.host, n, last);
	rig.host.goes_on = true;
	play(&rig);
	check_rig(&rig);
	balloon_driver_set_target(rig.driver, 50);
	int result = balloon_driver_run(rig.driver, in_ms(5), NULL, NULL);
	CHECK(result == -ENODEV || result == -ETIMEDOUT);
	CHECK_EQ(balloon_driver_reset(rig.driver), -EBUSY);
	CHECK_EQ(balloon_driver_stop(rig.driver, in_ms(60000)), 0);
	CHECK_EQ(balloon_driver_reset(rig.driver), 0);
	CHECK_EQ(balloon_driver_fill(rig.driver, 1), -ECANCELED);
	CHECK_EQ(source_n_free(&rig.source), RIG_PAGES);
	close_rig(&rig);
}

DRIVER_CLAIM(faults, from_a_host_that_is_gone_everything_is_taken_back)
{
	uint64_t n_requests;
	uint64_t n_allocations;
	count_play(strategy, design, &n_requests, &n_allocations);
	for (uint64_t n = 1; n <= n_requests; n += stride()) {
		die(strategy, design, n, HOST_GONE);
		die(strategy, design, n, HOST_KEEPS);
	}
}

/* ---- Deadlines ------------------------------------------------------------------------------- */

static void be_slow(struct balloon_driver_config *config)
{
	config->host_timeout_ns = 20 * RIG_MS;
	config->retry_ns = 5 * RIG_MS;
}

static uint64_t cpu_ns(void)
{
	struct rusage usage;
	getrusage(RUSAGE_SELF, &usage);
	return ((uint64_t)usage.ru_utime.tv_sec + (uint64_t)usage.ru_stime.tv_sec) * 1000 * RIG_MS +
	       ((uint64_t)usage.ru_utime.tv_usec + (uint64_t)usage.ru_stime.tv_usec) * 1000;
}

/* A call waits for a lock as long as for the host, and for either once. Then it says so. */
DRIVER_CLAIM(faults, a_host_that_does_not_answer_makes_an_error_in_time)
{
	struct rig rig;
	open_rig(&rig, strategy, design, be_slow);
	CHECK_EQ(balloon_driver_fill(rig.driver, 9), 9);
	host_always(&rig.host, HOST_KEEPS);
	uint64_t begin_ns = balloon_platform_now_ns();
	CHECK_EQ(balloon_driver_fill(rig.driver, 3), -ETIMEDOUT);
	CHECK_EQ(balloon_driver_leak(rig.driver, 4), -ETIMEDOUT);
	uint64_t took_ns = balloon_platform_now_ns() - begin_ns;
	CHECK(took_ns >= 40 * RIG_MS && took_ns < 2000 * RIG_MS);
	struct balloon_driver_progress progress = rig_progress(&rig);
	CHECK_EQ(progress.n_inflating, 3);
	CHECK_EQ(progress.n_deflating, 4);
	CHECK_EQ(progress.n_enqueued, 5);
	CHECK_EQ(progress.n_overdue, 2);
	CHECK_EQ(progress.n_timeouts, 2);
	CHECK_EQ(progress.state, BALLOON_DRIVER_STALLED);
	CHECK_EQ(progress.last_error, -ETIMEDOUT);
	check_rig(&rig);
	host_answer(&rig.host, UINT32_MAX);
	progress = rig_progress(&rig);
	CHECK_EQ(progress.n_enqueued, 5 + 3);
	CHECK_EQ(progress.n_inflating + progress.n_deflating + progress.n_overdue, 0);
	close_rig(&rig);
}

/* When all requests are with the host, calls say so at once, and relief has one of its own. */
DRIVER_CLAIM(faults, calls_without_a_request_are_told_to_come_again)
{
	struct rig rig;
	open_rig(&rig, strategy, design, be_quick);
	reach(&rig, 100);
	host_always(&rig.host, HOST_KEEPS);
	for (int i = 0; i < 6; i++)
		CHECK_EQ(balloon_driver_leak(rig.driver, 2), -ETIMEDOUT);
	CHECK_EQ(balloon_driver_leak(rig.driver, 2), -EAGAIN);
	host_at(&rig.host, 0, HOST_TAKES);
	CHECK_EQ(balloon_driver_relieve(rig.driver, 2, NULL), 2);
	host_always(&rig.host, HOST_KEEPS);
	CHECK_EQ(balloon_driver_relieve(rig.driver, 2, NULL), -ETIMEDOUT);
	CHECK_EQ(balloon_driver_relieve(rig.driver, 2, NULL), -EBUSY);
	check_rig(&rig);
	close_rig(&rig);
}

static volatile sig_atomic_t n_signals;

static void on_signal(int signal)
{
	(void)signal;
	n_signals = n_signals + 1;
}

static void signal_every(long us)
{
	struct sigaction action = {
		.sa_handler = on_signal}; /* calls are interrupted, not restarted */
	struct itimerval timer = {{0, us}, {0, us}};
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
}

/* Signals neither end a wait nor prolong it; and waiting costs no processor time. */
DRIVER_CLAIM(faults, signals_do_not_disturb_waits)
{
	struct rig rig;
	open_rig(&rig, strategy, design, be_slow);
	host_always(&rig.host, HOST_KEEPS);
	signal_every(500);
	uint64_t begin_ns = balloon_platform_now_ns();
	CHECK_EQ(balloon_driver_fill(rig.driver, 3), -ETIMEDOUT);
	uint64_t took_ns = balloon_platform_now_ns() - begin_ns;
	play(&rig);
	signal_every(0);
	CHECK(took_ns >= 20 * RIG_MS && took_ns < 2000 * RIG_MS);
	check_rig(&rig);
	close_rig(&rig);
	CHECK(n_signals > 10);
}

DRIVER_CLAIM(faults, nobody_waits_busily)
{
	struct rig rig;
	const uint64_t wall_ms = 100;
	open_rig(&rig, strategy, design, NULL);
	host_always(&rig.host, HOST_REFUSES);
	balloon_driver_set_target(rig.driver, 100);
	uint64_t begin_ns = cpu_ns();
	CHECK_EQ(balloon_driver_run(rig.driver, in_ms(wall_ms), NULL, NULL), -ETIMEDOUT);
	if (scaled(100) >= 100) /* where nothing else costs more */
		CHECK(cpu_ns() - begin_ns < wall_ms * RIG_MS / 2);
	CHECK(rig_progress(&rig).n_refused <= wall_ms / 2 + 1); /* retry_ns is 2 ms */
	close_rig(&rig);
}
