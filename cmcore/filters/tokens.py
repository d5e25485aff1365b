"""From a filter's text to its words, each with its position; and the error that points at a position."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from cmcore.errors import UsageError

LENGTH_MAX = 10_000
SHOWN = 72  # columns of a long filter that an error shows
ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", '"': '"', "'": "'", "`": "`"}
KEYWORDS = ("and", "or", "not", "in", "like", "exists", "true", "false")
CLOSENESS = 0.6


class Kind(StrEnum):
    """What a word is; NAME may also be a keyword, which the grammar decides."""

    NAME = "a name"
    NUMBER = "a number"
    TEXT = "a text in quotes"
    QUOTED_NAME = "a name in backticks"
    SIGN = "a sign"
    END = "the end"


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """One word: as it was written, what it means (texts without quotes and escapes), where it begins."""

    kind: Kind
    written: str
    meant: str
    at: int

    @property
    def keyword(self) -> str:
        """The keyword in lower case; empty for every other word."""
        lower = self.written.lower()
        return lower if self.kind is Kind.NAME and lower in KEYWORDS else ""

    def __str__(self) -> str:
        return "the end" if self.kind is Kind.END else repr(self.written)


WORDS = re.compile(
    r"""(?P<NUMBER>[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?(?![\w.]))
    |(?P<NAME>\w[\w/-]*)
    |(?P<TEXT>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    |(?P<QUOTED_NAME>`(?:[^`\\]|\\.)*`)
    |(?P<SIGN><=|>=|!=|[=<>(),.])""",
    re.VERBOSE | re.DOTALL,
)
BLANK = re.compile(r"\s*")


def tokens(text: str) -> Iterator[Token]:
    """The words of a text, then its end; raises UsageError for what is no word."""
    check_characters(text)
    at = _skip(text, 0)
    while at < len(text):
        found = WORDS.match(text, at)
        if found is None:
            raise unreadable(text, at, _no_word(text[at:]))
        kind, written = Kind[str(found.lastgroup)], found.group()
        quoted = kind in {Kind.TEXT, Kind.QUOTED_NAME}
        yield Token(kind=kind, written=written, meant=_unescaped(text, written, at) if quoted else written, at=at)
        at = _skip(text, found.end())
    yield Token(kind=Kind.END, written="", meant="", at=len(text))


def check_characters(text: str) -> None:
    """Raise UsageError for a filter too long to be one, or with what no database keeps in a text."""
    if len(text) > LENGTH_MAX:
        raise UsageError(f"a filter has at most {LENGTH_MAX} characters, and this one has {len(text)}")
    bad = next((at for at, letter in enumerate(text) if letter == "\0" or "\ud800" <= letter <= "\udfff"), None)
    if bad is not None:
        raise unreadable(text, bad, "found a character that is no text (NUL or half of a UTF-16 pair)")


def unreadable(text: str, at: int, problem: str) -> UsageError:
    """The error that shows the text with a caret at the position."""
    start = text.rfind("\n", 0, at) + 1
    line = "".join(letter if letter.isprintable() else " " for letter in text[start:].partition("\n")[0])
    column = at - start
    left = max(0, column - SHOWN // 2)
    shown, before = line[left : left + SHOWN], "..." if left else ""
    after = "..." if len(line) > left + SHOWN else ""
    caret = " " * (len(before) + column - left) + "^"
    return UsageError(f"the filter cannot be read: {problem}\n  {before}{shown}{after}\n  {caret}")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """What may have been meant, as the end of a sentence; empty if nothing is near."""
    near = difflib.get_close_matches(word.lower()[:100], list(known), n=1, cutoff=CLOSENESS)
    return f"; did you mean {near[0]!r}?" if near else ""


def _skip(text: str, at: int) -> int:
    blank = BLANK.match(text, at)
    return blank.end() if blank else at


def _no_word(rest: str) -> str:
    if rest[0] in "\"'`":
        return f"expected a closing {rest[0]}"
    hints = {"&": "; write 'and'", "|": "; write 'or'", "!": "; write 'not', or '!=' between a field and a value"}
    return f"found {rest[0]!r}, which means nothing in a filter{hints.get(rest[0], '')}"


def _unescaped(text: str, written: str, at: int) -> str:
    def meant(found: re.Match[str]) -> str:
        if found[1] not in ESCAPES:
            place = at + 1 + found.start()
            raise unreadable(text, place, f"{found[0]!r} is no escape; a backslash itself is written \\\\")
        return ESCAPES[found[1]]

    return re.sub(r"\\(.)", meant, written[1:-1], flags=re.DOTALL)
