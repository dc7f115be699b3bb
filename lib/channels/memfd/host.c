/* SPDX-License-Identifier: MIT */
/*
 * The host of a memfd channel, without its sockets: one guest's messages in, answers out.
 *
 * Every number of a message is checked before any of it is done: a malformed message changes nothing.
 * What remains to go wrong is in the state of pages, and stops a request at that page.
 */
#include "channels/memfd/pages.h"
#include "channels/memfd/wire.h"

#include <balloon/request.h>

#include <stdlib.h>
#include <string.h>

enum { PAGE_SIZE_DEFAULT = 4096 };

#define MEMORY_PAGES_DEFAULT (UINT64_C(1) << 28)

/* ---- Messages -------------------------------------------------------------------------------- */

static void make_answer(
	struct balloon_memfd_answer *answer, uint64_t id, uint32_t n_done, int error)
{
	memfd_put_header(answer->bytes, MEMFD_ANSWER, BALLOON_MEMFD_ANSWER_BYTES, id);
	memfd_put(answer->bytes + ANSWER_N_DONE, 4, n_done);
	memfd_put(answer->bytes + ANSWER_ERROR, 4, (uint32_t)error);
	answer->n_bytes = BALLOON_MEMFD_ANSWER_BYTES;
}

static bool is_good_page_size(const struct balloon_memfd_host *host, uint32_t page_size)
{
	return page_size != 0 && (page_size & (page_size - 1)) == 0 &&
	       page_size % host->config.page_size == 0;
}

static int check_hello(const struct balloon_memfd_host *host, const struct memfd_header *header,
	const unsigned char *message, const struct balloon_memfd_memory *memory)
{
	uint32_t page_size = memfd_get32(message + HELLO_PAGE_SIZE);
	uint64_t n_pages = memfd_get(message + HELLO_N_PAGES, 8);
	if (header->version != MEMFD_VERSION)
		return -EPROTONOSUPPORT;
	if (memfd_get32(message + HELLO_RESERVED) != 0)
		return -EPROTO;
	if (!memory)
		return -EBADF;
	if (!memory->is_sealed)
		return -EPERM;
	if (!is_good_page_size(host, page_size) || n_pages == 0 ||
		n_pages > memory->size_bytes / page_size)
		return -EINVAL;
	return n_pages > host->config.max_memory_pages ? -E2BIG : 0;
}

static int hello(struct balloon_memfd_host *host, const struct memfd_header *header,
	const unsigned char *message, const struct balloon_memfd_memory *memory)
{
	int result = check_hello(host, header, message, memory);
	if (result < 0)
		return result;
	uint64_t n_pages = memfd_get(message + HELLO_N_PAGES, 8);
	host->held = calloc(balloon_memfd_held_words(n_pages), sizeof(*host->held));
	if (!host->held)
		return -ENOMEM;
	host->stats.n_pages = n_pages;
	host->stats.page_size = memfd_get32(message + HELLO_PAGE_SIZE);
	return 0;
}

static struct balloon_range range_at(const unsigned char *message, uint32_t i)
{
	const unsigned char *at = message + REQUEST_RANGES + (size_t)i * RANGE_BYTES;
	return (struct balloon_range){memfd_get32(at), memfd_get32(at + 4)};
}

/* Ascending, disjoint, within the memory, and together as many pages as it says. */
static bool are_ranges_good(const struct balloon_memfd_host *host, const unsigned char *message)
{
	uint32_t n_ranges = memfd_get32(message + REQUEST_N_RANGES);
	uint64_t n_pages = 0;
	uint64_t end = 0;
	for (uint32_t i = 0; i < n_ranges; i++) {
		struct balloon_range range = range_at(message, i);
		if (range.n_pages == 0 || range.first < end)
			return false;
		end = (uint64_t)range.first + range.n_pages;
		n_pages += range.n_pages;
	}
	return end <= host->stats.n_pages && n_pages == memfd_get32(message + REQUEST_N_PAGES) &&
	       n_pages <= BALLOON_REQUEST_PAGES_MAX;
}

