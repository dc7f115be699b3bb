/* SPDX-License-Identifier: MIT */
/* What the host says: a line of text, or the same as a JSON object. All of it is words and numbers. */

#include <inttypes.h>

#include "program.h"

enum { MIB = 1 << 20 };

void accounts_print_guest(
	const struct accounts *accounts, const struct slot *slot, const char *event)
{
	struct balloon_memfd_host_stats stats;
	report_read(&slot->report, &stats);
	if (accounts->is_json)
		output_print(OUTPUT_OUT,
			"{\"event\": \"%s\", \"guest\": %" PRIu64 ", \"pages\": %" PRIu64
			", \"page_size_bytes\": %" PRIu64 ", \"held\": %" PRIu64
			", \"requests\": %" PRIu64 ", \"inflated\": %" PRIu64
			", \"deflated\": %" PRIu64 ", \"refused\": %" PRIu64 "}\n",
			event, slot->number, stats.n_pages, stats.page_size, stats.n_held,
			stats.n_requests, stats.n_inflated, stats.n_deflated, stats.n_refused);
	else
		output_print(OUTPUT_OUT,
			"guest %" PRIu64 " %s: holds %" PRIu64 " of %" PRIu64 " pages, %" PRIu64
			" MiB; %" PRIu64 " requests, %" PRIu64 " refused\n",
			slot->number, event, stats.n_held, stats.n_pages,
			stats.n_held * stats.page_size / MIB, stats.n_requests, stats.n_refused);
}

void accounts_add(struct accounts *accounts, const struct slot *slot)
{
	struct balloon_memfd_host_stats stats;
	report_read(&slot->report, &stats);
	accounts->n_requests += stats.n_requests;
	accounts->n_refused += stats.n_refused;
	accounts->n_inflated += stats.n_inflated;
	accounts->n_deflated += stats.n_deflated;
}

void accounts_print_summary(const struct accounts *a)
{
	if (a->is_json)
		output_print(OUTPUT_OUT,
			"{\"event\": \"summary\", \"guests\": %" PRIu64 ", \"dropped\": %" PRIu64
			", \"requests\": %" PRIu64 ", \"inflated\": %" PRIu64
			", \"deflated\": %" PRIu64 ", \"refused\": %" PRIu64
			", \"held_max\": %" PRIu64 "}\n",
			a->n_guests, a->n_dropped, a->n_requests, a->n_inflated, a->n_deflated,
			a->n_refused, a->n_held_max);
	else
		output_print(OUTPUT_OUT,
			"%" PRIu64 " guests, %" PRIu64 " of them dropped; %" PRIu64
			" requests, %" PRIu64 " refused; %" PRIu64 " pages inflated, %" PRIu64
			" deflated, at most %" PRIu64 " held\n",
			a->n_guests, a->n_dropped, a->n_requests, a->n_refused, a->n_inflated,
			a->n_deflated, a->n_held_max);
}
