/* SPDX-License-Identifier: MIT */
/* balloon-bench list */
#include "common/command.h"

#include <getopt.h>
#include <string.h>

#include <balloon/balloon.h>

#include "common/output.h"
#include "run/subject.h"

static const char help[] =
	"Usage: balloon-bench list [--json FILE]\n"
	"\n"
	"List the built-in strategies, oldest design first, and the references that balloon-bench\n"
	"run measures beside them: floors of the machine, and peers, as far as they were built.\n"
	"\n"
	"  --json FILE  write them to FILE, too; -: to standard output, in the table's place\n"
	"  --help       print this text\n";

struct widths {
	int name, era;
};

static int at_least(int width, const char *text)
{
	int length = (int)strlen(text);
	return length > width ? length : width;
}

static struct widths measure(void)
{
	struct widths widths = {.name = (int)strlen("strategy"), .era = (int)strlen("era")};
	const struct balloon_strategy *strategy;
	struct balloon_strategy_info info;
	for (size_t i = 0; (strategy = balloon_strategy_at(i)) != NULL; i++) {
		balloon_strategy_describe(strategy, &info);
		widths.name = at_least(widths.name, info.name);
		widths.era = at_least(widths.era, info.era);
	}
	return widths;
}

static void print_table(void)
{
	struct widths widths = measure();
	const struct balloon_strategy *strategy;
	struct balloon_strategy_info info;
	printf("%-*s  %-*s  descriptor bytes\n", widths.name, "strategy", widths.era, "era");
	for (size_t i = 0; (strategy = balloon_strategy_at(i)) != NULL; i++) {
		balloon_strategy_describe(strategy, &info);
		printf("%-*s  %-*s  %16zu\n", widths.name, info.name, widths.era, info.era,
			info.descriptor_bytes);
	}
}

static void print_references(void)
{
	printf("\n%-14s  %-5s  what it is\n", "reference", "kind");
	for (size_t i = 0; references[i]; i++)
		printf("%-14s  %-5s  %s\n", references[i]->name,
			subject_kind_name(references[i]->kind), references[i]->what);
}

/* Takes over the array; NULL if it cannot be. */
static json_t *appended(json_t *list, json_t *entry)
{
	if (list && json_array_append_new(list, entry) == 0)
		return list;
	json_decref(list);
	return NULL;
}

static json_t *strategies_json(void)
{
	json_t *list = json_array();
	const struct balloon_strategy *strategy;
	struct balloon_strategy_info info;
	for (size_t i = 0; (strategy = balloon_strategy_at(i)) != NULL; i++) {
		balloon_strategy_describe(strategy, &info);
		list = appended(
			list, json_pack("{s:s, s:s, s:I}", "name", info.name, "era", info.era,
				      "descriptor_bytes", (json_int_t)info.descriptor_bytes));
	}
	return list;
}

static json_t *references_json(void)
{
	json_t *list = json_array();
	for (size_t i = 0; references[i]; i++)
		list = appended(
			list, json_pack("{s:s, s:s, s:s, s:s?}", "name", references[i]->name,
				      "kind", subject_kind_name(references[i]->kind), "what",
				      references[i]->what, "lacks", references[i]->lacks));
	return list;
}

/* NULL: out of memory. */
static json_t *document(void)
{
	return json_pack(
		"{s:o, s:o}", "strategies", strategies_json(), "references", references_json());
}

static int list(const char *json_path)
{
	struct problem problem;
	struct output json;
	if (output_open(&json, json_path, &problem) < 0)
		return failure(&problem);
	if (!output_is_stdout(&json)) {
		print_table();
		print_references();
	}
	if (json_path && output_json(&json, document(), &problem) < 0) {
		output_close(&json);
		return failure(&problem);
	}
	return 0;
}

int command_list(int argc, char **argv)
{
	enum { JSON = 256, HELP };
	static const struct option options[] = {
		{"json", required_argument, NULL, JSON}, {"help", no_argument, NULL, HELP}, {0}};
	const char *json_path = NULL;
	int option;
	while ((option = getopt_long(argc, argv, ":", options, NULL)) >= 0) {
		if (option == HELP)
			return fputs(help, stdout) < 0;
		if (option != JSON)
			return usage_bad_option(option, argv);
		json_path = optarg;
	}
	if (optind < argc)
		return usage_error("list: unexpected argument '%s'", argv[optind]);
	return list(json_path);
}
