/* SPDX-License-Identifier: MIT */
/* Threads, time, and who goes on. */

#include "engine-internal.h"

#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>

enum {
	STACK_BYTES = 128 << 10,
	GUARD_BYTES = 4096,
	ARENA_BYTES = 64 << 20,
	FIRST_BYTE = 64, /* of the arena; so no place in it is 0 */
	HELD_MAX = 32,   /* a design may hold all of its locks at once */
	/* Points after which the engine looks whether a thread spins. */
	LOOK_POINTS = 1024,
	MAX_POINTS = 1000000,
	TOTAL_TIMES = 50, /* a run that makes progress for ever: so many times as long */
	SPIN_POINTS = 20000,
	QUANTA = 9, /* a run's threads go on for 1, 2, ... 256 points on average */
	START_NS = 1000000000,
};

#define NEVER ENGINE_NEVER

enum status {
	READY,
	LOCKED_OUT,  /* until (*word & bits) == 0 */
	ASLEEP,      /* until woken */
	RESTING,     /* until the deadline alone */
	CONDITIONAL, /* until condition() */
	ENDED,
};

struct held {
	const void *word;
	uint32_t rank;
};

/* Where its operation on the guarded memory is. */
enum guard {
	NO_OPERATION,
	OUTSIDE, /* it has had no lock of it yet */
	INSIDE,
	LEAVING,  /* somebody waits for its end, to give the memory up */
	SHUT_OUT, /* it must not touch it */
};

struct thread {
	struct engine_context context;
	const char *name;
	uint32_t number;
	void (*function)(void *);
	void *argument;
	enum status status;
	bool is_daemon;
	bool is_woken;
	bool is_probed; /* woken without cause, and not asleep again */
	const volatile void *word;
	uint32_t bits;
	uint64_t deadline_ns;
	bool (*condition)(void *);
	void *condition_context;
	uint32_t priority;
	/* Since when, in points of its own, nothing has changed while it ran. */
	uint64_t n_points;
	uint64_t spin_start;
	uint64_t spin_changes;
	/* The store that it is about to make, or has made: did it change anything? */
	const volatile void *stored;
	size_t stored_bytes;
	uint64_t stored_over;
	/* A store that others do not see yet, while it makes its next load. NULL: none. */
	uint32_t *later;
	uint32_t later_value;
	bool has_loaded; /* since that store */
	struct held held[HELD_MAX];
	uint32_t n_held;
	enum guard guard;
};

static struct {
	struct thread *current; /* NULL: no thread runs */
	const struct engine_explorer *explorer;
	uint64_t until_step;  /* with an explorer */
	struct thread *ended; /* with an explorer: the last of all, as which it looks at the end */
	uint64_t countdown;   /* points until the engine has to decide something */
	uint64_t step;
	uint64_t n_runs;
	uint64_t hash;
	uint64_t n_changes; /* stores that changed a word */
	uint64_t now_ns;
	struct thread threads[ENGINE_THREADS_MAX];
	uint32_t n_threads;
	uint32_t n_wanted; /* threads that have to end */
	struct {
		const volatile unsigned char *memory;
		size_t n_bytes;
	} guarded;
	struct engine_options options;
	bool is_hasty;
	bool is_probing;        /* everybody was woken at this time */
	uint32_t mean_quantum;  /* ENGINE_UNIFORM */
	uint64_t until_change;  /* ENGINE_PRIORITY: points */
	uint32_t lowest;        /* priority yet given */
	uint64_t progress_step; /* when something was done */
	struct engine_context home;
	struct engine_report *report;
	struct engine_point trace[ENGINE_TRACE];
} engine;

/* ---- Memory ---------------------------------------------------------------------------------- */

static struct {
	unsigned char *start;
	size_t used;
	unsigned char *snapshot;
	size_t snapshot_bytes;
	size_t snapshot_room;
	bool has_snapshot;
	unsigned char *stacks;
} arena;

static void die(const char *what)
{
	fprintf(stderr, "simulation: %s\n", what);
	abort();
}

/* At the same place in each program, if that is free: pointers are then the same in each run. */
static void open_arena(void)
{
	const size_t n_bytes =
		ARENA_BYTES + ENGINE_THREADS_MAX * (size_t)(STACK_BYTES + GUARD_BYTES);
	void *wish = (void *)(uintptr_t)UINT64_C(0x200000000000);
	void *memory = mmap(wish, n_bytes, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory == MAP_FAILED)
		die("no memory for the arena");
	arena.start = memory;
	arena.stacks = arena.start + ARENA_BYTES;
	arena.used = FIRST_BYTE;
	for (uint32_t i = 0; i < ENGINE_THREADS_MAX; i++)
		if (mprotect(arena.stacks + i * (size_t)(STACK_BYTES + GUARD_BYTES), GUARD_BYTES,
			    PROT_NONE) < 0)
			die("no guard page");
}

