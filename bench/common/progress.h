/* SPDX-License-Identifier: MIT */
/* One line on stderr, when that is a terminal, which says how far long work has come. */
#ifndef COMMON_PROGRESS_H
#define COMMON_PROGRESS_H

/** Write the line anew. */
void progress_show(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** Take the line away. */
void progress_hide(void);

#endif
