/* SPDX-License-Identifier: MIT */
#include "report/page.h"

#include "report/css.h"

static void write_machine(const struct page *page)
{
	const struct machine *machine = &page->model->inputs[0].machine;
	fputs("<p class=\"lead\">", page->html);
	html_format(page->html, "%s results of %s on ",
		number_whole(page->model->n_rows + page->model->n_trials).text,
		plural(page->model->n_subjects, "subject").text);
	html_format(page->html, "%s%s%s%s%s%s%s",
		machine->cpu ? machine->cpu : "an unknown machine", machine->cores ? ", " : "",
		machine->cores ? plural(machine->cores, "core").text : "",
		machine->kernel ? ", " : "", machine->kernel ? machine->kernel : "",
		machine->compiler ? ", " : "", machine->compiler ? machine->compiler : "");
	html_format(page->html, "%s%s%s%s", machine->library ? ", libballoon " : "",
		machine->library ? machine->library : "", machine->date ? ", " : "",
		machine->date ? machine->date : "");
	fputs("</p>\n", page->html);
}

void part_head(const struct page *page)
{
	fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	      "<meta name=\"color-scheme\" content=\"light\">\n"
	      "<title>libballoon: strategies side by side</title>\n<style>\n",
		page->html);
	fputs(css, page->html);
	fputs("</style>\n</head>\n<body>\n<main>\n"
	      "<h1>libballoon: strategies side by side</h1>\n",
		page->html);
	write_machine(page);
	fputs("<nav><a href=\"#summary\">Summary</a> <a href=\"#goals\">Goals</a> <a "
	      "href=\"#plots\">Plots</a> <a href=\"#system\">System</a> <a "
	      "href=\"#predicted\">Measured beside predicted</a> <a href=\"#misses\">Cache "
	      "misses</a> <a href=\"#references\">What was compared</a> <a href=\"#rows\">Every "
	      "row</a> <a href=\"#machine\">Where from</a></nav>\n",
		page->html);
}

static int write_plots(struct page *page)
{
	static int (*const parts[])(struct page * page) = {part_threads, part_batch, part_fairness,
		part_pages, part_latency, part_isolation, part_bytes};
	fputs("<section id=\"plots\">\n<h2>Plots</h2>\n"
	      "<p>Strategies are coloured, with filled marks; floors are dotted grey lines with "
	      "open marks, peers dashed grey lines with crosses. Each line has its name at its "
	      "right end.</p>\n",
		page->html);
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		if (parts[i](page) < 0)
			return -1;
	}
	fputs("</section>\n", page->html);
	return 0;
}

int page_write(struct page *page)
{
	part_head(page);
	part_summary(page);
	part_goals(page);
	if (write_plots(page) < 0 || part_system(page) < 0)
		return -1;
	part_predicted(page);
	part_misses(page);
	part_references(page);
	if (part_rows(page) < 0)
		return -1;
	part_foot(page);
	return 0;
}
