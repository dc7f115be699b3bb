/* SPDX-License-Identifier: MIT */

#include "explore/table.h"

#include <string.h>

#include "engine-internal.h"
#include "explore/source.h"
#include "text.h"

enum { COLUMN = 42, LOCKS = 30, LINE = 48 };

struct row {
	uint32_t thread;
	uintptr_t where;
	char what[32];
	char locks[64];
	char state[64];
};

static struct {
	const struct stage *stage;
	uint32_t n_threads;
	struct row rows[SEARCH_STEPS_MAX + 1];
	uint32_t n_rows;
	uintptr_t last
		[ENGINE_THREADS_MAX]; /* where each made its last step: a try of the lock that it waits for */
} table;

/* ---- A step ---------------------------------------------------------------------------------- */

/* "a page 0": where it is in there says nothing more. */
static void note_lock(struct row *row, uint32_t thread, const void *word)
{
	char place[32];
	table.stage->name_place(word, place, sizeof(place));
	place[strcspn(place, "+")] = '\0';
	text_append(row->locks, sizeof(row->locks), "%s%c %s", row->locks[0] ? ", " : "",
		'a' + (int)thread, place);
}

static void note_locks(struct row *row)
{
	const void *word;
	row->locks[0] = '\0';
	for (uint32_t i = 0; i < table.n_threads; i++)
		for (uint32_t j = 0; (word = engine_held_at(i, j)); j++)
			note_lock(row, i, word);
}

/* How things stand after the step of the last row. */
static void note_state(void)
{
	struct row *row = &table.rows[table.n_rows - 1];
	row->state[0] = '\0';
	table.stage->show_state(row->state, sizeof(row->state));
}

static void note_step(uint32_t thread, const volatile void *place, size_t size_bytes, unsigned kind,
	uintptr_t where)
{
	char name[24];
	(void)size_bytes;
	if (table.n_rows > 0)
		note_state();
	if (table.n_rows > SEARCH_STEPS_MAX)
		return;
	struct row *row = &table.rows[table.n_rows++];
	row->thread = thread;
	row->where = kind == ENGINE_POINT_LOCKED ? table.last[thread] : where;
	table.last[thread] = where;
	table.stage->name_place(place, name, sizeof(name));
	snprintf(row->what, sizeof(row->what), "%s %s", engine_point_name(kind), name);
	note_locks(row);
}

/* ---- The table ------------------------------------------------------------------------------- */

static void print_heads(FILE *file)
{
	fprintf(file, "%5s", "");
	for (uint32_t i = 0; i < table.n_threads; i++) {
		char head[COLUMN] = "";
		text_append(head, sizeof(head), "%c: ", 'a' + (int)i);
		table.stage->name_thread(i, head, sizeof(head));
		fprintf(file, "  %-*s", COLUMN, head);
	}
	fprintf(file, "  %-*s  %s\n", LOCKS, "locks", table.stage->state_head);
}

static void print_row(const struct row *row, uint32_t step, const char *line, FILE *file)
{
	fprintf(file, "%5u", step);
	for (uint32_t i = 0; i < table.n_threads; i++) {
		char cell[COLUMN + 1] = "";
		if (i == row->thread)
			snprintf(cell, sizeof(cell), "%.21s %.20s", line, row->what);
		fprintf(file, "  %-*s", COLUMN, cell);
	}
	fprintf(file, "  %-*s  %s\n", LOCKS, row->locks, row->state);
}

static void print_rows(FILE *file)
{
	static uintptr_t addresses[SEARCH_STEPS_MAX + 1];
	static char lines[SEARCH_STEPS_MAX + 1][LINE];
	for (uint32_t i = 0; i < table.n_rows; i++)
		addresses[i] = table.rows[i].where;
	source_lines(addresses, table.n_rows, lines);
	for (uint32_t i = 0; i < table.n_rows; i++)
		print_row(&table.rows[i], i + 1, lines[i], file);
}

bool table_print(const struct stage *stage, const struct search_schedule *schedule,
	struct engine_report *report, FILE *file)
{
	bool is_asserted;
	table.stage = stage;
	table.n_threads = stage->subject()->n_threads;
	table.n_rows = 0;
	stage->watch(note_step);
	bool is_found = search_replay(stage->subject(), schedule, report, &is_asserted);
	stage->watch(NULL);
	if (table.n_rows > 0)
		note_state();
	if (!is_found && is_asserted) {
		report->finding = ENGINE_ASSERTION;
		snprintf(report->what, sizeof(report->what), "%s", search_unheld);
	}
	print_heads(file);
	print_rows(file);
	return report->finding != ENGINE_NONE;
}
