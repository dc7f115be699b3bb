/* SPDX-License-Identifier: MIT */
/* The registry of built-in strategies, and tables from outside. */

#include "suite.h"

#include <stddef.h>
#include <string.h>

Test(strategy, every_built_in_one_is_found_by_its_name)
{
	struct balloon_strategy_info info;
	size_t n = 0;
	for (; balloon_strategy_at(n); n++) {
		const struct balloon_strategy *strategy = balloon_strategy_at(n);
		CHECK_EQ(balloon_strategy_describe(strategy, &info), 0);
		CHECK(balloon_strategy_find(info.name) == strategy);
		CHECK(info.era[0] != '\0');
		CHECK_EQ(info.descriptor_bytes, strategy->descriptor_bytes);
		CHECK_EQ(info.descriptor_align, strategy->descriptor_align);
	}
	CHECK(n > 0);
	CHECK(balloon_strategy_at(n + 1) == NULL);
	CHECK(balloon_strategy_at(SIZE_MAX) == NULL);
}

/* The position of a name in the order of the designs, however many of them are built in. */
static int age_of(const char *name)
{
	static const char *const oldest_first[] = {
		"page-lock", "mapcount", "movable", "device-lock", "isolated-bit", "bitmap"};
	for (int i = 0; i < 6; i++)
		if (strcmp(oldest_first[i], name) == 0)
			return i;
	return -1;
}

Test(strategy, built_in_ones_are_enumerated_oldest_design_first)
{
	for (size_t i = 0; balloon_strategy_at(i); i++) {
		CHECK(age_of(balloon_strategy_at(i)->name) >= 0);
		CHECK(i == 0 || age_of(balloon_strategy_at(i - 1)->name) <
					age_of(balloon_strategy_at(i)->name));
	}
}

Test(strategy, what_there_is_not_is_not_found)
{
	struct balloon_strategy_info info;
	CHECK(balloon_strategy_find(NULL) == NULL);
	CHECK(balloon_strategy_find("") == NULL);
	CHECK(balloon_strategy_find("no-such-lock") == NULL);
	CHECK(balloon_strategy_find(outside_strategy()->name) == NULL);
	for (size_t i = 0; balloon_strategy_at(i); i++) {
		char longer[64] = "";
		strncat(longer, balloon_strategy_at(i)->name, 32);
		CHECK(balloon_strategy_find(strcat(longer, "x")) == NULL);
		longer[3] = '\0';
		CHECK(balloon_strategy_find(longer) == NULL);
	}
	CHECK_EQ(balloon_strategy_describe(NULL, &info), -EINVAL);
	CHECK_EQ(balloon_strategy_describe(balloon_strategy_at(0), NULL), -EINVAL);
}

static int result_with(const struct balloon_strategy *strategy)
{
	struct balloon_memmap_config config = {.strategy = strategy, .n_pages = 1};
	size_t size_bytes;
	return balloon_memmap_size(&config, &size_bytes);
}

Test(strategy, a_table_from_outside_is_as_good_as_a_built_in_one)
{
	struct balloon_strategy_info info;
	CHECK_EQ(balloon_strategy_describe(outside_strategy(), &info), 0);
	CHECK_EQ(strcmp(info.name, "outside"), 0);
	CHECK_EQ(result_with(outside_strategy()), 0);
}

/* Function pointers by their place in the table: all that the strategy has to have. */
#define OP(name)                                                                                   \
	{                                                                                          \
#name, offsetof(struct balloon_strategy, name)                                     \
	}

static const struct {
	const char *name;
	size_t offset;
} required[] = {OP(name), OP(era), OP(device_open), OP(device_close), OP(device_stats), OP(insert),
	OP(dequeue), OP(isolate), OP(putback), OP(migrate), OP(finalize), OP(is_candidate),
	OP(device_of), OP(inspect)},
  optional[] = {OP(memmap_bytes), OP(device_bytes), OP(memmap_init), OP(memmap_fini),
	  OP(device_init), OP(device_fini), OP(descriptor_init), OP(descriptor_fini),
	  OP(list_next)};

static int result_without(size_t offset)
{
	struct balloon_strategy table = *balloon_strategy_at(0);
	memset((unsigned char *)&table + offset, 0, sizeof(void *));
	return result_with(&table);
}

Test(strategy, a_table_without_a_required_entry_is_refused)
{
	for (size_t i = 0; i < sizeof(required) / sizeof(required[0]); i++)
		cr_assert(result_without(required[i].offset) == -EINVAL, "without %s",
			required[i].name);
	for (size_t i = 0; i < sizeof(optional) / sizeof(optional[0]); i++)
		cr_assert(result_without(optional[i].offset) == 0, "without %s", optional[i].name);
}

Test(strategy, a_name_is_of_small_letters_digits_and_three_signs)
{
	static const char signs[] = "abcdefghijklmnopqrstuvwxyz0123456789-@.";
	struct balloon_strategy table = *balloon_strategy_at(0);
	table.name = "";
	CHECK_EQ(result_with(&table), -EINVAL);
	for (int sign = 1; sign < 256; sign++) {
		const char name[] = {'a', (char)sign, 'b', '\0'};
		table.name = name;
		int expected = strchr(signs, sign) ? 0 : -EINVAL;
		cr_assert(result_with(&table) == expected, "name '%s'", name);
	}
}

Test(strategy, a_table_that_makes_no_sense_is_refused)
{
	static const size_t bad_aligns[] = {0, 3, 24, 2 * BALLOON_MEMORY_ALIGN};
	struct balloon_strategy table = *balloon_strategy_at(0);
	table.abi = BALLOON_STRATEGY_ABI + 1;
	CHECK_EQ(result_with(&table), -EINVAL);
	table = *balloon_strategy_at(0);
	table.order = BALLOON_ORDER_LIFO + 1;
	CHECK_EQ(result_with(&table), -EINVAL);
	table = *balloon_strategy_at(0);
	for (size_t i = 0; i < sizeof(bad_aligns) / sizeof(bad_aligns[0]); i++) {
		table.descriptor_align = bad_aligns[i];
		cr_assert(result_with(&table) == -EINVAL, "align %zu", bad_aligns[i]);
	}
}
