/* SPDX-License-Identifier: MIT */
/* Claims about hosts that refuse a part, take little at once, or take their time. */

#include "claims.h"
#include "driver/driver.h"

/* ---- What is refused holds up nothing else --------------------------------------------------- */

/* A page of the balloon, any of them. */
static struct balloon_page choose_held(struct fixture *fixture)
{
	uint32_t index = engine_choose(ENGINE_CHOOSE_VALUE, FIXTURE_PAGES);
	while (host_page(&fixture->host, index) != HOST_PAGE_HOST)
		index = (index + 1) % FIXTURE_PAGES;
	return balloon_page(index);
}

static void check_refusal(
	struct fixture *fixture, struct balloon_page page, enum balloon_request_kind kind)
{
	struct balloon_refusal refusal;
	CHECK_EQ(balloon_driver_refusals(fixture->driver, NULL, 1), -EINVAL);
	CHECK_EQ(balloon_driver_refusals(fixture->driver, NULL, 0), 1);
	CHECK_EQ(balloon_driver_refusals(fixture->driver, &refusal, 1), 1);
	CHECK_EQ(refusal.page.index, page.index);
	CHECK_EQ(refusal.kind, kind);
	CHECK_EQ(refusal.error, -EPERM);
	CHECK(refusal.n_times > 0);
	CHECK(refusal.retry_at_ns > 0);
	CHECK_EQ(fixture_progress(fixture).last_refusal, -EPERM);
}

DRIVER_CLAIM(hosts, a_page_that_is_not_given_back_keeps_no_other_from_leaking)
{
	struct fixture fixture;
	open_fixture(&fixture, strategy, design, NULL);
	reach(&fixture, 60);
	struct balloon_page page = choose_held(&fixture);
	fixture.host.reason = -EPERM;
	host_refuse_page(&fixture.host, page.index, BALLOON_REQUEST_DEFLATE, true);
	balloon_driver_set_target(fixture.driver, 0);
	CHECK_EQ(balloon_driver_run(fixture.driver, in_ms(50), NULL, NULL), -ETIMEDOUT);
	CHECK_EQ(fixture_progress(&fixture).n_enqueued, 1);
	CHECK_EQ(fixture_progress(&fixture).last_error, -EIO);
	CHECK_EQ(source_n_free(&fixture.source), FIXTURE_PAGES - 1);
	check_refusal(&fixture, page, BALLOON_REQUEST_DEFLATE);
	check_fixture(&fixture);
	/* Nor anything from being filled. */
	reach(&fixture, 30);
	host_refuse_page(&fixture.host, page.index, BALLOON_REQUEST_DEFLATE, false);
	reach(&fixture, 0);
	CHECK_EQ(balloon_driver_refusals(fixture.driver, NULL, 0), 0);
	close_fixture(&fixture);
}

DRIVER_CLAIM(hosts, a_page_that_is_not_given_back_keeps_no_relief_from_giving_others)
{
	struct fixture fixture;
	uint32_t n_relieved = 0;
	open_fixture(&fixture, strategy, design, NULL);
	reach(&fixture, 60);
	struct balloon_page page = choose_held(&fixture);
	fixture.host.reason = -EPERM;
	host_refuse_page(&fixture.host, page.index, BALLOON_REQUEST_DEFLATE, true);
	while (n_relieved < 59) {
		int n = balloon_driver_relieve(fixture.driver, 10, NULL);
		CHECK(n > 0);
		n_relieved += (uint32_t)n;
	}
	CHECK(balloon_driver_relieve(fixture.driver, 10, NULL) < 0);
	check_refusal(&fixture, page, BALLOON_REQUEST_DEFLATE);
	host_refuse_page(&fixture.host, page.index, BALLOON_REQUEST_DEFLATE, false);
	close_fixture(&fixture);
}

