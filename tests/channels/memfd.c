/* SPDX-License-Identifier: MIT */
/* The memfd channel with a host that keeps the protocol, and how the two meet. */

#define _GNU_SOURCE 1 /* seals */

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "memfd-fixture.h"
#include "channels/memfd/guest.h"
#include "suite.h"

/* ---- A host that keeps the protocol ---------------------------------------------------------- */

Test(memfd, inflated_pages_leave_the_memory_and_no_others)
{
	struct memfd_fixture s;
	open_all(&s, 0);
	uint64_t n_before = shared_n_resident(&s.shared);
	CHECK_EQ(n_before, PAGES);
	tell(&s, BALLOON_REQUEST_INFLATE, 1, 3, 10, 10, 0);
	CHECK_EQ(shared_n_resident(&s.shared), n_before - 10);
	tell(&s, BALLOON_REQUEST_INFLATE, 40, 1, 20, 20, 0);
	CHECK_EQ(shared_n_resident(&s.shared), n_before - 30);
	tell(&s, BALLOON_REQUEST_DEFLATE, 40, 1, 15, 15, 0);
	for (uint32_t page = 0; page < PAGES; page++) {
		bool is_punched = (page % 3 == 1 && page < 30) || (page >= 40 && page < 60);
		cr_assert(is_punched ? memory_is_zero(&s.shared.memory, page)
				     : memory_is_kept(&s.shared.memory, page),
			"page %u", page);
	}
	for (uint32_t page = 40; page < 55; page++)
		memory_write(&s.shared.memory, page);
	tell(&s, BALLOON_REQUEST_DEFLATE, 1, 3, 10, 10, 0);
	close_all(&s);
	CHECK_EQ(s.host.stats.n_held, 5);
	CHECK_EQ(s.host.stats.n_inflated, 30);
	CHECK_EQ(s.host.stats.n_deflated, 25);
	CHECK_EQ(s.host.stats.n_requests, 4);
	CHECK_EQ(s.host.stats.n_refused, 0);
}

Test(memfd, the_host_refuses_what_is_not_so)
{
	struct memfd_fixture s;
	open_all(&s, 20);
	tell(&s, BALLOON_REQUEST_INFLATE, 10, 1, 10, 10, 0);
	tell(&s, BALLOON_REQUEST_INFLATE, 4, 1, 12, 6, -EEXIST);
	CHECK(memory_is_zero(&s.shared.memory, 9) && memory_is_kept(&s.shared.memory, 20));
	tell(&s, BALLOON_REQUEST_DEFLATE, 17, 1, 8, 3, -ENOENT);
	tell(&s, BALLOON_REQUEST_DEFLATE, 50, 1, 8, 0, -ENOENT);
	/* 13 are the host's. */
	tell(&s, BALLOON_REQUEST_INFLATE, 30, 2, 12, 7, -ENOSPC);
	CHECK(memory_is_zero(&s.shared.memory, 42) && memory_is_kept(&s.shared.memory, 44));
	tell(&s, BALLOON_REQUEST_INFLATE, 60, 1, 1, 0, -ENOSPC);
	tell(&s, BALLOON_REQUEST_DEFLATE, 4, 1, 13, 13, 0);
	tell(&s, BALLOON_REQUEST_INFLATE, 60, 1, 1, 1, 0);
	close_all(&s);
	CHECK_EQ(s.host.stats.n_held, 8);
	CHECK_EQ(s.host.stats.n_refused, 5);
}

/* It is awake already: a byte for itself would end its next sleep, and cost three system calls. */
Test(memfd, who_polls_for_its_own_answer_wakes_nobody)
{
	struct memfd_fixture s;
	open_slow(&s, 0, 5);
	const struct balloon_memfd_guest *guest =
		(const struct balloon_memfd_guest *)(const void *)s.channel;
	tell(&s, BALLOON_REQUEST_INFLATE, 1, 1, 10, 10, 0);
	struct pollfd wakes = {.fd = guest->wake_fd, .events = POLLIN};
	CHECK_EQ(poll(&wakes, 1, 0), 0);
	tell(&s, BALLOON_REQUEST_DEFLATE, 1, 1, 10, 10, 0);
	CHECK_EQ(poll(&wakes, 1, 0), 0);
	close_all(&s);
}

