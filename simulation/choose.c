/* SPDX-License-Identifier: MIT */
/* Choices from a seed. */

#include "engine.h"

#include <string.h>

static uint64_t state;

static uint64_t mix(uint64_t z)
{
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static void begin(const struct engine_chooser *chooser, uint64_t seed)
{
	(void)chooser;
	state = mix(seed + UINT64_C(0x9e3779b97f4a7c15));
}

/* SplitMix64, and the upper half of a product in place of a remainder. */
static uint32_t choose(const struct engine_chooser *chooser, enum engine_choice choice, uint32_t n)
{
	(void)chooser;
	(void)choice;
	state += UINT64_C(0x9e3779b97f4a7c15);
	return (uint32_t)(((mix(state) >> 32) * n) >> 32);
}

const struct engine_chooser engine_random = {
	.name = "random",
	.policy = ENGINE_UNIFORM,
	.begin = begin,
	.choose = choose,
};

const struct engine_chooser engine_pct = {
	.name = "pct",
	.policy = ENGINE_PRIORITY,
	.begin = begin,
	.choose = choose,
};

const struct engine_chooser *engine_chooser_find(const char *name)
{
	if (!strcmp(name, engine_random.name))
		return &engine_random;
	return !strcmp(name, engine_pct.name) ? &engine_pct : NULL;
}
