/* SPDX-License-Identifier: MIT */
/* What tables and sentences share. */
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include "report/page.h"
#include "report/style.h"

/* mark: the character before a heading that says what its column holds, or another one. */
static void write_heading(FILE *html, const char *heading, size_t length)
{
	bool is_number = heading[0] == '#', has_range = heading[0] == '=';
	size_t skip = is_number || has_range;
	fprintf(html, "<th scope=\"col\"%s>%.*s</th>",
		has_range   ? " class=\"n\" colspan=\"2\""
		: is_number ? " class=\"n\""
			    : "",
		(int)(length - skip), heading + skip);
}

void table_begin(const struct page *page, const char *headings)
{
	fputs("<div class=\"scroll\"><table>\n<thead><tr>", page->html);
	for (;;) {
		size_t length = strcspn(headings, "|");
		write_heading(page->html, headings, length);
		if (!headings[length])
			break;
		headings += length + 1;
	}
	fputs("</tr></thead>\n<tbody>\n", page->html);
}

void table_end(const struct page *page)
{
	fputs("</tbody></table></div>\n", page->html);
}

void table_subject(const struct page *page, const char *subject)
{
	const struct subject *known = model_subject(page->model, subject);
	bool is_strategy = known && known->kind == KIND_STRATEGY;
	fprintf(page->html, "<th scope=\"row\" class=\"%s\"",
		is_strategy ? "strategy" : "reference");
	if (is_strategy)
		fprintf(page->html, " style=\"border-left-color:%s\"",
			style_of(page->model, subject).colour);
	fputs(">", page->html);
	html_text(page->html, subject);
	fputs("</th>", page->html);
}

struct words words_of(const char *format, ...)
{
	struct words words;
	va_list args;
	va_start(args, format);
	vsnprintf(words.text, sizeof words.text, format, args);
	va_end(args);
	return words;
}

struct words plural(unsigned long n, const char *noun)
{
	return words_of("%s %s%s", number_whole(n).text, noun, n == 1 ? "" : "s");
}

struct words setup_words(const struct setup *setup)
{
	bool is_random = strcmp(setup->order, "sequential") != 0;
	const unsigned long *mix = setup->mix;
	struct words shares = words_of(
		" (%lu fill, %lu leak, %lu scan, %lu migrate)", mix[0], mix[1], mix[2], mix[3]);
	return words_of("%s%s, %s, batch %s%s%s%s%s%s", setup->workload, mix[0] ? shares.text : "",
		plural(setup->threads, "thread").text, number_whole(setup->batch).text,
		setup->pages > 0 ? ", " : "",
		setup->pages > 0 ? plural(setup->pages, "page").text : "",
		setup->devices > 1 ? ", " : "",
		setup->devices > 1 ? plural(setup->devices, "device").text : "",
		is_random ? ", in random order" : "");
}
