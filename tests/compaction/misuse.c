/* SPDX-License-Identifier: MIT */
/* What a caller gets wrong is an error, and changes nothing. */

#include <string.h>

#include "suite.h"
#include "machine.h"

#include "compaction/compactor.h"

enum { FRAMES = 64 };

static int take_none(struct balloon_frames *frames, struct balloon_page *pages, size_t n_pages,
	unsigned allocation)
{
	(void)frames, (void)pages, (void)n_pages, (void)allocation;
	return -ENOMEM;
}

static void free_none(
	struct balloon_frames *frames, const struct balloon_page *pages, size_t n_pages)
{
	(void)frames, (void)pages, (void)n_pages;
}

Test(misuse, configurations_that_cannot_be)
{
	const struct balloon_frames_ops plain_ops = {
		.name = "plain", .allocate = take_none, .free = free_none};
	struct balloon_frames plain = {&plain_ops};
	struct balloon_frames no_ops = {NULL};
	struct balloon_driver *none = NULL;
	struct machine_config machine_config = {.n_frames = FRAMES};
	struct balloon_compactor *compactor;
	struct machine machine;
	struct machine other;
	machine_open(&machine, &machine_config);
	machine_open(&other, &machine_config);
	const struct balloon_compactor_config good = {.map = machine.map,
		.frames = &machine.source.frames,
		.drivers = &machine.driver,
		.n_drivers = 1};
#define REFUSED(field, value)                                                                      \
	do {                                                                                       \
		struct balloon_compactor_config bad = good;                                        \
		bad.field = (value);                                                               \
		CHECK_EQ(balloon_compactor_create(&bad, &compactor), -EINVAL);                     \
	} while (0)
	REFUSED(map, NULL);
	REFUSED(map, other.map);
	REFUSED(frames, NULL);
	REFUSED(frames, &no_ops);
	REFUSED(frames, &plain);
	REFUSED(drivers, NULL);
	REFUSED(drivers, &none);
	REFUSED(drivers, &other.driver);
	REFUSED(n_drivers, 0);
	REFUSED(first, FRAMES);
	REFUSED(end, FRAMES + 1);
	REFUSED(block_order, 17);
	CHECK_EQ(balloon_compactor_create(NULL, &compactor), -EINVAL);
	CHECK_EQ(balloon_compactor_create(&good, NULL), -EINVAL);
	CHECK_EQ(balloon_compactor_create(&good, &compactor), 0);
	CHECK_EQ(balloon_compactor_destroy(compactor), 0);
	machine_close(&other);
	machine_close(&machine);
}

Test(misuse, null_compactors)
{
	struct balloon_compactor_stats stats;
	CHECK_EQ(balloon_compactor_step(NULL, 0), -EINVAL);
	CHECK_EQ(balloon_compactor_run(NULL, BALLOON_NEVER), -EINVAL);
	CHECK_EQ(balloon_compactor_destroy(NULL), -EINVAL);
	CHECK_EQ(balloon_compactor_stats(NULL, &stats), -EINVAL);
	CHECK_EQ(balloon_driver_migrate_max(NULL), 0);
}

/* A source that makes calls on the compactor which is asking it for frames. */
struct nested {
	struct balloon_frames frames;
	struct balloon_compactor *compactor;
	uint32_t n_calls;
};

static int take_nothing(struct balloon_frames *frames, uint32_t first, uint32_t end,
	struct balloon_page *pages, size_t n_pages)
{
	struct nested *nested = (struct nested *)(void *)frames;
	(void)first, (void)end, (void)pages, (void)n_pages;
	nested->n_calls++;
	CHECK_EQ(balloon_compactor_step(nested->compactor, 0), -EBUSY);
	CHECK_EQ(balloon_compactor_run(nested->compactor, BALLOON_NEVER), -EBUSY);
	CHECK_EQ(balloon_compactor_fini(nested->compactor), -EBUSY);
	CHECK_EQ(balloon_compactor_destroy(nested->compactor), -EBUSY);
	balloon_compactor_prepare(nested->compactor, FRAMES);
	return 0;
}

static void none_is_free(
	struct balloon_frames *frames, uint32_t first, uint32_t n_pages, uint64_t *words)
{
	(void)frames, (void)first;
	memset(words, 0, (n_pages + 63) / 64 * sizeof(*words));
}

