/* SPDX-License-Identifier: MIT */
/* What the host refused. */
#ifndef BALLOON_DRIVER_REFUSALS_H
#define BALLOON_DRIVER_REFUSALS_H

#include "driver/driver.h"

/** A frame that the host did not take. Returns false: no room to remember it, it is the source's. */
bool refusals_set_frame_aside(struct balloon_driver *driver, struct balloon_batch *batch,
	struct balloon_page page, int error);
/** A page that the host did not give back, and that is in `device` again: others come first. */
void refusals_set_page_aside(struct balloon_driver *driver, struct balloon_device *device,
	struct balloon_page page, int error);
/** Up to n frames that were set aside, and whose time comes by until_ns (BALLOON_NEVER: all), go back to
 * the source. Returns how many. */
uint32_t refusals_release_frames(struct balloon_driver *driver, uint32_t n, uint64_t until_ns);
/** Pages of a device whose time has come, up to n, their membership ended, for the host to be asked
 * again. Returns how many. */
uint32_t refusals_take_pages(struct balloon_driver *driver, struct balloon_device *device,
	struct balloon_page *pages, uint32_t n, uint64_t until_ns);
/** Pages of the balloon whose time has come are listed again: the host need not give them back now. */
void refusals_put_back(struct balloon_driver *driver, uint64_t until_ns);
/** All pages that are kept isolated for having been refused are listed again. */
void refusals_put_all_back(struct balloon_driver *driver);
/** When a refused page has its time; BALLOON_NEVER. The caller has the lock. */
uint64_t refusals_next_ns(const struct driver_state *state, enum refusal_kind kind);

#endif
