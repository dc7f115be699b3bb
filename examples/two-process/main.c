/* SPDX-License-Identifier: MIT */
/*
 * Guest and host as two processes. The guest's memory is a memfd, which the host has as well: what the
 * guest's driver inflates, the host punches out of it, and the machine has it back. In the end the host
 * is killed, and the guest takes its pages back without it.
 *
 * balloon-memfd-host is such a host for real use; host.c shows how little there is to it.
 */

#define _GNU_SOURCE 1 /* memfd_create() */

#include <balloon/driver.h>
#include <balloon/zone.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host.h"

enum { N_PAGES = 4096, N_IN_USE = 512 };

static const uint64_t patience_ns = UINT64_C(60000000000);

struct guest {
	int socket_fd;
	int memfd;
	size_t page_size;
	unsigned char *memory;
	pid_t host;
	const struct balloon_memfd_host_stats *host_books;
	struct balloon_memmap *map;
	struct balloon_zone *zone;
	struct balloon_channel *channel;
	struct balloon_driver *driver;
	struct balloon_page in_use[N_IN_USE]; /* frames that hold the guest's data */
};

static int failed(const char *what, int error)
{
	fprintf(stderr, "two-process: %s: %s\n", what, strerror(-error));
	return 1;
}

static void write_page(const struct guest *guest, struct balloon_page page)
{
	memset(guest->memory + page.index * guest->page_size, (int)(page.index % 255 + 1),
		guest->page_size);
}

static bool is_written(const struct guest *guest, struct balloon_page page)
{
	const unsigned char *bytes = guest->memory + page.index * guest->page_size;
	return bytes[0] == page.index % 255 + 1 && bytes[guest->page_size - 1] == bytes[0];
}

/* Pages that the kernel has behind the memory. */
static uint64_t n_resident(const struct guest *guest)
{
	struct stat status;
	return fstat(guest->memfd, &status) < 0
		       ? 0
		       : (uint64_t)status.st_blocks * 512 / guest->page_size;
}

static void print(const struct guest *guest, const char *what)
{
	struct balloon_driver_progress progress;
	balloon_driver_progress(guest->driver, &progress);
	printf("%-34s balloon %5llu pages, host's stats %5llu, memory %5llu\n", what,
		(unsigned long long)progress.n_enqueued,
		(unsigned long long)guest->host_books->n_held,
		(unsigned long long)n_resident(guest));
	fflush(stdout);
}

