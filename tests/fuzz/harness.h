/* SPDX-License-Identifier: MIT */
/*
 * What the fuzzed programs share: an input is a few bytes of set-up and then messages, each after its
 * flags and its length. make-seeds writes such files.
 */
#ifndef FUZZ_HARNESS_H
#define FUZZ_HARNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** One input, whatever it is: returns 0, or does not return. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

/** What has not been read of an input. */
struct input {
	const uint8_t *bytes;
	size_t n_bytes;
};

/** The next byte; 0 past the end. */
uint8_t input_byte(struct input *input);

/** A message: a copy of its own, of exactly its length, so that sanitizers see its ends. */
struct message {
	uint8_t flags;
	uint8_t *bytes;
	size_t n_bytes;
};

/** The next message; false after the last one. The caller calls message_free(). */
bool input_message(struct input *input, struct message *message);
void message_free(struct message *message);

/** An invariant, and the place where it is broken. */
#define HOLD(condition) ((condition) ? (void)0 : broken(#condition, __FILE__, __LINE__))
_Noreturn void broken(const char *what, const char *file, int line);

#endif
