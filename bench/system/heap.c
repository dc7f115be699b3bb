/* SPDX-License-Identifier: MIT */
/*
 * Heap: an allocation and its end, beside the jemalloc that is in the heap.
 *
 * Subjects: malloc(), which is jemalloc's with its thread caches; an arena of jemalloc's own frames,
 * without caches, whose decay is the heap's; the heap, without thread caches and with them. Threads
 * are new in each repeat, and do an eighth of the work before their time counts, so that their caches are
 * as full as they get. The time is what processors did for them: what they wait for processors does not count.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* Where jemalloc was built with a prefix: malloc() is to be its own. */
#define JEMALLOC_MANGLE
#include <jemalloc/jemalloc.h>

#include "common/threads.h"
#include "system/heap-patterns.h"
#include "system/system.h"

enum {
	HEAP_BYTES = 256 << 20,
	KEEP_MS = 10000, /* of those that keep what is free; the others give it back at once */
	WARM_UP_SHARE = 8,
};

/* The 200 blocks that stay beside those of 64 bytes fill no slab to the brim: a pair needs no new one. */
static const struct shape shapes[] = {
	{.name = "64-bytes",
		.size_min = 64,
		.size_max = 64,
		.n_slots = 200,
		.is_at_once = true,
		.pairs_of_16 = 64},
	{.name = "mix", .size_min = 16, .size_max = 4096, .n_slots = 256, .pairs_of_16 = 16},
	{.name = "large",
		.size_min = 16 << 10,
		.size_max = 64 << 10,
		.n_slots = 16,
		.pairs_of_16 = 1},
	{.name = "larson",
		.size_min = 16,
		.size_max = 1008,
		.n_slots = SET_SLOTS,
		.is_exchanged = true,
		.pairs_of_16 = 16},
	{.name = "pipe", .size_min = 16, .size_max = 1008, .is_pipe = true, .pairs_of_16 = 16},
};
static const unsigned thread_counts[] = {1, 2, MEMBERS_MAX};
enum {
	N_SHAPES = sizeof shapes / sizeof shapes[0],
	N_THREAD_COUNTS = sizeof thread_counts / sizeof thread_counts[0],
};

/* ---- Subjects -------------------------------------------------------------------------------- */

struct subject {
	const char *name;
	const char *kind;
	enum { PLACE_NONE, PLACE_ARENA, PLACE_HEAP } place;
	bool has_caches;
	uint32_t decay_ms;
	const struct allocator *allocator;
	void (*run)(struct member *member, uint32_t n_pairs);
};

LOOP void *plain_allocate(const struct place *place, size_t size)
{
	(void)place;
	return malloc(size);
}

LOOP void plain_free(const struct place *place, void *block)
{
	(void)place;
	free(block);
}

LOOP void *arena_allocate(const struct place *place, size_t size)
{
	return mallocx(size, MALLOCX_ARENA(place->arena) | MALLOCX_TCACHE_NONE);
}

LOOP void arena_free(const struct place *place, void *block)
{
	(void)place;
	if (block)
		dallocx(block, MALLOCX_TCACHE_NONE);
}

LOOP void *heap_allocate(const struct place *place, size_t size)
{
	return balloon_heap_allocate(place->heap, size);
}

LOOP void heap_free(const struct place *place, void *block)
{
	balloon_heap_free(place->heap, block);
}

static const struct allocator plain = {plain_allocate, plain_free};
static const struct allocator arena = {arena_allocate, arena_free};
static const struct allocator heap = {heap_allocate, heap_free};

/* One loop over all for each allocator, inlined. */
#define RUN(allocator)                                                                             \
	static void allocator##_run(struct member *member, uint32_t n_pairs)                       \
	{                                                                                          \
		run_shape(&allocator, member, n_pairs);                                            \
	}

RUN(plain)
RUN(arena)
RUN(heap)