void *engine_allocate(size_t size_bytes, size_t align)
{
	if (!arena.start)
		open_arena();
	size_t at = (arena.used + align - 1) / align * align;
	if (size_bytes > ARENA_BYTES || at > ARENA_BYTES - size_bytes)
		die("the arena is full");
	arena.used = at + size_bytes;
	if (!engine.current)
		arena.has_snapshot = false;
	return memset(arena.start + at, 0, size_bytes);
}

void engine_clear(void)
{
	arena.used = FIRST_BYTE;
	arena.has_snapshot = false;
}

void engine_snapshot(void)
{
	if (!arena.start)
		open_arena();
	if (arena.snapshot_room < arena.used) {
		free(arena.snapshot);
		arena.snapshot = malloc(arena.used);
		if (!arena.snapshot)
			die("no memory for a snapshot");
		arena.snapshot_room = arena.used;
	}
	if (arena.used)
		memcpy(arena.snapshot, arena.start, arena.used);
	arena.snapshot_bytes = arena.used;
	arena.has_snapshot = true;
}

static void restore_arena(void)
{
	if (!arena.has_snapshot)
		engine_snapshot();
	if (arena.snapshot_bytes)
		memcpy(arena.start, arena.snapshot, arena.snapshot_bytes);
	arena.used = arena.snapshot_bytes;
}

/* ---- Findings -------------------------------------------------------------------------------- */

static void leave_run(void)
{
	struct thread *last = engine.current;
	engine.current = NULL;
	engine.ended = NULL;
	engine_context_switch(&last->context, &engine.home, true);
	__builtin_unreachable();
}

static _Noreturn void found(enum engine_finding finding, const char *format, va_list arguments)
{
	if (!engine.current)
		engine.current = engine.ended;
	if (!engine.current) {
		vfprintf(stderr, format, arguments);
		die("\nfound outside of a run");
	}
	engine.report->finding = finding;
	engine.report->thread = (uint32_t)(engine.current - engine.threads);
	vsnprintf(engine.report->what, sizeof(engine.report->what), format, arguments);
	leave_run();
	abort();
}

void engine_fail(enum engine_finding finding, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	found(finding, format, arguments);
}

void engine_check_eq(long long a, long long b, const char *what, const char *file, int line)
{
	if (a != b)
		engine_fail(ENGINE_CLAIM, "%s:%d: %s: %lld and %lld", file, line, what, a, b);
}

static void on_signal(int number, siginfo_t *info, void *unused)
{
	(void)unused;
	if (!engine.current && !engine.ended) {
		signal(number, SIG_DFL);
		raise(number);
		return;
	}
	if (number == SIGABRT)
		engine_fail(ENGINE_CRASH, "abort()");
	engine_fail(ENGINE_CRASH, "signal %d at address %p", number, info->si_addr);
}

#ifdef ENGINE_HAS_ASAN
/* The sanitizer ends the program: say what makes this run again. */
void __asan_on_error(void);
void __asan_on_error(void)
{
	if (engine.current)
		fprintf(stderr, "simulation: seed %llu, %s, point %llu, thread %s\n",
			(unsigned long long)engine.options.seed, engine.options.chooser->name,
			(unsigned long long)engine.step, engine.current->name);
}
#endif

static void on_tick(int unused)
{
	static uint64_t last_step, last_run;
	(void)unused;
	const struct thread *thread = engine.current ? engine.current : engine.ended;
	if (thread && engine.step == last_step && engine.n_runs == last_run)
		engine_fail(ENGINE_SPIN, "%s loops without a point", thread->name);
	last_step = engine.step;
	last_run = engine.n_runs;
}

void engine_watch(unsigned seconds)
{
	struct sigaction action = {.sa_handler = on_tick, .sa_flags = SA_ONSTACK | SA_NODEFER};
	struct itimerval interval = {{seconds, 0}, {seconds, 0}};
	sigemptyset(&action.sa_mask);
	sigaction(SIGVTALRM, &action, NULL);
	setitimer(ITIMER_VIRTUAL, &interval, NULL);
}

