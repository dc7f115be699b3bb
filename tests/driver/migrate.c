/* SPDX-License-Identifier: MIT */
/* Claims about migration: every answer to either half, and what becomes of the pages. */

#include "claims.h"
#include "driver/driver.h"

static void short_timeout(struct balloon_driver_config *config)
{
	config->host_timeout_ns = 3 * MS;
}

DRIVER_CLAIM(migrate, the_host_is_told_of_both_pages)
{
	struct fixture fixture;
	open_fixture(&fixture, strategy, design, NULL);
	reach(&fixture, 20);
	CHECK_EQ(fixture_migrate(&fixture, 7), 7);
	struct balloon_driver_progress progress = fixture_progress(&fixture);
	CHECK_EQ(progress.n_enqueued, 20);
	CHECK_EQ(progress.n_migrated, 7);
	CHECK_EQ(progress.n_inflated, 27);
	CHECK_EQ(progress.n_deflated, 7);
	check_fixture(&fixture);
	close_fixture(&fixture);
}

/* One pair, and one answer to each half: what the call says, and where the pages are. */
struct half {
	enum host_behaviour in;
	enum host_behaviour out;
	uint8_t outcome;
	int result;
	uint64_t n_enqueued; /* of 5 before */
	uint64_t n_quarantined;
	uint64_t n_overdue;
};

enum {
	TOOK = BALLOON_MIGRATED_TOOK_NEW,
	GAVE = BALLOON_MIGRATED_GAVE_OLD,
	KEPT = BALLOON_MIGRATED_KEPT_OLD
};

static const struct half halves[] = {
	{HOST_TAKES, HOST_TAKES, TOOK | GAVE, 1, 5, 0, 0},
	{HOST_TAKES, HOST_REFUSES, TOOK, 0, 5, 1, 0}, {HOST_TAKES, HOST_REJECTS, TOOK, 0, 5, 1, 0},
	{HOST_TAKES, HOST_KEEPS, TOOK, 0, 5, 0, 1}, {HOST_REFUSES, HOST_TAKES, GAVE, 1, 4, 0, 0},
	{HOST_REFUSES, HOST_REFUSES, KEPT, -EIO, 5, 0, 0},
	{HOST_REFUSES, HOST_KEEPS, 0, 0, 4, 0, 1},
	{HOST_KEEPS, HOST_TAKES, TOOK | GAVE, 1, 4, 0, 1},
	{HOST_KEEPS, HOST_REFUSES, TOOK | KEPT, 0, 5, 0, 1},
	{HOST_KEEPS, HOST_KEEPS, TOOK, 0, 4, 0, 2},
	{HOST_REJECTS, HOST_TAKES, KEPT, -EIO, 5, 0, 0}, /* then the second is never submitted */
};

static void set_answers(struct fixture *fixture, const struct half *half)
{
	host_at(&fixture->host, 1, half->in);
	if (half->in == HOST_TAKES)
		host_at(&fixture->host, 2, half->out);
	/* The scripted host has one fault at a time: both alike go on, or the second is done. */
	if (half->in == half->out && half->in != HOST_TAKES)
		fixture->host.goes_on = true;
}

static bool is_scriptable(const struct half *half)
{
	return half->in == HOST_TAKES || half->out == HOST_TAKES || half->in == half->out;
}

