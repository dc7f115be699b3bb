/* SPDX-License-Identifier: MIT */
/**
 * The madvise channel: the host is the operating system's kernel, the pages are the process's own.
 *
 * For balloons inside a process: a database or a cache gives memory that it holds back to the machine,
 * and takes it again, without changing its address space. Page i of the map is the memory at
 * base + i * page_size: anonymous, private, mapped by the caller for as long as the channel lives.
 * Inflating gives the kernel an advice about it. Deflating asks nobody: whoever touches the memory gets
 * it.
 *
 * Calls are synchronous: a request is COMPLETE when submit returns. After an error in the middle of a
 * request the pages counted as done are done; of the others, those in the range that failed may have
 * lost their contents too.
 *
 * What "given back" means. A page that was given back is not resident. Where the kernel has put huge pages
 * under memory whose pages are smaller (transparent huge pages), one that is given back in part may stay
 * resident as a whole until the rest goes too, and khugepaged, or MADV_COLLAPSE, fills holes again,
 * so that the process grows by what it gave back: say MADV_NOHUGEPAGE about the memory, as heaps do.
 *
 * After fork() a child's copy of the channel works on the child's memory, never on its parent's, whatever
 * their process numbers are; one call per range where the kernel knows processes by descriptors alone. As
 * with every lock of a process with threads, fork while no other thread is inside the channel.
 *
 * Hosted programs on Linux.
 */
#ifndef BALLOON_MADVISE_H
#define BALLOON_MADVISE_H

#include <balloon/channel.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * What is said about inflated pages.
 *
 *              given back        resident size (RSS)         contents, when touched again
 *   DONTNEED   at once           falls at once               zeros
 *   FREE       when the kernel   falls when the kernel       as before, until the kernel took the
 *              needs memory      took them, page by page     page; then zeros; a write keeps it
 *   PAGEOUT    at once, if       falls by what was written   as before: read back from swap
 *              there is swap     to swap
 *   COLD       when the kernel   as before: the pages are    as before
 *              needs memory, if  first in line when memory
 *              there is swap     runs short
 *
 * Only DONTNEED makes no demands on the machine. Where there is no swap, PAGEOUT and COLD succeed and
 * free nothing. All are refused with -EINVAL for memory that was locked later.
 */
enum balloon_advice {
	BALLOON_ADVICE_DONTNEED,
	BALLOON_ADVICE_FREE,    /* Linux 4.5 */
	BALLOON_ADVICE_COLD,    /* Linux 5.4 */
	BALLOON_ADVICE_PAGEOUT, /* Linux 5.4 */
};

/** How it is said. Scattered pages cost a third by vectors; with other threads running far less. */
enum balloon_madvise_call {
	/** Vectors if the kernel takes this advice by vector, which is tried once, at creation, about no
	 * bytes; where it does not, and where it refuses them later, for whatever reason, each range. */
	BALLOON_MADVISE_AUTO,
	BALLOON_MADVISE_VECTOR, /* up to 1024 ranges a call: process_madvise() */
	BALLOON_MADVISE_EACH,   /* one range a call: madvise() */
};

/** Zero-initialise it and set what differs. */
struct balloon_madvise_config {
	/** Of page 0, aligned to the system's page size. */
	void *base;
	/** Of the map's pages, in bytes: a multiple of the system's; 0 means the system's. */
	size_t page_size;
	uint32_t n_pages;
	enum balloon_advice advice;
	enum balloon_madvise_call call;
};

/**
 * Make a channel to the kernel.
 *
 * Returns 0; -EINVAL: a null pointer, base unaligned, a page size that is no multiple of the system's or
 * 4 GiB and more, no pages, or more than the address space has, an unknown advice or call, or the kernel does not know the
 * advice; -EFAULT: not all of the memory is mapped; -EXDEV: some of it is shared, or a file's; -EPERM: some is
 * locked (mlock(), MAP_LOCKED, a process with MCL_FUTURE: munlock() it); -EOPNOTSUPP: it consists of huge pages
 * that are larger than the map's; -ENOMEM; with BALLOON_MADVISE_VECTOR: why the kernel refuses vectors, say
 * -ENOSYS, -EPERM or -EINVAL. What the memory is the kernel says in /proc/self/smaps; where that cannot be
 * read, only -EFAULT is looked for. Cost: that file, which takes a look at all of the process's pages and
 * touches none. Context: thread.
 */
BALLOON_EXPORT int balloon_madvise_create(
	const struct balloon_madvise_config *config, struct balloon_channel **channel);

/** End it. Returns 0; -EINVAL; -EBUSY: as balloon_channel_fini(). Threads: the caller serialises it against
 * every other call. Context: thread. */
BALLOON_EXPORT int balloon_madvise_destroy(struct balloon_channel *channel);

/** Which call the channel uses, _VECTOR or _EACH; -EINVAL: no madvise channel. Threads: any.
 * Context: any. */
BALLOON_EXPORT int balloon_madvise_call(const struct balloon_channel *channel);

#ifdef __cplusplus
}
#endif

#endif
