/* SPDX-License-Identifier: MIT */
/* Annotated builds: our shared words in helgrind's terms. */

#include <valgrind/helgrind.h>

#include "hooks/annotate.h"

void balloon_helgrind_ignore(const void *word, size_t size_bytes)
{
	VALGRIND_HG_DISABLE_CHECKING(word, size_bytes);
}
