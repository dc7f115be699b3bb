/* SPDX-License-Identifier: MIT */
/*
 * A zone and a model of it: an array that says of each frame whether it is free, and searches that
 * look at every frame.
 */
#ifndef FRAMES_MODEL_H
#define FRAMES_MODEL_H

#include "suite.h"

#include <balloon/frames-ops.h>
#include <balloon/zone.h>

enum { FIRST = 1000 }; /* index of the first page of every zone here */

#define NOWHERE UINT32_MAX

struct model {
	struct balloon_zone *zone;
	struct balloon_frames *frames;
	uint64_t pfn; /* of the zone's first frame */
	uint32_t n;
	uint32_t n_free;
	uint64_t n_allocations;
	uint64_t n_failures;
	bool *is_free;
};

/** The zone's first frame is one at which any block may start. */
void model_open(struct model *m, uint32_t n_frames);
/** It has this page frame number: at least FIRST, as the map's first one has no negative number. */
void model_open_at(struct model *m, uint64_t pfn, uint32_t n_frames);
/** Everything goes back, then the zone ends. */
void model_close(struct model *m);

/** End a zone that has no model: its frames go back, whichever are in use. */
void end_zone(struct balloon_zone *zone, uint32_t first, uint32_t n_frames);

/** Frames, counted from the zone's first. What is taken was free, what is given was not. */
void model_take(struct model *m, uint32_t frame, uint32_t n);
void model_give(struct model *m, uint32_t frame, uint32_t n);
bool model_all(const struct model *m, uint32_t frame, uint32_t n, bool is_free);

/** The lowest n free frames in a row, aligned so; NOWHERE. */
uint32_t model_find(const struct model *m, uint32_t n, uint32_t align);

/** The first frame from this one on that is aligned so; at least as many as the zone has: none. */
uint64_t model_align(const struct model *m, uint64_t frame, uint32_t align);

/** Blocks of 64 free frames. */
uint32_t model_n_whole(const struct model *m);

/** Hold the zone against the model: every count, every frame, the validity check. */
void model_check(struct model *m);

/** The frame of a page. */
static inline uint32_t frame_of(struct balloon_page page)
{
	return page.index - FIRST;
}

static inline struct balloon_page page_of(uint32_t frame)
{
	return balloon_page(frame + FIRST);
}

/** Calls on both, with all that their result has to be. */
int both_allocate(struct model *m, uint32_t order, uint32_t *frame);
int both_allocate_blocks(struct model *m, uint32_t order, struct balloon_page *firsts, uint32_t n);
int both_free_blocks(
	struct model *m, uint32_t order, const struct balloon_page *firsts, uint32_t n);
int both_allocate_range(struct model *m, uint32_t n, uint32_t align, uint32_t *frame);
int both_allocate_bulk(struct model *m, struct balloon_page *pages, uint32_t n);
int both_take_lowest(
	struct model *m, uint32_t first, uint32_t end, struct balloon_page *pages, uint32_t n);
void both_free_range(struct model *m, uint32_t frame, uint32_t n);

#endif
