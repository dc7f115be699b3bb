/* SPDX-License-Identifier: MIT */
/* Calls on the driver, and what its header promises about each. */

#include "simulation.h"

#include <errno.h>

static bool has_lies(void)
{
	return (sim->choice.faults & FAULT_LIES) != 0;
}

static uint32_t choose(uint32_t n)
{
	return engine_choose(ENGINE_CHOOSE_VALUE, n);
}

/* ---- Around each call ------------------------------------------------------------------------ */

/* What was so when a call began. */
struct call {
	const char *name;
	uint64_t begin_ns;
	bool moves; /* pages, whatever the target is */
	bool was_at_rest;
	bool had_stopped;
	uint64_t n_resumes;
	bool was_resuming;
	uint32_t n_reliefs; /* as struct doing's */
	uint64_t n_moves;
	bool was_moving; /* somebody was in a call that moves */
};

static struct call begin(const char *name, bool moves)
{
	struct doing *doing = &sim->doing[engine_self()];
	struct call call = {.name = name,
		.begin_ns = engine_now_ns(),
		.moves = moves,
		.was_at_rest = sim->is_at_rest,
		.had_stopped = sim->has_stopped,
		.n_resumes = sim->n_resumes,
		.was_resuming = sim->n_resuming > 0,
		.n_reliefs = doing->n_reliefs,
		.was_moving = sim->n_movers > 0};
	sim->n_begun++;
	sim->n_movers += moves;
	sim->n_moves += moves;
	call.n_moves = sim->n_moves;
	if (doing->n_inside++ == 0) {
		engine_guard_enter();
		sim->n_inside++;
		doing->n_begun = sim->n_begun;
	}
	return call;
}

static void end(const struct call *call)
{
	struct doing *doing = &sim->doing[engine_self()];
	sim->n_movers -= call->moves;
	if (--doing->n_inside == 0) {
		engine_guard_leave();
		sim->n_inside--;
	}
	engine_progress();
}

static bool is_one_of(int result, const int *results)
{
	for (; *results; results++)
		if (*results == result)
			return true;
	return false;
}

/* What every call that moves pages may return, beside a number. */
static void check_mover(const struct call *call, int result)
{
	static const int errors[] = {-EAGAIN, -EBUSY, -ENOMEM, -ETIMEDOUT, -ENODEV, -ECANCELED, 0};
	static const int of_lies[] = {-ERANGE, -EEXIST, 0};
	bool can_refuse = (sim->choice.faults & (FAULT_REFUSED | FAULT_UNTOLD | FAULT_PICKY)) != 0;
	SIM_CHECK(result >= 0 || is_one_of(result, errors) ||
			  (has_lies() && is_one_of(result, of_lies)) ||
			  ((can_refuse || has_lies()) && result == -EIO),
		"%s returns %d", call->name, result);
	SIM_CHECK(result != -ENODEV || sim->host.is_dead, "%s: the host is gone, but it is not",
		call->name);
	SIM_CHECK(
		result != -ECANCELED || sim->is_stopping, "%s: stopped, but it is not", call->name);
	if (call->had_stopped)
		SIM_CHECK(result == -ECANCELED, "%s returns %d on a stopped driver", call->name,
			result);
	else if (call->was_at_rest && call->n_resumes == sim->n_resumes && !sim->is_stopping)
		SIM_CHECK(
			result == -EBUSY, "%s returns %d on a quiesced driver", call->name, result);
}

/* No call waits for long: for a lock, for the host, for whoever holds a page. */
static void check_duration(const struct call *call)
{
	uint64_t n = sim->choice.faults & FAULT_MEMORY ? 12 : 4;
	uint64_t took_ns = engine_now_ns() - call->begin_ns;
	SIM_CHECK(engine_is_hasty() || took_ns <= n * sim->config.host_timeout_ns,
		"%s takes %llu us", call->name, (unsigned long long)(took_ns / 1000));
}