DRIVER_CLAIM(hosts, a_frame_that_is_not_taken_is_set_aside_and_another_one_tried)
{
	struct fixture fixture;
	open_fixture(&fixture, strategy, design, NULL);
	/* The one that the source would give next, for ever. */
	struct balloon_page page = fixture.source.free[fixture.source.n_free - 1];
	fixture.host.reason = -EPERM;
	host_refuse_page(&fixture.host, page.index, BALLOON_REQUEST_INFLATE, true);
	CHECK_EQ(balloon_driver_fill(fixture.driver, 1), -EIO);
	CHECK_EQ(fixture_progress(&fixture).n_set_aside, 1);
	CHECK_EQ(source_n_free(&fixture.source), FIXTURE_PAGES - 1);
	check_refusal(&fixture, page, BALLOON_REQUEST_INFLATE);
	check_fixture(&fixture);
	CHECK_EQ(balloon_driver_fill(fixture.driver, 1), 1);
	reach(&fixture, 100);
	CHECK_EQ(fixture_progress(&fixture).n_set_aside, 0); /* nobody wants it any more */
	/* All but that one. */
	balloon_driver_set_target(fixture.driver, FIXTURE_PAGES);
	CHECK_EQ(balloon_driver_run(fixture.driver, in_ms(100), NULL, NULL), -ETIMEDOUT);
	CHECK_EQ(fixture_progress(&fixture).n_enqueued, FIXTURE_PAGES - 1);
	host_refuse_page(&fixture.host, page.index, BALLOON_REQUEST_INFLATE, false);
	reach(&fixture, FIXTURE_PAGES);
	close_fixture(&fixture);
}

/* A page by 256 times the first time at most, one and the same frame by 16,384 times. */
DRIVER_CLAIMS(hosts, what_is_refused_again_is_asked_for_ever_more_rarely, 2)
{
	struct fixture fixture;
	struct balloon_refusal refusal;
	bool is_frame = claim_number() == 1;
	uint32_t power_max = is_frame ? 14 : 8;
	open_fixture(&fixture, strategy, design, NULL);
	reach(&fixture, is_frame ? FIXTURE_PAGES - 1 : 1);
	uint32_t index = is_frame ? fixture.source.free[0].index : choose_held(&fixture).index;
	host_refuse_page(&fixture.host, index,
		is_frame ? BALLOON_REQUEST_INFLATE : BALLOON_REQUEST_DEFLATE, true);
	balloon_driver_set_target(fixture.driver, is_frame ? FIXTURE_PAGES : 0);
	for (uint32_t i = 0; i < power_max + 3; i++) {
		uint64_t n_requests = host_n_requests(&fixture.host);
		CHECK_EQ(balloon_driver_step(fixture.driver), -EIO);
		CHECK_EQ(host_n_requests(&fixture.host), n_requests + 1);
		CHECK_EQ(balloon_driver_refusals(fixture.driver, &refusal, 1), 1);
		CHECK_EQ(refusal.page.index, index);
		CHECK_EQ(refusal.n_times, i + 1);
		uint64_t for_ns = 2 * MS << (i < power_max ? i : power_max); /* retry_ns */
		CHECK_EQ(refusal.retry_at_ns - engine_now_ns(), for_ns);
		engine_sleep_until(refusal.retry_at_ns - 1);
		if (!is_frame) /* without one the source holds off */
			CHECK_EQ(balloon_driver_step(fixture.driver), -EIO);
		CHECK_EQ(host_n_requests(&fixture.host), n_requests + 1);
		engine_sleep_until(refusal.retry_at_ns);
	}
	host_refuse_page(&fixture.host, index,
		is_frame ? BALLOON_REQUEST_INFLATE : BALLOON_REQUEST_DEFLATE, false);
	CHECK_EQ(balloon_driver_step(fixture.driver), 1);
	CHECK_EQ(balloon_driver_refusals(fixture.driver, &refusal, 1), 0);
	close_fixture(&fixture);
}

/* The list is as long as there is room for; the number is that of all. */
DRIVER_CLAIM(hosts, refusals_are_listed_as_far_as_there_is_room)
{
	struct fixture fixture;
	struct balloon_refusal refusals[3];
	open_fixture(&fixture, strategy, design, NULL);
	reach(&fixture, 10);
	for (int i = 0; i < 2; i++) {
		host_at(&fixture.host, 1, HOST_REFUSES);
		CHECK_EQ(balloon_driver_leak(fixture.driver, 1), -EIO);
	}
	for (size_t n = 0; n <= 3; n++) {
		for (size_t i = 0; i < 3; i++)
			refusals[i] = (struct balloon_refusal){.page = {UINT32_MAX}};
		CHECK_EQ(balloon_driver_refusals(fixture.driver, refusals, n), 2);
		for (size_t i = 0; i < 3; i++)
			CHECK_EQ(refusals[i].page.index != UINT32_MAX, i < n && i < 2);
	}
	CHECK_EQ(balloon_driver_refusals(NULL, refusals, 3), -EINVAL);
	close_fixture(&fixture);
}

