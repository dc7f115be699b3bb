/* SPDX-License-Identifier: MIT */
/* The files that a page is put together from; they end in 0. */
#ifndef EXPLORE_PAGE_FILES_H
#define EXPLORE_PAGE_FILES_H

extern const unsigned char page_html[];
extern const unsigned char page_css[];
extern const unsigned char page_js[];

#endif