Test(memfd, map_pages_of_several_system_pages)
{
	enum { SMALL = 16 };
	struct memfd_fixture s;
	open_memory(&s);
	host_thread_start(&s.host, &s.ends, 0, 0);
	struct balloon_memfd_config config = config_of(&s);
	config.n_pages = PAGES / SMALL;
	config.page_size = (uint32_t)s.shared.memory.page_size * SMALL;
	CHECK_EQ(balloon_memfd_create(&config, &s.channel), 0);
	tell(&s, BALLOON_REQUEST_INFLATE, 1, 2, 2, 2, 0);
	CHECK_EQ(shared_n_resident(&s.shared), PAGES / 2);
	for (uint32_t page = 0; page < PAGES; page++)
		CHECK_EQ(memory_is_zero(&s.shared.memory, page), page / SMALL % 2 == 1);
	close_all(&s);
}

Test(memfd, requests_that_are_no_requests_do_not_reach_the_host)
{
	struct memfd_fixture s;
	struct balloon_request *large = request_new(2 * BALLOON_MEMFD_RANGES_MAX + 2);
	open_all(&s, 0);
	CHECK_EQ(request_prepare_steps(large, BALLOON_REQUEST_INFLATE, 60, 1, 5), 0);
	CHECK_EQ(balloon_request_submit(s.channel, large), -EINVAL);
	CHECK_EQ(request_prepare_steps(large, BALLOON_REQUEST_INFLATE, 0, UINT32_MAX, 2), 0);
	CHECK_EQ(balloon_request_submit(s.channel, large), -EINVAL);
	CHECK_EQ(balloon_request_state(large), BALLOON_REQUEST_FREE);
	CHECK_EQ(balloon_memfd_destroy(NULL), -EINVAL);
	struct balloon_channel other;
	balloon_channel_init(&other, &balloon_null_channel_ops);
	CHECK_EQ(balloon_memfd_destroy(&other), -EINVAL);
	close_all(&s);
	CHECK_EQ(s.host.stats.n_requests, 0);
	request_delete(large);
}

/* The longest message goes through, and one range more does not. */
Test(memfd, as_many_ranges_as_a_message_holds)
{
	enum { MANY = 2 * BALLOON_MEMFD_RANGES_MAX + 2 };
	struct memfd_fixture s = {.request = request_new(MANY)};
	shared_map(&s.shared, MANY);
	ends_open(&s.ends);
	host_thread_start(&s.host, &s.ends, 0, 0);
	struct balloon_memfd_config config = config_of(&s);
	config.n_pages = MANY;
	CHECK_EQ(balloon_memfd_create(&config, &s.channel), 0);
	tell(&s, BALLOON_REQUEST_INFLATE, 0, 2, BALLOON_MEMFD_RANGES_MAX, BALLOON_MEMFD_RANGES_MAX,
		0);
	CHECK_EQ(shared_n_resident(&s.shared), MANY - BALLOON_MEMFD_RANGES_MAX);
	CHECK_EQ(request_prepare_steps(
			 s.request, BALLOON_REQUEST_INFLATE, 1, 2, BALLOON_MEMFD_RANGES_MAX + 1),
		0);
	CHECK_EQ(balloon_request_submit(s.channel, s.request), -E2BIG);
	tell(&s, BALLOON_REQUEST_DEFLATE, 0, 2, BALLOON_MEMFD_RANGES_MAX, BALLOON_MEMFD_RANGES_MAX,
		0);
	close_all(&s);
}

