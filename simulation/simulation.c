/* SPDX-License-Identifier: MIT */
/* A simulation from its beginning to its end. */

#include "simulation.h"

#include <errno.h>
#include <string.h>

struct sim *sim;

const struct scenario sim_scenarios[] = {
	{"all", "every call, every fault",
		{[CALL_FILL] = 4,
			[CALL_LEAK] = 4,
			[CALL_STEP] = 3,
			[CALL_RUN] = 3,
			[CALL_FOLLOW] = 1,
			[CALL_TUNE] = 1,
			[CALL_TARGET] = 3,
			[CALL_RELIEVE] = 2,
			[CALL_MIGRATE] = 3,
			[CALL_SCAN] = 3,
			[CALL_COMPACT] = 1,
			[CALL_QUIESCE] = 1,
			[CALL_RESUME] = 1,
			[CALL_PROGRESS] = 1,
			[CALL_STOP] = 1,
			[CALL_RESET] = 1},
		FAULT_ALL & ~FAULT_LIES},
	{"size", "fill, leak, step, run, and a host that does what it is asked",
		{[CALL_FILL] = 3,
			[CALL_LEAK] = 3,
			[CALL_STEP] = 3,
			[CALL_RUN] = 3,
			[CALL_TARGET] = 2},
		FAULT_SLOW | FAULT_FRAMES},
	{"calls", "all calls but runs, and all faults",
		{[CALL_FILL] = 4,
			[CALL_LEAK] = 4,
			[CALL_STEP] = 3,
			[CALL_TARGET] = 2,
			[CALL_RELIEVE] = 2,
			[CALL_MIGRATE] = 3,
			[CALL_SCAN] = 3,
			[CALL_COMPACT] = 1,
			[CALL_QUIESCE] = 1,
			[CALL_RESUME] = 1,
			[CALL_PROGRESS] = 1,
			[CALL_STOP] = 1,
			[CALL_RESET] = 1},
		FAULT_ALL & ~FAULT_LIES},
	{"runs", "runs, polls and serves, and hosts that are late or refuse",
		{[CALL_RUN] = 4,
			[CALL_STEP] = 1,
			[CALL_POLL] = 1,
			[CALL_FOLLOW] = 2,
			[CALL_TUNE] = 1,
			[CALL_TARGET] = 1,
			[CALL_PROGRESS] = 1},
		FAULT_REFUSED | FAULT_SLOW | FAULT_UNTOLD | FAULT_FRAMES | FAULT_PICKY},
	{"memory", "relief, from allocations too",
		{[CALL_FILL] = 4,
			[CALL_LEAK] = 1,
			[CALL_RUN] = 2,
			[CALL_TARGET] = 2,
			[CALL_RELIEVE] = 4,
			[CALL_PROGRESS] = 1},
		FAULT_MEMORY | FAULT_FRAMES | FAULT_SLOW | FAULT_REFUSED},
	{"pages", "migration, scanners, compaction",
		{[CALL_FILL] = 3,
			[CALL_LEAK] = 3,
			[CALL_RUN] = 1,
			[CALL_TARGET] = 1,
			[CALL_MIGRATE] = 6,
			[CALL_SCAN] = 6,
			[CALL_COMPACT] = 3},
		FAULT_REFUSED | FAULT_SLOW | FAULT_UNTOLD | FAULT_LOCKED},
	{"rest", "quiesce, resume, stop, reset",
		{[CALL_FILL] = 3,
			[CALL_LEAK] = 2,
			[CALL_STEP] = 1,
			[CALL_RUN] = 3,
			[CALL_TARGET] = 2,
			[CALL_SCAN] = 1,
			[CALL_RELIEVE] = 1,
			[CALL_QUIESCE] = 4,
			[CALL_RESUME] = 2,
			[CALL_STOP] = 1,
			[CALL_RESET] = 1},
		FAULT_SLOW | FAULT_NEVER | FAULT_DEAD | FAULT_REFUSED | FAULT_LOCKED},
	{"lies", "a source that hands out frames twice, or somebody's, or none of the map",
		{[CALL_FILL] = 4,
			[CALL_LEAK] = 3,
			[CALL_RUN] = 2,
			[CALL_TARGET] = 2,
			[CALL_RELIEVE] = 1,
			[CALL_SCAN] = 1},
		FAULT_LIES | FAULT_REFUSED},
	{"picky", "a host that neither takes nor gives back some of the pages",
		{[CALL_FILL] = 3,
			[CALL_LEAK] = 3,
			[CALL_RUN] = 3,
			[CALL_FOLLOW] = 1,
			[CALL_TARGET] = 2,
			[CALL_MIGRATE] = 1,
			[CALL_PROGRESS] = 1},
		FAULT_PICKY},
	{"ranges", "relief of given pages",
		{[CALL_FILL] = 4,
			[CALL_LEAK] = 1,
			[CALL_RUN] = 2,
			[CALL_TARGET] = 2,
			[CALL_RELIEVE] = 1,
			[CALL_RELIEVE_RANGE] = 5,
			[CALL_MIGRATE] = 1,
			[CALL_SCAN] = 1,
			[CALL_QUIESCE] = 1,
			[CALL_RESUME] = 1,
			[CALL_STOP] = 1},
		FAULT_MEMORY | FAULT_SLOW | FAULT_REFUSED | FAULT_LOCKED | FAULT_PICKY},
	{NULL, NULL, {0}, 0},
};

