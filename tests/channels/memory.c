/* SPDX-License-Identifier: MIT */

#define _GNU_SOURCE 1 /* mincore() */

#include "memory.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void *must(void *memory)
{
	if (!memory || memory == MAP_FAILED) {
		perror("memory for a test");
		abort();
	}
	return memory;
}

static unsigned char *page_at(const struct memory *memory, uint32_t page)
{
	return memory->base + page * memory->page_size;
}

void memory_map(struct memory *memory, uint32_t n_pages)
{
	memory->page_size = (size_t)sysconf(_SC_PAGESIZE);
	memory->n_pages = n_pages;
	/* Between pages of nobody, so that the kernel keeps it apart from what else is mapped. */
	unsigned char *room = must(mmap(NULL, (n_pages + 2) * memory->page_size, PROT_NONE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	memory->base = room + memory->page_size;
	mprotect(memory->base, n_pages * memory->page_size, PROT_READ | PROT_WRITE);
	/* Page by page, so that a page is resident because it was written. */
	madvise(memory->base, n_pages * memory->page_size, MADV_NOHUGEPAGE);
	for (uint32_t page = 0; page < n_pages; page++)
		memory_write(memory, page);
}

void memory_unmap(const struct memory *memory)
{
	munmap(memory->base - memory->page_size, (memory->n_pages + 2) * memory->page_size);
}

static int value_of(uint32_t page)
{
	return (int)(page % 255 + 1);
}

void memory_write(const struct memory *memory, uint32_t page)
{
	memset(page_at(memory, page), value_of(page), memory->page_size);
}

static bool is_all(const unsigned char *bytes, size_t n, int value)
{
	return bytes[0] == value && memcmp(bytes, bytes + 1, n - 1) == 0;
}

bool memory_is_kept(const struct memory *memory, uint32_t page)
{
	return is_all(page_at(memory, page), memory->page_size, value_of(page));
}

bool memory_is_zero(const struct memory *memory, uint32_t page)
{
	return is_all(page_at(memory, page), memory->page_size, 0);
}

bool memory_is_resident(const struct memory *memory, uint32_t page)
{
	unsigned char is_resident;
	if (mincore(page_at(memory, page), memory->page_size, &is_resident) < 0)
		return false; /* not even mapped */
	return is_resident & 1;
}

long memory_smaps_kb(const struct memory *memory, const char *key)
{
	char line[256];
	bool is_ours = false;
	long kb = -1;
	FILE *file = must(fopen("/proc/self/smaps", "r"));
	while (kb < 0 && fgets(line, sizeof(line), file)) {
		uintptr_t first;
		uintptr_t end;
		if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " ", &first, &end) == 2)
			is_ours = first == (uintptr_t)memory->base;
		else if (is_ours && strncmp(line, key, strlen(key)) == 0)
			kb = strtol(line + strlen(key) + 1, NULL, 10);
	}
	fclose(file);
	return kb;
}

int n_descriptors(void)
{
	int n = 0;
	DIR *folder = must(opendir("/proc/self/fd"));
	while (readdir(folder))
		n++;
	closedir(folder);
	return n;
}

struct balloon_request *request_new(uint32_t n_pages)
{
	size_t size_bytes = balloon_request_size(n_pages);
	struct balloon_request *request = must(malloc(sizeof(*request)));
	/* What lies past the memory belongs to nobody: sanitizers see who goes there. */
	if (balloon_request_init(request, must(aligned_alloc(16, size_bytes)), n_pages) < 0)
		abort();
	return request;
}

void request_delete(struct balloon_request *request)
{
	free(request->scratch); /* it lies at the start */
	free(request);
}

int request_prepare_steps(struct balloon_request *request, enum balloon_request_kind kind,
	uint32_t first, uint32_t step, uint32_t n_pages)
{
	for (uint32_t i = 0; i < n_pages; i++)
		request->pages[i] = balloon_page(first + i * step);
	return balloon_request_prepare(request, kind, n_pages);
}
