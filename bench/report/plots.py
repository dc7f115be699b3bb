# SPDX-License-Identifier: MIT
"""Plots, drawn by gnuplot: lines with their names at their ends, and bars with their numbers."""

import math
import re
import subprocess
from dataclasses import dataclass, field

from markupsafe import Markup

from results import NAN, Problem
from words import clean, number, round_number, text

WIDTH, LETTER, BOTTOM = 600, 8, 60  # pixels
LEFT, TOP, PLOT_HEIGHT, LINE = 66, 36, 320, 17
RIGHT, BAR, BARS_TOP = 76, 26, 12
INK, AXES, GRID = "#1A1A1A", "#333333", "#E4E4E4"


# ---- How a subject looks, in every plot the same ----------------------------------------------------------------


@dataclass
class Style:
    colour: str
    dash: str = "1"  # as gnuplot says it
    point: int = 7  # gnuplot's number of a shape
    width: float = 1.3
    size: float = 1.0


# Strategies have the palette of Okabe and Ito, which the colour-blind tell apart, and filled shapes.
STYLES = {
    "strategy": [Style(colour, dash, point, 2.4, size) for colour, dash, point, size in (
        ("#0072B2", "1", 7, 1.0), ("#D55E00", "(14,5)", 5, 0.9), ("#009E73", "(4,4)", 9, 1.1),
        ("#CC79A7", "(14,4,3,4)", 13, 1.2), ("#E69F00", "(8,3,3,3,3,3)", 11, 1.1), ("#56B4E9", "(20,5)", 15, 1.1),
        ("#000000", "(6,6)", 4, 1.0))],
    "floor": [Style("#6E6E6E", "(2,3)", point, size=size) for point, size in (
        (4, 0.9), (6, 0.9), (8, 1.0), (12, 1.1), (10, 1.0), (14, 1.0))],
    "peer": [Style("#8C8C8C", dash, point, size=0.9) for dash in ("(7,4)", "(12,3,2,3)") for point in (2, 1, 3)],
}


def style_of(model, name):
    kind = model.subjects[name].kind
    styles = STYLES[kind]
    same = [subject.name for subject in model.subjects.values() if subject.kind == kind]
    return styles[same.index(name) % len(styles)]


# ---- Axes -------------------------------------------------------------------------------------------------------


def quote(value, doubled="'"):
    """A text as gnuplot's. In ticks '%' stands for itself when there are two."""
    shown = "".join("?" if c < " " or c == "\x7f" else 2 * c if c in doubled else c for c in value)
    return f"'{shown}'"


@dataclass
class Axis:
    label: str
    min: float = 0
    max: float = 1
    is_log: bool = False
    ticks: list = field(default_factory=list)  # of value and label

    def round_ticks(self, show=round_number):
        """At round numbers between min and max."""
        if self.is_log:
            steps = (1,) if self.max / self.min > 5000 else (1, 2, 5)
            decades = range(math.floor(math.log10(self.min)), math.floor(math.log10(self.max)) + 1)
            at = [10.0 ** decade * step for decade in decades for step in steps]
        elif self.max > self.min:
            span = self.max - self.min
            step = 10.0 ** math.floor(math.log10(span / 4))
            step *= 5 if span / step > 20 else 2 if span / step > 9 else 1
            at = [i * step for i in range(math.ceil(self.min / step), math.floor(self.max / step * (1 + 1e-9)) + 1)]
        else:
            at = []
        self.ticks = [(value, show(value)) for value in at if self.min <= value <= self.max * (1 + 1e-9)]

    def place(self, value):
        """From 0 at min to 1 at max."""
        if self.is_log:
            return math.log(value / self.min) / math.log(self.max / self.min)
        return (value - self.min) / (self.max - self.min)

    def script(self, name, place):
        ticks = ", ".join(f"{quote(label, chr(39) + '%')} {value:.9g}" for value, label in self.ticks)
        return (f"set logscale {name}\n" if self.is_log else "") + (
            f"set {name}range [{self.min:.9g}:{self.max:.9g}]\n"
            f"set {name}tics scale 0.5,0 ({ticks}) tc rgb '{AXES}'\n"
            # gnuplot's own names of axes are not seen with margins in pixels.
            f"set label {quote(self.label)} at {place} tc rgb '{AXES}'\n")


