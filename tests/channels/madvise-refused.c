/* SPDX-License-Identifier: MIT */
/* The madvise channel where the kernel refuses: memory, in the middle of a request, or calls. */

#define _GNU_SOURCE 1 /* syscall() */

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "madvise-fixture.h"
#include "refusal.h"
#include "suite.h"

/* ---- Where the kernel stops ------------------------------------------------------------------ */

/* Ranges 4..13, 20..39 and 60..69, of which page `hole` is not mapped any more. */
static void check_hole(enum balloon_madvise_call call, uint32_t hole, uint32_t n_expected)
{
	struct memory memory;
	struct balloon_request *request = request_new(PAGES);
	uint32_t n = 0;
	memory_map(&memory, PAGES);
	struct balloon_channel *channel = channel_for(&memory, BALLOON_ADVICE_DONTNEED, call);
	for (uint32_t page = 0; page < PAGES; page++)
		if ((page >= 4 && page < 14) || (page >= 20 && page < 40) ||
			(page >= 60 && page < 70))
			request->pages[n++] = balloon_page(page);
	CHECK_EQ(balloon_request_prepare(request, BALLOON_REQUEST_INFLATE, n), 0);
	CHECK_EQ(munmap(memory.base + hole * memory.page_size, memory.page_size), 0);
	give(channel, request);
	CHECK_EQ(request->error, -ENOMEM);
	CHECK_EQ(request->n_done, n_expected);
	uint32_t failed = request->pages[n_expected].index;
	CHECK_EQ(failed, hole);
	uint32_t failed_end = hole < 14 ? 14 : hole < 40 ? 40 : 70;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t page = request->pages[i].index;
		CHECK_EQ(balloon_request_did(request, balloon_page(page)), page < hole);
		/* Behind the hole, but in its range, contents may be lost. */
		if (page < hole || page >= failed_end)
			check_given(&memory, page, page < hole);
	}
	CHECK(memory_is_kept(&memory, 3) && memory_is_kept(&memory, 14));
	CHECK(memory_is_kept(&memory, 40) && memory_is_kept(&memory, 70));
	CHECK_EQ(balloon_madvise_destroy(channel), 0);
	memory_unmap(&memory);
	request_delete(request);
}

Test(madvise, counts_what_was_done_before_a_hole)
{
	for (int call = 0; call < CALLS; call++) {
		if (call == BALLOON_MADVISE_VECTOR && !has_vectors())
			continue;
		check_hole((enum balloon_madvise_call)call, 4, 0);
		check_hole((enum balloon_madvise_call)call, 13, 9);
		check_hole((enum balloon_madvise_call)call, 20, 10);
		check_hole((enum balloon_madvise_call)call, 33, 23);
		check_hole((enum balloon_madvise_call)call, 39, 29);
		check_hole((enum balloon_madvise_call)call, 69, 39);
	}
}

/* Locked memory is not to be given up: an error of the memory that looks like one of the call. */
Test(madvise, memory_that_cannot_be_given_is_refused_for_its_own_reason)
{
	struct memory memory;
	struct balloon_request *request = request_new(PAGES);
	memory_map(&memory, PAGES);
	struct balloon_channel *channel =
		channel_for(&memory, BALLOON_ADVICE_DONTNEED, BALLOON_MADVISE_AUTO);
	/* By number: sanitizers take locking for done without asking the kernel. */
	if (syscall(SYS_mlock, memory.base + 10 * memory.page_size, memory.page_size) == 0) {
		CHECK_EQ(request_prepare_steps(request, BALLOON_REQUEST_INFLATE, 0, 2, 20), 0);
		give(channel, request);
		CHECK_EQ(request->error, -EINVAL);
		CHECK_EQ(request->n_done, 5);
		for (uint32_t page = 0; page < PAGES; page++)
			check_given(&memory, page, page < 10 && page % 2 == 0);
	}
	CHECK_EQ(balloon_madvise_destroy(channel), 0);
	memory_unmap(&memory);
	request_delete(request);
}

/* ---- Kernels that refuse vectors ------------------------------------------------------------- */

/* Not one of them by a call of its own: that one would fail here. */
Test(madvise, vectors_are_as_long_as_the_kernel_takes_them)
{
	enum { MANY = 3 * 1024 };
	struct memory memory;
	struct balloon_request *request = request_new(MANY);
	memory_map(&memory, 2 * MANY);
	struct balloon_channel *channel =
		channel_for(&memory, BALLOON_ADVICE_DONTNEED, BALLOON_MADVISE_AUTO);
	if (balloon_madvise_call(channel) == BALLOON_MADVISE_VECTOR) {
		CHECK(refuse_madvise(EPERM));
		CHECK_EQ(request_prepare_steps(request, BALLOON_REQUEST_INFLATE, 0, 2, MANY), 0);
		give(channel, request);
		CHECK_EQ(request->error, 0);
		CHECK_EQ(request->n_done, MANY);
		CHECK(memory_is_zero(&memory, 2 * MANY - 2));
	}
	CHECK_EQ(balloon_madvise_destroy(channel), 0);
	memory_unmap(&memory);
	request_delete(request);
}

