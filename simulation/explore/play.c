/* SPDX-License-Identifier: MIT */

#include "explore/play.h"

#include <stdio.h>
#include <string.h>

#include <balloon/list.h>
#include <balloon/strategy.h>

#include "engine-internal.h"
#include "explore/clocks.h"
#include "explore/surroundings.h"
#include "text.h"

enum {
	MEMORY_BYTES = 8192,
	DESCRIPTOR_MAX = 64,
	N_LANES = 4,
	KEY_WORDS = 1 + MODEL_CALLS + N_LANES,
	KNOWN_MAX = 2 * PLAY_ENDS_MAX, /* a power of two */
};

/* Marks of steps: what the oracles can tell apart. Of calls, which of them had returned when which began; of a
 * page, who touched its descriptor before and after it changed hands. */
enum {
	CALL_BEGINS = 1 << 0,
	CALL_ENDS = 1 << 1,
	LOOKS = 1 << 2,                  /* at page 0; of the others, the bits above */
	MOVES = LOOKS << SCENARIO_PAGES, /* from one hand to another, or from one state */
};

/* A thread of the scenario. */
struct player {
	uint32_t number;
	const struct actor *actor;
	struct made *made; /* its call under way; NULL: none */
	uint32_t *begins;  /* receives the step of its first access; NULL: that was made */
};

/* What is told apart at the end of a schedule. */
struct outcome {
	uint64_t words[KEY_WORDS];
};

static struct {
	const struct scenario *scenario;
	const struct balloon_strategy *strategy;
	_Alignas(BALLOON_MEMORY_ALIGN) unsigned char memory[MEMORY_BYTES];
	_Alignas(BALLOON_MEMORY_ALIGN) unsigned char start[MEMORY_BYTES];
	size_t n_bytes;
	struct balloon_memmap *map;
	struct balloon_device *devices[SCENARIO_DEVICES];
	uintptr_t descriptors; /* where they begin in memory, how many bytes there are, of each */
	uintptr_t descriptors_bytes;
	uint32_t descriptor_bytes;
	uintptr_t gone; /* of a device that is closed and gone: its memory */
	uintptr_t gone_bytes;
	uint32_t gone_slot;
	uint8_t page_at[SCENARIO_PAGES * DESCRIPTOR_MAX]; /* of a byte of theirs */
	int8_t holders[SCENARIO_PAGES];
	int8_t holders_at_start[SCENARIO_PAGES];
	uint8_t states[SCENARIO_PAGES]; /* as the calls that have returned left them */
	uint8_t states_at_start[SCENARIO_PAGES];
	struct player players[SCENARIO_THREADS];
	struct history history;
	struct engine_thread threads[SCENARIO_THREADS];
	struct search_subject subject;
	stage_watch watch;
	/* Outcomes that were looked at, and are right: there are few in many schedules. */
	struct outcome known[KNOWN_MAX];
	bool looks_for_races;
	uint64_t ends[PLAY_ENDS_MAX];
	uint32_t n_known;
	uint32_t n_words;
} play;

/* "dequeue", the call that a thread is in; "-": none. */
static const char *call_of(uint32_t thread)
{
	const struct made *made = play.players[thread].made;
	return made ? scenario_operation_name(made->call.operation) : "-";
}

/* ---- Accesses -------------------------------------------------------------------------------- */

static bool names(const struct call *call, uint32_t page)
{
	for (uint32_t i = 0; call->operation != DEQUEUE && i < call->n_pages; i++)
		if (call->pages[i].index == page)
			return true;
	return false;
}

/* Not a part of its caller, which runs at every access and is to save no registers. */
#define APART __attribute__((noinline))

/* Whose an isolated page is no strategy knows, nor whose one is that is in no balloon: may this call, if it is
 * misuse, do its work on the page? */
static bool is_done_to(const struct call *call, uint32_t page)
{
	bool takes_owned = call->operation == INSERT ||
			   (call->operation == MIGRATE && call->pages[1].index == page);
	return play.states[page] == (takes_owned ? BALLOON_PAGE_OWNED : BALLOON_PAGE_ISOLATED);
}

