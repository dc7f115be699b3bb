/* SPDX-License-Identifier: MIT */
/* The summary: sentences that the data make. */
#include <math.h>
#include <string.h>

#include "report/goals.h"
#include "report/page.h"

/* A sentence about the fastest strategy at a work, beside references. */
struct statement {
	const char *work;
	struct setup setup;
	const char *references[3];
};

static const struct statement statements[] = {
	{"One page at a time on one thread", {"churn", NULL, 1, 1, ANY, ANY, {ANY}},
		{"floor-lock", "floor-mutex", "ck-stack"}},
	{"Two threads on one balloon, one page at a time", {"churn", NULL, 2, 1, ANY, ANY, {ANY}},
		{"floor-lock", "floor-mutex", "ck-stack"}},
	{"Eight threads on one balloon, one page at a time", {"churn", NULL, 8, 1, ANY, ANY, {ANY}},
		{"floor-lock", "floor-mutex", "ck-stack"}},
	{"Filling and draining in batches of 256 on one thread",
		{"cycle", "sequential", 1, 256, ANY, ANY, {ANY}},
		{"floor-list", "floor-lock", "dpdk-ring"}},
	{"Two million pages in random order", {"cycle", "random", 1, ANY, 2097152, ANY, {ANY}},
		{"floor-list", "floor-bitmap", "dpdk-ring"}},
};

static void write_references(
	const struct page *page, const struct row *best, const struct statement *statement)
{
	const char *separator = ": ";
	for (size_t i = 0; i < 3; i++) {
		double times = row_times(page->model, best, statement->references[i]).median;
		if (isnan(times))
			continue;
		html_format(page->html, "%s%s \xc3\x97 %s", separator, number(times).text,
			statement->references[i]);
		separator = ", ";
	}
}

static void write_statement(const struct page *page, const struct statement *statement)
{
	const struct row *best = select_lowest(page->model, &statement->setup, row_ns);
	if (!best)
		return;
	fputs("<li>", page->html);
	html_format(page->html, "%s, ", statement->work);
	fputs("<strong>", page->html);
	html_text(page->html, best->subject);
	html_format(page->html, " takes %s ns a page", number(row_ns(best)).text);
	fputs("</strong>", page->html);
	write_references(page, best, statement);
	fputs(".</li>\n", page->html);
}

/* ---- Goals ----------------------------------------------------------------------------------- */

struct tally {
	unsigned long n_reached, n_measured, n_all;
};

static void count(struct tally *tally, double times)
{
	tally->n_all++;
	tally->n_measured += isnan(times) ? 0 : 1;
	tally->n_reached += times >= 1 ? 1 : 0;
}

static void count_system_targets(const struct model *model, struct tally *tally)
{
	const struct system_goal *goal;
	for (size_t i = 0; (goal = system_goal_at(i)) != NULL; i++) {
		const struct trial *best = system_goal_best(model, goal);
		for (size_t j = 0; j < TARGETS_MAX && goal->targets[j].what; j++)
			count(tally, system_target_attain(&goal->targets[j], best).times);
	}
}

static void count_heap_targets(const struct model *model, struct tally *tally)
{
	const struct heap_goal *goal;
	for (size_t i = 0; (goal = heap_goal_at(i)) != NULL; i++)
		count(tally, heap_goal_attain(goal, heap_goal_worst(model, goal)).times);
}

static struct tally count_targets(const struct model *model)
{
	struct tally tally = {0, 0, 0};
	const struct goal *goal;
	for (size_t i = 0; (goal = goal_at(i)) != NULL; i++) {
		const struct row *best = goal_best(model, goal);
		for (size_t j = 0; j < TARGETS_MAX && goal->targets[j].what; j++) {
			count(&tally, target_attain(model, &goal->targets[j], best).times);
		}
	}
	count_system_targets(model, &tally);
	count_heap_targets(model, &tally);
	return tally;
}

static void write_goals(const struct page *page)
{
	struct tally tally = count_targets(page->model);
	fprintf(page->html,
		"<li>Of the %lu figures in the <a href=\"#goals\">table of goals</a>, %lu are "
		"measured here, and the best strategies reach %lu of these.</li>\n",
		tally.n_all, tally.n_measured, tally.n_reached);
}

/* ---- What a reader has to know about the data ---------------------------------------------- */

