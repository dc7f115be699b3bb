/* SPDX-License-Identifier: MIT */
/* Claims about results: each says why a call has not done all that it was asked for, and no other. */

#include "claims.h"
#include "driver/driver.h"

#include <string.h>

/* ---- Pages that are somebody else's ---------------------------------------------------------- */

/* A strategy in whose maps somebody interferes. */
static struct balloon_strategy meddled;
static const struct balloon_strategy *honest;
static uint32_t stray_page;            /* in a balloon already, whatever the driver thinks */
static void (*before_dequeue)(void *); /* once */
static bool is_locked;                 /* somebody keeps the lock of every page */

static int insert_meddled(
	struct balloon_device *device, const struct balloon_page *pages, size_t n_pages)
{
	size_t n = 0;
	if (is_locked)
		return -EAGAIN;
	while (n < n_pages && pages[n].index != stray_page)
		n++;
	return n > 0 ? honest->insert(device, pages, n) : -EEXIST;
}

static void *meddler;

static int dequeue_meddled(
	struct balloon_device *device, struct balloon_page *pages, size_t n_pages)
{
	void (*meddle)(void *) = before_dequeue;
	before_dequeue = NULL;
	if (meddle)
		meddle(meddler);
	return honest->dequeue(device, pages, n_pages);
}

static const struct balloon_strategy *meddle_with(const struct balloon_strategy *strategy)
{
	honest = strategy;
	meddled = *strategy;
	meddled.insert = insert_meddled;
	meddled.dequeue = dequeue_meddled;
	stray_page = UINT32_MAX;
	before_dequeue = NULL;
	is_locked = false;
	return &meddled;
}

/* How often each page was told to enter and to leave. */
struct moves {
	struct fixture fixture;
	uint32_t n_in[FIXTURE_PAGES];
	uint32_t n_out[FIXTURE_PAGES];
	uint64_t n_accounted;
};

static struct moves *moves;

static void count_moves(void *unused, const struct balloon_page *pages, size_t n_pages, bool is_in)
{
	(void)unused;
	for (size_t i = 0; i < n_pages; i++) {
		uint32_t index = pages[i].index;
		moves->n_in[index] += is_in;
		moves->n_out[index] += !is_in;
		CHECK(moves->n_in[index] - moves->n_out[index] <= 1);
	}
}

static void with_moves(struct balloon_driver_config *config)
{
	config->moved = count_moves;
}

static void open_moves(struct moves *m, const struct balloon_strategy *strategy,
	const struct balloon_driver_design *design)
{
	memset(m, 0, sizeof(*m));
	moves = m;
	open_fixture(&m->fixture, meddle_with(strategy), design, with_moves);
}

/* All that was inserted and has not left is in the balloon. */
static void check_moves(const struct moves *m)
{
	for (uint32_t i = 0; i < FIXTURE_PAGES; i++) {
		struct balloon_page_info info = honest->inspect(m->fixture.map, balloon_page(i));
		CHECK_EQ(m->n_in[i] - m->n_out[i],
			info.state != BALLOON_PAGE_OWNED &&
				info.device == balloon_driver_device(m->fixture.driver));
	}
}

/* Whoever has the stray page gives it back, and the host hears of it. */
static void free_stray(struct moves *m)
{
	CHECK_EQ(m->fixture.host.pages[stray_page], HOST_PAGE_HOST);
	m->fixture.host.pages[stray_page] = HOST_PAGE_GUEST;
	m->fixture.host.n_held--;
	source_give(&m->fixture.source, &(struct balloon_page){stray_page}, 1);
	stray_page = UINT32_MAX;
}

/* The source gives what is in a balloon: it enters none, and the call says so if it has nothing better to say. */
DRIVER_CLAIMS(results, a_frame_that_is_in_a_balloon_is_given_up, 3)
{
	struct moves m;
	uint32_t n = claim_number() == 1 ? 1 : FIXTURE_REQUEST;
	open_moves(&m, strategy, design);
	const struct source *source = &m.fixture.source;
	stray_page = source->free[source->n_free - claim_number()].index;
	CHECK_EQ(balloon_driver_fill(m.fixture.driver, n), n == 1 ? -EEXIST : (int)n - 1);
	CHECK_EQ(fixture_progress(&m.fixture).n_strays, 1);
	CHECK_EQ(fixture_progress(&m.fixture).n_enqueued, n - 1);
	CHECK_EQ(fixture_progress(&m.fixture).n_acknowledged, n - 1);
	CHECK_EQ(fixture_progress(&m.fixture).last_error, n == 1 ? -EEXIST : 0);
	CHECK_EQ(m.n_in[stray_page], 1);
	check_moves(&m);
	CHECK_EQ(balloon_driver_validate(m.fixture.driver, NULL), 0);
	free_stray(&m);
	close_fixture(&m.fixture);
	check_moves(&m);
}

