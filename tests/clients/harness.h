/* SPDX-License-Identifier: MIT */
/*
 * Real programs on a heap whose balloon never rests.
 *
 * A program does its work twice: with the system's malloc, and on a heap, beside a thread that moves the
 * balloon's target between a tenth and nine tenths of it. The results are equal, no allocation failed,
 * and what the kernel had of the heap was no more than the balloon left of it. Runs of odd seeds hold off
 * inflating for 1 ms after a relief, those of even ones for 1 s, as in production.
 *
 * Nothing here is bounded by time. A run takes as long as it takes.
 */
#ifndef CLIENTS_HARNESS_H
#define CLIENTS_HARNESS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <balloon/heap.h>

#define CHECK(condition) check((condition), #condition, __FILE__, __LINE__)

/** Says what is not true, and what the heap counted, and ends with status 1. */
void check(bool is_true, const char *what, const char *file, int line);

/** Random numbers that depend on nothing but where they began. */
uint32_t below(uint64_t *random, uint32_t n);

/** What a result adds to a digest. */
uint64_t digest(uint64_t before, const void *bytes, size_t n_bytes);

/**
 * One piece of work: what it computed, as a digest. heap NULL: by the system's malloc. The same seed
 * makes the same work. When it returns, it has given all its memory back.
 */
typedef uint64_t (*client_work)(struct balloon_heap *heap, uint64_t seed);

/** main() of a client: --runs N (2), --seed N (1), --help. */
int client_main(int argc, char **argv, const char *name, client_work work);

/** The same work in n_threads threads at once, each with a seed of its own: the digest of them all. */
uint64_t in_threads(client_work work, uint32_t n_threads, struct balloon_heap *heap, uint64_t seed);

#endif
