/* SPDX-License-Identifier: MIT */
/*
 * The reduction on toys, against classes and findings that are counted without it: from all schedules of the search,
 * each brought to what it has in common with all of its class.
 */

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <balloon/sync.h>

#include "explore/reduce.h"
#include "explore/walk.h"

enum { THREADS_MAX = 3, STEPS_MAX = 48, TEXT_MAX = 512, SEEN_MAX = 1 << 12 };

/*
 * A toy: each letter is what a thread does next.
 *   .  a step that touches nothing       L U  takes the lock, releases it
 *   r w  reads, writes a word            T    tries it, and releases it if it got it
 *   R W  the same of another word        x    exchanges the word
 *   +    adds one to the word            !    a finding, if the word is 2
 *   m M  steps with marks: m is against M
 */
static char toys[THREADS_MAX][16];
static uint32_t n_toys;
static struct balloon_lock lock;
static struct balloon_atomic_word n_contended;
static struct balloon_atomic_u32 shared;
static uint32_t words[2];

BALLOON_LOCK_INTERNALS static void try_lock(void)
{
	if (balloon_lock_try(&lock))
		balloon_lock_release(&lock);
}

static void look_for_two(void)
{
	if (BALLOON_READ(words[0]) == 2)
		engine_fail(ENGINE_CLAIM, "%c finds two", 'a' + (int)engine_self());
}

BALLOON_LOCK_INTERNALS static void make(char step)
{
	switch (step) {
	case 'L':
		balloon_lock_acquire(&lock);
		return;
	case 'U':
		balloon_lock_release(&lock);
		return;
	case 'T':
		try_lock();
		return;
	case 'r':
	case 'R':
		(void)BALLOON_READ(words[step == 'R']);
		return;
	case 'w':
	case 'W':
		BALLOON_WRITE(words[step == 'W'], engine_self());
		return;
	case 'x':
		(void)balloon_atomic_exchange(&shared, engine_self(), BALLOON_RELAXED);
		return;
	case '+':
		BALLOON_ADD(words[0], 1);
		return;
	case '!':
		look_for_two();
		return;
	default:
		engine_point();
		if (step == 'm' || step == 'M')
			search_mark(step == 'm' ? 1 : 2, step == 'm' ? 2 : 1);
		return;
	}
}

static void play(void *context)
{
	for (const char *step = context; *step; step++)
		make(*step);
}

/* ---- What is seen ---------------------------------------------------------------------------- */

struct step {
	uint32_t thread;
	const volatile void *place;
	bool is_change;
};

static struct step made[STEPS_MAX];
static uint32_t n_made;

/* Texts, each once. */
struct seen {
	uint32_t n;
	char all[SEEN_MAX][TEXT_MAX];
};

static struct seen classes, findings;

static void see(struct seen *seen, const char *text)
{
	uint32_t at = 0;
	while (at < seen->n && strcmp(seen->all[at], text) != 0)
		at++;
	cr_assert_lt(at, SEEN_MAX);
	strcpy(seen->all[at], text);
	seen->n += at == seen->n;
}

static void begin(void)
{
	n_made = 0;
	words[0] = words[1] = 0;
	balloon_lock_init(&lock, BALLOON_RANK_PAGES, &n_contended);
}

static void access(uint32_t thread, const volatile void *place, size_t size_bytes, unsigned kind,
	uintptr_t where)
{
	(void)size_bytes, (void)where;
	cr_assert_lt(n_made, STEPS_MAX);
	made[n_made++] = (struct step){
		thread, place, kind != BALLOON_ACCESS_READ && kind != BALLOON_ACCESS_LOAD};
}

/* Of each thread, in turn: for each of its steps, how many of the other threads' that it depends on came before. */
static void end(void)
{
	char text[TEXT_MAX] = "";
	size_t at = 0;
	for (uint32_t i = 0; i < n_toys * n_toys; i++) {
		at += (size_t)snprintf(text + at, TEXT_MAX - at, "%u:", (unsigned)i);
		for (uint32_t j = 0; j < n_made; j++) {
			uint32_t n = 0;
			if (made[j].thread != i / n_toys)
				continue;
			for (uint32_t k = 0; k < j; k++)
				n += made[k].thread == i % n_toys && made[k].place &&
				     made[k].place == made[j].place &&
				     (made[k].is_change || made[j].is_change);
			at += (size_t)snprintf(text + at, TEXT_MAX - at, "%u", (unsigned)n);
			cr_assert_lt(at, TEXT_MAX);
		}
	}
	see(&classes, text);
}