static const struct subject subjects[] = {
	{"malloc", "raw", PLACE_NONE, false, 0, &plain, plain_run},
	{"heap-caches", "heap", PLACE_HEAP, true, 0, &heap, heap_run},
	{"jemalloc", "raw", PLACE_ARENA, false, 0, &arena, arena_run},
	{"heap", "heap", PLACE_HEAP, false, 0, &heap, heap_run},
	{"jemalloc-keeps", "raw", PLACE_ARENA, false, KEEP_MS, &arena, arena_run},
	{"heap-keeps", "heap", PLACE_HEAP, false, KEEP_MS, &heap, heap_run},
};

static int write_decay(unsigned number, const char *control, ssize_t decay_ms)
{
	char name[64];
	snprintf(name, sizeof name, "arena.%u.%s", number, control);
	return mallctl(name, NULL, NULL, &decay_ms, sizeof decay_ms) ? -ENODEV : 0;
}

/* As a heap's: what is given back goes to the system at once. */
static int open_arena(struct place *place, uint32_t decay_ms)
{
	size_t size = sizeof place->arena;
	int result = mallctl("arenas.create", &place->arena, &size, NULL, 0) ? -ENODEV : 0;
	if (result == 0)
		result = write_decay(place->arena, "dirty_decay_ms", decay_ms);
	return result < 0 ? result : write_decay(place->arena, "muzzy_decay_ms", 0);
}

static void close_arena(const struct place *place)
{
	char name[64];
	snprintf(name, sizeof name, "arena.%u.destroy", place->arena);
	mallctl(name, NULL, NULL, NULL, 0);
}

static int open_heap(
	struct place *place, const struct system_plan *plan, const struct subject *subject)
{
	const struct balloon_heap_config config = {
		.strategy = balloon_strategy_find(last_strategy(plan)),
		.size_bytes = HEAP_BYTES,
		.decay_ms = subject->decay_ms,
		.thread_caches = subject->has_caches};
	return balloon_heap_create(&config, &place->heap);
}

/* ---- A repeat -------------------------------------------------------------------------------- */

static void fill(struct member *member, struct set *set)
{
	const struct shape *shape = member->crew->shape;
	for (uint32_t i = 0; i < shape->n_slots; i++)
		put(member->crew->allocator, member, &set->slots[i],
			random_size(shape, next_random(member)));
}

static void drain(struct member *member, struct set *set)
{
	for (uint32_t i = 0; i < member->crew->shape->n_slots; i++)
		take(member->crew->allocator, member, &set->slots[i]);
}

static void work(void *argument)
{
	struct member *member = argument;
	struct crew *crew = member->crew;
	fill(member, member->set);
	crew->run(member, crew->n_pairs / WARM_UP_SHARE);
	pthread_barrier_wait(&crew->warm);
	member->paused_ns = 0;
	uint64_t begin_ns = thread_cpu_ns();
	crew->run(member, crew->n_pairs);
	member->ns = thread_cpu_ns() - begin_ns - member->paused_ns;
	drain(member, member->set);
}

/* Of a pipe one member produces and the next one consumes; who is alone does both. */
static struct member make_member(struct crew *crew, unsigned number, unsigned n_members)
{
	return (struct member){.crew = crew,
		.set = &crew->sets[number],
		.pipe = &crew->pipes[number / 2],
		.produces = number % 2 == 0,
		.consumes = number % 2 == 1 || n_members == 1,
		.random = number + 1};
}

/* How many pairs all members make together; whole batches of pipes. */
static uint32_t share_pairs(struct crew *crew, const struct trial *trial)
{
	const unsigned n_threads = number_of(trial, "threads");
	const unsigned n_shares = crew->shape->is_pipe ? (n_threads + 1) / 2 : n_threads;
	const uint64_t n_pairs = (uint64_t)plan_of(trial)->n_pairs * crew->shape->pairs_of_16 / 16;
	const uint32_t unit = crew->shape->is_pipe ? BATCH_SLOTS : 1;
	crew->n_pairs = (uint32_t)(n_pairs / n_shares / unit + 1) * unit;
	return crew->n_pairs * n_shares;
}

