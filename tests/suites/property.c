/* SPDX-License-Identifier: MIT */
/*
 * Random operations, right and wrong ones, against a model: an array of states, and for each device a
 * stack that says in which order pages come out, if the strategy promises one.
 *
 * BALLOON_SEED repeats a run; without it a few fixed seeds are taken, and one from the clock.
 */

#define _POSIX_C_SOURCE 200809L /* clock_gettime() */

#include "suite.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { BATCH_MAX = 6, N_STEPS = 3000, CHECK_EVERY = 16 };

/* ---- The model ------------------------------------------------------------------------------ */

struct model_device {
	bool is_open;
	uint32_t n_listed;
	uint32_t n_isolated;
	uint32_t stack[N_PAGES]; /* listed pages; the last one is the head */
};

struct model {
	enum balloon_page_state state[N_PAGES];
	int owner[N_PAGES];
	struct model_device devices[N_DEVICES];
};

static void model_push(struct model *m, int device, uint32_t index)
{
	struct model_device *d = &m->devices[device];
	d->stack[d->n_listed++] = index;
	m->state[index] = BALLOON_PAGE_LISTED;
	m->owner[index] = device;
}

static void model_remove(struct model *m, uint32_t index)
{
	struct model_device *d = &m->devices[m->owner[index]];
	uint32_t i = 0;
	while (d->stack[i] != index)
		i++;
	for (d->n_listed--; i < d->n_listed; i++)
		d->stack[i] = d->stack[i + 1];
}

static int model_insert(struct model *m, int device, uint32_t index)
{
	if (index >= N_PAGES)
		return -ERANGE;
	if (m->state[index] != BALLOON_PAGE_OWNED)
		return -EEXIST;
	model_push(m, device, index);
	return 0;
}

static int model_isolate(struct model *m, uint32_t index)
{
	if (index >= N_PAGES)
		return -ERANGE;
	if (m->state[index] != BALLOON_PAGE_LISTED)
		return -ESTALE;
	model_remove(m, index);
	m->state[index] = BALLOON_PAGE_ISOLATED;
	m->devices[m->owner[index]].n_isolated++;
	return 0;
}

static int model_putback(struct model *m, uint32_t index)
{
	if (index >= N_PAGES)
		return -ERANGE;
	if (m->state[index] != BALLOON_PAGE_ISOLATED)
		return -ESTALE;
	m->devices[m->owner[index]].n_isolated--;
	model_push(m, m->owner[index], index);
	return 0;
}

static int model_finalize(struct model *m, int device, uint32_t index)
{
	if (index >= N_PAGES)
		return -ERANGE;
	if (m->state[index] != BALLOON_PAGE_ISOLATED)
		return -ESTALE;
	if (m->owner[index] != device)
		return -EXDEV;
	m->devices[device].n_isolated--;
	m->state[index] = BALLOON_PAGE_OWNED;
	return 0;
}

static int model_migrate(struct model *m, int device, uint32_t new_page, uint32_t old_page)
{
	if (new_page >= N_PAGES || old_page >= N_PAGES)
		return -ERANGE;
	if (new_page == old_page)
		return -EINVAL;
	if (m->state[old_page] != BALLOON_PAGE_ISOLATED)
		return -ESTALE;
	if (m->owner[old_page] != device)
		return -EXDEV;
	if (m->state[new_page] != BALLOON_PAGE_OWNED)
		return -EEXIST;
	model_push(m, device, new_page);
	return model_finalize(m, device, old_page);
}

/* ---- One run -------------------------------------------------------------------------------- */

enum action { INSERT, DEQUEUE, ISOLATE, PUTBACK, MIGRATE, FINALIZE, CREATE, DESTROY, N_ACTIONS };

static const char *const action_names[] = {
	"insert", "dequeue", "isolate", "putback", "migrate", "finalize", "create", "destroy"};

struct run {
	const struct balloon_strategy *strategy;
	struct model model;
	struct balloon_memmap *map;
	struct balloon_device *devices[N_DEVICES];
	uint64_t seed;
	uint64_t random;
	uint32_t step;
	enum action action;
	int device;
	struct balloon_page pages[BATCH_MAX];
	struct balloon_page old_pages[BATCH_MAX];
	size_t n_pages;
};

