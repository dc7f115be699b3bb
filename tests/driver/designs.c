/* SPDX-License-Identifier: MIT */
#include "claims.h"

const struct balloon_driver_design *design_at(size_t index)
{
	return balloon_driver_design_at(index);
}
