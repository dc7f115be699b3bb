/* SPDX-License-Identifier: MIT */
/*
 * A program in C++ that uses the library, and what the headers have for strategies. Where a type and a
 * function have one name, as balloon_page, the type is `struct balloon_page`, as in C.
 */

#include <balloon/balloon.h>
#include <balloon/list.h>
#include <balloon/strategy.h>
#include <balloon/sync.h>

#include <cstdio>
#include <cstring>
#include <vector>

namespace
{

/* A table from outside: a built-in one under another name. */
balloon_strategy renamed(const char *name)
{
	balloon_strategy table = *balloon_strategy_at(0);
	table.name = name;
	return table;
}

bool give_and_take(balloon_memmap *map, balloon_device *balloon)
{
	std::vector<struct balloon_page> pages;
	for (uint32_t i = 0; i < 8; i++)
		pages.push_back(balloon_page(i));
	if (balloon_pages_insert(balloon, pages.data(), pages.size()) != 8 ||
		balloon_page_isolate(map, pages[3]) != 0 ||
		balloon_page_device(map, pages[3]) != balloon ||
		balloon_page_migrate(balloon, balloon_page(20), pages[3]) != 0)
		return false;
	return balloon_pages_dequeue(balloon, pages.data(), pages.size()) == 8 &&
	       pages[0].index == 20;
}

/* The parts that are inline, the locks above all. */
bool lock_and_unlock()
{
	balloon_atomic_word n_contended{0};
	balloon_atomic_u32 flags{0};
	balloon_lock lock{};
	balloon_lock_init(&lock, BALLOON_RANK_PAGES, &n_contended);
	balloon_page_lock_init(&flags);
	balloon_page_lock(&flags, &n_contended);
	balloon_lock_acquire(&lock);
	balloon_lock_release(&lock);
	balloon_page_unlock(&flags);
	return balloon_atomic_load(&n_contended, BALLOON_RELAXED) == 0;
}

} // namespace

int main()
{
	const balloon_strategy strategy = renamed("from-outside");
	balloon_memmap_config config = {};
	config.strategy = &strategy;
	config.n_pages = 32;
	balloon_memmap *map = nullptr;
	balloon_device *balloon = nullptr;
	balloon_strategy_info info;

	if (balloon_memmap_create(&config, &map) < 0 ||
		balloon_device_create(map, nullptr, &balloon) < 0 ||
		balloon_strategy_describe(balloon_memmap_strategy(map), &info) < 0)
		return 1;
	std::printf("%s, %zu bytes a page\n", info.name, info.descriptor_bytes);
	bool is_done = std::strcmp(info.name, "from-outside") == 0 && lock_and_unlock() &&
		       give_and_take(map, balloon) && balloon_memmap_validate(map, nullptr) == 0 &&
		       balloon_device_destroy(map, balloon) == 0 &&
		       balloon_memmap_destroy(map) == 0;
	return is_done ? 0 : 1;
}
