/* SPDX-License-Identifier: MIT */
/* Claims about another host in the place of one that is gone. */

#include "claims.h"
#include "driver/driver.h"

#include <string.h>

struct restored {
	struct fixture fixture;
	struct host other;
	uint64_t ended_ns;
};

static void open_restored(struct restored *r, const struct balloon_strategy *strategy,
	const struct balloon_driver_design *design)
{
	memset(r, 0, sizeof(*r));
	open_fixture(&r->fixture, strategy, design, NULL);
	host_init(&r->other, FIXTURE_PAGES);
	reach(&r->fixture, 60);
}

/* The old host is gone, and everything that it had is the guest's: zeroed memory. */
static void lose_host(struct restored *r)
{
	balloon_channel_fail(&r->fixture.host.channel, -ENODEV);
	host_let_go(&r->fixture.host);
	r->fixture.source.host = &r->other;
}

static void check_restored(struct restored *r)
{
	const char *what = NULL;
	struct balloon_finding finding = {NULL, {0}, NULL};
	if (balloon_driver_validate(r->fixture.driver, &what) < 0)
		engine_fail(ENGINE_CLAIM, "%s", what);
	CHECK_EQ(balloon_memmap_validate(r->fixture.map, &finding), 0);
	if (r->other.violation || r->fixture.source.violation)
		engine_fail(ENGINE_CLAIM, "%s",
			r->other.violation ? r->other.violation : r->fixture.source.violation);
	CHECK_EQ(host_n_held(&r->other), fixture_progress(&r->fixture).n_acknowledged);
	CHECK_EQ(r->fixture.ballooned[0] + r->fixture.ballooned[1],
		fixture_progress(&r->fixture).n_acknowledged);
}

static void close_restored(struct restored *r)
{
	CHECK_EQ(balloon_driver_resume(r->fixture.driver), 0);
	reach(&r->fixture, 33);
	check_restored(r);
	reach(&r->fixture, 0);
	check_restored(r);
	CHECK_EQ(source_n_free(&r->fixture.source), FIXTURE_PAGES);
	CHECK_EQ(balloon_driver_fini(r->fixture.driver), 0);
	CHECK_EQ(balloon_memmap_fini(r->fixture.map), 0);
	CHECK_EQ(balloon_channel_fini(&r->fixture.host.channel), 0);
	CHECK_EQ(balloon_channel_fini(&r->other.channel), 0);
}

DRIVER_CLAIM(attach, a_new_host_is_told_of_every_page)
{
	struct restored r;
	open_restored(&r, strategy, design);
	lose_host(&r);
	CHECK_EQ(balloon_driver_quiesce(r.fixture.driver, in_ms(10)), 0);
	CHECK_EQ(balloon_driver_attach(r.fixture.driver, &r.other.channel, in_ms(1000)), 0);
	CHECK_EQ(host_n_held(&r.other), 60);
	CHECK_EQ(fixture_progress(&r.fixture).n_enqueued, 60);
	CHECK_EQ(fixture_progress(&r.fixture).host_error, 0);
	check_restored(&r);
	close_restored(&r);
}

/* What it does not take leaves the balloon; what was in quarantine is the source's. */
DRIVER_CLAIM(attach, what_a_new_host_refuses_leaves_the_balloon)
{
	struct restored r;
	open_restored(&r, strategy, design);
	host_at(&r.fixture.host, 2, HOST_REFUSES);
	CHECK_EQ(fixture_migrate(&r.fixture, 1), 0);
	CHECK_EQ(fixture_progress(&r.fixture).n_quarantined, 1);
	lose_host(&r);
	uint32_t n_refused = 0;
	for (uint32_t i = 0; i < FIXTURE_PAGES; i += 7)
		if (r.fixture.source.is_out[i]) {
			host_refuse_page(&r.other, i, BALLOON_REQUEST_INFLATE, true);
			n_refused += strategy->inspect(r.fixture.map, balloon_page(i)).device ==
				     balloon_driver_device(r.fixture.driver);
		}
	CHECK(n_refused > 0);
	CHECK_EQ(balloon_driver_quiesce(r.fixture.driver, in_ms(10)), 0);
	CHECK_EQ(balloon_driver_attach(r.fixture.driver, &r.other.channel, in_ms(1000)), 0);
	CHECK_EQ(fixture_progress(&r.fixture).n_quarantined, 0);
	CHECK_EQ(fixture_progress(&r.fixture).n_enqueued, 60 - n_refused);
	CHECK_EQ(source_n_free(&r.fixture.source), FIXTURE_PAGES - (60 - n_refused));
	CHECK_EQ(balloon_driver_refusals(r.fixture.driver, NULL, 0), 0);
	check_restored(&r);
	for (uint32_t i = 0; i < FIXTURE_PAGES; i++)
		host_refuse_page(&r.other, i, BALLOON_REQUEST_INFLATE, false);
	close_restored(&r);
}

