"""DataFormat: how another tool's data become a version, and a version that tool's data. Plugins implement it.

`cmcore.testing.data_format` has the suite that every format passes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from cmcore.datasets.file import DataFile


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignData:
    """Files under a name that suits the other tool, and what it says of them in words."""

    name: str
    files: tuple[DataFile, ...]
    remarks: Mapping[str, str] = field(default_factory=dict)


class DataFormat(Protocol):
    """Reads and writes what another tool keeps. Everything raises StorageError for what is damaged, hostile or lost."""

    def detects(self, path: Path) -> bool:
        """Whether a path looks like this tool's data; reads little, and never raises for what does not."""
        ...

    def read(self, path: Path) -> ForeignData:
        """The data at a path. Nothing is copied: each file's bytes are read, and checked against what the tool
        recorded of them, when it is opened; the last read raises StorageError where they differ."""
        ...

    def write(self, data: ForeignData, destination: Path) -> Path:
        """Write data into a folder so that the tool takes them for its own; where `read` finds them again.

        Writing the same once more changes nothing, and other data in the folder stay as they are.
        """
        ...
