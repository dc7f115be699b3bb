/* SPDX-License-Identifier: MIT */
/* Where in the source an address of this program is. */
#ifndef EXPLORE_SOURCE_H
#define EXPLORE_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * Say of each of n return addresses which line called: "movable.c:213", of inlined code the line of the first
 * source file (a header's says little). By addr2line (binutils); where there is none, or no debugging
 * information, "dequeue+0x41", from the program's own symbol table.
 */
void source_lines(const uintptr_t *addresses, size_t n, char (*lines)[48]);

/** From now on say functions instead, "dequeue": they stay when lines move. */
void source_name_functions(bool are_named);

#endif
