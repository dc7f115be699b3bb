/* SPDX-License-Identifier: MIT */
/* The madvise channel: which pages the kernel has afterwards, of what was asked for and could be. */

#define _GNU_SOURCE 1 /* MAP_ANONYMOUS */

#include <sys/mman.h>

#include "madvise-fixture.h"
#include "suite.h"

/* Pages first, first + step, ... are given up; those and no others have left. */
static void check_steps(enum balloon_madvise_call call, uint32_t first, uint32_t step, uint32_t n)
{
	struct memory memory;
	struct balloon_request *request = request_new(n);
	memory_map(&memory, first + n * step + 1);
	struct balloon_channel *channel = channel_for(&memory, BALLOON_ADVICE_DONTNEED, call);
	CHECK_EQ(request_prepare_steps(request, BALLOON_REQUEST_INFLATE, first, step, n), 0);
	give(channel, request);
	CHECK_EQ(request->error, 0);
	CHECK_EQ(request->n_done, n);
	for (uint32_t i = 0; i < n; i++)
		CHECK_EQ(request->pages[i].index, first + i * step);
	for (uint32_t page = 0; page < memory.n_pages; page++) {
		bool is_given =
			page >= first && (page - first) % step == 0 && (page - first) / step < n;
		check_given(&memory, page, is_given);
	}
	CHECK_EQ(balloon_madvise_destroy(channel), 0);
	memory_unmap(&memory);
	request_delete(request);
}

Test(madvise, gives_the_pages_of_the_request_and_no_others)
{
	for (int call = 0; call < CALLS; call++) {
		if (call == BALLOON_MADVISE_VECTOR && !has_vectors())
			continue;
		check_steps((enum balloon_madvise_call)call, 3, 1, 1);
		check_steps((enum balloon_madvise_call)call, 1, 1, 80);
		check_steps((enum balloon_madvise_call)call, 1, 2, 40);
		check_steps((enum balloon_madvise_call)call, 0, 2, 1024);
		check_steps((enum balloon_madvise_call)call, 0, 2, 1025);
		check_steps((enum balloon_madvise_call)call, 5, 3, 2 * 1024 + 77);
	}
}

Test(madvise, deflated_memory_can_be_used)
{
	struct memory memory;
	struct balloon_request *request = request_new(PAGES);
	memory_map(&memory, PAGES);
	struct balloon_channel *channel =
		channel_for(&memory, BALLOON_ADVICE_DONTNEED, BALLOON_MADVISE_AUTO);
	CHECK_EQ(request_prepare_steps(request, BALLOON_REQUEST_INFLATE, 0, 1, PAGES), 0);
	give(channel, request);
	CHECK_EQ(memory_smaps_kb(&memory, "Rss"), 0);
	CHECK_EQ(request_prepare_steps(request, BALLOON_REQUEST_DEFLATE, 0, 1, PAGES), 0);
	give(channel, request);
	CHECK_EQ(request->n_done, PAGES);
	CHECK_EQ(memory_smaps_kb(&memory, "Rss"), 0);
	for (uint32_t page = 0; page < PAGES; page++)
		memory_write(&memory, page);
	/* Nothing is said about memory that is wanted back, or used already. */
	give(channel, request);
	for (uint32_t page = 0; page < PAGES; page++)
		CHECK(memory_is_kept(&memory, page));
	CHECK_EQ(balloon_madvise_destroy(channel), 0);
	memory_unmap(&memory);
	request_delete(request);
}

/* What each advice leaves: lazily freed memory is counted as such, the others keep contents. */
static void check_advice(enum balloon_advice advice)
{
	struct memory memory;
	struct balloon_request *request = request_new(PAGES);
	memory_map(&memory, PAGES);
	struct balloon_channel *channel = channel_for(&memory, advice, BALLOON_MADVISE_AUTO);
	CHECK_EQ(request_prepare_steps(request, BALLOON_REQUEST_INFLATE, 0, 2, PAGES / 2), 0);
	give(channel, request);
	CHECK_EQ(request->error, 0);
	CHECK_EQ(request->n_done, PAGES / 2);
	/* The kernel marks them in batches: the last ones may not be counted yet. */
	CHECK_EQ(memory_smaps_kb(&memory, "LazyFree") > 0, advice == BALLOON_ADVICE_FREE);
	for (uint32_t page = 0; page < PAGES; page++)
		CHECK(memory_is_kept(&memory, page) ||
			(advice == BALLOON_ADVICE_FREE && memory_is_zero(&memory, page)));
	CHECK_EQ(balloon_madvise_destroy(channel), 0);
	memory_unmap(&memory);
	request_delete(request);
}

Test(madvise, other_advices_leave_contents_until_the_kernel_wants_the_memory)
{
	check_advice(BALLOON_ADVICE_FREE);
	check_advice(BALLOON_ADVICE_COLD);
	check_advice(BALLOON_ADVICE_PAGEOUT);
}

