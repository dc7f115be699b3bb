/* SPDX-License-Identifier: MIT */
/*
 * Arbitrary messages to the host of a memfd channel, which is held against a model of its pages.
 *
 * Set-up: a byte for the limit on pages, one for the punch that fails. The flags of a message say
 * whether a descriptor comes with it, and whether the numbers that follow from others are put right, so
 * that mutations get past the first checks.
 */
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "channels/memfd/guest.h"
#include "channels/memfd/wire.h"

enum { PAGES = 128, PAGE_SIZE = 4096 };

enum message_flags {
	WITH_MEMORY = 1 << 0,
	UNSEALED = 1 << 1,
	SMALL = 1 << 2,
	HUGE_MEMORY = 1 << 3,
	PUT_RIGHT = 1 << 7,
};

/* The model: which pages the host should have. */
struct model {
	bool is_held[PAGES];
	uint64_t n_pages;
	uint64_t page_size;
	uint32_t n_punched; /* pages, by the message that is being fed */
	uint32_t n_punches; /* calls, ever */
	uint32_t fails_at;  /* this one fails; 0: none */
	bool may_punch;
};

static int punch(void *context, uint64_t offset_bytes, uint64_t n_bytes)
{
	struct model *model = context;
	HOLD(model->may_punch && model->page_size != 0 && n_bytes != 0);
	uint64_t first = offset_bytes / model->page_size;
	uint64_t n = n_bytes / model->page_size;
	HOLD(offset_bytes % model->page_size == 0 && n_bytes % model->page_size == 0);
	HOLD(first < model->n_pages && n <= model->n_pages - first);
	if (++model->n_punches == model->fails_at)
		return -EIO;
	for (uint64_t page = first; page < first + n; page++) {
		HOLD(!model->is_held[page]);
		model->is_held[page] = true;
	}
	model->n_punched += (uint32_t)n;
	return 0;
}

/* ---- Before: what follows from other numbers ------------------------------------------------- */

static void put_right(struct message *message)
{
	if (message->n_bytes < HEADER_BYTES)
		return;
	unsigned char *bytes = message->bytes;
	memfd_put(bytes + AT_VERSION, 2, MEMFD_VERSION);
	memfd_put(bytes + AT_N_BYTES, 4, message->n_bytes);
	uint64_t type = memfd_get(bytes + AT_TYPE, 2);
	if (type == MEMFD_HELLO || message->n_bytes < REQUEST_RANGES)
		return;
	size_t n_ranges = (message->n_bytes - REQUEST_RANGES) / RANGE_BYTES;
	uint32_t n_pages = 0;
	for (size_t i = 0; i < n_ranges; i++)
		n_pages += memfd_get32(bytes + REQUEST_RANGES + i * RANGE_BYTES + 4);
	memfd_put(bytes + REQUEST_N_RANGES, 4, n_ranges);
	memfd_put(bytes + REQUEST_N_PAGES, 4, n_pages);
}

static struct balloon_memfd_memory memory_of(uint8_t flags)
{
	struct balloon_memfd_memory memory = {(uint64_t)PAGES * PAGE_SIZE, !(flags & UNSEALED)};
	if (flags & SMALL)
		memory.size_bytes = 3 * PAGE_SIZE + 5;
	if (flags & HUGE_MEMORY)
		memory.size_bytes = UINT64_MAX;
	return memory;
}

/* ---- After: is the host where the model is? -------------------------------------------------- */

/* What is not dropped names pages of the memory, in ascending order, and as many as it says. */
static void check_well_formed(const struct model *model, const struct message *message)
{
	uint64_t next = 0;
	uint64_t n_pages = 0;
	uint32_t n_ranges = memfd_get32(message->bytes + REQUEST_N_RANGES);
	HOLD(model->may_punch && memfd_get(message->bytes + AT_VERSION, 2) == MEMFD_VERSION);
	HOLD(message->n_bytes == REQUEST_RANGES + (uint64_t)n_ranges * RANGE_BYTES);
	for (uint32_t i = 0; i < n_ranges; i++) {
		const unsigned char *at = message->bytes + REQUEST_RANGES + (size_t)i * RANGE_BYTES;
		HOLD(memfd_get32(at) >= next && memfd_get32(at + 4) > 0);
		next = (uint64_t)memfd_get32(at) + memfd_get32(at + 4);
		n_pages += memfd_get32(at + 4);
		HOLD(next <= model->n_pages);
	}
	HOLD(n_pages > 0 && n_pages == memfd_get32(message->bytes + REQUEST_N_PAGES));
}

