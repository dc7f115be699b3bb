# SPDX-License-Identifier: MIT
"""The goals, and what is reached."""

import math
from collections import namedtuple

from results import NAN, Setup
from selection import fairness, fastest, lowest, ns, times, trial_times

# figure: ns a page, or times what the reference took in the same run, and so many ns on top.
Target = namedtuple("Target", "what figure to more_ns", defaults=(None, 0))
Goal = namedtuple("Goal", "id work setup targets")
SystemGoal = namedtuple("SystemGoal", "id work order other_thread targets")
HeapGoal = namedtuple("HeapGoal", "id work subjects is_large what to times")
# times: how many times better than the figure; 1 and above: the goal is reached.
Attained = namedtuple("Attained", "figure reached times")
# Of a line of the table. goal: what goes over all of its lines, on the first one.
Line = namedtuple("Line", "goal what is_of_same_run attained")

FAIRNESS = "fairness"  # what a target can be about instead of time: the slowest thread over the fastest
MUTEX_AND_STACK = (Target("floor-mutex", 1, "floor-mutex"), Target("ck-stack", 1, "ck-stack"))

GOALS = (
    Goal("W1", "take one page out, put one in, hot; one thread", Setup("churn", None, 1, 1), (
        Target("the list work under the same lock, inline, \u00d7 1.2", 1.2, "floor-lock"),
        Target("with a cache for each thread", 5))),
    Goal("W2", "the same; two threads on one balloon", Setup("churn", None, 2, 1), (
        Target("mutex", 34), Target("ck_stack", 111), Target("mempool with a cache for each core", 2.6),
        *MUTEX_AND_STACK)),
    Goal("W3", "the same; 8 threads", Setup("churn", None, 8, 1), (
        Target("goal on two cores", 32), MUTEX_AND_STACK[0], Target("fairness: within 3 \u00d7", 1 / 3, FAIRNESS))),
    Goal("W4", "batches of 256 in and out; one thread", Setup("cycle", "sequential", 1, 256, 4096), (
        Target("list", 3.0), Target("handles only", 0.66), Target("bitmap words", 0.16),
        *(Target(name, 1, name) for name in ("floor-list", "floor-lock", "dpdk-ring", "floor-bitmap")))),
    Goal("W4", "the same; two threads", Setup("cycle", "sequential", 2, 256, 4096), (
        Target("list", 3.1), Target("handles only", 1.3), Target("bitmap words", 0.09),
        *(Target(name, 1, name) for name in ("floor-lock", "dpdk-ring", "floor-bitmap")))),
    Goal("W4", "the same; 8 threads", Setup("cycle", "sequential", 8, 256, 4096), (
        Target("list", 10), Target("floor-lock", 1, "floor-lock"))),
    Goal("W5", "fill and drain 2 M pages in random order", Setup("cycle", "random", None, None, 2097152), (
        Target("goal", 20), Target("a list", 200), Target("floor-list", 1, "floor-list"))),
)

VECTOR = Target("a vector of pages a call \u00d7 1.1", 1.1, "raw-vector")
SYSTEM_GOALS = (
    SystemGoal("W8", "release pages in random order, requests of 256, through the host channel", "random", False,
               (VECTOR,)),
    SystemGoal("W8", "the same; clusters of 16 pages", "clusters", False, (Target("goal", 250),)),
    SystemGoal("W9", "pages in random order, another thread of the process running", "random", True, (
        Target("goal", 660), Target("a twentieth of a call a page", 0.05, "raw-per-page"), VECTOR)),
    SystemGoal("W10", "release contiguous pages", "contiguous", False, (
        Target("one call over everything \u00d7 1.1", 1.1, "raw-one-call"),)),
    SystemGoal("W10", "the same; whole blocks of 2 MiB", "blocks", False, (
        Target("one call over everything + 1 ns a page of 4 KiB", 1, "raw-one-call", 1),)),
)

WITHOUT_CACHES = "jemalloc without caches \u00d7 1.15"
HEAP_GOALS = (
    HeapGoal("W12", "heap with thread caches, blocks up to 4 KiB, wherever it is slowest", ("heap-caches",), False,
             "jemalloc with its caches \u00d7 1.4", "malloc", 1.4),
    HeapGoal("W13", "heap without caches, the same", ("heap",), False, WITHOUT_CACHES, "jemalloc", 1.15),
    HeapGoal("W13", "the same; the arena keeps what is free", ("heap-keeps",), False, WITHOUT_CACHES,
             "jemalloc-keeps", 1.15),
    HeapGoal("W14", "heap, blocks of 16 to 64 KiB", ("heap", "heap-caches"), True, WITHOUT_CACHES, "jemalloc", 1.15),
    HeapGoal("W14", "the same; the arena keeps what is free", ("heap-keeps",), True, WITHOUT_CACHES,
             "jemalloc-keeps", 1.15),
)


def attain(target, reached, reference_times):
    """reference_times: what is reached, in times of the target's reference."""
    figure = target.figure * (reached / reference_times if target.to else 1) + target.more_ns
    return Attained(figure, reached, figure / reached)


def attain_by_row(model, target, best):
    if not best:
        return Attained(NAN if target.to not in (None, FAIRNESS) else target.figure, NAN, NAN)
    if target.to == FAIRNESS:
        return Attained(target.figure, fairness(best), fairness(best) / target.figure)
    return attain(target, ns(best), times(model, best, target.to).median if target.to else 1)


def attain_by_trial(target, best):
    if not best or not best.ns.median > 0:
        return Attained(NAN if target.to else target.figure, NAN, NAN)
    return attain(target, best.ns.median, trial_times(best, target.to) if target.to else 1)


def attain_by_heap(goal, trial):
    taken = trial_times(trial, goal.to) if trial else NAN
    better = goal.times / taken if taken > 0 else NAN
    reached = trial.ns.median if trial else NAN
    return Attained(reached * better, reached, better)


def is_for(goal, trial):
    return (trial.workload == "heap" and trial.pattern is not None and (trial.pattern == "large") == goal.is_large
            and trial.subject in goal.subjects)


def worst_of(model, goal):
    """The trial that takes most of its reference's time; None: not measured."""
    trials = [trial for trial in model.trials.values()
              if is_for(goal, trial) and not math.isnan(attain_by_heap(goal, trial).times)]
    return min(trials, key=lambda trial: attain_by_heap(goal, trial).times, default=None)


def heap_verdict(trial):
    """Of the goal that is this trial's; NAN: there is none."""
    return next((attain_by_heap(goal, trial).times for goal in HEAP_GOALS if is_for(goal, trial)), NAN)


def lines_of(model):
    """Every goal's lines with figures, but for W11, which has none to beat: goals of rows, of trials, of heaps."""
    rows, trials, heaps = [], [], []
    for goal in GOALS:
        best = lowest(model, goal.setup, ns)
        rows += [Line((goal, best) if i == 0 else None, target.what, target.to not in (None, FAIRNESS),
                      attain_by_row(model, target, best)) for i, target in enumerate(goal.targets)]
    for goal in SYSTEM_GOALS:
        best = fastest(model, "channel", goal.order, goal.other_thread)
        trials += [Line((goal, best) if i == 0 else None, target.what, target.to is not None,
                        attain_by_trial(target, best)) for i, target in enumerate(goal.targets)]
    for goal in HEAP_GOALS:
        worst = worst_of(model, goal)
        heaps.append(Line((goal, worst), goal.what, True, attain_by_heap(goal, worst)))
    return rows, trials, heaps
