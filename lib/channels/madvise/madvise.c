/* SPDX-License-Identifier: MIT */
/*
 * The madvise channel: pages of the process's own, given to the kernel.
 *
 * Nothing of it changes after creation but the common part, so any number of threads submit at once. A
 * request's vector is made in the request's own scratch memory.
 */

#define _GNU_SOURCE 1 /* MADV_FREE, mincore() */

#include <balloon/channel-ops.h>
#include <balloon/madvise.h>

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "channels/madvise/advise.h"
#include "channels/madvise/mapping.h"

_Static_assert(sizeof(struct iovec) <= 16, "a request has 16 bytes of scratch memory a page");

#ifndef MADV_COLD
#define MADV_COLD 20
#endif
#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif

enum { PAGES_A_LOOK = 1 << 14 };

struct madvise_channel {
	struct balloon_channel channel;
	char *base; /* constant, as all below */
	size_t page_size;
	int advice;
	bool is_vectored;
	struct balloon_self self; /* if vectored */
};

static const struct balloon_channel_ops madvise_ops;

static struct madvise_channel *of(struct balloon_channel *channel)
{
	return (struct madvise_channel *)(void *)channel;
}

/* ---- Submitting ------------------------------------------------------------------------------ */

static struct balloon_advising vector_of(
	const struct madvise_channel *madvise, const struct balloon_request *request)
{
	struct iovec *vector = BALLOON_READ(request->scratch);
	const struct balloon_range *ranges = BALLOON_READ(request->ranges);
	uint32_t n_ranges = BALLOON_READ(request->n_ranges);
	for (uint32_t i = 0; i < n_ranges; i++) {
		struct balloon_range range = BALLOON_READ(ranges[i]);
		vector[i].iov_base = madvise->base + range.first * madvise->page_size;
		vector[i].iov_len = range.n_pages * madvise->page_size;
	}
	return (struct balloon_advising){vector, n_ranges, 0};
}

/* Ranges ascend: if the last one is within the memory, all are. */
static bool is_within(const struct madvise_channel *madvise, const struct balloon_request *request)
{
	const struct balloon_range *ranges = BALLOON_READ(request->ranges);
	uint32_t n_ranges = BALLOON_READ(request->n_ranges);
	struct balloon_range last = BALLOON_READ(ranges[n_ranges - 1]);
	uint32_t n_pages = madvise->channel.geometry.n_pages;
	return last.first < n_pages && last.n_pages <= n_pages - last.first;
}

/* An answer is refused only if somebody has taken the request back meanwhile. */
static int submit(struct balloon_channel *channel, struct balloon_request *request)
{
	struct madvise_channel *madvise = of(channel);
	uint32_t n_done = BALLOON_READ(request->n_pages);
	int error = 0;
	if (!is_within(madvise, request))
		return -EINVAL;
	if (BALLOON_READ(request->kind) == BALLOON_REQUEST_INFLATE) {
		struct balloon_advising work = vector_of(madvise, request);
		error = balloon_advise(
			madvise->is_vectored ? &madvise->self : NULL, madvise->advice, &work);
		n_done = (uint32_t)(work.n_bytes_done / madvise->page_size);
	}
	balloon_request_complete(channel, request, BALLOON_READ(request->id), n_done, error);
	return 0;
}

static const struct balloon_channel_ops madvise_ops = {.name = "madvise", .submit = submit};

/* ---- Life ------------------------------------------------------------------------------------ */

static int advice_of(enum balloon_advice advice)
{
	switch (advice) {
	case BALLOON_ADVICE_DONTNEED:
		return MADV_DONTNEED;
	case BALLOON_ADVICE_FREE:
		return MADV_FREE;
	case BALLOON_ADVICE_COLD:
		return MADV_COLD;
	case BALLOON_ADVICE_PAGEOUT:
		return MADV_PAGEOUT;
	}
	return -EINVAL;
}