/* Compare what the library did with what the model says, naming the step to repeat. */
static void expect(const struct run *r, const char *what, int64_t actual, int64_t expected)
{
	cr_assert(actual == expected,
		"%s, BALLOON_SEED=%" PRIu64 ", step %u: %s of %zu pages from %u, device %d: "
		"%s is %" PRId64 ", not %" PRId64,
		strategy_under_test, r->seed, r->step, action_names[r->action], r->n_pages,
		r->pages[0].index, r->device, what, actual, expected);
}

static uint32_t draw(struct run *r, uint32_t below)
{
	r->random ^= r->random << 13;
	r->random ^= r->random >> 7;
	r->random ^= r->random << 17;
	return (uint32_t)(r->random >> 32) % below;
}

/* A little beyond the map, too. */
static struct balloon_page draw_page(struct run *r)
{
	return balloon_page(draw(r, N_PAGES + 1));
}

static void draw_step(struct run *r)
{
	/* Devices come and go rarely, so that they fill. */
	r->action = (enum action)draw(r, draw(r, 8) == 0 ? N_ACTIONS : CREATE);
	r->device = (int)draw(r, N_DEVICES);
	r->n_pages = 1 + draw(r, BATCH_MAX);
	for (size_t i = 0; i < r->n_pages; i++) {
		r->pages[i] = draw_page(r);
		r->old_pages[i] = draw_page(r);
	}
}

static int model_one(struct run *r, size_t i)
{
	uint32_t index = r->pages[i].index;
	switch (r->action) {
	case INSERT:
		return model_insert(&r->model, r->device, index);
	case ISOLATE:
		return model_isolate(&r->model, index);
	case PUTBACK:
		return model_putback(&r->model, index);
	case MIGRATE:
		return model_migrate(&r->model, r->device, index, r->old_pages[i].index);
	default:
		return model_finalize(&r->model, r->device, index);
	}
}

static int model_batch(struct run *r)
{
	bool names_device = r->action != ISOLATE && r->action != PUTBACK;
	if (names_device && !r->model.devices[r->device].is_open)
		return -ENODEV;
	for (size_t i = 0; i < r->n_pages; i++) {
		int result = model_one(r, i);
		if (result < 0)
			return i > 0 ? (int)i : result;
	}
	return (int)r->n_pages;
}

static int do_batch(struct run *r)
{
	struct balloon_device *device = r->devices[r->device];
	switch (r->action) {
	case INSERT:
		return balloon_pages_insert(device, r->pages, r->n_pages);
	case ISOLATE:
		return balloon_pages_isolate(r->map, r->pages, r->n_pages);
	case PUTBACK:
		return balloon_pages_putback(r->map, r->pages, r->n_pages);
	case MIGRATE:
		return balloon_pages_migrate(device, r->pages, r->old_pages, r->n_pages);
	default:
		return balloon_pages_finalize(device, r->pages, r->n_pages);
	}
}

static int model_dequeue_result(const struct model_device *d, size_t n_pages)
{
	if (!d->is_open)
		return -ENODEV;
	if (d->n_listed == 0)
		return d->n_isolated ? -EAGAIN : 0;
	return (int)(d->n_listed < n_pages ? d->n_listed : n_pages);
}

static bool is_listed_on(const struct run *r, int device, uint32_t index)
{
	return index < N_PAGES && r->model.state[index] == BALLOON_PAGE_LISTED &&
	       r->model.owner[index] == device;
}

static void step_dequeue(struct run *r)
{
	struct model_device *d = &r->model.devices[r->device];
	int expected = model_dequeue_result(d, r->n_pages);
	int n = balloon_pages_dequeue(r->devices[r->device], r->pages, r->n_pages);
	expect(r, "result", n, expected);
	for (int i = 0; i < n; i++) {
		uint32_t index = r->pages[i].index;
		expect(r, "page dequeued is listed", is_listed_on(r, r->device, index), true);
		if (r->strategy->order == BALLOON_ORDER_LIFO)
			expect(r, "page dequeued", index, d->stack[d->n_listed - 1]);
		model_remove(&r->model, index);
		r->model.state[index] = BALLOON_PAGE_OWNED;
	}
}

