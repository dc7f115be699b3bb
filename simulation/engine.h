/* SPDX-License-Identifier: MIT */
/*
 * A deterministic engine: runs threads of a program one at a time, in an order that a seed decides.
 *
 * Threads are coroutines on one thread of the system. Code that is compiled with BALLOON_CONTROLLED
 * comes to a *point* before each access to shared state (<balloon/sync.h>), lock, wait, wake-up and look
 * at the clock; at a point the engine may let another thread go on. Between two points a thread runs
 * alone. Time is virtual: it stands still while anybody can run, and jumps to the next deadline when all
 * wait. The same seed makes the same run, to the last point.
 *
 *     static void waiter(void *event) { balloon_event_wait(event, ...); }
 *     static void scenario(void *unused)
 *     {
 *             engine_spawn("waiter", waiter, event);
 *             ...
 *             ENGINE_CHECK(engine_now_ns() == deadline_ns);
 *     }
 *     struct engine_report report;
 *     engine_sweep(1, 1000, &engine_random, scenario, NULL, &report)   0, or 1: a finding
 *     engine_print(&report, stderr);
 *
 * What a run finds. The first finding ends the run; the engine stays usable.
 *
 *   claim      ENGINE_CHECK() or engine_fail()
 *   assertion  BALLOON_ASSERT() of the library
 *   crash      a signal: a wild pointer, a stack that overflowed
 *   lock       released by a thread that does not hold it, taken twice, or against the ranks
 *   deadlock   nobody can ever go on; threads wait for each other in a circle
 *   wake-up    lost: see below
 *   spin       a thread passes engine_options.spin_points points, and nothing changes
 *   endless    engine_options.max_points points, and no progress; or progress for 50 times as long
 *   race       of plain accesses, where somebody looks for them (explore/clocks.h)
 *
 * Lost wake-ups. Before time jumps, and before a deadlock is called one, every thread that sleeps on a
 * word or an event is woken once without cause. All of them have to go back to sleep. If one of them ends,
 * or gets to where engine_progress() or engine_act() is called, then it had a reason to go on, and nobody had told it.
 *
 * Memory. What a run changes has to lie in the engine's arena, or be made anew by the run itself:
 * engine_allocate() before the first run gives memory that each run finds as it was at the last
 * engine_snapshot(); within a run, memory that is gone when it ends. Locals of threads lie in the arena
 * as well. Nothing else is allocated.
 *
 * Threads: this interface is for one thread of the system.
 */
#ifndef SIMULATION_ENGINE_H
#define SIMULATION_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { ENGINE_THREADS_MAX = 24 };

/* ---- Choosing -------------------------------------------------------------------------------- */

/** What is chosen: for whoever writes a chooser, and for traces. */
enum engine_choice {
	ENGINE_CHOOSE_THREAD, /* who goes on, of those that can, in the order in which they began */
	ENGINE_CHOOSE_QUANTUM,  /* for how many points */
	ENGINE_CHOOSE_PRIORITY, /* of a thread */
	ENGINE_CHOOSE_CHANGE,   /* after how many points priorities change */
	ENGINE_CHOOSE_WAKE,     /* which of the sleepers is woken */
	ENGINE_CHOOSE_TIME,     /* whether time goes on though somebody could run */
	ENGINE_CHOOSE_VALUE,    /* what else is left to chance: from here on the scenario's own */
};

enum engine_policy {
	/** Another thread after a number of points that is chosen: on average as chosen for the run. */
	ENGINE_UNIFORM,
	/** The thread with the highest priority goes on; at a few points of a run, its priority becomes
	 * the lowest (PCT: Burckhardt and others, 2010). */
	ENGINE_PRIORITY,
	/** ENGINE_CHOOSE_THREAD at every point, and no other choice of the engine's but WAKE. For
	 * explorers. */
	ENGINE_EVERY_POINT,
};

enum { ENGINE_NOBODY = ENGINE_THREADS_MAX };

/**
 * What an explorer has in place of choose(ENGINE_CHOOSE_THREAD), to make the same start of a run again at
 * full speed: it says when it wants to be asked next, and watches what threads do. There is no trace then.
 */
