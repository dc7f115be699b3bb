/* SPDX-License-Identifier: MIT */
/* What is explored, for whoever searches and shows it: a scenario on a page strategy, or on a driver. */
#ifndef EXPLORE_STAGE_H
#define EXPLORE_STAGE_H

#include "explore/search.h"

/** Before each access, and once a lock was waited for. */
typedef void (*stage_watch)(uint32_t thread, const volatile void *place, size_t size_bytes,
	unsigned kind, uintptr_t where);

enum {
	STAGE_CELLS = 8,
	STAGE_NOBODY = -1,
};

/** A part of how things stand: a page, a count. */
struct stage_cell {
	char name[16];
	char value[12];
	int holder; /* the thread in whose hands it is; STAGE_NOBODY */
};

struct stage {
	const char *state_head; /* what the cells are */
	/** What to search. */
	const struct search_subject *(*subject)(void);
	/** For whoever shows a schedule. NULL: nobody. */
	void (*watch)(stage_watch watch);
	/** "dequeue+insert": what a thread does. Appends. */
	void (*name_thread)(uint32_t thread, char *text, size_t size);
	/** "page 1+4". */
	void (*name_place)(const volatile void *place, char *text, size_t size);
	/** The call that a thread is in; "-": none. Optional. */
	const char *(*call)(uint32_t thread);
	/** How things stand now, in so many cells. */
	uint32_t (*n_cells)(void);
	void (*show_cell)(uint32_t number, struct stage_cell *cell);
};

#endif
