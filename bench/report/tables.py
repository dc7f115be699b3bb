# SPDX-License-Identifier: MIT
"""The tables: lines of cells, under headings."""

import math
from collections import namedtuple

from markupsafe import Markup

import selection
from goals import heap_verdict
from plots import style_of
from results import KINDS, NAN, Setup
from selection import count_of, fastest, ns, predict, rows_of, times, trial_times, trials_of
from words import clean, number, plural, setup_words, whole

# headings: '#' before one of numbers, '=' of numbers and what they range over.
Table = namedtuple("Table", "headings lines")
TRIAL_COLOURS = {"raw": "#6E6E6E", "channel": "#D55E00", "driver": "#0072B2", "strategy": "#009E73",
                 "heap": "#009E73"}


# ---- Cells ------------------------------------------------------------------------------------------------------


def tag(template, *values):
    return Markup(template).format(*map(clean, values))


def cell(value):
    """Points are below each other: spaces as wide as a digit stand for the decimals that a number has not."""
    if math.isnan(value):
        return Markup('<td class="n">&ndash;</td>')
    shown = number(value)
    _, point, decimals = shown.partition(".")
    return tag('<td class="n">{}{}</td>', shown, ("" if point else "\u2008") + "\u2007" * (2 - len(decimals)))


def spread(value):
    if math.isnan(value.median):
        return cell(NAN) + Markup('<td class="range"></td>')
    return cell(value.median) + tag('<td class="range">[{}\u00a0{}]</td>', number(value.min), number(value.max))


def words(value):
    return Markup("<td>&ndash;</td>") if value is None else tag("<td>{}</td>", value)


def subject(model, name):
    if model.subjects[name].kind != "strategy":
        return tag('<th scope="row" class="reference">{}</th>', name)
    return tag('<th scope="row" class="strategy" style="border-left-color:{}">{}</th>', style_of(model, name).colour,
               name)


def trial_subject(trial):
    return tag('<th scope="row" class="{}" style="border-left-color:{}">{}</th>',
               "reference" if trial.kind == "raw" else "strategy", TRIAL_COLOURS[trial.kind], trial.subject)


def verdict(better):
    if math.isnan(better):
        return Markup('<td class="none">not measured</td>')
    if better >= 1:
        return tag('<td class="met">\u2713 reached, {}\u00a0\u00d7 better</td>', number(better))
    return tag('<td class="missed">\u2717 missed by {}\u00a0\u00d7</td>', number(1 / better if better else math.inf))


def line(*cells, kind=None):
    return Markup("<tr{}>{}</tr>").format(tag(' class="{}"', kind) if kind else "", Markup("").join(cells))


def n_columns(headings):
    return sum(2 if heading.startswith("=") else 1 for heading in headings)


def over(headings, what):
    """A line over those of a setup."""
    return line(tag('<th colspan="{}" scope="rowgroup">{}</th>', n_columns(headings), what), kind="setup")


# ---- Goals ------------------------------------------------------------------------------------------------------


def goal_cells(goal, work, n, name, setup):
    best = tag("<strong>{}</strong><br><small>{}</small>", name, setup) if name else "not measured"
    return tag('<th scope="rowgroup" rowspan="{}">{}</th><td rowspan="{}" class="work">{}</td><td rowspan="{}" '
               'class="work">{}</td>', n, goal, n, work, n, best)


def trial_words(trial):
    return trial and (f"release, {trial.order}, {plural(trial.pages, 'page')}, requests of {whole(trial.request)}")


def heap_words(trial):
    return trial and f"{trial.pattern}, {plural(trial.threads, 'thread')}"


def target_line(item, first):
    same = Markup(" <small>(same run)</small>") if item.is_of_same_run else ""
    return line(first, tag("<td>{}{}</td>", item.what, same), cell(item.attained.figure), cell(item.attained.reached),
                verdict(item.attained.times), kind="group" if item.goal else None)


