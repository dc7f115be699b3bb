/* SPDX-License-Identifier: MIT */
#ifndef COMMON_PAGES_H
#define COMMON_PAGES_H

#include <balloon/balloon.h>

/** Put runs of so many adjacent pages into a random order, each time the same. */
static inline void pages_shuffle(struct balloon_page *pages, size_t n, size_t run)
{
	uint64_t x = UINT64_C(0x853c49e6748fea9b);
	for (size_t i = n / run; i > 1; i--) { /* as Fisher and Yates */
		x = x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		size_t k = (size_t)((x >> 33) % i);
		for (size_t j = 0; j < run; j++) {
			struct balloon_page page = pages[(i - 1) * run + j];
			pages[(i - 1) * run + j] = pages[k * run + j];
			pages[k * run + j] = page;
		}
	}
}

#endif