/* A thread touches the descriptor of a page in another one's hands. */
APART static void judge(uint32_t thread, uint32_t page, unsigned kind)
{
	const struct made *made = play.players[thread].made;
	bool is_store = kind == ENGINE_POINT_WRITE || kind == ENGINE_POINT_STORE;
	bool is_named = made && names(&made->call, page);
	bool is_isolate = is_named && made->call.operation == ISOLATE;
	bool is_misuse = is_named && play.scenario->is_misuse && !is_isolate;
	bool is_atomic = kind == ENGINE_POINT_LOAD || kind == ENGINE_POINT_MODIFY;
	if (play.scenario->sign && !play.scenario->is_strict && is_atomic)
		return; /* anybody in a kernel may look, and try a lock */
	bool is_scan = is_named && made->call.operation == SCAN;
	if ((is_isolate && !is_store) || (is_scan && kind == ENGINE_POINT_LOAD) ||
		(is_misuse && (!is_store || is_done_to(&made->call, page))))
		return;
	engine_fail(ENGINE_CLAIM, "I5: page %u is in the hands of %c, and %s of %c touches it (%s)",
		(unsigned)page, 'a' + play.holders[page], call_of(thread), 'a' + (int)thread,
		engine_point_name(kind));
}

APART static void stray(uint32_t thread, const volatile void *place)
{
	/* What a call returns is written to memory of the caller's. */
	bool is_result = (uintptr_t)place - (uintptr_t)&play.history < sizeof(play.history);
	if (surroundings_have(place) || is_result)
		return;
	engine_fail(ENGINE_CLAIM, "%s of %c touches what is not the map's", call_of(thread),
		'a' + (int)thread);
}

APART static void touch_gone(uint32_t thread, uintptr_t slot)
{
	engine_fail(ENGINE_CLAIM, "%s of %c touches device %u, which is gone", call_of(thread),
		'a' + (int)thread, (unsigned)slot);
}

static void look_at_place(uint32_t thread, const volatile void *place, unsigned kind)
{
	uintptr_t at = (uintptr_t)place - (uintptr_t)play.memory;
	if (at >= play.n_bytes) {
		stray(thread, place);
		return;
	}
	if (at - play.gone < play.gone_bytes)
		touch_gone(thread, play.gone_slot);
	at -= play.descriptors;
	if (at >= play.descriptors_bytes)
		return;
	uint32_t page = play.page_at[at];
	if (play.holders[page] != SCENARIO_NOBODY && play.holders[page] != (int)thread)
		judge(thread, page, kind);
}

APART static void begin_call(uint32_t thread, const volatile void *place, unsigned kind)
{
	search_mark(CALL_BEGINS, CALL_ENDS);
	*play.players[thread].begins = (uint32_t)engine_step();
	play.players[thread].begins = NULL;
	look_at_place(thread, place, kind);
}

static void look_at_access(uint32_t thread, const volatile void *place, size_t size_bytes,
	unsigned kind, uintptr_t where)
{
	(void)size_bytes, (void)where;
	if (play.players[thread].begins)
		begin_call(thread, place, kind);
	else
		look_at_place(thread, place, kind);
}

/* The same, for whoever shows a schedule. */
static void show_access(uint32_t thread, const volatile void *place, size_t size_bytes,
	unsigned kind, uintptr_t where)
{
	play.watch(thread, place, size_bytes, kind, where);
	look_at_access(thread, place, size_bytes, kind, where);
}

/* Failures are counted, and no scenario minds how many there were. */
static bool look(const volatile void *place, struct search_marks *marks)
{
	uintptr_t at = (uintptr_t)place - (uintptr_t)play.memory - play.descriptors;
	if (at < play.descriptors_bytes) {
		uint32_t page = play.page_at[at];
		*marks = (struct search_marks){(uint32_t)LOOKS << page, (uint32_t)MOVES << page};
	}
	return place == &play.map->n_contended || place == &play.map->n_isolate_failures;
}

/* ---- Calls ----------------------------------------------------------------------------------- */

static bool gives_away(const struct call *call)
{
	return call->operation != ISOLATE && call->operation != PAGE_DEVICE &&
	       call->operation != SCAN && call->operation != USE;
}

static void note_move(uint32_t page)
{
	search_mark((uint32_t)MOVES << page, (uint32_t)(LOOKS | MOVES) << page);
}

