/* SPDX-License-Identifier: MIT */

#include "memory/locks.h"

#include <stdio.h>
#include <string.h>

#include "engine-internal.h"
#include "text.h"

enum { WAIT_NS = 1000, DEADLINES = 3 };

struct part {
	const char *name;
	void (*function)(void);
};

struct scenario {
	const char *name;
	uint32_t n_threads;
	struct part parts[MEMORY_THREADS];
	bool is_lasting; /* the lock */
};

static struct {
	const struct scenario *scenario;
	enum memory memory;
	struct engine_thread threads[MEMORY_THREADS];
	struct search_subject subject;
	stage_watch watch;
	/* What threads share. */
	struct balloon_lock lock;
	struct balloon_atomic_u32 flags;
	struct balloon_atomic_word n_contended;
	struct balloon_event event;
	struct balloon_atomic_u32 change; /* waited for by whoever looks without a lock */
	uint32_t count;                   /* what the locks protect */
	/* What they do not. */
	uint32_t n_added;
	uint32_t flags_set;
} locks;

/* ---- What threads do ------------------------------------------------------------------------- */

static void add(void)
{
	BALLOON_ADD(locks.count, 1);
	locks.n_added++;
}

static void lock(void)
{
	balloon_lock_acquire(&locks.lock);
	add();
	balloon_lock_release(&locks.lock);
}

static void lock_last(void)
{
	balloon_lock_acquire(&locks.lock);
	add();
	balloon_lock_release_last(&locks.lock);
}

static void try(void)
{
	if (!balloon_lock_try(&locks.lock))
		return;
	add();
	balloon_lock_release(&locks.lock);
}

static void lock_until(uint64_t deadline_ns)
{
	if (!balloon_lock_acquire_until(&locks.lock, deadline_ns)) {
		ENGINE_CHECK(balloon_platform_now_ns() >= deadline_ns);
		return;
	}
	add();
	balloon_lock_release(&locks.lock);
}

static void until(void)
{
	lock_until(BALLOON_NEVER);
}

static void until_soon(void)
{
	lock_until(engine_now_ns() + WAIT_NS);
}

static void page(void)
{
	balloon_page_lock(&locks.flags, &locks.n_contended);
	add();
	balloon_page_unlock(&locks.flags);
}

static void try_page(void)
{
	if (!balloon_page_trylock(&locks.flags, &locks.n_contended))
		return;
	add();
	balloon_page_unlock(&locks.flags);
}

/* A flag beside the lock's own bits, as designs have them. */
static void flag(void)
{
	balloon_atomic_or(&locks.flags, BALLOON_PAGE_FLAG_FIRST, BALLOON_RELAXED);
	locks.flags_set = BALLOON_PAGE_FLAG_FIRST;
}

static void signal(void)
{
	balloon_atomic_store(&locks.change, 1, BALLOON_RELAXED);
	balloon_event_signal(&locks.event);
}

/* Looks without a lock. */
static void wait(void)
{
	for (;;) {
		uint32_t seen = balloon_event_seen(&locks.event);
		if (balloon_atomic_load(&locks.change, BALLOON_RELAXED) > 0)
			return;
		balloon_event_wait(&locks.event, seen, BALLOON_NEVER);
	}
}

static void wait_soon(void)
{
	uint64_t deadline_ns = engine_now_ns() + WAIT_NS;
	for (int i = 0; i < DEADLINES; i++) {
		uint32_t seen = balloon_event_seen(&locks.event);
		if (balloon_atomic_load(&locks.change, BALLOON_RELAXED) > 0 ||
			balloon_platform_now_ns() >= deadline_ns)
			return;
		balloon_event_wait(&locks.event, seen, deadline_ns);
	}
}

/* Waits for the event alone. */
static void past(void)
{
	while (!balloon_event_is_past(&locks.event, 0))
		balloon_event_wait(&locks.event, 0, BALLOON_NEVER);
	ENGINE_CHECK(balloon_atomic_load(&locks.change, BALLOON_RELAXED) > 0);
}

static void signal_after_lock(void)
{
	lock();
	balloon_event_signal(&locks.event);
}

static void signal_under_lock(void)
{
	balloon_lock_acquire(&locks.lock);
	add();
	bool is_awaited = balloon_event_mark(&locks.event);
	balloon_lock_release(&locks.lock);
	if (is_awaited)
		balloon_event_wake(&locks.event);
}

static bool look_under_lock(void)
{
	balloon_lock_acquire(&locks.lock);
	bool is_there = BALLOON_READ(locks.count) > 0;
	balloon_lock_release(&locks.lock);
	return is_there;
}

