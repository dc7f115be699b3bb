/* SPDX-License-Identifier: MIT */
/*
 * A program of Redis's kind: strings by key, which grow when they are appended to, and expire; the table
 * doubles and halves, a bucket at a time. Two of them, each in a thread of its own. Their clock counts
 * operations.
 */

#include "harness.h"

#include <string.h>

#include <balloon/adapters/malloc.h>

BALLOON_MALLOC_DECLARE(z)
BALLOON_MALLOC_DEFINE(z)

enum {
	N_THREADS = 2,
	N_OPERATIONS = 600000,
	N_KEYS = 60000,
	BUCKETS_MIN = 16,
	VALUE_MAX = 64 << 10,
	LARGE = 1 << 20,
	LIFE_MAX = 200000, /* operations */
};

struct entry {
	struct entry *next;
	char *key;
	char *value;
	size_t length;
	size_t room;
	uint64_t expires;
};

struct table {
	struct entry **buckets;
	size_t n_buckets;
};

struct store {
	bool on_heap;
	uint64_t random;
	uint64_t now;
	uint64_t sum;
	struct table table;
	struct table old; /* being emptied into the former; no buckets: it is not */
	size_t n_moved;   /* buckets of old that are empty */
	size_t n_entries;
};

/* ---- Memory ----------------------------------------------------------------------------------- */

static void *get_cleared(struct store *s, size_t n, size_t size)
{
	void *block = s->on_heap ? ztrycalloc(n, size) : calloc(n, size);
	CHECK(block != NULL);
	return block;
}

static void *get(struct store *s, void *block, size_t size)
{
	block = s->on_heap ? ztryrealloc(block, size) : realloc(block, size);
	CHECK(block != NULL);
	return block;
}

static void put(struct store *s, void *block)
{
	if (s->on_heap)
		zfree(block);
	else
		free(block);
}

/* ---- The table -------------------------------------------------------------------------------- */

static struct entry **bucket_of(const struct table *table, const char *key)
{
	return &table->buckets[digest(0, key, strlen(key)) % table->n_buckets];
}

static void move_bucket(struct store *s)
{
	if (!s->old.buckets)
		return;
	struct entry *entry = s->old.buckets[s->n_moved];
	while (entry) {
		struct entry *next = entry->next;
		struct entry **place = bucket_of(&s->table, entry->key);
		entry->next = *place;
		*place = entry;
		entry = next;
	}
	s->old.buckets[s->n_moved++] = NULL;
	if (s->n_moved == s->old.n_buckets) {
		put(s, s->old.buckets);
		s->old = (struct table){0};
	}
}

static void resize_if_due(struct store *s)
{
	size_t wanted = s->table.n_buckets;
	if (s->n_entries > wanted)
		wanted *= 2;
	else if (s->n_entries < wanted / 8 && wanted > BUCKETS_MIN)
		wanted /= 2;
	if (s->old.buckets || wanted == s->table.n_buckets)
		return;
	s->old = s->table;
	s->n_moved = 0;
	s->table = (struct table){get_cleared(s, wanted, sizeof(struct entry *)), wanted};
}

static void drop(struct store *s, struct entry **place)
{
	struct entry *entry = *place;
	*place = entry->next;
	put(s, entry->key);
	put(s, entry->value);
	put(s, entry);
	s->n_entries--;
}

/* Where the entry is; what has expired is found no more. */
static struct entry **find_in(struct store *s, const struct table *table, const char *key)
{
	if (!table->buckets)
		return NULL;
	struct entry **place = bucket_of(table, key);
	while (*place && strcmp((*place)->key, key) != 0)
		place = &(*place)->next;
	if (*place && (*place)->expires <= s->now)
		drop(s, place);
	return *place && strcmp((*place)->key, key) == 0 ? place : NULL;
}

static struct entry **find(struct store *s, const char *key)
{
	struct entry **place = find_in(s, &s->old, key);
	return place ? place : find_in(s, &s->table, key);
}

static struct entry *add(struct store *s, const char *key)
{
	struct entry *entry = get_cleared(s, 1, sizeof(*entry));
	struct entry **place = bucket_of(&s->table, key);
	entry->key = get(s, NULL, strlen(key) + 1);
	memcpy(entry->key, key, strlen(key) + 1);
	entry->next = *place;
	*place = entry;
	s->n_entries++;
	return entry;
}

/* ---- Commands --------------------------------------------------------------------------------- */

static void append(struct store *s, struct entry *entry, uint32_t n)
{
	if (entry->length + n > entry->room) {
		entry->room = 2 * (entry->length + n);
		entry->value = get(s, entry->value, entry->room);
	}
	memset(entry->value + entry->length, (int)below(&s->random, 256), n);
	entry->length += n;
}

static void change(struct store *s, const char *key)
{
	struct entry **place = find(s, key);
	struct entry *entry = place ? *place : add(s, key);
	if (entry->length > VALUE_MAX)
		entry->length = 0;
	uint32_t n_max = 1u << (4 + below(&s->random, 8));
	append(s, entry, 1 + below(&s->random, below(&s->random, 2000) ? n_max : LARGE));
	entry->expires = s->now + 1 + below(&s->random, LIFE_MAX);
}

static void trim(struct store *s, const char *key)
{
	struct entry **place = find(s, key);
	if (!place || (*place)->length < 2)
		return;
	(*place)->length /= 2;
	(*place)->room = (*place)->length;
	(*place)->value = get(s, (*place)->value, (*place)->room);
}

static void read_value(struct store *s, const char *key)
{
	struct entry **place = find(s, key);
	if (place)
		s->sum = digest(s->sum, (*place)->value, (*place)->length);
}

/* One bucket's expired ones, as a server does between commands. */
static void expire_some(struct store *s)
{
	struct entry **place = &s->table.buckets[below(&s->random, (uint32_t)s->table.n_buckets)];
	while (*place)
		if ((*place)->expires <= s->now)
			drop(s, place);
		else
			place = &(*place)->next;
}

static void drop_all(struct store *s)
{
	while (s->old.buckets)
		move_bucket(s);
	for (size_t i = 0; i < s->table.n_buckets; i++)
		while (s->table.buckets[i])
			drop(s, &s->table.buckets[i]);
	put(s, s->table.buckets);
	CHECK(s->n_entries == 0);
}

static uint64_t serve(struct balloon_heap *heap, uint64_t seed)
{
	struct store s = {.on_heap = heap != NULL, .random = seed};
	char key[32];
	s.table = (struct table){get_cleared(&s, BUCKETS_MIN, sizeof(struct entry *)), BUCKETS_MIN};
	for (s.now = 0; s.now < N_OPERATIONS; s.now++) {
		uint32_t what = below(&s.random, 10);
		snprintf(key, sizeof(key), "key:%u", (unsigned)below(&s.random, N_KEYS));
		if (what < 5)
			change(&s, key);
		else if (what < 6)
			trim(&s, key);
		else
			read_value(&s, key);
		expire_some(&s);
		resize_if_due(&s);
		move_bucket(&s);
	}
	s.sum = digest(s.sum, &s.n_entries, sizeof(s.n_entries));
	drop_all(&s);
	return s.sum;
}

static uint64_t work(struct balloon_heap *heap, uint64_t seed)
{
	zset_heap(heap);
	uint64_t sum = in_threads(serve, N_THREADS, heap, seed);
	CHECK(zused_memory() == 0);
	return sum;
}

int main(int argc, char **argv)
{
	return client_main(argc, argv, "store", work);
}
