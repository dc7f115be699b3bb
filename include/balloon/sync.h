/* SPDX-License-Identifier: MIT */
/**
 * The sync layer: every access to shared state, in two families, and the two kinds of lock.
 *
 * Plain accesses (BALLOON_READ, BALLOON_WRITE) are for what a lock protects. To a race tool they
 * are ordinary loads and stores, so a missing lock is found.
 *
 * Atomic accesses (balloon_atomic_*) are for the few words that are shared without a lock. Each
 * such word is initialised with balloon_atomic_init(), which names its kind from the one list
 * below: only these words are told to helgrind and drd to ignore. ThreadSanitizer needs no telling.
 *
 * This header is for strategies and for the library itself. Programs include <balloon/balloon.h>.
 */
#ifndef BALLOON_SYNC_H
#define BALLOON_SYNC_H

#include <balloon/platform.h>
#include <balloon/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * The words that race tools are told to ignore, all of them, with the reason for each.
 *
 * A new kind of word starts here. No other place in the tree tells a tool to look away.
 */
enum balloon_shared_word {
	/* A lock's word is raced for by design: the winner of the read-modify-write owns the lock.
	 * What the lock protects stays checked, through the lock's own annotations. */
	BALLOON_SHARED_LOCK,
	/* A descriptor's flags hold the page lock bit beside the flags that the lockless pre-check
	 * of a scanner reads. Flags other than the bit change only under the strategy's locks. */
	BALLOON_SHARED_PAGE_FLAGS,
	/* A reference is raised by scanners that hold no lock yet. The count protects no memory:
	 * descriptors live as long as their map. */
	BALLOON_SHARED_REFERENCES,
	/* The mark of a ballooned page (mapping pointer, map count, page type): written under the
	 * strategy's locks, read by the lockless pre-check, tested again under a lock. */
	BALLOON_SHARED_MARK,
	/* Whether a device is open: written under the locks of its map and strategy, read by every
	 * call to refuse a device that was destroyed. */
	BALLOON_SHARED_OPEN,
	/* An event counter of the whole map, raised on slow paths; it orders nothing. */
	BALLOON_SHARED_COUNTER,
	/* The word of a balloon_event: raised after a change that somebody may wait for, and slept on.
	 * What changed is protected by a lock of its own and looked at under it. */
	BALLOON_SHARED_EVENT,
	/* Whose a request is: the channel's or the caller's. It changes under the channel's lock or by
	 * its one owner, and hands the rest of the request over (C1, C2). */
	BALLOON_SHARED_REQUEST_STATE,
	/* Why a channel has no host any more: written once, under the channel's lock, and asked for
	 * without; it orders nothing. */
	BALLOON_SHARED_CHANNEL_ERROR,
	/* How many pages a balloon is to hold: one word that an interrupt handler may write. It orders
	 * nothing: whoever wrote it signals the driver's event. */
	BALLOON_SHARED_TARGET,
	/* Which channel a driver has: another one is attached to it while nobody is inside (G1, G2). */
	BALLOON_SHARED_CHANNEL,
	/* Which event the polling thread of a channel waits for: written by that thread, compared by
	 * whoever signals an event, and never followed (F1, F2). */
	BALLOON_SHARED_POLLED_FOR,
	/* Whether the poller of a memfd channel sleeps, or has been woken: changed by read-modify-writes
	 * of whoever polls and whoever wakes it (M1, M2). */
	BALLOON_SHARED_MEMFD_POLLER,
	/* Who may touch a thread's cache of a heap: its thread stores one word and looks at the other,
	 * whoever flushes it does the reverse, with a fence in every thread in between (V1 to V4). */
	BALLOON_SHARED_CACHE,
	/* What blocks lie in a page of a heap: every thread that gets one there writes the same, and
	 * whoever frees one got it from such a thread. */
	BALLOON_SHARED_PAGE_CLASS,
};

/** The lock classes, in the order in which one thread may take them. Trylocks are exempt. */
enum balloon_lock_rank {
	BALLOON_RANK_DRIVER = 1, /* what a driver design holds while it talks to the host */
	BALLOON_RANK_SLOTS,      /* a map's device slots */
	BALLOON_RANK_PAGE,       /* a page lock bit */
	BALLOON_RANK_PAGES,      /* a pages lock: one device's, or one for all devices of a map */
	BALLOON_RANK_LEAF,       /* a driver's counts, a channel's requests, a zone's bitmap */
};

/** Ranks of which one thread may wait for several locks: in the order of their addresses. */
static inline bool balloon_rank_is_plural(enum balloon_lock_rank rank)
{
	return rank == BALLOON_RANK_PAGE || rank == BALLOON_RANK_PAGES;
}

