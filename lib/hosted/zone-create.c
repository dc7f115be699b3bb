/* SPDX-License-Identifier: MIT */
/* Zones in memory of their own, for hosted programs. */

#include <stdlib.h>

#include <balloon/zone.h>

int balloon_zone_create(const struct balloon_zone_config *config, struct balloon_zone **zone)
{
	size_t size_bytes;
	int result = balloon_zone_size(config, &size_bytes);
	if (result < 0)
		return result;
	if (!zone)
		return -EINVAL;
	void *memory = aligned_alloc(BALLOON_MEMORY_ALIGN, size_bytes);
	if (!memory)
		return -ENOMEM;
	result = balloon_zone_init(memory, size_bytes, config, zone);
	if (result < 0)
		free(memory);
	return result;
}

int balloon_zone_destroy(struct balloon_zone *zone)
{
	int result = balloon_zone_fini(zone);
	if (result == 0)
		free(zone); /* a zone lies at the start of its memory */
	return result;
}
