/* SPDX-License-Identifier: MIT */
/*
 * Linked into every Criterion program, with the linker's --wrap: a test that leaves by exit(0) counts
 * as passed, whatever it had still to check. Here it crashes instead.
 */

#include <stdio.h>
#include <stdlib.h>

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