/*
 * Hooks. An annotated build (option `annotations`, for tests) tells the race tools about our locks, yields
 * at random around them, so that a tool sees more schedules than one, and tells them which word hands
 * memory over without a lock (published before the word is stored, observed after it was loaded). A lock
 * comes with its rank, for tools that know classes of locks, as a kernel's lock validator does.
 * A checking build (option `checking`) holds the lock ranks against each thread's held locks. Other
 * builds compile all of it to nothing.
 */
#ifdef BALLOON_ANNOTATE
BALLOON_EXPORT void balloon_hook_ignore(
	const void *word, size_t size_bytes, enum balloon_shared_word kind);
BALLOON_EXPORT void balloon_hook_lock_create(const void *word, enum balloon_lock_rank rank);
BALLOON_EXPORT void balloon_hook_lock_destroy(const void *word);
BALLOON_EXPORT void balloon_hook_lock_acquired(const void *word, enum balloon_lock_rank rank);
BALLOON_EXPORT void balloon_hook_lock_released(const void *word);
BALLOON_EXPORT void balloon_hook_published(const void *word);
BALLOON_EXPORT void balloon_hook_observed(const void *word);
BALLOON_EXPORT void balloon_hook_yield(void);
#else
#define balloon_hook_ignore(word, size_bytes, kind) ((void)(word), (void)(kind))
#define balloon_hook_lock_create(word, rank)        ((void)(word), (void)(rank))
#define balloon_hook_lock_destroy(word)             ((void)(word))
#define balloon_hook_lock_acquired(word, rank)      ((void)(word), (void)(rank))
#define balloon_hook_lock_released(word)            ((void)(word))
#define balloon_hook_published(word)                ((void)(word))
#define balloon_hook_observed(word)                 ((void)(word))
#define balloon_hook_yield()                        ((void)0)
#endif