static void check_half(const struct balloon_strategy *strategy,
	const struct balloon_driver_design *design, const struct half *half)
{
	struct fixture fixture;
	struct balloon_page old_page;
	struct balloon_page new_page;
	uint8_t outcome = 0xff;
	open_fixture(&fixture, strategy, design, short_timeout);
	reach(&fixture, 5);
	CHECK_EQ(source_take(&fixture.source, &new_page, 1), 1);
	CHECK_EQ(fixture_isolate(&fixture, &old_page, 1), 1);
	set_answers(&fixture, half);
	CHECK_EQ(balloon_driver_migrate(fixture.driver, &new_page, &old_page, 1, &outcome),
		half->result);
	host_at(&fixture.host, 0, HOST_TAKES);
	CHECK_EQ(outcome, half->outcome);
	struct balloon_driver_progress progress = fixture_progress(&fixture);
	CHECK_EQ(progress.n_enqueued, half->n_enqueued);
	CHECK_EQ(progress.n_quarantined, half->n_quarantined);
	CHECK_EQ(progress.n_overdue, half->n_overdue);
	if (!(outcome & TOOK))
		source_give(&fixture.source, &new_page, 1);
	if (outcome & GAVE)
		source_give(&fixture.source, &old_page, 1);
	if (outcome & KEPT)
		CHECK_EQ(balloon_page_putback(fixture.map, old_page), 0);
	check_fixture(&fixture);
	host_answer(&fixture.host, half->n_overdue == 1 && half->in == HOST_KEEPS ? 0 : UINT32_MAX);
	CHECK_EQ(fixture_progress(&fixture).n_overdue, 0);
	check_fixture(&fixture);
	reach(&fixture, 5); /* what is quarantined is asked for again */
	CHECK_EQ(fixture_progress(&fixture).n_quarantined, 0);
	close_fixture(&fixture);
}

DRIVER_CLAIM(migrate, every_pair_of_answers_has_its_outcome)
{
	for (size_t i = 0; i < sizeof(halves) / sizeof(halves[0]); i++)
		if (is_scriptable(&halves[i]))
			check_half(strategy, design, &halves[i]);
}

/* Of many pairs the host takes half of the new pages: the lower ones, in whatever order they came. */
DRIVER_CLAIM(migrate, half_an_answer_is_sorted_out_pair_by_pair)
{
	for (uint64_t n = 1; n <= 2; n++) {
		struct fixture fixture;
		open_fixture(&fixture, strategy, design, NULL);
		reach(&fixture, 40);
		host_at(&fixture.host, n, HOST_HALVES);
		CHECK_EQ(fixture_migrate(&fixture, 9), n == 1 ? 9 : 4);
		struct balloon_driver_progress progress = fixture_progress(&fixture);
		CHECK_EQ(progress.n_enqueued, n == 1 ? 40 - 5 : 40);
		CHECK_EQ(progress.n_quarantined, n == 1 ? 0 : 5);
		CHECK_EQ(progress.n_migrated, n == 1 ? 4 : 9);
		check_fixture(&fixture);
		reach(&fixture, 40);
		close_fixture(&fixture);
	}
}

/* A quarantined page is asked for again, and again, until the host gives it back. */
DRIVER_CLAIM(migrate, what_the_host_keeps_is_counted_and_asked_for_again)
{
	struct fixture fixture;
	open_fixture(&fixture, strategy, design, NULL);
	reach(&fixture, 10);
	host_at(&fixture.host, 2, HOST_REFUSES);
	fixture.host.goes_on = true;
	CHECK_EQ(fixture_migrate(&fixture, 3), 0);
	CHECK_EQ(fixture_progress(&fixture).n_quarantined, 3);
	for (int i = 0; i < 1000 && host_n_requests(&fixture.host) <= 5; i++)
		CHECK_EQ(balloon_driver_run(fixture.driver, in_ms(10), NULL, NULL), -ETIMEDOUT);
	CHECK(host_n_requests(&fixture.host) > 5);
	CHECK_EQ(fixture_progress(&fixture).n_quarantined, 3);
	CHECK_EQ(fixture_progress(&fixture).state, BALLOON_DRIVER_STALLED);
	check_fixture(&fixture);
	host_at(&fixture.host, 0, HOST_TAKES);
	CHECK_EQ(balloon_driver_run(fixture.driver, in_ms(60000), NULL, NULL), 0);
	CHECK_EQ(fixture_progress(&fixture).n_quarantined, 0);
	CHECK_EQ(source_n_free(&fixture.source), FIXTURE_PAGES - 10);
	close_fixture(&fixture);
}

struct contest {
	struct fixture fixture;
	int result;
};

