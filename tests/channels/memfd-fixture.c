/* SPDX-License-Identifier: MIT */

#define _GNU_SOURCE 1 /* MSG_DONTWAIT */

#include "memfd-fixture.h"

#include <sys/socket.h>

#include "suite.h"

struct balloon_memfd_config config_of(const struct memfd_fixture *s)
{
	return (struct balloon_memfd_config){.socket_fd = s->ends.guest,
		.memfd = s->shared.memfd,
		.n_pages = PAGES,
		.farewell_timeout_ns = BALLOON_NEVER,
		.hello_timeout_ns = 3600 * 1000 * MS};
}

void open_memory(struct memfd_fixture *s)
{
	shared_map(&s->shared, PAGES);
	ends_open(&s->ends);
	s->request = request_new(PAGES);
}

void close_memory(struct memfd_fixture *s)
{
	ends_close(&s->ends);
	shared_unmap(&s->shared);
	request_delete(s->request);
}

void open_slow(struct memfd_fixture *s, uint64_t max_pages, uint32_t delay_ms)
{
	open_memory(s);
	host_thread_start(&s->host, &s->ends, max_pages, delay_ms);
	struct balloon_memfd_config config = config_of(s);
	CHECK_EQ(balloon_memfd_create(&config, &s->channel), 0);
}

void open_all(struct memfd_fixture *s, uint64_t max_pages)
{
	open_slow(s, max_pages, 0);
}

void close_all(struct memfd_fixture *s)
{
	CHECK_EQ(balloon_memfd_destroy(s->channel), 0);
	shutdown(s->ends.guest, SHUT_RDWR);
	host_thread_join(&s->host);
	CHECK(!s->host.was_dropped);
	close_memory(s);
}

void tell(struct memfd_fixture *s, enum balloon_request_kind kind, uint32_t first, uint32_t step,
	uint32_t n, uint32_t n_done, int error)
{
	CHECK_EQ(request_prepare_steps(s->request, kind, first, step, n), 0);
	CHECK_EQ(balloon_request_submit(s->channel, s->request), 0);
	CHECK_EQ(balloon_request_wait(s->channel, s->request, BALLOON_NEVER), 0);
	CHECK_EQ(s->request->n_done, n_done);
	CHECK_EQ(s->request->error, error);
}

void say(struct memfd_fixture *s, const unsigned char *bytes, size_t n_bytes)
{
	CHECK_EQ(send(s->ends.host, bytes, n_bytes, MSG_DONTWAIT | MSG_NOSIGNAL), n_bytes);
}

void answer(unsigned char *bytes, uint64_t id, uint32_t n_done, int error)
{
	memfd_put_header(bytes, MEMFD_ANSWER, BALLOON_MEMFD_ANSWER_BYTES, id);
	memfd_put(bytes + ANSWER_N_DONE, 4, n_done);
	memfd_put(bytes + ANSWER_ERROR, 4, (uint32_t)error);
}

void say_answer(struct memfd_fixture *s, uint64_t id, uint32_t n_done, int error)
{
	unsigned char bytes[BALLOON_MEMFD_ANSWER_BYTES];
	answer(bytes, id, n_done, error);
	say(s, bytes, sizeof(bytes));
}

size_t hear(struct memfd_fixture *s, unsigned char *bytes, size_t room)
{
	ssize_t n = recv(s->ends.host, bytes, room, MSG_DONTWAIT);
	return n < 0 ? 0 : (size_t)n;
}
