"""NumPy's .npy files: a header in Python's syntax, then numbers, or a pickle where the header says objects."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from cmcore.scanning.finding import Danger, Peril
from cmcore.scanning.source import Source

MAGIC = b"\x93NUMPY"
HEADER_MAX = 10_000  # numpy's own limit
LONG = re.compile(r"\b([0-9]{1,20})L\b")  # Python 2 wrote integers so
PLAIN = re.compile(r"[<>|=]?[biufcSUVaMm?][0-9]{0,9}(\[[0-9a-zA-Z]{1,9}\])?")


def perils(source: Source) -> Iterator[Peril]:
    """Whether loading needs a pickle."""
    length_size = 2 if source.head[6:7] == b"\1" else 4
    length = int.from_bytes(source.read(8, length_size), "little")
    if length > min(HEADER_MAX, source.size):
        yield Peril(danger=Danger.HOSTILE, what=f"a NumPy array whose header has {length} bytes")
        return
    try:
        text = source.read(8 + length_size, length).decode("latin-1").strip()
        header = ast.literal_eval(LONG.sub(r"\1", text))
    except (ValueError, SyntaxError, MemoryError, RecursionError) as error:
        yield Peril(danger=Danger.HOSTILE, what=f"a NumPy array whose header cannot be read ({type(error).__name__})")
        return
    if not (isinstance(header, dict) and _plain(header.get("descr"))):
        yield Peril(danger=Danger.PICKLE, what="a NumPy array of objects, which are pickled")


def _plain(description: object) -> bool:
    """Whether a type is made of numbers and texts only: `'<f4'`, or `[(name, type, shape), ...]` of such."""
    if isinstance(description, str):
        return PLAIN.fullmatch(description) is not None
    if isinstance(description, tuple) and len(description) == 2:
        return _plain(description[0])  # (type, shape)
    return isinstance(description, list) and all(
        isinstance(item, tuple) and len(item) >= 2 and _plain(item[1]) for item in description
    )