/* The first n_done pages that a request names, which were checked to be there. */
static void take_back(struct model *model, const unsigned char *message, uint32_t n_done)
{
	const unsigned char *at = message + REQUEST_RANGES;
	while (n_done > 0) {
		uint32_t first = memfd_get32(at);
		uint32_t n = memfd_get32(at + 4);
		for (uint32_t i = 0; i < n && n_done > 0; i++, n_done--) {
			HOLD(first + i < model->n_pages && model->is_held[first + i]);
			model->is_held[first + i] = false;
		}
		at += RANGE_BYTES;
	}
}

static void check_answer(struct model *model, const struct message *message, int result,
	const struct balloon_memfd_answer *answer)
{
	struct memfd_answer read;
	const unsigned char *bytes = message->bytes;
	HOLD(answer->n_bytes == 0 || answer->n_bytes == BALLOON_MEMFD_ANSWER_BYTES);
	if (answer->n_bytes == 0) {
		HOLD(result == -EPROTO && model->n_punched == 0);
		return;
	}
	HOLD(balloon_memfd_read_answer(answer->bytes, answer->n_bytes, &read));
	HOLD(read.id == memfd_get(bytes + AT_ID, 8));
	if (read.id == 0) { /* the answer to a hello */
		HOLD(read.error == result && read.n_done == 0 && model->n_punched == 0);
		return;
	}
	HOLD(result == 0);
	check_well_formed(model, message);
	uint32_t n_pages = memfd_get32(bytes + REQUEST_N_PAGES);
	HOLD(read.n_done <= n_pages && (read.error == 0) == (read.n_done == n_pages));
	if (memfd_get(bytes + AT_TYPE, 2) == MEMFD_INFLATE)
		HOLD(read.n_done == model->n_punched);
	else
		take_back(model, bytes, read.n_done);
}

static void check_pages(const struct model *model, const struct balloon_memfd_host *host)
{
	struct balloon_memfd_host_stats stats;
	uint64_t n_held = 0;
	HOLD(balloon_memfd_host_validate(host) == 0);
	HOLD(balloon_memfd_host_stats(host, &stats) == 0);
	HOLD(stats.n_pages == model->n_pages);
	for (uint32_t page = 0; page < PAGES; page++) {
		HOLD(balloon_memfd_host_has(host, page) == model->is_held[page]);
		n_held += model->is_held[page];
	}
	HOLD(n_held == stats.n_held);
	HOLD(!balloon_memfd_host_has(host, PAGES) && !balloon_memfd_host_has(host, UINT32_MAX));
}

/* What the model believes of a hello that the host accepted, it reads for itself. */
static void believe(struct model *model, const struct message *message,
	const struct balloon_memfd_memory *memory)
{
	model->page_size = memfd_get32(message->bytes + HELLO_PAGE_SIZE);
	model->n_pages = memfd_get(message->bytes + HELLO_N_PAGES, 8);
	HOLD(memory && memory->is_sealed && model->n_pages > 0 && model->n_pages <= PAGES);
	HOLD(model->page_size >= PAGE_SIZE && model->page_size % PAGE_SIZE == 0);
	HOLD(model->n_pages <= memory->size_bytes / model->page_size);
	model->may_punch = true;
}

/* Returns whether the guest may go on. */
static bool feed(struct model *model, struct balloon_memfd_host *host, struct message *message)
{
	struct balloon_memfd_memory memory = memory_of(message->flags);
	bool has_memory = message->flags & WITH_MEMORY;
	struct balloon_memfd_answer answer;
	if (message->flags & PUT_RIGHT)
		put_right(message);
	model->n_punched = 0;
	int result = balloon_memfd_host_feed(
		host, message->bytes, message->n_bytes, has_memory ? &memory : NULL, &answer);
	bool is_hello = result == 0 && memfd_get(message->bytes + AT_TYPE, 2) == MEMFD_HELLO;
	HOLD(result < 0 || is_hello == !model->may_punch); /* first, and once */
	if (is_hello)
		believe(model, message, has_memory ? &memory : NULL);
	check_answer(model, message, result, &answer);
	check_pages(model, host);
	return result == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
	static struct model model;
	struct input input = {bytes, n_bytes};
	struct balloon_memfd_host *host;
	struct message message;
	memset(&model, 0, sizeof(model));
	struct balloon_memfd_host_config config = {.max_memory_pages = PAGES,
		.page_size = PAGE_SIZE,
		.punch = punch,
		.context = &model};
	config.max_pages = input_byte(&input) * 2u;
	model.fails_at = input_byte(&input);
	if (balloon_memfd_host_create(&config, &host) < 0)
		return 0;
	bool is_welcome = true;
	while (is_welcome && input_message(&input, &message)) {
		is_welcome = feed(&model, host, &message);
		message_free(&message);
	}
	balloon_memfd_host_destroy(host);
	return 0;
}
