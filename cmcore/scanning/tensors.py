"""safetensors: a JSON header that says where each tensor lies. Nothing runs; a header that lies is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator

from cmcore.scanning.finding import Danger, Peril
from cmcore.scanning.source import Source

HEADER_MAX = 4 << 20
BITS = {
    "F64": 64, "I64": 64, "U64": 64, "C64": 64, "F32": 32, "I32": 32, "U32": 32, "F16": 16, "BF16": 16, "I16": 16,
    "U16": 16, "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8, "I8": 8, "U8": 8,
    "BOOL": 8, "F6_E2M3": 6, "F6_E3M2": 6, "F4": 4,
}  # fmt: skip


class LieError(ValueError):
    """The header says what cannot be."""


def is_safetensors(source: Source) -> bool:
    """Whether it begins as one, or is called one."""
    length = int.from_bytes(source.head[:8], "little")
    return source.file_name.endswith(".safetensors") or (
        source.head[8:9] == b"{" and 2 <= length <= source.size - 8 and source.read(7 + length, 1) in b"} "
    )


def perils(source: Source) -> Iterator[Peril]:
    """What is wrong with the header."""
    try:
        _check(source)
    except (ValueError, RecursionError) as error:
        yield Peril(danger=Danger.HOSTILE, what=f"a safetensors file whose header is wrong: {error}")


def _check(source: Source) -> None:
    length = int.from_bytes(source.head[:8], "little")
    if source.size < 8 or not 2 <= length <= min(HEADER_MAX, source.size - 8):
        raise LieError(f"it claims {length} bytes of {source.size}")
    header = json.loads(source.read(8, length), object_pairs_hook=_mapping)
    if not isinstance(header, dict):
        raise LieError("it is no mapping")
    tensors = sorted(_spans(header))
    end = 0
    for begin, stop, name in tensors:
        if begin != end:
            raise LieError(
                f"tensor {name!r} begins at {begin}, where {end} was expected: tensors overlap or leave gaps"
            )
        end = stop
    if end != source.size - 8 - length:
        raise LieError(f"tensors end at {end}, the file at {source.size - 8 - length}")


def _mapping(pairs: list[tuple[str, object]]) -> object:
    """A mapping of the header: where a tensor lies, or the mapping itself; so that little of it is in memory."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise LieError("it has a key twice")
    return _span(found) if "data_offsets" in found else found


def _spans(header: dict[str, object]) -> Iterator[tuple[int, int, str]]:
    for name, span in header.items():
        match span:
            case int(begin), int(stop):
                yield begin, stop, name
            case _ if name != "__metadata__":
                raise LieError(f"{name!r} is no tensor")


def _span(tensor: dict[str, object]) -> tuple[int, int]:
    match tensor:
        case {"dtype": str(kind), "shape": list(shape), "data_offsets": [int(begin), int(stop)]} if kind in BITS:
            count = 1
            for dimension in shape:
                if not isinstance(dimension, int) or not 0 <= dimension < 1 << 48:
                    raise LieError(f"a tensor has a dimension {dimension!r}")
                count = min(count * dimension, 1 << 60)
            if 0 <= begin <= stop and (stop - begin) * 8 == count * BITS[kind]:
                return begin, stop
    raise LieError(f"a tensor is {json.dumps(tensor, default=str)[:200]}")