struct engine_explorer {
	/* Who goes on of those that can, a bit a thread. self: who comes to the point; it is no candidate if it
	 * ended or waits; ENGINE_NOBODY at the start. *until_step: receives the step, above engine_step(), at
	 * which this is asked next, unless the thread ends or waits before; ENGINE_NEVER: not before that. */
	uint32_t (*next)(uint32_t candidates, uint32_t self, uint64_t *until_step);
	/* Not asked before a plain access of a thread that holds a lock. */
	bool skips_protected;
	/* The thread is about to make an access, or has just taken a lock that it had to wait for. */
	void (*access)(uint32_t thread, const volatile void *place, size_t size_bytes,
		unsigned kind, uintptr_t where);
	/* A thread does without a lock what it asserts to hold the lock for. The run goes on. */
	void (*unheld)(uint32_t thread, const void *word);
	/* A thread has the lock now; is about to release it. Optional. */
	void (*acquired)(uint32_t thread, const void *word);
	void (*released)(uint32_t thread, const void *word);
	/* All threads have ended. Called as the last of them, so that whatever is found or crashes is of this
	 * run; comes to no point, and where something sleeps, time goes on at once. */
	void (*end)(void);
};

#define ENGINE_NEVER UINT64_MAX

/** Where choices come from. All of a run come from one of these. */
struct engine_chooser {
	const char *name;
	enum engine_policy policy;
	/** A run begins. Optional. */
	void (*begin)(const struct engine_chooser *chooser, uint64_t seed);
	/** A number below n, which is at least 2. */
	uint32_t (*choose)(
		const struct engine_chooser *chooser, enum engine_choice choice, uint32_t n);
	void *context;
	const struct engine_explorer *explorer; /* with ENGINE_EVERY_POINT, optional */
};

extern const struct engine_chooser engine_random; /* ENGINE_UNIFORM */
extern const struct engine_chooser engine_pct;    /* ENGINE_PRIORITY */

/** "random", "pct"; NULL: no such chooser. */
const struct engine_chooser *engine_chooser_find(const char *name);

/* ---- Running --------------------------------------------------------------------------------- */

enum engine_finding {
	ENGINE_NONE,
	ENGINE_CLAIM,
	ENGINE_ASSERTION,
	ENGINE_CRASH,
	ENGINE_LOCK,
	ENGINE_DEADLOCK,
	ENGINE_WAKE_UP,
	ENGINE_SPIN,
	ENGINE_ENDLESS,
	ENGINE_RACE,
};

/** "none", "claim", ... */
const char *engine_finding_name(enum engine_finding finding);

/** When time goes on. */
enum engine_time {
	ENGINE_PATIENT, /* when all wait: whatever can be done is done before a deadline */
	ENGINE_HASTY,   /* now and then before: a deadline may come at any point */
	ENGINE_EITHER,  /* the one or the other, chosen once a run */
};

struct engine_options {
	uint64_t seed;
	const struct engine_chooser *chooser; /* NULL: engine_random */
	uint64_t max_points;                  /* without progress; 0: 1,000,000 */
	uint64_t spin_points;                 /* 0: 20,000 */
	enum engine_time time;
	bool is_silent_about_wake_ups; /* nobody is woken without cause */
};

struct engine_point {
	uint64_t step; /* number of the point, from 1 */
	uint64_t now_ns;
	uint64_t place;  /* in the arena, from its start; else an address */
	uint64_t value;  /* there, when the thread went on */
	uintptr_t where; /* the return address of the hook */
	uint32_t thread;
	uint8_t size_bytes;
	uint8_t kind; /* engine_point_name() */
	bool is_in_arena;
};

/* A build for looking closely keeps more: -Dc_args=-DSIMULATION_TRACE=4096. */
#ifndef SIMULATION_TRACE
#define SIMULATION_TRACE 64
#endif

enum { ENGINE_TRACE = SIMULATION_TRACE };

struct engine_report {
	enum engine_finding finding;
	char what[256];
	uint64_t seed;
	const char *chooser;
	uint64_t step; /* the point at which it was found; without a finding, how many there were */
	uint64_t now_ns;
	uint64_t hash; /* of all points: who, what, where */
	uint32_t n_threads;
	uint32_t thread; /* that found it */
	char names[ENGINE_THREADS_MAX][24];
	uint32_t n_trace;
	struct engine_point trace[ENGINE_TRACE]; /* the last points, oldest first */
};

/** Run `scenario` as the first thread, until all threads have ended or there is a finding. */
struct engine_report engine_run_with(
	const struct engine_options *options, void (*scenario)(void *), void *context);
struct engine_report engine_run(uint64_t seed, const struct engine_chooser *chooser,
	void (*scenario)(void *), void *context);

struct engine_thread {
	const char *name; /* constant */
	void (*function)(void *context);
	void *context;
};

/**
 * Run threads that are all there from the start, without a first one: for explorers, who run them again and
 * again. Fills of *report what differs, without a finding the finding alone. Returns whether there is one.
 */
bool engine_run_threads(const struct engine_options *options, const struct engine_thread *threads,
	uint32_t n_threads, struct engine_report *report);

