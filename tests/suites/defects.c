/* SPDX-License-Identifier: MIT */

#include <balloon/list.h>

#include "defects.h"

#include <string.h>

enum { PAGE = 0 };

void unlink_alone(void *descriptor)
{
	balloon_link_init((struct balloon_link *)descriptor);
}

void link_to_itself(void *descriptor)
{
	((struct balloon_link *)descriptor)->next = PAGE;
}

static void check_defect(const struct balloon_strategy *strategy, const struct defect *defect)
{
	struct balloon_finding finding = {"nothing", {0}, NULL};
	unsigned char saved[64];
	struct fixture f;
	fixture_open(&f, strategy);
	put_into(&f, PAGE, defect->state);
	put_into(&f, PAGE + 1, BALLOON_PAGE_LISTED);
	unsigned char *descriptor = balloon_descriptor(f.map, balloon_page(PAGE));
	CHECK(strategy->descriptor_bytes <= sizeof(saved));
	memcpy(saved, descriptor, strategy->descriptor_bytes);
	defect->seed(descriptor);
	int result = balloon_memmap_validate(f.map, &finding);
	cr_assert(result == -EUCLEAN && strcmp(finding.what, defect->what) == 0,
		"%s: found \"%s\" instead of \"%s\"", strategy->name, finding.what, defect->what);
	CHECK_EQ(finding.page.index, PAGE);
	memcpy(descriptor, saved, strategy->descriptor_bytes);
	fixture_close(&f);
}

void check_defects(
	const struct balloon_strategy *strategy, const struct defect *defects, size_t n_defects)
{
	strategy_under_test = strategy->name;
	for (size_t i = 0; i < n_defects; i++)
		check_defect(strategy, &defects[i]);
}