def end_to_end(model):
    """No figure to beat: its parts are to be reported apart."""
    best = fastest(model, "driver", "random", False)
    first = goal_cells("W11", "the whole driver: give back, take back, touch again", 1, best and best.subject,
                       trial_words(best))
    parts = [best.ns.median, best.figures["deflate_ns_per_page"].median,
             best.figures["refault_ns_per_page"].median] if best else [NAN]
    said = "not measured"
    if best:
        said = f"{' + '.join(map(number, parts))}, warm {number(best.figures['refault_warm_ns_per_page'].median)}"
    return line(first, Markup("<td>release and re-fault reported apart, warm and cold apart</td><td></td>"),
                cell(sum(parts)), tag('<td class="none">{}</td>', said), kind="group")


def goals(model, goal_lines):
    rows, trials, heaps = goal_lines
    lines = []
    for group, describe in ((rows, lambda row: row and setup_words(row.setup)), (trials, trial_words),
                            (heaps, heap_words)):
        for item in group:
            first = ""
            if item.goal:
                goal, best = item.goal
                n = len(getattr(goal, "targets", (None,)))
                first = goal_cells(goal.id, goal.work, n, best and best.subject, describe(best))
            lines.append(target_line(item, first))
        if group is trials:
            lines.append(end_to_end(model))
    return Table(["", "Work", "Best strategy", "To beat", "#Figure", "#Reached", ""], lines)


# ---- The system around the pages --------------------------------------------------------------------------------


def by_setting(model, workload, headings, describe, cells):
    lines = []
    for trials in trials_of(model, workload):
        lines.append(over(headings, describe(trials[0])))
        lines += [line(trial_subject(trial), *cells(trial)) for trial in trials]
    return Table(headings, lines)


def median(trial, name, factor=1):
    return cell(factor * trial.figures[name].median)


def setting_words(trial):
    return (f"{'shared memory, ' if selection.is_shared(trial) else ''}{trial.order or 'unknown'}, "
            f"{'another thread running' if trial.other_thread else 'no other thread'}")


def releases(model):
    def describe(trial):
        return (f"{setting_words(trial)}, {plural(trial.pages, 'page')} of {whole(trial.page_bytes // 1024)} KiB, "
                f"requests of {whole(trial.request)}")

    def cells(trial):
        return (spread(trial.ns), median(trial, "gib_per_s"),
                *(cell(trial_times(trial, raw)) for raw in ("raw-one-call", "raw-vector", "raw-per-page")),
                median(trial, "deflate_ns_per_page"), spread(trial.figures["refault_ns_per_page"]),
                median(trial, "refault_warm_ns_per_page"), median(trial, "huge_share", 100))

    return by_setting(model, "release", [
        "", "=ns a page, given back", "#GiB/s", "#\u00d7 raw-one-call", "#\u00d7 raw-vector", "#\u00d7 raw-per-page",
        "#taken back, ns", "=touched again, ns", "#touched again warm, ns", "#in huge pages %"], describe, cells)


def host_words(trial):
    return (f"{plural(trial.pages, 'page')}, the host takes {whole(trial.host_us)} \u00b5s for requests of "
            f"{whole(trial.request)}")


def targets(model):
    return by_setting(model, "target", ["", "=ns a page", "#ms to the target", "#lock not had", "#told to come again"],
                      lambda trial: f"half of {host_words(trial)}",
                      lambda trial: (spread(trial.ns), median(trial, "seconds", 1e3), median(trial, "busy"),
                                     median(trial, "again")))


def compactions(model):
    headings = ["", "=ns a migrated page", "#ms", "#migrated", "#passes", "#order 9 before %", "#order 9 after %",
                "#order 10 before %", "#order 10 after %"]
    return by_setting(model, "compaction", headings,
                      lambda trial: f"half of {plural(trial.pages, 'page')} in a balloon, driver design "
                      f"{trial.driver or 'unknown'}",
                      lambda trial: (spread(trial.ns), median(trial, "seconds", 1e3), median(trial, "migrated"),
                                     median(trial, "passes"), *(median(trial, name, 100) for name in (
                                         "order_9_before", "order_9_after", "order_10_before", "order_10_after"))))


