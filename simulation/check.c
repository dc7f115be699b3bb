/* SPDX-License-Identifier: MIT */
/* Counts against counts. */

#include "simulation.h"

static bool has_lies(void)
{
	return (sim->choice.faults & FAULT_LIES) != 0;
}

void sim_check_callback(const char *what)
{
	/* Whoever was woken without cause has nothing to tell a host, and nothing to allocate. */
	engine_act();
	/* Who reads the progress of a stopped driver takes late answers, too. */
	if (sim->n_resetting > 0 || sim->n_looking > 0 || sim->is_attaching)
		return;
	SIM_CHECK(!sim->is_stopped, "%s is called after a stop that returned 0", what);
	SIM_CHECK(!sim->is_at_rest, "%s is called on a quiesced driver", what);
}

void sim_begin_to_run(void)
{
	if (sim->n_running++ == 0)
		sim->n_watches++;
}

void sim_end_to_run(void)
{
	sim->n_running--;
}

/* A migration takes both of its answers in one step, and callbacks take the time they take. */
static bool takes_answers_at_once(void)
{
	const struct scenario *scenario = sim->choice.scenario;
	return sim->n_running > 0 && !engine_is_hasty() && sim->n_dawdled == 0 &&
	       !sim->was_quiesced && !sim->is_stopping && !sim->host.is_dead &&
	       scenario->weights[CALL_MIGRATE] == 0 && scenario->weights[CALL_COMPACT] == 0 &&
	       !(sim->choice.faults & FAULT_MEMORY);
}

void sim_note_answer(struct balloon_page page)
{
	sim->host.answered_ns[page.index] = engine_now_ns();
	sim->host.answered_to[page.index] = takes_answers_at_once() ? sim->n_watches : 0;
}

static void check_answer(uint32_t index)
{
	uint64_t late_ns = engine_now_ns() - sim->host.answered_ns[index];
	SIM_CHECK(late_ns == 0 || !takes_answers_at_once() ||
			  sim->host.answered_to[index] != sim->n_watches,
		"page %u: somebody runs, and an answer is taken after %llu us", index,
		(unsigned long long)(late_ns / 1000));
}

void sim_account(void *unused, const struct balloon_page *pages, size_t n_pages, int change)
{
	(void)unused;
	for (size_t i = 0; i < n_pages; i++) {
		if (has_lies())
			return;
		uint32_t index = pages[i].index;
		enum host_page is = sim->host.pages[index];
		SIM_CHECK(change == -1 || change == 1, "a change of %d is accounted", change);
		check_answer(index);
		SIM_CHECK(sim->is_accounted[index] == (change == 1), "page %u is accounted twice",
			index);
		SIM_CHECK(is == (change == 1 ? PAGE_GUEST : PAGE_HOST) || sim->host.is_released,
			"page %u is accounted as what it is not", index);
		sim->is_accounted[index] = change == -1;
	}
}

/* Any order, but each once. */
void sim_acknowledged(void *unused, uint64_t n_pages, uint64_t sequence)
{
	(void)unused;
	sim_check_callback("acknowledged");
	sim->n_sequences++;
	SIM_CHECK(sequence != sim->sequence, "change %llu of what is acknowledged is told twice",
		(unsigned long long)sequence);
	if (sequence > sim->sequence) {
		sim->sequence = sequence;
		sim->n_acknowledged = n_pages;
	}
	engine_point();
}

void sim_moved(void *unused, const struct balloon_page *pages, size_t n_pages, bool is_in)
{
	(void)unused;
	sim_check_callback("moved");
	for (size_t i = 0; i < n_pages && !has_lies(); i++) {
		uint32_t index = pages[i].index;
		SIM_CHECK(sim->is_moved[index] != is_in, "page %u is told to %s twice", index,
			is_in ? "insert" : "leave");
		sim->is_moved[index] = is_in;
	}
	engine_point();
}

/* Nobody but fills has taken frames since this one looked how many there are, and they know of each other. */
void sim_check_floor(void)
{
	const struct doing *doing = &sim->doing[engine_self()];
	if (doing->n_taken != sim->n_taken)
		return;
	SIM_CHECK(sim->source.n_free >= sim->choice.floor_pages,
		"a fill leaves %u free frames of %llu", sim->source.n_free,
		(unsigned long long)sim->choice.floor_pages);
}

/* Memory was relieved: a call that began afterwards does not take what was given. */
void sim_check_hold_off(void)
{
	bool is_held_off = sim->doing[engine_self()].n_begun > sim->held_off_since &&
			   engine_now_ns() < sim->held_off_until_ns;
	SIM_CHECK(!is_held_off || engine_is_hasty(),
		"a frame is allocated, and memory was relieved less than 200 us ago");
}

