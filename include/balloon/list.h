/* SPDX-License-Identifier: MIT */
/**
 * Page lists: doubly linked through the descriptors, by page numbers instead of pointers.
 *
 * A descriptor that is to be on a list begins with a struct balloon_link. All accesses are plain:
 * the caller holds the lock that protects the list, which also protects the links of its pages.
 * `pages` is the map's descriptors, or a loop's own copy of that.
 */
#ifndef BALLOON_LIST_H
#define BALLOON_LIST_H

#include <balloon/strategy.h>

#ifdef __cplusplus
extern "C" {
#endif

#define BALLOON_LINK_END      UINT32_C(0xffffffff) /* no page before, or after */
#define BALLOON_LINK_UNLINKED UINT32_C(0xfffffffe) /* on no list */

struct balloon_link {
	uint32_t next;
	uint32_t previous;
};

struct balloon_list {
	uint32_t first;
};

static inline struct balloon_link *balloon_page_link(
	const struct balloon_descriptors *pages, uint32_t index)
{
	return (struct balloon_link *)balloon_descriptor_at(pages, index);
}

static inline void balloon_list_init(struct balloon_list *list)
{
	BALLOON_WRITE(list->first, BALLOON_LINK_END);
}

static inline void balloon_link_init(struct balloon_link *link)
{
	BALLOON_WRITE(link->next, BALLOON_LINK_UNLINKED);
	BALLOON_WRITE(link->previous, BALLOON_LINK_UNLINKED);
}

static inline bool balloon_link_is_linked(const struct balloon_link *link)
{
	return BALLOON_READ(link->next) != BALLOON_LINK_UNLINKED ||
	       BALLOON_READ(link->previous) != BALLOON_LINK_UNLINKED;
}

/** Put an unlinked page at the head. */
static inline void balloon_list_push(const struct balloon_descriptors *pages,
	struct balloon_list *list, struct balloon_page page)
{
	struct balloon_link *link = balloon_page_link(pages, page.index);
	uint32_t first = BALLOON_READ(list->first);
	BALLOON_ASSERT(!balloon_link_is_linked(link));
	BALLOON_WRITE(link->next, first);
	BALLOON_WRITE(link->previous, BALLOON_LINK_END);
	if (first != BALLOON_LINK_END)
		BALLOON_WRITE(balloon_page_link(pages, first)->previous, page.index);
	BALLOON_WRITE(list->first, page.index);
}

/** Take a page of this list off it. */
static inline void balloon_list_unlink(const struct balloon_descriptors *pages,
	struct balloon_list *list, struct balloon_page page)
{
	struct balloon_link *link = balloon_page_link(pages, page.index);
	uint32_t next = BALLOON_READ(link->next);
	uint32_t previous = BALLOON_READ(link->previous);
	BALLOON_ASSERT(balloon_link_is_linked(link));
	if (previous == BALLOON_LINK_END)
		BALLOON_WRITE(list->first, next);
	else
		BALLOON_WRITE(balloon_page_link(pages, previous)->next, next);
	if (next != BALLOON_LINK_END)
		BALLOON_WRITE(balloon_page_link(pages, next)->previous, previous);
	balloon_link_init(link);
}

/** Take the head of a list that is not empty off it. */
static inline struct balloon_page balloon_list_pop(
	const struct balloon_descriptors *pages, struct balloon_list *list)
{
	uint32_t first = BALLOON_READ(list->first);
	struct balloon_link *link = balloon_page_link(pages, first);
	uint32_t next = BALLOON_READ(link->next);
	BALLOON_ASSERT(BALLOON_READ(link->previous) == BALLOON_LINK_END);
	BALLOON_WRITE(list->first, next);
	if (next != BALLOON_LINK_END)
		BALLOON_WRITE(balloon_page_link(pages, next)->previous, BALLOON_LINK_END);
	balloon_link_init(link);
	return balloon_page(first);
}

/** The page after this one, the first for BALLOON_LINK_END, BALLOON_LINK_END after the last. */
static inline uint32_t balloon_list_next(
	const struct balloon_descriptors *pages, const struct balloon_list *list, uint32_t index)
{
	return index == BALLOON_LINK_END ? BALLOON_READ(list->first)
					 : BALLOON_READ(balloon_page_link(pages, index)->next);
}

/** Do a page's neighbours on this list, or the list's head, point back at it? */
static inline bool balloon_list_is_sound_at(const struct balloon_descriptors *pages,
	const struct balloon_list *list, struct balloon_page page)
{
	const struct balloon_link *link = balloon_page_link(pages, page.index);
	uint32_t next = BALLOON_READ(link->next);
	uint32_t previous = BALLOON_READ(link->previous);
	if ((next >= pages->n_pages && next != BALLOON_LINK_END) ||
		(previous >= pages->n_pages && previous != BALLOON_LINK_END))
		return false;
	if (next != BALLOON_LINK_END &&
		BALLOON_READ(balloon_page_link(pages, next)->previous) != page.index)
		return false;
	return balloon_list_next(pages, list, previous) == page.index;
}

#ifdef __cplusplus
}
#endif

#endif
