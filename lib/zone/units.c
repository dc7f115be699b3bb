/* SPDX-License-Identifier: MIT */
/* A zone as a source of whole blocks of one order: units, each of which is a page of a driver's map. */

#include <balloon/types.h>

#include "zone/bitmap.h"
#include "zone/find.h"
#include "zone/reserve.h"
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
	uint32_t order = zone->unit_order;
	size_t n = 0;
	if (n_pages > BALLOON_BATCH_MAX)
		n_pages = BALLOON_BATCH_MAX;
	balloon_lock_acquire(&zone->lock);
	for (; n < n_pages; n++) {
		uint32_t frame = balloon_zone_find_block(zone, order);
		if (frame == SET_NONE)
			break;
		balloon_zone_take_range(zone, frame, UINT32_C(1) << order);
		pages[n] = balloon_page((zone->first + frame) >> order);
	}
	int result = zone_counted(zone, n > 0);
	balloon_lock_release(&zone->lock);
	return result < 0 ? result : (int)n;
}

/* All of its frames are the zone's and in use, and go back; or it is left alone. */
static bool give(struct balloon_zone *zone, struct balloon_page unit)
{
	uint32_t n_frames = UINT32_C(1) << zone->unit_order;
	uint32_t frame;
	if (unit.index > UINT32_MAX >> zone->unit_order)
		return false;
	struct balloon_page first = balloon_page(unit.index << zone->unit_order);
	if (balloon_zone_check_range(zone, first, n_frames, &frame) < 0)
		return false;
	return balloon_zone_give_or_keep(zone, frame, n_frames);
}

static void units_free(
	struct balloon_frames *units, const struct balloon_page *pages, size_t n_pages)
{
	struct balloon_zone *zone = zone_of(units);
	balloon_lock_acquire(&zone->lock);
	for (size_t i = 0; i < n_pages; i++)
		if (!give(zone, pages[i]))
			BALLOON_ADD(zone->n_strays, 1);
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
