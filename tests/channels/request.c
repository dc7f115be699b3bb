/* SPDX-License-Identifier: MIT */
/* Requests: what becomes of a batch of pages, held against the obvious way to do it. */

#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "suite.h"

enum { CAPACITY = 3000 };

static uint64_t random_state = UINT64_C(0x9e3779b97f4a7c15);

static uint32_t random_below(uint64_t end)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)((random_state >> 20) % end);
}

static int compare(const void *a, const void *b)
{
	uint32_t x = ((const struct balloon_page *)a)->index;
	uint32_t y = ((const struct balloon_page *)b)->index;
	return (x > y) - (x < y);
}

/* The model: sort, and see whether a page is there twice. */
static bool sort_naively(struct balloon_page *pages, uint32_t n)
{
	bool is_good = true;
	qsort(pages, n, sizeof(*pages), compare);
	for (uint32_t i = 1; i < n; i++)
		is_good = is_good && pages[i].index != pages[i - 1].index;
	return is_good;
}

static void check_ranges(const struct balloon_request *request)
{
	uint32_t at = 0;
	for (uint32_t i = 0; i < request->n_ranges; i++) {
		struct balloon_range range = request->ranges[i];
		if (i > 0)
			CHECK(request->ranges[i - 1].first +
					(uint64_t)request->ranges[i - 1].n_pages <
				range.first);
		for (uint32_t j = 0; j < range.n_pages; j++)
			CHECK_EQ(request->pages[at++].index, range.first + j);
	}
	CHECK_EQ(at, request->n_pages);
}

static void check_prepare(struct balloon_request *request, uint32_t n)
{
	struct balloon_page *model = calloc(n, sizeof(*model));
	for (uint32_t i = 0; i < n; i++)
		model[i] = request->pages[i];
	bool is_good = sort_naively(model, n);
	int result = balloon_request_prepare(request, BALLOON_REQUEST_DEFLATE, n);
	CHECK_EQ(result, is_good ? 0 : -EINVAL);
	for (uint32_t i = 0; i < n && is_good; i++)
		CHECK_EQ(request->pages[i].index, model[i].index);
	if (is_good) {
		CHECK_EQ(request->n_pages, n);
		CHECK_EQ(request->kind, BALLOON_REQUEST_DEFLATE);
		check_ranges(request);
	}
	free(model);
}

/* n distinct pages, one of each `spread` indexes from `base` on, in random order. */
static void fill_shuffled(
	struct balloon_request *request, uint32_t n, uint32_t base, uint32_t spread)
{
	for (uint32_t i = 0; i < n; i++)
		request->pages[i] = balloon_page(base + i * spread + random_below(spread));
	for (uint32_t i = n - 1; i > 0; i--) {
		uint32_t j = random_below(i + 1);
		struct balloon_page page = request->pages[i];
		request->pages[i] = request->pages[j];
		request->pages[j] = page;
	}
}

static void check_shapes(struct balloon_request *request, uint32_t n)
{
	fill_shuffled(request, n, 0, 1);
	check_prepare(request, n);
	fill_shuffled(request, n, UINT32_MAX - 2 * n, 2);
	check_prepare(request, n);
	fill_shuffled(request, n, 0, UINT32_MAX / n);
	check_prepare(request, n);
	check_prepare(request, n); /* sorted already */
	for (uint32_t i = 0; i < n; i++)
		request->pages[i] = balloon_page(70000 - i);
	check_prepare(request, n);
	for (uint32_t i = 0; i < n; i++) /* likely twice */
		request->pages[i] = balloon_page(random_below(3 * n));
	check_prepare(request, n);
	fill_shuffled(request, n, 5, 3);
	request->pages[random_below(n)] = request->pages[random_below(n)];
	check_prepare(request, n);
}

/* Pages that run up, or down, and i of them before the numbers begin anew. */
static void check_past_the_last(struct balloon_request *request, uint32_t n, uint32_t i)
{
	for (uint32_t page = 0; page < n; page++)
		request->pages[page] = balloon_page(page - i);
	check_prepare(request, n);
	for (uint32_t page = 0; page < n; page++)
		request->pages[page] = balloon_page(i - 1 - page);
	check_prepare(request, n);
}

