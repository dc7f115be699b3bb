/* SPDX-License-Identifier: MIT */
/* What compaction before a fill costs: pages told to the host, and pages looked at. */

#include "suite.h"
#include "machine.h"

enum { ORDER = 6, BLOCK = 1 << ORDER, FRAMES = 64 * BLOCK, FILL = 64 };

static void open(struct machine *machine, bool is_prepared)
{
	struct machine_config config = {.n_frames = FRAMES,
		.is_plain = true,
		.is_prepared = is_prepared,
		.block_order = ORDER};
	machine_open(machine, &config);
}

static uint64_t n_scanned(struct machine *machine)
{
	return machine_stats(machine->compactor).n_scanned;
}

/* Free memory is whole when the fill begins, and after each request: there is nothing to move. */
Test(prepare, tells_the_host_of_each_page_once_where_memory_is_whole)
{
	for (uint32_t part = 2; part <= 16; part *= 2) {
		struct machine machine;
		open(&machine, true);
		uint32_t n = FRAMES - FRAMES / part;
		for (uint32_t i = 0; i < n; i += FILL)
			machine_fill(&machine, i + FILL < n ? i + FILL : n);
		CHECK_EQ(machine_progress(&machine).n_inflated, n);
		CHECK_EQ(machine_progress(&machine).n_deflated, 0);
		CHECK_EQ(n_scanned(&machine), 0);
		machine_close(&machine);
	}
}

/* Half of memory comes back in the order in which it went, and goes again. */
Test(prepare, agrees_with_fills_and_leaks_about_which_end_is_which)
{
	struct machine machine;
	open(&machine, true);
	for (uint32_t i = 0; i < 20; i++) {
		machine_fill(&machine, FRAMES / 4 * 3);
		machine_fill(&machine, FRAMES / 4 + i * FILL);
	}
	CHECK_EQ(machine_progress(&machine).n_migrated, 0);
	CHECK_EQ(balloon_compactor_run(machine.compactor, BALLOON_NEVER), 0);
	CHECK_EQ(machine_progress(&machine).n_migrated, 0);
	machine_close(&machine);
}

/* Passes until one moves nothing. */
static void finish(struct machine *machine)
{
	uint64_t n_isolated;
	do {
		n_isolated = machine_stats(machine->compactor).n_isolated;
		CHECK_EQ(balloon_compactor_run(machine->compactor, BALLOON_NEVER), 0);
	} while (machine_stats(machine->compactor).n_isolated > n_isolated);
}

/* All but so few frames are ballooned that no block is whole, and nothing can be done about it. */
static void open_full(struct machine *machine)
{
	uint64_t random = 7;
	open(machine, true);
	machine_use(machine, FRAMES / BLOCK, &random);
	machine_fill(machine, FRAMES - FRAMES / BLOCK - BLOCK / 2);
	finish(machine);
	CHECK_EQ(machine_n_blocks(machine, ORDER), 0);
}

Test(prepare, looks_at_no_page_when_nothing_has_changed)
{
	struct machine machine;
	open_full(&machine);
	uint64_t before = n_scanned(&machine);
	CHECK(before > 0);
	for (uint32_t i = 0; i < 100; i++)
		balloon_compactor_prepare(machine.compactor, FRAMES);
	CHECK_EQ(n_scanned(&machine), before);
	machine_close(&machine);
}

/* Each kind of change, by whoever may make it. */
enum change { LEAKED, FREED, USED, MOVED, CHANGES };

static void change(struct machine *machine, enum change kind)
{
	struct balloon_page page = {0};
	if (kind == LEAKED)
		CHECK_EQ(balloon_driver_leak(machine->driver, 1), 1);
	while (kind == FREED && !machine->is_used[page.index])
		page.index++;
	if (kind == FREED)
		machine_free_one(machine, page.index);
	while (kind == USED &&
		(machine->is_used[page.index] || machine_is_ballooned(machine, page.index)))
		page.index++;
	if (kind == USED)
		machine_use_one(machine, page.index);
	while (kind == MOVED && !machine_is_ballooned(machine, page.index))
		page.index++;
	if (kind == MOVED) {
		CHECK_EQ(balloon_page_isolate(machine->map, page), 0);
		CHECK_EQ(balloon_page_putback(machine->map, page), 0);
	}
}

