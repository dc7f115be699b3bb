/* SPDX-License-Identifier: MIT */
/* Compactors in memory of their own, for hosted programs. */

#include <stdlib.h>

#include <balloon/compactor.h>

int balloon_compactor_create(
	const struct balloon_compactor_config *config, struct balloon_compactor **compactor)
{
	size_t size_bytes;
	int result = balloon_compactor_size(config, &size_bytes);
	if (result < 0)
		return result;
	if (!compactor)
		return -EINVAL;
	void *memory = aligned_alloc(BALLOON_MEMORY_ALIGN, size_bytes);
	if (!memory)
		return -ENOMEM;
	result = balloon_compactor_init(memory, size_bytes, config, compactor);
	if (result < 0)
		free(memory);
	return result;
}

int balloon_compactor_destroy(struct balloon_compactor *compactor)
{
	int result = balloon_compactor_fini(compactor);
	if (result == 0)
		free(compactor); /* a compactor lies at the start of its memory */
	return result;
}
