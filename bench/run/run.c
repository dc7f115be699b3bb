/* SPDX-License-Identifier: MIT */
/* balloon-bench run */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/command.h"
#include "common/interrupt.h"
#include "common/machine.h"
#include "common/output.h"
#include "common/progress.h"
#include "run/results.h"

static const char help[] =
	"Usage: balloon-bench run [OPTION...]\n"
	"\n"
	"Run workloads through strategies and references, in turns, and time them. Counts\n"
	"are verified after every repeat, pages and memory maps in the end. Every LIST is\n"
	"joined by commas; all combinations are run. A number may end in K or M.\n"
	"\n"
	"  --workload LIST   cycle    insert n pages, dequeue n (default)\n"
	"                    churn    each thread dequeues a batch and inserts it again\n"
	"                    scan     half of the threads churn, the others isolate what they\n"
	"                             find and put it back\n"
	"                    migrate  the same, with a new page in place of each one found\n"
	"                    multi    churn, on several devices of one map\n"
	"                    mixed    all of these at random\n"
	"  --strategy LIST   these strategies; all (default): every built-in one\n"
	"  --reference LIST  these references; all (default) that were built; none\n"
	"  --pages LIST      pages of the balloon, 1 to 1024M (default 4096)\n"
	"  --batch LIST      pages a call, 1 to 1M (default 1,256)\n"
	"  --threads LIST    threads, 1 to 1024 (default 1)\n"
	"  --order LIST      sequential (default): the pages' order on the list is that in\n"
	"                    memory; random: as in a balloon that has lived for a while\n"
	"  --devices N       devices of the workload multi, 1 to 1024 (default 4)\n"
	"  --mix F,L,S,M     shares of filling, leaking, scanning, migrating in the workload\n"
	"                    mixed (default 40,40,15,5)\n"
	"  --seconds S       length of a repeat (default 0.05), after which each thread ends\n"
	"                    the round that it is in\n"
	"  --repeat N        repeats of each, 1 to 10000 (default 15)\n"
	"  --pin             keep each thread on one processor\n"
	"  --json FILE       write the results to FILE, too; -: to standard output, in the\n"
	"                    tables' place\n"
	"  --csv FILE        the same as CSV, medians alone\n"
	"  --help            print this text\n"
	"\n"
	"ns/page: wall time, over all threads together, for a page to go out and come in\n"
	"again (dequeued and inserted, or isolated and put back), the median of all\n"
	"repeats. x list, x lock: as a multiple of what floor-list and floor-lock needed\n"
	"in the same repeat. fairness: what the slowest thread did for the fastest's one.\n"
	"waits: locks found taken, a page. bytes: of state, a page.\n"
	"\n"
	"An interrupt (Ctrl-C) ends the run; the results so far are shown and written, and\n"
	"the exit status is 130.\n";

/* The command at work. */
struct work {
	struct plan plan;
	struct output json, csv;
	json_t *results; /* for the file; NULL: none is wanted */
	struct problem problem;
};

static int report(struct work *work, const struct series *series)
{
	if (!output_is_stdout(&work->json) && !output_is_stdout(&work->csv))
		series_print(series);
	if (work->csv.file)
		series_csv(work->csv.file, &work->plan, series);
	if (work->results && series_append(work->results, series) < 0)
		return output_no_json(&work->problem);
	return 0;
}

/* Returns 0, -1, or 1: interrupted. */
static int run_shapes(struct work *work)
{
	struct advance advance;
	int result = 0;
	advance_init(&advance, &work->plan);
	for (size_t i = 0; i < plan_n_shapes(&work->plan) && result == 0; i++) {
		struct shape shape = plan_shape(&work->plan, i);
		struct series series;
		result = series_run(&series, &work->plan, &shape, &advance, &work->problem);
		if (result >= 0 && report(work, &series) < 0)
			result = -1;
		series_fini(&series);
	}
	return result;
}

static int write_files(struct work *work, bool is_complete)
{
	if (output_commit(&work->csv, &work->problem) < 0)
		return -1;
	if (!work->results)
		return 0;
	return output_json(&work->json,
		json_pack("{s:o, s:b, s:f, s:o, s:O}", "machine",
			machine_json(work->plan.is_pinned), "complete", is_complete, "seconds",
			work->plan.seconds, "subjects", subjects_json(&work->plan), "results",
			work->results),
		&work->problem);
}

/* Returns 0, -1, or 1: interrupted, and what there was is written. */
static int run(struct work *work)
{
	if (output_open(&work->json, work->plan.json_path, &work->problem) < 0 ||
		output_open(&work->csv, work->plan.csv_path, &work->problem) < 0)
		return -1;
	if (work->json.file && !(work->results = json_array()))
		return problem_no_memory(&work->problem);
	if (work->csv.file)
		series_csv_header(work->csv.file, &work->plan);
	int result = run_shapes(work);
	if (result >= 0 && write_files(work, result == 0) < 0)
		result = -1;
	return result;
}

int command_run(int argc, char **argv)
{
	static struct work work;
	int status = plan_parse_run(&work.plan, argc, argv);
	if (status)
		return status;
	if (work.plan.is_help)
		return fputs(help, stdout) < 0;
	interrupt_watch();
	int result = run(&work);
	json_decref(work.results);
	output_close(&work.json);
	output_close(&work.csv);
	if (result < 0)
		return failure(&work.problem);
	return result > 0 ? interrupted_exit() : 0;
}
