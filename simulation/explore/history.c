/* SPDX-License-Identifier: MIT */

#include "explore/history.h"

#include <stdlib.h>
#include <string.h>

#include "text.h"

static const char *const columns[HISTORY_COLUMNS] = {"page-lock@3.8", "mapcount@3.18-rc",
	"mapcount@3.18", "mapcount@4.5", "movable@5.3", "device-lock@naive",
	"device-lock@finalize-outside", "page-lock", "mapcount", "movable", "device-lock",
	"isolated-bit"};

#define NONE PREDICTED_NOTHING
#define OK   PREDICTED_OK
#define FAIL PREDICTED_FAIL
/* The library's own. */
#define HARDENED OK, OK, OK, OK, OK
#define LISTED   BALLOON_PAGE_LISTED
#define ISOLATED BALLOON_PAGE_ISOLATED
#define OWNED    BALLOON_PAGE_OWNED
#define NOBODY   SCENARIO_NOBODY

static const struct hazard hazards[] = {
	{"H-01", "a mapping taken for what it is not", 1, 1,
		{{{DEQUEUE, USE}, 2, 0, 0, 0}, {{SCAN}, 1, 0, 0, 0}}, 2, {{LISTED, 0, NOBODY}},
		{"scan of b touches what is not the map's", 1},
		{FAIL, OK, OK, OK, OK, OK, OK, HARDENED}, false},
	{"H-02", "a success that is treated as an error", 2, 1, {{{MIGRATE}, 1, 0, 0, 0}}, 1,
		{{ISOLATED, 0, 0}, {OWNED, 0, 0}}, {"on a list and has no mapping", 0},
		{FAIL, NONE, OK, OK, OK, OK, OK, HARDENED}, false},
	{"H-03", "dequeue beside isolate", 1, 1,
		{{{DEQUEUE}, 1, 0, 0, 0}, {{ISOLATE}, 1, 0, 0, 0}}, 2, {{LISTED, 0, NOBODY}},
		{"in the hands of b, and dequeue of a touches it (store)", 0},
		{FAIL, NONE, OK, OK, OK, OK, OK, HARDENED}, false},
	{"H-04", "a walk without the list's lock", 2, 1,
		{{{DEQUEUE}, 1, 0, 0, 0}, {{ISOLATE}, 1, 0, 0, 0}}, 2,
		{{LISTED, 0, NOBODY}, {LISTED, 0, NOBODY}},
		{"in the hands of b, and dequeue of a touches it (read)", 0},
		{FAIL, NONE, FAIL, OK, OK, OK, OK, HARDENED}, false},
	{"H-05", "a bit that nobody sets", 1, 1, {{{DEQUEUE}, 1, 0, 0, 0}}, 1,
		{{LISTED, 0, NOBODY}}, {"explains: a: dequeue = -EAGAIN", 0},
		{NONE, FAIL, OK, OK, OK, OK, OK, HARDENED}, false},
	{"H-06", "the new page is asked after it was unlocked", 2, 1,
		{{{DEQUEUE}, 1, 0, 0, 0}, {{MIGRATE}, 1, 0, 0, 0}}, 2,
		{{ISOLATED, 0, 1}, {OWNED, 0, 1}},
		{"in the hands of a, and migrate of b touches it (write)", 1},
		{FAIL, NONE, FAIL, FAIL, OK, OK, OK, HARDENED}, false},
	{"H-07", "a lock that is found through what it protects: the device is gone", 1, 1,
		{{{DEQUEUE, DEVICE_CLOSE}, 2, 0, 0, 0}, {{SCAN, ISOLATE}, 2, 0, 0, 0}}, 2,
		{{LISTED, 0, NOBODY}}, {"of b touches device 0, which is gone", 1},
		{FAIL, NONE, OK, OK, OK, FAIL, OK, HARDENED}, false},
	{"H-07b", "the same: the page is another device's", 1, 2,
		{{{DEQUEUE, INSERT}, 2, 0, 0, 1}, {{ISOLATE}, 1, 0, 0, 0}}, 2,
		{{LISTED, 0, NOBODY}},
		{"I7: the listed count is not the number of listed pages", 1},
		{OK, NONE, OK, OK, OK, FAIL, OK, HARDENED}, false},
	{"H-08", "the owner is cleared after the lock was released", 1, 1,
		{{{DEQUEUE}, 1, 0, 0, 0}, {{ISOLATE}, 1, 0, 0, 0}}, 2, {{LISTED, 0, NOBODY}},
		{": balloon_link_is_linked(link)", 1},
		{NONE, NONE, OK, OK, OK, OK, FAIL, HARDENED}, false},
	{"H-31", "accounts that drift with migration", 2, 1,
		{{{ISOLATE, MIGRATE}, 2, 0, 0, 0}}, 1, {{LISTED, 0, NOBODY}, {OWNED, 0, 0}},
		{"ballooned pages, and has", 0},
		{FAIL, NONE, FAIL, FAIL, FAIL, OK, OK, HARDENED}, true},
	{"H-32", "unlinked twice by a helper", 1, 1, {{{DEQUEUE}, 1, 0, 0, 0}}, 1,
		{{LISTED, 0, NOBODY}}, {": balloon_link_is_linked(link)", 0},
		{NONE, NONE, NONE, NONE, FAIL, OK, OK, HARDENED}, false},
	{"H-36", "insert meets somebody else's lock", 1, 1,
		{{{FINALIZE, INSERT}, 2, 0, 0, 0}, {{ISOLATE}, 1, 0, 0, 0}}, 2,
		{{ISOLATED, 0, 0}}, {": is_locked", 0},
		{FAIL, NONE, FAIL, FAIL, FAIL, OK, OK, HARDENED}, false},
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

/* Page `page` of what is there, and page 1 to migrate to. */
static void make_call(const struct hazard *hazard, uint32_t thread, uint32_t i, struct call *call)
{
	call->operation = hazard->threads[thread].operations[i];
	call->device = i ? hazard->threads[thread].second_device : hazard->threads[thread].device;
	call->n_pages = 1;
	call->pages[0] = balloon_page(hazard->threads[thread].page);
	if (call->operation == DEQUEUE)
		call->n_pages = hazard->n_pages;
	if (call->operation == MIGRATE)
		call->pages[call->n_pages++] = balloon_page(call->pages[0].index + 1);
	if (call->operation == DEVICE_CLOSE)
		call->n_pages = 0;
	if (i > 0) {
		call->wants_first = call->operation != DEVICE_CLOSE;
		call->takes_got = call->wants_first && hazard->threads[thread].operations[0] == DEQUEUE;
	}
}

static void make(const struct hazard *hazard, struct scenario *scenario)
{
	memset(scenario, 0, sizeof(*scenario));
	text_append(scenario->name, SCENARIO_NAME, "historical:%s", hazard->name);
	scenario->n_threads = hazard->n_threads;
	scenario->n_pages = hazard->n_pages;
	scenario->n_devices = hazard->n_devices;
	scenario->sign = &hazard->sign;
	scenario->is_zoned = hazard->is_zoned;
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
