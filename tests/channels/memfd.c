/* SPDX-License-Identifier: MIT */
/* The memfd channel from the guest's side, with hosts that keep the protocol and others that do not. */

#define _GNU_SOURCE /* seals, MSG_DONTWAIT */

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <balloon/memfd.h>

#include "hosted/memfd-wire.h"
#include "shared.h"
#include "support.h"

enum { PAGES = 64, MS = 1000000 };

struct setting {
	struct shared shared;
	struct ends ends;
	struct host_thread host;
	struct balloon_channel *channel;
	struct balloon_request *request;
};

static struct balloon_memfd_config config_of(const struct setting *s)
{
	return (struct balloon_memfd_config){.socket_fd = s->ends.guest,
		.memfd = s->shared.memfd,
		.n_pages = PAGES,
		.hello_timeout_ns = UINT64_C(60000) * MS};
}

static void open_memory(struct setting *s)
{
	shared_map(&s->shared, PAGES);
	ends_open(&s->ends);
	s->request = request_new(PAGES);
}

static void close_memory(struct setting *s)
{
	ends_close(&s->ends);
	shared_unmap(&s->shared);
	request_delete(s->request);
}

/* With a host that keeps the protocol. */
static void open_all(struct setting *s, uint64_t max_pages)
{
	open_memory(s);
	host_thread_start(&s->host, &s->ends, max_pages);
	struct balloon_memfd_config config = config_of(s);
	CHECK_EQ(balloon_memfd_create(&config, &s->channel), 0);
}

static void close_all(struct setting *s)
{
	CHECK_EQ(balloon_memfd_destroy(s->channel), 0);
	shutdown(s->ends.guest, SHUT_RDWR);
	host_thread_join(&s->host);
	CHECK(!s->host.was_dropped);
	close_memory(s);
}

/* n pages from `first` on, each `step` pages: tell the host, and expect this. */
static void tell(struct setting *s, enum balloon_request_kind kind, uint32_t first, uint32_t step,
	uint32_t n, uint32_t n_done, int error)
{
	CHECK_EQ(request_prepare_steps(s->request, kind, first, step, n), 0);
	CHECK_EQ(balloon_request_submit(s->channel, s->request), 0);
	CHECK_EQ(balloon_request_wait(s->channel, s->request, BALLOON_NEVER), 0);
	CHECK_EQ(s->request->n_done, n_done);
	CHECK_EQ(s->request->error, error);
}

/* ---- A host that keeps the protocol ---------------------------------------------------------- */