/* A promise: back when the deadline has come. */
static void check_deadline(const struct call *call, uint64_t deadline_ns, int result)
{
	uint64_t late_ns = deadline_ns > call->begin_ns ? deadline_ns : call->begin_ns;
	/* What the source does takes the time it takes. */
	bool is_excused =
		engine_is_hasty() || call->n_reliefs != sim->doing[engine_self()].n_reliefs;
	SIM_CHECK(is_excused || engine_now_ns() <= late_ns,
		"%s returns %d, %llu us after its deadline", call->name, result,
		(unsigned long long)((engine_now_ns() - late_ns) / 1000));
	SIM_CHECK(result != -ETIMEDOUT || engine_now_ns() >= deadline_ns,
		"%s says that its deadline has come, %llu us before it", call->name,
		(unsigned long long)((deadline_ns - engine_now_ns()) / 1000));
}

static uint64_t choose_deadline(void)
{
	static const uint64_t after_us[] = {0, 50, 300, 1000, 3000, 10000};
	return engine_now_ns() + after_us[choose(6)] * sim_us;
}

/* ---- Size ------------------------------------------------------------------------------------ */

void sim_fill(uint32_t n_pages)
{
	struct call call = begin("fill", true);
	int result = balloon_driver_fill(sim->driver, n_pages);
	check_mover(&call, result);
	check_duration(&call);
	SIM_CHECK(result != 0 || has_lies(), "fill returns 0: neither pages nor an error");
	SIM_CHECK(result <= (int)n_pages, "fill returns %d of %u pages", result, n_pages);
	end(&call);
}

void sim_leak(uint32_t n_pages)
{
	uint64_t n_freed = sim->n_freed;
	struct call call = begin("leak", true);
	int result = balloon_driver_leak(sim->driver, n_pages);
	check_mover(&call, result);
	check_duration(&call);
	SIM_CHECK(result <= (int)n_pages, "leak returns %d of %u pages", result, n_pages);
	SIM_CHECK(result <= (int)(sim->n_freed - n_freed),
		"leak returns %d, and %u pages went back", result,
		(unsigned)(sim->n_freed - n_freed));
	end(&call);
}

void sim_step(void)
{
	struct call call = begin("step", false);
	int result = balloon_driver_step(sim->driver);
	check_mover(&call, result);
	check_duration(&call);
	end(&call);
}

struct caller {
	bool can_cancel;
	bool has_canceled;
};

/* All of one moment. */
static void check_progress(const struct balloon_driver_progress *progress)
{
	uint64_t n_acknowledged =
		progress->n_enqueued + progress->n_deflating + progress->n_quarantined;
	bool is_still = progress->n_pending == 0 && progress->n_inflating == 0;
	SIM_CHECK(progress->state <= BALLOON_DRIVER_STOPPED, "a state that is none");
	SIM_CHECK(progress->since_ns <= engine_now_ns(), "a state since tomorrow");
	SIM_CHECK(progress->n_inflating > 0 || progress->n_acknowledged == n_acknowledged,
		"progress: %llu pages are acknowledged, and places have %llu",
		(unsigned long long)progress->n_acknowledged, (unsigned long long)n_acknowledged);
	SIM_CHECK(progress->state != BALLOON_DRIVER_IDLE ||
			  (is_still && progress->n_deflating == 0 && progress->n_quarantined == 0 &&
				  progress->n_set_aside == 0 &&
				  progress->n_enqueued == progress->target),
		"progress: idle, and it is not");
	SIM_CHECK(progress->state != BALLOON_DRIVER_STOPPED || sim->is_stopping,
		"progress: stopped, and it is not");
	SIM_CHECK(progress->state != BALLOON_DRIVER_QUIESCED || sim->was_quiesced,
		"progress: quiesced, and it is not");
	uint64_t n = progress->n_pending + progress->n_inflating + progress->n_set_aside +
		     n_acknowledged;
	SIM_CHECK(has_lies() || n <= sim->choice.n_pages, "progress: %llu pages, and there are %u",
		(unsigned long long)n, sim->choice.n_pages);
}

static bool told(void *context, const struct balloon_driver_progress *progress)
{
	struct caller *caller = context;
	check_progress(progress);
	/* Whatever the program does takes the time it takes. */
	if (engine_chance(16)) {
		sim->doing[engine_self()].n_reliefs++;
		sim->n_dawdled++;
		sim->n_dawdling++;
		engine_sleep_ns(choose(5) * 1000 * sim_us);
		sim->n_dawdling--;
	}
	caller->has_canceled = caller->can_cancel && engine_chance(8);
	if (caller->has_canceled)
		engine_excuse();
	return !caller->has_canceled;
}

