/* SPDX-License-Identifier: MIT */
/* The memfd channel with hosts that do not keep the protocol, do not listen, or go. */

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "memfd-fixture.h"
#include "memfd-host/program.h"
#include "suite.h"

/* A channel whose host consents before it is asked. */
static void open_patient(struct memfd_fixture *s, uint64_t farewell_timeout_ns)
{
	unsigned char bytes[HELLO_BYTES];
	open_memory(s);
	say_answer(s, 0, 0, 0);
	struct balloon_memfd_config config = config_of(s);
	config.farewell_timeout_ns = farewell_timeout_ns;
	CHECK_EQ(balloon_memfd_create(&config, &s->channel), 0);
	CHECK_EQ(hear(s, bytes, sizeof(bytes)), HELLO_BYTES);
	CHECK_EQ(memfd_get(bytes + AT_TYPE, 2), MEMFD_HELLO);
	CHECK_EQ(memfd_get(bytes + HELLO_N_PAGES, 8), PAGES);
}

static void open_alone(struct memfd_fixture *s)
{
	open_patient(s, BALLOON_NEVER);
}

static void submit(struct memfd_fixture *s)
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
static void check_not_taken(struct memfd_fixture *s, uint64_t n_expected)
{
	CHECK_EQ(balloon_request_wait(s->channel, s->request, 0), -ETIMEDOUT);
	CHECK_EQ(n_stray(s->channel), n_expected);
	CHECK_EQ(balloon_request_state(s->request), BALLOON_REQUEST_OUTSTANDING);
}

Test(memfd, a_guest_survives_whatever_its_host_says)
{
	struct memfd_fixture s;
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
		memfd_put(bad + AT_N_BYTES, 4, length); /* its length is what it says */
		say(&s, bad, length);
		check_not_taken(&s, ++n);
		memcpy(bad, good, sizeof(good));
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
	struct memfd_fixture s;
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
	CHECK_EQ(balloon_request_state(requests[n - 1]), BALLOON_REQUEST_FREE);
	uint32_t n_heard = 0;
	for (; hear(&s, message, sizeof(message)) > 0; n_heard++) {
		say_answer(&s, memfd_get(message + AT_ID, 8), 8, 0);
		CHECK_EQ(balloon_channel_poll(s.channel), 0);
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
	struct memfd_fixture s;
	struct balloon_request *other = request_new(1);
	open_alone(&s);
	submit(&s);
	CHECK_EQ(request_prepare_steps(other, BALLOON_REQUEST_INFLATE, 0, 1, 1), 0);
	CHECK_EQ(balloon_request_submit(s.channel, other), 0);
	say_answer(&s, other->id, 1, 0);
	ends_close_host(&s.ends);
	CHECK_EQ(balloon_request_wait(s.channel, s.request, BALLOON_NEVER), -ENODEV);
	CHECK_EQ(balloon_request_state(s.request), BALLOON_REQUEST_OUTSTANDING);
	CHECK_EQ(balloon_request_wait(s.channel, other, 0), 0);
	CHECK_EQ(other->n_done, 1);
	CHECK_EQ(balloon_request_prepare(other, BALLOON_REQUEST_DEFLATE, 1), 0);
	CHECK_EQ(balloon_request_submit(s.channel, other), -ENODEV);
	CHECK_EQ(balloon_memfd_destroy(s.channel), -EBUSY);
	CHECK_EQ(balloon_channel_error(s.channel), -ENODEV);
	CHECK_EQ(balloon_channel_reset(s.channel), 0); /* by the end that it sees, not by time */
	CHECK_EQ(s.request->error, -ECANCELED);
	CHECK_EQ(balloon_memfd_destroy(s.channel), 0);
	close_memory(&s);
	request_delete(other);
}

/* Of this socket it says nothing, and it is as it was afterwards. */
Test(memfd, what_another_call_failed_with_does_not_matter)
{
	static const int errors[] = {ECONNRESET, EAGAIN, EINTR, EPIPE};
	struct memfd_fixture s;
	open_alone(&s);
	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++) {
		submit(&s);
		say_answer(&s, s.request->id, 8, 0);
		errno = errors[i];
		CHECK_EQ(balloon_channel_poll(s.channel), 0);
		CHECK_EQ(errno, errors[i]);
		CHECK_EQ(balloon_request_state(s.request), BALLOON_REQUEST_COMPLETE);
	}
	CHECK_EQ(balloon_memfd_destroy(s.channel), 0);
	close_memory(&s);
}

