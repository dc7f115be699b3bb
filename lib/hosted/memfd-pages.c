/* SPDX-License-Identifier: MIT */
/* The pages of one guest: a bit says that the host has it. */
#include "memfd-pages.h"

#include "memfd-wire.h"

enum { BITS = 64 };

size_t balloon_memfd_held_words(uint64_t n_pages)
{
	return (size_t)((n_pages + BITS - 1) / BITS);
}

static bool is_held(const struct balloon_memfd_host *host, uint64_t page)
{
	return host->held[page / BITS] >> (page % BITS) & 1;
}

/* How many pages from `first` on, n at most, are held, or are not. */
static uint32_t count_alike(
	const struct balloon_memfd_host *host, uint32_t first, uint32_t n, bool held)
{
	uint32_t n_alike = 0;
	while (n_alike < n && is_held(host, (uint64_t)first + n_alike) == held)
		n_alike++;
	return n_alike;
}

static void flip(struct balloon_memfd_host *host, uint32_t first, uint32_t n)
{
	for (uint64_t page = first; page < (uint64_t)first + n; page++)
		host->held[page / BITS] ^= UINT64_C(1) << (page % BITS);
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

void balloon_memfd_inflate(struct balloon_memfd_doing *doing, uint32_t first, uint32_t n)
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