/* The target is reached and nothing is under way: exactly, if nobody else has moved pages since. */
static void check_reached(const struct call *call)
{
	struct balloon_device_stats stats;
	uint32_t n_outstanding = host_n_outstanding();
	uint32_t n_held = host_n_held();
	engine_guard_leave();
	if (call->was_moving || sim->n_moves != call->n_moves || has_lies())
		return;
	SIM_CHECK(n_outstanding == 0, "run returns 0, and %u requests are with the host",
		n_outstanding);
	balloon_device_stats(balloon_driver_device(sim->driver), &stats);
	struct balloon_driver_progress progress = sim_progress();
	if (sim->n_moves != call->n_moves)
		return;
	uint64_t target = progress.target; /* of several that were set at once, the driver's last */
	SIM_CHECK(n_held == target, "run returns 0, and the host has %u pages of %llu", n_held,
		(unsigned long long)target);
	SIM_CHECK(stats.n_listed + stats.n_isolated == target,
		"run returns 0, and the balloon has %llu pages of %llu",
		(unsigned long long)(stats.n_listed + stats.n_isolated),
		(unsigned long long)target);
	SIM_CHECK(progress.n_enqueued == target && progress.n_pending == 0 &&
			  progress.n_inflating == 0 && progress.n_deflating == 0 &&
			  progress.n_quarantined == 0 && progress.n_set_aside == 0,
		"run returns 0, and the progress says otherwise");
}

static int run(uint64_t deadline_ns, struct caller caller, bool has_callback)
{
	static const int results[] = {-ETIMEDOUT, -ECANCELED, -EBUSY, -ENODEV, 0};
	bool was_at_rest = sim->is_at_rest;
	struct call call = begin("run", false);
	sim_begin_to_run();
	int result =
		balloon_driver_run(sim->driver, deadline_ns, has_callback ? told : NULL, &caller);
	sim_end_to_run();
	SIM_CHECK(result == 0 || is_one_of(result, results), "run returns %d", result);
	check_deadline(&call, deadline_ns, result);
	SIM_CHECK(result != -ECANCELED || sim->is_stopping || caller.has_canceled,
		"run: stopped, but it is not");
	SIM_CHECK(result != -EBUSY || sim->was_quiesced, "run: quiesced, but it is not");
	SIM_CHECK(result != -ENODEV || sim->host.is_dead, "run: the host is gone, but it is not");
	if (call.had_stopped)
		SIM_CHECK(result == -ECANCELED, "run returns %d on a stopped driver", result);
	else if (was_at_rest && call.n_resumes == sim->n_resumes && !sim->is_stopping)
		SIM_CHECK(result == -EBUSY || result == 0 || result == -ETIMEDOUT ||
				  caller.has_canceled,
			"run returns %d on a quiesced driver", result);
	if (result == 0)
		check_reached(&call);
	end(&call);
	return result;
}

int sim_run(uint64_t deadline_ns)
{
	struct caller caller = {.can_cancel = choose(4) == 0};
	bool has_callback = caller.can_cancel || choose(2) == 0;
	return run(deadline_ns, caller, has_callback);
}

int sim_run_untold(uint64_t deadline_ns)
{
	const struct caller caller = {false, false};
	return run(deadline_ns, caller, false);
}

static void check_poll(const struct call *call, int result, const struct balloon_driver_next *next)
{
	SIM_CHECK(result == 0 || result == 1 || (result == -ENODEV && sim->host.is_dead) ||
			  (result == -EBUSY && sim->was_quiesced) ||
			  (result == -ECANCELED && sim->is_stopping),
		"poll returns %d", result);
	const uint64_t unseen_ns = 10000 * sim_us;
	bool is_excused =
		engine_is_hasty() || call->n_reliefs != sim->doing[engine_self()].n_reliefs;
	SIM_CHECK(is_excused || engine_now_ns() == call->begin_ns, "poll has waited");
	SIM_CHECK(!call->had_stopped || result == -ECANCELED, "poll returns %d on a stopped driver",
		result);
	SIM_CHECK(
		result != 1 || next->descriptor >= 0 || next->at_ns <= engine_now_ns() + unseen_ns,
		"poll returns 1, and does not say when to call again");
	if (result == 0)
		check_reached(call);
}

