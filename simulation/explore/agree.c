/* SPDX-License-Identifier: MIT */

#include "explore/agree.h"

#include <stdlib.h>
#include <time.h>

#include "explore/reduce.h"

enum { KEYS_MAX = 1 << 15 };

/* Ends and findings, as numbers that are told apart but for a chance of 2^-64. */
struct keys {
	uint32_t n;
	uint64_t all[KEYS_MAX];
};

static struct keys of_search, of_reduction;
static struct keys *seen; /* of the search under way */

static void add(struct keys *keys, uint64_t key)
{
	uint32_t at = 0;
	while (at < keys->n && keys->all[at] != key)
		at++;
	if (at == KEYS_MAX) {
		fputs("balloon-explore: more ends than can be compared\n", stderr);
		exit(EXIT_FAILURE);
	}
	keys->all[at] = key;
	keys->n += at == keys->n;
}

static bool has(const struct keys *keys, uint64_t key)
{
	for (uint32_t i = 0; i < keys->n; i++)
		if (keys->all[i] == key)
			return true;
	return false;
}

static uint32_t n_missing(const struct keys *in, const struct keys *of)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < of->n; i++)
		n += !has(in, of->all[i]);
	return n;
}

static void note_finding(const struct engine_report *report)
{
	uint64_t key = report->finding;
	for (const char *at = report->what; *at; at++)
		key = (key ^ (unsigned char)*at) * UINT64_C(0x9e3779b97f4a7c15);
	add(seen, key);
}

static void see(const struct scenario *scenario, const struct balloon_strategy *strategy,
	const struct search_options *options, struct keys *keys, struct agree_seen *result,
	void (*search)(const struct search_subject *, const struct search_options *,
		struct search_result *))
{
	static struct engine_report report;
	clock_t begin = clock();
	seen = keys;
	keys->n = 0;
	result->result = (struct search_result){.n_steps = 0};
	if (play_open(scenario, strategy, &report))
		search(play_stage.subject(), options, &result->result);
	else
		note_finding(&report);
	result->n_findings = keys->n;
	result->n_ends = play_n_ends();
	for (uint32_t i = 0; i < result->n_ends; i++)
		add(keys, play_end(i));
	result->seconds = (double)(clock() - begin) / CLOCKS_PER_SEC;
}

bool agree_check(const struct scenario *scenario, const struct balloon_strategy *strategy,
	uint32_t n_preemptions, struct agree_result *result)
{
	const struct search_options options = {
		.n_preemptions = n_preemptions, .found = note_finding};
	see(scenario, strategy, &options, &of_search, &result->bounded, search_run);
	see(scenario, strategy, &options, &of_reduction, &result->reduced, reduce_run);
	result->is_exhausted = result->bounded.result.n_schedules[n_preemptions] == 0;
	result->n_missed = n_missing(&of_reduction, &of_search);
	result->n_more = n_missing(&of_search, &of_reduction);
	return result->n_missed == 0 && (!result->is_exhausted || result->n_more == 0);
}
