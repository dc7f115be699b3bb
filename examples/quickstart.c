/* SPDX-License-Identifier: MIT */
/* Give eight pages to a balloon, move one of them, take all of them back. */

#include <balloon/balloon.h>

#include <stdio.h>

int main(void)
{
	struct balloon_memmap_config config = {
		.strategy = balloon_strategy_find("device-lock"), .n_pages = 1024};
	struct balloon_memmap *map;
	struct balloon_device *balloon;
	struct balloon_page pages[8];

	if (balloon_memmap_create(&config, &map) < 0 ||
		balloon_device_create(map, NULL, &balloon) < 0)
		return 1;
	for (uint32_t i = 0; i < 8; i++)
		pages[i] = balloon_page(100 + i);
	printf("inflated %d pages\n", balloon_pages_insert(balloon, pages, 8));

	/* Compaction: take page 104 off the list, and put page 7 in its place. */
	int isolated = balloon_page_isolate(map, balloon_page(104));
	int migrated = balloon_page_migrate(balloon, balloon_page(7), balloon_page(104));
	printf("isolated %s, migrated %s\n", isolated == 0 ? "yes" : "no",
		migrated == 0 ? "yes" : "no");

	int n = balloon_pages_dequeue(balloon, pages, 8);
	printf("deflated %d pages, first %u\n", n, n > 0 ? (unsigned)pages[0].index : 0);
	bool is_done = n == 8 && balloon_device_destroy(map, balloon) == 0 &&
		       balloon_memmap_destroy(map) == 0;
	return is_done ? 0 : 1;
}
