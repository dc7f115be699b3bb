/* SPDX-License-Identifier: MIT */
/* What hosted programs have in memory of its own: maps, zones, drivers, compactors, the null channel. Each lies at
 * its memory's start. */

#include <stdlib.h>

#include <balloon/balloon.h>
#include <balloon/channel-ops.h>
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

int balloon_null_create(struct balloon_channel **channel)
{
	if (!channel)
		return -EINVAL;
	*channel = (struct balloon_channel *)malloc(sizeof(**channel));
	if (!*channel)
		return -ENOMEM;
	balloon_channel_init(*channel, &balloon_null_channel_ops);
	return 0;
}

int balloon_null_destroy(struct balloon_channel *channel)
{
	int result = balloon_channel_fini(channel);
	if (result == 0)
		free(channel);
	return result;
}
