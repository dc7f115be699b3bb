/* SPDX-License-Identifier: MIT */
/* Zones: how one lies in its memory, and the calls on ranges. */

#include "zone/bitmap.h"
#include "zone/find.h"
#include "zone/reserve.h"
#include "zone/zone.h"

/* Whole cache lines, so that each node of the tree is one. */
#define ROOM(n_bytes)                                                                              \
	(((n_bytes) + BALLOON_MEMORY_ALIGN - 1) & ~(uint64_t)(BALLOON_MEMORY_ALIGN - 1))

/* Frames that lie before the zone's first one, and after the last frame that is aligned so. */
static uint32_t n_lead(const struct balloon_zone_config *config)
{
	return (uint32_t)((config->first_pfn + config->first) % ZONE_ALIGN);
}

static bool config_is_sane(const struct balloon_zone_config *config)
{
	return config && config->n_frames > 0 &&
	       (uint64_t)config->first + config->n_frames <= BALLOON_PAGES_MAX &&
	       (uint64_t)n_lead(config) + config->n_frames <= BALLOON_PAGES_MAX &&
	       config->first_pfn <= UINT64_MAX - BALLOON_PAGES_MAX &&
	       config->unit_order <= BALLOON_ZONE_ORDER_MAX &&
	       config->first_pfn % (UINT64_C(1) << config->unit_order) == 0;
}

static uint32_t words_for(uint32_t n)
{
	return (n - 1) / WORD_BITS + 1;
}

/* For the class of each word, a byte. */
static uint32_t class_words(uint32_t n)
{
	return (n - 1) / sizeof(uint64_t) + 1;
}

int balloon_zone_size(const struct balloon_zone_config *config, size_t *size_bytes)
{
	if (!config_is_sane(config) || !size_bytes)
		return -EINVAL;
	/* At most 2^26 words of tier 0, so nothing here overflows even 32 bits. */
	uint32_t n = words_for(n_lead(config) + config->n_frames);
	uint32_t n_above = words_for(n);
	uint64_t n_words = 2 * (uint64_t)n + (WORD_CLASSES + 1) * balloon_set_words(n) +
			   (WORD_CLASSES + 1) * balloon_set_words(n_above) +
			   n_above * (sizeof(struct zone_blocks) / sizeof(uint64_t)) +
			   class_words(n) + class_words(n_above) + balloon_runs_words(n);
	uint64_t size = ROOM(sizeof(struct balloon_zone)) + n_words * sizeof(uint64_t);
	*size_bytes = (size_t)ROOM(size);
	return 0;
}

static void carve_set(struct zone_set *set, uint64_t **words, uint32_t n_items)
{
	balloon_set_init(set, *words, n_items);
	*words += balloon_set_words(n_items);
}

static void carve_classes(struct zone_tier *tier, uint64_t **words)
{
	tier->class_of = (uint8_t *)*words;
	*words += class_words(tier->n_words);
}

/* The words past the zone are zeros: all frames are in use, and all sets empty. */
static void carve(struct balloon_zone *zone)
{
	uint64_t *nodes = (uint64_t *)(void *)((unsigned char *)zone + ROOM(sizeof(*zone)));
	uint64_t *words = nodes + balloon_runs_words(words_for(zone->n_frames));
	struct zone_tier *tiers = zone->tiers;
	tiers[0].n_words = words_for(zone->n_frames);
	tiers[1].n_words = words_for(tiers[0].n_words);
	tiers[0].words = words;
	words += tiers[0].n_words;
	zone->kept = words;
	words += tiers[0].n_words;
	for (uint32_t tier = 0; tier < ZONE_TIERS; tier++)
		for (uint32_t class = 0; class < WORD_CLASSES; class ++)
			carve_set(&tiers[tier].classes[class], &words, tiers[tier].n_words);
	carve_set(&zone->any, &words, tiers[0].n_words);
	tiers[1].words = tiers[0].classes[WORD_ORDER].levels[0];
	carve_set(&zone->uncounted, &words, tiers[1].n_words);
	zone->blocks = (struct zone_blocks *)(void *)words;
	words += tiers[1].n_words * (sizeof(struct zone_blocks) / sizeof(uint64_t));
	carve_classes(&tiers[0], &words);
	carve_classes(&tiers[1], &words);
	balloon_runs_init(zone, nodes);
}

