/* SPDX-License-Identifier: MIT */
/* Claims about rest and misuse: quiesce, stop, reset, and calls that make no sense. */

#include "claims.h"
#include "driver/driver.h"

static void short_timeout(struct balloon_driver_config *config)
{
	config->host_timeout_ns = 5 * MS;
}

DRIVER_CLAIM(rest, a_quiesced_driver_has_nothing_under_way)
{
	struct fixture fixture;
	open_fixture(&fixture, strategy, design, short_timeout);
	reach(&fixture, 30);
	host_at(&fixture.host, 1, HOST_KEEPS);
	CHECK_EQ(balloon_driver_leak(fixture.driver, 4), -ETIMEDOUT);
	CHECK_EQ(balloon_driver_quiesce(fixture.driver, in_ms(10)), -ETIMEDOUT);
	CHECK_EQ(fixture_progress(&fixture).state, BALLOON_DRIVER_QUIESCED);
	CHECK_EQ(balloon_driver_fill(fixture.driver, 1), -EBUSY);
	CHECK_EQ(balloon_driver_leak(fixture.driver, 1), -EBUSY);
	CHECK_EQ(balloon_driver_step(fixture.driver), -EBUSY);
	CHECK_EQ(balloon_driver_relieve(fixture.driver, 1, NULL), -EBUSY);
	CHECK_EQ(balloon_driver_run(fixture.driver, in_ms(1000), NULL, NULL), -EBUSY);
	CHECK_EQ(fixture_migrate(&fixture, 1), -EBUSY);
	host_answer(&fixture.host, UINT32_MAX);
	CHECK_EQ(balloon_driver_quiesce(fixture.driver, in_ms(1000)), 0);
	CHECK_EQ(fixture_progress(&fixture).n_deflating, 0);
	check_fixture(&fixture);
	CHECK_EQ(balloon_driver_resume(fixture.driver), 0);
	reach(&fixture, 30);
	close_fixture(&fixture);
}

struct halting {
	struct fixture fixture;
	int result;
	bool is_stop;
};

static bool never(void *context, const struct balloon_driver_progress *progress)
{
	struct halting *h = context;
	balloon_driver_set_target(h->fixture.driver, progress->n_enqueued > 50 ? 0 : 100);
	return true;
}

static bool has_inflated(void *shared)
{
	const struct halting *h = shared;
	return h->fixture.driver->state.counts.n_inflated >= 200;
}

static void run_or_halt(void *shared, size_t thread)
{
	struct halting *h = shared;
	if (thread > 0) {
		h->result = balloon_driver_run(h->fixture.driver, BALLOON_NEVER, never, h);
		return;
	}
	engine_wait_until(has_inflated, h);
	CHECK_EQ(h->is_stop ? balloon_driver_stop(h->fixture.driver, in_ms(60000))
			    : balloon_driver_quiesce(h->fixture.driver, in_ms(60000)),
		0);
	check_fixture(&h->fixture);
}

DRIVER_CLAIM(rest, quiesce_and_stop_end_a_run_on_another_thread)
{
	for (int is_stop = 0; is_stop < 2; is_stop++) {
		struct halting h = {.is_stop = is_stop};
		open_fixture(&h.fixture, strategy, design, NULL);
		balloon_driver_set_target(h.fixture.driver, 100);
		run_together(2, run_or_halt, &h);
		CHECK_EQ(h.result, is_stop ? -ECANCELED : -EBUSY);
		if (!is_stop)
			CHECK_EQ(balloon_driver_resume(h.fixture.driver), 0);
		else
			CHECK_EQ(balloon_driver_resume(h.fixture.driver), -ECANCELED);
		close_fixture(&h.fixture);
	}
}

/* ---- Everybody returns ----------------------------------------------------------------------- */

enum caller {
	FILLING,   /* waits for the host */
	LEAKING,   /* waits for the fill's lock, or the host */
	RUNNING,   /* waits for the host */
	NAPPING,   /* a run waits for memory */
	QUIESCING, /* waits for a request that is nobody's */
	SERVING,   /* has nothing to do */
	HALTED,    /* serves a quiesced driver */
	RELIEVING, /* waits for the lock, or the host */
	MIGRATING, /* waits for the lock, or the host */
	N_CALLERS,
};

