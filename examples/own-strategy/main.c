/* SPDX-License-Identifier: MIT */
/* Use a strategy that the library does not know: coarse.c, linked into this program. */

#include <balloon/balloon.h>

#include <stdio.h>
#include <string.h>

extern const struct balloon_strategy balloon_strategy; /* coarse.c's table */

enum { N_PAGES = 64 };

/* Inflate all pages, let compaction move the last one, deflate; returns the pages that came back. */
static int use(struct balloon_memmap *map, struct balloon_device *balloon)
{
	struct balloon_page pages[N_PAGES];
	struct balloon_page spare = balloon_page(N_PAGES - 1);
	for (uint32_t i = 0; i < N_PAGES; i++)
		pages[i] = balloon_page(i);
	if (balloon_pages_insert(balloon, pages, N_PAGES - 1) != N_PAGES - 1 ||
		balloon_page_isolate(map, pages[0]) < 0 ||
		balloon_page_migrate(balloon, spare, pages[0]) < 0)
		return -1;
	return balloon_pages_dequeue(balloon, pages, N_PAGES);
}

int main(void)
{
	struct balloon_memmap_config config = {.strategy = &balloon_strategy, .n_pages = N_PAGES};
	struct balloon_finding finding = {.what = "nothing"};
	struct balloon_strategy_info info;
	struct balloon_memmap *map;
	struct balloon_device *balloon;

	/* The table is checked here, once: -EINVAL if an entry is missing. */
	int result = balloon_memmap_create(&config, &map);
	if (result == 0)
		result = balloon_device_create(map, NULL, &balloon);
	if (result < 0) {
		fprintf(stderr, "own-strategy: %s\n", strerror(-result));
		return 1;
	}
	int n = use(map, balloon);
	int validity = balloon_memmap_validate(map, &finding);
	balloon_strategy_describe(&balloon_strategy, &info);
	printf("%s, %zu bytes a page: %d pages back, wrong: %s\n", info.name, info.descriptor_bytes,
		n, finding.what);
	bool is_done = n == N_PAGES - 1 && validity == 0 &&
		       balloon_device_destroy(map, balloon) == 0 &&
		       balloon_memmap_destroy(map) == 0;
	return is_done ? 0 : 1;
}