Test(prepare, looks_again_when_something_has_changed)
{
	for (uint32_t kind = 0; kind < CHANGES; kind++) {
		struct machine machine;
		open_full(&machine);
		balloon_compactor_prepare(machine.compactor, FRAMES);
		uint64_t before = n_scanned(&machine);
		change(&machine, (enum change)kind);
		balloon_compactor_prepare(machine.compactor, FRAMES);
		CHECK(n_scanned(&machine) > before);
		machine_close(&machine);
	}
}

/* The last frame in use of a block is freed: the next fill but one finds it whole. */
Test(prepare, makes_whole_what_has_become_movable)
{
	struct machine machine;
	uint32_t index = 0;
	open(&machine, true);
	for (uint32_t i = 0; i < FRAMES; i += BLOCK)
		machine_use_one(&machine, i + i / BLOCK);
	machine_fill(&machine, FRAMES - FRAMES / BLOCK - 2 * BLOCK);
	finish(&machine);
	CHECK_EQ(machine_n_blocks(&machine, ORDER), 0);
	while (!machine.is_used[index])
		index++;
	machine_free_one(&machine, index);
	balloon_compactor_prepare(machine.compactor, FRAMES);
	CHECK_EQ(machine_n_blocks(&machine, ORDER), 1);
	machine_close(&machine);
}

/* Small changes that give nothing: it looks at a few pages for each that is filled, and at no more. */
Test(prepare, looks_in_proportion_to_what_is_filled)
{
	enum { SOME = 8 };
	uint32_t n_rounds = is_short() ? 500 : 2000;
	struct machine machine;
	open_full(&machine);
	uint64_t before = n_scanned(&machine);
	for (uint32_t i = 0; i < n_rounds; i++) {
		CHECK_EQ(balloon_driver_leak(machine.driver, SOME), SOME);
		CHECK_EQ(balloon_driver_fill(machine.driver, SOME), SOME);
	}
	uint64_t n = n_scanned(&machine) - before;
	CHECK(n > 0);
	CHECK(n <= 4 * n_rounds * SOME + 2 * FRAMES);
	machine_close(&machine);
}

/* Pages of a device that is no driver's of ours, at the high end: each pass tries them, so passes are few. */
Test(prepare, does_not_try_the_pages_of_others_at_each_fill)
{
	enum { ROUNDS = 500, SOME = 8, THEIRS = FRAMES / 2 };
	struct machine machine;
	struct balloon_device *device;
	open(&machine, true);
	CHECK_EQ(balloon_device_create(machine.map, NULL, &device), 0);
	for (uint32_t i = FRAMES - THEIRS; i < FRAMES; i++) {
		CHECK_EQ(balloon_zone_take_frames(machine.zone, balloon_page(i), 1), 0);
		CHECK_EQ(balloon_page_insert(device, balloon_page(i)), 0);
	}
	for (uint32_t i = 0; i < FRAMES - THEIRS; i += BLOCK)
		machine_use_one(&machine, i);
	for (uint32_t i = 0; i < ROUNDS; i++)
		balloon_compactor_prepare(machine.compactor, SOME);
	CHECK(machine_stats(machine.compactor).n_isolated > 0);
	CHECK(n_scanned(&machine) <= 4 * ROUNDS * SOME + 2 * FRAMES);
	struct balloon_page page;
	while (balloon_page_dequeue(device, &page) > 0)
		CHECK_EQ(balloon_zone_free(machine.zone, page, 0), 0);
	CHECK_EQ(balloon_device_destroy(machine.map, device), 0);
	machine_close(&machine);
}

Test(prepare, goes_on_until_enough_is_prepared)
{
	enum { SOME = 100 };
	struct machine machine;
	struct balloon_compactor *compactor;
	struct machine_config config = {.n_frames = FRAMES};
	machine_open(&machine, &config);
	machine_fill(&machine, FRAMES / 2);
	compactor = machine_compactor(&machine);
	balloon_compactor_prepare(compactor, SOME);
	uint64_t n = machine_stats(compactor).n_migrated;
	CHECK(n >= SOME && n < SOME + BALLOON_COMPACTOR_CLUSTER);
	for (uint32_t i = 0; i < FRAMES; i += SOME)
		balloon_compactor_prepare(compactor, SOME);
	CHECK(machine_n_blocks(&machine, 9) > 0);
	balloon_compactor_prepare(NULL, 1);
	CHECK_EQ(balloon_compactor_destroy(compactor), 0);
	machine_close(&machine);
}

