/* SPDX-License-Identifier: MIT */
/* What the host says: a line of text, or the same as a JSON object. All of it is words and numbers. */

#include <inttypes.h>
#include <stdio.h>

#include "program.h"

enum { MIB = 1 << 20 };

static void print_line(const struct accounts *accounts, const struct guest *guest,
	const struct balloon_memfd_host_stats *stats, const char *event)
{
	if (accounts->is_json)
		printf("{\"event\": \"%s\", \"guest\": %" PRIu64 ", \"pages\": %" PRIu64
		       ", \"page_size_bytes\": %" PRIu64 ", \"held\": %" PRIu64
		       ", \"requests\": %" PRIu64 ", \"inflated\": %" PRIu64
		       ", \"deflated\": %" PRIu64 ", \"refused\": %" PRIu64 "}\n",
			event, guest->number, stats->n_pages, stats->page_size, stats->n_held,
			stats->n_requests, stats->n_inflated, stats->n_deflated, stats->n_refused);
	else
		printf("guest %" PRIu64 " %s: holds %" PRIu64 " of %" PRIu64 " pages, %" PRIu64
		       " MiB; %" PRIu64 " requests, %" PRIu64 " refused\n",
			guest->number, event, stats->n_held, stats->n_pages,
			stats->n_held * stats->page_size / MIB, stats->n_requests,
			stats->n_refused);
	fflush(stdout);
}

void accounts_print_guest(
	const struct accounts *accounts, const struct guest *guest, const char *event)
{
	struct balloon_memfd_host_stats stats;
	if (balloon_memfd_host_stats(guest->host, &stats) == 0)
		print_line(accounts, guest, &stats, event);
}

void accounts_add(struct accounts *accounts, const struct guest *guest)
{
	struct balloon_memfd_host_stats stats;
	if (balloon_memfd_host_stats(guest->host, &stats) < 0)
		return;
	accounts->n_requests += stats.n_requests;
	accounts->n_refused += stats.n_refused;
	accounts->n_inflated += stats.n_inflated;
	accounts->n_deflated += stats.n_deflated;
}

void accounts_print_summary(const struct accounts *a)
{
	if (a->is_json)
		printf("{\"event\": \"summary\", \"guests\": %" PRIu64 ", \"dropped\": %" PRIu64
		       ", \"requests\": %" PRIu64 ", \"inflated\": %" PRIu64
		       ", \"deflated\": %" PRIu64 ", \"refused\": %" PRIu64
		       ", \"held_max\": %" PRIu64 "}\n",
			a->n_guests, a->n_dropped, a->n_requests, a->n_inflated, a->n_deflated,
			a->n_refused, a->n_held_max);
	else
		printf("%" PRIu64 " guests, %" PRIu64 " of them dropped; %" PRIu64
		       " requests, %" PRIu64 " refused; %" PRIu64 " pages inflated, %" PRIu64
		       " deflated, at most %" PRIu64 " held\n",
			a->n_guests, a->n_dropped, a->n_requests, a->n_refused, a->n_inflated,
			a->n_deflated, a->n_held_max);
	fflush(stdout);
}
