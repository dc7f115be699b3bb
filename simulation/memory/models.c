/* SPDX-License-Identifier: MIT */

#include "memory/models-internal.h"

#include <string.h>

#include <balloon/platform.h>

#define WHERE ((uintptr_t)__builtin_return_address(0))

/* A store that the compiler may move behind the next load. */
struct later {
	struct memory_access access;
	bool is_waiting;
};

static struct {
	const struct memory_model *model;
	uint32_t n_threads;
	uint64_t now_ns; /* a deadline that has come */
	struct later later[MEMORY_THREADS];
	bool has_found; /* for memory_found() */
	uint64_t found;
} memory;

void memory_step(const volatile void *place, size_t size_bytes, unsigned kind, uintptr_t where)
{
	engine_access(place, size_bytes, kind, where);
	memory.has_found = false;
}

static uint64_t found(uint64_t value)
{
	memory.has_found = true;
	memory.found = value;
	return value;
}

bool memory_found(uint64_t *value)
{
	*value = memory.found;
	return memory.has_found;
}

uint32_t memory_choose(uint32_t n)
{
	return engine_choose(ENGINE_CHOOSE_VALUE + 1, n);
}

_Noreturn void memory_full(void)
{
	engine_fail(ENGINE_CLAIM, "more than the model of memory has room for");
}

bool memory_is_same(const volatile void *a, size_t a_bytes, const volatile void *b, size_t b_bytes)
{
	uintptr_t at = (uintptr_t)a;
	uintptr_t other = (uintptr_t)b;
	if (at == other && a_bytes == b_bytes)
		return true;
	if (at < other + b_bytes && other < at + a_bytes)
		engine_fail(ENGINE_CLAIM, "accesses of two sizes to one place");
	return false;
}

/* ---- Memory itself --------------------------------------------------------------------------- */

uint64_t memory_read(const volatile void *place, size_t size_bytes)
{
	switch (size_bytes) {
	case 1:
		return *(const volatile uint8_t *)place;
	case 4:
		return *(const volatile uint32_t *)place;
	case 8:
		return *(const volatile uint64_t *)place;
	default:
		engine_fail(ENGINE_CLAIM, "an access of %zu bytes", size_bytes);
	}
}

void memory_write(const volatile void *place, size_t size_bytes, uint64_t value)
{
	void *to = (void *)(uintptr_t)place;
	switch (size_bytes) {
	case 1:
		*(volatile uint8_t *)to = (uint8_t)value;
		break;
	case 4:
		*(volatile uint32_t *)to = (uint32_t)value;
		break;
	case 8:
		*(volatile uint64_t *)to = value;
		break;
	default:
		engine_fail(ENGINE_CLAIM, "an access of %zu bytes", size_bytes);
	}
}

/* As wide as the word. */
static uint64_t narrow(uint64_t value, size_t size_bytes)
{
	return size_bytes < sizeof(value) ? value & ((UINT64_C(1) << size_bytes * 8) - 1) : value;
}

bool memory_changes(const struct memory_access *access, uint64_t found, uint64_t *changed)
{
	uint64_t operand = access->operand;
	switch (access->operation) {
	case BALLOON_COMPARES:
		if (found != access->expected)
			return false;
		*changed = operand;
		break;
	case BALLOON_EXCHANGES:
		*changed = operand;
		break;
	case BALLOON_ADDS:
		*changed = found + operand;
		break;
	case BALLOON_SUBTRACTS:
		*changed = found - operand;
		break;
	case BALLOON_ORS:
		*changed = found | operand;
		break;
	case BALLOON_ANDS:
		*changed = found & operand;
		break;
	default:
		return false;
	}
	*changed = narrow(*changed, access->size_bytes);
	return true;
}

uint64_t memory_modify(const struct memory_access *access)
{
	uint64_t found = memory_read(access->place, access->size_bytes);
	uint64_t changed;
	if (memory_changes(access, found, &changed))
		memory_write(access->place, access->size_bytes, changed);
	return found;
}

/* ---- Sequential consistency ------------------------------------------------------------------ */

static void begin(void)
{
}

static uint64_t load(const struct memory_access *access)
{
	return memory_read(access->place, access->size_bytes);
}

static void store(const struct memory_access *access)
{
	memory_write(access->place, access->size_bytes, access->operand);
}

static void fence(uint32_t thread)
{
	(void)thread;
}

static void *plain(uint32_t thread, const volatile void *place, size_t size_bytes, bool is_write)
{
	(void)thread, (void)size_bytes, (void)is_write;
	return (void *)(uintptr_t)place;
}

static void nothing(const struct memory_access *access)
{
	(void)access;
}