struct caught {
	struct fixture fixture;
	enum caller caller;
	struct balloon_page old_page;
	struct balloon_page new_page;
	uint8_t outcome;
	int result;
	uint64_t returned_ns;
};

static int make_call(struct caught *c)
{
	struct balloon_driver *driver = c->fixture.driver;
	switch (c->caller) {
	case FILLING:
		return balloon_driver_fill(driver, 2);
	case LEAKING:
		return balloon_driver_leak(driver, 2);
	case RUNNING:
	case NAPPING:
		return balloon_driver_run(driver, BALLOON_NEVER, NULL, NULL);
	case QUIESCING:
		return balloon_driver_quiesce(driver, BALLOON_NEVER);
	case SERVING:
	case HALTED:
		return balloon_driver_serve(driver, NULL, NULL);
	case RELIEVING:
		return balloon_driver_relieve(driver, 2, NULL);
	case MIGRATING:
		return balloon_driver_migrate_until(
			driver, &c->new_page, &c->old_page, 1, &c->outcome, BALLOON_NEVER);
	case N_CALLERS:
		break;
	}
	return 0;
}

static void be_caught(void *context)
{
	struct caught *c = context;
	c->result = make_call(c);
	c->returned_ns = engine_now_ns();
}

static void fill_for_long(void *context)
{
	struct caught *c = context;
	CHECK_EQ(balloon_driver_fill(c->fixture.driver, 3), -ECANCELED);
}

static void be_patient(struct balloon_driver_config *config)
{
	config->host_timeout_ns = 100000 * MS;
	config->allocation_backoff_ns = 100000 * MS;
	if (claim_number() > N_CALLERS)
		be_polled(config);
}

/* Whatever somebody waits for when a driver is stopped: nobody is inside afterwards, and no time passes. */
DRIVER_CLAIMS(rest, stop_ends_every_wait_at_once, 2 * N_CALLERS)
{
	struct caught c = {.caller = (enum caller)((claim_number() - 1) % N_CALLERS)};
	open_fixture(&c.fixture, strategy, design, be_patient);
	reach(&c.fixture, 30);
	CHECK_EQ(source_take(&c.fixture.source, &c.new_page, 1), 1);
	CHECK_EQ(fixture_isolate(&c.fixture, &c.old_page, 1), 1);
	if (c.caller == NAPPING)
		source_fail_at(&c.fixture.source, 1);
	bool is_idle = c.caller == SERVING || c.caller == HALTED;
	balloon_driver_set_target(c.fixture.driver, is_idle ? 30 : 40);
	if (c.caller != NAPPING)
		host_always(&c.fixture.host, HOST_KEEPS);
	if (c.caller == HALTED) {
		CHECK_EQ(balloon_driver_quiesce(c.fixture.driver, BALLOON_NEVER), 0);
	} else if (c.caller == QUIESCING) {
		CHECK_EQ(balloon_driver_poll(c.fixture.driver, NULL), 1);
	} else if (c.caller != NAPPING && !is_idle) {
		engine_spawn("fill", fill_for_long, &c);
		host_await_kept(&c.fixture.host, 1);
	}
	engine_spawn("caller", be_caught, &c);
	sleep_ms(50);
	uint64_t begin_ns = engine_now_ns();
	CHECK_EQ(balloon_driver_stop(c.fixture.driver, BALLOON_NEVER), 0);
	CHECK_EQ(engine_now_ns(), begin_ns);
	CHECK_EQ(balloon_driver_validate(c.fixture.driver, NULL), 0); /* no call is counted */
	engine_join_all();
	CHECK_EQ(c.returned_ns, begin_ns - (c.returned_ns < begin_ns ? 50 * MS : 0));
	/* At once, if the design says busy; a migration leaves what the host has with the driver. */
	bool is_busy = c.caller == RELIEVING && c.result == -EBUSY;
	bool is_left = c.caller == MIGRATING && c.result == 0;
	if (!is_busy && !is_left)
		CHECK_EQ(c.result, -ECANCELED);
	if (c.caller != MIGRATING || (c.outcome & BALLOON_MIGRATED_KEPT_OLD))
		CHECK_EQ(balloon_page_putback(c.fixture.map, c.old_page), 0);
	if (!(c.outcome & BALLOON_MIGRATED_TOOK_NEW))
		source_give(&c.fixture.source, &c.new_page, 1);
	close_fixture(&c.fixture);
}

