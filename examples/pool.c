/* SPDX-License-Identifier: MIT */
/* A program that uses 200 MiB for a while, and then gives the kernel all but what it still needs. */

#include <balloon/pool.h>

#include <stdio.h>
#include <string.h>

static unsigned long long resident_mib(struct balloon_pool *pool)
{
	struct balloon_heap_usage usage = {0};
	balloon_heap_usage(balloon_pool_heap(pool), &usage);
	return usage.resident_bytes >> 20;
}

int main(void)
{
	struct balloon_pool_config config = {.heap.size_bytes = 256 << 20};
	struct balloon_pool *pool;
	if (balloon_pool_create(&config, &pool) < 0)
		return 1;
	struct balloon_heap *heap = balloon_pool_heap(pool);

	char *scratch = balloon_heap_allocate(heap, 200 << 20);
	char *result = balloon_heap_strdup(heap, "what it was for");
	if (!scratch || !result)
		return 1;
	memset(scratch, 1, 200 << 20);
	printf("at work: %llu MiB\n", resident_mib(pool));
	balloon_heap_free(heap, scratch);
	printf("done, and freed: %llu MiB\n", resident_mib(pool));

	balloon_pool_set_limit(pool, 16 << 20);
	balloon_driver_run(balloon_pool_driver(pool), BALLOON_NEVER, NULL, NULL);
	unsigned long long kept = resident_mib(pool);
	printf("given back: %llu MiB, with \"%s\"\n", kept, result);
	return balloon_pool_destroy(pool, BALLOON_NEVER) == 0 && kept <= 16 ? 0 : 1;
}