static int poll(struct balloon_driver_next *next)
{
	struct doing *doing = &sim->doing[engine_self()];
	struct call call = begin("poll", false);
	doing->is_polling = true;
	int result = balloon_driver_poll(sim->driver, next);
	doing->is_polling = false;
	check_poll(&call, result, next);
	end(&call);
	return result;
}

static void poll_once(void)
{
	struct balloon_driver_next next = {0, 0};
	poll(&next);
}

int sim_follow(uint64_t deadline_ns)
{
	int result = 1;
	while (result == 1 && engine_now_ns() < deadline_ns) {
		struct balloon_driver_next next = {0, 0};
		result = poll(&next);
		if (result == 1)
			engine_sleep_until(next.at_ns < deadline_ns ? next.at_ns : deadline_ns);
	}
	return result;
}

static bool told_server(void *context, const struct balloon_driver_progress *progress)
{
	told(context, progress);
	if (sim->serves_no_more)
		engine_excuse();
	return !sim->serves_no_more;
}

void sim_serve(void)
{
	struct caller caller = {false, false};
	struct call call = begin("serve", false);
	sim_begin_to_run();
	int result = balloon_driver_serve(sim->driver, told_server, &caller);
	sim_end_to_run();
	SIM_CHECK((result == -ENODEV && sim->host.is_dead) ||
			  (result == -ECANCELED && (sim->is_stopping || sim->serves_no_more)),
		"serve returns %d", result);
	end(&call);
	sim->has_served = true;
}

static void tune(void)
{
	const struct balloon_driver_tuning tuning = {
		.request_pages = 1 + choose(sim->choice.request_pages),
		.host_timeout_ns = (500 + choose(500)) * sim_us,
		.allocation_backoff_ns =
			(50 + choose(50)) * sim->config.allocation_backoff_ns / 100,
		.relief_holdoff_ns = (200 + choose(300)) * sim_us,
		.retry_ns = (50 + choose(150)) * sim_us,
		.floor_pages = sim->choice.floor_pages,
	};
	struct call call = begin("tune", false);
	int result = balloon_driver_tune(sim->driver, &tuning);
	SIM_CHECK(result == 0, "tune returns %d", result);
	end(&call);
}

void sim_set_target(uint64_t n_pages)
{
	sim->n_moves++;
	sim->target = n_pages;
	/* A target that another thread sets at the same time may come later: */
	sim->n_movers++;
	int result = balloon_driver_set_target(sim->driver, n_pages);
	sim->n_movers--;
	sim->n_moves++;
	SIM_CHECK(result == 0, "set_target returns %d", result);
}

/* What the design promises while fills are under way. */
static void check_relief(const struct call *call, int result, bool is_alone)
{
	struct balloon_driver_design_info info;
	/* A leak that was joined may be one that the host does not answer. */
	const uint32_t excuses =
		FAULT_SLOW | FAULT_NEVER | FAULT_DEAD | FAULT_REFUSED | FAULT_UNTOLD | FAULT_PICKY;
	bool joins = balloon_driver_design_find("split-coalesce") == sim->choice.design;
	bool is_at_once = engine_is_hasty() || engine_now_ns() == call->begin_ns;
	balloon_driver_design_describe(sim->choice.design, &info);
	/* It had to say that it is busy instead (H-12). */
	SIM_CHECK(info.relief != BALLOON_RELIEF_BUSY || result != -EAGAIN || is_at_once ||
			  (sim->choice.faults & FAULT_UNTOLD),
		"relieve has waited for a lock");
	if (result != -EBUSY || sim->was_quiesced)
		return;
	if (info.relief == BALLOON_RELIEF_BUSY)
		SIM_CHECK(is_at_once, "relieve says that it is busy, but not at once");
	else
		SIM_CHECK(!is_alone || sim->n_unfinished_reliefs > 0 || engine_is_hasty() ||
				  (joins && (sim->choice.faults & excuses)),
			"relieve says that it is busy, and the design promises progress");
}