static int repeat(struct trial *trial)
{
	const unsigned n_threads = number_of(trial, "threads");
	struct crew *crew = trial->own;
	struct member members[MEMBERS_MAX], spare = make_member(crew, MEMBERS_MAX, 1);
	const struct threads threads = {
		n_threads, false, work, members, sizeof *members, NULL, NULL};
	const uint32_t n_pairs = share_pairs(crew, trial);
	uint64_t ns = 0;
	for (unsigned i = 0; i < n_threads; i++)
		members[i] = make_member(crew, i, n_threads);
	fill(&spare, spare.set);
	atomic_store(&crew->spare, spare.set);
	pthread_barrier_init(&crew->warm, NULL, n_threads);
	int result = threads_run(&threads);
	pthread_barrier_destroy(&crew->warm);
	drain(&spare, atomic_load(&crew->spare));
	const char *problem = spare.problem;
	for (unsigned i = 0; i < n_threads; i++) {
		ns += members[i].ns;
		problem = problem ? problem : members[i].problem;
	}
	if (result < 0)
		return trial_expect(trial, "starting threads", result);
	if (problem)
		return trial_fail(trial, "%s", problem);
	trial_note(trial, "ns_per_pair", (double)ns / n_pairs);
	return 0;
}

/* ---- Trials ---------------------------------------------------------------------------------- */

static const struct subject *subject_of(const struct trial *trial)
{
	return trial->how;
}

static void close_trial(struct trial *trial)
{
	struct crew *crew = trial->own;
	if (subject_of(trial)->place == PLACE_HEAP)
		balloon_heap_destroy(crew->place.heap);
	if (subject_of(trial)->place == PLACE_ARENA)
		close_arena(&crew->place);
}

static void init_crew(struct crew *crew, const struct trial *trial)
{
	const struct subject *subject = subject_of(trial);
	crew->run = subject->run;
	crew->allocator = subject->allocator;
	for (size_t i = 0; i < N_SHAPES; i++)
		if (shapes[i].name == text_of(trial, "pattern"))
			crew->shape = &shapes[i];
	for (size_t i = 0; i < MEMBERS_MAX / 2; i++) {
		sem_init(&crew->pipes[i].n_full, 0, 0);
		sem_init(&crew->pipes[i].n_free, 0, PIPE_BATCHES);
	}
}

static int open_trial(struct trial *trial)
{
	const struct subject *subject = subject_of(trial);
	struct crew *crew = trial->own;
	int result = 0;
	init_crew(crew, trial);
	if (subject->place == PLACE_ARENA)
		result = open_arena(&crew->place, subject->decay_ms);
	if (subject->place == PLACE_HEAP)
		result = open_heap(&crew->place, plan_of(trial), subject);
	return trial_expect(trial, "making it", result);
}

static int make(struct round *round, size_t number)
{
	static const struct trial_ops ops = {
		sizeof(struct crew), open_trial, repeat, repeat, NULL, close_trial};
	round->labels = (struct labels){{{"pattern", .text = shapes[number / N_THREAD_COUNTS].name},
		{"threads", .number = thread_counts[number % N_THREAD_COUNTS]}}};
	for (size_t i = 0; i < sizeof subjects / sizeof subjects[0]; i++) {
		struct trial *trial =
			round_add(round, subjects[i].name, subjects[i].kind, &ops, &subjects[i]);
		if (subjects[i].place == PLACE_HEAP)
			trial_label(trial, "strategy", last_strategy(round->plan));
	}
	return 0;
}

static const struct column columns[] = {COLUMNS_OF("ns/pair", "ns_per_pair"),
	{"x malloc", "ratio/malloc", "%.3g", 0}, {"x jemalloc", "ratio/jemalloc", "%.3g", 0},
	{"x keeping", "ratio/jemalloc-keeps", "%.3g", 0}, NO_COLUMN};

const struct workload workload_heap = {"heap",
	"an allocation and its free, on 1, 2 and 4 threads, beside jemalloc's", "ns_per_pair",
	columns, NULL, make, NULL, (size_t)N_SHAPES *N_THREAD_COUNTS};
