/* SPDX-License-Identifier: MIT */
/* The host's half, without sockets: requests of many pages are done in parts. */

#include <string.h>

#include <balloon/memfd-host.h>

#include "channels/memfd/guest.h"
#include "channels/memfd/pages.h"
#include "channels/memfd/wire.h"
#include "memory.h"
#include "suite.h"

enum { PAGE_BYTES = 4096, SLICE = BALLOON_MEMFD_PUNCH_BYTES / PAGE_BYTES, MANY = 1 << 24 };

/* What was punched: one part after the other, none of them long. */
struct punched {
	uint64_t next_bytes;
	uint64_t max_bytes; /* of one punch */
	uint32_t n_calls;
	uint32_t fails_at; /* this call; 0: none */
};

static int punch(void *context, uint64_t offset_bytes, uint64_t n_bytes)
{
	struct punched *punched = context;
	CHECK_EQ(offset_bytes, punched->next_bytes);
	CHECK(n_bytes > 0 && n_bytes <= punched->max_bytes);
	if (++punched->n_calls == punched->fails_at)
		return -EIO;
	punched->next_bytes += n_bytes;
	return 0;
}

static struct balloon_memfd_host *open_host(
	struct punched *punched, uint64_t max_pages, uint32_t page_bytes, uint64_t n_pages)
{
	unsigned char message[HELLO_BYTES] = {0};
	struct balloon_memfd_host_config config = {
		.max_pages = max_pages, .punch = punch, .context = punched};
	struct balloon_memfd_memory memory = {n_pages * page_bytes, true};
	struct balloon_memfd_answer answer;
	struct balloon_memfd_host *host;
	CHECK_EQ(balloon_memfd_host_create(&config, &host), 0);
	memfd_put_header(message, MEMFD_HELLO, HELLO_BYTES, 0);
	memfd_put(message + HELLO_PAGE_SIZE, 4, page_bytes);
	memfd_put(message + HELLO_N_PAGES, 8, n_pages);
	CHECK_EQ(balloon_memfd_host_feed(host, message, HELLO_BYTES, &memory, &answer), 0);
	return host;
}

static struct memfd_answer ask(
	struct balloon_memfd_host *host, enum memfd_type type, uint32_t first, uint32_t n)
{
	unsigned char message[REQUEST_RANGES + RANGE_BYTES];
	struct balloon_memfd_answer answer;
	struct memfd_answer read;
	memfd_put_header(message, type, sizeof(message), 1);
	memfd_put(message + REQUEST_N_RANGES, 4, 1);
	memfd_put(message + REQUEST_N_PAGES, 4, n);
	memfd_put(message + REQUEST_RANGES, 4, first);
	memfd_put(message + REQUEST_RANGES + 4, 4, n);
	CHECK_EQ(balloon_memfd_host_feed(host, message, sizeof(message), NULL, &answer), 0);
	CHECK(balloon_memfd_read_answer(answer.bytes, answer.n_bytes, &read));
	CHECK_EQ(balloon_memfd_host_validate(host), 0);
	return read;
}

static void check_asked(struct balloon_memfd_host *host, enum memfd_type type, uint32_t first,
	uint32_t n, uint32_t n_done, int error)
{
	struct memfd_answer answer = ask(host, type, first, n);
	CHECK_EQ(answer.n_done, n_done);
	CHECK_EQ(answer.error, error);
}

Test(memfd, no_punch_of_a_long_request_is_long)
{
	struct punched punched = {.max_bytes = BALLOON_MEMFD_PUNCH_BYTES};
	struct balloon_memfd_host *host = open_host(&punched, 0, PAGE_BYTES, MANY);
	check_asked(host, MEMFD_INFLATE, 0, MANY, MANY, 0);
	CHECK_EQ(punched.next_bytes, (uint64_t)MANY * PAGE_BYTES);
	check_asked(host, MEMFD_DEFLATE, 5, MANY - 5, MANY - 5, 0);
	CHECK(balloon_memfd_host_has(host, 4) && !balloon_memfd_host_has(host, 5));
	balloon_memfd_host_destroy(host);
}

