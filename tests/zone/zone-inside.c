/* SPDX-License-Identifier: MIT */
/* The zone's parts, from inside: sets with summaries, and what the validity check sees. */

#include "model.h"

#include "zone/bitmap.h"
#include "zone/zone.h"

#include <stdlib.h>
#include <string.h>

enum { N_ITEMS_MAX = 300000 };

/* The order of the largest free block, by looking at each place where one may start. */
static uint32_t class_by_looking(uint64_t word)
{
	for (uint32_t order = WORD_ORDER; word; order--)
		for (uint32_t start = 0; start < WORD_BITS; start += UINT32_C(1) << order)
			if ((word >> start | ~word_mask(0, 1 << order)) == WORD_WHOLE)
				return order;
	return WORD_NOTHING;
}

static void hold_class(uint64_t word)
{
	const uint32_t class = class_by_looking(word);
	for (uint32_t near = 0; near <= WORD_NOTHING; near++)
		CHECK_EQ(word_class(word, near), class);
	for (uint32_t order = 0; word && order <= WORD_ORDER; order++)
		CHECK_EQ(word_has_block(word, order), order <= class);
}

Test(zone, a_word_is_of_the_order_of_its_largest_block)
{
	uint64_t random = 88172645463325252;
	for (uint32_t start = 0; start < WORD_BITS; start++) {
		for (uint32_t n = 1; n <= WORD_BITS - start; n++) {
			hold_class(word_mask(start, n));
			hold_class(~word_mask(start, n));
		}
	}
	for (uint32_t i = 0; i < scaled(20000); i++) {
		random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
		uint64_t sparse = random & random >> 7 & random >> 17;
		hold_class(random);
		hold_class(sparse);
		hold_class(~sparse);
		hold_class(word_fill(sparse & word_starts(i % 7), i % 7));
	}
}

/* What next finds, by looking at every number. */
static void hold_search(const struct zone_set *set, const bool *is_in, uint32_t from)
{
	uint32_t next = from;
	while (next < set->n_items && !is_in[next])
		next++;
	CHECK_EQ(balloon_set_next(set, from), next < set->n_items ? next : SET_NONE);
	if (from == 0 && next < set->n_items)
		CHECK_EQ(set_first(set), next);
	if (from == 0)
		CHECK_EQ(set_is_empty(set), next == set->n_items);
}

static void hold_set(uint32_t n_items)
{
	uint64_t n_words = balloon_set_words(n_items);
	uint64_t *words = calloc(n_words, sizeof(*words));
	bool *is_in = calloc(n_items, sizeof(*is_in));
	struct zone_set set;
	uint32_t random = n_items;
	CHECK(words && is_in);
	balloon_set_init(&set, words, n_items);
	for (uint32_t i = 0; i < scaled(400); i++) {
		random = random * 1664525 + 1013904223;
		uint32_t item = (uint32_t)((uint64_t)random * n_items >> 32);
		hold_search(&set, is_in, item);
		hold_search(&set, is_in, n_items - 1);
		hold_search(&set, is_in, n_items + 70);
		hold_search(&set, is_in, 0);
		is_in[item] = i % 5 < 3;
		if (is_in[item])
			set_add(&set, item);
		else
			set_remove(&set, item);
		CHECK_EQ(set_has(&set, item), is_in[item]);
		CHECK(balloon_set_is_sound(&set));
	}
	for (uint64_t i = 0; i < n_words; i += 1 + n_words / 50) {
		uint64_t before = words[i];
		words[i] = before ? 0 : 1;
		CHECK(n_words == 1 || !balloon_set_is_sound(&set));
		words[i] = before;
	}
	free(words);
	free(is_in);
}

