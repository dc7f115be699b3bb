/* SPDX-License-Identifier: MIT */
/* The calls beside malloc(), realloc() and free(), and what a heap says of itself. */

#include "claims.h"

#include <string.h>

#include "heap/heap.h"

enum { N_PAGES = 4096, MIB = 1 << 20, N_SIZES = 9 };

static const size_t sizes[N_SIZES] = {
	1, 24, 1000, 4096, 14336, 100000, 131072, 1 << 18, (1 << 19) + 1};

static uint64_t resident(struct balloon_heap *heap)
{
	return usage_of(heap).resident_bytes;
}

static bool is_zero(const char *block, size_t size)
{
	return block[0] == 0 && memcmp(block, block + 1, size - 1) == 0;
}

static void what_is_cleared_is_zero_whatever_was_there(void)
{
	struct balloon_heap *heap = make_heap((struct balloon_heap_config){0}, N_PAGES);
	memset(balloon_heap_base(heap), 0xaa, MIB);
	for (int i = 0; i < N_SIZES; i++) {
		char *block = balloon_heap_calloc(heap, sizes[i], 1);
		CHECK(block && is_zero(block, sizes[i]));
		memset(block, 0xbb, sizes[i]);
		balloon_heap_free(heap, block);
		block = balloon_heap_calloc(heap, (sizes[i] + 6) / 7, 7);
		CHECK(block && is_zero(block, sizes[i]));
		balloon_heap_free(heap, block);
	}
	end_heap(heap);
}

/* A table of a database, of which a corner is used: the rest takes no memory. */
static void what_is_cleared_is_not_touched(void)
{
	struct balloon_heap *heap = make_heap((struct balloon_heap_config){0}, N_PAGES);
	char *table = balloon_heap_calloc(heap, 8, MIB);
	CHECK(table && resident(heap) < MIB / 4);
	memset(table, 1, MIB / 4);
	CHECK(resident(heap) >= MIB / 4 && resident(heap) < MIB);
	balloon_heap_free(heap, table);
	end_heap(heap);
}

static void a_product_that_is_too_large_gets_nothing(void)
{
	struct balloon_heap *heap = make_heap((struct balloon_heap_config){0}, N_PAGES);
	CHECK(!balloon_heap_calloc(heap, SIZE_MAX / 2 + 1, 2)); /* 0, were it not looked at */
	CHECK(!balloon_heap_calloc(heap, 5, SIZE_MAX / 5 + 1));
	CHECK(!balloon_heap_calloc(heap, SIZE_MAX, SIZE_MAX));
	CHECK(!balloon_heap_calloc(NULL, 1, 1));
	CHECK_EQ(stats_of(heap).n_failures, 3);
	void *nothing = balloon_heap_calloc(heap, 0, SIZE_MAX);
	CHECK(nothing);
	balloon_heap_free(heap, nothing);
	end_heap(heap);
}

static void strings_are_copied(void)
{
	struct balloon_heap *heap = make_heap((struct balloon_heap_config){0}, 1024);
	char unended[3] = {'a', 'b', 'c'};
	memset(balloon_heap_base(heap), 0xaa, MIB / 8);
	char *copies[] = {balloon_heap_strdup(heap, "balloon"), balloon_heap_strdup(heap, ""),
		balloon_heap_strndup(heap, "balloon", 4),
		balloon_heap_strndup(heap, "ab", SIZE_MAX), balloon_heap_strndup(heap, unended, 3),
		balloon_heap_strndup(heap, unended, 0)};
	static const char *const expected[] = {"balloon", "", "ball", "ab", "abc", ""};
	for (int i = 0; i < 6; i++) {
		CHECK(copies[i] && strcmp(copies[i], expected[i]) == 0);
		CHECK(balloon_heap_owns(heap, copies[i]));
		balloon_heap_free(heap, copies[i]);
	}
	/* Of any length, with a zero behind. */
	const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
	for (size_t n = 0; n < sizeof(digits); n++) {
		char *copy = balloon_heap_strndup(heap, digits, n);
		CHECK(copy && strlen(copy) == n && memcmp(copy, digits, n) == 0);
		CHECK(balloon_heap_usable_size(heap, copy) > n);
		balloon_heap_free(heap, copy);
	}
	CHECK(!balloon_heap_strdup(heap, NULL) && !balloon_heap_strdup(NULL, "a"));
	CHECK(!balloon_heap_strndup(heap, NULL, 1) && !balloon_heap_strndup(NULL, "a", 1));
	end_heap(heap);
}

