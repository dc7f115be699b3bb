/* SPDX-License-Identifier: MIT */
/**
 * For whoever writes a frame source: its ops table (<balloon/frames.h> says what a source is).
 */
#ifndef BALLOON_FRAMES_OPS_H
#define BALLOON_FRAMES_OPS_H

#include <balloon/frames.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What a source may do for an allocation, beside handing out what is free. Bits; 0: nothing. */
enum balloon_allocation {
	/**
	 * Give up what can be had again, caches say, and wait for that. A driver says so where its call
	 * may wait (not balloon_driver_poll()) and the request holds no lock of its design.
	 */
	BALLOON_ALLOCATION_MAY_RECLAIM = 1 << 0,
	/**
	 * Call balloon_driver_relieve(). For programs that allocate from the source: no driver says so, as its
	 * fill would be given what another request has just taken from the balloon.
	 */
	BALLOON_ALLOCATION_MAY_RELIEVE = 1 << 1,
};

/**
 * What a source does. Any number of threads may be in any of these at once. An op may call the
 * out-of-memory entry of drivers (balloon_driver_relieve()), the calling one included; what the
 * request that wants the frames holds meanwhile is its design's affair (<balloon/driver-design.h>).
 */
struct balloon_frames_ops {
	const char *name;
	/**
	 * Take up to n_pages frames, preferably adjacent ones.
	 *
	 * allocation: bits of enum balloon_allocation; a source may do less than it may.
	 * Returns how many; -ENOMEM: not one.
	 */
	int (*allocate)(struct balloon_frames *frames, struct balloon_page *pages, size_t n_pages,
		unsigned allocation);
	/** Give frames back. Their contents are garbage. */
	void (*free)(
		struct balloon_frames *frames, const struct balloon_page *pages, size_t n_pages);
	/** How many are free, out of date when it returns. Optional: without it no floor is kept. */
	uint64_t (*n_free)(struct balloon_frames *frames);
	/**
	 * Take the lowest up to n_pages free frames of those from `first` to `end` - 1, in ascending
	 * order: for compaction. Returns how many, 0 if there is none. Optional.
	 */
	int (*take_lowest)(struct balloon_frames *frames, uint32_t first, uint32_t end,
		struct balloon_page *pages, size_t n_pages);
	/**
	 * Say which of the n_pages frames from `first` on are free, out of date when it returns: bit
	 * i % 64 of words[i / 64], for compaction. Bits past the last do not matter. Optional.
	 */
	void (*which_free)(
		struct balloon_frames *frames, uint32_t first, uint32_t n_pages, uint64_t *words);
	/**
	 * A number that is another one than before if other frames are free than were: for compaction,
	 * which has nothing to do where nothing has changed. Optional.
	 */
	uint64_t (*n_changes)(struct balloon_frames *frames);
};

struct balloon_frames {
	const struct balloon_frames_ops *ops;
};

#ifdef __cplusplus
}
#endif

#endif
