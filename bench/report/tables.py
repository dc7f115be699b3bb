# SPDX-License-Identifier: MIT
"""The tables: columns are what the rows have, by name."""

import math
from collections import namedtuple

from results import DURATIONS, FIGURES, LABELS, QUANTILES, REFERENCES
from selection import by_setting, ns
from words import number, plural, setting_words

# headings: '#' before one of numbers. A line is cells, or a text that goes over those below it.
Table = namedtuple("Table", "title headings lines")
# How a figure is called and in which unit it is shown; whatever is not here is called by its name.
UNITS = {"pages_per_s": ("million pages/s", 1e-6), "gib_per_s": ("GiB/s", 1), "success_rate": ("isolated %", 100),
         "cpu_s_per_million_pages": ("CPU ns a page", 1e3), "contended_per_page": ("waits a page", 1),
         "deflate_ns_per_page": ("taken back, ns a page", 1), "refault_ns_per_page": ("touched again, ns a page", 1),
         "refault_warm_ns_per_page": ("touched again warm, ns a page", 1), "seconds": ("ms", 1e3),
         "times_reference": ("times the reference", 1), "again": ("told to come again", 1), "busy": ("lock not had", 1),
         "huge_share": ("in huge pages %", 100),
         **{f"order_{n}_{when}": (f"order {n} {when} %", 100) for n in (9, 10) for when in ("before", "after")}}


def heading(name):
    return "#" + (UNITS[name][0] if name in UNITS else name.replace("_per_", " a ").replace("_", " "))


def columns_of(model, rows):
    """Names of figures, those that are known first; of durations; of references."""
    found = dict.fromkeys(name for row in rows for name in row.figures)
    return ([name for name in FIGURES if name in found] + [name for name in found if name not in FIGURES],
            [name for name in DURATIONS if any(name in row.durations for row in rows)],
            [name for name in model.subjects if any(name in row.ratios for row in rows)])


def cell(value):
    """Points are below each other: spaces as wide as a digit stand for the decimals that a number has not."""
    shown = number(value)
    _, point, decimals = shown.partition(".")
    return shown if math.isnan(value) else shown + ("" if point else "\u2008") + "\u2007" * (2 - len(decimals))


def figure_cell(row, name, with_ends):
    median, low, high = (UNITS.get(name, ("", 1))[1] * value for value in row.figure(name))
    return cell(median) + (f" [{number(low)}\u00a0{number(high)}]" if with_ends and low < high else "")


def every_row(model):
    """A table for each workload: of each setting the fastest first, and references last."""
    for workload in dict.fromkeys(row.workload for row in model.rows.values()):
        rows = [row for row in model.rows.values() if row.workload == workload]
        figures, calls, ratios = columns_of(model, rows)
        parts = [(name, part) for name in calls for part in ("p50", "p99", "max")]
        lines = []
        for beside in by_setting(rows).values():
            lines.append(f"{setting_words(beside[0])}; {plural(max(row.repeats for row in beside), 'repeat')}")
            for row in sorted(beside, key=lambda row: (row.kind in REFERENCES, math.isnan(ns(row)), ns(row))):
                lines.append([row.subject, row["guarantee"] or row.kind,
                              *(figure_cell(row, name, name == figures[0]) for name in figures),
                              *(cell(getattr(row.durations.get(name), part, math.nan)) for name, part in parts),
                              *(cell(row.ratio(name)) for name in ratios)])
        yield Table(workload, ["", "", *map(heading, figures), *(f"#{name[:-3]} {part} ns" for name, part in parts),
                               *(f"#\u00d7\u00a0{name}" for name in ratios)], lines)


def field(value):
    known = value is not None and value == value  # not NAN
    shown = "" if not known else f"{value:.9g}" if isinstance(value, float) else str(value)
    shown = shown.lower() if isinstance(value, bool) else shown
    return '"' + shown.replace('"', '""') + '"' if any(c in shown for c in ',"\r\n') else shown


def csv(model):
    """All rows, a line each."""
    figures, calls, ratios = columns_of(model, model.rows.values())
    ends = ("", "_min", "_max")
    lines = [["subject", "kind", "workload", *LABELS, "repeats", *(name + end for name in figures for end in ends),
              *(f"{name[:-3]}_{part}{'_ns' * (part != 'samples')}" for name in calls for part in QUANTILES),
              *(f"ratio_{name}{end}" for name in ratios for end in ends)]]
    for row in model.rows.values():
        lines.append([row.subject, row.kind, row.workload, *(row[name] for name in LABELS), row.repeats,
                      *(value for name in figures for value in row.figure(name)),
                      *(value for name in calls for value in row.durations.get(name, [None] * len(QUANTILES))),
                      *(value for name in ratios for value in row.ratios.get(name, [None] * 3))])
    return "".join(",".join(map(field, line)) + "\n" for line in lines)