static void fill_or_migrate(void *shared, size_t thread)
{
	struct contest *c = shared;
	if (thread == 0) {
		balloon_driver_fill(c->fixture.driver, 2);
		return;
	}
	host_await_kept(&c->fixture.host, 1);
	uint64_t begin_ns = engine_now_ns();
	c->result = fixture_migrate(&c->fixture, 2);
	CHECK_EQ(engine_now_ns(), begin_ns); /* it waits for no lock */
	host_answer(&c->fixture.host, UINT32_MAX);
}

/* The driver is busy with a host that takes its time: "again", at once, and nothing changed. */
DRIVER_CLAIM(migrate, a_busy_driver_answers_again)
{
	struct contest c = {.result = 0};
	open_fixture(&c.fixture, strategy, design, NULL);
	reach(&c.fixture, 10);
	host_at(&c.fixture.host, 1, HOST_KEEPS);
	run_together(2, fill_or_migrate, &c);
	CHECK_EQ(c.result, -EAGAIN);
	CHECK_EQ(fixture_progress(&c.fixture).n_busy, 1);
	CHECK_EQ(fixture_progress(&c.fixture).n_enqueued, 12);
	close_fixture(&c.fixture);
}

DRIVER_CLAIM(migrate, pages_that_cannot_be_swapped_are_refused)
{
	struct fixture fixture;
	uint8_t outcomes[2];
	struct balloon_page old_pages[2];
	open_fixture(&fixture, strategy, design, NULL);
	reach(&fixture, 10);
	CHECK_EQ(fixture_isolate(&fixture, old_pages, 2), 2);
	uint64_t n_requests = host_n_requests(&fixture.host);
	struct balloon_page listed = balloon_page(0);
	while (!balloon_page_is_candidate(fixture.map, listed))
		listed.index++;
	struct balloon_page free_page;
	CHECK_EQ(source_take(&fixture.source, &free_page, 1), 1);
	const struct balloon_page twice[2] = {free_page, free_page};
	const struct balloon_page outside = balloon_page(FIXTURE_PAGES);
	CHECK_EQ(balloon_driver_migrate(fixture.driver, &listed, old_pages, 1, outcomes), -EEXIST);
	CHECK_EQ(
		balloon_driver_migrate(fixture.driver, old_pages, old_pages, 1, outcomes), -EEXIST);
	CHECK_EQ(balloon_driver_migrate(fixture.driver, &free_page, &listed, 1, outcomes), -ESTALE);
	CHECK_EQ(balloon_driver_migrate(fixture.driver, &outside, old_pages, 1, outcomes), -ERANGE);
	CHECK_EQ(balloon_driver_migrate(fixture.driver, twice, old_pages, 2, outcomes), -EINVAL);
	CHECK_EQ(balloon_driver_migrate(
			 fixture.driver, twice, old_pages, BALLOON_MIGRATE_MAX + 1, outcomes),
		-EINVAL);
	CHECK_EQ(host_n_requests(&fixture.host), n_requests);
	source_give(&fixture.source, &free_page, 1);
	CHECK_EQ(balloon_pages_putback(fixture.map, old_pages, 2), 2);
	close_fixture(&fixture);
}

/* ---- Pages that somebody holds for too long -------------------------------------------------- */

/* As if a scanner with a stale view kept the locks of all new pages, for so many calls. */
static struct balloon_strategy held;
static const struct balloon_strategy *unheld;
static uint32_t n_again;

static int migrate_held(struct balloon_device *device, const struct balloon_page *new_pages,
	const struct balloon_page *old_pages, size_t n_pages)
{
	return n_again && n_again-- ? -EAGAIN
				    : unheld->migrate(device, new_pages, old_pages, n_pages);
}

static int insert_held(
	struct balloon_device *device, const struct balloon_page *pages, size_t n_pages)
{
	return n_again && n_again-- ? -EAGAIN : unheld->insert(device, pages, n_pages);
}

static void hold_pages(const struct balloon_strategy *strategy)
{
	unheld = strategy;
	held = *strategy;
	held.insert = insert_held;
	held.migrate = migrate_held;
	n_again = 0;
}

static uint64_t n_listed(struct fixture *fixture)
{
	struct balloon_device_stats stats;
	CHECK_EQ(balloon_device_stats(balloon_driver_device(fixture->driver), &stats), 0);
	return stats.n_listed;
}

