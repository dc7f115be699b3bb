# SPDX-License-Identifier: MIT
"""What is reported: rows of balloon-bench run, system, replay and count, read with suspicion.

Whatever is not as balloon-bench writes it is refused, by a Problem that says where."""

import json
import math
import re
from collections import Counter, namedtuple
from dataclasses import dataclass, field
from functools import cached_property

KINDS = ("strategy", "channel", "driver", "heap", "zone", "floor", "peer", "raw")
REFERENCES = ("floor", "peer", "raw")
NAME_MAX_BYTES = 64
NO_RESULTS = "no results of balloon-bench run, system, replay or count"

# What values have to be, by what is said of those that are not.
TEXT, FLAG, NUMBER = "not a text", "neither true nor false", "not a number"
COUNT = "not a whole number of at least 0"
CHECKS = {TEXT: lambda value: isinstance(value, str), FLAG: lambda value: isinstance(value, bool),
          NUMBER: lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
          COUNT: lambda value: isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 63}

LABELS = {**dict.fromkeys(("order", "mix", "memory", "channel", "call", "driver", "strategy", "guarantee", "pattern",
                           "recording", "mode", "tasks"), TEXT), "other_thread": FLAG, "fill": FLAG,
          **dict.fromkeys(("threads", "batch", "pages", "devices", "page_bytes", "request", "host_us", "rows", "block",
                           "l1_bytes", "ll_bytes"), COUNT), "repeat_s": NUMBER}
AT_LEAST_ONE = ("threads", "batch", "devices", "page_bytes", "block")
HOW = ("repeat_s", "l1_bytes", "ll_bytes")  # labels that tell no rows apart
OWN = ("channel", "call", "driver", "strategy", "guarantee")  # that subjects beside each other may have their own of

SHARES = ("success_rate", "huge_share", "order_9_before", "order_9_after", "order_10_before", "order_10_after")
FIGURES = ("ns_per_page", "ns_per_pair", "ns_per_block", "pages_per_s", "gib_per_s", "fairness",
           "cpu_s_per_million_pages", "contended_per_page", *SHARES, "deflate_ns_per_page", "refault_ns_per_page",
           "refault_warm_ns_per_page", "reference_ns_per_page", "times_reference", "seconds", "migrated", "passes",
           "busy", "again", "isolate_attempts", "isolated", "dequeues", "dequeue_matches", "isolates", "skipped_rows",
           "lock_contended", "final_listed", "final_isolated", "bytes_per_page", "atomics_per_page",
           "instructions_per_page", "l1_misses_per_page", "ll_misses_per_page", "predicted_ns_per_page")
DURATIONS = ("dequeue_ns", "isolate_ns", "recovery_ns")
QUANTILES = ("samples", "p50", "p99", "p99.9", "max")

Spread = namedtuple("Spread", "median min max")
UNKNOWN = Spread(math.nan, math.nan, math.nan)
Duration = namedtuple("Duration", "samples p50 p99 p99_9 max")
Machine = namedtuple("Machine", "cpu kernel compiler library date cores pinned")
Subject = namedtuple("Subject", "name kind what lacks")
Input = namedtuple("Input", "path machine is_complete n_rows")  # a file


class Problem(Exception):
    """Why there is no report, in one line."""


@dataclass
class Row:
    subject: str
    kind: str
    workload: str
    repeats: int
    source: Input
    labels: dict
    figures: dict
    durations: dict
    ratios: dict  # its time over a reference's, by the reference

    def __getitem__(self, label):
        return self.labels.get(label)

    def figure(self, name):
        return self.figures.get(name, UNKNOWN)

    def ratio(self, to):
        return self.ratios.get(to, UNKNOWN).median

    def setting(self):
        """The same for all rows that are beside each other."""
        return (self.workload, *((name, self[name]) for name in LABELS
                                 if name in self.labels and name not in (*HOW, *OWN)))


@dataclass
class Model:
    inputs: list = field(default_factory=list)
    rows: dict = field(default_factory=dict)  # by what tells them apart, in the files' order
    subjects: dict = field(default_factory=dict)  # by name, each kind together
    replaced: Counter = field(default_factory=Counter)  # by path: rows that a file's took the place of


# ---- A document -------------------------------------------------------------------------------------------------


def refuse(file, what):
    raise Problem(f"{file}: {''.join('?' if c < ' ' else c for c in what)}")


class Node:
    """A value of a document, and where it stands. What is null is not there."""

    def __init__(self, file, value, path=""):
        self.file, self.value, self.path = file, value, path

    def refuse(self, what):
        refuse(self.file, f"{self.path or 'the document'}: {what}")

    @cached_property
    def members(self):
        if self.value is not None and not isinstance(self.value, dict):
            self.refuse("not an object")
        return {key: value for key, value in (self.value or {}).items() if value is not None}

    def member(self, key):
        return Node(self.file, self.members.get(key), f"{self.path}.{key}" if self.path else key)

    def elements(self):
        if self.value is not None and not isinstance(self.value, list):
            self.refuse("not an array")
        return [Node(self.file, value, f"{self.path}[{i}]") for i, value in enumerate(self.value or [])]

    def get(self, key, what):
        node = self.member(key)
        return node.value if node.value is None or CHECKS[what](node.value) else node.refuse(what)

    def number(self, key):
        value = self.get(key, NUMBER)
        if value is None or value < 0:
            self.member(key).refuse("missing" if value is None else "less than 0")
        return float(value)

    def name(self, key):
        name = self.get(key, TEXT)
        if not name or len(name.encode()) > NAME_MAX_BYTES:
            self.member(key).refuse("missing" if name is None else "longer than 64 bytes" if name else "empty")
        return name

    def kind(self):
        kind = self.name("kind")
        return kind if kind in KINDS else self.member("kind").refuse(f"none of {', '.join(KINDS)}")

    def spread(self):
        spread = Spread(*map(self.number, Spread._fields))
        return spread if spread.min <= spread.median <= spread.max else self.refuse("not a median between min and max")

    def duration(self):
        """Its histogram, of pairs of an upper bound and a count, has to be right, and is not shown."""
        before = -1
        for pair in self.member("histogram").elements():
            value = pair.value if isinstance(pair.value, list) else []
            if len(value) != 2 or not all(map(CHECKS[NUMBER], value)) or value[1] < 0:
                pair.refuse("not a pair of an upper bound and a count")
            if value[0] <= before:
                pair.refuse("not above the bound before it")
            before = value[0]
        return Duration(*map(self.number, QUANTILES))