static bool sleep_in_allocation(void *context, uint64_t n_calls)
{
	(void)context;
	(void)n_calls;
	sleep_ms(100);
	return true;
}

/* A call that is in the program's own function cannot be called back: stop says so in time. */
DRIVER_CLAIM(rest, stop_says_that_somebody_is_inside)
{
	struct caught c = {.caller = FILLING};
	open_fixture(&c.fixture, strategy, design, NULL);
	c.fixture.source.on_allocate = sleep_in_allocation;
	engine_spawn("caller", be_caught, &c);
	sleep_ms(50);
	uint64_t begin_ns = engine_now_ns();
	CHECK_EQ(balloon_driver_stop(c.fixture.driver, in_ms(10)), -ETIMEDOUT);
	CHECK_EQ(engine_now_ns(), begin_ns + 10 * MS);
	CHECK_EQ(balloon_driver_reset(c.fixture.driver), -EBUSY);
	CHECK_EQ(balloon_driver_stop(c.fixture.driver, BALLOON_NEVER), 0);
	CHECK_EQ(engine_now_ns(), begin_ns + 50 * MS);
	engine_join_all();
	CHECK_EQ(balloon_driver_reset(c.fixture.driver), 0);
	close_fixture(&c.fixture);
}

/* ---- Quiesce and resume ---------------------------------------------------------------------- */

DRIVER_CLAIM(rest, quiesce_says_that_somebody_resumed_the_driver)
{
	struct caught c = {.caller = QUIESCING};
	open_fixture(&c.fixture, strategy, design, short_timeout);
	host_at(&c.fixture.host, 1, HOST_KEEPS);
	CHECK_EQ(balloon_driver_fill(c.fixture.driver, 4), -ETIMEDOUT);
	engine_spawn("caller", be_caught, &c);
	sleep_ms(50);
	CHECK_EQ(fixture_progress(&c.fixture).state, BALLOON_DRIVER_QUIESCED);
	uint64_t begin_ns = engine_now_ns();
	CHECK_EQ(balloon_driver_resume(c.fixture.driver), 0);
	engine_join_all();
	CHECK_EQ(c.result, -EAGAIN);
	CHECK_EQ(c.returned_ns, begin_ns);
	host_answer(&c.fixture.host, UINT32_MAX);
	fixture_progress(&c.fixture);
	close_fixture(&c.fixture);
}

DRIVER_CLAIM(rest, quiesce_ends_with_the_answer_or_its_deadline_or_the_host)
{
	struct caught c = {.caller = QUIESCING};
	open_fixture(&c.fixture, strategy, design, short_timeout);
	host_at(&c.fixture.host, 1, HOST_KEEPS);
	CHECK_EQ(balloon_driver_fill(c.fixture.driver, 4), -ETIMEDOUT);
	uint64_t begin_ns = engine_now_ns();
	CHECK_EQ(balloon_driver_quiesce(c.fixture.driver, begin_ns + 1234567), -ETIMEDOUT);
	CHECK_EQ(engine_now_ns(), begin_ns + 1234567);
	engine_spawn("caller", be_caught, &c);
	sleep_ms(50);
	begin_ns = engine_now_ns();
	bool is_gone = engine_chance(2);
	if (is_gone)
		balloon_channel_fail(&c.fixture.host.channel, -EPIPE);
	else
		host_answer(&c.fixture.host, UINT32_MAX);
	engine_join_all();
	CHECK_EQ(c.result, is_gone ? -ENODEV : 0);
	CHECK_EQ(c.returned_ns, begin_ns);
	if (!is_gone)
		check_fixture(&c.fixture);
	CHECK_EQ(balloon_driver_resume(c.fixture.driver), 0);
	close_fixture(&c.fixture);
}

/* ---- Reset ----------------------------------------------------------------------------------- */

