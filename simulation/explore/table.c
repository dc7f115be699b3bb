/* SPDX-License-Identifier: MIT */

#include "explore/table.h"

#include "text.h"

enum { COLUMN = 48, LOCKS = 30 };

static void print_heads(FILE *file)
{
	fprintf(file, "%5s", "");
	for (uint32_t i = 0; i < play_scenario()->n_threads; i++) {
		char calls[COLUMN - 3];
		rows_name_calls(i, calls, sizeof(calls));
		fprintf(file, "  %c: %-*s", 'a' + (int)i, COLUMN - 3, calls);
	}
	fprintf(file, "  %-*s  pages\n", LOCKS, "locks");
}

static void print_locks(const struct row *row, FILE *file)
{
	char locks[64] = "";
	for (uint32_t i = 0; i < row->n_locks; i++)
		text_append(locks, sizeof(locks), "%s%c %s", i ? ", " : "",
			'a' + (int)row->locks[i].thread, row->locks[i].place);
	fprintf(file, "  %-*s  ", LOCKS, locks);
}

static void print_pages(const struct rows_pages *pages, FILE *file)
{
	for (uint32_t i = 0; i < play_scenario()->n_pages; i++) {
		fprintf(file, "%s%c", i ? " " : "", pages->states[i]);
		if (pages->holders[i] != SCENARIO_NOBODY)
			putc('a' + pages->holders[i], file);
	}
}

static void print_row(const struct row *row, uint32_t step, FILE *file)
{
	fprintf(file, "%5u", step);
	for (uint32_t i = 0; i < play_scenario()->n_threads; i++) {
		char what[32];
		char cell[COLUMN + 1] = "";
		snprintf(what, sizeof(what), "%s %s", row->kind, row->place);
		if (i == row->thread)
			snprintf(cell, sizeof(cell), "%.21s %.26s", row->source.name, what);
		fprintf(file, "  %-*s", COLUMN, cell);
	}
	print_locks(row, file);
	print_pages(&row->pages, file);
	putc('\n', file);
}

void table_print(const struct rows *rows, FILE *file)
{
	print_heads(file);
	for (uint32_t i = 0; i < rows->n; i++)
		print_row(&rows->all[i], i + 1, file);
}
