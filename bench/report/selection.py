# SPDX-License-Identifier: MIT
"""Rows that belong together, and which of them is best."""

import math
from collections import namedtuple

from results import UNKNOWN, Spread

TIMES = ("ns_per_pair", "ns_per_block", "ns_per_page", "seconds")
# scores: by subject, the best first: its time over that of each setting's best, as a geometric mean.
Ranking = namedtuple("Ranking", "scores n_settings left_out")


def cost(row):
    """What is compared: lower is better. A recording's throughput is as good as its time."""
    rate = row.figures.get("pages_per_s")
    if rate and rate.min > 0:
        return Spread(1e9 / rate.median, 1e9 / rate.max, 1e9 / rate.min)
    return next((row.figures[name] for name in TIMES if row.figure(name).median > 0), UNKNOWN)


def ns(row):
    return cost(row).median


def figure(name):
    return lambda row: row.figure(name).median


def p99(call):
    return lambda row: row.durations[call].p99 if call in row.durations else math.nan


def rows_of(model, value=ns, kind=None, **labels):
    """The rows that know the value and have these labels; workload is one, and a tuple holds any of several."""
    def has(row, name, wanted):
        label = row.workload if name == "workload" else row[name]
        return label in wanted if isinstance(wanted, tuple) else label == wanted

    return [row for row in model.rows.values() if kind in (None, row.kind) and not math.isnan(value(row))
            and all(has(row, name, wanted) for name, wanted in labels.items())]


def by_setting(rows, varied=()):
    """Those that are beside each other. What is varied tells no settings apart."""
    settings = {}
    for row in rows:
        settings.setdefault(tuple(item for item in row.setting() if item[0] not in varied), []).append(row)
    return settings


def widest(rows, varied=()):
    """Rows of the setting in which most were measured; of equals, that of more threads."""
    return max(by_setting(rows, varied).values(), key=lambda group: (len(group), group[0]["threads"] or 0), default=[])


def lowest(rows, value=ns):
    return min(rows, key=value, default=None)


def highest(rows, value=ns):
    return max(rows, key=value, default=None)


def is_tie(best, other):
    """Each one's median lies within the repeats of the other."""
    return other.min <= best.median and other.median <= best.max


def tied(scores):
    """The first of these, which is the best one, and who cannot be told from it."""
    first, *others = scores
    return [first, *(name for name in others if is_tie(scores[first], scores[name]))]


def mean(values):
    """The geometric one."""
    return math.exp(sum(math.log(max(value, 1e-300)) for value in values) / len(values))


def rank(rows):
    """Subjects by what they take beside the best of each setting, each workload with the same weight. Who was not
    measured wherever most were is left out. None: there are no rows."""
    settings, seen = by_setting(rows), {}
    for row in rows:
        seen.setdefault(row.subject, set()).add(row.setting())
    most = max(map(len, seen.values()), default=0)
    candidates = [name for name, where in seen.items() if len(where) == most]
    shared = [where for where in settings if all(where in seen[name] for name in candidates)]
    if not shared:
        return None
    scores = {}
    for name in candidates:
        over_best = {}  # by workload, for each setting a list of the spread's ends
        for where in shared:
            best = min(ns(row) for row in settings[where] if row.subject in candidates)
            own = lowest([row for row in settings[where] if row.subject == name])
            over_best.setdefault(own.workload, []).append([value / best for value in cost(own)])
        ends = zip(*([mean(column) for column in zip(*values)] for values in over_best.values()))
        scores[name] = Spread(*map(mean, ends))
    return Ranking(dict(sorted(scores.items(), key=lambda item: item[1].median)), len(shared),
                   [name for name in seen if name not in scores])


def predict(model):
    """The bare list's work, and each counted atomic operation at the price of one that nobody contends for, becomes a
    figure of what was counted."""
    for beside in by_setting(rows_of(model)).values():
        floors = {row.subject: ns(row) for row in beside if row.kind == "floor"}
        for row in beside:
            ns_taken = floors.get("floor-list", math.nan) + row.figure("atomics_per_page").median * floors.get(
                "floor-atomic", math.nan)
            if not math.isnan(ns_taken):
                row.figures["predicted_ns_per_page"] = Spread(*[ns_taken] * 3)
