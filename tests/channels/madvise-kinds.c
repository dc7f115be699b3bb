/* SPDX-License-Identifier: MIT */
/* Memory of all kinds under a madvise channel: given back, or refused for what it is. */

#define _GNU_SOURCE 1 /* memfd_create(), mlockall() */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "madvise-fixture.h"
#include "suite.h"

enum { HUGE = 2 << 20 };

static int create(void *base, size_t page_size, uint32_t n_pages)
{
	const struct balloon_madvise_config config = {
		.base = base, .page_size = page_size, .n_pages = n_pages};
	struct balloon_channel *channel = NULL;
	int result = balloon_madvise_create(&config, &channel);
	if (result == 0)
		CHECK_EQ(balloon_madvise_destroy(channel), 0);
	return result;
}

static char *map(size_t size_bytes, int flags, int fd)
{
	char *memory = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE, flags, fd, 0);
	CHECK(memory != MAP_FAILED);
	return memory;
}

static size_t system_page(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

/* All of the memory, or one page of it in the middle, at its beginning, at its end. */
static void check_kind(int flags, int fd, int expected)
{
	static const uint32_t places[] = {0, PAGES / 2, PAGES - 1};
	size_t size_bytes = PAGES * system_page();
	char *memory = map(size_bytes, flags, fd);
	CHECK_EQ(create(memory, 0, PAGES), expected);
	CHECK_EQ(munmap(memory, size_bytes), 0);
	for (uint32_t i = 0; i < 3; i++) {
		memory = map(size_bytes, MAP_PRIVATE | MAP_ANONYMOUS, -1);
		CHECK_EQ(create(memory, 0, PAGES), 0);
		memory[0] = 7;
		CHECK(mmap(memory + places[i] * system_page(), system_page(),
			      PROT_READ | PROT_WRITE, flags | MAP_FIXED, fd, 0) != MAP_FAILED);
		CHECK_EQ(create(memory, 0, PAGES), expected);
		CHECK(places[i] == 0 || memory[0] == 7);
		CHECK_EQ(munmap(memory, size_bytes), 0);
	}
}

Test(madvise_kinds, shared_memory_and_files_are_refused)
{
	int fd = memfd_create("kinds", MFD_CLOEXEC);
	CHECK(fd >= 0 && ftruncate(fd, (off_t)(PAGES * system_page())) == 0);
	check_kind(MAP_SHARED | MAP_ANONYMOUS, -1, -EXDEV);
	check_kind(MAP_SHARED, fd, -EXDEV);
	check_kind(MAP_PRIVATE, fd, -EXDEV);
	CHECK_EQ(close(fd), 0);
}

Test(madvise_kinds, memory_that_is_not_mapped_is_refused)
{
	size_t size_bytes = PAGES * system_page();
	for (uint32_t hole = 0; hole < PAGES; hole += PAGES / 2 - 1) {
		char *memory = map(size_bytes, MAP_PRIVATE | MAP_ANONYMOUS, -1);
		CHECK_EQ(munmap(memory + hole * system_page(), system_page()), 0);
		CHECK_EQ(create(memory, 0, PAGES), -EFAULT);
		CHECK_EQ(munmap(memory, size_bytes), 0);
	}
}

/* By number: sanitizers take locking for done without asking the kernel. */
Test(madvise_kinds, locked_memory_is_refused_until_it_is_unlocked)
{
	size_t size_bytes = PAGES * system_page();
	char *memory = map(size_bytes, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	if (syscall(SYS_mlock, memory + 5 * system_page(), system_page()) == 0) {
		CHECK_EQ(create(memory, 0, PAGES), -EPERM);
		CHECK_EQ(syscall(SYS_munlock, memory, size_bytes), 0);
	}
	CHECK_EQ(create(memory, 0, PAGES), 0);
	CHECK_EQ(munmap(memory, size_bytes), 0);
}

/* Whatever the library maps for itself is locked, or cannot be mapped at all: that is not the memory's fault. */
Test(madvise_kinds, a_process_that_locks_all_future_memory)
{
	size_t size_bytes = PAGES * system_page();
	char *before = map(size_bytes, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	if (syscall(SYS_mlockall, MCL_FUTURE) != 0)
		return;
	for (int call = 0; call < CALLS; call++) {
		const struct balloon_madvise_config config = {
			.base = before, .n_pages = PAGES, .call = (enum balloon_madvise_call)call};
		struct balloon_channel *channel = NULL;
		int result = balloon_madvise_create(&config, &channel);
		CHECK(result == 0 || (call == BALLOON_MADVISE_VECTOR && !has_vectors()));
		if (result == 0)
			CHECK_EQ(balloon_madvise_destroy(channel), 0);
	}
	char *after = map(size_bytes, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	CHECK_EQ(create(after, 0, PAGES), -EPERM);
	CHECK_EQ(syscall(SYS_munlock, after, size_bytes), 0);
	CHECK_EQ(create(after, 0, PAGES), 0);
	CHECK_EQ(syscall(SYS_munlockall), 0);
}

/* None are reserved: whatever the machine has, the kernel maps them, and nobody touches them. */
static char *map_huge(int flags)
{
	char *memory = mmap(NULL, 2 * HUGE, PROT_READ | PROT_WRITE,
		flags | MAP_ANONYMOUS | MAP_HUGETLB | MAP_NORESERVE, -1, 0);
	return memory == MAP_FAILED ? NULL : memory;
}

Test(madvise_kinds, huge_pages_are_given_as_a_whole_or_refused)
{
	char *memory = map_huge(MAP_PRIVATE);
	if (!memory)
		return; /* the kernel knows none, or others */
	CHECK_EQ(create(memory, system_page(), 2 * HUGE / (uint32_t)system_page()), -EOPNOTSUPP);
	CHECK_EQ(create(memory, HUGE / 2, 4), -EOPNOTSUPP);
	CHECK_EQ(create(memory, HUGE / 2 * 3, 1), -EOPNOTSUPP);
	CHECK_EQ(create(memory, HUGE, 2), 0);
	CHECK_EQ(create(memory, 2 * HUGE, 1), 0);
	CHECK_EQ(munmap(memory, 2 * HUGE), 0);
}

Test(madvise_kinds, shared_huge_pages_are_refused)
{
	char *memory = map_huge(MAP_SHARED);
	if (!memory)
		return;
	CHECK_EQ(create(memory, HUGE, 2), -EXDEV);
	CHECK_EQ(munmap(memory, 2 * HUGE), 0);
}

/* Symptom: a file was taken for anonymous memory. Cause: its name was one that the kernel gives to huge pages. */
Test(madvise_kinds, a_file_is_refused_whatever_its_name)
{
	char folder[] = "/tmp/balloon-kinds-XXXXXX";
	char name[sizeof(folder) + 16];
	CHECK(mkdtemp(folder));
	snprintf(name, sizeof(name), "%s/anon_hugepage", folder);
	int fd = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	CHECK(fd >= 0 && ftruncate(fd, (off_t)(PAGES * system_page())) == 0);
	check_kind(MAP_PRIVATE, fd, -EXDEV);
	CHECK_EQ(unlink(name), 0);
	CHECK_EQ(rmdir(folder), 0);
	check_kind(MAP_PRIVATE, fd, -EXDEV);
	CHECK_EQ(close(fd), 0);
}

/* Of many mappings side by side, each of which is as it should be. */
Test(madvise_kinds, memory_in_pieces_is_memory)
{
	size_t size_bytes = PAGES * system_page();
	char *memory = map(size_bytes, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	for (uint32_t page = 0; page < PAGES; page += 2)
		CHECK_EQ(mprotect(memory + page * system_page(), system_page(), PROT_READ), 0);
	CHECK_EQ(create(memory, 0, PAGES), 0);
	CHECK_EQ(create(memory + 3 * system_page(), 0, PAGES - 7), 0);
	CHECK_EQ(munmap(memory, size_bytes), 0);
}

/* Its neighbours are somebody else's, whatever they are, and so is what nobody has mapped. */
Test(madvise_kinds, what_lies_beside_the_memory_is_left_out)
{
	size_t size_bytes = PAGES * system_page();
	char *memory = map(size_bytes, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	char *neighbours[] = {memory, memory + size_bytes - system_page()};
	for (int i = 0; i < 2; i++)
		CHECK(mmap(neighbours[i], system_page(), PROT_READ,
			      MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED);
	CHECK_EQ(create(memory + system_page(), 0, PAGES - 2), 0);
	CHECK_EQ(create(memory, 0, PAGES - 1), -EXDEV);
	CHECK_EQ(create(memory + system_page(), 0, PAGES - 1), -EXDEV);
	char *huge = map_huge(MAP_PRIVATE);
	for (int i = 0; i < 2; i++)
		(void)syscall(SYS_mlock, neighbours[i], system_page());
	CHECK_EQ(create(memory + system_page(), 0, PAGES - 2), 0);
	if (huge)
		CHECK_EQ(munmap(huge, 2 * HUGE), 0);
	for (int i = 0; i < 2; i++)
		CHECK_EQ(munmap(neighbours[i], system_page()), 0);
	CHECK_EQ(create(memory + system_page(), 0, PAGES - 2), 0);
	CHECK_EQ(create(memory, 0, PAGES - 1), -EFAULT);
	CHECK_EQ(create(memory + system_page(), 0, PAGES - 1), -EFAULT);
	CHECK_EQ(munmap(memory, size_bytes), 0);
}