DRIVER_CLAIM(rest, a_reset_waits_for_isolated_pages)
{
	struct fixture fixture;
	struct balloon_page page;
	open_fixture(&fixture, strategy, design, NULL);
	reach(&fixture, 10);
	CHECK_EQ(balloon_driver_fini(fixture.driver), -EBUSY);
	CHECK_EQ(fixture_isolate(&fixture, &page, 1), 1);
	CHECK_EQ(fixture_progress(&fixture).n_isolated, 1);
	CHECK_EQ(balloon_driver_stop(fixture.driver, in_ms(1000)), 0);
	CHECK_EQ(balloon_driver_reset(fixture.driver), -EAGAIN);
	CHECK_EQ(source_n_free(&fixture.source), FIXTURE_PAGES - 1);
	CHECK_EQ(balloon_page_putback(fixture.map, page), 0);
	CHECK_EQ(balloon_driver_reset(fixture.driver), 0);
	CHECK_EQ(source_n_free(&fixture.source), FIXTURE_PAGES);
	close_fixture(&fixture);
}

/* Until it says that it has, what it may touch stays where it is counted. */
DRIVER_CLAIM(rest, a_reset_fails_while_the_host_has_not_let_go)
{
	struct fixture fixture;
	open_fixture(&fixture, strategy, design, short_timeout);
	reach(&fixture, 30);
	host_always(&fixture.host, HOST_KEEPS);
	CHECK_EQ(balloon_driver_leak(fixture.driver, 4), -ETIMEDOUT);
	CHECK_EQ(balloon_driver_fill(fixture.driver, 3), -ETIMEDOUT);
	CHECK_EQ(balloon_driver_stop(fixture.driver, 0), 0);
	static const int errors[] = {-ETIMEDOUT, -EIO, -ETIMEDOUT};
	for (int i = 0; i < 3; i++) {
		fixture.host.reset_error = errors[i];
		CHECK_EQ(balloon_driver_reset(fixture.driver), -ETIMEDOUT);
		struct balloon_driver_progress progress = fixture_progress(&fixture);
		CHECK_EQ(progress.n_enqueued, 26);
		CHECK_EQ(progress.n_deflating, 4);
		CHECK_EQ(progress.n_inflating, 3);
		CHECK_EQ(source_n_free(&fixture.source), FIXTURE_PAGES - 33);
		CHECK_EQ(balloon_driver_fini(fixture.driver), -EBUSY);
	}
	if (engine_chance(2)) {
		fixture.host.reset_error = 0;
		CHECK_EQ(balloon_driver_reset(fixture.driver), 0);
	} else {
		/* The program knows better: it is dead. */
		host_let_go(&fixture.host);
		CHECK_EQ(balloon_driver_forget(fixture.driver), 0);
		fixture.host.reset_error = 0;
	}
	CHECK_EQ(source_n_free(&fixture.source), FIXTURE_PAGES);
	check_fixture(&fixture);
	close_fixture(&fixture);
}

DRIVER_CLAIM(rest, a_leak_of_isolated_pages_is_told_to_come_again)
{
	struct fixture fixture;
	struct balloon_page pages[2];
	open_fixture(&fixture, strategy, design, NULL);
	CHECK_EQ(balloon_driver_fill(fixture.driver, 2), 2);
	CHECK_EQ(fixture_isolate(&fixture, pages, 2), 2);
	CHECK_EQ(balloon_driver_leak(fixture.driver, 2), -EAGAIN);
	CHECK_EQ(balloon_driver_relieve(fixture.driver, 2, NULL), -EAGAIN);
	CHECK_EQ(balloon_pages_putback(fixture.map, pages, 2), 2);
	close_fixture(&fixture);
}

/* ---- How far it is --------------------------------------------------------------------------- */

static void check_state(struct fixture *fixture, enum balloon_driver_state state, uint64_t since_ns)
{
	struct balloon_driver_progress progress = fixture_progress(fixture);
	CHECK_EQ(progress.state, state);
	CHECK_EQ(progress.since_ns, since_ns);
}

