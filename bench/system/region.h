/* SPDX-License-Identifier: MIT */
/* The memory that is released, and the order in which its pages come. */
#ifndef SYSTEM_REGION_H
#define SYSTEM_REGION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <balloon/balloon.h>

#include "common/problem.h"

enum page_order {
	ORDER_CONTIGUOUS, /* ascending */
	ORDER_CLUSTERS,   /* 16 adjacent pages each, in random order */
	ORDER_RANDOM,
	ORDER_BLOCKS, /* huge pages, in random order: the map's pages are blocks of 2 MiB */
};
extern const char *const page_order_names[]; /* NULL after the last */

enum { SMALL_PAGE = 4096, HUGE_PAGE = 2 << 20, CLUSTER_PAGES = 16 };

struct region {
	char *base; /* page 0's */
	size_t n_bytes;
	uint32_t page_bytes;
	uint32_t n_pages;           /* of page_bytes */
	struct balloon_page *order; /* of all pages */
	int memfd;                  /* whose memory it is; -1: anonymous */
	void *mapping;
	size_t mapping_bytes;
};

/** n_pages: of 4 KiB; whole huge pages in that order. Returns 0 or -1. */
int region_init(struct region *region, enum page_order order, uint32_t n_pages, bool is_memfd,
	struct problem *problem);
void region_fini(struct region *region);

static inline char *region_page(const struct region *region, struct balloon_page page)
{
	return region->base + (size_t)page.index * region->page_bytes;
}

/** How many small pages n pages of this region are. */
static inline double region_small_pages(const struct region *region, size_t n)
{
	return (double)n * region->page_bytes / SMALL_PAGE;
}

/** Write to each small page of n pages, ascending within each. */
void region_touch(const struct region *region, const struct balloon_page *pages, size_t n);

/** How many small pages the memory has now; -1: the system does not say. */
int64_t region_n_resident(const struct region *region);

/** Of the memory, which share is in huge pages; NAN: the system does not say. */
double region_huge_share(const struct region *region);

#endif
