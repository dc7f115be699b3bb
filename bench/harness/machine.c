/* SPDX-License-Identifier: MIT */
#include "harness/session.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"

enum { TEXT_MAX = 256 };

/* The processor's name as Linux has it; "unknown" where there is none. */
static void read_cpu(char *name)
{
	char line[TEXT_MAX];
	FILE *file = fopen("/proc/cpuinfo", "r");
	strcpy(name, "unknown");
	while (file && fgets(line, sizeof line, file)) {
		char *colon = strchr(line, ':');
		if (!colon || strncmp(line, "model name", 10) != 0)
			continue;
		line[strcspn(line, "\n")] = '\0';
		snprintf(name, TEXT_MAX, "%s", colon[1] == ' ' ? colon + 2 : colon + 1);
		break;
	}
	if (file)
		fclose(file);
}

static void read_date(char *date, size_t size)
{
	time_t now = time(NULL);
	struct tm utc;
	gmtime_r(&now, &utc);
	strftime(date, size, "%Y-%m-%dT%H:%M:%SZ", &utc);
}

/* What a measured duration holds of the clock itself. */
static json_int_t clock_cost_ns(void)
{
	uint64_t least = UINT64_MAX;
	for (int i = 0; i < 1000; i++) {
		uint64_t begin = now_ns();
		uint64_t cost = now_ns() - begin;
		least = cost < least ? cost : least;
	}
	return (json_int_t)least;
}

json_t *machine_json(bool is_pinned)
{
	char cpu[TEXT_MAX], date[32];
	struct utsname system;
	uname(&system);
	read_cpu(cpu);
	read_date(date, sizeof date);
#ifdef __clang__
	static const char compiler[] = __VERSION__;
#else
	static const char compiler[] = "gcc " __VERSION__;
#endif
	return json_pack("{s:s, s:I, s:s+++, s:s, s:s, s:b, s:s, s:I}", "cpu", cpu, "cores",
		(json_int_t)sysconf(_SC_NPROCESSORS_ONLN), "kernel", system.sysname, " ",
		system.release, "", "compiler", compiler, "library", BENCH_VERSION, "pinned",
		is_pinned, "date", date, "clock_ns", clock_cost_ns());
}