static void note_finding(const struct engine_report *report)
{
	see(&findings, report->what);
}

static struct search_subject subject(void)
{
	static struct engine_thread threads[THREADS_MAX];
	for (uint32_t i = 0; i < n_toys; i++)
		threads[i] = (struct engine_thread){"toy", play, toys[i]};
	return (struct search_subject){.threads = threads,
		.n_threads = n_toys,
		.begin = begin,
		.access = access,
		.end = end};
}

static void set_toys(const char *a, const char *b, const char *c)
{
	const char *const all[] = {a, b, c};
	n_toys = c ? 3 : 2;
	for (uint32_t i = 0; i < n_toys; i++)
		snprintf(toys[i], sizeof(toys[i]), "%s", all[i]);
}

static uint64_t n_classes_of(const char *a, const char *b, const char *c)
{
	const struct search_options options = {.n_preemptions = 0};
	struct search_result result;
	set_toys(a, b, c);
	const struct search_subject toy = subject();
	reduce_run(&toy, &options, &result);
	return result.n_classes;
}

/* Both searches see the same classes and findings; the reduction makes each class once. */
static void check_toys(void)
{
	static struct seen expected, expected_findings;
	const struct search_options options = {
		.n_preemptions = SEARCH_PREEMPTIONS_MAX, .found = note_finding};
	const struct search_subject toy = subject();
	struct search_result result;
	classes.n = findings.n = 0;
	search_run(&toy, &options, &result);
	cr_assert_eq(result.n_schedules[SEARCH_PREEMPTIONS_MAX], 0);
	expected = classes;
	expected_findings = findings;
	classes.n = findings.n = 0;
	reduce_run(&toy, &options, &result);
	cr_assert_eq(classes.n, expected.n, "%s|%s|%s: %u classes of %u", toys[0], toys[1],
		n_toys > 2 ? toys[2] : "", (unsigned)classes.n, (unsigned)expected.n);
	cr_assert_eq(findings.n, expected_findings.n, "%s|%s|%s: %u findings of %u", toys[0],
		toys[1], n_toys > 2 ? toys[2] : "", (unsigned)findings.n,
		(unsigned)expected_findings.n);
	if (!expected_findings.n)
		cr_assert_eq(result.n_classes, expected.n);
}

/* ---- Claims ---------------------------------------------------------------------------------- */

Test(reduce, makes_one_schedule_of_each_class)
{
	cr_assert_eq(n_classes_of("......", "......", NULL), 1);
	cr_assert_eq(n_classes_of("....", "...", "....."), 1);
	cr_assert_eq(n_classes_of("..w..", "..w..", NULL), 2);
	cr_assert_eq(n_classes_of("..w..", "..r..", NULL), 2);
	cr_assert_eq(n_classes_of("..r..", "..r..", NULL), 1);
	cr_assert_eq(n_classes_of("..w..", "..W..", NULL), 1);
	cr_assert_eq(n_classes_of("ww", "ww", NULL), 6); /* 4! / (2! 2!) */
	cr_assert_eq(n_classes_of("w", "w", "w"), 6);
	cr_assert_eq(n_classes_of("w", "r", "r"), 4);
	cr_assert_eq(n_classes_of("", "..", NULL), 1);
}

/* Either is first; and the other one tries while it holds the lock, or afterwards. */
Test(reduce, takes_a_lock_in_every_order)
{
	cr_assert_eq(n_classes_of("LU", "LU", NULL), 4);
	cr_assert_eq(n_classes_of(".L...U.", ".L...U.", NULL), 4);
}

Test(reduce, keeps_the_order_of_marks)
{
	cr_assert_eq(n_classes_of(".m.", ".M.", NULL), 2);
	cr_assert_eq(n_classes_of(".m.", ".m.", NULL), 1);
	cr_assert_eq(n_classes_of(".M.", ".M.", NULL), 1);
}

static bool lie(const volatile void *place, struct search_marks *marks)
{
	(void)place, (void)marks;
	return true;
}

