/* SPDX-License-Identifier: MIT */
/* balloon-bench list */
#include "common/command.h"

#include <string.h>

#include <balloon/driver.h>

#include "common/figures.h"
#include "common/output.h"
#include "replay/shelf.h"
#include "run/subject.h"

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

/* What a page more costs a map, whatever it is that the strategy keeps. */
static double bytes_per_page(const struct balloon_strategy *strategy)
{
	enum { FEW = 1 << 20, MANY = 2 * FEW };
	size_t few_bytes = 0, many_bytes = 0;
	struct balloon_memmap_config config = {.strategy = strategy, .n_pages = FEW};
	balloon_memmap_size(&config, &few_bytes);
	config.n_pages = MANY;
	balloon_memmap_size(&config, &many_bytes);
	return (double)(many_bytes - few_bytes) / (MANY - FEW);
}

static const char *order_name(enum balloon_order order)
{
	return order == BALLOON_ORDER_LIFO ? "LIFO" : "any";
}

static void print_table(void)
{
	struct widths widths = measure();
	const struct balloon_strategy *strategy;
	struct balloon_strategy_info info;
	printf("%-*s  %-*s  order  bytes a page\n", widths.name, "strategy", widths.era, "era");
	for (size_t i = 0; (strategy = balloon_strategy_at(i)) != NULL; i++) {
		balloon_strategy_describe(strategy, &info);
		printf("%-*s  %-*s  %-5s  %12.3g\n", widths.name, info.name, widths.era, info.era,
			order_name(info.order), bytes_per_page(strategy));
	}
}

static void print_references(void)
{
	printf("\n%-14s  %-5s  what it is\n", "reference", "kind");
	for (size_t i = 0; references[i]; i++)
		printf("%-14s  %-5s  %s\n", references[i]->name,
			subject_kind_name(references[i]->kind), references[i]->what);
}

static struct balloon_driver_design_info design_info(const struct balloon_driver_design *design)
{
	struct balloon_driver_design_info info = {.name = "?", .era = "?"};
	balloon_driver_design_describe(design, &info);
	return info;
}

static const char *relief_name(enum balloon_relief relief)
{
	return relief == BALLOON_RELIEF_BUSY ? "busy" : "progress";
}

static void print_drivers(void)
{
	const struct balloon_driver_design *design;
	printf("\n%-14s  %-8s  era\n", "driver design", "promises");
	for (size_t i = 0; (design = balloon_driver_design_at(i)) != NULL; i++) {
		struct balloon_driver_design_info info = design_info(design);
		printf("%-14s  %-8s  %s\n", info.name, relief_name(info.relief), info.era);
	}
}

static json_t *strategies_json(void)
{
	json_t *list = json_array();
	const struct balloon_strategy *strategy;
	struct balloon_strategy_info info;
	for (size_t i = 0; (strategy = balloon_strategy_at(i)) != NULL; i++) {
		balloon_strategy_describe(strategy, &info);
		list = array_with(
			list, json_pack("{s:s, s:s, s:s, s:I, s:f}", "name", info.name, "era",
				      info.era, "order", order_name(info.order), "descriptor_bytes",
				      (json_int_t)info.descriptor_bytes, "bytes_per_page",
				      bytes_per_page(strategy)));
	}
	return list;
}

static json_t *recordings_json(const struct shelf *shelf)
{
	json_t *list = json_array();
	for (size_t i = 0; i < shelf->n_paths; i++)
		list = array_with(list, json_string(shelf->paths[i]));
	return list;
}

static json_t *references_json(void)
{
	json_t *list = json_array();
	for (size_t i = 0; references[i]; i++)
		list = array_with(
			list, json_pack("{s:s, s:s, s:s, s:s?}", "name", references[i]->name,
				      "kind", subject_kind_name(references[i]->kind), "what",
				      references[i]->what, "lacks", references[i]->lacks));
	return list;
}

static json_t *drivers_json(void)
{
	json_t *list = json_array();
	const struct balloon_driver_design *design;
	for (size_t i = 0; (design = balloon_driver_design_at(i)) != NULL; i++) {
		struct balloon_driver_design_info info = design_info(design);
		list = array_with(list, json_pack("{s:s, s:s, s:s}", "name", info.name, "era",
						info.era, "relief", relief_name(info.relief)));
	}
	return list;
}

static void print_recordings(const struct shelf *shelf)
{
	for (size_t i = 0; i < shelf->n_paths; i++)
		printf("%s%s\n", i ? "" : "\nrecording\n", shelf->paths[i]);
}

/* NULL: out of memory. */
static json_t *document(const struct shelf *shelf)
{
	return json_pack("{s:o, s:o, s:o, s:o}", "strategies", strategies_json(), "references",
		references_json(), "drivers", drivers_json(), "recordings", recordings_json(shelf));
}

static int list(const struct shelf *shelf, const char *json_path)
{
	struct problem problem;
	struct output json;
	if (output_open(&json, json_path, &problem) < 0)
		return failure(&problem);
	if (!output_is_stdout(&json)) {
		print_table();
		print_references();
		print_drivers();
		print_recordings(shelf);
	}
	if (json_path && output_json(&json, document(shelf), &problem) < 0) {
		output_close(&json);
		return failure(&problem);
	}
	return 0;
}

enum { JSON = COMMAND_LINE_KEY };

static int take(void *context, int key, char *value)
{
	const char **json_path = context;
	if (key != JSON)
		return usage_unexpected("list", value);
	*json_path = value;
	return 0;
}

static const struct argp_option options[] = {
	{"json", JSON, "FILE", 0,
		"write them to FILE, too; -: to standard output, in the table's place", 0},
	{0}};

static const struct command_line line = {
	.name = "balloon-bench list",
	.about = "List the built-in strategies, oldest design first, the references that "
		 "balloon-bench run measures beside them: floors of the machine, and peers, as far "
		 "as they were built; and the driver designs that balloon-bench system measures, "
		 "with what each promises when memory runs out while a fill is under way: pages, "
		 "or to say at once that it is busy; and the recordings that come with the "
		 "program, for balloon-bench replay.\n",
	.options = options,
	.take = take,
};

int command_list(int argc, char **argv)
{
	const char *json_path = NULL;
	struct shelf shelf;
	struct problem problem;
	int status = command_line_read(&line, argc, argv, &json_path);
	if (status != COMMAND_LINE_GO_ON)
		return status;
	status = 0;
	if (shelf_open(&shelf) < 0) {
		problem_no_memory(&problem);
		status = failure(&problem);
	} else {
		status = list(&shelf, json_path);
	}
	shelf_close(&shelf);
	return status;
}
