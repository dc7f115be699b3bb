/* SPDX-License-Identifier: MIT */
/*
 * The host behind a channel. It keeps counts of its own, page by page, and holds every request against
 * them. What it does with a request is decided when it gets it.
 */
#include "simulation.h"

#include <errno.h>
#include <string.h>

/* Channels of 2026 onwards name submissions, fail, and reset honestly. */
#ifdef BALLOON_PFN_ANY
#define HAS_SUBMISSIONS 1
#else
#define HAS_SUBMISSIONS 0
#endif

static struct host *host_of(struct balloon_channel *channel)
{
	(void)channel;
	return &sim->host;
}

static bool has_fault(enum sim_fault fault)
{
	return (sim->choice.faults & fault) && !sim->host.is_over;
}

/* ---- Counts ---------------------------------------------------------------------------------- */

static const int reasons[] = {-EIO, -ENOMEM, -EAGAIN, -EBUSY, -ENODEV, -EPERM, -ENOSPC, -EINVAL};
enum { N_REASONS = sizeof(reasons) / sizeof(reasons[0]) };

static int choose_reason(void)
{
	return reasons[engine_choose(ENGINE_CHOOSE_VALUE, N_REASONS)];
}

uint32_t host_n_outstanding(void)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < sim->host.n_entries; i++)
		n += sim->host.entries[i].n_pages > 0;
	return n;
}

uint32_t host_n_held(void)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < sim->choice.n_pages; i++)
		n += sim->host.pages[i] == PAGE_HOST;
	return n;
}

uint32_t host_n_picky(enum host_picky kind)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < sim->choice.n_pages; i++)
		n += sim->host.is_picky[i] == kind;
	return n;
}

static void check_page(const struct balloon_request *request, struct balloon_page page)
{
	SIM_CHECK(page.index < sim->choice.n_pages, "the host is told of a page beyond the map");
	enum host_page is = sim->host.pages[page.index];
	if (sim->source.is_doubtful[page.index])
		return;
	if (request->kind == BALLOON_REQUEST_INFLATE) {
		SIM_CHECK(is == PAGE_GUEST, "the host is offered a page that is not the guest's");
		SIM_CHECK(sim->source.is[page.index] != FRAME_FREE,
			"the host is offered a page that is free");
	} else {
		SIM_CHECK(is == PAGE_HOST,
			"the host is asked for a page that it has not acknowledged to have");
	}
}

static struct host_entry *note(struct host *host, const struct balloon_request *request)
{
	struct host_entry *entry = host->entries;
	while (entry < host->entries + SIM_ENTRIES_MAX && entry->n_pages > 0)
		entry++;
	SIM_CHECK(entry < host->entries + SIM_ENTRIES_MAX, "more requests than there can be");
	uint32_t number = (uint32_t)(entry - host->entries);
	host->n_entries = number < host->n_entries ? host->n_entries : number + 1;
	SIM_CHECK(request->n_pages > 0 && request->n_pages <= SIM_REQUEST_MAX,
		"a request of %u pages", request->n_pages);
	*entry = (struct host_entry){.channel = host->channel,
		.request = (struct balloon_request *)(uintptr_t)request,
		.id = request->id,
		.kind = request->kind,
		.n_pages = request->n_pages,
		.n_done = request->n_pages,
		.due_ns = BALLOON_NEVER};
	uint32_t n = 0;
	for (uint32_t i = 0; i < request->n_ranges; i++)
		for (uint32_t j = 0; j < request->ranges[i].n_pages; j++) {
			struct balloon_page page = balloon_page(request->ranges[i].first + j);
			SIM_CHECK(n < request->n_pages, "ranges of more pages than the request's");
			check_page(request, page);
			entry->pages[n++] = page;
		}
	SIM_CHECK(n == request->n_pages, "ranges of fewer pages than the request's");
	for (uint32_t i = 0; i < n; i++)
		host->pages[entry->pages[i].index] = PAGE_ASKED;
	return entry;
}

/* The answer takes effect: from here on the pages are whose it says. */
static void finish(struct host *host, struct host_entry *entry)
{
	const struct balloon_request *request = entry->request;
	for (uint32_t i = 0; i < entry->n_pages; i++) {
		SIM_CHECK(request->pages[i].index == entry->pages[i].index,
			"a request is changed while it is the host's");
		bool is_taken = (entry->kind == BALLOON_REQUEST_INFLATE) == (i < entry->n_done);
		host->pages[entry->pages[i].index] = is_taken ? PAGE_HOST : PAGE_GUEST;
		sim_note_answer(entry->pages[i]);
	}
	SIM_CHECK(request->n_pages == entry->n_pages && request->kind == entry->kind,
		"a request is changed while it is the host's");
}

