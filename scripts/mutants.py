# SPDX-License-Identifier: MIT
"""Every small change to a C source that somebody could have made by mistake, one at a time.

A source is read as the tokens of its function bodies; comments, strings, lines of the preprocessor, assertions,
probes and tables outside of functions are none. The tree's format is taken for granted: an operator between two
values has spaces around it. What C makes of a change is the compiler's affair.
"""

import difflib
import hashlib
import re
from dataclasses import dataclass

COMMENT_OR_TEXT = re.compile(
    r"""/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|^[ \t]*\#(?:[^\n\\]|\\.|\\\n)*""", re.S | re.M)
# Not what the code does, but what it says about itself.
SAYS = re.compile(r"\b(?:static_assert|_Static_assert|\w*ASSERT\w*|assert|\w+_assert_\w+|BALLOON_PROBE\w*)\s*\(")
TOKEN = re.compile(
    r"[A-Za-z_]\w*|0[xX][0-9a-fA-F]+\w*|\d+\w*|->|\+\+|--|<<=|>>=|<<|>>|[<>=!+\-*/%&|^]=|&&|\|\||\S")

RELATIONS = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "=="}
LOGIC = {"&&": "||", "||": "&&"}
ARITHMETIC = {"+": "-", "-": "+", "*": "+", "/": "*", "%": "/", "<<": ">>", ">>": "<<", "&": "|", "|": "&", "^": "|",
              "+=": "-=", "-=": "+=", "|=": "&=", "&=": "|=", "<<=": ">>=", ">>=": "<<=", "++": "--", "--": "++"}
ASSIGNMENTS = {"=", "+=", "-=", "*=", "/=", "%=", "|=", "&=", "^=", "<<=", ">>=", "++", "--"}
ORDERS = {"BALLOON_ACQUIRE": ["BALLOON_RELAXED"], "BALLOON_RELEASE": ["BALLOON_RELAXED"],
          "BALLOON_ACQ_REL": ["BALLOON_ACQUIRE", "BALLOON_RELEASE"],
          "__ATOMIC_ACQUIRE": ["__ATOMIC_RELAXED"], "__ATOMIC_RELEASE": ["__ATOMIC_RELAXED"],
          "__ATOMIC_SEQ_CST": ["__ATOMIC_ACQ_REL"]}
KEYWORDS = {"if", "else", "while", "for", "do", "switch", "case", "default", "return", "break", "continue", "goto",
            "sizeof", "struct", "enum", "union", "const", "static", "unsigned", "int", "void", "bool", "char"}

# What takes a lock, what gives it back, and what the first is without it. Some of the second do more than that:
# they have the lock for that alone.
LOCKS = {
    "balloon_lock_acquire": (["balloon_lock_release"], "(void)0"),
    "balloon_page_lock": (["balloon_page_unlock"], "(void)0"),
    "balloon_page_trylock": (["balloon_page_unlock"], "true"),
    "pthread_mutex_lock": (["pthread_mutex_unlock"], "(void)0"),
    "driver_lock": (["driver_unlock", "driver_unlock_and_wake", "driver_unlock_left", "driver_unlock_after"],
                    "(&({0})->state)"),
}


@dataclass(frozen=True)
class Token:
    text: str
    start: int
    end: int


@dataclass(frozen=True)
class Mutant:
    path: str
    function: str
    kind: str
    line: int
    edits: tuple  # (start, end, text), ascending
    source: str

    def mutated(self, begin=0, stop=None):
        """The source, or a part of it with all edits. Lines below the last keep their numbers."""
        text = self.source[begin:stop]
        n_lost = sum(self.source.count("\n", start, end) - new.count("\n") for start, end, new in self.edits)
        for start, end, new in reversed(self.edits):
            text = text[:start - begin] + new + "\n" * n_lost + text[end - begin:]
            n_lost = 0
        return text

    def changed_lines(self):
        """(old, new) of each."""
        begin = self.source.rfind("\n", 0, self.edits[0][0]) + 1
        stop = self.source.find("\n", self.edits[-1][1])
        old, new = self.source[begin:stop].split("\n"), self.mutated(begin, stop).split("\n")
        return [pair for pair in zip(old, new, strict=True) if pair[0] != pair[1]]

    def diff(self):
        return "".join(difflib.unified_diff(
            self.source.splitlines(True), self.mutated().splitlines(True), "a/" + self.path, "b/" + self.path, n=2))


def name_mutants(mutants):
    """{name: mutant}. A name is the same wherever in its file the function is."""
    named = {}
    n_same = {}
    for mutant in mutants:
        changed = [f"-{old}\n+{new}" for old, new in mutant.changed_lines()]
        key = "\n".join([mutant.path, mutant.function, *changed])
        n_same[key] = n_same.get(key, 0) + 1
        named[hashlib.sha256(f"{key}\n{n_same[key]}".encode()).hexdigest()[:10]] = mutant
    return named


