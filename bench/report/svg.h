/* SPDX-License-Identifier: MIT */
#ifndef REPORT_SVG_H
#define REPORT_SVG_H

#include <stdio.h>

/**
 * Write what gnuplot drew as an element for a page that has more of them. It fits in any width.
 * id: begins all identifiers in it; title: as text; description: as HTML.
 */
void svg_write(
	FILE *out, const char *svg, const char *id, const char *title, const char *description);

#endif
