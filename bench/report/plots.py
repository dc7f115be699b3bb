# SPDX-License-Identifier: MIT
"""The plots, drawn by gnuplot: each has a finding over it, and its legend below, so that it can be narrow."""

import math
import re
import subprocess
from dataclasses import dataclass

from markupsafe import Markup

from results import REFERENCES, Problem, Spread
from selection import by_setting, cost, highest, lowest, ns, p99, rows_of, widest
from words import clean, number, pages, plural, text, time, times, whole

WIDTH, FONT, LETTER, LINE = 420, 12, 6.8, 17  # pixels
LEFT, RIGHT, TOP, PLOT_HEIGHT, AXIS = 52, 14, 28, 250, 54
INK, GRID = "#1A1A1A", "#E4E4E4"
SHOWN_REFERENCES = ("floor-list", "floor-lock", "floor-mutex", "ck-stack", "dpdk-ring")  # those of the goals

# Colour, dash as gnuplot says it, its number of a shape, width: the palette of Okabe and Ito, which the colour-blind
# tell apart, with filled shapes. References are grey, with open ones.
OWN = [(colour, dash, point, 2.2) for colour, dash, point in (
    ("#0072B2", "1", 7), ("#D55E00", "(14,5)", 5), ("#009E73", "(4,4)", 9), ("#CC79A7", "(14,4,3,4)", 13),
    ("#E69F00", "(8,3,3,3,3,3)", 11), ("#56B4E9", "(20,5)", 15), ("#000000", "(6,6)", 2))]
OWN += [(look[0], "(3,5)", point, 1.6) for look, point in zip(OWN, (6, 4, 8, 12, 10, 14, 1))]  # of who comes after
GREY = [("#6E6E6E", dash, point, 1.2) for dash, point in (
    ("(2,3)", 4), ("(2,5)", 6), ("(4,3)", 8), ("(7,4)", 12), ("(12,3,2,3)", 1))]


def styles_of(own, grey):
    return {name: styles[i % len(styles)] for names, styles in ((own, OWN), (grey, GREY))
            for i, name in enumerate(names)}


@dataclass
class Axis:
    label: str
    min: float
    max: float
    is_log: bool = False
    ticks: list | None = None  # of value and label; None: gnuplot knows

    def script(self, name, place):
        ticks = ", ".join(f"{quote(label, chr(39) + '%')} {value:.9g}" for value, label in self.ticks or [])
        return (f"set logscale {name}\n" * self.is_log
                + f"set {name}range [{self.min:.9g}:{self.max:.9g}]\nset {name}tics scale 0.5,0 tc rgb '{INK}'"
                + f" ({ticks})" * (self.ticks is not None)
                + f"\nset label {quote(self.label)} at {place} tc rgb '{INK}'\n")


def axis_of(label, values, show=None):
    """Holds all values: from 0, or logarithmic if they differ much, or have units to show."""
    low, high = min(values) / 1.4, max(values) * 1.4
    if high / low <= 12 and not show:
        return Axis(label, 0, high)
    decades = range(math.floor(math.log10(low)), math.floor(math.log10(high)) + 1)
    every = math.ceil(len(decades) / 6)
    at = [10.0 ** decade * step for decade in decades if decade % every == 0
          for step in ((1,) if len(decades) > 2 else (1, 2, 5)) if low <= 10.0 ** decade * step <= high]
    return Axis(label, low, high, True, [(value, (show or "{:g}".format)(value)) for value in at])


def quote(value, doubled="'"):
    """A text as gnuplot's. In ticks '%' stands for itself when there are two."""
    shown = "".join("?" if c < " " or c == "\x7f" else 2 * c if c in doubled else c for c in value)
    return f"'{shown}'"


