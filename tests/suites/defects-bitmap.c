/* SPDX-License-Identifier: MIT */
/* There is no descriptor to break: words, summaries and counts of the map are. */

#define balloon_strategy_bitmap defects_bitmap
#include "../../strategies/bitmap.c"

#include "defects.h"

#include <string.h>

/* Page 0 of the first device's, page 1 of the second one's, listed; page 2 isolated. */
static void open_map(struct fixture *f)
{
	fixture_open(f, &defects_bitmap);
	CHECK_EQ(balloon_page_insert(f->devices[0], balloon_page(0)), 0);
	CHECK_EQ(balloon_page_insert(f->devices[1], balloon_page(1)), 0);
	CHECK_EQ(balloon_page_insert(f->devices[0], balloon_page(2)), 0);
	CHECK_EQ(balloon_page_isolate(f->map, balloon_page(2)), 0);
}

static void set_in_two_states(struct map_area *area)
{
	pairs_of(area, 0)[0].isolated.value |= 1;
}

static void set_in_two_balloons(struct map_area *area)
{
	pairs_of(area, 0)[1].listed.value |= 1;
}

static void forget_group(struct map_area *area)
{
	summary_of(part_at(area, 0, 0))[area->first_word[0]] = 0;
}

static void forget_word(struct map_area *area)
{
	summary_of(part_at(area, 0, 1))[area->first_word[2]] = 0;
}

static void unlist_alone(struct map_area *area)
{
	pairs_of(area, 0)[0].listed.value = 0;
}

static void count_once_more(struct map_area *area)
{
	part_at(area, 0, 0)->stats.n_listed++;
}

static void count_no_putback(struct map_area *area)
{
	part_at(area, 0, 0)->stats.n_putbacks++;
}

Test(defects, of_bitmap_are_found)
{
	static const char summary[] = "I1: a group's summary does not say what is listed there";
	static const struct {
		void (*seed)(struct map_area *);
		const char *what;
	} defects[] = {
		{set_in_two_states, "I2: a page is in more than one state, or balloon"},
		{set_in_two_balloons, "I2: a page is in more than one state, or balloon"},
		{forget_group, summary},
		{forget_word, summary},
		{unlist_alone, summary},
		{count_once_more, "I7: the listed count is not the number of listed pages"},
		{count_no_putback, "I7: isolations less their ends are not what is isolated"},
	};
	strategy_under_test = "bitmap";
	for (size_t i = 0; i < sizeof(defects) / sizeof(defects[0]); i++) {
		struct balloon_finding finding = {"nothing", {0}, NULL};
		static unsigned char saved[1 << 16];
		struct fixture f;
		open_map(&f);
		size_t n_bytes = (size_t)memmap_bytes(&(struct balloon_memmap_geometry){
			f.map->descriptors.n_pages, f.map->n_devices});
		CHECK(n_bytes <= sizeof(saved));
		memcpy(saved, area_of(f.map), n_bytes);
		defects[i].seed(area_of(f.map));
		int result = balloon_memmap_validate(f.map, &finding);
		cr_assert(result == -EUCLEAN && strcmp(finding.what, defects[i].what) == 0,
			"bitmap: found \"%s\" instead of \"%s\"", finding.what, defects[i].what);
		memcpy(area_of(f.map), saved, n_bytes);
		fixture_close(&f);
	}
}
