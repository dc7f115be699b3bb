/* SPDX-License-Identifier: MIT */
/* Claims about hosts that refuse a part, take little at once, or take their time. */

#include "claims.h"
#include "driver/driver.h"

/* ---- What is refused holds up nothing else --------------------------------------------------- */

/* A page of the balloon, any of them. */
static struct balloon_page choose_held(struct rig *rig)
{
	uint32_t index = engine_choose(ENGINE_CHOOSE_WORLD, RIG_PAGES);
	while (host_page(&rig->host, index) != HOST_PAGE_HOST)
		index = (index + 1) % RIG_PAGES;
	return balloon_page(index);
}

static void check_refusal(struct rig *rig, struct balloon_page page, enum balloon_request_kind kind)
{
	struct balloon_refusal refusal;
	CHECK_EQ(balloon_driver_refusals(rig->driver, NULL, 1), -EINVAL);
	CHECK_EQ(balloon_driver_refusals(rig->driver, NULL, 0), 1);
	CHECK_EQ(balloon_driver_refusals(rig->driver, &refusal, 1), 1);
	CHECK_EQ(refusal.page.index, page.index);
	CHECK_EQ(refusal.kind, kind);
	CHECK_EQ(refusal.error, -EPERM);
	CHECK(refusal.n_times > 0);
	CHECK(refusal.retry_at_ns > 0);
	CHECK_EQ(rig_progress(rig).last_refusal, -EPERM);
}

DRIVER_CLAIM(hosts, a_page_that_is_not_given_back_keeps_no_other_from_leaking)
{
	struct rig rig;
	open_rig(&rig, strategy, design, NULL);
	reach(&rig, 60);
	struct balloon_page page = choose_held(&rig);
	rig.host.reason = -EPERM;
	host_refuse_page(&rig.host, page.index, BALLOON_REQUEST_DEFLATE, true);
	balloon_driver_set_target(rig.driver, 0);
	CHECK_EQ(balloon_driver_run(rig.driver, in_ms(50), NULL, NULL), -ETIMEDOUT);
	CHECK_EQ(rig_progress(&rig).n_enqueued, 1);
	CHECK_EQ(rig_progress(&rig).last_error, -EIO);
	CHECK_EQ(source_n_free(&rig.source), RIG_PAGES - 1);
	check_refusal(&rig, page, BALLOON_REQUEST_DEFLATE);
	check_rig(&rig);
	/* Nor anything from being filled. */
	reach(&rig, 30);
	host_refuse_page(&rig.host, page.index, BALLOON_REQUEST_DEFLATE, false);
	reach(&rig, 0);
	CHECK_EQ(balloon_driver_refusals(rig.driver, NULL, 0), 0);
	close_rig(&rig);
}

DRIVER_CLAIM(hosts, a_page_that_is_not_given_back_keeps_no_relief_from_giving_others)
{
	struct rig rig;
	uint32_t n_relieved = 0;
	open_rig(&rig, strategy, design, NULL);
	reach(&rig, 60);
	struct balloon_page page = choose_held(&rig);
	rig.host.reason = -EPERM;
	host_refuse_page(&rig.host, page.index, BALLOON_REQUEST_DEFLATE, true);
	while (n_relieved < 59) {
		int n = balloon_driver_relieve(rig.driver, 10, NULL);
		CHECK(n > 0);
		n_relieved += (uint32_t)n;
	}
	CHECK(balloon_driver_relieve(rig.driver, 10, NULL) < 0);
	check_refusal(&rig, page, BALLOON_REQUEST_DEFLATE);
	host_refuse_page(&rig.host, page.index, BALLOON_REQUEST_DEFLATE, false);
	close_rig(&rig);
}

DRIVER_CLAIM(hosts, a_frame_that_is_not_taken_is_set_aside_and_another_one_tried)
{
	struct rig rig;
	open_rig(&rig, strategy, design, NULL);
	/* The one that the source would give next, for ever. */
	struct balloon_page page = rig.source.free[rig.source.n_free - 1];
	rig.host.reason = -EPERM;
	host_refuse_page(&rig.host, page.index, BALLOON_REQUEST_INFLATE, true);
	CHECK_EQ(balloon_driver_fill(rig.driver, 1), -EIO);
	CHECK_EQ(rig_progress(&rig).n_set_aside, 1);
	CHECK_EQ(source_n_free(&rig.source), RIG_PAGES - 1);
	check_refusal(&rig, page, BALLOON_REQUEST_INFLATE);
	check_rig(&rig);
	CHECK_EQ(balloon_driver_fill(rig.driver, 1), 1);
	reach(&rig, 100);
	CHECK_EQ(rig_progress(&rig).n_set_aside, 0); /* nobody wants it any more */
	/* All but that one. */
	balloon_driver_set_target(rig.driver, RIG_PAGES);
	CHECK_EQ(balloon_driver_run(rig.driver, in_ms(100), NULL, NULL), -ETIMEDOUT);
	CHECK_EQ(rig_progress(&rig).n_enqueued, RIG_PAGES - 1);
	host_refuse_page(&rig.host, page.index, BALLOON_REQUEST_INFLATE, false);
	reach(&rig, RIG_PAGES);
	close_rig(&rig);
}