static void wait_under_lock(void)
{
	for (;;) {
		uint32_t seen = balloon_event_seen(&locks.event);
		if (look_under_lock())
			return;
		balloon_event_wait(&locks.event, seen, BALLOON_NEVER);
	}
}

#define LOCK                                                                                       \
	{                                                                                          \
		"lock", lock                                                                       \
	}
#define LAST                                                                                       \
	{                                                                                          \
		"last", lock_last                                                                  \
	}
#define TRY                                                                                        \
	{                                                                                          \
		"try", try                                                                         \
	}
#define UNTIL                                                                                      \
	{                                                                                          \
		"until", until                                                                     \
	}
#define UNTIL_SOON                                                                                 \
	{                                                                                          \
		"until soon", until_soon                                                           \
	}
#define PAGE                                                                                       \
	{                                                                                          \
		"page", page                                                                       \
	}
#define TRY_PAGE                                                                                   \
	{                                                                                          \
		"try page", try_page                                                               \
	}
#define FLAG                                                                                       \
	{                                                                                          \
		"flag", flag                                                                       \
	}
#define SIGNAL                                                                                     \
	{                                                                                          \
		"signal", signal                                                                   \
	}
#define WAIT                                                                                       \
	{                                                                                          \
		"wait", wait                                                                       \
	}
#define WAIT_SOON                                                                                  \
	{                                                                                          \
		"wait soon", wait_soon                                                             \
	}
#define PAST                                                                                       \
	{                                                                                          \
		"past", past                                                                       \
	}
#define SIGNAL_AFTER                                                                               \
	{                                                                                          \
		"signal after lock", signal_after_lock                                             \
	}
#define SIGNAL_UNDER                                                                               \
	{                                                                                          \
		"signal under lock", signal_under_lock                                             \
	}
#define WAIT_LOCKED                                                                                \
	{                                                                                          \
		"wait, look under lock", wait_under_lock                                           \
	}

static const struct scenario scenarios[] = {
	{"lock|lock", 2, {LOCK, LOCK}, false},
	{"lock|try", 2, {LOCK, TRY}, false},
	{"lock|until", 2, {LOCK, UNTIL}, false},
	{"lock|until soon", 2, {LOCK, UNTIL_SOON}, false},
	{"lasting, lock|lock", 2, {LOCK, LOCK}, true},
	{"lasting, last|lock", 2, {LAST, LOCK}, true},
	{"lasting, lock|try", 2, {LOCK, TRY}, true},
	{"lasting, lock|until", 2, {LOCK, UNTIL}, true},
	{"lasting, lock|until soon", 2, {LOCK, UNTIL_SOON}, true},
	{"page|page", 2, {PAGE, PAGE}, false},
	{"page|try page", 2, {PAGE, TRY_PAGE}, false},
	{"signal|wait", 2, {SIGNAL, WAIT}, false},
	{"signal|wait soon", 2, {SIGNAL, WAIT_SOON}, false},
	{"signal|past", 2, {SIGNAL, PAST}, false},
	{"signal after lock|wait", 2, {SIGNAL_AFTER, WAIT_LOCKED}, false},
	{"signal under lock|wait", 2, {SIGNAL_UNDER, WAIT_LOCKED}, false},
	{"lock|lock|lock", 3, {LOCK, LOCK, LOCK}, false},
	{"lock|lock|until soon", 3, {LOCK, LOCK, UNTIL_SOON}, false},
	{"until soon|lock|lock", 3, {UNTIL_SOON, LOCK, LOCK}, false},
	{"lasting, lock|lock|lock", 3, {LOCK, LOCK, LOCK}, true},
	{"lasting, lock|lock|until soon", 3, {LOCK, LOCK, UNTIL_SOON}, true},
	{"lasting, until soon|lock|lock", 3, {UNTIL_SOON, LOCK, LOCK}, true},
	{"page|page|page", 3, {PAGE, PAGE, PAGE}, false},
	{"page|page|flag", 3, {PAGE, PAGE, FLAG}, false},
	{"signal|wait|wait", 3, {SIGNAL, WAIT, WAIT}, false},
	{"signal|signal|wait", 3, {SIGNAL, SIGNAL, WAIT}, false},
};

const char *locks_name(size_t i)
{
	return i < sizeof(scenarios) / sizeof(scenarios[0]) ? scenarios[i].name : NULL;
}

/* ---- A run ----------------------------------------------------------------------------------- */

