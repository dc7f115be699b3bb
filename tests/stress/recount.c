/* SPDX-License-Identifier: MIT */
/* What has to hold while nothing is under way: the library's state against the shadow's. */

#include "worker.h"

static void add_counts(struct balloon_device_stats *sum, const struct balloon_device_stats *one)
{
	sum->n_inserted += one->n_inserted;
	sum->n_dequeued += one->n_dequeued;
	sum->n_isolates += one->n_isolates;
	sum->n_putbacks += one->n_putbacks;
	sum->n_migrated += one->n_migrated;
	sum->n_finalized += one->n_finalized;
}

/* What all threads counted for one device. */
static struct balloon_device_stats sum_books(const struct run *run, unsigned device)
{
	struct balloon_device_stats sum = {0};
	for (unsigned i = 0; i <= run->options->n_threads; i++)
		add_counts(&sum, &run->workers[i].counted[device]);
	return sum;
}

static void count_marks(const struct run *run, unsigned device, struct balloon_device_stats *stats)
{
	for (uint32_t i = 0; i < run->options->n_pages; i++) {
		struct shadow_mark mark = shadow_look(&run->shadow, balloon_page(i));
		if (mark.state == BALLOON_PAGE_OWNED || mark.device != device)
			continue;
		stats->n_listed += mark.state == BALLOON_PAGE_LISTED;
		stats->n_isolated += mark.state == BALLOON_PAGE_ISOLATED;
	}
}

/* A device's counts are what the threads did, and its pages those that the shadow has there. */
static void check_device(struct run *run, unsigned device)
{
	const struct shadow_thread *thread = &run_main_worker(run)->thread;
	struct balloon_device_stats expected = sum_books(run, device);
	struct balloon_device_stats found;
	count_marks(run, device, &expected);
	if (balloon_device_stats(run->devices[device], &found) < 0)
		shadow_fail(thread, "I7: device %u has no statistics", device);
	const struct {
		const char *name;
		uint64_t expected;
		uint64_t found;
	} counts[] = {
		{"I3: isolated", expected.n_isolated, found.n_isolated},
		{"I7: listed", expected.n_listed, found.n_listed},
		{"I7: inserted", expected.n_inserted, found.n_inserted},
		{"I7: dequeued", expected.n_dequeued, found.n_dequeued},
		{"I7: isolations", expected.n_isolates, found.n_isolates},
		{"I7: put back", expected.n_putbacks, found.n_putbacks},
		{"I7: migrated", expected.n_migrated, found.n_migrated},
		{"I7: finalized", expected.n_finalized, found.n_finalized},
	};
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		if (counts[i].expected != counts[i].found)
			shadow_fail(thread, "%s: device %u: expected %llu, found %llu",
				counts[i].name, device, (unsigned long long)counts[i].expected,
				(unsigned long long)counts[i].found);
}

void recount(struct run *run)
{
	struct balloon_finding finding;
	if (balloon_memmap_validate(run->map, &finding) < 0)
		shadow_fail(&run_main_worker(run)->thread, "%s (page %u)", finding.what,
			(unsigned)finding.page.index);
	for (unsigned device = 0; device < run->options->n_devices; device++)
		check_device(run, device);
}
