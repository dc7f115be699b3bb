/* SPDX-License-Identifier: MIT */
#ifndef REPORT_CSS_H
#define REPORT_CSS_H

/** How the page looks: on wide and narrow screens, and on paper. */
extern const char css[];

#endif
