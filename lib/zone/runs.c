/* SPDX-License-Identifier: MIT */
/* The tree of a zone's free runs: how it follows the bitmap. */

#include "zone/zone.h"

static uint32_t nodes_for(uint32_t n)
{
	return (n - 1) / RUNS_FAN + 1;
}

/* Two levels of bits for whole children are there already: see balloon_runs_init(). */
static bool has_own_whole(uint32_t level)
{
	return level >= 2;
}

uint64_t balloon_runs_words(uint32_t n_words)
{
	uint64_t n = 0;
	uint32_t level = 0;
	do {
		n_words = nodes_for(n_words);
		n += n_words * (uint64_t)(sizeof(struct zone_node) / sizeof(uint64_t));
		n += has_own_whole(level++) ? n_words : 0;
	} while (n_words > 1);
	return n;
}

void balloon_runs_init(struct balloon_zone *zone, uint64_t *words)
{
	struct zone_runs *runs = &zone->runs;
	uint32_t n = zone->tiers[0].n_words;
	do {
		struct zone_level *level = &runs->levels[runs->n_levels++];
		n = nodes_for(n);
		level->n_nodes = n;
		level->nodes = (struct zone_node *)(void *)words;
		words += n * (sizeof(struct zone_node) / sizeof(uint64_t));
		for (uint32_t i = 0; i < RUNS_LOOSE_LOW; i++)
			level->loose[i] = SET_NONE;
	} while (n > 1);
	runs->levels[0].whole = zone->tiers[1].words;
	runs->levels[1].whole = zone->tiers[1].classes[WORD_ORDER].levels[0];
	for (uint32_t i = 2; i < runs->n_levels; words += runs->levels[i++].n_nodes)
		runs->levels[i].whole = words;
}

/* ---- Runs ------------------------------------------------------------------------------------ */

/* The free run around these bits of a word, as far as it lies in the word. */
static struct zone_span span_in_word(uint32_t word, uint64_t free, struct zone_span span)
{
	uint64_t base = (uint64_t)word * WORD_BITS;
	uint64_t used = ~free & ((UINT64_C(1) << (span.start - base)) - 1);
	span.start = base + (used ? word_highest(used) + 1 : 0);
	used = span.end - base < WORD_BITS ? ~free & WORD_WHOLE << (span.end - base) : 0;
	span.end = base + (used ? word_lowest(used) : WORD_BITS);
	return span;
}

/* Where the free run begins that ends at this frame, the first of a child, as far as it lies in the node. */
static uint64_t start_in_node(const struct balloon_zone *zone, uint32_t level, uint64_t start)
{
	uint32_t shift = runs_child_shift(level);
	uint32_t child = (uint32_t)(start >> shift);
	uint64_t whole = BALLOON_READ(zone->runs.levels[level].whole[child / RUNS_FAN]);
	uint64_t broken = ~whole & ((UINT64_C(1) << child % RUNS_FAN) - 1);
	child -= child % RUNS_FAN;
	if (!broken)
		return (uint64_t)child << shift;
	child += word_highest(broken);
	return (((uint64_t)child + 1) << shift) - zone_suffix(zone, level, child);
}

/* Where the free run ends that begins at this frame, the first of a child. */
static uint64_t end_in_node(const struct balloon_zone *zone, uint32_t level, uint64_t end)
{
	uint32_t shift = runs_child_shift(level);
	uint64_t child = end >> shift;
	if (child % RUNS_FAN == 0)
		return end; /* the end of the node */
	uint64_t whole = BALLOON_READ(zone->runs.levels[level].whole[child / RUNS_FAN]);
	uint64_t broken = ~whole & WORD_WHOLE << child % RUNS_FAN;
	child -= child % RUNS_FAN;
	if (!broken)
		return (child + RUNS_FAN) << shift;
	child += word_lowest(broken);
	return (child << shift) + zone_prefix(zone, level, (uint32_t)child);
}

/* A run within children, made as long as it is within their node: at both ends, each in its own. */
static void widen(const struct balloon_zone *zone, uint32_t level, struct zone_span *run)
{
	uint64_t inside = (UINT64_C(1) << runs_child_shift(level)) - 1;
	if (!(run->start & inside))
		run->start = start_in_node(zone, level, run->start);
	if (!(run->end & inside))
		run->end = end_in_node(zone, level, run->end);
}

