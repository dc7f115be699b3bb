/* SPDX-License-Identifier: MIT */
/*
 * What history's defects were set in: small models of the kernel around a page strategy, for the scenarios that
 * are named historical (historical.h).
 *
 *   the allocator        gives a page that has left the balloon to somebody who uses its descriptor for himself
 *   the migration code   puts what it takes for an ordinary page on a list, through the link of balloon's lists
 *   the scanner          in the form's days isolates only while it has the lock of those lists, which others
 *                        want as well (H-37)
 *   zones                count the ballooned pages that are in them: page 0, 2, ... in the one, 1, 3, ... in the other
 *   devices              are gone once they are closed, with the memory that is theirs: whoever touches it then has
 *                        a pointer to nothing
 */
#ifndef EXPLORE_SURROUNDINGS_H
#define EXPLORE_SURROUNDINGS_H

#include "explore/model.h"

struct historical_form;

/** The form of this name, or NULL. */
const struct historical_form *surroundings_form(const char *name);
/** Form number i, NULL after the last. */
const struct historical_form *surroundings_form_at(size_t i);

/** Threads are to run on a map of this strategy, historical or not, with pages as they are now. */
void surroundings_open(struct balloon_memmap *map, const struct look *look);
/** The field of a page's descriptor, or of a device, at that offset: "mapping"; NULL: nobody knows. */
const char *surroundings_field_of_page(size_t offset);
const char *surroundings_field_of_device(size_t offset);
/** A run begins. */
void surroundings_begin(void);
/** The allocator's: *page is somebody else's from now on. */
void surroundings_use(struct balloon_page page);
/** Is this of the surroundings? */
bool surroundings_have(const volatile void *place);
/** The scanner's: may it isolate? Always, where nobody asks for the lock of the lists of ordinary pages. */
bool surroundings_try_lru(void);
void surroundings_leave_lru(void);
/** Somebody else has that lock for a moment. */
void surroundings_reclaim(void);
/** A call has returned: whoever counts pages counts. */
void surroundings_count(const struct made *made);
/** All have ended: what is used is given back. */
void surroundings_end(void);
/** "zone 0 counts 1 of 0 ballooned pages"; NULL: they are right. */
const char *surroundings_find_drift(const struct look *look);

#endif
