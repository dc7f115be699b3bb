/* SPDX-License-Identifier: MIT */
#include "system/release.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <balloon/madvise.h>

enum { MEMORY_ALIGN = 16 };

int by_channel_init(struct by_channel *by_channel, uint32_t request_pages)
{
	size_t n_bytes = balloon_request_size(request_pages);
	n_bytes = (n_bytes + MEMORY_ALIGN - 1) / MEMORY_ALIGN * MEMORY_ALIGN;
	by_channel->memory = aligned_alloc(MEMORY_ALIGN, n_bytes);
	if (!by_channel->memory)
		return -ENOMEM;
	return balloon_request_init(&by_channel->request, by_channel->memory, request_pages);
}

void by_channel_fini(struct by_channel *by_channel)
{
	free(by_channel->memory);
	by_channel->memory = NULL;
}

/* One request from its beginning to its end. */
static int tell(struct trial *trial, enum balloon_request_kind kind, uint32_t first, uint32_t n)
{
	struct by_channel *by_channel = trial->own;
	struct balloon_request *request = &by_channel->request;
	memcpy(request->pages, region_of(trial)->order + first, n * sizeof *request->pages);
	int result = balloon_request_prepare(request, kind, n);
	if (result == 0)
		result = balloon_request_submit(by_channel->channel, request);
	if (result == 0)
		result = balloon_request_wait(by_channel->channel, request, BALLOON_NEVER);
	if (result == 0 && request->n_done != n)
		result = request->error;
	return result;
}

static int tell_all(struct trial *trial, enum balloon_request_kind kind)
{
	const uint32_t n_pages = region_of(trial)->n_pages, request = release_of(trial)->request;
	int result = 0;
	for (uint32_t first = 0; first < n_pages && result == 0; first += request)
		result = tell(
			trial, kind, first, n_pages - first < request ? n_pages - first : request);
	return result;
}

int by_channel_inflate(struct trial *trial)
{
	return tell_all(trial, BALLOON_REQUEST_INFLATE);
}

int by_channel_deflate(struct trial *trial)
{
	return tell_all(trial, BALLOON_REQUEST_DEFLATE);
}

int by_channel_cycle(struct trial *trial, uint32_t first, uint32_t n)
{
	int result = tell(trial, BALLOON_REQUEST_INFLATE, first, n);
	return result < 0 ? result : tell(trial, BALLOON_REQUEST_DEFLATE, first, n);
}

const char *by_channel_check(struct trial *trial)
{
	struct by_channel *by_channel = trial->own;
	struct balloon_channel_stats stats;
	balloon_channel_stats(by_channel->channel, &stats);
	if (stats.n_outstanding > 0 || stats.n_completed != stats.n_submitted)
		return "requests are not answered that were waited for";
	return stats.n_stray > 0 ? "answers came that nobody asked for" : NULL;
}

/* ---- The kernel ------------------------------------------------------------------------------ */

static int open_madvise(struct trial *trial, enum balloon_madvise_call call)
{
	const struct region *region = region_of(trial);
	struct balloon_madvise_config config = {.base = region->base,
		.page_size = region->page_bytes,
		.n_pages = region->n_pages,
		.call = call};
	struct by_channel *by_channel = trial->own;
	int result = balloon_madvise_create(&config, &by_channel->channel);
	if (result == 0 && (result = by_channel_init(by_channel, release_of(trial)->request)) < 0)
		balloon_madvise_destroy(by_channel->channel);
	return result;
}

static void close_madvise(struct trial *trial)
{
	struct by_channel *by_channel = trial->own;
	balloon_madvise_destroy(by_channel->channel);
	by_channel_fini(by_channel);
}

static int open_vector(struct trial *trial)
{
	return open_madvise(trial, BALLOON_MADVISE_VECTOR);
}

static int open_each(struct trial *trial)
{
	return open_madvise(trial, BALLOON_MADVISE_EACH);
}

#define BY_MADVISE(which)                                                                          \
	{                                                                                          \
		.name = "madvise-" #which, .kind = "channel", .channel = "madvise",                \
		.call = #which, .own_bytes = sizeof(struct by_channel), .open = open_##which,      \
		.close = close_madvise, .inflate = by_channel_inflate,                             \
		.deflate = by_channel_deflate, .cycle = by_channel_cycle,                          \
		.check = by_channel_check                                                          \
	}

static const struct releaser by_vector = BY_MADVISE(vector), by_each = BY_MADVISE(each);

const struct releaser *const channel_releasers[] = {&by_vector, &by_each, NULL};
