# SPDX-License-Identifier: MIT
"""How numbers and settings are written."""

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


def times(value):
    return f"{number(value)}\u00a0\u00d7"


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
            return f"{ns:.3g}\u00a0{unit}"
        ns /= 1000
    return f"{ns:.3g}\u00a0s"


def percent(fraction):
    value = 100 * fraction
    if 99.95 <= value < 100:  # not all of them, and does not look so
        return f"{math.floor(value * 100) / 100:.2f}\u00a0%"
    return f"{value:.3g}\u00a0%"


def plural(n, noun, many=None):
    return f"{whole(n)} {noun if n == 1 else many or noun + 's'}"


def joined(words, last="and"):
    *first, end = words
    return f"{', '.join(first)} {last} {end}" if first else end


def setting_words(row):
    """ "churn, threads 2, batch 1, pages 4,096" """
    def shown(value):
        return value if isinstance(value, str) else ("no", "yes")[value] if isinstance(value, bool) else whole(value)

    return ", ".join([row.workload, *(f"{name.replace('_', ' ')} {shown(value)}" for name, value in row.setting()[1:])])


def clean(value):
    """Text of results may hold anything: what cannot be shown is the replacement character."""
    return value.translate(CONTROL) if type(value) is str else value


def text(value):
    return escape(clean(value))


def prose(value):
    """A sentence: names are not broken."""
    return Markup(" ").join(Markup('<span class="name">{}</span>').format(clean(word)) if "-" in word else text(word)
                            for word in value.split(" "))
