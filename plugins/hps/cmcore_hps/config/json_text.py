"""JSON as people write it in `ps.json`: comments, commas too many, `...` and fragments are found, and read over.

Every value keeps its place. What the keys mean is not known here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from cmcore_hps.config.finding import Findings, Place
from cmcore_hps.config.text import DEPTH_MAX, Text

Scalar = str | int | float | bool | None
DIGITS_MAX = 400


@dataclass(slots=True)
class Node:
    """A value and where it begins: a dict of nodes, a list of nodes, or a scalar; a `broken` one is none of them."""

    value: dict[str, Node] | list[Node] | Scalar
    place: Place
    keys: dict[str, Place] = field(default_factory=dict)
    broken: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a text is: its value, and whether it was whole or had brackets to be added."""

    node: Node
    whole: bool


class Lexeme(StrEnum):
    """The kinds of tokens."""

    STRING = "string"
    NUMBER = "number"
    WORD = "word"
    MARK = "mark"
    END = "end"


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the text."""

    kind: Lexeme
    text: str
    offset: int


TOKENS = re.compile(
    r"""(?P<space>\s+)
      | (?P<comment>//[^\n]*|/\*.*?\*/)
      | (?P<ellipsis>\.\.\.|…)
      | (?P<string>"(?:[^"\\\x00-\x1f]|\\.)*")
      | (?P<number>[-+]?(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][-+]?\d+)?(?![\w.]))
      | (?P<word>[-+]?[A-Za-z_]\w*)
      | (?P<mark>[{}\[\],:])""",
    re.VERBOSE | re.DOTALL,
)
ESCAPES = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?\Z")
WORDS: dict[str, bool | None] = {"true": True, "false": False, "null": None}


class _StopError(Exception):
    """No further reading makes sense; what is wrong has been found."""


def parsed(text: Text, findings: Findings, *, fragment: bool = False) -> Reading | None:
    """The value of a text; None where it is none. A `fragment` may lack its last brackets, a file may not."""
    try:
        return _Parser(text, findings, fragment).reading()
    except _StopError:
        return None


class _Parser:
    """Reads one text once, from its front to its end."""

    def __init__(self, text: Text, findings: Findings, fragment: bool) -> None:
        self._text, self._findings, self._fragment = text, findings, fragment
        self._tokens = self._lexemes()
        self._now = next(self._tokens)
        self._cut = False

    def reading(self) -> Reading:
        """The whole text."""
        bare = self._now.kind is Lexeme.STRING
        first = self._now.offset
        node = self._members("", 1, self._text.place(first), closed=False) if bare else self._value("", 1)
        if self._is(","):
            self._next()
            self._found("E4-json-comma", "", "a comma stands behind the value", "remove it", first)
        if self._now.kind is not Lexeme.END:
            raise self._stop(
                "", f"{shown(self._now)} stands behind the end of the value", "remove what follows the value"
            )
        return Reading(node=node, whole=not bare and not self._cut)

    def _value(self, pointer: str, depth: int) -> Node:
        token, place = self._now, self._text.place(self._now.offset)
        if depth > DEPTH_MAX:
            self._found(
                "E4-text-limit",
                pointer,
                f"values nest more than {DEPTH_MAX} deep",
                "take the nesting apart",
                token.offset,
            )
            raise _StopError
        if token.kind is Lexeme.STRING:
            self._next()
            return Node(self._string(token, pointer), place)
        if token.kind is Lexeme.NUMBER:
            self._next()
            return self._number(token, pointer, place)
        if token.kind is Lexeme.WORD:
            self._next()
            return self._word(token, pointer, place)
        if self._is("{"):
            self._next()
            return self._members(pointer, depth, place, closed=True)
        if self._is("["):
            self._next()
            return self._elements(pointer, depth, place)
        raise self._stop(
            pointer, f"a value is expected, and {shown(token)} is there", "write a value, or remove the key"
        )

    def _members(self, pointer: str, depth: int, place: Place, *, closed: bool) -> Node:
        """An object behind its opening bracket, or without brackets up to the end."""
        found: dict[str, Node] = {}
        node = Node(found, place)
        while not self._ends("}", pointer, closed=closed):
            key, at = self._key(pointer)
            here = f"{pointer}/{escaped(key)}"
            value = self._value(here, depth + 1)
            if key in found:
                first = ":".join(map(str, node.keys[key]))
                self._found(
                    "E4-json-duplicate",
                    here,
                    f"the key {key!r} stands a second time; the first is at {first}",
                    "keep one of them",
                    at,
                )
            found[key], node.keys[key] = value, self._text.place(at)
            self._separator("}", here, closed=closed)
        return node

    def _elements(self, pointer: str, depth: int, place: Place) -> Node:
        found: list[Node] = []
        while not self._ends("]", pointer, closed=True):
            here = f"{pointer}/{len(found)}"
            found.append(self._value(here, depth + 1))
            self._separator("]", here, closed=True)
        return Node(found, place)

    def _key(self, pointer: str) -> tuple[str, int]:
        token = self._now
        if token.kind is not Lexeme.STRING:
            raise self._stop(
                pointer, f"a key in quotes is expected, and {shown(token)} is there", 'write `"key": value`'
            )
        self._next()
        if not self._is(":"):
            raise self._stop(
                f"{pointer}/{escaped(self._string(token, pointer))}",
                f"a ':' is expected behind the key, and {shown(self._now)} is there",
                'write `"key": value`',
            )
        self._next()
        return self._string(token, pointer), token.offset

    def _ends(self, bracket: str, pointer: str, *, closed: bool) -> bool:
        """Whether an object or a list is over; its closing bracket is read."""
        if closed and self._is(bracket):
            self._next()
            return True
        if self._now.kind is not Lexeme.END:
            return False
        if closed and not self._fragment:
            raise self._stop(
                pointer, f"the file ends before {bracket!r}", f"write {bracket!r}, and see that nothing was cut off"
            )
        self._cut = self._cut or closed
        return True

    def _separator(self, bracket: str, pointer: str, *, closed: bool) -> None:
        """The comma behind a member or element, or what follows the last one."""
        if self._is(","):
            comma = self._now.offset
            self._next()
            if self._is(bracket) or (self._now.kind is Lexeme.END and (self._fragment or not closed)):
                self._found("E4-json-comma", pointer, "a comma stands behind the last value", "remove it", comma)
        elif not (closed and self._is(bracket)) and self._now.kind is not Lexeme.END:
            raise self._stop(
                pointer,
                f"',' or {bracket!r} is expected behind the value, and {shown(self._now)} is there",
                "separate values by commas, and close what is open",
            )

    def _string(self, token: Token, pointer: str) -> str:
        body = token.text[1:-1]
        if "\\" not in body:
            return body
        try:
            return unescaped(body)
        except ValueError as error:
            self._now = token
            fix = "escape `\\` as `\\\\`"
            raise self._stop(pointer, f"the text {shown(token)} has a wrong escape: {error}", fix) from error

    def _number(self, token: Token, pointer: str, place: Place) -> Node:
        if not NUMBER.match(token.text):
            self._now = token
            raise self._stop(
                pointer, f"{shown(token)} is no number of JSON", "write digits, a point, and no leading zeros"
            )
        whole = token.text.lstrip("-").isdigit()
        value: int | float = 0
        if len(token.text) <= DIGITS_MAX:
            value = int(token.text) if whole else float(token.text)
        if len(token.text) > DIGITS_MAX or value in (float("inf"), float("-inf")):
            self._found(
                "E4-json-number",
                pointer,
                f"the number {shown(token)} is greater than any type holds",
                "write the number that is meant",
                token.offset,
            )
            return Node(None, place, broken=True)
        return Node(value, place)

    def _word(self, token: Token, pointer: str, place: Place) -> Node:
        if token.text in WORDS:
            return Node(WORDS[token.text], place)
        if token.text.lstrip("-+").lower() in ("nan", "inf", "infinity"):
            self._found(
                "E4-json-number", pointer, f"{token.text} is no number of JSON", "write a finite number", token.offset
            )
            return Node(None, place, broken=True)
        self._now = token
        like = token.text.lower()
        fix = f"write {like}" if like in WORDS else "put texts in double quotes"
        raise self._stop(pointer, f"{shown(token)} is no value of JSON", fix)

    def _lexemes(self) -> Iterator[Token]:
        content, at = self._text.content, 0
        while at < len(content):
            match = TOKENS.match(content, at)
            kind = match.lastgroup if match else None
            if match is None or kind is None:
                self._now = Token(Lexeme.MARK, content[at : at + 20], at)
                raise self._stop("", f"{shown(self._now)} is nothing that JSON knows", "quote texts with double quotes")
            if kind == "comment":
                self._found(
                    "E4-json-comment", "", f"a comment: {shown(Token(Lexeme.MARK, match.group(), at))}", "remove it", at
                )
            elif kind == "ellipsis":
                self._found(
                    "E4-json-ellipsis", "", "`...` stands in the file", "remove it, or write what it stands for", at
                )
            elif kind != "space":
                yield Token(Lexeme(kind), match.group(), at)
            at = match.end()
        yield Token(Lexeme.END, "", at)

    def _next(self) -> None:
        self._now = next(self._tokens, self._now)

    def _is(self, mark: str) -> bool:
        return self._now.kind is Lexeme.MARK and self._now.text == mark

    def _found(self, rule: str, pointer: str, message: str, fix: str, offset: int) -> None:
        self._findings.add(rule, pointer, message, fix, place=self._text.place(offset))

    def _stop(self, pointer: str, message: str, fix: str) -> _StopError:
        self._found("E4-json-syntax", pointer, message, fix, self._now.offset)
        return _StopError()


def shown(token: Token) -> str:
    """A token in a message."""
    if token.kind is Lexeme.END:
        return "the end of the file"
    return repr(token.text if len(token.text) <= 40 else token.text[:37] + "...")


def escaped(key: str) -> str:
    """A key in a JSON pointer (RFC 6901), shortened where nobody would read it."""
    return key[:80].replace("~", "~0").replace("/", "~1")


def unescaped(body: str) -> str:
    """A string without its escapes; raises ValueError naming the one that is wrong."""
    found = re.sub(r"\\(u[0-9a-fA-F]{4}|.)", replaced, body, flags=re.DOTALL)
    joined = found.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if "\0" in joined:
        raise ValueError("\\u0000 is no character of a text")
    return joined


def replaced(match: re.Match[str]) -> str:
    """One escape; raises ValueError."""
    escape = match.group(1)
    if len(escape) == 5:
        return chr(int(escape[1:], 16))
    if escape not in ESCAPES:
        raise ValueError(f"\\{escape}")
    return ESCAPES[escape]


def plain(node: Node) -> object:
    """The value without places."""
    if isinstance(node.value, dict):
        return {key: plain(child) for key, child in node.value.items()}
    if isinstance(node.value, list):
        return [plain(child) for child in node.value]
    return node.value
