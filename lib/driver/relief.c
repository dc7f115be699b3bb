/* SPDX-License-Identifier: MIT */
/* Out of memory: the entry for allocators. Allocates nothing; its batch was made with the driver. */

#include "driver/parts.h"

static int relieve(struct balloon_driver *driver, uint32_t n_pages)
{
	uint32_t max = driver->config.request_pages;
	struct balloon_batch *batch = driver_take_batch(driver, true);
	if (!batch)
		return -EBUSY;
	int result = driver->config.design->relieve(driver, batch, n_pages < max ? n_pages : max);
	driver_give_batch(driver, batch);
	return result;
}

int balloon_driver_relieve(struct balloon_driver *driver, uint32_t n_pages, uint64_t *bytes)
{
	if (bytes)
		*bytes = 0;
	if (!driver || n_pages == 0)
		return -EINVAL;
	int result = driver_enter(driver);
	if (result < 0)
		return result;
	/* Before and after: a fill that begins now would take what is being given. */
	driver_hold_off(driver, driver->config.relief_holdoff_ns);
	result = relieve(driver, n_pages);
	driver_hold_off(driver, driver->config.relief_holdoff_ns);
	if (bytes && result > 0)
		*bytes = (uint64_t)result * balloon_memmap_page_size(driver->config.map);
	return driver_leave(driver, result);
}