static void begin(void)
{
	memory_begin(locks.memory, locks.scenario->n_threads);
	balloon_atomic_init(&locks.n_contended, 0, BALLOON_SHARED_COUNTER);
	balloon_atomic_init(&locks.change, 0, BALLOON_SHARED_COUNTER);
	if (locks.scenario->is_lasting)
		balloon_lock_init_lasting(&locks.lock, BALLOON_RANK_PAGES, &locks.n_contended);
	else
		balloon_lock_init(&locks.lock, BALLOON_RANK_PAGES, &locks.n_contended);
	balloon_page_lock_init(&locks.flags);
	balloon_event_init(&locks.event);
	locks.count = 0;
	locks.n_added = 0;
	locks.flags_set = 0;
}

static void run_part(void *part)
{
	((const struct part *)part)->function();
	memory_end_thread();
}

static void end(void)
{
	ENGINE_CHECK_EQ(locks.count, locks.n_added);
	ENGINE_CHECK_EQ(locks.lock.n_waiting.value, 0);
	ENGINE_CHECK_EQ(locks.lock.word.value, BALLOON_LOCK_FREE);
	ENGINE_CHECK_EQ(locks.flags.value, locks.flags_set);
}

void locks_open(size_t i, enum memory memory)
{
	const struct scenario *scenario = &scenarios[i];
	locks.scenario = scenario;
	locks.memory = memory;
	for (uint32_t j = 0; j < scenario->n_threads; j++)
		locks.threads[j] = (struct engine_thread){
			scenario->parts[j].name, run_part, (void *)(uintptr_t)&scenario->parts[j]};
	locks.subject = (struct search_subject){.threads = locks.threads,
		.n_threads = scenario->n_threads,
		.begin = begin,
		.access = locks.watch,
		.end = end};
}

void locks_search(const struct search_options *bounds, struct search_result *result)
{
	struct search_options options = *bounds;
	struct search_result shortest = {.finding = NULL};
	options.ends_at_finding = true;
	search_run(&locks.subject, &options, result);
	if (!result->finding)
		return;
	options.ends_at_finding = false;
	for (options.n_preemptions = 0; !shortest.finding; options.n_preemptions++)
		for (options.n_values = 0;
			!shortest.finding && options.n_values <= bounds->n_values;
			options.n_values++)
			search_run(&locks.subject, &options, &shortest);
	result->finding = shortest.finding;
}

/* ---- What is shown of it --------------------------------------------------------------------- */

/* The words that there are. */
static const struct {
	const char *name;
	const volatile void *place;
	size_t size_bytes;
} shown[] = {
	{"lock", &locks.lock.word, sizeof(locks.lock.word)},
	{"waiting", &locks.lock.n_waiting, sizeof(locks.lock.n_waiting)},
	{"page", &locks.flags, sizeof(locks.flags)},
	{"event", &locks.event, sizeof(locks.event)},
	{"change", &locks.change, sizeof(locks.change)},
	{"count", &locks.count, sizeof(locks.count)},
	{"contended", &locks.n_contended, sizeof(locks.n_contended)},
};

enum { N_SHOWN = sizeof(shown) / sizeof(shown[0]) };

static const struct search_subject *subject(void)
{
	return &locks.subject;
}

static void watch(stage_watch watcher)
{
	locks.watch = watcher;
	locks.subject.access = watcher;
}

static void name_thread(uint32_t thread, char *text, size_t size)
{
	text_append(text, size, "%s", locks.scenario->parts[thread].name);
}

static void name_place(const volatile void *place, char *text, size_t size)
{
	text[0] = '\0';
	for (uint32_t i = 0; i < N_SHOWN; i++)
		if (place == shown[i].place)
			text_append(text, size, "%s", shown[i].name);
}

/* One more: what the step has found. */
static uint32_t n_cells(void)
{
	return N_SHOWN + 1;
}

static void show_found(struct stage_cell *cell)
{
	uint64_t value;
	snprintf(cell->name, sizeof(cell->name), "found");
	if (memory_found(&value))
		snprintf(cell->value, sizeof(cell->value), "%u", (unsigned)value);
	else
		snprintf(cell->value, sizeof(cell->value), "-");
}

static void show_word(uint32_t number, struct stage_cell *cell)
{
	uint64_t value = 0;
	memcpy(&value, (const void *)(uintptr_t)shown[number].place, shown[number].size_bytes);
	snprintf(cell->name, sizeof(cell->name), "%s", shown[number].name);
	snprintf(cell->value, sizeof(cell->value), "%u", (unsigned)value);
}

static void show_cell(uint32_t number, struct stage_cell *cell)
{
	cell->holder = STAGE_NOBODY;
	if (number == 0)
		show_found(cell);
	else
		show_word(number - 1, cell);
}

const struct stage locks_stage = {
	.state_head = "found, then lock waiting page event change count contended",
	.subject = subject,
	.watch = watch,
	.name_thread = name_thread,
	.name_place = name_place,
	.n_cells = n_cells,
	.show_cell = show_cell,
};
