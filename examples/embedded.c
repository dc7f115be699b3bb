/* SPDX-License-Identifier: MIT */
/*
 * Descriptors inside the program's own page structures, as a kernel has them: no second array, and
 * what the balloon knows of a page lies in the cache lines that the program touches anyway.
 *
 * A page of the map is an index, so both ways between index and structure are arithmetic: the
 * structure of page i is frames[i], and the index of a structure is its distance from frames[0].
 */

#include <balloon/balloon.h>

#include <stdio.h>

enum { N_FRAMES = 256, ROOM_BYTES = 32 };

/* The program's structure for a page frame. Only the library writes into `room`. */
struct frame {
	_Alignas(16) unsigned char room[ROOM_BYTES];
	uint32_t n_users;
	const char *label;
};

static struct frame frames[N_FRAMES];

static struct balloon_page page_of(const struct frame *frame)
{
	return balloon_page((uint32_t)(frame - frames));
}

static struct frame *frame_of(struct balloon_page page)
{
	return &frames[page.index];
}

/* How much room a descriptor needs, and how aligned, is the strategy's affair: ask it. */
static bool fits(const struct balloon_strategy *strategy)
{
	struct balloon_strategy_info info;
	return balloon_strategy_describe(strategy, &info) == 0 &&
	       info.descriptor_bytes <= ROOM_BYTES && info.descriptor_align <= 16;
}

/* Inflate three frames, then deflate: what comes back is a page, and the program has its frame. */
static int give_and_take(struct balloon_device *balloon)
{
	struct balloon_page page;
	int n = 0;
	for (uint32_t i = 40; i < 43; i++) {
		frames[i].label = "given to the host";
		if (balloon_page_insert(balloon, page_of(&frames[i])) < 0)
			return -1;
	}
	while (balloon_page_dequeue(balloon, &page) == 1) {
		struct frame *frame = frame_of(page);
		printf("frame %u was %s\n", (unsigned)page.index, frame->label);
		frame->label = NULL;
		frame->n_users = 1;
		n++;
	}
	return n;
}

/* All but `room` stays the program's: nobody else wrote there. */
static uint32_t n_in_use(void)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < N_FRAMES; i++)
		n += frames[i].n_users != 0 || frames[i].label != NULL;
	return n;
}

int main(void)
{
	struct balloon_memmap_config config = {.strategy = balloon_strategy_at(0),
		.first_pfn = 0x100000, /* frames[0] is the page at 4 GiB */
		.n_pages = N_FRAMES,
		.descriptors = frames[0].room,
		.descriptor_stride_bytes = sizeof(struct frame)};
	struct balloon_memmap *map;
	struct balloon_device *balloon;
	size_t size_bytes;

	if (!fits(config.strategy) || balloon_memmap_size(&config, &size_bytes) < 0 ||
		balloon_memmap_create(&config, &map) < 0 ||
		balloon_device_create(map, NULL, &balloon) < 0)
		return 1;
	printf("beside the frames the map takes %zu bytes\n", size_bytes);
	bool is_done = give_and_take(balloon) == 3 && n_in_use() == 3 && frames[41].n_users == 1 &&
		       balloon_device_destroy(map, balloon) == 0 &&
		       balloon_memmap_destroy(map) == 0;
	return is_done ? 0 : 1;
}