static void give_away(const struct call *call, uint32_t thread)
{
	for (uint32_t i = 0; gives_away(call) && i < call->n_pages; i++)
		if (play.holders[call->pages[i].index] == (int)thread) {
			note_move(call->pages[i].index);
			play.holders[call->pages[i].index] = SCENARIO_NOBODY;
		}
}

/* A page is in the thread's hands now. */
static void take(uint32_t page, uint32_t thread, enum balloon_page_state state)
{
	note_move(page);
	play.states[page] = (uint8_t)state;
	if (play.holders[page] == SCENARIO_NOBODY)
		play.holders[page] = (int8_t)thread;
}

/* It was listed by the call that returns; somebody may have got it since. */
static void note_listed(const struct balloon_page *pages, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		note_move(pages[i].index);
		if (play.holders[pages[i].index] == SCENARIO_NOBODY)
			play.states[pages[i].index] = BALLOON_PAGE_LISTED;
	}
}

static void take_all(const struct balloon_page *pages, uint32_t first, uint32_t n, uint32_t thread,
	enum balloon_page_state state)
{
	for (uint32_t i = first; i < n; i++)
		take(pages[i].index, thread, state);
}

/* Pages that a call has listed, has given out, or did not want. */
static void take_pages(const struct made *made, uint32_t thread)
{
	const struct call *call = &made->call;
	const struct balloon_page *pages = call->pages;
	uint32_t n_done = made->result > 0 ? (uint32_t)made->result : 0;
	switch (call->operation) {
	case DEQUEUE:
		take_all(made->got, 0, n_done, thread, BALLOON_PAGE_OWNED);
		break;
	case ISOLATE:
		take_all(pages, 0, n_done, thread, BALLOON_PAGE_ISOLATED);
		break;
	case FINALIZE:
		take_all(pages, 0, n_done, thread, BALLOON_PAGE_OWNED);
		break;
	case PUTBACK:
		note_listed(pages, n_done);
		break;
	case INSERT:
		note_listed(pages, n_done);
		if (!play.scenario->is_misuse)
			take_all(pages, n_done, call->n_pages, thread, BALLOON_PAGE_OWNED);
		break;
	case MIGRATE:
		if (n_done) {
			take(pages[0].index, thread, BALLOON_PAGE_OWNED);
			note_listed(&pages[1], 1);
		} else if (!play.scenario->is_misuse) {
			take(pages[0].index, thread, BALLOON_PAGE_ISOLATED);
			take(pages[1].index, thread, BALLOON_PAGE_OWNED);
		}
		break;
	default:
		break;
	}
}

/* A scanner does not wait: what it meets without the lock it needs it passes over. */
static int isolate_as_scanner(const struct call *call)
{
	uint32_t page = call->pages[0].index;
	if (!surroundings_try_lru())
		engine_fail(ENGINE_CLAIM,
			"the scanner passes over page %u, which it could have had", (unsigned)page);
	int result = balloon_pages_isolate(play.map, call->pages, call->n_pages);
	surroundings_leave_lru();
	return result;
}

static int do_call(struct made *made)
{
	const struct call *call = &made->call;
	struct balloon_device *device = play.devices[call->device];
	switch (call->operation) {
	case ISOLATE:
		if (play.scenario->has_lru)
			return isolate_as_scanner(call);
		return balloon_pages_isolate(play.map, call->pages, call->n_pages);
	case PUTBACK:
		return balloon_pages_putback(play.map, call->pages, call->n_pages);
	case MIGRATE:
		return balloon_pages_migrate(device, &call->pages[1], &call->pages[0], 1);
	case FINALIZE:
		return balloon_pages_finalize(device, call->pages, call->n_pages);
	case INSERT:
		return balloon_pages_insert(device, call->pages, call->n_pages);
	case DEQUEUE:
		return balloon_pages_dequeue(device, made->got, call->n_pages);
	case DEVICE_CLOSE:
		return balloon_device_destroy(play.map, device);
	case STATISTICS:
		return balloon_device_stats(device, &made->stats.devices);
	case MAP_STATISTICS:
		return balloon_memmap_stats(play.map, &made->stats);
	case PAGE_DEVICE:
		device = balloon_page_device(play.map, call->pages[0]);
		made->answer = device ? device->slot + 1 : 0;
		return 1;
	case SCAN: /* whatever it says, the page may be another one by now: a second call is made */
		made->answer = balloon_page_is_candidate(play.map, call->pages[0]);
		return 1;
	case USE:
		for (uint32_t i = 0; i < call->n_pages; i++)
			surroundings_use(call->pages[i]);
		return (int)call->n_pages;
	case RECLAIM:
		surroundings_reclaim();
		return 1;
	}
	return -EINVAL;
}