def reliefs(model):
    return by_setting(model, "relief",
                      ["", "Promises", "#Events", "#Median", "#99 of 100", "#Longest", "#Busy, a repeat"],
                      lambda trial: f"{'while a fill is under way' if trial.fill else 'no fill under way'}, the host "
                      f"takes {whole(trial.host_us)} \u00b5s",
                      lambda trial: (words(trial.guarantee), cell(trial.recovery.samples),
                                     cell(trial.recovery.p50 / 1e3), cell(trial.recovery.p99 / 1e3),
                                     cell(trial.recovery.max / 1e3), median(trial, "busy")))


def besides(model, workload):
    return by_setting(model, workload, ["", "=ns a page", "#reference", "#times that"], host_words,
                      lambda trial: (spread(trial.ns), median(trial, "reference_ns_per_page"),
                                     median(trial, "times_reference")))


PATTERNS = {
    "64-bytes": "64 bytes, freed at once",
    "mix": "16 bytes to 4 KiB, one at random makes way for another one",
    "large": "16 to 64 KiB, one at random makes way for another one",
    "larson": "up to 1 KiB, the same; other threads free most of them",
    "pipe": "up to 1 KiB, one thread allocates, another one frees",
}


def heaps(model):
    def describe(trial):
        pattern = trial.pattern or "unknown"
        return f"{PATTERNS.get(pattern, pattern)}: {plural(trial.threads, 'thread')}"

    def cells(trial):
        better = heap_verdict(trial)
        return (spread(trial.ns), *(cell(trial_times(trial, to)) for to in ("malloc", "jemalloc", "jemalloc-keeps")),
                words(None) if math.isnan(better) else verdict(better))

    return by_setting(model, "heap", ["", "=ns a pair", "#times malloc", "#times jemalloc", "#times jemalloc-keeps",
                                      "Goal"], describe, cells)


# ---- Counts -----------------------------------------------------------------------------------------------------


def counted(model, order, value, headings, cells):
    """Rows of one thread's cycles of which something was counted; None: there are none."""
    rows = [row for row in rows_of(model, Setup("cycle", order, 1), ns) if not math.isnan(value(count_of(model, row)))]
    rows.sort(key=lambda row: (row.setup.pages, row.setup.batch, row.setup.order != "sequential", row.setup, ns(row)))
    lines, before = [], None
    for row in rows:
        if row.setup != before:
            lines.append(over(headings, setup_words(row.setup)))
        lines.append(line(subject(model, row.subject), *cells(row)))
        before = row.setup
    return Table(headings, lines) if lines else None


def predicted(model):
    def cells(row):
        count, ns_predicted = count_of(model, row), predict(model, row)
        return (spread(row.ns), cell(ns_predicted), cell(ns(row) / ns_predicted if ns_predicted else NAN),
                *map(cell, count))

    return counted(model, None, lambda count: count.instructions if math.isnan(count.atomics) else count.atomics, [
        "", "=ns a page, out and in", "#Predicted", "#Measured over predicted", "#Atomic operations", "#Instructions",
        "#First-level misses", "#Last-level misses"], cells)


def misses(model):
    def cells(row):
        count = count_of(model, row)
        return spread(row.ns), cell(count.l1_misses), cell(count.ll_misses), cell(row.bytes_per_page)

    return counted(model, "random", lambda count: count.ll_misses, [
        "", "=ns a page, out and in", "#First-level misses", "#Last-level misses", "#Bytes of state"], cells)


# ---- Every row, and what was compared ---------------------------------------------------------------------------


def references(model):
    return Table(["", "Kind", "What it is", "What it does not offer"], [
        line(subject(model, item.name), words(item.kind), words(item.what), words(item.lacks))
        for item in model.subjects.values()])


def place(row):
    """Within a workload; what has no time comes last."""
    setup = row.setup
    return (setup.order != "sequential", setup.order, setup.devices, setup.mix, setup.pages, setup.batch,
            setup.threads, row.kind != "strategy", math.inf if math.isnan(ns(row)) else ns(row))


