# SPDX-License-Identifier: MIT
"""What the page recommends: for each question a choice, its figure, and by which measure it is best."""

import math
import re
from collections import namedtuple
from os.path import basename

from selection import cost, figure, highest, is_tie, lowest, mean, ns, p99, rank, rows_of, tied, widest
from words import joined, number, percent, plural, time, times

# choice: None: not measured. figure: what it brings; why: parts of a sentence.
Advice = namedtuple("Advice", "choice figure why", defaults=(None, "", ()))
DRIVER_WORK = ("target", "cost", "latency", "contention", "relief")
PROMISES = {"progress": "promises pages", "busy": "may only say that it is busy"}
PLACES = (("random", "random pages"), ("clusters", "clusters of 16"), ("blocks", "2 MiB blocks"),
          ("contiguous", "adjacent pages"))
# Whose time theirs is held against: jemalloc's own, which keeps as much.
HEAPS = (("heap-caches", "malloc", "with thread caches", "jemalloc\u2019s"),
         ("heap", "jemalloc", "without, keeps nothing that is free", "such an arena of jemalloc\u2019s"),
         ("heap-keeps", "jemalloc-keeps", "without, keeps it for 10 s", "such an arena of jemalloc\u2019s"))
ENOUGH_REPEATS, MANY = 15, 6


def choice_of(names):
    return names[0] + (f" (a tie with {joined(names[1:])})" if len(names) > 1 else "")


def ranked(model, kind, works, tell=lambda rows, name: ()):
    """The choice is who takes least beside the best of each setting."""
    rows = rows_of(model, kind=kind, workload=works)
    ranking = rank(rows)
    if not ranking:
        return Advice()
    first, *others = ranking.scores
    settings = "one setting" if ranking.n_settings == 1 else f"geometric mean over {ranking.n_settings} settings"
    best = ranking.scores[first].median
    said = f"{times(best)} the fastest time" if best > 1.000001 else "fastest everywhere"
    return Advice(choice_of(tied(ranking.scores)), said if others else "no other was measured", [
        f"{settings} of {joined(dict.fromkeys(row.workload for row in rows))}",
        ", ".join(f"{name}\u00a0{times(ranking.scores[name].median)}" for name in others[:MANY]),
        f"left out, measured in part: {joined(ranking.left_out)}" if ranking.left_out else "", *tell(rows, first)])


def isolation_of(rows, name):
    """What the compactor and the callers get with the choice, where the most threads work."""
    success, dequeue = figure("success_rate"), p99("dequeue_ns")
    beside = widest([row for row in rows if not math.isnan(success(row))])
    for own in (row for row in beside if row.subject == name):
        best = highest(beside, success)
        better = "" if success(own) == success(best) else f" ({best.subject} {percent(success(best))})"
        yield f"{percent(success(own))} of the tries to isolate a page succeed{better}"
    for own in (row for row in widest([row for row in rows if not math.isnan(dequeue(row))]) if row.subject == name):
        yield f"99 of 100 dequeues within {time(dequeue(own))} with {plural(own['threads'] or 1, 'thread')}"


def promise_of(rows, name):
    """Of a driver design; and what it would have to be measured at too."""
    promise = next((row["guarantee"] for row in rows if row.subject == name and row["guarantee"]), None)
    missing = [work for work in DRIVER_WORK if all(row.workload != work for row in rows)]
    yield f"out of memory it {PROMISES.get(promise, promise)}" if promise else ""
    yield f"{joined(missing)} not measured" if missing else ""


def old_designs(model):
    """Each strategy whose era is a release of Linux, beside the best, with one thread and with two."""
    costs = {}
    for n, words in ((1, "at one thread"), (2, "with two")):
        rows = [rows_of(model, kind="strategy", workload=work, threads=n) for work in ("churn", "cycle")]
        ranking = rank(rows[0] or rows[1])
        for name, score in ranking.scores.items() if ranking and len(ranking.scores) > 1 else ():
            if re.match(r"Linux \d", model.subjects[name].what or ""):
                costs.setdefault(name, {})[words] = score.median
    eras = {name: model.subjects[name].what.replace(" (", ", ").rstrip(")") for name in costs}
    worst = max((value for each in costs.values() for value in each.values()), default=math.nan)
    return Advice(f"up to {times(worst)}", "the fastest strategy\u2019s time", [
        f"{name} ({eras[name]}) {', '.join(f'{times(value)} {words}' for words, value in costs[name].items())}"
        for name in model.subjects if name in costs]) if costs else Advice()


def replayed(model):
    """Recordings of real guests."""
    rows, modes = rows_of(model, kind="strategy", workload="replay"), {}
    for mode, words in (("order", "in recorded order"), ("recorded", "with the recorded concurrency")):
        own = [row for row in rows if row["mode"] == mode]
        ranking = rank(own)
        if ranking:
            modes[words] = tied(ranking.scores), {
                name: number(mean([row.figure("pages_per_s").median / 1e6 for row in own if row.subject == name]))
                for name in ranking.scores}
    if not modes:
        return Advice()
    both = [name for name in model.subjects if all(name in names for names, _ in modes.values())]
    n = len({row["recording"] for row in rows})
    return Advice(
        choice_of(both) if both else "; ".join(f"{choice_of(names)} {words}" for words, (names, _) in modes.items()),
        ", ".join(f"{rates[(both or names)[0]]} million pages/s {words}" for words, (names, rates) in modes.items()),
        [f"geometric mean of {plural(n, 'recording')}",
         *(f"{words} {', '.join(f'{name} {rate}' for name, rate in [*rates.items()][:MANY])}"
           for words, (_, rates) in modes.items() if len(rates) > 1)])


