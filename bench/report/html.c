/* SPDX-License-Identifier: MIT */
#include "report/html.h"

#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static void write_character(FILE *html, unsigned char character)
{
	switch (character) {
	case '&':
		fputs("&amp;", html);
		break;
	case '<':
		fputs("&lt;", html);
		break;
	case '>':
		fputs("&gt;", html);
		break;
	case '"':
		fputs("&quot;", html);
		break;
	case '\'':
		fputs("&#39;", html);
		break;
	default:
		if (character < ' ' || character == 0x7f)
			fputs("\xef\xbf\xbd", html); /* the replacement character */
		else
			fputc(character, html);
	}
}

void html_text(FILE *html, const char *text)
{
	for (; *text; text++)
		write_character(html, (unsigned char)*text);
}

/* Write n bytes of text. */
static void write_word(FILE *html, const char *word, size_t n)
{
	bool is_name = memchr(word, '-', n) != NULL;
	if (is_name)
		fputs("<span class=\"name\">", html);
	for (size_t i = 0; i < n; i++)
		write_character(html, (unsigned char)word[i]);
	if (is_name)
		fputs("</span>", html);
}

void html_prose(FILE *html, const char *text)
{
	static const char times[] = " \xc3\x97 ";
	while (*text) {
		size_t n = strcspn(text, " ");
		write_word(html, text, n);
		text += n;
		if (strncmp(text, times, strlen(times)) == 0)
			fputs("&nbsp;", html);
		else if (*text)
			fputc(' ', html);
		text += *text ? 1 : 0;
	}
}

void html_format(FILE *html, const char *format, ...)
{
	char text[2048];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	html_prose(html, text);
}

/* ---- Numbers -------------------------------------------------------------------------------- */

static int decimals(double value)
{
	static const struct {
		double from;
		int decimals;
	} steps[] = {{99.95, 0}, {9.995, 1}, {0.0995, 2}, {0.00995, 3}, {0.000995, 4}};
	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
		if (value >= steps[i].from)
			return steps[i].decimals;
	}
	return value > 0 ? 5 : 0;
}

/* Put commas between groups of three digits before the point. */
static struct number group(const char *digits)
{
	struct number grouped;
	size_t n_before = strcspn(digits, "."), length = 0;
	for (size_t i = 0; digits[i] && length + 2 < sizeof grouped.text; i++) {
		if (i > 0 && i < n_before && (n_before - i) % 3 == 0)
			grouped.text[length++] = ',';
		grouped.text[length++] = digits[i];
	}
	grouped.text[length] = '\0';
	return grouped;
}

struct number number(double value)
{
	char digits[32];
	if (isnan(value))
		return (struct number){"\xe2\x80\x93"}; /* a dash */
	snprintf(digits, sizeof digits, value < 1e15 ? "%.*f" : "%.*e", decimals(value), value);
	return value < 1e15 ? group(digits) : (struct number){"very many"};
}

struct number number_whole(unsigned long value)
{
	char digits[32];
	snprintf(digits, sizeof digits, "%lu", value);
	return group(digits);
}

struct number number_pages(unsigned long pages)
{
	static const char *const units[] = {"", " K", " M", " G"};
	size_t unit = 0;
	struct number number;
	while (pages > 0 && pages % 1024 == 0 && unit < 3) {
		pages /= 1024;
		unit++;
	}
	snprintf(number.text, sizeof number.text, "%.30s%s", number_whole(pages).text, units[unit]);
	return number;
}

struct number number_time(double ns)
{
	static const char *const units[] = {"ns", "\xc2\xb5s", "ms", "s"};
	size_t unit = 0;
	struct number time;
	while (ns >= 999.5 && unit < 3) {
		ns /= 1000;
		unit++;
	}
	snprintf(time.text, sizeof time.text, "%.3g %s", ns, units[unit]);
	return time;
}

/* ---- Cells ---------------------------------------------------------------------------------- */

/*
 * Numbers end at the right edge of their column. So that their points are below each other, spaces
 * as wide as a digit stand for the decimals that a number has not, up to two.
 */
static void write_aligned(FILE *html, double value)
{
	struct number shown = number(value);
	const char *point = strchr(shown.text, '.');
	size_t n_decimals = point ? strlen(point + 1) : 0;
	fputs(shown.text, html);
	if (!point)
		fputs("&#x2008;", html);
	for (; n_decimals < 2; n_decimals++)
		fputs("&#x2007;", html);
}

static void write_cell(FILE *html, const char *class, double value)
{
	fprintf(html, "<td class=\"%s\">", class);
	if (isnan(value))
		fputs("&ndash;", html);
	else
		write_aligned(html, value);
	fputs("</td>", html);
}

void html_cell(FILE *html, double value)
{
	write_cell(html, "n", value);
}

void html_spread(FILE *html, const struct spread *spread)
{
	write_cell(html, "n", spread->median);
	if (isnan(spread->median)) {
		fputs("<td class=\"range\"></td>", html);
		return;
	}
	fprintf(html, "<td class=\"range\">[%s&nbsp;%s]</td>", number(spread->min).text,
		number(spread->max).text);
}

void html_text_cell(FILE *html, const char *text)
{
	fputs("<td>", html);
	if (text)
		html_text(html, text);
	else
		fputs("&ndash;", html);
	fputs("</td>", html);
}
