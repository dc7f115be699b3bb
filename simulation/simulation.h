/* SPDX-License-Identifier: MIT */
/*
 * Everything around a driver: a host, a source of frames, threads that make calls at random, and counts that
 * all of it is held against. One simulation at a time, all of it in the engine's arena, all choices by
 * engine_choose().
 *
 *   host          the host behind a channel; the one file that knows how channels are written
 *   frames        the source of frames
 *   calls         every call on the driver, with what the header promises about its result
 *   check         counts against counts
 *   simulation    setting up, the threads' work, the end
 */
#ifndef SIMULATION_H
#define SIMULATION_H

#include <balloon/channel-ops.h>
#include <balloon/compactor.h>
#include <balloon/driver-design.h>
#include <balloon/frames-ops.h>
#include <balloon/strategy.h>

#include "engine.h"

enum {
	SIM_PAGES_MAX = 64,
	SIM_REQUEST_MAX = 8,
	SIM_ENTRIES_MAX = 64, /* requests that the host has */
	SIM_NODE_PAGES = 20,  /* pages below are node 0's */
};

static const uint64_t sim_us = 1000;

/* ---- What a simulation is made of ----------------------------------------------------------------- */

/** How a host is. */
enum host_kind {
	HOST_AT_ONCE, /* answers within submit */
	HOST_LATER,   /* by a thread of its own, in order */
	HOST_POLLED,  /* as HOST_LATER, and the guest has to fetch the answers */
	HOST_MIXED,   /* at once, later, in another order, by two threads */
	HOST_N_KINDS,
	HOST_EXPLORED = HOST_N_KINDS, /* as enum sim_explored says, and so is the source */
};

/** What goes wrong, each as bits of sim_setting.faults. */
enum sim_fault {
	FAULT_REFUSED = 1 << 0, /* requests, in part or at all, with any errno */
	FAULT_TWICE = 1 << 1,   /* answered twice, and with numbers that cannot be */
	FAULT_SLOW = 1 << 2,    /* answers after the driver's time-out */
	FAULT_NEVER = 1 << 3,   /* no answer until the end */
	FAULT_UNTOLD = 1 << 4,  /* submit fails: any errno; no room */
	FAULT_DEAD = 1 << 5,    /* at some time there is no host any more */
	FAULT_FRAMES = 1 << 6,  /* the source has few frames or none, now and then */
	FAULT_MEMORY = 1 << 7,  /* allocations run out of memory and call for relief */
	FAULT_LIES =
		1 << 8, /* the source hands out frames twice, or somebody's, or none of the map */
	FAULT_PICKY = 1 << 9, /* some pages the host neither takes nor gives back */
	FAULT_LOCKED =
		1 << 10, /* a scanner keeps a page that is to be inserted locked for a while */
	FAULT_ALL = (1 << 11) - 1,
};

/** Calls that threads make. */
enum sim_call {
	CALL_FILL,
	CALL_LEAK,
	CALL_STEP,
	CALL_RUN,
	CALL_POLL,
	CALL_FOLLOW, /* poll, as an event loop does */
	CALL_TUNE,
	CALL_TARGET,
	CALL_RELIEVE,
	CALL_MIGRATE,
	CALL_SCAN, /* isolate, hold for a while, put back */
	CALL_COMPACT,
	CALL_QUIESCE,
	CALL_RESUME,
	CALL_PROGRESS,
	CALL_STOP,
	CALL_RESET,
	CALL_RELIEVE_RANGE,
	CALL_N,
};

struct scenario {
	const char *name;
	const char *what;        /* for people */
	uint8_t weights[CALL_N]; /* how often a call is made */
	uint32_t faults;         /* that may be; each run chooses some of them */
};

