/* SPDX-License-Identifier: MIT */
/* A freestanding program that takes every strategy through every operation, in static memory. */

#include <balloon/balloon.h>

#include "stub.h"

enum { N_PAGES = 64, N_IN = 32 };

static _Alignas(BALLOON_MEMORY_ALIGN) unsigned char memory[1 << 16];

/* The exit status tells the line that failed, so far as eight bits go. */
#define EXPECT(condition)                                                                          \
	do {                                                                                       \
		if (!(condition))                                                                  \
			stub_exit(__LINE__ & 0x7f ? __LINE__ & 0x7f : 1);                          \
	} while (0)

static void insert_all(struct balloon_device *device)
{
	struct balloon_page pages[N_IN];
	for (uint32_t i = 0; i < N_IN; i++)
		pages[i] = balloon_page(i);
	EXPECT(balloon_pages_insert(device, pages, N_IN) == N_IN);
	EXPECT(balloon_page_insert(device, balloon_page(0)) == -EEXIST);
	EXPECT(balloon_page_insert(device, balloon_page(N_PAGES)) == -ERANGE);
}

static void isolate_some(struct balloon_memmap *map, struct balloon_device *device)
{
	EXPECT(balloon_page_is_candidate(map, balloon_page(3)));
	for (uint32_t i = 0; i < 3; i++)
		EXPECT(balloon_page_isolate(map, balloon_page(i)) == 0);
	EXPECT(balloon_page_isolate(map, balloon_page(0)) == -ESTALE);
	EXPECT(balloon_page_device(map, balloon_page(0)) == device);
	EXPECT(balloon_page_putback(map, balloon_page(0)) == 0);
	EXPECT(balloon_page_migrate(device, balloon_page(40), balloon_page(1)) == 0);
	EXPECT(balloon_page_finalize(device, balloon_page(2)) == 0);
}

static void dequeue_all(const struct balloon_strategy *strategy, struct balloon_device *device)
{
	struct balloon_strategy_info info;
	struct balloon_page pages[N_PAGES];
	EXPECT(balloon_strategy_describe(strategy, &info) == 0);
	EXPECT(balloon_pages_dequeue(device, pages, N_PAGES) == N_IN - 1);
	EXPECT(info.order != BALLOON_ORDER_LIFO || (pages[0].index == 40 && pages[1].index == 0));
	EXPECT(balloon_pages_dequeue(device, pages, N_PAGES) == 0);
}

static void exercise(const struct balloon_strategy *strategy)
{
	struct balloon_memmap_config config = {.strategy = strategy, .n_pages = N_PAGES};
	struct balloon_memmap *map;
	struct balloon_device *device;
	size_t size_bytes;
	EXPECT(balloon_memmap_size(&config, &size_bytes) == 0 && size_bytes <= sizeof(memory));
	EXPECT(balloon_memmap_init(memory, sizeof(memory), &config, &map) == 0);
	EXPECT(balloon_device_create(map, NULL, &device) == 0);
	insert_all(device);
	isolate_some(map, device);
	EXPECT(balloon_memmap_validate(map, NULL) == 0);
	EXPECT(balloon_device_destroy(map, device) == -EBUSY);
	dequeue_all(strategy, device);
	EXPECT(balloon_memmap_validate(map, NULL) == 0);
	EXPECT(balloon_device_destroy(map, device) == 0);
	EXPECT(balloon_memmap_fini(map) == 0);
}

int program(void)
{
	EXPECT(balloon_strategy_at(0) != NULL);
	for (size_t i = 0; balloon_strategy_at(i); i++)
		exercise(balloon_strategy_at(i));
	return 0;
}
