/* SPDX-License-Identifier: MIT */
/* Memory that is given away through a madvise channel, for the tests of that. */
#ifndef CHANNELS_GIVEN_H
#define CHANNELS_GIVEN_H

#include <balloon/madvise.h>

#include "memory.h"

enum { CALLS = 3, PAGES = 96 };

/** A channel for the whole memory. */
struct balloon_channel *channel_for(
	const struct memory *memory, enum balloon_advice advice, enum balloon_madvise_call call);

/** A kernel, or Valgrind, may know no vectors: then the default still works. */
bool has_vectors(void);

/** Submit a request and wait for it. */
void give(struct balloon_channel *channel, struct balloon_request *request);

/** Has the kernel this page, or is it as it was? */
void check_given(const struct memory *memory, uint32_t page, bool is_given);

#endif
