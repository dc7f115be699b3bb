/* SPDX-License-Identifier: MIT */
/* Batches: in array order, up to the first page that cannot be done. */

#include "operations.h"

enum fault { WRONG_STATE, OUT_OF_RANGE, TWICE, N_FAULTS };

/* A batch of pages 0, 1, 2 and so on, in the state that the operation wants. */
static void make_batch(struct fixture *f, enum operation operation, struct balloon_page *pages)
{
	for (uint32_t i = 0; i < BATCH; i++) {
		pages[i] = balloon_page(i);
		put_into(f, i, rules[operation].from);
		prepare_opposite(f, operation, i);
	}
}

/* Make one page of the batch impossible; returns the error that it is refused with. */
static int spoil(struct fixture *f, enum operation operation, struct balloon_page *pages,
	uint32_t position, enum fault fault)
{
	const struct rule *rule = &rules[operation];
	const uint32_t other = BATCH;
	switch (fault) {
	case WRONG_STATE:
		put_into(f, other,
			rule->from == BALLOON_PAGE_LISTED ? BALLOON_PAGE_OWNED
							  : BALLOON_PAGE_LISTED);
		prepare_opposite(f, operation, other);
		pages[position] = balloon_page(other);
		return rule->refusal;
	case OUT_OF_RANGE:
		pages[position] = balloon_page(position % 2 ? N_PAGES : UINT32_MAX);
		return -ERANGE;
	case TWICE: /* the first page again */
	case N_FAULTS:
		break;
	}
	pages[position] = pages[0];
	return rule->refusal;
}

static void check_stop(const struct balloon_strategy *strategy, enum operation operation,
	uint32_t position, enum fault fault)
{
	const struct rule *rule = &rules[operation];
	struct balloon_page pages[BATCH];
	struct fixture f;
	fixture_open(&f, strategy);
	make_batch(&f, operation, pages);
	int error = spoil(&f, operation, pages, position, fault);
	struct picture before = take_picture(&f);
	int expected = position > 0 ? (int)position : error;
	int result = operate(&f, operation, pages, BATCH);
	cr_assert(result == expected, "%s: %s, page %u spoilt (%d): returns %d, not %d",
		strategy->name, rule->name, position, fault, result, expected);
	for (uint32_t i = 0; i < BATCH; i++)
		if (i != position)
			CHECK_EQ(state_of(&f, i), i < position ? rule->to : rule->from);
	struct picture after = take_picture(&f);
	CHECK(position > 0 || same_picture(&before, &after));
	fixture_close(&f);
}

CLAIM(contract, a_batch_stops_at_the_first_page_that_cannot_be_done)
{
	for (int operation = 0; operation < N_OPERATIONS; operation++)
		for (int fault = 0; fault < N_FAULTS; fault++)
			for (uint32_t position = fault == TWICE; position < BATCH; position += 2)
				check_stop(strategy, (enum operation)operation, position,
					(enum fault)fault);
}

static void dequeue_expecting(struct fixture *f, const uint32_t *indexes, int n)
{
	struct balloon_page got[N_PAGES];
	CHECK_EQ(balloon_pages_dequeue(f->devices[0], got, N_PAGES), n);
	check_pages(f->strategy, got, indexes, n);
}

CLAIM(contract, pages_leave_in_the_order_that_the_strategy_promises)
{
	const struct balloon_page pages[] = {{1}, {2}, {3}, {4}, {5}};
	struct fixture f;
	fixture_open(&f, strategy);
	CHECK_EQ(balloon_pages_insert(f.devices[0], pages, BATCH), BATCH);
	dequeue_expecting(&f, (const uint32_t[]){5, 4, 3, 2, 1}, 5);

	CHECK_EQ(balloon_pages_insert(f.devices[0], pages, BATCH), BATCH);
	CHECK_EQ(balloon_pages_isolate(f.map, pages, 3), 3);
	CHECK_EQ(balloon_pages_putback(f.map, pages, 3), 3);
	dequeue_expecting(&f, (const uint32_t[]){3, 2, 1, 5, 4}, 5);

	const struct balloon_page new_pages[] = {{11}, {12}};
	CHECK_EQ(balloon_pages_insert(f.devices[0], pages, BATCH), BATCH);
	CHECK_EQ(balloon_pages_isolate(f.map, pages, 2), 2);
	CHECK_EQ(balloon_pages_migrate(f.devices[0], new_pages, pages, 2), 2);
	dequeue_expecting(&f, (const uint32_t[]){12, 11, 5, 4, 3}, 5);
	fixture_close(&f);
}

CLAIM(contract, dequeue_takes_no_more_than_asked_for)
{
	struct balloon_page got[4] = {{99}, {99}, {99}, {99}};
	struct fixture f;
	fixture_open(&f, strategy);
	for (uint32_t i = 0; i < 3; i++)
		put_into(&f, i, BALLOON_PAGE_LISTED);
	CHECK_EQ(balloon_pages_dequeue(f.devices[0], got, 2), 2);
	CHECK_EQ(got[2].index, 99);
	CHECK_EQ(balloon_pages_dequeue(f.devices[0], got + 2, 2), 1);
	CHECK_EQ(got[3].index, 99);
	check_pages(strategy, got, (const uint32_t[]){2, 1, 0}, 3);
	fixture_close(&f);
}

/* The old page of one pair is the new page of the next. */
CLAIM(contract, a_batch_of_migrations_may_hand_a_page_on)
{
	const struct balloon_page old_pages[] = {{1}, {2}};
	const struct balloon_page new_pages[] = {{3}, {1}};
	struct fixture f;
	fixture_open(&f, strategy);
	put_into(&f, 1, BALLOON_PAGE_ISOLATED);
	put_into(&f, 2, BALLOON_PAGE_ISOLATED);
	CHECK_EQ(balloon_pages_migrate(f.devices[0], new_pages, old_pages, 2), 2);
	CHECK_EQ(state_of(&f, 1), BALLOON_PAGE_LISTED);
	CHECK_EQ(state_of(&f, 2), BALLOON_PAGE_OWNED);
	dequeue_expecting(&f, (const uint32_t[]){1, 3}, 2);
	fixture_close(&f);
}
