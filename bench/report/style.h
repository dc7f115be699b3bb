/* SPDX-License-Identifier: MIT */
/* How a subject looks, in every plot the same: told apart by colour, by shape and by dash. */
#ifndef REPORT_STYLE_H
#define REPORT_STYLE_H

#include "report/model.h"

struct style {
	const char *colour;
	const char *dash; /* as gnuplot says it */
	int point;        /* gnuplot's number of a shape */
	double width, size;
};

/** subject: of the model. Strategies are coloured, references are grey. */
struct style style_of(const struct model *model, const char *subject);

#endif
