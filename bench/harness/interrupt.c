/* SPDX-License-Identifier: MIT */
#include "harness/interrupt.h"

#include <signal.h>
#include <stddef.h>

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal)
{
	(void)signal;
	interrupted = 1;
}

void interrupt_watch(void)
{
	sigaction(SIGINT,
		&(struct sigaction){.sa_handler = on_interrupt, .sa_flags = (int)SA_RESETHAND},
		NULL);
}

bool is_interrupted(void)
{
	return interrupted;
}