/* What is to be called, with the pages that there are. Returns false: nothing. */
static bool prepare(struct made *made, const struct call *call, const struct made *first)
{
	made->call = *call;
	made->answer = 0;
	if (!call->wants_first)
		return true;
	if (!first || first->result <= 0)
		return false;
	uint32_t n_got = (uint32_t)first->result;
	if (call->takes_got)
		memcpy(made->call.pages, first->got, sizeof(first->got));
	if (call->takes_got || (call->operation != MIGRATE && n_got < call->n_pages))
		made->call.n_pages = n_got;
	return true;
}

/* What history has around a call: devices go, pages are counted. */
static void go_on_around(const struct made *made)
{
	surroundings_count(made);
	if (made->call.operation != DEVICE_CLOSE || made->result < 0)
		return;
	play.gone = (uintptr_t)play.devices[made->call.device] - (uintptr_t)play.memory;
	play.gone_bytes = play.map->slot_bytes;
	play.gone_slot = made->call.device;
}

static void make(struct player *player, struct made *made)
{
	player->made = made;
	player->begins = &made->begin;
	made->begin = (uint32_t)engine_step(); /* unless it makes an access */
	give_away(&made->call, player->number);
	made->result = do_call(made);
	made->end = (uint32_t)engine_step();
	search_mark(CALL_ENDS, CALL_BEGINS);
	take_pages(made, player->number);
	if (play.scenario->sign)
		go_on_around(made);
	player->made = NULL;
}

static void perform(void *context)
{
	struct player *player = context;
	struct made *all = play.history.made[player->number];
	uint32_t *n = &play.history.n_made[player->number];
	for (uint32_t i = 0; i < player->actor->n_calls; i++) {
		if (!prepare(&all[*n], &player->actor->calls[i], *n ? &all[0] : NULL))
			return;
		make(player, &all[*n]);
		++*n;
	}
}

/* ---- The end --------------------------------------------------------------------------------- */

/* Of a design without lists, in any order. */
static void list_pages(struct look *look, uint32_t slot)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < play.scenario->n_pages; i++)
		if (look->pages[i].state == BALLOON_PAGE_LISTED && look->pages[i].device == slot)
			look->devices[slot].list[n++] = i;
	look->devices[slot].n_listed = n;
}

static void look_at_list(struct look *look, uint32_t slot)
{
	struct balloon_device *device = play.devices[slot];
	uint32_t n = 0;
	uint32_t page = BALLOON_LINK_END;
	while (n < play.scenario->n_pages &&
		(page = play.strategy->list_next(device, page)) != BALLOON_LINK_END)
		look->devices[slot].list[n++] = page;
	look->devices[slot].n_listed = n;
}

static void look_at_map(struct look *look)
{
	for (uint32_t i = 0; i < play.scenario->n_pages; i++) {
		struct balloon_page_info info = play.strategy->inspect(play.map, balloon_page(i));
		look->pages[i].state = info.state;
		look->pages[i].device = info.device ? info.device->slot : 0;
	}
	for (uint32_t i = 0; i < play.scenario->n_devices; i++) {
		look->devices[i].is_open = balloon_device_is_open(play.devices[i]);
		play.strategy->device_stats(play.devices[i], &look->devices[i].stats);
		if (play.strategy->list_next)
			look_at_list(look, i);
		else
			list_pages(look, i);
	}
}

static uint64_t pack_stats(const struct balloon_device_stats *stats)
{
	const uint64_t counts[] = {stats->n_listed, stats->n_isolated, stats->n_inserted,
		stats->n_dequeued, stats->n_isolates, stats->n_putbacks, stats->n_migrated,
		stats->n_finalized};
	uint64_t packed = 0;
	for (uint32_t i = 0; i < MODEL_COUNTS; i++)
		packed = packed << 4 | (counts[i] & 15);
	return packed;
}

