"""Builds plain data and its places from the events of a YAML parser, without recursion and within limits.

Text, encoding and the parser itself are `cmcore.document.text`'s.
"""

from __future__ import annotations

from dataclasses import dataclass

import yaml
from pydantic import JsonValue

from cmcore.document import node
from cmcore.document.place import Finding, Mark, PathPart, Place
from cmcore.document.wording import described, quoted

DEPTH_MAX = 64
NODES_MAX = 120_000  # keys and values; 1 MB of text can hold more
FINDINGS_MAX = 100

START = Mark(1, 1)


class LimitError(Exception):
    """The document passes a limit: its last finding says which, and reading must end here."""


@dataclass(slots=True)
class _Open:
    """A list or mapping whose end has not come yet."""

    value: list[JsonValue] | dict[str, JsonValue]
    place: Place
    is_key: bool = False
    key: str | None = None  # of a mapping: the key whose value comes next; None: a key comes next
    key_mark: Mark = START

    @property
    def part(self) -> PathPart | None:
        """The path part of what was read last in here; None between two keys."""
        return max(len(self.value) - 1, 0) if isinstance(self.value, list) else self.key


class Composition:
    """What the events so far have given: the value, its places, and what was wrong."""

    def __init__(self) -> None:
        self.value: JsonValue = None
        self.place = Place(START, START)
        self.findings: list[Finding] = []
        self._open: list[_Open] = []
        self._nodes = 0

    def add(self, event: yaml.Event) -> None:
        """Take the next event; raises LimitError where reading must end."""
        match event:
            case yaml.ScalarEvent():
                self._leaf(event, *node.scalar(event))
            case yaml.AliasEvent():
                self._leaf(event, f"*{event.anchor}", node.alias(event))
            case yaml.CollectionStartEvent():
                self._start(event)
            case yaml.CollectionEndEvent():
                self._end()

    def find(self, mark: Mark, message: str, hint: str = "") -> None:
        """Note what is wrong with the value that is being read."""
        path = tuple(opened.part for opened in self._open if opened.part is not None)
        self.findings.append(Finding(mark, message, path, hint))
        if len(self.findings) == FINDINGS_MAX:
            self.findings.append(Finding(mark, f"more than {FINDINGS_MAX} problems; the rest is not shown"))
            raise LimitError

    def _find_all(self, mark: Mark, complaints: list[node.Complaint]) -> None:
        for message, hint in complaints:
            self.find(mark, message, hint)

    def _counted(self, event: yaml.NodeEvent) -> Mark:
        mark = node.begin(event)
        self._nodes += 1
        if self._nodes > NODES_MAX:
            self.find(mark, f"the document has more than {NODES_MAX:,} keys and values", "split it")
            raise LimitError
        return mark

    @property
    def _awaits_key(self) -> bool:
        return bool(self._open) and isinstance(self._open[-1].value, dict) and self._open[-1].key is None

    def _leaf(self, event: yaml.NodeEvent, value: JsonValue, complaints: list[node.Complaint]) -> None:
        mark = self._counted(event)
        if self._awaits_key:
            self._key(event, value, mark)
            self._find_all(mark, complaints)
            return
        self._attach(value, mark)
        self._find_all(mark, complaints)
        self._value_is_complete()

    def _key(self, event: yaml.NodeEvent, value: JsonValue, mark: Mark) -> None:
        opened = self._open[-1]
        opened.key = event.value if isinstance(event, yaml.ScalarEvent) else str(value)
        opened.key_mark = mark
        if not isinstance(value, str):
            self.find(mark, f"a key must be text, found {described(value)}", "quote it")
        elif isinstance(event, yaml.ScalarEvent) and event.implicit[0] and value == "<<":
            self.find(mark, "merge keys (<<) are not supported", "write the keys out")
        elif opened.key in opened.place.items:
            first = opened.place.items[opened.key].key
            self.find(mark, f"the key {quoted(opened.key)} stands here again; it is at {first} already", "keep one")

    def _attach(self, value: JsonValue, mark: Mark) -> Place:
        """Put a value where it belongs; of values with the same key the first stays."""
        place = Place(mark, mark)
        if not self._open:
            self.value, self.place = value, place
            return place
        opened = self._open[-1]
        if isinstance(opened.value, list):
            opened.place.items[len(opened.value)] = place
            opened.value.append(value)
        elif opened.key is not None and opened.key not in opened.value:
            opened.value[opened.key] = value
            opened.place.items[opened.key] = place = Place(mark, opened.key_mark)
        return place

    def _start(self, event: yaml.CollectionStartEvent) -> None:
        mark = self._counted(event)
        if len(self._open) >= DEPTH_MAX:
            self.find(mark, f"nested deeper than {DEPTH_MAX} levels", "make it flatter")
            raise LimitError
        value: list[JsonValue] | dict[str, JsonValue] = {} if isinstance(event, yaml.MappingStartEvent) else []
        is_key = self._awaits_key
        if is_key:
            self._open[-1].key, self._open[-1].key_mark = "?", mark
            self.find(mark, f"a key must be text, found a {'mapping' if isinstance(value, dict) else 'list'}")
        place = Place(mark, mark) if is_key else self._attach(value, mark)
        self._find_all(mark, node.anchor(event) + node.collection_tag(event))
        self._open.append(_Open(value, place, is_key))

    def _end(self) -> None:
        closed = self._open.pop()
        if not closed.is_key:
            self._value_is_complete()

    def _value_is_complete(self) -> None:
        if self._open:
            self._open[-1].key = None
