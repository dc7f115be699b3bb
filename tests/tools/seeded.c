/* SPDX-License-Identifier: MIT */
/* For the gate's own test: a plain program with one fault, named by its argument, and status 0. */

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int counter;
static void *volatile leak;
static volatile char sink;

static void leak_memory(void)
{
	leak = malloc(16);
	leak = NULL;
}

static void read_behind(void)
{
	static volatile size_t size_bytes = 16; /* unknown to the compiler */
	char *block = calloc(1, size_bytes);
	if (block)
		sink = block[size_bytes];
	free(block);
}

static void *count(void *unused)
{
	(void)unused;
	counter++;
	return NULL;
}

static void race(void)
{
	pthread_t threads[2];
	for (int i = 0; i < 2; i++)
		if (pthread_create(&threads[i], NULL, count, NULL) != 0)
			abort();
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
}

/* A child's reports do not change the parent's status. */
static void in_child(void (*fault)(void))
{
	pid_t child = fork();
	if (child == 0) {
		fault();
		exit(0);
	}
	waitpid(child, NULL, 0);
}

int main(int argc, char **argv)
{
	const char *fault = argc > 1 ? argv[1] : "none";
	if (!strcmp(fault, "leak"))
		in_child(leak_memory);
	if (!strcmp(fault, "invalid-read"))
		in_child(read_behind);
	if (!strcmp(fault, "race"))
		race();
	if (!strcmp(fault, "untraced")) /* as a Criterion program whose workers Valgrind lost */
		fputs("[====] Synthesis: Tested: 1 | Passing: 1 | Failing: 0 | Crashing: 0\n",
			stderr);
	return strcmp(fault, "skip") ? 0 : 77;
}
