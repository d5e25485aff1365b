"""DataFile: one file of a folder, of a version or of another tool's data; what all of these are made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFile:
    """One file: `path` is relative, with slashes; `open` gives its bytes from the beginning, and checks them where
    it can."""

    path: str
    size: int
    open: Callable[[], BinaryIO]
    executable: bool = False
