/* SPDX-License-Identifier: MIT */
/* Claims about rest and misuse: quiesce, stop, reset, and calls that make no sense. */

#include "claims.h"
#include "driver/driver.h"

static void short_timeout(struct balloon_driver_config *config)
{
	config->host_timeout_ns = 5 * RIG_MS;
}

DRIVER_CLAIM(rest, a_quiesced_driver_has_nothing_under_way)
{
	struct rig rig;
	open_rig(&rig, strategy, design, short_timeout);
	reach(&rig, 30);
	host_at(&rig.host, 1, HOST_KEEPS);
	CHECK_EQ(balloon_driver_leak(rig.driver, 4), -ETIMEDOUT);
	CHECK_EQ(balloon_driver_quiesce(rig.driver, in_ms(10)), -ETIMEDOUT);
	CHECK_EQ(rig_progress(&rig).state, BALLOON_DRIVER_QUIESCED);
	CHECK_EQ(balloon_driver_fill(rig.driver, 1), -EBUSY);
	CHECK_EQ(balloon_driver_leak(rig.driver, 1), -EBUSY);
	CHECK_EQ(balloon_driver_step(rig.driver), -EBUSY);
	CHECK_EQ(balloon_driver_relieve(rig.driver, 1, NULL), -EBUSY);
	CHECK_EQ(balloon_driver_run(rig.driver, in_ms(1000), NULL, NULL), -EBUSY);
	CHECK_EQ(rig_migrate(&rig, 1), -EBUSY);
	host_answer(&rig.host, UINT32_MAX);
	CHECK_EQ(balloon_driver_quiesce(rig.driver, in_ms(1000)), 0);
	CHECK_EQ(rig_progress(&rig).n_deflating, 0);
	check_rig(&rig);
	CHECK_EQ(balloon_driver_resume(rig.driver), 0);
	reach(&rig, 30);
	close_rig(&rig);
}

struct halting {
	struct rig rig;
	int result;
	bool is_stop;
};

static bool never(void *context, const struct balloon_driver_progress *progress)
{
	struct halting *h = context;
	balloon_driver_set_target(h->rig.driver, progress->n_enqueued > 50 ? 0 : 100);
	return true;
}

static bool has_inflated(void *shared)
{
	const struct halting *h = shared;
	return h->rig.driver->state.counts.n_inflated >= 200;
}

static void run_or_halt(void *shared, size_t thread)
{
	struct halting *h = shared;
	if (thread > 0) {
		h->result = balloon_driver_run(h->rig.driver, BALLOON_NEVER, never, h);
		return;
	}
	engine_wait_until(has_inflated, h);
	CHECK_EQ(h->is_stop ? balloon_driver_stop(h->rig.driver, in_ms(60000))
			    : balloon_driver_quiesce(h->rig.driver, in_ms(60000)),
		0);
	check_rig(&h->rig);
}

DRIVER_CLAIM(rest, quiesce_and_stop_end_a_run_on_another_thread)
{
	for (int is_stop = 0; is_stop < 2; is_stop++) {
		struct halting h = {.is_stop = is_stop};
		open_rig(&h.rig, strategy, design, NULL);
		balloon_driver_set_target(h.rig.driver, 100);
		place_run_together(2, run_or_halt, &h);
		CHECK_EQ(h.result, is_stop ? -ECANCELED : -EBUSY);
		if (!is_stop)
			CHECK_EQ(balloon_driver_resume(h.rig.driver), 0);
		else
			CHECK_EQ(balloon_driver_resume(h.rig.driver), -ECANCELED);
		close_rig(&h.rig);
	}
}

DRIVER_CLAIM(rest, a_reset_waits_for_isolated_pages)
{
	struct rig rig;
	struct balloon_page page;
	open_rig(&rig, strategy, design, NULL);
	reach(&rig, 10);
	CHECK_EQ(balloon_driver_fini(rig.driver), -EBUSY);
	CHECK_EQ(rig_isolate(&rig, &page, 1), 1);
	CHECK_EQ(rig_progress(&rig).n_isolated, 1);
	CHECK_EQ(balloon_driver_stop(rig.driver, in_ms(1000)), 0);
	CHECK_EQ(balloon_driver_reset(rig.driver), -EAGAIN);
	CHECK_EQ(source_n_free(&rig.source), RIG_PAGES - 1);
	CHECK_EQ(balloon_page_putback(rig.map, page), 0);
	CHECK_EQ(balloon_driver_reset(rig.driver), 0);
	CHECK_EQ(source_n_free(&rig.source), RIG_PAGES);
	close_rig(&rig);
}