/* ---- Page sizes ------------------------------------------------------------------------------ */

Test(madvise, map_pages_of_several_system_pages)
{
	enum { SMALL = 16, LARGE = 12 };
	struct memory small;
	struct balloon_request *request = request_new(LARGE);
	memory_map(&small, SMALL * LARGE);
	struct memory large = {small.base, small.page_size * SMALL, LARGE};
	struct balloon_channel *channel =
		channel_for(&large, BALLOON_ADVICE_DONTNEED, BALLOON_MADVISE_AUTO);
	CHECK_EQ(request_prepare_steps(request, BALLOON_REQUEST_INFLATE, 1, 2, 3), 0);
	give(channel, request);
	CHECK_EQ(request->n_done, 3);
	for (uint32_t page = 0; page < small.n_pages; page++)
		check_given(&small, page, page / SMALL < 6 && page / SMALL % 2 == 1);
	/* A hole within a page: that page is not done. */
	CHECK_EQ(munmap(large.base + 10 * large.page_size + 3 * small.page_size, small.page_size),
		0);
	CHECK_EQ(request_prepare_steps(request, BALLOON_REQUEST_INFLATE, 7, 1, 5), 0);
	give(channel, request);
	CHECK_EQ(request->error, -ENOMEM);
	CHECK_EQ(request->n_done, 3);
	CHECK_EQ(balloon_madvise_destroy(channel), 0);
	memory_unmap(&small);
	request_delete(request);
}

