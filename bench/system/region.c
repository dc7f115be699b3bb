/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE 1 /* mincore(), madvise(), memfd_create() */

#include "system/region.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/pages.h"

const char *const page_order_names[] = {"contiguous", "clusters", "random", "blocks", NULL};

/* ---- Order ----------------------------------------------------------------------------------- */

static int make_order(struct region *region, enum page_order order)
{
	region->order = calloc(region->n_pages, sizeof *region->order);
	if (!region->order)
		return -ENOMEM;
	for (uint32_t i = 0; i < region->n_pages; i++)
		region->order[i] = balloon_page(i);
	if (order != ORDER_CONTIGUOUS)
		pages_shuffle(region->order, region->n_pages,
			order == ORDER_CLUSTERS ? CLUSTER_PAGES : 1);
	return 0;
}

/* ---- Memory ---------------------------------------------------------------------------------- */

static int make_memfd(size_t n_bytes)
{
	int fd = memfd_create("balloon-bench", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd >= 0 && ftruncate(fd, (off_t)n_bytes) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

/* A huge page more than needed, so that the first one can be aligned. */
static int map(struct region *region, bool is_memfd)
{
	region->memfd = -1;
	region->mapping_bytes = region->n_bytes + HUGE_PAGE;
	if (is_memfd && (region->memfd = make_memfd(region->mapping_bytes)) < 0)
		return -errno;
	region->mapping = mmap(NULL, region->mapping_bytes, PROT_READ | PROT_WRITE,
		is_memfd ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS, region->memfd, 0);
	if (region->mapping == MAP_FAILED) {
		region->mapping = NULL;
		return -errno;
	}
	uintptr_t address = (uintptr_t)region->mapping;
	region->base = (char *)region->mapping;
	if (!is_memfd)
		region->base += (HUGE_PAGE - address % HUGE_PAGE) % HUGE_PAGE;
	return 0;
}

int region_init(struct region *region, enum page_order order, uint32_t n_pages, bool is_memfd,
	struct problem *problem)
{
	bool is_huge = order == ORDER_BLOCKS;
	size_t n_bytes = (size_t)n_pages * SMALL_PAGE;
	*region = (struct region){.page_bytes = is_huge ? HUGE_PAGE : SMALL_PAGE};
	region->n_pages = (uint32_t)(n_bytes / region->page_bytes);
	region->n_bytes = (size_t)region->n_pages * region->page_bytes;
	int result = map(region, is_memfd);
	if (result == 0)
		result = make_order(region, order);
	if (result < 0) {
		region_fini(region);
		return problem_set(problem, "%zu bytes of memory: %s", n_bytes, strerror(-result));
	}
	/* Where the system has no huge pages, it has no use for the advice either. */
	madvise(region->base, region->n_bytes, is_huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
	return 0;
}

void region_fini(struct region *region)
{
	if (region->mapping)
		munmap(region->mapping, region->mapping_bytes);
	if (region->memfd >= 0)
		close(region->memfd);
	free(region->order);
	region->mapping = NULL;
	region->order = NULL;
}

void region_touch(const struct region *region, const struct balloon_page *pages, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		volatile char *page = region_page(region, pages[i]);
		for (size_t at = 0; at < region->page_bytes; at += SMALL_PAGE)
			page[at] = 1;
	}
}

/* ---- What the system says of it -------------------------------------------------------------- */

int64_t region_n_resident(const struct region *region)
{
	size_t unit = (size_t)sysconf(_SC_PAGESIZE), n = region->n_bytes / unit;
	unsigned char *is_in = malloc(n);
	int64_t n_resident = -1;
	if (is_in && mincore(region->base, region->n_bytes, is_in) == 0) {
		n_resident = 0;
		for (size_t i = 0; i < n; i++)
			n_resident += is_in[i] & 1;
		n_resident *= (int64_t)(unit / SMALL_PAGE);
	}
	free(is_in);
	return n_resident;
}

/* The areas of memory that lie in the region, one after the other, each with its counts. */
double region_huge_share(const struct region *region)
{
	char line[512];
	uintptr_t first = 0, end = 0, base = (uintptr_t)region->base;
	double huge_kb = 0, kb;
	FILE *file = fopen("/proc/self/smaps", "r");
	if (!file)
		return NAN;
	while (fgets(line, sizeof line, file)) {
		unsigned long a, b;
		if (sscanf(line, "%lx-%lx ", &a, &b) == 2) {
			first = a;
			end = b;
		} else if (sscanf(line, "AnonHugePages: %lf", &kb) == 1 && first < end &&
			   end > base && first < base + region->n_bytes) {
			huge_kb += kb;
		}
	}
	fclose(file);
	return fmin(1, huge_kb * 1024 / (double)region->n_bytes);
}