/* A page is punched whole, however large it is. */
Test(memfd, a_large_page_is_one_punch)
{
	const uint32_t page_bytes = 2 * BALLOON_MEMFD_PUNCH_BYTES;
	struct punched punched = {.max_bytes = page_bytes};
	struct balloon_memfd_host *host = open_host(&punched, 0, page_bytes, 8);
	check_asked(host, MEMFD_INFLATE, 0, 8, 8, 0);
	CHECK_EQ(punched.n_calls, 8);
	balloon_memfd_host_destroy(host);
}

/* What was done before the part that stops a request is done, and the answer has it. */
Test(memfd, a_long_request_stops_where_it_cannot_go_on)
{
	struct punched punched = {.max_bytes = BALLOON_MEMFD_PUNCH_BYTES, .fails_at = 3};
	struct balloon_memfd_host *host = open_host(&punched, 5 * SLICE + 100, PAGE_BYTES, MANY);
	check_asked(host, MEMFD_INFLATE, 0, 10 * SLICE, 2 * SLICE, -EIO);
	check_asked(host, MEMFD_INFLATE, 2 * SLICE, 10 * SLICE, 3 * SLICE + 100, -ENOSPC);
	check_asked(host, MEMFD_DEFLATE, 0, 3 * SLICE + 70, 3 * SLICE + 70, 0);
	punched.next_bytes = 0;
	check_asked(host, MEMFD_INFLATE, 0, 4 * SLICE, 3 * SLICE + 70, -EEXIST);
	check_asked(host, MEMFD_DEFLATE, 33, 6 * SLICE, 5 * SLICE + 67, -ENOENT);
	struct balloon_memfd_host_stats stats;
	CHECK_EQ(balloon_memfd_host_stats(host, &stats), 0);
	CHECK_EQ(stats.n_held, 33);
	CHECK_EQ(stats.n_refused, 4);
	balloon_memfd_host_destroy(host);
}

Test(memfd, null_hosts_and_pages_that_are_none)
{
	struct punched punched = {.max_bytes = BALLOON_MEMFD_PUNCH_BYTES};
	struct balloon_memfd_host *host = open_host(&punched, 0, PAGE_BYTES, 8);
	struct balloon_memfd_host_config config = {.context = &punched};
	struct balloon_memfd_host_stats stats;
	struct balloon_memfd_answer answer;
	struct balloon_memfd_host *none;
	const unsigned char message[HEADER_BYTES] = {0};
	check_asked(host, MEMFD_INFLATE, 0, 8, 8, 0);
	check_asked(host, MEMFD_DEFLATE, 6, 1, 1, 0);
	CHECK(balloon_memfd_host_has(host, 7));
	CHECK(!balloon_memfd_host_has(host, 6));
	CHECK(!balloon_memfd_host_has(host, 8));
	CHECK(!balloon_memfd_host_has(NULL, 7));
	CHECK_EQ(balloon_memfd_host_stats(NULL, &stats), -EINVAL);
	CHECK_EQ(balloon_memfd_host_stats(host, NULL), -EINVAL);
	CHECK_EQ(balloon_memfd_host_validate(host), 0);
	CHECK_EQ(balloon_memfd_host_validate(NULL), -EINVAL);
	CHECK_EQ(balloon_memfd_host_create(NULL, &none), -EINVAL);
	CHECK_EQ(balloon_memfd_host_create(&config, &none), -EINVAL); /* no callback */
	config.punch = punch;
	CHECK_EQ(balloon_memfd_host_create(&config, NULL), -EINVAL);
	CHECK_EQ(balloon_memfd_host_feed(NULL, message, sizeof(message), NULL, &answer), -EINVAL);
	CHECK_EQ(balloon_memfd_host_feed(host, NULL, sizeof(message), NULL, &answer), -EINVAL);
	CHECK_EQ(balloon_memfd_host_feed(host, message, sizeof(message), NULL, NULL), -EINVAL);
	balloon_memfd_host_destroy(NULL);
	balloon_memfd_host_destroy(host);
}

