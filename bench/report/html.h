/* SPDX-License-Identifier: MIT */
/* Pieces of HTML, and numbers as people read them. */
#ifndef REPORT_HTML_H
#define REPORT_HTML_H

#include <stddef.h>
#include <stdio.h>

#include "report/model.h"

/** Write a text so that it is text in HTML, and in XML, whatever it holds. */
void html_text(FILE *html, const char *text);

/** The same, and lines break neither in names with hyphens nor before a sign of multiplication. */
void html_prose(FILE *html, const char *text);

/** Prose with a format. */
void html_format(FILE *html, const char *format, ...) __attribute__((format(printf, 2, 3)));

struct number {
	char text[48];
};

/** Three digits that count, 12,345.6 as 12,346; a dash for NAN. */
struct number number(double value);

/** A whole number in full. */
struct number number_whole(unsigned long value);

/** A number of pages for an axis: 4096 is 4 K. */
struct number number_pages(unsigned long pages);

/** A time: 3.4 ns, 1.2 µs. */
struct number number_time(double ns);

/** A cell of a column whose numbers are aligned at the point; a median, and what it is between. */
void html_cell(FILE *html, double value);
void html_spread(FILE *html, const struct spread *spread);

/** A cell with a text; NULL: a dash. */
void html_text_cell(FILE *html, const char *text);

#endif
