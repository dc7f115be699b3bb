/* SPDX-License-Identifier: MIT */

#include "explore/history.h"

#include <stdlib.h>
#include <string.h>

#include "text.h"

static const char *const columns[HISTORY_COLUMNS] = {"page-lock@3.8", "mapcount@3.18-rc",
	"mapcount@3.18", "mapcount@4.5", "movable@5.3", "device-lock@7.0", "device-lock@naive",
	"device-lock@finalize-outside", "page-lock", "mapcount", "movable", "device-lock",
	"isolated-bit"};

/* What a thread calls. */
#define ONE(operation)                                                                             \
	{                                                                                          \
		{operation}, 1                                                                     \
	}
#define TWO(first, second)                                                                         \
	{                                                                                          \
		{first, second}, 2                                                                 \
	}
/* Pages at the start. */
#define LISTED_PAGE                                                                                \
	{                                                                                          \
		BALLOON_PAGE_LISTED, 0, SCENARIO_NOBODY                                            \
	}
#define ISOLATED_BY(thread)                                                                        \
	{                                                                                          \
		BALLOON_PAGE_ISOLATED, 0, thread                                                   \
	}
#define OWNED_BY(thread)                                                                           \
	{                                                                                          \
		BALLOON_PAGE_OWNED, 0, thread                                                      \
	}
/* Predictions: of the forms in the order of their columns, then of what the library has. */
#define NONE     PREDICTED_NOTHING
#define OK       PREDICTED_OK
#define FAIL     PREDICTED_FAIL
#define HARDENED OK, OK, OK, OK, OK

static const struct hazard hazards[] = {
	{.name = "H-01",
		.title = "a mapping taken for what it is not",
		.n_threads = 2,
		.n_pages = 1,
		.threads = {TWO(DEQUEUE, USE), ONE(SCAN)},
		.pages = {LISTED_PAGE},
		.sign = {"scan of b touches what is not the map's", 1},
		.predicted = {FAIL, OK, OK, OK, OK, OK, OK, OK, HARDENED}},
	{.name = "H-02",
		.title = "a success that is treated as an error",
		.n_threads = 1,
		.n_pages = 2,
		.threads = {ONE(MIGRATE)},
		.pages = {ISOLATED_BY(0), OWNED_BY(0)},
		.sign = {"on a list and has no mapping", 0},
		.predicted = {FAIL, NONE, OK, OK, OK, OK, OK, OK, HARDENED}},
	{.name = "H-03",
		.title = "dequeue beside isolate",
		.n_threads = 2,
		.n_pages = 1,
		.threads = {ONE(DEQUEUE), ONE(ISOLATE)},
		.pages = {LISTED_PAGE},
		.sign = {"in the hands of b, and dequeue of a touches it (store)", 0},
		.predicted = {FAIL, NONE, OK, OK, OK, OK, OK, OK, HARDENED}},
	{.name = "H-04",
		.title = "a walk without the list's lock",
		.n_threads = 2,
		.n_pages = 2,
		.threads = {ONE(DEQUEUE), ONE(ISOLATE)},
		.pages = {LISTED_PAGE, LISTED_PAGE},
		.sign = {"in the hands of b, and dequeue of a touches it (read)", 0},
		.predicted = {FAIL, NONE, FAIL, OK, OK, OK, OK, OK, HARDENED}},
	{.name = "H-05",
		.title = "a bit that nobody sets",
		.n_threads = 1,
		.n_pages = 1,
		.threads = {ONE(DEQUEUE)},
		.pages = {LISTED_PAGE},
		.sign = {"explains: a: dequeue = -EAGAIN", 0},
		.predicted = {NONE, FAIL, OK, OK, OK, OK, OK, OK, HARDENED}},
	{.name = "H-06",
		.title = "the new page is asked after it was unlocked",
		.n_threads = 2,
		.n_pages = 2,
		.threads = {ONE(DEQUEUE), ONE(MIGRATE)},
		.pages = {ISOLATED_BY(1), OWNED_BY(1)},
		.sign = {"in the hands of a, and migrate of b touches it (write)", 1},
		.predicted = {FAIL, NONE, FAIL, FAIL, OK, OK, OK, OK, HARDENED}},
	{.name = "H-07",
		.title = "a lock behind a pointer, and the device is gone",
		.n_threads = 2,
		.n_pages = 1,
		.threads = {TWO(DEQUEUE, DEVICE_CLOSE), TWO(SCAN, ISOLATE)},
		.pages = {LISTED_PAGE},
		.sign = {"of b touches device 0, which is gone", 1},
		.predicted = {FAIL, NONE, OK, OK, OK, OK, FAIL, OK, HARDENED}},
	{.name = "H-07b",
		.title = "a lock behind a pointer, and the page is another device's",
		.n_threads = 2,
		.n_pages = 1,
		.threads = {TWO(DEQUEUE, INSERT), ONE(ISOLATE)},
		.pages = {LISTED_PAGE},
		.changes_device = true,
		.sign = {"I7: the listed count is not the number of listed pages", 1},
		.predicted = {OK, NONE, OK, OK, OK, OK, FAIL, OK, HARDENED}},
	{.name = "H-08",
		.title = "the owner is cleared after the lock was released",
		.n_threads = 2,
		.n_pages = 1,
		.threads = {ONE(DEQUEUE), ONE(ISOLATE)},
		.pages = {LISTED_PAGE},
		.sign = {": balloon_link_is_linked(link)", 1},
		.predicted = {NONE, NONE, OK, OK, OK, OK, OK, FAIL, HARDENED}},
	{.name = "H-31",
		.title = "accounts that drift with migration",
		.n_threads = 1,
		.n_pages = 2,
		.threads = {TWO(ISOLATE, MIGRATE)},
		.pages = {LISTED_PAGE, OWNED_BY(0)},
		.is_zoned = true,
		.sign = {"ballooned pages, and has", 0},
		.predicted = {FAIL, NONE, FAIL, FAIL, FAIL, OK, OK, OK, HARDENED}},
	{.name = "H-32",
		.title = "unlinked twice by a helper",
		.n_threads = 1,
		.n_pages = 1,
		.threads = {ONE(DEQUEUE)},
		.pages = {LISTED_PAGE},
		.sign = {": balloon_link_is_linked(link)", 0},
		.predicted = {NONE, NONE, NONE, NONE, FAIL, OK, OK, OK, HARDENED}},
	{.name = "H-36",
		.title = "insert meets somebody else's lock",
		.n_threads = 2,
		.n_pages = 1,
		.threads = {TWO(FINALIZE, INSERT), ONE(ISOLATE)},
		.pages = {ISOLATED_BY(0)},
		.sign = {": is_locked", 0},
		.predicted = {FAIL, NONE, FAIL, FAIL, FAIL, OK, OK, OK, HARDENED}},
	{.name = "H-37",
		.title = "the scanner goes without what it could have",
		.n_threads = 2,
		.n_pages = 1,
		.threads = {ONE(RECLAIM), ONE(ISOLATE)},
		.pages = {LISTED_PAGE},
		.has_lru = true,
		.sign = {"the scanner passes over page 0, which it could have had", 1},
		.predicted = {FAIL, NONE, OK, OK, OK, OK, OK, OK, HARDENED}},
	{.name = "H-40",
		.title = "the window of putback",
		.n_threads = 2,
		.n_pages = 1,
		.threads = {ONE(DEQUEUE), ONE(PUTBACK)},
		.pages = {ISOLATED_BY(1)},
		.is_strict = true,
		.sign = {"in the hands of a, and putback of b touches it", 1},
		.predicted = {OK, NONE, OK, OK, OK, FAIL, OK, OK, HARDENED}},
};
enum { N_HAZARDS = sizeof(hazards) / sizeof(hazards[0]) };

