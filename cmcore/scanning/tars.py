"""Tar archives: their entries as sources, and what is hostile about them. Headers are walked one at a time."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator

from cmcore.scanning.budget import MIB, Budget, DamagedError
from cmcore.scanning.finding import Danger, Peril
from cmcore.scanning.names import hostile_mode, hostile_name
from cmcore.scanning.source import Source

BLOCK = tarfile.BLOCKSIZE
LONG_NAMES = (tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)
EXTENDED = (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE)
EXTENSION_MAX = MIB


def is_tar(source: Source) -> bool:
    """Whether its first block is the header of an entry, with the right checksum."""
    try:
        return _header(source, 0) is not None
    except DamagedError:
        return False


def walked(source: Source, budget: Budget) -> Iterator[Peril | Source]:
    """Everything in it, in order; raises DamagedError where it cannot be followed to its end."""
    at, long_name, extended = 0, "", {"path": "", "size": ""}
    while (entry := _header(source, at)) is not None:
        budget.enter()
        size = int(extended["size"] or entry.size)
        data, at = at + BLOCK, at + BLOCK + -(-size // BLOCK) * BLOCK
        if entry.type in LONG_NAMES:
            long_name = _extension(source, data, size).rstrip(b"\0").decode("utf-8", "replace")
        elif entry.type in EXTENDED:
            extended |= _records(_extension(source, data, size))
        else:
            name = extended["path"] or long_name or entry.name
            yield from _perils(entry, name)
            if entry.isreg():
                yield source.window(name, data, size)
            long_name, extended = "", {"path": "", "size": ""}


def _header(source: Source, at: int) -> tarfile.TarInfo | None:
    """The entry whose header begins there; None at the end."""
    block = source.read(at, BLOCK)
    if not block.strip(b"\0"):
        return None
    try:
        return tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except tarfile.HeaderError as error:
        raise DamagedError(f"a tar archive that cannot be read at byte {at} ({error})") from error


def _perils(entry: tarfile.TarInfo, name: str) -> Iterator[Peril]:
    kind = ""
    if not (entry.isreg() or entry.isdir()):
        kind = f"a link to {entry.linkname!r}" if entry.issym() or entry.islnk() else "neither a file nor a folder"
    for what in filter(None, (hostile_name(name), kind, hostile_mode(entry.mode & 0o7777))):
        yield Peril(danger=Danger.HOSTILE, what=what, where=name[:80])


def _extension(source: Source, data: int, size: int) -> bytes:
    if size > EXTENSION_MAX:
        raise DamagedError(f"a tar archive with an extended header of {size} bytes")
    return source.read(data, size)


def _records(content: bytes) -> dict[str, str]:
    """The path and size that an extended header gives: records are `LENGTH KEY=VALUE`, each with its line's end."""
    found: dict[str, str] = {}
    while content.strip(b"\0"):
        digits, _, _ = content.partition(b" ")
        if not digits.isdigit() or not 0 < int(digits) <= len(content):
            raise DamagedError("a tar archive with an extended header that cannot be read")
        key, _, value = content[len(digits) + 1 : int(digits) - 1].partition(b"=")
        if key in (b"path", b"size"):
            found[key.decode()] = value.decode("utf-8", "surrogateescape")
        content = content[int(digits) :]
    if not found.get("size", "0").isdigit():
        raise DamagedError("a tar archive with an extended header that gives no size")
    return found
