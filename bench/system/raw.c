/* SPDX-License-Identifier: MIT */
/* What a program would write without a library: system calls on its own memory. */
#define _GNU_SOURCE 1 /* madvise(), syscall() */

#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "system/release.h"

enum { VECTOR_MAX = SYSTEM_REQUEST_MAX };

/* ---- One call over everything; a call a page --------------------------------------------------- */

static int give(const struct trial *trial, struct balloon_page page, size_t n_pages)
{
	const struct releaser *releaser = trial->how;
	return releaser->give(region_of(trial), page, n_pages);
}

int give_at_once(struct trial *trial)
{
	return give(trial, balloon_page(0), region_of(trial)->n_pages);
}

int give_some(struct trial *trial, uint32_t first, uint32_t n)
{
	int result = 0;
	for (uint32_t i = first; i < first + n && result == 0; i++)
		result = give(trial, region_of(trial)->order[i], 1);
	return result;
}

int give_each(struct trial *trial)
{
	return give_some(trial, 0, region_of(trial)->n_pages);
}

static int advise(const struct region *region, struct balloon_page page, size_t n_pages)
{
	size_t n_bytes = n_pages * region->page_bytes;
	return madvise(region_page(region, page), n_bytes, MADV_DONTNEED) < 0 ? -errno : 0;
}

static const struct releaser raw_one_call = {
	"raw-one-call", "raw", .call = "madvise", .inflate = give_at_once, .give = advise};
static const struct releaser raw_per_page = {"raw-per-page", "raw", .call = "madvise",
	.inflate = give_each, .cycle = give_some, .give = advise};

/* ---- A vector of pages a call, as many as a request has -------------------------------------- */

static int open_self(struct trial *trial)
{
	long fd = syscall(SYS_pidfd_open, getpid(), 0u);
	*(int *)trial->own = (int)fd;
	return fd < 0 ? -errno : 0;
}

static void close_self(struct trial *trial)
{
	close(*(int *)trial->own);
}

static int vector(struct trial *trial, uint32_t first, uint32_t n)
{
	struct iovec ranges[VECTOR_MAX];
	const struct region *region = region_of(trial);
	for (uint32_t i = 0; i < n; i++)
		ranges[i] = (struct iovec){
			region_page(region, region->order[first + i]), region->page_bytes};
	long n_bytes = syscall(
		SYS_process_madvise, *(int *)trial->own, ranges, (size_t)n, MADV_DONTNEED, 0u);
	if (n_bytes < 0)
		return -errno;
	return (size_t)n_bytes == (size_t)n * region->page_bytes ? 0 : -EIO;
}

static int vectors(struct trial *trial)
{
	const uint32_t n_pages = region_of(trial)->n_pages;
	const uint32_t request = release_of(trial)->request; /* at most VECTOR_MAX */
	int result = 0;
	for (uint32_t first = 0; first < n_pages && result == 0; first += request)
		result =
			vector(trial, first, n_pages - first < request ? n_pages - first : request);
	return result;
}

static const struct releaser raw_vector = {
	.name = "raw-vector",
	.kind = "raw",
	.call = "process_madvise",
	.own_bytes = sizeof(int),
	.open = open_self,
	.close = close_self,
	.inflate = vectors,
	.cycle = vector,
};

const struct releaser *const raw_releasers[] = {&raw_one_call, &raw_vector, &raw_per_page, NULL};
