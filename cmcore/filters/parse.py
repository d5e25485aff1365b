"""From text to a filter, by recursive descent; one function per rule of the grammar, lowest precedence first.

filter      = and-terms, joined by `or`
and-terms   = terms, joined by `and`
term        = `not` term | `(` filter `)` | comparison
comparison  = field (`=` | `!=` | `<` | `<=` | `>` | `>=`) value | field `like` text
            | field `in` `(` value {`,` value} `)` | field `exists`
field       = name {`.` name}: the first of several is the group; quotes or backticks around any odd name
value       = number | "text" | 'text' | true | false
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from cmcore.errors import UsageError
from cmcore.filters.pattern import ends_open
from cmcore.filters.syntax import And, Comparator, Comparison, Field, Filter, Not, Or, Scalar
from cmcore.filters.tokens import Kind, Token, did_you_mean, tokens, unreadable

DEPTH_MAX = 50
COMPARISONS_MAX = 400  # SQLite refuses a chain of 1,000 tests, and a comparison takes up to two
BOOLEANS = {"true": True, "false": False}
SIGNS = {each.value: each for each in Comparator if not each.value.isalpha()}
NAMES = {Kind.NAME, Kind.TEXT, Kind.QUOTED_NAME}
EXAMPLE = "metrics.auc > 0.8"


def parse(text: str) -> Filter:
    """The filter that a text means; raises UsageError, which shows where it cannot be read and what was expected."""
    return _Parser(text).whole()


def parse_field(text: str) -> Field:
    """The field that a text names, such as what to sort by; raises UsageError likewise."""
    parser = _Parser(text)
    found = parser.field()
    if parser.next.kind is not Kind.END:
        raise parser.expected("one field, such as metrics.auc")
    return found


class _Parser:
    """One text, the word that comes next, and how deep we are."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.rest = tokens(text)
        self.next = next(self.rest)
        self.depth = 0
        self.comparisons = 0

    def whole(self) -> Filter:
        found = self.alternatives()
        if self.next.kind is not Kind.END:
            raise self.expected("'and', 'or' or the end", ("and", "or"))
        return found

    def alternatives(self) -> Filter:
        operands = self.joined("or", self.conjunction)
        return operands[0] if len(operands) == 1 else Or(operands=operands)

    def conjunction(self) -> Filter:
        operands = self.joined("and", self.term)
        return operands[0] if len(operands) == 1 else And(operands=operands)

    def joined(self, word: str, operand: Callable[[], Filter]) -> tuple[Filter, ...]:
        operands = [operand()]
        while self.next.keyword == word:
            self.take()
            operands.append(operand())
        return tuple(operands)

    def term(self) -> Filter:
        if self.next.keyword == "not":
            with self.deeper():
                return Not(operand=self.term())
        if self.next.written == "(":
            with self.deeper():
                inner = self.alternatives()
            self.take_sign(")", "'and', 'or' or ')'")
            return inner
        return self.comparison()

    @contextmanager
    def deeper(self) -> Iterator[None]:
        self.depth += 1
        if self.depth > DEPTH_MAX:
            raise self.wrong(f"more than {DEPTH_MAX} brackets and 'not' inside each other")
        self.take()
        yield
        self.depth -= 1

    def comparison(self) -> Filter:
        self.comparisons += 1
        if self.comparisons > COMPARISONS_MAX:
            raise self.wrong(f"more than {COMPARISONS_MAX} comparisons; 'in' takes any number of values")
        field = self.field()
        if self.next.written in SIGNS:
            return Comparison(field=field, comparator=SIGNS[self.take().written], values=(self.value(),))
        match self.next.keyword:
            case "exists":
                self.take()
                return Comparison(field=field, comparator=Comparator.EXISTS)
            case "like":
                self.take()
                return Comparison(field=field, comparator=Comparator.LIKE, values=(self.like_pattern(),))
            case "in":
                self.take()
                return Comparison(field=field, comparator=Comparator.IN, values=self.values())
            case "not":
                raise self.wrong(f"'not' stands in front of the whole comparison: not {field} in (...)")
        raise self.expected("one of = != < <= > >= like in exists", ("like", "in", "exists"))

    def field(self) -> Field:
        if self.next.keyword or self.next.kind not in {Kind.NAME, Kind.QUOTED_NAME}:
            raise self.expected(f"a field, as in {EXAMPLE}", ("not",))
        parts = [self.take().meant]
        while self.next.written == ".":
            self.take()
            if self.next.kind not in NAMES and not self.next.written.isdigit():
                raise self.expected("a name after the dot")
            parts.append(self.take().meant)
        if not all(parts):
            raise self.wrong("a name before this is empty")
        return Field(group=parts[0], name=".".join(parts[1:])) if len(parts) > 1 else Field(group="", name=parts[0])

    def values(self) -> tuple[Scalar, ...]:
        self.take_sign("(", "'(' and values after 'in'")
        found = [self.value()]
        while self.next.written == ",":
            self.take()
            found.append(self.value())
        self.take_sign(")", "',' or ')'")
        return tuple(found)

    def value(self) -> Scalar:
        word = self.next
        if word.kind is Kind.TEXT:
            return self.take().meant
        if word.keyword in BOOLEANS:
            return BOOLEANS[self.take().keyword]
        if word.kind is not Kind.NUMBER:
            raise self.no_value()
        number = float(word.written)
        if not math.isfinite(number):
            raise self.wrong(f"{word.written} is greater than any number that is kept")
        self.take()
        return number

    def no_value(self) -> UsageError:
        """Why a word cannot be a value."""
        word = self.next.written.lower()
        if word in {"null", "none"}:
            return self.wrong("there is no such value; ask whether there is any: not FIELD exists")
        if word == "nan":
            return self.wrong('nothing compares with NaN as a number; its text does: = "nan"')
        if word in {"=", "."}:
            return self.wrong("'=' alone compares" if word == "=" else "numbers begin with a digit, such as 0.5")
        hint = did_you_mean(word, BOOLEANS)
        if self.next.kind is Kind.NAME and not hint and not self.next.keyword:
            hint = f'; a text stands in quotes: "{self.next.written}"'
        return self.wrong(f"expected a number, a text in quotes, true or false, found {self.next}{hint}")

    def like_pattern(self) -> str:
        if self.next.kind is not Kind.TEXT:
            raise self.expected("a text in quotes after 'like', such as \"base%\"")
        if ends_open(self.next.meant):
            raise self.wrong("a pattern cannot end with the backslash that takes the meaning from what follows")
        return self.take().meant

    def take(self) -> Token:
        taken = self.next
        self.next = next(self.rest, taken)
        return taken

    def take_sign(self, sign: str, expected: str) -> None:
        if self.next.written != sign:
            raise self.expected(expected, ("and", "or"))
        self.take()

    def expected(self, what: str, keywords: tuple[str, ...] = ()) -> UsageError:
        hint = did_you_mean(self.next.written, keywords) if self.next.kind is Kind.NAME else ""
        return self.wrong(f"expected {what}, found {self.next}{hint}")

    def wrong(self, problem: str) -> UsageError:
        return unreadable(self.text, self.next.at, problem)