const struct scenario *sim_scenario_find(const char *name)
{
	for (const struct scenario *scenario = sim_scenarios; scenario->name; scenario++)
		if (!strcmp(scenario->name, name))
			return scenario;
	return NULL;
}

void sim_open(void)
{
	sim = engine_allocate(sizeof(*sim), 64);
}

static uint32_t choose(uint32_t n)
{
	return engine_choose(ENGINE_CHOOSE_VALUE, n);
}

static void choose_what(struct sim_choice *choice, const struct sim_bounds *bounds)
{
	choice->scenario = bounds->scenario;
	choice->strategy = bounds->strategies[choose(bounds->n_strategies)];
	choice->design = bounds->designs[choose(bounds->n_designs)];
	choice->host = bounds->host < 0 ? (enum host_kind)choose(HOST_N_KINDS)
					: (enum host_kind)bounds->host;
	for (uint32_t fault = 1; fault < FAULT_ALL; fault *= 2)
		if ((bounds->scenario->faults & bounds->faults & fault) &&
			(bounds->scenario->faults == fault || choose(3) == 0))
			choice->faults |= fault;
	choice->n_threads = bounds->n_threads ? bounds->n_threads : 1 + choose(4);
	choice->n_calls = 1 + choose(bounds->n_calls);
	choice->n_pages = 8 + choose(SIM_PAGES_MAX - 8 + 1);
	choice->request_pages = 1 + choose(SIM_REQUEST_MAX);
	choice->n_requests = 2 + choose(3);
	choice->floor_pages = choose(3) == 0 ? choose(choice->n_pages * (1 + choose(3)) / 4) : 0;
	choice->has_server = bounds->scenario->weights[CALL_RUN] > 0 && choose(5) == 0;
	choice->migrates_before_fills =
		bounds->scenario->weights[CALL_MIGRATE] > 0 && choose(4) == 0;
	choice->has_no_relief = bounds->scenario->weights[CALL_RELIEVE] > 0 &&
				!(choice->faults & FAULT_MEMORY) && choose(16) == 0;
}