def blank(text):
    return re.sub(r"[^\n]", " ", text)


def end_of_parentheses(code, at):
    """Past the ')' of the '(' at `at`."""
    depth = 0
    for i in range(at, len(code)):
        depth += {"(": 1, ")": -1}.get(code[i], 0)
        if depth == 0:
            return i + 1
    return len(code)


def code_of(source):
    """The source with spaces for whatever is no code."""
    code = COMMENT_OR_TEXT.sub(lambda match: blank(match.group()), source)
    at = 0
    while match := SAYS.search(code, at):
        at = end_of_parentheses(code, match.end() - 1)
        code = code[:match.start()] + blank(code[match.start():at]) + code[at:]
    return code


def functions_of(code):
    """(name, tokens of the body with its braces) of each function."""
    tokens = [Token(match.group(), match.start(), match.end()) for match in TOKEN.finditer(code)]
    depth = begin = 0
    name = None
    for i, token in enumerate(tokens):
        if token.text == "{":
            before = tokens[i - 1].text if i else ""
            if depth == 0 and before == "extern":
                continue
            if depth == 0 and before == ")":
                begin, name = i, name_before(tokens, i - 1)
            depth += 1
        elif token.text == "}" and depth > 0:
            depth -= 1
            if depth == 0 and name:
                yield name, tokens[begin:i + 1]
                name = None


def name_before(tokens, at):
    """Of the function whose parameters end at `at`; what follows them in capitals is no function."""
    depth = 0
    for i in range(at, 0, -1):
        depth += {")": 1, "(": -1}.get(tokens[i].text, 0)
        if tokens[i].text == "(" and depth == 0:
            before = tokens[i - 1].text
            return name_before(tokens, i - 2) if before.isupper() else before
    return None


def is_name(text):
    return re.match(r"[A-Za-z_]", text) is not None and text not in KEYWORDS


