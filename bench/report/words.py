# SPDX-License-Identifier: MIT
"""How numbers and setups are written."""

import math

from markupsafe import Markup, escape

CONTROL = dict.fromkeys([*range(32), 0x7f], "\ufffd")


def number(value):
    """As many decimals as make three digits."""
    if math.isnan(value):
        return "\u2013"
    if value >= 1e15:
        return "very many"
    steps = ((99.95, 0), (9.995, 1), (0.0995, 2), (0.00995, 3), (0.000995, 4))
    decimals = next((n for least, n in steps if value >= least), 5 if value > 0 else 0)
    return f"{value:,.{decimals}f}"


def round_number(value):
    return number(value) if value >= 1000 else f"{value:.4g}"


def whole(value):
    return f"{value:,}"


def pages(n):
    for unit in ("", " K", " M"):
        if n == 0 or n % 1024:
            return whole(n) + unit
        n //= 1024
    return whole(n) + " G"


def time(ns):
    for unit in ("ns", "\u00b5s", "ms"):
        if not ns >= 999.5:
            return f"{ns:.3g} {unit}"
        ns /= 1000
    return f"{ns:.3g} s"


def percent(fraction):
    value = 100 * fraction
    if 99.95 <= value < 100:  # not all of them, and does not look so
        return f"{math.floor(value * 100) / 100:.2f} %"
    return f"{value:.3g} %"


def plural(n, noun):
    return f"{whole(n)} {noun}{'' if n == 1 else 's'}"


def setup_words(setup):
    """ "churn, 2 threads, batch 1, 4,096 pages, in random order" """
    fill, leak, scan, migrate = setup.mix
    shares = f" ({fill} fill, {leak} leak, {scan} scan, {migrate} migrate)" if fill else ""
    words = [setup.workload + shares, plural(setup.threads, "thread"), f"batch {whole(setup.batch)}"]
    if setup.pages > 0:
        words.append(plural(setup.pages, "page"))
    if setup.devices > 1:
        words.append(plural(setup.devices, "device"))
    if setup.order != "sequential":
        words.append("in random order")
    return ", ".join(words)


# ---- As HTML ----------------------------------------------------------------------------------------------------


def clean(value):
    """Text of results may hold anything: what cannot be shown is the replacement character."""
    return value.translate(CONTROL) if type(value) is str else value


def text(value):
    return escape(clean(value))


def prose(value):
    """A sentence: names are not broken, and a number stays with its \u00d7."""
    words = [Markup('<span class="name">{}</span>').format(clean(word)) if "-" in word else text(word)
             for word in value.split(" ")]
    return Markup(Markup(" ").join(words).replace(" \u00d7 ", Markup("&nbsp;\u00d7 ")))
