/* SPDX-License-Identifier: MIT */
/* A heap alone: what is allocated holds, and what is freed goes back. */

#define _GNU_SOURCE 1 /* MAP_ANONYMOUS */

#include "claims.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "heap/heap.h"

enum { N_PAGES = 8192, N_SIZES = 11, N_EACH = 40 };

static const size_t sizes[N_SIZES] = {
	1, 8, 100, 2000, 4096, 14336, 16384, 100000, 262144, 1 << 20, (1 << 20) + 4096};

static void what_is_freed_goes_back_at_once(void)
{
	struct balloon_heap *heap = make_heap((struct balloon_heap_config){0}, N_PAGES);
	char *blocks[N_SIZES][N_EACH];
	for (int i = 0; i < N_SIZES; i++)
		for (int j = 0; j < N_EACH / (1 + i / 3); j++) {
			char *block = balloon_heap_allocate(heap, sizes[i]);
			CHECK(block && balloon_heap_usable_size(heap, block) >= sizes[i]);
			mark(block, sizes[i], (uint32_t)(i + j));
			blocks[i][j] = block;
		}
	struct balloon_heap_stats stats = stats_of(heap);
	CHECK(stats.n_held > 0 && stats.n_held + stats.n_free == N_PAGES);
	CHECK(usage_of(heap).allocated_bytes > 10 << 20);
	for (int i = 0; i < N_SIZES; i++)
		for (int j = 0; j < N_EACH / (1 + i / 3); j++) {
			CHECK(is_marked(blocks[i][j], sizes[i], (uint32_t)(i + j)));
			balloon_heap_free(heap, blocks[i][j]);
		}
	CHECK_EQ(stats_of(heap).n_free, N_PAGES); /* without being purged */
	end_heap(heap);
}

/* An allocation takes the frames that it needs and one more at most: nothing is kept in reserve. */
static void nothing_is_held_in_reserve(void)
{
	struct balloon_heap *heap = make_heap((struct balloon_heap_config){0}, N_PAGES);
	for (int i = 5; i < N_SIZES; i++) {
		void *block = balloon_heap_allocate(heap, sizes[i]);
		uint64_t n_least = (balloon_heap_usable_size(heap, block) + 4095) / 4096;
		if (sizes[i] > 14336) /* smaller ones come from slabs */
			CHECK(stats_of(heap).n_held <= n_least + 1);
		balloon_heap_free(heap, block);
		CHECK_EQ(stats_of(heap).n_held, 0);
	}
	end_heap(heap);
}

static void alignment_is_kept(void)
{
	struct balloon_heap *heap = make_heap((struct balloon_heap_config){0}, N_PAGES);
	void *odd =
		balloon_heap_allocate(heap, 16384); /* so that what comes is not aligned anyway */
	for (size_t alignment = 1; alignment <= 4 << 20; alignment *= 2) {
		char *block = balloon_heap_allocate_aligned(heap, alignment, 3000);
		CHECK(block && (uintptr_t)block % alignment == 0);
		balloon_heap_free(heap, block);
	}
	balloon_heap_free(heap, odd);
	CHECK(!balloon_heap_allocate_aligned(heap, 0, 1));
	CHECK(!balloon_heap_allocate_aligned(heap, 24, 1));
	end_heap(heap);
}

static void reallocation_keeps_contents(void)
{
	struct balloon_heap *heap = make_heap((struct balloon_heap_config){0}, N_PAGES);
	char *block = balloon_heap_reallocate(heap, NULL, 10);
	memcpy(block, "contents!", 10);
	for (int i = 0; i < N_SIZES; i++) {
		size_t size = sizes[i * 7 % N_SIZES] + 10; /* larger and smaller */
		block = balloon_heap_reallocate(heap, block, size);
		CHECK(block && memcmp(block, "contents!", 10) == 0);
	}
	CHECK(!balloon_heap_reallocate(heap, block, (size_t)N_PAGES * 4096));
	CHECK(memcmp(block, "contents!", 10) == 0);
	balloon_heap_free(heap, block);
	end_heap(heap);
}

/* In place, if frames after it are free and jemalloc asks for them (without retain), though there is
 * room lower down; else elsewhere. */
