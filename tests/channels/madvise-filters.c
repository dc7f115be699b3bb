/* SPDX-License-Identifier: MIT */
/*
 * Filters on system calls that refuse with any number, some of which the kernel itself gives for other reasons.
 * A filter stays: each is tried in a process of its own.
 */

#define _GNU_SOURCE 1 /* fork(), MAP_ANONYMOUS */

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <balloon/madvise.h>

#include "memory.h"
#include "refusal.h"

enum { PAGES = 64, SKIPPED = 77 };

/* The library's, too: so many calls are refused first. */
static int n_refusals;
static int refusal;

int madvise(void *start, size_t n_bytes, int advice)
{
	if (n_refusals > 0) {
		n_refusals--;
		errno = refusal;
		return -1;
	}
	return (int)syscall(SYS_madvise, start, n_bytes, advice);
}

/* Every second page is given away. mincore() may be refused: a page that is given reads as zeros. */
static bool gives(struct balloon_channel *channel, struct memory *memory)
{
	struct balloon_request *request = request_new(PAGES);
	bool is_good =
		request_prepare_steps(request, BALLOON_REQUEST_INFLATE, 0, 2, PAGES / 2) == 0 &&
		balloon_request_submit(channel, request) == 0 && request->error == 0 &&
		request->n_done == PAGES / 2;
	for (uint32_t page = 0; page < PAGES; page += 2)
		is_good = is_good && memory_is_zero(memory, page);
	request_delete(request);
	return is_good && balloon_madvise_destroy(channel) == 0;
}

/* Before and after the channel was made. */
static bool vectors_may_be_refused(int error)
{
	struct memory memory;
	struct balloon_channel *channels[2] = {NULL, NULL};
	memory_map(&memory, PAGES);
	const struct balloon_madvise_config config = {.base = memory.base, .n_pages = PAGES};
	return balloon_madvise_create(&config, &channels[0]) == 0 &&
	       refuse_process_madvise(error, REFUSED_FOR_ANY) &&
	       balloon_madvise_create(&config, &channels[1]) == 0 &&
	       balloon_madvise_call(channels[1]) == BALLOON_MADVISE_EACH &&
	       gives(channels[0], &memory) && gives(channels[1], &memory);
}

/* Or say that they have done nothing: then whatever they leave is done without them. */
static bool vectors_may_do_nothing(int error)
{
	struct memory memory;
	struct balloon_channel *channel = NULL;
	(void)error;
	memory_map(&memory, PAGES);
	const struct balloon_madvise_config config = {.base = memory.base, .n_pages = PAGES};
	return balloon_madvise_create(&config, &channel) == 0 &&
	       refuse_process_madvise(0, REFUSED_FOR_ANY) && gives(channel, &memory);
}

/* What is refused for now is tried again, but not for ever; and what is refused for good is not. */
static bool what_is_refused_for_now_is_tried_again(int error)
{
	struct memory memory;
	struct balloon_channel *channel = NULL;
	struct balloon_request *request = request_new(1);
	memory_map(&memory, PAGES);
	const struct balloon_madvise_config config = {
		.base = memory.base, .n_pages = PAGES, .call = BALLOON_MADVISE_EACH};
	bool is_good = balloon_madvise_create(&config, &channel) == 0 &&
		       request_prepare_steps(request, BALLOON_REQUEST_INFLATE, 0, 1, 1) == 0;
	refusal = error;
	n_refusals = INT_MAX;
	is_good = is_good && balloon_request_submit(channel, request) == 0 &&
		  request->error == -error && request->n_done == 0;
	request_delete(request);
	if (error != EAGAIN && error != EINTR)
		return is_good && n_refusals == INT_MAX - 1;
	n_refusals = 3;
	return is_good && gives(channel, &memory);
}

/* The memory is as it should be: a refusal of the call that looks at it says nothing about it. */
static bool looks_may_be_refused(int error)
{
	struct memory memory;
	struct balloon_channel *channel = NULL;
	memory_map(&memory, PAGES);
	const struct balloon_madvise_config config = {.base = memory.base, .n_pages = PAGES};
	return refuse_mincore(error) && balloon_madvise_create(&config, &channel) == 0 &&
	       gives(channel, &memory);
}

static bool looks_may_be_refused_and_proc_closed(int error)
{
	return refuse_open(EACCES) && looks_may_be_refused(error);
}

/* A hole in memory that is looked at in several steps; of the first page of the next step, too. */
static bool finds_hole(const struct balloon_madvise_config *config, size_t page_size, uint32_t page)
{
	struct balloon_channel *channel = NULL;
	char *hole = (char *)config->base + page * page_size;
	return munmap(hole, page_size) == 0 &&
	       balloon_madvise_create(config, &channel) == -EFAULT &&
	       mmap(hole, page_size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0) == hole &&
	       balloon_madvise_create(config, &channel) == 0 &&
	       balloon_madvise_destroy(channel) == 0;
}

/* And what lies beside the memory, where nothing is mapped, does not matter. */
static bool holes_are_found_without_proc(int error)
{
	enum { STEP = 1 << 14, MANY = 3 * STEP + 7 };
	static const uint32_t holes[] = {0, STEP - 1, STEP, 2 * STEP, 3 * STEP, MANY - 1};
	size_t page_size = (size_t)sysconf(_SC_PAGESIZE);
	char *room = mmap(NULL, (MANY + 2) * page_size, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	const struct balloon_madvise_config config = {
		.base = room + page_size, .page_size = page_size, .n_pages = MANY};
	bool is_good = room != MAP_FAILED && munmap(room, page_size) == 0 &&
		       munmap(room + (MANY + 1) * page_size, page_size) == 0 && refuse_open(error);
	for (size_t i = 0; is_good && i < sizeof(holes) / sizeof(*holes); i++)
		is_good = finds_hole(&config, page_size, holes[i]);
	return is_good;
}

static const struct {
	const char *what;
	bool (*claim)(int error);
} claims[] = {
	{"process_madvise()", vectors_may_be_refused},
	{"process_madvise(), which does nothing,", vectors_may_do_nothing},
	{"madvise()", what_is_refused_for_now_is_tried_again},
	{"mincore()", looks_may_be_refused},
	{"mincore(), and /proc", looks_may_be_refused_and_proc_closed},
	{"/proc", holes_are_found_without_proc},
};

static bool holds(bool (*claim)(int error), int error)
{
	int status;
	pid_t child = fork();
	if (child == 0)
		_exit(claim(error) ? 0 : 1);
	return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

static bool is_filtered(int error)
{
	return refuse_mincore(error);
}

int main(void)
{
	static const int errors[] = {EPERM, ENOSYS, EACCES, ESRCH, ENODEV, EAGAIN, EINTR, EFAULT,
		EINVAL, EBADF, EIO, 4000};
	int n_failed = 0;
	if (!holds(is_filtered, EPERM))
		return SKIPPED;
	for (size_t i = 0; i < sizeof(claims) / sizeof(*claims); i++)
		for (size_t j = 0; j < sizeof(errors) / sizeof(*errors); j++)
			if (!holds(claims[i].claim, errors[j])) {
				fprintf(stderr, "madvise-filters: %s refused with %d\n",
					claims[i].what, errors[j]);
				n_failed++;
			}
	return n_failed ? 1 : 0;
}