static struct zone_span run_in_words(const struct balloon_zone *zone, const struct zone_span *span)
{
	uint32_t first = (uint32_t)(span->start / WORD_BITS);
	uint32_t last = (uint32_t)((span->end - 1) / WORD_BITS);
	struct zone_span end = {span->end - 1, span->end};
	struct zone_span start = {span->start, span->start + 1};
	start = span_in_word(first, zone_word(&zone->tiers[0], first), start);
	end = span_in_word(last, zone_word(&zone->tiers[0], last), end);
	return (struct zone_span){start.start, end.end};
}

void balloon_runs_raise(struct zone_node *node, const struct zone_span *run)
{
	uint32_t top = runs_top_align(run);
	for (uint32_t k = 0; k <= top; k++) {
		uint64_t n = run->end - runs_align(run->start, UINT64_C(1) << k);
		if (n > BALLOON_READ(node->best[k]))
			BALLOON_WRITE(node->best[k], (uint32_t)n);
	}
}

/* ---- Loose nodes ----------------------------------------------------------------------------- */

static uint32_t n_slots(uint32_t level)
{
	return level ? RUNS_LOOSE_HIGH : RUNS_LOOSE_LOW;
}

static void raise_if(struct zone_node *node, const struct zone_span *run)
{
	if (run->end > run->start && !runs_is_below(node, run))
		balloon_runs_raise(node, run);
}

/* The runs inside a word that touch neither end of it. */
static void raise_inner(struct zone_node *node, uint32_t word, uint64_t free)
{
	uint64_t base = (uint64_t)word * WORD_BITS;
	uint32_t n_first = word_prefix(free), n_last = word_suffix(free);
	free &= WORD_WHOLE << n_first & WORD_WHOLE >> n_last; /* both are less than 64 */
	while (free) {
		uint32_t start = word_lowest(free);
		uint32_t n = word_prefix(free >> start);
		struct zone_span run = {base + start, base + start + n};
		raise_if(node, &run);
		free &= ~word_mask(start, n);
	}
}

static void raise_child(
	struct balloon_zone *zone, struct zone_node *node, uint32_t level, uint32_t child)
{
	if (level == 0) {
		raise_inner(node, child, zone_word(&zone->tiers[0], child));
		return;
	}
	const struct zone_node *below = &zone->runs.levels[level - 1].nodes[child];
	for (uint32_t k = 0; k <= RUNS_ALIGN_MAX; k++)
		if (BALLOON_READ(below->best[k]) > BALLOON_READ(node->best[k]))
			BALLOON_WRITE(node->best[k], BALLOON_READ(below->best[k]));
}

/* A node's children, as bits, but for those of which we know that nothing in them is free. */
static uint64_t children_of(const struct balloon_zone *zone, uint32_t level, uint32_t index)
{
	uint32_t n = zone_n_children(zone, level) - index * RUNS_FAN;
	if (level == 0)
		return BALLOON_READ(zone->any.levels[0][index]);
	return word_mask(0, n < RUNS_FAN ? n : RUNS_FAN);
}

/* Find a node's best runs again: those of its children, and those that cross them. */
static void look_through(struct balloon_zone *zone, uint32_t level, uint32_t index)
{
	struct zone_node *node = &zone->runs.levels[level].nodes[index];
	const uint32_t shift = runs_child_shift(level);
	const uint64_t size = UINT64_C(1) << shift;
	struct zone_span run = {0, 0};
	for (uint32_t k = 0; k <= RUNS_ALIGN_MAX; k++)
		BALLOON_WRITE(node->best[k], 0);
	for (uint64_t left = children_of(zone, level, index); left; left &= left - 1) {
		uint32_t child = index * RUNS_FAN + word_lowest(left);
		uint64_t start = (uint64_t)child << shift;
		uint32_t prefix = zone_prefix(zone, level, child);
		BALLOON_ADD(zone->n_looked, level ? sizeof(*node) / sizeof(uint64_t) : 1);
		if (run.end != start) {
			raise_if(node, &run);
			run.start = start;
		}
		run.end = start + prefix;
		if (prefix == size)
			continue;
		raise_if(node, &run);
		raise_child(zone, node, level, child);
		run.end = start + size;
		run.start = run.end - zone_suffix(zone, level, child);
	}
	raise_if(node, &run);
}

