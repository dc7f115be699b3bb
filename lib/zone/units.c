/* SPDX-License-Identifier: MIT */
/* A zone as a source of whole blocks of one order: units, each of which is a page of a driver's map. */

#include <balloon/types.h>

#include "zone/blocks.h"
#include "zone/zone.h"

static struct balloon_zone *zone_of(struct balloon_frames *units)
{
	return (struct balloon_zone *)(void *)((char *)units -
					       offsetof(struct balloon_zone, units));
}

static int units_allocate(struct balloon_frames *units, struct balloon_page *pages, size_t n_pages,
	unsigned allocation)
{
	(void)allocation;
	struct balloon_zone *zone = zone_of(units);
	if (n_pages > BALLOON_BATCH_MAX)
		n_pages = BALLOON_BATCH_MAX;
	balloon_lock_acquire(&zone->lock);
	size_t n =
		balloon_zone_take_blocks(zone, zone->unit_order, zone->unit_order, pages, n_pages);
	int result = zone_counted(zone, n > 0);
	balloon_lock_release(&zone->lock);
	return result < 0 ? result : (int)n;
}

static void units_free(
	struct balloon_frames *units, const struct balloon_page *pages, size_t n_pages)
{
	struct balloon_zone *zone = zone_of(units);
	balloon_lock_acquire(&zone->lock);
	while (n_pages > 0) {
		size_t n = balloon_zone_give_blocks(
			zone, zone->unit_order, zone->unit_order, pages, n_pages);
		if (n == 0) { /* a caller's mistake, and nobody to tell */
			BALLOON_ADD(zone->n_strays, 1);
			n = 1;
		}
		pages += n;
		n_pages -= n;
	}
	balloon_lock_release(&zone->lock);
}

static uint64_t units_n_free(struct balloon_frames *units)
{
	struct balloon_zone *zone = zone_of(units);
	balloon_lock_acquire(&zone->lock);
	uint64_t n_free = BALLOON_READ(zone->n_free) >> zone->unit_order;
	balloon_lock_release(&zone->lock);
	return n_free;
}

const struct balloon_frames_ops balloon_zone_unit_ops = {
	.name = "units",
	.allocate = units_allocate,
	.free = units_free,
	.n_free = units_n_free,
};