/* For a moment: tried again. For longer than a host may take: another call enters them. */
DRIVER_CLAIM(migrate, pages_that_are_held_are_entered_later)
{
	struct fixture fixture;
	hold_pages(strategy);
	open_fixture(&fixture, &held, design, short_timeout);
	n_again = 3;
	CHECK_EQ(balloon_driver_fill(fixture.driver, 8), 8);
	CHECK_EQ(n_again, 0);
	n_again = 3;
	CHECK_EQ(fixture_migrate(&fixture, 4), 4);
	check_fixture(&fixture);
	n_again = 1000000;
	CHECK_EQ(balloon_driver_fill(fixture.driver, 5), 5);
	CHECK_EQ(n_listed(&fixture), 8);
	CHECK_EQ(fixture_migrate(&fixture, 4), 4);
	CHECK_EQ(n_listed(&fixture), 4);
	CHECK_EQ(host_n_held(&fixture.host), 13);
	CHECK_EQ(balloon_driver_validate(fixture.driver, NULL), 0);
	n_again = 0;
	CHECK_EQ(fixture_progress(&fixture).n_enqueued, 13);
	reach(&fixture, 13);
	CHECK_EQ(n_listed(&fixture), 13);
	close_fixture(&fixture);
}

static void step_beside(void *context)
{
	struct fixture *fixture = context;
	CHECK_EQ(balloon_driver_step(fixture->driver), -EAGAIN);
}

/* The host takes its time to be told of a side, and somebody looks whether the target is reached. */
static void look_beside(void *context)
{
	engine_spawn("step", step_beside, context);
	sleep_ms(1);
}

/* What leaves and what comes in its place are claimed in one step: nobody fills or leaks for it. */
DRIVER_CLAIMS(migrate, makes_no_step_leak_or_fill, 2)
{
	struct fixture fixture;
	open_fixture(&fixture, strategy, design, NULL);
	reach(&fixture, 20);
	uint64_t n_requests = host_n_requests(&fixture.host);
	fixture.host.on_submit = look_beside;
	fixture.host.on_submit_context = &fixture;
	if (claim_number() == 2)
		host_at(&fixture.host, 1, HOST_REJECTS);
	CHECK_EQ(fixture_migrate(&fixture, 5), claim_number() == 2 ? -EIO : 5);
	engine_join_all();
	CHECK_EQ(host_n_requests(&fixture.host) - n_requests, claim_number() == 2 ? 1 : 2);
	CHECK_EQ(fixture_progress(&fixture).n_enqueued, 20);
	fixture.host.on_submit = NULL;
	close_fixture(&fixture);
}

/* ---- Scanners, and callers that do what they must not ----------------------------------------- */

/* As if a scanner with a stale reference looked at a frame that is in no balloon. */
static struct balloon_strategy scanned;
static const struct balloon_strategy *unscanned;
static uint32_t scanned_page;
static uint32_t n_scans;

static bool is_candidate_scanned(const struct balloon_memmap *map, struct balloon_page page)
{
	return (n_scans > 0 && page.index == scanned_page) || unscanned->is_candidate(map, page);
}

static int isolate_scanned(
	struct balloon_memmap *map, const struct balloon_page *pages, size_t n_pages)
{
	if (n_scans == 0 || pages[0].index != scanned_page)
		return unscanned->isolate(map, pages, n_pages);
	n_scans--;
	return -EAGAIN;
}

