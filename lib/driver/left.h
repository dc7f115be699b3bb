/* SPDX-License-Identifier: MIT */
/* Requests that are nobody's: whoever comes looks after them. */
#ifndef BALLOON_DRIVER_LEFT_H
#define BALLOON_DRIVER_LEFT_H

#include "driver/batch.h"

/** Nobody waits: whoever comes takes the answer. If it is there, this is the end. */
void batch_leave(struct balloon_driver *driver, struct balloon_batch *batch);

/** Finish what is nobody's and can be finished by now_ns; the caller is inside. */
void driver_look_after(struct balloon_driver *driver, uint64_t now_ns);

/** The same, if there is reason to. */
void driver_look_after_if_due(struct balloon_driver *driver);

#endif