/* Memory is short: what is set aside is given first, and needs no host. */
DRIVER_CLAIM(hosts, frames_that_are_set_aside_are_for_relief)
{
	struct fixture fixture;
	open_fixture(&fixture, strategy, design, NULL);
	reach(&fixture, 10);
	host_at(&fixture.host, 1, HOST_REFUSES);
	CHECK_EQ(balloon_driver_fill(fixture.driver, 1), -EIO);
	host_always(&fixture.host, HOST_KEEPS);
	CHECK_EQ(balloon_driver_relieve(fixture.driver, 1, NULL), 1);
	CHECK_EQ(fixture_progress(&fixture).n_set_aside, 0);
	CHECK_EQ(fixture_progress(&fixture).n_enqueued, 10);
	CHECK_EQ(source_n_free(&fixture.source), FIXTURE_PAGES - 10);
	close_fixture(&fixture);
}

/* A migration left it with the host, which keeps it for good. */
DRIVER_CLAIM(hosts, a_quarantined_page_keeps_no_run_from_filling)
{
	struct fixture fixture;
	open_fixture(&fixture, strategy, design, NULL);
	reach(&fixture, 10);
	struct balloon_page old;
	CHECK_EQ(fixture_isolate(&fixture, &old, 1), 1);
	CHECK_EQ(balloon_page_putback(fixture.map, old), 0); /* it will be the one again */
	host_refuse_page(&fixture.host, old.index, BALLOON_REQUEST_DEFLATE, true);
	CHECK_EQ(fixture_migrate(&fixture, 1), 0);
	CHECK_EQ(fixture_progress(&fixture).n_quarantined, 1);
	balloon_driver_set_target(fixture.driver, 90);
	/* It is never at rest, and says so. */
	CHECK_EQ(balloon_driver_run(fixture.driver, in_ms(50), NULL, NULL), -ETIMEDOUT);
	CHECK_EQ(fixture_progress(&fixture).n_enqueued, 90);
	CHECK_EQ(fixture_progress(&fixture).n_quarantined, 1);
	balloon_driver_set_target(fixture.driver, 20);
	CHECK_EQ(balloon_driver_run(fixture.driver, in_ms(50), NULL, NULL), -ETIMEDOUT);
	CHECK_EQ(fixture_progress(&fixture).n_enqueued, 20);
	host_refuse_page(&fixture.host, old.index, BALLOON_REQUEST_DEFLATE, false);
	reach(&fixture, 20);
	CHECK_EQ(fixture_progress(&fixture).n_quarantined, 0);
	close_fixture(&fixture);
}

static void ask_for_one(struct balloon_driver_config *config)
{
	config->request_pages = 1;
}

/* One page a request: the page that is refused again and again is not the only one that is asked for. */
DRIVER_CLAIM(hosts, a_quarantined_page_keeps_no_other_one_there)
{
	struct fixture fixture;
	open_fixture(&fixture, strategy, design, ask_for_one);
	reach(&fixture, 10);
	struct balloon_page old;
	CHECK_EQ(fixture_isolate(&fixture, &old, 1), 1);
	CHECK_EQ(balloon_page_putback(fixture.map, old), 0); /* it will be the one again */
	host_refuse_page(&fixture.host, old.index, BALLOON_REQUEST_DEFLATE, true);
	CHECK_EQ(fixture_migrate(&fixture, 1), 0);
	CHECK_EQ(balloon_driver_run(fixture.driver, in_ms(60000), NULL, NULL), -ETIMEDOUT);
	/* Another one, that the host keeps once. */
	host_at(&fixture.host, 2, HOST_REFUSES);
	CHECK_EQ(fixture_migrate(&fixture, 1), 0);
	CHECK_EQ(fixture_progress(&fixture).n_quarantined, 2);
	CHECK_EQ(balloon_driver_run(fixture.driver, in_ms(60000), NULL, NULL), -ETIMEDOUT);
	CHECK_EQ(fixture_progress(&fixture).n_quarantined, 1);
	host_refuse_page(&fixture.host, old.index, BALLOON_REQUEST_DEFLATE, false);
	reach(&fixture, 10);
	CHECK_EQ(fixture_progress(&fixture).n_quarantined, 0);
	close_fixture(&fixture);
}

/* ---- The host's reasons are its own ---------------------------------------------------------- */