/* ---- Answers --------------------------------------------------------------------------------- */

static int complete(struct balloon_channel *channel, struct balloon_request *request, uint64_t id,
	uint32_t n_done, int error)
{
	if (sim->answered) {
		sim->answered(request);
		return 0;
	}
#if HAS_SUBMISSIONS
	return balloon_request_complete(channel, request, id, n_done, error);
#else
	(void)request;
	return balloon_request_complete_id(channel, id, n_done, error);
#endif
}

/* Has this host let go of what it was given? */
static bool is_void(const struct host *host, const struct host_entry *given)
{
	return host->is_released || given->channel != host->channel;
}

/* may_wait: this is a thread of the host's own. */
static void give_answer(struct host *host, struct host_entry *entry, bool may_wait)
{
	const struct host_entry given = *entry;
	if (given.is_twice) {
		int result = complete(given.channel, given.request, given.id, given.n_pages + 1, 0);
		SIM_CHECK(result == -EPROTO || is_void(host, &given),
			"an answer of more pages than were asked for gets %d", result);
		if (entry->n_pages == 0 || is_void(host, &given))
			return;
	}
	finish(host, entry);
	entry->n_pages = 0; /* before it is known: the request may be used again at once */
	engine_act();
	int result = complete(given.channel, given.request, given.id, given.n_done, given.error);
	SIM_CHECK(result == 0 || is_void(host, &given), "an answer gets %d", result);
	if (given.is_twice) {
		/* By then, the request may be another submission. */
		if (may_wait)
			engine_sleep_ns(engine_choose(ENGINE_CHOOSE_VALUE, 4) * 100 * sim_us);
		result =
			complete(given.channel, given.request, given.id, given.n_done, given.error);
		SIM_CHECK(result == -ESTALE, "a second answer gets %d", result);
	}
}

/* Which answer is to be given now. is_any_order: not the oldest. */
static struct host_entry *due(struct host *host, bool is_any_order)
{
	struct host_entry *able[SIM_ENTRIES_MAX];
	struct host_entry *first = NULL;
	uint32_t n = 0;
	for (uint32_t i = 0; i < host->n_entries; i++) {
		struct host_entry *entry = &host->entries[i];
		if (entry->n_pages == 0 || entry->is_answering || entry->is_ready ||
			(entry->due_ns > engine_now_ns() && !host->is_over))
			continue;
		able[n++] = entry;
		if (!first || entry->id < first->id)
			first = entry;
	}
	return n > 0 && is_any_order ? able[engine_choose(ENGINE_CHOOSE_VALUE, n)] : first;
}

static uint64_t next_due_ns(const struct host *host)
{
	uint64_t due_ns = BALLOON_NEVER;
	for (uint32_t i = 0; i < host->n_entries; i++) {
		const struct host_entry *entry = &host->entries[i];
		if (entry->n_pages > 0 && !entry->is_answering && !entry->is_ready &&
			entry->due_ns < due_ns)
			due_ns = entry->due_ns;
	}
	return due_ns;
}

static void ring(struct host *host)
{
	balloon_event_signal(&host->bell);
}

static void die(struct host *host)
{
	host->is_dead = true;
	engine_act();
#if HAS_SUBMISSIONS
	if (engine_chance(2)) {
		balloon_channel_fail(host->channel, -ENODEV);
		host->has_failed = true;
	}
#endif
	ring(host);
}

/* When there is something to do next. */
static uint64_t next_work_ns(const struct host *host)
{
	if (host->is_dead)
		return BALLOON_NEVER;
	uint64_t due_ns =
		host->is_over && due((struct host *)(uintptr_t)host, false) ? 0 : next_due_ns(host);
	return due_ns < host->dies_at_ns ? due_ns : host->dies_at_ns;
}

/* Is there something to do sooner than was thought? */
static bool has_work(void *until_ns)
{
	return next_work_ns(&sim->host) < *(const uint64_t *)until_ns;
}

static void work(void *unused)
{
	(void)unused;
	struct host *host = &sim->host;
	for (;;) {
		uint64_t until_ns = next_work_ns(host);
		if (until_ns > engine_now_ns()) {
			engine_wait_for(has_work, &until_ns, until_ns);
			continue;
		}
		if (engine_now_ns() >= host->dies_at_ns) {
			die(host);
			continue;
		}
		struct host_entry *entry = due(host, sim->choice.host == HOST_MIXED);
		if (!entry)
			continue;
		if (sim->choice.host == HOST_POLLED) {
			entry->is_ready = true;
			ring(host);
		} else {
			entry->is_answering = true;
			give_answer(host, entry, true);
		}
	}
}

