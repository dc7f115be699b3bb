/* SPDX-License-Identifier: MIT */
/*
 * Defects of every descriptor with a page lock and references. Each strategy has a descriptor of its
 * own by the same name: this is included after the strategy's source.
 */
#ifndef SUITES_DEFECTS_PAGE_H
#define SUITES_DEFECTS_PAGE_H

static void set_locked(void *d)
{
	((struct descriptor *)d)->flags.value |= BALLOON_PAGE_LOCKED;
}

static void raise_references(void *d)
{
	((struct descriptor *)d)->references.value++;
}

#endif