/* A submit alone finds out, too. */
Test(memfd, nothing_can_be_submitted_to_nobody)
{
	struct memfd_fixture s;
	open_alone(&s);
	ends_close_host(&s.ends);
	CHECK_EQ(request_prepare_steps(s.request, BALLOON_REQUEST_INFLATE, 2, 1, 8), 0);
	CHECK_EQ(balloon_request_submit(s.channel, s.request), -ENODEV);
	CHECK_EQ(balloon_request_state(s.request), BALLOON_REQUEST_FREE);
	CHECK_EQ(balloon_memfd_destroy(s.channel), 0);
	close_memory(&s);
}

/* ---- Reset ----------------------------------------------------------------------------------- */

/*
 * Symptom: a reset succeeded although its host was stopped; when it went on, it emptied pages that
 * were in use again. Cause: a time-out read as success. Now it is an error, until the host has
 * closed its end.
 */
Test(memfd, a_host_that_has_not_let_go_keeps_its_requests)
{
	struct memfd_fixture s;
	static unsigned char message[BALLOON_MEMFD_MESSAGE_MAX];
	struct balloon_request *other = request_new(1);
	open_patient(&s, 1);
	submit(&s);
	CHECK_EQ(request_prepare_steps(other, BALLOON_REQUEST_INFLATE, 0, 1, 1), 0);
	CHECK_EQ(balloon_channel_reset(s.channel), -ETIMEDOUT);
	CHECK_EQ(balloon_request_state(s.request), BALLOON_REQUEST_OUTSTANDING);
	CHECK_EQ(balloon_request_prepare(s.request, BALLOON_REQUEST_INFLATE, 1), -EBUSY);
	CHECK_EQ(balloon_request_submit(s.channel, other), -ENODEV);
	CHECK_EQ(balloon_memfd_destroy(s.channel), -EBUSY);
	/* It goes on, and what it says still counts. */
	CHECK_EQ(hear(&s, message, sizeof(message)), REQUEST_RANGES + RANGE_BYTES);
	say_answer(&s, s.request->id, 8, 0);
	CHECK_EQ(balloon_channel_reset(s.channel), -ETIMEDOUT);
	CHECK_EQ(balloon_request_state(s.request), BALLOON_REQUEST_COMPLETE);
	CHECK_EQ(s.request->n_done, 8);
	ends_close_host(&s.ends);
	CHECK_EQ(balloon_channel_reset(s.channel), 0);
	CHECK_EQ(balloon_channel_reset(s.channel), 0);
	CHECK_EQ(balloon_memfd_destroy(s.channel), 0);
	request_delete(other);
	close_memory(&s);
}

/* It has read nothing, and is known to be dead: nothing but force takes requests back. */
Test(memfd, only_force_takes_requests_from_a_host_that_is_silent)
{
	struct memfd_fixture s;
	open_patient(&s, 1);
	submit(&s);
	CHECK_EQ(balloon_channel_reset(s.channel), -ETIMEDOUT);
	CHECK_EQ(balloon_channel_forget(s.channel), 0);
	CHECK_EQ(balloon_request_state(s.request), BALLOON_REQUEST_COMPLETE);
	CHECK_EQ(s.request->error, -ECANCELED);
	CHECK_EQ(s.request->n_done, 0);
	CHECK_EQ(balloon_memfd_destroy(s.channel), 0);
	close_memory(&s);
}

/* A descriptor that went bad on this side says nothing about the host. */
Test(memfd, a_reset_over_a_socket_that_was_closed_here_is_no_success)
{
	struct memfd_fixture s;
	open_patient(&s, 1);
	submit(&s);
	close(s.ends.guest);
	CHECK_EQ(balloon_channel_reset(s.channel), -EBADF);
	CHECK_EQ(balloon_request_state(s.request), BALLOON_REQUEST_OUTSTANDING);
	s.ends.guest = -1;
	CHECK_EQ(balloon_channel_forget(s.channel), 0);
	CHECK_EQ(balloon_memfd_destroy(s.channel), 0);
	close_memory(&s);
}