/* Fills the closed slots, whichever of them the library takes first. */
static void step_create(struct run *r)
{
	struct balloon_device *device;
	int n_open = 0;
	for (int i = 0; i < N_DEVICES; i++)
		n_open += r->model.devices[i].is_open;
	int result = balloon_device_create(r->map, NULL, &device);
	expect(r, "result", result, n_open < N_DEVICES ? 0 : -ENOSPC);
	for (int i = 0; result == 0 && i < N_DEVICES; i++)
		if (r->devices[i] == device) {
			expect(r, "slot taken", r->model.devices[i].is_open, false);
			r->model.devices[i].is_open = true;
		}
}

static void step_destroy(struct run *r)
{
	struct model_device *d = &r->model.devices[r->device];
	int expected = d->n_listed || d->n_isolated ? -EBUSY : 0;
	if (!d->is_open)
		expected = -ENODEV;
	expect(r, "result", balloon_device_destroy(r->map, r->devices[r->device]), expected);
	if (expected == 0)
		d->is_open = false;
}

static void step(struct run *r)
{
	draw_step(r);
	if (r->action == DEQUEUE)
		step_dequeue(r);
	else if (r->action == CREATE)
		step_create(r);
	else if (r->action == DESTROY)
		step_destroy(r);
	else {
		int expected = model_batch(r);
		expect(r, "result", do_batch(r), expected);
	}
}

static void compare_device(const struct run *r, int device)
{
	const struct model_device *d = &r->model.devices[device];
	struct balloon_device_stats stats;
	int result = balloon_device_stats(r->devices[device], &stats);
	expect(r, "result of statistics", result, d->is_open ? 0 : -ENODEV);
	if (result < 0)
		return;
	expect(r, "listed count", (int64_t)stats.n_listed, d->n_listed);
	expect(r, "isolated count", (int64_t)stats.n_isolated, d->n_isolated);
}

static void compare_page(const struct run *r, uint32_t index)
{
	struct balloon_page page = balloon_page(index);
	enum balloon_page_state state = r->model.state[index];
	struct balloon_device *device =
		state == BALLOON_PAGE_ISOLATED ? r->devices[r->model.owner[index]] : NULL;
	expect(r, "candidate", balloon_page_is_candidate(r->map, page),
		state == BALLOON_PAGE_LISTED);
	expect(r, "device of isolated page", balloon_page_device(r->map, page) == device, true);
}

static void compare(const struct run *r)
{
	struct balloon_finding finding = {"", {0}, NULL};
	int result = balloon_memmap_validate(r->map, &finding);
	expect(r, finding.what, result, 0);
	for (int i = 0; i < N_DEVICES; i++)
		compare_device(r, i);
	for (uint32_t i = 0; i < N_PAGES; i++)
		compare_page(r, i);
}

static void run_seed(const struct balloon_strategy *strategy, uint64_t seed)
{
	struct balloon_memmap_config config = {
		.strategy = strategy, .n_pages = N_PAGES, .n_devices = N_DEVICES};
	struct run r = {.strategy = strategy,
		.seed = seed,
		.random = seed * UINT64_C(0x9e3779b97f4a7c15) | 1};
	CHECK_EQ(balloon_memmap_create(&config, &r.map), 0);
	for (int i = 0; i < N_DEVICES; i++) {
		CHECK_EQ(balloon_device_create(r.map, NULL, &r.devices[i]), 0);
		r.model.devices[i].is_open = true;
	}
	uint32_t n_steps = scaled(N_STEPS);
	for (r.step = 0; r.step < n_steps; r.step++) {
		step(&r);
		if (r.step % CHECK_EVERY == 0 || r.step + 1 == n_steps)
			compare(&r);
	}
	check_and_destroy(r.map);
}

static uint64_t clock_seed(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* The same seeds for every strategy. The last one varies: it is chosen, and told, once. */
static uint64_t last_seed(void)
{
	static uint64_t seed;
	const char *asked_for = getenv("BALLOON_SEED");
	if (seed == 0) {
		seed = asked_for ? strtoull(asked_for, NULL, 10) : clock_seed();
		fprintf(stderr, "property: BALLOON_SEED=%" PRIu64 "\n", seed);
	}
	return seed;
}

CLAIM(property, random_operations_agree_with_the_model)
{
	for (uint64_t seed = 1; seed <= 3 && !getenv("BALLOON_SEED"); seed++)
		run_seed(strategy, seed);
	run_seed(strategy, last_seed());
}

extern const struct balloon_strategy balloon_strategy;

Test(property, a_design_of_another_shape_agrees_with_it_too)
{
	hold(&balloon_strategy, random_operations_agree_with_the_model);
}
