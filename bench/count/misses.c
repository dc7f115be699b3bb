/* SPDX-License-Identifier: MIT */
/* Instructions and cache misses: this program under callgrind, and what callgrind wrote down. */
#include "count/count.h"

#ifdef HAVE_CALLGRIND

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <valgrind/callgrind.h>

/* ---- Under callgrind ------------------------------------------------------------------------ */

static void begin(void *context)
{
	(void)context;
	CALLGRIND_TOGGLE_COLLECT;
}

static void end(void *context)
{
	(void)context;
	CALLGRIND_TOGGLE_COLLECT;
	CALLGRIND_DUMP_STATS; /* a file for each subject, in their order */
}

bool count_is_under_valgrind(void)
{
	return RUNNING_ON_VALGRIND > 0;
}

int count_under_valgrind(
	const struct plan *plan, const struct shape *shape, struct problem *problem)
{
	struct bracket bracket = {begin, end, NULL};
	return count_rounds(plan, shape, &bracket, problem);
}

/* ---- What it wrote -------------------------------------------------------------------------- */

/* The events that are asked for, in callgrind's order. */
static const char events[] = "events: Ir Dr Dw I1mr D1mr D1mw ILmr DLmr DLmw";
enum { IR, DR, DW, I1MR, D1MR, D1MW, ILMR, DLMR, DLMW, N_EVENTS };

static int take_totals(const char *line, const struct shape *shape, struct count *count)
{
	uint64_t n[N_EVENTS] = {0};
	/* Zeros at the end are left away. */
	int n_read = sscanf(line,
		"totals: %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
		" %" SCNu64 " %" SCNu64 " %" SCNu64,
		&n[IR], &n[DR], &n[DW], &n[I1MR], &n[D1MR], &n[D1MW], &n[ILMR], &n[DLMR], &n[DLMW]);
	if (n_read < 1)
		return -1;
	count->instructions = (double)n[IR] / shape->n_pages;
	count->l1_misses = (double)(n[D1MR] + n[D1MW]) / shape->n_pages;
	count->ll_misses = (double)(n[DLMR] + n[DLMW]) / shape->n_pages;
	return 0;
}

/* Returns 0 or -1. */
static int read_dump(const char *path, const struct shape *shape, struct count *count)
{
	char line[512];
	bool are_events_known = false;
	int result = -1;
	FILE *file = fopen(path, "r");
	while (file && fgets(line, sizeof line, file)) {
		if (strncmp(line, events, sizeof events - 1) == 0)
			are_events_known = true;
		else if (are_events_known && strncmp(line, "totals:", 7) == 0)
			result = take_totals(line, shape, count);
	}
	if (file)
		fclose(file);
	return result;
}

static int read_dumps(const char *directory, const struct plan *plan, const struct shape *shape,
	struct count *counts, struct problem *problem)
{
	for (size_t i = 0; i < plan->n_subjects; i++) {
		char path[256];
		snprintf(path, sizeof path, "%s/out.%zu", directory, i + 1);
		if (read_dump(path, shape, &counts[i]) < 0)
			return problem_set(problem, "%s: callgrind wrote no totals of %s", path,
				plan->subjects[i].name);
	}
	return 0;
}

/* ---- Running it ----------------------------------------------------------------------------- */

/* Names of the plan's subjects of a kind, joined by commas. */
static void join_names(const struct plan *plan, bool are_strategies, char *text, size_t size)
{
	size_t length = 0;
	text[0] = '\0';
	for (size_t i = 0; i < plan->n_subjects && length < size; i++)
		if ((plan->subjects[i].kind == SUBJECT_STRATEGY) == are_strategies)
			length += (size_t)snprintf(text + length, size - length, "%s%s",
				length ? "," : "", plan->subjects[i].name);
}

