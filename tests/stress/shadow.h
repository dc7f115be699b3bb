/* SPDX-License-Identifier: MIT */
/*
 * The shadow state: what the test knows of each page, held against what the library does.
 *
 * A thread can only stamp before and after a call. A transition to a list is stamped before the
 * call, because the page may leave again before the call returns; a transition off a list is
 * stamped after the call, because until then nobody else may have the page. If the library keeps
 * its contract, every stamp finds the mark that it expects: whoever stamps is, at that moment, the
 * only one who may. A stamp that finds another mark is two holders of one page.
 *
 * The marks are relaxed atomics, changed by compare-and-swap alone: they order nothing, so no race
 * tool takes them for synchronisation that the library was to provide. Beside each mark lies a
 * payload, plain memory: a holder writes it before it gives a page away, and the next holder reads
 * it. Only the order that the library promises makes that sound. So race tools see missing order,
 * and the shadow sees a payload that somebody else wrote.
 */
#ifndef STRESS_SHADOW_H
#define STRESS_SHADOW_H

#include <stdatomic.h>

#include <balloon/balloon.h>

/** What a page went through, or should not have gone through. */
enum shadow_op {
	SHADOW_INSERT,
	SHADOW_DEQUEUE,
	SHADOW_ISOLATE,
	SHADOW_PUTBACK,
	SHADOW_MIGRATE,
	SHADOW_FINALIZE,
	SHADOW_POOL, /* of the test's own: the pool of free pages */
};

/* Devices and threads are numbered from 0, below SHADOW_IDS_MAX. */
enum { SHADOW_IDS_MAX = 0x3ffe, SHADOW_NOBODY = 0x3ffe, SHADOW_ANY = 0x3fff };

/** Where a page is, and who put it there; `device` means nothing for an owned page. */
struct shadow_mark {
	enum balloon_page_state state;
	uint16_t device;
	uint16_t holder;
};

struct shadow {
	uint32_t n_pages;
	const char *setting; /* for messages: how to run this again */
	_Atomic uint64_t *words;
	uint32_t *payloads;
};

/** What one thread brings along to stamp. */
struct shadow_thread {
	struct shadow *shadow;
	const char *role;
	uint32_t n_tokens;
	uint16_t id;
};

static inline struct shadow_mark shadow_owned(uint16_t holder)
{
	return (struct shadow_mark){BALLOON_PAGE_OWNED, 0, holder};
}

static inline struct shadow_mark shadow_listed(uint16_t device, uint16_t holder)
{
	return (struct shadow_mark){BALLOON_PAGE_LISTED, device, holder};
}

static inline struct shadow_mark shadow_isolated(uint16_t device, uint16_t holder)
{
	return (struct shadow_mark){BALLOON_PAGE_ISOLATED, device, holder};
}

/** All pages start owned by SHADOW_NOBODY, which is the pool of free pages. Returns 0 or -ENOMEM. */
int shadow_init(struct shadow *shadow, uint32_t n_pages);
void shadow_fini(struct shadow *shadow);

/**
 * Move a page from one mark to the next.
 *
 * from: what it has to be; SHADOW_ANY leaves device or holder open.
 * to: what it is then; device SHADOW_ANY: as before.
 * Does not return if the page's mark or payload is another: says so and ends the process.
 */
void shadow_stamp(struct shadow_thread *thread, enum shadow_op op, struct balloon_page page,
	struct shadow_mark from, struct shadow_mark to);

/** A page's mark, for a page that the caller holds or while nothing is under way. */
struct shadow_mark shadow_look(const struct shadow *shadow, struct balloon_page page);

/**
 * Say which invariant is broken, on one line, and under which setting; end the process with
 * status 1. The map is broken and other threads may be inside it: there is no way on.
 */
_Noreturn void shadow_fail(const struct shadow_thread *thread, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

const char *shadow_op_name(enum shadow_op op);

#endif
