/* SPDX-License-Identifier: MIT */
/*
 * /proc/thread-self/smaps: for each mapping a line of addresses, rights and inode, and lines of names and values, of
 * which the size of the kernel's pages and the flags are looked at.
 */

#define _GNU_SOURCE 1 /* getline() */

#include "channels/madvise/mapping.h"
#include "platform/quiet.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct wanted {
	uintptr_t at; /* everything before is mapped */
	uintptr_t end;
	size_t page_size;
	bool is_inside; /* the lines are about a mapping that has some of it */
	bool is_over;   /* they are about one past it */
};

/* What the kernel calls huge pages of no file, which have an inode. */
static const char anonymous_huge[] = "/anon_hugepage (deleted)\n";

/* A mapping begins. Returns 0, or what is wrong with it. */
static int begin(struct wanted *wanted, uintptr_t first, uintptr_t end, bool is_private)
{
	wanted->is_over = wanted->at >= wanted->end;
	wanted->is_inside = !wanted->is_over && first < wanted->end && end > wanted->at;
	if (!wanted->is_inside)
		return 0;
	if (first > wanted->at)
		return -EFAULT;
	wanted->at = end;
	return is_private ? 0 : -EXDEV;
}

static int follow(struct wanted *wanted, const char *line)
{
	unsigned long first, end, inode, page_kib;
	char sharing;
	int name;
	if (sscanf(line, "%lx-%lx %*3c%c %*s %*s %lu %n", &first, &end, &sharing, &inode, &name) ==
		4)
		return begin(wanted, first, end,
			sharing == 'p' && (inode == 0 || strcmp(line + name, anonymous_huge) == 0));
	if (!wanted->is_inside)
		return 0;
	if (sscanf(line, "KernelPageSize: %lu kB", &page_kib) == 1)
		return page_kib == 0 || wanted->page_size % (page_kib << 10) ? -EOPNOTSUPP : 0;
	return strstr(line, "VmFlags:") && strstr(line, " lo") ? -EPERM : 0;
}

int balloon_mapping_check(const void *base, size_t size_bytes, size_t page_size)
{
	struct wanted wanted = {
		.at = (uintptr_t)base, .end = (uintptr_t)base + size_bytes, .page_size = page_size};
	char *line = NULL;
	size_t room = 0;
	struct quiet quiet = quiet_begin();
	int result = 0;
	bool has_lines = false;
	/* The thread's: of a process whose first thread has ended there is none. */
	FILE *file = fopen("/proc/thread-self/smaps", "re");
	while (file && result == 0 && !wanted.is_over && getline(&line, &room, file) != -1) {
		has_lines = true;
		result = follow(&wanted, line);
	}
	if (!has_lines || (file && ferror(file)))
		result = -ENOSYS;
	else if (result == 0 && wanted.at < wanted.end)
		result = -EFAULT;
	if (file)
		fclose(file);
	free(line);
	quiet_end(quiet);
	return result;
}