static uint64_t pack_made(const struct made *made)
{
	uint64_t packed = (uint8_t)made->result;
	if (made->call.operation == STATISTICS || made->call.operation == MAP_STATISTICS)
		return packed << 32 | pack_stats(&made->stats.devices);
	for (int i = 0; made->call.operation == DEQUEUE && i < made->result; i++)
		packed = packed << 3 | made->got[i].index;
	return packed << 8 | made->answer << 4 | made->call.n_pages;
}

/* Which calls had returned before which began. */
static uint64_t pack_precedence(const struct history *history)
{
	uint64_t packed = 1;
	for (uint32_t i = 0; i < history->scenario->n_threads; i++)
		for (uint32_t j = 0; j < history->scenario->n_threads; j++) {
			if (i == j)
				continue;
			for (uint32_t k = 0; k < history->n_made[i]; k++)
				for (uint32_t l = 0; l < history->n_made[j]; l++)
					packed = packed << 1 | (history->made[i][k].end <
								       history->made[j][l].begin);
		}
	return packed;
}

/*
 * The memory of the map, in four lanes of which each takes every fourth word. A step of a lane can be undone: of two
 * memories that differ in one word of a lane the results differ, of others they do but for a chance of 2^-64.
 */
static void digest(uint64_t lanes[N_LANES])
{
	const uint64_t *words = (const void *)play.memory;
	memset(lanes, 0, N_LANES * sizeof(*lanes));
	for (size_t n = play.n_bytes / sizeof(*words); n > 0; n -= N_LANES, words += N_LANES)
		for (uint32_t i = 0; i < N_LANES; i++) {
			lanes[i] = (lanes[i] ^ words[i]) * UINT64_C(0x9e3779b97f4a7c15);
			lanes[i] ^= lanes[i] >> 29;
		}
}

/* What the calls returned, in which order they were made, and all of the map. */
static void pack(struct outcome *outcome)
{
	const struct history *history = &play.history;
	const struct scenario *scenario = play.scenario;
	uint64_t *word = outcome->words;
	*word++ = pack_precedence(history);
	for (uint32_t i = 0; i < scenario->n_threads; i++)
		for (uint32_t j = 0; j < scenario->actors[i].n_calls; j++)
			*word++ = j < history->n_made[i] ? pack_made(&history->made[i][j]) + 1 : 0;
	digest(word);
}

static uint64_t hash_of(const struct outcome *outcome)
{
	uint64_t hash = 0;
	for (uint32_t i = 0; i < play.n_words; i++)
		hash = (hash ^ outcome->words[i]) * UINT64_C(0x9e3779b97f4a7c15);
	return hash;
}

/* Where it is, or is to be. The first word of a free place is 0. */
static struct outcome *find(const struct outcome *outcome)
{
	uint32_t at = (uint32_t)(hash_of(outcome) >> 32) % KNOWN_MAX;
	while (play.known[at].words[0] && memcmp(play.known[at].words, outcome->words,
						  play.n_words * sizeof(outcome->words[0])) != 0)
		at = (at + 1) % KNOWN_MAX;
	return &play.known[at];
}

static void check_map(void)
{
	struct balloon_finding finding;
	if (balloon_memmap_validate(play.map, &finding) == 0)
		return;
	if (finding.page.index < play.scenario->n_pages)
		engine_fail(
			ENGINE_CLAIM, "%s (page %u)", finding.what, (unsigned)finding.page.index);
	engine_fail(ENGINE_CLAIM, "%s", finding.what);
}

static void check_calls(void)
{
	char calls[200];
	look_at_map(&play.history.after);
	if (model_explains(&play.history))
		return;
	model_describe(&play.history, calls, sizeof(calls));
	engine_fail(ENGINE_CLAIM, "no order of the calls explains: %s", calls);
}

static void check_zones(void)
{
	look_at_map(&play.history.after);
	const char *drift = surroundings_find_drift(&play.history.after);
	if (drift)
		engine_fail(ENGINE_CLAIM, "%s", drift);
}

