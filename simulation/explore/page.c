/* SPDX-License-Identifier: MIT */

#include "explore/page.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "explore/page-files.h"

/* Text that is put together before it has a place in the page. */
struct part {
	FILE *file;
	char *text;
	size_t size;
};

static struct {
	FILE *file;
	struct part findings;
	struct part counts;
	uint32_t n_findings; /* sections */
	uint32_t n_columns;  /* of the table of counts, for preemptions */
} page;

/* ---- Text ------------------------------------------------------------------------------------ */

/* Whatever it is: what it says is shown, and nothing of it is markup. */
static void put_text(const char *text, FILE *file)
{
	for (; *text; text++)
		if (strchr("<>&\"'", *text))
			fprintf(file, "&#%d;", *text);
		else if ((unsigned char)*text < ' ' && *text != '\t')
			fputs("&#xfffd;", file);
		else
			putc(*text, file);
}

static void put_element(const char *name, const char *class, const char *text, FILE *file)
{
	fprintf(file, "<%s class=\"%s\">", name, class);
	put_text(text, file);
	fprintf(file, "</%s>", name);
}

/* Its form and its letter say which, and its colour. */
static void put_thread(uint32_t thread, FILE *file)
{
	fprintf(file, "<b class=\"thread %c\">%c</b>", 'a' + (int)thread, 'a' + (int)thread);
}

/* ---- A finding ------------------------------------------------------------------------------- */

static void put_heads(const struct rows *rows, FILE *file)
{
	fputs("<thead><tr><th scope=\"col\">Step</th>", file);
	for (uint32_t i = 0; i < rows->n_threads; i++) {
		char calls[64] = "";
		rows->stage->name_thread(i, calls, sizeof(calls));
		fputs("<th scope=\"col\" class=\"lane\">", file);
		put_thread(i, file);
		put_text(" ", file);
		put_element("span", "calls", calls, file);
		fputs("</th>", file);
	}
	fputs("<th scope=\"col\">Locks held</th><th scope=\"col\">After it</th></tr></thead>\n",
		file);
}

static void put_cell(const struct stage_cell *cell, const struct stage_cell *before, FILE *file)
{
	bool is_changed = strcmp(before->value, cell->value) != 0 || before->holder != cell->holder;
	fprintf(file, "<span class=\"page %s%s\">", cell->value, is_changed ? " changed" : "");
	put_text(cell->name, file);
	putc(' ', file);
	put_element("b", "value", cell->value, file);
	if (cell->holder != STAGE_NOBODY) {
		putc(' ', file);
		put_thread((uint32_t)cell->holder, file);
	}
	fputs("</span> ", file);
}

static void put_state(
	const struct stage_cell *cells, const struct stage_cell *before, uint32_t n, FILE *file)
{
	fputs("<td class=\"pages\">", file);
	for (uint32_t i = 0; i < n; i++)
		put_cell(&cells[i], &before[i], file);
	fputs("</td></tr>\n", file);
}

static void put_step(const struct row *row, FILE *file)
{
	char text[256];
	char touched[40];
	snprintf(touched, sizeof(touched), "%s %s", row->kind, row->place);
	if (source_text(&row->source, text, sizeof(text)))
		put_element("code", "text", text + strspn(text, " \t"), file);
	put_element("span", "where", row->source.name, file);
	putc(' ', file);
	put_element("span", "touched", touched, file);
	putc(' ', file);
	if (row->call)
		put_element("span", "call", row->call, file);
}

static void put_locks(const struct row *row, FILE *file)
{
	fputs("<td class=\"locks\">", file);
	for (uint32_t i = 0; i < row->n_locks; i++) {
		fputs("<span class=\"lock\">", file);
		put_thread(row->locks[i].thread, file);
		putc(' ', file);
		put_text(row->locks[i].place, file);
		fputs("</span> ", file);
	}
	fputs("</td>", file);
}

static void put_row(const struct rows *rows, uint32_t number, FILE *file)
{
	const struct row *row = &rows->all[number];
	const struct stage_cell *before = number > 0 ? row[-1].state : rows->start;
	fprintf(file,
		"<tr data-step=\"%" PRIu32 "\" data-thread=\"%c\"><th scope=\"row\">%" PRIu32 " ",
		number + 1, 'a' + (int)row->thread, number + 1);
	put_thread(row->thread, file);
	fputs("</th>", file);
	for (uint32_t i = 0; i < rows->n_threads; i++) {
		fputs("<td class=\"lane\">", file);
		if (i == row->thread)
			put_step(row, file);
		fputs("</td>", file);
	}
	put_locks(row, file);
	put_state(row->state, before, rows->n_cells, file);
}

static void put_rows(const struct rows *rows, FILE *file)
{
	fputs("<table>\n", file);
	put_heads(rows, file);
	fputs("<tbody>\n<tr data-step=\"0\"><th scope=\"row\">0</th>", file);
	for (uint32_t i = 0; i < rows->n_threads; i++)
		fputs("<td class=\"lane\"></td>", file);
	fputs("<td class=\"locks\"></td>", file);
	put_state(rows->start, rows->start, rows->n_cells, file);
	for (uint32_t i = 0; i < rows->n; i++)
		put_row(rows, i, file);
	fputs("</tbody></table>\n", file);
}