def release(model):
    """Of the process's own memory, by a channel: which call, and how much more a call for each page would take."""
    rows = rows_of(model, kind="channel", workload="release", memory="anonymous")
    ranking = rank(rows)
    if not ranking:
        return Advice()
    names = tied(ranking.scores)
    own = [row for row in rows if row.subject == names[0]]
    costs = {what: [of_place(row, rows) for row in sorted(own, key=lambda row: row["other_thread"] is True)
                    if row["order"] == order] for order, what in PLACES}
    said = [f"{what} {', '.join(each)}" for what, each in costs.items() if each]
    call = f"{own[0]['channel'] or names[0]} channel" + (f", {own[0]['call']} calls" if own[0]["call"] else "")
    return Advice(choice_of(names), (said or [call])[0], [
        "in brackets how many times that a call for each page takes", call, *said[1:]])


def of_place(row, rows):
    """ "525 ns (3.05 x)", or "beside another thread 630 ns (25.4 x)" """
    best = lowest([other for other in rows if other.setting() == row.setting()])
    more = [times(1 / row.ratio("raw-per-page"))] if row.ratio("raw-per-page") > 0 else []
    more += [] if best is row or is_tie(cost(best), cost(row)) else [f"{best.subject} {time(ns(best))}"]
    where = "beside another thread " if row["other_thread"] else ""
    return where + time(ns(row)) + (f" ({', '.join(more)})" if more else "")


def compaction(model):
    rows = sorted(widest(rows_of(model, kind="strategy", workload="compaction")), key=ns)
    if not rows:
        return Advice()
    before, after = (rows[0].figure(f"order_9_{when}").median for when in ("before", "after"))
    brings = "" if math.isnan(after + before) else (
        f", {percent(before)} \u2192 {percent(after)} of free memory in 2 MiB blocks")
    others = ", ".join(f"{row.subject} {number(ns(row))}" for row in rows[1:MANY])
    choice = choice_of(tied({row.subject: cost(row) for row in rows}))
    return Advice(choice, f"{time(ns(rows[0]))} a migrated page{brings}", [
        plural(round(rows[0].figures["passes"].median), "pass", "passes") if "passes" in rows[0].figures else "",
        f"others take {others} ns" if others else "no other was measured"])


def out_of_memory(model):
    """The design that promises pages and is soonest back, at worst while a fill is under way."""
    value = p99("recovery_ns")
    rows = sorted(rows_of(model, value, "driver", workload="relief"), key=value)
    rows = [row for row in rows if row["fill"]] or rows
    able = [row for row in rows if row["guarantee"] == "progress"]
    if not rows:
        return Advice()
    best, *others = able or rows
    unable = [row.subject for row in rows if row not in able]
    said = f"recovery p50 {time(best.durations['recovery_ns'].p50)}, p99 {time(value(best))}"
    return Advice(choice_of(tied({row.subject: cost(row) for row in able or rows})), said, [
        PROMISES.get(best["guarantee"], "promises nothing") + (" while a fill is under way" if best["fill"] else ""),
        f"p99 of others {', '.join(f'{row.subject} {time(value(row))}' for row in others)}" if others else "",
        f"not promised by {joined(unable)}" if able and unable else ""])


def heap(model):
    found, why = {}, []
    for name, to, what, whose in HEAPS:
        rows = [row for row in rows_of(model, kind="heap", workload="heap")
                if row.subject == name and row.ratio(to) > 0]
        if rows:
            worst = highest(rows, lambda row: row.ratio(to))
            found[name] = rows, f"{times(mean([row.ratio(to) for row in rows]))} {whose}"
            why.append(f"{name} ({what}) {found[name][1]}, at worst {times(worst.ratio(to))} ({worst['pattern']}, "
                       f"{plural(worst['threads'] or 1, 'thread')})")
    ranking = rank([row for rows, _ in found.values() for row in rows])
    if not ranking:
        return Advice()
    return Advice(choice_of(tied(ranking.scores)), found[next(iter(ranking.scores))][1], ["geometric mean", *why])


QUESTIONS = (
    ("Strategy", lambda model: ranked(model, "strategy", ("cycle", "churn", "multi"))),
    # Pages come and go while a compactor isolates them.
    ("Unikernel with compaction", lambda model: ranked(model, "strategy", ("scan", "migrate", "mixed"), isolation_of)),
    ("Give memory back from a cache", release), ("What old designs cost", old_designs),
    ("Driver design", lambda model: ranked(model, "driver", DRIVER_WORK, promise_of)), ("Compaction", compaction),
    ("Out of memory", out_of_memory), ("Heap", heap), ("Replayed guests", replayed))


def caveats(model):
    for source in model.inputs:
        if not source.is_complete:
            yield f"{basename(source.path)} is of a run that was interrupted: it is partial."
    for path, n in (+model.replaced).items():
        yield f"{plural(n, 'row')} of {basename(path)} took the place of earlier ones."
    timed = rows_of(model)
    # Whether threads are pinned, and when it was, is of a command.
    if len({row.source.machine._replace(date=None, pinned=None) for row in timed}) > 1:
        yield "The files are of different machines, systems or builds: compare times within a file only."
    repeats = min((row.repeats for row in timed if row.repeats), default=ENOUGH_REPEATS)
    if repeats < ENOUGH_REPEATS:
        yield f"As few as {plural(repeats, 'repeat')}, and a claim needs {ENOUGH_REPEATS}: small differences are noise."
    cores, threads = model.inputs[0].machine.cores, max((row["threads"] or 0 for row in timed), default=0)
    if cores and threads > cores:
        yield f"Up to {threads} threads share {plural(cores, 'core')}."
