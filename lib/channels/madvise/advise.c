/* SPDX-License-Identifier: MIT */
/*
 * Advice to the kernel about memory of this process.
 *
 * What process_madvise() returns is the number of bytes advised, of whole ranges from the start, or an
 * error if not even the first was; one call takes no more than 2 GiB, and may end within a range. So the
 * work is a queue of ranges, and whatever a call has done is taken off its front.
 */

#define _GNU_SOURCE 1 /* syscall(), madvise() */

#include "channels/madvise/advise.h"
#include "platform/quiet.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	VECTOR_MAX = 1024, /* ranges a call: the kernel's limit on vectors */
	ATTEMPTS = 16,     /* when the kernel says "again" */
	SELF_ALWAYS =
		-10000, /* Linux 6.14: whichever thread asks, and its memory is its process's */
};

/* Not every system's headers know the numbers, which are the same on all processors. */
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_process_madvise
#define SYS_process_madvise 440
#endif

/* ---- One system call, its errors as values; the library leaves errno alone ------------------- */

static ssize_t advise_vector(int pidfd, const struct iovec *ranges, size_t n, int advice)
{
	int saved = errno;
	ssize_t result = syscall(SYS_process_madvise, pidfd, ranges, n, advice, 0u);
	if (result == -1)
		result = -errno;
	errno = saved;
	return result;
}

static int advise_once(void *start, size_t n_bytes, int advice)
{
	int saved = errno;
	int result = madvise(start, n_bytes, advice) == -1 ? -errno : 0;
	errno = saved;
	return result;
}

static bool is_transient(ssize_t error)
{
	return error == -EINTR || error == -EAGAIN;
}

static int advise_one(void *start, size_t n_bytes, int advice)
{
	int result = advise_once(start, n_bytes, advice);
	for (int i = 1; i < ATTEMPTS && is_transient(result); i++)
		result = advise_once(start, n_bytes, advice);
	return result;
}

/* ---- The queue ------------------------------------------------------------------------------- */

/* Take what was advised off the front. */
static void advance(struct balloon_advising *work, size_t n_bytes)
{
	work->n_bytes_done += n_bytes;
	while (n_bytes > 0) {
		struct iovec *range = work->ranges;
		if (n_bytes < range->iov_len) {
			range->iov_base = (char *)range->iov_base + n_bytes;
			range->iov_len -= n_bytes;
			return;
		}
		n_bytes -= range->iov_len;
		work->ranges++;
		work->n_ranges--;
	}
}

static int advise_each(int advice, struct balloon_advising *work)
{
	while (work->n_ranges > 0) {
		struct iovec *range = work->ranges;
		int result = advise_one(range->iov_base, range->iov_len, advice);
		if (result < 0)
			return result;
		advance(work, range->iov_len);
	}
	return 0;
}

/* Of a single range it makes no difference. What vectors leave, for whatever reason, calls without them try again. */
static void advise_by_vectors(int pidfd, int advice, struct balloon_advising *work)
{
	while (work->n_ranges > 1) {
		size_t n = work->n_ranges < VECTOR_MAX ? work->n_ranges : VECTOR_MAX;
		ssize_t result = advise_vector(pidfd, work->ranges, n, advice);
		if (result <= 0)
			return;
		advance(work, (size_t)result);
	}
}

/*
 * A range failed as a whole, and the kernel does not say where. Every part of it can be advised again,
 * so the longest start that succeeds is found by halving.
 */
static void advise_start(int advice, struct balloon_advising *work, size_t unit)
{
	char *start = work->ranges->iov_base;
	size_t n_good = 0;
	size_t n_bad = work->ranges->iov_len / unit;
	while (n_bad - n_good > 1) {
		size_t n = n_good + (n_bad - n_good) / 2;
		if (advise_one(start + n_good * unit, (n - n_good) * unit, advice) == 0)
			n_good = n;
		else
			n_bad = n;
	}
	advance(work, n_good * unit);
}

/* A child of fork() has a copy of its parent's descriptor, which still names the parent. */
static bool is_ours(const struct balloon_self *self)
{
	return self->pidfd == SELF_ALWAYS || birthmark_is_here(&self->birthmark);
}

int balloon_advise(const struct balloon_self *self, int advice, struct balloon_advising *work)
{
	if (self && is_ours(self))
		advise_by_vectors(self->pidfd, advice, work);
	/* A filter may refuse vectors with any number: what is about the memory a call without them says. */
	int result = advise_each(advice, work);
	if (result < 0)
		advise_start(advice, work, (size_t)sysconf(_SC_PAGESIZE));
	return result;
}

/* ---- Who we are ------------------------------------------------------------------------------ */

int balloon_advice_try(const struct balloon_self *self, void *base, int advice)
{
	struct iovec nothing = {base, 0};
	return self ? (int)advise_vector(self->pidfd, &nothing, 1, advice)
		    : advise_one(base, 0, advice);
}

static int open_descriptor(struct balloon_self *self, void *base, int advice)
{
	int result = balloon_birthmark_make(&self->birthmark);
	if (result < 0)
		return result;
	self->pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0u);
	if (self->pidfd == -1) {
		result = -errno;
		balloon_birthmark_end(&self->birthmark);
		return result;
	}
	result = balloon_advice_try(self, base, advice);
	if (result < 0)
		balloon_self_close(self);
	return result;
}

int balloon_self_open(struct balloon_self *self, void *base, int advice)
{
	int saved = errno;
	*self = (struct balloon_self){.pidfd = SELF_ALWAYS};
	int result = balloon_advice_try(self, base, advice);
	if (result < 0)
		result = open_descriptor(self, base, advice);
	errno = saved;
	return result;
}

void balloon_self_close(struct balloon_self *self)
{
	if (self->pidfd == SELF_ALWAYS)
		return;
	struct quiet quiet = quiet_begin();
	close(self->pidfd);
	balloon_birthmark_end(&self->birthmark);
	quiet_end(quiet);
}