static const int reasons[] = {
	-ENODEV, -ENOMEM, -EAGAIN, -EBUSY, -ECANCELED, -ETIMEDOUT, -EINVAL, -EPERM};
enum { N_REASONS = sizeof(reasons) / sizeof(reasons[0]) };

/* But for two of them, a host can also say so when it is told. */
static bool can_be_rejected(int reason)
{
	return reason != -ENODEV && reason != -EAGAIN && reason != -EINVAL;
}

DRIVER_CLAIMS(hosts, a_refusal_is_one_whatever_its_reason, N_REASONS)
{
	struct fixture fixture;
	int reason = reasons[claim_number() - 1];
	for (int is_rejected = 0; is_rejected <= can_be_rejected(reason); is_rejected++) {
		open_fixture(&fixture, strategy, design, NULL);
		reach(&fixture, 20);
		fixture.host.reason = reason;
		host_at(&fixture.host, 1, is_rejected ? HOST_REJECTS : HOST_REFUSES);
		CHECK_EQ(balloon_driver_fill(fixture.driver, 1), -EIO);
		CHECK_EQ(fixture_progress(&fixture).last_refusal, reason);
		CHECK_EQ(fixture_progress(&fixture).last_error, -EIO);
		CHECK_EQ(fixture_progress(&fixture).host_error, 0);
		host_at(&fixture.host, 1, is_rejected ? HOST_REJECTS : HOST_REFUSES);
		CHECK_EQ(balloon_driver_leak(fixture.driver, 1), -EIO);
		host_at(&fixture.host, 2, is_rejected ? HOST_REJECTS : HOST_REFUSES);
		reach(&fixture, 100);
		host_at(&fixture.host, 2, is_rejected ? HOST_REJECTS : HOST_REFUSES);
		reach(&fixture, 0);
		close_fixture(&fixture);
	}
}

DRIVER_CLAIM(hosts, a_host_that_is_gone_says_why)
{
	struct fixture fixture;
	open_fixture(&fixture, strategy, design, NULL);
	reach(&fixture, 20);
	balloon_driver_set_target(fixture.driver, 50);
	CHECK_EQ(balloon_channel_fail(&fixture.host.channel, -EPROTO), 0);
	CHECK_EQ(balloon_driver_run(fixture.driver, BALLOON_NEVER, NULL, NULL), -ENODEV);
	CHECK_EQ(balloon_driver_fill(fixture.driver, 1), -ENODEV);
	CHECK_EQ(balloon_driver_leak(fixture.driver, 1), -ENODEV);
	CHECK_EQ(fixture_progress(&fixture).host_error, -EPROTO);
	CHECK_EQ(fixture_progress(&fixture).n_set_aside, 0);
	close_fixture(&fixture);
}

/* A request counts once, however much of it is refused; what is asked for again is another request. */
DRIVER_CLAIM(hosts, each_request_that_is_not_done_whole_is_counted)
{
	struct fixture fixture;
	open_fixture(&fixture, strategy, design, NULL);
	CHECK_EQ(balloon_driver_fill(fixture.driver, 8), 8);
	CHECK_EQ(fixture_progress(&fixture).n_refused, 0);
	host_at(&fixture.host, 1, HOST_HALVES);
	CHECK_EQ(balloon_driver_fill(fixture.driver, 8), 7);
	CHECK_EQ(fixture_progress(&fixture).n_refused, 1);
	host_at(&fixture.host, 1, HOST_REFUSES);
	CHECK_EQ(balloon_driver_leak(fixture.driver, 4), 3);
	CHECK_EQ(fixture_progress(&fixture).n_refused, 2);
	host_at(&fixture.host, 1, HOST_REFUSES);
	fixture_migrate(&fixture, 4);
	CHECK_EQ(fixture_progress(&fixture).n_refused, 3);
	host_at(&fixture.host, 2, HOST_REFUSES);
	fixture_migrate(&fixture, 4);
	CHECK_EQ(fixture_progress(&fixture).n_refused, 4);
	close_fixture(&fixture);
}

/* ---- Limits ---------------------------------------------------------------------------------- */

static void few_pages(struct balloon_driver_config *config)
{
	config->channel->limits.request_pages = 5;
}

static void few_ranges(struct balloon_driver_config *config)
{
	config->channel->limits.request_ranges = 2;
}

static void one_at_a_time(struct balloon_driver_config *config)
{
	config->channel->limits.n_requests = 1;
}

