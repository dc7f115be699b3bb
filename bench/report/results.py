# SPDX-License-Identifier: MIT
"""What is reported: results of balloon-bench run, system and count, read with suspicion.

A number that is not known is NAN. Whatever is not as balloon-bench writes it is refused, by a Problem that says
where."""

import json
import math
from collections import namedtuple
from dataclasses import dataclass, field

NAN = math.nan
KINDS = ("strategy", "floor", "peer")
TRIAL_KINDS = ("raw", "channel", "driver", "strategy", "heap")
NAME_MAX_BYTES = 64

Spread = namedtuple("Spread", "median min max")
UNKNOWN = Spread(NAN, NAN, NAN)
Latency = namedtuple("Latency", "samples p50 p99 p99_9 max histogram")
# What was done, whoever did it. In a pattern: None, whatever it is.
Setup = namedtuple("Setup", "workload order threads batch pages devices mix", defaults=(None,) * 7)
Count = namedtuple("Count", "atomics instructions l1_misses ll_misses")
NO_COUNT = Count(NAN, NAN, NAN, NAN)
Machine = namedtuple("Machine", "cpu cores kernel compiler library date is_pinned")


class Problem(Exception):
    """Why there is no report, in one line."""


@dataclass
class Subject:
    name: str
    kind: str
    what: str | None = None
    lacks: str | None = None


@dataclass
class Row:
    """A result of balloon-bench run."""

    subject: str
    kind: str
    setup: Setup
    repeats: int
    ns: Spread
    fairness: Spread
    cpu: Spread
    contended: Spread
    success: Spread
    bytes_per_page: float
    attempts: float
    isolated: float
    dequeue: Latency
    isolate: Latency
    ratios: dict
    source: "Input"


@dataclass
class Trial:
    """A result of balloon-bench system: what says where it was done, and its figures by name."""

    workload: str
    subject: str
    kind: str
    guarantee: str | None
    labels: dict
    # What may tell it from another one: setting is the same for all subjects beside each other.
    setting: tuple
    own: tuple
    ns: Spread
    figures: dict
    recovery: Latency
    ratios: dict
    source: "Input"

    def __getattr__(self, name):
        if name == "labels" or name not in self.labels:
            raise AttributeError(name)
        return self.labels[name]


TEXTS = ("memory", "channel", "call", "order", "driver", "strategy", "pattern")
FLAGS = ("other_thread", "fill")
NUMBERS = {"pages": 0, "page_bytes": 4096, "request": 0, "host_us": 0, "threads": 0}
SETTING = ("order", "memory", "pattern", *FLAGS, *NUMBERS)
OWN = ("channel", "call", "driver", "strategy")
SPREADS = ("gib_per_s", "deflate_ns_per_page", "refault_ns_per_page", "refault_warm_ns_per_page", "seconds", "busy",
           "again", "migrated", "passes", "reference_ns_per_page", "times_reference")
SHARES = ("huge_share", "order_9_before", "order_9_after", "order_10_before", "order_10_after")


@dataclass
class Input:
    """A file."""

    path: str
    machine: Machine
    is_complete: bool
    seconds: float
    n_rows: int = 0
    n_counts: int = 0
    n_trials: int = 0
    n_replaced: int = 0  # rows, of any file, that rows of this one took the place of


@dataclass
class Model:
    inputs: list = field(default_factory=list)
    rows: dict = field(default_factory=dict)  # by subject and setup, in the files' order
    counts: dict = field(default_factory=dict)
    trials: dict = field(default_factory=dict)
    subjects: dict = field(default_factory=dict)  # by name: strategies, floors, peers


# ---- A document -------------------------------------------------------------------------------------------------


def one_line(text):
    return "".join("?" if c < " " else c for c in text)