#ifdef BALLOON_CHECKING
BALLOON_EXPORT void balloon_check_failed(const char *what, const char *file, int line);
BALLOON_EXPORT void balloon_check_acquire(const void *word, enum balloon_lock_rank rank);
BALLOON_EXPORT void balloon_check_acquired(const void *word, enum balloon_lock_rank rank);
BALLOON_EXPORT void balloon_check_released(const void *word);
BALLOON_EXPORT bool balloon_check_held(const void *word);
/** Assert what only a bug of the library or of a strategy can break. */
#define BALLOON_ASSERT(condition)                                                                  \
	((condition) ? (void)0 : balloon_check_failed(#condition, __FILE__, __LINE__))
#else
#define balloon_check_acquire(word, rank)  ((void)(word), (void)(rank))
#define balloon_check_acquired(word, rank) ((void)(word), (void)(rank))
#define balloon_check_released(word)       ((void)(word))
#define BALLOON_ASSERT(condition)          ((void)sizeof(!(condition)))
#endif

/*
 * What clang's -Wthread-safety is told: a lock that is not released on every path, released twice
 * or taken twice is a warning. Nothing to other compilers.
 */
#if defined(__clang__)
#define BALLOON_CAPABILITY     __attribute__((capability("lock")))
#define BALLOON_ACQUIRES(lock) __attribute__((acquire_capability(lock)))
#define BALLOON_TRIES(lock)    __attribute__((try_acquire_capability(true, lock)))
#define BALLOON_RELEASES(lock) __attribute__((release_capability(lock)))
#define BALLOON_REQUIRES(lock) __attribute__((requires_capability(lock)))
#define BALLOON_LOCK_INTERNALS __attribute__((no_thread_safety_analysis))
#else
#define BALLOON_CAPABILITY
#define BALLOON_ACQUIRES(lock)
#define BALLOON_TRIES(lock)
#define BALLOON_RELEASES(lock)
#define BALLOON_REQUIRES(lock)
#define BALLOON_LOCK_INTERNALS
#endif

/*
 * A controlled build (simulation/) decides which thread goes on before every access: each passes
 * through one hook with its place. The value of a store is known before the hook, the store comes after
 * it: between the read and the write of BALLOON_ADD() there is a window, as there is on a machine.
 * Places have no side effects. A structure is one access a word.
 */
#ifdef BALLOON_CONTROLLED
enum balloon_access {
	BALLOON_ACCESS_READ,
	BALLOON_ACCESS_WRITE,
	BALLOON_ACCESS_LOAD,
	BALLOON_ACCESS_STORE,
	BALLOON_ACCESS_MODIFY, /* atomic read-modify-write */
};
/** Returns the place. */
BALLOON_EXPORT void *balloon_hook_access(
	const volatile void *place, size_t size_bytes, enum balloon_access access);
/** The same for more than a word: returns a copy, made word by word. */
BALLOON_EXPORT void *balloon_hook_read_words(const volatile void *place, size_t size_bytes);
BALLOON_EXPORT void balloon_hook_write_words(
	volatile void *place, const void *value, size_t size_bytes);

#define balloon_hooked(place, access)                                                              \
	((__typeof__(place))balloon_hook_access((place), sizeof(*(place)), (access)))
#endif

/*
 * A modelled build (simulation/memory/models.h), one kind of controlled build, has a model of memory in the
 * place of memory: it decides what an atomic access finds, by the access's order. The model knows all orders
 * of the program, and may take one for a weaker one.
 */
#ifdef BALLOON_MODELLED
enum balloon_operation {
	BALLOON_LOADS,
	BALLOON_STORES,
	BALLOON_STORES_LATER,
	BALLOON_EXCHANGES,
	BALLOON_ADDS,
	BALLOON_SUBTRACTS,
	BALLOON_ORS,
	BALLOON_ANDS,
	BALLOON_COMPARES, /* and swaps */
	BALLOON_FENCES,
	BALLOON_FENCES_COMPILER,
};
struct balloon_order {
	const char *function;
	const char *file;
	int line;
	enum balloon_operation operation;
	int order;
	bool is_weakened; /* it is taken for relaxed; a fence, for none */
};
/** Returns what was there; of a comparison, whether it was as expected. */
uint64_t balloon_model_atomic(const struct balloon_order *order, const volatile void *place,
	size_t size_bytes, uint64_t operand, void *expected);
void balloon_model_fence(const struct balloon_order *order);
/** As balloon_hook_access(), of plain accesses. */
void *balloon_model_plain(
	const volatile void *place, size_t size_bytes, enum balloon_access access);

#define balloon_hook_access balloon_model_plain
#define balloon_order_here(operation, order)                                                       \
	static struct balloon_order balloon_order_ __attribute__((section("balloon_orders"),       \
		used)) = {__func__, __FILE__, __LINE__, (operation), (order), false}
#define balloon_modelled(type, operation, place, operand, expected, order)                         \
	__extension__({                                                                            \
		balloon_order_here(operation, order);                                              \
		type balloon_found_ = (type)balloon_model_atomic(&balloon_order_, (place),         \
			sizeof(*(place)), (uint64_t)(operand), (expected));                        \
		balloon_found_;                                                                    \
	})
#define balloon_modelled_fence(operation, order)                                                   \
	((void)__extension__({                                                                     \
		balloon_order_here(operation, order);                                              \
		balloon_model_fence(&balloon_order_);                                              \
	}))
#endif

/** Starts a cache line of its own. */
#define BALLOON_ALIGNED __attribute__((aligned(64)))

/* Plain accesses. */

#ifdef BALLOON_CONTROLLED
#define BALLOON_READ(lvalue)                                                                       \
	(*(__typeof__(&(lvalue)))(sizeof(lvalue) <= sizeof(uint64_t)                               \
					  ? balloon_hook_access(&(lvalue), sizeof(lvalue),         \
						    BALLOON_ACCESS_READ)                           \
					  : balloon_hook_read_words(&(lvalue), sizeof(lvalue))))
#define BALLOON_WRITE(lvalue, value)                                                               \
	((void)__extension__({                                                                     \
		__typeof__(lvalue) balloon_written_ = (value);                                     \
		__typeof__(lvalue) *balloon_place_ = &(lvalue);                                    \
		if (sizeof(balloon_written_) <= sizeof(uint64_t))                                  \
			*balloon_hooked(balloon_place_, BALLOON_ACCESS_WRITE) = balloon_written_;  \
		else                                                                               \
			balloon_hook_write_words(                                                  \
				balloon_place_, &balloon_written_, sizeof(balloon_written_));      \
	}))
#else
#define BALLOON_READ(lvalue)         (lvalue)
#define BALLOON_WRITE(lvalue, value) ((void)((lvalue) = (value)))
#endif
#define BALLOON_ADD(lvalue, difference) BALLOON_WRITE(lvalue, BALLOON_READ(lvalue) + (difference))

/* Atomic accesses. The value is touched by the macros below alone. */

struct balloon_atomic_u8 {
	uint8_t value;
};

struct balloon_atomic_u32 {
	uint32_t value;
};

/** As wide as a pointer: counters, and pointers that are compared and not yet trusted. */
struct balloon_atomic_word {
	uintptr_t value;
};

#define BALLOON_RELAXED __ATOMIC_RELAXED
#define BALLOON_ACQUIRE __ATOMIC_ACQUIRE
#define BALLOON_RELEASE __ATOMIC_RELEASE

/*
 * A counting build (option `counting`, for balloon-bench count) counts the atomic read-modify-writes
 * of each thread: what they cost is most of what a design costs.
 */
#ifdef BALLOON_COUNTING
BALLOON_EXPORT extern __thread uint64_t balloon_count_atomics;
#define balloon_count_atomic() ((void)balloon_count_atomics++)
#else
#define balloon_count_atomic() ((void)0)
#endif

/* Before the word is shared. */
#define balloon_atomic_init(word, initial, kind)                                                   \
	(balloon_hook_ignore((word), sizeof(*(word)), (kind)), (void)((word)->value = (initial)))
/* Of so many words that are zero already: they are not touched. */
#define balloon_atomic_init_zeroed(words, n_words, kind)                                           \
	balloon_hook_ignore((words), (n_words) * sizeof(*(words)), (kind))
#ifdef BALLOON_MODELLED
#define balloon_modelled_word(operation, word, operand, order)                                     \
	balloon_modelled(__typeof__((word)->value), operation, &(word)->value, operand, NULL, order)
#define balloon_atomic_load(word, order) balloon_modelled_word(BALLOON_LOADS, word, 0, order)
#define balloon_atomic_store(word, new_value, order)                                               \
	((void)balloon_modelled_word(BALLOON_STORES, word, new_value, order))
#define balloon_atomic_exchange(word, new_value, order)                                            \
	balloon_modelled_word(BALLOON_EXCHANGES, word, new_value, order)
#define balloon_atomic_add(word, operand, order)                                                   \
	balloon_modelled_word(BALLOON_ADDS, word, operand, order)
#define balloon_atomic_sub(word, operand, order)                                                   \
	balloon_modelled_word(BALLOON_SUBTRACTS, word, operand, order)
#define balloon_atomic_or(word, operand, order)                                                    \
	balloon_modelled_word(BALLOON_ORS, word, operand, order)
#define balloon_atomic_and(word, operand, order)                                                   \
	balloon_modelled_word(BALLOON_ANDS, word, operand, order)
#define balloon_atomic_cas(word, expected, new_value, order)                                       \
	balloon_modelled(bool, BALLOON_COMPARES, &(word)->value, new_value, expected, order)
#elif defined(BALLOON_CONTROLLED)
#define balloon_atomic_load(word, order)                                                           \
	__atomic_load_n(balloon_hooked(&(word)->value, BALLOON_ACCESS_LOAD), (order))
#define balloon_atomic_store(word, new_value, order)                                               \
	((void)__extension__({                                                                     \
		__typeof__((word)->value) balloon_stored_ = (new_value);                           \
		__atomic_store_n(balloon_hooked(&(word)->value, BALLOON_ACCESS_STORE),             \
			balloon_stored_, (order));                                                 \
	}))
#define balloon_atomic_modify(operation, word, operand, order)                                     \
	__extension__({                                                                            \
		__typeof__((word)->value) balloon_operand_ = (operand);                            \
		operation(balloon_hooked(&(word)->value, BALLOON_ACCESS_MODIFY), balloon_operand_, \
			(order));                                                                  \
	})
#define balloon_atomic_exchange(word, new_value, order)                                            \
	balloon_atomic_modify(__atomic_exchange_n, word, new_value, order)
#define balloon_atomic_add(word, operand, order)                                                   \
	balloon_atomic_modify(__atomic_fetch_add, word, operand, order)
#define balloon_atomic_sub(word, operand, order)                                                   \
	balloon_atomic_modify(__atomic_fetch_sub, word, operand, order)
#define balloon_atomic_or(word, operand, order)                                                    \
	balloon_atomic_modify(__atomic_fetch_or, word, operand, order)
#define balloon_atomic_and(word, operand, order)                                                   \
	balloon_atomic_modify(__atomic_fetch_and, word, operand, order)
#define balloon_atomic_cas(word, expected, new_value, order)                                       \
	__extension__({                                                                            \
		__typeof__((word)->value) balloon_new_ = (new_value);                              \
		__atomic_compare_exchange_n(balloon_hooked(&(word)->value, BALLOON_ACCESS_MODIFY), \
			(expected), balloon_new_, false, (order), BALLOON_RELAXED);                \
	})
#else
#define balloon_atomic_load(word, order) __atomic_load_n(&(word)->value, (order))
#define balloon_atomic_store(word, new_value, order)                                               \
	__atomic_store_n(&(word)->value, (new_value), (order))
#define balloon_atomic_exchange(word, new_value, order)                                            \
	(balloon_count_atomic(), __atomic_exchange_n(&(word)->value, (new_value), (order)))
/* Each returns the value before the operation. */
#define balloon_atomic_add(word, operand, order)                                                   \
	(balloon_count_atomic(), __atomic_fetch_add(&(word)->value, (operand), (order)))
#define balloon_atomic_sub(word, operand, order)                                                   \
	(balloon_count_atomic(), __atomic_fetch_sub(&(word)->value, (operand), (order)))
#define balloon_atomic_or(word, operand, order)                                                    \
	(balloon_count_atomic(), __atomic_fetch_or(&(word)->value, (operand), (order)))
#define balloon_atomic_and(word, operand, order)                                                   \
	(balloon_count_atomic(), __atomic_fetch_and(&(word)->value, (operand), (order)))
/* True when *word was *expected and is now new_value; else *expected becomes what was there. */
#define balloon_atomic_cas(word, expected, new_value, order)                                       \
	(balloon_count_atomic(), __atomic_compare_exchange_n(&(word)->value, (expected),           \
					 (new_value), false, (order), BALLOON_RELAXED))
#endif

/*
 * A full fence: of what is stored before it and what is loaded after it, every thread sees the former
 * first. For pairs of threads that each store one word and then look at the other's. gcc's
 * ThreadSanitizer knows no fences, but read-modify-writes.
 */
#if defined(BALLOON_MODELLED)
#define balloon_atomic_fence() balloon_modelled_fence(BALLOON_FENCES, __ATOMIC_SEQ_CST)
#elif defined(__SANITIZE_THREAD__)
static inline void balloon_atomic_fence(void)
{
	uint32_t word = 0;
	(void)__atomic_exchange_n(&word, 1, __ATOMIC_SEQ_CST);
}
#else
#define balloon_atomic_fence() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#endif

/*
 * A store that this thread's next loads may overtake, as on a machine, and what keeps no more than the
 * compiler from it. A controlled build shows both orders.
 */
#if defined(BALLOON_MODELLED)
#define balloon_atomic_store_later(word, new_value, order)                                         \
	((void)balloon_modelled_word(BALLOON_STORES_LATER, word, new_value, order))
#elif defined(BALLOON_CONTROLLED)
BALLOON_EXPORT void balloon_hook_store_later(uint32_t *place, uint32_t value);
#define balloon_atomic_store_later(word, new_value, order)                                         \
	((void)(order), balloon_hook_store_later(&(word)->value, (new_value)))
#else
#define balloon_atomic_store_later(word, new_value, order)                                         \
	balloon_atomic_store((word), (new_value), (order))
#endif
#ifdef BALLOON_MODELLED
#define balloon_compiler_fence() balloon_modelled_fence(BALLOON_FENCES_COMPILER, __ATOMIC_SEQ_CST)
#else
#define balloon_compiler_fence() __atomic_signal_fence(__ATOMIC_SEQ_CST)
#endif

/*
 * The lock: spin briefly, then sleep. Threads that outnumber the processors make fair spinning
 * locks wait for waiters that do not run; a sleeping waiter costs a wake-up instead.
 *
 * L1 (acquire) in balloon_lock_acquire() and balloon_lock_try() pairs with L2 (release) in
 * balloon_lock_release(): whoever takes the lock sees all that its last holder wrote. Without L2's
 * release the next holder may find a list half linked.
 *
 * A release has to know whether somebody sleeps. An exchange tells it, from the word that it stores to,
 * and needs the lock's memory no more afterwards: balloon_lock_release_last(). Where the memory lasts and
 * the platform can make all threads pass a fence (balloon_platform_fence_threads()), a plain store and a
 * look at n_waiting do: a waiter counts itself before it sleeps (L3), makes every thread pass a fence
 * (L4), and tries the lock again. A holder that stores "free" before that fence is seen by this try; one
 * that stores it after the fence finds the waiter counted when it looks (L5), and wakes. While a waiter
 * is counted, releases are exchanges, so that only those wake whom a sleeper waits for.
 */
struct BALLOON_CAPABILITY balloon_lock {
	struct balloon_atomic_u32 word;          /* enum balloon_lock_state */
	struct balloon_atomic_u32 n_waiting;     /* about to sleep, or asleep; if it is lasting */
	struct balloon_atomic_word *n_contended; /* where to count acquisitions that had to wait */
	uint16_t rank;                           /* enum balloon_lock_rank; constant */
	bool is_lasting; /* constant: its memory outlives each release, and waiters can fence */
};

enum balloon_lock_state {
	BALLOON_LOCK_FREE = 0,
	BALLOON_LOCK_HELD = 1,
	BALLOON_LOCK_AWAITED = 2, /* held, and somebody may sleep */
};

/** Make a lock of the caller's memory. Threads: before it is shared. */
static inline void balloon_lock_init(struct balloon_lock *lock, enum balloon_lock_rank rank,
	struct balloon_atomic_word *n_contended)
{
	balloon_atomic_init(&lock->word, BALLOON_LOCK_FREE, BALLOON_SHARED_LOCK);
	balloon_atomic_init(&lock->n_waiting, 0, BALLOON_SHARED_LOCK);
	lock->n_contended = n_contended;
	lock->rank = (uint16_t)rank;
	lock->is_lasting = false;
	balloon_hook_lock_create(&lock->word, rank);
}

/**
 * The same, of a lock whose memory is there until every release has returned, but for those by
 * balloon_lock_release_last(). Where the platform has the means, releasing it costs no read-modify-write.
 * lib/sync/sync.c. Context: thread.
 */
BALLOON_EXPORT void balloon_lock_init_lasting(struct balloon_lock *lock,
	enum balloon_lock_rank rank, struct balloon_atomic_word *n_contended);

static inline void balloon_lock_fini(struct balloon_lock *lock)
{
	balloon_hook_lock_destroy(&lock->word);
}

/** The waiting half of balloon_lock_acquire(): lib/sync/sync.c. Context: thread. */
BALLOON_EXPORT void balloon_lock_wait(struct balloon_lock *lock);

/** The waiting half of balloon_lock_acquire_until(): whether it got the lock. Context: thread. */
BALLOON_EXPORT bool balloon_lock_wait_until(struct balloon_lock *lock, uint64_t deadline_ns);

static inline bool balloon_lock_try(struct balloon_lock *lock) BALLOON_TRIES(*lock);
static inline bool balloon_lock_acquire_until(struct balloon_lock *lock, uint64_t deadline_ns)
	BALLOON_TRIES(*lock);
static inline void balloon_lock_acquire(struct balloon_lock *lock) BALLOON_ACQUIRES(*lock);
static inline void balloon_lock_release(struct balloon_lock *lock) BALLOON_RELEASES(*lock);
static inline void balloon_lock_release_last(struct balloon_lock *lock) BALLOON_RELEASES(*lock);

BALLOON_LOCK_INTERNALS static inline bool balloon_lock_try(struct balloon_lock *lock)
{
	uint32_t expected = BALLOON_LOCK_FREE;
	if (!balloon_atomic_cas(
		    &lock->word, &expected, BALLOON_LOCK_HELD, BALLOON_ACQUIRE)) /* L1 */
		return false;
	balloon_hook_lock_acquired(&lock->word, (enum balloon_lock_rank)lock->rank);
	balloon_check_acquired(&lock->word, (enum balloon_lock_rank)lock->rank);
	return true;
}

BALLOON_LOCK_INTERNALS static inline void balloon_lock_acquire(struct balloon_lock *lock)
{
	uint32_t expected = BALLOON_LOCK_FREE;
	balloon_hook_yield();
	balloon_check_acquire(&lock->word, (enum balloon_lock_rank)lock->rank);
	if (!balloon_atomic_cas(
		    &lock->word, &expected, BALLOON_LOCK_HELD, BALLOON_ACQUIRE)) /* L1 */
		balloon_lock_wait(lock);
	balloon_hook_lock_acquired(&lock->word, (enum balloon_lock_rank)lock->rank);
	balloon_check_acquired(&lock->word, (enum balloon_lock_rank)lock->rank);
}

/** Take the lock, sleeping until it is free or the deadline has come: whether it was taken. */
BALLOON_LOCK_INTERNALS static inline bool balloon_lock_acquire_until(
	struct balloon_lock *lock, uint64_t deadline_ns)
{
	uint32_t expected = BALLOON_LOCK_FREE;
	balloon_hook_yield();
	balloon_check_acquire(&lock->word, (enum balloon_lock_rank)lock->rank);
	if (!balloon_atomic_cas(
		    &lock->word, &expected, BALLOON_LOCK_HELD, BALLOON_ACQUIRE) && /* L1 */
		!balloon_lock_wait_until(lock, deadline_ns))
		return false;
	balloon_hook_lock_acquired(&lock->word, (enum balloon_lock_rank)lock->rank);
	balloon_check_acquired(&lock->word, (enum balloon_lock_rank)lock->rank);
	return true;
}

/** After the release the lock's memory is not read or written: only its address is used. */
BALLOON_LOCK_INTERNALS static inline void balloon_lock_release_last(struct balloon_lock *lock)
{
	const uint32_t *address = &lock->word.value;
	balloon_check_released(&lock->word);
	balloon_hook_lock_released(&lock->word);
	if (balloon_atomic_exchange(&lock->word, BALLOON_LOCK_FREE, BALLOON_RELEASE) == /* L2 */
		BALLOON_LOCK_AWAITED)
		balloon_platform_wake(address, 1);
	balloon_hook_yield();
}

/** As balloon_lock_release_last(), unless the lock is a lasting one: then its memory has to be there. */
BALLOON_LOCK_INTERNALS static inline void balloon_lock_release(struct balloon_lock *lock)
{
	if (!lock->is_lasting || balloon_atomic_load(&lock->n_waiting, BALLOON_RELAXED) > 0) {
		balloon_lock_release_last(lock);
		return;
	}
	balloon_check_released(&lock->word);
	balloon_hook_lock_released(&lock->word);
	balloon_atomic_store_later(&lock->word, BALLOON_LOCK_FREE, BALLOON_RELEASE); /* L2 */
	balloon_compiler_fence();
	if (balloon_atomic_load(&lock->n_waiting, BALLOON_RELAXED) > 0) /* L5 */
		balloon_platform_wake(&lock->word.value, 1);
	balloon_hook_yield();
}

/*
 * A lock over a fork: what it protects is whole in the child, which has none of the other threads. Of the
 * locks that a program holds over a fork the checks know nothing: they are of one rank, and many; and the
 * compiler not, as one handler takes them and another one releases them.
 */
BALLOON_LOCK_INTERNALS static inline void balloon_lock_before_fork(struct balloon_lock *lock)
{
	balloon_lock_acquire(lock);
	balloon_check_released(&lock->word);
}

BALLOON_LOCK_INTERNALS static inline void balloon_lock_after_fork(
	struct balloon_lock *lock, bool is_child)
{
	balloon_check_acquired(&lock->word, (enum balloon_lock_rank)lock->rank);
	if (is_child) /* those who waited are not there */
		balloon_atomic_store(&lock->n_waiting, 0, BALLOON_RELAXED);
	balloon_lock_release(lock);
}

/** Assert that this thread holds the lock, in checking builds. */
#ifdef BALLOON_CHECKING
#define balloon_lock_assert_held(lock)       BALLOON_ASSERT(balloon_check_held(&(lock)->word))
#define balloon_page_lock_assert_held(flags) BALLOON_ASSERT(balloon_check_held(flags))
#else
#define balloon_lock_assert_held(lock)       ((void)(lock))
#define balloon_page_lock_assert_held(flags) ((void)(flags))
#endif

/*
 * The page lock: a bit in a word that a design shares with flags of its own, from
 * BALLOON_PAGE_FLAG_FIRST up. Those may change while the lock is held or free; a waiter just wakes
 * early and looks again.
 *
 * P1 (acquire) in balloon_page_trylock() and balloon_page_lock() pairs with P2 (release) in
 * balloon_page_unlock(). Without P2's release the next holder may see a page's old state.
 */
enum {
	BALLOON_PAGE_LOCKED = 1u << 0,
	BALLOON_PAGE_AWAITED = 1u << 1, /* somebody may sleep until the bit is clear */
	BALLOON_PAGE_FLAG_FIRST = 1u << 2,
};

static inline void balloon_page_lock_init(struct balloon_atomic_u32 *flags)
{
	balloon_atomic_init(flags, 0, BALLOON_SHARED_PAGE_FLAGS);
	balloon_hook_lock_create(flags, BALLOON_RANK_PAGE);
}

static inline void balloon_page_lock_fini(struct balloon_atomic_u32 *flags)
{
	balloon_hook_lock_destroy(flags);
}

/** The waiting half of balloon_page_lock(): lib/sync/sync.c. Context: thread. */
BALLOON_EXPORT void balloon_page_lock_wait(
	struct balloon_atomic_u32 *flags, struct balloon_atomic_word *n_contended);

static inline bool balloon_page_try_bit(struct balloon_atomic_u32 *flags)
{
	return !(balloon_atomic_or(flags, BALLOON_PAGE_LOCKED, BALLOON_ACQUIRE) & /* P1 */
		 BALLOON_PAGE_LOCKED);
}

/** Take the page lock unless somebody holds it; count a failure in *n_contended. */
static inline bool balloon_page_trylock(
	struct balloon_atomic_u32 *flags, struct balloon_atomic_word *n_contended)
{
	balloon_hook_yield();
	if (!balloon_page_try_bit(flags)) {
		balloon_atomic_add(n_contended, 1, BALLOON_RELAXED);
		return false;
	}
	balloon_hook_lock_acquired(flags, BALLOON_RANK_PAGE);
	balloon_check_acquired(flags, BALLOON_RANK_PAGE);
	return true;
}

/** Take the page lock, sleeping until it is free; count a wait in *n_contended. */
static inline void balloon_page_lock(
	struct balloon_atomic_u32 *flags, struct balloon_atomic_word *n_contended)
{
	balloon_hook_yield();
	balloon_check_acquire(flags, BALLOON_RANK_PAGE);
	if (!balloon_page_try_bit(flags))
		balloon_page_lock_wait(flags, n_contended);
	balloon_hook_lock_acquired(flags, BALLOON_RANK_PAGE);
	balloon_check_acquired(flags, BALLOON_RANK_PAGE);
}

/** After the unlock the word is not read or written: only its address is used. */
static inline void balloon_page_unlock(struct balloon_atomic_u32 *flags)
{
	const uint32_t *address = &flags->value;
	balloon_check_released(flags);
	balloon_hook_lock_released(flags);
	if (balloon_atomic_and(flags, ~(uint32_t)(BALLOON_PAGE_LOCKED | BALLOON_PAGE_AWAITED),
		    BALLOON_RELEASE) & /* P2 */
		BALLOON_PAGE_AWAITED)
		balloon_platform_wake(address, UINT32_MAX);
	balloon_hook_yield();
}

/*
 * References of a page. They order nothing (relaxed throughout): a count is compared under a page
 * lock, or keeps a scanner from starting on a page without owner. No memory is freed at zero.
 */
static inline void balloon_reference_init(struct balloon_atomic_u32 *references)
{
	balloon_atomic_init(references, 0, BALLOON_SHARED_REFERENCES);
}

static inline void balloon_reference_get(struct balloon_atomic_u32 *references)
{
	balloon_atomic_add(references, 1, BALLOON_RELAXED);
}

/** Drop n references that the caller holds. */
static inline void balloon_reference_put(struct balloon_atomic_u32 *references, uint32_t n)
{
	uint32_t before = balloon_atomic_sub(references, n, BALLOON_RELAXED);
	BALLOON_ASSERT(before >= n);
	(void)before;
}

/** Raise the count unless it is zero: the first step of a scanner that holds nothing. */
static inline bool balloon_reference_get_unless_zero(struct balloon_atomic_u32 *references)
{
	uint32_t seen = balloon_atomic_load(references, BALLOON_RELAXED);
	while (seen != 0)
		if (balloon_atomic_cas(references, &seen, seen + 1, BALLOON_RELAXED))
			return true;
	return false;
}

/*
 * An event: something may have changed that somebody waits for. The lowest bit of the word says that
 * somebody sleeps, the others count.
 *
 * A waiter remembers the word, looks at what it waits for, and sleeps only while the word is as
 * remembered. Whoever changes something signals afterwards. E1 (acquire) in balloon_event_seen() pairs
 * with E2 (release) in balloon_event_mark(): a waiter that remembers the raised word finds the change
 * when it looks. Without the pair a waiter that looks without a lock could look before the change and
 * sleep after the signal. Where the change is made, and looked at, under a lock that is released before
 * the signal, that lock is enough: a waiter that had it first released it after it remembered the word, and
 * the signal comes after that release.
 */
struct balloon_event {
	struct balloon_atomic_u32 word;
};

enum {
	BALLOON_EVENT_AWAITED = 1, /* somebody may sleep */
	BALLOON_EVENT_STEP = 2,    /* what a signal adds */
};

static inline void balloon_event_init(struct balloon_event *event)
{
	balloon_atomic_init(&event->word, 0, BALLOON_SHARED_EVENT);
}

/** Remember the word, before looking at what one waits for. */
static inline uint32_t balloon_event_seen(const struct balloon_event *event)
{
	return balloon_atomic_load(&event->word, BALLOON_ACQUIRE); /* E1 */
}

/** Was it signalled after `seen`? */
static inline bool balloon_event_is_past(const struct balloon_event *event, uint32_t seen)
{
	return ((balloon_event_seen(event) ^ seen) & ~(uint32_t)BALLOON_EVENT_AWAITED) != 0;
}

/** Wake whoever waits. The caller holds no lock that the waiters want at once. lib/sync/timed.c.
 * Context: any. */
BALLOON_EXPORT void balloon_event_signal(struct balloon_event *event);

/**
 * The two halves of a signal, for one that is given under a lock: count it, then, when the lock is free,
 * wake those who sleep, if the first returned true. Of the event itself the second uses only the address: it
 * may be gone. Context: any.
 */
BALLOON_EXPORT bool balloon_event_mark(struct balloon_event *event);
BALLOON_EXPORT void balloon_event_wake(const struct balloon_event *event);

/** Sleep until the event is signalled after `seen`, or until the deadline; perhaps less.
 * Context: thread. */
BALLOON_EXPORT void balloon_event_wait(
	struct balloon_event *event, uint32_t seen, uint64_t deadline_ns);

#ifdef __cplusplus
}
#endif

#endif