static void any_address_may_be_asked_about(void)
{
	struct balloon_heap *heap = make_heap((struct balloon_heap_config){0}, 1024);
	struct balloon_heap *other = make_heap((struct balloon_heap_config){0}, 1024);
	int local = 0;
	void *ordinary = malloc(100);
	char *block = balloon_heap_allocate(heap, 10000);
	char *base = balloon_heap_base(heap);
	CHECK(balloon_heap_owns(heap, block) && balloon_heap_owns(heap, block + 9999));
	CHECK(!balloon_heap_owns(other, block) && !balloon_heap_owns(NULL, block));
	CHECK(!balloon_heap_owns(heap, NULL) && !balloon_heap_owns(heap, &local));
	CHECK(!balloon_heap_owns(heap, ordinary) && !balloon_heap_owns(heap, (void *)UINTPTR_MAX));
	CHECK(balloon_heap_owns(heap, base) && !balloon_heap_owns(heap, base - 1));
	CHECK(balloon_heap_owns(heap, base + 1024 * 4096 - 1));
	CHECK(!balloon_heap_owns(heap, base + 1024 * 4096));
	free(ordinary);
	balloon_heap_free(heap, block);
	end_heap(heap);
	end_heap(other);
}

static void a_good_size_is_what_can_be_used(void)
{
	struct balloon_heap *heap = make_heap((struct balloon_heap_config){0}, N_PAGES);
	for (int i = 0; i < N_SIZES; i++) {
		size_t good = balloon_heap_good_size(heap, sizes[i]);
		void *block = balloon_heap_allocate(heap, sizes[i]);
		CHECK(good >= sizes[i] && balloon_heap_good_size(heap, good) == good);
		CHECK_EQ(balloon_heap_usable_size(heap, block), good);
		balloon_heap_free(heap, block);
	}
	CHECK(balloon_heap_good_size(heap, 0) >= 1);
	CHECK_EQ(balloon_heap_good_size(heap, (size_t)N_PAGES * 4096 + 1), 0);
	CHECK_EQ(balloon_heap_good_size(heap, SIZE_MAX), 0);
	CHECK_EQ(balloon_heap_good_size(NULL, 1), 0);
	end_heap(heap);
}

static void a_block_changes_its_size_in_place(void)
{
	struct balloon_heap *heap = make_heap((struct balloon_heap_config){0}, N_PAGES);
	int local = 0;
	char *block = balloon_heap_allocate(heap, 4 * MIB);
	mark(block, MIB, 3);
	CHECK_EQ(balloon_heap_resize(heap, block, MIB), 0);
	CHECK(stats_of(heap).n_held <= 256 + 65); /* the rest went back */
	CHECK(balloon_heap_usable_size(heap, block) >= MIB && is_marked(block, MIB, 3));
	CHECK_EQ(balloon_heap_resize(heap, block, (size_t)N_PAGES * 4096 + 1), -ENOMEM);
	CHECK_EQ(balloon_heap_resize(heap, block, SIZE_MAX), -ENOMEM);
	CHECK(is_marked(block, MIB, 3));
	char *small = balloon_heap_allocate(heap, 100);
	CHECK_EQ(balloon_heap_resize(heap, small, balloon_heap_good_size(heap, 100)), 0);
	CHECK_EQ(balloon_heap_resize(heap, small, 3000), -ENOMEM);
	CHECK_EQ(balloon_heap_resize(heap, small, 0), 0);
	CHECK_EQ(balloon_heap_resize(heap, NULL, 1), -EINVAL);
	CHECK_EQ(balloon_heap_resize(heap, &local, 1), -EINVAL);
	CHECK_EQ(balloon_heap_resize(NULL, small, 1), -EINVAL);
	CHECK_EQ(stats_of(heap).n_failures, 0); /* nobody was asked for room */
	balloon_heap_free(heap, small);
	balloon_heap_free(heap, block);
	end_heap(heap);
}

