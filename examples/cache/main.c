/* SPDX-License-Identifier: MIT */
/*
 * A cache that is told how large its process may be, and told again while it serves.
 *
 * Its entries are in a balloon_heap. What the process is not to have is in a balloon on that heap: when
 * the target falls, the balloon takes what is free, and the cache evicts what was not used for long
 * until it has all. When the target rises, the balloon gives frames back and the cache grows into them.
 *
 * The yardstick is what the kernel says of the process: as long as a target holds, its resident memory
 * has to be there, up to 1 % of it or 2 MiB, and no entry lost or damaged.
 */

#define _GNU_SOURCE 1 /* getopt_long() */

#include "cache.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

enum { THREADS_MAX = 64 };

void fail(const char *what)
{
	fprintf(stderr, "cache: %s\n", what);
	exit(1);
}

uint64_t n_full(struct cache *c, bool *is_over)
{
	pthread_mutex_lock(&c->lock);
	uint64_t n = c->n_full;
	if (is_over)
		*is_over = c->is_over;
	pthread_mutex_unlock(&c->lock);
	return n;
}

/* Low keys are asked for more often than high ones. */
static void *serve(void *argument)
{
	struct cache *c = argument;
	uint64_t random = (uintptr_t)&random;
	for (bool is_over = false; !is_over; n_full(c, &is_over))
		for (int i = 0; i < 100; i++) {
			random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
			uint64_t key = (random >> 40) * (random >> 16 & 0xffffff) >> 24;
			table_use(c->table, c->heap, (uint32_t)(key * c->n_keys >> 24));
		}
	return NULL;
}

static void run(struct cache *c)
{
	pthread_t threads[THREADS_MAX];
	build(c);
	begin_at(c, (int64_t)c->targets_mib[0] * MIB);
	for (uint32_t i = 0; i < c->n_threads; i++)
		if (pthread_create(&threads[i], NULL, serve, c))
			fail("cannot start a thread");
	for (uint32_t i = 0; i < c->n_targets; i++)
		go_to(c, (int64_t)c->targets_mib[i] * MIB);
	pthread_mutex_lock(&c->lock);
	c->is_over = true;
	pthread_mutex_unlock(&c->lock);
	for (uint32_t i = 0; i < c->n_threads; i++)
		pthread_join(threads[i], NULL);
	struct table_counts counts = table_check(c->table);
	if (counts.n_lost || counts.n_damaged ||
		counts.n_inserted - counts.n_evicted != counts.n_entries)
		fail("entries were lost or damaged");
	take_apart(c);
	printf("nothing lost, nothing damaged\n");
}

/* ---- Options --------------------------------------------------------------------------------- */

static const char help[] =
	"Usage: cache [OPTION...]\n"
	"\n"
	"Serves a made-up load from a cache in a balloon_heap while the size of its process is\n"
	"steered from one target to the next. At each, what the kernel counts as resident is 1 %\n"
	"or 2 MiB off at most. Exits 1 if it is not, or if an entry is lost or damaged.\n"
	"\n"
	"  --heap MIB        size of the heap (128)\n"
	"  --targets MIB,... sizes of the process, one after the other (96,32,120,24,64)\n"
	"  --threads N       threads that use the cache, 1 to 64 (2)\n"
	"  --keys N          different keys that they ask for (200000)\n"
	"  --deadline S      seconds until a target has to be reached (10)\n"
	"  --wait            at each target print \"holding BYTES\" and wait for a line\n"
	"  --help            this text\n";

static void usage_error(const char *what, const char *value)
{
	fprintf(stderr, "cache: %s: %s (see --help)\n", what, value);
	exit(2);
}

static uint64_t number(const char *option, const char *text, char **end, uint64_t max)
{
	char *stop;
	errno = 0;
	uint64_t n = *text >= '0' && *text <= '9' ? strtoull(text, &stop, 10) : 0;
	if (n == 0 || errno || n > max || (*stop && !(end && *stop == ',')))
		usage_error(option, text);
	if (end)
		*end = stop;
	return n;
}

static void read_targets(struct cache *c, const char *text)
{
	char *end;
	for (c->n_targets = 0;; text = end + 1) {
		if (c->n_targets == TARGETS_MAX)
			usage_error("--targets", "too many");
		c->targets_mib[c->n_targets++] = number("--targets", text, &end, 1 << 24);
		if (!*end)
			return;
	}
}

static void read_options(struct cache *c, int argc, char **argv)
{
	static const struct option options[] = {{"heap", 1, NULL, 's'}, {"targets", 1, NULL, 't'},
		{"threads", 1, NULL, 'n'}, {"keys", 1, NULL, 'k'}, {"deadline", 1, NULL, 'd'},
		{"wait", 0, NULL, 'w'}, {"help", 0, NULL, 'h'}, {NULL, 0, NULL, 0}};
	int option;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 's')
			c->heap_mib = number("--heap", optarg, NULL, 1 << 23);
		else if (option == 't')
			read_targets(c, optarg);
		else if (option == 'n')
			c->n_threads = (uint32_t)number("--threads", optarg, NULL, THREADS_MAX);
		else if (option == 'k')
			c->n_keys = (uint32_t)number("--keys", optarg, NULL, UINT32_MAX);
		else if (option == 'd')
			c->deadline_s = number("--deadline", optarg, NULL, 86400);
		else if (option == 'w')
			c->is_waiting = true;
		else if (option == 'h')
			exit(fputs(help, stdout) < 0);
		else
			exit(2); /* getopt_long() has said why */
	}
	if (argv[optind])
		usage_error("not an option", argv[optind]);
}

int main(int argc, char **argv)
{
	struct cache c = {.heap_mib = 128, .n_threads = 2, .n_keys = 200000, .deadline_s = 10};
	read_targets(&c, "96,32,120,24,64");
	read_options(&c, argc, argv);
	run(&c);
	return 0;
}