Test(memfd, inflated_pages_leave_the_memory_and_no_others)
{
	struct setting s;
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
	struct setting s;
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

Test(memfd, map_pages_of_several_system_pages)
{
	enum { SMALL = 16 };
	struct setting s;
	open_memory(&s);
	host_thread_start(&s.host, &s.ends, 0);
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
	struct setting s;
	struct balloon_request *large = request_new(2 * BALLOON_MEMFD_RANGES_MAX + 2);
	open_all(&s, 0);
	CHECK_EQ(request_prepare_steps(large, BALLOON_REQUEST_INFLATE, 60, 1, 5), 0);
	CHECK_EQ(balloon_request_submit(s.channel, large), -EINVAL);
	CHECK_EQ(request_prepare_steps(large, BALLOON_REQUEST_INFLATE, 0, UINT32_MAX, 2), 0);
	CHECK_EQ(balloon_request_submit(s.channel, large), -EINVAL);
	CHECK_EQ(large->state, BALLOON_REQUEST_FREE);
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
	struct setting s = {.request = request_new(MANY)};
	shared_map(&s.shared, MANY);
	ends_open(&s.ends);
	host_thread_start(&s.host, &s.ends, 0);
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

/* ---- Hosts that do not, played by the test itself -------------------------------------------- */

static void say(struct setting *s, const unsigned char *bytes, size_t n_bytes)
{
	CHECK_EQ(send(s->ends.host, bytes, n_bytes, MSG_DONTWAIT | MSG_NOSIGNAL), n_bytes);
}

static void answer(unsigned char *bytes, uint64_t id, uint32_t n_done, int error)
{
	memfd_put_header(bytes, MEMFD_ANSWER, BALLOON_MEMFD_ANSWER_BYTES, id);
	memfd_put(bytes + ANSWER_N_DONE, 4, n_done);
	memfd_put(bytes + ANSWER_ERROR, 4, (uint32_t)error);
}

static void say_answer(struct setting *s, uint64_t id, uint32_t n_done, int error)
{
	unsigned char bytes[BALLOON_MEMFD_ANSWER_BYTES];
	answer(bytes, id, n_done, error);
	say(s, bytes, sizeof(bytes));
}

/* What the host is asked, without the descriptor that came with it. */
static size_t hear(struct setting *s, unsigned char *bytes, size_t room)
{
	ssize_t n = recv(s->ends.host, bytes, room, MSG_DONTWAIT);
	return n < 0 ? 0 : (size_t)n;
}

/* A channel whose host consents before it is asked. */
static void open_alone(struct setting *s)
{
	unsigned char bytes[HELLO_BYTES];
	open_memory(s);
	say_answer(s, 0, 0, 0);
	struct balloon_memfd_config config = config_of(s);
	CHECK_EQ(balloon_memfd_create(&config, &s->channel), 0);
	CHECK_EQ(hear(s, bytes, sizeof(bytes)), HELLO_BYTES);
	CHECK_EQ(memfd_get(bytes + AT_TYPE, 2), MEMFD_HELLO);
	CHECK_EQ(memfd_get(bytes + HELLO_N_PAGES, 8), PAGES);
}

static void submit(struct setting *s)
{
	CHECK_EQ(request_prepare_steps(s->request, BALLOON_REQUEST_INFLATE, 2, 1, 8), 0);
	CHECK_EQ(balloon_request_submit(s->channel, s->request), 0);
}

static uint64_t n_stray(struct balloon_channel *channel)
{
	struct balloon_channel_stats stats;
	CHECK_EQ(balloon_channel_stats(channel, &stats), 0);
	return stats.n_stray;
}

/* Let the guest look: nothing of this was an answer. */
static void check_not_taken(struct setting *s, uint64_t n_expected)
{
	CHECK_EQ(balloon_request_wait(s->channel, s->request, 0), -ETIMEDOUT);
	CHECK_EQ(n_stray(s->channel), n_expected);
	CHECK_EQ(s->request->state, BALLOON_REQUEST_OUTSTANDING);
}

Test(memfd, a_guest_survives_whatever_its_host_says)
{
	struct setting s;
	unsigned char good[BALLOON_MEMFD_ANSWER_BYTES];
	unsigned char bad[BALLOON_MEMFD_ANSWER_BYTES + 40];
	uint64_t n = 0;
	open_alone(&s);
	submit(&s);
	answer(good, s.request->id, 8, 0);
	memset(bad, 0, sizeof(bad));
	memcpy(bad, good, sizeof(good));
	for (size_t length = 0; length <= sizeof(bad); length++) {
		if (length == sizeof(good))
			continue;
		say(&s, bad, length);
		check_not_taken(&s, ++n);
	}
	for (size_t at = 0; at < sizeof(good); at++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			memcpy(bad, good, sizeof(good));
			bad[at] ^= (unsigned char)(1u << bit);
			say(&s, bad, sizeof(good));
			check_not_taken(&s, ++n);
		}
	}
	const int errors[] = {1, -4096, INT32_MIN, INT32_MAX};
	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++) {
		say_answer(&s, s.request->id, 3, errors[i]);
		check_not_taken(&s, ++n);
	}
	say_answer(&s, s.request->id, 3, -4095);
	CHECK_EQ(balloon_request_wait(s.channel, s.request, BALLOON_NEVER), 0);
	CHECK_EQ(s.request->error, -4095);
	CHECK_EQ(s.request->n_done, 3);
	CHECK_EQ(balloon_memfd_destroy(s.channel), 0);
	close_memory(&s);
}

Test(memfd, a_full_socket_costs_a_try_and_no_time)
{
	struct setting s;
	static unsigned char message[BALLOON_MEMFD_MESSAGE_MAX];
	enum { MANY = 4096 };
	static struct balloon_request *requests[MANY];
	uint32_t n = 0;
	int result = 0;
	open_alone(&s);
	for (; n < MANY && result == 0; n++) {
		requests[n] = request_new(8);
		CHECK_EQ(request_prepare_steps(requests[n], BALLOON_REQUEST_INFLATE, 0, 2, 8), 0);
		result = balloon_request_submit(s.channel, requests[n]);
	}
	CHECK_EQ(result, -EAGAIN);
	CHECK_EQ(requests[n - 1]->state, BALLOON_REQUEST_FREE);
	uint32_t n_heard = 0;
	for (; hear(&s, message, sizeof(message)) > 0; n_heard++) {
		say_answer(&s, memfd_get(message + AT_ID, 8), 8, 0);
		CHECK_EQ(balloon_channel_wait(s.channel, 0, 0), 0);
	}
	CHECK_EQ(n_heard, n - 1);
	CHECK_EQ(balloon_request_submit(s.channel, requests[n - 1]), 0);
	CHECK_EQ(hear(&s, message, sizeof(message)), REQUEST_RANGES + 8 * RANGE_BYTES);
	say_answer(&s, memfd_get(message + AT_ID, 8), 8, 0);
	for (uint32_t i = 0; i < n; i++) {
		CHECK_EQ(balloon_request_wait(s.channel, requests[i], BALLOON_NEVER), 0);
		request_delete(requests[i]);
	}
	CHECK_EQ(n_stray(s.channel), 0);
	CHECK_EQ(balloon_memfd_destroy(s.channel), 0);
	close_memory(&s);
}

