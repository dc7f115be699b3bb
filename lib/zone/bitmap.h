/* SPDX-License-Identifier: MIT */
/* Frames taken and given, in the bitmap and what stands above it. */
#ifndef BALLOON_ZONE_BITMAP_H
#define BALLOON_ZONE_BITMAP_H

#include "zone/zone.h"

/** Bits of the word, or none: take them, or give them back. They are all free, or none is. */
void balloon_zone_take(struct balloon_zone *zone, uint32_t word, uint64_t bits);

void balloon_zone_give(struct balloon_zone *zone, uint32_t word, uint64_t bits);

/**
 * n words, of those that one word of tier 1 names: they are all whole, or in none of them is a free frame. The runs
 * have been told.
 */
void balloon_zone_take_words(struct balloon_zone *zone, uint32_t word, uint32_t n);

void balloon_zone_give_words(struct balloon_zone *zone, uint32_t word, uint32_t n);

/** Take n frames that are free, or give back n that are not. */
void balloon_zone_take_range(struct balloon_zone *zone, uint32_t frame, uint32_t n);

void balloon_zone_give_range(struct balloon_zone *zone, uint32_t frame, uint32_t n);

/** Are all frames of the range free? Is none? */
bool balloon_zone_range_is_free(const struct balloon_zone *zone, uint32_t frame, uint32_t n);

bool balloon_zone_range_is_used(const struct balloon_zone *zone, uint32_t frame, uint32_t n);

/** Give back n frames, unless one of them is free. Have they been given? */
bool balloon_zone_give_used(struct balloon_zone *zone, uint32_t frame, uint32_t n);

#endif
