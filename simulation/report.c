/* SPDX-License-Identifier: MIT */
/* What a run found, for people. */

#include "engine-internal.h"

#include <inttypes.h>

const char *engine_finding_name(enum engine_finding finding)
{
	static const char *const names[] = {
		[ENGINE_NONE] = "none",
		[ENGINE_CLAIM] = "claim",
		[ENGINE_ASSERTION] = "assertion",
		[ENGINE_CRASH] = "crash",
		[ENGINE_LOCK] = "lock",
		[ENGINE_DEADLOCK] = "deadlock",
		[ENGINE_WAKE_UP] = "lost wake-up",
		[ENGINE_SPIN] = "spin",
		[ENGINE_ENDLESS] = "endless",
		[ENGINE_RACE] = "race",
	};
	return names[finding];
}

const char *engine_point_name(unsigned kind)
{
	static const char *const names[] = {
		[ENGINE_POINT_READ] = "read",
		[ENGINE_POINT_WRITE] = "write",
		[ENGINE_POINT_LOAD] = "load",
		[ENGINE_POINT_STORE] = "store",
		[ENGINE_POINT_MODIFY] = "modify",
		[ENGINE_POINT_WAIT] = "wait",
		[ENGINE_POINT_WAKE] = "wake",
		[ENGINE_POINT_CLOCK] = "clock",
		[ENGINE_POINT_OTHER] = "point",
		[ENGINE_POINT_LOCKED] = "locked",
	};
	return names[kind];
}

extern const char __executable_start[];

static void print_point(
	const struct engine_report *report, const struct engine_point *point, FILE *file)
{
	fprintf(file, "  %8" PRIu64 "  %12.6f ms  %-14s %-6s", point->step,
		(double)point->now_ns / 1e6, report->names[point->thread],
		engine_point_name(point->kind));
	if (point->place)
		fprintf(file, " %s%#" PRIx64, point->is_in_arena ? "arena+" : "", point->place);
	if (point->size_bytes)
		fprintf(file, ":%u was %#" PRIx64, point->size_bytes, point->value);
	fprintf(file, "  at %#" PRIxPTR "\n", point->where - (uintptr_t)__executable_start);
}

void engine_print(const struct engine_report *report, FILE *file)
{
	if (report->finding == ENGINE_NONE) {
		fprintf(file, "nothing found in %" PRIu64 " points, seed %" PRIu64 ", %s\n",
			report->step, report->seed, report->chooser);
		return;
	}
	fprintf(file, "%s: %s\n", engine_finding_name(report->finding), report->what);
	fprintf(file, "  seed %" PRIu64 ", %s, point %" PRIu64 ", %.6f ms, thread %s\n",
		report->seed, report->chooser, report->step, (double)report->now_ns / 1e6,
		report->names[report->thread]);
	for (uint32_t i = 0; i < report->n_trace; i++)
		print_point(report, &report->trace[i], file);
}
