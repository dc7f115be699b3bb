/* SPDX-License-Identifier: MIT */
/*
 * Arbitrary answers to the guest of a memfd channel, which has some requests under way.
 *
 * Set-up: a byte for how many. The flags of a message say whether it is made a well-formed answer, of
 * arbitrary contents.
 */
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "host.h"
#include "channels/memfd/guest.h"
#include "channels/memfd/wire.h"

enum { REQUESTS = 4, PAGES = 8, MEMORY_BYTES = 8192 };

enum message_flags { PUT_RIGHT = 1 << 7, SMALL_ID = 1 << 6 };

struct guest {
	struct host host; /* says nothing */
	struct balloon_request requests[REQUESTS];
	_Alignas(16) unsigned char memory[REQUESTS][MEMORY_BYTES];
};

static void begin(struct guest *guest, uint32_t n_requests)
{
	host_init(&guest->host, 0);
	host_be_without_reset(&guest->host);
	host_always(&guest->host, HOST_SILENT);
	for (uint32_t i = 0; i < REQUESTS; i++) {
		struct balloon_request *request = &guest->requests[i];
		HOLD(balloon_request_size(PAGES) <= MEMORY_BYTES);
		HOLD(balloon_request_init(request, guest->memory[i], PAGES) == 0);
		for (uint32_t j = 0; j < PAGES; j++)
			request->pages[j] = balloon_page(i * 100 + j);
		HOLD(balloon_request_prepare(request, BALLOON_REQUEST_INFLATE, i * 2 + 1) == 0);
		if (i < n_requests)
			HOLD(balloon_request_submit(&guest->host.channel, request) == 0);
	}
}

static void put_right(struct message *message)
{
	if (message->n_bytes != BALLOON_MEMFD_ANSWER_BYTES)
		return;
	uint64_t id = memfd_get(message->bytes + AT_ID, 8);
	if (message->flags & SMALL_ID)
		id %= REQUESTS + 2;
	memfd_put_header(message->bytes, MEMFD_ANSWER, BALLOON_MEMFD_ANSWER_BYTES, id);
}

/* Returns whether it is complete. */
static bool check_request(const struct balloon_request *request)
{
	if (balloon_request_state(request) != BALLOON_REQUEST_COMPLETE)
		return false;
	HOLD(request->n_done <= request->n_pages);
	HOLD(request->error <= 0 && request->error >= -MEMFD_ERROR_MAX);
	HOLD((request->error == 0) == (request->n_done == request->n_pages));
	return true;
}

static void check(struct guest *guest, uint32_t n_requests, uint64_t n_messages)
{
	struct balloon_channel_stats stats;
	uint64_t n_complete = 0;
	HOLD(balloon_channel_stats(&guest->host.channel, &stats) == 0);
	for (uint32_t i = 0; i < REQUESTS; i++) {
		const struct balloon_request *request = &guest->requests[i];
		HOLD(i < n_requests || balloon_request_state(request) == BALLOON_REQUEST_FREE);
		n_complete += check_request(request);
	}
	HOLD(stats.n_submitted == n_requests);
	HOLD(stats.n_completed == n_complete);
	HOLD(stats.n_outstanding == n_requests - n_complete);
	HOLD(stats.n_stray == n_messages - n_complete);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
	static struct guest guest;
	struct input input = {bytes, n_bytes};
	struct message message;
	uint64_t n_messages = 0;
	uint32_t n_requests = input_byte(&input) % (REQUESTS + 1);
	begin(&guest, n_requests);
	while (input_message(&input, &message)) {
		if (message.flags & PUT_RIGHT)
			put_right(&message);
		balloon_memfd_take_answer(&guest.host.channel, message.bytes, message.n_bytes);
		check(&guest, n_requests, ++n_messages);
		message_free(&message);
	}
	struct balloon_channel_stats stats;
	HOLD(balloon_channel_stats(&guest.host.channel, &stats) == 0);
	/* Nobody can be asked: that is no consent, unless there is nothing to let go of. */
	HOLD(balloon_channel_reset(&guest.host.channel) == (stats.n_outstanding > 0 ? -EBUSY : 0));
	HOLD(balloon_channel_forget(&guest.host.channel) == 0);
	for (uint32_t i = 0; i < n_requests; i++)
		HOLD(balloon_request_state(&guest.requests[i]) == BALLOON_REQUEST_COMPLETE);
	HOLD(host_fini(&guest.host) == 0);
	return 0;
}