class Body:
    """A function's tokens, and what can be changed there: (kind, edits)."""

    def __init__(self, source, tokens):
        self.source = source
        self.tokens = tokens
        self.pairs = {}
        opened = []
        for i, token in enumerate(tokens):
            if token.text in "([{":
                opened.append(i)
            elif token.text in ")]}":
                self.pairs[opened.pop()] = i

    def text(self, first, last):
        return self.source[self.tokens[first].start:self.tokens[last].end]

    def edit(self, first, last, new):
        return (self.tokens[first].start, self.tokens[last].end, new)

    def changes(self):
        for i, token in enumerate(self.tokens):
            yield from self.changes_of_operator(i, token)
            if re.match(r"\d", token.text):
                yield from self.changes_of_constant(i, token)
            for order in ORDERS.get(token.text, ()):
                yield "order", [self.edit(i, i, order)]
            if token.text in ("if", "while"):
                yield "condition", [self.edit(i + 1, self.pairs[i + 1], f"(!{self.text(i + 1, self.pairs[i + 1])})")]
            if token.text in ("return", "continue", "break", "goto") and not self.is_last(i):
                yield "return", [self.edit(i, self.end_of_statement(i), "{}")]
            if self.is_statement(i):
                yield "statement", [self.edit(i, self.end_of_statement(i), "{}")]
            if token.text in LOCKS:
                yield from self.changes_of_lock(i, token.text)
            elif is_name(token.text) and self.tokens[i + 1].text == "(" and not token.text.isupper() and \
                    token.text != "calloc":  # of which the product matters
                yield from self.changes_of_arguments(i)

    def changes_of_operator(self, i, token):
        for kind, table in (("relation", RELATIONS), ("logic", LOGIC), ("arithmetic", ARITHMETIC)):
            if token.text not in table:
                continue
            is_spaced = self.source[token.start - 1].isspace() and self.source[token.end].isspace()
            if kind == "relation" and self.is_the_same_if_equal(i):
                continue
            if is_spaced or token.text in ("++", "--"):
                yield kind, [self.edit(i, i, table[token.text])]

    def is_the_same_if_equal(self, i):
        """Of two equal values either will do: a < b ? a : b; a > b ? a - b : 0; if (a > b) a = b;"""
        if self.tokens[i].text in ("==", "!="):
            return False
        begin = i
        while self.tokens[begin - 1].text not in ("(", "=", ",", "?", ":", "return"):
            begin -= 1
        ends = [self.next_of(i + 1, text) for text in ("?", ":", ";,)")]
        if ends[0] and ends[1] and ends[2] and ends[0] < ends[1] < ends[2]:
            left, right = self.text(begin, i - 1), self.text(i + 1, ends[0] - 1)
            chosen = [self.text(ends[0] + 1, ends[1] - 1), self.text(ends[1] + 1, ends[2] - 1)]
            return sorted(chosen) == sorted([left, right]) or chosen in (
                [f"{left} - {right}", "0"], [f"{right} - {left}", "0"])
        close = self.pairs.get(begin - 1)
        if self.tokens[begin - 2].text != "if" or close is None:
            return False
        left, right = self.text(begin, i - 1), self.text(i + 1, close - 1)
        return re.match(re.escape(f"{left} = {right};"), self.source[self.tokens[close + 1].start:]) is not None

    def next_of(self, i, texts):
        """The first token of these from i on that is in no parentheses of its own; None: they end before."""
        while i < len(self.tokens) and self.tokens[i].text not in texts:
            if self.tokens[i].text in ")]}":
                return None
            i = self.pairs.get(i, i) + 1
        return i if i < len(self.tokens) else None

    def changes_of_constant(self, i, token):
        digits, suffix = re.match(r"(0[xX][0-9a-fA-F]+|\d+)(\w*)", token.text).groups()
        if self.tokens[i - 1].text == "{" and self.tokens[i + 1].text == "}":
            return  # all of it is zero
        value = int(digits, 0)
        if [each.text for each in self.tokens[i - 2:i]] != ["calloc", "("]:  # more memory than is needed
            yield "constant", [self.edit(i, i, f"{value + 1}{suffix}")]
        if value > 0:
            yield "constant", [self.edit(i, i, f"{value - 1}{suffix}")]

    def end_of_statement(self, i):
        while self.tokens[i].text != ";":
            i = self.pairs.get(i, i) + 1
        return i

    def is_last(self, i):
        return self.end_of_statement(i) + 2 >= len(self.tokens)

    def begins_statement(self, i):
        before = self.tokens[i - 1].text
        if before in (";", "{", "}", "else", "do", ":"):
            return self.source[self.tokens[i].start - 1].isspace() and not self.is_in_parentheses(i)
        return before == ")" and any(
            close == i - 1 and self.tokens[begin - 1].text in ("if", "while", "for", "switch")
            for begin, close in self.pairs.items())

    def is_in_parentheses(self, i):
        """Or in an initialiser."""
        return any(begin < i < close and (self.tokens[begin].text != "{" or self.tokens[begin - 1].text == "=")
                   for begin, close in self.pairs.items())

    def is_statement(self, i):
        """A call or an assignment, no declaration. A lock that is not taken is another kind: with its release."""
        token = self.tokens[i]
        if token.text in LOCKS:
            return False
        if token.text == "*" or not is_name(token.text):
            return token.text == "*" and self.begins_statement(i)
        following = self.tokens[i + 1].text if i + 1 < len(self.tokens) else ""
        return (following in ("(", "->", ".", "[") or following in ASSIGNMENTS) and self.begins_statement(i)

    def changes_of_arguments(self, i):
        commas = [i + 1]
        at = i + 2
        while at < self.pairs[i + 1]:
            if self.tokens[at].text == ",":
                commas.append(at)
            at = self.pairs.get(at, at) + 1
        commas.append(self.pairs[i + 1])
        for one, two, three in zip(commas, commas[1:], commas[2:]):
            first, second = self.text(one + 1, two - 1), self.text(two + 1, three - 1)
            if first != second:
                yield "arguments", [self.edit(one + 1, two - 1, second), self.edit(two + 1, three - 1, first)]

    def first_argument(self, i):
        end = i + 2
        while self.tokens[end].text not in (",", ")"):
            end = self.pairs.get(end, end) + 1
        return self.text(i + 2, end - 1)

    def changes_of_lock(self, i, name):
        """Taken nowhere from here to where it is taken again."""
        releases, without = LOCKS[name]
        lock = self.first_argument(i)
        edits = [self.edit(i, self.pairs[i + 1], without.format(lock))]
        for at in range(i + 1, len(self.tokens)):
            if self.tokens[at].text == name and self.first_argument(at) == lock:
                break
            if self.tokens[at].text in releases and self.first_argument(at) == lock:
                call = self.text(at, self.pairs[at + 1])
                is_more = self.tokens[at].text != releases[0]
                edits.append(self.edit(at, self.pairs[at + 1], f"(void){name}({lock}), {call}" if is_more else "(void)0"))
        if len(edits) > 1:
            yield "lock", edits


KINDS = ("relation", "logic", "arithmetic", "constant", "condition", "statement", "return", "arguments", "lock", "order")


def mutants_of(path, source):
    """All mutants of a source, in the order of the text."""
    for function, tokens in functions_of(code_of(source)):
        for kind, edits in Body(source, tokens).changes():
            line = source.count("\n", 0, edits[0][0]) + 1
            yield Mutant(path, function, kind, line, tuple(edits), source)
