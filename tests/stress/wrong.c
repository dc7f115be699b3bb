/* SPDX-License-Identifier: MIT */
/*
 * Wrong calls on purpose. The page is the caller's, so what must come of each is known: the error
 * of the wrong state, or "again" where a scanner with a stale view is at the page just now. That a
 * refused call changed nothing (I10) is held against the shadow state by whatever comes next.
 */

#include "worker.h"

#include <string.h>

static void expect(struct worker *worker, const char *call, struct balloon_page page, int result,
	int expected, int or_else)
{
	if (result == expected || result == or_else)
		return;
	shadow_fail(&worker->thread, "I10: %s, page %u: expected %s, got %s", call,
		(unsigned)page.index, strerror(-expected),
		result < 0 ? strerror(-result) : "success");
}

void wrong_with_owned(struct worker *worker, struct balloon_page page)
{
	struct run *run = worker->run;
	uint16_t device = worker_random_device(worker);
	switch (worker_random(worker, 4)) {
	case 0:
		expect(worker, "isolate of an owned page", page,
			balloon_page_isolate(run->map, page), -ESTALE, -EAGAIN);
		break;
	case 1:
		expect(worker, "putback of an owned page", page,
			balloon_page_putback(run->map, page), -ESTALE, -ESTALE);
		break;
	case 2:
		expect(worker, "finalize of an owned page", page,
			balloon_page_finalize(run->devices[device], page), -ESTALE, -ESTALE);
		break;
	default:
		expect(worker, "migrate onto itself", page,
			balloon_page_migrate(run->devices[device], page, page), -EINVAL, -EINVAL);
		break;
	}
}

void wrong_with_isolated(struct worker *worker, struct balloon_page page)
{
	struct run *run = worker->run;
	uint16_t n_devices = (uint16_t)run->options->n_devices;
	uint16_t device = shadow_look(&run->shadow, page).device;
	struct balloon_device *another = run->devices[(device + 1) % n_devices];
	switch (worker_random(worker, 3)) {
	case 0:
		expect(worker, "insert of an isolated page", page,
			balloon_page_insert(another, page), -EEXIST, -EAGAIN);
		break;
	case 1:
		expect(worker, "second isolate", page, balloon_page_isolate(run->map, page),
			-ESTALE, -EAGAIN);
		break;
	default:
		if (n_devices > 1)
			expect(worker, "finalize by another device", page,
				balloon_page_finalize(another, page), -EXDEV, -EXDEV);
		break;
	}
}
