/* SPDX-License-Identifier: MIT */

#include "suite.h"

#include <balloon/balloon.h>

#include <string.h>

Test(version, is_one_in_headers_library_and_build)
{
	CHECK(strcmp(balloon_version(), BALLOON_VERSION) == 0);
	CHECK(strcmp(balloon_version(), PROJECT_VERSION) == 0);
}