/* The host keeps a page, and meanwhile somebody else has it. */
DRIVER_CLAIM(results, a_page_that_is_taken_while_the_host_is_asked_is_a_stray)
{
	struct moves m;
	open_moves(&m, strategy, design);
	reach(&m.fixture, 1);
	while (host_page(&m.fixture.host, ++stray_page) != HOST_PAGE_HOST)
		;
	host_at(&m.fixture.host, 1, HOST_REFUSES);
	CHECK_EQ(balloon_driver_leak(m.fixture.driver, 1), -EIO);
	CHECK_EQ(fixture_progress(&m.fixture).n_strays, 1);
	CHECK_EQ(fixture_progress(&m.fixture).n_acknowledged, 0);
	CHECK_EQ(balloon_driver_refusals(m.fixture.driver, NULL, 0), 0);
	check_moves(&m);
	CHECK_EQ(balloon_driver_validate(m.fixture.driver, NULL), 0);
	free_stray(&m);
	close_fixture(&m.fixture);
}

/* Somebody puts a page back that the host refused, and a run or another leak takes it. */
DRIVER_CLAIMS(results, a_refused_page_that_somebody_takes_is_forgotten, 2)
{
	struct moves m;
	struct balloon_refusal refusal;
	open_moves(&m, strategy, design);
	reach(&m.fixture, 3);
	host_at(&m.fixture.host, 1, HOST_REFUSES);
	CHECK_EQ(balloon_driver_leak(m.fixture.driver, 1), -EIO);
	CHECK_EQ(balloon_driver_refusals(m.fixture.driver, &refusal, 1), 1);
	CHECK_EQ(balloon_page_putback(m.fixture.map, refusal.page), 0);
	if (claim_number() == 2)
		CHECK_EQ(balloon_driver_leak(m.fixture.driver, 3), 3);
	balloon_driver_set_target(m.fixture.driver, 0);
	CHECK_EQ(balloon_driver_run(m.fixture.driver, in_ms(1000), NULL, NULL), 0);
	CHECK_EQ(fixture_progress(&m.fixture).n_strays, 0);
	check_moves(&m);
	sleep_ms(10); /* it would be asked for again */
	CHECK_EQ(balloon_driver_step(m.fixture.driver), 0);
	CHECK_EQ(balloon_driver_refusals(m.fixture.driver, NULL, 0), 0);
	close_fixture(&m.fixture);
}

static void end_isolation(void *context)
{
	struct moves *m = context;
	if (m->n_accounted++ == 1)
		CHECK_EQ(balloon_page_finalize(balloon_driver_device(m->fixture.driver),
				 balloon_page(stray_page)),
			0);
}

/* A migration whose old page somebody takes out: the program has heard once of each. */
DRIVER_CLAIM(results, an_old_page_that_is_taken_leaves_once)
{
	struct moves m;
	struct balloon_page old_page;
	struct balloon_page new_page;
	uint8_t outcome;
	open_moves(&m, strategy, design);
	reach(&m.fixture, 10);
	CHECK_EQ(source_take(&m.fixture.source, &new_page, 1), 1);
	CHECK_EQ(fixture_isolate(&m.fixture, &old_page, 1), 1);
	stray_page = old_page.index;
	m.fixture.host.on_submit = end_isolation;
	m.fixture.host.on_submit_context = &m;
	CHECK_EQ(balloon_driver_migrate(m.fixture.driver, &new_page, &old_page, 1, &outcome), 0);
	m.fixture.host.on_submit = NULL;
	stray_page = UINT32_MAX;
	CHECK_EQ(outcome, BALLOON_MIGRATED_TOOK_NEW);
	CHECK_EQ(fixture_progress(&m.fixture).n_strays, 1);
	CHECK_EQ(m.n_out[old_page.index], 1);
	check_moves(&m);
	source_give(&m.fixture.source, &old_page, 1); /* whoever took it out */
	close_fixture(&m.fixture);
	check_moves(&m);
}

