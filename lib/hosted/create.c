/* SPDX-License-Identifier: MIT */
/* Maps in memory of their own, for hosted programs. */

#include <stdlib.h>

#include <balloon/balloon.h>

int balloon_memmap_create(const struct balloon_memmap_config *config, struct balloon_memmap **map)
{
	size_t size_bytes;
	int result = balloon_memmap_size(config, &size_bytes);
	if (result < 0)
		return result;
	if (!map)
		return -EINVAL;
	void *memory = aligned_alloc(BALLOON_MEMORY_ALIGN, size_bytes);
	if (!memory)
		return -ENOMEM;
	result = balloon_memmap_init(memory, size_bytes, config, map);
	if (result < 0)
		free(memory);
	return result;
}

int balloon_memmap_destroy(struct balloon_memmap *map)
{
	int result = balloon_memmap_fini(map);
	if (result == 0)
		free(map); /* a map lies at the start of its memory */
	return result;
}