const char *history_column(size_t i)
{
	return i < HISTORY_COLUMNS ? columns[i] : NULL;
}

const struct hazard *history_hazard(size_t i)
{
	return i < N_HAZARDS ? &hazards[i] : NULL;
}

/* On page 0 of device 0; page 1 is to migrate to. */
static void make_call(const struct hazard *hazard, uint32_t thread, uint32_t i, struct call *call)
{
	call->operation = hazard->threads[thread].operations[i];
	call->device = i > 0 && hazard->changes_device;
	call->n_pages = 1;
	call->pages[0] = balloon_page(0);
	if (call->operation == DEQUEUE)
		call->n_pages = hazard->n_pages;
	if (call->operation == MIGRATE)
		call->pages[call->n_pages++] = balloon_page(1);
	if (call->operation == DEVICE_CLOSE || call->operation == RECLAIM)
		call->n_pages = 0;
	if (i > 0) {
		call->wants_first = call->operation != DEVICE_CLOSE;
		call->takes_got =
			call->wants_first && hazard->threads[thread].operations[0] == DEQUEUE;
	}
}

static void make(const struct hazard *hazard, struct scenario *scenario)
{
	memset(scenario, 0, sizeof(*scenario));
	text_append(scenario->name, SCENARIO_NAME, "historical:%s", hazard->name);
	scenario->n_threads = hazard->n_threads;
	scenario->n_pages = hazard->n_pages;
	scenario->n_devices = 1 + hazard->changes_device;
	scenario->sign = &hazard->sign;
	scenario->is_zoned = hazard->is_zoned;
	scenario->has_lru = hazard->has_lru;
	scenario->is_strict = hazard->is_strict;
	memcpy(scenario->pages, hazard->pages, sizeof(hazard->pages));
	for (uint32_t i = 0; i < hazard->n_threads; i++) {
		struct actor *actor = &scenario->actors[i];
		actor->n_calls = hazard->threads[i].n_operations;
		for (uint32_t j = 0; j < actor->n_calls; j++)
			make_call(hazard, i, j, &actor->calls[j]);
	}
}

bool history_scenarios(struct scenarios *scenarios)
{
	scenarios->all = calloc(N_HAZARDS, sizeof(*scenarios->all));
	scenarios->n = scenarios->all ? N_HAZARDS : 0;
	for (size_t i = 0; i < scenarios->n; i++)
		make(&hazards[i], &scenarios->all[i]);
	return scenarios->all;
}
