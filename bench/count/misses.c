/* SPDX-License-Identifier: MIT */
/* Instructions and cache misses: this program under callgrind, and what callgrind wrote down. */
#include "count/count.h"

#ifdef HAVE_CALLGRIND

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <valgrind/callgrind.h>

/* ---- Under callgrind ------------------------------------------------------------------------- */

static void begin(struct trial *trial)
{
	(void)trial;
	CALLGRIND_TOGGLE_COLLECT;
}

static void end(struct trial *trial)
{
	(void)trial;
	CALLGRIND_TOGGLE_COLLECT;
	CALLGRIND_DUMP_STATS; /* a file for each subject, in their order */
}

static int repeat_under_callgrind(struct trial *trial)
{
	return bench_round(trial, begin, end);
}

static const struct trial_ops under_callgrind = {sizeof(struct instance), bench_open, count_warm_up,
	repeat_under_callgrind, NULL, bench_close};

/* ---- What it wrote --------------------------------------------------------------------------- */

/* What callgrind wrote about a round's trials. */
struct dumps {
	char directory[128]; /* "": it has not run yet */
};

/* The events that are asked for, in callgrind's order. */
static const char events[] = "events: Ir Dr Dw I1mr D1mr D1mw ILmr DLmr DLmw";
enum { IR, DR, DW, I1MR, D1MR, D1MW, ILMR, DLMR, DLMW, N_EVENTS };

static int note_totals(struct trial *trial, const char *line)
{
	const double n_pages = (double)label_of(trial, "pages")->number;
	uint64_t n[N_EVENTS] = {0};
	/* Zeros at the end are left away. */
	int n_read = sscanf(line,
		"totals: %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
		" %" SCNu64 " %" SCNu64 " %" SCNu64,
		&n[IR], &n[DR], &n[DW], &n[I1MR], &n[D1MR], &n[D1MW], &n[ILMR], &n[DLMR], &n[DLMW]);
	trial_note(trial, "instructions_per_page", (double)n[IR] / n_pages);
	trial_note(trial, "l1_misses_per_page", (double)(n[D1MR] + n[D1MW]) / n_pages);
	trial_note(trial, "ll_misses_per_page", (double)(n[DLMR] + n[DLMW]) / n_pages);
	return n_read < 1 ? -1 : 0;
}

static int read_dump(struct trial *trial)
{
	const struct dumps *dumps = trial->round->shared;
	char path[256], line[512];
	bool are_events_known = false;
	int result = -1;
	snprintf(path, sizeof path, "%s/out.%td", dumps->directory,
		trial - trial->round->trials + 1);
	FILE *file = fopen(path, "r");
	while (file && fgets(line, sizeof line, file)) {
		if (strncmp(line, events, sizeof events - 1) == 0)
			are_events_known = true;
		else if (are_events_known && strncmp(line, "totals:", 7) == 0)
			result = note_totals(trial, line);
	}
	if (file)
		fclose(file);
	return result < 0 ? trial_fail(trial, "%s: callgrind wrote no totals", path) : 0;
}

/* ---- Running it ------------------------------------------------------------------------------ */

/* The strategies of a round, joined by commas: the floors are there by themselves. */
static void join_strategies(const struct round *round, char *text, size_t size)
{
	size_t length = 0;
	text[0] = '\0';
	for (size_t i = 0; i < round->n_trials && length < size; i++)
		if (strcmp(round->trials[i].kind, "strategy") == 0)
			length += (size_t)snprintf(text + length, size - length, "%s%s",
				length ? "," : "", round->trials[i].subject);
}

/* In the child. Does not return. */
static void exec_callgrind(const struct round *round, const char *directory)
{
	const struct trial *trial = &round->trials[0];
	char self[4096] = "", out[256], log[256], pages[24], batch[24], strategies[2048];
	char caches[2][32];
	char *argv[] = {"valgrind", "--tool=callgrind", "--quiet", "--cache-sim=yes",
		"--collect-atstart=no", caches[0], caches[1], out, self, "count", "--strategy",
		strategies, "--pages", pages, "--batch", batch, "--order",
		(char *)label_of(trial, "order")->text, NULL};
	if (readlink("/proc/self/exe", self, sizeof self - 1) < 0)
		_exit(127);
	snprintf(out, sizeof out, "--callgrind-out-file=%s/out", directory);
	snprintf(caches[0], sizeof caches[0], "--D1=%d,8,64", COUNT_L1_BYTES);
	snprintf(caches[1], sizeof caches[1], "--LL=%d,16,64", COUNT_LL_BYTES);
	snprintf(pages, sizeof pages, "%" PRIu64, label_of(trial, "pages")->number);
	snprintf(batch, sizeof batch, "%" PRIu64, label_of(trial, "batch")->number);
	join_strategies(round, strategies, sizeof strategies);
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

static int run_callgrind(const struct round *round, const char *directory)
{
	char line[256];
	int status;
	pid_t child = fork();
	if (child == 0)
		exec_callgrind(round, directory);
	while (child > 0 && waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			child = -1;
	if (child < 0)
		return problem_set(round->problem, "starting valgrind: %s", strerror(errno));
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		return problem_set(round->problem, "valgrind cannot be run: is it installed?");
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	read_log(directory, line, sizeof line);
	return problem_set(round->problem, "the run under callgrind failed: %s", line);
}

static void end_dumps(struct round *round)
{
	static const char *const files[] = {"out", "log"};
	struct dumps *dumps = round->shared;
	char path[256];
	for (size_t i = 0; i < 2; i++) {
		snprintf(path, sizeof path, "%s/%s", dumps->directory, files[i]);
		remove(path);
	}
	for (size_t i = 1; i <= round->n_trials; i++) {
		snprintf(path, sizeof path, "%s/out.%zu", dumps->directory, i);
		remove(path);
	}
	rmdir(dumps->directory);
}

/* One run of callgrind counts for all trials of the round. */
static int open_counted(struct trial *trial)
{
	struct dumps *dumps = trial->round->shared;
	const char *parent = getenv("TMPDIR");
	if (dumps->directory[0])
		return 0;
	snprintf(dumps->directory, sizeof dumps->directory, "%s/balloon-count-XXXXXX",
		parent && *parent ? parent : "/tmp");
	if (!mkdtemp(dumps->directory)) {
		dumps->directory[0] = '\0';
		return problem_set(
			trial->round->problem, "no temporary directory: %s", strerror(errno));
	}
	return run_callgrind(trial->round, dumps->directory);
}

static const struct trial_ops by_callgrind = {0, open_counted, NULL, read_dump, NULL, NULL};

const struct trial_ops *count_misses_ops(struct round *round)
{
	if (RUNNING_ON_VALGRIND)
		return &under_callgrind;
	if (!round_share(round, sizeof(struct dumps)))
		return NULL;
	round->end = end_dumps;
	return &by_callgrind;
}

#else

const struct trial_ops *count_misses_ops(struct round *round)
{
	problem_set(round->problem, "this build cannot count: Valgrind's headers were not found");
	return NULL;
}

#endif
