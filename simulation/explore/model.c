/* SPDX-License-Identifier: MIT */

#include "explore/model.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "text.h"

/* How far an order has come. */
struct order {
	struct look look;
	uint32_t at[SCENARIO_THREADS];      /* the call that is next */
	uint32_t n_steps[SCENARIO_THREADS]; /* of it that are done: a page each, or a device */
	struct balloon_device_stats sums[SCENARIO_THREADS]; /* of the devices that it has counted */
};

/* ---- Calls at the same time ------------------------------------------------------------------ */

static bool is_before(const struct made *a, const struct made *b)
{
	return a->end < b->begin;
}

static bool names(const struct call *call, uint32_t page)
{
	if (call->operation == DEQUEUE)
		return true;
	for (uint32_t i = 0; i < call->n_pages; i++)
		if (call->pages[i].index == page)
			return true;
	return false;
}

/* May somebody else have been at the page just then? A pre-check leaves it as it is. */
static bool is_contended(const struct history *history, const struct made *self, uint32_t page)
{
	for (uint32_t i = 0; i < history->scenario->n_threads; i++)
		for (uint32_t j = 0; j < history->n_made[i]; j++) {
			const struct made *other = &history->made[i][j];
			if (other != self && other->call.operation != SCAN &&
				!is_before(self, other) && !is_before(other, self) &&
				names(&other->call, page))
				return true;
		}
	return false;
}

/* ---- Transitions ----------------------------------------------------------------------------- */

static void list_add(struct look *look, uint32_t device, uint32_t page)
{
	uint32_t *list = look->devices[device].list;
	memmove(list + 1, list, look->devices[device].n_listed * sizeof(*list));
	list[0] = page;
	look->devices[device].n_listed++;
	look->pages[page].state = BALLOON_PAGE_LISTED;
	look->pages[page].device = device;
}

static void list_remove(struct look *look, uint32_t page)
{
	uint32_t device = look->pages[page].device;
	uint32_t *list = look->devices[device].list;
	uint32_t n = look->devices[device].n_listed--;
	uint32_t i = 0;
	while (i < n && list[i] != page)
		i++;
	memmove(list + i, list + i + 1, (n - i - 1) * sizeof(*list));
}

static struct balloon_device_stats *stats_of(struct look *look, uint32_t page)
{
	return &look->devices[look->pages[page].device].stats;
}

static void insert(struct look *look, uint32_t device, uint32_t page)
{
	list_add(look, device, page);
	stats_of(look, page)->n_inserted++;
	stats_of(look, page)->n_listed++;
}

static void dequeue(struct look *look, uint32_t page)
{
	list_remove(look, page);
	stats_of(look, page)->n_dequeued++;
	stats_of(look, page)->n_listed--;
	look->pages[page].state = BALLOON_PAGE_OWNED;
}

static void isolate(struct look *look, uint32_t page)
{
	list_remove(look, page);
	stats_of(look, page)->n_isolates++;
	stats_of(look, page)->n_listed--;
	stats_of(look, page)->n_isolated++;
	look->pages[page].state = BALLOON_PAGE_ISOLATED;
}

static void put_back(struct look *look, uint32_t page)
{
	stats_of(look, page)->n_putbacks++;
	stats_of(look, page)->n_isolated--;
	stats_of(look, page)->n_listed++;
	list_add(look, look->pages[page].device, page);
}

static void migrate(struct look *look, uint32_t device, uint32_t old, uint32_t new)
{
	stats_of(look, old)->n_migrated++;
	stats_of(look, old)->n_isolated--;
	stats_of(look, old)->n_listed++;
	look->pages[old].state = BALLOON_PAGE_OWNED;
	list_add(look, device, new);
}

static void finalize(struct look *look, uint32_t page)
{
	stats_of(look, page)->n_finalized++;
	stats_of(look, page)->n_isolated--;
	look->pages[page].state = BALLOON_PAGE_OWNED;
}

/* ---- What a call may say --------------------------------------------------------------------- */

static bool is_state(const struct look *look, uint32_t page, enum balloon_page_state state)
{
	return look->pages[page].state == state;
}

/* Errors that apply, beside "again": each a bit. */
enum {
	MAY_STALE = 1,
	MAY_EXIST = 2,
	MAY_XDEV = 4,
	MAY_NODEV = 8,
};