static bool is_same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static bool is_same_machine(const struct machine *a, const struct machine *b)
{
	return is_same_text(a->cpu, b->cpu) && is_same_text(a->kernel, b->kernel) &&
	       is_same_text(a->compiler, b->compiler) && is_same_text(a->library, b->library) &&
	       a->cores == b->cores;
}

/* balloon-bench system pins its threads where that matters, and says nothing about it. */
static bool is_comparable(const struct input *a, const struct input *b)
{
	bool are_runs = a->n_rows > 0 && b->n_rows > 0;
	return is_same_machine(&a->machine, &b->machine) &&
	       (!are_runs || a->machine.is_pinned == b->machine.is_pinned);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash && slash[1] ? slash + 1 : path;
}

static void write_warning(const struct page *page, const struct input *input)
{
	if (!input->is_complete) {
		fputs("<p class=\"warning\">", page->html);
		html_format(page->html, "%s is of a run that was interrupted: it is partial.",
			base_name(input->path));
		fputs("</p>\n", page->html);
	}
	if (input->n_replaced > 0) {
		fputs("<p class=\"warning\">", page->html);
		html_format(page->html,
			"%s of %s took the place of earlier ones of the same setup.",
			plural(input->n_replaced, "row").text, base_name(input->path));
		fputs("</p>\n", page->html);
	}
}

/* Of the files with times: counts are the same everywhere. */
static bool is_one_machine(const struct model *model)
{
	const struct input *first = NULL;
	for (size_t i = 0; i < model->n_inputs; i++) {
		const struct input *input = &model->inputs[i];
		if (input->n_rows + input->n_trials == 0)
			continue;
		if (first && !is_comparable(first, input))
			return false;
		first = input;
	}
	return true;
}

static void write_warnings(const struct page *page)
{
	for (size_t i = 0; i < page->model->n_inputs; i++)
		write_warning(page, &page->model->inputs[i]);
	if (!is_one_machine(page->model))
		fputs("<p class=\"warning\">The files are of different machines, systems or "
		      "builds: compare times within a file only.</p>\n",
			page->html);
}

void part_summary(const struct page *page)
{
	fputs("<section id=\"summary\">\n<h2>Summary</h2>\n", page->html);
	fputs("<p>Times are wall time a page, out of the balloon and in again, over all threads "
	      "together. &ldquo;1.2&nbsp;&times; floor-lock&rdquo; is 1.2 times what the reference "
	      "floor-lock takes for the same work in the same run.</p>\n",
		page->html);
	write_warnings(page);
	fputs("<ul>\n", page->html);
	for (size_t i = 0; i < sizeof statements / sizeof statements[0]; i++)
		write_statement(page, &statements[i]);
	write_goals(page);
	fputs("</ul>\n</section>\n", page->html);
}

/* ---- Where the data are from -------------------------------------------------------------- */

static void write_input(const struct page *page, const struct input *input)
{
	const struct machine *machine = &input->machine;
	fputs("<tr>", page->html);
	html_text_cell(page->html, base_name(input->path));
	html_text_cell(page->html, machine->date);
	html_text_cell(page->html, machine->cpu);
	html_text_cell(page->html, machine->cores ? number_whole(machine->cores).text : NULL);
	html_text_cell(page->html, machine->kernel);
	html_text_cell(page->html, machine->compiler);
	html_text_cell(page->html, machine->library);
	html_text_cell(page->html, machine->is_pinned ? "yes" : "no");
	html_cell(page->html, input->seconds);
	fprintf(page->html, "<td class=\"n\">%s</td>",
		number_whole(input->n_rows + input->n_trials).text);
	fprintf(page->html, "<td class=\"n\">%s</td>", number_whole(input->n_counts).text);
	fputs("</tr>\n", page->html);
}

void part_foot(const struct page *page)
{
	fputs("<section id=\"machine\">\n<h2>Where the numbers are from</h2>\n", page->html);
	table_begin(page,
		"File|Date|CPU|Cores|Kernel|Compiler|libballoon|Threads pinned|#Seconds a "
		"repeat|#Results|#Counts");
	for (size_t i = 0; i < page->model->n_inputs; i++)
		write_input(page, &page->model->inputs[i]);
	table_end(page);
	fputs("</section>\n</main>\n</body>\n</html>\n", page->html);
}
