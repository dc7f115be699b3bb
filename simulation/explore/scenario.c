/* SPDX-License-Identifier: MIT */

#include "explore/scenario.h"

#include <stdlib.h>
#include <string.h>

#include "text.h"

enum { ALL_PAGES = SCENARIO_PAGES, SHARED_MAX = 3, PAGES_USUAL = 3 };

/* What a thread may do: the pages that are its own are made for it. */
struct program {
	enum operation operations[SCENARIO_CALLS];
	uint32_t n_operations;
	bool is_pair_only; /* not in triples: they would be too many */
};

static const struct program programs[] = {
	{{ISOLATE}, 1, false},
	{{PUTBACK}, 1, false},
	{{MIGRATE}, 1, false},
	{{FINALIZE}, 1, false},
	{{INSERT}, 1, false},
	{{DEQUEUE}, 1, false},
	{{DEVICE_CLOSE}, 1, false},
	{{STATISTICS}, 1, false},
	{{MAP_STATISTICS}, 1, true},
	{{PAGE_DEVICE}, 1, true},
	{{SCAN}, 1, true},
	{{ISOLATE, PAGE_DEVICE}, 2, true},
	{{ISOLATE, PUTBACK}, 2, false},
	{{ISOLATE, MIGRATE}, 2, true},
	{{ISOLATE, FINALIZE}, 2, true},
	{{DEQUEUE, INSERT}, 2, true},
	{{INSERT, ISOLATE}, 2, true},
	{{INSERT, DEQUEUE}, 2, true},
	{{PUTBACK, ISOLATE}, 2, true},
	{{FINALIZE, INSERT}, 2, true},
	{{MIGRATE, INSERT}, 2, true},
};
enum { N_PROGRAMS = sizeof(programs) / sizeof(programs[0]) };

static const char *const names[] = {
	[ISOLATE] = "isolate",
	[PUTBACK] = "putback",
	[MIGRATE] = "migrate",
	[FINALIZE] = "finalize",
	[INSERT] = "insert",
	[DEQUEUE] = "dequeue",
	[DEVICE_CLOSE] = "device_close",
	[STATISTICS] = "statistics",
	[MAP_STATISTICS] = "map_statistics",
	[PAGE_DEVICE] = "page_device",
	[SCAN] = "scan",
	[USE] = "use",
	[RECLAIM] = "reclaim",
};

const char *scenario_operation_name(enum operation operation)
{
	return names[operation];
}

/* What is to be generated: threads, and how they meet. */
struct plan {
	const struct program *programs[SCENARIO_THREADS];
	uint32_t n_threads;
	uint32_t n_shared; /* listed pages that are nobody's */
	uint32_t n_devices;
	uint32_t targets[SCENARIO_THREADS]; /* what is isolated: a page, or ALL_PAGES */
	/* Misuse: the second thread ends the isolation of the first one's page, inserts it, or migrates to
	 * where that does. */
	bool is_same_page;
	bool is_same_new;
	bool is_other_device; /* the second thread names a device that the page is not on */
};

static bool begins_with(const struct program *program, enum operation operation)
{
	return program->operations[0] == operation;
}

static bool makes(const struct program *program, enum operation operation)
{
	return begins_with(program, operation) ||
	       (program->n_operations > 1 && program->operations[1] == operation);
}

static bool holds_isolated(const struct program *program)
{
	return begins_with(program, PUTBACK) || begins_with(program, MIGRATE) ||
	       begins_with(program, FINALIZE) || begins_with(program, PAGE_DEVICE);
}

/* Does it look for a page that is there from the start? */
static bool scans(const struct program *program)
{
	return begins_with(program, ISOLATE) || begins_with(program, SCAN);
}

/* At most at one page. */
static bool scans_one(const struct program *program)
{
	return begins_with(program, SCAN) || makes(program, MIGRATE);
}

/* ---- Pages ----------------------------------------------------------------------------------- */

struct making {
	struct scenario *scenario;
	const struct plan *plan;
	uint32_t own[SCENARIO_THREADS]; /* a page; SCENARIO_PAGES: none */
	uint32_t new[SCENARIO_THREADS]; /* where it migrates to */
};

