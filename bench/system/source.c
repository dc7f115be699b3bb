/* SPDX-License-Identifier: MIT */
#include "system/source.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

static struct source *source_of(struct balloon_frames *frames)
{
	return (struct source *)((char *)frames - offsetof(struct source, frames));
}

static int allocate(struct balloon_frames *frames, struct balloon_page *pages, size_t n_pages,
	unsigned allocation)
{
	(void)allocation;
	struct source *source = source_of(frames);
	pthread_mutex_lock(&source->mutex);
	uint32_t left = source->n_frames - source->next;
	uint32_t n = n_pages < left ? (uint32_t)n_pages : left;
	for (uint32_t i = 0; i < n; i++) {
		pages[i] = source->order[source->next++];
		source->is_out[pages[i].index] = 1;
	}
	source->n_out += n;
	pthread_mutex_unlock(&source->mutex);
	return n > 0 ? (int)n : -ENOMEM;
}

static void free_frames(
	struct balloon_frames *frames, const struct balloon_page *pages, size_t n_pages)
{
	struct source *source = source_of(frames);
	pthread_mutex_lock(&source->mutex);
	for (size_t i = 0; i < n_pages; i++) {
		if (pages[i].index >= source->n_frames || !source->is_out[pages[i].index]) {
			source->violation = "a frame was given back that was not out";
			continue;
		}
		source->is_out[pages[i].index] = 0;
		source->n_out--;
	}
	pthread_mutex_unlock(&source->mutex);
}

static const struct balloon_frames_ops ops = {
	.name = "ordered", .allocate = allocate, .free = free_frames};

int source_init(struct source *source, const struct balloon_page *order, uint32_t n_frames)
{
	*source = (struct source){.frames = {&ops}, .order = order, .n_frames = n_frames};
	source->is_out = calloc(n_frames, 1);
	if (!source->is_out)
		return -ENOMEM;
	pthread_mutex_init(&source->mutex, NULL);
	return 0;
}

void source_fini(struct source *source)
{
	pthread_mutex_destroy(&source->mutex);
	free(source->is_out);
}
