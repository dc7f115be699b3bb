/* SPDX-License-Identifier: MIT */
/* Programs of scenes: a few threads each, run under the engine by seeds until one is found to be wrong. */
#ifndef SCENES_H
#define SCENES_H

#include "engine.h"

#include <stddef.h>

struct scene {
	const char *name;
	void (*play)(void *);
};

/**
 * Play each scene with so many seeds, both choosers and both times, up to the first finding, which is printed.
 *
 * Returns the exit status: 0 if nothing was found, or with "--mutant" if something was; else 1.
 */
int scenes_play(
	int argc, char **argv, const struct scene *scenes, size_t n_scenes, uint64_t n_seeds);

#endif
