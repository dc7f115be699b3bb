/* SPDX-License-Identifier: MIT */
/*
 * Deadlines far away are one sleep: no busy loop, and no early end.
 *
 * A thread waits; once the kernel says that it sleeps, it is woken, and has returned once. One that
 * does not sleep is waited for for ever. No time is measured.
 *
 * Symptom: a wait that should sleep for a hundred years returned all the time, on systems of 32
 * bits any wait. Cause: the C library's time in a system call that takes the kernel's; seconds that
 * do not fit.
 */

#define _GNU_SOURCE 1 /* gettid() */

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <balloon/sync.h>

#include "channels/memfd/guest.h"

static const uint64_t lengths_ns[] = {UINT64_C(3600) * 1000000000,
	UINT64_C(0x80000000) * 1000000000, UINT64_C(100) * 365 * 86400 * 1000000000, UINT64_MAX / 4,
	INT64_MAX, UINT64_MAX / 2 + 2, UINT64_MAX - 1, UINT64_MAX};

struct sleeper {
	uint64_t deadline_ns;
	void (*sleep)(struct sleeper *sleeper);
	int ends[2]; /* of a socket */
	struct balloon_atomic_u32 word;
	struct balloon_atomic_u32 is_over;
	struct balloon_atomic_u32 tid;
	uint32_t n_returns;
};

static void sleep_on_word(struct sleeper *sleeper)
{
	balloon_platform_wait_until(&sleeper->word.value, 0, sleeper->deadline_ns);
}

static void sleep_on_socket(struct sleeper *sleeper)
{
	balloon_memfd_sleep(sleeper->ends[0], -1, sleeper->deadline_ns);
}

static void *sleep_until_over(void *argument)
{
	struct sleeper *sleeper = argument;
	balloon_atomic_store(&sleeper->tid, (uint32_t)syscall(SYS_gettid), BALLOON_RELEASE);
	while (!balloon_atomic_load(&sleeper->is_over, BALLOON_ACQUIRE)) {
		sleeper->sleep(sleeper);
		sleeper->n_returns++;
	}
	return NULL;
}

/* What the kernel says of a thread. */
static char state_of(uint32_t tid)
{
	char path[64];
	char line[256] = "";
	snprintf(path, sizeof(path), "/proc/self/task/%u/stat", tid);
	FILE *file = fopen(path, "r");
	if (!file)
		return '?';
	if (!fgets(line, sizeof(line), file))
		line[0] = 0;
	fclose(file);
	const char *name_end = strrchr(line, ')');
	return name_end && name_end[1] ? name_end[2] : '?';
}

static void await_sleep(struct sleeper *sleeper)
{
	enum { LOOKS = 100 };
	uint32_t tid;
	while ((tid = balloon_atomic_load(&sleeper->tid, BALLOON_ACQUIRE)) == 0)
		sched_yield();
	/* Asleep for a while: one that spins is seen awake, too. */
	for (int n = 0; n < LOOKS; sched_yield())
		n = state_of(tid) == 'S' ? n + 1 : 0;
}

static int try(void (*sleep)(struct sleeper *), uint64_t deadline_ns)
{
	static struct sleeper sleeper;
	pthread_t thread;
	sleeper = (struct sleeper){.deadline_ns = deadline_ns, .sleep = sleep};
	balloon_atomic_init(&sleeper.word, 0, BALLOON_SHARED_EVENT);
	balloon_atomic_init(&sleeper.is_over, 0, BALLOON_SHARED_EVENT);
	balloon_atomic_init(&sleeper.tid, 0, BALLOON_SHARED_EVENT);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sleeper.ends) < 0 ||
		pthread_create(&thread, NULL, sleep_until_over, &sleeper) != 0)
		return 1;
	await_sleep(&sleeper);
	balloon_atomic_store(&sleeper.is_over, 1, BALLOON_RELEASE);
	balloon_atomic_store(&sleeper.word, 1, BALLOON_RELEASE);
	balloon_platform_wake(&sleeper.word.value, 1);
	close(sleeper.ends[1]);
	pthread_join(thread, NULL);
	close(sleeper.ends[0]);
	if (sleeper.n_returns == 1)
		return 0;
	fprintf(stderr, "channel-deadlines: %u returns\n", sleeper.n_returns);
	return 1;
}

int main(void)
{
	int result = 0;
	uint64_t now_ns = balloon_platform_now_ns();
	for (size_t i = 0; i < sizeof(lengths_ns) / sizeof(*lengths_ns) && result == 0; i++) {
		uint64_t length_ns = lengths_ns[i];
		uint64_t deadline_ns =
			length_ns < UINT64_MAX - now_ns ? now_ns + length_ns : length_ns;
		result = try(sleep_on_word, deadline_ns) || try(sleep_on_socket, deadline_ns);
	}
	return result;
}