DRIVER_CLAIM(rest, a_leak_of_isolated_pages_is_told_to_come_again)
{
	struct rig rig;
	struct balloon_page pages[2];
	open_rig(&rig, strategy, design, NULL);
	CHECK_EQ(balloon_driver_fill(rig.driver, 2), 2);
	CHECK_EQ(rig_isolate(&rig, pages, 2), 2);
	CHECK_EQ(balloon_driver_leak(rig.driver, 2), -EAGAIN);
	CHECK_EQ(balloon_driver_relieve(rig.driver, 2, NULL), -EAGAIN);
	CHECK_EQ(balloon_pages_putback(rig.map, pages, 2), 2);
	close_rig(&rig);
}

enum { ENOUGH = 1 << 17 };

static void check_refused(struct balloon_driver_config config)
{
	struct balloon_driver *driver;
	size_t size_bytes;
	CHECK_EQ(balloon_driver_size(&config, &size_bytes), -EINVAL);
	void *memory = place_allocate(ENOUGH);
	CHECK_EQ(balloon_driver_init(memory, ENOUGH, &config, &driver), -EINVAL);
}

/* config: a good one. Each of these makes it a bad one. */
static void check_configs(const struct balloon_driver_config *config)
{
	struct balloon_driver_config bad = *config;
	bad.design = NULL;
	check_refused(bad);
	bad = *config;
	bad.map = NULL;
	check_refused(bad);
	bad = *config;
	bad.frames = NULL;
	check_refused(bad);
	bad = *config;
	bad.channel = NULL;
	check_refused(bad);
	bad = *config;
	bad.request_pages = BALLOON_REQUEST_PAGES_MAX + 1;
	check_refused(bad);
	bad = *config;
	bad.n_requests = 1;
	check_refused(bad);
	bad = *config;
	bad.host_timeout_ns = UINT64_MAX;
	check_refused(bad);
	struct balloon_driver_design design = *config->design;
	bad = *config;
	bad.design = &design;
	design.abi = BALLOON_DRIVER_DESIGN_ABI + 1;
	check_refused(bad);
	design = *config->design;
	design.fill.lock = BALLOON_DRIVER_LOCK_1 | BALLOON_DRIVER_LOCK_2;
	check_refused(bad);
	design = *config->design;
	design.name = "Coarse";
	check_refused(bad);
}

DRIVER_CLAIM(rest, misuse_is_refused)
{
	struct rig rig;
	uint8_t outcome;
	struct balloon_driver *driver;
	struct balloon_page pages[2] = {balloon_page(0), balloon_page(1)};
	open_rig(&rig, strategy, design, NULL);
	struct balloon_driver_config config = rig_config(&rig);
	check_configs(&config);
	void *memory = place_allocate(ENOUGH);
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
	CHECK_EQ(balloon_driver_init(&rig, 64, &config, &driver), -EINVAL);
	CHECK_EQ(balloon_driver_fill(NULL, 1), -EINVAL);
	CHECK_EQ(balloon_driver_fill(rig.driver, 0), -EINVAL);
	CHECK_EQ(balloon_driver_leak(rig.driver, 0), -EINVAL);
	CHECK_EQ(balloon_driver_relieve(NULL, 1, NULL), -EINVAL);
	CHECK_EQ(balloon_driver_step(NULL), -EINVAL);
	CHECK_EQ(balloon_driver_run(NULL, 0, NULL, NULL), -EINVAL);
	CHECK_EQ(balloon_driver_set_target(NULL, 0), -EINVAL);
	CHECK_EQ(balloon_driver_quiesce(NULL, 0), -EINVAL);
	CHECK_EQ(balloon_driver_stop(NULL, 0), -EINVAL);
	CHECK_EQ(balloon_driver_reset(NULL), -EINVAL);
	CHECK_EQ(balloon_driver_reset(rig.driver), -EBUSY);
	CHECK_EQ(balloon_driver_progress(rig.driver, NULL), -EINVAL);
	CHECK_EQ(balloon_driver_validate(NULL, NULL), -EINVAL);
	CHECK_EQ(balloon_driver_fini(NULL), -EINVAL);
	CHECK(balloon_driver_device(NULL) == NULL && balloon_driver_memmap(rig.driver) == rig.map);
	CHECK_EQ(balloon_driver_migrate(rig.driver, pages, pages + 1, 0, &outcome), -EINVAL);
	CHECK_EQ(balloon_driver_migrate(rig.driver, pages, pages + 1, 1, NULL), -EINVAL);
	CHECK_EQ(balloon_driver_migrate(rig.driver, pages, pages + 1, 1, &outcome), -ESTALE);
	CHECK_EQ(balloon_driver_migrate(rig.driver, pages, pages, 1, &outcome), -ESTALE);
	close_rig(&rig);
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
	for (int state = 0; state <= BALLOON_DRIVER_STOPPED; state++)
		cr_assert(balloon_driver_state_name((enum balloon_driver_state)state)[0] != 'u');
}
