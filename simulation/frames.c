/* SPDX-License-Identifier: MIT */
/* The source of frames, which knows whose each is, and what came back. */

#include "simulation.h"

#include <errno.h>

static bool has_fault(enum sim_fault fault)
{
	return (sim->choice.faults & fault) && !sim->source.is_over;
}

static uint32_t take(struct balloon_page *pages, uint32_t n_pages, enum frame user)
{
	struct source *source = &sim->source;
	uint32_t n = 0;
	/* The same frame again and again, if the host does not want it. */
	uint32_t at = sim->choice.faults & FAULT_PICKY
			      ? 0
			      : engine_choose(ENGINE_CHOOSE_VALUE, sim->choice.n_pages);
	for (uint32_t i = 0; i < sim->choice.n_pages && n < n_pages; i++) {
		uint32_t index = (at + i) % sim->choice.n_pages;
		if (source->is[index] != FRAME_FREE)
			continue;
		source->is[index] = user;
		pages[n++] = balloon_page(index);
	}
	source->n_free -= n;
	source->n_changes += n;
	return n;
}

uint32_t source_take(struct balloon_page *pages, uint32_t n_pages)
{
	sim->n_taken++;
	return take(pages, n_pages, FRAME_USERS);
}

static void give_one(struct balloon_page page)
{
	struct source *source = &sim->source;
	if (page.index >= sim->choice.n_pages) {
		SIM_CHECK(sim->choice.faults & FAULT_LIES, "a frame beyond the map comes back");
		return;
	}
	if (source->is_doubtful[page.index]) /* it stays with whoever has it */
		return;
	SIM_CHECK(source->is[page.index] != FRAME_FREE, "frame %u is freed twice", page.index);
	SIM_CHECK(sim->host.pages[page.index] == PAGE_GUEST,
		"frame %u is freed, and it is the host's", page.index);
	source->is[page.index] = FRAME_FREE;
	source->n_free++;
	source->n_changes++;
}

void source_give(const struct balloon_page *pages, uint32_t n_pages)
{
	for (uint32_t i = 0; i < n_pages; i++)
		give_one(pages[i]);
}

/* ---- Lies ------------------------------------------------------------------------------------ */

/* Spoil one of the frames: another one twice, or somebody else's, or none of the map. */
static void lie(struct balloon_page *pages, uint32_t n)
{
	struct source *source = &sim->source;
	uint32_t victim = engine_choose(ENGINE_CHOOSE_VALUE, n);
	uint32_t instead = sim->choice.n_pages + engine_choose(ENGINE_CHOOSE_VALUE, 3);
	if (n > 1 && engine_chance(3))
		instead = pages[(victim + 1) % n].index;
	else if (engine_chance(2))
		instead = engine_choose(ENGINE_CHOOSE_VALUE, sim->choice.n_pages);
	if (instead == pages[victim].index)
		return;
	if (instead < sim->choice.n_pages && source->is[instead] != FRAME_DRIVERS)
		return; /* free or a user's: it would be asked for in good faith */
	source->is[pages[victim].index] = FRAME_FREE;
	source->n_free++;
	source->n_changes++;
	pages[victim].index = instead;
	if (instead < sim->choice.n_pages)
		source->is_doubtful[instead] = true;
}

/* ---- Ops ------------------------------------------------------------------------------------- */

static bool is_relief_done(void *unused)
{
	(void)unused;
	return sim->is_relief_done;
}

/* Memory has run out: this thread, or another one that it waits for, makes the balloon smaller. */
static void run_out_of_memory(void)
{
	if (sim->doing[engine_self()].n_inside > 1)
		return; /* within relief already */
	sim->doing[engine_self()].n_reliefs++;
	if (engine_chance(2) || sim->wants_relief || !sim->is_relief_done) {
		sim_relieve(1 + engine_choose(ENGINE_CHOOSE_VALUE, SIM_REQUEST_MAX));
	} else {
		sim->is_relief_done = false;
		sim->wants_relief = true;
		engine_wait_until(is_relief_done, NULL);
	}
}

