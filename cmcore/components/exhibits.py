"""Images, tables and texts in the forms in which people have them, as the bytes of files. Nothing is written here."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from cmcore.errors import UsageError
from cmcore.tracked import Shape

SIGNATURES: tuple[tuple[bytes, str, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", ".png", "image/png"),
    (b"\xff\xd8\xff", ".jpg", "image/jpeg"),
    (b"GIF8", ".gif", "image/gif"),
    (b"RIFF", ".webp", "image/webp"),
    (b"<svg", ".svg", "image/svg+xml"),
    (b"<?xml", ".svg", "image/svg+xml"),
)


@runtime_checkable
class Figure(Protocol):
    """What matplotlib's figures can do."""

    def savefig(self, fname: io.BytesIO, *, format: str) -> object:  # noqa: A002 # matplotlib's own name
        """Write the figure into a stream."""
        ...


@runtime_checkable
class Picture(Protocol):
    """What Pillow's images can do."""

    def save(self, fp: io.BytesIO, format: str) -> object:  # noqa: A002 # Pillow's own name
        """Write the image into a stream."""
        ...


Image = bytes | Path | Figure | Picture
Table = Mapping[str, Sequence[object]] | Sequence[Mapping[str, object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Exhibit:
    """A file to be kept: its content and how to show it."""

    shape: Shape
    content: bytes
    suffix: str
    media_type: str


def image(given: Image) -> Exhibit:
    """An image file's bytes or path, a matplotlib figure or a Pillow image; raises UsageError for anything else."""
    content = image_bytes(given)
    for start, suffix, media_type in SIGNATURES:
        if content.lstrip()[: len(start)] == start or content[: len(start)] == start:
            return Exhibit(shape=Shape.IMAGE, content=content, suffix=suffix, media_type=media_type)
    raise UsageError(f"an image is PNG, JPEG, GIF, WebP or SVG; these {len(content)} bytes begin with {content[:8]!r}")


def image_bytes(given: Image) -> bytes:
    """The bytes of an image; figures become PNG."""
    stream = io.BytesIO()
    match given:
        case bytes():
            return given
        case Path():
            return given.read_bytes()
        case Figure():
            given.savefig(stream, format="png")
        case Picture():
            given.save(stream, "PNG")
        case _:
            raise UsageError(
                f"an image is bytes, a path, a matplotlib figure or a Pillow image, not {type(given).__name__}"
            )
    return stream.getvalue()


def table(given: Table) -> Exhibit:
    """Columns by name, or rows as mappings, as CSV; raises UsageError for columns of unequal length."""
    if not isinstance(given, Mapping | Sequence) or not all(isinstance(row, Mapping | str) for row in given):
        found = type(given).__name__
        raise UsageError(f"a table is columns by name or rows as mappings, not {found}; try .to_dict('list')")
    columns = given if isinstance(given, Mapping) else columns_of(given)
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        raise UsageError(f"the columns of a table are of one length; found {lengths}")
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return Exhibit(shape=Shape.TABLE, content=stream.getvalue().encode(), suffix=".csv", media_type="text/csv")


def columns_of(rows: Sequence[Mapping[str, object]]) -> dict[str, list[object]]:
    """Rows as columns; what a row does not say is empty."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    return {name: [row.get(name, "") for row in rows] for name in names}


def text(given: str) -> Exhibit:
    """A text as a file in UTF-8."""
    return Exhibit(shape=Shape.TEXT, content=given.encode(), suffix=".txt", media_type="text/plain")


def file(given: Path) -> Exhibit:
    """Any file as it is."""
    return Exhibit(
        shape=Shape.FILE, content=given.read_bytes(), suffix=given.suffix, media_type="application/octet-stream"
    )
