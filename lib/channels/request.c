/* SPDX-License-Identifier: MIT */
/*
 * Requests: the pages of a batch, sorted and merged into ranges.
 *
 * Sorting pays for itself many times: the kernel releases adjacent pages cheaper than scattered ones.
 * By radix, a byte at a time, it costs some nanoseconds a page; bytes that all pages share cost a look.
 */
#include <balloon/channel-ops.h>

#include "core/memory.h"

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
	balloon_atomic_init(&request->state, BALLOON_REQUEST_FREE, BALLOON_SHARED_REQUEST_STATE);
	return 0;
}

static void sort_by_insertion(struct balloon_page *pages, uint32_t n)
{
	for (uint32_t i = 1; i < n; i++) {
		struct balloon_page page = BALLOON_READ(pages[i]);
		uint32_t j = i;
		for (; j > 0; j--) {
			struct balloon_page before = BALLOON_READ(pages[j - 1]);
			if (before.index <= page.index)
				break;
			BALLOON_WRITE(pages[j], before);
		}
		BALLOON_WRITE(pages[j], page);
	}
}

static void reverse(struct balloon_page *pages, uint32_t n)
{
	for (uint32_t i = 0; i < n / 2; i++) {
		struct balloon_page first = BALLOON_READ(pages[i]);
		struct balloon_page last = BALLOON_READ(pages[n - 1 - i]);
		BALLOON_WRITE(pages[i], last);
		BALLOON_WRITE(pages[n - 1 - i], first);
	}
}

/* One pass over one byte, stable: from `from` to `to`. */
static void sort_by_byte(const struct balloon_page *from, struct balloon_page *to, uint32_t n,
	unsigned shift, uint32_t *starts)
{
	uint32_t start = 0;
	memset(starts, 0, BYTE_VALUES * sizeof(*starts));
	for (uint32_t i = 0; i < n; i++) {
		struct balloon_page page = BALLOON_READ(from[i]);
		starts[(page.index >> shift) % BYTE_VALUES]++;
	}
	for (unsigned value = 0; value < BYTE_VALUES; value++) {
		uint32_t count = starts[value];
		starts[value] = start;
		start += count;
	}
	for (uint32_t i = 0; i < n; i++) {
		struct balloon_page page = BALLOON_READ(from[i]);
		uint32_t at = starts[(page.index >> shift) % BYTE_VALUES]++;
		BALLOON_WRITE(to[at], page);
	}
}

static void sort_by_radix(struct balloon_request *request, uint32_t n, uint32_t differ)
{
	uint32_t *starts = request->scratch;
	struct balloon_page *pages = BALLOON_READ(request->pages);
	struct balloon_page *from = pages;
	struct balloon_page *to = (struct balloon_page *)(void *)(starts + BYTE_VALUES);
	for (unsigned shift = 0; shift < 32; shift += 8) {
		if (((differ >> shift) % BYTE_VALUES) == 0)
			continue;
		sort_by_byte(from, to, n, shift, starts);
		struct balloon_page *other = from;
		from = to;
		to = other;
	}
	if (from != pages)
		memcpy(pages, from, n * sizeof(*from));
}

/* Do the pages run up or down without a gap, as sources and balloons often give them? */
static bool is_run(const struct balloon_page *pages, uint32_t n, uint32_t step)
{
	struct balloon_page first = BALLOON_READ(pages[0]);
	uint32_t expected = first.index;
	uint32_t differ = 0;
	for (uint32_t i = 0; i < n && differ == 0; i++, expected += step) {
		struct balloon_page page = BALLOON_READ(pages[i]);
		differ = page.index ^ expected;
	}
	return differ == 0;
}

/* One range, then. Returns whether they do. */
static bool make_run(struct balloon_request *request, uint32_t n)
{
	struct balloon_page *pages = BALLOON_READ(request->pages);
	struct balloon_range *ranges = BALLOON_READ(request->ranges);
	struct balloon_page first = BALLOON_READ(pages[0]);
	struct balloon_page last = BALLOON_READ(pages[n - 1]);
	/* By its ends, so that no run goes past the last number. */
	bool is_down = last.index < first.index;
	if (!is_run(pages, n, is_down ? UINT32_MAX : 1))
		return false;
	if (is_down)
		reverse(pages, n);
	BALLOON_WRITE(ranges[0].first, is_down ? last.index : first.index);
	BALLOON_WRITE(ranges[0].n_pages, n);
	return true;
}

/* How the pages lie, by one look. */
struct order {
	uint32_t differ;     /* bits that differ between any two of them */
	uint32_t n_descents; /* neighbours that are equal or descend */
};

static struct order look_at(const struct balloon_page *pages, uint32_t n)
{
	struct order order = {0, 0};
	struct balloon_page first = BALLOON_READ(pages[0]);
	for (uint32_t i = 1; i < n; i++) {
		struct balloon_page page = BALLOON_READ(pages[i]);
		order.differ |= page.index ^ first.index;
		struct balloon_page before = BALLOON_READ(pages[i - 1]);
		order.n_descents += page.index <= before.index;
	}
	return order;
}

static void sort(struct balloon_request *request, uint32_t n)
{
	struct balloon_page *pages = BALLOON_READ(request->pages);
	struct order order = look_at(pages, n);
	if (order.n_descents == 0)
		return;
	if (order.n_descents == n - 1)
		reverse(pages, n);
	else if (n <= FEW)
		sort_by_insertion(pages, n);
	else
		sort_by_radix(request, n, order.differ);
}

/* Merge neighbours of sorted pages. Returns how many ranges that makes; 0: a page is there twice. */
static uint32_t make_ranges(struct balloon_request *request, uint32_t n)
{
	const struct balloon_page *pages = BALLOON_READ(request->pages);
	struct balloon_range *ranges = BALLOON_READ(request->ranges);
	struct balloon_page page = BALLOON_READ(pages[0]);
	struct balloon_range range = {page.index, 1};
	uint32_t n_ranges = 0;
	for (uint32_t i = 1; i < n; i++) {
		uint32_t before = page.index;
		page = BALLOON_READ(pages[i]);
		if (page.index == before)
			return 0;
		if (page.index == before + 1) {
			range.n_pages++;
		} else {
			BALLOON_WRITE(ranges[n_ranges], range);
			n_ranges++;
			range = (struct balloon_range){page.index, 1};
		}
	}
	BALLOON_WRITE(ranges[n_ranges], range);
	return n_ranges + 1;
}

int balloon_request_prepare(
	struct balloon_request *request, enum balloon_request_kind kind, uint32_t n)
{
	if (!request)
		return -EINVAL;
	if (balloon_request_state(request) == BALLOON_REQUEST_OUTSTANDING)
		return -EBUSY;
	/* Whatever goes wrong from here on leaves nothing that could be submitted. */
	balloon_atomic_store(&request->state, BALLOON_REQUEST_FREE, BALLOON_RELAXED);
	BALLOON_WRITE(request->n_pages, 0);
	BALLOON_WRITE(request->n_ranges, 0);
	if (n == 0 || n > request->capacity_pages)
		return -EINVAL;
	uint32_t n_ranges = 1;
	if (!make_run(request, n)) {
		sort(request, n);
		n_ranges = make_ranges(request, n);
	}
	if (n_ranges == 0)
		return -EINVAL;
	BALLOON_WRITE(request->kind, kind);
	BALLOON_WRITE(request->n_pages, n);
	BALLOON_WRITE(request->n_ranges, n_ranges);
	return 0;
}