static void open_map(void)
{
	const struct sim_choice *choice = &sim->choice;
	struct balloon_memmap_config map_config = {.strategy = sim_strategy(),
		.n_pages = choice->n_pages,
		.n_devices = BALLOON_DRIVER_DEVICES};
	size_t n_bytes;
	int result = balloon_memmap_size(&map_config, &n_bytes);
	ENGINE_CHECK(result == 0);
	void *memory = engine_allocate(n_bytes, BALLOON_MEMORY_ALIGN);
	result = balloon_memmap_init(memory, n_bytes, &map_config, &sim->map);
	ENGINE_CHECK(result == 0);
}

static void open_driver(void)
{
	const struct sim_choice *choice = &sim->choice;
	size_t n_bytes;
	sim->config = (struct balloon_driver_config){
		.design = choice->design,
		.map = sim->map,
		.frames = &sim->source.frames,
		.channel = sim->host.channel,
		.request_pages = choice->request_pages,
		.n_requests = choice->n_requests,
		.host_timeout_ns = 1000 * sim_us,
		/* While frames are set aside, for seconds, fills look for others so often. */
		.allocation_backoff_ns = (choice->faults & FAULT_PICKY ? 400 : 100) * sim_us,
		.relief_holdoff_ns = 500 * sim_us,
		.retry_ns = 200 * sim_us,
		.floor_pages = choice->floor_pages,
		.account = sim_account,
		.acknowledged = sim_acknowledged,
		.moved = sim_moved,
		.no_relief = choice->has_no_relief,
		.before_fill = choice->migrates_before_fills ? sim_before_fill : NULL,
	};
	int result = balloon_driver_size(&sim->config, &n_bytes);
	ENGINE_CHECK(result == 0);
	void *memory = engine_allocate(n_bytes, BALLOON_MEMORY_ALIGN);
	result = balloon_driver_init(memory, n_bytes, &sim->config, &sim->driver);
	ENGINE_CHECK(result == 0);
	engine_guard(memory, n_bytes);
	sim->drivers[0] = sim->driver;
	struct balloon_compactor_config compactor_config = {.map = sim->map,
		.frames = &sim->source.frames,
		.drivers = sim->drivers,
		.n_drivers = 1,
		.n_tries = 2,
		.block_order = 2};
	result = balloon_compactor_size(&compactor_config, &n_bytes);
	ENGINE_CHECK(result == 0);
	memory = engine_allocate(n_bytes, BALLOON_MEMORY_ALIGN);
	result = balloon_compactor_init(memory, n_bytes, &compactor_config, &sim->compactor);
	ENGINE_CHECK(result == 0);
}

/* ---- Threads --------------------------------------------------------------------------------- */

static enum sim_call choose_call(void)
{
	const uint8_t *weights = sim->choice.scenario->weights;
	uint32_t sum = 0;
	for (uint32_t i = 0; i < CALL_N; i++)
		sum += weights[i];
	uint32_t at = choose(sum);
	uint32_t call = 0;
	for (; at >= weights[call]; call++)
		at -= weights[call];
	return (enum sim_call)call;
}

static void work(void *unused)
{
	(void)unused;
	for (uint32_t i = 0; i < sim->choice.n_calls; i++) {
		enum sim_call call = choose_call();
		/* The end of all work is for the last calls. */
		if ((call == CALL_STOP || call == CALL_RESET) && i + 2 < sim->choice.n_calls)
			call = CALL_STEP;
		sim_make_call(call);
		if (choose(4) == 0)
			engine_sleep_ns(choose(20) * 10 * sim_us);
	}
}

static bool wants_relief(void *unused)
{
	(void)unused;
	return sim->wants_relief;
}

/* The thread that others wait for in their allocations. */
static void relieve_others(void *unused)
{
	(void)unused;
	for (;;) {
		engine_wait_until(wants_relief, NULL);
		sim->wants_relief = false;
		sim_relieve(1 + choose(SIM_REQUEST_MAX));
		sim->is_relief_done = true;
	}
}

static void serve(void *unused)
{
	(void)unused;
	sim_serve();
}

/* ---- The end --------------------------------------------------------------------------------- */