static void a_block_grows_step_by_step(void)
{
	struct balloon_heap *heap = make_heap((struct balloon_heap_config){0}, N_PAGES);
	void *low = balloon_heap_allocate(heap, 1 << 20);
	char *block = balloon_heap_allocate(heap, 20000);
	char *next = balloon_heap_allocate(heap, 100000);
	mark(next, 100000, 4);
	balloon_heap_free(heap, low);
	for (size_t size = 20000; size < 400000; size += size / 2) {
		memcpy(block, "contents!", 10);
		memcpy(block + size - 10, "contents!", 10);
		block = balloon_heap_reallocate(heap, block, size + size / 2);
		CHECK(block && memcmp(block, "contents!", 10) == 0);
		CHECK(memcmp(block + size - 10, "contents!", 10) == 0);
		CHECK(is_marked(next, 100000, 4));
	}
	balloon_heap_free(heap, next);
	balloon_heap_free(heap, block);
	end_heap(heap);
}

/* Memory that was used before; zeros are asked for in jemalloc's own words. */
static void zeros_are_zeros(void)
{
	struct balloon_heap *heap = make_heap((struct balloon_heap_config){0}, N_PAGES);
	memset(balloon_heap_base(heap), 0xaa, 2 << 20);
	for (int i = 0; i < N_SIZES; i++) {
		char *block = mallocx(sizes[i],
			(int)MALLOCX_ARENA(heap->arena) | MALLOCX_TCACHE_NONE | MALLOCX_ZERO);
		for (size_t j = 0; j < sizes[i]; j += 31)
			CHECK_EQ(block[j], 0);
		balloon_heap_free(heap, block);
	}
	end_heap(heap);
}

static void a_decay_time_keeps_memory_until_it_is_purged(void)
{
	struct balloon_heap *heap =
		make_heap((struct balloon_heap_config){.decay_ms = 100000}, 1024);
	balloon_heap_free(heap, balloon_heap_allocate(heap, 2 << 20));
	CHECK(stats_of(heap).n_held >= 512);
	CHECK_EQ(balloon_heap_purge(heap), 0);
	CHECK_EQ(stats_of(heap).n_held, 0);
	balloon_heap_free(heap, balloon_heap_allocate(heap, 2 << 20));
	CHECK(stats_of(heap).n_held >= 512);
	/* What is kept makes room for what does not fit into it. */
	void *block = balloon_heap_allocate(heap, 3 << 20);
	CHECK(block);
	balloon_heap_free(heap, block);
	end_heap(heap);
}

/* What the kernel was told of a heap's memory: two letters of the line VmFlags of its mapping. */
static bool has_flag(bool huge_pages, const char *flag)
{
	struct balloon_heap *heap =
		make_heap((struct balloon_heap_config){.huge_pages = huge_pages}, 1024);
	char line[512];
	uintptr_t base = (uintptr_t)balloon_heap_base(heap);
	uintptr_t start;
	uintptr_t end;
	bool is_here = false;
	FILE *maps = fopen("/proc/self/smaps", "r");
	CHECK(maps);
	while (fgets(line, sizeof(line), maps)) {
		if (!isupper((unsigned char)
				    line[0]) && /* the others are slow to look at, in Valgrind */
			sscanf(line, "%" SCNxPTR "-%" SCNxPTR, &start, &end) == 2)
			is_here = start <= base && base < end;
		if (is_here && strncmp(line, "VmFlags:", 8) == 0)
			break;
	}
	fclose(maps);
	end_heap(heap);
	return is_here && strstr(line, flag);
}

static void huge_pages_are_for_those_who_want_them(void)
{
	CHECK(has_flag(false, " nh") && !has_flag(false, " hg"));
	CHECK(has_flag(true, " hg") && !has_flag(true, " nh"));
}

