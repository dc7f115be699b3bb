/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE 1 /* CPU sets are no part of POSIX */
#include "pin.h"

#include <sched.h>

#ifdef CPU_SET

/* The CPU of the set with this number, of those that are in it. */
static size_t find_cpu(const cpu_set_t *set, unsigned number)
{
	size_t cpu = 0;
	while (!CPU_ISSET(cpu, set) || number-- > 0)
		cpu++;
	return cpu;
}

void pin_thread(unsigned number)
{
	cpu_set_t set;
	if (sched_getaffinity(0, sizeof set, &set) < 0 || CPU_COUNT(&set) == 0)
		return;
	size_t cpu = find_cpu(&set, number % (unsigned)CPU_COUNT(&set));
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof set, &set);
}

#else

void pin_thread(unsigned number)
{
	(void)number;
}

#endif
