# SPDX-License-Identifier: MIT
"""The goals, and what is reached: by who does that work best, in the run that has the reference."""

import math
from collections import namedtuple

from selection import by_setting, figure, ns, rows_of
from words import number, plural, times

# value: of a row, which is to be at most the limit, or at least. only: which rows do that work.
Goal = namedtuple("Goal", "id work said where value limit unit only is_at_least is_worst",
                  defaults=(lambda row: True, False, False))
# better: how many times better than the goal; 1 and above: it is reached. NAN: not measured.
Line = namedtuple("Line", "goal better reached who")


def beside(id_, work, limit, to, where, said=None, **how):
    """Times what a reference took in the same run."""
    return Goal(id_, work, said or f"{times(limit)} {to}", where, lambda row: row.ratio(to), limit, f"\u00d7 {to}",
                **how)


def in_ns(id_, work, limit, where, value=ns, **how):
    """Of another machine."""
    return Goal(id_, work, f"{limit:g} ns (another machine\u2019s)", where, value, limit, "ns", **how)


def heap(work, limit, to, where, *subjects):
    return beside("W13", work, limit, to, where, f"{times(limit)} {to}, at worst",
                  only=lambda row: row.subject in subjects, is_worst=True)


# A list needs a link in each page's descriptor; a bitmap has no room for one.
LIST = {"only": lambda row: not row.figure("bytes_per_page").median < 4}
CACHE = {"only": lambda row: "cache" in row.subject}
CALLS = {"only": lambda row: "bulk" not in row.subject}
CHURN = {"kind": "strategy", "workload": "churn", "batch": 1}
BATCH = {"kind": "strategy", "workload": "cycle", "order": "sequential", "batch": 256}
RANDOM = {"kind": "strategy", "workload": "cycle", "order": "random", "pages": 2097152, "threads": 1}
BLOCKS = {"kind": "zone", "workload": "blocks"}
RELEASE = {"kind": "channel", "workload": "release", "memory": "anonymous"}
COST = {"kind": "driver", "workload": "cost"}
SMALL = {"kind": "heap", "workload": "heap", "pattern": ("64-bytes", "mix", "larson", "pipe")}
LARGE = {"kind": "heap", "workload": "heap", "pattern": "large"}
NOWHERE = {"workload": ""}

GOALS = (
    beside("W1", "one page out and in, hot, 1 thread", 0.9, "floor-lock", CHURN | {"threads": 1}),
    in_ns("W1", "the same through a cache", 5, CHURN | {"threads": 1}, **CACHE),
    beside("W2", "one page, 2 threads on one balloon", 0.4, "floor-mutex", CHURN | {"threads": 2}),
    in_ns("W2", "the same", 24, CHURN | {"threads": 2}),
    in_ns("W2", "the same through a cache", 5, CHURN | {"threads": 2}, **CACHE),
    in_ns("W3", "one page, 8 threads on one balloon", 24, CHURN | {"threads": 8}),
    Goal("W3", "the slowest thread over the fastest", "at least a third", CHURN | {"threads": 8}, figure("fairness"),
         1 / 3, "", is_at_least=True),
    beside("W4", "batches of 256, 1 thread", 0.9, "dpdk-ring", BATCH | {"threads": 1}),
    beside("W4", "batches of 256, 2 threads", 0.5, "dpdk-ring", BATCH | {"threads": 2}),
    beside("W4", "batches of 256, 1 thread; lists", 1.35, "floor-list", BATCH | {"threads": 1}, **LIST),
    in_ns("W5", "2 M pages in random order drained", 2, NOWHERE),
    in_ns("W5", "filled and drained", 4, RANDOM),
    beside("W5", "the same beside a list", 0.04, "floor-list", RANDOM, "25 \u00d7 faster than any list"),
    in_ns("W6", "64 aligned pages of a zone claimed and released, a page", 0.2, BLOCKS | {"block": 64, "threads": 1},
          figure("ns_per_page")),
    in_ns("W7", "one 2 MiB block of a zone in and out, 1 thread", 48, BLOCKS | {"block": 512, "threads": 1}, **CALLS),
    in_ns("W7", "the same, 2 threads", 24, BLOCKS | {"block": 512, "threads": 2}, **CALLS),
    beside("W8", "random pages given back", 1.05, "raw-vector", RELEASE | {"order": "random", "other_thread": False}),
    beside("W8", "clusters of 16 pages", 0.55, "raw-vector", RELEASE | {"order": "clusters", "other_thread": False}),
    beside("W9", "random pages beside another thread", 1.05, "raw-vector",
           RELEASE | {"order": "random", "other_thread": True}),
    Goal("W10", "whole 2 MiB blocks", "raw-one-call + 1 ns for 4 KiB",
         RELEASE | {"order": "blocks", "other_thread": False},
         lambda row: ns(row) / (ns(row) / row.ratio("raw-one-call") + 1), 1, "\u00d7 that"),
    Goal("W11", "driver, fill and leak, requests of 256", "2.20 \u00d7 the strategy alone", COST | {"request": 256},
         figure("times_reference"), 2.2, "\u00d7 the strategy"),
    in_ns("W11", "driver, requests of 1", 250, COST | {"request": 1}),
    Goal("W12", "driver, a host that takes its time", "5 \u00d7 as fast as one request at a time",
         {"kind": "driver", "workload": "latency"}, lambda row: 1 / max(row.figure("times_reference").median, 1e-9), 5,
         "\u00d7 as fast", is_at_least=True),
    heap("heap, pairs up to 4 KiB, with thread caches", 1.4, "malloc", SMALL, "heap-caches"),
    heap("without caches", 1.15, "jemalloc", SMALL, "heap"),
    heap("without caches, keeps what is free", 1.15, "jemalloc-keeps", SMALL, "heap-keeps"),
    heap("pairs of 16 to 64 KiB", 1.15, "jemalloc", LARGE, "heap", "heap-caches"),
    heap("the same, keeps what is free", 1.15, "jemalloc-keeps", LARGE, "heap-keeps"),
    beside("W14", "a QEMU guest in; out; in with reporting", 1, "", NOWHERE, "1.10; 1.15; 0.45 \u00d7 rings by hand"),
    *(Goal("W15", f"bytes a page, {devices}", f"{limit:g} (bitmaps)", {"kind": "strategy", "devices": n},
           figure("bytes_per_page"), limit, "bytes")
      for n, devices, limit in ((1, "one device", 0.35), (2, "two devices", 0.6))))


def better(goal, row):
    value = goal.value(row)
    return value / goal.limit if goal.is_at_least else goal.limit / value if value > 0 else math.inf


def attain(model, goal):
    rows = [row for row in rows_of(model, goal.value, **goal.where) if goal.only(row)]
    if not rows:
        return Line(goal, math.nan, "", "")
    if not goal.is_worst:  # the same work for all: of several numbers of pages the least
        rows = min(by_setting(rows).values(), key=lambda beside: beside[0]["pages"] or 0)
    best = (min if goal.is_worst else max)(rows, key=lambda row: better(goal, row))
    reached = f"{number(goal.value(best))} {goal.unit}" + (f", {number(ns(best))} ns" if "\u00d7" in goal.unit else "")
    where = f", {best['pattern']}, {plural(best['threads'] or 1, 'thread')}" if goal.is_worst else ""
    return Line(goal, better(goal, best), reached, best.subject + where)
