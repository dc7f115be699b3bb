/* SPDX-License-Identifier: MIT */

#include "memory/orders.h"

#include <string.h>

#include "memory/locks.h"

/*
 * Labels are those of <balloon/sync.h>. `why` is what the order is for; or, of what is not found, why it is not
 * needed there. Within the bounds that is also all that a search can say.
 */
static const struct expected {
	const char *order; /* "function:operation" */
	const char *label;
	const char *scenario;
	enum memory memory;
	bool is_found;
	const char *why;
} table[] = {
	{"balloon_lock_try:compare", "L1", "lock|try", MEMORY_RA, true,
		"the next holder sees what the last one wrote"},
	{"balloon_lock_acquire:compare", "L1", "lock|lock", MEMORY_RA, true, "the same"},
	{"balloon_lock_acquire_until:compare", "L1", "lock|until", MEMORY_RA, true, "the same"},
	{"spin_for_lock:compare", "L1", "lock|lock", MEMORY_RA, true, "the same"},
	{"sleep_for_lock:exchange", "L1", "lock|lock", MEMORY_RA, true, "the same"},
	{"sleep_for_lock_until:exchange", "L1", "lock|until", MEMORY_RA, true, "the same"},
	{"balloon_lock_release_last:exchange", "L2", "lock|lock", MEMORY_RA, true, "the same"},
	{"balloon_lock_release:store-later", "L2", "lasting, lock|lock", MEMORY_RA, true,
		"the same"},
	{"balloon_lock_release:compiler-fence", "L5", "lasting, lock|lock", MEMORY_SC, true,
		"the lock is free before somebody is looked for who waits"},
	{"balloon_platform_fence_threads:fence", "L4", "lasting, lock|lock", MEMORY_TSO, true,
		"either the waiter sees the lock free, or its holder sees the waiter"},
	{"balloon_platform_fence_threads:fence", "L4", "lasting, lock|lock", MEMORY_RA, true,
		"the same"},
	{"balloon_platform_fence_threads:fence", "L4", "lasting, lock|lock", MEMORY_SC, false,
		"a store is seen at once"},
	{"balloon_page_try_bit:or", "P1", "page|page", MEMORY_RA, true,
		"the next holder sees what the last one wrote"},
	{"balloon_page_unlock:and", "P2", "page|page", MEMORY_RA, true, "the same"},
	{"balloon_event_seen:load", "E1", "signal|wait", MEMORY_RA, true,
		"whoever remembers the raised word sees the change"},
	{"balloon_event_seen:load", "E1", "signal|past", MEMORY_RA, true, "the same"},
	{"balloon_event_seen:load", "E1", "signal after lock|wait", MEMORY_RA, false,
		"a look before the change comes, by the lock, before the signal; a later one finds it"},
	{"balloon_event_seen:load", "E1", "signal under lock|wait", MEMORY_RA, false, "the same"},
	{"balloon_event_mark:compare", "E2", "signal|wait", MEMORY_RA, true,
		"whoever remembers the raised word sees the change"},
	{"balloon_event_mark:compare", "E2", "signal|past", MEMORY_RA, true, "the same"},
	{"balloon_event_mark:compare", "E2", "signal after lock|wait", MEMORY_RA, false,
		"a look before the change comes, by the lock, before the signal; a later one finds it"},
	{"balloon_event_mark:compare", "E2", "signal under lock|wait", MEMORY_RA, false,
		"the same"},
};

enum { N_EXPECTED = sizeof(table) / sizeof(table[0]) };

static bool is_named(const struct balloon_order *order, const char *name)
{
	size_t length = strlen(order->function);
	return !strncmp(name, order->function, length) && name[length] == ':' &&
	       !strcmp(name + length + 1, memory_operation_name(order->operation));
}

const struct balloon_order *orders_find(const char *name)
{
	const struct balloon_order *order = NULL;
	while ((order = memory_order_next(order)) && !is_named(order, name))
		;
	return order;
}

static size_t scenario_of(const struct expected *expected)
{
	size_t i = 0;
	while (strcmp(locks_name(i), expected->scenario) != 0)
		i++;
	return i;
}

static void print_row(
	const struct expected *expected, const struct search_finding *finding, FILE *file)
{
	fprintf(file, "%-3s  %-36s  %-3s  %-22s  ", expected->label, expected->order,
		memory_name(expected->memory), expected->scenario);
	if (finding) {
		char schedule[SEARCH_TEXT_MAX];
		search_format(&finding->schedule, schedule, sizeof(schedule));
		fprintf(file, "%s (%s): %s\n", schedule, finding->report.what, expected->why);
	} else {
		fprintf(file, "nothing: %s\n", expected->why);
	}
}

static bool look(const struct expected *expected, const struct search_options *bounds, FILE *file)
{
	struct search_result result;
	const struct balloon_order *order = orders_find(expected->order);
	if (!order) {
		fprintf(file, "%s: no such order\n", expected->order);
		return false;
	}
	memory_weaken(order);
	locks_open(scenario_of(expected), expected->memory);
	locks_search(bounds, &result);
	memory_weaken(NULL);
	print_row(expected, result.finding, file);
	if ((result.finding != NULL) == expected->is_found)
		return true;
	fprintf(file, "     this is not as it should be\n");
	return false;
}

static bool is_expected(const struct balloon_order *order)
{
	for (size_t i = 0; i < N_EXPECTED; i++)
		if (is_named(order, table[i].order))
			return true;
	return false;
}

bool orders_print(const struct search_options *bounds, FILE *file)
{
	bool is_right = true;
	const struct balloon_order *order = NULL;
	for (size_t i = 0; i < N_EXPECTED; i++)
		is_right &= look(&table[i], bounds, file);
	while ((order = memory_order_next(order)))
		if (!is_expected(order)) {
			fprintf(file, "%s:%s is not in the table\n", order->function,
				memory_operation_name(order->operation));
			is_right = false;
		}
	return is_right;
}