static void put_broken(const struct page_finding *finding, FILE *file)
{
	const struct engine_report *report = finding->report;
	bool is_found = report->finding != ENGINE_NONE;
	fprintf(file, "<p class=\"%s\">", is_found ? "broken" : "sound");
	if (is_found)
		put_element("strong", "kind", engine_finding_name(report->finding), file);
	put_text(is_found ? ": " : "Nothing is found in this schedule.", file);
	if (is_found)
		put_text(report->what, file);
	fputs("</p>\n", file);
	if (!finding->rows)
		fputs("<p>Found before there are threads.</p>\n", file);
	else
		fprintf(file, "<p class=\"lead\">%" PRIu32 " steps</p>\n", finding->rows->n);
}

void page_add_finding(const struct page_finding *finding)
{
	FILE *file = page.findings.file;
	if (!file)
		return;
	uint32_t number = ++page.n_findings;
	fprintf(file, "<section class=\"finding\" id=\"finding-%" PRIu32 "\">\n<h2>%" PRIu32 ". ",
		number, number);
	put_text(finding->title, file);
	fputs(": ", file);
	put_element("code", "scenario", finding->scenario, file);
	fputs("</h2>\n", file);
	put_broken(finding, file);
	if (finding->rows) {
		put_rows(finding->rows, file);
		fputs("<p class=\"replay\">Replay: <code>", file);
		put_text(finding->command, file);
		fputs("</code></p>\n", file);
	}
	fputs("</section>\n", file);
}

/* ---- Counts ---------------------------------------------------------------------------------- */

void page_add_counts(const struct page_counts *counts)
{
	FILE *file = page.counts.file;
	uint64_t n = 0;
	if (!file)
		return;
	page.n_columns = counts->n_preemptions + 1;
	fputs("<tr><th scope=\"row\">", file);
	put_text(counts->title, file);
	fprintf(file, "</th><td>%" PRIu64 "</td>", counts->n_scenarios);
	for (uint32_t i = 0; i <= counts->n_preemptions; i++)
		fprintf(file, "<td>%" PRIu64 "</td>", n += counts->n_schedules[i]);
	fprintf(file, "<td>%" PRIu64 "</td><td>%" PRIu64 "</td></tr>\n", counts->n_found,
		counts->n_asserted);
}

static void put_counts(FILE *file)
{
	if (!page.n_columns)
		return;
	fputs("<section class=\"counts\"><h2>What was searched</h2>\n<div class=\"scroll\" tabindex=\"0\" "
	      "role=\"region\" aria-label=\"What was searched\"><table><thead><tr>"
	      "<th scope=\"col\">What</th><th scope=\"col\">Scenarios</th>",
		file);
	for (uint32_t i = 0; i < page.n_columns; i++)
		fprintf(file, "<th scope=\"col\">Schedules, %s%" PRIu32 " preemption%s</th>",
			i ? "up to " : "", i, i == 1 ? "" : "s");
	fputs("<th scope=\"col\">Scenarios with a finding</th><th scope=\"col\">By assertions about locks "
	      "alone</th></tr></thead><tbody>\n",
		file);
	fwrite(page.counts.text, 1, page.counts.size, file);
	fputs("</tbody></table></div></section>\n", file);
}

/* ---- The page -------------------------------------------------------------------------------- */

static void put_title(FILE *file)
{
	fprintf(file, "balloon-explore: %" PRIu32 " schedule%s", page.n_findings,
		page.n_findings == 1 ? "" : "s");
}

static void put_style(FILE *file)
{
	fputs((const char *)page_css, file);
}

static void put_script(FILE *file)
{
	fputs((const char *)page_js, file);
}

static void put_findings(FILE *file)
{
	if (page.n_findings == 0)
		fputs("<p class=\"sound\">Nothing is found.</p>\n", file);
	fwrite(page.findings.text, 1, page.findings.size, file);
}

static const struct {
	const char *name;
	void (*put)(FILE *file);
} places[] = {
	{"{{title}}", put_title},
	{"{{style}}", put_style},
	{"{{findings}}", put_findings},
	{"{{counts}}", put_counts},
	{"{{script}}", put_script},
};

/* Returns how much of the template was put: a place, or a character. */
static size_t put_next(const char *text, FILE *file)
{
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (!strncmp(text, places[i].name, strlen(places[i].name))) {
			places[i].put(file);
			return strlen(places[i].name);
		}
	putc(*text, file);
	return 1;
}

static bool open_part(struct part *part)
{
	part->file = open_memstream(&part->text, &part->size);
	return part->file;
}

static bool close_part(struct part *part)
{
	bool is_whole = !ferror(part->file);
	return !fclose(part->file) && is_whole;
}

bool page_open(const char *path)
{
	page.file = fopen(path, "w");
	return page.file && open_part(&page.findings) && open_part(&page.counts);
}

bool page_close(void)
{
	if (!page.file)
		return true;
	bool is_whole = close_part(&page.findings);
	is_whole &= close_part(&page.counts);
	for (const char *at = (const char *)page_html; is_whole && *at;)
		at += put_next(at, page.file);
	is_whole &= !ferror(page.file);
	is_whole &= !fclose(page.file);
	free(page.findings.text);
	free(page.counts.text);
	return is_whole;
}
