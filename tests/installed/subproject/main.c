/* SPDX-License-Identifier: MIT */
/* A program of somebody else's project: one page goes and comes back. */

#include <balloon/balloon.h>

int main(void)
{
	struct balloon_memmap_config config = {.strategy = balloon_strategy_at(0), .n_pages = 2};
	struct balloon_memmap *map;
	struct balloon_device *balloon;
	struct balloon_page page = {1};

	if (balloon_memmap_create(&config, &map) < 0 ||
		balloon_device_create(map, NULL, &balloon) < 0)
		return 1;
	bool is_back = balloon_page_insert(balloon, page) == 0 &&
		       balloon_page_dequeue(balloon, &page) == 1 && page.index == 1;
	return is_back && balloon_device_destroy(map, balloon) == 0 &&
			       balloon_memmap_destroy(map) == 0
		       ? 0
		       : 1;
}
