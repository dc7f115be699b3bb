# SPDX-License-Identifier: MIT
"""The figures of rows: what each shows, in a sentence that the data make, and its plots."""

import math
from dataclasses import dataclass, field

import plots
from plots import Axis, Bar, Bars, Chart, Series, style_of
from results import NAN, Setup, Spread
from selection import (bytes_per_page, ends_of, fairness, find_slice, highest, lowest, ns, rows_of, strategies_of,
                       success, values_of)
from words import number, pages, percent, plural, setup_words, time, whole


@dataclass
class Panel:
    id: str
    title: str | None  # None: the figure's finding is enough
    plot: object
    description: str
    svg: str = ""


@dataclass
class Figure:
    id: str
    finding: str
    caption: str
    panels: list = field(default_factory=list)


# ---- Lines over threads, batches, pages -------------------------------------------------------------------------


def throughput(value):
    """Million pages a second."""
    return 1e3 / value if value > 0 else NAN


def line_panel(model, name, title, where, varied, label):
    """All subjects over what varies, which is None in `where`: throughput over threads, or else cost."""
    is_throughput = varied == "threads"
    show = throughput if is_throughput else lambda value: value
    values = values_of(model, where, varied)
    room = (values[-1] / values[0]) ** 0.04 if len(values) > 1 else 2
    chart = Chart(Axis(label, values[0] / room, values[-1] * room, True,
                       [(n, pages(n) if varied == "pages" else whole(n)) for n in values]),
                  Axis("million pages a second" if is_throughput else "ns a page, out and in"))
    rows = [row for row in rows_of(model, where, ns) if getattr(row.setup, varied) > 0]
    for subject in model.subjects:
        marks = [(getattr(row.setup, varied), show(row.ns.median), *sorted((show(row.ns.min), show(row.ns.max))))
                 for row in rows if row.subject == subject]
        if marks:
            marks = [(x, y, y if math.isnan(low) else low, y if math.isnan(high) else high)
                     for x, y, low, high in marks]
            chart.series.append(Series(subject, style_of(model, subject), marks))
    chart.fit_y()
    script = chart.script()
    return Panel(name, title, script, chart.describe())


def describe_threads(ends):
    first, last = ends
    again = "still" if first.subject == last.subject else last.subject
    return (f"{first.subject} is the fastest strategy on {plural(first.setup.threads, 'thread')}, "
            f"{number(throughput(ns(first)))} million pages a second, and {again} with {last.setup.threads}, "
            f"{number(throughput(ns(last)))}")


def threads(model):
    where = find_slice(model, Setup("churn"), ("threads", "batch"), ns)
    if not where:
        return None
    found = {}  # by batch: a plot for each that was run with several numbers of threads
    for batch in values_of(model, where, "batch"):
        ends = ends_of(model, where._replace(batch=batch), "threads")
        if ends:
            found[batch] = ends
    if not found:
        return None
    (first_batch, first), (last_batch, last) = list(found.items())[0], list(found.items())[-1]
    finding = describe_threads(first)
    if len(found) > 1:
        gains = [number(ns(ends[0]) / ns(ends[1])) for ends in (first, last)]
        finding = (f"{plural(first[1].setup.threads, 'thread')} together reach {gains[0]} \u00d7 the throughput of "
                   f"{first[0].setup.threads} at batch {first_batch}, and {gains[1]} \u00d7 at batch {last_batch}")
    panels = [line_panel(model, f"threads-batch-{batch}",
                         f"Batch {batch}: {describe_threads(ends)}" if len(found) > 1 else None,
                         where._replace(batch=batch), "threads", "threads on one balloon")
              for batch, ends in found.items()]
    return Figure("threads", finding, "Throughput of all threads together, each taking pages out of one balloon and "
                  f"putting them in again (workload churn, {whole(where.pages)} pages). Medians; bars from the slowest "
                  "to the fastest repeat. Higher is better.", panels)


def batch(model):
    where = find_slice(model, Setup("cycle", "sequential", 1), ("batch",), ns)
    ends = where and ends_of(model, where, "batch")
    if not ends:
        return None
    last = ends[1]
    before = model.rows.get((last.subject, last.setup._replace(batch=ends[0].setup.batch)), ends[0])
    return Figure("batch", f"{before.subject} needs {number(ns(before))} ns a page at batch {before.setup.batch}; "
                  f"batches of {last.setup.batch} bring {'it' if before.subject == last.subject else last.subject} to "
                  f"{number(ns(last))} ns",
                  f"Time to fill a balloon of {whole(where.pages)} pages and drain it again, a page, on one thread "
                  "(workload cycle, in sequence). Medians; bars from the fastest to the slowest repeat. Lower is "
                  "better.", [line_panel(model, "batch-cost", None, where, "batch", "pages a call (batch)")])


