/* SPDX-License-Identifier: MIT */
/*
 * Which memory is this: that in which something was made, or a copy of it in a child of fork()?
 *
 * Process numbers do not say: a child may have its parent's, in a namespace of its own. A page that the kernel
 * empties in every copy of the memory says it (Linux 4.14). A child that shares its parent's memory, as of
 * vfork(), finds it as it is.
 */
#ifndef BALLOON_PLATFORM_BIRTHMARK_H
#define BALLOON_PLATFORM_BIRTHMARK_H

#include <stdbool.h>
#include <stdint.h>

struct balloon_birthmark {
	const uint32_t *mark; /* not 0 where it was made */
};

/** Returns 0; -ENOMEM, or why the kernel does not empty pages: a negative errno. */
int balloon_birthmark_make(struct balloon_birthmark *birthmark);
void balloon_birthmark_end(struct balloon_birthmark *birthmark);

static inline bool birthmark_is_here(const struct balloon_birthmark *birthmark)
{
	return *birthmark->mark != 0;
}

#endif