/* A source that spoils the second of its frames: another one twice, or none of the map. */
static struct liar {
	struct balloon_frames frames;
	struct balloon_frames *honest;
	bool is_lying;
	struct balloon_page hidden;
	struct balloon_page instead;
} liar;

static int allocate_spoiled(struct balloon_frames *frames, struct balloon_page *pages,
	size_t n_pages, unsigned allocation)
{
	(void)frames;
	int n = liar.honest->ops->allocate(liar.honest, pages, n_pages, allocation);
	if (n > 1 && liar.is_lying) {
		liar.hidden = pages[1];
		liar.instead = claim_number() == 1 ? pages[0] : balloon_page(FIXTURE_PAGES + 3);
		pages[1] = liar.instead;
	}
	return n;
}

/* All of them come back in one call, and the host's order. */
static void free_spoiled(
	struct balloon_frames *frames, const struct balloon_page *pages, size_t n_pages)
{
	struct balloon_page back[FIXTURE_REQUEST];
	bool is_found = !liar.is_lying;
	(void)frames;
	for (size_t i = 0; i < n_pages && i < FIXTURE_REQUEST; i++) {
		bool is_spoiled = !is_found && pages[i].index == liar.instead.index;
		back[i] = is_spoiled ? liar.hidden : pages[i];
		is_found |= is_spoiled;
	}
	CHECK(is_found);
	liar.honest->ops->free(liar.honest, back, n_pages);
}

static const struct balloon_frames_ops spoiled_ops = {
	.name = "spoiled", .allocate = allocate_spoiled, .free = free_spoiled};

static void with_lies(struct balloon_driver_config *config)
{
	liar = (struct liar){.frames = {&spoiled_ops}, .honest = config->frames};
	config->frames = &liar.frames;
	with_moves(config);
}

/* The host hears of none of them, and every frame is back. */
DRIVER_CLAIMS(results, a_source_that_gives_what_is_no_frame_is_found_out, 2)
{
	struct moves m;
	memset(&m, 0, sizeof(m));
	moves = &m;
	open_fixture(&m.fixture, meddle_with(strategy), design, with_lies);
	liar.is_lying = true;
	CHECK_EQ(balloon_driver_fill(m.fixture.driver, 4), claim_number() == 1 ? -EEXIST : -ERANGE);
	liar.is_lying = false;
	CHECK_EQ(host_n_requests(&m.fixture.host), 0);
	CHECK_EQ(source_n_free(&m.fixture.source), FIXTURE_PAGES);
	CHECK_EQ(fixture_progress(&m.fixture).n_strays, 0);
	check_moves(&m);
	CHECK_EQ(balloon_driver_fill(m.fixture.driver, 4), 4);
	close_fixture(&m.fixture);
}

/* ---- Somebody else is at it ------------------------------------------------------------------ */

/* The host took pages, and a scanner keeps them from being inserted: they are there soon. */
DRIVER_CLAIM(results, pages_that_are_being_entered_are_not_an_empty_balloon)
{
	struct fixture fixture;
	open_fixture(&fixture, meddle_with(strategy), design, NULL);
	is_locked = true;
	CHECK_EQ(balloon_driver_fill(fixture.driver, 3), 3);
	CHECK_EQ(fixture_progress(&fixture).n_enqueued, 3);
	CHECK_EQ(balloon_driver_leak(fixture.driver, 3), -EAGAIN);
	CHECK_EQ(balloon_driver_relieve(fixture.driver, 3, NULL), -EAGAIN);
	balloon_driver_set_target(fixture.driver, 0);
	CHECK_EQ(balloon_driver_step(fixture.driver), -EAGAIN);
	is_locked = false;
	sleep_ms(200); /* a time to try again is over */
	CHECK_EQ(balloon_driver_step(fixture.driver), 3);
	CHECK_EQ(balloon_driver_step(fixture.driver), 0);
	CHECK_EQ(balloon_driver_leak(fixture.driver, 3), 0);
	CHECK_EQ(balloon_driver_relieve(fixture.driver, 3, NULL), 0);
	close_fixture(&fixture);
}