/** What a run may choose from. */
struct sim_bounds {
	const struct scenario *scenario;
	const struct balloon_strategy *strategies[16];
	uint32_t n_strategies;
	const struct balloon_driver_design *designs[16];
	uint32_t n_designs;
	int host;           /* enum host_kind; -1: any */
	uint32_t n_threads; /* 0: 1 to 4 */
	uint32_t n_calls;   /* of each thread, up to so many */
	uint32_t faults;    /* of the scenario's */
};

/** What it has chosen. */
struct sim_choice {
	const struct scenario *scenario;
	const struct balloon_strategy *strategy; /* as it is named */
	const struct balloon_driver_design *design;
	enum host_kind host;
	uint32_t faults;
	uint32_t n_threads;
	uint32_t n_calls; /* of each thread */
	uint32_t n_pages;
	uint32_t request_pages;
	uint32_t n_requests;
	uint64_t floor_pages; /* 0: the source does not know how many are free */
	bool has_server;      /* a thread follows the target all the time */
	bool migrates_before_fills;
	bool has_no_relief;
};

/* ---- The host -------------------------------------------------------------------------------- */

/** Whose a page is, as the host sees it. */
enum host_page { PAGE_GUEST, PAGE_HOST, PAGE_ASKED };

/** Choices of what is explored. 0 is what is usual. */
enum sim_explored {
	SIM_CHOOSE_ANSWER = ENGINE_CHOOSE_VALUE + 1, /* enum sim_answer */
	SIM_CHOOSE_FRAMES,                           /* enum sim_allocation */
};

enum sim_answer {
	ANSWER_SOON,    /* by the host's thread */
	ANSWER_AT_ONCE, /* within submit */
	ANSWER_REFUSES, /* the last page, by the host's thread */
	ANSWER_IN_TIME, /* at the moment at which the driver's time for it is over */
	ANSWER_NEVER,   /* when all threads have ended */
	ANSWER_UNTOLD,  /* none: submit fails */
	ANSWER_N,
};

enum sim_allocation {
	ALLOCATION_WORKS,
	ALLOCATION_FAILS,
	ALLOCATION_GIVES_ONE, /* frame, where more were asked for */
	ALLOCATION_RELIEVES,  /* it makes the balloon smaller first */
	ALLOCATION_N,
};

/** Pages that it never takes, or never gives back. */
enum host_picky { PICKY_NOT, PICKY_IN, PICKY_OUT };

/** A request that the host has. */
struct host_entry {
	struct balloon_channel *channel; /* that it came by */
	struct balloon_request *request;
	uint64_t id;
	enum balloon_request_kind kind;
	uint32_t n_pages; /* 0: the entry is free */
	struct balloon_page pages[SIM_REQUEST_MAX];
	uint32_t n_done;
	int error;
	bool is_twice;
	uint64_t due_ns;   /* when the answer is given; BALLOON_NEVER */
	bool is_ready;     /* the answer is there, to be polled for */
	bool is_answering; /* a thread is at it */
};

struct host {
	struct balloon_channel channels[3]; /* the first host's, and those of the ones after it */
	struct balloon_channel *channel;
	enum host_page pages[SIM_PAGES_MAX];
	struct host_entry entries[SIM_ENTRIES_MAX];
	uint32_t n_entries;        /* those after them were never used */
	struct balloon_event bell; /* rung for whoever polls */
	uint32_t bell_heard;       /* up to the last poll */
	uint32_t n_polling;
	uint64_t n_asked;       /* requests, ever */
	enum sim_answer answer; /* to the last one, with HOST_EXPLORED */
	/* Of each page the last answer: when it was given, and the watch that was to see it; 0: none. */
	uint64_t answered_ns[SIM_PAGES_MAX];
	uint64_t answered_to[SIM_PAGES_MAX];
	bool is_dead;     /* there is no host, and submit says so */
	bool has_failed;  /* and the channel was told */
	bool is_released; /* it has let go of all pages */
	uint64_t dies_at_ns;
	bool is_over; /* the simulation ends: everything is answered, nothing goes wrong */
	uint8_t is_picky[SIM_PAGES_MAX]; /* enum host_picky */
};

