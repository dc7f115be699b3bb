/* SPDX-License-Identifier: MIT */
/* What kind of memory is mapped there, as the kernel says, without touching it. */
#ifndef BALLOON_CHANNELS_MADVISE_MAPPING_H
#define BALLOON_CHANNELS_MADVISE_MAPPING_H

#include <stddef.h>

/**
 * May memory there be given up in units of page_size bytes? Private, anonymous, not locked, of pages that are
 * no larger.
 *
 * Returns 0; -EFAULT: not all of it is mapped; -EXDEV: shared, or of a file; -EPERM: locked; -EOPNOTSUPP: of
 * larger pages; -ENOSYS: the kernel does not say, as where there is no /proc, or no descriptor is left.
 */
int balloon_mapping_check(const void *base, size_t size_bytes, size_t page_size);

#endif