/* A reset waits for what a living host has begun, so that afterwards nothing is punched. */
Test(memfd, after_a_reset_the_host_punches_nothing)
{
	struct memfd_fixture s;
	open_slow(&s, 0, 30);
	CHECK_EQ(request_prepare_steps(s.request, BALLOON_REQUEST_INFLATE, 0, 1, PAGES), 0);
	CHECK_EQ(balloon_request_submit(s.channel, s.request), 0);
	CHECK_EQ(balloon_channel_reset(s.channel), 0);
	for (uint32_t page = 0; page < PAGES; page++)
		memory_write(&s.shared.memory, page);
	host_thread_join(&s.host);
	for (uint32_t page = 0; page < PAGES; page++)
		CHECK(memory_is_kept(&s.shared.memory, page));
	CHECK_EQ(s.host.stats.n_inflated, PAGES);
	CHECK_EQ(balloon_memfd_destroy(s.channel), 0);
	close_memory(&s);
}

/* ---- The introduction ------------------------------------------------------------------------ */

/* No descriptor is left, whatever it comes to. */
static int try_create(const struct balloon_memfd_config *config)
{
	struct balloon_channel *channel;
	int n_before = n_descriptors();
	int result = balloon_memfd_create(config, &channel);
	if (result == 0)
		CHECK_EQ(balloon_memfd_destroy(channel), 0);
	CHECK_EQ(n_descriptors(), n_before);
	return result;
}

Test(memfd, what_cannot_be_introduced_is_refused)
{
	struct memfd_fixture s;
	unsigned char bytes[64];
	int pipe_ends[2];
	open_memory(&s);
	const struct balloon_memfd_config good = config_of(&s);
	struct balloon_memfd_config bad = good;
	struct balloon_channel *channel;
	CHECK_EQ(balloon_memfd_create(NULL, &channel), -EINVAL);
	CHECK_EQ(balloon_memfd_create(&good, NULL), -EINVAL);
	bad.n_pages = 0;
	CHECK_EQ(try_create(&bad), -EINVAL);
	bad.n_pages = PAGES + 1;
	CHECK_EQ(try_create(&bad), -EINVAL);
	bad.n_pages = UINT32_MAX;
	bad.page_size = UINT32_C(1) << 31;
	CHECK_EQ(try_create(&bad), -EINVAL);
	bad = good;
	bad.page_size = (uint32_t)s.shared.memory.page_size / 2;
	CHECK_EQ(try_create(&bad), -EINVAL);
	bad.page_size = (uint32_t)s.shared.memory.page_size * 3;
	bad.n_pages = 3;
	CHECK_EQ(try_create(&bad), -EINVAL);
	bad = good;
	CHECK_EQ(pipe(pipe_ends), 0);
	bad.memfd = pipe_ends[0];
	CHECK_EQ(try_create(&bad), -EINVAL);
	bad = good;
	bad.socket_fd = pipe_ends[0];
	CHECK_EQ(try_create(&bad), -EINVAL);
	close(pipe_ends[0]);
	close(pipe_ends[1]);
	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pipe_ends), 0);
	bad.socket_fd = pipe_ends[0];
	CHECK_EQ(try_create(&bad), -EINVAL);
	close(pipe_ends[0]);
	close(pipe_ends[1]);
	CHECK_EQ(hear(&s, bytes, sizeof(bytes)), 0);
	CHECK(fcntl(s.shared.memfd, F_GET_SEALS) & F_SEAL_SHRINK);
	int unsealable = memfd_create("balloon-test", MFD_CLOEXEC);
	bad = good;
	bad.memfd = unsealable;
	CHECK_EQ(try_create(&bad), -EPERM);
	close(unsealable);
	close_memory(&s);
}

/* Of memory that cannot be punched, or not in pieces of this size, the host never hears. */
static void check_unpunchable(int memfd, uint32_t page_size, uint32_t n_pages, int expected)
{
	struct memfd_fixture s;
	unsigned char bytes[64];
	open_memory(&s);
	struct balloon_memfd_config config = config_of(&s);
	config.memfd = memfd;
	config.page_size = page_size;
	config.n_pages = n_pages;
	CHECK_EQ(try_create(&config), expected);
	CHECK_EQ(hear(&s, bytes, sizeof(bytes)), 0);
	close_memory(&s);
}

