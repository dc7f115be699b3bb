/* SPDX-License-Identifier: MIT */
/** What the shared library shows: everything else is hidden. */
#ifndef BALLOON_EXPORT_H
#define BALLOON_EXPORT_H

#if defined(__GNUC__)
#define BALLOON_EXPORT __attribute__((visibility("default")))
#else
#define BALLOON_EXPORT
#endif

#endif
