/* SPDX-License-Identifier: MIT */
/* Give half of 64 MiB of the process's own memory back to the kernel, and take it again. */

#define _GNU_SOURCE 1 /* MAP_ANONYMOUS */

#include <balloon/driver.h>
#include <balloon/madvise.h>
#include <balloon/zone.h>

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

enum { N_PAGES = 16384 };

static const size_t memory_bytes = (size_t)N_PAGES * 4096;

/* Pages of ours that are resident, as the kernel counts them. */
static size_t n_resident(unsigned char *memory)
{
	static unsigned char is_resident[N_PAGES];
	size_t n = 0;
	mincore(memory, memory_bytes, is_resident);
	for (size_t i = 0; i < N_PAGES; i++)
		n += is_resident[i] & 1;
	return n;
}

static bool report(void *context, const struct balloon_driver_progress *progress)
{
	(void)context;
	if (progress->n_enqueued % 4096 == 0)
		printf("  %s: %llu of %llu pages\n", balloon_driver_state_name(progress->state),
			(unsigned long long)progress->n_enqueued,
			(unsigned long long)progress->target);
	return true;
}

/* Returns how many pages are resident once the balloon has n_pages, 0 if it does not get there. */
static size_t resize(struct balloon_driver *driver, unsigned char *memory, uint64_t n_pages)
{
	const uint64_t ns_per_s = 1000000000;
	balloon_driver_set_target(driver, n_pages);
	if (balloon_driver_run(driver, balloon_platform_now_ns() + 10 * ns_per_s, report, NULL) < 0)
		return 0;
	printf("balloon of %llu pages: %zu of %d resident\n", (unsigned long long)n_pages,
		n_resident(memory), N_PAGES);
	return n_resident(memory);
}

int main(void)
{
	unsigned char *memory = mmap(
		NULL, memory_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct balloon_memmap_config map_config = {
		.strategy = balloon_strategy_find("isolated-bit"), .n_pages = N_PAGES};
	struct balloon_zone_config zone_config = {.n_frames = N_PAGES};
	struct balloon_madvise_config channel_config = {.base = memory, .n_pages = N_PAGES};
	struct balloon_driver_config config = {
		.design = balloon_driver_design_find("alloc-outside")};
	struct balloon_zone *zone;
	struct balloon_driver *driver;

	if (memory == MAP_FAILED || balloon_memmap_create(&map_config, &config.map) < 0 ||
		balloon_zone_create(&zone_config, &zone) < 0 ||
		balloon_madvise_create(&channel_config, &config.channel) < 0)
		return 1;
	config.frames = balloon_zone_frames(zone);
	if (balloon_driver_create(&config, &driver) < 0)
		return 1;

	memset(memory, 1, memory_bytes); /* all of it is in use, as far as the kernel knows */
	size_t n_small = resize(driver, memory, N_PAGES / 2);
	resize(driver, memory, 0);

	bool is_done = n_small == N_PAGES / 2 && balloon_driver_destroy(driver) == 0 &&
		       balloon_madvise_destroy(config.channel) == 0 &&
		       balloon_zone_destroy(zone) == 0 && balloon_memmap_destroy(config.map) == 0;
	munmap(memory, memory_bytes);
	return is_done ? 0 : 1;
}
