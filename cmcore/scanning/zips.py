"""Zip archives (torch, npz, Keras, skops and plain ones): their entries as sources, and what is hostile about them.

An archive that Python's strict reader cannot read is refused: laxer ones would go on and find something else.
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterator
from lzma import LZMAError

from cmcore.scanning.budget import MIB, Budget, DamagedError
from cmcore.scanning.finding import Danger, Peril
from cmcore.scanning.names import hostile_mode, hostile_name
from cmcore.scanning.source import Source

LOCAL, CENTRAL, END, END_64, LOCATOR_64 = b"PK\3\4", b"PK\1\2", b"PK\5\6", b"PK\6\6", b"PK\6\7"
DIRECTORY_MAX = 2 * MIB + MIB // 2  # zipfile keeps ten times as much in memory
TAIL_BYTES = 65_557
ENCRYPTED = 1
ERRORS = (
    zipfile.BadZipFile, zlib.error, LZMAError, NotImplementedError, RuntimeError, EOFError, ValueError, OSError,
    struct.error, OverflowError,
)  # fmt: skip


def is_zip(source: Source) -> bool:
    """Whether any reader would take it for a zip: by its beginning, or by a directory at its end."""
    return source.head.startswith((LOCAL, END)) or _directory(source) is not None


def _directory(source: Source) -> tuple[int, int] | None:
    """(offset, size) of the central directory, as the end of the archive gives it; None where there is none."""
    start = max(0, source.size - TAIL_BYTES)
    tail = source.read(start, TAIL_BYTES)
    at = tail.rfind(END)
    if at < 0 or len(tail) - at < 22:
        return None
    end = start + at
    if source.read(max(0, end - 20), 4) == LOCATOR_64:
        return _directory_64(source, end)
    size = int.from_bytes(tail[at + 12 : at + 16], "little")
    begin = end - size
    return (begin, size) if begin >= 0 and (size == 0 or source.read(begin, 4) == CENTRAL) else None


def _directory_64(source: Source, end: int) -> tuple[int, int] | None:
    record = source.read(max(0, end - 76), 56)
    size = int.from_bytes(record[40:48], "little")
    return (max(0, end - 76 - size), size) if record.startswith(END_64) else None


def opened(source: Source, budget: Budget) -> zipfile.ZipFile:
    """The archive; raises DamagedError. Its directory is measured first: a million entries would fill the memory."""
    found = _directory(source)
    if found is None:
        raise DamagedError("a zip archive without a readable directory")
    if found[1] > DIRECTORY_MAX:
        budget.enter(found[1] // 46)
        raise DamagedError(f"a zip archive whose directory has {found[1]} bytes")
    try:
        archive = zipfile.ZipFile(source.stream)
    except ERRORS as error:
        raise DamagedError(f"a zip archive that cannot be read ({error})") from error
    budget.enter(len(archive.infolist()))
    return archive


def perils(archive: zipfile.ZipFile) -> Iterator[Peril]:
    """What is hostile about the entries' names and modes."""
    seen: set[str] = set()
    for info in archive.infolist():
        name = info.orig_filename
        reasons = [hostile_name(name), hostile_mode(info.external_attr >> 16 if info.create_system == 3 else 0)]
        if name in seen:
            reasons.append("an entry that is there twice")
        seen.add(name)
        yield from (Peril(danger=Danger.HOSTILE, what=what, where=name[:80]) for what in filter(None, reasons))


def entries(source: Source, archive: zipfile.ZipFile, budget: Budget) -> Iterator[Source]:
    """The files in it; raises DamagedError for the first that cannot be read as its directory says."""
    for info in archive.infolist():
        if info.is_dir() and info.file_size == 0:
            continue
        data = _data_offset(source, info)
        if info.flag_bits & ENCRYPTED:
            raise DamagedError(f"the entry {info.orig_filename!r} is encrypted, so nobody can look into it")
        if info.compress_type == zipfile.ZIP_STORED:
            yield source.window(info.orig_filename, data, info.file_size)
        else:
            with source.expanded(info.orig_filename, _chunks(archive, info), budget) as inner:
                yield inner


def _data_offset(source: Source, info: zipfile.ZipInfo) -> int:
    """Where an entry's bytes begin; its own header must say what the directory says, or readers will differ."""
    header = source.read(info.header_offset, 30)
    if len(header) < 30 or not header.startswith(LOCAL):
        raise DamagedError(f"the entry {info.orig_filename!r} has no header")
    method = int.from_bytes(header[8:10], "little")
    name_length, extra_length = (int.from_bytes(header[at : at + 2], "little") for at in (26, 28))
    name = source.read(info.header_offset + 30, name_length)
    if method != info.compress_type or info.orig_filename not in (
        name.decode("utf-8", "replace"),
        name.decode("cp437"),
    ):
        raise DamagedError(f"the entry {info.orig_filename!r} has a header that contradicts the archive's directory")
    return info.header_offset + 30 + name_length + extra_length


def _chunks(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[bytes]:
    try:
        with archive.open(info) as stream:
            while chunk := stream.read(MIB // 4):
                yield chunk
    except ERRORS as error:
        raise DamagedError(f"the entry {info.orig_filename!r} cannot be unpacked ({error})") from error