/* It has not read the last request. What it said before counts, and after them it is gone: for this request, and for all later ones. */
Test(memfd, a_host_that_goes_makes_an_error)
{
	struct setting s;
	struct balloon_request *other = request_new(1);
	open_alone(&s);
	submit(&s);
	CHECK_EQ(request_prepare_steps(other, BALLOON_REQUEST_INFLATE, 0, 1, 1), 0);
	CHECK_EQ(balloon_request_submit(s.channel, other), 0);
	say_answer(&s, other->id, 1, 0);
	ends_close_host(&s.ends);
	CHECK_EQ(balloon_request_wait(s.channel, s.request, BALLOON_NEVER), -ENODEV);
	CHECK_EQ(s.request->state, BALLOON_REQUEST_OUTSTANDING);
	CHECK_EQ(balloon_request_wait(s.channel, other, 0), 0);
	CHECK_EQ(other->n_done, 1);
	CHECK_EQ(balloon_request_prepare(other, BALLOON_REQUEST_DEFLATE, 1), 0);
	CHECK_EQ(balloon_request_submit(s.channel, other), -ENODEV);
	CHECK_EQ(balloon_memfd_destroy(s.channel), -EBUSY);
	uint64_t before_ns = balloon_platform_now_ns();
	CHECK_EQ(balloon_channel_reset(s.channel), 0);
	CHECK(balloon_platform_now_ns() - before_ns < BALLOON_MEMFD_FAREWELL_NS);
	CHECK_EQ(s.request->error, -ECANCELED);
	CHECK_EQ(balloon_memfd_destroy(s.channel), 0);
	close_memory(&s);
	request_delete(other);
}

/* A submit alone finds out, too. */
Test(memfd, nothing_can_be_submitted_to_nobody)
{
	struct setting s;
	open_alone(&s);
	ends_close_host(&s.ends);
	CHECK_EQ(request_prepare_steps(s.request, BALLOON_REQUEST_INFLATE, 2, 1, 8), 0);
	CHECK_EQ(balloon_request_submit(s.channel, s.request), -ENODEV);
	CHECK_EQ(s.request->state, BALLOON_REQUEST_FREE);
	CHECK_EQ(balloon_memfd_destroy(s.channel), 0);
	close_memory(&s);
}

/* A reset waits for what a living host has begun, so that afterwards nothing is punched. */
Test(memfd, after_a_reset_the_host_punches_nothing)
{
	struct setting s;
	open_all(&s, 0);
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

/* But not for ever: this host never reads what it gets. */
Test(memfd, a_reset_waits_a_bounded_time)
{
	struct setting s;
	open_alone(&s);
	submit(&s);
	CHECK_EQ(balloon_channel_reset(s.channel), 0);
	CHECK_EQ(s.request->state, BALLOON_REQUEST_COMPLETE);
	CHECK_EQ(s.request->error, -ECANCELED);
	CHECK_EQ(balloon_memfd_destroy(s.channel), 0);
	close_memory(&s);
}

/* ---- The introduction ------------------------------------------------------------------------ */

static int try_create(const struct balloon_memfd_config *config)
{
	struct balloon_channel *channel;
	int result = balloon_memfd_create(config, &channel);
	if (result == 0)
		CHECK_EQ(balloon_memfd_destroy(channel), 0);
	return result;
}

Test(memfd, what_cannot_be_introduced_is_refused)
{
	struct setting s;
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

Test(memfd, hosts_that_do_not_consent)
{
	struct setting s;
	unsigned char bytes[HELLO_BYTES];
	open_memory(&s);
	struct balloon_memfd_config config = config_of(&s);
	config.hello_timeout_ns = 20 * MS;
	uint64_t deadline_ns = balloon_platform_now_ns() + config.hello_timeout_ns;
	CHECK_EQ(try_create(&config), -ETIMEDOUT);
	CHECK(balloon_platform_now_ns() >= deadline_ns);
	config.hello_timeout_ns = UINT64_C(60000) * MS;
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
	while (hear(&s, bytes, sizeof(bytes)) > 0)
		;
	ends_close_host(&s.ends);
	CHECK_EQ(try_create(&config), -ENODEV);
	close_memory(&s);
}
