/* SPDX-License-Identifier: MIT */
/* The pages of one guest: a bit says that the host has it. */
#include "channels/memfd/pages.h"

#include "channels/memfd/wire.h"

enum { BITS = 64 };

size_t balloon_memfd_held_words(uint64_t n_pages)
{
	return (size_t)((n_pages + BITS - 1) / BITS);
}

static bool is_held(const struct balloon_memfd_host *host, uint64_t page)
{
	return host->held[page / BITS] >> (page % BITS) & 1;
}

/* The bits of one word from page `first` on, n at most; how many there are in n_bits. */
static uint64_t word_part(uint64_t first, uint64_t n, uint32_t *n_bits)
{
	uint32_t at = (uint32_t)(first % BITS);
	*n_bits = n < BITS - at ? (uint32_t)n : BITS - at;
	return UINT64_MAX >> (BITS - *n_bits) << at;
}

/* How many pages from `first` on, n at most, are held, or are not. */
static uint32_t count_alike(
	const struct balloon_memfd_host *host, uint32_t first, uint32_t n, bool held)
{
	uint64_t end = (uint64_t)first + n;
	uint64_t page = first;
	uint32_t n_bits;
	for (; page < end; page += n_bits) {
		uint64_t part = word_part(page, end - page, &n_bits);
		if ((host->held[page / BITS] & part) != (held ? part : 0))
			break;
	}
	while (page < end && is_held(host, page) == held)
		page++;
	return (uint32_t)(page - first);
}

static void flip(struct balloon_memfd_host *host, uint32_t first, uint32_t n)
{
	uint64_t end = (uint64_t)first + n;
	uint32_t n_bits;
	for (uint64_t page = first; page < end; page += n_bits)
		host->held[page / BITS] ^= word_part(page, end - page, &n_bits);
}

static uint32_t n_affordable(const struct balloon_memfd_host *host, uint32_t n)
{
	uint64_t max = host->config.max_pages;
	uint64_t left = max > host->stats.n_held ? max - host->stats.n_held : 0;
	return max == 0 || left >= n ? n : (uint32_t)left;
}

static int punch(struct balloon_memfd_host *host, uint32_t first, uint32_t n)
{
	uint64_t page_size = host->stats.page_size;
	return n == 0 ? 0
		      : host->config.punch(host->config.context, first * page_size, n * page_size);
}

static void inflate_slice(struct balloon_memfd_doing *doing, uint32_t first, uint32_t n)
{
	struct balloon_memfd_host *host = doing->host;
	uint32_t n_free = count_alike(host, first, n, false);
	uint32_t n_taken = n_affordable(host, n_free);
	int result = punch(host, first, n_taken);
	if (result < 0) {
		doing->error = result >= -MEMFD_ERROR_MAX ? result : -EIO;
		return;
	}
	flip(host, first, n_taken);
	host->stats.n_held += n_taken;
	host->stats.n_inflated += n_taken;
	doing->n_done += n_taken;
	if (n_taken < n)
		doing->error = n_taken < n_free ? -ENOSPC : -EEXIST;
}

/* By slices: no punch takes long, and what one that fails leaves undone is known to a slice. */
void balloon_memfd_inflate(struct balloon_memfd_doing *doing, uint32_t first, uint32_t n)
{
	uint64_t page_size = doing->host->stats.page_size;
	uint32_t slice = page_size < BALLOON_MEMFD_PUNCH_BYTES
				 ? (uint32_t)(BALLOON_MEMFD_PUNCH_BYTES / page_size)
				 : 1;
	while (n > 0 && doing->error == 0) {
		uint32_t n_slice = n < slice ? n : slice;
		inflate_slice(doing, first, n_slice);
		first += n_slice;
		n -= n_slice;
	}
}

void balloon_memfd_deflate(struct balloon_memfd_doing *doing, uint32_t first, uint32_t n)
{
	struct balloon_memfd_host *host = doing->host;
	uint32_t n_given = count_alike(host, first, n, true);
	flip(host, first, n_given);
	host->stats.n_held -= n_given;
	host->stats.n_deflated += n_given;
	doing->n_done += n_given;
	if (n_given < n)
		doing->error = -ENOENT;
}

bool balloon_memfd_host_has(const struct balloon_memfd_host *host, uint32_t page)
{
	return host && page < host->stats.n_pages && is_held(host, page);
}

int balloon_memfd_host_validate(const struct balloon_memfd_host *host)
{
	uint64_t n_held = 0;
	if (!host)
		return -EINVAL;
	const struct balloon_memfd_host_stats *stats = &host->stats;
	uint64_t n_bits = balloon_memfd_held_words(stats->n_pages) * BITS;
	for (uint64_t page = 0; page < n_bits; page++) {
		if (is_held(host, page) && page >= stats->n_pages)
			return -EUCLEAN;
		n_held += is_held(host, page);
	}
	if (n_held != stats->n_held || stats->n_inflated - stats->n_deflated != n_held ||
		(host->config.max_pages && n_held > host->config.max_pages))
		return -EUCLEAN;
	return 0;
}
