/* SPDX-License-Identifier: MIT */
/* The figure of throughput over threads. */
#include <string.h>

#include "report/speed.h"

enum { PANELS_MAX = 12 };

static struct words describe_threads(const struct ends *ends)
{
	const struct row *first = ends->first, *last = ends->last;
	bool is_same = strcmp(first->subject, last->subject) == 0;
	return words_of(
		"%s is the fastest strategy on %s, %s million pages a second, and %s with %lu, "
		"%s",
		first->subject, plural(first->setup.threads, "thread").text,
		number(throughput(row_ns(first))).text, is_same ? "still" : last->subject,
		last->setup.threads, number(throughput(row_ns(last))).text);
}

/* A plot for each batch that was run with several numbers of threads. */
struct panels {
	struct setup slices[PANELS_MAX];
	struct ends ends[PANELS_MAX];
	size_t n;
};

static void find_panels(const struct model *model, const struct setup *slice, struct panels *panels)
{
	unsigned long batches[PANELS_MAX];
	size_t n = select_values(model, slice, VARIED_BATCH, batches, PANELS_MAX);
	panels->n = 0;
	for (size_t i = 0; i < n; i++) {
		struct setup *panel = &panels->slices[panels->n];
		*panel = *slice;
		panel->batch = batches[i];
		panels->n += find_ends(model, panel, VARIED_THREADS, &panels->ends[panels->n]);
	}
}

static double gain(const struct ends *ends)
{
	return row_ns(ends->first) / row_ns(ends->last);
}

static void begin_threads(struct page *page, const struct panels *panels)
{
	const struct ends *first = &panels->ends[0], *last = &panels->ends[panels->n - 1];
	if (panels->n == 1)
		figure_begin(page, "threads", "%s", describe_threads(first).text);
	else
		figure_begin(page, "threads",
			"%s together reach %s \xc3\x97 the throughput of %lu at batch %lu, and %s "
			"\xc3\x97 at batch %lu",
			plural(first->last->setup.threads, "thread").text, number(gain(first)).text,
			first->first->setup.threads, panels->slices[0].batch,
			number(gain(last)).text, panels->slices[panels->n - 1].batch);
}

static int put_threads_panels(struct page *page, const struct panels *panels)
{
	for (size_t i = 0; i < panels->n; i++) {
		unsigned long batch = panels->slices[i].batch;
		struct words id = words_of("threads-batch-%lu", batch);
		struct words title =
			words_of("Batch %lu: %s", batch, describe_threads(&panels->ends[i]).text);
		if (put_axis_chart(page, id.text, panels->n > 1 ? title.text : NULL,
			    &panels->slices[i], VARIED_THREADS, "threads on one balloon") < 0)
			return -1;
	}
	return 0;
}

int part_threads(struct page *page)
{
	const struct setup churn = {"churn", NULL, ANY, ANY, ANY, ANY, {ANY}};
	struct panels panels;
	struct setup slice;
	if (!select_slice(page->model, &churn, VARIED_THREADS | VARIED_BATCH, row_ns, &slice))
		return 0;
	find_panels(page->model, &slice, &panels);
	if (panels.n == 0)
		return 0;
	begin_threads(page, &panels);
	if (put_threads_panels(page, &panels) < 0)
		return -1;
	figure_end(page,
		"Throughput of all threads together, each taking pages out of one balloon and "
		"putting them in again (workload churn, %s pages). Medians; bars from the slowest "
		"to the fastest repeat. Higher is better.",
		number_whole(slice.pages).text);
	return 0;
}