/* Memory is short: what is set aside is given first, and needs no host. */
DRIVER_CLAIM(hosts, frames_that_are_set_aside_are_for_relief)
{
	struct rig rig;
	open_rig(&rig, strategy, design, NULL);
	reach(&rig, 10);
	host_at(&rig.host, 1, HOST_REFUSES);
	CHECK_EQ(balloon_driver_fill(rig.driver, 1), -EIO);
	host_always(&rig.host, HOST_KEEPS);
	CHECK_EQ(balloon_driver_relieve(rig.driver, 1, NULL), 1);
	CHECK_EQ(rig_progress(&rig).n_set_aside, 0);
	CHECK_EQ(rig_progress(&rig).n_enqueued, 10);
	CHECK_EQ(source_n_free(&rig.source), RIG_PAGES - 10);
	close_rig(&rig);
}

/* A migration left it with the host, which keeps it for good. */
DRIVER_CLAIM(hosts, a_quarantined_page_keeps_no_run_from_filling)
{
	struct rig rig;
	open_rig(&rig, strategy, design, NULL);
	reach(&rig, 10);
	struct balloon_page old;
	CHECK_EQ(rig_isolate(&rig, &old, 1), 1);
	CHECK_EQ(balloon_page_putback(rig.map, old), 0); /* it will be the one again */
	host_refuse_page(&rig.host, old.index, BALLOON_REQUEST_DEFLATE, true);
	CHECK_EQ(rig_migrate(&rig, 1), 0);
	CHECK_EQ(rig_progress(&rig).n_quarantined, 1);
	balloon_driver_set_target(rig.driver, 90);
	/* It is never at rest, and says so. */
	CHECK_EQ(balloon_driver_run(rig.driver, in_ms(50), NULL, NULL), -ETIMEDOUT);
	CHECK_EQ(rig_progress(&rig).n_enqueued, 90);
	CHECK_EQ(rig_progress(&rig).n_quarantined, 1);
	balloon_driver_set_target(rig.driver, 20);
	CHECK_EQ(balloon_driver_run(rig.driver, in_ms(50), NULL, NULL), -ETIMEDOUT);
	CHECK_EQ(rig_progress(&rig).n_enqueued, 20);
	host_refuse_page(&rig.host, old.index, BALLOON_REQUEST_DEFLATE, false);
	reach(&rig, 20);
	CHECK_EQ(rig_progress(&rig).n_quarantined, 0);
	close_rig(&rig);
}

static void ask_for_one(struct balloon_driver_config *config)
{
	config->request_pages = 1;
}

