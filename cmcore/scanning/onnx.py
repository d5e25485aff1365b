"""ONNX models, walked as Protocol Buffers: which files they read, and whose operators they need.

The numbers of messages and fields are those of onnx.proto (IR version 13).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from cmcore.scanning.budget import Budget
from cmcore.scanning.finding import Danger, Peril
from cmcore.scanning.names import hostile_name
from cmcore.scanning.source import Source
from cmcore.scanning.wire import BYTES, VARINT, Field, NotAMessageError, fields, text

DEPTH_MAX = 32
STANDARD_DOMAINS = ("", "ai.onnx", "ai.onnx.ml", "ai.onnx.training", "ai.onnx.preview.training", "com.microsoft")
MODEL_FIELDS = {
    1: VARINT, 2: BYTES, 3: BYTES, 4: BYTES, 5: VARINT, 6: BYTES, 7: BYTES, 8: BYTES, 14: BYTES, 20: BYTES, 25: BYTES,
    26: BYTES,
}  # fmt: skip
IR_VERSION, GRAPH = 1, 7

# message -> field -> the message in it; what is not listed holds no message that matters
MESSAGES: Mapping[str, Mapping[int, str]] = MappingProxyType({
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {13: "entry"},
})  # fmt: skip
NODE_DOMAIN, ENTRY_KEY, ENTRY_VALUE = 7, 1, 2


@dataclass(slots=True)
class Walk:
    """What has been met."""

    domains: set[str] = field(default_factory=set)
    locations: set[str] = field(default_factory=set)


def is_onnx(source: Source, budget: Budget) -> bool:
    """Whether its outermost fields are those of an ONNX model, or it is called one."""
    if source.file_name.endswith(".onnx"):
        return True
    found: dict[int, Field] = {}
    try:
        for each in fields(source, 0, source.size, budget):
            if MODEL_FIELDS.get(each.number) != each.wire:
                return False
            found[each.number] = each
    except NotAMessageError:
        return False
    return GRAPH in found and IR_VERSION in found and 1 <= found[IR_VERSION].value <= 100


def looked(source: Source, budget: Budget) -> Iterator[Peril | str]:
    """Perils, and notes for people."""
    walk = Walk()
    try:
        _walk(source, "model", 0, source.size, walk, budget, DEPTH_MAX)
    except NotAMessageError as error:
        yield Peril(danger=Danger.HOSTILE, what=f"it is called an ONNX model and is none ({error})")
    for location in sorted(walk.locations):
        if hostile_name(location):
            yield Peril(
                danger=Danger.HOSTILE, what=f"an ONNX model that reads {location[:200]!r}, outside its own folder"
            )
    if foreign := sorted(walk.domains - set(STANDARD_DOMAINS)):
        yield f"needs operators of {', '.join(foreign)}"


def _walk(source: Source, message: str, start: int, end: int, walk: Walk, budget: Budget, depth: int) -> None:
    if depth == 0:
        raise NotAMessageError(f"graphs in graphs, more than {DEPTH_MAX} deep")
    inner = MESSAGES[message]
    for each in fields(source, start, end, budget):
        kind = inner.get(each.number, "")
        if kind and each.wire != BYTES:
            raise NotAMessageError(f"field {each.number} of a {message} is no message")
        if kind == "entry":
            _note_entry(source, each, walk, budget)
        elif kind:
            _walk(source, kind, each.start, each.end, walk, budget, depth - 1)
        elif message == "node" and each.number == NODE_DOMAIN:
            walk.domains.add(text(source, each)[:200])


def _note_entry(source: Source, entry: Field, walk: Walk, budget: Budget) -> None:
    """An entry of a tensor's external data: `location` names a file."""
    found = {each.number: text(source, each) for each in fields(source, entry.start, entry.end, budget)}
    if found.get(ENTRY_KEY) == "location":
        walk.locations.add(found.get(ENTRY_VALUE, ""))