static void a_block_is_freed_by_its_size(void)
{
	struct balloon_heap *heap = make_heap((struct balloon_heap_config){0}, N_PAGES);
	int local = 0;
	for (int i = 0; i < N_SIZES; i++) {
		balloon_heap_free_sized(heap, balloon_heap_allocate(heap, sizes[i]), sizes[i]);
		balloon_heap_free_sized(heap, balloon_heap_allocate(heap, sizes[i]),
			balloon_heap_good_size(heap, sizes[i]));
		balloon_heap_free_sized(
			heap, balloon_heap_allocate_aligned(heap, 16384, sizes[i]), sizes[i]);
	}
	CHECK_EQ(stats_of(heap).n_held, 0);
	CHECK_EQ(stats_of(heap).n_strays, 0);
	char *block = balloon_heap_allocate(heap, 1000);
	mark(block, 1000, 1);
	balloon_heap_free_sized(heap, block, 5000);
	balloon_heap_free_sized(heap, &local, sizeof(local));
	balloon_heap_free_sized(heap, NULL, 1);
	balloon_heap_free_sized(NULL, block, 1);
	CHECK_EQ(stats_of(heap).n_strays, 2);
	CHECK(stats_of(heap).n_held > 0 && is_marked(block, 1000, 1));
	balloon_heap_free(heap, block);
	end_heap(heap);
}

static void an_alignment_may_be_as_large_as_the_heap(void)
{
	struct balloon_heap *heap = make_heap((struct balloon_heap_config){0}, N_PAGES);
	const size_t size = (size_t)N_PAGES * 4096;
	char *odd = balloon_heap_allocate(heap, 16384); /* where the most aligned one would be */
	for (size_t alignment = 8 * MIB; alignment < size; alignment *= 2) {
		char *block = balloon_heap_allocate_aligned(heap, alignment, 3000);
		CHECK(block && (uintptr_t)block % alignment == 0);
		balloon_heap_free(heap, block);
	}
	CHECK(!balloon_heap_allocate_aligned(heap, size, 3000));
	balloon_heap_free(heap, odd);
	odd = balloon_heap_allocate_aligned(heap, size, size / 2);
	CHECK(odd && (uintptr_t)odd % size == 0);
	balloon_heap_free(heap, odd);
	CHECK(!balloon_heap_allocate_aligned(
		heap, 2 * size, 1)); /* were it there by chance, even */
	end_heap(heap);
}

/* The largest power of two up to its size, or 4 MiB, whatever the size is. */
static void addresses_are_aligned_as_far_as_the_heap_is_large(void)
{
	static const uint32_t n_mib[] = {1, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 63};
	for (size_t i = 0; i < sizeof(n_mib) / sizeof(*n_mib); i++) {
		struct balloon_heap *heap =
			make_heap((struct balloon_heap_config){0}, n_mib[i] * (MIB / 4096));
		size_t most = 4 * MIB;
		while (2 * most <= (size_t)n_mib[i] * MIB)
			most *= 2;
		CHECK_EQ((uintptr_t)balloon_heap_base(heap) % most, 0);
		char *block = balloon_heap_allocate_aligned(heap, most, 100);
		CHECK(block && (uintptr_t)block % most == 0);
		CHECK(!balloon_heap_allocate_aligned(heap, 2 * most, 100));
		balloon_heap_free(heap, block);
		end_heap(heap);
	}
}

/* ---- What a heap says of itself -------------------------------------------------------------- */

