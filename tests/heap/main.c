/* SPDX-License-Identifier: MIT */
#include "claims.h"

/* With an argument: the caches' stress alone. */
int main(int argc, char **argv)
{
	(void)argv;
	if (argc > 1) {
		caches_stress_claims();
		return 0;
	}
	allocation_claims();
	calls_claims();
	caches_claims();
	adapters_claims();
	balloon_claims();
	pool_claims();
	shortage_claims();
	range_claims();
	units_claims();
	arena_claims();
	return 0;
}
