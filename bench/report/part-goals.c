/* SPDX-License-Identifier: MIT */
/* The table of goals. */
#include <math.h>

#include "report/goals.h"
#include "report/page.h"
#include "report/trial.h"

void goal_verdict(const struct page *page, double times)
{
	if (isnan(times))
		fputs("<td class=\"none\">not measured</td>", page->html);
	else if (times >= 1)
		fprintf(page->html,
			"<td class=\"met\">&#x2713; reached, %s&nbsp;&times; better</td>",
			number(times).text);
	else
		fprintf(page->html, "<td class=\"missed\">&#x2717; missed by %s&nbsp;&times;</td>",
			number(1 / times).text);
}

/* The goal's own cells go over all of its n targets. subject: of the best one; NULL: not measured. */
static void write_goal_cells(const struct page *page, const char *id, const char *work, size_t n,
	const char *subject, struct words setup)
{
	fprintf(page->html,
		"<th scope=\"rowgroup\" rowspan=\"%zu\">%s</th><td rowspan=\"%zu\" "
		"class=\"work\">%s</td>",
		n, id, n, work);
	fprintf(page->html, "<td rowspan=\"%zu\" class=\"work\">", n);
	if (subject) {
		fputs("<strong>", page->html);
		html_text(page->html, subject);
		fputs("</strong><br><small>", page->html);
		html_text(page->html, setup.text);
		fputs("</small>", page->html);
	} else {
		fputs("not measured", page->html);
	}
	fputs("</td>", page->html);
}

/* What is left of a target's line. */
static void write_target(const struct page *page, const char *what, bool is_of_same_run,
	struct attainment attainment)
{
	fprintf(page->html, "<td>%s%s</td>", what,
		is_of_same_run ? " <small>(same run)</small>" : "");
	html_cell(page->html, attainment.figure);
	html_cell(page->html, attainment.reached);
	goal_verdict(page, attainment.times);
	fputs("</tr>\n", page->html);
}

static void begin_line(const struct page *page, size_t number)
{
	fprintf(page->html, "<tr%s>", number == 0 ? " class=\"group\"" : "");
}

static void write_goal(const struct page *page, const struct goal *goal)
{
	const struct row *best = goal_best(page->model, goal);
	struct words setup = best ? setup_words(&best->setup) : words_of(" ");
	size_t n = 0;
	while (n < TARGETS_MAX && goal->targets[n].what)
		n++;
	for (size_t i = 0; i < n; i++) {
		const struct target *target = &goal->targets[i];
		begin_line(page, i);
		if (i == 0)
			write_goal_cells(
				page, goal->id, goal->work, n, best ? best->subject : NULL, setup);
		write_target(page, target->what, target->to && target->to != goal_fairness,
			target_attain(page->model, target, best));
	}
}

/* ---- Of the system around the pages ---------------------------------------------------------- */

static struct words trial_words(const struct trial *trial)
{
	if (!trial)
		return words_of(" ");
	return words_of("release, %s, %s, requests of %s", trial->setup.order,
		plural(trial->setup.pages, "page").text, number_whole(trial->setup.request).text);
}

static void write_system_goal(const struct page *page, const struct system_goal *goal)
{
	const struct trial *best = system_goal_best(page->model, goal);
	size_t n = 0;
	while (n < TARGETS_MAX && goal->targets[n].what)
		n++;
	for (size_t i = 0; i < n; i++) {
		begin_line(page, i);
		if (i == 0)
			write_goal_cells(page, goal->id, goal->work, n,
				best ? best->setup.subject : NULL, trial_words(best));
		write_target(page, goal->targets[i].what, goal->targets[i].to != NULL,
			system_target_attain(&goal->targets[i], best));
	}
}

/* ---- Of heaps -------------------------------------------------------------------------------- */

static struct words heap_words(const struct trial *trial)
{
	return trial ? words_of("%s, %s", trial->setup.pattern,
			       plural(trial->setup.threads, "thread").text)
		     : words_of(" ");
}

static void write_heap_goal(const struct page *page, const struct heap_goal *goal)
{
	const struct trial *worst = heap_goal_worst(page->model, goal);
	begin_line(page, 0);
	write_goal_cells(page, goal->id, goal->work, 1, worst ? worst->setup.subject : NULL,
		heap_words(worst));
	write_target(page, goal->what, true, heap_goal_attain(goal, worst));
}

/* No figure to beat: its parts are to be reported apart. */
static void write_end_to_end(const struct page *page)
{
	const struct trial *best = trial_fastest(page->model, TRIAL_DRIVER, "random", false);
	begin_line(page, 0);
	write_goal_cells(page, "W11", "the whole driver: give back, take back, touch again", 1,
		best ? best->setup.subject : NULL, trial_words(best));
	fputs("<td>release and re-fault reported apart, warm and cold apart</td><td></td>",
		page->html);
	html_cell(page->html,
		best ? best->ns.median + best->deflate.median + best->refault.median : NAN);
	if (best)
		fprintf(page->html, "<td class=\"none\">%s + %s + %s, warm %s</td></tr>\n",
			number(best->ns.median).text, number(best->deflate.median).text,
			number(best->refault.median).text, number(best->refault_warm.median).text);
	else
		fputs("<td class=\"none\">not measured</td></tr>\n", page->html);
}

void part_goals(const struct page *page)
{
	const struct goal *goal;
	const struct system_goal *system_goal;
	const struct heap_goal *heap_goal;
	fputs("<section id=\"goals\">\n<h2>Goals</h2>\n"
	      "<p>The fastest strategy at each work, beside the figures that it is to beat: "
	      "figures from elsewhere, measured on other machines of this kind, and what "
	      "references took in the same run. Unit: ns a page, out and in; fairness: the slowest "
	      "thread over the fastest; from W8 on ns for each 4&nbsp;KiB that are given back; "
	      "from W12 on ns for an allocation and its free, not at best but at worst.</p>\n",
		page->html);
	table_begin(page, "|Work|Best strategy|To beat|#Figure|#Reached|");
	for (size_t i = 0; (goal = goal_at(i)) != NULL; i++)
		write_goal(page, goal);
	for (size_t i = 0; (system_goal = system_goal_at(i)) != NULL; i++)
		write_system_goal(page, system_goal);
	write_end_to_end(page);
	for (size_t i = 0; (heap_goal = heap_goal_at(i)) != NULL; i++)
		write_heap_goal(page, heap_goal);
	table_end(page);
	fputs("</section>\n", page->html);
}
