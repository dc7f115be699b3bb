/* SPDX-License-Identifier: MIT */
/* The stub platform: a processor, memory, and a way to stop. */
#ifndef STUB_H
#define STUB_H

/* End the program with this status. */
_Noreturn void stub_exit(int status);

/* What a waiting thread of a program with one thread amounts to: a deadlock. */
#define STUB_STATUS_DEADLOCK 3

/* The program itself; its result is the exit status. */
int program(void);

#endif
