/* SPDX-License-Identifier: MIT */

#include "explore/driver-history.h"

#include <string.h>

#include "../../strategies/historical/driver.h"

static const struct historical_driver_form *const forms[] = {
	&historical_coarse_3_19,
	&historical_alloc_outside_4_15_rc1,
	&historical_alloc_outside_4_15,
	&historical_split_2017_10,
	&historical_split_coalesce_sketch,
};
enum { N_FORMS = sizeof(forms) / sizeof(forms[0]) };

static const char *const columns[DRIVER_COLUMNS] = {"coarse@3.19", "alloc-outside@4.15-rc1",
	"alloc-outside@4.15", "split@2017-10", "split-coalesce@sketch", "coarse", "alloc-outside",
	"split", "split-coalesce"};

/* Predictions: of the forms in the order of their columns, then of what the library has. */
#define NONE     PREDICTED_NOTHING
#define OK       PREDICTED_OK
#define FAIL     PREDICTED_FAIL
#define HARDENED OK, OK, OK, OK

static const struct driver_hazard hazards[] = {
	{.name = "H-12",
		.title = "out of memory under the lock",
		.threads = "fill|relieve",
		.n_at_start = 2,
		.n_free = 0,
		.waits_for_memory = true,
		.sign = {"nobody can go on", 1},
		.predicted = {FAIL, OK, OK, OK, OK, HARDENED}},
	{.name = "H-13",
		.title = "pages in hand that nobody sees",
		.threads = "fill|relieve",
		.n_at_start = 0,
		.n_free = 1,
		.waits_for_memory = true,
		.sign = {"nothing is relieved, and a fill that waits for memory has", 1},
		.predicted = {OK, FAIL, FAIL, FAIL, FAIL, HARDENED}},
	{.name = "H-14",
		.title = "one array for two requests",
		.threads = "fill|leak",
		.n_at_start = 2,
		.n_free = 2,
		.sign = {"is freed, and it is the host's", 1},
		.predicted = {FAIL, OK, OK, OK, OK, HARDENED}},
	{.name = "H-16",
		.title = "a cursor that is ahead of its store",
		.threads = "fill",
		.n_at_start = 2,
		.n_free = 2,
		.sign = {"the host is offered a page that is not the guest's", 0},
		.predicted = {OK, FAIL, OK, OK, OK, HARDENED}},
	{.name = "H-18",
		.title = "a leak that overtakes its fill",
		.threads = "fill|leak",
		.n_at_start = 2,
		.n_free = 2,
		.sign = {"the host is asked for a page that it has not acknowledged to have", 1},
		.predicted = {OK, OK, OK, FAIL, FAIL, HARDENED}},
	{.name = "H-19",
		.title = "a count that comes late",
		.threads = "fill|relieve",
		.n_at_start = 0,
		.n_free = 4,
		.sign = {"nothing is relieved, and the balloon has", 1},
		.predicted = {OK, OK, OK, FAIL, FAIL, HARDENED}},
	{.name = "H-20",
		.title = "two pass the test of a mark",
		.threads = "relieve|relieve",
		.n_at_start = 2,
		.n_free = 2,
		.sign = {": is_alone", 0},
		.predicted = {NONE, NONE, NONE, NONE, FAIL, HARDENED}},
	{.name = "H-20b",
		.title = "a waiter keeps the processor from whom it waits for",
		.threads = "leak|relieve",
		.n_at_start = 2,
		.n_free = 2,
		.sign = {": !spins_for_ever", 1},
		.predicted = {NONE, NONE, NONE, NONE, FAIL, HARDENED}},
	{.name = "H-21",
		.title = "nothing is listed, nothing is isolated",
		.threads = "leak|leak",
		.n_at_start = 1,
		.n_free = 3,
		.sign = {": !are_pages_lost", 1},
		.predicted = {OK, OK, OK, FAIL, FAIL, HARDENED}},
	{.name = "H-25",
		.title = "an old number over a new one",
		.threads = "relieve|relieve",
		.n_at_start = 2,
		.n_free = 2,
		.sign = {"the host reads that the balloon has",
			2}, /* at the end, which is the host's */
		.predicted = {FAIL, FAIL, FAIL, FAIL, FAIL, HARDENED}},
};
enum { N_HAZARDS = sizeof(hazards) / sizeof(hazards[0]) };

const char *driver_history_column(size_t i)
{
	return i < DRIVER_COLUMNS ? columns[i] : NULL;
}

const struct driver_hazard *driver_history_hazard(size_t i)
{
	return i < N_HAZARDS ? &hazards[i] : NULL;
}

const struct balloon_driver_design *driver_history_design(const char *name)
{
	for (size_t i = 0; i < N_FORMS; i++)
		if (!strcmp(forms[i]->design.name, name))
			return &forms[i]->design;
	return balloon_driver_design_find(name);
}

const struct historical_driver_form *driver_history_form(const struct balloon_driver_design *design)
{
	for (size_t i = 0; i < N_FORMS; i++)
		if (&forms[i]->design == design)
			return forms[i];
	return NULL;
}