static void look_at_end(void)
{
	struct outcome outcome;
	if (play.scenario->sign)
		surroundings_end();
	pack(&outcome);
	struct outcome *known = find(&outcome);
	if (known->words[0])
		return;
	if (play.scenario->is_zoned)
		check_zones();
	check_map();
	check_calls();
	if (play.n_known < PLAY_ENDS_MAX) { /* else it is looked at each time */
		*known = outcome;
		play.ends[play.n_known++] = hash_of(&outcome);
	}
}

/* ---- The start ------------------------------------------------------------------------------- */

static void start(void)
{
	memcpy(play.memory, play.start, play.n_bytes);
	memcpy(play.holders, play.holders_at_start, sizeof(play.holders));
	memcpy(play.states, play.states_at_start, sizeof(play.states));
	play.gone_bytes = 0;
	if (play.scenario->sign)
		surroundings_begin();
	for (uint32_t i = 0; i < play.scenario->n_threads; i++) {
		play.history.n_made[i] = 0;
		play.players[i].made = NULL;
		play.players[i].begins = NULL;
	}
}

static void has_to_work(int result, enum operation operation)
{
	if (result < 0)
		engine_fail(ENGINE_CLAIM, "%s says %d, and there is nobody else",
			scenario_operation_name(operation), result);
}

static void set_up_page(uint32_t index)
{
	const struct scenario_page *page = &play.scenario->pages[index];
	if (page->state == BALLOON_PAGE_OWNED)
		return;
	has_to_work(balloon_page_insert(play.devices[page->device], balloon_page(index)), INSERT);
	if (page->state == BALLOON_PAGE_ISOLATED)
		has_to_work(balloon_page_isolate(play.map, balloon_page(index)), ISOLATE);
}

/* As a run of its own, since a fault may show here already. */
static void set_up(void *unused)
{
	(void)unused;
	for (uint32_t i = 0; i < play.scenario->n_devices; i++)
		ENGINE_CHECK_EQ(balloon_device_create(play.map, NULL, &play.devices[i]), 0);
	for (uint32_t i = 0; i < play.scenario->n_pages; i++)
		set_up_page(i);
	memcpy(play.start, play.memory, play.n_bytes);
	look_at_map(&play.history.before);
	surroundings_open(play.map, &play.history.before);
}

static bool make_map(const struct scenario *scenario, const struct balloon_strategy *strategy)
{
	const struct balloon_memmap_config config = {.strategy = strategy,
		.n_pages = scenario->n_pages,
		.n_devices = scenario->n_devices};
	if (balloon_memmap_size(&config, &play.n_bytes) < 0 || play.n_bytes > MEMORY_BYTES ||
		strategy->descriptor_bytes > DESCRIPTOR_MAX ||
		strategy->descriptor_align > DESCRIPTOR_MAX ||
		balloon_memmap_init(play.memory, play.n_bytes, &config, &play.map) < 0)
		return false;
	play.descriptors = (uintptr_t)play.map->descriptors.first - (uintptr_t)play.memory;
	play.descriptor_bytes = (uint32_t)play.map->descriptors.stride_bytes;
	play.descriptors_bytes = scenario->n_pages * play.map->descriptors.stride_bytes;
	for (uint32_t i = 0; i < play.descriptors_bytes; i++)
		play.page_at[i] = (uint8_t)(i / play.descriptor_bytes);
	return true;
}

/* Of two who think that a page is theirs, neither is believed. */
static int holder_at_start(const struct scenario *scenario, uint32_t page)
{
	int holder = scenario->pages[page].holder;
	for (uint32_t i = 0; scenario->is_misuse && i < scenario->n_threads; i++)
		if ((int)i != holder && names(&scenario->actors[i].calls[0], page))
			return SCENARIO_NOBODY;
	return holder;
}

static void set_up_players(const struct scenario *scenario)
{
	static const char *const thread_names[SCENARIO_THREADS] = {"a", "b", "c"};
	play.n_words = 1 + N_LANES;
	for (uint32_t i = 0; i < scenario->n_threads; i++) {
		play.players[i] = (struct player){.number = i, .actor = &scenario->actors[i]};
		play.threads[i] =
			(struct engine_thread){thread_names[i], perform, &play.players[i]};
		play.n_words += scenario->actors[i].n_calls;
	}
	for (uint32_t i = 0; i < scenario->n_pages; i++) {
		play.holders_at_start[i] = (int8_t)holder_at_start(scenario, i);
		play.states_at_start[i] = (uint8_t)scenario->pages[i].state;
	}
}

