/* SPDX-License-Identifier: MIT */
/*
 * Words of 64 bits, of which each stands for a free frame: buddy blocks by bit tricks.
 *
 * No popcount of the compiler's: on some processors that is a function of its library.
 */
#ifndef BALLOON_ZONE_WORDS_H
#define BALLOON_ZONE_WORDS_H

#include <balloon/types.h>

enum {
	WORD_BITS = 64,
	WORD_ORDER = 6, /* a whole word is a block of this order */
	WORD_CLASSES = WORD_ORDER + 1,
	WORD_NOTHING = WORD_CLASSES, /* the class of a word without a free bit */
};

#define WORD_WHOLE UINT64_MAX

/** n adjacent bits, 1 to 64, from `shift` up. */
static inline uint64_t word_mask(uint32_t shift, uint32_t n)
{
	return WORD_WHOLE >> (WORD_BITS - n) << shift;
}

static inline uint32_t word_lowest(uint64_t word)
{
	return (uint32_t)__builtin_ctzll(word);
}

static inline uint32_t word_highest(uint64_t word)
{
	return WORD_BITS - 1 - (uint32_t)__builtin_clzll(word);
}

static inline uint32_t word_count(uint64_t word)
{
	word -= word >> 1 & UINT64_C(0x5555555555555555);
	word = (word & UINT64_C(0x3333333333333333)) + (word >> 2 & UINT64_C(0x3333333333333333));
	word = (word + (word >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
	return (uint32_t)(word * UINT64_C(0x0101010101010101) >> 56);
}

/** Where a block of this order, 0 to 6, may start. */
static inline uint64_t word_starts(uint32_t order)
{
	static const uint64_t starts[WORD_CLASSES] = {WORD_WHOLE, WORD_WHOLE / 0x3,
		WORD_WHOLE / 0xf, WORD_WHOLE / 0xff, WORD_WHOLE / 0xffff, WORD_WHOLE / 0xffffffff,
		1};
	return starts[order];
}

/** The first bits of the free blocks of an order: 2^order free bits, aligned to that. */
static inline uint64_t word_blocks(uint64_t word, uint32_t order)
{
	for (uint32_t k = 0; k < order; k++)
		word &= word >> (1 << k); /* 2^(k+1) free bits start here */
	return word & word_starts(order);
}

/** Of the first bits of free blocks of order - 1 those of blocks of this order. */
static inline uint64_t word_pairs(uint64_t blocks, uint32_t order)
{
	return blocks & blocks >> (1 << (order - 1)) & word_starts(order);
}

/** All bits of blocks of an order, 0 to 6, of which the first bits are given. */
static inline uint64_t word_fill(uint64_t blocks, uint32_t order)
{
	return blocks * word_mask(0, 1 << order);
}

/**
 * Has the word a free block of this order? Each place where one may start, taken from the used bits, borrows from what
 * is above it if the 2^order bits there are zeros: the lowest such place shows it in its highest bit, which is
 * the one below the next place.
 */
static inline bool word_has_block(uint64_t word, uint32_t order)
{
	const uint64_t starts = word_starts(order);
	return ((~word - starts) & word & (starts >> 1 | starts << (WORD_BITS - 1))) != 0;
}

/** The class of a word: the order of its largest free block, or WORD_NOTHING. It is looked for from `near` on. */
static inline uint32_t word_class(uint64_t word, uint32_t near)
{
	uint32_t class = near < WORD_NOTHING ? near : 0;
	if (word == 0)
		return WORD_NOTHING;
	if (word_has_block(word, class))
		while (class < WORD_ORDER && word_has_block(word, class + 1))
			class ++;
	else
		while (!word_has_block(word, --class))
			;
	return class;
}

/** Where n free bits in a row, 1 to 64, start. */
static inline uint64_t word_runs(uint64_t word, uint32_t n)
{
	for (uint32_t step, n_free = 1; n_free < n; n_free += step) {
		step = n_free < n - n_free ? n_free : n - n_free;
		word &= word >> step;
	}
	return word;
}

/** Free bits that a word begins with, and ends with. */
static inline uint32_t word_prefix(uint64_t word)
{
	return word == WORD_WHOLE ? WORD_BITS : word_lowest(~word);
}

static inline uint32_t word_suffix(uint64_t word)
{
	return word == WORD_WHOLE ? WORD_BITS : WORD_BITS - 1 - word_highest(~word);
}

/**
 * Of a word's free blocks of an order, by their first bits, those to be taken first: whose buddies are not
 * free, so that pairs stay pairs. If there are none: all.
 */
static inline uint64_t word_spare_blocks(uint64_t word, uint32_t order)
{
	uint64_t blocks = word_blocks(word, order);
	if (order == WORD_ORDER)
		return blocks;
	uint64_t pairs = word_pairs(blocks, order + 1);
	uint64_t lone = blocks & ~(pairs | pairs << (1 << order));
	return lone ? lone : blocks;
}

#endif