DRIVER_CLAIM(migrate, a_frame_that_a_scanner_touches_is_tried_again)
{
	struct fixture fixture;
	struct balloon_page old_page;
	struct balloon_page new_page;
	uint8_t outcome;
	unscanned = strategy;
	scanned = *strategy;
	scanned.is_candidate = is_candidate_scanned;
	scanned.isolate = isolate_scanned;
	n_scans = 0;
	open_fixture(&fixture, &scanned, design, NULL);
	reach(&fixture, 10);
	CHECK_EQ(source_take(&fixture.source, &new_page, 1), 1);
	CHECK_EQ(fixture_isolate(&fixture, &old_page, 1), 1);
	scanned_page = new_page.index;
	n_scans = 1;
	CHECK_EQ(
		balloon_driver_migrate(fixture.driver, &new_page, &old_page, 1, &outcome), -EAGAIN);
	CHECK_EQ(outcome, KEPT);
	CHECK_EQ(n_scans, 0);
	CHECK_EQ(balloon_driver_migrate(fixture.driver, &new_page, &old_page, 1, &outcome), 1);
	CHECK_EQ(outcome, TOOK | GAVE);
	source_give(&fixture.source, &old_page, 1);
	close_fixture(&fixture);
}

struct misuse {
	struct fixture fixture;
	struct balloon_page old_page;
	uint32_t n_submitted;
};

/* Somebody ends the isolation of the old page while the host is asked for it. */
static void end_isolation(void *context)
{
	struct misuse *m = context;
	if (++m->n_submitted != 2)
		return;
	if (claim_number() == 1)
		CHECK_EQ(balloon_page_putback(m->fixture.map, m->old_page), 0);
	else
		CHECK_EQ(balloon_page_finalize(
				 balloon_driver_device(m->fixture.driver), m->old_page),
			0);
}

/* Put back, it is isolated anew; taken out, it is nobody's to give. The counts are what is so. */
DRIVER_CLAIMS(migrate, the_counts_follow_what_happened, 2)
{
	struct misuse m = {.n_submitted = 0};
	struct balloon_page new_page;
	uint8_t outcome;
	open_fixture(&m.fixture, strategy, design, NULL);
	reach(&m.fixture, 10);
	CHECK_EQ(source_take(&m.fixture.source, &new_page, 1), 1);
	CHECK_EQ(fixture_isolate(&m.fixture, &m.old_page, 1), 1);
	m.fixture.host.on_submit = end_isolation;
	m.fixture.host.on_submit_context = &m;
	int result = balloon_driver_migrate(m.fixture.driver, &new_page, &m.old_page, 1, &outcome);
	m.fixture.host.on_submit = NULL;
	CHECK_EQ(result, claim_number() == 1);
	CHECK_EQ(outcome, claim_number() == 1 ? (TOOK | GAVE) : TOOK);
	CHECK_EQ(fixture_progress(&m.fixture).n_strays, claim_number() == 2);
	CHECK_EQ(fixture_progress(&m.fixture).n_enqueued, 10);
	CHECK_EQ(n_listed(&m.fixture), 10);
	CHECK_EQ(balloon_driver_validate(m.fixture.driver, NULL), 0);
	source_give(&m.fixture.source, &m.old_page, 1); /* whoever took it out */
	close_fixture(&m.fixture);
}

/* ---- With a deadline ------------------------------------------------------------------------- */

struct patience {
	struct fixture fixture;
	uint64_t for_ns;
	int result;
	uint8_t outcome;
	uint64_t took_ns;
	struct balloon_page old_page;
	struct balloon_page new_page;
};

static void migrate_patiently(struct patience *p)
{
	uint64_t begin_ns = engine_now_ns();
	p->result = balloon_driver_migrate_until(p->fixture.driver, &p->new_page, &p->old_page, 1,
		&p->outcome, p->for_ns ? begin_ns + p->for_ns : 0);
	p->took_ns = engine_now_ns() - begin_ns;
}

static void open_patience(struct patience *p, const struct balloon_strategy *strategy,
	const struct balloon_driver_design *design, uint64_t for_ns)
{
	*p = (struct patience){.for_ns = for_ns};
	open_fixture(&p->fixture, strategy, design, NULL);
	reach(&p->fixture, 10);
	CHECK_EQ(source_take(&p->fixture.source, &p->new_page, 1), 1);
	CHECK_EQ(fixture_isolate(&p->fixture, &p->old_page, 1), 1);
}

