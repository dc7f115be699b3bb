/* SPDX-License-Identifier: MIT */
/* Counts against counts. */

#include "world.h"

static bool has_lies(void)
{
	return (world->setting.faults & FAULT_LIES) != 0;
}

void world_check_callback(const char *what)
{
	/* Whoever was woken without cause has nothing to tell a host, and nothing to allocate. */
	engine_act();
	/* Who reads the progress of a stopped driver takes late answers, too. */
	if (world->n_resetting > 0 || world->n_looking > 0 || world->is_attaching)
		return;
	WORLD_CHECK(!world->is_stopped, "%s is called after a stop that returned 0", what);
	WORLD_CHECK(!world->is_at_rest, "%s is called on a quiesced driver", what);
}

void world_begin_to_run(void)
{
	if (world->n_running++ == 0)
		world->n_watches++;
}

void world_end_to_run(void)
{
	world->n_running--;
}

/* A migration takes both of its answers in one step, and callbacks take the time they take. */
static bool takes_answers_at_once(void)
{
	const struct scenario *scenario = world->setting.scenario;
	return world->n_running > 0 && !engine_is_hasty() && world->n_dawdled == 0 &&
	       !world->was_quiesced && !world->is_stopping && !world->host.is_dead &&
	       scenario->weights[CALL_MIGRATE] == 0 && scenario->weights[CALL_COMPACT] == 0 &&
	       !(world->setting.faults & FAULT_MEMORY);
}

void world_note_answer(struct balloon_page page)
{
	world->host.answered_ns[page.index] = engine_now_ns();
	world->host.answered_to[page.index] = takes_answers_at_once() ? world->n_watches : 0;
}

static void check_answer(uint32_t index)
{
	uint64_t late_ns = engine_now_ns() - world->host.answered_ns[index];
	WORLD_CHECK(late_ns == 0 || !takes_answers_at_once() ||
			    world->host.answered_to[index] != world->n_watches,
		"page %u: somebody runs, and an answer is taken after %llu us", index,
		(unsigned long long)(late_ns / 1000));
}

void world_account(void *unused, const struct balloon_page *pages, size_t n_pages, int change)
{
	(void)unused;
	for (size_t i = 0; i < n_pages; i++) {
		if (has_lies())
			return;
		uint32_t index = pages[i].index;
		enum host_page is = world->host.pages[index];
		WORLD_CHECK(change == -1 || change == 1, "a change of %d is accounted", change);
		check_answer(index);
		WORLD_CHECK(world->is_accounted[index] == (change == 1),
			"page %u is accounted twice", index);
		WORLD_CHECK(is == (change == 1 ? PAGE_GUEST : PAGE_HOST) || world->host.is_released,
			"page %u is accounted as what it is not", index);
		world->is_accounted[index] = change == -1;
	}
}

/* Any order, but each once. */
void world_acknowledged(void *unused, uint64_t n_pages, uint64_t sequence)
{
	(void)unused;
	world_check_callback("acknowledged");
	world->n_sequences++;
	if (sequence > world->sequence) {
		world->sequence = sequence;
		world->n_acknowledged = n_pages;
	}
	engine_point();
}

void world_moved(void *unused, const struct balloon_page *pages, size_t n_pages, bool is_in)
{
	(void)unused;
	world_check_callback("moved");
	for (size_t i = 0; i < n_pages && !has_lies(); i++) {
		uint32_t index = pages[i].index;
		WORLD_CHECK(world->is_moved[index] != is_in, "page %u is told to %s twice", index,
			is_in ? "insert" : "leave");
		world->is_moved[index] = is_in;
	}
	engine_point();
}

/* Nobody but fills has taken frames since this one looked how many there are, and they know of each other. */
void world_check_floor(void)
{
	const struct doing *doing = &world->doing[engine_self()];
	if (doing->n_taken != world->n_taken)
		return;
	WORLD_CHECK(world->source.n_free >= world->setting.floor_pages,
		"a fill leaves %u free frames of %llu", world->source.n_free,
		(unsigned long long)world->setting.floor_pages);
}

/* Memory was relieved: a call that began afterwards does not take what was given. */
void world_check_hold_off(void)
{
	bool is_held_off = world->doing[engine_self()].n_begun > world->held_off_since &&
			   engine_now_ns() < world->held_off_until_ns;
	WORLD_CHECK(!is_held_off || engine_is_hasty(),
		"a frame is allocated, and memory was relieved less than 200 us ago");
}

