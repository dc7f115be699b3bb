/* SPDX-License-Identifier: MIT */
/* The system around the pages: reaching a target, compaction, out of memory. */
#include <math.h>
#include <string.h>

#include "report/goals.h"
#include "report/page.h"
#include "report/trial.h"

void trials_write(const struct page *page, const char *workload,
	void (*write_setting)(const struct page *page, const struct trial *trial),
	void (*write_trial)(const struct page *page, const struct trial *trial))
{
	const struct model *model = page->model;
	for (size_t i = 0; i < model->n_trials; i++) {
		if (!trial_is_of(&model->trials[i], workload) || !trial_is_first(model, i))
			continue;
		write_setting(page, &model->trials[i]);
		for (size_t k = i; k < model->n_trials; k++)
			if (trial_is_beside(&model->trials[i], &model->trials[k]))
				write_trial(page, &model->trials[k]);
	}
}

/* text: the format of what is written over the setting's rows. */
static void write_heading(const struct page *page, int n_columns, struct words text)
{
	fprintf(page->html, "<tr class=\"setup\"><th colspan=\"%d\" scope=\"rowgroup\">",
		n_columns);
	html_text(page->html, text.text);
	fputs("</th></tr>\n", page->html);
}

/* ---- Target ---------------------------------------------------------------------------------- */

static void write_target_setting(const struct page *page, const struct trial *trial)
{
	write_heading(page, 6,
		words_of("half of %s, the host takes %s \xc2\xb5s for requests of %s",
			plural(trial->setup.pages, "page").text,
			number_whole(trial->setup.host_us).text,
			number_whole(trial->setup.request).text));
}

static void write_target(const struct page *page, const struct trial *trial)
{
	fputs("<tr>", page->html);
	trial_subject(page, trial);
	html_spread(page->html, &trial->ns);
	html_cell(page->html, 1e3 * trial->seconds.median);
	html_cell(page->html, trial->busy.median);
	html_cell(page->html, trial->again.median);
	fputs("</tr>\n", page->html);
}

static void write_targets(const struct page *page)
{
	fputs("<h3>Reaching a target while others fill and leak</h3>\n<p>One thread runs the "
	      "driver to its target; another one fills, a third one leaks half as much. Unit: a "
	      "page that moved, whoever moved it.</p>\n",
		page->html);
	table_begin(page, "|=ns a page|#ms to the target|#lock not had|#told to come again");
	trials_write(page, "target", write_target_setting, write_target);
	table_end(page);
}

/* ---- Compaction ------------------------------------------------------------------------------ */

static void write_compaction_setting(const struct page *page, const struct trial *trial)
{
	write_heading(page, 10,
		words_of("half of %s in a balloon, driver design %s",
			plural(trial->setup.pages, "page").text,
			trial->setup.driver ? trial->setup.driver : "unknown"));
}

static void write_compaction(const struct page *page, const struct trial *trial)
{
	fputs("<tr>", page->html);
	trial_subject(page, trial);
	html_spread(page->html, &trial->ns);
	html_cell(page->html, 1e3 * trial->seconds.median);
	html_cell(page->html, trial->migrated.median);
	html_cell(page->html, trial->passes.median);
	html_cell(page->html, 100 * trial->order_9_before.median);
	html_cell(page->html, 100 * trial->order_9_after.median);
	html_cell(page->html, 100 * trial->order_10_before.median);
	html_cell(page->html, 100 * trial->order_10_after.median);
	fputs("</tr>\n", page->html);
}

static void write_compactions(const struct page *page)
{
	fputs("<h3>Large allocations before and after compaction</h3>\n<p>A balloon holds half of "
	      "a zone, at random. Of the free half, so much can be had in blocks of order 9 (2 "
	      "MiB) and 10 (4 MiB).</p>\n",
		page->html);
	table_begin(page,
		"|=ns a migrated page|#ms|#migrated|#passes|#order 9 before %|#order 9 after %"
		"|#order 10 before %|#order 10 after %");
	trials_write(page, "compaction", write_compaction_setting, write_compaction);
	table_end(page);
}

/* ---- Relief ---------------------------------------------------------------------------------- */

static void write_relief_setting(const struct page *page, const struct trial *trial)
{
	write_heading(page, 7,
		words_of("%s, the host takes %s \xc2\xb5s",
			trial->setup.fill == 1 ? "while a fill is under way" : "no fill under way",
			number_whole(trial->setup.host_us).text));
}

static void write_relief(const struct page *page, const struct trial *trial)
{
	fputs("<tr>", page->html);
	trial_subject(page, trial);
	html_text_cell(page->html, trial->guarantee);
	html_cell(page->html, trial->recovery.samples);
	html_cell(page->html, trial->recovery.p50 / 1e3);
	html_cell(page->html, trial->recovery.p99 / 1e3);
	html_cell(page->html, trial->recovery.max / 1e3);
	html_cell(page->html, trial->busy.median);
	fputs("</tr>\n", page->html);
}