static void mistakes_are_refused(void)
{
	struct balloon_heap *heap = make_heap((struct balloon_heap_config){0}, 64);
	struct balloon_heap_config config = {.strategy = some_strategy(), .size_bytes = 4096};
	struct balloon_heap *other;
	int local = 0;
	CHECK_EQ(balloon_heap_create(NULL, &other), -EINVAL);
	CHECK_EQ(balloon_heap_create(&config, NULL), -EINVAL);
	config.size_bytes = 4097;
	CHECK_EQ(balloon_heap_create(&config, &other), -EINVAL);
	config.size_bytes = 0;
	CHECK_EQ(balloon_heap_create(&config, &other), -EINVAL);
	config.size_bytes = UINT64_C(1) << 63;
	CHECK_EQ(balloon_heap_create(&config, &other), -EINVAL);
	config = (struct balloon_heap_config){.size_bytes = 4096};
	CHECK_EQ(balloon_heap_create(&config, &other), -ENOENT);
	config = (struct balloon_heap_config){
		.strategy = some_strategy(), .size_bytes = 4096, .n_devices = 70000};
	CHECK_EQ(balloon_heap_create(&config, &other), -EINVAL);
	balloon_heap_free(heap, &local);
	balloon_heap_free(heap, NULL);
	balloon_heap_free(NULL, &local);
	CHECK_EQ(stats_of(heap).n_strays, 1);
	CHECK_EQ(balloon_heap_usable_size(heap, &local), 0);
	CHECK_EQ(balloon_heap_usable_size(NULL, &local), 0);
	CHECK(!balloon_heap_reallocate(heap, &local, 1));
	CHECK(!balloon_heap_allocate(NULL, 1));
	CHECK(!balloon_heap_allocate_aligned(NULL, 8, 1));
	CHECK(!balloon_heap_allocate(heap, SIZE_MAX));
	CHECK(balloon_heap_base(NULL) == NULL && balloon_heap_zone(NULL) == NULL);
	CHECK(balloon_heap_memmap(NULL) == NULL);
	CHECK_EQ(balloon_heap_stats(heap, NULL), -EINVAL);
	CHECK_EQ(balloon_heap_purge(NULL), -EINVAL);
	CHECK_EQ(balloon_heap_destroy(NULL), -EINVAL);
	CHECK_EQ(balloon_heap_set_driver(NULL, NULL), -EINVAL);
	void *block = balloon_heap_allocate(heap, 0);
	CHECK(block && balloon_heap_usable_size(heap, block) >= 1);
	balloon_heap_free(heap, block);
	end_heap(heap);
}

static unsigned n_arenas(void)
{
	unsigned n = 0;
	size_t size = sizeof(n);
	CHECK_EQ(mallctl("arenas.narenas", &n, &size, NULL, 0), 0);
	return n;
}

static void a_heap_ends_with_all_that_is_in_it(void)
{
	unsigned n_before = n_arenas();
	for (int i = 0; i < 20; i++) {
		struct balloon_heap *heap = make_heap((struct balloon_heap_config){0}, 1024);
		for (int j = 0; j < N_SIZES - 2; j++)
			CHECK(balloon_heap_allocate(heap, sizes[j]));
		CHECK_EQ(balloon_heap_destroy(heap), 0);
	}
	CHECK_EQ(n_arenas(), n_before); /* one that was before was used each time */
}

/* Address space of the process, in pages. */
static uint64_t n_mapped(void)
{
	uint64_t n = 0;
	FILE *file = fopen("/proc/self/statm", "r");
	CHECK(file && fscanf(file, "%" SCNu64, &n) == 1);
	fclose(file);
	return n;
}

/* Map and zone of a heap take a few hundredths of its size, jemalloc some mebibytes that it keeps. */
static void a_heap_takes_address_space_of_its_size(void)
{
	enum { MANY_PAGES = 1 << 17, SOME = MANY_PAGES / 8 };
	if (is_short()) /* under Valgrind, which has memory of its own for each page */
		return;
	uint64_t n_before = n_mapped();
	struct balloon_heap *heap = make_heap((struct balloon_heap_config){0}, MANY_PAGES);
	uint64_t n_with = n_mapped();
	CHECK(n_with >= n_before + MANY_PAGES && n_with <= n_before + MANY_PAGES + SOME);
	end_heap(heap);
	CHECK(n_mapped() <= n_before + SOME);
}

