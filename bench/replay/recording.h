/* SPDX-License-Identifier: MIT */
/* A recording of what happened to the pages of one balloon, as rows in the order of their times. */
#ifndef REPLAY_RECORDING_H
#define REPLAY_RECORDING_H

#include <stddef.h>
#include <stdint.h>

#include "common/problem.h"

enum {
	TASKS_MAX = 64,
	TASK_NAME_BYTES = 64,
	SPAN_PAGES_MAX = 1 << 26, /* 256 GiB of 4 KiB pages: keeps a hostile file's map small */
};

enum op {
	OP_INFLATE,
	OP_DEFLATE,
	OP_DEFLATE_NONE, /* a dequeue that returned no page */
	OP_ISOLATE,
	OP_PUTBACK,
	OP_MIGRATE,
	OP_MIGRATE_AGAIN, /* refused for now: the page stays isolated */
	OP_FINALIZE,      /* an isolated page leaves the balloon */
	OP_TELL_INFLATE,
	OP_TELL_DEFLATE,
	OP_LEAK_BEGIN,
	OP_LEAK_END,
	OP_OOM_BEGIN,
	OP_OOM_END,
	OP_COUNT,
};

struct row {
	uint32_t page;     /* index: PFN less the recording's first one */
	uint32_t new_page; /* of a migration */
	int32_t n_pages;   /* of a leak: wanted at its begin, released at its end */
	uint8_t op;
	uint8_t task;
};

/** Who did something: a task of the recorded system, by its name. */
struct recorded_task {
	char name[TASK_NAME_BYTES];
	size_t n_isolates;
};

struct recording {
	const char *path; /* the caller's */
	char *name;       /* the file's, without folder and suffixes */
	struct row *rows; /* row i is line i + 2 of the file */
	size_t n_rows;
	uint32_t first_pfn;
	uint32_t n_pages; /* from the lowest PFN to the highest */
	struct recorded_task tasks[TASKS_MAX];
	unsigned n_tasks;
	char task_names[TASKS_MAX * TASK_NAME_BYTES]; /* of all, joined by commas */
	uint64_t n_ops[OP_COUNT];
	uint64_t final_listed;
	uint64_t final_isolated;
};

/**
 * Load a recording and make sure that what it tells can have happened.
 *
 * path: must stay as long as the recording. Returns 0, and the caller releases it with
 * recording_fini(); or -1.
 */
int recording_load(struct recording *recording, const char *path, struct problem *problem);

void recording_fini(struct recording *recording);

/** The operation's name in the file. */
const char *op_name(enum op op);

static inline size_t recording_line(size_t row)
{
	return row + 2;
}

#endif
