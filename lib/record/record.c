/* SPDX-License-Identifier: MIT */
/*
 * The recorder: a strategy around another one. A row's place is decided under one lock together with what it tells
 * of, so a replay can do the rows in their order.
 */

#define _GNU_SOURCE 1 /* sched_getcpu() */

#include <balloon/record.h>
#include <balloon/strategy.h>

#include "platform/quiet.h"

#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

enum {
	BUFFER_BYTES = 64 << 10,
	ROW_BYTES = 160,    /* the longest: five numbers, two words */
	COLUMNS_BYTES = 80, /* of these, three numbers */
	NAME_BYTES = 16,    /* of a thread: Linux's */
};

struct balloon_recorder {
	struct balloon_strategy strategy;     /* constant; the first member, for its functions */
	const struct balloon_strategy *inner; /* constant */
	int descriptor;                       /* constant */
	pthread_mutex_t lock;                 /* protects the rest */
	const struct balloon_memmap *map;     /* NULL: there is none */
	const struct balloon_device *device;  /* whose pages are recorded; NULL: none yet */
	struct balloon_recorder_stats stats;
	int error; /* the first one in writing, or 0 */
	size_t n_bytes;
	uint64_t n_buffered; /* rows */
	char buffer[BUFFER_BYTES];
};

static struct balloon_recorder *recorder_of(const struct balloon_memmap *map)
{
	return (struct balloon_recorder *)(uintptr_t)map->strategy;
}

/* ---- Writing; the caller has the lock -------------------------------------------------------- */

static int write_all(int descriptor, const char *bytes, size_t n_bytes)
{
	int error = 0;
	struct quiet quiet = quiet_begin();
	while (n_bytes > 0 && error == 0) {
		ssize_t n = write(descriptor, bytes, n_bytes);
		if (n > 0) {
			bytes += n;
			n_bytes -= (size_t)n;
		} else if (n == 0) {
			error = -EIO;
		} else if (errno != EINTR) {
			error = -errno;
		}
	}
	quiet_end(quiet);
	return error;
}

static void flush(struct balloon_recorder *recorder)
{
	if (recorder->error == 0)
		recorder->error =
			write_all(recorder->descriptor, recorder->buffer, recorder->n_bytes);
	if (recorder->error < 0) {
		recorder->stats.n_rows -= recorder->n_buffered;
		recorder->stats.n_lost += recorder->n_buffered;
	}
	recorder->n_bytes = 0;
	recorder->n_buffered = 0;
}

/* Who does all that follows, and when: as a row shows it. */
struct actor {
	uint64_t now_ns;
	int cpu;
	char name[NAME_BYTES];
};

/* A name may hold anything; in a row it is one word. */
static struct actor actor_of_this_thread(void)
{
	struct quiet quiet = quiet_begin();
	struct actor actor = {.now_ns = balloon_platform_now_ns(), .cpu = sched_getcpu()};
	prctl(PR_GET_NAME, actor.name);
	quiet_end(quiet);
	if (actor.cpu < 0)
		actor.cpu = 0;
	for (char *c = actor.name; *c; c++)
		if (*c <= ' ' || *c == ',' || *c == '"' || *c == 0x7f)
			*c = '_';
	if (!actor.name[0])
		strcpy(actor.name, "?");
	return actor;
}

/* Recordings have 32 bits for it. */
static uint64_t number_of(const struct balloon_memmap *map, struct balloon_page page)
{
	bool has_room = map->first_pfn <= UINT32_MAX - (map->descriptors.n_pages - 1);
	return (has_room ? map->first_pfn : 0) + page.index;
}

/* columns: pfn, newpfn and ret, of which some are empty. */
static void write_row(struct balloon_recorder *recorder, const struct actor *actor, const char *op,
	const char *columns)
{
	if (recorder->error < 0) {
		recorder->stats.n_lost++;
		return;
	}
	if (BUFFER_BYTES - recorder->n_bytes < ROW_BYTES)
		flush(recorder);
	recorder->n_bytes += (size_t)snprintf(recorder->buffer + recorder->n_bytes, ROW_BYTES,
		"%" PRIu64 ",%s,%s,%d,%s\n", actor->now_ns, op, columns, actor->cpu, actor->name);
	recorder->stats.n_rows++;
	recorder->n_buffered++;
}

