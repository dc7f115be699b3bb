/* SPDX-License-Identifier: MIT */
/* Annotated builds: our shared words in drd's terms. */

#include <valgrind/drd.h>

#include "hooks/annotate.h"

void balloon_drd_ignore(const void *word, size_t size_bytes)
{
	ANNOTATE_BENIGN_RACE_SIZED(word, size_bytes, "shared word, see balloon/sync.h");
}