static void check_works_without_vectors(struct balloon_channel *channel, struct memory *memory)
{
	struct balloon_request *request = request_new(PAGES);
	CHECK_EQ(request_prepare_steps(request, BALLOON_REQUEST_INFLATE, 0, 2, PAGES / 2), 0);
	give(channel, request);
	CHECK_EQ(request->error, 0);
	CHECK_EQ(request->n_done, PAGES / 2);
	for (uint32_t page = 0; page < PAGES; page++) {
		check_given(memory, page, page % 2 == 0);
		memory_write(memory, page);
	}
	request_delete(request);
}

/* error: what the kernel says from the middle of the test on. */
static void check_refusal(int error)
{
	struct memory memory;
	bool had_vectors = has_vectors();
	memory_map(&memory, PAGES);
	struct balloon_channel *before =
		channel_for(&memory, BALLOON_ADVICE_DONTNEED, BALLOON_MADVISE_AUTO);
	CHECK(refuse_process_madvise(error, REFUSED_FOR_ANY));
	struct balloon_channel *after =
		channel_for(&memory, BALLOON_ADVICE_DONTNEED, BALLOON_MADVISE_AUTO);
	CHECK_EQ(balloon_madvise_call(after), BALLOON_MADVISE_EACH);
	struct balloon_madvise_config config = {
		.base = memory.base, .n_pages = PAGES, .call = BALLOON_MADVISE_VECTOR};
	struct balloon_channel *none;
	int result = balloon_madvise_create(&config, &none);
	CHECK(had_vectors ? result == -error : result < 0);
	check_works_without_vectors(before, &memory);
	check_works_without_vectors(after, &memory);
	CHECK_EQ(balloon_madvise_destroy(before), 0);
	CHECK_EQ(balloon_madvise_destroy(after), 0);
	memory_unmap(&memory);
}

Test(madvise, kernels_without_the_call)
{
	check_refusal(ENOSYS);
}

Test(madvise, kernels_that_do_not_permit_the_call)
{
	check_refusal(EPERM);
}

Test(madvise, kernels_that_do_not_know_the_advice_by_vector)
{
	check_refusal(EINVAL);
}

/* Before Linux 6.14 a process names itself by a descriptor, and marks it so that no child takes it for its own. */
static void check_nameless(bool (*refuse)(int error), int error)
{
	struct memory memory;
	if (!has_vectors()) /* Valgrind, say, knows the call not at all, and asks no kernel */
		return;
	memory_map(&memory, PAGES);
	CHECK(refuse_process_madvise(EBADF, REFUSED_FOR_NUMBERS));
	CHECK(refuse(error));
	struct balloon_madvise_config config = {
		.base = memory.base, .n_pages = PAGES, .call = BALLOON_MADVISE_VECTOR};
	struct balloon_channel *none;
	CHECK_EQ(balloon_madvise_create(&config, &none), -error);
	struct balloon_channel *channel =
		channel_for(&memory, BALLOON_ADVICE_DONTNEED, BALLOON_MADVISE_AUTO);
	CHECK_EQ(balloon_madvise_call(channel), BALLOON_MADVISE_EACH);
	check_works_without_vectors(channel, &memory);
	CHECK_EQ(balloon_madvise_destroy(channel), 0);
	memory_unmap(&memory);
}

Test(madvise, kernels_without_descriptors_of_processes)
{
	check_nameless(refuse_pidfd_open, ENFILE);
}

Test(madvise, kernels_that_empty_no_memory_in_children)
{
	check_nameless(refuse_wiping, EINVAL);
}

/* However it is said. */
Test(madvise, kernels_that_do_not_know_the_advice)
{
	struct memory memory;
	memory_map(&memory, 1);
	struct balloon_channel *none = NULL;
	CHECK(refuse_madvise(EINVAL));
	for (int call = 0; call < CALLS; call++) {
		const struct balloon_madvise_config config = {
			.base = memory.base, .n_pages = 1, .call = (enum balloon_madvise_call)call};
		CHECK_EQ(balloon_madvise_create(&config, &none), -EINVAL);
		CHECK(!none);
	}
	memory_unmap(&memory);
}