static const struct memory_model memory_sc = {
	.name = "sc",
	.begin = begin,
	.load = load,
	.store = store,
	.modify = memory_modify,
	.fence = fence,
	.plain = plain,
	.look = load,
	.wake = nothing,
	.woken = nothing,
	.end = fence,
};

/* ---- Orders ---------------------------------------------------------------------------------- */

/* The linker's names for where a section begins and ends. */
extern struct balloon_order __start_balloon_orders[];
extern struct balloon_order __stop_balloon_orders[];

static bool is_same_order(const struct balloon_order *a, const struct balloon_order *b)
{
	return a->operation == b->operation && !strcmp(a->function, b->function);
}

static bool is_first(const struct balloon_order *order)
{
	const struct balloon_order *other = __start_balloon_orders;
	while (!is_same_order(other, order) || other->order == BALLOON_RELAXED)
		other++;
	return other == order;
}

const struct balloon_order *memory_order_next(const struct balloon_order *order)
{
	for (order = order ? order + 1 : __start_balloon_orders; order < __stop_balloon_orders;
		order++)
		if (order->order != BALLOON_RELAXED && is_first(order))
			return order;
	return NULL;
}

void memory_weaken(const struct balloon_order *order)
{
	for (struct balloon_order *other = __start_balloon_orders; other < __stop_balloon_orders;
		other++)
		other->is_weakened = order && is_same_order(other, order);
}

const char *memory_operation_name(enum balloon_operation operation)
{
	static const char *const names[] = {[BALLOON_LOADS] = "load",
		[BALLOON_STORES] = "store",
		[BALLOON_STORES_LATER] = "store-later",
		[BALLOON_EXCHANGES] = "exchange",
		[BALLOON_ADDS] = "add",
		[BALLOON_SUBTRACTS] = "subtract",
		[BALLOON_ORS] = "or",
		[BALLOON_ANDS] = "and",
		[BALLOON_COMPARES] = "compare",
		[BALLOON_FENCES] = "fence",
		[BALLOON_FENCES_COMPILER] = "compiler-fence"};
	return names[operation];
}

static bool is_of_loads(enum balloon_operation operation)
{
	return operation != BALLOON_STORES && operation != BALLOON_STORES_LATER;
}

static void read_order(const struct balloon_order *order, struct memory_access *access)
{
	int strength = order->is_weakened ? BALLOON_RELAXED : order->order;
	access->acquires = strength == BALLOON_ACQUIRE || strength == __ATOMIC_ACQ_REL;
	access->releases = strength == BALLOON_RELEASE || strength == __ATOMIC_ACQ_REL;
	bool is_modelled = (access->acquires || access->releases || strength == BALLOON_RELAXED) &&
			   (!access->acquires || is_of_loads(order->operation)) &&
			   (!access->releases || order->operation != BALLOON_LOADS);
	if (!is_modelled)
		engine_fail(ENGINE_CLAIM, "%s:%d: an order that is not modelled", order->file,
			order->line);
}

/* ---- Accesses -------------------------------------------------------------------------------- */

/* Outside of a run, and at its end, memory is as it seems. */
static const struct memory_model *model_now(void)
{
	return engine_is_running() ? memory.model : &memory_sc;
}

static void make_later(uint32_t thread)
{
	struct later *later = &memory.later[thread];
	if (!later->is_waiting)
		return;
	later->is_waiting = false;
	memory.model->store(&later->access);
}

static enum engine_point_kind kind_of(enum balloon_operation operation)
{
	switch (operation) {
	case BALLOON_LOADS:
		return ENGINE_POINT_LOAD;
	case BALLOON_STORES:
	case BALLOON_STORES_LATER:
		return ENGINE_POINT_STORE;
	default:
		return ENGINE_POINT_MODIFY;
	}
}

/* A load after a store that no fence for the compiler keeps before it: the store may be a later step. */
static uint64_t load_early(const struct memory_access *access)
{
	const struct later *later = &memory.later[access->thread];
	if (later->is_waiting && memory_choose(2) == 0)
		make_later(access->thread);
	uint64_t value = found(model_now()->load(access));
	if (later->is_waiting)
		memory_step(
			later->access.place, later->access.size_bytes, ENGINE_POINT_STORE, WHERE);
	make_later(access->thread);
	return value;
}

static uint64_t compare(const struct memory_access *access, void *expected)
{
	uint64_t value = found(model_now()->modify(access));
	if (value != access->expected)
		memory_write(expected, access->size_bytes, value);
	return value == access->expected;
}

