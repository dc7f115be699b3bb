/* SPDX-License-Identifier: MIT */
/* What is explored, for whoever searches and shows it: a scenario on a page strategy, or on a driver. */
#ifndef EXPLORE_STAGE_H
#define EXPLORE_STAGE_H

#include "explore/search.h"

/** Before each access, and once a lock was waited for. */
typedef void (*stage_watch)(uint32_t thread, const volatile void *place, size_t size_bytes,
	unsigned kind, uintptr_t where);

struct stage {
	const char *state_head; /* what show_state() shows */
	/** What to search. */
	const struct search_subject *(*subject)(void);
	/** For whoever shows a schedule. NULL: nobody. */
	void (*watch)(stage_watch watch);
	/** "dequeue+insert": what a thread does. Appends. */
	void (*name_thread)(uint32_t thread, char *text, size_t size);
	/** "page 1+4". */
	void (*name_place)(const volatile void *place, char *text, size_t size);
	/** How things stand now. Appends. */
	void (*show_state)(char *text, size_t size);
};

#endif
