/* SPDX-License-Identifier: MIT */
/* Total store order: a buffer of stores for each thread. */

#include "memory/models-internal.h"

#include <string.h>

enum { STORES_MAX = 16 };

struct pending {
	const volatile void *place;
	size_t size_bytes;
	uint64_t value;
	bool is_kept; /* somebody has touched the place, and it stayed here */
};

/* Oldest first. */
struct buffer {
	uint32_t n;
	struct pending stores[STORES_MAX];
};

static struct buffer buffers[MEMORY_THREADS];

static void begin(void)
{
	for (uint32_t i = 0; i < MEMORY_THREADS; i++)
		buffers[i].n = 0;
}

/* The first n of them reach memory. */
static void flush(struct buffer *buffer, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		memory_write(buffer->stores[i].place, buffer->stores[i].size_bytes,
			buffer->stores[i].value);
	buffer->n -= n;
	memmove(buffer->stores, buffer->stores + n, buffer->n * sizeof(buffer->stores[0]));
}

static void drain(uint32_t thread)
{
	flush(&buffers[thread], buffers[thread].n);
}

static bool is_of(const struct pending *store, const volatile void *place, size_t size_bytes)
{
	return memory_is_same(store->place, store->size_bytes, place, size_bytes);
}

static struct pending *newest(struct buffer *buffer, const volatile void *place, size_t size_bytes)
{
	for (uint32_t i = buffer->n; i-- > 0;)
		if (is_of(&buffer->stores[i], place, size_bytes))
			return &buffer->stores[i];
	return NULL;
}

/* How many stores go to memory if of those to the place so many are left. */
static uint32_t n_before(
	const struct buffer *buffer, const volatile void *place, size_t size_bytes, uint32_t n_left)
{
	for (uint32_t i = buffer->n; i > 0; i--)
		if (is_of(&buffer->stores[i - 1], place, size_bytes) && n_left-- == 0)
			return i;
	return 0;
}

/* Another thread touches the place: those that are kept stay by default, others go to memory. */
static void touch_buffer(struct buffer *buffer, const volatile void *place, size_t size_bytes)
{
	uint32_t n = 0;
	bool is_kept = true;
	for (uint32_t i = 0; i < buffer->n; i++)
		if (is_of(&buffer->stores[i], place, size_bytes)) {
			n++;
			is_kept &= buffer->stores[i].is_kept;
		}
	if (n == 0)
		return;
	uint32_t n_left = memory_choose(n + 1);
	if (is_kept)
		n_left = n - n_left;
	flush(buffer, n_before(buffer, place, size_bytes, n_left));
	for (uint32_t i = 0; i < buffer->n; i++)
		buffer->stores[i].is_kept |= is_of(&buffer->stores[i], place, size_bytes);
}

static void touch(uint32_t thread, const volatile void *place, size_t size_bytes)
{
	for (uint32_t i = 0; i < MEMORY_THREADS; i++)
		if (i != thread)
			touch_buffer(&buffers[i], place, size_bytes);
}

static struct pending *add(uint32_t thread, const volatile void *place, size_t size_bytes)
{
	struct buffer *buffer = &buffers[thread];
	touch(thread, place, size_bytes);
	if (buffer->n == STORES_MAX)
		memory_full();
	buffer->stores[buffer->n] = (struct pending){.place = place, .size_bytes = size_bytes};
	return &buffer->stores[buffer->n++];
}

static uint64_t load(const struct memory_access *access)
{
	struct pending *own = newest(&buffers[access->thread], access->place, access->size_bytes);
	if (own)
		return own->value;
	touch(access->thread, access->place, access->size_bytes);
	return memory_read(access->place, access->size_bytes);
}

static void store(const struct memory_access *access)
{
	add(access->thread, access->place, access->size_bytes)->value = access->operand;
}

static uint64_t modify(const struct memory_access *access)
{
	drain(access->thread);
	touch(access->thread, access->place, access->size_bytes);
	return memory_modify(access);
}

static void *plain(uint32_t thread, const volatile void *place, size_t size_bytes, bool is_write)
{
	struct pending *own = is_write ? add(thread, place, size_bytes)
				       : newest(&buffers[thread], place, size_bytes);
	if (own)
		return &own->value; /* its first bytes, on the machines for which there is an engine */
	touch(thread, place, size_bytes);
	return (void *)(uintptr_t)place;
}

/* It compares as a load does; what it has stored is seen while it sleeps. */
static uint64_t look(const struct memory_access *access)
{
	uint64_t found = load(access);
	drain(access->thread);
	return found;
}

/* Its stores to that word are seen, and so are those before them. */
static void wake(const struct memory_access *access)
{
	struct buffer *buffer = &buffers[access->thread];
	flush(buffer, n_before(buffer, access->place, access->size_bytes, 0));
}

static void woken(const struct memory_access *access)
{
	(void)access;
}

/* Others may come before the last of its stores are seen. */
static void end(uint32_t thread)
{
	if (buffers[thread].n > 0)
		memory_step(NULL, 0, ENGINE_POINT_OTHER, (uintptr_t)__builtin_return_address(0));
	drain(thread);
}

const struct memory_model memory_tso = {
	.name = "tso",
	.begin = begin,
	.load = load,
	.store = store,
	.modify = modify,
	.fence = drain,
	.plain = plain,
	.look = look,
	.wake = wake,
	.woken = woken,
	.end = end,
};
