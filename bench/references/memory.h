/* SPDX-License-Identifier: MIT */
#ifndef REFERENCES_MEMORY_H
#define REFERENCES_MEMORY_H

#include <stdlib.h>
#include <string.h>

/** Zeroed memory that shares no cache line, nor its neighbour, with anything; NULL: there is none. */
static inline void *reference_allocate(size_t size_bytes)
{
	void *memory = NULL;
	if (posix_memalign(&memory, 128, size_bytes) != 0)
		return NULL;
	return memset(memory, 0, size_bytes);
}

#endif
