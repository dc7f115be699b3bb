/* SPDX-License-Identifier: MIT */

#include "explore/past.h"

#include <stdio.h>

#include "simulation.h"
#include "text.h"

static struct historical_driver *past; /* of the arena */

void past_set_up(const struct historical_driver_form *form, uint32_t n_pages)
{
	struct balloon_device *device;
	past = engine_allocate(sizeof(*past), BALLOON_MEMORY_ALIGN);
	ENGINE_CHECK_EQ(balloon_device_create(sim->map, past, &device), 0);
	historical_driver_init(past, device, sim->host.channel, &sim->source.frames);
	past->form = form;
	sim->answered = historical_answer;
	for (uint32_t i = 0; i < n_pages; i++) {
		struct balloon_page page;
		ENGINE_CHECK(historical_allocate(past, &page));
		historical_enqueue(past, page);
		sim->host.pages[page.index] = PAGE_HOST;
	}
	past->n_pages.value = n_pages;
	past->actual = n_pages;
}

void past_fill(uint32_t n)
{
	historical_fill(past, n);
}

void past_leak(uint32_t n)
{
	historical_leak(past, n);
}

int past_relieve(uint32_t n)
{
	return (int)historical_relieve(past, n);
}

const struct balloon_device *past_device(void)
{
	return past->device;
}

/* ---- The end --------------------------------------------------------------------------------- */

static void check_page(uint32_t index)
{
	const struct balloon_strategy *strategy = balloon_memmap_strategy(sim->map);
	struct balloon_page_info info = strategy->inspect(sim->map, balloon_page(index));
	bool is_hosts = sim->host.pages[index] == PAGE_HOST;
	SIM_CHECK(is_hosts == (info.state != BALLOON_PAGE_OWNED),
		"page %u is in the balloon and not the host's, or the other way round", index);
	SIM_CHECK(is_hosts != (sim->source.is[index] == FRAME_FREE), "page %u is %s", index,
		is_hosts ? "free, and the host has it" : "lost");
}

void past_check_rest(void)
{
	struct balloon_finding finding = {NULL, {0}, NULL};
	uint32_t n_held = host_n_held();
	SIM_CHECK(balloon_memmap_validate(sim->map, &finding) == 0, "the map: %s", finding.what);
	for (uint32_t i = 0; i < sim->choice.n_pages; i++)
		check_page(i);
	SIM_CHECK(past->n_pages.value == n_held, "the driver counts %u pages, and the host has %u",
		(unsigned)past->n_pages.value, (unsigned)n_held);
	SIM_CHECK(past->actual == n_held,
		"the host reads that the balloon has %u pages, and has %u", (unsigned)past->actual,
		(unsigned)n_held);
}

/* ---- For people ------------------------------------------------------------------------------ */

static const char *field_at(size_t offset)
{
	const char *name = "";
	for (const struct historical_driver_field *field = historical_driver_fields; field->name;
		field++)
		if (field->offset <= offset)
			name = field->name;
	return name;
}

/* Of the map. */
static void name_in_map(uintptr_t at, char *text, size_t size)
{
	const struct balloon_memmap *map = sim->map;
	uintptr_t page = at - (uintptr_t)map->descriptors.first;
	uintptr_t device = at - (uintptr_t)map->slots;
	if (page < map->descriptors.n_pages * map->descriptors.stride_bytes)
		text_append(text, size, "page %u+%u",
			(unsigned)(page / map->descriptors.stride_bytes),
			(unsigned)(page % map->descriptors.stride_bytes));
	else if (device < map->slot_bytes)
		text_append(text, size, "device+%u", (unsigned)device);
	else
		text_append(text, size, "map+%u", (unsigned)(at - (uintptr_t)map));
}

void past_name_place(const volatile void *place, char *text, size_t size)
{
	uintptr_t at = (uintptr_t)place;
	*text = '\0';
	if (!place)
		return;
	if (at - (uintptr_t)past < sizeof(*past))
		text_append(text, size, "%s", field_at(at - (uintptr_t)past));
	else if (at - (uintptr_t)&sim->host < sizeof(sim->host))
		text_append(text, size, "channel+%u", (unsigned)(at - (uintptr_t)&sim->host));
	else if (at - (uintptr_t)sim < sizeof(*sim))
		text_append(text, size, "world+%u", (unsigned)(at - (uintptr_t)sim));
	else if (at > (uintptr_t)sim && at < (uintptr_t)past)
		name_in_map(at, text, size);
	else
		text_append(text, size, "own");
}

/* What the driver counts, and what is so. */
const char past_state_head[] = "n_pages actual listed host free";

static const char *const cells[] = {"n_pages", "actual", "listed", "host", "free"};
enum { N_CELLS = sizeof(cells) / sizeof(cells[0]) };

uint32_t past_n_cells(void)
{
	return N_CELLS;
}

void past_show_cell(uint32_t number, struct stage_cell *cell)
{
	const uint32_t values[N_CELLS] = {past->n_pages.value, past->actual,
		(uint32_t)past->device->stats.n_listed, host_n_held(), sim->source.n_free};
	cell->holder = STAGE_NOBODY;
	snprintf(cell->name, sizeof(cell->name), "%s", cells[number]);
	snprintf(cell->value, sizeof(cell->value), "%u", (unsigned)values[number]);
}
