/* SPDX-License-Identifier: MIT */
/* The shadow state: marks, payloads, and what is said when they do not fit. */

#include "shadow.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* A word: the token that the payload repeats, holder, device, state. */
static uint64_t pack(struct shadow_mark mark, uint32_t token)
{
	return (uint64_t)token << 32 | (uint64_t)mark.holder << 16 | (uint64_t)mark.device << 2 |
	       (uint64_t)mark.state;
}

static struct shadow_mark unpack(uint64_t word)
{
	return (struct shadow_mark){
		.state = (enum balloon_page_state)(word & 3),
		.device = (uint16_t)(word >> 2 & SHADOW_ANY),
		.holder = (uint16_t)(word >> 16 & SHADOW_ANY),
	};
}

static uint32_t token_of(uint64_t word)
{
	return (uint32_t)(word >> 32);
}

int shadow_init(struct shadow *shadow, uint32_t n_pages)
{
	shadow->n_pages = n_pages;
	shadow->words = calloc(n_pages, sizeof(*shadow->words));
	shadow->payloads = calloc(n_pages, sizeof(*shadow->payloads));
	if (!shadow->words || !shadow->payloads)
		return -ENOMEM;
	for (uint32_t i = 0; i < n_pages; i++)
		atomic_init(&shadow->words[i], pack(shadow_owned(SHADOW_NOBODY), 0));
	return 0;
}

void shadow_fini(struct shadow *shadow)
{
	free(shadow->words);
	free(shadow->payloads);
}

const char *shadow_op_name(enum shadow_op op)
{
	static const char *const names[] = {
		[SHADOW_INSERT] = "insert",
		[SHADOW_DEQUEUE] = "dequeue",
		[SHADOW_ISOLATE] = "isolate",
		[SHADOW_PUTBACK] = "putback",
		[SHADOW_MIGRATE] = "migrate",
		[SHADOW_FINALIZE] = "finalize",
		[SHADOW_POOL] = "pool",
	};
	return names[op];
}

void shadow_fail(const struct shadow_thread *thread, const char *format, ...)
{
	static atomic_flag is_said = ATOMIC_FLAG_INIT;
	char what[256];
	va_list arguments;
	while (atomic_flag_test_and_set(&is_said))
		sleep(1); /* another thread ends the process just now */
	va_start(arguments, format);
	vsnprintf(what, sizeof(what), format, arguments);
	va_end(arguments);
	fprintf(stderr, "stress: %s\nstress: by thread %u (%s), %s\n", what, (unsigned)thread->id,
		thread->role, thread->shadow->setting);
	_exit(1);
}

/* The invariant that is broken when an operation finds a page in this state. */
static const char *broken_invariant(
	enum shadow_op op, enum balloon_page_state expected, enum balloon_page_state found)
{
	if (expected == found && found == BALLOON_PAGE_LISTED)
		return "I1: a page came off the list of another device";
	if (op == SHADOW_DEQUEUE)
		return "I5: dequeue returned a page that somebody holds";
	if (op == SHADOW_ISOLATE)
		return found == BALLOON_PAGE_ISOLATED
			       ? "I4: a page was isolated twice"
			       : "I6: a page was isolated that is in no balloon";
	return expected == BALLOON_PAGE_ISOLATED ? "I4: an isolated page left its holder"
						 : "I5: an owned page left its holder";
}

static void say_mark(char *text, size_t size_bytes, struct shadow_mark mark)
{
	static const char *const states[] = {"owned", "listed", "isolated", "broken"};
	int n = snprintf(text, size_bytes, "%s", states[mark.state]);
	if (mark.state != BALLOON_PAGE_OWNED && mark.device != SHADOW_ANY)
		n += snprintf(text + n, size_bytes - (size_t)n, " on device %u", mark.device);
	if (mark.holder < SHADOW_IDS_MAX)
		n += snprintf(text + n, size_bytes - (size_t)n, " by thread %u", mark.holder);
	else if (mark.holder == SHADOW_NOBODY)
		snprintf(text + n, size_bytes - (size_t)n, " by nobody");
}

static _Noreturn void fail_mark(const struct shadow_thread *thread, enum shadow_op op,
	struct balloon_page page, struct shadow_mark expected, struct shadow_mark found)
{
	char expected_text[64];
	char found_text[64];
	say_mark(expected_text, sizeof(expected_text), expected);
	say_mark(found_text, sizeof(found_text), found);
	shadow_fail(thread, "%s: %s, page %u: expected %s, found %s",
		broken_invariant(op, expected.state, found.state), shadow_op_name(op),
		(unsigned)page.index, expected_text, found_text);
}

static bool fits(struct shadow_mark found, struct shadow_mark expected)
{
	return found.state == expected.state &&
	       (found.state == BALLOON_PAGE_OWNED || expected.device == SHADOW_ANY ||
		       found.device == expected.device) &&
	       (expected.holder == SHADOW_ANY || found.holder == expected.holder);
}

void shadow_stamp(struct shadow_thread *thread, enum shadow_op op, struct balloon_page page,
	struct shadow_mark from, struct shadow_mark to)
{
	struct shadow *shadow = thread->shadow;
	if (page.index >= shadow->n_pages)
		shadow_fail(thread, "I1: %s returned page %u, which is outside the map",
			shadow_op_name(op), (unsigned)page.index);
	uint64_t word = atomic_load_explicit(&shadow->words[page.index], memory_order_relaxed);
	if (!fits(unpack(word), from))
		fail_mark(thread, op, page, from, unpack(word));
	uint32_t payload = shadow->payloads[page.index];
	if (payload != token_of(word))
		shadow_fail(thread,
			"I5: %s, page %u: its holder wrote %#x, somebody else or nobody wrote %#x",
			shadow_op_name(op), (unsigned)page.index, (unsigned)token_of(word),
			(unsigned)payload);
	uint32_t token = ++thread->n_tokens << 8 | (thread->id & 0xffu);
	if (to.device == SHADOW_ANY)
		to.device = unpack(word).device;
	shadow->payloads[page.index] = token;
	if (!atomic_compare_exchange_strong_explicit(&shadow->words[page.index], &word,
		    pack(to, token), memory_order_relaxed, memory_order_relaxed))
		fail_mark(thread, op, page, from, unpack(word));
}

struct shadow_mark shadow_look(const struct shadow *shadow, struct balloon_page page)
{
	return unpack(atomic_load_explicit(&shadow->words[page.index], memory_order_relaxed));
}
