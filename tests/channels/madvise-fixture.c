/* SPDX-License-Identifier: MIT */
#include "madvise-fixture.h"

#include "suite.h"

struct balloon_channel *channel_for(
	const struct memory *memory, enum balloon_advice advice, enum balloon_madvise_call call)
{
	struct balloon_madvise_config config = {.base = memory->base,
		.page_size = memory->page_size,
		.n_pages = memory->n_pages,
		.advice = advice,
		.call = call};
	struct balloon_channel *channel;
	CHECK_EQ(balloon_madvise_create(&config, &channel), 0);
	return channel;
}

bool has_vectors(void)
{
	struct memory memory;
	memory_map(&memory, 1);
	struct balloon_madvise_config config = {
		.base = memory.base, .n_pages = 1, .call = BALLOON_MADVISE_VECTOR};
	struct balloon_channel *channel;
	int result = balloon_madvise_create(&config, &channel);
	if (result == 0)
		CHECK_EQ(balloon_madvise_destroy(channel), 0);
	memory_unmap(&memory);
	return result == 0;
}

void give(struct balloon_channel *channel, struct balloon_request *request)
{
	CHECK_EQ(balloon_request_submit(channel, request), 0);
	CHECK_EQ(balloon_request_wait(channel, request, BALLOON_NEVER), 0);
}

void check_given(const struct memory *memory, uint32_t page, bool is_given)
{
	cr_assert(memory_is_resident(memory, page) == !is_given, "page %u", page);
	cr_assert(is_given ? memory_is_zero(memory, page) : memory_is_kept(memory, page),
		"contents of page %u", page);
}
