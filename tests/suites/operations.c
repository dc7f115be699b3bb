/* SPDX-License-Identifier: MIT */

#include "operations.h"

const struct rule rules[N_OPERATIONS] = {
	[INSERT] = {"insert", BALLOON_PAGE_OWNED, BALLOON_PAGE_LISTED, -EEXIST},
	[ISOLATE] = {"isolate", BALLOON_PAGE_LISTED, BALLOON_PAGE_ISOLATED, -ESTALE},
	[PUTBACK] = {"putback", BALLOON_PAGE_ISOLATED, BALLOON_PAGE_LISTED, -ESTALE},
	[MIGRATE] = {"migrate, old", BALLOON_PAGE_ISOLATED, BALLOON_PAGE_OWNED, -ESTALE},
	[REPLACE] = {"migrate, new", BALLOON_PAGE_OWNED, BALLOON_PAGE_LISTED, -EEXIST},
	[FINALIZE] = {"finalize", BALLOON_PAGE_ISOLATED, BALLOON_PAGE_OWNED, -ESTALE},
};

int operate(struct fixture *f, enum operation operation, const struct balloon_page *pages,
	size_t n_pages)
{
	struct balloon_device *device = f->devices[0];
	struct balloon_page opposite[BATCH];
	for (size_t i = 0; i < n_pages; i++)
		opposite[i] = balloon_page(pages[i].index + REPLACEMENT);
	switch (operation) {
	case INSERT:
		return balloon_pages_insert(device, pages, n_pages);
	case ISOLATE:
		return balloon_pages_isolate(f->map, pages, n_pages);
	case PUTBACK:
		return balloon_pages_putback(f->map, pages, n_pages);
	case MIGRATE:
		return balloon_pages_migrate(device, opposite, pages, n_pages);
	case REPLACE:
		return balloon_pages_migrate(device, pages, opposite, n_pages);
	case FINALIZE:
		return balloon_pages_finalize(device, pages, n_pages);
	case N_OPERATIONS:
		break;
	}
	return -EINVAL;
}

void prepare_opposite(struct fixture *f, enum operation operation, uint32_t index)
{
	if (operation == REPLACE)
		put_into(f, index + REPLACEMENT, BALLOON_PAGE_ISOLATED);
}