/* Long enough for what can be reached; short enough for what cannot, which is tried again and again. */
static uint64_t in_vain(void)
{
	return engine_now_ns() + 20000 * sim_us;
}

/* Longer than everything that is tried ever more rarely is put off, and for as many pages as there are. */
static uint64_t after_all_retries(void)
{
	return engine_now_ns() + 20000000 * sim_us;
}

/* Long enough for everything; where deadlines come early, there is none. */
static uint64_t long_after(void)
{
	if (sim->choice.faults & FAULT_LIES)
		return in_vain();
	return engine_is_hasty() ? BALLOON_NEVER : after_all_retries();
}

/* With a good host every target is reached. */
static void reach(uint64_t target)
{
	int result;
	sim_set_target(target);
	for (uint32_t i = 0; i < 100; i++) {
		result = choose(3) == 0 ? sim_follow(long_after()) : sim_run(long_after());
		if (result != -ECANCELED) /* as the callback said */
			break;
	}
	if (sim->choice.faults & FAULT_LIES)
		return;
	SIM_CHECK(result == 0, "a target of %llu pages is not reached with a good host: %d",
		(unsigned long long)target, result);
}

static bool is_held(void *n_pages)
{
	return host_n_held() == *(const uint64_t *)n_pages;
}

/* Who serves reaches targets by itself. */
static void end_server(uint32_t server)
{
	uint64_t target = choose((uint32_t)(sim->choice.n_pages - sim->choice.floor_pages) + 1);
	bool is_good = !sim->is_stopping && !sim->host.is_dead && !engine_is_hasty() &&
		       !(sim->choice.faults & FAULT_LIES);
	if (is_good) {
		sim_set_target(target);
		SIM_CHECK(engine_wait_for(is_held, &target, after_all_retries()),
			"somebody serves, and a target of %llu pages is not reached",
			(unsigned long long)target);
	}
	sim->serves_no_more = true;
	engine_join(server);
}

/* Run towards a target that may be out of reach. What is under way at the end is over afterwards. */
static struct balloon_driver_progress run_in_vain(uint64_t target, int *result)
{
	struct balloon_driver_progress progress;
	uint64_t deadline_ns = after_all_retries();
	sim_set_target(target);
	do {
		*result = sim_run(deadline_ns);
	} while (*result == -ECANCELED); /* as the callback said */
	/* The rest of what was refused in part is asked for in the call that finds the answer. */
	do {
		engine_sleep_ns(sim->config.host_timeout_ns);
		progress = sim_progress();
	} while (progress.n_inflating + progress.n_deflating > 0);
	return progress;
}

/* Pages that the host refuses are tried again and again, listed and counted, and hold up no other one. */
static void check_picky(void)
{
	int result;
	if (sim->choice.faults != FAULT_PICKY || sim->choice.floor_pages > 0 ||
		sim->choice.migrates_before_fills || engine_is_hasty())
		return;
	const struct balloon_driver_tuning as_configured = {
		.request_pages = sim->config.request_pages,
		.host_timeout_ns = sim->config.host_timeout_ns,
		.allocation_backoff_ns = sim->config.allocation_backoff_ns,
		.relief_holdoff_ns = sim->config.relief_holdoff_ns,
		.retry_ns = sim->config.retry_ns};
	result = balloon_driver_tune(sim->driver, &as_configured);
	SIM_CHECK(result == 0, "tune returns %d", result);
	uint64_t begin_ns = engine_now_ns();
	uint64_t n_asked = sim->host.n_asked;
	struct balloon_driver_progress progress = run_in_vain(0, &result);
	sim_check_kept(&progress);
	/* Once for each doubling, then ever again after the longest time; and for all the others. */
	uint64_t n_times = 10 + (engine_now_ns() - begin_ns) / (256 * sim->config.retry_ns);
	uint64_t n_kept = progress.n_enqueued + progress.n_quarantined;
	n_asked = sim->host.n_asked - n_asked;
	SIM_CHECK(n_asked <= n_kept * n_times + 2 * sim->choice.n_pages,
		"the host keeps %llu pages, and is asked %llu times", (unsigned long long)n_kept,
		(unsigned long long)n_asked);
	/* What is in quarantine is the host's, and no part of the balloon. */
	uint64_t target = sim->choice.n_pages - host_n_picky(PICKY_IN) - progress.n_quarantined;
	progress = run_in_vain(target, &result);
	SIM_CHECK(result == (progress.n_quarantined > 0 ? -ETIMEDOUT : 0) &&
			  progress.n_enqueued == target,
		"the host would take %llu pages: run returns %d with %llu",
		(unsigned long long)target, result, (unsigned long long)progress.n_enqueued);
	SIM_CHECK(progress.n_set_aside == 0, "%llu frames are kept from their source for nothing",
		(unsigned long long)progress.n_set_aside);
}

