/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/model.h"
#include "report/node.h"
#include "report/read.h"

static const char *const kind_names[N_KINDS] = {"strategy", "floor", "peer"};

static enum kind guess_kind(const struct model *model, const char *name)
{
	const struct subject *known = model_subject(model, name);
	if (known)
		return known->kind;
	return strncmp(name, "floor-", strlen("floor-")) == 0 ? KIND_FLOOR : KIND_STRATEGY;
}

static enum kind read_kind(const struct model *model, const struct node *object, const char *name)
{
	struct node node = node_member(object, "kind");
	const char *text = member_text(object, "kind");
	if (!text)
		return guess_kind(model, name);
	for (enum kind kind = KIND_STRATEGY; kind < N_KINDS; kind++) {
		if (strcmp(text, kind_names[kind]) == 0)
			return kind;
	}
	node_refuse(&node, "neither strategy, floor nor peer");
	return KIND_STRATEGY;
}

/* Of what there is always one: 0 is wrong. */
static unsigned long read_at_least_one(const struct node *object, const char *key)
{
	struct node node = node_member(object, key);
	unsigned long n = member_count(object, key, 1);
	if (n == 0)
		node_refuse(&node, "0");
	return n;
}

static struct setup read_setup(const struct node *object)
{
	const char *order = member_text(object, "order");
	struct node mix = node_member(object, "mix");
	return (struct setup){.workload = member_name(object, "workload"),
		.order = order ? order : "sequential",
		.threads = read_at_least_one(object, "threads"),
		.batch = read_at_least_one(object, "batch"),
		.pages = member_count(object, "pages", 0),
		.devices = read_at_least_one(object, "devices"),
		.mix = {member_count(&mix, "fill", 0), member_count(&mix, "leak", 0),
			member_count(&mix, "scan", 0), member_count(&mix, "migrate", 0)}};
}

static struct row read_row(const struct model *model, const struct node *object, size_t input)
{
	struct node isolation = node_member(object, "isolation");
	struct node latencies = node_member(object, "latency_ns");
	struct row row = {.subject = member_name(object, "strategy"),
		.setup = read_setup(object),
		.n_repeats = member_count(object, "repeats", 0),
		.ns = read_spread(object, "ns_per_page"),
		.fairness = read_spread(object, "fairness"),
		.cpu = read_spread(object, "cpu_s_per_million_pages"),
		.contended = read_spread(object, "contended_per_page"),
		.bytes_per_page = member_number(object, "bytes_per_page"),
		.attempts = member_number(&isolation, "attempts"),
		.isolated = member_number(&isolation, "isolated"),
		.success = read_spread(&isolation, "success_rate"),
		.dequeue = read_latency(&latencies, "dequeue"),
		.isolate = read_latency(&latencies, "isolate"),
		.input = input};
	row.kind = read_kind(model, object, row.subject);
	return row;
}

/* Returns 0 or -1: no memory; what is wrong in the file is in the source. */
static int load_row(struct model *model, const struct node *object, size_t input)
{
	struct problem *problem = object->source->problem;
	struct row row = read_row(model, object, input);
	struct subject subject = {.name = row.subject, .kind = row.kind};
	if (model_add_subject(model, &subject, problem) < 0 ||
		read_ratios(object, &row.ratios, &row.n_ratios, problem) < 0)
		return -1;
	row.kind = model_subject(model, row.subject)->kind; /* one name, one kind */
	if (model_add_row(model, &row, problem) == 0)
		return 0;
	free(row.ratios);
	return -1;
}

static int load_count(struct model *model, const struct node *object, size_t input)
{
	struct count count = {.subject = member_name(object, "strategy"),
		.setup = read_setup(object),
		.atomics = member_number(object, "atomics_per_page"),
		.instructions = member_number(object, "instructions_per_page"),
		.l1_misses = member_number(object, "l1_misses_per_page"),
		.ll_misses = member_number(object, "ll_misses_per_page")};
	(void)input;
	return model_add_count(model, &count, object->source->problem);
}

static int load_subject(struct model *model, const struct node *object, size_t input)
{
	const char *name = member_name(object, "name");
	struct subject subject = {.name = name,
		.kind = read_kind(model, object, name),
		.what = member_text(object, "what"),
		.lacks = member_text(object, "lacks")};
	(void)input;
	return model_add_subject(model, &subject, object->source->problem);
}

/* Each element of an array, up to the first problem. Returns 0 or -1. */
static int load_all(struct model *model, const struct node *array, size_t input,
	int (*load)(struct model *, const struct node *, size_t))
{
	size_t n = node_size(array);
	for (size_t i = 0; i < n && !array->source->is_bad; i++) {
		struct node element = node_element(array, i);
		if (!node_is_known(&element))
			node_refuse(&element, "not an object");
		else if (load(model, &element, input) < 0)
			return -1;
	}
	return array->source->is_bad ? -1 : 0;
}

static struct machine read_machine(const struct node *root)
{
	struct node node = node_member(root, "machine");
	return (struct machine){.cpu = member_text(&node, "cpu"),
		.kernel = member_text(&node, "kernel"),
		.compiler = member_text(&node, "compiler"),
		.library = member_text(&node, "library"),
		.date = member_text(&node, "date"),
		.cores = member_count(&node, "cores", 0),
		.is_pinned = member_flag(&node, "pinned", false)};
}

static int load_document(struct model *model, struct input *input, const struct node *root)
{
	size_t index = (size_t)(input - model->inputs);
	struct node subjects = node_member(root, "subjects");
	struct node results = node_member(root, "results");
	struct node counts = node_member(root, "counts");
	struct node trials = node_member(root, "system");
	if (!node_is_known(&results) && !node_is_known(&counts) && !node_is_known(&trials))
		node_refuse(root, "neither results of balloon-bench run or system nor counts of "
				  "balloon-bench count");
	input->machine = read_machine(root);
	input->is_complete = member_flag(root, "complete", true);
	input->seconds = member_number(root, "seconds");
	input->n_rows = node_size(&results);
	input->n_counts = node_size(&counts);
	input->n_trials = node_size(&trials);
	if (load_all(model, &subjects, index, load_subject) < 0 ||
		load_all(model, &results, index, load_row) < 0 ||
		load_all(model, &trials, index, load_trial) < 0)
		return -1;
	return load_all(model, &counts, index, load_count);
}

int input_load(struct model *model, struct input *input, struct problem *problem)
{
	struct source source = {.path = input->path, .problem = problem};
	json_error_t error;
	input->document = json_load_file(input->path, JSON_REJECT_DUPLICATES, &error);
	text_make_one_line(error.text);
	if (!input->document && error.line < 1)
		return problem_set(problem, "%s", error.text);
	if (!input->document)
		return problem_at(problem, input->path, (size_t)error.line, "%s", error.text);
	struct node root = node_root(&source, input->document);
	return load_document(model, input, &root);
}
