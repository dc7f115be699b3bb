/* SPDX-License-Identifier: MIT */

#define _GNU_SOURCE 1 /* syscall numbers */

#include "refusal.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_process_madvise
#define SYS_process_madvise 440
#endif

enum { LOW_HALF = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? 0 : 4 };

/* A call of which this argument's low half is at least that. */
static bool refuse_above(uint32_t call, uint32_t argument, uint32_t least, int error)
{
	struct sock_filter rules[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			offsetof(struct seccomp_data, args) + 8 * argument + LOW_HALF),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, least, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {.len = sizeof(rules) / sizeof(*rules), .filter = rules};
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static bool refuse(uint32_t call, int error)
{
	return refuse_above(call, 0, 0, error);
}

bool refuse_process_madvise(int error, enum refused_for whom)
{
	/* Such numbers are negative: the largest ones of what a filter compares. */
	return refuse_above(SYS_process_madvise, 0, whom == REFUSED_FOR_ANY ? 0 : 1u << 31, error);
}

bool refuse_madvise(int error)
{
	return refuse(SYS_madvise, error);
}

bool refuse_wiping(int error)
{
	enum { ADVICE = 2, WIPE_ON_FORK = 18 };
	return refuse_above(SYS_madvise, ADVICE, WIPE_ON_FORK, error);
}

bool refuse_membarrier(int error)
{
	return refuse(SYS_membarrier, error);
}

bool refuse_pidfd_open(int error)
{
	return refuse(SYS_pidfd_open, error);
}

bool refuse_mincore(int error)
{
	return refuse(SYS_mincore, error);
}

bool refuse_open(int error)
{
	return refuse(SYS_openat, error);
}
