/* SPDX-License-Identifier: MIT */
/* For the gate's own test: what Criterion itself counts as passed, and seeded faults in workers. */

#define _POSIX_C_SOURCE 200809L /* getpid(), pause() */

#include <criterion/criterion.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int counter;
static void *volatile leak;

Test(traps, passes)
{
	cr_assert(1);
}

Test(traps, exits)
{
	exit(0);
}

static void fail(void)
{
	cr_assert_fail("on purpose");
}

Test(traps, fails)
{
	fail();
}

Test(traps, fails_in_fini, .fini = fail)
{
}

/* Tells its process number in the file that TRAPS_PID_FILE names. */
Test(traps, hangs)
{
	FILE *file = fopen(getenv("TRAPS_PID_FILE"), "w");
	fprintf(file, "%ld\n", (long)getpid());
	fclose(file);
	for (;;)
		pause();
}

Test(traps, crashes)
{
	abort();
}

Test(traps, leaks)
{
	leak = malloc(16);
	leak = NULL;
}

static void *count(void *unused)
{
	(void)unused;
	counter++;
	return NULL;
}

Test(traps, races)
{
	pthread_t threads[2];
	for (int i = 0; i < 2; i++)
		cr_assert(pthread_create(&threads[i], NULL, count, NULL) == 0);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
}