static void write_reliefs(const struct page *page)
{
	fputs("<h3>Recovery when memory runs out</h3>\n<p>From an allocation that failed to one "
	      "that succeeds, in &#xb5;s, and what the design promises while a fill is under way: "
	      "pages (progress), or to say at once that it is busy.</p>\n",
		page->html);
	table_begin(page, "|Promises|#Events|#Median|#99 of 100|#Longest|#Busy, a repeat");
	trials_write(page, "relief", write_relief_setting, write_relief);
	table_end(page);
}

/* ---- The driver beside something simpler ----------------------------------------------------- */

static const struct {
	const char *workload, *heading;
} besides[] = {
	{"cost", "<h3>The driver's cost</h3>\n<p>A fill and a leak, request by request, on a host "
		 "that takes no time; beside the strategy alone, which inserts and dequeues the "
		 "same batches.</p>\n"},
	{"latency",
		"<h3>A host that takes its time</h3>\n<p>A run to its target on a host that has "
		"any number of requests at once; beside one request after the other.</p>\n"},
	{"contention",
		"<h3>Many threads</h3>\n<p>16 threads that fill and leak single pages; beside one "
		"thread.</p>\n"},
};

static void write_beside_setting(const struct page *page, const struct trial *trial)
{
	write_heading(page, 5,
		words_of("%s, the host takes %s \xc2\xb5s for requests of %s",
			plural(trial->setup.pages, "page").text,
			number_whole(trial->setup.host_us).text,
			number_whole(trial->setup.request).text));
}

static void write_beside(const struct page *page, const struct trial *trial)
{
	fputs("<tr>", page->html);
	trial_subject(page, trial);
	html_spread(page->html, &trial->ns);
	html_cell(page->html, trial->reference.median);
	html_cell(page->html, trial->times_reference.median);
	fputs("</tr>\n", page->html);
}

static void write_besides(const struct page *page, size_t index)
{
	fputs(besides[index].heading, page->html);
	table_begin(page, "|=ns a page|#reference|#times that");
	trials_write(page, besides[index].workload, write_beside_setting, write_beside);
	table_end(page);
}

/* ---- Heap ------------------------------------------------------------------------------------ */

static void write_heap_setting(const struct page *page, const struct trial *trial)
{
	static const struct {
		const char *pattern, *what;
	} patterns[] = {
		{"64-bytes", "64 bytes, freed at once"},
		{"mix", "16 bytes to 4 KiB, one at random makes way for another one"},
		{"large", "16 to 64 KiB, one at random makes way for another one"},
		{"larson", "up to 1 KiB, the same; other threads free most of them"},
		{"pipe", "up to 1 KiB, one thread allocates, another one frees"},
	};
	const char *pattern = trial->setup.pattern ? trial->setup.pattern : "unknown";
	for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++)
		if (strcmp(patterns[i].pattern, pattern) == 0)
			pattern = patterns[i].what;
	write_heading(
		page, 7, words_of("%s: %s", pattern, plural(trial->setup.threads, "thread").text));
}

static void write_heap(const struct page *page, const struct trial *trial)
{
	double times = heap_trial_attain(trial);
	fputs("<tr>", page->html);
	trial_subject(page, trial);
	html_spread(page->html, &trial->ns);
	html_cell(page->html, trial_times(trial, "malloc").median);
	html_cell(page->html, trial_times(trial, "jemalloc").median);
	html_cell(page->html, trial_times(trial, "jemalloc-keeps").median);
	if (isnan(times))
		html_text_cell(page->html, NULL);
	else
		goal_verdict(page, times);
	fputs("</tr>\n", page->html);
}

static void write_heaps(const struct page *page)
{
	fputs("<h3>An allocation and its free</h3>\n<p>Processor time of all threads, beside "
	      "jemalloc's own: malloc, with its thread caches; an arena without caches that gives "
	      "back at once what is free, as a heap does by itself; and one that keeps it for 10 s "
	      "(-keeps). To reach: with thread caches 1.4 &times; malloc; without, and above "
	      "4&nbsp;KiB, 1.15 &times; the arena that keeps as long.</p>\n",
		page->html);
	table_begin(page, "|=ns a pair|#times malloc|#times jemalloc|#times jemalloc-keeps|Goal");
	trials_write(page, "heap", write_heap_setting, write_heap);
	table_end(page);
}

/* ---- All of it ------------------------------------------------------------------------------- */

static bool has(const struct page *page, const char *workload)
{
	for (size_t i = 0; i < page->model->n_trials; i++)
		if (trial_is_of(&page->model->trials[i], workload))
			return true;
	return false;
}

int part_system(struct page *page)
{
	fputs("<section id=\"system\">\n<h2>The system around the pages</h2>\n", page->html);
	if (page->model->n_trials == 0)
		fputs("<p>Not measured: there are no results of balloon-bench system.</p>\n",
			page->html);
	if (part_release(page) < 0)
		return -1;
	if (has(page, "release"))
		part_release_table(page);
	if (has(page, "target"))
		write_targets(page);
	if (has(page, "compaction"))
		write_compactions(page);
	if (has(page, "relief"))
		write_reliefs(page);
	for (size_t i = 0; i < sizeof besides / sizeof besides[0]; i++)
		if (has(page, besides[i].workload))
			write_besides(page, i);
	if (has(page, "heap"))
		write_heaps(page);
	fputs("</section>\n", page->html);
	return 0;
}