def every_row(model):
    """A table for each workload, by its name."""
    columns = [name for name in ("floor-lock", "floor-mutex", "floor-list", "ck-stack")
               if any(not math.isnan(times(model, row, name).median) for row in model.rows.values())]
    headings = ["", "=ns a page", "#million pages/s",
                *(f"{'#' if i else '='}\u00d7\u00a0{name}" for i, name in enumerate(columns)), "=fairness",
                "#CPU ns a page", "#waits a page", "#isolated %", "#dequeue p99 ns", "#isolate p99 ns",
                "#bytes a page"]
    tables = {}
    for row in sorted(model.rows.values(), key=place):
        lines = tables.setdefault(row.setup.workload, [])
        is_new = not lines or lines[-1][0] != row.setup
        if is_new:
            repeats = f"; {plural(row.repeats, 'repeat')}" if row.repeats else ""
            lines.append((row.setup, over(headings, setup_words(row.setup) + repeats)))
        ratios = [times(model, row, name) for name in columns]
        lines.append((row.setup, line(
            subject(model, row.subject), spread(row.ns), cell(1e3 / ns(row)),
            *(cell(ratio.median) if i else spread(ratio) for i, ratio in enumerate(ratios)), spread(row.fairness),
            cell(1e3 * row.cpu.median), cell(row.contended.median), cell(100 * row.success.median),
            cell(row.dequeue.p99), cell(row.isolate.p99), cell(row.bytes_per_page),
            kind="best" if is_new and row.kind == "strategy" else None)))
    order = dict.fromkeys(row.setup.workload for row in model.rows.values())
    return {name: Table(headings, [item for _, item in tables[name]]) for name in order}


def inputs(model):
    lines = [line(words(base_name(source.path)), words(source.machine.date), words(source.machine.cpu),
                  words(whole(source.machine.cores) if source.machine.cores else None), words(source.machine.kernel),
                  words(source.machine.compiler), words(source.machine.library),
                  words("yes" if source.machine.is_pinned else "no"), cell(source.seconds),
                  tag('<td class="n">{}</td>', whole(source.n_rows + source.n_trials)),
                  tag('<td class="n">{}</td>', whole(source.n_counts))) for source in model.inputs]
    return Table(["File", "Date", "CPU", "Cores", "Kernel", "Compiler", "libballoon", "Threads pinned",
                  "#Seconds a repeat", "#Results", "#Counts"], lines)


def base_name(path):
    return path.rstrip("/").rsplit("/", 1)[-1] or path


# ---- For programs -----------------------------------------------------------------------------------------------


def csv(model):
    """All rows and what is derived from them, a line each."""
    def quoted(value):
        return '"' + value.replace('"', '""') + '"' if any(c in value for c in ',"\r\n') else value

    def figure(value):
        return "" if math.isnan(value) else f"{value:.9g}"

    spreads = ("ns_per_page", "fairness", "cpu_s_per_million_pages", "contended_per_page", "success_rate")
    others = [item.name for item in model.subjects.values() if item.kind != KINDS[0]]
    ends = ("", "_min", "_max")
    fields = ["strategy", "kind", "workload", "order", "threads", "batch", "pages", "devices", "mix", "repeats",
              *(name + end for name in spreads for end in ends), "attempts", "isolated", "bytes_per_page",
              *(f"{call}_{what}" for call in ("dequeue", "isolate")
                for what in ("samples", "p50_ns", "p99_ns", "p99.9_ns", "max_ns")),
              "atomics_per_page", "instructions_per_page", "l1_misses_per_page", "ll_misses_per_page",
              "predicted_ns_per_page", *(f"ratio_{name}{end}" for name in others for end in ends)]
    lines = [",".join(map(quoted, fields))]
    for row in model.rows.values():
        setup = row.setup
        texts = [row.subject, row.kind, setup.workload, setup.order, str(setup.threads), str(setup.batch),
                 str(setup.pages), str(setup.devices), ":".join(map(str, setup.mix)), str(row.repeats)]
        values = [*row.ns, *row.fairness, *row.cpu, *row.contended, *row.success, row.attempts, row.isolated,
                  row.bytes_per_page, *row.dequeue[:5], *row.isolate[:5], *count_of(model, row), predict(model, row),
                  *(value for name in others for value in times(model, row, name))]
        lines.append(",".join([*map(quoted, texts), *map(figure, values)]))
    return "\n".join(lines) + "\n"