/* Of given pages, or of any. Returns what the driver said; *bytes as well if it says so. */
static int relieve(struct balloon_page first, uint32_t n_pages, uint64_t *bytes)
{
	if (bytes)
		return balloon_driver_relieve(sim->driver, n_pages, bytes);
	return balloon_driver_relieve_range(sim->driver, first, n_pages);
}

static int relieve_and_check(struct balloon_page first, uint32_t n_pages, uint64_t *bytes)
{
	uint64_t n_freed = sim->n_freed;
	uint64_t n_reliefs = ++sim->n_reliefs;
	bool is_alone = sim->n_relieving++ == 0;
	struct call call = begin("relieve", true);
	int result = relieve(first, n_pages, bytes);
	sim->n_relieving--;
	if (sim->choice.has_no_relief) {
		SIM_CHECK(result == -EOPNOTSUPP && (!bytes || *bytes == 0),
			"relieve returns %d, and there is none", result);
		end(&call);
		return result;
	}
	check_mover(&call, result);
	check_duration(&call);
	check_relief(&call, result, is_alone && n_reliefs == sim->n_reliefs);
	if (result > 0) {
		sim->held_off_until_ns = engine_now_ns() + 200 * sim_us; /* the least of all */
		sim->held_off_since = sim->n_begun;
	}
	/* Pages that the host did not give back may not be in the balloon again. */
	sim->n_unfinished_reliefs +=
		(result < 0 && result != -EBUSY) || (sim->choice.faults & FAULT_LOCKED);
	uint64_t n_bytes = result > 0 ? (uint64_t)result * balloon_memmap_page_size(sim->map) : 0;
	SIM_CHECK(!bytes || *bytes == n_bytes, "relieve returns %d and %llu bytes", result,
		bytes ? (unsigned long long)*bytes : 0);
	/* Whoever joins another leak reports that one's. */
	bool joins = bytes && balloon_driver_design_find("split-coalesce") == sim->choice.design;
	SIM_CHECK(joins || result <= (int)(sim->n_freed - n_freed),
		"relieve returns %d, and %u pages went back", result,
		(unsigned)(sim->n_freed - n_freed));
	end(&call);
	return result;
}

int sim_relieve(uint32_t n_pages)
{
	uint64_t bytes = 0;
	return relieve_and_check(balloon_page(0), n_pages, &bytes);
}

/* A few adjacent pages, most of which the balloon may have. */
static void relieve_range(void)
{
	uint32_t first = choose(sim->choice.n_pages);
	uint32_t n_pages = 1 + choose(sim->choice.n_pages - first);
	int result = relieve_and_check(balloon_page(first), n_pages, NULL);
	SIM_CHECK(result <= (int)n_pages, "%d pages of %u went back", result, n_pages);
}

/* ---- Pages that are locked ------------------------------------------------------------------- */

/* A scanner whose view is stale has looked at this page, and may look for long. */
static bool is_locked(struct balloon_page page)
{
	if (sim->source.is_over || page.index >= sim->choice.n_pages)
		return false;
	uint64_t *until_ns = &sim->locked_until_ns[page.index];
	if (engine_chance(8))
		*until_ns = engine_now_ns() + choose(6) * 100 * sim_us;
	return *until_ns > engine_now_ns();
}

/* How many of these can be reached. */
static size_t n_unlocked(const struct balloon_page *pages, size_t n_pages)
{
	size_t n = 0;
	while (n < n_pages && !is_locked(pages[n]))
		n++;
	return n;
}

static int insert(struct balloon_device *device, const struct balloon_page *pages, size_t n_pages)
{
	size_t n = n_unlocked(pages, n_pages);
	return n > 0 ? sim->choice.strategy->insert(device, pages, n) : -EAGAIN;
}

static int replace(struct balloon_device *device, const struct balloon_page *new_pages,
	const struct balloon_page *old_pages, size_t n_pages)
{
	size_t n = n_unlocked(new_pages, n_pages);
	return n > 0 ? sim->choice.strategy->migrate(device, new_pages, old_pages, n) : -EAGAIN;
}

const struct balloon_strategy *sim_strategy(void)
{
	if (!(sim->choice.faults & FAULT_LOCKED))
		return sim->choice.strategy;
	sim->strategy = *sim->choice.strategy;
	sim->strategy.insert = insert;
	sim->strategy.migrate = replace;
	return &sim->strategy;
}