/* Is every page mapped? 0, -EFAULT or -ENOMEM. What refuses the call says nothing about the memory. */
static int look_at_pages(char *base, size_t size_bytes, size_t system_page)
{
	unsigned char *seen = malloc(PAGES_A_LOOK);
	int saved = errno;
	int result = seen ? 0 : -ENOMEM;
	while (result == 0 && size_bytes > 0) {
		size_t n = size_bytes / system_page < PAGES_A_LOOK ? size_bytes
								   : PAGES_A_LOOK * system_page;
		if (mincore(base, n, seen) == -1 && errno == ENOMEM)
			result = -EFAULT;
		base += n;
		size_bytes -= n;
	}
	errno = saved;
	free(seen);
	return result;
}

/* Where the kernel does not say what the memory is, at least it is mapped. */
static int check_memory(char *base, size_t size_bytes, size_t page_size, size_t system_page)
{
	int result = balloon_mapping_check(base, size_bytes, page_size);
	return result == -ENOSYS ? look_at_pages(base, size_bytes, system_page) : result;
}

static int check(const struct balloon_madvise_config *config, size_t page_size)
{
	size_t system_page = (size_t)sysconf(_SC_PAGESIZE);
	uintptr_t base = (uintptr_t)config->base;
	if (!base || base % system_page || page_size % system_page || page_size > UINT32_MAX ||
		config->n_pages == 0 || config->n_pages > (UINTPTR_MAX - base) / page_size)
		return -EINVAL;
	if (advice_of(config->advice) == -EINVAL || (unsigned)config->call > BALLOON_MADVISE_EACH)
		return -EINVAL;
	return check_memory(config->base, config->n_pages * page_size, page_size, system_page);
}

static int choose_call(struct madvise_channel *madvise, enum balloon_madvise_call call)
{
	int result = balloon_advice_try(NULL, madvise->base, madvise->advice);
	if (result < 0 || call == BALLOON_MADVISE_EACH)
		return result;
	result = balloon_self_open(&madvise->self, madvise->base, madvise->advice);
	madvise->is_vectored = result == 0;
	return call == BALLOON_MADVISE_VECTOR ? result : 0;
}

int balloon_madvise_create(
	const struct balloon_madvise_config *config, struct balloon_channel **channel)
{
	if (!config || !channel)
		return -EINVAL;
	size_t page_size = config->page_size ? config->page_size : (size_t)sysconf(_SC_PAGESIZE);
	int result = check(config, page_size);
	if (result < 0)
		return result;
	struct madvise_channel *madvise = calloc(1, sizeof(*madvise));
	if (!madvise)
		return -ENOMEM;
	madvise->base = config->base;
	madvise->page_size = page_size;
	madvise->advice = advice_of(config->advice);
	result = choose_call(madvise, config->call);
	if (result < 0) {
		free(madvise);
		return result;
	}
	balloon_channel_init(&madvise->channel, &madvise_ops);
	madvise->channel.geometry =
		(struct balloon_geometry){BALLOON_PFN_ANY, config->n_pages, (uint32_t)page_size};
	*channel = &madvise->channel;
	return 0;
}

int balloon_madvise_destroy(struct balloon_channel *channel)
{
	if (!channel || channel->ops != &madvise_ops)
		return -EINVAL;
	struct madvise_channel *madvise = of(channel);
	int result = balloon_channel_fini(channel);
	if (result < 0)
		return result;
	if (madvise->is_vectored)
		balloon_self_close(&madvise->self);
	free(madvise);
	return 0;
}

int balloon_madvise_call(const struct balloon_channel *channel)
{
	if (!channel || channel->ops != &madvise_ops)
		return -EINVAL;
	return ((const struct madvise_channel *)(const void *)channel)->is_vectored
		       ? BALLOON_MADVISE_VECTOR
		       : BALLOON_MADVISE_EACH;
}
