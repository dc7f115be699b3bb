/* SPDX-License-Identifier: MIT */
#include "report/svg.h"

#include <stdbool.h>
#include <string.h>

#include "report/html.h"

static bool starts_with(const char *text, const char *start)
{
	return strncmp(text, start, strlen(start)) == 0;
}

/* If an identifier's name begins here, how long is what stands before the name; else 0. */
static size_t identifier_at(const char *text)
{
	static const char *const starts[] = {" id='", " id=\"", "href='#", "href=\"#", "url(#"};
	for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++) {
		if (starts_with(text, starts[i]))
			return strlen(starts[i]);
	}
	return 0;
}

/* Write a tag, with identifiers that no other plot of the page has. Returns what follows it. */
static const char *write_tag(FILE *out, const char *svg, const char *id)
{
	while (*svg && *svg != '>') {
		size_t n = identifier_at(svg);
		if (n > 0)
			fprintf(out, "%.*s%s-", (int)n, svg, id);
		else
			fputc(*svg, out);
		svg += n ? n : 1;
	}
	return svg;
}

/* gnuplot's drawing, without its head, its names for lines and its tabs. */
static void write_drawing(FILE *out, const char *svg, const char *id)
{
	const char *at = strstr(svg, "<g id=\"gnuplot_canvas\"");
	while (at && *at) {
		if (starts_with(at, "<title>"))
			at = strstr(at, "</title>") + strlen("</title>");
		if (*at == '<')
			at = write_tag(out, at, id);
		else if (*at != '\t')
			fputc(*at++, out);
		else
			at++;
	}
}

/* The plot's size, which gnuplot says as viewBox="0 0 WIDTH HEIGHT". */
void svg_write(
	FILE *out, const char *svg, const char *id, const char *title, const char *description)
{
	const char *box = strstr(svg, "viewBox=\"");
	int length = box ? (int)strcspn(box + strlen("viewBox=\""), "\"") : 0;
	fprintf(out,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" "
		"xmlns:xlink=\"http://www.w3.org/1999/xlink\" viewBox=\"%.*s\" role=\"img\" "
		"aria-labelledby=\"%s-title %s-text\">\n<title id=\"%s-title\">",
		length, box ? box + strlen("viewBox=\"") : "", id, id, id);
	html_text(out, title);
	fprintf(out, "</title>\n<desc id=\"%s-text\">%s</desc>\n", id, description);
	write_drawing(out, svg, id);
}