/* In the child. Does not return. */
static void exec_callgrind(
	const char *directory, const struct plan *plan, const struct shape *shape)
{
	char out[256], log[256], pages[16], batch[16], strategies[2048], caches[2][32];
	char *argv[] = {"valgrind", "--tool=callgrind", "--quiet", "--cache-sim=yes",
		"--collect-atstart=no", caches[0], caches[1], out, "/proc/self/exe", "count",
		"--strategy", strategies, "--pages", pages, "--batch", batch, "--order",
		(char *)order_names[shape->order], NULL};
	char self[4096] = "";
	if (readlink("/proc/self/exe", self, sizeof self - 1) > 0)
		argv[8] = self;
	snprintf(out, sizeof out, "--callgrind-out-file=%s/out", directory);
	snprintf(caches[0], sizeof caches[0], "--D1=%d,8,64", COUNT_L1_BYTES);
	snprintf(caches[1], sizeof caches[1], "--LL=%d,16,64", COUNT_LL_BYTES);
	snprintf(pages, sizeof pages, "%" PRIu32, shape->n_pages);
	snprintf(batch, sizeof batch, "%" PRIu32, shape->batch);
	join_names(plan, true, strategies, sizeof strategies);
	snprintf(log, sizeof log, "%s/log", directory);
	int file = open(log, O_WRONLY | O_CREAT, 0600);
	if (file >= 0) {
		dup2(file, STDOUT_FILENO);
		dup2(file, STDERR_FILENO);
	}
	execvp(argv[0], argv);
	_exit(127);
}

/* The last line that the run wrote, "" if there is none. */
static void read_log(const char *directory, char *line, int size)
{
	char path[256];
	snprintf(path, sizeof path, "%s/log", directory);
	line[0] = '\0';
	FILE *file = fopen(path, "r");
	while (file && fgets(line, size, file))
		line[strcspn(line, "\n")] = '\0';
	if (file)
		fclose(file);
}

static int run_callgrind(const char *directory, const struct plan *plan, const struct shape *shape,
	struct problem *problem)
{
	char line[256];
	int status;
	pid_t child = fork();
	if (child == 0)
		exec_callgrind(directory, plan, shape);
	while (child > 0 && waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			child = -1;
	if (child < 0)
		return problem_set(problem, "starting valgrind: %s", strerror(errno));
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		return problem_set(problem, "valgrind cannot be run: is it installed?");
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	read_log(directory, line, sizeof line);
	return problem_set(problem, "the run under callgrind failed: %s", line);
}

static void remove_directory(const char *directory, size_t n_dumps)
{
	char path[256];
	for (size_t i = 0; i <= n_dumps; i++) {
		snprintf(path, sizeof path, i ? "%s/out.%zu" : "%s/out", directory, i);
		remove(path);
	}
	snprintf(path, sizeof path, "%s/log", directory);
	remove(path);
	rmdir(directory);
}

int count_misses(const struct plan *plan, const struct shape *shape, struct count *counts,
	struct problem *problem)
{
	const char *parent = getenv("TMPDIR");
	char directory[128];
	if (snprintf(directory, sizeof directory, "%s/balloon-count-XXXXXX",
		    parent && *parent ? parent : "/tmp") >= (int)sizeof directory ||
		!mkdtemp(directory))
		return problem_set(problem, "no temporary directory: %s", strerror(errno));
	int result = run_callgrind(directory, plan, shape, problem);
	if (result == 0)
		result = read_dumps(directory, plan, shape, counts, problem);
	remove_directory(directory, plan->n_subjects);
	return result;
}

#else

bool count_is_under_valgrind(void)
{
	return false;
}

int count_under_valgrind(
	const struct plan *plan, const struct shape *shape, struct problem *problem)
{
	return count_misses(plan, shape, NULL, problem);
}

int count_misses(const struct plan *plan, const struct shape *shape, struct count *counts,
	struct problem *problem)
{
	(void)plan;
	(void)shape;
	(void)counts;
	return problem_set(problem, "this build cannot count: Valgrind's headers were not found");
}

#endif