static void catch_signals(void)
{
	static const int numbers[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
	static unsigned char stack[64 << 10];
	static bool is_done;
	if (is_done)
		return;
	is_done = true;
	stack_t alternate = {.ss_sp = stack, .ss_size = sizeof(stack)};
	struct sigaction action = {
		.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
	sigemptyset(&action.sa_mask);
	sigaltstack(&alternate, NULL);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		sigaction(numbers[i], &action, NULL);
}

/* ---- Choosing -------------------------------------------------------------------------------- */

uint32_t engine_choose(enum engine_choice choice, uint32_t n)
{
	if (n < 2)
		return 0;
	const struct engine_chooser *chooser = engine.options.chooser;
	uint32_t chosen = chooser->choose(chooser, choice, n);
	if (chosen >= n)
		die("the chooser chose what was not offered");
	return chosen;
}

bool engine_chance(uint32_t n)
{
	return engine_choose(ENGINE_CHOOSE_VALUE, n) == 0;
}

/* A fair scheduler, once a run seems to get nowhere. */
static enum engine_policy policy(void)
{
	enum engine_policy policy = engine.options.chooser->policy;
	if (policy == ENGINE_PRIORITY &&
		engine.step - engine.progress_step > engine.options.max_points / 2)
		return ENGINE_UNIFORM;
	return policy;
}

static void choose_priority(struct thread *thread)
{
	thread->priority = (1u << 30) + engine_choose(ENGINE_CHOOSE_PRIORITY, 1u << 30);
}

/* Points up to the next change: as likely few as many. */
static void choose_change(void)
{
	uint32_t bits = 1 + engine_choose(ENGINE_CHOOSE_CHANGE, 14);
	engine.until_change = 1 + engine_choose(ENGINE_CHOOSE_CHANGE, 1u << bits);
}

static void demote(struct thread *thread)
{
	thread->priority = --engine.lowest;
}

static void choose_countdown(void)
{
	switch (policy()) {
	case ENGINE_UNIFORM:
		engine.countdown =
			1 + engine_choose(ENGINE_CHOOSE_QUANTUM, 2 * engine.mean_quantum - 1);
		break;
	case ENGINE_PRIORITY:
		engine.until_change += engine.countdown; /* what is left of the last one */
		if (engine.until_change == 0)
			choose_change();
		engine.countdown =
			engine.until_change < LOOK_POINTS ? engine.until_change : LOOK_POINTS;
		engine.until_change -= engine.countdown;
		break;
	case ENGINE_EVERY_POINT:
		engine.countdown = 1;
		break;
	}
}

static bool can_run(const struct thread *thread)
{
	switch (thread->status) {
	case READY:
		return true;
	case LOCKED_OUT:
		return (*(const volatile uint32_t *)thread->word & thread->bits) == 0 ||
		       engine.now_ns >= thread->deadline_ns;
	case ASLEEP:
		return thread->is_woken || engine.now_ns >= thread->deadline_ns;
	case RESTING:
		return engine.now_ns >= thread->deadline_ns;
	case CONDITIONAL:
		return thread->condition(thread->condition_context) ||
		       engine.now_ns >= thread->deadline_ns;
	case ENDED:
		return false;
	}
	return false;
}

static const char *describe(const struct thread *thread)
{
	switch (thread->status) {
	case LOCKED_OUT:
		return "waits for a lock";
	case ASLEEP:
		return "sleeps on a word";
	case CONDITIONAL:
		return "waits for a condition";
	default:
		return "is ready";
	}
}

static _Noreturn void deadlock(void)
{
	char text[200] = "";
	size_t at = 0;
	for (uint32_t i = 0; i < engine.n_threads; i++) {
		const struct thread *thread = &engine.threads[i];
		if (thread->status == ENDED || thread->is_daemon || at >= sizeof(text) - 1)
			continue;
		int n = snprintf(text + at, sizeof(text) - at, "%s%s %s", at ? ", " : "",
			thread->name, describe(thread));
		at += n > 0 ? (size_t)n : 0;
	}
	engine_fail(ENGINE_DEADLOCK, "nobody can go on: %s", text);
}

/* Wake all sleepers without cause, once at each time. */
static bool probe(void)
{
	bool is_any = false;
	if (engine.is_probing || engine.options.is_silent_about_wake_ups)
		return false;
	engine.is_probing = true;
	for (uint32_t i = 0; i < engine.n_threads; i++) {
		struct thread *thread = &engine.threads[i];
		if (thread->status != ASLEEP)
			continue;
		thread->is_woken = true;
		thread->is_probed = true;
		is_any = true;
	}
	return is_any;
}

static uint64_t next_deadline(void)
{
	uint64_t deadline_ns = NEVER;
	for (uint32_t i = 0; i < engine.n_threads; i++) {
		const struct thread *thread = &engine.threads[i];
		if (thread->status != READY && thread->status != ENDED &&
			thread->deadline_ns > engine.now_ns && thread->deadline_ns < deadline_ns)
			deadline_ns = thread->deadline_ns;
	}
	return deadline_ns;
}

static void forget_probe(void)
{
	for (uint32_t i = 0; i < engine.n_threads; i++)
		engine.threads[i].is_probed = false;
}

static bool let_time_go_on(void)
{
	uint64_t deadline_ns = next_deadline();
	if (deadline_ns == NEVER)
		return false;
	engine.now_ns = deadline_ns;
	/* Whoever has not gone back to sleep yet may find that something has happened now. */
	engine.is_probing = false;
	forget_probe();
	return true;
}

static struct thread *choose_of(struct thread **able, uint32_t n)
{
	if (policy() != ENGINE_PRIORITY)
		return able[engine_choose(ENGINE_CHOOSE_THREAD, n)];
	struct thread *best = able[0];
	for (uint32_t i = 1; i < n; i++)
		if (able[i]->priority > best->priority)
			best = able[i];
	return best;
}

static struct thread *choose_thread(void)
{
	struct thread *able[ENGINE_THREADS_MAX];
	for (;;) {
		uint32_t n = 0;
		for (uint32_t i = 0; i < engine.n_threads; i++)
			if (can_run(&engine.threads[i]))
				able[n++] = &engine.threads[i];
		if (n > 0) {
			if (!engine.is_hasty || engine_choose(ENGINE_CHOOSE_TIME, 48) != 0 ||
				!let_time_go_on())
				return choose_of(able, n);
		} else if (!probe() && !let_time_go_on()) {
			deadlock();
		}
	}
}

/* Of an explorer's run: nothing in it is left to chance, and time stands still while somebody can run. */
static struct thread *ask_explorer(const struct thread *self)
{
	uint32_t candidates = 0;
	for (;;) {
		for (uint32_t i = 0; i < engine.n_threads; i++)
			if (can_run(&engine.threads[i]))
				candidates |= 1u << i;
		if (candidates)
			break;
		if (!probe() && !let_time_go_on())
			deadlock();
	}
	uint32_t next = engine.explorer->next(candidates,
		self ? (uint32_t)(self - engine.threads) : ENGINE_NOBODY, &engine.until_step);
	if (next >= engine.n_threads || !(candidates & 1u << next))
		die("the explorer chose what was not offered");
	return &engine.threads[next];
}

/* Decide who goes on, and go there. Returns when it is this thread. */
static void decide(void)
{
	struct thread *self = engine.current;
	struct thread *next = engine.explorer ? ask_explorer(self) : choose_thread();
	next->status = READY;
	if (!engine.explorer)
		choose_countdown();
	if (next == self)
		return;
	engine.current = next;
	engine_context_switch(&self->context, &next->context, self->status == ENDED);
}

/* ---- Points ---------------------------------------------------------------------------------- */

/* A struct of two numbers of 32 bits is aligned as these are. */
struct pair {
	uint32_t values[2];
};

/* What a thread stored last may lie in a stack frame that has ended. It is read here all the same, and the
 * sanitizer is not to mind; the library's own accesses are checked where it makes them. */
#define UNMINDED __attribute__((no_sanitize("address")))

UNMINDED static uint64_t read_pair(const volatile struct pair *place)
{
	return place->values[0] | (uint64_t)place->values[1] << 32;
}

UNMINDED static uint64_t read_value(const volatile void *place, size_t size_bytes)
{
	switch (size_bytes) {
	case 1:
		return *(const volatile uint8_t *)place;
	case 2:
		return *(const volatile uint16_t *)place;
	case 4:
		return *(const volatile uint32_t *)place;
	case 8:
		if ((uintptr_t)place % sizeof(uint64_t))
			return read_pair(place);
		return *(const volatile uint64_t *)place;
	default:
		return 0;
	}
}

static void look_for_spins(struct thread *thread)
{
	if (engine.step - engine.progress_step > engine.options.max_points)
		engine_fail(ENGINE_ENDLESS, "%llu points without progress",
			(unsigned long long)(engine.step - engine.progress_step));
	if (engine.step > engine.options.max_points * TOTAL_TIMES)
		engine_fail(
			ENGINE_ENDLESS, "%llu points, and no end", (unsigned long long)engine.step);
	if (engine.n_changes != thread->spin_changes) {
		thread->spin_changes = engine.n_changes;
		thread->spin_start = thread->n_points;
	}
	uint64_t n = thread->n_points - thread->spin_start;
	if (n > engine.options.spin_points)
		engine_fail(
			ENGINE_SPIN, "%llu points, and nothing has changed", (unsigned long long)n);
	/* Whoever it spins for shall run. */
	if (n > LOOK_POINTS && policy() == ENGINE_PRIORITY)
		demote(thread);
}

static void end_of_quantum(void)
{
	look_for_spins(engine.current);
	if (policy() == ENGINE_PRIORITY && engine.until_change == 0) {
		demote(engine.current);
		choose_change();
	}
	decide();
}

static void record(const struct thread *thread, const volatile void *place, size_t size_bytes,
	unsigned kind, uintptr_t where)
{
	uintptr_t offset = (uintptr_t)place - (uintptr_t)arena.start;
	bool is_in_arena =
		offset < ARENA_BYTES + ENGINE_THREADS_MAX * (uintptr_t)(STACK_BYTES + GUARD_BYTES);
	uint32_t number = (uint32_t)(thread - engine.threads);
	struct engine_point *point = &engine.trace[engine.step++ % ENGINE_TRACE];
	point->step = engine.step;
	point->now_ns = engine.now_ns;
	point->place = is_in_arena ? offset : (uintptr_t)place;
	point->value = read_value(place, size_bytes);
	point->where = where;
	point->thread = number;
	point->size_bytes = (uint8_t)size_bytes;
	point->kind = (uint8_t)kind;
	point->is_in_arena = is_in_arena;
	uint64_t what = (is_in_arena ? offset : 0) << 16 | number << 8 | kind;
	engine.hash = (engine.hash ^ what) * UINT64_C(0x9e3779b97f4a7c15);
	engine.hash ^= engine.hash >> 29;
}

static bool is_guarded(const volatile void *place)
{
	uintptr_t at = (uintptr_t)place - (uintptr_t)engine.guarded.memory;
	return place && at < engine.guarded.n_bytes;
}

/* What it has stored is seen by all. */
static void show_store(struct thread *thread)
{
	if (!thread->later)
		return;
	engine.n_changes += *thread->later != thread->later_value;
	*thread->later = thread->later_value;
	thread->later = NULL;
}

/* Not a part of its caller, which is to save no registers. */
#define APART __attribute__((noinline))

APART static void pass_point(struct thread *thread, const volatile void *place, size_t size_bytes,
	unsigned kind, uintptr_t where)
{
	if (thread->stored) {
		engine.n_changes +=
			read_value(thread->stored, thread->stored_bytes) != thread->stored_over;
		thread->stored = NULL;
	}
	thread->n_points++;
	if (--engine.countdown == 0)
		end_of_quantum();
	if (thread->later) {
		/* Others may have run since its load. */
		if (thread->has_loaded || kind != ENGINE_POINT_LOAD)
			show_store(thread);
		thread->has_loaded = true;
	}
	record(thread, place, size_bytes, kind, where);
	if (thread->guard == SHUT_OUT && is_guarded(place))
		engine_fail(ENGINE_CLAIM, "what was given up is touched");
	if (kind == ENGINE_POINT_WRITE || kind == ENGINE_POINT_STORE ||
		kind == ENGINE_POINT_MODIFY) {
		thread->stored = place;
		thread->stored_bytes = size_bytes;
		thread->stored_over = read_value(place, size_bytes);
	}
}

static void pass_explored(struct thread *thread, const volatile void *place, size_t size_bytes,
	unsigned kind, uintptr_t where)
{
	engine.step++;
	engine.explorer->access(thread->number, place, size_bytes, kind, where);
}

APART static void pass_choice(struct thread *thread, const volatile void *place, size_t size_bytes,
	unsigned kind, uintptr_t where)
{
	bool is_plain = kind == ENGINE_POINT_READ || kind == ENGINE_POINT_WRITE;
	if (engine.explorer->skips_protected && is_plain && thread->n_held > 0)
		engine.until_step++;
	else
		decide();
	pass_explored(thread, place, size_bytes, kind, where);
}

/* Most of what explorers do is to come here. */
void engine_access(const volatile void *place, size_t size_bytes, unsigned kind, uintptr_t where)
{
	struct thread *thread = engine.current;
	if (!thread)
		return;
	if (!engine.explorer)
		pass_point(thread, place, size_bytes, kind, where);
	else if (engine.step == engine.until_step)
		pass_choice(thread, place, size_bytes, kind, where);
	else
		pass_explored(thread, place, size_bytes, kind, where);
}

void engine_point(void)
{
	engine_access(NULL, 0, ENGINE_POINT_OTHER, (uintptr_t)__builtin_return_address(0));
}

void engine_changed(void)
{
	engine.n_changes++;
}

void engine_store_later(uint32_t *place, uint32_t value, uintptr_t where)
{
	engine_access(place, sizeof(*place), ENGINE_POINT_OTHER, where);
	struct thread *thread = engine.current;
	if (!thread || engine_choose(ENGINE_CHOOSE_VALUE, 2) == 0) {
		engine.n_changes += *place != value;
		*place = value;
		return;
	}
	thread->later = place;
	thread->later_value = value;
	thread->has_loaded = false;
}

void engine_fence_threads(void)
{
	engine_access(NULL, 0, ENGINE_POINT_OTHER, (uintptr_t)__builtin_return_address(0));
	for (uint32_t i = 0; i < engine.n_threads; i++)
		show_store(&engine.threads[i]);
}

/* ---- Waiting --------------------------------------------------------------------------------- */

/* The thread that runs, or as which an explorer looks at the end. */
static struct thread *self_or_last(void)
{
	return engine.current ? engine.current : engine.ended;
}

/* All others have ended: time goes on at once. */
static void sleep_as_last(uint64_t deadline_ns)
{
	if (deadline_ns == NEVER)
		engine_fail(ENGINE_DEADLOCK, "all have ended, and something is waited for");
	if (engine.now_ns < deadline_ns)
		engine.now_ns = deadline_ns;
}

static struct thread *owner_of(const volatile void *word)
{
	for (uint32_t i = 0; i < engine.n_threads; i++)
		for (uint32_t j = 0; j < engine.threads[i].n_held; j++)
			if (engine.threads[i].held[j].word == word)
				return &engine.threads[i];
	return NULL;
}

static void look_for_circle(const struct thread *self)
{
	const struct thread *at = self;
	for (uint32_t i = 0; i < ENGINE_THREADS_MAX; i++) {
		if (at->status != LOCKED_OUT || at->deadline_ns != NEVER)
			return;
		at = owner_of(at->word);
		if (!at)
			return;
		if (at == self)
			engine_fail(ENGINE_DEADLOCK,
				"threads wait for each other's locks in a circle: %s for one of %s",
				self->name, owner_of(self->word)->name);
	}
}

static void block(enum status status, uint64_t deadline_ns)
{
	show_store(engine.current);
	struct thread *self = engine.current;
	self->status = status;
	self->deadline_ns = deadline_ns;
	self->spin_start = self->n_points;
	decide();
}

bool engine_wait_clear(const uint32_t *word, uint32_t bits, uint64_t deadline_ns)
{
	struct thread *self = engine.current;
	if (!self && engine.ended)
		engine_fail(ENGINE_LOCK, "a lock is held when all have ended");
	if (!self)
		die("a lock is taken twice outside of a run");
	while (*(const volatile uint32_t *)word & bits) {
		if (engine.now_ns >= deadline_ns)
			return false;
		self->word = word;
		self->bits = bits;
		self->status = LOCKED_OUT;
		self->deadline_ns = deadline_ns;
		look_for_circle(self);
		block(LOCKED_OUT, deadline_ns);
		/* That the caller takes it now is a step, or nobody could come between it and the next point. */
		if (engine.explorer && (*(const volatile uint32_t *)word & bits) == 0) {
			engine.step++;
			engine.explorer->access(self->number, word, sizeof(*word),
				ENGINE_POINT_LOCKED, (uintptr_t)__builtin_return_address(0));
		}
	}
	return true;
}

void engine_sleep_on(const volatile void *word, uint64_t deadline_ns)
{
	struct thread *self = engine.current;
	if (!self && engine.ended) {
		sleep_as_last(deadline_ns);
		return;
	}
	if (!self)
		die("waiting outside of a run");
	self->word = word;
	self->is_woken = false;
	self->is_probed = false;
	if (engine.now_ns < deadline_ns)
		block(ASLEEP, deadline_ns);
}

void engine_wake(const volatile void *word, uint32_t n_threads)
{
	struct thread *asleep[ENGINE_THREADS_MAX];
	uint32_t n = 0;
	for (uint32_t i = 0; i < engine.n_threads; i++) {
		struct thread *thread = &engine.threads[i];
		if (thread->status == ASLEEP && thread->word == word && !thread->is_woken)
			asleep[n++] = thread;
	}
	for (; n > 0 && n_threads > 0; n_threads--) {
		uint32_t i = n_threads < n ? engine_choose(ENGINE_CHOOSE_WAKE, n) : n - 1;
		asleep[i]->is_woken = true;
		asleep[i] = asleep[--n];
	}
}

void engine_sleep_until(uint64_t time_ns)
{
	engine_access(NULL, 0, ENGINE_POINT_WAIT, (uintptr_t)__builtin_return_address(0));
	engine.current->is_probed = false;
	if (engine.now_ns < time_ns)
		block(RESTING, time_ns);
}

void engine_sleep_ns(uint64_t ns)
{
	engine_sleep_until(engine.now_ns + ns);
}

bool engine_wait_for(bool (*condition)(void *), void *context, uint64_t deadline_ns)
{
	struct thread *self = engine.current;
	engine_access(NULL, 0, ENGINE_POINT_WAIT, (uintptr_t)__builtin_return_address(0));
	self->is_probed = false;
	while (!condition(context)) {
		if (engine.now_ns >= deadline_ns)
			return false;
		self->condition = condition;
		self->condition_context = context;
		block(CONDITIONAL, deadline_ns);
	}
	return true;
}

void engine_wait_until(bool (*condition)(void *), void *context)
{
	engine_wait_for(condition, context, NEVER);
}

/* ---- Locks that a thread holds --------------------------------------------------------------- */

bool engine_held(const void *word)
{
	const struct thread *self = engine.current;
	for (uint32_t i = 0; self && i < self->n_held; i++)
		if (self->held[i].word == word)
			return true;
	if (self && engine.explorer) {
		engine.explorer->unheld(self->number, word);
		return true;
	}
	return !self; /* outside of a run nobody knows */
}

const void *engine_held_at(uint32_t thread, uint32_t i)
{
	return i < engine.threads[thread].n_held ? engine.threads[thread].held[i].word : NULL;
}

void engine_held_check(const void *word, uint32_t rank, bool is_plural)
{
	const struct thread *self = engine.current;
	for (uint32_t i = 0; self && i < self->n_held; i++) {
		if (self->held[i].word == word)
			engine_fail(ENGINE_LOCK, "a lock is taken twice by one thread");
		bool is_in_order = self->held[i].rank < rank ||
				   (is_plural && self->held[i].rank == rank &&
					   (uintptr_t)self->held[i].word < (uintptr_t)word);
		if (!is_in_order)
			engine_fail(ENGINE_LOCK,
				"a lock of rank %u is waited for under one of rank %u", rank,
				self->held[i].rank);
	}
}

void engine_guard(const void *memory, size_t n_bytes)
{
	engine.guarded.memory = memory;
	engine.guarded.n_bytes = n_bytes;
}

void engine_guard_enter(void)
{
	self_or_last()->guard = OUTSIDE;
}

void engine_guard_leave(void)
{
	self_or_last()->guard = NO_OPERATION;
}

static void guard_moves(enum guard from, enum guard to)
{
	for (uint32_t i = 0; i < engine.n_threads; i++)
		if (&engine.threads[i] != engine.current && engine.threads[i].guard == from)
			engine.threads[i].guard = to;
}

void engine_guard_look(const volatile void *place)
{
	if (self_or_last()->guard == SHUT_OUT && is_guarded(place))
		engine_fail(ENGINE_CLAIM, "what was given up is touched");
}

void engine_guard_close(void)
{
	guard_moves(INSIDE, LEAVING);
}

void engine_guard_end(void)
{
	guard_moves(LEAVING, SHUT_OUT);
}

void engine_held_add(const void *word, uint32_t rank)
{
	struct thread *self = engine.current;
	if (!self)
		return;
	if (self->n_held == HELD_MAX)
		engine_fail(ENGINE_LOCK, "a thread holds more than %u locks", (unsigned)HELD_MAX);
	self->held[self->n_held++] = (struct held){word, rank};
	if (engine.explorer && engine.explorer->acquired)
		engine.explorer->acquired(self->number, word);
	if (self->guard == OUTSIDE && is_guarded(word))
		self->guard = INSIDE;
}

void engine_held_remove(const void *word)
{
	struct thread *self = engine.current;
	if (!self)
		return;
	for (uint32_t i = self->n_held; i-- > 0;) {
		if (self->held[i].word != word)
			continue;
		if (engine.explorer && engine.explorer->released)
			engine.explorer->released(self->number, word);
		self->held[i] = self->held[--self->n_held];
		return;
	}
	engine_fail(ENGINE_LOCK, "a lock is released that this thread does not hold");
}

/* ---- The life of threads and runs ------------------------------------------------------------ */

uint32_t engine_self(void)
{
	return (uint32_t)(self_or_last() - engine.threads);
}

bool engine_is_running(void)
{
	return engine.current != NULL;
}

uint64_t engine_now_ns(void)
{
	return engine.now_ns;
}

uint64_t engine_step(void)
{
	return engine.step;
}

bool engine_is_hasty(void)
{
	return engine.is_hasty;
}

void engine_act(void)
{
	const struct thread *self = self_or_last();
	if (self->is_probed)
		engine_fail(ENGINE_WAKE_UP,
			"%s slept, had a reason to go on, and nobody had told it", self->name);
	engine.progress_step = engine.step;
}

/* What it does now may be a reason for others, who perhaps have not gone back to sleep yet. */
void engine_excuse(void)
{
	forget_probe();
}

void engine_progress(void)
{
	engine_act();
	if (engine.options.chooser->policy == ENGINE_PRIORITY)
		choose_priority(engine.current);
}

/* As nobody, so that it comes to no point. */
static void end_explored(void)
{
	engine.ended = engine.current;
	engine.current = NULL;
	engine.explorer->end();
	engine.current = engine.ended;
}

static _Noreturn void end_thread(void)
{
	struct thread *self = engine.current;
	if (self->n_held > 0)
		engine_fail(ENGINE_LOCK, "%s ends and holds a lock", self->name);
	engine_progress();
	show_store(self);
	self->status = ENDED;
	if (!self->is_daemon && --engine.n_wanted == 0) {
		if (engine.explorer)
			end_explored();
		leave_run();
	}
	decide();
	abort();
}

static void enter_thread(void)
{
	engine_context_entered();
	engine.current->function(engine.current->argument);
	end_thread();
}

static uint32_t spawn(const char *name, void (*function)(void *), void *argument, bool is_daemon)
{
	if (engine.n_threads == ENGINE_THREADS_MAX)
		die("too many threads");
	uint32_t number = engine.n_threads++;
	struct thread *thread = &engine.threads[number];
	*thread = (struct thread){.name = name,
		.number = number,
		.function = function,
		.argument = argument,
		.is_daemon = is_daemon,
		.deadline_ns = NEVER};
	engine.n_wanted += !is_daemon;
	if (engine.options.chooser->policy == ENGINE_PRIORITY)
		choose_priority(thread);
	engine_context_init(&thread->context,
		arena.stacks + number * (size_t)(STACK_BYTES + GUARD_BYTES) + GUARD_BYTES,
		STACK_BYTES, enter_thread);
	return number;
}

uint32_t engine_spawn(const char *name, void (*thread)(void *), void *context)
{
	engine_point();
	return spawn(name, thread, context, false);
}

uint32_t engine_spawn_daemon(const char *name, void (*thread)(void *), void *context)
{
	engine_point();
	return spawn(name, thread, context, true);
}

static bool has_ended(void *thread)
{
	return ((const struct thread *)thread)->status == ENDED;
}

void engine_join(uint32_t thread)
{
	engine_wait_until(has_ended, &engine.threads[thread]);
}

static bool is_alone(void *thread)
{
	for (uint32_t i = 0; i < engine.n_threads; i++)
		if (&engine.threads[i] != thread && !engine.threads[i].is_daemon &&
			engine.threads[i].status != ENDED)
			return false;
	return true;
}

void engine_join_all(void)
{
	engine_wait_until(is_alone, engine.current);
}

static void set_up(const struct engine_options *options)
{
	engine.options = *options;
	if (!engine.options.chooser)
		engine.options.chooser = &engine_random;
	engine.explorer = engine.options.chooser->explorer;
	engine.ended = NULL;
	engine.n_runs++;
	if (!engine.options.max_points)
		engine.options.max_points = MAX_POINTS;
	if (!engine.options.spin_points)
		engine.options.spin_points = SPIN_POINTS;
	engine.step = 0;
	engine.hash = 0;
	engine.n_changes = 0;
	engine.now_ns = START_NS;
	engine.n_threads = 0;
	engine.guarded.n_bytes = 0;
	engine.n_wanted = 0;
	engine.is_probing = false;
	engine.lowest = 1u << 30;
	engine.progress_step = 0;
	engine.countdown = 0;
	const struct engine_chooser *chooser = engine.options.chooser;
	if (chooser->begin)
		chooser->begin(chooser, engine.options.seed);
	engine.is_hasty =
		options->time == ENGINE_HASTY ||
		(options->time == ENGINE_EITHER && engine_choose(ENGINE_CHOOSE_TIME, 2) == 1);
	if (chooser->policy != ENGINE_EVERY_POINT)
		engine.mean_quantum = 1u << engine_choose(ENGINE_CHOOSE_QUANTUM, QUANTA);
	if (chooser->policy == ENGINE_PRIORITY)
		choose_change();
	choose_countdown();
}

static void fill_report(struct engine_report *report)
{
	report->seed = engine.options.seed;
	report->chooser = engine.options.chooser->name;
	report->step = engine.step;
	report->now_ns = engine.now_ns;
	report->hash = engine.hash;
	report->n_threads = engine.n_threads;
	for (uint32_t i = 0; i < engine.n_threads; i++)
		snprintf(report->names[i], sizeof(report->names[i]), "%s", engine.threads[i].name);
	report->n_trace = engine.step < ENGINE_TRACE ? (uint32_t)engine.step : ENGINE_TRACE;
	if (engine.explorer)
		report->n_trace = 0;
	for (uint32_t i = 0; i < report->n_trace; i++)
		report->trace[i] = engine.trace[(engine.step - report->n_trace + i) % ENGINE_TRACE];
}

static void begin_run(const struct engine_options *options, struct engine_report *report)
{
	if (engine.current)
		die("a run within a run");
	catch_signals();
	restore_arena();
	report->finding = ENGINE_NONE;
	report->what[0] = '\0';
	report->thread = 0;
	engine.report = report;
	set_up(options);
}

bool engine_run_threads(const struct engine_options *options, const struct engine_thread *threads,
	uint32_t n_threads, struct engine_report *report)
{
	begin_run(options, report);
	for (uint32_t i = 0; i < n_threads; i++)
		spawn(threads[i].name, threads[i].function, threads[i].context, false);
	struct thread *first = engine.explorer ? ask_explorer(NULL) : choose_thread();
	engine.current = first;
	engine_context_switch(&engine.home, &first->context, false);
	if (report->finding != ENGINE_NONE)
		fill_report(report);
	return report->finding != ENGINE_NONE;
}

struct engine_report engine_run_with(
	const struct engine_options *options, void (*scenario)(void *), void *context)
{
	struct engine_report report;
	begin_run(options, &report);
	spawn("main", scenario, context, false);
	engine.current = &engine.threads[0];
	engine_context_switch(&engine.home, &engine.threads[0].context, false);
	fill_report(&report);
	return report;
}

struct engine_report engine_run(uint64_t seed, const struct engine_chooser *chooser,
	void (*scenario)(void *), void *context)
{
	const struct engine_options options = {.seed = seed, .chooser = chooser};
	return engine_run_with(&options, scenario, context);
}

int engine_sweep(uint64_t first_seed, uint64_t n_seeds, const struct engine_chooser *chooser,
	void (*scenario)(void *), void *context, struct engine_report *report)
{
	for (uint64_t i = 0; i < n_seeds; i++) {
		*report = engine_run(first_seed + i, chooser, scenario, context);
		if (report->finding != ENGINE_NONE)
			return 1;
	}
	return 0;
}
