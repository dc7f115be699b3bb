/* SPDX-License-Identifier: MIT */
/* A frame source that hands frames out in a given order, and keeps what comes back to itself. */
#ifndef SYSTEM_SOURCE_H
#define SYSTEM_SOURCE_H

#include <pthread.h>

#include <balloon/frames-ops.h>

struct source {
	struct balloon_frames frames;
	pthread_mutex_t mutex; /* protects the rest */
	const struct balloon_page *order;
	uint32_t n_frames;
	uint32_t next;  /* in the order: what is handed out next; to be set while all are back */
	uint32_t n_out; /* frames */
	unsigned char *is_out; /* by frame */
	const char *violation; /* what was given back that was not out; NULL: nothing */
};

/** All frames of the order, which is a permutation of them. Returns 0 or -ENOMEM. */
int source_init(struct source *source, const struct balloon_page *order, uint32_t n_frames);
void source_fini(struct source *source);

#endif
