/* SPDX-License-Identifier: MIT */
/*
 * The recorded order: one thread does every row, on the page that the recording names.
 *
 * Only dequeue chooses a page itself. Where it returns another one than the recording's, the two
 * trade parts from there on: the page that came stands in for the recorded one, and the one that
 * stayed plays the other's part. No operation is added, so a design with an order of its own is not
 * slowed down. But one difference may be followed by others: a page over which the recorded dequeue
 * passed is not at the head of the list any more, its part went to one further down.
 */
#include "run.h"

#include <stdlib.h>

#include "common/clock.h"

struct order {
	struct run *run;
	uint32_t *actual; /* by recorded page: the page that plays its part */
	uint32_t *part;   /* the inverse: by page, the recorded page that it plays */
	uint64_t n_matches;
};

static struct balloon_page player(const struct order *order, uint32_t recorded)
{
	return balloon_page(order->actual[recorded]);
}

static void trade(struct order *order, uint32_t recorded, uint32_t actual)
{
	uint32_t other_recorded = order->part[actual];
	uint32_t other_actual = order->actual[recorded];
	order->actual[recorded] = actual;
	order->part[actual] = recorded;
	order->actual[other_recorded] = other_actual;
	order->part[other_actual] = other_recorded;
}

static int deflate(struct order *order, uint32_t recorded)
{
	struct balloon_page page;
	int result = balloon_page_dequeue(order->run->device, &page);
	if (result != 1)
		return result;
	if (page.index == order->actual[recorded])
		order->n_matches++;
	else
		trade(order, recorded, page.index);
	return result;
}

static int deflate_none(const struct order *order)
{
	struct balloon_page page;
	return balloon_page_dequeue(order->run->device, &page);
}

/* What the library answered. Rows that tell of no page operation have nothing to ask. */
static int do_row(struct order *order, const struct row *row)
{
	struct run *run = order->run;
	switch (row->op) {
	case OP_INFLATE:
		return balloon_page_insert(run->device, player(order, row->page));
	case OP_DEFLATE:
		return deflate(order, row->page);
	case OP_DEFLATE_NONE:
		return deflate_none(order);
	case OP_ISOLATE:
		return balloon_page_isolate(run->map, player(order, row->page));
	case OP_PUTBACK:
		return balloon_page_putback(run->map, player(order, row->page));
	case OP_MIGRATE:
		return balloon_page_migrate(
			run->device, player(order, row->new_page), player(order, row->page));
	case OP_FINALIZE:
		return balloon_page_finalize(run->device, player(order, row->page));
	default:
		return 0;
	}
}

static const int expected_answers[OP_COUNT] = {[OP_DEFLATE] = 1, [OP_DEFLATE_NONE] = -EAGAIN};

static int do_rows(struct order *order)
{
	const struct recording *recording = order->run->recording;
	for (size_t i = 0; i < recording->n_rows; i++) {
		const struct row *row = &recording->rows[i];
		int answer = do_row(order, row);
		if (answer != expected_answers[row->op])
			return run_fail(order->run, order->run->problem, i,
				"%s answered %d, not %d", op_name(row->op), answer,
				expected_answers[row->op]);
	}
	return 0;
}

static int check(struct order *order, struct outcome *outcome)
{
	const struct recording *recording = order->run->recording;
	const uint64_t *n_ops = recording->n_ops;
	const struct balloon_device_stats expected = {
		.n_listed = recording->final_listed,
		.n_isolated = recording->final_isolated,
		.n_inserted = n_ops[OP_INFLATE],
		.n_dequeued = n_ops[OP_DEFLATE],
		.n_isolates = n_ops[OP_ISOLATE],
		.n_putbacks = n_ops[OP_PUTBACK],
		.n_migrated = n_ops[OP_MIGRATE],
		.n_finalized = n_ops[OP_FINALIZE],
	};
	outcome->n_matches = order->n_matches;
	outcome->n_dequeues = n_ops[OP_DEFLATE];
	return run_check(order->run, &expected, outcome);
}

static int run_rows(struct order *order, struct outcome *outcome)
{
	if (run_begin(order->run, order->run->recording->n_pages) < 0)
		return -1;
	uint64_t begin_ns = now_ns();
	int result = do_rows(order);
	outcome->elapsed_ns = now_ns() - begin_ns;
	if (result == 0)
		result = check(order, outcome);
	run_end(order->run);
	return result;
}

int replay_order(struct run *run, struct outcome *outcome)
{
	uint32_t n_pages = run->recording->n_pages;
	struct order order = {
		.run = run,
		.actual = calloc(n_pages, sizeof *order.actual),
		.part = calloc(n_pages, sizeof *order.part),
	};
	int result = -1;
	*outcome = (struct outcome){0};
	if (order.actual && order.part) {
		for (uint32_t i = 0; i < n_pages; i++)
			order.actual[i] = order.part[i] = i;
		result = run_rows(&order, outcome);
	} else {
		problem_no_memory(run->problem);
	}
	free(order.actual);
	free(order.part);
	return result;
}