static unsigned errors_of(const struct look *look, const struct call *call, uint32_t page)
{
	unsigned errors = 0;
	bool is_open = look->devices[call->device].is_open;
	bool is_isolated = is_state(look, page, BALLOON_PAGE_ISOLATED);
	switch (call->operation) {
	case INSERT:
		return (is_open ? 0 : MAY_NODEV) |
		       (is_state(look, page, BALLOON_PAGE_OWNED) ? 0 : MAY_EXIST);
	case ISOLATE:
		return is_state(look, page, BALLOON_PAGE_LISTED) ? 0 : MAY_STALE;
	case PUTBACK:
		return is_isolated ? 0 : MAY_STALE;
	case MIGRATE:
		if (!is_state(look, call->pages[1].index, BALLOON_PAGE_OWNED))
			errors = MAY_EXIST;
		break;
	default:
		break;
	}
	if (!is_isolated)
		errors |= MAY_STALE;
	else if (look->pages[page].device != call->device)
		errors |= MAY_XDEV;
	return errors | (is_open ? 0 : MAY_NODEV);
}

static bool is_allowed(unsigned errors, int result)
{
	switch (result) {
	case -ESTALE:
		return errors & MAY_STALE;
	case -EEXIST:
		return errors & MAY_EXIST;
	case -EXDEV:
		return errors & MAY_XDEV;
	case -ENODEV:
		return errors & MAY_NODEV;
	default:
		return false;
	}
}

/* The page with which a batch ended: why may it have been refused? Putback and finalize wait. */
static bool may_refuse(const struct history *history, const struct look *look,
	const struct made *made, uint32_t page)
{
	const struct call *call = &made->call;
	unsigned errors = errors_of(look, call, page);
	uint32_t trylocked = call->operation == MIGRATE ? call->pages[1].index : page;
	bool tries = call->operation != PUTBACK && call->operation != FINALIZE;
	if (tries && (made->result > 0 || made->result == -EAGAIN) &&
		is_contended(history, made, trylocked))
		return true;
	return made->result > 0 ? errors != 0 : is_allowed(errors, made->result);
}

static bool do_page(struct look *look, const struct call *call, uint32_t page)
{
	if (errors_of(look, call, page))
		return false;
	switch (call->operation) {
	case INSERT:
		insert(look, call->device, page);
		return true;
	case ISOLATE:
		isolate(look, page);
		return true;
	case PUTBACK:
		put_back(look, page);
		return true;
	case MIGRATE:
		migrate(look, call->device, page, call->pages[1].index);
		return true;
	case FINALIZE:
		finalize(look, page);
		return true;
	default:
		return false;
	}
}

/* Were all that would have come before this page passed over with a reason? page: all of the list, if it is
 * none of it. */
static bool may_pass_over(const struct history *history, const struct look *look,
	const struct made *made, uint32_t page)
{
	uint32_t device = made->call.device;
	for (uint32_t i = 0; i < look->devices[device].n_listed; i++) {
		if (look->devices[device].list[i] == page)
			return true;
		if (!is_contended(history, made, look->devices[device].list[i]))
			return false;
	}
	return true;
}

static bool do_dequeue(
	const struct history *history, struct look *look, const struct made *made, uint32_t page)
{
	if (!is_state(look, page, BALLOON_PAGE_LISTED) ||
		look->pages[page].device != made->call.device)
		return false;
	if (history->is_ordered && !may_pass_over(history, look, made, page))
		return false;
	dequeue(look, page);
	return true;
}

/* Fewer than were asked for. */
static bool may_end_dequeue(
	const struct history *history, const struct look *look, const struct made *made)
{
	const struct balloon_device_stats *stats = &look->devices[made->call.device].stats;
	bool is_empty = stats->n_listed == 0 && stats->n_isolated == 0;
	if (made->result == -ENODEV)
		return !look->devices[made->call.device].is_open;
	if (made->result < 0 && made->result != -EAGAIN)
		return false;
	if (made->result <= 0 && is_empty != (made->result == 0))
		return false;
	return may_pass_over(history, look, made, SCENARIO_PAGES);
}