static bool is_request_good(const struct balloon_memfd_host *host,
	const struct memfd_header *header, const unsigned char *message)
{
	if (header->version != MEMFD_VERSION || !host->held || header->id == 0 ||
		header->n_bytes < REQUEST_RANGES)
		return false;
	uint32_t n_ranges = memfd_get32(message + REQUEST_N_RANGES);
	return n_ranges > 0 && n_ranges <= BALLOON_MEMFD_RANGES_MAX &&
	       header->n_bytes == REQUEST_RANGES + n_ranges * RANGE_BYTES &&
	       are_ranges_good(host, message);
}

static void do_request(
	struct balloon_memfd_doing *doing, uint32_t type, const unsigned char *message)
{
	struct balloon_memfd_host_stats *stats = &doing->host->stats;
	uint32_t n_ranges = memfd_get32(message + REQUEST_N_RANGES);
	for (uint32_t i = 0; i < n_ranges && doing->error == 0; i++) {
		struct balloon_range range = range_at(message, i);
		if (type == MEMFD_INFLATE)
			balloon_memfd_inflate(doing, range.first, range.n_pages);
		else
			balloon_memfd_deflate(doing, range.first, range.n_pages);
	}
	stats->n_requests++;
	stats->n_refused += doing->error != 0;
}

static int feed_hello(struct balloon_memfd_host *host, const struct memfd_header *header,
	const unsigned char *message, const struct balloon_memfd_memory *memory,
	struct balloon_memfd_answer *answer)
{
	if (host->held || header->id != 0 || header->n_bytes != HELLO_BYTES)
		return -EPROTO;
	int result = hello(host, header, message, memory);
	make_answer(answer, 0, 0, result);
	return result;
}

int balloon_memfd_host_feed(struct balloon_memfd_host *host, const void *bytes, size_t n_bytes,
	const struct balloon_memfd_memory *memory, struct balloon_memfd_answer *answer)
{
	struct memfd_header header;
	if (!host || !bytes || !answer)
		return -EINVAL;
	memset(answer, 0, sizeof(*answer));
	if (!memfd_get_header(bytes, n_bytes, &header))
		return -EPROTO;
	if (header.type == MEMFD_HELLO)
		return feed_hello(host, &header, bytes, memory, answer);
	if ((header.type != MEMFD_INFLATE && header.type != MEMFD_DEFLATE) || memory ||
		!is_request_good(host, &header, bytes))
		return -EPROTO;
	struct balloon_memfd_doing doing = {host, 0, 0};
	do_request(&doing, header.type, bytes);
	make_answer(answer, header.id, doing.n_done, doing.error);
	return 0;
}

/* ---- Life ------------------------------------------------------------------------------------ */

int balloon_memfd_host_create(
	const struct balloon_memfd_host_config *config, struct balloon_memfd_host **host)
{
	if (!config || !config->punch || !host)
		return -EINVAL;
	struct balloon_memfd_host *made = calloc(1, sizeof(*made));
	if (!made)
		return -ENOMEM;
	made->config = *config;
	if (made->config.page_size == 0)
		made->config.page_size = PAGE_SIZE_DEFAULT;
	/* Pages are numbered by 32 bits. */
	if (made->config.max_memory_pages == 0)
		made->config.max_memory_pages = MEMORY_PAGES_DEFAULT;
	if (made->config.max_memory_pages > UINT32_MAX)
		made->config.max_memory_pages = UINT32_MAX;
	*host = made;
	return 0;
}

void balloon_memfd_host_destroy(struct balloon_memfd_host *host)
{
	if (host)
		free(host->held);
	free(host);
}

int balloon_memfd_host_stats(
	const struct balloon_memfd_host *host, struct balloon_memfd_host_stats *stats)
{
	if (!host || !stats)
		return -EINVAL;
	*stats = host->stats;
	return 0;
}