/* What the host has not answered in time is in nobody's way. */
static void check_overdue(void)
{
	const uint32_t others = FAULT_MEMORY | FAULT_REFUSED | FAULT_UNTOLD | FAULT_PICKY;
	/* A migration that waits for nothing leaves a request that holds a lock until it is overdue. */
	if (engine_is_hasty() || sim->choice.migrates_before_fills ||
		!(sim->choice.faults & (FAULT_NEVER | FAULT_SLOW)) || (sim->choice.faults & others))
		return;
	engine_sleep_ns(2 * sim->config.host_timeout_ns);
	struct balloon_driver_progress before = sim_progress();
	sim_make_call(CALL_FILL);
	sim_make_call(CALL_LEAK);
	sim_make_call(CALL_FILL);
	struct balloon_driver_progress after = sim_progress();
	/* What a dead host has not answered keeps its lock for its time, and nothing moves. */
	SIM_CHECK(after.n_busy == before.n_busy || sim->host.is_dead,
		"a lock is taken, and by no call");
}

/* The host that has come is told of some pages, and is lost, too. */
static void lose_next_host(void)
{
	sim_attach(engine_now_ns() + choose(4) * 100 * sim_us);
	int result;
	for (uint32_t i = 0; i < 20 && (result = balloon_channel_reset(sim->host.channel)) != 0;
		i++)
		;
	SIM_CHECK(result == 0, "a channel's reset returns %d", result);
	result = sim_quiesce(long_after());
	SIM_CHECK(result == 0, "quiesce returns %d, and the host has let go", result);
	host_replace();
}

/* A new host, which may refuse pages, in the place of the old one. */
static void attach(void)
{
	int result = sim_quiesce(long_after());
	SIM_CHECK(result == 0, "quiesce returns %d, and nobody is in its way", result);
	sim_check_rest();
	if (choose(2) == 0) {
		balloon_channel_fail(sim->host.channel, -ENODEV);
	} else {
		result = balloon_channel_reset(sim->host.channel);
		SIM_CHECK(result == 0, "a channel's reset returns %d", result);
	}
	host_replace();
	sim->host.is_over = false;
	if (choose(3) == 0)
		lose_next_host();
	result = -ETIMEDOUT;
	for (uint32_t i = 0; i < 20 && result < 0; i++)
		result = sim_attach(
			choose(4) == 0 ? engine_now_ns() + choose(5) * 100 * sim_us : in_vain());
	sim->host.is_over = true;
	if (result < 0) {
		/* All requests may be with the new host: it answers now. */
		host_be_good();
		for (uint32_t i = 0; i < 20 && result < 0; i++) {
			engine_sleep_ns(100 * sim_us);
			result = sim_attach(long_after());
		}
	}
	SIM_CHECK(result == 0, "attach returns %d, and nobody is in its way", result);
	result = sim_quiesce(long_after());
	SIM_CHECK(result == 0, "quiesce returns %d after another host came", result);
	sim_check_rest();
	sim_resume();
}

