/* SPDX-License-Identifier: MIT */
/**
 * Frame sources: where a driver gets the page frames that it gives up, and where they go back to.
 *
 * A frame is a page of the driver's memory map that is in use by nobody. What hands frames out is
 * a kernel's page allocator, a zone (<balloon/zone.h>), or anything with an ops table of <balloon/frames-ops.h>.
 */
#ifndef BALLOON_FRAMES_H
#define BALLOON_FRAMES_H

#include <balloon/balloon.h>

#ifdef __cplusplus
extern "C" {
#endif

struct balloon_frames;

#ifdef __cplusplus
}
#endif

#endif