static bool (*has_ended)(void);

/* has_work() without a time, or the end. */
static bool has_work_or_end(void *unused)
{
	(void)unused;
	return next_work_ns(&sim->host) <= engine_now_ns() || has_ended();
}

void host_work_until(bool (*condition)(void))
{
	struct host *host = &sim->host;
	has_ended = condition;
	for (;;) {
		engine_wait_for(has_work_or_end, NULL, next_work_ns(host));
		struct host_entry *entry = due(host, false);
		if (entry) {
			entry->is_answering = true;
			give_answer(host, entry, true);
		} else if (has_ended()) {
			host_be_good();
			if (!due(host, false))
				return;
		}
	}
}

/* ---- The channel ----------------------------------------------------------------------------- */

static bool choose_to_answer_at_once(void)
{
	switch (sim->choice.host) {
	case HOST_AT_ONCE:
		return true;
	case HOST_MIXED:
		return engine_chance(2);
	case HOST_EXPLORED:
		return sim->host.answer == ANSWER_AT_ONCE;
	default:
		return false;
	}
}

/* The same where each answer is explored: one choice. */
static void follow_choice(struct host_entry *entry)
{
	entry->due_ns = engine_now_ns();
	if (sim->host.answer == ANSWER_REFUSES) {
		sim->choice.faults |= FAULT_REFUSED;
		entry->n_done--;
		entry->error = -EIO;
	}
	if (sim->host.answer == ANSWER_IN_TIME)
		entry->due_ns += sim->config.host_timeout_ns;
	if (sim->host.answer == ANSWER_NEVER)
		entry->due_ns = BALLOON_NEVER;
	if (entry->due_ns > engine_now_ns())
		sim->choice.faults |= FAULT_SLOW;
}

static void choose_answer(struct host_entry *entry)
{
	static const uint64_t delays_us[] = {0, 0, 10, 100, 300};
	entry->due_ns = engine_now_ns() + delays_us[engine_choose(ENGINE_CHOOSE_VALUE, 5)] * sim_us;
	if (has_fault(FAULT_SLOW) && engine_chance(4))
		entry->due_ns = engine_now_ns() + sim->config.host_timeout_ns +
				engine_choose(ENGINE_CHOOSE_VALUE, 4) * 200 * sim_us;
	if (has_fault(FAULT_NEVER) && engine_chance(6))
		entry->due_ns = BALLOON_NEVER;
	if (has_fault(FAULT_REFUSED) && engine_chance(3)) {
		entry->n_done = engine_choose(ENGINE_CHOOSE_VALUE, entry->n_pages);
		entry->error = choose_reason();
	}
	for (uint32_t i = 0; has_fault(FAULT_PICKY) && i < entry->n_done; i++)
		if (sim->host.is_picky[entry->pages[i].index] ==
			(entry->kind == BALLOON_REQUEST_INFLATE ? PICKY_IN : PICKY_OUT)) {
			entry->n_done = i;
			entry->error = choose_reason();
		}
	entry->is_twice = has_fault(FAULT_TWICE) && engine_chance(4);
}

/* Why submit fails. "Again" says that there will be room after another answer. */
static int choose_not_to_be_told(void)
{
	int reason = choose_reason();
	if (reason == -EAGAIN && next_due_ns(&sim->host) != BALLOON_NEVER)
		return reason;
	return reason == -EAGAIN || reason == -ENODEV || reason == -EINVAL ? -EIO : reason;
}

static int submit(struct balloon_channel *channel, struct balloon_request *request)
{
	struct host *host = host_of(channel);
	sim_check_callback("submit");
	engine_point();
	if (host->is_dead)
		return -ENODEV;
	/* From now on such a fault may be what a call returns. */
	if (sim->choice.host == HOST_EXPLORED) {
		host->answer = (enum sim_answer)engine_choose(
			(enum engine_choice)SIM_CHOOSE_ANSWER, ANSWER_N);
		if (host->answer == ANSWER_UNTOLD) {
			sim->choice.faults |= FAULT_UNTOLD;
			return -EIO;
		}
	} else if (has_fault(FAULT_UNTOLD) && engine_chance(4)) {
		return choose_not_to_be_told();
	}
	struct host_entry *entry = note(host, request);
	host->n_asked++;
	if (sim->asked)
		sim->asked();
	if (sim->choice.host == HOST_EXPLORED)
		follow_choice(entry);
	else
		choose_answer(entry);
	if (entry->due_ns != BALLOON_NEVER && choose_to_answer_at_once()) {
		entry->is_answering = true;
		give_answer(host, entry, false);
	}
	return 0;
}

