/* SPDX-License-Identifier: MIT */
/* What it costs to give memory back: figures by order, and a table of all. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/page.h"
#include "report/trial.h"

/* By kind: references are grey, as everywhere. */
static const char *const colours[N_TRIAL_KINDS] = {"#6E6E6E", "#D55E00", "#0072B2", "#009E73"};

static struct words setting_words(const struct trial *trial)
{
	return words_of("%s%s, %s", trial_is_shared(trial) ? "shared memory, " : "",
		trial->setup.order ? trial->setup.order : "unknown",
		trial->setup.other_thread == 1 ? "another thread running" : "no other thread");
}

/* ---- Figures --------------------------------------------------------------------------------- */

static struct number show(const struct trial *trial)
{
	struct number shown;
	double times = trial_times(trial, "raw-vector").median;
	int length = snprintf(
		shown.text, sizeof shown.text, "%.20s", number_time(trial->ns.median).text);
	if (!isnan(times) && trial->kind != TRIAL_RAW)
		snprintf(shown.text + length, sizeof shown.text - (size_t)length,
			", %.16s \xc3\x97", number(times).text);
	return shown;
}

/* Bars begin at a power of ten, where the axis does. */
static void set_axis(struct bars *bars)
{
	double min = INFINITY, max = 0;
	for (size_t i = 0; i < bars->n_bars; i++) {
		min = fmin(min, bars->bars[i].value.min);
		max = fmax(max, bars->bars[i].value.max);
	}
	bars->x.is_log = true;
	bars->x.label = "ns a page of 4 KiB";
	bars->x.min = pow(10, floor(log10(min * 0.999)));
	bars->x.max = max * pow(max / bars->x.min, 0.4); /* room for the numbers after the bars */
	if (bars->x.max < 30 * bars->x.min)
		axis_ticks(&bars->x, number_round);
	else
		for (double at = bars->x.min; at <= bars->x.max; at *= 10)
			axis_tick(&bars->x, at, number_round(at));
}

static int put_bars(const struct page *page, const struct trial *first, size_t number_of_panel)
{
	struct bars *bars = calloc(1, sizeof *bars);
	if (!bars)
		return problem_no_memory(page->problem);
	for (size_t i = 0; i < page->model->n_trials; i++) {
		const struct trial *trial = &page->model->trials[i];
		if (!trial_is_beside(trial, first) || !(trial->ns.min > 0))
			continue;
		bars_add(bars, &(struct bar){.name = trial->setup.subject,
				       .style = {.colour = colours[trial->kind]},
				       .is_reference = trial->kind == TRIAL_RAW,
				       .value = trial->ns,
				       .shown = show(trial)});
	}
	bars->level = NAN;
	bars_sort(bars, 1);
	set_axis(bars);
	struct words id = words_of("release-%zu", number_of_panel);
	struct words title = words_of("%s, requests of %s", setting_words(first).text,
		number_whole(first->setup.request).text);
	int status = bars->n_bars > 0 ? figure_bars(page, id.text, title.text, bars) : 0;
	free(bars);
	return status;
}

static struct words describe(const struct trial *trial, const char *to, const char *what)
{
	double times = trial_times(trial, to).median;
	if (isnan(times))
		return words_of(" ");
	return words_of(", %s \xc3\x97 %s", number(times).text, what);
}

/* The channel at pages in random order, alone and beside a thread. */
static struct words find(const struct model *model)
{
	const struct trial *alone = trial_fastest(model, TRIAL_CHANNEL, "random", false);
	const struct trial *beside = trial_fastest(model, TRIAL_CHANNEL, "random", true);
	struct words words = words_of("What it costs to give pages back");
	if (alone)
		words = words_of("Pages in random order cost %s %s each%s", alone->setup.subject,
			number_time(alone->ns.median).text,
			describe(alone, "raw-vector", "a raw vector").text);
	if (alone && beside)
		words = words_of("%s; while another thread runs %s%s", words.text,
			number_time(beside->ns.median).text,
			describe(beside, "raw-per-page", "a call a page").text);
	return words;
}

int part_release(struct page *page)
{
	const struct model *model = page->model;
	size_t n = 0;
	bool is_first = true;
	for (size_t i = 0; i < model->n_trials && n < 32; i++) {
		if (!trial_is_of(&model->trials[i], "release") || !trial_is_first(model, i))
			continue;
		if (is_first)
			figure_begin(page, "release", "%s", find(model).text);
		is_first = false;
		if (put_bars(page, &model->trials[i], ++n) < 0)
			return -1;
	}
	if (!is_first)
		figure_end(page,
			"Time to give pages back, and how many times that of a raw vector of "
			"pages a call. Red: channels; blue: the whole driver, from frames to "
			"the balloon; grey: raw system calls. Bars: medians; whiskers: all "
			"repeats. Logarithmic; lower is better.");
	return 0;
}

/* ---- Table ----------------------------------------------------------------------------------- */

void trial_subject(const struct page *page, const struct trial *trial)
{
	fprintf(page->html, "<th scope=\"row\" class=\"%s\" style=\"border-left-color:%s\">",
		trial->kind == TRIAL_RAW ? "reference" : "strategy", colours[trial->kind]);
	html_text(page->html, trial->setup.subject);
	fputs("</th>", page->html);
}

static void write_trial(const struct page *page, const struct trial *trial)
{
	static const char *const raw[] = {"raw-one-call", "raw-vector", "raw-per-page"};
	fputs("<tr>", page->html);
	trial_subject(page, trial);
	html_spread(page->html, &trial->ns);
	html_cell(page->html, trial->rate.median);
	for (size_t i = 0; i < 3; i++)
		html_cell(page->html, trial_times(trial, raw[i]).median);
	html_cell(page->html, trial->deflate.median);
	html_spread(page->html, &trial->refault);
	html_cell(page->html, trial->refault_warm.median);
	html_cell(page->html, 100 * trial->huge_share.median);
	fputs("</tr>\n", page->html);
}

static void write_setting(const struct page *page, const struct trial *trial)
{
	fputs("<tr class=\"setup\"><th colspan=\"12\" scope=\"rowgroup\">", page->html);
	html_text(
		page->html, words_of("%s, %s of %s KiB, requests of %s", setting_words(trial).text,
				    plural(trial->setup.pages, "page").text,
				    number_whole(trial->setup.page_bytes / 1024).text,
				    number_whole(trial->setup.request).text)
				    .text);
	fputs("</th></tr>\n", page->html);
}

void part_release_table(const struct page *page)
{
	fputs("<h3>Giving memory back, and touching it again</h3>\n", page->html);
	table_begin(page,
		"|=ns a page, given back|#GiB/s|#\xc3\x97 raw-one-call|#\xc3\x97 raw-vector|"
		"#\xc3\x97 raw-per-page|#taken back, ns|=touched again, ns|#touched again "
		"warm, ns|#in huge pages %");
	trials_write(page, "release", write_setting, write_trial);
	table_end(page);
}