static uint32_t add_page(
	struct scenario *scenario, enum balloon_page_state state, uint32_t device, int holder)
{
	scenario->pages[scenario->n_pages] = (struct scenario_page){state, device, holder};
	return scenario->n_pages++;
}

static uint32_t n_own_pages(const struct program *program)
{
	return (holds_isolated(program) || begins_with(program, INSERT) ? 1u : 0u) +
	       (makes(program, MIGRATE) ? 1u : 0u);
}

static void add_own_pages(struct making *making, uint32_t thread)
{
	const struct plan *plan = making->plan;
	const struct program *program = plan->programs[thread];
	uint32_t device = thread % plan->n_devices;
	making->own[thread] = SCENARIO_PAGES;
	making->new[thread] = SCENARIO_PAGES;
	if (thread == 1 && plan->is_same_page)
		making->own[1] = making->own[0];
	else if (holds_isolated(program))
		making->own[thread] =
			add_page(making->scenario, BALLOON_PAGE_ISOLATED, device, (int)thread);
	else if (begins_with(program, INSERT))
		making->own[thread] =
			add_page(making->scenario, BALLOON_PAGE_OWNED, device, (int)thread);
	if (thread == 1 && plan->is_same_new)
		making->new[1] = making->new[0] < SCENARIO_PAGES ? making->new[0] : making->own[0];
	else if (makes(program, MIGRATE))
		making->new[thread] =
			add_page(making->scenario, BALLOON_PAGE_OWNED, device, (int)thread);
}

/* ---- Calls ----------------------------------------------------------------------------------- */

static void name_page(struct call *call, uint32_t page)
{
	call->pages[call->n_pages++] = balloon_page(page);
}

static void name_target(struct making *making, uint32_t thread, struct call *call)
{
	uint32_t target = making->plan->targets[thread];
	if (target != ALL_PAGES) {
		name_page(call, target);
		return;
	}
	for (uint32_t i = 0; i < making->scenario->n_pages; i++)
		name_page(call, i);
}

/* A second call is on the pages of the first one, as far as that was done. */
static void name_as_first(struct call *call, const struct call *first)
{
	bool is_one = call->operation == MIGRATE ||
		      first->operation == MIGRATE || /* the old page */
		      call->operation == PAGE_DEVICE;
	call->wants_first = true;
	call->takes_got = first->operation == DEQUEUE;
	call->n_pages = is_one ? 1 : first->n_pages;
	memcpy(call->pages, first->pages, sizeof(call->pages));
}

static void add_call(struct making *making, uint32_t thread, enum operation operation)
{
	struct actor *actor = &making->scenario->actors[thread];
	struct call *call = &actor->calls[actor->n_calls++];
	call->operation = operation;
	call->device =
		making->plan->is_other_device && thread == 1 ? 1 : thread % making->plan->n_devices;
	if (operation == DEVICE_CLOSE || operation == STATISTICS || operation == MAP_STATISTICS)
		return;
	if (operation == DEQUEUE)
		call->n_pages = making->scenario->n_pages;
	else if (actor->n_calls > 1)
		name_as_first(call, &actor->calls[0]);
	else if (scans(making->plan->programs[thread]))
		name_target(making, thread, call);
	else
		name_page(call, making->own[thread]);
	if (operation == MIGRATE)
		name_page(call, making->new[thread]);
}

/* ---- Names ----------------------------------------------------------------------------------- */

static void name_thread(const struct plan *plan, uint32_t thread, char *name)
{
	const struct program *program = plan->programs[thread];
	text_append(name, SCENARIO_NAME, "%s%s", thread ? "|" : "", names[program->operations[0]]);
	if (scans(program) && plan->targets[thread] == ALL_PAGES)
		text_append(name, SCENARIO_NAME, ".*");
	else if (scans(program))
		text_append(name, SCENARIO_NAME, ".%u", plan->targets[thread]);
	if (program->n_operations > 1)
		text_append(name, SCENARIO_NAME, "+%s", names[program->operations[1]]);
}

