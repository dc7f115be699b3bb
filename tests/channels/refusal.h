/* SPDX-License-Identifier: MIT */
/* Kernels that refuse a call, as old ones do: by a filter on this process's system calls, for good. */
#ifndef CHANNELS_REFUSAL_H
#define CHANNELS_REFUSAL_H

#include <stdbool.h>

/** Whom the kernel refuses process_madvise() for. */
enum refused_for {
	REFUSED_FOR_ANY,
	REFUSED_FOR_NUMBERS, /* anything but descriptors: before Linux 6.14 */
};

/** From now on the call fails with this errno. Returns whether the kernel took the filter. */
bool refuse_process_madvise(int error, enum refused_for whom);

/** The same for madvise(), whomever it is for. */
bool refuse_madvise(int error);
/** Of the advices but those that came later: to empty memory in children. */
bool refuse_wiping(int error);
bool refuse_membarrier(int error);
/** By which a process gets a descriptor of itself. */
bool refuse_pidfd_open(int error);
bool refuse_mincore(int error);
/** openat(), by which the C library opens files. */
bool refuse_open(int error);

#endif
