/* SPDX-License-Identifier: MIT */
/* For mutate-test, never compiled: each kind of mutant has its places here, and all else has none. a < b + 1 */
#include "mutated.h"

#define LARGER(a, b) ((a) > (b) ? (a) : (b) + 1)
_Static_assert(sizeof(int) == 4, "a == b");

enum { MANY = 4 };
static const int table[] = {1, 2, 3};

/* Of twice the memory, or of its factors the other way round, nobody would notice. */
static void *none(void)
{
	return calloc(1, sizeof(int));
}

static int first(struct thing *thing, uint32_t n)
{
	uint32_t many[2] = {0};
	const char *text = "n < 1 && n"; /* n < 1 */
	BALLOON_ASSERT(n > 1 && thing->n == 2);
	BALLOON_PROBE(first, n + 1);
	if (n >= thing->n && !many[n])
		return -EINVAL;
	// n = 7;
	*text = 'x';
	balloon_lock_acquire(&thing->lock);
	thing->n += many[n] << 3u;
	take(thing, n);
	balloon_lock_release(&thing->lock);
	return 0;
}

BALLOON_LOCK_INTERNALS static bool second(struct thing *one, struct thing *other)
	BALLOON_RELEASES(one->lock)
{
	struct state *state = driver_lock(one);
	for (;;)
		if (balloon_atomic_load(&state->word, BALLOON_ACQUIRE) == 0)
			break;
	if (balloon_page_trylock(&one->flags, &one->n))
		balloon_page_unlock(&one->flags);
	driver_unlock_and_wake(one);
	state->n++;
	return compare(one, other);
}

/* Of two equal values either will do, but for the last. */
static uint32_t third(uint32_t a, uint32_t b, uint32_t c)
{
	uint32_t least = a < b ? a : b;
	uint32_t rest = a > b ? a - b : 0;
	if (least > c)
		least = c;
	return least < rest ? least : c;
}
