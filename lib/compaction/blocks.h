/* SPDX-License-Identifier: MIT */
/* Blocks: which are fixed, which are whole, and what lies in them. */
#ifndef BALLOON_COMPACTION_BLOCKS_H
#define BALLOON_COMPACTION_BLOCKS_H

#include "compaction/compactor.h"

/** Words of memory for the bits of all blocks of a part. */
size_t balloon_blocks_words(uint32_t first, uint32_t end, unsigned order);

/**
 * Find out which blocks are fixed, looking at *n_scan pages, or a block's more, and a block counts as
 * a page. As long as they are not all known, none is left of *n_scan afterwards.
 */
void balloon_blocks_survey(struct balloon_compactor *compactor, uint32_t *n_scan);

/** Are n_pages frames free in whole blocks? Looks at no page. */
bool balloon_blocks_are_free(struct balloon_compactor *compactor, size_t n_pages);

/** Move the source cursor down, looking at *n_scan pages at most, until n_max candidates are found.
 * They come in descending order. */
uint32_t balloon_blocks_find(struct balloon_compactor *compactor, struct balloon_page *pages,
	uint32_t n_max, uint32_t *n_scan);

/** Take up to n_max free frames from the target cursor up to, not including, a place; ascending. */
uint32_t balloon_blocks_take(struct balloon_compactor *compactor, struct place end,
	struct balloon_page *pages, uint32_t n_max);

/** Where a page of the part is. */
struct place balloon_blocks_place(
	const struct balloon_compactor *compactor, struct balloon_page page);

#endif
