/* SPDX-License-Identifier: MIT */

#define _GNU_SOURCE 1 /* MADV_WIPEONFORK */

#include "platform/birthmark.h"

#include <errno.h>
#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK 18
#endif

int balloon_birthmark_make(struct balloon_birthmark *birthmark)
{
	size_t size_bytes = (size_t)sysconf(_SC_PAGESIZE);
	int saved = errno;
	int result = 0;
	uint32_t *mark =
		mmap(NULL, size_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mark == MAP_FAILED) {
		result = -ENOMEM;
	} else if (madvise(mark, size_bytes, MADV_WIPEONFORK) < 0) {
		result = -errno;
		munmap(mark, size_bytes);
	} else {
		*mark = 1;
		birthmark->mark = mark;
	}
	errno = saved;
	return result;
}

void balloon_birthmark_end(struct balloon_birthmark *birthmark)
{
	munmap((void *)(uintptr_t)birthmark->mark, (size_t)sysconf(_SC_PAGESIZE));
	birthmark->mark = NULL;
}