/* One page a request: the page that is refused again and again is not the only one that is asked for. */
DRIVER_CLAIM(hosts, a_quarantined_page_keeps_no_other_one_there)
{
	struct rig rig;
	open_rig(&rig, strategy, design, ask_for_one);
	reach(&rig, 10);
	struct balloon_page old;
	CHECK_EQ(rig_isolate(&rig, &old, 1), 1);
	CHECK_EQ(balloon_page_putback(rig.map, old), 0); /* it will be the one again */
	host_refuse_page(&rig.host, old.index, BALLOON_REQUEST_DEFLATE, true);
	CHECK_EQ(rig_migrate(&rig, 1), 0);
	CHECK_EQ(balloon_driver_run(rig.driver, in_ms(60000), NULL, NULL), -ETIMEDOUT);
	/* Another one, that the host keeps once. */
	host_at(&rig.host, 2, HOST_REFUSES);
	CHECK_EQ(rig_migrate(&rig, 1), 0);
	CHECK_EQ(rig_progress(&rig).n_quarantined, 2);
	CHECK_EQ(balloon_driver_run(rig.driver, in_ms(60000), NULL, NULL), -ETIMEDOUT);
	CHECK_EQ(rig_progress(&rig).n_quarantined, 1);
	host_refuse_page(&rig.host, old.index, BALLOON_REQUEST_DEFLATE, false);
	reach(&rig, 10);
	CHECK_EQ(rig_progress(&rig).n_quarantined, 0);
	close_rig(&rig);
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
	struct rig rig;
	int reason = reasons[claim_number() - 1];
	for (int is_rejected = 0; is_rejected <= can_be_rejected(reason); is_rejected++) {
		open_rig(&rig, strategy, design, NULL);
		reach(&rig, 20);
		rig.host.reason = reason;
		host_at(&rig.host, 1, is_rejected ? HOST_REJECTS : HOST_REFUSES);
		CHECK_EQ(balloon_driver_fill(rig.driver, 1), -EIO);
		CHECK_EQ(rig_progress(&rig).last_refusal, reason);
		CHECK_EQ(rig_progress(&rig).last_error, -EIO);
		CHECK_EQ(rig_progress(&rig).host_error, 0);
		host_at(&rig.host, 1, is_rejected ? HOST_REJECTS : HOST_REFUSES);
		CHECK_EQ(balloon_driver_leak(rig.driver, 1), -EIO);
		host_at(&rig.host, 2, is_rejected ? HOST_REJECTS : HOST_REFUSES);
		reach(&rig, 100);
		host_at(&rig.host, 2, is_rejected ? HOST_REJECTS : HOST_REFUSES);
		reach(&rig, 0);
		close_rig(&rig);
	}
}

DRIVER_CLAIM(hosts, a_host_that_is_gone_says_why)
{
	struct rig rig;
	open_rig(&rig, strategy, design, NULL);
	reach(&rig, 20);
	balloon_driver_set_target(rig.driver, 50);
	CHECK_EQ(balloon_channel_fail(&rig.host.channel, -EPROTO), 0);
	CHECK_EQ(balloon_driver_run(rig.driver, BALLOON_NEVER, NULL, NULL), -ENODEV);
	CHECK_EQ(balloon_driver_fill(rig.driver, 1), -ENODEV);
	CHECK_EQ(balloon_driver_leak(rig.driver, 1), -ENODEV);
	CHECK_EQ(rig_progress(&rig).host_error, -EPROTO);
	CHECK_EQ(rig_progress(&rig).n_set_aside, 0);
	close_rig(&rig);
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
		source->free[i] = balloon_page(i * 37 % RIG_PAGES);
}

DRIVER_CLAIMS(hosts, what_is_too_much_for_a_request_is_split, 4)
{
	static void (*const limits[])(struct balloon_driver_config *) = {
		few_pages, few_ranges, one_at_a_time, all_limits};
	struct rig rig;
	open_rig(&rig, strategy, design, limits[claim_number() - 1]);
	const struct balloon_channel_limits *limit = &rig.host.channel.limits;
	scatter(&rig.source);
	answer_after(&rig, 1000);
	CHECK_EQ(balloon_driver_fill(rig.driver, 9), 9);
	CHECK_EQ(balloon_driver_leak(rig.driver, 8), 8);
	reach(&rig, 100);
	reach(&rig, 0);
	CHECK_EQ(rig_progress(&rig).n_refused, 0);
	CHECK(limit->request_pages == 0 || rig.host.largest <= limit->request_pages);
	CHECK(rig.host.largest > 1);
	CHECK(limit->request_ranges == 0 || rig.host.most_ranges == limit->request_ranges);
	CHECK(limit->n_requests == 0 || rig.host.most_kept == limit->n_requests);
	close_rig(&rig);
}

DRIVER_CLAIM(hosts, a_migration_keeps_to_the_limits)
{
	struct rig rig;
	open_rig(&rig, strategy, design, all_limits);
	reach(&rig, 20);
	CHECK_EQ(balloon_driver_migrate_max(rig.driver), 2);
	CHECK_EQ(rig_migrate(&rig, 2), 2);
	CHECK_EQ(rig_migrate(&rig, 3), -EINVAL);
	close_rig(&rig);
}

static void refuse_config(struct rig *rig, struct balloon_geometry geometry)
{
	struct balloon_driver_config config = rig_config(rig);
	struct balloon_channel other;
	struct balloon_driver *driver;
	size_t n_bytes;
	void *memory = place_allocate(1 << 17);
	balloon_channel_init(&other, &balloon_null_channel_ops);
	other.geometry = geometry;
	config.channel = &other;
	CHECK_EQ(balloon_driver_size(&config, &n_bytes), -EINVAL);
	CHECK_EQ(balloon_driver_init(memory, 1 << 17, &config, &driver), -EINVAL);
	CHECK_EQ(balloon_channel_fini(&other), 0);
}