DRIVER_CLAIM(attach, a_new_host_comes_when_the_old_one_has_nothing_any_more)
{
	struct restored r;
	struct balloon_page page;
	struct balloon_channel small;
	open_restored(&r, strategy, design);
	struct balloon_driver *driver = r.fixture.driver;
	CHECK_EQ(balloon_driver_attach(driver, NULL, in_ms(10)), -EINVAL);
	CHECK_EQ(balloon_driver_attach(driver, &r.other.channel, in_ms(10)), -EBUSY);
	host_at(&r.fixture.host, 1, HOST_KEEPS);
	CHECK_EQ(balloon_driver_leak(driver, 2), -ETIMEDOUT);
	CHECK_EQ(fixture_isolate(&r.fixture, &page, 1), 1);
	CHECK_EQ(balloon_driver_quiesce(driver, in_ms(10)), -ETIMEDOUT);
	balloon_channel_init(&small, &balloon_null_channel_ops);
	small.geometry = (struct balloon_geometry){BALLOON_PFN_ANY, FIXTURE_PAGES - 1, 4096};
	CHECK_EQ(balloon_driver_attach(driver, &small, in_ms(10)), -EINVAL);
	/* It has a request. */
	CHECK_EQ(balloon_driver_attach(driver, &r.other.channel, in_ms(10)), -EBUSY);
	host_answer(&r.fixture.host, UINT32_MAX);
	CHECK_EQ(balloon_driver_quiesce(driver, in_ms(10)), 0);
	lose_host(&r);
	/* Somebody else's. */
	CHECK_EQ(balloon_channel_claim(&r.other.channel, &r, NULL), 0);
	CHECK_EQ(balloon_driver_attach(driver, &r.other.channel, in_ms(10)), -EBUSY);
	balloon_channel_release(&r.other.channel, &r);
	/* Somebody has a page isolated. */
	CHECK_EQ(balloon_driver_attach(driver, &r.other.channel, in_ms(10)), -EAGAIN);
	CHECK_EQ(balloon_page_putback(r.fixture.map, page), 0);
	CHECK_EQ(balloon_driver_attach(driver, &r.other.channel, in_ms(1000)), 0);
	CHECK_EQ(fixture_progress(&r.fixture).n_enqueued, 58);
	check_restored(&r);
	close_restored(&r);
}

static void answer_all(void *context)
{
	struct host *host = context;
	for (;;) {
		sleep_ms(1);
		host_answer(host, UINT32_MAX);
	}
}

/* The new host takes longer than there is time: the next call goes on. */
DRIVER_CLAIM(attach, a_new_host_may_take_its_time)
{
	struct restored r;
	open_restored(&r, strategy, design);
	lose_host(&r);
	host_always(&r.other, HOST_KEEPS);
	CHECK_EQ(balloon_driver_quiesce(r.fixture.driver, in_ms(10)), 0);
	for (uint32_t i = 0; i < 2; i++) {
		uint64_t begin_ns = engine_now_ns();
		CHECK_EQ(balloon_driver_attach(r.fixture.driver, &r.other.channel, begin_ns + 5000),
			-ETIMEDOUT);
		CHECK_EQ(engine_now_ns(), begin_ns + 5000);
	}
	engine_spawn_daemon("host", answer_all, &r.other);
	CHECK_EQ(balloon_driver_attach(r.fixture.driver, &r.other.channel, in_ms(1000)), 0);
	CHECK_EQ(fixture_progress(&r.fixture).n_enqueued, 60);
	check_restored(&r);
	close_restored(&r);
}

