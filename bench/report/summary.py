# SPDX-License-Identifier: MIT
"""The summary: sentences that the data make, and what a reader has to know about them."""

import math

from results import Setup
from selection import lowest, ns, times
from tables import base_name
from words import number, plural

STATEMENTS = (
    ("One page at a time on one thread", Setup("churn", None, 1, 1), ("floor-lock", "floor-mutex", "ck-stack")),
    ("Two threads on one balloon, one page at a time", Setup("churn", None, 2, 1),
     ("floor-lock", "floor-mutex", "ck-stack")),
    ("Eight threads on one balloon, one page at a time", Setup("churn", None, 8, 1),
     ("floor-lock", "floor-mutex", "ck-stack")),
    ("Filling and draining in batches of 256 on one thread", Setup("cycle", "sequential", 1, 256),
     ("floor-list", "floor-lock", "dpdk-ring")),
    ("Two million pages in random order", Setup("cycle", "random", 1, None, 2097152),
     ("floor-list", "floor-bitmap", "dpdk-ring")),
)


def statements(model):
    """The fastest strategy at a work, and how many times what references take that is."""
    for work, setup, references in STATEMENTS:
        best = lowest(model, setup, ns)
        if best:
            beside = [(times(model, best, name).median, name) for name in references]
            yield (work, f"{best.subject} takes {number(ns(best))} ns a page",
                   ", ".join(f"{number(ratio)} \u00d7 {name}" for ratio, name in beside if not math.isnan(ratio)))


def tally(goal_lines):
    """Of all goals' figures how many there are, how many are measured, how many reached."""
    better = [line.attained.times for group in goal_lines for line in group]
    return len(better), sum(not math.isnan(value) for value in better), sum(value >= 1 for value in better)


def is_comparable(a, b):
    """balloon-bench system pins its threads where that matters, and says nothing about it."""
    same = all(getattr(a.machine, name) == getattr(b.machine, name)
               for name in ("cpu", "kernel", "compiler", "library", "cores"))
    return same and (not (a.n_rows and b.n_rows) or a.machine.is_pinned == b.machine.is_pinned)


def warnings(model):
    for source in model.inputs:
        name = base_name(source.path)
        if not source.is_complete:
            yield f"{name} is of a run that was interrupted: it is partial."
        if source.n_replaced > 0:
            yield f"{plural(source.n_replaced, 'row')} of {name} took the place of earlier ones of the same setup."
    # Of the files with times: counts are the same everywhere.
    timed = [source for source in model.inputs if source.n_rows + source.n_trials]
    if not all(is_comparable(a, b) for a, b in zip(timed, timed[1:])):
        yield ("The files are of different machines, systems or builds: compare times within a file only.")


def machine_line(model):
    machine = model.inputs[0].machine
    parts = [machine.cpu or "an unknown machine", machine.cores and plural(machine.cores, "core"), machine.kernel,
             machine.compiler, machine.library and f"libballoon {machine.library}", machine.date]
    return (f"{len(model.rows) + len(model.trials):,} results of {plural(len(model.subjects), 'subject')} on "
            + ", ".join(filter(None, parts)))
