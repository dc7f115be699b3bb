/* SPDX-License-Identifier: MIT */
/* Memory whose pages a channel gives away: what is resident, and what it contains. */
#ifndef CHANNELS_MEMORY_H
#define CHANNELS_MEMORY_H

#include <balloon/channel-ops.h>

struct memory {
	unsigned char *base;
	size_t page_size;
	uint32_t n_pages;
};

/** Anonymous memory of the system's pages, each of which is filled with a value of its own. */
void memory_map(struct memory *memory, uint32_t n_pages);
void memory_unmap(const struct memory *memory);

/** Fill a page again. */
void memory_write(const struct memory *memory, uint32_t page);

/** Is a page as filled; does it read as zeros? */
bool memory_is_kept(const struct memory *memory, uint32_t page);
bool memory_is_zero(const struct memory *memory, uint32_t page);

/** Does the kernel have a page behind it? Does not touch it. */
bool memory_is_resident(const struct memory *memory, uint32_t page);

/** kB of a line of /proc/self/smaps about the mapping that begins where the memory does. */
long memory_smaps_kb(const struct memory *memory, const char *key);

/** Descriptors that this process has open. */
int n_descriptors(void);

/** A request of room for n_pages, in memory of its own. */
struct balloon_request *request_new(uint32_t n_pages);
void request_delete(struct balloon_request *request);

/** Prepare a request of the pages first, first + step, ... */
int request_prepare_steps(struct balloon_request *request, enum balloon_request_kind kind,
	uint32_t first, uint32_t step, uint32_t n_pages);

#endif