/* A host that dies in the middle: the one after it is told from the beginning. */
DRIVER_CLAIM(attach, a_third_host_is_told_of_what_the_second_was)
{
	struct restored r;
	struct host third;
	open_restored(&r, strategy, design);
	struct balloon_driver *driver = r.fixture.driver;
	host_init(&third, FIXTURE_PAGES);
	lose_host(&r);
	CHECK_EQ(balloon_driver_quiesce(driver, in_ms(10)), 0);
	CHECK_EQ(balloon_driver_attach(driver, &r.other.channel, 0), -ETIMEDOUT);
	CHECK_EQ(host_n_held(&r.other), FIXTURE_REQUEST);
	balloon_channel_fail(&r.other.channel, -ENODEV);
	host_let_go(&r.other);
	CHECK_EQ(balloon_driver_attach(driver, &r.other.channel, in_ms(10)), -ENODEV);
	r.fixture.source.host = &third;
	uint64_t n_enqueued = fixture_progress(&r.fixture).n_enqueued;
	CHECK_EQ(balloon_driver_attach(driver, &third.channel, in_ms(1000)), 0);
	CHECK_EQ(host_n_held(&third), n_enqueued);
	CHECK_EQ(host_n_held(&third), fixture_progress(&r.fixture).n_acknowledged);
	CHECK_EQ(balloon_channel_fini(&r.other.channel), 0);
	CHECK_EQ(balloon_driver_validate(driver, NULL), 0);
	CHECK_EQ(balloon_driver_stop(driver, BALLOON_NEVER), 0);
	CHECK_EQ(balloon_driver_reset(driver), 0);
	CHECK_EQ(source_n_free(&r.fixture.source), FIXTURE_PAGES);
	CHECK_EQ(balloon_driver_fini(driver), 0);
}

static void answer_oldest_later(void *context)
{
	struct restored *r = context;
	sleep_ms(7);
	host_answer_oldest(&r->other, UINT32_MAX);
}

/* All requests are with the new host: attach sleeps until one of them ends, or its time does. */
DRIVER_CLAIM(attach, waits_when_all_requests_are_with_the_new_host)
{
	struct restored r;
	open_restored(&r, strategy, design);
	struct balloon_driver *driver = r.fixture.driver;
	lose_host(&r);
	host_always(&r.other, HOST_KEEPS);
	CHECK_EQ(balloon_driver_tune(driver, &(struct balloon_driver_tuning){.request_pages = 4}),
		0);
	CHECK_EQ(balloon_driver_quiesce(driver, in_ms(10)), 0);
	for (uint32_t i = 0; i < 6; i++) /* n_requests */
		CHECK_EQ(balloon_driver_attach(driver, &r.other.channel, 0), -ETIMEDOUT);
	CHECK_EQ(r.other.n_kept, 6);
	uint64_t begin_ns = engine_now_ns();
	uint64_t begin = engine_step();
	CHECK_EQ(balloon_driver_attach(driver, &r.other.channel, begin_ns + 20 * MS), -ETIMEDOUT);
	CHECK_EQ(engine_now_ns(), begin_ns + 20 * MS);
	CHECK(engine_step() - begin < 1000); /* it slept */
	CHECK_EQ(host_n_requests(&r.other), 6);
	/* With the answer it goes on at once, and the host is told of four pages more. */
	begin_ns = engine_now_ns();
	engine_spawn("host", answer_oldest_later, &r);
	CHECK_EQ(balloon_driver_attach(driver, &r.other.channel, begin_ns + 8 * MS), -ETIMEDOUT);
	CHECK_EQ(host_n_requests(&r.other), 7);
	CHECK_EQ(r.other.kept_ns[5], begin_ns + 7 * MS);
	engine_join_all();
	engine_spawn_daemon("host", answer_all, &r.other);
	CHECK_EQ(balloon_driver_attach(driver, &r.other.channel, in_ms(1000)), 0);
	CHECK_EQ(fixture_progress(&r.fixture).n_enqueued, 60);
	check_restored(&r);
	close_restored(&r);
}

