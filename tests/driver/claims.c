/* SPDX-License-Identifier: MIT */
#include "scale.h"
#include "claims.h"

#include <stdlib.h>
#include <string.h>

/* ---- Holding claims -------------------------------------------------------------------------- */

struct combination {
	driver_claim claim;
	const struct balloon_strategy *strategy;
	const struct balloon_driver_design *design;
};

static uint32_t number; /* changes between runs only */

uint32_t claim_number(void)
{
	return number;
}

static void scenario(void *context)
{
	const struct combination *c = context;
	c->claim(c->strategy, c->design);
}

static uint64_t setting(const char *name, uint64_t otherwise)
{
	const char *value = getenv(name);
	return value ? strtoull(value, NULL, 10) : otherwise;
}

static void run(struct combination *c, uint64_t seed, const struct engine_chooser *chooser)
{
	struct engine_report report = engine_run(seed, chooser, scenario, c);
	if (report.finding == ENGINE_NONE)
		return;
	if (getenv("BALLOON_CLAIM_TRACE"))
		engine_print(&report, stderr);
	cr_assert_fail("%s, %s, case %u, %s, seed %llu: %s: %s", c->design->name, c->strategy->name,
		(unsigned)number, report.chooser, (unsigned long long)seed,
		engine_finding_name(report.finding), report.what);
}

static void hold(struct combination *c, uint32_t n_numbers)
{
	static const struct engine_chooser *const choosers[] = {&engine_random, &engine_pct};
	uint64_t n_seeds = setting("BALLOON_CLAIM_SEEDS", n_numbers ? 1 : 3);
	uint64_t first = setting("BALLOON_CLAIM_SEED", 1);
	for (number = 1; number <= (n_numbers ? n_numbers : 1); number++)
		for (uint64_t seed = first; seed < first + n_seeds; seed++)
			for (size_t i = 0; i < 2; i++)
				if (n_numbers == 0 || i == number % 2)
					run(c, seed, choosers[i]);
}

/* Under Valgrind one strategy for each design, another one each. */
static bool is_chosen(size_t strategy, size_t design)
{
	return !is_short() || strategy == design + 1 || !balloon_strategy_at(design + 1);
}

void for_each_combination(driver_claim claim, uint32_t n_numbers)
{
	const char *only = getenv("BALLOON_DRIVER"); /* for mutants, and to look closer */
	for (size_t d = 0; design_at(d); d++)
		for (size_t s = 0; balloon_strategy_at(s); s++) {
			struct combination c = {claim, balloon_strategy_at(s), design_at(d)};
			if (is_chosen(s, d) && (!only || strcmp(only, c.design->name) == 0))
				hold(&c, n_numbers);
		}
}

/* ---- Fixtures --------------------------------------------------------------------------------- */

void open_fixture(struct fixture *fixture, const struct balloon_strategy *strategy,
	const struct balloon_driver_design *design,
	void (*change)(struct balloon_driver_config *config))
{
	CHECK_EQ(fixture_open(fixture, strategy, design, change), 0);
}

static void check(const char *what)
{
	if (what)
		engine_fail(ENGINE_CLAIM, "%s", what);
}

void check_fixture(struct fixture *fixture)
{
	check(fixture_check(fixture));
}

void close_fixture(struct fixture *fixture)
{
	check(fixture_close(fixture));
}

void be_polled(struct balloon_driver_config *config)
{
	host_be_polled((struct host *)(void *)config->channel);
}

void sleep_ms(uint64_t ms)
{
	engine_sleep_ns(ms * MS);
}

struct latency {
	struct fixture *fixture;
	uint64_t ns;
};

static void answer_in_order(void *context)
{
	const struct latency *latency = context;
	struct host *host = &latency->fixture->host;
	for (;;) {
		host_await_kept(host, 1);
		engine_sleep_until(host->kept_ns[0] + latency->ns);
		host_answer_oldest(host, UINT32_MAX);
	}
}

void answer_after(struct fixture *fixture, uint64_t latency_ns)
{
	struct latency *latency = runtime_allocate(sizeof(*latency));
	*latency = (struct latency){fixture, latency_ns};
	host_always(&fixture->host, HOST_KEEPS);
	engine_spawn_daemon("host", answer_in_order, latency);
}

void reach(struct fixture *fixture, uint64_t target)
{
	CHECK_EQ(balloon_driver_set_target(fixture->driver, target), 0);
	CHECK_EQ(balloon_driver_run(fixture->driver, in_ms(10000), NULL, NULL), 0);
}
