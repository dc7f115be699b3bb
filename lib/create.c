/* SPDX-License-Identifier: MIT */
/* Maps, zones, drivers and compactors in memory of their own, for hosted programs: each lies at its start. */

#include <stdlib.h>

#include <balloon/balloon.h>
#include <balloon/compactor.h>
#include <balloon/driver.h>
#include <balloon/zone.h>

#define DEFINE_CREATE_AND_DESTROY(what)                                                            \
	int balloon_##what##_create(                                                               \
		const struct balloon_##what##_config *config, struct balloon_##what **created)     \
	{                                                                                          \
		size_t size_bytes;                                                                 \
		int result = balloon_##what##_size(config, &size_bytes);                           \
		if (result < 0)                                                                    \
			return result;                                                             \
		if (!created)                                                                      \
			return -EINVAL;                                                            \
		void *memory = aligned_alloc(BALLOON_MEMORY_ALIGN, size_bytes);                    \
		if (!memory)                                                                       \
			return -ENOMEM;                                                            \
		result = balloon_##what##_init(memory, size_bytes, config, created);               \
		if (result < 0)                                                                    \
			free(memory);                                                              \
		return result;                                                                     \
	}                                                                                          \
                                                                                                   \
	int balloon_##what##_destroy(struct balloon_##what *created)                               \
	{                                                                                          \
		int result = balloon_##what##_fini(created);                                       \
		if (result == 0)                                                                   \
			free(created);                                                             \
		return result;                                                                     \
	}

DEFINE_CREATE_AND_DESTROY(memmap)
DEFINE_CREATE_AND_DESTROY(zone)
DEFINE_CREATE_AND_DESTROY(driver)
DEFINE_CREATE_AND_DESTROY(compactor)
