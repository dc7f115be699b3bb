# SPDX-License-Identifier: MIT
"""Rows and trials that belong together."""

import math
from collections import Counter

from results import NAN, NO_COUNT, UNKNOWN, Spread


def ns(row):
    return row.ns.median if row.ns.median > 0 else NAN


def fairness(row):
    return row.fairness.median


def success(row):
    return row.success.median


def bytes_per_page(row):
    return row.bytes_per_page


def matches(pattern, setup):
    return all(p is None or p == s for p, s in zip(pattern, setup))


def rows_of(model, pattern, value):
    """The rows that match and know the value, in the files' order."""
    return [row for row in model.rows.values() if matches(pattern, row.setup) and not math.isnan(value(row))]


def find_slice(model, pattern, varied, value):
    """Of all setups that match the one in which most rows know the value; of equals, that of more threads. Setups
    that differ only in what is varied count as one, with None there. None: there is none."""
    def widen(row):
        return row.setup._replace(**dict.fromkeys(varied))

    n_rows = Counter(widen(row) for row in model.rows.values() if not math.isnan(value(row)))
    wide = dict.fromkeys(widen(row) for row in rows_of(model, pattern, value))
    return max(wide, key=lambda setup: (n_rows[setup], setup.threads or math.inf), default=None)


def values_of(model, pattern, varied):
    """The values that matching rows have of what varies, ascending; 0 is not known."""
    return sorted({getattr(row.setup, varied) for row in rows_of(model, pattern, ns)} - {0})


def strategies_of(model, pattern, value):
    return [row for row in rows_of(model, pattern, value) if row.kind == "strategy"]


def lowest(model, pattern, value):
    return min(strategies_of(model, pattern, value), key=value, default=None)


def highest(model, pattern, value):
    return max(strategies_of(model, pattern, value), key=value, default=None)


def times(model, row, to):
    """How many times the reference's time a row took: measured pair by pair, if the row says so, else by the medians
    of the same setup in the same file."""
    if not math.isnan(row.ratios.get(to, UNKNOWN).median):
        return row.ratios[to]
    reference = model.rows.get((to, row.setup))
    median = ns(row) / ns(reference) if reference and reference.source is row.source else NAN
    return Spread(median, median, median)


def count_of(model, row):
    return model.counts.get((row.subject, row.setup), NO_COUNT)


def predict(model, row):
    """The bare list's work, and each counted atomic operation at the price of one that nobody contends for."""
    bare = model.rows.get(("floor-list", row.setup))
    atomic = model.rows.get(("floor-atomic", row.setup))
    return ns(bare) + count_of(model, row).atomics * ns(atomic) if bare and atomic else NAN


def ends_of(model, pattern, varied):
    """The fastest strategies where what varies is least, and where it is most; None: there are no two ends."""
    values = values_of(model, pattern, varied)
    if len(values) < 2:
        return None
    ends = [lowest(model, pattern._replace(**{varied: value}), ns) for value in (values[0], values[-1])]
    return ends if all(ends) else None


# ---- Trials -----------------------------------------------------------------------------------------------------


def trials_of(model, workload):
    """Those of each setting beside each other, in the files' order."""
    settings = {}
    for trial in model.trials.values():
        if trial.workload == workload:
            settings.setdefault(trial.setting, []).append(trial)
    return list(settings.values())


def trial_times(trial, to):
    return trial.ratios.get(to, UNKNOWN).median


def is_shared(trial):
    """Is it about memory that a host in another process has as well?"""
    return trial.memory == "memfd"


def fastest(model, kind, order, other_thread):
    """Of a kind, at a release of the process's own memory; None: not measured."""
    return min((trial for trial in model.trials.values()
                if trial.kind == kind and trial.workload == "release" and not is_shared(trial)
                and trial.order == order and trial.other_thread is other_thread
                and not math.isnan(trial.ns.median)), key=lambda trial: trial.ns.median, default=None)