/* ---- Pages that are isolated ----------------------------------------------------------------- */

static uint32_t isolate(struct balloon_page *pages, uint32_t n_pages, bool only_drivers)
{
	uint32_t n = 0;
	uint32_t at = choose(sim->choice.n_pages);
	for (uint32_t i = 0; i < sim->choice.n_pages && n < n_pages; i++) {
		struct balloon_page page = balloon_page((at + i) % sim->choice.n_pages);
		if (!balloon_page_is_candidate(sim->map, page) ||
			balloon_page_isolate(sim->map, page) < 0)
			continue;
		struct balloon_device *device = balloon_page_device(sim->map, page);
		SIM_CHECK(device, "an isolated page is no device's");
		if (only_drivers && device != balloon_driver_device(sim->driver))
			balloon_page_putback(sim->map, page);
		else
			pages[n++] = page;
	}
	return n;
}

static void put_back(struct balloon_page page)
{
	int result = balloon_page_putback(sim->map, page);
	SIM_CHECK(result == 0, "putback of an isolated page returns %d", result);
}

void sim_scan(uint32_t n_pages, uint64_t for_ns)
{
	struct balloon_page pages[SIM_REQUEST_MAX];
	uint32_t n = isolate(pages, n_pages, false);
	if (for_ns > 0)
		engine_sleep_ns(for_ns);
	for (uint32_t i = 0; i < n; i++)
		put_back(pages[i]);
	engine_progress();
}

static void scan(void)
{
	uint32_t n_pages = 1 + choose(4);
	sim_scan(n_pages, choose(2) == 0 ? choose(30) * 10 * sim_us : 0);
}

void sim_migrate(uint32_t n_pages, const uint64_t *deadline_ns)
{
	struct balloon_page new_pages[SIM_REQUEST_MAX];
	struct balloon_page old_pages[SIM_REQUEST_MAX];
	uint8_t outcomes[SIM_REQUEST_MAX];
	sim->n_begun++;
	sim->n_inside++; /* for the floor */
	uint32_t n_new = source_take(new_pages, n_pages);
	uint32_t n = isolate(old_pages, n_new, true);
	sim->n_inside--;
	if (n > 0) {
		struct call call = begin("migrate", true);
		int result = deadline_ns ? balloon_driver_migrate_until(sim->driver, new_pages,
						   old_pages, n, outcomes, *deadline_ns)
					 : balloon_driver_migrate(
						   sim->driver, new_pages, old_pages, n, outcomes);
		check_mover(&call, result);
		if (deadline_ns)
			check_deadline(&call, *deadline_ns, 0);
		else
			check_duration(&call);
		uint32_t n_given = 0;
		for (uint32_t i = 0; i < n; i++) {
			n_given += (outcomes[i] & BALLOON_MIGRATED_GAVE_OLD) != 0;
			SIM_CHECK(result >= 0 || outcomes[i] == BALLOON_MIGRATED_KEPT_OLD,
				"migrate returns %d, and something has changed", result);
		}
		SIM_CHECK(result < 0 || (uint32_t)result == n_given,
			"migrate returns %d, and %u pages are the caller's", result, n_given);
		end(&call);
	}
	for (uint32_t i = 0; i < n; i++) {
		if (!(outcomes[i] & BALLOON_MIGRATED_TOOK_NEW))
			source_give(&new_pages[i], 1);
		if (outcomes[i] & BALLOON_MIGRATED_GAVE_OLD)
			source_give(&old_pages[i], 1);
		if (outcomes[i] & BALLOON_MIGRATED_KEPT_OLD)
			put_back(old_pages[i]);
	}
	source_give(new_pages + n, n_new - n);
	engine_progress();
}

static void migrate(void)
{
	uint32_t n_max = balloon_driver_migrate_max(sim->driver);
	uint32_t n_pages = 1 + choose(n_max < SIM_REQUEST_MAX ? n_max : SIM_REQUEST_MAX);
	uint64_t deadline_ns = choose(3) == 0 ? 0 : choose_deadline();
	sim_migrate(n_pages, choose(2) == 0 ? &deadline_ns : NULL);
}

