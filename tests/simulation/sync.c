/* SPDX-License-Identifier: MIT */
/*
 * The real locks and events under the engine: what each of them promises, as scenarios.
 *
 *   sync [--mutant]    with it, something has to be found: these are locks with a fault put in
 */
#include <string.h>

#include <balloon/strategy.h>

#include "scenarios.h"

static struct shared {
	struct balloon_lock lock;
	struct balloon_atomic_u32 flags;
	struct balloon_event event;
	struct balloon_atomic_word n_contended;
	uint32_t n_inside;
	uint64_t n;
	uint64_t n_produced; /* the lock */
	uint64_t n_consumed; /* the lock */
} * shared;

/* What lib/sync/ is told of its platform: lasting locks are released by plain stores. */
bool balloon_platform_has_fence(void)
{
	return true;
}

void balloon_platform_fence_threads(void)
{
	engine_fence_threads();
}

static void init(void)
{
	if (engine_chance(4))
		balloon_lock_init(&shared->lock, BALLOON_RANK_LEAF, &shared->n_contended);
	else
		balloon_lock_init_lasting(&shared->lock, BALLOON_RANK_LEAF, &shared->n_contended);
	balloon_page_lock_init(&shared->flags);
	balloon_event_init(&shared->event);
}

static void be_inside(void)
{
	ENGINE_CHECK(shared->n_inside++ == 0);
	BALLOON_ADD(shared->n, 1);
	if (engine_chance(4))
		engine_sleep_ns(engine_choose(ENGINE_CHOOSE_VALUE, 30));
	ENGINE_CHECK(--shared->n_inside == 0);
}

static void spawn(const char *name, void (*thread)(void *), uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		engine_spawn(name, thread, NULL);
}

/* ---- The lock -------------------------------------------------------------------------------- */

/* Of a lasting lock, both are right at any time. */
static void release(void) BALLOON_RELEASES(shared->lock);
BALLOON_LOCK_INTERNALS static void release(void)
{
	if (engine_chance(4))
		balloon_lock_release_last(&shared->lock);
	else
		balloon_lock_release(&shared->lock);
}

static void lock_and_book(void *unused)
{
	(void)unused;
	for (int i = 0; i < 3; i++) {
		balloon_lock_acquire(&shared->lock);
		be_inside();
		release();
	}
}

BALLOON_LOCK_INTERNALS static void lock_excludes(void *unused)
{
	(void)unused;
	init();
	spawn("locker", lock_and_book, 3);
	engine_join_all();
	ENGINE_CHECK_EQ(shared->n, 9);
	ENGINE_CHECK(balloon_lock_try(&shared->lock));
	balloon_lock_release(&shared->lock);
}

static void try_and_book(void *unused)
{
	(void)unused;
	for (int i = 0; i < 3; i++)
		if (balloon_lock_try(&shared->lock)) {
			be_inside();
			release();
		}
}

static void lock_can_be_tried(void *unused)
{
	(void)unused;
	init();
	spawn("trier", try_and_book, 2);
	spawn("locker", lock_and_book, 1);
	engine_join_all();
	ENGINE_CHECK(shared->n >= 3);
}

/* A deadline comes at any point, also between a wake-up and what it is for. */
static void lock_until(void *unused)
{
	(void)unused;
	for (int i = 0; i < 3; i++) {
		uint64_t begin_ns = engine_now_ns();
		uint64_t deadline_ns = begin_ns + engine_choose(ENGINE_CHOOSE_VALUE, 20);
		if (balloon_lock_acquire_until(&shared->lock, deadline_ns)) {
			be_inside();
			release();
		} else {
			ENGINE_CHECK(engine_now_ns() >= deadline_ns);
		}
		ENGINE_CHECK(engine_is_hasty() || engine_now_ns() <= deadline_ns + 30);
	}
}

/* Those without a deadline have to get it, whoever gives up. */
static void lock_is_given_up(void *unused)
{
	(void)unused;
	init();
	spawn("waiter until", lock_until, 2);
	spawn("locker", lock_and_book, 2);
	engine_join_all();
	ENGINE_CHECK(shared->n >= 6);
}

/* ---- The page lock --------------------------------------------------------------------------- */

