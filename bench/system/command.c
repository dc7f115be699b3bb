/* SPDX-License-Identifier: MIT */
/* balloon-bench system */
#include "common/command.h"
#include "system/region.h"
#include "system/system.h"

static const struct workload *const workloads[] = {&workload_release, &workload_target,
	&workload_compaction, &workload_relief, &workload_cost, &workload_latency,
	&workload_contention, &workload_heap, &workload_blocks, NULL};

/* ---- What workloads share -------------------------------------------------------------------- */

const char *last_strategy(const struct system_plan *plan)
{
	return strategy_names()[plan->strategies.at[plan->strategies.n - 1]];
}

void add_drivers(struct round *round, const struct trial_ops *ops, const void *how)
{
	const struct system_plan *plan = round->plan;
	for (size_t i = 0; i < plan->drivers.n; i++) {
		const char *name = driver_names()[plan->drivers.at[i]];
		trial_label(round_add(round, name, "driver", ops, how), "driver", name);
	}
}

/* ---- Options --------------------------------------------------------------------------------- */

static void init(struct system_plan *plan)
{
	plan->session.n_repeats = 15;
	plan->workloads = list_all(names_count(workloads_names(workloads)));
	plan->channels = plan->other_threads = list_all(2);
	plan->orders = list_all(names_count(page_order_names));
	plan->drivers = list_all(names_count(driver_names()));
	plan->strategies = list_all(names_count(strategy_names()));
	plan->n_pages = 16384;
	plan->n_zone_pages = 262144;
	plan->request = 256;
	plan->host_us = 100;
	plan->n_events = 20;
	plan->n_pairs = 32768;
}

#define AT(member) offsetof(struct system_plan, member)

int command_system(int argc, char **argv)
{
	static struct system_plan plan;
	static const char *const off_and_on[] = {"off", "on", NULL};
	const struct option_row rows[] = {
		{"workload", "LIST", workloads_about(workloads), OPTION_NAMES, AT(workloads), 1, 0,
			workloads_names(workloads), .what = "workload"},
		{"channel", "LIST",
			"release: madvise: the process's own memory; memfd: memory shared with a host in "
			"another process (default: both)",
			OPTION_NAMES, AT(channels), 1, 0, channel_names, .what = "channel"},
		{"order", "LIST",
			"release: contiguous; clusters of 16 pages; random; blocks of 2 MiB, huge pages "
			"if the system has some (default: all)",
			OPTION_NAMES, AT(orders), 1, 0, page_order_names, .what = "order"},
		{"other-thread", "LIST",
			"release: off, on: another thread of the process runs on a processor of its own "
			"(default: both)",
			OPTION_NAMES, AT(other_threads), 1, 0, off_and_on, .what = "other-thread"},
		{"driver", "LIST", "these driver designs; all (default). Compaction: the last one",
			OPTION_NAMES, AT(drivers), 1, 0, driver_names(), .what = "driver design"},
		{"strategy", "LIST",
			"these strategies; all (default). Other than compaction: the last one",
			OPTION_NAMES, AT(strategies), 1, 0, strategy_names(), .what = "strategy"},
		{"pages", "N", "release: pages, a multiple of 512 (default 16K)", OPTION_NUMBER,
			AT(n_pages), 1024, .max = SYSTEM_PAGES_MAX},
		{"zone", "N",
			"target, compaction, cost, latency, blocks: pages of the zone; contention: a "
			"64th of so many (default 256K)",
			OPTION_NUMBER, AT(n_zone_pages), 4096, .max = SYSTEM_PAGES_MAX},
		{"request", "N", "pages of a request, 1 to 1024 (default 256)", OPTION_NUMBER,
			AT(request), 1, .max = SYSTEM_REQUEST_MAX},
		{"host-us", "N",
			"target, relief, latency: how long a host takes for a request, in us (default "
			"100)",
			OPTION_NUMBER, AT(host_us), 1, .max = SYSTEM_HOST_US_MAX},
		{"events", "N", "relief: how often memory runs out, a repeat (default 20)",
			OPTION_NUMBER, AT(n_events), 1, .max = SYSTEM_EVENTS_MAX},
		{"pairs", "N",
			"heap: allocations and frees, a repeat; of large blocks a 16th (default 32K)",
			OPTION_NUMBER, AT(n_pairs), 1, .max = SYSTEM_PAIRS_MAX},
		OPTION_REPEAT(system_plan, 15), OPTION_JSON(system_plan), OPTION_CSV(system_plan)};
	const struct options options = {.command = "balloon-bench system",
		.about =
			"Measure what the system around the pages costs. What is compared takes "
			"turns, repeat by repeat, and each repeat is checked. Every LIST is joined by "
			"commas. A number may end in K or M. Pages are of 4 KiB."
			"\n" ABOUT_INTERRUPTS,
		.after =
			"x one, x vec, x page: release times over those of one call over everything, "
			"of a vector of so many pages a call, of a call a page, in the same repeat. "
			"refault: pages are touched again after all were released; warm: right after "
			"their own request. What a page costs that the machine below had really taken "
			"cannot be measured from here.",
		.rows = rows,
		.n_rows = sizeof rows / sizeof rows[0]};
	init(&plan);
	int status = options_read(&options, argc, argv, &plan);
	if (status != COMMAND_LINE_GO_ON)
		return status;
	if (plan.n_pages % (HUGE_PAGE / SMALL_PAGE) != 0)
		return usage_error(
			"--pages: not a multiple of %d, of a huge page's", HUGE_PAGE / SMALL_PAGE);
	return session_run(&plan, workloads, &plan.workloads, NULL);
}
