/* SPDX-License-Identifier: MIT */
/* The validity check: recount a whole map while nothing is under way on it. */

#include <balloon/list.h>
#include <balloon/strategy.h>

static int report(struct balloon_finding *finding, const char *what, uint32_t index,
	struct balloon_device *device)
{
	if (finding) {
		finding->what = what;
		finding->page = balloon_page(index);
		finding->device = device;
	}
	return -EUCLEAN;
}

/* Check one descriptor, and count the page in its device's recount. */
static int recount_page(struct balloon_memmap *map, uint32_t index, struct balloon_finding *finding)
{
	struct balloon_page_info info = map->strategy->inspect(map, balloon_page(index));
	if (info.defect)
		return report(finding, info.defect, index, info.device);
	if ((info.device == NULL) != (info.state == BALLOON_PAGE_OWNED))
		return report(finding,
			"I2: a page has a device exactly while it is listed or isolated", index,
			info.device);
	if (!info.device)
		return 0;
	if (!balloon_device_is_open(info.device))
		return report(finding, "I2: a page belongs to a device that was destroyed", index,
			info.device);
	info.device->recounted_listed += info.state == BALLOON_PAGE_LISTED;
	info.device->recounted_isolated += info.state == BALLOON_PAGE_ISOLATED;
	return 0;
}

/* Every page on the list is a listed page of this device, and as many are on it as are listed. */
static int walk_list(struct balloon_device *device, struct balloon_finding *finding)
{
	struct balloon_memmap *map = device->map;
	uint32_t index = map->strategy->list_next(device, BALLOON_LINK_END);
	for (uint64_t n = 0; n < device->recounted_listed; n++) {
		if (index == BALLOON_LINK_END)
			return report(finding, "I1: a listed page is not on the list", UINT32_MAX,
				device);
		if (index >= map->descriptors.n_pages)
			return report(
				finding, "I1: a list leads out of the map", UINT32_MAX, device);
		struct balloon_page_info info = map->strategy->inspect(map, balloon_page(index));
		if (info.state != BALLOON_PAGE_LISTED || info.device != device)
			return report(finding,
				"I1: a page on a list is not a listed page of its device", index,
				device);
		index = map->strategy->list_next(device, index);
	}
	return index == BALLOON_LINK_END
		       ? 0
		       : report(finding, "I1: a list holds more pages than are listed", index,
				 device);
}

static int check_counts(struct balloon_device *device, struct balloon_finding *finding)
{
	struct balloon_device_stats stats;
	const uint64_t n_held = device->recounted_listed + device->recounted_isolated;
	const char *what = NULL;
	device->map->strategy->device_stats(device, &stats);
	if (stats.n_listed != device->recounted_listed)
		what = "I7: the listed count is not the number of listed pages";
	else if (stats.n_isolated != device->recounted_isolated)
		what = "I3: the isolated count is not the number of isolated pages";
	else if (stats.n_inserted - stats.n_dequeued - stats.n_finalized != n_held)
		what = "I7: what came in less what went out is not what is there";
	else if (stats.n_isolates - stats.n_putbacks - stats.n_migrated - stats.n_finalized !=
		 stats.n_isolated)
		what = "I7: isolations less their ends are not what is isolated";
	return what ? report(finding, what, UINT32_MAX, device) : 0;
}

static int recount_pages(struct balloon_memmap *map, struct balloon_finding *finding)
{
	for (uint32_t slot = 0; slot < map->n_devices; slot++) {
		struct balloon_device *device = balloon_memmap_slot(map, slot);
		device->recounted_listed = 0;
		device->recounted_isolated = 0;
	}
	for (uint32_t i = 0; i < map->descriptors.n_pages; i++) {
		int result = recount_page(map, i, finding);
		if (result < 0)
			return result;
	}
	return 0;
}

int balloon_memmap_validate(struct balloon_memmap *map, struct balloon_finding *finding)
{
	uint32_t n_open = 0;
	if (!map)
		return -EINVAL;
	int result = recount_pages(map, finding);
	for (uint32_t slot = 0; result == 0 && slot < map->n_devices; slot++) {
		struct balloon_device *device = balloon_memmap_slot(map, slot);
		if (!balloon_device_is_open(device))
			continue;
		n_open++;
		result = check_counts(device, finding);
		if (result == 0 && map->strategy->list_next)
			result = walk_list(device, finding);
	}
	if (result == 0 && n_open != map->n_open)
		result = report(finding, "the map's count of devices is wrong", UINT32_MAX, NULL);
	return result;
}