void host_open(void);
/** Its threads. */
void host_begin(void);
/** The host of HOST_EXPLORED, as a thread: it ends when has_ended() says that all others have. */
void host_work_until(bool (*has_ended)(void));
/** From now on everything is answered at once, what is with the host as well. */
void host_be_good(void);
/** Requests that were not answered. */
uint32_t host_n_outstanding(void);
uint32_t host_n_picky(enum host_picky kind);
/** It is gone, and touches no page any more. */
void host_let_go(void);
/** Another host, which has nothing, behind another channel. */
void host_replace(void);
uint32_t host_n_held(void);

/* ---- The source of frames -------------------------------------------------------------------- */

enum frame { FRAME_FREE, FRAME_DRIVERS, FRAME_USERS };

struct source {
	struct balloon_frames frames;
	enum frame is[SIM_PAGES_MAX];
	/* Handed out at some time though it was not free: of these there are two stories. */
	bool is_doubtful[SIM_PAGES_MAX];
	uint32_t n_free;
	uint64_t n_changes; /* of what is free */
	bool is_over;       /* nothing goes wrong any more */
};

void source_open(void);
/** As another user of memory. Returns how many. */
uint32_t source_take(struct balloon_page *pages, uint32_t n_pages);
void source_give(const struct balloon_page *pages, uint32_t n_pages);

/* ---- The simulation --------------------------------------------------------------------------- */

/** What a thread is doing. */
struct doing {
	uint32_t n_inside; /* calls on the driver, one within another */
	uint64_t n_begun;  /* sim.n_begun, when it began */
	uint32_t
		n_reliefs; /* that it made, or waited for; and whatever else takes time in callbacks */
	bool is_polling;  /* what waits for nothing */
	uint64_t n_taken; /* sim.n_taken, when it last asked how many frames are free */
};

struct sim {
	struct sim_choice choice;
	struct balloon_strategy strategy;        /* the same, and with scanners in the way */
	uint64_t locked_until_ns[SIM_PAGES_MAX]; /* by a scanner with a stale view */
	struct balloon_memmap *map;
	struct balloon_driver *driver;
	struct balloon_driver *drivers[1];
	struct balloon_compactor *compactor;
	struct balloon_driver_config config;
	struct host host;
	struct source source;
	bool is_accounted[SIM_PAGES_MAX]; /* the host has it, as the driver's account says */
	bool is_moved[SIM_PAGES_MAX];     /* it is in the balloon, as the driver has told */
	uint64_t n_sequences;             /* what was acknowledged: how often it was told, */
	uint64_t sequence;                /* the latest, */
	uint64_t n_acknowledged;          /* and how many pages that were */
	struct doing doing[ENGINE_THREADS_MAX];
	uint64_t target;
	uint64_t n_begun;  /* calls, ever */
	uint32_t n_inside; /* threads that are in a call */
	uint32_t n_movers; /* calls under way that move pages whatever the target is */
	uint64_t n_moves;  /* such calls, ever, and changes of the target */
	uint64_t n_resumes;
	uint32_t n_resuming;
	bool was_quiesced;
	bool is_at_rest;  /* quiesce said so, and nobody has resumed */
	bool is_stopping; /* a stop has begun */
	bool has_stopped; /* a stop has returned */
	bool is_stopped;  /* it said that nobody is inside */
	uint32_t n_resetting;
	uint32_t n_looking;            /* calls that read the progress, which take late answers */
	uint64_t n_taken;              /* frames that others took, ever */
	uint64_t n_freed;              /* frames that the driver gave back, ever */
	uint64_t n_reliefs;            /* calls for relief, ever */
	uint32_t n_relieving;          /* and under way */
	uint64_t n_unfinished_reliefs; /* of which the request may be under way still */
	bool is_attaching;
	uint32_t n_running;         /* threads that run or serve */
	uint64_t n_watches;         /* times at which there was one or more, ever */
	uint64_t held_off_until_ns; /* no sooner is a frame allocated, after memory was relieved, */
	uint64_t held_off_since;    /* by calls that begin after this one */
	uint32_t n_dawdling;        /* callbacks that take time */
	uint64_t n_dawdled;         /* such, ever */
	bool serves_no_more;        /* whoever serves is to end */
	bool has_served;            /* and has */
	void (*asked)(void);        /* called when the host was given a request; optional */
	/* called before a fill gets frames, of which the first goes there; optional */
	void (*allocating)(const struct balloon_page *pages);
	/* called with an answer in place of the channel, by whose requests the host is not asked; optional */
	void (*answered)(struct balloon_request *request);
	bool wants_relief; /* somebody waits for the thread that relieves */
	bool is_relief_done;
};

