/* SPDX-License-Identifier: MIT */
#ifndef COMMON_PIN_H
#define COMMON_PIN_H

/**
 * Bind the calling thread to one of the CPUs that it may use, the number-th, counted in a circle.
 *
 * Threads that often wake each other are put on one CPU by many schedulers: then they take turns,
 * and nothing overlaps. Where threads cannot be bound this does nothing.
 */
void pin_thread(unsigned number);

#endif
