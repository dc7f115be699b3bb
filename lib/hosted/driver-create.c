/* SPDX-License-Identifier: MIT */
/* Drivers in memory of their own, for hosted programs. */

#include <stdlib.h>

#include <balloon/driver.h>

int balloon_driver_create(
	const struct balloon_driver_config *config, struct balloon_driver **driver)
{
	size_t size_bytes;
	int result = balloon_driver_size(config, &size_bytes);
	if (result < 0)
		return result;
	if (!driver)
		return -EINVAL;
	void *memory = aligned_alloc(BALLOON_MEMORY_ALIGN, size_bytes);
	if (!memory)
		return -ENOMEM;
	result = balloon_driver_init(memory, size_bytes, config, driver);
	if (result < 0)
		free(memory);
	return result;
}

int balloon_driver_destroy(struct balloon_driver *driver)
{
	int result = balloon_driver_fini(driver);
	if (result == 0)
		free(driver); /* a driver lies at the start of its memory */
	return result;
}
