/* SPDX-License-Identifier: MIT */
#include "claims.h"

int main(void)
{
	allocation_claims();
	calls_claims();
	caches_claims();
	adapters_claims();
	balloon_claims();
	pool_claims();
	shortage_claims();
	range_claims();
	return 0;
}
