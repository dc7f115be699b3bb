/* SPDX-License-Identifier: MIT */
/* A zone as a frame source: single frames in bulk. */

#include "zone/bitmap.h"
#include "zone/reserve.h"
#include "zone/zone.h"

static struct balloon_zone *zone_of(struct balloon_frames *frames)
{
	return (struct balloon_zone *)(void *)frames;
}

/*
 * The word to take frames from next; SET_NONE. Many come from whole words, ascending, so that the host gets long
 * ranges; a few come from a broken one, the least broken first, which is often where the last few came
 * from.
 */
static uint32_t pick_word(const struct balloon_zone *zone, size_t n_wanted)
{
	uint32_t classes = BALLOON_READ(zone->has_class[0]);
	uint32_t broken = classes & ((UINT32_C(1) << WORD_ORDER) - 1);
	if (classes == 0)
		return SET_NONE;
	if (broken == 0 || (n_wanted >= WORD_BITS / 2 && classes != broken))
		return set_first(&zone->tiers[0].classes[WORD_ORDER]);
	return set_first(&zone->tiers[0].classes[word_highest(broken)]);
}

/* Take the lowest free frames of a word, n at most. Returns how many. */
static uint32_t take_lowest(
	struct balloon_zone *zone, uint32_t word, struct balloon_page *pages, size_t n)
{
	uint64_t left = zone_word(&zone->tiers[0], word);
	uint64_t taken = left;
	uint32_t base = zone->first + word * WORD_BITS;
	uint32_t n_taken = 0;
	for (; left && n_taken < n; left &= left - 1)
		pages[n_taken++] = balloon_page(base + word_lowest(left));
	balloon_zone_take(zone, word, taken & ~left);
	return n_taken;
}

static int zone_allocate(struct balloon_frames *frames, struct balloon_page *pages, size_t n_pages,
	unsigned allocation)
{
	(void)allocation;
	struct balloon_zone *zone = zone_of(frames);
	size_t n = 0;
	if (n_pages > BALLOON_BATCH_MAX)
		n_pages = BALLOON_BATCH_MAX;
	balloon_lock_acquire(&zone->lock);
	while (n < n_pages) {
		uint32_t word = pick_word(zone, n_pages - n);
		if (word == SET_NONE)
			break;
		n += take_lowest(zone, word, pages + n, n_pages - n);
	}
	int result = zone_counted(zone, n > 0);
	balloon_lock_release(&zone->lock);
	return result < 0 ? result : (int)n;
}

/* As many of the pages as lie within one word, in any order, and are frames of the zone that are in use, go
 * back at once. Returns how many. */
static size_t give_some(struct balloon_zone *zone, const struct balloon_page *pages, size_t n_pages)
{
	uint32_t word = (pages[0].index - zone->first) / WORD_BITS;
	if (!zone_has(zone, pages[0].index - zone->first))
		return 0;
	uint64_t used = ~zone_word(&zone->tiers[0], word);
	if (BALLOON_READ(zone->reservations))
		used &= ~BALLOON_READ(zone->kept[word]);
	uint64_t bits = 0;
	size_t n = 0;
	for (; n < n_pages; n++) {
		uint32_t frame = pages[n].index - zone->first;
		uint64_t bit = UINT64_C(1) << frame % WORD_BITS;
		if (frame / WORD_BITS != word || !zone_has(zone, frame) || !(used & ~bits & bit))
			break;
		bits |= bit;
	}
	if (BALLOON_READ(zone->reservations))
		bits = balloon_zone_keep(zone, word, bits);
	balloon_zone_give(zone, word, bits);
	return n;
}

static void zone_free(
	struct balloon_frames *frames, const struct balloon_page *pages, size_t n_pages)
{
	struct balloon_zone *zone = zone_of(frames);
	balloon_lock_acquire(&zone->lock);
	while (n_pages > 0) {
		size_t n = give_some(zone, pages, n_pages);
		if (n == 0) { /* a caller's mistake, and nobody to tell */
			BALLOON_ADD(zone->n_strays, 1);
			n = 1;
		}
		pages += n;
		n_pages -= n;
	}
	balloon_lock_release(&zone->lock);
}

