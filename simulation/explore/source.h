/* SPDX-License-Identifier: MIT */
/* Where in the source an address of this program is. */
#ifndef EXPLORE_SOURCE_H
#define EXPLORE_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct source_place {
	char name[48];  /* "movable.c:213", "dequeue+0x41" */
	char path[256]; /* of the file */
	uint32_t line;  /* 0: it is not known */
};

/**
 * Say of each of n return addresses which line called, of inlined code the line of the first source file (a
 * header's says little). By addr2line (binutils); where there is none, or no debugging information, the function,
 * from the program's own symbol table.
 */
void source_find(const uintptr_t *addresses, size_t n, struct source_place *places);

/** What is written in that line. Returns false: it cannot be read, or the file is newer than this program. */
bool source_text(const struct source_place *place, char *text, size_t size);

/** From now on say functions instead, "dequeue": they stay when lines move. */
void source_name_functions(bool are_named);

#endif