BELOW = "graph 0.5, graph 0 center offset 0,-2.2"


def names_width(names, least):
    return least + LETTER * min(max([8, *map(len, names)]), 28)


def head(height, left, right, top, grid):
    return (f"reset\nset terminal svg size {WIDTH},{height} font 'sans-serif,14' noenhanced name 'plot'\n"
            f"set encoding utf8\nunset key\n"
            f"set lmargin at screen {left / WIDTH:.4f}\nset rmargin at screen {1 - right / WIDTH:.4f}\n"
            f"set tmargin at screen {1 - top / height:.4f}\nset bmargin at screen {BOTTOM / height:.4f}\n"
            f"set border 3 lw 1 lc rgb '{AXES}'\n"
            f"set grid {grid} lt 1 lc rgb '{GRID}' lw 1\nset tics nomirror out\n")


# ---- Lines ------------------------------------------------------------------------------------------------------


@dataclass
class Series:
    name: str
    style: Style
    marks: list  # of x, y, and a bar from low to high
    shown: list | None = None  # a curve, of so many marks that its shape is shown at these alone


def spread_places(places, gap):
    """Places ascend. Each stays as near as the others let it, a gap apart: the places less what the gaps before them
    take have to ascend, and least squares make that a merge of neighbours."""
    blocks = []
    for i, place in enumerate(places):
        block = (place - i * gap, 1)
        while blocks and blocks[-1][0] / blocks[-1][1] >= block[0] / block[1]:
            last = blocks.pop()
            block = (block[0] + last[0], block[1] + last[1])
        blocks.append(block)
    highest = 1 - (len(places) - 1) * gap
    firsts = [max(0, min(total / n, highest)) for total, n in blocks for _ in range(n)]
    return [first + i * gap for i, first in enumerate(firsts)]


@dataclass
class Chart:
    x: Axis
    y: Axis
    series: list = field(default_factory=list)

    def fit_y(self, show=round_number):
        """Hold all marks, whose bars may reach out of it; logarithmic if need be."""
        values = [mark[1] for series in self.series for mark in series.marks]
        low, high = min(values), max(values)
        self.y.is_log = high / low > 6
        self.y.min, self.y.max = (low / 1.4, high * 1.4) if self.y.is_log else (0, high * 1.12)
        self.y.round_ticks(show)

    def labels(self, plot_height):
        """Names beside the plot, none over another."""
        ends = sorted(((max(0, min(self.y.place(s.marks[-1][1]), 1)), s) for s in self.series), key=lambda end: end[0])
        places = spread_places([place for place, _ in ends], LINE / plot_height)
        for place, (_, series) in zip(places, ends):
            style, (x, y, *_) = series.style, series.marks[-1]
            yield (f"set arrow from {x:.9g},{y:.9g} to graph 1.045,{place:.5f} nohead lc rgb '{style.colour}' lw 0.8 "
                   f"dt (1,3)\nset label '' at graph 1.06,{place:.5f} point pt {style.point} ps {style.size:.2f} lc rgb "
                   f"'{style.colour}'\nset label {quote(series.name)} at graph 1.095,{place:.5f} left tc rgb '{INK}'\n")

    @staticmethod
    def data(name, marks):
        lines = (" ".join(f"{value:.9g}" for value in mark) for mark in marks)
        return f"${name} << EOD\n" + "\n".join(lines) + "\nEOD\n"

    def script(self):
        plot_height = max(LINE * len(self.series), PLOT_HEIGHT)
        parts = [head(plot_height + TOP + BOTTOM, LEFT, names_width([s.name for s in self.series], 50), TOP,
                      "xtics ytics"),
                 self.x.script("x", BELOW), self.y.script("y", "graph 0, graph 1 left offset -5,1")]
        plots = []
        for i, series in enumerate(self.series):
            style = series.style
            if series.shown is None:
                series.marks.sort(key=lambda mark: mark[0])
            parts.append(self.data(f"marks{i}", series.marks))
            plot = f"$marks{i} using 1:2 with lines lc rgb '{style.colour}' lw {style.width:.2f} dt {style.dash}"
            if series.shown is None:
                plot += f", $marks{i} using 1:2:3:4 with yerrorbars pt 0 ps 0 lw 1 lc rgb '{style.colour}'"
            elif series.shown:
                parts.append(self.data(f"shown{i}", series.shown))
            if series.shown is None or series.shown:
                plot += (f", ${'marks' if series.shown is None else 'shown'}{i} using 1:2 with points pt {style.point} "
                         f"ps {style.size:.2f} lw 1.5 lc rgb '{style.colour}'")
            plots.insert(0, plot)
        return "".join([*parts, *self.labels(plot_height), "plot ", ", ".join(plots), "\n"])

    def describe(self, show=lambda x, y: f"{number(y)} at {x:.9g}"):
        lines = (f"{s.name}: " + ", ".join(show(*mark[:2]) for mark in (s.marks if s.shown is None else s.shown)) + ". "
                 if s.shown is None or s.shown else f"{s.name}. " for s in self.series)
        return f"Upwards: {self.y.label}; to the right: {self.x.label}. " + "".join(lines)


