/* SPDX-License-Identifier: MIT */
/* The state machine of one page: I1, I2, I3, I6, I7 and I10, as far as one thread can show them. */

#include "operations.h"

static const enum balloon_page_state states[] = {
	BALLOON_PAGE_OWNED, BALLOON_PAGE_LISTED, BALLOON_PAGE_ISOLATED};

enum { N_STATES = sizeof(states) / sizeof(states[0]), PAGE = 3 };

static void check_operation(const struct balloon_strategy *strategy, enum operation operation,
	enum balloon_page_state from)
{
	const struct rule *rule = &rules[operation];
	const struct balloon_page page = balloon_page(PAGE);
	struct fixture f;
	fixture_open(&f, strategy);
	put_into(&f, PAGE, from);
	prepare_opposite(&f, operation, PAGE);
	struct picture before = take_picture(&f);
	int expected = from == rule->from ? 1 : rule->refusal;
	int result = operate(&f, operation, &page, 1);
	cr_assert(result == expected, "%s: %s from state %d returns %d, not %d", strategy->name,
		rule->name, from, result, expected);
	struct picture after = take_picture(&f);
	if (expected == 1)
		CHECK_EQ(state_of(&f, PAGE), rule->to);
	else
		cr_assert(same_picture(&before, &after),
			"%s: refused %s from state %d, but changed", strategy->name, rule->name,
			from);
	fixture_close(&f);
}

CLAIM(contract, each_operation_works_from_its_state_and_is_refused_from_others)
{
	for (int operation = 0; operation < N_OPERATIONS; operation++)
		for (int i = 0; i < N_STATES; i++)
			check_operation(strategy, (enum operation)operation, states[i]);
}

CLAIM(contract, a_migrated_page_takes_the_place_of_the_old_one)
{
	struct fixture f;
	fixture_open(&f, strategy);
	put_into(&f, 1, BALLOON_PAGE_ISOLATED);
	CHECK_EQ(balloon_page_migrate(f.devices[0], balloon_page(2), balloon_page(1)), 0);
	CHECK_EQ(state_of(&f, 1), BALLOON_PAGE_OWNED);
	CHECK_EQ(state_of(&f, 2), BALLOON_PAGE_LISTED);
	CHECK(strategy->inspect(f.map, balloon_page(2)).device == f.devices[0]);
	fixture_close(&f);
}

CLAIM(contract, a_page_that_left_cannot_be_isolated_until_it_is_inserted_again)
{
	static const enum operation ways_out[] = {MIGRATE, FINALIZE};
	const struct balloon_page page = balloon_page(PAGE);
	struct balloon_page got;
	struct fixture f;
	fixture_open(&f, strategy);
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(balloon_page_insert(f.devices[0], page), 0);
		if (i < 2) {
			CHECK_EQ(balloon_page_isolate(f.map, page), 0);
			CHECK_EQ(operate(&f, ways_out[i], &page, 1), 1);
		} else {
			CHECK_EQ(balloon_page_dequeue(f.devices[0], &got), 1);
			CHECK_EQ(got.index, PAGE);
		}
		CHECK_EQ(balloon_page_isolate(f.map, page), -ESTALE);
		CHECK_EQ(balloon_page_putback(f.map, page), -ESTALE);
	}
	CHECK_EQ(balloon_page_insert(f.devices[1], page), 0);
	CHECK_EQ(balloon_page_isolate(f.map, page), 0);
	CHECK(balloon_page_device(f.map, page) == f.devices[1]);
	fixture_close(&f);
}

CLAIM(contract, a_page_at_rest_is_a_candidate_exactly_while_listed)
{
	struct fixture f;
	fixture_open(&f, strategy);
	for (uint32_t i = 0; i < N_STATES; i++) {
		put_into(&f, i, states[i]);
		CHECK_EQ(balloon_page_is_candidate(f.map, balloon_page(i)),
			states[i] == BALLOON_PAGE_LISTED);
	}
	CHECK_EQ(balloon_page_finalize(f.devices[0], balloon_page(2)), 0);
	CHECK(!balloon_page_is_candidate(f.map, balloon_page(2))); /* though it was in a balloon */
	CHECK(!balloon_page_is_candidate(f.map, balloon_page(N_PAGES)));
	CHECK(!balloon_page_is_candidate(f.map, balloon_page(UINT32_MAX)));
	CHECK(!balloon_page_is_candidate(NULL, balloon_page(0)));
	fixture_close(&f);
}

CLAIM(contract, a_page_has_a_device_to_ask_for_exactly_while_isolated)
{
	struct fixture f;
	fixture_open(&f, strategy);
	for (uint32_t i = 0; i < N_STATES; i++) {
		put_into(&f, i, states[i]);
		struct balloon_device *device = balloon_page_device(f.map, balloon_page(i));
		CHECK(device == (states[i] == BALLOON_PAGE_ISOLATED ? f.devices[0] : NULL));
	}
	CHECK(balloon_page_device(f.map, balloon_page(N_PAGES)) == NULL);
	CHECK(balloon_page_device(NULL, balloon_page(0)) == NULL);
	fixture_close(&f);
}

