/* SPDX-License-Identifier: MIT */
/* What figures of speed share. */
#ifndef REPORT_SPEED_H
#define REPORT_SPEED_H

#include "report/page.h"

/** Million pages a second; ns: a page's time. */
double throughput(double ns);

/** The fastest strategies where what varies is least, and where it is most. */
struct ends {
	const struct row *first, *last;
};

/** Are there two ends, with strategies at them? */
bool find_ends(const struct model *model, const struct setup *slice, enum varied varied,
	struct ends *ends);

/**
 * Put a chart of all subjects into a figure: throughput over threads, or else cost. id, title: as
 * figure_chart(); label: of what varies. Returns 0 or -1.
 */
int put_axis_chart(struct page *page, const char *id, const char *title, const struct setup *slice,
	enum varied varied, const char *label);

#endif