DRIVER_CLAIM(hosts, a_channel_covers_the_map)
{
	struct rig rig;
	open_rig(&rig, strategy, design, NULL);
	uint32_t page_size = (uint32_t)balloon_memmap_page_size(rig.map);
	refuse_config(&rig, (struct balloon_geometry){0, RIG_PAGES - 1, page_size});
	refuse_config(&rig, (struct balloon_geometry){0, RIG_PAGES, page_size * 2});
	refuse_config(&rig, (struct balloon_geometry){12345, RIG_PAGES, page_size});
	close_rig(&rig);
}

/* ---- Several requests under way -------------------------------------------------------------- */

static bool has_asked_for_all(void *context)
{
	const struct rig *rig = context;
	return rig->host.n_kept == 6; /* n_requests */
}

static void run(void *context)
{
	struct rig *rig = context;
	CHECK_EQ(balloon_driver_run(rig->driver, BALLOON_NEVER, NULL, NULL), 0);
}

DRIVER_CLAIM(hosts, as_many_requests_are_under_way_as_can_be)
{
	struct rig rig;
	open_rig(&rig, strategy, design, NULL);
	host_always(&rig.host, HOST_KEEPS);
	balloon_driver_set_target(rig.driver, RIG_PAGES);
	uint64_t begin_ns = engine_now_ns();
	engine_spawn("run", run, &rig);
	engine_wait_until(has_asked_for_all, &rig);
	CHECK_EQ(engine_now_ns(), begin_ns);
	CHECK_EQ(rig_progress(&rig).n_inflating, 6 * RIG_REQUEST);
	answer_after(&rig, 0);
	engine_join_all();
	host_always(&rig.host, HOST_KEEPS);
	CHECK_EQ(rig.host.most_kept, 6);
	close_rig(&rig);
}

static uint64_t time_to(struct rig *rig, uint64_t target, bool steps)
{
	uint64_t begin_ns = engine_now_ns();
	balloon_driver_set_target(rig->driver, target);
	if (steps)
		while (balloon_driver_step(rig->driver) > 0)
			;
	else
		reach(rig, target);
	CHECK_EQ(rig_progress(rig).n_enqueued, target);
	return engine_now_ns() - begin_ns;
}

static void default_requests(struct balloon_driver_config *config)
{
	config->n_requests = 0;
}

/* One step keeps one request under way. */
DRIVER_CLAIM(hosts, a_run_is_faster_for_having_several_requests_under_way)
{
	struct rig rig;
	open_rig(&rig, strategy, design, default_requests);
	answer_after(&rig, 100000);
	uint64_t steps_ns = time_to(&rig, RIG_PAGES, true);
	CHECK_EQ(steps_ns, RIG_PAGES / RIG_REQUEST * 100000);
	steps_ns += time_to(&rig, 0, true);
	uint64_t run_ns = time_to(&rig, RIG_PAGES, false);
	run_ns += time_to(&rig, 0, false);
	CHECK(steps_ns >= 5 * run_ns);
	close_rig(&rig);
}

static void one_large(struct balloon_driver_config *config)
{
	config->request_pages = 96;
}

/* Leaks give the newest page first; the host is told in its own order. */
DRIVER_CLAIM(hosts, pages_that_leak_are_one_range)
{
	struct rig rig;
	open_rig(&rig, strategy, design, one_large);
	CHECK_EQ(balloon_driver_fill(rig.driver, 96), 96);
	CHECK_EQ(balloon_driver_leak(rig.driver, 96), 96);
	CHECK_EQ(rig.host.n_ranges, 2);
	close_rig(&rig);
}

/* ---- A target from anywhere ------------------------------------------------------------------ */

struct turning {
	struct rig rig;
	uint32_t n_calls;
};

static struct turning *turning;

/* After some time the target is another one. */
static void turn(void)
{
	if (++turning->n_calls == 3)
		balloon_driver_set_target(turning->rig.driver, 20);
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
	open_rig(&t.rig, strategy, design, with_turns);
	if (claim_number() == 1)
		t.rig.host.on_submit = turn_in_submit;
	if (claim_number() == 2)
		t.rig.source.on_allocate = turn_in_allocation;
	balloon_driver_set_target(t.rig.driver, RIG_PAGES);
	CHECK_EQ(balloon_driver_run(t.rig.driver, in_ms(1000),
			 claim_number() == 6 ? turn_in_callback : NULL, NULL),
		0);
	CHECK_EQ(rig_progress(&t.rig).n_enqueued, 20);
	close_rig(&t.rig);
}