static void tighten(struct balloon_zone *zone, uint32_t level, uint32_t index)
{
	struct zone_node *node = &zone->runs.levels[level].nodes[index];
	if (!BALLOON_READ(node->is_loose))
		return;
	for (uint32_t slot = 0; level && slot < n_slots(level - 1); slot++) {
		uint32_t child = BALLOON_READ(zone->runs.levels[level - 1].loose[slot]);
		if (child != SET_NONE && child / RUNS_FAN == index)
			tighten(zone, level - 1, child);
	}
	look_through(zone, level, index);
	BALLOON_WRITE(node->is_loose, 0);
}

static void loosen(struct balloon_zone *zone, uint32_t level, uint32_t index)
{
	struct zone_level *own = &zone->runs.levels[level];
	uint32_t slot = BALLOON_READ(own->n_evicted) % n_slots(level);
	uint32_t oldest = BALLOON_READ(own->loose[slot]);
	if (oldest != SET_NONE)
		tighten(zone, level, oldest);
	BALLOON_ADD(own->n_evicted, 1);
	BALLOON_WRITE(own->loose[slot], index);
	BALLOON_WRITE(own->nodes[index].is_loose, 1);
}

/* ---- Changes --------------------------------------------------------------------------------- */

static struct zone_span clip(const struct zone_span *span, uint32_t level, uint32_t index)
{
	uint64_t start = (uint64_t)index << runs_shift(level);
	uint64_t end = ((uint64_t)index + 1) << runs_shift(level);
	return (struct zone_span){
		span->start > start ? span->start : start, span->end < end ? span->end : end};
}

/* Whether a node is whole has changed: its parent's bit. */
static void set_whole(struct balloon_zone *zone, uint32_t level, uint32_t index, bool is_whole)
{
	uint64_t bit = UINT64_C(1) << index % RUNS_FAN;
	if (level + 1 >= zone->runs.n_levels || !has_own_whole(level + 1))
		return;
	uint64_t *whole = &zone->runs.levels[level + 1].whole[index / RUNS_FAN];
	uint64_t before = BALLOON_READ(*whole);
	BALLOON_WRITE(*whole, is_whole ? before | bit : before & ~bit);
}

/* A node has this run now. Does its parent have to know? */
static bool book_run(
	struct balloon_zone *zone, uint32_t level, uint32_t index, const struct zone_span *run)
{
	struct zone_node *node = &zone->runs.levels[level].nodes[index];
	uint32_t n = (uint32_t)(run->end - run->start);
	uint64_t inside = (UINT64_C(1) << runs_shift(level)) - 1;
	bool is_first = !(run->start & inside), is_last = !(run->end & inside);
	bool is_below_best = runs_is_below(node, run);
	BALLOON_ADD(zone->n_looked, 1);
	if (!is_below_best)
		balloon_runs_raise(node, run);
	if (is_first)
		BALLOON_WRITE(node->prefix, n);
	if (is_last)
		BALLOON_WRITE(node->suffix, n);
	if (is_first && is_last)
		set_whole(zone, level, index, true);
	return is_first || is_last || !is_below_best;
}

void balloon_runs_book(struct balloon_zone *zone)
{
	struct zone_span fresh = zone->fresh;
	if (fresh.start == fresh.end)
		return;
	struct zone_span run = run_in_words(zone, &fresh);
	bool goes_on = true;
	for (uint32_t level = 0; goes_on && level < zone->runs.n_levels; level++) {
		uint32_t last = (uint32_t)((fresh.end - 1) >> runs_shift(level));
		goes_on = false;
		widen(zone, level, &run);
		for (uint32_t i = (uint32_t)(fresh.start >> runs_shift(level)); i <= last; i++) {
			struct zone_span part = clip(&run, level, i);
			goes_on |= book_run(zone, level, i, &part);
		}
	}
	zone->fresh.start = zone->fresh.end = 0;
}

void balloon_runs_will_give(struct balloon_zone *zone, uint32_t frame, uint32_t n)
{
	balloon_runs_book(zone);
	zone->fresh = (struct zone_span){frame, (uint64_t)frame + n};
}

/* Is the run, for some alignment, as long as the best one? */
static bool is_best(const struct zone_node *node, const struct zone_span *run)
{
	uint32_t top = runs_top_align(run);
	if (run->end - run->start < BALLOON_READ(node->best[top]))
		return false;
	for (uint32_t k = 0; k <= top; k++)
		if (run->end - runs_align(run->start, UINT64_C(1) << k) >=
			BALLOON_READ(node->best[k]))
			return true;
	return false;
}

