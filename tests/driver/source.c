/* SPDX-License-Identifier: MIT */
#include "source.h"

#include <stdlib.h>

static void accuse(struct source *source, const char *what)
{
	if (!source->violation)
		source->violation = what;
}

static struct source *source_of(struct balloon_frames *frames)
{
	return (struct source *)(void *)frames;
}

/* Caller holds the mutex. */
static uint32_t pop(struct source *source, struct balloon_page *pages, uint32_t n_pages)
{
	uint32_t n = 0;
	for (; n < n_pages && source->n_free > 0; n++) {
		pages[n] = source->free[--source->n_free];
		source->is_out[pages[n].index] = 1;
	}
	return n;
}

uint32_t source_take(struct source *source, struct balloon_page *pages, uint32_t n_pages)
{
	pthread_mutex_lock(&source->mutex);
	uint32_t n = pop(source, pages, n_pages);
	pthread_mutex_unlock(&source->mutex);
	for (uint32_t i = 0; i < n; i++)
		if (host_page(source->host, pages[i].index) != HOST_PAGE_GUEST)
			accuse(source, "a frame is handed out that the host has");
	return n;
}

static int allocate(struct balloon_frames *frames, struct balloon_page *pages, size_t n_pages)
{
	struct source *source = source_of(frames);
	uint32_t n_wanted = (uint32_t)n_pages;
	pthread_mutex_lock(&source->mutex);
	uint64_t n_calls = ++source->n_calls;
	bool fails = n_calls == source->fail_at;
	pthread_mutex_unlock(&source->mutex);
	if (source->on_allocate && !source->on_allocate(source->context, n_calls))
		fails = true;
	if (source->max_per_call && source->max_per_call < n_wanted)
		n_wanted = source->max_per_call;
	uint32_t n = fails ? 0 : source_take(source, pages, n_wanted);
	return n ? (int)n : -ENOMEM;
}

void source_give(struct source *source, const struct balloon_page *pages, uint32_t n_pages)
{
	for (uint32_t i = 0; i < n_pages; i++)
		if (host_page(source->host, pages[i].index) != HOST_PAGE_GUEST)
			accuse(source, "a frame is freed that the host has");
	pthread_mutex_lock(&source->mutex);
	for (uint32_t i = 0; i < n_pages; i++) {
		if (!source->is_out[pages[i].index])
			accuse(source, "a frame is freed twice");
		source->is_out[pages[i].index] = 0;
		if (source->n_free < source->n_pages)
			source->free[source->n_free++] = pages[i];
	}
	pthread_mutex_unlock(&source->mutex);
}

static void give(struct balloon_frames *frames, const struct balloon_page *pages, size_t n_pages)
{
	source_give(source_of(frames), pages, (uint32_t)n_pages);
}

uint32_t source_n_free(struct source *source)
{
	pthread_mutex_lock(&source->mutex);
	uint32_t n = source->n_free;
	pthread_mutex_unlock(&source->mutex);
	return n;
}

static uint64_t n_free(struct balloon_frames *frames)
{
	return source_n_free(source_of(frames));
}

static const struct balloon_frames_ops ops = {
	.name = "test",
	.allocate = allocate,
	.free = give,
	.n_free = n_free,
};

void source_init(struct source *source, uint32_t n_pages, struct host *host)
{
	*source = (struct source){.frames = {&ops},
		.host = host,
		.n_pages = n_pages,
		.free = calloc(n_pages, sizeof(*source->free)),
		.is_out = calloc(n_pages, 1)};
	pthread_mutex_init(&source->mutex, NULL);
	/* Runs of adjacent frames, and runs that run backwards. */
	for (uint32_t i = 0; i < n_pages; i++) {
		uint32_t reversed = i / 8 * 8 + (7 - i % 8);
		bool is_reversed = i / 8 % 3 == 1 && reversed < n_pages && i / 8 * 8 + 7 < n_pages;
		source->free[source->n_free++] = balloon_page(is_reversed ? reversed : i);
	}
}

void source_fini(struct source *source)
{
	pthread_mutex_destroy(&source->mutex);
	free(source->free);
	free(source->is_out);
}

void source_fail_at(struct source *source, uint64_t n)
{
	pthread_mutex_lock(&source->mutex);
	source->fail_at = source->n_calls + n;
	pthread_mutex_unlock(&source->mutex);
}