static void end_by_running(void)
{
	if (choose(2) == 0) {
		reach(choose((uint32_t)(sim->choice.n_pages - sim->choice.floor_pages) + 1));
		sim_check_rest();
	}
	reach(0);
}

static void end_by_reset(void)
{
	if (!sim->is_stopped && sim->host.is_dead && choose(2) == 0) {
		sim_set_target(sim->choice.n_pages + 1);
		int result = sim_run(in_vain());
		/* While nothing can be submitted, nobody finds out. */
		SIM_CHECK(result == -ENODEV || result == -ECANCELED ||
				  (result == -ETIMEDOUT &&
					  (!sim->host.has_failed || engine_is_hasty())),
			"run returns %d, and the host is gone", result);
	}
	int result = sim_stop(long_after());
	SIM_CHECK(result == 0, "stop returns %d, and no call is under way", result);
	bool forgets = choose(4) == 0;
	for (uint32_t i = 0; i < 10 && (result = forgets ? sim_forget() : sim_reset()) != 0; i++)
		engine_sleep_ns(100 * sim_us);
	SIM_CHECK(result == 0, "reset returns %d, and nobody is in its way", result);
}

/* Every call has returned: none has kept a request, a plan or a lock. */
static void check_no_call_is_counted(void)
{
	const char *what = "";
	bool is_alone = sim->n_inside == 0;
	int result = balloon_driver_validate(sim->driver, &what);
	SIM_CHECK(!is_alone || sim->n_inside > 0 || result == 0, "no call is under way: %s", what);
}

void sim_set_up_around(void)
{
	host_open();
	source_open();
	open_map();
}

void sim_set_up(void)
{
	sim_set_up_around();
	open_driver();
}

void sim_play(void *bounds)
{
	choose_what(&sim->choice, bounds);
	sim_set_up();
	host_begin();
	if (sim->choice.faults & FAULT_MEMORY)
		engine_spawn_daemon("reliever", relieve_others, NULL);
	static const char *const names[] = {"worker 1", "worker 2", "worker 3", "worker 4",
		"worker 5", "worker 6", "worker 7", "worker 8"};
	uint32_t workers[8];
	uint32_t server = sim->choice.has_server ? engine_spawn("server", serve, NULL) : 0;
	for (uint32_t i = 0; i < sim->choice.n_threads; i++)
		workers[i] = engine_spawn(names[i], work, NULL);
	for (uint32_t i = 0; i < sim->choice.n_threads; i++)
		engine_join(workers[i]);
	if (!server)
		check_no_call_is_counted();
	if (sim->was_quiesced && !sim->is_stopping)
		sim_resume();
	if (!sim->is_stopping && !sim->host.is_dead && !server && choose(2) == 0) {
		check_picky();
		check_overdue();
	}
	host_be_good();
	sim->source.is_over = true;
	if (server)
		end_server(server);
	if (!sim->is_stopping && !sim->host.is_dead && !(sim->choice.faults & FAULT_LIES) &&
		choose(4) == 0)
		attach();
	if (!sim->is_stopping && !sim->host.is_dead && choose(4) != 0)
		end_by_running();
	if (sim->is_stopping || sim->host.is_dead || choose(2) == 0 ||
		(sim->choice.faults & FAULT_LIES))
		end_by_reset();
	else
		reach(0);
	sim_check_empty();
	ENGINE_CHECK_EQ(balloon_driver_fini(sim->driver), 0);
	ENGINE_CHECK_EQ(balloon_compactor_fini(sim->compactor), 0);
	for (uint32_t i = 0; i < 3; i++)
		ENGINE_CHECK_EQ(balloon_channel_fini(&sim->host.channels[i]), 0);
	ENGINE_CHECK_EQ(balloon_memmap_fini(sim->map), 0);
}