/* However often it is looked at. */
DRIVER_CLAIM(rest, the_progress_says_since_when_it_is_so)
{
	struct fixture fixture;
	open_fixture(&fixture, strategy, design, NULL);
	uint64_t begin_ns = engine_now_ns();
	sleep_ms(3);
	check_state(&fixture, BALLOON_DRIVER_IDLE, begin_ns);
	balloon_driver_set_target(fixture.driver, 30);
	CHECK_EQ(balloon_driver_step(fixture.driver), FIXTURE_REQUEST);
	for (int i = 0; i < 3; i++) {
		check_state(&fixture, BALLOON_DRIVER_PROGRESSING, begin_ns + 3 * MS);
		sleep_ms(1);
	}
	reach(&fixture, 30);
	sleep_ms(1);
	check_state(&fixture, BALLOON_DRIVER_IDLE, begin_ns + 6 * MS);
	close_fixture(&fixture);
}

static void check_requests(
	struct fixture *fixture, uint64_t n_requests, uint64_t n_ended, uint64_t n_timeouts)
{
	struct balloon_driver_progress progress = fixture_progress(fixture);
	CHECK_EQ(progress.n_requests, n_requests);
	CHECK_EQ(progress.n_ended, n_ended);
	CHECK_EQ(progress.n_timeouts, n_timeouts);
	CHECK_EQ(balloon_driver_is_busy(fixture->driver), n_requests > 0);
}

/* In use, ended, and late; a driver whose host has one is busy, in either direction. */
DRIVER_CLAIM(rest, requests_are_counted)
{
	struct fixture fixture;
	CHECK(!balloon_driver_is_busy(NULL));
	open_fixture(&fixture, strategy, design, NULL);
	check_requests(&fixture, 0, 0, 0);
	CHECK_EQ(balloon_driver_fill(fixture.driver, 3), 3);
	check_requests(&fixture, 0, 1, 0);
	host_always(&fixture.host, HOST_KEEPS);
	balloon_driver_set_target(fixture.driver, 5);
	CHECK_EQ(balloon_driver_poll(fixture.driver, NULL), 1);
	check_requests(&fixture, 1, 1, 0);
	host_answer(&fixture.host, UINT32_MAX);
	check_requests(&fixture, 0, 2, 0);
	CHECK_EQ(balloon_driver_leak(fixture.driver, 2), -ETIMEDOUT);
	check_requests(&fixture, 1, 2, 1);
	host_answer(&fixture.host, UINT32_MAX);
	check_requests(&fixture, 0, 3, 1);
	close_fixture(&fixture);
}

/* ---- Misuse ---------------------------------------------------------------------------------- */

enum { ENOUGH = 1 << 17 };

static void check_refused_as(struct balloon_driver_config config, int error)
{
	struct balloon_driver *driver;
	size_t size_bytes;
	CHECK_EQ(balloon_driver_size(&config, &size_bytes), error);
	void *memory = runtime_allocate(ENOUGH);
	CHECK_EQ(balloon_driver_init(memory, ENOUGH, &config, &driver), error);
}

static void check_refused(struct balloon_driver_config config)
{
	check_refused_as(config, -EINVAL);
}

/* config: a good one. Each of these makes it a bad one. */
static void check_pointers(const struct balloon_driver_config *config)
{
	struct balloon_driver_config bad = *config;
	bad.design = balloon_driver_design_find("no-such-design");
	check_refused_as(bad, -ENOENT);
	bad = *config;
	bad.map = NULL;
	check_refused(bad);
	bad = *config;
	bad.frames = NULL;
	check_refused(bad);
	bad = *config;
	bad.channel = NULL;
	check_refused(bad);
	struct balloon_frames_ops ops = *config->frames->ops;
	struct balloon_frames frames = {.ops = NULL};
	bad = *config;
	bad.frames = &frames;
	check_refused(bad);
	frames.ops = &ops;
	ops.allocate = NULL;
	check_refused(bad);
	ops = *config->frames->ops;
	ops.free = NULL;
	check_refused(bad);
}