static void short_timeout(struct balloon_driver_config *config)
{
	config->host_timeout_ns = 5 * MS;
}

static void leak_first(void *context, size_t thread)
{
	struct fixture *fixture = context;
	(void)thread;
	CHECK_EQ(balloon_driver_leak(fixture->driver, 2), -ETIMEDOUT);
}

static void be_faster(void *context)
{
	run_together(1, leak_first, context);
}

/* Another leak gets the pages that a step was about to take, and the host has them still. */
DRIVER_CLAIM(results, a_step_whose_work_others_do_has_not_reached_the_target)
{
	struct fixture fixture;
	open_fixture(&fixture, meddle_with(strategy), design, short_timeout);
	reach(&fixture, 2);
	host_always(&fixture.host, HOST_KEEPS);
	before_dequeue = be_faster;
	meddler = &fixture;
	balloon_driver_set_target(fixture.driver, 0);
	CHECK_EQ(balloon_driver_step(fixture.driver), -EAGAIN);
	CHECK_EQ(fixture_progress(&fixture).n_deflating, 2);
	CHECK_EQ(balloon_driver_step(fixture.driver), -EAGAIN);
	host_answer(&fixture.host, UINT32_MAX);
	CHECK_EQ(balloon_driver_step(fixture.driver), 0);
	close_fixture(&fixture);
}

/* ---- A stop ---------------------------------------------------------------------------------- */

struct stopped {
	struct fixture fixture;
	int result;
	uint64_t returned_ns;
};

static void one_at_a_time(struct balloon_driver_config *config)
{
	config->channel->limits.n_requests = 1;
	config->host_timeout_ns = 100000 * MS;
}

static void fill_until_stopped(void *context)
{
	struct stopped *s = context;
	CHECK_EQ(balloon_driver_fill(s->fixture.driver, 3), -ECANCELED);
}

static void wait_for_room(void *context)
{
	struct stopped *s = context;
	struct balloon_driver *driver = s->fixture.driver;
	switch (claim_number()) {
	case 1:
		s->result = balloon_driver_fill(driver, 2);
		break;
	case 2:
		s->result = balloon_driver_leak(driver, 2);
		break;
	case 3:
		s->result = balloon_driver_step(driver);
		break;
	default:
		s->result = balloon_driver_relieve(driver, 2, NULL);
	}
	s->returned_ns = engine_now_ns();
}

/* The host has what it may have; the next call waits for room there, or for its lock. */
DRIVER_CLAIMS(results, a_stop_is_why_a_call_has_not_told_the_host, 4)
{
	struct stopped s = {.result = 0};
	open_fixture(&s.fixture, strategy, design, one_at_a_time);
	reach(&s.fixture, 30);
	balloon_driver_set_target(s.fixture.driver, 40);
	host_always(&s.fixture.host, HOST_KEEPS);
	engine_spawn("fill", fill_until_stopped, &s);
	host_await_kept(&s.fixture.host, 1);
	engine_spawn("caller", wait_for_room, &s);
	sleep_ms(50);
	uint64_t begin_ns = engine_now_ns();
	CHECK_EQ(balloon_driver_stop(s.fixture.driver, BALLOON_NEVER), 0);
	engine_join_all();
	bool is_busy = s.result == -EBUSY && claim_number() == 4;
	if (!is_busy) {
		CHECK_EQ(s.result, -ECANCELED);
		CHECK_EQ(s.returned_ns, begin_ns);
		CHECK_EQ(fixture_progress(&s.fixture).last_error, -ECANCELED);
	}
	CHECK_EQ(fixture_progress(&s.fixture).n_inflating, 3);
	CHECK_EQ(fixture_progress(&s.fixture).n_enqueued, 30);
	close_fixture(&s.fixture);
}

/* ---- A reset --------------------------------------------------------------------------------- */

enum hindrance {
	NOBODY_LETS_GO, /* the host does not */
	A_PAGE_IS_HELD, /* somebody has one isolated */
	PAGES_ARE_LOCKED,
	N_HINDRANCES,
};

