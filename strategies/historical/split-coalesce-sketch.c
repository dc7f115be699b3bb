/* SPDX-License-Identifier: MIT */
/*
 * split-coalesce@sketch: as split, and a relief that meets a leak under way waits for that one, and takes what the
 * count has fallen by for its own result; a few lines in the thread of October 2017.
 *
 * - The mark "somebody deflates" is tested, and then set: two may pass (H-20).
 * - The waiter is busy waiting. On one processor, whoever has the mark does not run meanwhile (H-20).
 */
#define historical_split_2017_10 split_beside_sketch
#include "split-2017-10.c"

/* The waiter looks so often; on one processor it would for ever. */
enum { LOOKS_MAX = 8 };

static uint32_t await_other(struct historical_driver *driver)
{
	uint32_t before = balloon_atomic_load(&driver->n_pages, BALLOON_RELAXED);
	for (uint32_t n_looks = 0; BALLOON_READ(driver->is_deflating); n_looks++) {
		bool spins_for_ever = n_looks == LOOKS_MAX;
		BALLOON_ASSERT(!spins_for_ever);
	}
	return before - balloon_atomic_load(&driver->n_pages, BALLOON_RELAXED);
}

static uint32_t leak_marked(struct historical_driver *driver, uint32_t n)
{
	BALLOON_WRITE(driver->is_deflating, true);
	uint32_t n_freed = leak(driver, n);
	BALLOON_WRITE(driver->is_deflating, false);
	return n_freed;
}

static uint32_t relieve(struct historical_driver *driver, uint32_t n)
{
	if (BALLOON_READ(driver->is_deflating))
		return await_other(driver);
	/* Whoever has passed the test takes that for granted. */
	bool is_alone = !BALLOON_READ(driver->is_deflating);
	BALLOON_ASSERT(is_alone);
	return leak_marked(driver, n);
}

const struct historical_driver_form historical_split_coalesce_sketch = {
	.design = HISTORICAL_DESIGN("split-coalesce@sketch", "sketched (October 2017)"),
	.fill = fill,
	.leak = leak_marked,
	.relieve = relieve,
};
