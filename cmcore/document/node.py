"""What one node of the YAML text says by itself: its value, and what documents do not allow of it.

Where it stands among others (keys, depth, duplicates) is `cmcore.document.composition`'s.
"""

from __future__ import annotations

import re

import yaml

from cmcore.document.place import Mark
from cmcore.document.scalar import Scalar, resolve
from cmcore.document.wording import quoted

Complaint = tuple[str, str]
"""A message and a hint."""

_CORE = "tag:yaml.org,2002:"
_SCALAR_TYPES: dict[str, tuple[type, ...]] = {
    f"{_CORE}int": (int,),
    f"{_CORE}float": (int, float),
    f"{_CORE}bool": (bool,),
    f"{_CORE}null": (type(None),),
}
_SURROGATE = re.compile("[\ud800-\udfff]")
_NAME_SHOWN_MAX = 40


def begin(event: yaml.Event) -> Mark:
    """Where a node begins, counted from 1."""
    mark = event.start_mark
    assert mark is not None  # only events that were made by hand have none
    return Mark(mark.line + 1, mark.column + 1)


def scalar(event: yaml.ScalarEvent) -> tuple[Scalar, list[Complaint]]:
    """The value of a scalar node and everything that is wrong with it."""
    complaints = anchor(event)
    try:
        value = _value(event)
    except ValueError as error:
        value = None
        complaints.append((f"{error}", "leave the tag out" if event.tag else ""))
    if isinstance(value, str) and _SURROGATE.search(value):
        complaints.append(("half of a surrogate pair, which is no character", "write the character itself"))
    return value, complaints


def anchor(event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> list[Complaint]:
    """Complains of an anchor: repetition by reference is how small documents become huge ones."""
    if event.anchor is None:
        return []
    return [(f"anchors are not supported, found &{event.anchor[:_NAME_SHOWN_MAX]}", "remove it")]


def alias(event: yaml.AliasEvent) -> list[Complaint]:
    """Complains of an alias."""
    return [(f"aliases are not supported, found *{f'{event.anchor}'[:_NAME_SHOWN_MAX]}", "write the value out")]


def collection_tag(event: yaml.CollectionStartEvent) -> list[Complaint]:
    """Complains of any tag but the one that says what the collection is anyway."""
    own, name = ("map", "mapping") if isinstance(event, yaml.MappingStartEvent) else ("seq", "list")
    if event.tag in {None, "!", _CORE + own}:
        return []
    lies = event.tag in {f"{_CORE}map", f"{_CORE}seq"}
    message = f"this {name} is not what its tag {_tag_text(event.tag)} says" if lies else _tag_message(event.tag)
    return [(message, "leave the tag out")]


def _value(event: yaml.ScalarEvent) -> Scalar:
    text: str = event.value
    if event.tag is None:
        return resolve(text) if event.implicit[0] else text
    if event.tag in {"!", f"{_CORE}str"}:
        return text
    types = _SCALAR_TYPES.get(event.tag)
    if types is None:
        raise ValueError(_tag_message(event.tag))
    value = resolve(text)
    if type(value) not in types:
        raise ValueError(f"{quoted(text)} is not what its tag {_tag_text(event.tag)} says")
    return float(value) if isinstance(value, int) and float in types else value


def _tag_message(tag: str) -> str:
    return f"the tag {_tag_text(tag)} is not supported; documents are plain data"


def _tag_text(tag: str) -> str:
    return tag.replace(_CORE, "!!", 1)[:_NAME_SHOWN_MAX]
