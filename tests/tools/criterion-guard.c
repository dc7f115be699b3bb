/* SPDX-License-Identifier: MIT */
/*
 * Linked into every Criterion program.
 *
 * With the linker's --wrap: a test that leaves by exit(0) counts as passed, whatever it had still to
 * check. Here it crashes instead.
 *
 * And each process ends with the one that started it: when a runner is killed because a test hangs,
 * the worker that hangs would otherwise go on for ever.
 */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>

__attribute__((constructor)) static void end_with_parent(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

_Noreturn void __wrap_exit(int status);
_Noreturn void __wrap__exit(int status);
_Noreturn void __wrap__Exit(int status);
_Noreturn void __wrap_quick_exit(int status);

static _Noreturn void refuse(int status)
{
	fprintf(stderr, "a test called exit(%d)\n", status);
	abort();
}

_Noreturn void __wrap_exit(int status)
{
	refuse(status);
}

_Noreturn void __wrap__exit(int status)
{
	refuse(status);
}

_Noreturn void __wrap__Exit(int status)
{
	refuse(status);
}

_Noreturn void __wrap_quick_exit(int status)
{
	refuse(status);
}