static void all_limits(struct balloon_driver_config *config)
{
	few_pages(config);
	few_ranges(config);
	one_at_a_time(config);
}

/* So that no two frames in a row are adjacent. */
static void scatter(struct source *source)
{
	for (uint32_t i = 0; i < source->n_free; i++)
		source->free[i] = balloon_page(i * 37 % FIXTURE_PAGES);
}

DRIVER_CLAIMS(hosts, what_is_too_much_for_a_request_is_split, 4)
{
	static void (*const limits[])(struct balloon_driver_config *) = {
		few_pages, few_ranges, one_at_a_time, all_limits};
	struct fixture fixture;
	open_fixture(&fixture, strategy, design, limits[claim_number() - 1]);
	const struct balloon_channel_limits *limit = &fixture.host.channel.limits;
	scatter(&fixture.source);
	answer_after(&fixture, 1000);
	CHECK_EQ(balloon_driver_fill(fixture.driver, 9), 9);
	CHECK_EQ(balloon_driver_leak(fixture.driver, 8), 8);
	reach(&fixture, 100);
	reach(&fixture, 0);
	CHECK_EQ(fixture_progress(&fixture).n_refused, 0);
	CHECK(limit->request_pages == 0 || fixture.host.largest <= limit->request_pages);
	CHECK(fixture.host.largest > 1);
	CHECK(limit->request_ranges == 0 || fixture.host.most_ranges == limit->request_ranges);
	CHECK(limit->n_requests == 0 || fixture.host.most_kept == limit->n_requests);
	close_fixture(&fixture);
}

DRIVER_CLAIM(hosts, a_migration_keeps_to_the_limits)
{
	struct fixture fixture;
	open_fixture(&fixture, strategy, design, all_limits);
	reach(&fixture, 20);
	CHECK_EQ(balloon_driver_migrate_max(fixture.driver), 2);
	CHECK_EQ(fixture_migrate(&fixture, 2), 2);
	CHECK_EQ(fixture_migrate(&fixture, 3), -EINVAL);
	close_fixture(&fixture);
}

static void refuse_config(struct fixture *fixture, struct balloon_geometry geometry)
{
	struct balloon_driver_config config = fixture_config(fixture);
	struct balloon_channel other;
	struct balloon_driver *driver;
	size_t n_bytes;
	void *memory = runtime_allocate(1 << 17);
	balloon_channel_init(&other, &balloon_null_channel_ops);
	other.geometry = geometry;
	config.channel = &other;
	CHECK_EQ(balloon_driver_size(&config, &n_bytes), -EINVAL);
	CHECK_EQ(balloon_driver_init(memory, 1 << 17, &config, &driver), -EINVAL);
	CHECK_EQ(balloon_channel_fini(&other), 0);
}

DRIVER_CLAIM(hosts, a_channel_covers_the_map)
{
	struct fixture fixture;
	open_fixture(&fixture, strategy, design, NULL);
	uint32_t page_size = (uint32_t)balloon_memmap_page_size(fixture.map);
	refuse_config(&fixture, (struct balloon_geometry){0, FIXTURE_PAGES - 1, page_size});
	refuse_config(&fixture, (struct balloon_geometry){0, FIXTURE_PAGES, page_size * 2});
	refuse_config(&fixture, (struct balloon_geometry){12345, FIXTURE_PAGES, page_size});
	close_fixture(&fixture);
}

/* ---- Several requests under way -------------------------------------------------------------- */

static bool has_asked_for_all(void *context)
{
	const struct fixture *fixture = context;
	return fixture->host.n_kept == 6; /* n_requests */
}

static void run(void *context)
{
	struct fixture *fixture = context;
	CHECK_EQ(balloon_driver_run(fixture->driver, BALLOON_NEVER, NULL, NULL), 0);
}

DRIVER_CLAIM(hosts, as_many_requests_are_under_way_as_can_be)
{
	struct fixture fixture;
	open_fixture(&fixture, strategy, design, NULL);
	host_always(&fixture.host, HOST_KEEPS);
	balloon_driver_set_target(fixture.driver, FIXTURE_PAGES);
	uint64_t begin_ns = engine_now_ns();
	engine_spawn("run", run, &fixture);
	engine_wait_until(has_asked_for_all, &fixture);
	CHECK_EQ(engine_now_ns(), begin_ns);
	CHECK_EQ(fixture_progress(&fixture).n_inflating, 6 * FIXTURE_REQUEST);
	answer_after(&fixture, 0);
	engine_join_all();
	host_always(&fixture.host, HOST_KEEPS);
	CHECK_EQ(fixture.host.most_kept, 6);
	close_fixture(&fixture);
}