# ---- Bars -------------------------------------------------------------------------------------------------------


@dataclass
class Bar:
    name: str
    colour: str
    is_reference: bool
    value: tuple
    shown: str


@dataclass
class Bars:
    x: Axis
    bars: list
    level: float = NAN  # a line across all bars, with a name
    level_name: str = ""

    def sort(self, sign):
        """Lowest first, or with -1 highest; strategies before references."""
        self.bars.sort(key=lambda bar: (bar.is_reference, sign * bar.value.median))

    def script(self):
        n = len(self.bars)
        top = BARS_TOP + (0 if math.isnan(self.level) else BAR)  # room for the level's name
        names = ", ".join(f"{quote(bar.name, chr(39) + '%')} {n - 1 - i}" for i, bar in enumerate(self.bars))
        parts = [head(top + BOTTOM + BAR * n, names_width([bar.name for bar in self.bars], 16), RIGHT, top, "xtics"),
                 self.x.script("x", BELOW),
                 f"set yrange [-0.5:{n - 1}.5]\nset ytics scale 0,0 ({names}) tc rgb '{INK}'\n"]
        if not math.isnan(self.level):
            parts.append(f"set arrow from {self.level:.9g},graph 0 to {self.level:.9g},graph 1 nohead front lw 1.5 lc "
                         f"rgb '{INK}' dt (4,4)\nset label {quote(self.level_name)} at {self.level:.9g},graph 1 center "
                         f"offset 0,0.8 tc rgb '{INK}'\n")
        plots = []
        for i, bar in enumerate(self.bars):
            y, (median, low, high) = n - 1 - i, bar.value
            # The number stands after the bar, or after what goes beyond it.
            parts.append(f"set label {quote(bar.shown)} at {high:.9g},{y} left offset 0.6,0 tc rgb '{INK}'\n")
            if high > low:
                parts.append(f"set arrow from {low:.9g},{y} to {high:.9g},{y} heads size screen 0.006,90 front lw 1.3 "
                             f"lc rgb '{INK}'\n")
            parts.append(f"$bar{i} << EOD\n{median:.9g} {y} {self.x.min:.9g} {median:.9g} {y - 0.34:g} {y + 0.34:g}\n"
                         "EOD\n")
            plots.append(f"$bar{i} using 1:2:3:4:5:6 with boxxyerror fs solid {0.45 if bar.is_reference else 0.9} lc "
                         f"rgb '{bar.colour}'")
        return "".join([*parts, "plot ", ", ".join(plots), "\n"])

    def describe(self):
        return f"{self.x.label}. " + "".join(f"{bar.name}: {bar.shown}. " for bar in self.bars)


# ---- gnuplot ----------------------------------------------------------------------------------------------------


def draw(scripts):
    """A drawing for each script, in one run of gnuplot."""
    if not scripts:
        return []
    try:
        # --default-settings: what the user has set for plots of their own is not for these.
        run = subprocess.run(["gnuplot", "--default-settings", "-"], input="".join([*scripts, "unset output\n"]),
                             capture_output=True, encoding="utf-8", errors="replace", check=False)
    except FileNotFoundError:
        raise Problem("gnuplot is not installed: nothing can be plotted") from None
    except OSError as error:
        raise Problem(f"gnuplot cannot be started: {error.strerror}") from None
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
