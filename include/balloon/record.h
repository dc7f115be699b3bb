/* SPDX-License-Identifier: MIT */
/**
 * A recorder: writes down what a program's balloon does, as `balloon-bench replay` reads it, so that a program's
 * own load can be run through every strategy.
 *
 *     balloon_recorder_create(&(struct balloon_recorder_config){.strategy = strategy, .descriptor = fd}, &recorder);
 *     map_config.strategy = balloon_recorder_strategy(recorder);
 *     ... a map, devices, drivers, as always; nothing else changes ...
 *     balloon_recorder_destroy(recorder);
 *
 * It is a strategy that asks another one, and writes a row for each page. Operations go one after another while
 * it records, so that the order of the rows is the order in which things happened, and cost what writing costs:
 * times in the rows are of that.
 *
 * What is recorded: the pages of one device, the one that was created first (with a driver its balloon, not its
 * quarantine); once that one is destroyed, those of the next that is created. Rows are CSV with a header: time_ns
 * (monotonic), op, pfn (counted from page 0 where 32 bits are not enough), newpfn, ret, cpu, comm (the thread's
 * name).
 * Operations are inflate, deflate, isolate, putback, migrate and finalize; deflate_none where nothing could be
 * had but isolated pages; leak_begin and leak_end around the pages of one dequeue. What failed is not written.
 *
 * Hosted builds only. Threads: any number use the map; create and destroy are the caller's to serialise. Locks: one
 * of the recorder's, around each operation, held while a full buffer (64 KiB) is written. After fork() a
 * child makes no operations on the map.
 */
#ifndef BALLOON_RECORD_H
#define BALLOON_RECORD_H

#include <balloon/balloon.h>

#ifdef __cplusplus
extern "C" {
#endif

struct balloon_recorder;

/** Zero-initialise it and set what differs. */
struct balloon_recorder_config {
	/** What is asked; it outlives the recorder. */
	const struct balloon_strategy *strategy;
	/** Where rows are written to. It stays the caller's, who closes it after the recorder's end. */
	int descriptor;
};

struct balloon_recorder_stats {
	uint64_t n_rows; /* events: rows that were written, or will be with the next flush */
	uint64_t n_lost; /* events: rows that could not be written */
};

/**
 * Make a recorder, and write the header.
 *
 * Returns 0; -EINVAL: a null pointer; -ENOENT: no strategy, as of an unknown name; -ENOMEM; or what write() says of the descriptor: -EBADF,
 * -ENOSPC, -EPIPE (where SIGPIPE is ignored) ... Context: thread.
 */
BALLOON_EXPORT int balloon_recorder_create(
	const struct balloon_recorder_config *config, struct balloon_recorder **recorder);

/** The strategy for the configuration of one map. It lives as long as the recorder. NULL for a null one.
 * Context: any. */
BALLOON_EXPORT const struct balloon_strategy *balloon_recorder_strategy(
	const struct balloon_recorder *recorder);

/**
 * Write what has been recorded so far. Returns 0; -EINVAL; or the first error that there was in writing: from then on
 * rows are lost and counted, and what was written before ends with a whole row, or one that is cut off.
 * Threads: any. Context: thread.
 */
BALLOON_EXPORT int balloon_recorder_flush(struct balloon_recorder *recorder);

/** Returns 0; -EINVAL: a null pointer. Threads: any. Context: thread. */
BALLOON_EXPORT int balloon_recorder_stats(
	struct balloon_recorder *recorder, struct balloon_recorder_stats *stats);

/**
 * Flush and end a recorder.
 *
 * Returns 0; -EINVAL: a null pointer; -EBUSY: its map has not been destroyed, and nothing has changed; or as
 * flush: it has ended, but rows were lost. Context: thread.
 */
BALLOON_EXPORT int balloon_recorder_destroy(struct balloon_recorder *recorder);

#ifdef __cplusplus
}
#endif

#endif