bool play_open(const struct scenario *scenario, const struct balloon_strategy *strategy,
	struct engine_report *report)
{
	static const struct engine_thread setter = {"setup", set_up, NULL};
	const struct search_subject subject = {.threads = &setter, .n_threads = 1};
	static const struct search_schedule schedule = {.n_switches = 1};
	bool is_asserted;
	play.scenario = scenario;
	play.strategy = strategy;
	play.watch = NULL;
	play.gone_bytes = 0;
	play.n_known = 0;
	memset(play.known, 0, sizeof(play.known));
	play.history.scenario = scenario;
	play.history.is_ordered = strategy->order == BALLOON_ORDER_LIFO && strategy->list_next;
	if (!make_map(scenario, strategy))
		return false;
	set_up_players(scenario);
	play.subject = (struct search_subject){.threads = play.threads,
		.n_threads = scenario->n_threads,
		.begin = start,
		.access = look_at_access,
		.look = look,
		.end = look_at_end};
	return !search_replay(&subject, &schedule, report, &is_asserted);
}

/* ---- For people ------------------------------------------------------------------------------ */

static const struct search_subject *subject(void)
{
	if (play.looks_for_races)
		return clocks_watch(&play.subject, play.memory, play.n_bytes);
	return &play.subject;
}

void play_look_for_races(bool do_so)
{
	play.looks_for_races = do_so;
}

uint32_t play_n_ends(void)
{
	return play.n_known;
}

uint64_t play_end(uint32_t i)
{
	return play.ends[i];
}

static void watch(stage_watch watcher)
{
	play.watch = watcher;
	play.subject.access = watcher ? show_access : look_at_access;
}

static void name_thread(uint32_t thread, char *text, size_t size)
{
	const struct actor *actor = &play.scenario->actors[thread];
	for (uint32_t i = 0; i < actor->n_calls; i++)
		text_append(text, size, "%s%s", i ? "+" : "",
			scenario_operation_name(actor->calls[i].operation));
}

static uint32_t n_cells(void)
{
	return play.scenario->n_pages;
}

static void show_cell(uint32_t page, struct stage_cell *cell)
{
	snprintf(cell->name, sizeof(cell->name), "%u", (unsigned)page);
	snprintf(cell->value, sizeof(cell->value), "%c", "OLI"[play.states[page]]);
	cell->holder = play.holders[page] == SCENARIO_NOBODY ? STAGE_NOBODY : play.holders[page];
}

/* "page 1.mapping", "page 1+16" where the field has no name. */
static void name_field(
	const char *thing, size_t number, const char *field, size_t offset, char *text, size_t size)
{
	if (field)
		snprintf(text, size, "%s %zu.%s", thing, number, field);
	else
		snprintf(text, size, "%s %zu+%zu", thing, number, offset);
}

static void name_place(const volatile void *place, char *text, size_t size)
{
	uintptr_t at = (uintptr_t)place - (uintptr_t)play.memory;
	uintptr_t page = at - play.descriptors;
	uintptr_t slot = at - ((uintptr_t)play.map->slots - (uintptr_t)play.memory);
	if (page < play.descriptors_bytes) {
		size_t offset = page % play.descriptor_bytes;
		name_field("page", page / play.descriptor_bytes, surroundings_field_of_page(offset),
			offset, text, size);
	} else if (slot < play.scenario->n_devices * play.map->slot_bytes) {
		size_t offset = slot % play.map->slot_bytes;
		name_field("device", slot / play.map->slot_bytes,
			surroundings_field_of_device(offset), offset, text, size);
	} else if (surroundings_have(place)) {
		snprintf(text, size, "LRU lock");
	} else if (at < play.n_bytes) {
		snprintf(text, size, "map+%zu", (size_t)at);
	} else {
		snprintf(text, size, "elsewhere");
	}
}

const struct stage play_stage = {
	.state_head = "pages",
	.subject = subject,
	.watch = watch,
	.name_thread = name_thread,
	.name_place = name_place,
	.n_cells = n_cells,
	.show_cell = show_cell,
	.call = call_of,
};