enum { OTHER_FLAG = BALLOON_PAGE_FLAG_FIRST };

static void lock_page(void *unused)
{
	(void)unused;
	for (int i = 0; i < 3; i++) {
		balloon_page_lock(&shared->flags, &shared->n_contended);
		be_inside();
		balloon_page_unlock(&shared->flags);
	}
}

static void try_page(void *unused)
{
	(void)unused;
	for (int i = 0; i < 3; i++)
		if (balloon_page_trylock(&shared->flags, &shared->n_contended)) {
			be_inside();
			balloon_page_unlock(&shared->flags);
		}
}

static void change_flag(void *unused)
{
	(void)unused;
	for (int i = 0; i < 2; i++) {
		balloon_atomic_or(&shared->flags, OTHER_FLAG, BALLOON_RELAXED);
		balloon_atomic_and(&shared->flags, ~(uint32_t)OTHER_FLAG, BALLOON_RELAXED);
	}
	balloon_atomic_or(&shared->flags, OTHER_FLAG, BALLOON_RELAXED);
}

static void page_excludes(void *unused)
{
	(void)unused;
	init();
	spawn("locker", lock_page, 3);
	spawn("trier", try_page, 1);
	spawn("flag", change_flag, 1);
	engine_join_all();
	ENGINE_CHECK(shared->n >= 9);
	ENGINE_CHECK_EQ(shared->flags.value, OTHER_FLAG);
}

/* ---- The event ------------------------------------------------------------------------------- */

static void produce(void *unused)
{
	(void)unused;
	for (int i = 0; i < 2; i++) {
		if (engine_chance(2))
			engine_sleep_ns(engine_choose(ENGINE_CHOOSE_VALUE, 50));
		balloon_lock_acquire(&shared->lock);
		BALLOON_ADD(shared->n_produced, 1);
		balloon_lock_release(&shared->lock);
		balloon_event_signal(&shared->event);
	}
}

static bool take_one(void)
{
	balloon_lock_acquire(&shared->lock);
	bool is_any = BALLOON_READ(shared->n_consumed) < BALLOON_READ(shared->n_produced);
	if (is_any)
		BALLOON_ADD(shared->n_consumed, 1);
	balloon_lock_release(&shared->lock);
	return is_any;
}

static void consume(void *unused)
{
	(void)unused;
	for (int i = 0; i < 2; i++)
		for (;;) {
			uint32_t seen = balloon_event_seen(&shared->event);
			if (take_one())
				break;
			balloon_event_wait(&shared->event, seen, BALLOON_NEVER);
		}
}

static void event_wakes(void *unused)
{
	(void)unused;
	init();
	spawn("producer", produce, 2);
	spawn("consumer", consume, 2);
	engine_join_all();
	ENGINE_CHECK_EQ(shared->n_consumed, 4);
}

/* Nothing comes, or it comes too late: the deadline does. */
static void wait_in_vain(void *unused)
{
	(void)unused;
	uint64_t deadline_ns = engine_now_ns() + engine_choose(ENGINE_CHOOSE_VALUE, 60);
	while (engine_now_ns() < deadline_ns) {
		uint32_t seen = balloon_event_seen(&shared->event);
		balloon_event_wait(&shared->event, seen, deadline_ns);
	}
	ENGINE_CHECK(engine_is_hasty() || engine_now_ns() == deadline_ns);
}

static void event_ends_at_deadline(void *unused)
{
	(void)unused;
	init();
	spawn("producer", produce, 1);
	spawn("waiter", wait_in_vain, 2);
}

/* ---- The program ----------------------------------------------------------------------------- */

static const struct scenario scenarios[] = {
	{"the lock excludes", lock_excludes},
	{"the lock can be tried", lock_can_be_tried},
	{"the lock is given up", lock_is_given_up},
	{"the page lock excludes", page_excludes},
	{"the event wakes", event_wakes},
	{"the event ends at a deadline", event_ends_at_deadline},
};

int main(int argc, char **argv)
{
	shared = engine_allocate(sizeof(*shared), 64);
	return scenarios_play(
		argc, argv, scenarios, sizeof(scenarios) / sizeof(scenarios[0]), 10000);
}