static uint64_t time_to(struct fixture *fixture, uint64_t target, bool steps)
{
	uint64_t begin_ns = engine_now_ns();
	balloon_driver_set_target(fixture->driver, target);
	if (steps)
		while (balloon_driver_step(fixture->driver) > 0)
			;
	else
		reach(fixture, target);
	CHECK_EQ(fixture_progress(fixture).n_enqueued, target);
	return engine_now_ns() - begin_ns;
}

static void default_requests(struct balloon_driver_config *config)
{
	config->n_requests = 0;
}

/* One step keeps one request under way. */
DRIVER_CLAIM(hosts, a_run_is_faster_for_having_several_requests_under_way)
{
	struct fixture fixture;
	open_fixture(&fixture, strategy, design, default_requests);
	answer_after(&fixture, 100000);
	uint64_t steps_ns = time_to(&fixture, FIXTURE_PAGES, true);
	CHECK_EQ(steps_ns, FIXTURE_PAGES / FIXTURE_REQUEST * 100000);
	steps_ns += time_to(&fixture, 0, true);
	uint64_t run_ns = time_to(&fixture, FIXTURE_PAGES, false);
	run_ns += time_to(&fixture, 0, false);
	CHECK(steps_ns >= 5 * run_ns);
	close_fixture(&fixture);
}

static void one_large(struct balloon_driver_config *config)
{
	config->request_pages = 96;
}

/* Leaks give the newest page first; the host is told in its own order. */
DRIVER_CLAIM(hosts, pages_that_leak_are_one_range)
{
	struct fixture fixture;
	open_fixture(&fixture, strategy, design, one_large);
	CHECK_EQ(balloon_driver_fill(fixture.driver, 96), 96);
	CHECK_EQ(balloon_driver_leak(fixture.driver, 96), 96);
	CHECK_EQ(fixture.host.n_ranges, 2);
	close_fixture(&fixture);
}

/* ---- A target from anywhere ------------------------------------------------------------------ */

struct turning {
	struct fixture fixture;
	uint32_t n_calls;
};

static struct turning *turning;

/* After some time the target is another one. */
static void turn(void)
{
	if (++turning->n_calls == 3)
		balloon_driver_set_target(turning->fixture.driver, 20);
}

static void turn_in_submit(void *context)
{
	(void)context;
	turn();
}

static bool turn_in_allocation(void *context, uint64_t n_calls)
{
	(void)context;
	(void)n_calls;
	turn();
	return true;
}

static void turn_when_acknowledged(void *context, uint64_t n_pages, uint64_t sequence)
{
	(void)context;
	(void)n_pages;
	(void)sequence;
	turn();
}

static void turn_when_moved(
	void *context, const struct balloon_page *pages, size_t n_pages, bool is_in)
{
	(void)context;
	(void)pages;
	(void)n_pages;
	(void)is_in;
	turn();
}

static void turn_before_fill(void *context, size_t n_pages)
{
	(void)context;
	(void)n_pages;
	turn();
}

static bool turn_in_callback(void *context, const struct balloon_driver_progress *progress)
{
	(void)context;
	(void)progress;
	turn();
	return true;
}

static void with_turns(struct balloon_driver_config *config)
{
	if (claim_number() == 3)
		config->acknowledged = turn_when_acknowledged;
	if (claim_number() == 4)
		config->moved = turn_when_moved;
	if (claim_number() == 5)
		config->before_fill = turn_before_fill;
}

DRIVER_CLAIMS(hosts, a_target_may_be_set_from_any_callback, 6)
{
	struct turning t = {.n_calls = 0};
	turning = &t;
	open_fixture(&t.fixture, strategy, design, with_turns);
	if (claim_number() == 1)
		t.fixture.host.on_submit = turn_in_submit;
	if (claim_number() == 2)
		t.fixture.source.on_allocate = turn_in_allocation;
	balloon_driver_set_target(t.fixture.driver, FIXTURE_PAGES);
	CHECK_EQ(balloon_driver_run(t.fixture.driver, in_ms(1000),
			 claim_number() == 6 ? turn_in_callback : NULL, NULL),
		0);
	CHECK_EQ(fixture_progress(&t.fixture).n_enqueued, 20);
	close_fixture(&t.fixture);
}
