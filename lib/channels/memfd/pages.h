/* SPDX-License-Identifier: MIT */
/* Which pages of a guest the host has, and how they come and go. */
#ifndef BALLOON_CHANNELS_MEMFD_PAGES_H
#define BALLOON_CHANNELS_MEMFD_PAGES_H

#include <balloon/memfd-host.h>

struct balloon_memfd_host {
	struct balloon_memfd_host_config config;
	struct balloon_memfd_host_stats stats;
	uint64_t *held; /* a bit a page; NULL before the hello */
};

/* A request that was checked: what was done of it, and why no more. */
struct balloon_memfd_doing {
	struct balloon_memfd_host *host;
	uint32_t n_done;
	int error;
};

/** Words that the bits of so many pages take. */
size_t balloon_memfd_held_words(uint64_t n_pages);

/** Do n pages from `first` on, which the memory has, up to the first that cannot be done. */
void balloon_memfd_inflate(struct balloon_memfd_doing *doing, uint32_t first, uint32_t n);
void balloon_memfd_deflate(struct balloon_memfd_doing *doing, uint32_t first, uint32_t n);

#endif