static void check_page(uint32_t index)
{
	struct balloon_memmap *map = sim->map;
	struct balloon_page_info info =
		balloon_memmap_strategy(map)->inspect(map, balloon_page(index));
	bool is_hosts = sim->host.pages[index] == PAGE_HOST;
	bool is_free = sim->source.is[index] == FRAME_FREE;
	SIM_CHECK(sim->host.pages[index] != PAGE_ASKED, "page %u is still asked for", index);
	SIM_CHECK(!is_free || !is_hosts, "page %u is free, and the host has it", index);
	SIM_CHECK(is_free || is_hosts, "page %u is lost: neither free nor the host's", index);
	SIM_CHECK(is_hosts == (info.state != BALLOON_PAGE_OWNED),
		"page %u is in a balloon and not the host's, or the other way round", index);
	SIM_CHECK(sim->is_accounted[index] == is_hosts, "page %u is not accounted for", index);
	/* Pages in quarantine are in no balloon. */
	bool is_in = info.device && info.device == balloon_driver_device(sim->driver);
	SIM_CHECK(sim->is_moved[index] == is_in,
		"page %u was told to have entered, and is not in the balloon, or the reverse",
		index);
}

/* What is listed as refused is kept as it is said to be. */
static void check_refusals(const struct balloon_driver_progress *progress)
{
	struct balloon_refusal list[SIM_PAGES_MAX];
	uint64_t n_frames = 0;
	int n = balloon_driver_refusals(sim->driver, list, SIM_PAGES_MAX);
	SIM_CHECK(n >= 0 && n <= SIM_PAGES_MAX, "%d pages are listed as refused", n);
	for (int i = 0; i < n; i++) {
		uint32_t index = list[i].page.index;
		SIM_CHECK(index < sim->choice.n_pages && list[i].n_times > 0,
			"page %u is listed as refused, and is none", index);
		bool is_frame = list[i].kind == BALLOON_REQUEST_INFLATE;
		n_frames += is_frame;
		SIM_CHECK(!is_frame || sim->source.is[index] == FRAME_DRIVERS,
			"frame %u is listed as set aside, and is not the driver's", index);
		SIM_CHECK(is_frame || sim->host.pages[index] == PAGE_HOST,
			"page %u is listed as kept by the host, which has it not", index);
	}
	SIM_CHECK(n_frames == progress->n_set_aside,
		"%llu frames are listed as set aside, and %llu counted",
		(unsigned long long)n_frames, (unsigned long long)progress->n_set_aside);
}

void sim_check_kept(const struct balloon_driver_progress *progress)
{
	struct balloon_refusal list[SIM_PAGES_MAX];
	uint32_t n_held = 0;
	check_refusals(progress);
	int n = balloon_driver_refusals(sim->driver, list, SIM_PAGES_MAX);
	for (uint32_t i = 0; i < sim->choice.n_pages; i++) {
		bool is_listed = false;
		if (sim->host.pages[i] == PAGE_GUEST)
			continue;
		n_held++;
		for (int j = 0; j < n; j++)
			is_listed |= list[j].page.index == i;
		SIM_CHECK(sim->host.is_picky[i] == PICKY_OUT,
			"the host would give page %u back, and has it still", i);
		SIM_CHECK(is_listed, "the host keeps page %u, and nothing says so", i);
	}
	SIM_CHECK((uint32_t)n == n_held && progress->n_refused >= n_held &&
			  progress->n_enqueued + progress->n_quarantined == n_held,
		"the host keeps %u pages, and %d are listed", n_held, n);
}

void sim_check_rest(void)
{
	struct balloon_finding finding = {NULL, {0}, NULL};
	const char *what = "";
	struct balloon_driver_progress progress = sim_progress(); /* takes late answers */
	SIM_CHECK(balloon_driver_validate(sim->driver, &what) == 0, "validate: %s", what);
	SIM_CHECK(balloon_memmap_validate(sim->map, &finding) == 0, "the map: %s", finding.what);
	if (has_lies())
		return;
	check_refusals(&progress);
	for (uint32_t i = 0; i < sim->choice.n_pages; i++)
		check_page(i);
	SIM_CHECK(
		sim->n_acknowledged == progress.n_acknowledged && sim->n_sequences <= sim->sequence,
		"acknowledged: %llu pages are known, and there are %llu",
		(unsigned long long)sim->n_acknowledged,
		(unsigned long long)progress.n_acknowledged);
}

void sim_check_empty(void)
{
	sim_check_rest();
	SIM_CHECK(has_lies() || sim->source.n_free == sim->choice.n_pages,
		"%u of %u frames are back", sim->source.n_free, sim->choice.n_pages);
}