class Node:
    """A value of a document, and where it stands."""

    def __init__(self, file, value, path=""):
        self.file, self.value, self.path = file, value, path

    def refuse(self, what):
        raise Problem(f"{self.file}: {one_line(self.path) or 'the document'}: {what}")

    def is_known(self):
        return self.value is not None

    def member(self, key):
        if self.is_known() and not isinstance(self.value, dict):
            self.refuse("not an object")
        path = f"{self.path}.{key}" if self.path else key
        return Node(self.file, self.value.get(key) if self.is_known() else None, path)

    def elements(self):
        if self.is_known() and not isinstance(self.value, list):
            self.refuse("not an array")
        return [Node(self.file, value, f"{self.path}[{i}]") for i, value in enumerate(self.value or [])]

    def objects(self):
        for element in self.elements():
            if not element.is_known():
                element.refuse("not an object")
            yield element

    def number(self, key):
        node = self.member(key)
        if not node.is_known():
            return NAN
        if isinstance(node.value, bool) or not isinstance(node.value, (int, float)):
            node.refuse("not a number")
        if node.value < 0:
            node.refuse("less than 0")
        return float(node.value)

    def count(self, key, otherwise=0):
        node = self.member(key)
        if not node.is_known():
            return otherwise
        if isinstance(node.value, bool) or not isinstance(node.value, int) or not 0 <= node.value < 1 << 63:
            node.refuse("not a whole number of at least 0")
        return node.value

    def at_least_one(self, key):
        n = self.count(key, 1)
        return n if n > 0 else self.member(key).refuse("0")

    def text(self, key):
        node = self.member(key)
        if node.is_known() and not isinstance(node.value, str):
            node.refuse("not a text")
        return node.value

    def name(self, key):
        name = self.text(key)
        if name is None:
            self.member(key).refuse("missing")
        if not name or len(name.encode()) > NAME_MAX_BYTES:
            self.member(key).refuse("longer than 64 bytes" if name else "empty")
        return name

    def flag(self, key, otherwise):
        node = self.member(key)
        if node.is_known() and not isinstance(node.value, bool):
            node.refuse("neither true nor false")
        return node.value if node.is_known() else otherwise

    def choice(self, key, names, otherwise):
        text = self.text(key)
        if text is not None and text not in names:
            self.member(key).refuse(f"neither {', '.join(names[:-1])} nor {names[-1]}")
        return otherwise if text is None else text

    def spread(self, key):
        node = self.member(key)
        median, low, high = node.number("median"), node.number("min"), node.number("max")
        spread = Spread(median, median if math.isnan(low) else low, median if math.isnan(high) else high)
        if node.is_known() and not spread.min <= spread.median <= spread.max:
            node.refuse("not a median between min and max")
        return spread

    def share(self, key):
        share = self.spread(key)
        return self.member(key).refuse("more than 1") if share.max > 1 else share

    def ratios(self):
        node = self.member("ratio")
        if node.is_known() and not isinstance(node.value, dict):
            node.refuse("not an object")
        return {name: node.spread(name) for name in node.value or {}}

    def latency(self, key):
        node = self.member(key)
        return Latency(*(node.number(name) for name in ("samples", "p50", "p99", "p99.9", "max")),
                       read_histogram(node.member("histogram")))


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def read_histogram(histogram):
    """Pairs of an upper bound and a count; the bounds ascend."""
    before = -1
    for pair in histogram.elements():
        value = pair.value if isinstance(pair.value, list) else []
        if len(value) < 2 or not is_number(value[0]) or not is_number(value[1]) or value[1] < 0:
            pair.refuse("not a pair of an upper bound and a count")
        if value[0] <= before:
            pair.refuse("not above the bound before it")
        before = value[0]
    return histogram.value or []


def parse(path):
    """The document of a file, as strictly as the programs that wrote it."""
    def refuse(what):
        raise Problem(f"{path}: {one_line(what)}")

    def pairs(members):
        if len(dict(members)) < len(members):
            refuse("an object has a name twice")
        if any("\0" in text for member in members for text in member if isinstance(text, str)):
            refuse("a text holds a character 0")
        return dict(members)

    def number(text):
        return float(text) if math.isfinite(float(text)) else refuse(f"{text} is too large a number")

    try:
        with open(path, "rb") as file:
            data = file.read()
        return json.loads(data.decode(), object_pairs_hook=pairs, parse_float=number,
                          parse_constant=lambda text: refuse(f"{text} is no number"))
    except OSError as error:
        refuse(error.strerror)
    except UnicodeDecodeError as error:
        line = data[:error.start].count(b"\n") + 1
        raise Problem(f"{path}:{line}: not UTF-8") from None
    except json.JSONDecodeError as error:
        raise Problem(f"{path}:{error.lineno}: {one_line(error.msg)}") from None
    except (RecursionError, ValueError):
        refuse("nested too deeply, or a number that is too long")


# ---- Into the model ---------------------------------------------------------------------------------------------


