/* SPDX-License-Identifier: MIT */
/* Threads that were cancelled finish their call, and errno is as it was; a process whose first thread has ended is
 * still itself. */

#define _GNU_SOURCE 1 /* MAP_ANONYMOUS */

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <balloon/driver.h>
#include <balloon/madvise.h>
#include <balloon/memfd.h>
#include <balloon/zone.h>

#include "shared.h"

enum { PAGES = 64 };

static void must(bool is_true, const char *what)
{
	/* A thread that is cancelled leaves its stack as it is: no array, nor what has an address, for AddressSanitizer. */
	static int ignored;
	if (is_true)
		return;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &ignored);
	fprintf(stderr, "odd-threads: not true: %s\n", what);
	exit(1);
}

/* A driver's whole life, with calls that wait for the host. */
static void live(struct balloon_channel *channel)
{
	const struct balloon_memmap_config map_config = {
		.strategy = balloon_strategy_at(0), .n_pages = PAGES, .n_devices = 2};
	const struct balloon_zone_config zone_config = {.n_frames = PAGES};
	struct balloon_memmap *map = NULL;
	struct balloon_zone *zone = NULL;
	struct balloon_driver *driver = NULL;
	must(balloon_memmap_create(&map_config, &map) == 0, "a map");
	must(balloon_zone_create(&zone_config, &zone) == 0, "a zone");
	const struct balloon_driver_config config = {.design = balloon_driver_design_at(0),
		.map = map,
		.frames = balloon_zone_frames(zone),
		.channel = channel,
		.request_pages = 8};
	must(balloon_driver_create(&config, &driver) == 0, "a driver");
	must(balloon_driver_set_target(driver, PAGES) == 0, "a target");
	must(balloon_driver_run(driver, BALLOON_NEVER, NULL, NULL) == 0, "a run");
	must(balloon_driver_leak(driver, 8) == 8, "a leak");
	must(balloon_driver_fill(driver, 8) == 8, "a fill");
	must(balloon_driver_set_target(driver, 0) == 0, "a target");
	must(balloon_driver_run(driver, BALLOON_NEVER, NULL, NULL) == 0, "a run back");
	must(balloon_driver_stop(driver, BALLOON_NEVER) == 0, "a stop");
	must(balloon_driver_destroy(driver) == 0, "its end");
	must(balloon_zone_destroy(zone) == 0, "the zone's end");
	must(balloon_memmap_destroy(map) == 0, "the map's end");
}

/* The guest's side of a memfd, from beginning to end. */
static void be_guest(const struct shared *shared, const struct ends *ends)
{
	struct balloon_channel *channel = NULL;
	const struct balloon_memfd_config config = {
		.socket_fd = ends->guest, .memfd = shared->memfd, .n_pages = PAGES};
	must(balloon_memfd_create(&config, &channel) == 0, "a memfd channel");
	live(channel);
	must(balloon_channel_reset(channel) == 0, "a reset");
	must(balloon_memfd_destroy(channel) == 0, "the channel's end");
}

static void use_memfd(void (*use)(const struct shared *, const struct ends *))
{
	struct shared shared;
	struct ends ends;
	struct host_thread host;
	shared_map(&shared, PAGES);
	ends_open(&ends);
	host_thread_start(&host, &ends, 0, 0);
	use(&shared, &ends);
	host_thread_join(&host);
	ends_close(&ends);
	shared_unmap(&shared);
}

static void use_madvise(void)
{
	size_t size = PAGES * (size_t)sysconf(_SC_PAGESIZE);
	const int rights = PROT_READ | PROT_WRITE;
	void *own = mmap(NULL, size, rights, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct balloon_channel *channel = NULL;
	struct balloon_madvise_config config = {.base = own, .n_pages = PAGES};
	must(own != MAP_FAILED, "memory");
	must(balloon_madvise_create(&config, &channel) == 0, "a madvise channel");
	memset(own, 1, size);
	live(channel);
	for (size_t i = 0; i < size; i++)
		must(((char *)own)[i] == 0, "memory that was given back");
	must(balloon_madvise_destroy(channel) == 0, "the channel's end");
	munmap(own, size);
}

static void shared_memory_is_refused(void)
{
	size_t size = PAGES * (size_t)sysconf(_SC_PAGESIZE);
	struct balloon_channel *channel = NULL;
	void *memory = mmap(NULL, size, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct balloon_madvise_config config = {.base = memory, .n_pages = PAGES};
	must(memory != MAP_FAILED, "shared memory");
	must(balloon_madvise_create(&config, &channel) == -EXDEV, "shared memory is refused");
	munmap(memory, size);
}

/* ---- Cancelled threads ----------------------------------------------------------------------- */

struct cancelled {
	const struct shared *shared;
	const struct ends *ends;
	bool is_through;
};

/* It is cancelled already: the first point at which a thread can end would end it. */
static void *go_on(void *argument)
{
	struct cancelled *cancelled = argument;
	must(pthread_cancel(pthread_self()) == 0, "cancelled");
	errno = ENOTTY;
	be_guest(cancelled->shared, cancelled->ends);
	must(errno == ENOTTY, "a memfd channel leaves errno alone");
	use_madvise();
	must(errno == ENOTTY, "a madvise channel leaves errno alone");
	shared_memory_is_refused();
	cancelled->is_through = true;
	pthread_testcancel();
	return NULL;
}

static void is_cancelled(const struct shared *shared, const struct ends *ends)
{
	struct cancelled cancelled = {shared, ends, false};
	pthread_t thread;
	void *result = NULL;
	must(pthread_create(&thread, NULL, go_on, &cancelled) == 0, "a thread");
	must(pthread_join(thread, &result) == 0, "joined");
	must(cancelled.is_through, "no call ends a thread that was cancelled");
	must(result == PTHREAD_CANCELED, "and none forgets that it was");
}

/* ---- The first thread has ended -------------------------------------------------------------- */

/* What the kernel shows of a process by its number is then that of a zombie. */
static void await_zombie(void)
{
	char line[256] = "";
	while (!strstr(line, ") Z ")) {
		FILE *file = fopen("/proc/self/stat", "re");
		must(file && fgets(line, sizeof(line), file), "a process has a state");
		fclose(file);
		sched_yield();
	}
}

static void *outlive(void *argument)
{
	(void)argument;
	await_zombie();
	use_memfd(be_guest);
	use_madvise();
	shared_memory_is_refused();
	exit(0);
}

int main(void)
{
	pthread_t thread;
	use_memfd(is_cancelled);
	must(pthread_create(&thread, NULL, outlive, NULL) == 0, "a thread");
	pthread_exit(NULL);
}