static bool do_close(struct look *look, const struct made *made)
{
	const struct balloon_device_stats *stats = &look->devices[made->call.device].stats;
	bool *is_open = &look->devices[made->call.device].is_open;
	if (made->result == -ENODEV)
		return !*is_open;
	bool is_empty = stats->n_listed == 0 && stats->n_isolated == 0;
	if (!*is_open || made->result != (is_empty ? 0 : -EBUSY))
		return false;
	*is_open = made->result < 0;
	return true;
}

static bool is_same_stats(
	const struct balloon_device_stats *a, const struct balloon_device_stats *b)
{
	return !memcmp(a, b, sizeof(*a));
}

static bool may_count(const struct look *look, const struct made *made)
{
	if (made->result == -ENODEV)
		return !look->devices[made->call.device].is_open;
	return made->result == 0 &&
	       is_same_stats(&look->devices[made->call.device].stats, &made->stats.devices);
}

/* Each device at a moment of its own; those that are gone, too. */
static bool count_device(const struct history *history, const struct look *look, uint32_t device,
	const struct made *made, struct balloon_device_stats *sum)
{
	uint64_t counts[MODEL_COUNTS];
	uint64_t more[MODEL_COUNTS];
	static_assert(sizeof(counts) == sizeof(*sum), "nothing but counts");
	memcpy(counts, sum, sizeof(counts));
	memcpy(more, &look->devices[device].stats, sizeof(more));
	for (uint32_t i = 0; i < MODEL_COUNTS; i++)
		counts[i] = more[i] + (device ? counts[i] : 0);
	memcpy(sum, counts, sizeof(counts));
	return device + 1 < history->scenario->n_devices ||
	       (made->result == 0 && is_same_stats(sum, &made->stats.devices));
}

static bool may_be_device(const struct look *look, const struct made *made)
{
	uint32_t page = made->call.pages[0].index;
	bool is_isolated = is_state(look, page, BALLOON_PAGE_ISOLATED);
	return made->answer == (is_isolated ? look->pages[page].device + 1 : 0);
}

/* A hint, where somebody else is at the page; and history has pages that are used for something else. */
static bool may_scan(
	const struct history *history, const struct look *look, const struct made *made)
{
	uint32_t page = made->call.pages[0].index;
	return history->scenario->sign || is_contended(history, made, page) ||
	       made->answer == is_state(look, page, BALLOON_PAGE_LISTED);
}

/* ---- Orders ---------------------------------------------------------------------------------- */

/* How many pages a batch asks for. */
static uint32_t n_wanted(const struct call *call)
{
	return call->operation == MIGRATE ? 1 : call->n_pages;
}

static uint32_t n_steps_of(const struct history *history, const struct made *made)
{
	const struct call *call = &made->call;
	uint32_t n_done = made->result > 0 ? (uint32_t)made->result : 0;
	switch (call->operation) {
	case DEVICE_CLOSE:
	case STATISTICS:
	case PAGE_DEVICE:
	case SCAN:
	case USE:
	case RECLAIM:
		return 1;
	case MAP_STATISTICS:
		return history->scenario->n_devices;
	default:
		return n_done + (n_done < n_wanted(call));
	}
}

/* One step of a thread's call, if that is possible now. */
static bool do_step(const struct history *history, struct order *order, uint32_t thread,
	const struct made *made)
{
	const struct call *call = &made->call;
	struct look *look = &order->look;
	uint32_t step = order->n_steps[thread];
	bool is_done = made->result > 0 && step < (uint32_t)made->result;
	switch (call->operation) {
	case DEVICE_CLOSE:
		return do_close(look, made);
	case STATISTICS:
		return may_count(look, made);
	case MAP_STATISTICS:
		return count_device(history, look, step, made, &order->sums[thread]);
	case PAGE_DEVICE:
		return may_be_device(look, made);
	case SCAN:
		return may_scan(history, look, made);
	case USE:
	case RECLAIM:
		return true;
	case DEQUEUE:
		return is_done ? do_dequeue(history, look, made, made->got[step].index)
			       : may_end_dequeue(history, look, made);
	default:
		return is_done ? do_page(look, call, call->pages[step].index)
			       : may_refuse(history, look, made, call->pages[step].index);
	}
}