static void write_page(struct balloon_recorder *recorder, const struct actor *actor, const char *op,
	struct balloon_page page, const char *ret)
{
	char columns[COLUMNS_BYTES];
	snprintf(columns, sizeof(columns), "%" PRIu64 ",,%s", number_of(recorder->map, page), ret);
	write_row(recorder, actor, op, columns);
}

static void write_pages(struct balloon_recorder *recorder, const struct actor *actor,
	const char *op, const struct balloon_page *pages, int n_pages)
{
	for (int i = 0; i < n_pages; i++)
		write_page(recorder, actor, op, pages[i], "");
}

static void write_count(struct balloon_recorder *recorder, const struct actor *actor,
	const char *op, size_t n_pages)
{
	char columns[COLUMNS_BYTES];
	snprintf(columns, sizeof(columns), ",,%zu", n_pages);
	write_row(recorder, actor, op, columns);
}

/* ---- The operations -------------------------------------------------------------------------- */

static struct balloon_recorder *begin(const struct balloon_memmap *map)
{
	struct balloon_recorder *recorder = recorder_of(map);
	pthread_mutex_lock(&recorder->lock);
	return recorder;
}

static int end(struct balloon_recorder *recorder, int result)
{
	pthread_mutex_unlock(&recorder->lock);
	return result;
}

typedef int (*operation)(
	struct balloon_device *device, const struct balloon_page *pages, size_t n_pages);

/* An operation on given pages of one device; the caller has the lock, and gives it up with this. */
static int do_and_write(struct balloon_recorder *recorder, operation ask, const char *op,
	struct balloon_device *device, const struct balloon_page *pages, size_t n_pages)
{
	struct actor actor = actor_of_this_thread();
	int result = ask(device, pages, n_pages);
	if (device == recorder->device)
		write_pages(recorder, &actor, op, pages, result);
	return end(recorder, result);
}

static int insert(struct balloon_device *device, const struct balloon_page *pages, size_t n_pages)
{
	struct balloon_recorder *recorder = begin(device->map);
	return do_and_write(recorder, recorder->inner->insert, "inflate", device, pages, n_pages);
}

static bool has_isolated_alone(struct balloon_recorder *recorder, struct balloon_device *device)
{
	struct balloon_device_stats stats;
	recorder->inner->device_stats(device, &stats);
	return stats.n_listed == 0 && stats.n_isolated > 0;
}

static int dequeue(struct balloon_device *device, struct balloon_page *pages, size_t n_pages)
{
	struct balloon_recorder *recorder = begin(device->map);
	struct actor actor = actor_of_this_thread();
	int result = recorder->inner->dequeue(device, pages, n_pages);
	if (device == recorder->device && result > 0) {
		write_count(recorder, &actor, "leak_begin", n_pages);
		write_pages(recorder, &actor, "deflate", pages, result);
		write_count(recorder, &actor, "leak_end", (size_t)result);
	} else if (device == recorder->device && result == -EAGAIN &&
		   has_isolated_alone(recorder, device)) {
		write_row(recorder, &actor, "deflate_none", ",,");
	}
	return end(recorder, result);
}

static int isolate(struct balloon_memmap *map, const struct balloon_page *pages, size_t n_pages)
{
	struct balloon_recorder *recorder = begin(map);
	struct actor actor = actor_of_this_thread();
	int result = recorder->inner->isolate(map, pages, n_pages);
	for (int i = 0; i < result; i++)
		if (recorder->inner->device_of(map, pages[i]) == recorder->device)
			write_page(recorder, &actor, "isolate", pages[i], "1");
	return end(recorder, result);
}

/* Whose page it is is known until it is back. */
static int putback_one(
	struct balloon_recorder *recorder, struct balloon_memmap *map, struct balloon_page page)
{
	const struct balloon_device *device = recorder->inner->device_of(map, page);
	struct actor actor = actor_of_this_thread();
	int result = recorder->inner->putback(map, &page, 1);
	if (result == 1 && device == recorder->device)
		write_page(recorder, &actor, "putback", page, "");
	return result;
}

static int putback(struct balloon_memmap *map, const struct balloon_page *pages, size_t n_pages)
{
	struct balloon_recorder *recorder = begin(map);
	int n_done = 0;
	int result = 1;
	while ((size_t)n_done < n_pages && result == 1) {
		result = putback_one(recorder, map, pages[n_done]);
		n_done += result == 1;
	}
	return end(recorder, n_done > 0 ? n_done : result);
}

