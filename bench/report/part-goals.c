/* SPDX-License-Identifier: MIT */
/* The table of goals. */
#include <math.h>

#include "report/goals.h"
#include "report/page.h"

static void write_verdict(const struct page *page, double times)
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

static size_t n_targets(const struct goal *goal)
{
	size_t n = 0;
	while (n < TARGETS_MAX && goal->targets[n].what)
		n++;
	return n;
}

/* The goal's own cells go over all of its targets. */
static void write_goal_cells(
	const struct page *page, const struct goal *goal, const struct row *best)
{
	size_t n = n_targets(goal);
	fprintf(page->html,
		"<th scope=\"rowgroup\" rowspan=\"%zu\">%s</th><td rowspan=\"%zu\" "
		"class=\"work\">%s</td>",
		n, goal->id, n, goal->work);
	fprintf(page->html, "<td rowspan=\"%zu\" class=\"work\">", n);
	if (best) {
		fputs("<strong>", page->html);
		html_text(page->html, best->subject);
		fputs("</strong><br><small>", page->html);
		html_text(page->html, setup_words(&best->setup).text);
		fputs("</small>", page->html);
	} else {
		fputs("not measured", page->html);
	}
	fputs("</td>", page->html);
}

static void write_goal(const struct page *page, const struct goal *goal)
{
	const struct row *best = goal_best(page->model, goal);
	size_t n = n_targets(goal);
	for (size_t i = 0; i < n; i++) {
		const struct target *target = &goal->targets[i];
		struct attainment attainment = target_attain(page->model, target, best);
		fprintf(page->html, "<tr%s>", i == 0 ? " class=\"group\"" : "");
		if (i == 0)
			write_goal_cells(page, goal, best);
		fprintf(page->html, "<td>%s%s</td>", target->what,
			target->to && target->to != goal_fairness ? " <small>(same run)</small>"
								  : "");
		html_cell(page->html, attainment.figure);
		html_cell(page->html, attainment.reached);
		write_verdict(page, attainment.times);
		fputs("</tr>\n", page->html);
	}
}

void part_goals(const struct page *page)
{
	const struct goal *goal;
	fputs("<section id=\"goals\">\n<h2>Goals</h2>\n"
	      "<p>The fastest strategy at each work, beside the figures that it is to beat: "
	      "figures "
	      "from elsewhere, measured on other machines of this kind, and what references took "
	      "in "
	      "the same run. Unit: ns a page, out and in; fairness: the slowest thread over the "
	      "fastest.</p>\n",
		page->html);
	table_begin(page, "|Work|Best strategy|To beat|#Figure|#Reached|");
	for (size_t i = 0; (goal = goal_at(i)) != NULL; i++)
		write_goal(page, goal);
	table_end(page);
	fputs("</section>\n", page->html);
}