Test(zone, sets_find_what_is_in_them)
{
	static const uint32_t sizes[] = {1, 2, 63, 64, 65, 4096, 4097, 262145, N_ITEMS_MAX};
	for (uint32_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		hold_set(sizes[i]);
}

/* ---- Memory ---------------------------------------------------------------------------------- */

/* A part of a zone's memory. */
struct part {
	uintptr_t begin;
	uintptr_t end;
};

struct parts {
	struct part parts[128];
	uint32_t n;
};

static void add_part(struct parts *parts, const void *begin, uint64_t n_bytes)
{
	const uintptr_t at = (uintptr_t)begin;
	CHECK(parts->n < sizeof(parts->parts) / sizeof(*parts->parts));
	parts->parts[parts->n++] = (struct part){at, at + n_bytes};
}

/* Each level of a set has a bit for each word of the one below it. */
static void add_set(struct parts *parts, const struct zone_set *set, uint32_t n_items)
{
	CHECK_EQ(set->n_items, n_items);
	for (uint32_t level = 0; level < set->n_levels; level++) {
		n_items = (n_items + 63) / 64;
		add_part(parts, set->levels[level], n_items * sizeof(uint64_t));
	}
	CHECK_EQ(n_items, 1);
}

static void add_tier(struct parts *parts, const struct zone_tier *tier, uint32_t n_words)
{
	CHECK_EQ(tier->n_words, n_words);
	for (uint32_t class = 0; class < WORD_CLASSES; class ++)
		add_set(parts, &tier->classes[class], n_words);
	add_part(parts, tier->class_of, (n_words + 7) / 8 * 8);
}

static void add_nodes(struct parts *parts, const struct zone_runs *runs, uint32_t n)
{
	for (uint32_t level = 0; level < runs->n_levels; level++) {
		n = (n + 63) / 64;
		CHECK_EQ(runs->levels[level].n_nodes, n);
		add_part(parts, runs->levels[level].nodes, n * sizeof(struct zone_node));
		if (level >= 2) /* those below are levels of sets */
			add_part(parts, runs->levels[level].whole, n * sizeof(uint64_t));
	}
	CHECK_EQ(n, 1);
}

static int by_place(const void *a, const void *b)
{
	const struct part *one = a, *other = b;
	return one->begin < other->begin ? -1 : one->begin > other->begin;
}

/* The parts lie one after the other, from the zone to the end of its memory but for less than a line. */
static void hold_parts(struct parts *parts, const unsigned char *end)
{
	enum { LINE = BALLOON_MEMORY_ALIGN };
	qsort(parts->parts, parts->n, sizeof(*parts->parts), by_place);
	CHECK_EQ(parts->parts[1].begin,
		(parts->parts[0].end + LINE - 1) / LINE * LINE); /* nodes are lines */
	for (uint32_t i = 2; i < parts->n; i++)
		CHECK_EQ(parts->parts[i].begin, parts->parts[i - 1].end);
	CHECK((uintptr_t)end - parts->parts[parts->n - 1].end < LINE);
	CHECK((uintptr_t)end >= parts->parts[parts->n - 1].end);
}

static void hold_memory_of(uint32_t n_frames, uint32_t n_lead)
{
	const struct balloon_zone_config config = {.n_frames = n_frames, .first_pfn = n_lead};
	const uint32_t n_words = (n_lead + n_frames + 63) / 64, n_above = (n_words + 63) / 64;
	struct parts parts = {.n = 0};
	struct balloon_zone *zone;
	size_t size;
	CHECK_EQ(balloon_zone_size(&config, &size), 0);
	unsigned char *memory = aligned_alloc(BALLOON_MEMORY_ALIGN, size);
	CHECK(memory);
	memset(memory, 0xa5, size);
	CHECK_EQ(balloon_zone_init(memory, size, &config, &zone), 0);
	add_part(&parts, zone, sizeof(*zone));
	add_part(&parts, zone->tiers[0].words, n_words * sizeof(uint64_t));
	add_part(&parts, zone->kept, n_words * sizeof(uint64_t));
	add_tier(&parts, &zone->tiers[0], n_words);
	add_tier(&parts, &zone->tiers[1], n_above);
	add_set(&parts, &zone->any, n_words);
	add_set(&parts, &zone->uncounted, n_above);
	add_part(&parts, zone->blocks, n_above * sizeof(struct zone_blocks));
	add_nodes(&parts, &zone->runs, n_words);
	hold_parts(&parts, memory + size);
	CHECK_EQ(balloon_zone_validate(zone), 0);
	CHECK_EQ(balloon_zone_fini(zone), 0);
	free(memory);
}

Test(zone, its_memory_is_what_its_parts_take)
{
	static const uint32_t sizes[] = {1, 64, 65, 8 * 64, 8 * 64 + 1, 4096, 4097, 64 * 4096,
		64 * 4096 + 1, 9 * 64 * 4096, 64 * 64 * 4096 + 1};
	for (uint32_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		hold_memory_of(sizes[i], 0);
		hold_memory_of(sizes[i], 63);
		hold_memory_of(sizes[i], 4095);
	}
}

/* ---- The validity check ---------------------------------------------------------------------- */

/* Bits of the bitmap and of the sets, which follow it. */
static void hold_bits(struct balloon_zone *zone, size_t n_bytes)
{
	unsigned char *bytes = (unsigned char *)zone->tiers[0].words;
	for (size_t at = 0; at < n_bytes; at++) {
		bytes[at] ^= 1;
		CHECK_EQ(balloon_zone_validate(zone), -EUCLEAN);
		bytes[at] ^= 1;
	}
	CHECK_EQ(balloon_zone_validate(zone), 0);
}

/* Frames that are none, before the first or past the last, are free in all of the books. */
static void hold_outside(struct model *m, uint32_t frame, uint32_t n)
{
	for (uint32_t i = frame; i < frame + n; i++) {
		balloon_lock_acquire(&m->zone->lock);
		balloon_zone_give_range(m->zone, i, 1);
		balloon_lock_release(&m->zone->lock);
		CHECK_EQ(balloon_zone_validate(m->zone), -EUCLEAN);
		balloon_lock_acquire(&m->zone->lock);
		balloon_zone_take_range(m->zone, i, 1);
		balloon_lock_release(&m->zone->lock);
		CHECK_EQ(balloon_zone_validate(m->zone), 0);
	}
}

static void hold_ends(void)
{
	enum { LEAD = 70, N = 4096 - 200 };
	struct model m;
	model_open_at(&m, 4096 + LEAD, N);
	CHECK_EQ(m.zone->n_lead, LEAD);
	hold_outside(&m, 0, LEAD);
	hold_outside(&m, LEAD + N, 63 - (LEAD + N - 1) % 64);
	model_close(&m);
}

/* What a stretch says to be missing is not what is kept for it. */
static void hold_reservation(void)
{
	struct balloon_zone_reservation reservations[2];
	struct model m;
	model_open(&m, 4096);
	for (uint32_t i = 0; i < 2; i++)
		CHECK_EQ(balloon_zone_reserve(m.zone, &reservations[i], page_of(i * 100), 50), 0);
	for (uint32_t i = 0; i < 2; i++) {
		reservations[i].n_missing++;
		CHECK_EQ(balloon_zone_validate(m.zone), -EUCLEAN);
		reservations[i].n_missing--;
		CHECK_EQ(balloon_zone_validate(m.zone), 0);
	}
	for (uint32_t i = 0; i < 2; i++)
		CHECK_EQ(balloon_zone_unreserve(m.zone, &reservations[i]), 0);
	model_close(&m);
}

static void hold_number(struct balloon_zone *zone, uint32_t *number, uint32_t change)
{
	*number += change;
	CHECK_EQ(balloon_zone_validate(zone), -EUCLEAN);
	*number -= change;
}

/* A node of each level says too little or too much of its runs, or wrongly that it is loose. */
static void hold_node(struct balloon_zone *zone, struct zone_node *node)
{
	hold_number(zone, &node->prefix, 1);
	hold_number(zone, &node->suffix, 1);
	for (uint32_t k = 0; k <= RUNS_ALIGN_MAX; k++) {
		if (!node->is_loose)
			hold_number(zone, &node->best[k], 1);
		if (node->best[k] > 0)
			hold_number(zone, &node->best[k], UINT32_MAX - node->best[k] + 1);
	}
	if (!node->is_loose)
		hold_number(zone, &node->is_loose, 1);
}

/* All three levels of a zone that has runs of every kind. */
Test(zone, the_validity_check_sees_damage_in_the_tree_of_runs)
{
	enum { N = 3 << 18 };
	const struct balloon_zone_config config = {.first = FIRST, .n_frames = N};
	struct balloon_zone *zone;
	struct balloon_zone_stats stats;
	CHECK_EQ(balloon_zone_create(&config, &zone), 0);
	CHECK_EQ(balloon_zone_take_frames(zone, page_of(3000), N - 10000), 0);
	for (uint32_t i = 0; i < 100; i++)
		CHECK_EQ(balloon_zone_free_range(zone, page_of(5000 + i * 7000), 1 + i * 60), 0);
	CHECK_EQ(balloon_zone_stats(zone, &stats), 0);
	CHECK_EQ(balloon_zone_validate(zone), 0);
	CHECK_EQ(zone->runs.n_levels, 3);
	for (uint32_t level = 0; level < 3; level++)
		hold_node(zone, &zone->runs.levels[level].nodes[0]);
	hold_node(zone, &zone->runs.levels[0].nodes[13]);
	hold_node(zone, &zone->runs.levels[1].nodes[1]);
	zone->runs.levels[2].whole[0] ^= 2;
	CHECK_EQ(balloon_zone_validate(zone), -EUCLEAN);
	zone->runs.levels[2].whole[0] ^= 2;
	for (uint32_t order = 0; order <= BALLOON_ZONE_ORDER_MAX; order++) {
		zone->blocks[1].n[order]++;
		CHECK_EQ(balloon_zone_validate(zone), -EUCLEAN);
		zone->n_blocks[order]++; /* the sum is right again, the part is not */
		CHECK_EQ(balloon_zone_validate(zone), -EUCLEAN);
		zone->blocks[1].n[order]--;
		CHECK_EQ(balloon_zone_validate(zone), -EUCLEAN);
		zone->n_blocks[order]--;
	}
	CHECK_EQ(balloon_zone_validate(zone), 0);
	end_zone(zone, FIRST, N);
}

/* Of frames that have just been freed, some are taken out of the middle of the others. */
Test(zone, frames_that_were_just_freed_can_be_taken_in_any_pattern)
{
	for (uint64_t bits = 1; bits < 1 << 6; bits++) {
		struct model m;
		uint32_t frame;
		model_open(&m, 4096);
		CHECK_EQ(both_allocate_range(&m, 4096, 1, &frame), 0);
		both_free_range(&m, 66, 6);
		balloon_lock_acquire(&m.zone->lock);
		balloon_zone_take(m.zone, 1, bits << 2);
		balloon_lock_release(&m.zone->lock);
		for (uint32_t i = 0; i < 6; i++)
			if (bits >> i & 1)
				model_take(&m, 66 + i, 1);
		CHECK_EQ(balloon_zone_validate(m.zone), 0);
		for (uint32_t n = 6; n > 0; n--)
			both_allocate_range(&m, n, 1, &frame);
		model_close(&m);
	}
}

/* A tier has wrong notes of which classes there are, and of what class a broken word is. */
static void hold_classes(struct balloon_zone *zone, uint32_t tier)
{
	for (uint32_t class = 0; class < WORD_CLASSES; class ++) {
		zone->has_class[tier] ^= UINT32_C(1) << class;
		CHECK_EQ(balloon_zone_validate(zone), -EUCLEAN);
		zone->has_class[tier] ^= UINT32_C(1) << class;
	}
	for (uint32_t word = 0; word < zone->tiers[tier].n_words; word++) {
		const uint64_t bits = zone->tiers[tier].words[word];
		zone->tiers[tier].class_of[word] ^= 1;
		CHECK_EQ(balloon_zone_validate(zone), bits + 1 > 1 ? -EUCLEAN : 0);
		zone->tiers[tier].class_of[word] ^= 1;
	}
	CHECK_EQ(balloon_zone_validate(zone), 0);
}

/* Damage by hand, such as only an error of the library could do. */
Test(zone, the_validity_check_sees_damage)
{
	struct model m;
	uint32_t frame;
	model_open(&m, 4096 - 5);
	for (uint32_t order = 0; order < BALLOON_ZONE_ORDER_MAX; order++)
		CHECK_EQ(both_allocate(&m, order, &frame), 0);
	/* 64 words of bits and of kept ones, 8 sets of a word, 7 of a word above, and one: all are counted. */
	hold_bits(m.zone, (64 + 64 + 8 + 7 + 1) * sizeof(uint64_t));
	m.zone->n_free++;
	CHECK_EQ(balloon_zone_validate(m.zone), -EUCLEAN);
	m.zone->n_free--;
	for (uint32_t tier = 0; tier < ZONE_TIERS; tier++)
		hold_classes(m.zone, tier);
	model_close(&m);
	hold_ends();
	hold_reservation();
}