/* How often jemalloc has brought its statistics of all arenas up to date. */
static uint64_t n_refreshes(void)
{
	uint64_t n = 0;
	size_t size = sizeof(n);
	CHECK_EQ(mallctl("epoch", &n, &size, NULL, 0), 0);
	return n;
}

static void no_other_arena_is_looked_at_to_count_or_to_end(void)
{
	uint64_t n_before = n_refreshes();
	struct balloon_heap *heap = make_heap((struct balloon_heap_config){0}, 1024);
	CHECK(balloon_heap_allocate(heap, 100));
	CHECK(stats_of(heap).n_held > 0);
	CHECK_EQ(balloon_heap_destroy(heap), 0);
	CHECK_EQ(n_refreshes(), n_before);
}

static void memory_that_decays_is_held_and_not_active(void)
{
	struct balloon_heap *heap =
		make_heap((struct balloon_heap_config){.decay_ms = 100000}, N_PAGES);
	void *kept = balloon_heap_allocate(heap, MIB);
	void *block = balloon_heap_allocate(heap, 4 * MIB);
	CHECK(usage_of(heap).active_bytes >= 5 * MIB);
	balloon_heap_free(heap, block);
	CHECK(stats_of(heap).n_held * 4096 >= 5 * MIB);
	uint64_t active = usage_of(heap).active_bytes;
	CHECK(active >= MIB && active < 2 * MIB);
	balloon_heap_free(heap, kept);
	end_heap(heap);
}

static void what_is_resident_is_what_the_kernel_says(void)
{
	struct balloon_heap *heap = make_heap((struct balloon_heap_config){0}, N_PAGES);
	struct balloon balloon = make_balloon(heap);
	char *block = balloon_heap_allocate(heap, 2 * MIB);
	CHECK(resident(heap) < MIB);
	memset(block, 1, 2 * MIB);
	CHECK(resident(heap) >= 2 * MIB && resident(heap) < 3 * MIB);
	struct balloon_heap_usage usage = usage_of(heap);
	CHECK(usage.allocated_bytes >= 2 * MIB && usage.allocated_bytes < 3 * MIB);
	balloon_heap_free(heap, block);
	CHECK(resident(heap) >= 2 * MIB); /* free, and still the process's */
	bring_to(&balloon, N_PAGES);
	CHECK_EQ(resident(heap), 0);
	CHECK_EQ(balloon_heap_usage(NULL, &usage), -EINVAL);
	CHECK_EQ(balloon_heap_usage(heap, NULL), -EINVAL);
	end_balloon(heap, &balloon);
	end_heap(heap);
}

/* Of a heap so large that the kernel is asked more than once: pages here and there, the last one, and all. */
static void each_page_that_is_resident_counts(void)
{
	enum { MANY_PAGES = (1 << 17) + 100, APART = 1021 };
	struct balloon_heap *heap = make_heap((struct balloon_heap_config){0}, MANY_PAGES);
	char *base = balloon_heap_base(heap);
	uint64_t n = 0;
	CHECK_EQ(resident(heap), 0);
	for (size_t page = APART; page < MANY_PAGES; page += APART, n++)
		base[page * 4096] = 1;
	CHECK_EQ(resident(heap), n * 4096);
	base[(size_t)MANY_PAGES * 4096 - 1] = 1;
	CHECK_EQ(resident(heap), (n + 1) * 4096);
	end_heap(heap);
}

void calls_claims(void)
{
	what_is_cleared_is_zero_whatever_was_there();
	what_is_cleared_is_not_touched();
	a_product_that_is_too_large_gets_nothing();
	strings_are_copied();
	any_address_may_be_asked_about();
	a_good_size_is_what_can_be_used();
	a_block_changes_its_size_in_place();
	a_block_is_freed_by_its_size();
	an_alignment_may_be_as_large_as_the_heap();
	addresses_are_aligned_as_far_as_the_heap_is_large();
	no_other_arena_is_looked_at_to_count_or_to_end();
	memory_that_decays_is_held_and_not_active();
	what_is_resident_is_what_the_kernel_says();
	each_page_that_is_resident_counts();
}
