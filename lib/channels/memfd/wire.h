/* SPDX-License-Identifier: MIT */
/*
 * The memfd protocol's messages, as bytes: docs/memfd-protocol.md. Numbers are little-endian and are put
 * together byte by byte, so that no message has to be aligned and no processor is special.
 */
#ifndef BALLOON_CHANNELS_MEMFD_WIRE_H
#define BALLOON_CHANNELS_MEMFD_WIRE_H

#include <balloon/memfd-host.h>

enum { MEMFD_VERSION = 1, MEMFD_ERROR_MAX = 4095 };

enum memfd_type {
	MEMFD_HELLO = 1,
	MEMFD_INFLATE = 2,
	MEMFD_DEFLATE = 3,
	MEMFD_ANSWER = 4,
};

/* Where things are. Each message begins with the header. */
enum {
	AT_TYPE = 0,    /* 16 bits */
	AT_VERSION = 2, /* 16 bits */
	AT_N_BYTES = 4, /* 32 bits: of the whole message */
	AT_ID = 8,      /* 64 bits; 0 for a hello and its answer */
	HEADER_BYTES = 16,

	HELLO_PAGE_SIZE = 16, /* 32 bits */
	HELLO_RESERVED = 20,  /* 32 bits, 0 */
	HELLO_N_PAGES = 24,   /* 64 bits */
	HELLO_BYTES = 32,

	REQUEST_N_RANGES = 16, /* 32 bits */
	REQUEST_N_PAGES = 20,  /* 32 bits: of all ranges together */
	REQUEST_RANGES = 24,   /* each: first page, number of pages; 32 bits each */
	RANGE_BYTES = 8,

	ANSWER_N_DONE = 16, /* 32 bits */
	ANSWER_ERROR = 20,  /* 32 bits, two's complement: 0 or a negative errno */
};

struct memfd_header {
	uint32_t type;
	uint32_t version;
	uint32_t n_bytes;
	uint64_t id;
};

static inline uint64_t memfd_get(const unsigned char *bytes, unsigned n_bytes)
{
	uint64_t value = 0;
	while (n_bytes-- > 0)
		value = value << 8 | bytes[n_bytes];
	return value;
}

static inline uint32_t memfd_get32(const unsigned char *bytes)
{
	return (uint32_t)memfd_get(bytes, 4);
}

static inline void memfd_put(unsigned char *bytes, unsigned n_bytes, uint64_t value)
{
	for (unsigned i = 0; i < n_bytes; i++)
		bytes[i] = (unsigned char)(value >> (8 * i));
}

static inline void memfd_put_header(
	unsigned char *message, enum memfd_type type, uint32_t n_bytes, uint64_t id)
{
	memfd_put(message + AT_TYPE, 2, type);
	memfd_put(message + AT_VERSION, 2, MEMFD_VERSION);
	memfd_put(message + AT_N_BYTES, 4, n_bytes);
	memfd_put(message + AT_ID, 8, id);
}

/** Read the header of a message that was received whole. False: that is not what it says itself. */
static inline bool memfd_get_header(
	const unsigned char *message, size_t n_bytes, struct memfd_header *header)
{
	if (n_bytes < HEADER_BYTES)
		return false;
	header->type = (uint32_t)memfd_get(message + AT_TYPE, 2);
	header->version = (uint32_t)memfd_get(message + AT_VERSION, 2);
	header->n_bytes = memfd_get32(message + AT_N_BYTES);
	header->id = memfd_get(message + AT_ID, 8);
	return header->n_bytes == n_bytes;
}

#endif