static void attach_for_ever(void *context)
{
	struct restored *r = context;
	CHECK_EQ(balloon_driver_attach(r->fixture.driver, &r->other.channel, BALLOON_NEVER),
		claim_number() > 2 ? -ENODEV : -ECANCELED);
	r->ended_ns = engine_now_ns();
}

/* Whether it waits for an answer or for a request, that is why it ends. */
DRIVER_CLAIMS(attach, ends_with_a_stop_or_with_its_host, 4)
{
	struct restored r;
	open_restored(&r, strategy, design);
	struct balloon_driver *driver = r.fixture.driver;
	lose_host(&r);
	host_always(&r.other, HOST_KEEPS);
	CHECK_EQ(balloon_driver_tune(driver, &(struct balloon_driver_tuning){.request_pages = 4}),
		0);
	CHECK_EQ(balloon_driver_quiesce(driver, in_ms(10)), 0);
	for (uint32_t i = 0; i < 6 && claim_number() % 2; i++)
		CHECK_EQ(balloon_driver_attach(driver, &r.other.channel, 0), -ETIMEDOUT);
	engine_spawn("attach", attach_for_ever, &r);
	sleep_ms(50);
	uint64_t begin_ns = engine_now_ns();
	if (claim_number() > 2)
		CHECK_EQ(balloon_channel_fail(&r.other.channel, -ENODEV), 0);
	else
		CHECK_EQ(balloon_driver_stop(driver, BALLOON_NEVER), 0);
	engine_join_all();
	CHECK_EQ(r.ended_ns, begin_ns);
	CHECK_EQ(balloon_driver_stop(driver, BALLOON_NEVER), 0);
	CHECK_EQ(balloon_driver_attach(driver, &r.other.channel, in_ms(10)), -ECANCELED);
	CHECK_EQ(balloon_driver_validate(driver, NULL), 0);
	CHECK_EQ(balloon_driver_reset(driver), 0);
	CHECK_EQ(source_n_free(&r.fixture.source), FIXTURE_PAGES);
	CHECK_EQ(balloon_driver_fini(driver), 0);
}

/* The old host may still answer, over its channel, what was taken back from it: under no name that another
 * request has now. */
DRIVER_CLAIM(attach, a_former_host_answers_nothing_of_the_new_ones)
{
	struct restored r;
	open_restored(&r, strategy, design);
	struct balloon_channel *former = &r.fixture.host.channel;
	reach(&r.fixture, 0);
	reach(&r.fixture, 60);
	uint64_t n_former = host_n_requests(&r.fixture.host);
	lose_host(&r);
	CHECK_EQ(balloon_driver_quiesce(r.fixture.driver, in_ms(10)), 0);
	CHECK_EQ(balloon_driver_attach(r.fixture.driver, &r.other.channel, in_ms(1000)), 0);
	CHECK_EQ(balloon_driver_resume(r.fixture.driver), 0);
	host_always(&r.other, HOST_KEEPS);
	balloon_driver_set_target(r.fixture.driver, FIXTURE_PAGES);
	CHECK_EQ(balloon_driver_poll(r.fixture.driver, NULL), 1);
	CHECK_EQ(r.other.n_kept, 6);
	uint64_t n_inflating = fixture_progress(&r.fixture).n_inflating;
	for (size_t i = 0; i < r.other.n_kept; i++)
		for (uint64_t id = 1; id <= n_former + 2 * r.other.n_kept; id++) {
			if (id == r.other.kept[i]->id && id > n_former)
				continue; /* such a name no former host was ever told */
			CHECK_EQ(balloon_request_complete(
					 former, r.other.kept[i], id, r.other.kept[i]->n_pages, 0),
				-ESTALE);
		}
	CHECK_EQ(fixture_progress(&r.fixture).n_inflating, n_inflating);
	CHECK_EQ(fixture_progress(&r.fixture).n_enqueued, 60);
	host_at(&r.other, 0, HOST_TAKES);
	host_answer(&r.other, UINT32_MAX);
	fixture_progress(&r.fixture);
	check_restored(&r);
	CHECK_EQ(balloon_driver_quiesce(r.fixture.driver, in_ms(10)), 0);
	close_restored(&r);
}