Test(misuse, a_call_beside_a_step_is_told_so)
{
	const struct balloon_frames_ops ops = {.name = "nested",
		.allocate = take_none,
		.free = free_none,
		.take_lowest = take_nothing,
		.which_free = none_is_free};
	struct nested nested = {.frames = {&ops}};
	struct machine_config machine_config = {.n_frames = FRAMES};
	struct balloon_compactor_stats stats;
	struct machine machine;
	machine_open(&machine, &machine_config);
	machine_fill(&machine, FRAMES / 2);
	struct balloon_compactor_config config = machine_compactor_config(&machine);
	config.frames = &nested.frames;
	CHECK_EQ(balloon_compactor_create(&config, &nested.compactor), 0);
	CHECK_EQ(balloon_compactor_stats(nested.compactor, NULL), -EINVAL);
	CHECK_EQ(balloon_compactor_step(nested.compactor, 0), 0);
	CHECK(nested.n_calls > 0);
	CHECK_EQ(balloon_compactor_stats(nested.compactor, &stats), 0);
	CHECK_EQ(stats.n_migrated, 0);
	CHECK_EQ(balloon_compactor_destroy(nested.compactor), 0);
	machine_close(&machine);
}

/* Memory that is NULL, unaligned or too small; and what a size is asked of. */
Test(misuse, memory_that_is_none)
{
	static _Alignas(BALLOON_MEMORY_ALIGN) unsigned char memory[1 << 16];
	struct machine_config machine_config = {.n_frames = FRAMES};
	struct balloon_compactor *compactor = NULL;
	struct machine machine;
	size_t size;
	machine_open(&machine, &machine_config);
	const struct balloon_compactor_config good = machine_compactor_config(&machine);
	const struct balloon_compactor_config part = {.map = machine.map};
	const struct balloon_compactor_config no_part = {.map = machine.map, .first = FRAMES};
	CHECK_EQ(balloon_compactor_size(NULL, &size), -EINVAL);
	CHECK_EQ(balloon_compactor_size(&good, NULL), -EINVAL);
	CHECK_EQ(balloon_compactor_size(&no_part, &size), -EINVAL);
	CHECK_EQ(balloon_compactor_size(&part, &size), 0);
	CHECK(size > 0 && size < sizeof(memory) && size % BALLOON_MEMORY_ALIGN == 0);
	CHECK_EQ(balloon_compactor_init(NULL, size, &good, &compactor), -EINVAL);
	CHECK_EQ(balloon_compactor_init(memory + 8, size, &good, &compactor), -EINVAL);
	CHECK_EQ(balloon_compactor_init(memory, size - 1, &good, &compactor), -EINVAL);
	CHECK_EQ(balloon_compactor_init(memory, size, &part, &compactor), -EINVAL);
	CHECK_EQ(balloon_compactor_init(memory, size, NULL, &compactor), -EINVAL);
	CHECK_EQ(balloon_compactor_init(memory, size, &good, NULL), -EINVAL);
	CHECK(compactor == NULL);
	memset(memory, 0xa5, sizeof(memory));
	CHECK_EQ(balloon_compactor_init(memory, size, &good, &compactor), 0);
	CHECK(compactor == (void *)memory);
	CHECK_EQ(memory[size], 0xa5);
	CHECK_EQ(balloon_compactor_run(compactor, BALLOON_NEVER), 0);
	CHECK_EQ(memory[size], 0xa5);
	CHECK_EQ(balloon_compactor_fini(compactor), 0);
	CHECK_EQ(balloon_compactor_fini(NULL), -EINVAL);
	machine_close(&machine);
}

/* Beside the compactor a bit for each block that the part has something of. */
static void hold_size(struct machine *machine, uint32_t first, uint32_t end, unsigned order)
{
	const struct balloon_compactor_config config = {
		.map = machine->map, .first = first, .end = end, .block_order = order};
	const unsigned full = order ? order : 9; /* as the header says */
	const uint32_t n_blocks = ((end - 1) >> full) + 1 - (first >> full);
	const size_t bytes = sizeof(struct balloon_compactor) + (n_blocks + 63) / 64 * 8;
	size_t size;
	CHECK_EQ(balloon_compactor_size(&config, &size), 0);
	CHECK_EQ(size,
		(bytes + BALLOON_MEMORY_ALIGN - 1) / BALLOON_MEMORY_ALIGN * BALLOON_MEMORY_ALIGN);
}

Test(misuse, memory_is_a_bit_for_each_block)
{
	enum { MANY = 1 << 13 };
	struct machine_config machine_config = {.n_frames = MANY};
	struct machine machine;
	machine_open(&machine, &machine_config);
	for (uint32_t end = 1; end <= MANY; end += 1 + end / 100)
		for (unsigned order = 0; order <= 16; order++) {
			hold_size(&machine, 0, end, order);
			hold_size(&machine, end - 1, end, order);
			hold_size(&machine, end / 3, end, order);
		}
	machine_close(&machine);
}
