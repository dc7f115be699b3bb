/* SPDX-License-Identifier: MIT */
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MESSAGE_HEAD = 3 }; /* flags, and a length of 16 bits */

uint8_t input_byte(struct input *input)
{
	if (input->n_bytes == 0)
		return 0;
	input->n_bytes--;
	return *input->bytes++;
}

bool input_message(struct input *input, struct message *message)
{
	if (input->n_bytes < MESSAGE_HEAD)
		return false;
	message->flags = input_byte(input);
	size_t n = input_byte(input);
	n |= (size_t)input_byte(input) << 8;
	if (n > input->n_bytes)
		n = input->n_bytes;
	message->n_bytes = n;
	message->bytes = malloc(n ? n : 1);
	if (!message->bytes)
		return false;
	memcpy(message->bytes, input->bytes, n);
	input->bytes += n;
	input->n_bytes -= n;
	return true;
}

void message_free(struct message *message)
{
	free(message->bytes);
}

void broken(const char *what, const char *file, int line)
{
	fprintf(stderr, "%s:%d: not so: %s\n", file, line, what);
	abort();
}