static uint64_t zone_n_free(struct balloon_frames *frames)
{
	struct balloon_zone *zone = zone_of(frames);
	balloon_lock_acquire(&zone->lock);
	uint64_t n_free = BALLOON_READ(zone->n_free);
	balloon_lock_release(&zone->lock);
	return n_free;
}

/* Take the lowest free frames of [at, end), ascending. Returns how many. */
static size_t take_from_bottom(struct balloon_zone *zone, uint32_t at, uint32_t end,
	struct balloon_page *pages, size_t n_pages)
{
	size_t n = 0;
	while (n < n_pages && at < end) {
		uint32_t word = balloon_set_next(&zone->any, at / WORD_BITS);
		if (word == SET_NONE || word > (end - 1) / WORD_BITS)
			break;
		uint64_t free = zone_word(&zone->tiers[0], word);
		if (word == at / WORD_BITS)
			free &= WORD_WHOLE << at % WORD_BITS;
		if (word == (end - 1) / WORD_BITS)
			free &= word_mask(0, (end - 1) % WORD_BITS + 1);
		uint64_t left = free;
		for (; left && n < n_pages; left &= left - 1)
			pages[n++] =
				balloon_page(zone->first + word * WORD_BITS + word_lowest(left));
		balloon_zone_take(zone, word, free & ~left);
		if (word == (end - 1) / WORD_BITS)
			break; /* the next one's first frame may have no number */
		at = (word + 1) * WORD_BITS;
	}
	return n;
}

static int zone_take_lowest(struct balloon_frames *frames, uint32_t first, uint32_t end,
	struct balloon_page *pages, size_t n_pages)
{
	struct balloon_zone *zone = zone_of(frames);
	const uint32_t begin = zone->first + zone->n_lead;
	uint32_t low = first > begin ? first - zone->first : zone->n_lead;
	uint32_t high = end > begin ? end - zone->first : 0;
	if (high > zone->n_frames)
		high = zone->n_frames;
	if (n_pages > BALLOON_BATCH_MAX)
		n_pages = BALLOON_BATCH_MAX;
	balloon_lock_acquire(&zone->lock);
	size_t n = take_from_bottom(zone, low, high, pages, n_pages);
	zone_counted(zone, n > 0);
	balloon_lock_release(&zone->lock);
	return (int)n;
}

/* 64 bits of the bitmap from any frame of the zone on; there is none past it. */
static uint64_t word_from(const struct balloon_zone *zone, uint32_t frame)
{
	const struct zone_tier *tier = &zone->tiers[0];
	uint32_t word = frame / WORD_BITS, shift = frame % WORD_BITS;
	uint64_t bits = zone_word(tier, word) >> shift;
	if (shift && word + 1 < tier->n_words)
		bits |= zone_word(tier, word + 1) << (WORD_BITS - shift);
	return bits;
}

static void zone_which_free(
	struct balloon_frames *frames, uint32_t first, uint32_t n_pages, uint64_t *words)
{
	struct balloon_zone *zone = zone_of(frames);
	const uint32_t begin = zone->first + zone->n_lead;
	balloon_lock_acquire(&zone->lock);
	for (uint64_t at = 0; at < n_pages; at += WORD_BITS) {
		uint64_t page = first + at;
		uint64_t n_before = page < begin ? begin - page : 0;
		uint64_t frame = page + n_before - begin + zone->n_lead;
		uint64_t bits = 0;
		if (n_before < WORD_BITS && frame < zone->n_frames)
			bits = word_from(zone, (uint32_t)frame) << n_before;
		words[at / WORD_BITS] = bits;
	}
	balloon_lock_release(&zone->lock);
}

/* Between two allocations frames only become more. */
static uint64_t zone_n_changes(struct balloon_frames *frames)
{
	struct balloon_zone *zone = zone_of(frames);
	balloon_lock_acquire(&zone->lock);
	uint64_t n = BALLOON_READ(zone->n_allocations) << 32 | BALLOON_READ(zone->n_free);
	balloon_lock_release(&zone->lock);
	return n;
}

const struct balloon_frames_ops balloon_zone_ops = {
	.name = "zone",
	.allocate = zone_allocate,
	.free = zone_free,
	.n_free = zone_n_free,
	.take_lowest = zone_take_lowest,
	.which_free = zone_which_free,
	.n_changes = zone_n_changes,
};
