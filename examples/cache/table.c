/* SPDX-License-Identifier: MIT */
/* One lock, chained buckets, one list in order of use. Entries are made and freed without the lock. */

#include "table.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct entry {
	struct entry *next; /* in its bucket */
	struct entry *newer;
	struct entry *older;
	uint32_t key;
	uint32_t size; /* of the value */
	uint64_t checksum;
	unsigned char value[];
};

struct table {
	pthread_mutex_t lock;
	uint32_t n_keys; /* and as many buckets */
	struct entry **buckets;
	unsigned char *is_there; /* for each key: was it put in, and not evicted? */
	struct entry *newest;
	struct entry *oldest;
	uint64_t limit;
	struct table_counts counts;
};

/* ---- Values ---------------------------------------------------------------------------------- */

static uint64_t mix(uint64_t n)
{
	n = (n ^ n >> 31) * UINT64_C(0x9e3779b97f4a7c15);
	return n ^ n >> 29;
}

/* From 64 bytes to 32 KiB, small ones most. */
static uint32_t size_of_key(uint32_t key)
{
	uint64_t random = mix(key + 1);
	return 64 + (uint32_t)(random >> 8) % (64u << random % 10);
}

static uint64_t checksum_of(const struct entry *entry)
{
	uint64_t sum = mix(entry->key);
	for (uint32_t i = 0; i < entry->size; i++)
		sum = sum * 31 + entry->value[i];
	return sum;
}

static struct entry *make_entry(struct balloon_heap *heap, uint32_t key)
{
	uint32_t size = size_of_key(key);
	struct entry *entry = balloon_heap_allocate(heap, sizeof(*entry) + size);
	if (!entry)
		return NULL;
	entry->key = key;
	entry->size = size;
	memset(entry->value, (int)(mix(key) & 0xff), size);
	entry->checksum = checksum_of(entry);
	return entry;
}

static bool is_sound(const struct entry *entry)
{
	return entry->size == size_of_key(entry->key) && entry->checksum == checksum_of(entry) &&
	       entry->value[entry->size / 2] == (mix(entry->key) & 0xff);
}

/* ---- Under the lock -------------------------------------------------------------------------- */

static void unlink_use(struct table *table, struct entry *entry)
{
	*(entry->newer ? &entry->newer->older : &table->newest) = entry->older;
	*(entry->older ? &entry->older->newer : &table->oldest) = entry->newer;
}

static void link_newest(struct table *table, struct entry *entry)
{
	entry->newer = NULL;
	entry->older = table->newest;
	*(table->newest ? &table->newest->newer : &table->oldest) = entry;
	table->newest = entry;
}

static struct entry **find(struct table *table, uint32_t key)
{
	struct entry **place = &table->buckets[mix(key) % table->n_keys];
	while (*place && (*place)->key != key)
		place = &(*place)->next;
	return place;
}

static uint64_t bytes_of(const struct entry *entry)
{
	return sizeof(*entry) + entry->size;
}

/* Take the entry that was not used for the longest time out. It is announced: is_there says so. */
static struct entry *take_oldest(struct table *table)
{
	struct entry *entry = table->oldest;
	if (!entry)
		return NULL;
	*find(table, entry->key) = entry->next;
	unlink_use(table, entry);
	table->is_there[entry->key] = false;
	table->counts.n_entries--;
	table->counts.bytes -= bytes_of(entry);
	table->counts.n_evicted++;
	return entry;
}

static bool look_up(struct table *table, uint32_t key)
{
	struct entry *entry = *find(table, key);
	if (!entry) {
		table->counts.n_lost += table->is_there[key];
		return false;
	}
	table->counts.n_hits++;
	table->counts.n_damaged += !is_sound(entry);
	unlink_use(table, entry);
	link_newest(table, entry);
	return true;
}

/* False: another thread was faster, or there is to be no more. */
static bool put_in(struct table *table, struct entry *entry)
{
	struct entry **place = find(table, entry->key);
	if (*place || table->counts.bytes + bytes_of(entry) > table->limit)
		return false;
	entry->next = NULL;
	*place = entry;
	link_newest(table, entry);
	table->is_there[entry->key] = true;
	table->counts.n_entries++;
	table->counts.bytes += bytes_of(entry);
	table->counts.n_inserted++;
	return true;
}

/* ---- The calls ------------------------------------------------------------------------------- */

struct table *table_create(uint32_t n_keys)
{
	struct table *table = calloc(1, sizeof(*table));
	if (!table)
		return NULL;
	pthread_mutex_init(&table->lock, NULL);
	table->n_keys = n_keys;
	table->limit = UINT64_MAX;
	table->buckets = malloc(n_keys * sizeof(struct entry *));
	table->is_there = malloc(n_keys);
	if (!table->buckets || !table->is_there)
		return NULL; /* the program ends */
	for (uint32_t i = 0; i < n_keys; i++)
		table->buckets[i] = NULL;
	memset(table->is_there, false, n_keys);
	return table;
}

void table_destroy(struct table *table, struct balloon_heap *heap)
{
	table_evict(table, heap, UINT64_MAX);
	pthread_mutex_destroy(&table->lock);
	free(table->buckets);
	free(table->is_there);
	free(table);
}

void table_use(struct table *table, struct balloon_heap *heap, uint32_t key)
{
	pthread_mutex_lock(&table->lock);
	bool is_found = look_up(table, key);
	bool is_full = table->counts.bytes >= table->limit;
	pthread_mutex_unlock(&table->lock);
	if (is_found || is_full)
		return;
	struct entry *entry = make_entry(heap, key);
	if (!entry)
		return;
	pthread_mutex_lock(&table->lock);
	bool is_in = put_in(table, entry);
	pthread_mutex_unlock(&table->lock);
	if (!is_in)
		balloon_heap_free(heap, entry);
}

uint64_t table_evict(struct table *table, struct balloon_heap *heap, uint64_t bytes)
{
	uint64_t n_bytes = 0;
	while (n_bytes < bytes) {
		pthread_mutex_lock(&table->lock);
		struct entry *entry = take_oldest(table);
		pthread_mutex_unlock(&table->lock);
		if (!entry)
			break;
		n_bytes += bytes_of(entry);
		balloon_heap_free(heap, entry);
	}
	return n_bytes;
}

void table_limit(struct table *table, uint64_t bytes)
{
	pthread_mutex_lock(&table->lock);
	table->limit = bytes;
	pthread_mutex_unlock(&table->lock);
}

struct table_counts table_counts(struct table *table)
{
	pthread_mutex_lock(&table->lock);
	struct table_counts counts = table->counts;
	pthread_mutex_unlock(&table->lock);
	return counts;
}

struct table_counts table_check(struct table *table)
{
	pthread_mutex_lock(&table->lock);
	uint64_t n_entries = 0;
	for (uint32_t key = 0; key < table->n_keys; key++) {
		const struct entry *entry = *find(table, key);
		table->counts.n_lost += !entry && table->is_there[key];
		table->counts.n_damaged += entry && !is_sound(entry);
		n_entries += entry != NULL;
	}
	table->counts.n_lost += n_entries != table->counts.n_entries;
	struct table_counts counts = table->counts;
	pthread_mutex_unlock(&table->lock);
	return counts;
}
