/* SPDX-License-Identifier: MIT */
#include "source.h"

static void accuse(struct source *source, const char *what)
{
	if (!source->violation)
		source->violation = what;
}

static struct source *source_of(struct balloon_frames *frames)
{
	return (struct source *)(void *)frames;
}

/* Caller holds the lock. */
static uint32_t pop(struct source *source, struct balloon_page *pages, uint32_t n_pages)
{
	uint32_t n = 0;
	for (; n < n_pages && source->n_free > 0; n++) {
		pages[n] = source->free[--source->n_free];
		source->is_out[pages[n].index] = 1;
	}
	if (source->n_free < source->least_free)
		source->least_free = source->n_free;
	return n;
}

uint32_t source_take(struct source *source, struct balloon_page *pages, uint32_t n_pages)
{
	runtime_lock(&source->lock);
	uint32_t n = pop(source, pages, n_pages);
	runtime_unlock(&source->lock);
	for (uint32_t i = 0; i < n; i++)
		if (host_page(source->host, pages[i].index) != HOST_PAGE_GUEST)
			accuse(source, "a frame is handed out that the host has");
	return n;
}

static int allocate(struct balloon_frames *frames, struct balloon_page *pages, size_t n_pages,
	unsigned allocation)
{
	struct source *source = source_of(frames);
	uint32_t n_wanted = (uint32_t)n_pages;
	runtime_lock(&source->lock);
	uint64_t n_calls = ++source->n_calls;
	source->last_allocation = allocation;
	bool fails = n_calls == source->fail_at;
	runtime_unlock(&source->lock);
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
	runtime_lock(&source->lock);
	for (uint32_t i = 0; i < n_pages; i++) {
		if (!source->is_out[pages[i].index])
			accuse(source, "a frame is freed twice");
		source->is_out[pages[i].index] = 0;
		if (source->n_free < source->n_pages)
			source->free[source->n_free++] = pages[i];
	}
	runtime_unlock(&source->lock);
}

static void give(struct balloon_frames *frames, const struct balloon_page *pages, size_t n_pages)
{
	source_give(source_of(frames), pages, (uint32_t)n_pages);
}

uint32_t source_n_free(struct source *source)
{
	runtime_lock(&source->lock);
	uint32_t n = source->n_free;
	runtime_unlock(&source->lock);
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
		.least_free = n_pages,
		.free = runtime_allocate(n_pages * sizeof(*source->free)),
		.is_out = runtime_allocate(n_pages)};
	runtime_lock_init(&source->lock);
	/* Runs of adjacent frames, and runs that run backwards. */
	for (uint32_t i = 0; i < n_pages; i++) {
		uint32_t reversed = i / 8 * 8 + (7 - i % 8);
		bool is_reversed = i / 8 % 3 == 1 && reversed < n_pages && i / 8 * 8 + 7 < n_pages;
		source->free[source->n_free++] = balloon_page(is_reversed ? reversed : i);
	}
}

void source_fini(struct source *source)
{
	runtime_lock_fini(&source->lock);
	runtime_free(source->free);
	runtime_free(source->is_out);
}

void source_fail_at(struct source *source, uint64_t n)
{
	runtime_lock(&source->lock);
	source->fail_at = source->n_calls + n;
	runtime_unlock(&source->lock);
}