uint64_t balloon_model_atomic(const struct balloon_order *order, const volatile void *place,
	size_t size_bytes, uint64_t operand, void *expected)
{
	struct memory_access access = {.place = place,
		.size_bytes = size_bytes,
		.operation = order->operation,
		.operand = narrow(operand, size_bytes)};
	memory_step(place, size_bytes, kind_of(order->operation), WHERE);
	read_order(order, &access);
	if (engine_is_running())
		access.thread = engine_self();
	if (order->operation == BALLOON_LOADS)
		return load_early(&access);
	make_later(access.thread);
	switch (order->operation) {
	case BALLOON_STORES_LATER:
		memory.later[access.thread] = (struct later){access, engine_is_running()};
		if (!engine_is_running())
			store(&access);
		return 0;
	case BALLOON_STORES:
		model_now()->store(&access);
		return 0;
	case BALLOON_COMPARES:
		access.expected = memory_read(expected, size_bytes);
		return compare(&access, expected);
	default:
		return found(model_now()->modify(&access));
	}
}

void balloon_model_fence(const struct balloon_order *order)
{
	if (!engine_is_running() || order->is_weakened)
		return;
	make_later(engine_self());
	if (order->operation == BALLOON_FENCES_COMPILER)
		return;
	memory_step(NULL, 0, ENGINE_POINT_OTHER, WHERE);
	memory.model->fence(engine_self());
}

void *balloon_model_plain(const volatile void *place, size_t size_bytes, enum balloon_access access)
{
	memory_step(place, size_bytes, access, WHERE);
	if (!engine_is_running())
		return (void *)(uintptr_t)place;
	make_later(engine_self());
	return memory.model->plain(
		engine_self(), place, size_bytes, access == BALLOON_ACCESS_WRITE);
}

/* ---- The platform ---------------------------------------------------------------------------- */

static struct memory_access access_of(const uint32_t *word)
{
	return (struct memory_access){.thread = engine_self(),
		.place = word,
		.size_bytes = sizeof(*word),
		.operation = BALLOON_LOADS};
}

static uint64_t now_ns(void)
{
	return memory.now_ns > engine_now_ns() ? memory.now_ns : engine_now_ns();
}

uint64_t balloon_platform_now_ns(void)
{
	memory_step(NULL, 0, ENGINE_POINT_CLOCK, WHERE);
	return now_ns();
}

static void wait_until(
	const uint32_t *word, uint32_t expected, uint64_t deadline_ns, uintptr_t where)
{
	memory_step(word, sizeof(*word), ENGINE_POINT_WAIT, where);
	const struct memory_access access = access_of(word);
	make_later(access.thread);
	if (found(memory.model->look(&access)) != expected || now_ns() >= deadline_ns)
		return;
	if (memory_choose(2) == 0) { /* else it ends without cause */
		engine_sleep_on(word, deadline_ns);
		memory.model->woken(&access);
	}
	/* Until the thread goes on the deadline may have come, even if it was woken before. */
	if (deadline_ns != BALLOON_NEVER && memory_choose(2) == 1)
		memory.now_ns = deadline_ns;
}

void balloon_platform_wait_until(const uint32_t *word, uint32_t expected, uint64_t deadline_ns)
{
	wait_until(word, expected, deadline_ns, WHERE);
}

void balloon_platform_wait(const uint32_t *word, uint32_t expected)
{
	wait_until(word, expected, BALLOON_NEVER, WHERE);
}

void balloon_platform_wake(const uint32_t *word, uint32_t n_threads)
{
	memory_step(word, 0, ENGINE_POINT_WAKE, WHERE);
	const struct memory_access access = access_of(word);
	make_later(access.thread);
	memory.model->wake(&access);
	engine_wake(word, n_threads);
}

bool balloon_platform_has_fence(void)
{
	return true;
}

/* The caller, each of the others at a step of its own, the caller. */
void balloon_platform_fence_threads(void)
{
	balloon_order_here(BALLOON_FENCES, __ATOMIC_SEQ_CST);
	uint32_t self = engine_self();
	balloon_model_fence(&balloon_order_);
	for (uint32_t i = 0; i < memory.n_threads && !balloon_order_.is_weakened; i++) {
		if (i == self)
			continue;
		memory_step(NULL, 0, ENGINE_POINT_OTHER, WHERE);
		memory.model->fence(i);
	}
	balloon_model_fence(&balloon_order_);
}

/* ---- Runs ------------------------------------------------------------------------------------ */

static const struct memory_model *const models[MEMORY_MODELS] = {
	[MEMORY_SC] = &memory_sc, [MEMORY_TSO] = &memory_tso, [MEMORY_RA] = &memory_ra};

const char *memory_name(enum memory kind)
{
	return models[kind]->name;
}

void memory_begin(enum memory kind, uint32_t n_threads)
{
	memory.model = models[kind];
	memory.n_threads = n_threads;
	memory.now_ns = 0;
	memset(memory.later, 0, sizeof(memory.later));
	memory.model->begin();
}

void memory_end_thread(void)
{
	make_later(engine_self());
	memory.model->end(engine_self());
}
