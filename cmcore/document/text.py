"""Reads a document: text to plain data with positions, or every problem that can be found in it at once.

YAML 1.2's core schema, without anchors, aliases, tags, directives and duplicate keys. What the data means is not known
here.
"""

from __future__ import annotations

import contextlib
import itertools
import pathlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import yaml
from pydantic import JsonValue

from cmcore.document.composition import FINDINGS_MAX, START, Composition, LimitError
from cmcore.document.place import Finding, JsonPath, Mark, PathPart, Place
from cmcore.document.syntax import mark_at, syntax_finding
from cmcore.document.wording import described
from cmcore.errors import DocumentError, Problem

try:
    from yaml import CSafeLoader as Loader
except ImportError:  # PyYAML was built without libyaml
    from yaml import SafeLoader as Loader  # type: ignore[assignment] # both give the same events

__all__ = ["SIZE_MAX_BYTES", "Document", "Mark", "parse", "read"]

SIZE_MAX_BYTES = 1_000_000

_BYTE_ORDER_MARK = "\ufeff"
_WIDE_ENCODINGS = (b"\xff\xfe", b"\xfe\xff", b"\0\0\xfe\xff")
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_BREAK = "[\r\n\x85\u2028\u2029]"
_BLANK_LINE = rf"[ \t]*(?:#[^\r\n\x85\u2028\u2029]*)?{_BREAK}"
_DIRECTIVE = re.compile(rf"(?:{_BLANK_LINE})*%")
_AFTER_THE_END = re.compile(rf"(?:{_BLANK_LINE}|\.\.\.(?=\s|$))*[ \t]*(?:#[^\r\n]*)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A document's data, and where in its text each piece of it stands; `above` leads to it where it is a part."""

    file: str
    value: Mapping[str, JsonValue]
    place: Place
    above: JsonPath = ()

    def part(self, path: JsonPath, value: Mapping[str, JsonValue]) -> Document:
        """The mapping at a path as a document of its own, whose problems tell the whole path."""
        return replace(self, value=value, place=self.place.nearest(path)[0], above=(*self.above, *path))

    def mark(self, path: Sequence[PathPart]) -> Mark:
        """Where the value at a path begins; the nearest known ancestor's key, where there is no such value."""
        place, length = self.place.nearest(path)
        return place.mark if length == len(path) else place.key

    def key_mark(self, path: Sequence[PathPart]) -> Mark:
        """Where the key at a path stands; a list's item has its own value's position."""
        return self.place.nearest(path)[0].key

    def problem(self, path: Sequence[PathPart], message: str, hint: str = "", *, of_key: bool = False) -> Problem:
        """Something wrong with the value at a path, or with its key."""
        mark = self.key_mark(path) if of_key else self.mark(path)
        return Finding(mark, message, (*self.above, *path), hint).problem(self.file)


def read(path: pathlib.Path) -> Document:
    """The document in a file; raises DocumentError with all problems, also where there is no such file."""
    try:
        with path.open("rb") as stream:
            content = stream.read(SIZE_MAX_BYTES + 1)
    except OSError as error:
        message = f"cannot be read: {error.strerror}"
        raise DocumentError([Problem(message=message, file=str(path))]) from error
    return parse(content, file=str(path))


def parse(text: str | bytes, *, file: str) -> Document:
    """The document in a text (bytes: UTF-8); raises DocumentError with all problems, in the order of the text."""
    decoded, findings = _decoded(text)
    composition = _composed(decoded)
    findings += composition.findings
    if not findings and isinstance(composition.value, dict):
        return Document(file=file, value=composition.value, place=composition.place)
    ordered = sorted(findings or [_not_a_mapping(composition)], key=lambda finding: finding.mark)
    raise DocumentError([finding.problem(file) for finding in ordered])


def _decoded(text: str | bytes) -> tuple[str, list[Finding]]:
    """The text without its byte order mark, with placeholders for what cannot be read; empty, where nothing can."""
    raw = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    if len(raw) > SIZE_MAX_BYTES:
        return "", [Finding(START, f"the document is larger than {SIZE_MAX_BYTES:,} bytes", hint="split it")]
    if raw.startswith(_WIDE_ENCODINGS):
        return "", [Finding(START, "the text is UTF-16 or UTF-32, not UTF-8", hint="save it as UTF-8")]
    decoded, findings = (text, []) if isinstance(text, str) else _from_utf8(raw)
    decoded = decoded.removeprefix(_BYTE_ORDER_MARK)
    unprintable = itertools.islice(_UNPRINTABLE.finditer(decoded), FINDINGS_MAX)
    findings += [_unprintable(decoded, match.start()) for match in unprintable]
    return _UNPRINTABLE.sub("_", decoded), findings


def _from_utf8(raw: bytes) -> tuple[str, list[Finding]]:
    try:
        return raw.decode(), []
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode()
        message = f"byte {error.start} (0x{raw[error.start]:02x}) is not UTF-8: {error.reason}"
        finding = Finding(mark_at(before, len(before)), message, hint="save the file as UTF-8")
        return raw.decode(errors="replace"), [finding]


def _unprintable(text: str, index: int) -> Finding:
    what = "half of a surrogate pair" if "\ud800" <= text[index] <= "\udfff" else "a control character"
    message = f"{what}, U+{ord(text[index]):04X}, cannot stand in a document"
    return Finding(mark_at(text, index), message, hint="remove it, or write it as an escape in double quotes")


def _composed(text: str) -> Composition:
    """What the text's one document holds; the findings are in it."""
    composition = Composition()
    with contextlib.suppress(LimitError):
        if directive := _DIRECTIVE.match(text):
            composition.find(mark_at(text, directive.end() - 1), "directives (%) are not supported", "remove the line")
        else:
            _compose(composition, text)
    return composition


def _compose(composition: Composition, text: str) -> None:
    try:
        for event in yaml.parse(text, Loader=Loader):
            if isinstance(event, yaml.DocumentEndEvent) and event.end_mark is not None:
                _find_second_document(composition, text, event.end_mark.index)
                return  # what follows is not parsed: 50,000 directives take libyaml 3 s
            composition.add(event)
    except yaml.MarkedYAMLError as error:
        finding = syntax_finding(error, text)
        composition.find(finding.mark, finding.message, finding.hint)
    except (ValueError, OverflowError):  # PyYAML's own parser gives an escape's number to chr() unchecked
        composition.find(START, "an escape in double quotes names no character", "look for \\U")


def _find_second_document(composition: Composition, text: str, end: int) -> None:
    after = _AFTER_THE_END.match(text, end)
    begin = after.end() if after else end
    if begin < len(text):
        composition.find(mark_at(text, begin), "the document has ended before this; a file holds one", "split the file")


def _not_a_mapping(composition: Composition) -> Finding:
    if composition.value is None:
        return Finding(composition.place.mark, "the document is empty; a mapping is expected")
    found = described(composition.value)
    return Finding(composition.place.mark, f"a mapping is expected at the top of a document, found {found}")
