/* SPDX-License-Identifier: MIT */
#include "system/told.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <balloon/madvise.h>

enum { MEMORY_ALIGN = 16 };

int told_init(struct told *told, uint32_t request_pages)
{
	size_t n_bytes = balloon_request_size(request_pages);
	n_bytes = (n_bytes + MEMORY_ALIGN - 1) / MEMORY_ALIGN * MEMORY_ALIGN;
	told->memory = aligned_alloc(MEMORY_ALIGN, n_bytes);
	if (!told->memory)
		return -ENOMEM;
	return balloon_request_init(&told->request, told->memory, request_pages);
}

void told_fini(struct told *told)
{
	free(told->memory);
	told->memory = NULL;
}

/* One request from its beginning to its end. */
static int tell(struct trial *trial, enum balloon_request_kind kind, uint32_t first, uint32_t n)
{
	struct told *told = trial->own;
	struct balloon_request *request = &told->request;
	memcpy(request->pages, ground_of(trial)->order + first, n * sizeof *request->pages);
	int result = balloon_request_prepare(request, kind, n);
	if (result == 0)
		result = balloon_request_submit(told->channel, request);
	if (result == 0)
		result = balloon_request_wait(told->channel, request, BALLOON_NEVER);
	if (result == 0 && request->n_done != n)
		result = request->error;
	return result;
}

static int tell_all(struct trial *trial, enum balloon_request_kind kind)
{
	const uint32_t n_pages = ground_of(trial)->n_pages, request = release_of(trial)->request;
	int result = 0;
	for (uint32_t first = 0; first < n_pages && result == 0; first += request)
		result = tell(
			trial, kind, first, n_pages - first < request ? n_pages - first : request);
	return result;
}

int told_inflate(struct trial *trial)
{
	return tell_all(trial, BALLOON_REQUEST_INFLATE);
}

int told_deflate(struct trial *trial)
{
	return tell_all(trial, BALLOON_REQUEST_DEFLATE);
}

int told_cycle(struct trial *trial, uint32_t first, uint32_t n)
{
	int result = tell(trial, BALLOON_REQUEST_INFLATE, first, n);
	return result < 0 ? result : tell(trial, BALLOON_REQUEST_DEFLATE, first, n);
}

const char *told_check(struct trial *trial)
{
	struct told *told = trial->own;
	struct balloon_channel_stats stats;
	balloon_channel_stats(told->channel, &stats);
	if (stats.n_outstanding > 0 || stats.n_completed != stats.n_submitted)
		return "requests are not answered that were waited for";
	return stats.n_stray > 0 ? "answers came that nobody asked for" : NULL;
}

/* ---- The kernel ------------------------------------------------------------------------------ */

static int open_madvise(struct trial *trial, enum balloon_madvise_call call)
{
	const struct ground *ground = ground_of(trial);
	struct balloon_madvise_config config = {.base = ground->base,
		.page_size = ground->page_bytes,
		.n_pages = ground->n_pages,
		.call = call};
	struct told *told = calloc(1, sizeof *told);
	if (!told)
		return -ENOMEM;
	int result = balloon_madvise_create(&config, &told->channel);
	if (result == 0 && (result = told_init(told, release_of(trial)->request)) < 0)
		balloon_madvise_destroy(told->channel);
	if (result < 0)
		free(told);
	else
		trial->own = told;
	return result;
}

static void close_madvise(struct trial *trial)
{
	struct told *told = trial->own;
	balloon_madvise_destroy(told->channel);
	told_fini(told);
	free(told);
}

static int open_vector(struct trial *trial)
{
	return open_madvise(trial, BALLOON_MADVISE_VECTOR);
}

static int open_each(struct trial *trial)
{
	return open_madvise(trial, BALLOON_MADVISE_EACH);
}

static const struct releaser by_vector = {
	.name = "madvise-vector",
	.channel = "madvise",
	.call = "vector",
	.kind = TRIAL_CHANNEL,
	.open = open_vector,
	.close = close_madvise,
	.inflate = told_inflate,
	.deflate = told_deflate,
	.cycle = told_cycle,
	.check = told_check,
};

static const struct releaser by_each = {
	.name = "madvise-each",
	.channel = "madvise",
	.call = "each",
	.kind = TRIAL_CHANNEL,
	.open = open_each,
	.close = close_madvise,
	.inflate = told_inflate,
	.deflate = told_deflate,
	.cycle = told_cycle,
	.check = told_check,
};

const struct releaser *const channel_releasers[] = {&by_vector, &by_each, NULL};
