/* SPDX-License-Identifier: MIT */
#include "churn.h"

struct member {
	struct fixture *fixture;
	uint64_t random;
	uint32_t n_rounds;
	uint64_t n_relieved_bytes;
};

static uint32_t choose(struct member *m, uint32_t n)
{
	m->random ^= m->random << 13;
	m->random ^= m->random >> 7;
	m->random ^= m->random << 17;
	return (uint32_t)(m->random >> 32) % n;
}

static void fault(struct member *m)
{
	static const enum host_behaviour some[] = {HOST_TAKES, HOST_REFUSES, HOST_HALVES,
		HOST_REJECTS, HOST_IS_LATE, HOST_TWICE, HOST_WRONG};
	host_at(&m->fixture->host, 1 + choose(m, 3), some[choose(m, 7)]);
}

static void rest_for_a_moment(struct fixture *fixture)
{
	uint64_t deadline_ns = in_ms(1);
	balloon_driver_quiesce(fixture->driver, deadline_ns);
	balloon_driver_resume(fixture->driver);
}

static void act(struct member *m)
{
	struct balloon_driver *driver = m->fixture->driver;
	uint64_t bytes;
	switch (choose(m, 40)) {
	case 0:
		rest_for_a_moment(m->fixture);
		break;
	case 1:
		fault(m);
		break;
	case 2:
		host_answer(&m->fixture->host, choose(m, 2) ? UINT32_MAX : choose(m, 8));
		break;
	case 3:
		balloon_driver_relieve(driver, 1 + choose(m, 20), &bytes);
		m->n_relieved_bytes += bytes;
		break;
	case 4:
		balloon_driver_set_target(driver, choose(m, FIXTURE_PAGES));
		break;
	case 5:
		balloon_driver_run(driver, in_ms(1) - MS / 2, NULL, NULL);
		break;
	default:
		switch (choose(m, 4)) {
		case 0:
			balloon_driver_fill(driver, 1 + choose(m, FIXTURE_REQUEST));
			break;
		case 1:
			balloon_driver_leak(driver, 1 + choose(m, FIXTURE_REQUEST));
			break;
		case 2:
			balloon_driver_step(driver);
			break;
		case 3:
			fixture_migrate(m->fixture, 1 + choose(m, FIXTURE_REQUEST));
			break;
		}
	}
}

static void take_part(void *members, size_t thread)
{
	struct member *m = (struct member *)members + thread;
	for (uint32_t i = 0; i < m->n_rounds; i++)
		act(m);
}

const char *churn_run(struct fixture *fixture, unsigned n_threads, uint32_t n_rounds, uint64_t seed)
{
	struct member *members = runtime_allocate(n_threads * sizeof(*members));
	for (unsigned i = 0; i < n_threads; i++)
		members[i] = (struct member){.fixture = fixture,
			.random = seed * 0x9e3779b97f4a7c15u + i + 1,
			.n_rounds = n_rounds};
	run_together(n_threads, take_part, members);
	runtime_free(members);
	host_at(&fixture->host, 0, HOST_TAKES);
	host_answer(&fixture->host, UINT32_MAX);
	if (fixture_progress(fixture).n_overdue > 0)
		return "a request is overdue that was answered";
	return fixture_close(fixture);
}