static void prepare(size_t n_pages)
{
	sim->n_begun++;
	sim->n_inside++;
	sim->n_movers++;
	sim->n_moves++;
	balloon_compactor_prepare(sim->compactor, n_pages);
	sim->n_inside--;
	sim->n_movers--;
	engine_progress();
}

void sim_before_fill(void *unused, size_t n_pages)
{
	(void)unused;
	if (sim->doing[engine_self()].n_inside > 1 || !engine_chance(8))
		return;
	sim->doing[engine_self()].n_reliefs++;
	sim->n_dawdled++;
	sim->n_dawdling++;
	engine_excuse();
	if (choose(2) == 0)
		migrate();
	else
		prepare(n_pages);
	sim->n_dawdling--;
}

static void compact(void)
{
	sim->n_begun++;
	sim->n_inside++;
	sim->n_movers++;
	sim->n_moves++;
	int result = choose(2) == 0 ? balloon_compactor_step(sim->compactor, choose(20))
				    : balloon_compactor_run(sim->compactor, choose_deadline());
	sim->n_inside--;
	sim->n_movers--;
	SIM_CHECK(result >= 0 || result == -EBUSY || result == -EAGAIN || result == -ENOENT ||
			  result == -ETIMEDOUT,
		"compaction returns %d", result);
	engine_progress();
}

/* ---- Rest ------------------------------------------------------------------------------------ */

int sim_quiesce(uint64_t deadline_ns)
{
	sim->was_quiesced = true;
	struct call call = begin("quiesce", false);
	int result = balloon_driver_quiesce(sim->driver, deadline_ns);
	check_deadline(&call, deadline_ns, result);
	SIM_CHECK(result == 0 || result == -ETIMEDOUT ||
			  (result == -EAGAIN &&
				  (call.was_resuming || call.n_resumes != sim->n_resumes)) ||
			  (result == -ENODEV && sim->host.is_dead) ||
			  (result == -ECANCELED && sim->is_stopping),
		"quiesce returns %d", result);
	if (result == 0 && !call.was_resuming && call.n_resumes == sim->n_resumes &&
		sim->n_resetting == 0) {
		SIM_CHECK(host_n_outstanding() == 0 || sim->is_stopping,
			"quiesce returns 0, and %u requests are with the host",
			host_n_outstanding());
		sim->is_at_rest = true;
	}
	end(&call);
	return result;
}

static void quiesce(void)
{
	sim_quiesce(choose_deadline());
	if (choose(2) == 0)
		engine_sleep_ns(choose(10) * 50 * sim_us);
	if (choose(4) != 0)
		sim_resume();
}

int sim_resume(void)
{
	sim->n_resumes++;
	sim->n_resuming++;
	sim->is_at_rest = false;
	struct call call = begin("resume", false);
	int result = balloon_driver_resume(sim->driver);
	SIM_CHECK(result == 0 || (result == -ECANCELED && sim->is_stopping), "resume returns %d",
		result);
	sim->n_resuming--;
	sim->n_resumes++;
	sim->is_at_rest = false;
	end(&call);
	return result;
}

int sim_stop(uint64_t deadline_ns)
{
	uint64_t n_dawdled = sim->n_dawdled;
	bool is_excused =
		engine_is_hasty() || sim->n_dawdling > 0 || (sim->choice.faults & FAULT_MEMORY);
	sim->is_stopping = true;
	struct call call = begin("stop", false);
	engine_guard_leave();
	engine_guard_close();
	int result = balloon_driver_stop(sim->driver, deadline_ns);
	check_deadline(&call, deadline_ns, result);
	SIM_CHECK(result == 0 || result == -ETIMEDOUT, "stop returns %d", result);
	SIM_CHECK(is_excused || n_dawdled != sim->n_dawdled || engine_now_ns() == call.begin_ns,
		"stop returns %d after %llu us, and calls had no reason to stay", result,
		(unsigned long long)((engine_now_ns() - call.begin_ns) / 1000));
	sim->has_stopped = true;
	if (result == 0)
		engine_guard_end();
	if (result == 0 && sim->n_resetting == 0)
		sim->is_stopped = true;
	end(&call);
	return result;
}