static void check_numbers(const struct balloon_driver_config *config)
{
	struct balloon_driver_config bad = *config;
	bad.request_pages = BALLOON_REQUEST_PAGES_MAX + 1;
	check_refused(bad);
	bad = *config;
	bad.n_requests = 1;
	check_refused(bad);
	bad.n_requests = 1025;
	check_refused(bad);
	uint64_t *const times[] = {&bad.host_timeout_ns, &bad.allocation_backoff_ns,
		&bad.relief_holdoff_ns, &bad.retry_ns};
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		bad = *config;
		*times[i] = UINT64_MAX;
		check_refused(bad);
	}
}

/* The least and the most requests. */
static void check_good_numbers(struct balloon_driver_config config)
{
	size_t size_bytes;
	config.n_requests = 2;
	CHECK_EQ(balloon_driver_size(&config, &size_bytes), 0);
	config.n_requests = 1024;
	CHECK_EQ(balloon_driver_size(&config, &size_bytes), 0);
}

static void spoil_hold(struct balloon_driver_hold *hold, uint32_t how)
{
	if (how == 0)
		hold->lock = BALLOON_DRIVER_LOCK_1 | BALLOON_DRIVER_LOCK_2;
	else if (how == 1)
		hold->from = (enum balloon_lock_from)(BALLOON_LOCK_FROM_TELL + 1);
	else
		hold->until = (enum balloon_lock_until)(BALLOON_LOCK_UNTIL_PLACED + 1);
}

static void check_designs(struct balloon_driver_config config)
{
	const struct balloon_driver_design good = *config.design;
	struct balloon_driver_design bad = good;
	config.design = &bad;
	for (uint32_t how = 0; how < 6; how++) {
		bad = good;
		spoil_hold(how < 3 ? &bad.fill : &bad.leak, how % 3);
		check_refused(config);
	}
	bad = good;
	bad.abi++;
	check_refused(config);
	bad = good;
	bad.name = "Coarse";
	check_refused(config);
	bad = good;
	bad.era = NULL;
	check_refused(config);
	bad = good;
	bad.relief = (enum balloon_relief)(BALLOON_RELIEF_PROGRESS + 1);
	check_refused(config);
	bad = good;
	bad.migration_locks = BALLOON_DRIVER_LOCK_2 << 1;
	check_refused(config);
}

static void check_configs(const struct balloon_driver_config *config)
{
	size_t size_bytes;
	CHECK_EQ(balloon_driver_size(NULL, &size_bytes), -EINVAL);
	check_pointers(config);
	check_numbers(config);
	check_good_numbers(*config);
	check_designs(*config);
}

/* One device slot is there, and it is there still. */
DRIVER_CLAIM(rest, a_driver_that_cannot_begin_leaves_no_trace)
{
	struct fixture fixture;
	const struct balloon_memmap_config map_config = {
		.strategy = strategy, .n_pages = FIXTURE_PAGES, .n_devices = 1};
	struct balloon_channel channel;
	struct balloon_device *device;
	struct balloon_driver *driver;
	void *map_memory = runtime_allocate(ENOUGH);
	void *memory = runtime_allocate(ENOUGH);
	open_fixture(&fixture, strategy, design, NULL);
	struct balloon_driver_config config = fixture_config(&fixture);
	CHECK_EQ(balloon_memmap_init(map_memory, ENOUGH, &map_config, &config.map), 0);
	balloon_channel_init(&channel, &balloon_null_channel_ops);
	config.channel = &channel;
	CHECK_EQ(balloon_driver_init(memory, ENOUGH, &config, &driver), -ENOSPC);
	CHECK_EQ(balloon_device_create(config.map, NULL, &device), 0);
	CHECK_EQ(balloon_device_destroy(config.map, device), 0);
	CHECK_EQ(balloon_memmap_fini(config.map), 0);
	CHECK_EQ(balloon_channel_fini(&channel), 0);
	runtime_free(map_memory);
	runtime_free(memory);
	close_fixture(&fixture);
}

