/* SPDX-License-Identifier: MIT */
/*
 * Historical drivers: how virtio-balloon filled and leaked, with the defects that history had. For the explorer
 * and tests, never installed.
 *
 * They are no variants of the library's driver, which knows of no way to do this: requests there have arrays and
 * states of their own, and pages enter the balloon when the host has acknowledged them. A form is two functions on
 * what the driver kept then, a fill and a leak of up to one array of pages; what was the same in all of them is in
 * driver.c: telling the host, dequeueing, saying how large the balloon is.
 */
#ifndef HISTORICAL_DRIVER_H
#define HISTORICAL_DRIVER_H

#include <stddef.h>

#include <balloon/channel-ops.h>
#include <balloon/driver-design.h>
#include <balloon/frames-ops.h>

enum { HISTORICAL_PFNS = 4 }; /* 256 there */

/** To the host, in one direction: a request at a time, and who waits for it. */
struct historical_queue {
	struct balloon_request request;
	struct balloon_event acked;
	struct balloon_page pages[HISTORICAL_PFNS];
	struct balloon_range ranges[HISTORICAL_PFNS];
};

/** What the driver kept. */
struct historical_driver {
	const struct historical_driver_form *form;
	struct balloon_device *device;
	struct balloon_channel *channel;
	struct balloon_frames *frames;
	struct balloon_atomic_word n_contended;
	struct balloon_lock balloon_lock; /* of split: inflate_lock */
	struct balloon_lock deflate_lock; /* of split */
	struct balloon_page pfns[HISTORICAL_PFNS];
	uint32_t n_pfns;
	struct balloon_atomic_u32 n_pages; /* in the balloon: the target is held against it */
	uint32_t actual;                   /* where the host reads how many they are */
	bool is_deflating;                 /* of split-coalesce */
	struct historical_queue inflate_vq;
	struct historical_queue deflate_vq;
};

/** For whoever shows a schedule. */
struct historical_driver_field {
	size_t offset;
	const char *name; /* NULL after the last */
};

struct historical_driver_form {
	struct balloon_driver_design
		design; /* its name and its era; the rest is empty: no driver of the library takes it */
	/* Up to n pages. */
	void (*fill)(struct historical_driver *driver, uint32_t n);
	/* Returns how many went back. */
	uint32_t (*leak)(struct historical_driver *driver, uint32_t n);
	/* When memory has run out. Optional: as leak. */
	uint32_t (*relieve)(struct historical_driver *driver, uint32_t n);
};

extern const struct historical_driver_form historical_coarse_3_19;
extern const struct historical_driver_form historical_alloc_outside_4_15_rc1;
extern const struct historical_driver_form historical_alloc_outside_4_15;
extern const struct historical_driver_form historical_split_2017_10;
extern const struct historical_driver_form historical_split_coalesce_sketch;

extern const struct historical_driver_field historical_driver_fields[];

void historical_driver_init(struct historical_driver *driver, struct balloon_device *device,
	struct balloon_channel *channel, struct balloon_frames *frames);

/** The host has answered a request of the driver's. */
void historical_answer(struct balloon_request *request);

/* ---- What is called -------------------------------------------------------------------------- */

void historical_fill(struct historical_driver *driver, uint32_t n);
uint32_t historical_leak(struct historical_driver *driver, uint32_t n);
uint32_t historical_relieve(struct historical_driver *driver, uint32_t n);

/* ---- What all forms did ---------------------------------------------------------------------- */

/** One frame of the source. Returns false: there is none. */
bool historical_allocate(struct historical_driver *driver, struct balloon_page *page);
/** Into the balloon. Whether it is counted is the form's to say. */
void historical_enqueue(struct historical_driver *driver, struct balloon_page page);
/** Returns false: all that is left is isolated. */
bool historical_dequeue(struct historical_driver *driver, struct balloon_page *page);
/** Tell the host, and wait until it has answered; straight to the host, as the library's requests are not of that
 * time. One thread at a time in a direction. */
void historical_tell(struct historical_driver *driver, enum balloon_request_kind kind,
	const struct balloon_page *pages, uint32_t n);
void historical_free(
	struct historical_driver *driver, const struct balloon_page *pages, uint32_t n);

/** n, and no more than are counted. */
static inline uint32_t historical_at_most(const struct historical_driver *driver, uint32_t n)
{
	uint32_t n_pages = balloon_atomic_load(&driver->n_pages, BALLOON_RELAXED);
	return n < n_pages ? n : n_pages;
}

#define HISTORICAL_DESIGN(its_name, its_era)                                                       \
	{                                                                                          \
		.abi = BALLOON_DRIVER_DESIGN_ABI, .name = (its_name), .era = (its_era)             \
	}

#endif