static void check_page(uint32_t index)
{
	struct balloon_memmap *map = world->map;
	struct balloon_page_info info =
		balloon_memmap_strategy(map)->inspect(map, balloon_page(index));
	bool is_hosts = world->host.pages[index] == PAGE_HOST;
	bool is_free = world->source.is[index] == FRAME_FREE;
	WORLD_CHECK(world->host.pages[index] != PAGE_ASKED, "page %u is still asked for", index);
	WORLD_CHECK(!is_free || !is_hosts, "page %u is free, and the host has it", index);
	WORLD_CHECK(is_free || is_hosts, "page %u is lost: neither free nor the host's", index);
	WORLD_CHECK(is_hosts == (info.state != BALLOON_PAGE_OWNED),
		"page %u is in a balloon and not the host's, or the other way round", index);
	WORLD_CHECK(world->is_accounted[index] == is_hosts, "page %u is not accounted for", index);
	/* Pages in quarantine are in no balloon. */
	bool is_in = info.device && info.device == balloon_driver_device(world->driver);
	WORLD_CHECK(world->is_moved[index] == is_in,
		"page %u was told to have entered, and is not in the balloon, or the reverse",
		index);
}

/* What is listed as refused is kept as it is said to be. */
static void check_refusals(const struct balloon_driver_progress *progress)
{
	struct balloon_refusal list[WORLD_PAGES_MAX];
	uint64_t n_frames = 0;
	int n = balloon_driver_refusals(world->driver, list, WORLD_PAGES_MAX);
	WORLD_CHECK(n >= 0 && n <= WORLD_PAGES_MAX, "%d pages are listed as refused", n);
	for (int i = 0; i < n; i++) {
		uint32_t index = list[i].page.index;
		WORLD_CHECK(index < world->setting.n_pages && list[i].n_times > 0,
			"page %u is listed as refused, and is none", index);
		bool is_frame = list[i].kind == BALLOON_REQUEST_INFLATE;
		n_frames += is_frame;
		WORLD_CHECK(!is_frame || world->source.is[index] == FRAME_DRIVERS,
			"frame %u is listed as set aside, and is not the driver's", index);
		WORLD_CHECK(is_frame || world->host.pages[index] == PAGE_HOST,
			"page %u is listed as kept by the host, which has it not", index);
	}
	WORLD_CHECK(n_frames == progress->n_set_aside,
		"%llu frames are listed as set aside, and %llu counted",
		(unsigned long long)n_frames, (unsigned long long)progress->n_set_aside);
}

void world_check_kept(const struct balloon_driver_progress *progress)
{
	struct balloon_refusal list[WORLD_PAGES_MAX];
	uint32_t n_held = 0;
	check_refusals(progress);
	int n = balloon_driver_refusals(world->driver, list, WORLD_PAGES_MAX);
	for (uint32_t i = 0; i < world->setting.n_pages; i++) {
		bool is_listed = false;
		if (world->host.pages[i] == PAGE_GUEST)
			continue;
		n_held++;
		for (int j = 0; j < n; j++)
			is_listed |= list[j].page.index == i;
		WORLD_CHECK(world->host.is_picky[i] == PICKY_OUT,
			"the host would give page %u back, and has it still", i);
		WORLD_CHECK(is_listed, "the host keeps page %u, and nothing says so", i);
	}
	WORLD_CHECK((uint32_t)n == n_held && progress->n_refused >= n_held &&
			    progress->n_enqueued + progress->n_quarantined == n_held,
		"the host keeps %u pages, and %d are listed", n_held, n);
}

void world_check_rest(void)
{
	struct balloon_finding finding = {NULL, {0}, NULL};
	struct balloon_driver_progress progress;
	const char *what = "";
	world->n_looking++;
	balloon_driver_progress(world->driver, &progress); /* takes late answers */
	world->n_looking--;
	WORLD_CHECK(balloon_driver_validate(world->driver, &what) == 0, "validate: %s", what);
	WORLD_CHECK(
		balloon_memmap_validate(world->map, &finding) == 0, "the map: %s", finding.what);
	if (has_lies())
		return;
	check_refusals(&progress);
	for (uint32_t i = 0; i < world->setting.n_pages; i++)
		check_page(i);
	WORLD_CHECK(world->n_acknowledged == progress.n_acknowledged &&
			    world->n_sequences <= world->sequence,
		"acknowledged: %llu pages are known, and there are %llu",
		(unsigned long long)world->n_acknowledged,
		(unsigned long long)progress.n_acknowledged);
}

void world_check_empty(void)
{
	world_check_rest();
	WORLD_CHECK(has_lies() || world->source.n_free == world->setting.n_pages,
		"%u of %u frames are back", world->source.n_free, world->setting.n_pages);
}
