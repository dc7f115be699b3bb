/* SPDX-License-Identifier: MIT */
/*
 * What becomes of pages and frames, by what the host says of the new page and of the old one. At
 * once: nothing is isolated, and each page is counted by its outcome. After late answers and
 * another look at the quarantine: no page and no frame is lost.
 */
#include "deadlines.h"
#include "host.h"
#include "suite.h"
#include "machine.h"

enum { FRAMES = 256, HALF = FRAMES / 2, CLUSTER = BALLOON_COMPACTOR_CLUSTER };

struct expected {
	uint32_t n_migrated;
	uint32_t n_shrunk;
	uint32_t n_kept;
	uint32_t n_refused;
	uint32_t n_enqueued; /* after late answers, which are all "done" */
};

/* By answer about the new page, then about the old one: to do, to refuse, to keep. */
static const struct expected table[3][3] = {
	{
		{.n_migrated = CLUSTER, .n_enqueued = HALF},
		{.n_kept = CLUSTER, .n_enqueued = HALF},
		{.n_kept = CLUSTER, .n_enqueued = HALF},
	},
	{
		{.n_shrunk = CLUSTER, .n_enqueued = HALF - CLUSTER},
		{.n_refused = CLUSTER, .n_enqueued = HALF},
		{.n_kept = CLUSTER, .n_enqueued = HALF - CLUSTER},
	},
	{
		{.n_migrated = CLUSTER, .n_enqueued = HALF},
		{.n_refused = CLUSTER, .n_enqueued = HALF + CLUSTER},
		{.n_kept = CLUSTER, .n_enqueued = HALF},
	},
};

static const enum host_behaviour plain_answers[3] = {HOST_TAKES, HOST_REFUSES, HOST_KEEPS};

/* What the host says of a cluster, and of what it did not answer, later. */
struct plot {
	enum host_behaviour inflate;
	enum host_behaviour deflate;
	bool is_refused_late;
};

struct outcome {
	struct balloon_compactor_stats stats;
	uint64_t n_enqueued; /* after late answers */
	uint64_t n_quarantined;
};

/* Whoever looks takes late answers; a run asks for the quarantine until it has it. */
static void come_round(struct machine *machine, struct host *host, const struct plot *plot,
	struct outcome *outcome)
{
	host_usually(host, HOST_TAKES, HOST_TAKES);
	host_answer(host, plot->is_refused_late ? 0 : UINT32_MAX);
	struct balloon_driver_progress progress = machine_progress(machine);
	outcome->n_enqueued = progress.n_enqueued;
	outcome->n_quarantined = progress.n_quarantined;
	machine_fill(machine, (uint32_t)progress.n_enqueued);
	CHECK_EQ(machine_progress(machine).n_quarantined, 0);
	CHECK_EQ(machine_n_free(machine), FRAMES - progress.n_enqueued);
}

static struct outcome cluster_under(const struct balloon_strategy *strategy,
	const struct balloon_driver_design *design, const struct plot *plot)
{
	struct host host;
	struct machine machine;
	struct balloon_compactor *compactor;
	struct balloon_memmap_stats map;
	struct outcome outcome;
	struct machine_config config = {.strategy = strategy,
		.design = design,
		.channel = &host.channel,
		.n_frames = FRAMES,
		.host_timeout_ns = MS};
	strategy_under_test = machine_name;
	host_init(&host, FRAMES);
	machine_open(&machine, &config);
	machine_fill(&machine, HALF);
	compactor = machine_compactor(&machine);
	host_usually(&host, plot->inflate, plot->deflate);
	int n = balloon_compactor_step(compactor, 0);
	outcome.stats = machine_stats(compactor);
	CHECK_EQ(n, outcome.stats.n_migrated + outcome.stats.n_shrunk);
	CHECK_EQ(balloon_memmap_stats(machine.map, &map), 0);
	CHECK_EQ(map.devices.n_isolated, 0);
	come_round(&machine, &host, plot, &outcome);
	CHECK_EQ(balloon_compactor_destroy(compactor), 0);
	machine_close(&machine);
	CHECK(!host.violation);
	CHECK_EQ(host_fini(&host), 0);
	return outcome;
}

static void check_outcome(const struct outcome *outcome, const struct expected *expected)
{
	CHECK_EQ(outcome->stats.n_isolated, CLUSTER);
	CHECK_EQ(outcome->stats.n_migrated, expected->n_migrated);
	CHECK_EQ(outcome->stats.n_shrunk, expected->n_shrunk);
	CHECK_EQ(outcome->stats.n_kept, expected->n_kept);
	CHECK_EQ(outcome->stats.n_refused, expected->n_refused);
	CHECK_EQ(outcome->stats.n_put_back, expected->n_refused);
	CHECK_EQ(outcome->stats.n_left, expected->n_kept + expected->n_refused);
	CHECK_EQ(outcome->stats.n_again, 0);
	CHECK_EQ(outcome->n_enqueued, expected->n_enqueued);
}

static void are_as_the_host_says(
	const struct balloon_strategy *strategy, const struct balloon_driver_design *design)
{
	for (int i = 0; i < 3; i++)
		for (int j = 0; j < 3; j++) {
			const struct plot plot = {plain_answers[i], plain_answers[j], false};
			struct outcome outcome = cluster_under(strategy, design, &plot);
			check_outcome(&outcome, &table[i][j]);
		}
}

Test(outcomes, are_as_the_host_says)
{
	machine_for_each(are_as_the_host_says);
}

/* The host stops at one page, and does the others when it is asked for them alone. That one goes back to the
 * source if it is a new one; an old one into quarantine: it was replaced, or has left. */
static void may_be_refused_late(
	const struct balloon_strategy *strategy, const struct balloon_driver_design *design)
{
	const struct plot new_page = {HOST_KEEPS, HOST_TAKES, true};
	struct outcome outcome = cluster_under(strategy, design, &new_page);
	CHECK_EQ(outcome.n_enqueued, HALF - 1);
	CHECK_EQ(outcome.n_quarantined, 0);
	const struct plot old_page = {HOST_TAKES, HOST_KEEPS, true};
	outcome = cluster_under(strategy, design, &old_page);
	CHECK_EQ(outcome.n_enqueued, HALF);
	CHECK_EQ(outcome.n_quarantined, 1);
}

Test(outcomes, may_be_refused_late)
{
	machine_for_each(may_be_refused_late);
}

static void check_half(const struct balloon_compactor_stats *stats)
{
	CHECK_EQ(stats->n_migrated + stats->n_shrunk + stats->n_kept + stats->n_put_back, CLUSTER);
	CHECK_EQ(stats->n_left, stats->n_kept + stats->n_put_back);
	CHECK_EQ(stats->n_refused, stats->n_put_back);
}

static void add_up_when_the_host_does_half(
	const struct balloon_strategy *strategy, const struct balloon_driver_design *design)
{
	static const enum host_behaviour others[] = {
		HOST_TAKES, HOST_HALVES, HOST_REFUSES, HOST_KEEPS};
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
		const struct plot half_in = {HOST_HALVES, others[i], false};
		const struct plot half_out = {others[i], HOST_HALVES, false};
		struct balloon_compactor_stats in = cluster_under(strategy, design, &half_in).stats;
		struct balloon_compactor_stats out =
			cluster_under(strategy, design, &half_out).stats;
		check_half(&in);
		check_half(&out);
		CHECK_EQ(out.n_migrated + out.n_shrunk, CLUSTER / 2);
	}
}

Test(outcomes, add_up_when_the_host_does_half)
{
	machine_for_each(add_up_when_the_host_does_half);
}