static void forget(struct zone_node *node)
{
	for (uint32_t k = 0; k <= RUNS_ALIGN_MAX; k++)
		BALLOON_WRITE(node->best[k], 0);
}

/* The run that frames are taken from, found level by level, as far as a node that is not loose asks. */
struct taken_run {
	struct zone_span span;
	uint32_t n_levels;
};

static struct zone_span run_at(
	const struct balloon_zone *zone, struct taken_run *run, uint32_t level, uint32_t index)
{
	if (run->n_levels == 0)
		run->span = run_in_words(zone, &run->span);
	while (run->n_levels <= level)
		widen(zone, run->n_levels++, &run->span);
	return clip(&run->span, level, index);
}

static void loosen_if_best(
	struct balloon_zone *zone, uint32_t level, uint32_t index, struct taken_run *run)
{
	const struct zone_span part = run_at(zone, run, level, index);
	if (is_best(&zone->runs.levels[level].nodes[index], &part))
		loosen(zone, level, index);
}

/*
 * Of a node's run, the frames `taken` are in use now, and perhaps others between the first and the last of
 * them. Does its parent have to know?
 */
static bool unbook(struct balloon_zone *zone, uint32_t level, uint32_t index,
	const struct zone_span *taken, struct taken_run *run)
{
	struct zone_node *node = &zone->runs.levels[level].nodes[index];
	const uint64_t start = (uint64_t)index << runs_shift(level);
	const uint64_t end = start + (UINT64_C(1) << runs_shift(level));
	const uint64_t n_before = taken->start > start ? taken->start - start : 0;
	const uint64_t n_behind = taken->end < end ? end - taken->end : 0;
	const uint32_t prefix = BALLOON_READ(node->prefix), suffix = BALLOON_READ(node->suffix);
	if (prefix == UINT64_C(1) << runs_shift(level))
		set_whole(zone, level, index, false);
	if (n_before < prefix)
		BALLOON_WRITE(node->prefix, (uint32_t)n_before);
	if (n_behind < suffix)
		BALLOON_WRITE(node->suffix, (uint32_t)n_behind);
	if (n_before == 0 && n_behind == 0)
		forget(node);
	else if (!BALLOON_READ(node->is_loose))
		loosen_if_best(zone, level, index, run);
	return n_before < prefix || n_behind < suffix || BALLOON_READ(node->is_loose);
}

/* The next two that become loose find their slots empty. */
static void empty_slots(struct balloon_zone *zone, uint32_t level)
{
	struct zone_level *own = &zone->runs.levels[level];
	for (uint32_t i = 0; i < RUNS_LOOSE_HIGH; i++) {
		uint32_t slot = (BALLOON_READ(own->n_evicted) + i) % n_slots(level);
		uint32_t oldest = BALLOON_READ(own->loose[slot]);
		if (oldest != SET_NONE)
			tighten(zone, level, oldest);
		BALLOON_WRITE(own->loose[slot], SET_NONE);
	}
}

/*
 * A node that is looked through to make room for a loose one must not be one of those that the frames are taken
 * from: their bits are set still. Where these lie in one node of a level the others lie elsewhere; where
 * they lie in several, two of which become loose at most, room is made before.
 */
static void unbook_taken(struct balloon_zone *zone, const struct zone_span *taken)
{
	struct taken_run run = {*taken, 0};
	bool goes_on = true;
	for (uint32_t level = 0; level < zone->runs.n_levels; level++)
		if (taken->start >> runs_shift(level) != (taken->end - 1) >> runs_shift(level))
			empty_slots(zone, level);
	for (uint32_t level = 0; goes_on && level < zone->runs.n_levels; level++) {
		uint32_t last = (uint32_t)((taken->end - 1) >> runs_shift(level));
		goes_on = false;
		for (uint32_t i = (uint32_t)(taken->start >> runs_shift(level)); i <= last; i++) {
			goes_on |= unbook(zone, level, i, taken, &run);
		}
	}
}

void balloon_runs_will_take(struct balloon_zone *zone, uint32_t frame, uint32_t n)
{
	const struct zone_span taken = {frame, (uint64_t)frame + n};
	balloon_runs_book(zone);
	unbook_taken(zone, &taken);
}
