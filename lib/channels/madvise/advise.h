/* SPDX-License-Identifier: MIT */
/* Advice to the kernel about memory of this process, in one call, by vector, or range by range. */
#ifndef BALLOON_CHANNELS_MADVISE_ADVISE_H
#define BALLOON_CHANNELS_MADVISE_ADVISE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "platform/birthmark.h"

/** How a process names itself to process_madvise(). */
struct balloon_self {
	int pidfd;                          /* or a number that always means the caller */
	struct balloon_birthmark birthmark; /* if it is a descriptor: of whom it names */
};

/** Ranges that are still to do, in order, and how far it is. */
struct balloon_advising {
	struct iovec *ranges;
	size_t n_ranges;
	uint64_t n_bytes_done;
};

/**
 * Does the kernel know an advice? It is asked about no bytes at `base`: by vector, or, if self is NULL, by
 * madvise(). Returns 0 or a negative errno.
 */
int balloon_advice_try(const struct balloon_self *self, void *base, int advice);

/** A way to name ourselves that the kernel takes for this advice. Returns 0 or a negative errno. */
int balloon_self_open(struct balloon_self *self, void *base, int advice);
void balloon_self_close(struct balloon_self *self);

/**
 * Advise range after range. self: NULL for one call a range, else by vectors, and range by range where
 * the kernel refuses those. Returns 0; or a negative errno, and everything before n_bytes_done is done.
 */
int balloon_advise(const struct balloon_self *self, int advice, struct balloon_advising *work);

#endif
