# SPDX-License-Identifier: MIT
"""What it costs to give memory back: the figure of releases."""

import math

from figures import Figure, Panel
from plots import Axis, Bar, Bars, round_number
from selection import fastest, trial_times, trials_of
from tables import TRIAL_COLOURS, setting_words
from words import number, time, whole


def shown(trial):
    times = trial_times(trial, "raw-vector")
    beside = "" if math.isnan(times) or trial.kind == "raw" else f", {number(times)} \u00d7"
    return time(trial.ns.median) + beside


def release_panel(i, trials):
    measured = [trial for trial in trials if trial.ns.min > 0]
    if not measured:
        return []
    bars = Bars(Axis("ns a page of 4 KiB", is_log=True), [
        Bar(trial.subject, TRIAL_COLOURS[trial.kind], trial.kind == "raw", trial.ns, shown(trial))
        for trial in measured])
    bars.sort(1)
    # Bars begin at a power of ten, where the axis does; there is room for the numbers after them.
    low, high = min(bar.value.min for bar in bars.bars), max(bar.value.max for bar in bars.bars)
    bars.x.min = 10.0 ** math.floor(math.log10(low * 0.999))
    bars.x.max = high * (high / bars.x.min) ** 0.4
    if bars.x.max < 30 * bars.x.min:
        bars.x.round_ticks()
    else:
        first = round(math.log10(bars.x.min))
        bars.x.ticks = [(10.0 ** n, round_number(10.0 ** n))
                        for n in range(first, math.floor(math.log10(bars.x.max)) + 1)]
    return [Panel(f"release-{i}", f"{setting_words(trials[0])}, requests of {whole(trials[0].request)}",
                  bars.script(), bars.describe())]


def finding(model):
    """The channel at pages in random order, alone and beside a thread."""
    def cost(trial, to, what):
        times = trial_times(trial, to)
        return time(trial.ns.median), "" if math.isnan(times) else f", {number(times)} \u00d7 {what}"

    alone, beside = (fastest(model, "channel", "random", other_thread) for other_thread in (False, True))
    if not alone:
        return "What it costs to give pages back"
    ns, times = cost(alone, "raw-vector", "a raw vector")
    sentence = f"Pages in random order cost {alone.subject} {ns} each{times}"
    return f"{sentence}; while another thread runs {''.join(cost(beside, 'raw-per-page', 'a call a page'))}" \
        if beside else sentence


def release(model):
    settings = trials_of(model, "release")
    if not settings:
        return None
    panels = [panel for i, trials in enumerate(settings, 1) for panel in release_panel(i, trials)]
    return Figure("release", finding(model), "Time to give pages back, and how many times that of a raw vector of "
                  "pages a call. Red: channels; blue: the whole driver, from frames to the balloon; grey: raw system "
                  "calls. Bars: medians; whiskers: all repeats. Logarithmic; lower is better.", panels)
