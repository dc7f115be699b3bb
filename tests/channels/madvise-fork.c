/* SPDX-License-Identifier: MIT */
/*
 * A channel in a child of fork(): it gives the child's pages away, never the parent's, whichever way
 * the kernel lets a process name itself.
 */

#define _GNU_SOURCE 1 /* fork(), MAP_ANONYMOUS */

#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <balloon/madvise.h>

#include "memory.h"
#include "refusal.h"

enum { PAGES = 64, SKIPPED = 77 };

/* Give the even pages away: which of them are gone? */
static bool give_even_pages(struct balloon_channel *channel, const struct memory *memory)
{
	struct balloon_request *request = request_new(PAGES / 2);
	bool is_good =
		request_prepare_steps(request, BALLOON_REQUEST_INFLATE, 0, 2, PAGES / 2) == 0 &&
		balloon_request_submit(channel, request) == 0 && request->error == 0;
	for (uint32_t page = 0; page < PAGES; page++)
		is_good = is_good && memory_is_resident(memory, page) == (page % 2 == 1);
	request_delete(request);
	return is_good;
}

static bool child_is_good(struct balloon_channel *channel, const struct memory *memory)
{
	int status;
	pid_t child = fork();
	if (child == 0) {
		bool is_good = give_even_pages(channel, memory);
		is_good = balloon_madvise_destroy(channel) == 0 && is_good;
		_exit(is_good ? 0 : 1);
	}
	return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

static int failed(const char *what)
{
	fprintf(stderr, "madvise-fork: %s\n", what);
	return 1;
}

/* call: receives which one the channel uses. */
static int check(const struct memory *memory, int *call)
{
	int n_before = n_descriptors();
	struct balloon_madvise_config config = {.base = memory->base, .n_pages = PAGES};
	struct balloon_channel *channel;
	if (balloon_madvise_create(&config, &channel) < 0)
		return failed("no channel");
	*call = balloon_madvise_call(channel);
	if (!child_is_good(channel, memory))
		return failed("the child's pages are not as given");
	for (uint32_t page = 0; page < PAGES; page++)
		if (!memory_is_kept(memory, page))
			return failed("the parent lost a page to its child");
	if (!give_even_pages(channel, memory))
		return failed("the parent's pages are not as given");
	for (uint32_t page = 0; page < PAGES; page++)
		memory_write(memory, page);
	if (balloon_madvise_destroy(channel) < 0)
		return failed("no end");
	return n_descriptors() == n_before ? 0 : failed("a descriptor is left");
}

int main(void)
{
	struct memory memory;
	int call, call_by_descriptor;
	memory_map(&memory, PAGES);
	if (check(&memory, &call) != 0)
		return 1;
	if (!refuse_process_madvise(EBADF, REFUSED_FOR_NUMBERS))
		return SKIPPED;
	if (check(&memory, &call_by_descriptor) != 0)
		return 1;
	if (call_by_descriptor != call)
		return failed("whom vectors are for can be said by number alone");
	memory_unmap(&memory);
	return 0;
}
