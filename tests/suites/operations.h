/* SPDX-License-Identifier: MIT */
/* The operations that start from given pages, as data: the whole state machine but for dequeue. */
#ifndef SUITES_OPERATIONS_H
#define SUITES_OPERATIONS_H

#include "suite.h"

enum operation {
	INSERT,
	ISOLATE,
	PUTBACK,
	MIGRATE, /* the given pages are the old ones; page i + REPLACEMENT takes the place of page i */
	REPLACE, /* the same, the given pages being the new ones */
	FINALIZE,
	N_OPERATIONS,
};

enum {
	REPLACEMENT = N_PAGES / 2, /* pages from here on are kept for MIGRATE and REPLACE */
	BATCH = 5,
};

/** What an operation asks of a page's state, what it makes of it, and how it refuses others. */
struct rule {
	const char *name;
	enum balloon_page_state from;
	enum balloon_page_state to;
	int refusal;
};

extern const struct rule rules[N_OPERATIONS];

/** Do an operation on up to BATCH pages, on devices[0] where it needs a device. */
int operate(struct fixture *f, enum operation operation, const struct balloon_page *pages,
	size_t n_pages);

/** Bring what stands opposite to a page into the state in which the operation can be done. */
void prepare_opposite(struct fixture *f, enum operation operation, uint32_t index);

#endif