/* Is there none that has to come first? */
static bool may_begin(
	const struct history *history, const struct order *order, const struct made *made)
{
	for (uint32_t i = 0; i < history->scenario->n_threads; i++)
		for (uint32_t j = order->at[i]; j < history->n_made[i]; j++)
			if (is_before(&history->made[i][j], made))
				return false;
	return true;
}

static bool is_as_found(const struct history *history, const struct look *look)
{
	const struct look *after = &history->after;
	for (uint32_t i = 0; i < history->scenario->n_pages; i++)
		if (look->pages[i].state != after->pages[i].state ||
			(look->pages[i].state != BALLOON_PAGE_OWNED &&
				look->pages[i].device != after->pages[i].device))
			return false;
	for (uint32_t i = 0; i < history->scenario->n_devices; i++) {
		uint32_t n = look->devices[i].n_listed;
		if (look->devices[i].is_open != after->devices[i].is_open ||
			!is_same_stats(&look->devices[i].stats, &after->devices[i].stats))
			return false;
		if (history->is_ordered &&
			(n != after->devices[i].n_listed ||
				memcmp(look->devices[i].list, after->devices[i].list,
					n * sizeof(look->devices[i].list[0])) != 0))
			return false;
	}
	return true;
}

static bool complete(const struct history *history, const struct order *order)
{
	bool is_any_left = false;
	for (uint32_t i = 0; i < history->scenario->n_threads; i++) {
		struct order next = *order;
		if (order->at[i] == history->n_made[i])
			continue;
		is_any_left = true;
		const struct made *made = &history->made[i][order->at[i]];
		if ((order->n_steps[i] == 0 && !may_begin(history, order, made)) ||
			!do_step(history, &next, i, made))
			continue;
		if (++next.n_steps[i] == n_steps_of(history, made)) {
			next.at[i]++;
			next.n_steps[i] = 0;
		}
		if (complete(history, &next))
			return true;
	}
	return !is_any_left && is_as_found(history, &order->look);
}

bool model_explains(const struct history *history)
{
	struct order order = {.look = history->before};
	return complete(history, &order);
}

/* ---- For people ------------------------------------------------------------------------------ */

static const char *error_name(int error)
{
	static const struct {
		int error;
		const char *name;
	} rows[] = {{-EAGAIN, "-EAGAIN"}, {-ESTALE, "-ESTALE"}, {-EEXIST, "-EEXIST"},
		{-EXDEV, "-EXDEV"}, {-ENODEV, "-ENODEV"}, {-EBUSY, "-EBUSY"}, {-EINVAL, "-EINVAL"}};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].error == error)
			return rows[i].name;
	return "an error";
}

static void describe_call(const struct made *made, char *text, size_t size)
{
	text_append(text, size, "%s", scenario_operation_name(made->call.operation));
	for (uint32_t i = 0; made->call.operation != DEQUEUE && i < made->call.n_pages; i++)
		text_append(text, size, "%c%u", i ? ',' : ' ', (unsigned)made->call.pages[i].index);
	if (made->call.operation == PAGE_DEVICE || made->call.operation == SCAN)
		text_append(text, size, ": %u", (unsigned)made->answer);
	else if (made->result < 0)
		text_append(text, size, " = %s", error_name(made->result));
	else
		text_append(text, size, " = %d", made->result);
	for (int i = 0; made->call.operation == DEQUEUE && i < made->result; i++)
		text_append(text, size, "%s%u", i ? "," : ": ", (unsigned)made->got[i].index);
	if ((made->call.operation == STATISTICS || made->call.operation == MAP_STATISTICS) &&
		made->result == 0)
		text_append(text, size, ": %u listed, %u isolated",
			(unsigned)made->stats.devices.n_listed,
			(unsigned)made->stats.devices.n_isolated);
}

void model_describe(const struct history *history, char *text, size_t size)
{
	text[0] = '\0';
	for (uint32_t i = 0; i < history->scenario->n_threads; i++)
		for (uint32_t j = 0; j < history->n_made[i]; j++) {
			text_append(text, size, "%s%c: ", *text ? "; " : "", 'a' + (int)i);
			describe_call(&history->made[i][j], text, size);
		}
	text_append(text, size, "; then");
	for (uint32_t i = 0; i < history->scenario->n_pages; i++)
		text_append(text, size, " %c", "OLI"[history->after.pages[i].state]);
}