/** Runs with n_seeds seeds, up to the first finding. Returns 0; 1: *report says what and where. */
int engine_sweep(uint64_t first_seed, uint64_t n_seeds, const struct engine_chooser *chooser,
	void (*scenario)(void *), void *context, struct engine_report *report);

/**
 * End runs in which a thread comes to no point any more, with a finding: it loops in code that touches
 * nothing shared. For programs: it looks at the processor's time, every so many seconds.
 */
void engine_watch(unsigned seconds);

/** What was found, where, and the last points. For people. */
void engine_print(const struct engine_report *report, FILE *file);

/* ---- Within a run ---------------------------------------------------------------------------- */

/** Each thread passes a full fence: what it has stored is seen by all. */
void engine_fence_threads(void);

/**
 * Memory that one thread may give up while others are in operations on it. Whoever has had a lock of it
 * between engine_guard_enter() and engine_guard_close() must not touch it once engine_guard_end() was called:
 * the operation has said that it is over, and has but to return.
 */
void engine_guard(const void *memory, size_t n_bytes);
/** The calling thread begins an operation. */
void engine_guard_enter(void);
/** Its operation is over, or is one that whoever gives the memory up has to wait for. */
void engine_guard_leave(void);
/** The calling thread begins to wait for the operations under way. */
void engine_guard_close(void);
/** It was told that they are over. */
void engine_guard_end(void);
/** Whether this may be touched, for explorers: without one the engine looks at each access by itself. */
void engine_guard_look(const volatile void *place);

/** Begin a thread; name: a constant string. Returns its number. */
uint32_t engine_spawn(const char *name, void (*thread)(void *), void *context);
/** The same; the run does not wait for its end, and it may wait for ever. */
uint32_t engine_spawn_daemon(const char *name, void (*thread)(void *), void *context);
/** Wait until a thread has ended. */
void engine_join(uint32_t thread);
/** Wait until all other threads but daemons have ended. */
void engine_join_all(void);

/** The calling thread's number: 0, 1, ... */
uint32_t engine_self(void);
/** Is this called by a thread of a run? */
bool engine_is_running(void);

uint64_t engine_now_ns(void);
/** How many points there were so far: what waiting costs, say. */
uint64_t engine_step(void);
void engine_sleep_ns(uint64_t ns);
void engine_sleep_until(uint64_t time_ns);

/**
 * Wait until a condition holds. It is looked at each time that the engine decides who goes on, outside
 * of threads: it reads plainly, and comes to no point (no call of the library that locks).
 */
void engine_wait_until(bool (*condition)(void *), void *context);
/** The same up to a time: whether it holds. */
bool engine_wait_for(bool (*condition)(void *), void *context, uint64_t deadline_ns);

/** Whether time may go on before all wait: an exact bound on time holds if not. */
bool engine_is_hasty(void);

/** A point that is no access: somebody else may go on here. */
void engine_point(void);
/** A number below n, for the scenario. choice: ENGINE_CHOOSE_VALUE or above; n = 0 or 1: 0. */
uint32_t engine_choose(enum engine_choice choice, uint32_t n);
/** True once in n times. */
bool engine_chance(uint32_t n);

/**
 * An operation came to its end. The bound on a run counts from here, and a thread that was woken without
 * cause must not get here. Under ENGINE_PRIORITY the calling thread's priority is chosen anew: which
 * operation waits for which differs.
 */
void engine_progress(void);
/** The same within an operation, where something is done that nobody does without a reason: a host is told
 * something, say. The priority stays. */
void engine_act(void);
/** What the thread does next it does for a reason that nobody could have told it: a callback that it made
 * when it was woken without cause has decided so, say. */
void engine_excuse(void);

/** End the run with a finding. */
_Noreturn void engine_fail(enum engine_finding finding, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#define ENGINE_CHECK(condition)                                                                    \
	((condition) ? (void)0                                                                     \
		     : engine_fail(ENGINE_CLAIM, "%s:%d: %s", __FILE__, __LINE__, #condition))
/** Both as long long; says both values. */
#define ENGINE_CHECK_EQ(a, b)                                                                      \
	engine_check_eq((long long)(a), (long long)(b), #a " == " #b, __FILE__, __LINE__)
void engine_check_eq(long long a, long long b, const char *what, const char *file, int line);

/* ---- Memory ---------------------------------------------------------------------------------- */

/** Zeroed memory of the arena. Within a run it is gone at the end; else it stays for all later runs. */
void *engine_allocate(size_t size_bytes, size_t align);
/** Give all of it up, outside of runs. */
void engine_clear(void);
/** Each run from now on begins with the arena as it is now. Without it, as it was allocated: zeroed. */
void engine_snapshot(void);

#endif