Test(memfd, what_cannot_be_punched_is_refused)
{
	enum { FUTURE_WRITE = 0x0010, HUGE = 2 << 20 };
	static const int seals[] = {F_SEAL_WRITE, FUTURE_WRITE, F_SEAL_WRITE | F_SEAL_GROW};
	char name[64];
	for (size_t i = 0; i < sizeof(seals) / sizeof(*seals); i++) {
		int memfd = memfd_create("balloon-test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
		CHECK_EQ(ftruncate(memfd, PAGES * sysconf(_SC_PAGESIZE)), 0);
		CHECK_EQ(fcntl(memfd, F_ADD_SEALS, F_SEAL_SHRINK | seals[i]), 0);
		check_unpunchable(memfd, 0, PAGES, -EROFS);
		close(memfd);
	}
	int memfd = memfd_create("balloon-test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	CHECK_EQ(ftruncate(memfd, PAGES * sysconf(_SC_PAGESIZE)), 0);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", memfd);
	int read_only = open(name, O_RDONLY | O_CLOEXEC);
	CHECK(read_only >= 0);
	check_unpunchable(read_only, 0, PAGES, -EROFS);
	close(read_only);
	close(memfd);
	int huge = memfd_create("balloon-test", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_HUGETLB);
	if (huge < 0 || ftruncate(huge, HUGE) < 0)
		return; /* the machine has none */
	check_unpunchable(huge, 0, PAGES, -EOPNOTSUPP);
	check_unpunchable(huge, HUGE / 2, 2, -EOPNOTSUPP);
	struct memfd_fixture s;
	open_memory(&s);
	say_answer(&s, 0, 0, 0);
	struct balloon_memfd_config config = config_of(&s);
	config.memfd = huge;
	config.page_size = HUGE;
	config.n_pages = 1;
	CHECK_EQ(try_create(&config), 0);
	close_memory(&s);
	close(huge);
}

/* As of a guest that was here before: of seals that are sealed, too, the one that is needed is there. */
Test(memfd, what_cannot_shrink_needs_no_other_seal)
{
	struct memfd_fixture s;
	open_memory(&s);
	CHECK_EQ(fcntl(s.shared.memfd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_SEAL), 0);
	say_answer(&s, 0, 0, 0);
	struct balloon_memfd_config config = config_of(&s);
	CHECK_EQ(try_create(&config), 0);
	close_memory(&s);
}

Test(memfd, hosts_that_do_not_consent)
{
	struct memfd_fixture s;
	unsigned char bytes[HELLO_BYTES] = {0};
	open_memory(&s);
	struct balloon_memfd_config config = config_of(&s);
	config.hello_timeout_ns = 20 * MS;
	uint64_t deadline_ns = balloon_platform_now_ns() + config.hello_timeout_ns;
	CHECK_EQ(try_create(&config), -ETIMEDOUT);
	CHECK(balloon_platform_now_ns() >= deadline_ns);
	config.hello_timeout_ns = 3600 * 1000 * MS;
	say_answer(&s, 0, 0, -E2BIG);
	CHECK_EQ(try_create(&config), -E2BIG);
	say_answer(&s, 1, 0, 0); /* an answer to something else */
	CHECK_EQ(try_create(&config), -EPROTO);
	say_answer(&s, 0, 1, 0);
	CHECK_EQ(try_create(&config), -EPROTO);
	say_answer(&s, 0, 0, 5);
	CHECK_EQ(try_create(&config), -EPROTO);
	say(&s, bytes, 7);
	CHECK_EQ(try_create(&config), -EPROTO);
	say_answer(&s, 0, 0, 0);
	CHECK_EQ(try_create(&config), 0);
	while (hear(&s, bytes, sizeof(bytes)) > 0)
		;
	ends_close_host(&s.ends);
	CHECK_EQ(try_create(&config), -ENODEV);
	close_memory(&s);
}