/* A heap of so many pages, when the process may have so many more and none past them. */
static int create_within(uint64_t n_more, uint32_t n_pages, struct balloon_heap **heap)
{
	const struct balloon_heap_config config = {
		.strategy = some_strategy(), .size_bytes = (uint64_t)n_pages * 4096};
	struct rlimit old, tight;
	CHECK_EQ(getrlimit(RLIMIT_AS, &old), 0);
	tight = old;
	tight.rlim_cur = (n_mapped() + n_more) * 4096;
	CHECK_EQ(setrlimit(RLIMIT_AS, &tight), 0);
	errno = ENOTTY;
	int result = balloon_heap_create(&config, heap);
	CHECK_EQ(errno, ENOTTY);
	CHECK_EQ(setrlimit(RLIMIT_AS, &old), 0);
	return result;
}

/* Where it is scarce addresses are less aligned, and where there is too little of it there is no heap. */
static void address_space_may_be_scarce(void)
{
	enum { MANY_PAGES = 1 << 16, SOME = MANY_PAGES / 4 };
	struct balloon_heap *heap = NULL;
	/* Where programs lie that know their addresses. */
	char *low = mmap((void *)(uintptr_t)(64 << 20), 4096, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(low != MAP_FAILED);
	*low = 1;
	CHECK_EQ(create_within(SOME, MANY_PAGES, &heap), -ENOMEM);
	CHECK(!heap && *low == 1);
	munmap(low, 4096);
	CHECK_EQ(create_within(MANY_PAGES + SOME, MANY_PAGES, &heap), 0);
	CHECK_EQ((uintptr_t)balloon_heap_base(heap) % (4 << 20), 0);
	CHECK(!balloon_heap_allocate_aligned(heap, (size_t)MANY_PAGES * 4096 / 2, 1));
	void *block = balloon_heap_allocate_aligned(heap, 4 << 20, 1);
	CHECK(block && (uintptr_t)block % (4 << 20) == 0);
	balloon_heap_free(heap, block);
	end_heap(heap);
}

static void end_arena(unsigned arena)
{
	char name[64];
	snprintf(name, sizeof(name), "arena.%u.destroy", arena);
	CHECK_EQ(mallctl(name, NULL, NULL, NULL, 0), 0);
}

/* One too many is refused, and leaves nothing behind. */
static void there_are_as_many_heaps_as_jemalloc_has_arenas(void)
{
	enum { TOO_MANY = 5000, TRIES = 20, MANY_PAGES = 1 << 15 };
	static unsigned arenas[TOO_MANY];
	const struct balloon_heap_config config = {.strategy = some_strategy(),
		.size_bytes = MANY_PAGES * 4096,
		.thread_caches = true};
	struct balloon_heap *heap = NULL;
	size_t size = sizeof(arenas[0]);
	uint32_t n = 0;
	while (n < TOO_MANY && mallctl("arenas.create", &arenas[n], &size, NULL, 0) == 0)
		n++;
	CHECK(n > TOO_MANY / 2 && n < TOO_MANY);
	const uint64_t n_before = n_mapped();
	for (int i = 0; i < TRIES; i++)
		CHECK_EQ(balloon_heap_create(&config, &heap), -ENODEV);
	CHECK(!heap && n_mapped() < n_before + MANY_PAGES);
	end_arena(arenas[--n]);
	CHECK_EQ(balloon_heap_create(&config, &heap), 0);
	end_heap(heap);
	while (n > 0)
		end_arena(arenas[--n]);
}

/* After all others: what jemalloc knows of its arenas it keeps. */
void arena_claims(void)
{
	if (scaled(100) < 100) /* under Valgrind, whose address space is another */
		return;
	address_space_may_be_scarce();
	there_are_as_many_heaps_as_jemalloc_has_arenas();
}

void allocation_claims(void)
{
	what_is_freed_goes_back_at_once();
	nothing_is_held_in_reserve();
	alignment_is_kept();
	reallocation_keeps_contents();
	a_block_grows_step_by_step();
	zeros_are_zeros();
	a_decay_time_keeps_memory_until_it_is_purged();
	huge_pages_are_for_those_who_want_them();
	mistakes_are_refused();
	a_heap_ends_with_all_that_is_in_it();
	a_heap_takes_address_space_of_its_size();
}
