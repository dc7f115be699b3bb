/* SPDX-License-Identifier: MIT */

#include "explore/table.h"

#include "text.h"

enum { COLUMN = 48, LOCKS = 30 };

static void print_heads(const struct rows *rows, FILE *file)
{
	fprintf(file, "%5s", "");
	for (uint32_t i = 0; i < rows->n_threads; i++) {
		char head[COLUMN] = "";
		text_append(head, sizeof(head), "%c: ", 'a' + (int)i);
		rows->stage->name_thread(i, head, sizeof(head));
		fprintf(file, "  %-*s", COLUMN, head);
	}
	fprintf(file, "  %-*s  %s\n", LOCKS, "locks", rows->stage->state_head);
}

static void print_locks(const struct row *row, FILE *file)
{
	char locks[64] = "";
	for (uint32_t i = 0; i < row->n_locks; i++)
		text_append(locks, sizeof(locks), "%s%c %s", i ? ", " : "",
			'a' + (int)row->locks[i].thread, row->locks[i].place);
	fprintf(file, "  %-*s  ", LOCKS, locks);
}

static void print_state(const struct stage_cell *cells, uint32_t n, FILE *file)
{
	for (uint32_t i = 0; i < n; i++) {
		fprintf(file, "%s%s", i ? " " : "", cells[i].value);
		if (cells[i].holder != STAGE_NOBODY)
			putc('a' + cells[i].holder, file);
	}
}

static void print_row(const struct rows *rows, uint32_t number, FILE *file)
{
	const struct row *row = &rows->all[number];
	fprintf(file, "%5u", number + 1);
	for (uint32_t i = 0; i < rows->n_threads; i++) {
		char what[40];
		char cell[COLUMN + 1] = "";
		snprintf(what, sizeof(what), "%s %s", row->kind, row->place);
		if (i == row->thread)
			snprintf(cell, sizeof(cell), "%.21s %.26s", row->source.name, what);
		fprintf(file, "  %-*s", COLUMN, cell);
	}
	print_locks(row, file);
	print_state(row->state, rows->n_cells, file);
	putc('\n', file);
}

void table_print(const struct rows *rows, FILE *file)
{
	print_heads(rows, file);
	for (uint32_t i = 0; i < rows->n; i++)
		print_row(rows, i, file);
}