/* Blocks of which the part has not all are free, and no others: they are none that a fill could want. */
Test(prepare, a_part_of_a_block_is_no_whole_one)
{
	enum { MORE = 20, N = 8 * BLOCK + MORE };
	for (uint32_t first = 0; first <= BLOCK - MORE; first += BLOCK - MORE) {
		uint32_t indices[N];
		uint32_t n = 0;
		struct balloon_compactor *compactor;
		struct machine machine;
		struct machine_config machine_config = {.n_frames = N};
		machine_open(&machine, &machine_config);
		for (uint32_t i = first ? BLOCK : 0; i < (first ? N : 8 * BLOCK); i += 2)
			indices[n++] = i;
		machine_fill_with(&machine, indices, n);
		struct balloon_compactor_config config = machine_compactor_config(&machine);
		config.block_order = ORDER;
		config.first = first;
		CHECK_EQ(balloon_compactor_create(&config, &compactor), 0);
		balloon_compactor_prepare(compactor, MORE / 2);
		CHECK(machine_stats(compactor).n_migrated >= MORE / 2);
		CHECK_EQ(balloon_compactor_destroy(compactor), 0);
		machine_close(&machine);
	}
}

/* The machine's source, and how often it was asked which frames are free. */
struct counting {
	struct balloon_frames frames;
	struct balloon_frames *source;
	uint32_t n_asked;
};

static void count_which_free(
	struct balloon_frames *frames, uint32_t first, uint32_t n_pages, uint64_t *words)
{
	struct counting *counting = (struct counting *)(void *)frames;
	counting->n_asked++;
	counting->source->ops->which_free(counting->source, first, n_pages, words);
}

/* Those in front are used: only the first look goes over them. */
Test(prepare, asks_for_each_block_that_it_needs_where_they_are_whole)
{
	enum { FRONT = 20 };
	struct balloon_frames_ops ops;
	struct counting counting = {.n_asked = 0};
	struct balloon_compactor *compactor;
	struct machine machine;
	open(&machine, false);
	for (uint32_t i = 0; i < FRONT * BLOCK; i++)
		machine_use_one(&machine, i);
	struct balloon_compactor_config config = machine_compactor_config(&machine);
	counting.source = config.frames;
	ops = *config.frames->ops;
	ops.which_free = count_which_free;
	counting.frames.ops = &ops;
	config.frames = &counting.frames;
	CHECK_EQ(balloon_compactor_create(&config, &compactor), 0);
	balloon_compactor_prepare(compactor, BLOCK);
	CHECK_EQ(counting.n_asked, FRONT + 1);
	for (uint32_t n_blocks = 1; n_blocks <= FRAMES / BLOCK - FRONT; n_blocks++) {
		counting.n_asked = 0;
		balloon_compactor_prepare(compactor, n_blocks * BLOCK - n_blocks);
		CHECK_EQ(counting.n_asked, n_blocks);
	}
	/* The next ones, once these are used. */
	for (uint32_t i = 0; i < BLOCK; i++)
		machine_use_one(&machine, FRONT * BLOCK + i);
	counting.n_asked = 0;
	balloon_compactor_prepare(compactor, BLOCK);
	balloon_compactor_prepare(compactor, BLOCK);
	CHECK_EQ(counting.n_asked, 3);
	CHECK_EQ(machine_stats(compactor).n_scanned, 0);
	CHECK_EQ(balloon_compactor_destroy(compactor), 0);
	machine_close(&machine);
}

/* A page anywhere in each block of any size: three of four are made whole. */
Test(prepare, one_page_anywhere_keeps_a_block_from_being_whole)
{
	for (unsigned order = ORDER; order <= 11; order++) {
		const uint32_t size = UINT32_C(1) << order;
		const uint32_t places[] = {0, size / 2 - 1, size / 2, size - 1};
		for (uint32_t place = 0; place < 4; place++) {
			struct machine machine;
			struct machine_config config = {.n_frames = 4 * size, .block_order = order};
			uint32_t indices[4];
			for (uint32_t i = 0; i < 4; i++)
				indices[i] = i * size + places[place];
			machine_open(&machine, &config);
			machine_fill_with(&machine, indices, 4);
			struct balloon_compactor *compactor = machine_compactor(&machine);
			balloon_compactor_prepare(compactor, size);
			CHECK(machine_stats(compactor).n_migrated >= 3);
			for (uint32_t i = 4; i < 4 * size; i++)
				CHECK(!machine_is_ballooned(&machine, i));
			CHECK_EQ(balloon_compactor_destroy(compactor), 0);
			machine_close(&machine);
		}
	}
}