static void close_patience(struct patience *p)
{
	if (!(p->outcome & TOOK))
		source_give(&p->fixture.source, &p->new_page, 1);
	if (p->outcome & GAVE)
		source_give(&p->fixture.source, &p->old_page, 1);
	if (p->outcome & KEPT)
		CHECK_EQ(balloon_page_putback(p->fixture.map, p->old_page), 0);
	host_answer(&p->fixture.host, UINT32_MAX);
	fixture_progress(&p->fixture);
	close_fixture(&p->fixture);
}

/* 0: not at all. */
DRIVER_CLAIMS(migrate, waits_for_the_host_as_long_as_its_caller_says, 3)
{
	static const uint64_t waits_ns[] = {0, 1, 7654321};
	struct patience p;
	open_patience(&p, strategy, design, waits_ns[claim_number() - 1]);
	host_always(&p.fixture.host, HOST_KEEPS);
	migrate_patiently(&p);
	CHECK_EQ(p.took_ns, p.for_ns);
	CHECK_EQ(p.result, 0);
	CHECK_EQ(p.outcome, TOOK); /* the driver keeps both */
	check_fixture(&p.fixture);
	close_patience(&p);
}

DRIVER_CLAIM(migrate, needs_no_time_where_the_host_needs_none)
{
	struct patience p;
	open_patience(&p, strategy, design, 0);
	migrate_patiently(&p);
	CHECK_EQ(p.took_ns, 0);
	CHECK_EQ(p.result, 1);
	CHECK_EQ(p.outcome, TOOK | GAVE);
	close_patience(&p);
}

static void fill_two(void *context)
{
	struct patience *p = context;
	CHECK_EQ(balloon_driver_fill(p->fixture.driver, 2), 2);
}

static void answer_in_20_ms(void *context)
{
	struct patience *p = context;
	sleep_ms(20);
	host_answer(&p->fixture.host, UINT32_MAX);
}

/* A fill has the lock, and its host answers after 20 ms; all designs' migrations mind that. */
DRIVER_CLAIMS(migrate, waits_for_the_lock_as_long_as_its_caller_says, 3)
{
	static const uint64_t waits_ms[] = {0, 19, 21};
	struct patience p;
	open_patience(&p, strategy, design, waits_ms[claim_number() - 1] * MS);
	host_at(&p.fixture.host, 1, HOST_KEEPS);
	engine_spawn("fill", fill_two, &p);
	host_await_kept(&p.fixture.host, 1);
	engine_spawn("host", answer_in_20_ms, &p);
	migrate_patiently(&p);
	if (claim_number() < 3) {
		CHECK_EQ(p.result, -EAGAIN);
		CHECK_EQ(p.outcome, KEPT);
		CHECK_EQ(p.took_ns, p.for_ns);
	} else {
		CHECK_EQ(p.result, 1);
		CHECK_EQ(p.took_ns, 20 * MS);
	}
	engine_join_all();
	close_patience(&p);
}

/* ---- Before a fill --------------------------------------------------------------------------- */

static struct fixture *prepared;
static int n_prepared;

static void move_some(void *context, size_t n_pages)
{
	(void)context;
	n_prepared += (int)n_pages;
	if (fixture_progress(prepared).n_enqueued > 4)
		CHECK_EQ(fixture_migrate(prepared, 3), 3);
}

static void few_requests(struct balloon_driver_config *config)
{
	config->n_requests = 2;
	config->before_fill = move_some;
}

/* What is called before a fill may migrate, however few requests there are. */
DRIVER_CLAIM(migrate, may_come_before_a_fill)
{
	struct fixture fixture;
	prepared = &fixture;
	n_prepared = 0;
	open_fixture(&fixture, strategy, design, few_requests);
	CHECK_EQ(balloon_driver_fill(fixture.driver, 5), 5);
	CHECK_EQ(balloon_driver_fill(fixture.driver, 5), 5);
	balloon_driver_set_target(fixture.driver, 15);
	CHECK_EQ(balloon_driver_step(fixture.driver), 5);
	CHECK_EQ(balloon_driver_leak(fixture.driver, 1), 1);
	CHECK_EQ(n_prepared, 15);
	CHECK_EQ(fixture_progress(&fixture).n_migrated, 6);
	fixture.driver->config.before_fill = NULL;
	close_fixture(&fixture);
}
