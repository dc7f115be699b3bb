/* SPDX-License-Identifier: MIT */
/* Oldest first, NULL after the last: made by the build from the options `strategies` and `drivers`. */
#ifndef BALLOON_BUILTIN_H
#define BALLOON_BUILTIN_H

struct balloon_strategy;
struct balloon_driver_design;

extern const struct balloon_strategy *const balloon_builtin_strategies[];
extern const struct balloon_driver_design *const balloon_builtin_driver_designs[];

#endif
