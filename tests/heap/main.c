/* SPDX-License-Identifier: MIT */
#include "claims.h"

int main(void)
{
	allocation_claims();
	balloon_claims();
	shortage_claims();
	range_claims();
	return 0;
}