/* What is counted has to commute: the reduction believes it. */
Test(reduce, misses_classes_if_dependence_is_forgotten)
{
	const struct search_options options = {.n_preemptions = 0};
	struct search_result result;
	cr_assert_eq(n_classes_of("x", "x", NULL), 2);
	struct search_subject toy = subject();
	toy.look = lie;
	reduce_run(&toy, &options, &result);
	cr_assert_eq(result.n_classes, 1);
}

Test(reduce, sees_what_the_search_sees_of_chosen_toys)
{
	static const char *const chosen[][THREADS_MAX] = {{"L+U", "L+U", "!"}, {"L+U", "+", "!"},
		{"LrU", "LwU", "LU"}, {"LwU", "T", "LrU"}, {"LU", "LU", "LU"}, {"wW", "Ww", NULL},
		{"rW", "Rw", "rR"}, {"L.ULU", "LULU", NULL}, {"+!", "+!", NULL}, {"!", "w", "+"},
		{"L!U", "L+U", "L+U"}, {"", "w", "w"}, {"LwULrU", "w", "T"}};
	for (size_t i = 0; i < sizeof(chosen) / sizeof(chosen[0]); i++) {
		set_toys(chosen[i][0], chosen[i][1], chosen[i][2]);
		check_toys();
	}
}

/* A lock is released before the next is taken, and at the end. */
static void draw_toy(char *toy, uint32_t n)
{
	static const char letters[] = ".rwRWx+T!L";
	bool is_held = false;
	for (uint32_t i = 0; i < n; i++) {
		char letter = letters[(unsigned)rand() % (sizeof(letters) - 1)];
		if (is_held && (letter == 'T' || letter == 'L'))
			letter = 'U';
		is_held = letter == 'L' || (is_held && letter != 'U');
		*toy++ = letter;
	}
	if (is_held)
		*toy++ = 'U';
	*toy = '\0';
}

Test(reduce, sees_what_the_search_sees_of_toys_at_random)
{
	srand(20140101);
	for (uint32_t i = 0; i < 400; i++) {
		n_toys = 2 + i % 2;
		for (uint32_t j = 0; j < n_toys; j++)
			draw_toy(toys[j], n_toys == 2 ? 4 : 2);
		check_toys();
	}
}

static void wait_for(void *event)
{
	balloon_event_wait(event, 0, 1);
}

Test(reduce, says_what_it_cannot_reduce)
{
	static struct balloon_event event;
	const struct engine_thread waiter = {"a", wait_for, &event};
	const struct search_subject waiting = {.threads = &waiter, .n_threads = 1};
	const struct search_options options = {.n_preemptions = 0};
	struct search_result result;
	reduce_run(&waiting, &options, &result);
	cr_assert_eq(result.n_found, 1);
}

/* ---- At random ------------------------------------------------------------------------------- */

static struct search_result walk_toys(uint64_t seed, uint32_t depth)
{
	const struct walk_options how = {.n_walks = 300, .seed = seed, .depth = depth};
	const struct search_options options = {.found = note_finding};
	struct search_result result;
	const struct search_subject toy = subject();
	classes.n = findings.n = 0;
	walk_run(&toy, &how, &options, &result);
	cr_assert_eq(result.n_walks, 300);
	return result;
}

Test(walk, sees_every_class_of_what_is_small)
{
	set_toys("ww", "ww", NULL);
	for (uint32_t depth = 0; depth < 5; depth++) {
		walk_toys(1, depth);
		/* n threads whose priorities change depth - 1 times: no more than so many switches. */
		static const uint32_t n_classes[] = {6, 2, 4, 6, 6};
		cr_assert_eq(classes.n, n_classes[depth], "depth %u: %u", (unsigned)depth,
			(unsigned)classes.n);
	}
}

Test(walk, finds_what_the_search_finds_and_the_same_again)
{
	static struct search_schedule schedule;
	static struct engine_report report;
	bool is_asserted;
	set_toys("+!", "+!", NULL);
	for (uint32_t depth = 0; depth < 4; depth++) {
		struct search_result one = walk_toys(7, depth);
		uint64_t n_found = one.n_found;
		uint64_t n_steps = one.n_steps;
		cr_assert_gt(n_found, 0);
		schedule = one.finding->schedule;
		cr_assert_eq(walk_toys(7, depth).n_found, n_found);
		cr_assert_eq(walk_toys(7, depth).n_steps, n_steps);
		const struct search_subject toy = subject();
		cr_assert(search_replay(&toy, &schedule, &report, &is_asserted));
	}
}
