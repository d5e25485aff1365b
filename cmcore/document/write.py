"""Writes plain data: as YAML that people read and `parse` reads back, and as the JSON text that digests are taken of.

Neither positions nor models are known here.
"""

from __future__ import annotations

import json
import math
import re
import textwrap
from collections.abc import Iterator, Mapping

from pydantic import JsonValue

from cmcore.document.scalar import INTEGER_MAX, INTEGER_MIN

WIDTH = 100

_INNER = r"[\w$./+@()\[\]{}=<>*^~,;?!%&'-]"
_PLAIN = re.compile(rf"(?=[^\W\d]|[$/]){_INNER}+(?::{_INNER}+)*(?: {_INNER}+(?::{_INNER}+)*)*")
_RESERVED = frozenset(["y", "n", "yes", "no", "on", "off", "true", "false", "null"])  # no text in YAML 1.1 or 1.2
_BLOCK_TEXT = re.compile("[\t\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]+")
_UNREADABLE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_KEY_MAX = 1000  # YAML wants the ':' within 1,024 characters; longer keys are introduced by a '?'


def dump(value: Mapping[str, JsonValue]) -> str:
    """Block-style YAML, keys in their order; raises ValueError for numbers and characters that no document can hold."""
    return "\n".join(_lines(dict(value))) + "\n"


def canonical(value: JsonValue) -> bytes:
    """JSON with sorted keys, no spaces, in UTF-8: equal values give equal bytes; raises ValueError for NaN."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode()


def _lines(value: JsonValue) -> list[str]:
    """The lines of one value as if it stood at the left margin; a block scalar's own lines are indented already."""
    match value:
        case dict() if value:
            return [line for key, item in value.items() for line in _entry(key, item)]
        case list() if value:
            return [line for item in value for line in _item(item)]
        case str():
            return _text(value)
        case dict() | list():
            return ["{}" if isinstance(value, dict) else "[]"]
        case _:
            return [_constant(value)]


def _entry(key: str, value: JsonValue) -> Iterator[str]:
    head = f"{_key(key)}:"
    if len(head) > _KEY_MAX:
        yield f"? {head[:-1]}"
        head = ":"
    lines = _lines(value)
    if isinstance(value, dict | list) and value:
        yield head
        yield from _indented(lines)
    else:
        yield f"{head} {lines[0]}"
        yield from lines[1:]


def _item(value: JsonValue) -> Iterator[str]:
    lines = _lines(value)
    yield f"- {lines[0]}"
    yield from _indented(lines[1:])


def _indented(lines: list[str]) -> list[str]:
    return [f"  {line}" if line else "" for line in lines]


def _constant(value: float | None) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int():
            if not INTEGER_MIN <= value <= INTEGER_MAX:
                raise ValueError(f"the integer {value:.3e} does not fit into 64 bits; no document can hold it")
            return str(value)
    if not math.isfinite(value):
        raise ValueError(f"{value} is not finite; no document can hold it")
    digits, e, exponent = repr(value).partition("e")
    return digits + (".0" if e and "." not in digits else "") + e + exponent  # YAML 1.1 wants the point


def _text(text: str) -> list[str]:
    if "\n" in text and _fits_block(text.rstrip("\n")):
        return _literal(text)
    if len(text) <= WIDTH and _is_plain(text):
        return [text]
    if len(text) > WIDTH and "\n" not in text and _fits_block(text):
        folded = textwrap.wrap(text, WIDTH, break_long_words=False, break_on_hyphens=False)
        if " ".join(folded) == text and len(folded) > 1:
            return [">-", *_indented(folded)]
    return [_quoted(text)]


def _fits_block(text: str) -> bool:
    """Whether text can stand without quotes and escapes below a `|` or `>`."""
    return text.strip() == text and _BLOCK_TEXT.fullmatch(text) is not None


def _literal(text: str) -> list[str]:
    body = text.rstrip("\n")
    newlines = len(text) - len(body)
    header = {0: "|-", 1: "|"}.get(newlines, "|+")
    return [header, *_indented(body.split("\n")), *[""] * (newlines - 1)]


def _key(text: str) -> str:
    return text if _is_plain(text) else _quoted(text)


def _is_plain(text: str) -> bool:
    return _PLAIN.fullmatch(text) is not None and text.casefold() not in _RESERVED


def _quoted(text: str) -> str:
    """JSON's string, which YAML reads too once the characters it refuses are escaped."""
    text.encode()  # raises for half a surrogate pair
    return _UNREADABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(text, ensure_ascii=False))