/* ---- What the channel says of itself --------------------------------------------------------- */

Test(memfd, its_geometry_limits_and_descriptor)
{
	struct memfd_fixture s;
	open_alone(&s);
	CHECK_EQ(s.channel->geometry.first_pfn, BALLOON_PFN_ANY);
	CHECK_EQ(s.channel->geometry.n_pages, PAGES);
	CHECK_EQ(s.channel->geometry.page_size_bytes, s.shared.memory.page_size);
	CHECK_EQ(s.channel->limits.request_pages, 0);
	CHECK_EQ(s.channel->limits.request_ranges, BALLOON_MEMFD_RANGES_MAX);
	struct pollfd poll_fd = {.fd = balloon_channel_descriptor(s.channel), .events = POLLIN};
	submit(&s);
	CHECK_EQ(poll(&poll_fd, 1, 0), 0);
	say_answer(&s, s.request->id, 8, 0);
	CHECK_EQ(poll(&poll_fd, 1, 0), 1);
	CHECK_EQ(balloon_channel_poll(s.channel), 0);
	CHECK_EQ(balloon_request_state(s.request), BALLOON_REQUEST_COMPLETE);
	CHECK_EQ(poll(&poll_fd, 1, 0), 0);
	CHECK_EQ(balloon_memfd_destroy(s.channel), 0);
	close_memory(&s);
}

/* Its last accounts are printed then, and are to stay true. */
Test(memfd, a_host_that_is_over_begins_no_other_punch)
{
	struct memfd_fixture s;
	struct guest guest;
	struct common common = {.is_over = false};
	struct report report = {.common = &common};
	struct balloon_memfd_host_stats stats;
	const struct options options = {.max_pages = 0};
	open_memory(&s);
	say_answer(&s, 0, 0, 0);
	struct balloon_memfd_config config = config_of(&s);
	CHECK_EQ(balloon_memfd_create(&config, &s.channel), 0);
	CHECK_EQ(guest_open(&guest, s.ends.host, &options, &report), 0);
	CHECK_EQ(guest_serve(&guest), GUEST_STAYS);
	atomic_store(&common.is_over, true);
	submit(&s);
	CHECK_EQ(guest_serve(&guest), GUEST_STAYS);
	CHECK_EQ(balloon_request_wait(s.channel, s.request, BALLOON_NEVER), 0);
	CHECK_EQ(s.request->n_done, 0);
	CHECK_EQ(s.request->error, -ECANCELED);
	report_read(&report, &stats);
	CHECK_EQ(stats.n_held, 0);
	CHECK_EQ(stats.n_refused, 1);
	CHECK_EQ(shared_n_resident(&s.shared), PAGES);
	guest_close(&guest);
	s.ends.host = -1;
	CHECK_EQ(balloon_memfd_destroy(s.channel), 0);
	close_memory(&s);
}

/* What a guest says is as docs/memfd-protocol.md has it, and no byte more is written for it. */
Test(memfd, a_guest_says_what_the_protocol_says)
{
	static const unsigned char expected[] = {2, 0, 1, 0, 40, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2,
		0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 0, 2, 0, 0, 0};
	struct memfd_fixture s;
	unsigned char bytes[64];
	open_alone(&s);
	s.request->pages[0] = balloon_page(5);
	s.request->pages[1] = balloon_page(2);
	s.request->pages[2] = balloon_page(4);
	CHECK_EQ(balloon_request_prepare(s.request, BALLOON_REQUEST_INFLATE, 3), 0);
	unsigned char *beyond = (unsigned char *)s.request->scratch + sizeof(expected);
	*beyond = 0x55;
	CHECK_EQ(balloon_request_submit(s.channel, s.request), 0);
	CHECK_EQ(*beyond, 0x55);
	CHECK_EQ(hear(&s, bytes, sizeof(bytes)), sizeof(expected));
	CHECK_EQ(memcmp(bytes, expected, sizeof(expected)), 0);
	say_answer(&s, 1, 3, 0);
	CHECK_EQ(balloon_request_wait(s.channel, s.request, BALLOON_NEVER), 0);
	CHECK_EQ(balloon_memfd_destroy(s.channel), 0);
	close_memory(&s);
}