/* Each reason is told from the others: the host's alone is a time-out. */
DRIVER_CLAIMS(results, a_reset_blames_whom_it_waits_for, N_HINDRANCES)
{
	struct fixture fixture;
	struct balloon_page page;
	enum hindrance hindrance = (enum hindrance)(claim_number() - 1);
	open_fixture(&fixture, meddle_with(strategy), design, short_timeout);
	reach(&fixture, 30);
	host_at(&fixture.host, 1, HOST_KEEPS);
	CHECK_EQ(balloon_driver_leak(fixture.driver, 4), -ETIMEDOUT);
	if (hindrance == A_PAGE_IS_HELD)
		CHECK_EQ(fixture_isolate(&fixture, &page, 1), 1);
	is_locked = hindrance == PAGES_ARE_LOCKED;
	if (is_locked)
		CHECK_EQ(balloon_driver_fill(fixture.driver, 2), 2);
	fixture.host.reset_error = hindrance == NOBODY_LETS_GO ? -EIO : 0;
	CHECK_EQ(balloon_driver_reset(fixture.driver), -EBUSY);
	CHECK_EQ(balloon_driver_stop(fixture.driver, BALLOON_NEVER), 0);
	for (int i = 0; i < 2; i++)
		CHECK_EQ(balloon_driver_reset(fixture.driver),
			hindrance == NOBODY_LETS_GO ? -ETIMEDOUT : -EAGAIN);
	CHECK_EQ(fixture_progress(&fixture).n_deflating, hindrance == NOBODY_LETS_GO ? 4 : 0);
	CHECK_EQ(balloon_driver_validate(fixture.driver, NULL), 0);
	is_locked = false;
	fixture.host.reset_error = 0;
	if (hindrance == A_PAGE_IS_HELD)
		CHECK_EQ(balloon_page_putback(fixture.map, page), 0);
	CHECK_EQ(balloon_driver_reset(fixture.driver), 0);
	CHECK_EQ(source_n_free(&fixture.source), FIXTURE_PAGES);
	CHECK_EQ(balloon_driver_reset(fixture.driver), 0);
	close_fixture(&fixture);
}

/* ---- Requests that nobody waits for ---------------------------------------------------------- */

enum failure {
	REFUSED_AT_ONCE,
	REFUSED_MEANWHILE, /* before anybody knows that nobody will wait */
	REFUSED_LATER,
	NOT_ANSWERED,
	REFUSED_WHEN_OVERDUE,
	N_FAILURES,
};

static void check_failure(struct fixture *fixture, int error)
{
	struct balloon_driver_progress progress = fixture_progress(fixture);
	CHECK_EQ(progress.last_error, error);
	CHECK_EQ(progress.last_error_ns, engine_now_ns());
	CHECK_EQ(progress.state, BALLOON_DRIVER_STALLED);
}

static void refuse_first(void *context)
{
	struct fixture *fixture = context;
	host_await_kept(&fixture->host, 1);
	host_answer(&fixture->host, 0);
}

/* No call returns what came of it: the progress says so. */
DRIVER_CLAIMS(results, a_request_that_nobody_waits_for_fails_all_the_same, N_FAILURES)
{
	struct fixture fixture;
	enum failure failure = (enum failure)(claim_number() - 1);
	open_fixture(&fixture, strategy, design, short_timeout);
	host_always(&fixture.host, failure == REFUSED_AT_ONCE ? HOST_REFUSES : HOST_KEEPS);
	if (failure == REFUSED_MEANWHILE)
		engine_spawn("host", refuse_first, &fixture);
	balloon_driver_set_target(fixture.driver, failure == REFUSED_MEANWHILE ? 1 : 3);
	CHECK_EQ(balloon_driver_poll(fixture.driver, NULL), 1);
	engine_join_all();
	if (failure >= REFUSED_LATER) {
		sleep_ms(1);
		CHECK_EQ(fixture_progress(&fixture).last_error, 0);
		CHECK_EQ(fixture_progress(&fixture).state, BALLOON_DRIVER_PROGRESSING);
	}
	if (failure == NOT_ANSWERED || failure == REFUSED_WHEN_OVERDUE) {
		sleep_ms(4);
		check_failure(&fixture, -ETIMEDOUT);
		sleep_ms(1);
	}
	if (failure == REFUSED_LATER || failure == REFUSED_WHEN_OVERDUE) {
		host_answer(&fixture.host, 0);
		host_always(&fixture.host, HOST_REFUSES); /* what it was not asked for yet, too */
	}
	if (failure != NOT_ANSWERED)
		check_failure(&fixture, -EIO);
	close_fixture(&fixture);
}