static int migrate(struct balloon_device *device, const struct balloon_page *new_pages,
	const struct balloon_page *old_pages, size_t n_pages)
{
	struct balloon_recorder *recorder = begin(device->map);
	struct actor actor = actor_of_this_thread();
	int result = recorder->inner->migrate(device, new_pages, old_pages, n_pages);
	for (int i = 0; i < result && device == recorder->device; i++) {
		char columns[COLUMNS_BYTES];
		snprintf(columns, sizeof(columns), "%" PRIu64 ",%" PRIu64 ",0",
			number_of(device->map, old_pages[i]), number_of(device->map, new_pages[i]));
		write_row(recorder, &actor, "migrate", columns);
	}
	return end(recorder, result);
}

static int finalize(struct balloon_device *device, const struct balloon_page *pages, size_t n_pages)
{
	struct balloon_recorder *recorder = begin(device->map);
	return do_and_write(
		recorder, recorder->inner->finalize, "finalize", device, pages, n_pages);
}

/* ---- What it is on --------------------------------------------------------------------------- */

static void memmap_init(struct balloon_memmap *map)
{
	struct balloon_recorder *recorder = begin(map);
	if (recorder->inner->memmap_init)
		recorder->inner->memmap_init(map);
	if (!recorder->map)
		recorder->map = map;
	end(recorder, 0);
}

static void memmap_fini(struct balloon_memmap *map)
{
	struct balloon_recorder *recorder = begin(map);
	if (recorder->inner->memmap_fini)
		recorder->inner->memmap_fini(map);
	if (recorder->map == map) {
		recorder->map = NULL;
		recorder->device = NULL;
	}
	end(recorder, 0);
}

/* The first one's slot is the lowest: once it has ended, the next that is created has its address. */
static void device_open(struct balloon_device *device, void *context)
{
	struct balloon_recorder *recorder = begin(device->map);
	recorder->inner->device_open(device, context);
	if (!recorder->device && recorder->map == device->map)
		recorder->device = device;
	end(recorder, 0);
}

/* ---- The recorder ---------------------------------------------------------------------------- */

static struct balloon_strategy strategy_around(const struct balloon_strategy *inner)
{
	struct balloon_strategy strategy = *inner;
	strategy.memmap_init = memmap_init;
	strategy.memmap_fini = memmap_fini;
	strategy.device_open = device_open;
	strategy.insert = insert;
	strategy.dequeue = dequeue;
	strategy.isolate = isolate;
	strategy.putback = putback;
	strategy.migrate = migrate;
	strategy.finalize = finalize;
	return strategy;
}

int balloon_recorder_create(
	const struct balloon_recorder_config *config, struct balloon_recorder **recorder)
{
	static const char header[] = "time_ns,op,pfn,newpfn,ret,cpu,comm\n";
	if (!config || !recorder)
		return -EINVAL;
	if (!config->strategy)
		return -ENOENT;
	struct balloon_recorder *made = malloc(sizeof(*made));
	if (!made)
		return -ENOMEM;
	memset(made, 0, offsetof(struct balloon_recorder, buffer));
	made->strategy = strategy_around(config->strategy);
	made->inner = config->strategy;
	made->descriptor = config->descriptor;
	pthread_mutex_init(&made->lock, NULL);
	int result = write_all(made->descriptor, header, sizeof(header) - 1);
	if (result == 0)
		*recorder = made;
	else
		free(made);
	return result;
}

const struct balloon_strategy *balloon_recorder_strategy(const struct balloon_recorder *recorder)
{
	return recorder ? &recorder->strategy : NULL;
}

int balloon_recorder_flush(struct balloon_recorder *recorder)
{
	if (!recorder)
		return -EINVAL;
	pthread_mutex_lock(&recorder->lock);
	flush(recorder);
	return end(recorder, recorder->error);
}

int balloon_recorder_stats(struct balloon_recorder *recorder, struct balloon_recorder_stats *stats)
{
	if (!recorder || !stats)
		return -EINVAL;
	pthread_mutex_lock(&recorder->lock);
	*stats = recorder->stats;
	return end(recorder, 0);
}

int balloon_recorder_destroy(struct balloon_recorder *recorder)
{
	if (!recorder)
		return -EINVAL;
	if (recorder->map)
		return -EBUSY;
	int result = balloon_recorder_flush(recorder);
	pthread_mutex_destroy(&recorder->lock);
	free(recorder);
	return result;
}