static int make_memory(struct guest *guest)
{
	guest->page_size = (size_t)sysconf(_SC_PAGESIZE);
	size_t size_bytes = N_PAGES * guest->page_size;
	guest->memfd = memfd_create("guest", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (guest->memfd < 0 || ftruncate(guest->memfd, (off_t)size_bytes) < 0)
		return -errno;
	guest->memory = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, guest->memfd, 0);
	guest->host_books = mmap(NULL, sizeof(*guest->host_books), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return guest->memory == MAP_FAILED || guest->host_books == MAP_FAILED ? -errno : 0;
}

static int start_host(struct guest *guest)
{
	int ends[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	guest->host = fork();
	if (guest->host == 0) {
		/* The stats are writable memory; the guest only looks at them. */
		struct host host = {ends[1], -1,
			(struct balloon_memfd_host_stats *)(uintptr_t)guest->host_books};
		close(ends[0]);
		_exit(be_host(&host));
	}
	close(ends[1]);
	guest->socket_fd = ends[0];
	return guest->host < 0 ? -errno : 0;
}

static int make_driver(struct guest *guest)
{
	struct balloon_memmap_config map = {
		.strategy = balloon_strategy_at(0), .n_pages = N_PAGES, .n_devices = 2};
	struct balloon_zone_config zone = {.first = 0, .n_frames = N_PAGES};
	struct balloon_memfd_config channel = {
		.socket_fd = guest->socket_fd, .memfd = guest->memfd, .n_pages = N_PAGES};
	int result = balloon_memmap_create(&map, &guest->map);
	if (result == 0)
		result = balloon_zone_create(&zone, &guest->zone);
	if (result == 0)
		result = balloon_memfd_create(&channel, &guest->channel);
	if (result < 0)
		return result;
	struct balloon_driver_config driver = {.design = balloon_driver_design_at(0),
		.map = guest->map,
		.frames = balloon_zone_frames(guest->zone),
		.channel = guest->channel,
		.host_timeout_ns = patience_ns};
	return balloon_driver_create(&driver, &guest->driver);
}

/* Data of the guest's, and every other page touched once, as memory is after a while. */
static int use_memory(struct guest *guest)
{
	for (uint32_t i = 0; i < N_PAGES; i++)
		write_page(guest, balloon_page(i));
	for (uint32_t i = 0; i < N_IN_USE; i++) {
		int result = balloon_zone_allocate(guest->zone, 0, &guest->in_use[i]);
		if (result < 0)
			return result;
	}
	return n_resident(guest) == N_PAGES ? 0 : -EUCLEAN;
}

/* Make the balloon that large: host, kernel and driver agree, and no data is lost. */
static int resize(struct guest *guest, uint64_t target, const char *what)
{
	struct balloon_driver_progress progress;
	balloon_driver_set_target(guest->driver, target);
	int result = balloon_driver_run(
		guest->driver, balloon_platform_now_ns() + patience_ns, NULL, NULL);
	if (result < 0)
		return result;
	print(guest, what);
	balloon_driver_progress(guest->driver, &progress);
	for (uint32_t i = 0; i < N_IN_USE; i++)
		if (!is_written(guest, guest->in_use[i]))
			return -EUCLEAN;
	return progress.n_enqueued == target && guest->host_books->n_held == target ? 0 : -EUCLEAN;
}

/* Write to everything that is free, and give it back: afterwards all but the balloon is there. */
static int use_what_is_free(struct guest *guest, uint64_t n_expected)
{
	static struct balloon_page pages[N_PAGES];
	uint32_t n = 0;
	while (balloon_zone_allocate(guest->zone, 0, &pages[n]) == 0)
		write_page(guest, pages[n++]);
	bool is_good = n > 0 && n == n_expected;
	for (uint32_t i = 0; i < n; i++) {
		is_good = is_good && is_written(guest, pages[i]);
		balloon_zone_free(guest->zone, pages[i], 0);
	}
	print(guest, "the guest uses what it has");
	return is_good ? 0 : -EUCLEAN;
}

/* The host dies with pages of ours. */
static int lose_host(struct guest *guest)
{
	int status;
	kill(guest->host, SIGKILL);
	waitpid(guest->host, &status, 0);
	guest->host = -1;
	balloon_driver_set_target(guest->driver, 0);
	int result = balloon_driver_run(
		guest->driver, balloon_platform_now_ns() + patience_ns, NULL, NULL);
	printf("the host was killed; the driver says: %s\n", strerror(-result));
	if (result != -ENODEV)
		return -EUCLEAN;
	result = balloon_driver_stop(guest->driver, balloon_platform_now_ns() + patience_ns);
	return result == 0 ? balloon_driver_reset(guest->driver) : result;
}

static int run(struct guest *guest)
{
	int result = use_memory(guest);
	if (result == 0) {
		print(guest, "all memory is in use");
		result = resize(guest, 3072, "inflated");
	}
	if (result == 0 && n_resident(guest) != N_PAGES - 3072)
		result = -EUCLEAN;
	if (result == 0)
		result = resize(guest, 1024, "deflated, nothing touched yet");
	if (result == 0)
		result = use_what_is_free(guest, N_PAGES - 1024 - N_IN_USE);
	if (result == 0 && n_resident(guest) != N_PAGES - 1024)
		result = -EUCLEAN;
	if (result == 0)
		result = lose_host(guest);
	return result == 0 ? use_what_is_free(guest, N_PAGES - N_IN_USE) : result;
}

static int end(struct guest *guest)
{
	int result = balloon_driver_destroy(guest->driver);
	for (uint32_t i = 0; i < N_IN_USE && result == 0; i++)
		result = balloon_zone_free(guest->zone, guest->in_use[i], 0);
	if (result == 0)
		result = balloon_memfd_destroy(guest->channel);
	if (result == 0)
		result = balloon_zone_destroy(guest->zone);
	return result == 0 ? balloon_memmap_destroy(guest->map) : result;
}

int main(void)
{
	static struct guest guest;
	int result = make_memory(&guest);
	if (result == 0)
		result = start_host(&guest);
	if (result < 0)
		return failed("no memory or no host", result);
	result = make_driver(&guest);
	if (result == 0)
		result = run(&guest);
	if (result == 0)
		result = end(&guest);
	if (guest.host > 0)
		kill(guest.host, SIGKILL);
	return result == 0 ? 0 : failed("something is not as it should be", result);
}