int sim_reset(void)
{
	struct call call = begin("reset", true);
	engine_guard_leave();
	bool was_stopping = sim->is_stopping;
	sim->is_at_rest = false;
	sim->n_resetting++;
	int result = balloon_driver_reset(sim->driver);
	sim->n_resetting--;
	SIM_CHECK(result == 0 || result == -EBUSY || result == -EAGAIN ||
			  (result < 0 && (sim->choice.faults & FAULT_NEVER)),
		"reset returns %d", result);
	SIM_CHECK(was_stopping || result == -EBUSY || sim->is_stopping,
		"reset returns %d on a driver that is not stopped", result);
	if (result == 0) {
		struct balloon_device_stats stats;
		balloon_device_stats(balloon_driver_device(sim->driver), &stats);
		SIM_CHECK(stats.n_listed + stats.n_isolated == 0,
			"reset returns 0, and the balloon has %llu pages",
			(unsigned long long)(stats.n_listed + stats.n_isolated));
	}
	end(&call);
	return result;
}

int sim_forget(void)
{
	struct call call = begin("forget", true);
	engine_guard_leave();
	host_let_go();
	sim->n_resetting++;
	int result = balloon_driver_forget(sim->driver);
	sim->n_resetting--;
	end(&call);
	return result;
}

int sim_attach(uint64_t deadline_ns)
{
	struct call call = begin("attach", true);
	sim->is_attaching = true;
	sim->is_at_rest = false;
	int result = balloon_driver_attach(sim->driver, sim->host.channel, deadline_ns);
	sim->is_attaching = false;
	SIM_CHECK(result == 0 || result == -EAGAIN || result == -ETIMEDOUT, "attach returns %d",
		result);
	check_deadline(&call, deadline_ns, result == -ETIMEDOUT ? 0 : result);
	end(&call);
	return result;
}

struct balloon_driver_progress sim_progress(void)
{
	struct balloon_driver_progress progress;
	sim->n_looking++;
	int result = balloon_driver_progress(sim->driver, &progress);
	sim->n_looking--;
	SIM_CHECK(result == 0, "progress returns %d", result);
	return progress;
}

void sim_look(void)
{
	struct balloon_driver_progress before = sim_progress();
	engine_point();
	struct balloon_driver_progress after = sim_progress();
	SIM_CHECK(after.n_inflated >= before.n_inflated && after.n_deflated >= before.n_deflated &&
			  after.n_migrated >= before.n_migrated &&
			  after.n_relieved >= before.n_relieved &&
			  after.n_refused >= before.n_refused &&
			  after.n_timeouts >= before.n_timeouts && after.n_busy >= before.n_busy,
		"a count of events falls");
	check_progress(&before);
	check_progress(&after);
	struct balloon_refusal list[4];
	int result = balloon_driver_refusals(sim->driver, list, 4);
	SIM_CHECK(result >= 0 && result <= BALLOON_REFUSALS_MAX, "refusals returns %d", result);
	engine_progress();
}

void sim_make_call(enum sim_call call)
{
	switch (call) {
	case CALL_FILL:
		sim_fill(1 + choose(SIM_REQUEST_MAX));
		break;
	case CALL_LEAK:
		sim_leak(1 + choose(SIM_REQUEST_MAX));
		break;
	case CALL_STEP:
		sim_step();
		break;
	case CALL_RUN:
		sim_run(choose_deadline());
		break;
	case CALL_POLL:
		poll_once();
		break;
	case CALL_FOLLOW:
		sim_follow(choose_deadline());
		break;
	case CALL_TUNE:
		tune();
		break;
	case CALL_TARGET:
		sim_set_target(choose(sim->choice.n_pages + 4));
		break;
	case CALL_RELIEVE:
		sim_relieve(1 + choose(SIM_REQUEST_MAX));
		break;
	case CALL_RELIEVE_RANGE:
		relieve_range();
		break;
	case CALL_MIGRATE:
		migrate();
		break;
	case CALL_SCAN:
		scan();
		break;
	case CALL_COMPACT:
		compact();
		break;
	case CALL_QUIESCE:
		quiesce();
		break;
	case CALL_RESUME:
		sim_resume();
		break;
	case CALL_PROGRESS:
		sim_look();
		break;
	case CALL_STOP:
		sim_stop(choose_deadline());
		break;
	case CALL_RESET:
		sim_reset();
		break;
	case CALL_N:
		break;
	}
}