def pages_panel(model, where, order):
    where = where._replace(order=order)
    ends = ends_of(model, where, "pages")
    if not ends:
        return []
    first, last = ends
    title = (f"{'In random order' if order == 'random' else 'In sequence'}: the best strategy needs "
             f"{number(ns(first))} ns with {pages(first.setup.pages)} pages ({first.subject}), {number(ns(last))} ns "
             f"with {pages(last.setup.pages)} ({last.subject})")
    return [line_panel(model, f"pages-{order}", title, where, "pages", "pages in the balloon (K: 1024)")]


def over_pages(model):
    where = find_slice(model, Setup("cycle", None, 1), ("pages", "order"), ns)
    ends = where and (ends_of(model, where._replace(order="random"), "pages") or ends_of(model, where, "pages"))
    if not ends:
        return None
    hardest = ends[1]
    ordered = model.rows.get((hardest.subject, hardest.setup._replace(order="sequential")))
    finding = f"{whole(hardest.setup.pages)} pages cost {hardest.subject} {number(ns(hardest))} ns each"
    if ordered and hardest.setup.order == "random":
        finding = (f"{whole(hardest.setup.pages)} pages in random order cost {hardest.subject} {number(ns(hardest))} ns "
                   f"each, {number(ns(hardest) / ns(ordered))} \u00d7 as much as in sequence")
    return Figure("pages", finding, "Time to fill a balloon and drain it again, a page, on one thread in batches of "
                  f"{where.batch} (workload cycle): with pages in sequence, and in random order, where each descriptor "
                  "is a cache miss once they do not fit. Medians; lower is better.",
                  pages_panel(model, where, "sequential") + pages_panel(model, where, "random"))


# ---- Latencies --------------------------------------------------------------------------------------------------


def dequeue_p99(row):
    """Of strategies alone: their curves are many enough."""
    return row.dequeue.p99 if row.kind == "strategy" else NAN


def isolate_p99(row):
    return row.isolate.p99 if row.kind == "strategy" else NAN


CALLS = (("dequeue", dequeue_p99), ("isolate", isolate_p99))


def one_in(fraction):
    """Of how many calls one takes longer: the axis, on which 99 % is at 100."""
    return 1 / (1 - fraction)


def curve(latency):
    """Steps, a bucket's bound for all calls of the bucket; and what is shown of them."""
    def mark(x, value):
        return (x, value if value > 0 else 1)

    shown = [(one_in(0.5), latency.p50), (one_in(0.99), latency.p99), (one_in(0.999), latency.p99_9)]
    if latency.samples > 1000:
        shown.append((latency.samples, latency.max))
    shown = [mark(*point) for point in shown if not math.isnan(point[1])]
    total, before, marks = sum(count for _, count in latency.histogram), 0, []
    for upper, count in latency.histogram:
        if count > 0:
            # Above the last call of all there is none.
            marks += [mark(min(one_in(n / total), total) if n < total else total, upper)
                      for n in (before, before + count)]
        before += count
    return marks or list(shown), shown


def latency_panel(model, call, p99):
    where = latency_slice(model, p99)
    if not where:
        return []
    best, worst = lowest(model, where, p99), highest(model, where, p99)
    chart = Chart(Axis("of all calls take at most this long", 1, 0, True), Axis("time a call"))
    for row in rows_of(model, where, p99):
        chart.series.append(Series(row.subject, style_of(model, row.subject), *curve(getattr(row, call))))
    chart.x.max = 1.2 * max([100, *(mark[0] for series in chart.series for mark in series.marks)])
    is_crowded = chart.x.max > 3e6  # then every other tick has a name
    chart.x.ticks, at, i = [(2, "50 %")], 10, 0
    while at <= chart.x.max:
        chart.x.ticks.append((at, f"{100 - 100 / at:.9g} %" if not is_crowded or i % 2 else ""))
        at, i = at * 10, i + 1
    chart.fit_y(time)
    title = (f"{call.capitalize()}: 99 % within {time(p99(best))} ({best.subject}) to {time(p99(worst))} "
             f"({worst.subject}); {setup_words(where)}")
    return [Panel(f"latency-{call}", title, chart.script(),
                  chart.describe(lambda x, y: f"{100 * (1 - 1 / x):.7g} % within {time(y)}"))]


def latency_slice(model, p99):
    """Where compaction is at work if that was measured, and otherwise wherever most was."""
    found = (find_slice(model, Setup(workload), (), p99) for workload in ("mixed", "migrate", "scan", "churn", None))
    return next(filter(None, found), None)