static void name_scenario(const struct plan *plan, struct scenario *scenario)
{
	if (scenario->is_misuse)
		text_append(scenario->name, SCENARIO_NAME, "misuse:");
	for (uint32_t i = 0; i < plan->n_threads; i++)
		name_thread(plan, i, scenario->name);
	if (plan->is_same_new)
		text_append(scenario->name, SCENARIO_NAME, ".new");
	if (plan->is_other_device)
		text_append(scenario->name, SCENARIO_NAME, ".other");
	text_append(
		scenario->name, SCENARIO_NAME, "/%ux%u", scenario->n_pages, scenario->n_devices);
}

bool scenario_is(const struct scenario *scenario, const char *name)
{
	const char *own = scenario->name;
	if (!strcmp(own, name))
		return true;
	while (*own && *own != '/') {
		if (own[0] == '.' && name[0] != '.' && strchr("*012345", own[1])) {
			own += 2; /* what is isolated */
			continue;
		}
		if (*own++ != *name++)
			return false;
	}
	return !*name || !strcmp(own, name);
}

/* ---- Generation ------------------------------------------------------------------------------ */

static bool make_room(struct scenarios *scenarios)
{
	enum { STEP = 256 };
	if (scenarios->n % STEP)
		return true;
	struct scenario *all =
		realloc(scenarios->all, (scenarios->n + STEP) * sizeof(*scenarios->all));
	if (all)
		scenarios->all = all;
	return all;
}

static bool make(struct scenarios *scenarios, const struct plan *plan)
{
	if (!make_room(scenarios))
		return false;
	struct scenario *scenario = &scenarios->all[scenarios->n++];
	struct making making = {.scenario = scenario, .plan = plan};
	memset(scenario, 0, sizeof(*scenario));
	scenario->n_threads = plan->n_threads;
	scenario->n_devices = plan->n_devices + plan->is_other_device;
	scenario->is_misuse = plan->is_same_page || plan->is_same_new || plan->is_other_device;
	for (uint32_t i = 0; i < plan->n_shared; i++)
		add_page(scenario, BALLOON_PAGE_LISTED, i % plan->n_devices, SCENARIO_NOBODY);
	for (uint32_t i = 0; i < plan->n_threads; i++)
		add_own_pages(&making, i);
	for (uint32_t i = 0; i < plan->n_threads; i++)
		for (uint32_t j = 0; j < plan->programs[i]->n_operations; j++)
			add_call(&making, i, plan->programs[i]->operations[j]);
	name_scenario(plan, scenario);
	return true;
}

/* Which page each scanner looks for: any, or all in one call. */
static bool make_targets(
	struct scenarios *scenarios, struct plan *plan, uint32_t thread, uint32_t n_pages)
{
	if (thread == plan->n_threads)
		return make(scenarios, plan);
	if (!scans(plan->programs[thread]))
		return make_targets(scenarios, plan, thread + 1, n_pages);
	bool is_done = true;
	for (uint32_t i = 0; is_done && i < n_pages; i++) {
		plan->targets[thread] = i;
		is_done = make_targets(scenarios, plan, thread + 1, n_pages);
	}
	plan->targets[thread] = ALL_PAGES;
	if (is_done && n_pages > 1 && !scans_one(plan->programs[thread]))
		is_done = make_targets(scenarios, plan, thread + 1, n_pages);
	return is_done;
}

static uint32_t n_own_pages_of(const struct plan *plan)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < plan->n_threads; i++)
		n += n_own_pages(plan->programs[i]);
	return n;
}

/* With listed pages that are nobody's: as many as there is room for beside the threads' own. */
static bool make_shared(struct scenarios *scenarios, struct plan *plan)
{
	uint32_t n_own = n_own_pages_of(plan);
	bool is_done = true;
	for (plan->n_shared = n_own ? 0 : 1;
		is_done && plan->n_shared <= SHARED_MAX &&
		(plan->n_shared + n_own <= PAGES_USUAL || plan->n_shared <= !n_own);
		plan->n_shared++)
		is_done = make_targets(scenarios, plan, 0, plan->n_shared + n_own);
	return is_done;
}

