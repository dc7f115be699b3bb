/* SPDX-License-Identifier: MIT */
/* balloon-bench list */
#include "common/command.h"

#include <balloon/driver.h>

#include "harness/output.h"
#include "harness/rows.h"
#include "replay/shelf.h"
#include "run/plan.h"

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

static json_t *strategies_json(void)
{
	json_t *list = json_array();
	const struct balloon_strategy *strategy;
	struct balloon_strategy_info info;
	for (size_t i = 0; (strategy = balloon_strategy_at(i)) != NULL; i++) {
		balloon_strategy_describe(strategy, &info);
		const char *order = info.order == BALLOON_ORDER_LIFO ? "LIFO" : "any";
		list = array_with(list, json_pack("{s:s, s:s, s:s, s:I, s:f}", "name", info.name,
						"era", info.era, "order", order, "descriptor_bytes",
						(json_int_t)info.descriptor_bytes, "bytes_per_page",
						bytes_per_page(strategy)));
	}
	return list;
}

static json_t *references_json(void)
{
	json_t *list = json_array();
	for (size_t i = 0; references[i]; i++)
		list = array_with(list, subject_json(references[i]));
	return list;
}

static json_t *drivers_json(void)
{
	json_t *list = json_array();
	const struct balloon_driver_design *design;
	for (size_t i = 0; (design = balloon_driver_design_at(i)) != NULL; i++) {
		struct balloon_driver_design_info info = {.name = "?", .era = "?"};
		balloon_driver_design_describe(design, &info);
		const char *relief = info.relief == BALLOON_RELIEF_BUSY ? "busy" : "progress";
		list = array_with(list, json_pack("{s:s, s:s, s:s}", "name", info.name, "era",
						info.era, "relief", relief));
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

/* NULL: out of memory. */
static json_t *document(const struct shelf *shelf)
{
	return json_pack("{s:o, s:o, s:o, s:o}", "strategies", strategies_json(), "references",
		references_json(), "drivers", drivers_json(), "recordings", recordings_json(shelf));
}

static void print(const json_t *document, const struct shelf *shelf)
{
	static const struct column strategies[] = {{"strategy", "name", NULL, 0},
		{"era", "era", NULL, 0}, {"order", "order", NULL, 0},
		{"bytes a page", "bytes_per_page", "%.3g", 0}, NO_COLUMN};
	static const struct column kinds[] = {{"reference", "name", NULL, 0},
		{"kind", "kind", NULL, 0}, {"what it is", "what", NULL, 0}, NO_COLUMN};
	static const struct column drivers[] = {{"driver design", "name", NULL, 0},
		{"promises", "relief", NULL, 0}, {"era", "era", NULL, 0}, NO_COLUMN};
	rows_print(json_object_get(document, "strategies"), 0, strategies);
	printf("\n");
	rows_print(json_object_get(document, "references"), 0, kinds);
	printf("\n");
	rows_print(json_object_get(document, "drivers"), 0, drivers);
	for (size_t i = 0; i < shelf->n_paths; i++)
		printf("%s%s\n", i ? "" : "\nrecording\n", shelf->paths[i]);
}

static int list(const struct shelf *shelf, const char *json_path)
{
	struct problem problem;
	struct output json;
	json_t *all = document(shelf);
	int result = all ? output_open(&json, json_path, &problem) : output_no_json(&problem);
	if (result < 0) {
		json_decref(all);
		return failure(&problem);
	}
	if (!output_is_stdout(&json))
		print(all, shelf);
	if (json.file)
		result = output_json(&json, json_incref(all), &problem);
	output_close(&json);
	json_decref(all);
	return result < 0 ? failure(&problem) : 0;
}

int command_list(int argc, char **argv)
{
	const struct option_row rows[] = {{"json", "FILE",
		"write them to FILE, too; -: to standard output, in the table's place", OPTION_TEXT,
		0, 0, .max = 0}};
	const struct options options = {.command = "balloon-bench list",
		.about =
			"List the built-in strategies, oldest design first, the references that "
			"balloon-bench run measures beside them: floors of the machine, and peers, as "
			"far as they were built; and the driver designs that balloon-bench system "
			"measures, with what each promises when memory runs out while a fill is under "
			"way: pages, or to say at once that it is busy; and the recordings that come "
			"with the program, for balloon-bench replay.\n",
		.rows = rows,
		.n_rows = 1};
	const char *json_path = NULL;
	struct shelf shelf;
	struct problem problem;
	int status = options_read(&options, argc, argv, &json_path);
	if (status != COMMAND_LINE_GO_ON)
		return status;
	if (shelf_open(&shelf) < 0) {
		problem_no_memory(&problem);
		status = failure(&problem);
	} else {
		status = list(&shelf, json_path);
	}
	shelf_close(&shelf);
	return status;
}
