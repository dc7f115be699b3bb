/* SPDX-License-Identifier: MIT */
/* Figures of a page's cost: over batches, over pages. */
#include <string.h>

#include "report/speed.h"

/* ---- Over batches ---------------------------------------------------------------------------- */

static void begin_batch(struct page *page, const struct model *model, const struct ends *ends)
{
	const struct row *last = ends->last;
	struct setup single = last->setup;
	single.batch = ends->first->setup.batch;
	const struct row *before = model_row(model, last->subject, &single);
	if (!before)
		before = ends->first;
	figure_begin(page, "batch",
		"%s needs %s ns a page at batch %lu; batches of %lu bring %s to %s ns",
		before->subject, number(row_ns(before)).text, before->setup.batch,
		last->setup.batch,
		strcmp(before->subject, last->subject) == 0 ? "it" : last->subject,
		number(row_ns(last)).text);
}

int part_batch(struct page *page)
{
	const struct setup cycle = {"cycle", "sequential", 1, ANY, ANY, ANY, {ANY}};
	struct setup slice;
	struct ends ends;
	if (!select_slice(page->model, &cycle, VARIED_BATCH, row_ns, &slice) ||
		!find_ends(page->model, &slice, VARIED_BATCH, &ends))
		return 0;
	begin_batch(page, page->model, &ends);
	if (put_axis_chart(page, "batch-cost", NULL, &slice, VARIED_BATCH, "pages a call (batch)") <
		0)
		return -1;
	figure_end(page,
		"Time to fill a balloon of %s pages and drain it again, a page, on one thread "
		"(workload cycle, in sequence). Medians; bars from the fastest to the slowest "
		"repeat. Lower is better.",
		number_whole(slice.pages).text);
	return 0;
}

/* ---- Over pages ------------------------------------------------------------------------------ */

static void begin_pages(struct page *page, const struct row *best, const struct row *ordered)
{
	const struct setup *setup = &best->setup;
	if (ordered && strcmp(setup->order, "random") == 0)
		figure_begin(page, "pages",
			"%s pages in random order cost %s %s ns each, %s \xc3\x97 as much as in "
			"sequence",
			number_whole(setup->pages).text, best->subject, number(row_ns(best)).text,
			number(row_ns(best) / row_ns(ordered)).text);
	else
		figure_begin(page, "pages", "%s pages cost %s %s ns each",
			number_whole(setup->pages).text, best->subject, number(row_ns(best)).text);
}

/* The best strategy where there are most pages, in random order if that was measured. */
static const struct row *find_hardest(const struct model *model, const struct setup *slice)
{
	struct setup random = *slice;
	struct ends ends;
	random.order = "random";
	if (find_ends(model, &random, VARIED_PAGES, &ends) ||
		find_ends(model, slice, VARIED_PAGES, &ends))
		return ends.last;
	return NULL;
}

static int put_pages_panel(struct page *page, const struct setup *slice, const char *order)
{
	struct setup panel = *slice;
	struct ends ends;
	bool is_random = strcmp(order, "random") == 0;
	panel.order = order;
	if (!find_ends(page->model, &panel, VARIED_PAGES, &ends))
		return 0;
	struct words title =
		words_of("%s: the best strategy needs %s ns with %s pages (%s), %s ns with %s (%s)",
			is_random ? "In random order" : "In sequence",
			number(row_ns(ends.first)).text, number_pages(ends.first->setup.pages).text,
			ends.first->subject, number(row_ns(ends.last)).text,
			number_pages(ends.last->setup.pages).text, ends.last->subject);
	return put_axis_chart(page, is_random ? "pages-random" : "pages-sequential", title.text,
		&panel, VARIED_PAGES, "pages in the balloon (K: 1024)");
}

int part_pages(struct page *page)
{
	const struct setup cycle = {"cycle", NULL, 1, ANY, ANY, ANY, {ANY}};
	const struct row *hardest, *ordered;
	struct setup slice, sequential;
	if (!select_slice(page->model, &cycle, VARIED_PAGES | VARIED_ORDER, row_ns, &slice) ||
		(hardest = find_hardest(page->model, &slice)) == NULL)
		return 0;
	sequential = hardest->setup;
	sequential.order = "sequential";
	ordered = model_row(page->model, hardest->subject, &sequential);
	begin_pages(page, hardest, ordered);
	if (put_pages_panel(page, &slice, "sequential") < 0 ||
		put_pages_panel(page, &slice, "random") < 0)
		return -1;
	figure_end(page,
		"Time to fill a balloon and drain it again, a page, on one thread in batches of "
		"%lu (workload cycle): with pages in sequence, and in random order, where each "
		"descriptor is a cache miss once they do not fit. Medians; lower is better.",
		slice.batch);
	return 0;
}
