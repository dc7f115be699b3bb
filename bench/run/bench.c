/* SPDX-License-Identifier: MIT */
#include "run/bench.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

uint64_t bench_fingerprint(const struct balloon_page *pages, size_t n)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < n; i++) {
		uint64_t x = (pages[i].index + UINT64_C(1)) * UINT64_C(0x9e3779b97f4a7c15);
		sum += x ^ x >> 29;
	}
	return sum;
}

/* ---- The bench ------------------------------------------------------------------------------ */

/* A hand, a batch that a scanner found, and one to spare; no two workers write to one cache line. */
static struct balloon_page *make_hands(struct bench *bench)
{
	const size_t line = 128 / sizeof *bench->hands;
	void *memory = NULL;
	bench->hand_stride =
		((HAND_BATCHES + 2) * (size_t)bench->shape.batch + line - 1) / line * line;
	if (posix_memalign(&memory, 128,
		    bench->shape.n_threads * bench->hand_stride * sizeof *bench->hands) != 0)
		return NULL;
	return memory;
}

static void end(struct round *round)
{
	struct bench *bench = round->shared;
	free(bench->workers);
	free(bench->hands);
	free(bench->work);
	free(bench->pages);
}

int bench_make(struct round *round, const struct shape *shape, double seconds, bool is_pinned)
{
	struct bench *bench = round_share(round, sizeof *bench);
	if (!bench)
		return -1;
	round->end = end;
	*bench = (struct bench){.shape = *shape, .seconds = seconds, .is_pinned = is_pinned};
	bench->pages = calloc(shape->n_pages, sizeof *bench->pages);
	bench->work = calloc(shape->n_pages, sizeof *bench->work);
	bench->hands = make_hands(bench);
	bench->workers = calloc(shape->n_threads, sizeof *bench->workers);
	if (!bench->pages || !bench->work || !bench->hands || !bench->workers)
		return problem_no_memory(round->problem);
	for (uint32_t i = 0; i < shape->n_pages; i++)
		bench->pages[i] = balloon_page(i);
	if (shape->order == ORDER_RANDOM)
		pages_shuffle(bench->pages, shape->n_pages, 1);
	return 0;
}

/* ---- Instances ------------------------------------------------------------------------------ */

/* All pages go in, each device's share after the other's. Returns 0 or a negative error number. */
static int fill(struct bench *bench, struct instance *instance)
{
	const struct shape *shape = &bench->shape;
	const struct ops *ops = instance->subject->ops;
	for (unsigned device = 0; device < shape->n_devices; device++) {
		uint64_t at = (uint64_t)shape->n_pages * device / shape->n_devices;
		uint64_t end = (uint64_t)shape->n_pages * (device + 1) / shape->n_devices;
		while (at < end) {
			int result =
				ops->insert(&instance->places[device], bench->pages + at, end - at);
			if (result <= 0)
				return result ? result : -EIO;
			at += (uint64_t)result;
		}
	}
	return 0;
}

static int make_spares(struct instance *instance)
{
	const uint32_t n_spare = shape_n_spare(instance->shape);
	instance->spares = calloc(n_spare + 1, sizeof *instance->spares); /* 0 bytes may be NULL */
	if (!instance->spares)
		return -ENOMEM;
	for (uint32_t i = 0; i < n_spare; i++)
		instance->spares[i] = balloon_page(instance->shape->n_pages + i);
	return 0;
}

int bench_open(struct trial *trial)
{
	struct bench *bench = bench_of(trial);
	const struct subject *subject = trial->how;
	struct instance *instance = trial->own;
	*instance = (struct instance){.subject = subject, .shape = &bench->shape};
	int result = make_spares(instance);
	if (result == 0)
		result = subject->create(instance);
	if (result < 0) {
		free(instance->spares);
		return trial_expect(trial, "making it", result);
	}
	if (shape_is_filled(&bench->shape) && subject->ops)
		result = fill(bench, instance);
	if (result < 0)
		bench_close(trial);
	return trial_expect(trial, "filling it", result);
}

void bench_close(struct trial *trial)
{
	struct instance *instance = trial->own;
	instance->subject->destroy(instance);
	free(instance->spares);
}

/* Returns how many pages came out, up to all that there can be. */
static uint32_t drain(struct bench *bench, struct instance *instance)
{
	const uint32_t n_pages = bench->shape.n_pages;
	const struct ops *ops = instance->subject->ops;
	uint32_t n = 0;
	for (unsigned device = 0; device < bench->shape.n_devices; device++) {
		int result = 1;
		while (n < n_pages && result > 0) {
			result = ops->dequeue(
				&instance->places[device], bench->work + n, n_pages - n);
			n += result > 0 ? (uint32_t)result : 0;
		}
	}
	return n;
}

static int check_drained(const struct trial *trial)
{
	struct bench *bench = bench_of(trial);
	struct instance *instance = trial->own;
	const struct shape *shape = &bench->shape;
	const uint32_t n_spare = shape_n_spare(shape);
	uint64_t expected = bench_fingerprint(bench->pages, shape->n_pages);
	if (drain(bench, instance) != shape->n_pages)
		return trial_fail(trial, "not all pages came out in the end");
	for (uint32_t i = 0; i < n_spare; i++) {
		struct balloon_page page = balloon_page(shape->n_pages + i);
		expected += bench_fingerprint(&page, 1);
	}
	if (bench_fingerprint(bench->work, shape->n_pages) +
			bench_fingerprint(instance->spares, n_spare) !=
		expected)
		return trial_fail(trial, "other pages came out than went in");
	return 0;
}

/* Each page comes out once, and the map is valid. */
static int check(struct trial *trial)
{
	const struct instance *instance = trial->own;
	struct balloon_finding finding = {.what = "it cannot be checked"};
	struct balloon_memmap *map = instance->places ? instance->places[0].map : NULL;
	if (map && balloon_memmap_validate(map, &finding) < 0)
		return trial_fail(trial, "%s", finding.what);
	if (!shape_is_filled(instance->shape) || !instance->subject->ops)
		return 0;
	return check_drained(trial);
}

static int warm_up(struct trial *trial)
{
	return bench_repeat(trial, 0);
}

static int repeat(struct trial *trial)
{
	return bench_repeat(trial, bench_of(trial)->seconds);
}

const struct trial_ops bench_ops = {
	sizeof(struct instance), bench_open, warm_up, repeat, check, bench_close};
