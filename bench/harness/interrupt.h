/* SPDX-License-Identifier: MIT */
/* An interrupt (Ctrl-C) ends a measurement between two repeats: what is complete is kept. */
#ifndef HARNESS_INTERRUPT_H
#define HARNESS_INTERRUPT_H

#include <stdbool.h>

enum { EXIT_INTERRUPTED = 130 };

/** From now on the first interrupt is noted; the second one ends the program at once. */
void interrupt_watch(void);

/** Has the program been interrupted? */
bool is_interrupted(void);

#endif