Test(request, prepare_sorts_and_merges_as_the_obvious_way_does)
{
	struct balloon_request *request = request_new(CAPACITY);
	const uint32_t sizes[] = {1, 2, 3, 31, 32, 33, 85, 86, 255, 256, 257, 1000, CAPACITY};
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		check_shapes(request, sizes[i]);
	for (uint32_t i = 0; i < scaled(200); i++)
		check_shapes(request, 1 + random_below(300));
	for (uint32_t n = 2; n < 70; n++)
		for (uint32_t i = 1; i < n; i++)
			check_past_the_last(request, n, i);
	request_delete(request);
	/* Memory of exactly its size: sanitizers see what goes beyond. */
	for (uint32_t n = 1; n < scaled(300); n += 7) {
		request = request_new(n);
		check_shapes(request, n);
		request_delete(request);
	}
}

Test(request, what_cannot_be_a_request_is_refused)
{
	struct balloon_request request;
	_Alignas(16) static unsigned char memory[8192];
	CHECK_EQ(balloon_request_size(0), 0);
	CHECK_EQ(balloon_request_size(BALLOON_REQUEST_PAGES_MAX + 1), 0);
	CHECK(balloon_request_size(BALLOON_REQUEST_PAGES_MAX) > 0);
	CHECK(balloon_request_size(8) <= sizeof(memory));
	CHECK_EQ(balloon_request_init(NULL, memory, 8), -EINVAL);
	CHECK_EQ(balloon_request_init(&request, NULL, 8), -EINVAL);
	CHECK_EQ(balloon_request_init(&request, memory + 8, 8), -EINVAL);
	CHECK_EQ(balloon_request_init(&request, memory, 0), -EINVAL);
	CHECK_EQ(balloon_request_init(&request, memory, BALLOON_REQUEST_PAGES_MAX + 1), -EINVAL);
	CHECK_EQ(balloon_request_init(&request, memory, 8), 0);
	CHECK_EQ(balloon_request_prepare(NULL, BALLOON_REQUEST_INFLATE, 1), -EINVAL);
	CHECK_EQ(balloon_request_prepare(&request, BALLOON_REQUEST_INFLATE, 0), -EINVAL);
	CHECK_EQ(balloon_request_prepare(&request, BALLOON_REQUEST_INFLATE, 9), -EINVAL);
	for (uint32_t i = 0; i < 8; i++)
		request.pages[i] = balloon_page(i);
	CHECK_EQ(balloon_request_prepare(&request, BALLOON_REQUEST_INFLATE, 8), 0);
}

/* Symptom: a request that could not be prepared was submitted with the ranges of the one before. */
Test(request, what_could_not_be_prepared_cannot_be_submitted)
{
	struct balloon_channel channel;
	struct balloon_request *request = request_new(8);
	balloon_channel_init(&channel, &balloon_null_channel_ops);
	for (int kind = 0; kind < 3; kind++) {
		CHECK_EQ(request_prepare_steps(request, BALLOON_REQUEST_INFLATE, 0, 2, 8), 0);
		CHECK_EQ(balloon_request_submit(&channel, request), 0);
		request->pages[0] = request->pages[7];
		const uint32_t n_pages[] = {8, 0, 9}; /* one twice, none, too many */
		CHECK_EQ(balloon_request_prepare(request, BALLOON_REQUEST_DEFLATE, n_pages[kind]),
			-EINVAL);
		CHECK_EQ(balloon_request_state(request), BALLOON_REQUEST_FREE);
		CHECK_EQ(request->n_ranges, 0);
		CHECK_EQ(request->n_pages, 0);
		CHECK_EQ(balloon_request_submit(&channel, request), -EINVAL);
	}
	CHECK_EQ(balloon_channel_fini(&channel), 0);
	request_delete(request);
}

/* As leaks give them. Sorting by radix, which takes several times as long, would use the scratch memory. */
Test(request, what_descends_is_reversed)
{
	struct balloon_request *request = request_new(CAPACITY);
	unsigned char *scratch = request->scratch;
	for (uint32_t n = 33; n <= CAPACITY; n += 989) {
		memset(scratch, 0x55, 4096);
		for (uint32_t i = 0; i < n; i++)
			request->pages[i] = balloon_page(9 * (CAPACITY - i) / 2);
		check_prepare(request, n);
		for (uint32_t i = 0; i < 4096; i++)
			CHECK_EQ(scratch[i], 0x55);
	}
	request_delete(request);
}