static int poll(struct balloon_channel *channel, uint64_t deadline_ns)
{
	struct host *host = host_of(channel);
	SIM_CHECK(++host->n_polling == 1, "two threads poll a channel");
	/* A bell that was rung before is for this poll. */
	uint32_t heard = host->bell_heard;
	uint32_t seen = balloon_event_seen(&host->bell);
	bool is_any = false;
	host->bell_heard = seen;
	for (uint32_t i = 0; i < host->n_entries; i++) {
		struct host_entry *entry = &host->entries[i];
		if (entry->n_pages == 0 || !entry->is_ready || entry->is_answering)
			continue;
		is_any = true;
		entry->is_answering = true;
		give_answer(host, entry, false);
	}
	if (!is_any && seen == heard && !host->is_dead && deadline_ns > 0)
		balloon_event_wait(&host->bell, seen, deadline_ns);
	host->n_polling--;
	return host->is_dead ? -ENODEV : 0;
}

static void let_go(struct host *host)
{
	host->is_dead = true;
	host->is_released = true;
	for (uint32_t i = 0; i < SIM_ENTRIES_MAX; i++)
		host->entries[i].n_pages = 0;
	for (uint32_t i = 0; i < SIM_PAGES_MAX; i++)
		host->pages[i] = PAGE_GUEST;
}

#if HAS_SUBMISSIONS
static int reset(struct balloon_channel *channel)
{
	struct host *host = host_of(channel);
	engine_point();
	if (has_fault(FAULT_NEVER) && engine_chance(2))
		return engine_chance(2) ? -ETIMEDOUT : -EIO;
	let_go(host);
	return 0;
}

static void wake(struct balloon_channel *channel)
{
	ring(host_of(channel));
}
#else
static void reset(struct balloon_channel *channel)
{
	engine_point();
	let_go(host_of(channel));
}
#endif

static const struct balloon_channel_ops ops = {
	.name = "simulated",
	.submit = submit,
	.reset = reset,
};

static const struct balloon_channel_ops polled_ops = {
	.name = "simulated, polled",
	.submit = submit,
	.poll = poll,
	.reset = reset,
#if HAS_SUBMISSIONS
	.wake = wake,
#endif
};

void host_open(void)
{
	struct host *host = &sim->host;
	balloon_event_init(&host->bell);
	host->dies_at_ns = BALLOON_NEVER;
	host->channel = &host->channels[0];
	for (uint32_t i = 0; i < 3; i++)
		balloon_channel_init(
			&host->channels[i], sim->choice.host == HOST_POLLED ? &polled_ops : &ops);
	for (uint32_t i = 0; has_fault(FAULT_PICKY) && i < sim->choice.n_pages; i++)
		if (engine_chance(8))
			host->is_picky[i] = engine_chance(2) ? PICKY_IN : PICKY_OUT;
#if HAS_SUBMISSIONS
	if (has_fault(FAULT_UNTOLD) && engine_chance(2))
		host->channel->limits.n_requests = 1 + engine_choose(ENGINE_CHOOSE_VALUE, 3);
#endif
	if (has_fault(FAULT_DEAD))
		host->dies_at_ns =
			engine_now_ns() + engine_choose(ENGINE_CHOOSE_VALUE, 30) * 100 * sim_us;
}

void host_begin(void)
{
	engine_spawn_daemon("host", work, NULL);
	if (sim->choice.host == HOST_MIXED)
		engine_spawn_daemon("host 2", work, NULL);
}

void host_let_go(void)
{
	let_go(&sim->host);
}

void host_replace(void)
{
	struct host *host = &sim->host;
	host->channel++;
	host->is_dead = false;
	host->has_failed = false;
	host->is_released = false;
	for (uint32_t i = 0; i < SIM_PAGES_MAX; i++)
		host->pages[i] = PAGE_GUEST;
}

void host_be_good(void)
{
	sim->host.is_over = true;
	if (!sim->host.is_dead)
		sim->host.dies_at_ns = BALLOON_NEVER;
	for (uint32_t i = 0; i < SIM_ENTRIES_MAX; i++)
		if (sim->host.entries[i].n_pages > 0 &&
			sim->host.entries[i].due_ns == BALLOON_NEVER)
			sim->host.entries[i].due_ns = engine_now_ns();
}