def guess_kind(model, name):
    if name in model.subjects:
        return model.subjects[name].kind
    return "floor" if name.startswith("floor-") else "strategy"


def add_subject(model, subject):
    """One name has one kind; a later file may know more. Each kind stays together."""
    old = model.subjects.setdefault(subject.name, subject)
    old.what = old.what or subject.what
    old.lacks = old.lacks or subject.lacks
    model.subjects = dict(sorted(model.subjects.items(), key=lambda item: KINDS.index(item[1].kind)))
    return old


def read_setup(node):
    order, mix = node.text("order"), node.member("mix")
    return Setup(node.name("workload"), "sequential" if order is None else order, node.at_least_one("threads"),
                 node.at_least_one("batch"), node.count("pages"), node.at_least_one("devices"),
                 tuple(mix.count(share) for share in ("fill", "leak", "scan", "migrate")))


def add(table, key, result):
    """A result takes the place of an earlier one of the same setup."""
    result.source.n_replaced += key in table
    table[key] = result


def load_row(model, node, source):
    isolation, latencies = node.member("isolation"), node.member("latency_ns")
    name = node.name("strategy")
    row = Row(name, node.choice("kind", KINDS, guess_kind(model, name)), read_setup(node), node.count("repeats"),
              node.spread("ns_per_page"), node.spread("fairness"), node.spread("cpu_s_per_million_pages"),
              node.spread("contended_per_page"), isolation.spread("success_rate"), node.number("bytes_per_page"),
              isolation.number("attempts"), isolation.number("isolated"), latencies.latency("dequeue"),
              latencies.latency("isolate"), node.ratios(), source)
    row.kind = add_subject(model, Subject(name, row.kind)).kind
    add(model.rows, (name, row.setup), row)


def load_count(model, node, source):
    key = (node.name("strategy"), read_setup(node))
    count = Count(*(node.number(name) for name in ("atomics_per_page", "instructions_per_page", "l1_misses_per_page",
                                                   "ll_misses_per_page")))
    old = model.counts.get(key, NO_COUNT)
    model.counts[key] = Count(*(b if math.isnan(a) else a for a, b in zip(count, old)))


def load_trial(model, node, source):
    labels = {name: node.text(name) for name in TEXTS}
    labels |= {name: node.flag(name, None) for name in FLAGS}
    labels |= {name: node.count(name, otherwise) for name, otherwise in NUMBERS.items()}
    figures = {name: node.spread(name) for name in SPREADS} | {name: node.share(name) for name in SHARES}
    workload, subject = node.name("workload"), node.name("subject")
    trial = Trial(workload, subject, node.choice("kind", TRIAL_KINDS, "driver"), node.text("guarantee"),
                  labels, (workload, *(labels[name] for name in SETTING)), (subject, *(labels[name] for name in OWN)),
                  node.spread("ns_per_pair" if node.member("ns_per_pair").is_known() else "ns_per_page"), figures,
                  node.latency("recovery_ns"), node.ratios(), source)
    add(model.trials, (trial.setting, trial.own), trial)


def load_subject(model, node, source):
    name = node.name("name")
    add_subject(model, Subject(name, node.choice("kind", KINDS, guess_kind(model, name)), node.text("what"),
                               node.text("lacks")))


def read_machine(node):
    return Machine(node.text("cpu"), node.count("cores"), node.text("kernel"), node.text("compiler"),
                   node.text("library"), node.text("date"), node.flag("pinned", False))


def load_file(model, path):
    root = Node(path, parse(path))
    if not isinstance(root.value, dict):
        root.refuse("not an object")
    source = Input(path, read_machine(root.member("machine")), root.flag("complete", True), root.number("seconds"))
    model.inputs.append(source)
    kinds = [root.member(name) for name in ("results", "counts", "system")]
    if not any(node.is_known() for node in kinds):
        root.refuse("neither results of balloon-bench run or system nor counts of balloon-bench count")
    source.n_rows, source.n_counts, source.n_trials = (len(node.elements()) for node in kinds)
    for key, load in (("subjects", load_subject), ("results", load_row), ("system", load_trial),
                      ("counts", load_count)):
        for element in root.member(key).objects():
            load(model, element, source)


def load(paths):
    model = Model()
    for path in paths:
        load_file(model, path)
    if not model.rows and not model.trials:
        raise Problem(f"{paths[0]}{' and the other files' if len(paths) > 1 else ''}: no results of balloon-bench run "
                      "or system")
    return model
