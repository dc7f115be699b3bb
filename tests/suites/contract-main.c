/* SPDX-License-Identifier: MIT */
/* balloon-contract: the contract suite, held against a strategy in a module of the user's. */

#define _GNU_SOURCE 1 /* getopt_long(), realpath() */

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

#include "module.h"

static const char help[] =
	"Usage: balloon-contract --module FILE [--symbol NAME] [OPTION...]\n"
	"\n"
	"Hold the strategy in a shared module against the contract: every claim that the "
	"library's\n"
	"own strategies are held against.\n"
	"\n"
	"  --module FILE      the shared module\n"
	"  --symbol NAME      its struct balloon_strategy; default: balloon_strategy\n"
	"  --list             list the claims\n"
	"  --filter PATTERN   only claims whose name fits, e.g. 'contract/*dequeue*'\n"
	"  --jobs N           claims at a time; default: one per processor\n"
	"  --timeout SECONDS  a claim that takes longer has failed\n"
	"  --fail-fast        stop at the first claim that fails\n"
	"  --verbose          say each claim as it is held\n"
	"  --tap=FILE, --xml=FILE, --json=FILE  write a report as well\n"
	"  --help, --version\n"
	"\n"
	"Exit status: 0 the strategy keeps the contract; 1 it does not, or it cannot be loaded;\n"
	"2 wrong usage.\n";

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

enum { MODULE = 256, SYMBOL, HELP, VERSION, LIST, CRITERION };

/* Those of Criterion's options that cannot make a broken strategy look well. */
static const struct option options[] = {{"module", required_argument, NULL, MODULE},
	{"symbol", required_argument, NULL, SYMBOL}, {"help", no_argument, NULL, HELP},
	{"version", no_argument, NULL, VERSION}, {"list", no_argument, NULL, LIST},
	{"filter", required_argument, NULL, CRITERION},
	{"jobs", required_argument, NULL, CRITERION},
	{"timeout", required_argument, NULL, CRITERION},
	{"fail-fast", no_argument, NULL, CRITERION},
	{"verbose", optional_argument, NULL, CRITERION}, {"quiet", no_argument, NULL, CRITERION},
	{"color", required_argument, NULL, CRITERION}, {"ascii", no_argument, NULL, CRITERION},
	{"short-filename", no_argument, NULL, CRITERION},
	{"tap", optional_argument, NULL, CRITERION}, {"xml", optional_argument, NULL, CRITERION},
	{"json", optional_argument, NULL, CRITERION}, {"debug", optional_argument, NULL, CRITERION},
	{"debug-transport", required_argument, NULL, CRITERION}, {0}};

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

static int take_criterion_option(struct request *request, const char *name)
{
	if ((strcmp(name, "jobs") == 0 || strcmp(name, "timeout") == 0) && !is_positive(optarg))
		return complain(EXIT_USAGE, "--%s '%s': not a number above 0", name, optarg);
	return pass_on(request, name, optarg);
}

/* Sets *is_done where nothing else is to be done. Returns the exit status so far. */
static int take_option(struct request *request, int option, int which, char **argv, bool *is_done)
{
	switch (option) {
	case MODULE:
		request->module = optarg;
		return 0;
	case SYMBOL:
		request->symbol = optarg;
		return 0;
	case HELP:
	case VERSION:
		*is_done = true;
		return (option == HELP ? fputs(help, stdout)
				       : puts("balloon-contract " CONTRACT_VERSION)) < 0;
	case LIST:
		request->is_list = true;
		return pass_on(request, "list", NULL);
	case CRITERION:
		return take_criterion_option(request, options[which].name);
	case ':':
		return complain(EXIT_USAGE, "option '%s' wants a value", argv[optind - 1]);
	default:
		return complain(EXIT_USAGE, "wrong option '%s': see --help", argv[optind - 1]);
	}
}

static int parse(struct request *request, int argc, char **argv, bool *is_done)
{
	int status = 0;
	int option;
	int which = 0;
	opterr = 0; /* messages are ours, and one line each */
	while (status == 0 && !*is_done &&
		(option = getopt_long(argc, argv, "+:", options, &which)) >= 0)
		status = take_option(request, option, which, argv, is_done);
	if (status != 0 || *is_done)
		return status;
	if (optind < argc)
		return complain(EXIT_USAGE, "unexpected argument '%s'", argv[optind]);
	if (!request->module && !request->is_list)
		return complain(EXIT_USAGE, "which module? See --help");
	return 0;
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
	bool is_done = false;
	int status = parse(request, argc, argv, &is_done);
	if (status != 0 || is_done)
		return status;
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
