/* SPDX-License-Identifier: MIT */
/* balloon-contract: the contract suite, held against a strategy in a module of the user's. */

#define _GNU_SOURCE 1 /* asprintf(), realpath() */

#include <criterion/criterion.h>
#include <criterion/hooks.h>

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "common/command-line.h"
#include "module.h"

enum { EXIT_FAILED = 1, EXIT_USAGE = 2, ARGUMENTS_MAX = 32 };

struct request {
	const char *module;
	const char *symbol;
	bool is_list;
	int n_arguments; /* for Criterion, in its own form; the text of each is allocated */
	char *arguments[ARGUMENTS_MAX];
};

__attribute__((format(printf, 2, 3))) static int complain(int status, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	fputs("balloon-contract: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	return status;
}

/* ---- What the runner sees of the claims ------------------------------------------------------ */

/* Criterion believes a claim that leaves by exit(0). No claim ends without an assertion that held. */
static size_t n_left;

ReportHook(POST_TEST)(struct criterion_test_stats *stats)
{
	if (stats->passed_asserts > 0 || stats->failed_asserts > 0)
		return;
	n_left++;
	complain(0, "'%s' left the process before its end", stats->test->name);
}

static size_t n_passed;
static size_t n_failed;

ReportHook(POST_ALL)(struct criterion_global_stats *stats)
{
	n_passed = stats->tests_passed;
	n_failed = stats->tests_failed + stats->errors + stats->warnings;
}

/* By the counts: Criterion's own verdict is well where no claim was held. */
static int verdict(void)
{
	if (n_passed + n_failed == 0)
		return complain(EXIT_USAGE, "no claim fits the filter: see --list");
	return n_failed + n_left == 0 ? 0 : EXIT_FAILED;
}

static int run_criterion(struct request *request)
{
	struct criterion_test_set *tests = criterion_initialize();
	int status = 0;
	optind = 0; /* Criterion reads its arguments by getopt_long(), too: let it start anew */
	if (criterion_handle_args(request->n_arguments, request->arguments, false)) {
		criterion_run_all_tests(tests);
		status = verdict();
	}
	criterion_finalize(tests);
	return status;
}

/* ---- The command line ------------------------------------------------------------------------ */

enum { MODULE = COMMAND_LINE_KEY, SYMBOL, LIST, CRITERION };

/* From CRITERION on those of Criterion's options that cannot make a broken strategy look well. */
static const struct argp_option options[] = {{"module", MODULE, "FILE", 0, "the shared module", 0},
	{"symbol", SYMBOL, "NAME", 0, "its struct balloon_strategy; default: balloon_strategy", 0},
	{"list", LIST, NULL, 0, "list the claims", 0},
	{"filter", CRITERION, "PATTERN", 0,
		"only claims whose name fits, e.g. 'contract/*dequeue*'", 0},
	{"jobs", CRITERION + 1, "N", 0, "claims at a time; default: one per processor", 0},
	{"timeout", CRITERION + 2, "SECONDS", 0, "a claim that takes longer has failed", 0},
	{"fail-fast", CRITERION + 3, NULL, 0, "stop at the first claim that fails", 0},
	{"verbose", CRITERION + 4, "LEVEL", OPTION_ARG_OPTIONAL, "say each claim as it is held", 0},
	{"tap", CRITERION + 5, "FILE", OPTION_ARG_OPTIONAL, "write a report as well", 0},
	{"xml", CRITERION + 6, "FILE", OPTION_ARG_OPTIONAL, "the same as XML", 0},
	{"json", CRITERION + 7, "FILE", OPTION_ARG_OPTIONAL, "the same as JSON", 0},
	{"quiet", CRITERION + 8, NULL, 0, "say nothing", 0},
	{"color", CRITERION + 9, "WHEN", 0, "auto, always or never", 0},
	{"ascii", CRITERION + 10, NULL, 0, "no other characters, and no colours", 0},
	{"short-filename", CRITERION + 11, NULL, 0, "name files without their folders", 0},
	{"debug", CRITERION + 12, "HOW", OPTION_ARG_OPTIONAL, "run the claims under a debugger", 0},
	{"debug-transport", CRITERION + 13, "HOW", 0, "how the debugger is reached", 0}, {0}};

static const char *name_of(int key)
{
	const struct argp_option *row = options;
	while (row->key != key)
		row++;
	return row->name;
}

/* Pass "--name" or "--name=value" on. */
static int pass_on(struct request *request, const char *name, const char *value)
{
	char *text = NULL;
	if (request->n_arguments == ARGUMENTS_MAX - 1)
		return complain(EXIT_USAGE, "too many options");
	if (asprintf(&text, "--%s%s%s", name, value ? "=" : "", value ? value : "") < 0)
		return complain(EXIT_FAILED, "out of memory");
	request->arguments[request->n_arguments++] = text;
	return 0;
}

static bool is_positive(const char *text)
{
	char *end;
	errno = 0;
	return *text >= '0' && *text <= '9' && strtol(text, &end, 10) > 0 && !*end && errno == 0;
}

static int take_criterion_option(struct request *request, const char *name, const char *value)
{
	if ((strcmp(name, "jobs") == 0 || strcmp(name, "timeout") == 0) && !is_positive(value))
		return complain(EXIT_USAGE, "--%s '%s': not a number above 0", name, value);
	return pass_on(request, name, value);
}

static int take(void *context, int key, char *value)
{
	struct request *request = context;
	switch (key) {
	case MODULE:
		request->module = value;
		return 0;
	case SYMBOL:
		request->symbol = value;
		return 0;
	case LIST:
		request->is_list = true;
		return pass_on(request, "list", NULL);
	case ARGP_KEY_ARG:
		return complain(EXIT_USAGE, "unexpected argument '%s'", value);
	default:
		return take_criterion_option(request, name_of(key), value);
	}
}

static const struct command_line line = {
	.name = "balloon-contract",
	.arguments = "--module FILE",
	.about = "Hold the strategy in a shared module against the contract: every claim that the "
		 "library's own strategies are held against.\n",
	.after = "Exit status: 0 the strategy keeps the contract; 1 it does not, or it cannot be "
		 "loaded; 2 wrong usage.",
	.version = CONTRACT_VERSION,
	.options = options,
	.take = take,
};

static int parse(struct request *request, int argc, char **argv)
{
	int status = command_line_read(&line, argc, argv, request);
	if (status == COMMAND_LINE_GO_ON && !request->module && !request->is_list)
		return complain(EXIT_USAGE, "which module? See --help");
	return status;
}

/* ---- The program ----------------------------------------------------------------------------- */

/* The path is made absolute: without a slash, dlopen() would look elsewhere. */
static int choose(const struct request *request)
{
	struct module_problem problem;
	char *path = realpath(request->module, NULL);
	if (!path)
		return complain(EXIT_FAILED, "%s: %s", request->module, strerror(errno));
	int status = 0;
	if (!module_load(path, request->symbol, &problem))
		status = complain(EXIT_FAILED, "%s", problem.text);
	else if (module_choose(path, request->symbol) < 0)
		status = complain(EXIT_FAILED, "out of memory");
	free(path);
	return status;
}

static int run(struct request *request, int argc, char **argv)
{
	int status = parse(request, argc, argv);
	if (status != COMMAND_LINE_GO_ON)
		return status;
	status = 0;
	if (!request->is_list)
		status = choose(request);
	return status == 0 ? run_criterion(request) : status;
}

int main(int argc, char **argv)
{
	struct request request = {
		.symbol = "balloon_strategy", .n_arguments = 1, .arguments = {argv[0]}};
	/* The tests' processes end with this one; this one outlives who started it, as any. */
	prctl(PR_SET_PDEATHSIG, 0);
	int status = run(&request, argc, argv);
	for (int i = 1; i < request.n_arguments; i++)
		free(request.arguments[i]);
	if (fclose(stdout) != 0 && status == 0)
		status = complain(EXIT_FAILED, "standard output: %s", strerror(errno));
	return status;
}
