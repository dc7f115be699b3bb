/* SPDX-License-Identifier: MIT */

#include "explore/surroundings.h"

#include <stdio.h>
#include <string.h>

#include <balloon/list.h>
#include <balloon/strategy.h>

#include "../../strategies/historical/historical.h"

enum { N_ZONES = 2 };

static const struct historical_form *const forms[] = {
	&historical_page_lock_3_8,
	&historical_mapcount_3_18_rc,
	&historical_mapcount_3_18,
	&historical_mapcount_4_5,
	&historical_movable_5_3,
	&historical_device_lock_7_0,
	&historical_device_lock_naive,
	&historical_device_lock_finalize_outside,
};
enum { N_FORMS = sizeof(forms) / sizeof(forms[0]) };

static struct {
	struct balloon_memmap *map;
	const struct historical_form
		*form; /* of the map's strategy, or of what it was hardened from */
	bool is_hardened;
	struct balloon_lock lru_lock;
	struct balloon_atomic_word n_contended;
	uint32_t used; /* pages, a bit each */
	uint32_t n_in_zone[N_ZONES];
	uint32_t n_at_start[N_ZONES];
} around;

const struct historical_form *surroundings_form_at(size_t i)
{
	return i < N_FORMS ? forms[i] : NULL;
}

const struct historical_form *surroundings_form(const char *name)
{
	for (size_t i = 0; i < N_FORMS; i++)
		if (!strcmp(forms[i]->strategy->name, name))
			return forms[i];
	return NULL;
}

static const struct historical_form *form_hardened_as(const char *name)
{
	for (size_t i = 0; i < N_FORMS; i++)
		if (!strcmp(forms[i]->hardened, name))
			return forms[i];
	return NULL;
}

static uint32_t zone_of(uint32_t page)
{
	return page % N_ZONES;
}

static void count_ballooned(const struct look *look, uint32_t n_in_zone[N_ZONES])
{
	memset(n_in_zone, 0, N_ZONES * sizeof(*n_in_zone));
	for (uint32_t i = 0; i < around.map->descriptors.n_pages; i++)
		n_in_zone[zone_of(i)] += look->pages[i].state != BALLOON_PAGE_OWNED;
}

void surroundings_open(struct balloon_memmap *map, const struct look *look)
{
	const char *name = map->strategy->name;
	around.map = map;
	around.form = surroundings_form(name);
	around.is_hardened = !around.form;
	if (around.is_hardened)
		around.form = form_hardened_as(name);
	count_ballooned(look, around.n_at_start);
}

void surroundings_begin(void)
{
	around.used = 0;
	balloon_lock_init(&around.lru_lock, BALLOON_RANK_SLOTS, &around.n_contended);
	memcpy(around.n_in_zone, around.n_at_start, sizeof(around.n_in_zone));
}

/* ---- Names ----------------------------------------------------------------------------------- */

/* Of what every strategy has. */
static const struct historical_field common_fields[] = {
	{offsetof(struct balloon_device, open), "open"},
	{offsetof(struct balloon_device, stats.n_listed), "n_listed"},
	{offsetof(struct balloon_device, stats.n_isolated), "n_isolated"},
	{offsetof(struct balloon_device, stats.n_inserted), "n_inserted"},
	{offsetof(struct balloon_device, stats.n_dequeued), "n_dequeued"},
	{offsetof(struct balloon_device, stats.n_isolates), "n_isolates"},
	{offsetof(struct balloon_device, stats.n_putbacks), "n_putbacks"},
	{offsetof(struct balloon_device, stats.n_migrated), "n_migrated"},
	{offsetof(struct balloon_device, stats.n_finalized), "n_finalized"}, {0, NULL}};

static const char *find_field(const struct historical_field *fields, size_t offset)
{
	for (; fields && fields->name; fields++)
		if (fields->offset == offset)
			return fields->name;
	return NULL;
}

const char *surroundings_field_of_page(size_t offset)
{
	return around.form ? find_field(around.form->descriptor_fields, offset) : NULL;
}

const char *surroundings_field_of_device(size_t offset)
{
	const char *name = find_field(common_fields, offset);
	if (name || !around.form || offset < sizeof(struct balloon_device))
		return name;
	return find_field(around.form->device_fields, offset - sizeof(struct balloon_device));
}

/* ---- The allocator --------------------------------------------------------------------------- */

void surroundings_use(struct balloon_page page)
{
	if (!around.form || !around.form->use)
		return;
	around.used |= 1u << page.index;
	around.form->use(around.map, page);
}

void surroundings_end(void)
{
	for (; around.used; around.used &= around.used - 1)
		around.form->end_use(
			around.map, balloon_page((uint32_t)__builtin_ctz(around.used)));
}

/* ---- The migration code ---------------------------------------------------------------------- */

/* As the last of its list. The list itself is not modelled: it is nobody's here but the kernel's. */
void historical_put_on_lru(struct balloon_memmap *map, struct balloon_page page)
{
	struct balloon_link *link = balloon_page_link(&map->descriptors, page.index);
	BALLOON_WRITE(link->next, BALLOON_LINK_END);
	BALLOON_WRITE(link->previous, BALLOON_LINK_END);
}

/* ---- The scanner ----------------------------------------------------------------------------- */

bool surroundings_have(const volatile void *place)
{
	return (uintptr_t)place - (uintptr_t)&around < sizeof(around);
}

static bool needs_lru(void)
{
	return !around.is_hardened && around.form->needs_lru;
}

BALLOON_LOCK_INTERNALS bool surroundings_try_lru(void)
{
	return !needs_lru() || balloon_lock_try(&around.lru_lock);
}

BALLOON_LOCK_INTERNALS void surroundings_leave_lru(void)
{
	if (needs_lru())
		balloon_lock_release(&around.lru_lock);
}

void surroundings_reclaim(void)
{
	balloon_lock_acquire(&around.lru_lock);
	balloon_lock_release(&around.lru_lock);
}

/* ---- Zones ----------------------------------------------------------------------------------- */

static void count_pages(const struct balloon_page *pages, int n, uint32_t difference)
{
	for (int i = 0; i < n; i++)
		around.n_in_zone[zone_of(pages[i].index)] += difference;
}

void surroundings_count(const struct made *made)
{
	const struct call *call = &made->call;
	switch (call->operation) {
	case INSERT:
		count_pages(call->pages, made->result, 1);
		break;
	case DEQUEUE:
		count_pages(made->got, made->result, (uint32_t)-1);
		break;
	case FINALIZE:
		count_pages(call->pages, made->result, (uint32_t)-1);
		break;
	case MIGRATE:
		if (!around.is_hardened && around.form->is_drifting)
			break;
		count_pages(&call->pages[0], made->result, (uint32_t)-1);
		count_pages(&call->pages[1], made->result, 1);
		break;
	default:
		break;
	}
}

const char *surroundings_find_drift(const struct look *look)
{
	static char what[64];
	uint32_t n_in_zone[N_ZONES];
	count_ballooned(look, n_in_zone);
	for (uint32_t i = 0; i < N_ZONES; i++) {
		if (around.n_in_zone[i] == n_in_zone[i])
			continue;
		snprintf(what, sizeof(what), "zone %u counts %d ballooned pages, and has %u",
			(unsigned)i, (int)around.n_in_zone[i], (unsigned)n_in_zone[i]);
		return what;
	}
	return NULL;
}