CLAIM(contract, dequeue_never_returns_an_isolated_page)
{
	struct balloon_page got[N_PAGES];
	struct fixture f;
	fixture_open(&f, strategy);
	for (uint32_t i = 0; i < 6; i++)
		put_into(&f, i, i % 2 ? BALLOON_PAGE_ISOLATED : BALLOON_PAGE_LISTED);
	CHECK_EQ(balloon_pages_dequeue(f.devices[0], got, N_PAGES), 3);
	check_pages(strategy, got, (const uint32_t[]){4, 2, 0}, 3);
	fixture_close(&f);
}

CLAIM(contract, dequeue_tells_an_empty_device_from_one_that_holds_isolated_pages)
{
	struct balloon_page got;
	struct fixture f;
	fixture_open(&f, strategy);
	CHECK_EQ(balloon_page_dequeue(f.devices[0], &got), 0);
	put_into(&f, 0, BALLOON_PAGE_ISOLATED);
	struct picture before = take_picture(&f);
	CHECK_EQ(balloon_page_dequeue(f.devices[0], &got), -EAGAIN);
	struct picture after = take_picture(&f);
	CHECK(same_picture(&before, &after));
	CHECK_EQ(balloon_page_finalize(f.devices[0], balloon_page(0)), 0);
	CHECK_EQ(balloon_page_dequeue(f.devices[0], &got), 0);
	fixture_close(&f);
}

static bool same_stats(struct balloon_device_stats a, struct balloon_device_stats b)
{
	return a.n_listed == b.n_listed && a.n_isolated == b.n_isolated &&
	       a.n_inserted == b.n_inserted && a.n_dequeued == b.n_dequeued &&
	       a.n_isolates == b.n_isolates && a.n_putbacks == b.n_putbacks &&
	       a.n_migrated == b.n_migrated && a.n_finalized == b.n_finalized;
}

CLAIM(contract, every_event_is_counted_once)
{
	const struct balloon_device_stats expected = {.n_listed = 5,
		.n_isolated = 2,
		.n_inserted = 10,
		.n_dequeued = 2,
		.n_isolates = 6,
		.n_putbacks = 2,
		.n_migrated = 1,
		.n_finalized = 1};
	const struct balloon_device_stats none = {.n_listed = 0};
	struct balloon_page pages[10];
	struct balloon_page got[2];
	struct fixture f;
	fixture_open(&f, strategy);
	for (uint32_t i = 0; i < 10; i++)
		pages[i] = balloon_page(i);
	CHECK_EQ(balloon_pages_insert(f.devices[0], pages, 10), 10);
	CHECK_EQ(balloon_pages_isolate(f.map, pages, 6), 6);
	CHECK_EQ(balloon_pages_dequeue(f.devices[0], got, 2), 2);
	CHECK_EQ(balloon_pages_putback(f.map, pages, 2), 2);
	CHECK_EQ(balloon_page_migrate(f.devices[0], balloon_page(20), pages[2]), 0);
	CHECK_EQ(balloon_page_finalize(f.devices[0], pages[3]), 0);
	CHECK(same_stats(stats_of(f.devices[0]), expected));
	CHECK(same_stats(stats_of(f.devices[1]), none));
	CHECK(same_stats(map_stats_of(f.map).devices, expected));
	fixture_close(&f);
}

CLAIM(contract, attempts_to_isolate_are_counted_whether_they_succeed_or_not)
{
	const struct balloon_page pages[] = {{0}, {1}, {0}, {2}};
	const struct balloon_page out_of_range[] = {{2}, {N_PAGES}};
	struct fixture f;
	fixture_open(&f, strategy);
	for (uint32_t i = 0; i < 3; i++)
		put_into(&f, i, BALLOON_PAGE_LISTED);
	CHECK_EQ(balloon_pages_isolate(f.map, pages, 4), 2); /* 0 and 1; then 0 in vain */
	CHECK_EQ(map_stats_of(f.map).n_isolate_attempts, 3);
	CHECK_EQ(balloon_page_isolate(f.map, balloon_page(0)), -ESTALE);
	CHECK_EQ(map_stats_of(f.map).n_isolate_attempts, 4);
	CHECK_EQ(balloon_pages_isolate(f.map, out_of_range, 2), 1);
	CHECK_EQ(balloon_pages_isolate(f.map, &out_of_range[1], 1), -ERANGE); /* no page at all */
	CHECK_EQ(map_stats_of(f.map).n_isolate_attempts, 5);
	CHECK_EQ(map_stats_of(f.map).devices.n_isolates, 3);
	fixture_close(&f);
}
