/* SPDX-License-Identifier: MIT */
/* The count of a counting build. */

#include <balloon/sync.h>

__thread uint64_t balloon_count_atomics;