/* How many frames of n there are. */
static uint32_t explore_allocation(uint32_t n)
{
	switch (engine_choose((enum engine_choice)SIM_CHOOSE_FRAMES, ALLOCATION_N)) {
	case ALLOCATION_FAILS:
		return 0;
	case ALLOCATION_GIVES_ONE:
		return 1;
	case ALLOCATION_RELIEVES:
		sim->choice.faults |= FAULT_MEMORY;
		run_out_of_memory();
		return n;
	default:
		return n;
	}
}

static int allocate(struct balloon_frames *frames, struct balloon_page *pages, size_t n_pages,
	unsigned allocation)
{
	(void)frames;
	sim_check_callback("allocate");
	sim_check_hold_off();
	SIM_CHECK((allocation & BALLOON_ALLOCATION_MAY_RELIEVE) == 0,
		"a fill takes from the balloon what it gives it");
	SIM_CHECK(allocation == 0 || !sim->doing[engine_self()].is_polling,
		"poll lets the source wait");
	if (sim->allocating)
		sim->allocating(pages);
	engine_point();
	uint32_t n = (uint32_t)n_pages;
	if (sim->choice.host == HOST_EXPLORED)
		n = explore_allocation(n);
	else if (has_fault(FAULT_MEMORY) && engine_chance(4))
		run_out_of_memory();
	if (has_fault(FAULT_FRAMES) && engine_chance(3))
		n = engine_choose(ENGINE_CHOOSE_VALUE, n + 1);
	n = take(pages, n, FRAME_DRIVERS);
	if (n > 0 && has_fault(FAULT_LIES) && engine_chance(4))
		lie(pages, n);
	sim_check_floor();
	engine_point();
	return n > 0 ? (int)n : -ENOMEM;
}

static void give(struct balloon_frames *frames, const struct balloon_page *pages, size_t n_pages)
{
	(void)frames;
	if (sim->doing[engine_self()].n_inside > 0) /* else it is a compactor's */
		sim_check_callback("free");
	engine_point();
	sim->n_freed += n_pages;
	source_give(pages, (uint32_t)n_pages);
}

static uint64_t n_free(struct balloon_frames *frames)
{
	(void)frames;
	sim_check_callback("n_free");
	engine_point();
	sim->doing[engine_self()].n_taken = sim->n_taken;
	return sim->source.n_free;
}

static int take_lowest(struct balloon_frames *frames, uint32_t first, uint32_t end,
	struct balloon_page *pages, size_t n_pages)
{
	(void)frames;
	struct source *source = &sim->source;
	uint32_t n = 0;
	engine_point();
	sim->n_taken++;
	if (end > sim->choice.n_pages)
		end = sim->choice.n_pages;
	for (uint32_t index = first; index < end && n < n_pages; index++) {
		if (source->is[index] != FRAME_FREE)
			continue;
		source->is[index] = FRAME_USERS;
		pages[n++] = balloon_page(index);
	}
	source->n_free -= n;
	source->n_changes += n;
	return (int)n;
}

static void which_free(
	struct balloon_frames *frames, uint32_t first, uint32_t n_pages, uint64_t *words)
{
	(void)frames;
	engine_point();
	for (uint32_t i = 0; i < n_pages; i += 64)
		words[i / 64] = 0;
	for (uint32_t i = 0; i < n_pages && first + i < sim->choice.n_pages; i++)
		if (sim->source.is[first + i] == FRAME_FREE)
			words[i / 64] |= UINT64_C(1) << i % 64;
}

static uint64_t n_changes(struct balloon_frames *frames)
{
	(void)frames;
	engine_point();
	return sim->source.n_changes;
}

static const struct balloon_frames_ops ops = {
	.name = "simulated",
	.allocate = allocate,
	.free = give,
	.take_lowest = take_lowest,
	.which_free = which_free,
	.n_changes = n_changes,
};

static const struct balloon_frames_ops counted_ops = {
	.name = "simulated, counted",
	.allocate = allocate,
	.free = give,
	.n_free = n_free,
	.take_lowest = take_lowest,
	.which_free = which_free,
	.n_changes = n_changes,
};

void source_open(void)
{
	sim->source.frames.ops = sim->choice.floor_pages ? &counted_ops : &ops;
	sim->source.n_free = sim->choice.n_pages;
	sim->is_relief_done = true;
}