DRIVER_CLAIM(rest, misuse_is_refused)
{
	struct fixture fixture;
	uint8_t outcome;
	struct balloon_driver *driver;
	struct balloon_page pages[2] = {balloon_page(0), balloon_page(1)};
	open_fixture(&fixture, strategy, design, NULL);
	struct balloon_driver_config config = fixture_config(&fixture);
	check_configs(&config);
	void *memory = runtime_allocate(ENOUGH);
	CHECK_EQ(balloon_driver_init(memory, ENOUGH, &config, &driver),
		-EBUSY); /* the channel is a driver's */
	struct balloon_channel other;
	balloon_channel_init(&other, &balloon_null_channel_ops);
	config.channel = &other;
	CHECK_EQ(balloon_driver_init(memory, ENOUGH, &config, &driver),
		-ENOSPC); /* no device slot is left */
	CHECK_EQ(balloon_channel_fini(&other), 0);
	CHECK_EQ(balloon_driver_init(memory, ENOUGH, &config, NULL), -EINVAL);
	CHECK_EQ(balloon_driver_size(&config, NULL), -EINVAL);
	CHECK_EQ(balloon_driver_init(&fixture, 64, &config, &driver), -EINVAL);
	CHECK_EQ(balloon_driver_fill(NULL, 1), -EINVAL);
	CHECK_EQ(balloon_driver_fill(fixture.driver, 0), -EINVAL);
	CHECK_EQ(balloon_driver_leak(fixture.driver, 0), -EINVAL);
	CHECK_EQ(balloon_driver_relieve(NULL, 1, NULL), -EINVAL);
	CHECK_EQ(balloon_driver_relieve(fixture.driver, 0, NULL), -EINVAL);
	CHECK_EQ(balloon_driver_step(NULL), -EINVAL);
	CHECK_EQ(balloon_driver_run(NULL, 0, NULL, NULL), -EINVAL);
	CHECK_EQ(balloon_driver_set_target(NULL, 0), -EINVAL);
	CHECK_EQ(balloon_driver_quiesce(NULL, 0), -EINVAL);
	CHECK_EQ(balloon_driver_stop(NULL, 0), -EINVAL);
	CHECK_EQ(balloon_driver_reset(NULL), -EINVAL);
	CHECK_EQ(balloon_driver_reset(fixture.driver), -EBUSY);
	CHECK_EQ(balloon_driver_progress(fixture.driver, NULL), -EINVAL);
	CHECK_EQ(balloon_driver_validate(NULL, NULL), -EINVAL);
	CHECK_EQ(balloon_driver_fini(NULL), -EINVAL);
	CHECK(balloon_driver_device(NULL) == NULL &&
		balloon_driver_memmap(fixture.driver) == fixture.map);
	CHECK_EQ(balloon_driver_migrate(fixture.driver, pages, pages + 1, 0, &outcome), -EINVAL);
	CHECK_EQ(balloon_driver_migrate(fixture.driver, pages, pages + 1, 1, NULL), -EINVAL);
	CHECK_EQ(balloon_driver_migrate(fixture.driver, pages, pages + 1, 1, &outcome), -ESTALE);
	CHECK_EQ(balloon_driver_migrate(fixture.driver, pages, pages, 1, &outcome), -ESTALE);
	close_fixture(&fixture);
}

Test(designs, are_found_by_name_and_described)
{
	struct balloon_driver_design_info info;
	size_t n = 0;
	for (; balloon_driver_design_at(n); n++) {
		cr_assert_eq(balloon_driver_design_describe(balloon_driver_design_at(n), &info), 0);
		cr_assert(balloon_driver_design_find(info.name) == balloon_driver_design_at(n));
		cr_assert(info.era[0] != '\0');
	}
	cr_assert(n > 0);
	cr_assert(balloon_driver_design_at(SIZE_MAX) == NULL);
	cr_assert(balloon_driver_design_find(NULL) == NULL);
	cr_assert(balloon_driver_design_find("coars") == NULL);
	cr_assert_eq(balloon_driver_design_describe(NULL, &info), -EINVAL);
}

Test(designs, states_have_names_of_their_own)
{
	cr_assert_str_eq(balloon_driver_state_name(BALLOON_DRIVER_PROGRESSING), "progressing");
	for (int state = 0; state <= BALLOON_DRIVER_STOPPED; state++)
		for (int other = state + 1; other <= BALLOON_DRIVER_STOPPED + 1; other++)
			cr_assert_str_neq(
				balloon_driver_state_name((enum balloon_driver_state)state),
				balloon_driver_state_name((enum balloon_driver_state)other));
}
