"""Where the values of a document stand in its text, and how a path to one of them is written.

The values themselves, and how text becomes them, are not here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from cmcore.errors import Problem

PathPart = str | int
JsonPath = tuple[PathPart, ...]

_WORD = re.compile(r"[A-Za-z0-9_-]+")
_PART_SHOWN_MAX = 60


@dataclass(frozen=True, slots=True, order=True)
class Mark:
    """One place in a text; line and column count from 1, columns in characters."""

    line: int
    column: int

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}"


@dataclass(frozen=True, slots=True)
class Place:
    """The position of one value and of its key (its own, where it has none), and those of what it contains."""

    mark: Mark
    key: Mark
    items: dict[PathPart, Place] = field(default_factory=dict)

    def nearest(self, path: Sequence[PathPart]) -> tuple[Place, int]:
        """The place of the longest known beginning of a path, and that beginning's length."""
        place = self
        for length, part in enumerate(path):
            if part not in place.items:
                return place, length
            place = place.items[part]
        return place, len(path)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong at a place, in a document whose file is not known here."""

    mark: Mark
    message: str
    path: JsonPath = ()
    hint: str = ""

    def problem(self, file: str) -> Problem:
        """What a reader of the document is told."""
        return Problem(
            message=self.message,
            path=path_text(self.path),
            file=file,
            line=self.mark.line,
            column=self.mark.column,
            hint=self.hint,
        )


def path_text(path: Sequence[PathPart]) -> str:
    """A path as people read it: `$.nodes.train.inputs[1]["odd key"]`."""
    return "$" + "".join(_part_text(part) for part in path)


def _part_text(part: PathPart) -> str:
    if isinstance(part, int):
        return f"[{part}]"
    shown = part if len(part) <= _PART_SHOWN_MAX else part[: _PART_SHOWN_MAX - 3] + "..."
    return f".{part}" if _WORD.fullmatch(shown) else f"[{shown!r}]"