static bool make_threads(
	struct scenarios *scenarios, struct plan *plan, uint32_t n_threads, uint32_t first)
{
	if (plan->n_threads == n_threads) {
		bool is_done = true;
		for (plan->n_devices = 1; is_done && plan->n_devices <= 2; plan->n_devices++)
			is_done = make_shared(scenarios, plan);
		return is_done;
	}
	bool is_done = true;
	for (uint32_t i = first; is_done && i < N_PROGRAMS; i++) {
		if (n_threads > 2 && programs[i].is_pair_only)
			continue;
		plan->programs[plan->n_threads++] = &programs[i];
		is_done = make_threads(scenarios, plan, n_threads, i);
		plan->n_threads--;
	}
	return is_done;
}

/* ---- Misuse ---------------------------------------------------------------------------------- */

static const struct program *program_of(enum operation operation)
{
	const struct program *program = programs;
	while (program->n_operations > 1 || program->operations[0] != operation)
		program++;
	return program;
}

struct misuse {
	enum operation first;
	enum operation second;
	bool is_same_page;
	bool is_same_new;
	bool is_other_device;
};

static const struct misuse misuses[] = {
	{PUTBACK, PUTBACK, true, false, false},
	{PUTBACK, MIGRATE, true, false, false},
	{PUTBACK, FINALIZE, true, false, false},
	{MIGRATE, MIGRATE, true, false, false},
	{MIGRATE, FINALIZE, true, false, false},
	{FINALIZE, FINALIZE, true, false, false},
	{INSERT, INSERT, true, false, false},
	{MIGRATE, MIGRATE, false, true, false},
	{INSERT, MIGRATE, false, true, false},
	{PUTBACK, FINALIZE, true, false, true},
	{PUTBACK, MIGRATE, true, false, true},
	{FINALIZE, FINALIZE, true, false, true},
	{PUTBACK, PAGE_DEVICE, true, false, false},
	{MIGRATE, PAGE_DEVICE, true, false, false},
	{FINALIZE, PAGE_DEVICE, true, false, false},
};

/* By themselves; and beside a third thread that can get hold of the page. */
static bool make_misuse(
	struct scenarios *scenarios, const struct misuse *misuse, const struct program *third)
{
	struct plan plan = {
		.programs = {program_of(misuse->first), program_of(misuse->second), third},
		.n_threads = third ? 3 : 2,
		.n_devices = 1,
		.is_same_page = misuse->is_same_page,
		.is_same_new = misuse->is_same_new,
		.is_other_device = misuse->is_other_device};
	uint32_t n_own = n_own_pages_of(&plan) - misuse->is_same_page - misuse->is_same_new;
	bool is_done = true;
	for (; is_done && plan.n_shared <= 1; plan.n_shared++)
		is_done = make_targets(scenarios, &plan, 0, plan.n_shared + n_own);
	return is_done;
}

static bool make_misuses(struct scenarios *scenarios, bool is_triple)
{
	bool is_done = true;
	for (size_t i = 0; is_done && i < sizeof(misuses) / sizeof(misuses[0]); i++) {
		is_done =
			make_misuse(scenarios, &misuses[i], is_triple ? program_of(DEQUEUE) : NULL);
		if (is_triple && is_done)
			is_done = make_misuse(scenarios, &misuses[i], program_of(ISOLATE));
	}
	return is_done;
}

void scenarios_free(struct scenarios *scenarios)
{
	free(scenarios->all);
	*scenarios = (struct scenarios){NULL, 0};
}

bool scenarios_generate(struct scenarios *scenarios, bool with_triples)
{
	struct plan plan = {.n_threads = 0};
	bool is_done = make_threads(scenarios, &plan, 2, 0) && make_misuses(scenarios, false);
	if (is_done && with_triples)
		is_done = make_threads(scenarios, &plan, 3, 0) && make_misuses(scenarios, true);
	if (!is_done)
		scenarios_free(scenarios);
	return is_done;
}
