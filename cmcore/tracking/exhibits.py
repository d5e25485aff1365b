"""Tracked files as a page shows them: images within the page, the first rows of tables, the beginnings of texts.

Reading is handed in; what cannot be read or is too large is said in its place.
"""

from __future__ import annotations

import base64
import csv
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from cmcore.errors import CmError
from cmcore.tracked import Shape
from cmcore.tracking.values import TrackedFile, TrackedRun

IMAGE_TYPES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp", "image/svg+xml"})
IMAGE_BYTES, PAGE_BYTES = 2 * 2**20, 24 * 2**20
ROWS_MAX, COLUMNS_MAX, LETTERS_MAX = 20, 20, 4000

Read = Callable[[TrackedFile], bytes]
"""Gives a file's content; raises CmError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exhibit:
    """One file of one run. Exactly one of `image` (a data URI), `table`, `text` and `remark` is filled."""

    run: int
    step: int | None
    image: str = ""
    table: tuple[tuple[str, ...], ...] = ()
    text: str = ""
    remark: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wall:
    """What several runs tracked under one name."""

    name: str
    exhibits: tuple[Exhibit, ...]


def walls(runs: Sequence[TrackedRun], read: Read) -> list[Wall]:
    """The last image, table or text of every name and run, by name."""
    last: dict[str, dict[int, TrackedFile]] = {}
    for place, run in enumerate(runs):
        for file in sorted(run.files, key=lambda file: (file.step is not None, file.step or 0, file.path)):
            last.setdefault(f"{file.node}.{file.name}", {})[place] = file
    room = PAGE_BYTES
    found: list[Wall] = []
    for name, files in sorted(last.items()):
        exhibits = []
        for place, file in files.items():
            exhibit = shown(place, file, read, room)
            room -= len(exhibit.image)
            exhibits.append(exhibit)
        found.append(Wall(name=name, exhibits=tuple(exhibits)))
    return found


def shown(run: int, file: TrackedFile, read: Read, room: int) -> Exhibit:
    """One file as it is shown."""
    if file.what == Shape.FILE:
        return Exhibit(run=run, step=file.step, remark=f"{file.path} ({file.media_type})")
    if not file.uri:
        return Exhibit(run=run, step=file.step, remark="not kept: its node did not end well")
    try:
        content = read(file)
    except CmError as error:
        return Exhibit(run=run, step=file.step, remark=f"cannot be read: {error}")
    match file.what:
        case Shape.IMAGE:
            return image(run, file, content, room)
        case Shape.TABLE:
            return Exhibit(run=run, step=file.step, table=tuple(cells(content)))
        case _:
            return Exhibit(run=run, step=file.step, text=beginning(content.decode("utf-8", "replace")) or " ")


def image(run: int, file: TrackedFile, content: bytes, room: int) -> Exhibit:
    """An image as a data URI, which runs no script even where it is SVG."""
    if file.media_type not in IMAGE_TYPES:
        return Exhibit(run=run, step=file.step, remark=f"{file.media_type} is no image that is shown")
    if len(content) > IMAGE_BYTES or len(content) * 4 // 3 > room:
        return Exhibit(run=run, step=file.step, remark=f"{len(content) / 2**20:.1f} MiB are too much for this page")
    return Exhibit(run=run, step=file.step, image=f"data:{file.media_type};base64,{base64.b64encode(content).decode()}")


def cells(content: bytes) -> Iterator[tuple[str, ...]]:
    """The first rows and columns of a CSV."""
    try:
        for number, row in enumerate(csv.reader(io.StringIO(content.decode("utf-8", "replace"), newline=""))):
            if number > ROWS_MAX:
                yield ("…",)
                return
            yield tuple(cell[:200] for cell in row[:COLUMNS_MAX])
    except csv.Error as error:
        yield (f"no more can be read: {error}",)


def beginning(text: str) -> str:
    """As much of a text as is shown."""
    return text if len(text) <= LETTERS_MAX else f"{text[:LETTERS_MAX]}\n… {len(text) - LETTERS_MAX} more characters"