@dataclass
class Plot:
    """Marks of series, by their names, joined by lines or not."""

    id: str
    finding: str
    x: Axis
    y: Axis
    series: dict  # of (x, y, from, to), a bar to each mark
    styles: dict
    is_joined: bool = True
    left: int = LEFT
    plot_height: int = PLOT_HEIGHT
    svg: str = ""

    def legend(self, i, name, columns, height):
        """Its place below the axis."""
        colour, dash, point, width = self.styles[name]
        x = (12 + (WIDTH - 12) / columns * (i % columns)) / WIDTH
        y = 1 - (TOP + self.plot_height + AXIS + 6 + LINE * (i // columns)) / height
        line = (f"set arrow from screen {x:.4f},{y:.4f} to screen {x + 26 / WIDTH:.4f},{y:.4f} nohead lw {width} "
                f"dt {dash} lc rgb '{colour}'\n") if self.is_joined else ""
        return (f"{line}set label '' at screen {x + 13 / WIDTH:.4f},{y:.4f} point pt {point} ps 0.8 lc rgb '{colour}'\n"
                f"set label {quote(name)} at screen {x + 32 / WIDTH:.4f},{y:.4f} left tc rgb '{INK}'\n")

    def script(self):
        columns = max(1, min(3, int((WIDTH - 12) / (40 + LETTER * max(map(len, self.series))))))
        height = TOP + self.plot_height + AXIS + LINE * math.ceil(len(self.series) / columns)
        below = 1 - (TOP + self.plot_height) / height
        parts = [f"reset\nset terminal svg size {WIDTH},{height} font 'sans-serif,{FONT}' noenhanced name 'plot'\n"
                 f"set encoding utf8\nunset key\nset lmargin at screen {self.left / WIDTH:.4f}\n"
                 f"set rmargin at screen {1 - RIGHT / WIDTH:.4f}\nset tmargin at screen {1 - TOP / height:.4f}\n"
                 f"set bmargin at screen {below:.4f}\nset border 3 lw 1 lc rgb '{INK}'\n"
                 f"set grid xtics ytics lt 1 lc rgb '{GRID}' lw 1\nset tics nomirror out\n",
                 self.x.script("x", f"screen {(self.left + WIDTH - RIGHT) / 2 / WIDTH:.4f}, "
                                    f"screen {below - 38 / height:.4f} center"),
                 self.y.script("y", f"screen 0.01, screen {1 - 12 / height:.4f} left")]
        drawn = []
        for i, (name, marks) in enumerate(self.series.items()):
            colour, dash, point, width = self.styles[name]
            parts += [self.legend(i, name, columns, height), f"$marks{i} << EOD\n",
                      *(" ".join(f"{value:.9g}" for value in mark) + "\n" for mark in marks), "EOD\n"]
            line = f"linespoints lw {width} dt {dash}" if self.is_joined else "points lw 1.5"
            drawn.insert(0, f"$marks{i} using 1:2:3:4 with {'y' if self.is_joined else 'x'}errorbars pt 0 ps 0 lw 1 "
                         f"lc rgb '{colour}', $marks{i} using 1:2 with {line} pt {point} ps 0.8 lc rgb '{colour}'")
        return "".join([*parts, "plot ", ", ".join(drawn), "\n"])

    def describe(self):
        """For those who do not see it."""
        def said(x, y, *_):
            return f"{number(y)} at {x:.9g}" if self.is_joined else f"{dict(self.y.ticks)[y]} {number(x)}"

        return f"{self.y.label}; {self.x.label}. " + "".join(
            f"{name}: {', '.join(said(*mark) for mark in marks)}. " for name, marks in self.series.items())


# ---- Lines ------------------------------------------------------------------------------------------------------

COST = "ns a page, out and in; lower is better"
# By what varies: names of the axes, of which rows, and what they show, of the best strategies at both ends.
LINES = (
    ("threads", "threads on one balloon, one page at a time", "million pages a second; higher is better",
     {"workload": "churn", "batch": 1}, "{a} is the fastest strategy on {first} thread, {at_a} million pages a second, "
     "and {b} with {last}, {at_b}"),
    ("batch", "pages a call (batch), one thread", COST, {"workload": "cycle", "order": "sequential", "threads": 1},
     "{a} needs {at_a} ns a page at batch {first}; batches of {last} bring {b} to {at_b} ns"),
    ("pages", "pages in the balloon, in random order (K: 1024)", COST,
     {"workload": "cycle", "order": "random", "threads": 1},
     "In random order the best strategy needs {at_a} ns with {first} pages ({a}), {at_b} ns with {last} ({b})"))


def lines(model, varied, x_label, y_label, where, finding):
    """Strategies, and the goals' references, over what varies."""
    beside = widest([row for row in rows_of(model, **where) if row[varied] and cost(row).min > 0
                     and (row.kind == "strategy" or row.subject in SHOWN_REFERENCES)], (varied,))
    values = sorted({row[varied] for row in beside})
    ends = [lowest([row for row in beside if row[varied] == value and row.kind == "strategy"]) for value in values]
    if len(values) < 2 or not ends[0] or not ends[-1]:
        return None
    a, b = ends[0], ends[-1]
    show = (lambda value: 1e3 / value) if varied == "threads" else float  # million pages a second
    count = pages if varied == "pages" else whole
    again = {"threads": "still", "batch": "it"}.get(varied, a.subject)
    finding = finding.format(a=a.subject, b=again if a.subject == b.subject else b.subject, first=count(values[0]),
                             last=count(values[-1]), at_a=number(show(ns(a))), at_b=number(show(ns(b))))
    series = {}
    for row in sorted(beside, key=lambda row: ([*model.subjects].index(row.subject), row[varied])):
        series.setdefault(row.subject, []).append((row[varied], *map(show, cost(row))))
    room = (values[-1] / values[0]) ** 0.04
    x = Axis(x_label, values[0] / room, values[-1] * room, True, [(n, count(n)) for n in values])
    styles = styles_of([item.name for item in model.subjects.values() if item.kind not in REFERENCES], SHOWN_REFERENCES)
    y = axis_of(y_label, [y for marks in series.values() for _, y, *_ in marks])
    return Plot(varied, finding, x, y, series, styles)


# ---- Dots -------------------------------------------------------------------------------------------------------


def dots(name, finding, label, above, marks, styles):
    """A line for each thing, and marks on it: by series, of (thing, Spread)."""
    things = list(dict.fromkeys(thing for pairs in marks.values() for thing, _ in pairs))
    places = {thing: len(things) - 1 - i for i, thing in enumerate(things)}
    x = axis_of(label, [value.median for pairs in marks.values() for _, value in pairs], time)
    y = Axis(above, -0.6, len(things) - 0.4, False, [(place, thing) for thing, place in places.items()])
    series = {subject: [(value.median, places[thing], value.min or value.median, value.max) for thing, value in pairs]
              for subject, pairs in marks.items()}
    return Plot(name, finding, x, y, series, styles, False, int(16 + LETTER * min(max(map(len, things)), 28)),
                max(PLOT_HEIGHT - 60, 22 * len(things)))


def release(model):
    """Raw calls, channels, and of drivers the fastest one."""
    marks, best, raw = {}, {}, set()
    for beside in by_setting(rows_of(model, workload="release")).values():
        fastest = lowest([row for row in beside if row.kind == "driver"])
        where = beside[0]
        shared, thread = "shared, " * (where["memory"] == "memfd"), ", thread" * (where["other_thread"] is True)
        thing = f"{shared}{where['order']}{thread}"
        for row in beside:
            if row.kind in ("raw", "channel") or row is fastest:
                marks.setdefault("the fastest driver" if row is fastest else row.subject, []).append((thing, cost(row)))
        raw |= {row.subject for row in beside if row.kind == "raw"}
        best[thing] = lowest([row for row in beside if row.kind == "channel"])
    if not marks:
        return None
    finding, alone, beside = "What it costs to give pages back", best.get("random"), best.get("random, thread")
    if alone:
        finding = f"Pages in random order cost {alone.subject} {time(ns(alone))} each"
        finding += f", {time(ns(beside))} while another thread runs" if beside else ""
    return dots("release", finding, "to give back 4 KiB; lower is better",
                "thread: beside another thread; shared: with a host", marks,
                styles_of([name for name in marks if name not in raw], [name for name in marks if name in raw]))


def latency(model):
    """Where compaction is at work if that was measured, and otherwise wherever most was."""
    value = p99("dequeue_ns")
    known = [row for row in rows_of(model, value, "strategy") if value(row) > 0]
    work = next((work for work in ("mixed", "migrate", "scan") if any(row.workload == work for row in known)), None)
    rows = widest([row for row in known if work in (None, row.workload)])
    if not rows:
        return None
    best, worst = lowest(rows, value), highest(rows, value)
    finding = f"99 of 100 calls to dequeue return within {time(value(best))} of {best.subject}"
    if worst is not best:
        finding += f"; {worst.subject} takes {times(value(worst) / value(best))} as long"
    marks = {}
    for row in rows:
        for name, taken in zip(("50 %", "99 %", "99.9 %", "the slowest"), row.durations["dequeue_ns"][1:]):
            if taken > 0:
                marks.setdefault(name, []).append((row.subject, Spread(taken, taken, taken)))
    return dots("latency", finding, "a call to dequeue; lower is better",
                f"{best.workload}, {plural(best['threads'] or 1, 'thread')}", marks, styles_of(marks, ()))


# ---- gnuplot ----------------------------------------------------------------------------------------------------


def plots_of(model):
    """All of them, in one run of gnuplot."""
    made = [release(model), *(lines(model, *each) for each in LINES), latency(model)]
    plots = [plot for plot in made if plot]
    for plot, drawing in zip(plots, draw([plot.script() for plot in plots])):
        plot.svg = finish(drawing, plot.id, plot.finding, plot.describe())
    return plots


def draw(scripts):
    """A drawing for each script, in one run of gnuplot."""
    if not scripts:
        return []
    try:
        # --default-settings: what the user has set for plots of their own is not for these.
        run = subprocess.run(["gnuplot", "--default-settings", "-"], input="".join([*scripts, "unset output\n"]),
                             capture_output=True, encoding="utf-8", errors="replace", check=False)
    except OSError as error:
        raise Problem("gnuplot is not installed: nothing can be plotted" if isinstance(error, FileNotFoundError) else
                      f"gnuplot cannot be started: {error.strerror}") from None
    if run.returncode == 127:  # where a process is made before its program is found
        raise Problem("gnuplot is not installed: nothing can be plotted")
    if run.returncode < 0:
        raise Problem(f"gnuplot was killed by signal {-run.returncode}")
    if run.returncode > 0:
        # It says where, as "line 3: what", after it repeated the line itself.
        why = next((line.strip() for line in run.stderr.splitlines() if "line " in line), "it does not say why")
        raise Problem(f"gnuplot failed with status {run.returncode}: {clean(why)}")
    drawings = re.findall(r"<svg.*?</svg>", run.stdout, re.S)
    if len(drawings) != len(scripts):
        raise Problem("gnuplot did not draw a whole plot")
    return drawings


def finish(drawing, name, title, description):
    """gnuplot's drawing, without its head, its names for lines and its tabs, with identifiers that no other plot of a
    page has, and with a title and a description for those who do not see it."""
    box = re.search(r'viewBox="([^"]*)"', drawing)
    at = drawing.find('<g id="gnuplot_canvas"')
    body = re.sub(r"<title>.*?</title>|\t", "", drawing[at if at >= 0 else 0:], flags=re.S)
    body = re.sub(r"<[^>]*>", lambda tag: re.sub(r"( id=['\"]|href=['\"]#|url\(#)", rf"\1{name}-", tag[0]), body)
    return Markup(f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
                  f'viewBox="{box[1] if box else ""}" role="img" aria-labelledby="{name}-title {name}-text">\n'
                  f'<title id="{name}-title">{text(title)}</title>\n'
                  f'<desc id="{name}-text">{text(description)}</desc>\n{body}\n')