/* Its numbers are its own: whatever makes one of them wrong is found. */
Test(memfd, a_host_whose_counts_do_not_fit_its_pages_is_found)
{
	struct punched punched = {.max_bytes = BALLOON_MEMFD_PUNCH_BYTES};
	struct balloon_memfd_host *host = open_host(&punched, 70, PAGE_BYTES, 70);
	struct balloon_memfd_host_stats *stats = &host->stats;
	check_asked(host, MEMFD_INFLATE, 0, 70, 70, 0);
	check_asked(host, MEMFD_DEFLATE, 3, 2, 2, 0);
	host->held[1] ^= UINT64_C(1) << 6; /* page 70 */
	stats->n_held++;
	stats->n_inflated++;
	CHECK_EQ(balloon_memfd_host_validate(host), -EUCLEAN);
	host->held[1] ^= UINT64_C(1) << 6;
	CHECK_EQ(balloon_memfd_host_validate(host), -EUCLEAN);
	stats->n_held--;
	CHECK_EQ(balloon_memfd_host_validate(host), -EUCLEAN);
	stats->n_inflated--;
	CHECK_EQ(balloon_memfd_host_validate(host), 0);
	host->config.max_pages = 67;
	CHECK_EQ(balloon_memfd_host_validate(host), -EUCLEAN);
	host->config.max_pages = 68;
	CHECK_EQ(balloon_memfd_host_validate(host), 0);
	balloon_memfd_host_destroy(host);
}

/* Whatever the first bytes say of the rest: no other memory is looked at. */
Test(memfd, a_message_that_is_cut_off_is_read_no_further)
{
	struct punched punched = {.max_bytes = BALLOON_MEMFD_PUNCH_BYTES};
	struct balloon_memfd_host *host = open_host(&punched, 0, PAGE_BYTES, 8);
	struct balloon_memfd_answer answer;
	unsigned char message[REQUEST_RANGES] = {0};
	struct memory memory;
	memory_map(&memory, 1); /* nobody's memory follows */
	unsigned char *end = memory.base + memory.page_size;
	for (uint32_t type = 0; type < 6; type++) {
		for (size_t n_bytes = 0; n_bytes < sizeof(message); n_bytes++) {
			memfd_put_header(message, (enum memfd_type)type, (uint32_t)n_bytes, 1);
			memfd_put(message + REQUEST_N_RANGES, 4, 1);
			memcpy(end - n_bytes, message, n_bytes);
			CHECK_EQ(balloon_memfd_host_feed(
					 host, end - n_bytes, n_bytes, NULL, &answer),
				-EPROTO);
			CHECK_EQ(answer.n_bytes, 0);
		}
	}
	memory_unmap(&memory);
	balloon_memfd_host_destroy(host);
}

/* ---- The protocol's bytes -------------------------------------------------------------------- */

/* As docs/memfd-protocol.md has it, and nothing beyond the message. */
Test(memfd, an_answer_is_as_the_protocol_says)
{
	static const unsigned char expected[] = {4, 0, 1, 0, 24, 0, 0, 0, 8, 7, 6, 5, 4, 3, 2, 1, 2,
		0, 0, 0, 0xfe, 0xff, 0xff, 0xff};
	static const unsigned char request[] = {3, 0, 1, 0, 32, 0, 0, 0, 8, 7, 6, 5, 4, 3, 2, 1, 1,
		0, 0, 0, 7, 1, 0, 0, 2, 1, 0, 0, 7, 1, 0, 0};
	struct punched punched = {
		.max_bytes = BALLOON_MEMFD_PUNCH_BYTES, .next_bytes = 0x102 * PAGE_BYTES};
	struct balloon_memfd_host *host = open_host(&punched, 0, PAGE_BYTES, 0x300);
	struct {
		struct balloon_memfd_answer answer;
		unsigned char beyond[8];
	} said;
	check_asked(host, MEMFD_INFLATE, 0x102, 2, 2, 0);
	memset(&said, 0x55, sizeof(said));
	CHECK_EQ(balloon_memfd_host_feed(host, request, sizeof(request), NULL, &said.answer), 0);
	CHECK_EQ(said.answer.n_bytes, sizeof(expected));
	CHECK_EQ(memcmp(said.answer.bytes, expected, sizeof(expected)), 0);
	CHECK_EQ(said.beyond[0], 0x55);
	balloon_memfd_host_destroy(host);
}
