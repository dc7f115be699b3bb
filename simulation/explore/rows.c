/* SPDX-License-Identifier: MIT */

#include "explore/rows.h"

#include <stdio.h>
#include <string.h>

#include "engine-internal.h"
#include "text.h"

static struct rows rows;
/* Where each thread made its last step: a try of the lock that it waits for. */
static uintptr_t last[ENGINE_THREADS_MAX];

static void note_state(struct stage_cell *cells)
{
	for (uint32_t i = 0; i < rows.n_cells; i++)
		rows.stage->show_cell(i, &cells[i]);
}

/* "page 0": where it is in there says nothing more. */
static void note_lock(struct row *row, uint32_t thread, const void *word)
{
	if (row->n_locks == ROWS_LOCKS)
		return;
	struct rows_lock *lock = &row->locks[row->n_locks++];
	lock->thread = thread;
	rows.stage->name_place(word, lock->place, sizeof(lock->place));
	lock->place[strcspn(lock->place, "+.")] = '\0';
}

static void note_locks(struct row *row)
{
	const void *word;
	row->n_locks = 0;
	for (uint32_t i = 0; i < rows.n_threads; i++)
		for (uint32_t j = 0; (word = engine_held_at(i, j)); j++)
			note_lock(row, i, word);
}

/* How things stand after a step shows when the next one is made. */
static void note_step(uint32_t thread, const volatile void *place, size_t size_bytes, unsigned kind,
	uintptr_t where)
{
	(void)size_bytes;
	if (rows.n > 0)
		note_state(rows.all[rows.n - 1].state);
	if (rows.n > SEARCH_STEPS_MAX)
		return;
	struct row *row = &rows.all[rows.n++];
	row->thread = thread;
	row->call = rows.stage->call ? rows.stage->call(thread) : NULL;
	row->kind = engine_point_name(kind);
	row->where = kind == ENGINE_POINT_LOCKED ? last[thread] : where;
	last[thread] = where;
	rows.stage->name_place(place, row->place, sizeof(row->place));
	note_locks(row);
}

static void note_sources(void)
{
	static uintptr_t addresses[SEARCH_STEPS_MAX + 1];
	static struct source_place places[SEARCH_STEPS_MAX + 1];
	for (uint32_t i = 0; i < rows.n; i++)
		addresses[i] = rows.all[i].where;
	source_find(addresses, rows.n, places);
	for (uint32_t i = 0; i < rows.n; i++)
		rows.all[i].source = places[i];
}

const struct rows *rows_make(const struct stage *stage, const struct search_schedule *schedule,
	struct engine_report *report)
{
	const struct search_subject *subject = stage->subject();
	bool is_asserted;
	rows.stage = stage;
	rows.n_threads = subject->n_threads;
	rows.n_cells = stage->n_cells();
	rows.n = 0;
	subject->begin();
	note_state(rows.start);
	stage->watch(note_step);
	bool is_found = search_replay(subject, schedule, report, &is_asserted);
	stage->watch(NULL);
	if (rows.n > 0)
		note_state(rows.all[rows.n - 1].state);
	if (!is_found && is_asserted) {
		report->finding = ENGINE_ASSERTION;
		snprintf(report->what, sizeof(report->what), "%s", search_unheld);
	}
	note_sources();
	return &rows;
}