extern struct sim *sim;

/** Memory for one simulation. Outside of runs, once. */
void sim_open(void);
/** Make what sim->choice says: host, source, map and driver. */
void sim_set_up(void);
/** The same without the driver: for another one. */
void sim_set_up_around(void);
/** A run: context is a const struct sim_bounds. */
void sim_play(void *bounds);

extern const struct scenario sim_scenarios[];
const struct scenario *sim_scenario_find(const char *name);

/** Make a call of a kind, with arguments of its choice, and hold what it returns against the header. */
void sim_make_call(enum sim_call call);
/** Single calls, for scenarios. */
void sim_fill(uint32_t n_pages);
void sim_leak(uint32_t n_pages);
void sim_step(void);
/** NULL: without a deadline. */
void sim_migrate(uint32_t n_pages, const uint64_t *deadline_ns);
/** Isolate pages, hold them for a while, put them back. */
void sim_scan(uint32_t n_pages, uint64_t for_ns);
/** At the progress, twice. */
/** Read how far the driver is; of a stopped one, too, which takes late answers then. */
struct balloon_driver_progress sim_progress(void);
void sim_look(void);
int sim_run(uint64_t deadline_ns);
/** Without a callback. */
int sim_run_untold(uint64_t deadline_ns);
int sim_stop(uint64_t deadline_ns);
int sim_reset(void);
int sim_resume(void);
int sim_relieve(uint32_t n_pages);
/** Poll until there is nothing to do, or until a time. */
int sim_follow(uint64_t deadline_ns);
/** Follow the target until it is not wanted any more. */
void sim_serve(void);
int sim_quiesce(uint64_t deadline_ns);
int sim_forget(void);
int sim_attach(uint64_t deadline_ns);
void sim_set_target(uint64_t n_pages);

/** A callback of the driver: is it one that may be? what: for people. */
void sim_check_callback(const char *what);
/** The map's strategy, for pages that scanners keep locked. */
const struct balloon_strategy *sim_strategy(void);
/** The driver's callbacks. */
void sim_account(void *unused, const struct balloon_page *pages, size_t n_pages, int change);
void sim_acknowledged(void *unused, uint64_t n_pages, uint64_t sequence);
void sim_before_fill(void *unused, size_t n_pages);
void sim_moved(void *unused, const struct balloon_page *pages, size_t n_pages, bool is_in);
/** A frame is about to be allocated: not after a relief. */
void sim_check_hold_off(void);
/** Somebody runs, or serves, or does no more. */
void sim_begin_to_run(void);
void sim_end_to_run(void);
/** The host answers for a page: whoever runs takes that at once. */
void sim_note_answer(struct balloon_page page);
/** The floor, when a fill was given frames. */
void sim_check_floor(void);
/** A picky host was asked for all pages, again and again: it has those that it keeps, and they are listed. */
void sim_check_kept(const struct balloon_driver_progress *progress);
/** Nothing is under way: hold everything against everything. */
void sim_check_rest(void);
/** Beside that, nothing is the driver's. */
void sim_check_empty(void);

#define SIM_CHECK(condition, ...) ((condition) ? (void)0 : engine_fail(ENGINE_CLAIM, __VA_ARGS__))

#endif
