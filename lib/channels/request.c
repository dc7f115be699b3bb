/* SPDX-License-Identifier: MIT */
/*
 * Requests: the pages of a batch, sorted and merged into ranges.
 *
 * Sorting pays for itself many times: the kernel releases adjacent pages cheaper than scattered ones.
 * By radix, a byte at a time, it costs some nanoseconds a page; bytes that all pages share cost a look.
 */
#include <balloon/channel.h>

#include "internal.h"

enum {
	ALIGN = 16,
	SCRATCH_PER_PAGE = 16,
	BYTE_VALUES = 256,
	FEW = 32,           /* so many and fewer are sorted by insertion */
	SCRATCH_MIN = 4096, /* a histogram, and FEW pages or more */
};

static size_t round_up(size_t n_bytes)
{
	return (n_bytes + ALIGN - 1) / ALIGN * ALIGN;
}

static size_t pages_bytes(uint32_t capacity)
{
	return round_up(capacity * sizeof(struct balloon_page));
}

static size_t ranges_bytes(uint32_t capacity)
{
	return round_up(capacity * sizeof(struct balloon_range));
}

/* Sorting wants a second array of pages and a histogram. */
static size_t scratch_bytes(uint32_t capacity)
{
	size_t n_bytes = (size_t)capacity * SCRATCH_PER_PAGE;
	return n_bytes > SCRATCH_MIN ? n_bytes : SCRATCH_MIN;
}

size_t balloon_request_size(uint32_t capacity)
{
	if (capacity == 0 || capacity > BALLOON_REQUEST_PAGES_MAX)
		return 0;
	return scratch_bytes(capacity) + pages_bytes(capacity) + ranges_bytes(capacity);
}

int balloon_request_init(struct balloon_request *request, void *memory, uint32_t capacity)
{
	if (!request || !memory || (uintptr_t)memory % ALIGN || balloon_request_size(capacity) == 0)
		return -EINVAL;
	unsigned char *at = memory;
	memset(request, 0, sizeof(*request));
	request->scratch = at;
	at += scratch_bytes(capacity);
	request->pages = (struct balloon_page *)(void *)at;
	at += pages_bytes(capacity);
	request->ranges = (struct balloon_range *)(void *)at;
	request->capacity_pages = capacity;
	request->state = BALLOON_REQUEST_FREE;
	return 0;
}

static void sort_by_insertion(struct balloon_page *pages, uint32_t n)
{
	for (uint32_t i = 1; i < n; i++) {
		struct balloon_page page = pages[i];
		uint32_t j = i;
		for (; j > 0 && pages[j - 1].index > page.index; j--)
			pages[j] = pages[j - 1];
		pages[j] = page;
	}
}

/* One pass over one byte, stable: from `from` to `to`. */
static void sort_by_byte(const struct balloon_page *from, struct balloon_page *to, uint32_t n,
	unsigned shift, uint32_t *starts)
{
	uint32_t start = 0;
	memset(starts, 0, BYTE_VALUES * sizeof(*starts));
	for (uint32_t i = 0; i < n; i++)
		starts[(from[i].index >> shift) % BYTE_VALUES]++;
	for (unsigned value = 0; value < BYTE_VALUES; value++) {
		uint32_t count = starts[value];
		starts[value] = start;
		start += count;
	}
	for (uint32_t i = 0; i < n; i++)
		to[starts[(from[i].index >> shift) % BYTE_VALUES]++] = from[i];
}

/* Which bits differ between any two pages. *is_sorted: strictly ascending. */
static uint32_t look_at(const struct balloon_page *pages, uint32_t n, bool *is_sorted)
{
	uint32_t differ = 0;
	uint32_t n_descents = 0;
	for (uint32_t i = 1; i < n; i++) {
		differ |= pages[i].index ^ pages[0].index;
		n_descents += pages[i].index <= pages[i - 1].index;
	}
	*is_sorted = n_descents == 0;
	return differ;
}

static void sort_by_radix(struct balloon_request *request, uint32_t n, uint32_t differ)
{
	uint32_t *starts = request->scratch;
	struct balloon_page *from = request->pages;
	struct balloon_page *to = (struct balloon_page *)(void *)(starts + BYTE_VALUES);
	for (unsigned shift = 0; shift < 32; shift += 8) {
		if (((differ >> shift) % BYTE_VALUES) == 0)
			continue;
		sort_by_byte(from, to, n, shift, starts);
		struct balloon_page *other = from;
		from = to;
		to = other;
	}
	if (from != request->pages)
		memcpy(request->pages, from, n * sizeof(*from));
}

/* Merge neighbours of sorted pages. Returns 0, or -EINVAL: a page twice. */
static int make_ranges(struct balloon_request *request, uint32_t n)
{
	struct balloon_range *range = request->ranges;
	*range = (struct balloon_range){request->pages[0].index, 1};
	for (uint32_t i = 1; i < n; i++) {
		uint32_t index = request->pages[i].index;
		if (index == request->pages[i - 1].index)
			return -EINVAL;
		if (index == range->first + range->n_pages)
			range->n_pages++;
		else
			*++range = (struct balloon_range){index, 1};
	}
	request->n_ranges = (uint32_t)(range - request->ranges) + 1;
	return 0;
}

int balloon_request_prepare(
	struct balloon_request *request, enum balloon_request_kind kind, uint32_t n)
{
	if (!request || n == 0 || n > request->capacity_pages)
		return -EINVAL;
	if (request->state == BALLOON_REQUEST_OUTSTANDING)
		return -EBUSY;
	bool is_sorted;
	uint32_t differ = look_at(request->pages, n, &is_sorted);
	if (!is_sorted && n <= FEW)
		sort_by_insertion(request->pages, n);
	else if (!is_sorted)
		sort_by_radix(request, n, differ);
	request->kind = kind;
	request->n_pages = n;
	request->n_ranges = 0;
	request->state = BALLOON_REQUEST_FREE;
	return make_ranges(request, n);
}