def parse(path):
    """The document of a file, as strictly as the programs that wrote it."""
    def pairs(members):
        if len(dict(members)) < len(members):
            refuse(path, "an object has a name twice")
        if any(re.search("[\0\ud800-\udfff]", text) for member in members for text in member if isinstance(text, str)):
            refuse(path, "a text holds a character 0, or half of one")
        return dict(members)

    def number(text, kind=float):
        return kind(text) if math.isfinite(float(text)) else refuse(path, f"{text[:20]} is too large a number")

    try:
        with open(path, "rb") as file:
            data = file.read()
        return json.loads(data.decode(), object_pairs_hook=pairs, parse_float=number,
                          parse_int=lambda text: number(text, int),
                          parse_constant=lambda text: refuse(path, f"{text} is no number"))
    except OSError as error:
        refuse(path, error.strerror)
    except UnicodeDecodeError as error:
        refuse(f"{path}:{data[:error.start].count(10) + 1}", "not UTF-8")
    except json.JSONDecodeError as error:
        refuse(f"{path}:{error.lineno}", error.msg)
    except (RecursionError, ValueError):
        refuse(path, "nested too deeply, or a number that is too long")


# ---- Into the model ---------------------------------------------------------------------------------------------


def read_labels(node):
    labels = {name: node.get(name, what) for name, what in LABELS.items() if name in node.members}
    for name, is_wrong, what in (
            *((name, labels.get(name) == 0, "0") for name in AT_LEAST_ONE),
            ("repeat_s", labels.get("repeat_s", 0) < 0, "less than 0"),
            ("mix", not re.fullmatch("[0-9]+(:[0-9]+){3}", labels.get("mix", "0:0:0:0")), "no shares as in 40:40:15:5"),
            ("mode", labels.get("mode", "order") not in ("order", "recorded"), "neither order nor recorded")):
        if is_wrong:
            node.member(name).refuse(what)
    return labels


def read_figures(node):
    """Those that are known by name, and whatever else looks like one."""
    def is_figure(value):
        return isinstance(value, dict) and set(value) == {*Spread._fields} and all(map(CHECKS[NUMBER], value.values()))

    figures = {name: node.member(name).spread() for name, value in node.members.items()
               if name in FIGURES or name not in LABELS and is_figure(value)}
    for name in SHARES:
        if name in figures and figures[name].max > 1:
            node.member(name).refuse("more than 1")
    return figures


def read_row(node, source):
    ratios = node.member("ratio")
    return Row(node.name("subject"), node.kind(), node.name("workload"), node.get("repeats", COUNT) or 0, source,
               read_labels(node), read_figures(node),
               {name: node.member(name).duration() for name in DURATIONS if name in node.members},
               {name: ratios.member(name).spread() for name in ratios.members})


def add_row(model, row):
    """What a later row says counts, name by name. Ratios are of the run that has the time."""
    old = model.rows.setdefault((row.subject, row.setting(), *(row[name] for name in OWN)), row)
    if old is row:
        return
    model.replaced[row.source.path] += any(name in old.figures for name in row.figures)
    if not {"ns_per_page", "ns_per_pair", "ns_per_block", "pages_per_s"}.isdisjoint(row.figures):
        old.source, old.repeats, old.ratios = row.source, row.repeats, row.ratios
    old.labels |= row.labels
    old.figures |= row.figures
    old.durations |= row.durations


def add_subject(model, name, kind, what=None, lacks=None):
    old = model.subjects.get(name, Subject(name, kind, None, None))
    model.subjects[name] = old._replace(what=old.what or what, lacks=old.lacks or lacks)


def load_file(model, path):
    root = Node(path, parse(path))
    machine, results = root.member("machine"), root.member("results")
    if results.value is None:
        root.refuse(NO_RESULTS)
    about = {name: machine.get(name, COUNT if name == "cores" else FLAG if name == "pinned" else TEXT)
             for name in Machine._fields}
    source = Input(path, Machine(**about), root.get("complete", FLAG) is not False, len(results.elements()))
    model.inputs.append(source)
    for node in root.member("subjects").elements():
        add_subject(model, node.name("name"), node.kind(), node.get("what", TEXT), node.get("lacks", TEXT))
    for row in (read_row(node, source) for node in results.elements()):
        add_subject(model, row.subject, row.kind)
        add_row(model, row)


def load(paths):
    model = Model()
    for path in paths:
        load_file(model, path)
    if not any(row.figures or row.durations for row in model.rows.values()):
        refuse(paths[0] + " and the other files" * (len(paths) > 1), NO_RESULTS)
    model.subjects = dict(sorted(model.subjects.items(), key=lambda item: KINDS.index(item[1].kind)))
    return model
