/* SPDX-License-Identifier: MIT */

#define _GNU_SOURCE 1 /* memfd_create() */

#include "shared.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "memfd-host/program.h"

static int must(int result)
{
	if (result < 0) {
		perror("shared memory for a test");
		abort();
	}
	return result;
}

void shared_map(struct shared *shared, uint32_t n_pages)
{
	struct memory *memory = &shared->memory;
	memory->page_size = (size_t)sysconf(_SC_PAGESIZE);
	memory->n_pages = n_pages;
	size_t size_bytes = n_pages * memory->page_size;
	shared->memfd = must(memfd_create("balloon-test", MFD_CLOEXEC | MFD_ALLOW_SEALING));
	must(ftruncate(shared->memfd, (off_t)size_bytes));
	memory->base = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, shared->memfd, 0);
	must(memory->base == MAP_FAILED ? -1 : 0);
	for (uint32_t page = 0; page < n_pages; page++)
		memory_write(memory, page);
}

void shared_unmap(const struct shared *shared)
{
	munmap(shared->memory.base, shared->memory.n_pages * shared->memory.page_size);
	close(shared->memfd);
}

uint64_t shared_n_resident(const struct shared *shared)
{
	struct stat status;
	must(fstat(shared->memfd, &status));
	return (uint64_t)status.st_blocks * 512 / shared->memory.page_size;
}

void ends_open(struct ends *ends)
{
	int fds[2];
	must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds));
	ends->guest = fds[0];
	ends->host = fds[1];
}

void ends_close_host(struct ends *ends)
{
	if (ends->host >= 0)
		close(ends->host);
	ends->host = -1;
}

void ends_close(struct ends *ends)
{
	if (ends->guest >= 0)
		close(ends->guest);
	ends->guest = -1;
	ends_close_host(ends);
}

/* The installed program's code for a guest, in a thread. */
static void *serve(void *argument)
{
	struct host_thread *host = argument;
	struct options options = {.max_pages = host->max_pages};
	struct guest guest;
	enum guest_result result = GUEST_STAYS;
	must(guest_open(&guest, host->socket_fd, &options, NULL));
	while (result == GUEST_STAYS) {
		struct pollfd poll_fd = {
			.fd = guest.socket_fd, .events = guest.answer.n_bytes ? POLLOUT : POLLIN};
		if (poll(&poll_fd, 1, -1) <= 0)
			continue;
		poll(NULL, 0, (int)host->delay_ms);
		result = guest_serve(&guest);
	}
	host->was_dropped = result == GUEST_DROPPED;
	balloon_memfd_host_stats(guest.host, &host->stats);
	guest_close(&guest);
	return NULL;
}

void host_thread_start(
	struct host_thread *host, struct ends *ends, uint64_t max_pages, uint32_t delay_ms)
{
	*host = (struct host_thread){
		.socket_fd = ends->host, .max_pages = max_pages, .delay_ms = delay_ms};
	ends->host = -1;
	must(-pthread_create(&host->thread, NULL, serve, host));
}

void host_thread_join(struct host_thread *host)
{
	pthread_join(host->thread, NULL);
}