def latency(model):
    call, p99, where = next(((call, p99, where) for call, p99 in CALLS if (where := latency_slice(model, p99))),
                            (None, None, None))
    if not where:
        return None
    best, worst = lowest(model, where, p99), highest(model, where, p99)
    load, within = plural(where.threads, "thread"), time(p99(best))
    if best is worst:
        finding = f"With {load}, 99 of 100 calls to {call} return within {within} of {best.subject}"
    else:
        times = number(p99(worst) / p99(best) if p99(best) > 0 else NAN)
        finding = (f"With {load}, {best.subject} lets 99 of 100 calls to {call} return within {within}; "
                   f"{worst.subject} takes {times} \u00d7 as long")
    return Figure("latency", finding, "How long single calls take while all threads work on the same balloon: read up "
                  "from 99.9 % for the time that one call of a thousand exceeds. Marks: 50 %, 99 %, 99.9 % and the "
                  "slowest call of all. Lower is better.",
                  [panel for call, p99 in CALLS for panel in latency_panel(model, call, p99)])


# ---- Bars: isolation, fairness, bytes ---------------------------------------------------------------------------


def bars_panel(model, name, title, where, value, spread, label, *, show=number, end=None, sign=-1, level=NAN,
               level_name="", with_references=True):
    rows = [row for row in rows_of(model, where, value) if with_references or row.kind == "strategy"]
    bars = Bars(Axis(label), [Bar(row.subject, style_of(model, row.subject).colour, row.kind != "strategy", spread(row),
                                  show(value(row))) for row in rows], level, level_name)
    bars.sort(sign)
    bars.x.max = end or max([1, *(bar.value.max for bar in bars.bars)]) * 1.05
    bars.x.round_ticks(plots.round_number if show is number else show)
    return Panel(name, title, bars.script(), bars.describe())


def describe_isolation(model, where):
    best, worst = highest(model, where, success), lowest(model, where, success)
    most, least = percent(success(best)), percent(success(worst))
    if most == least:
        return f"all strategies isolate {most} of the pages that they try"
    return f"{best.subject} isolates {most} of the pages that it tries, {worst.subject} {least}"


def isolation(model):
    workloads = dict.fromkeys(row.setup.workload for row in strategies_of(model, Setup(), success))
    found = [find_slice(model, Setup(workload), (), success) for workload in workloads]
    found = [where for where in found if where and strategies_of(model, where, success)]
    if not found:
        return None
    panels = [bars_panel(model, f"isolation-{i}", f"{setup_words(where)}: {describe_isolation(model, where)}", where,
                         success, lambda row: row.success, "of the tries isolated the page", show=percent, end=1,
                         with_references=False) for i, where in enumerate(found, 1)]
    return Figure("isolation", f"When compaction comes, {describe_isolation(model, found[0])}",
                  "Tries to isolate a page that succeeded, of all tries; the others met a page that was busy or had "
                  "just left the balloon. Bars: medians; whiskers: all repeats. Higher is better.", panels)


def over_fairness(model):
    """With as many threads as there are."""
    pattern = Setup("churn", batch=1)
    pattern = pattern._replace(threads=max([1, *values_of(model, pattern, "threads")]))
    where = find_slice(model, pattern, (), fairness) if pattern.threads > 1 else None
    best = where and highest(model, where, fairness)
    if not best:
        return None
    strategies = strategies_of(model, where, fairness)
    n_fair = len({row.subject for row in strategies if fairness(row) >= 1 / 3})
    return Figure("fairness", f"With {where.threads} threads, the slowest thread of {best.subject} gets "
                  f"{number(fairness(best))} of what the fastest gets; {n_fair} of "
                  f"{len({row.subject for row in strategies})} strategies stay within 3 \u00d7",
                  f"Pages that the slowest thread moved, over those of the fastest ({setup_words(where)}). 1: all "
                  "threads got the same. Bars: medians; whiskers: all repeats. Higher is better.",
                  [bars_panel(model, "fairness-threads", None, where, fairness, lambda row: row.fairness,
                              "pages of the slowest thread, over the fastest's", end=1, level=1 / 3,
                              level_name="within 3 \u00d7")])


def over_bytes(model):
    where = find_slice(model, Setup(), (), bytes_per_page)
    best = where and lowest(model, where, bytes_per_page)
    if not best:
        return None
    worst = highest(model, where, bytes_per_page)
    return Figure("bytes", f"{best.subject} keeps {number(bytes_per_page(best))} bytes for each page, {worst.subject} "
                  f"{number(bytes_per_page(worst))}",
                  "Memory for the state of a page, with its share of what devices and the map hold "
                  f"({setup_words(where)}). Lower is better.",
                  [bars_panel(model, "bytes-a-page", None, where, bytes_per_page,
                              lambda row: Spread(*(row.bytes_per_page,) * 3), "bytes of state a page", sign=1)])


def figures_of(model):
    parts = (threads, batch, over_fairness, over_pages, latency, isolation, over_bytes)
    return [figure for figure in (part(model) for part in parts) if figure]