int balloon_zone_init(void *memory, size_t size_bytes, const struct balloon_zone_config *config,
	struct balloon_zone **zone)
{
	size_t needed;
	int result = balloon_zone_size(config, &needed);
	if (result < 0)
		return result;
	if (!memory || !zone || (uintptr_t)memory % BALLOON_MEMORY_ALIGN || size_bytes < needed)
		return -EINVAL;
	memset(memory, 0, needed);
	struct balloon_zone *z = memory;
	z->frames.ops = &balloon_zone_ops;
	z->units.ops = &balloon_zone_unit_ops;
	z->unit_order = config->unit_order;
	z->n_lead = n_lead(config);
	z->n_frames = z->n_lead + config->n_frames;
	z->first = config->first - z->n_lead; /* modulo 2^32, as all that is counted from it */
	z->first_pfn = config->first_pfn + config->first - z->n_lead;
	balloon_atomic_init(&z->n_contended, 0, BALLOON_SHARED_COUNTER);
	balloon_lock_init_lasting(&z->lock, BALLOON_RANK_LEAF, &z->n_contended);
	carve(z);
	balloon_lock_acquire(&z->lock);
	balloon_zone_give_range(z, z->n_lead, config->n_frames);
	balloon_lock_release(&z->lock);
	*zone = z;
	return 0;
}

int balloon_zone_fini(struct balloon_zone *zone)
{
	if (!zone)
		return -EINVAL;
	balloon_lock_acquire(&zone->lock);
	bool is_whole = BALLOON_READ(zone->n_free) == zone->n_frames - zone->n_lead;
	balloon_lock_release(&zone->lock);
	if (!is_whole)
		return -EBUSY;
	balloon_lock_fini(&zone->lock);
	return 0;
}

int balloon_zone_allocate_range(struct balloon_zone *zone, uint32_t n_frames, uint32_t align_frames,
	struct balloon_page *first)
{
	if (!zone || !first || n_frames == 0 || align_frames == 0 ||
		(align_frames & (align_frames - 1)))
		return -EINVAL;
	balloon_lock_acquire(&zone->lock);
	uint32_t frame = balloon_zone_find_range(zone, n_frames, align_frames);
	if (frame != SET_NONE) {
		balloon_zone_take_range(zone, frame, n_frames);
		*first = balloon_page(zone->first + frame);
	}
	int result = zone_counted(zone, frame != SET_NONE);
	balloon_lock_release(&zone->lock);
	return result;
}

int balloon_zone_check_range(const struct balloon_zone *zone, struct balloon_page first,
	uint32_t n_frames, uint32_t *frame)
{
	if (!zone || n_frames == 0)
		return -EINVAL;
	*frame = first.index - zone->first;
	if (!zone_has(zone, *frame) || n_frames > zone->n_frames - *frame)
		return -ERANGE;
	return 0;
}

int balloon_zone_free_range(struct balloon_zone *zone, struct balloon_page first, uint32_t n_frames)
{
	uint32_t frame;
	int result = balloon_zone_check_range(zone, first, n_frames, &frame);
	if (result < 0)
		return result;
	balloon_lock_acquire(&zone->lock);
	if (!balloon_zone_give_or_keep(zone, frame, n_frames))
		result = -ESTALE;
	balloon_lock_release(&zone->lock);
	return result;
}

int balloon_zone_take_frames(
	struct balloon_zone *zone, struct balloon_page first, uint32_t n_frames)
{
	uint32_t frame;
	int result = balloon_zone_check_range(zone, first, n_frames, &frame);
	if (result < 0)
		return result;
	balloon_lock_acquire(&zone->lock);
	bool is_free = balloon_zone_range_is_free(zone, frame, n_frames);
	if (is_free)
		balloon_zone_take_range(zone, frame, n_frames);
	zone_counted(zone, is_free);
	balloon_lock_release(&zone->lock);
	return is_free ? 0 : -EBUSY;
}

struct balloon_frames *balloon_zone_frames(struct balloon_zone *zone)
{
	return zone ? &zone->frames : NULL;
}

struct balloon_frames *balloon_zone_units(struct balloon_zone *zone)
{
	if (!zone)
		return NULL;
	return zone->unit_order ? &zone->units : &zone->frames;
}