/* One vectored call takes no more than 2 GiB. */
Test(madvise, requests_of_many_gibibytes)
{
	enum { N = 5 };
	size_t page_size = (size_t)1 << 30;
	unsigned char *base = mmap(NULL, N * page_size, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (sizeof(size_t) < 8 || base == MAP_FAILED || !has_vectors())
		return;
	struct memory memory = {base, page_size, N};
	struct balloon_request *request = request_new(N);
	struct balloon_channel *channel =
		channel_for(&memory, BALLOON_ADVICE_DONTNEED, BALLOON_MADVISE_AUTO);
	for (size_t i = 0; i < N; i++) {
		base[i * page_size] = 1;
		base[(i + 1) * page_size - 1] = 1;
	}
	CHECK_EQ(request_prepare_steps(request, BALLOON_REQUEST_INFLATE, 0, 2, 3), 0);
	give(channel, request);
	CHECK_EQ(request->error, 0);
	CHECK_EQ(request->n_done, 3);
	for (size_t i = 0; i < N; i++) {
		CHECK_EQ(base[i * page_size], i % 2);
		CHECK_EQ(base[(i + 1) * page_size - 1], i % 2);
	}
	CHECK_EQ(balloon_madvise_destroy(channel), 0);
	munmap(base, N * page_size);
	request_delete(request);
}

/* ---- Misuse ---------------------------------------------------------------------------------- */

static int try_create(struct balloon_madvise_config config)
{
	struct balloon_channel *channel;
	int result = balloon_madvise_create(&config, &channel);
	if (result == 0)
		CHECK_EQ(balloon_madvise_destroy(channel), 0);
	return result;
}

Test(madvise, what_cannot_be_a_map_is_refused)
{
	struct memory memory;
	memory_map(&memory, 8);
	const struct balloon_madvise_config good = {.base = memory.base, .n_pages = 8};
	struct balloon_madvise_config bad = good;
	struct balloon_channel *channel;
	CHECK_EQ(try_create(good), 0);
	CHECK_EQ(balloon_madvise_create(NULL, &channel), -EINVAL);
	CHECK_EQ(balloon_madvise_create(&good, NULL), -EINVAL);
	bad.base = NULL;
	CHECK_EQ(try_create(bad), -EINVAL);
	bad.base = memory.base + 1;
	CHECK_EQ(try_create(bad), -EINVAL);
	bad = good;
	bad.n_pages = 0;
	CHECK_EQ(try_create(bad), -EINVAL);
	bad.n_pages = UINT32_MAX;
	bad.page_size = SIZE_MAX / 2 + 1; /* more than there are addresses */
	CHECK_EQ(try_create(bad), -EINVAL);
	bad = good;
	bad.page_size = memory.page_size / 2;
	CHECK_EQ(try_create(bad), -EINVAL);
	bad = good;
	bad.advice = (enum balloon_advice)77;
	CHECK_EQ(try_create(bad), -EINVAL);
	bad = good;
	bad.call = (enum balloon_madvise_call)77;
	CHECK_EQ(try_create(bad), -EINVAL);
	munmap(memory.base + 5 * memory.page_size, memory.page_size);
	CHECK_EQ(try_create(good), -EFAULT);
	memory_unmap(&memory);
}

/* What is merely not mapped is another matter. */
Test(madvise, a_map_ends_where_the_addresses_do)
{
	if (sizeof(size_t) < 8)
		return;
	struct memory memory;
	memory_map(&memory, 8);
	CHECK_EQ(munmap(memory.base + memory.page_size, memory.page_size), 0);
	struct balloon_madvise_config config = {.base = memory.base, .n_pages = 1};
	config.page_size = UINT64_C(1) << 32; /* and there is no number for such a page size */
	CHECK_EQ(try_create(config), -EINVAL);
	config.page_size -= memory.page_size;
	CHECK_EQ(try_create(config), -EFAULT);
	uint64_t n_pages = (UINTPTR_MAX - (uintptr_t)memory.base) / config.page_size;
	/* From the lowest addresses, where Valgrind maps memory, no map comes to the end. */
	if (n_pages < UINT32_MAX) {
		config.n_pages = (uint32_t)n_pages;
		CHECK_EQ(try_create(config), -EFAULT);
		config.n_pages++;
		CHECK_EQ(try_create(config), -EINVAL);
		config.n_pages = UINT32_MAX;
		CHECK_EQ(try_create(config), -EINVAL);
	}
	memory_unmap(&memory);
}

Test(madvise, a_channel_that_somebody_has_does_not_end)
{
	struct memory memory;
	struct balloon_request *request = request_new(1);
	memory_map(&memory, 1);
	for (int call = 0; call < CALLS; call++) {
		if (call == BALLOON_MADVISE_VECTOR && !has_vectors())
			continue;
		struct balloon_channel *channel = channel_for(
			&memory, BALLOON_ADVICE_DONTNEED, (enum balloon_madvise_call)call);
		CHECK_EQ(balloon_channel_claim(channel, &memory, NULL), 0);
		CHECK_EQ(balloon_madvise_destroy(channel), -EBUSY);
		CHECK_EQ(request_prepare_steps(request, BALLOON_REQUEST_INFLATE, 0, 1, 1), 0);
		give(channel, request);
		CHECK_EQ(request->error, 0);
		balloon_channel_release(channel, &memory);
		CHECK_EQ(balloon_madvise_destroy(channel), 0);
	}
	memory_unmap(&memory);
	request_delete(request);
}

Test(madvise, pages_outside_the_map_are_refused)
{
	struct memory memory;
	struct balloon_request *request = request_new(8);
	memory_map(&memory, 8);
	memory.n_pages = 6; /* the channel's: the last two are somebody else's */
	struct balloon_channel *channel =
		channel_for(&memory, BALLOON_ADVICE_DONTNEED, BALLOON_MADVISE_AUTO);
	CHECK_EQ(request_prepare_steps(request, BALLOON_REQUEST_INFLATE, 0, 1, 7), 0);
	CHECK_EQ(balloon_request_submit(channel, request), -EINVAL);
	CHECK_EQ(request_prepare_steps(request, BALLOON_REQUEST_INFLATE, 4, 2, 2), 0);
	CHECK_EQ(balloon_request_submit(channel, request), -EINVAL);
	CHECK_EQ(request_prepare_steps(request, BALLOON_REQUEST_INFLATE, 0, UINT32_MAX, 2), 0);
	CHECK_EQ(balloon_request_submit(channel, request), -EINVAL);
	for (uint32_t page = 0; page < 8; page++)
		CHECK(memory_is_kept(&memory, page));
	struct balloon_channel other;
	balloon_channel_init(&other, &balloon_null_channel_ops);
	CHECK_EQ(balloon_madvise_call(&other), -EINVAL);
	CHECK_EQ(balloon_madvise_call(NULL), -EINVAL);
	CHECK_EQ(balloon_madvise_destroy(&other), -EINVAL);
	CHECK_EQ(balloon_madvise_destroy(NULL), -EINVAL);
	CHECK_EQ(balloon_channel_fini(&other), 0);
	CHECK_EQ(balloon_madvise_destroy(channel), 0);
	memory.n_pages = 8;
	memory_unmap(&memory);
	request_delete(request);
}

Test(madvise, its_geometry_is_its_memorys)
{
	struct memory memory;
	memory_map(&memory, PAGES);
	struct balloon_channel *channel =
		channel_for(&memory, BALLOON_ADVICE_DONTNEED, BALLOON_MADVISE_EACH);
	CHECK_EQ(channel->geometry.first_pfn, BALLOON_PFN_ANY);
	CHECK_EQ(channel->geometry.n_pages, PAGES);
	CHECK_EQ(channel->geometry.page_size_bytes, memory.page_size);
	CHECK_EQ(balloon_channel_reset(channel), 0); /* nothing is ever outstanding */
	CHECK_EQ(balloon_channel_descriptor(channel), -1);
	CHECK_EQ(balloon_madvise_destroy(channel), 0);
	memory_unmap(&memory);
}
