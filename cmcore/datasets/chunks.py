"""ChunkStore: chunks and manifests as files named by their SHA-256, each written once, under one folder.

A chunk is there whole or not at all, whenever the process or the machine dies. Which of them count is not known here.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from cmcore.datasets.manifest import Chunk, DataManifest, name_of
from cmcore.errors import StorageError
from cmcore.storage.errors import disk_errors
from cmcore.storage.sealing import sync_folder

CHUNKS, MANIFESTS, ASIDE = "chunks", "manifests", "aside"
OWNER = "owner"
HEX = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One file of the store; `name` is the SHA-256, empty for what was not finished. `changed_at` as in `os.stat`."""

    file: Path
    name: str
    size: int
    changed_at: float


class ChunkStore:
    """Chunks under a folder, which is made at the first write. Threads and processes may share it."""

    def __init__(self, root: Path) -> None:
        self.root = Path(os.path.abspath(root))  # noqa: PTH100 # no link is to be followed
        self._folders: set[Path] = set()

    def claim(self, owner: str) -> None:
        """Make the store, or see that it belongs to this owner: two owners would delete each other's chunks."""
        with disk_errors("make the folder", str(self.root)):
            for folder in (CHUNKS, MANIFESTS, ASIDE):
                (self.root / folder).mkdir(parents=True, exist_ok=True)
            mark = self.root / OWNER
            if not mark.exists():
                self._write(mark, owner.encode(), first_wins=True)
            found = mark.read_text(encoding="utf-8", errors="replace")
        if found != owner:
            raise StorageError(
                f"the data in {str(self.root)!r} belongs to another state database. Give this project a folder of its "
                f"own (stack.data), or that state database (stack.state). If the other one is lost for good, delete "
                f"{str(mark)!r}"
            )

    def has(self, chunk: Chunk) -> bool:
        """Whether a chunk is there in full length. It may have been written by another process a moment ago, so
        `put_manifest` syncs its folder, too."""
        file = self._file(CHUNKS, chunk.sha256)
        self._folders.add(file.parent)
        return _size(file) == chunk.size

    def put(self, chunk: Chunk, content: bytes) -> None:
        """Write a chunk."""
        self._keep(self._file(CHUNKS, chunk.sha256), content)

    def put_manifest(self, manifest: DataManifest) -> str:
        """Keep a manifest after all of its chunks; everything is on disk when this returns. Its name."""
        content = manifest.encode()
        name = name_of(content)
        if not self.has_manifest(name):
            self._keep(self._file(MANIFESTS, name), content)
        with disk_errors("sync", str(self.root)):
            for folder in sorted(self._folders):
                sync_folder(str(folder))
            for above in (CHUNKS, MANIFESTS, ""):
                sync_folder(str(self.root / above))
        return name

    def read(self, chunk: Chunk) -> bytes:
        """The bytes of a chunk; raises StorageError where they are lost or damaged."""
        return self._read(self._file(CHUNKS, chunk.sha256), chunk.sha256)

    def read_manifest(self, name: str) -> DataManifest:
        """A manifest; raises StorageError where it is lost or damaged."""
        file = self._file(MANIFESTS, name)
        return DataManifest.parse(self._read(file, name), str(file))

    def missing(self, chunks: Iterable[Chunk]) -> list[Chunk]:
        """Those of the chunks that are not there in full length."""
        return [chunk for chunk in set(chunks) if not self.has(chunk)]

    def has_manifest(self, name: str) -> bool:
        """Whether a manifest is there."""
        return self._file(MANIFESTS, name).is_file()

    def fault(self, chunk: Chunk) -> str:
        """What is wrong with a chunk; empty if it is whole."""
        try:
            self.read(chunk)
        except StorageError as error:
            return str(error)
        return ""

    def everything(self) -> Iterator[Kept]:
        """All files of the store, whoever may need them."""
        for folder in (CHUNKS, MANIFESTS):
            for file in sorted((self.root / folder).glob("??/*")):
                if HEX.fullmatch(name := file.parent.name + file.name):
                    yield from _kept(file, name=name)
        for file in sorted((self.root / ASIDE).glob("*")):
            yield from _kept(file, name="")

    def remove(self, kept: Kept) -> None:
        """Delete one file; gone already is fine."""
        with disk_errors("delete", str(kept.file)):
            kept.file.unlink(missing_ok=True)

    def _file(self, kind: str, name: str) -> Path:
        return self.root / kind / name[:2] / name[2:]

    def _keep(self, file: Path, content: bytes) -> None:
        with disk_errors("write", str(file)):
            file.parent.mkdir(exist_ok=True)
            self._write(file, content)
            self._folders.add(file.parent)

    def _write(self, file: Path, content: bytes, *, first_wins: bool = False) -> None:
        """Name only what is on disk; a file of that name is replaced, or stays where the first one wins."""
        aside = self.root / ASIDE / uuid4().hex
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o444)
        try:
            with os.fdopen(descriptor, "wb", buffering=0) as stream:
                _write_all(stream.fileno(), content)
                os.fsync(stream.fileno())
            if first_wins:
                with suppress(FileExistsError):
                    file.hardlink_to(aside)
            else:
                aside.rename(file)
        finally:
            aside.unlink(missing_ok=True)

    def _read(self, file: Path, name: str) -> bytes:
        try:
            content = file.read_bytes()
        except FileNotFoundError as error:
            raise StorageError(
                f"{str(file)!r} is lost. Snapshot the same files again to have it back, or restore it from a copy"
            ) from error
        except OSError as error:
            raise StorageError(f"cannot read {str(file)!r}: {error.strerror}") from error
        if name_of(content) != name:
            raise StorageError(
                f"{str(file)!r} is damaged: its {len(content)} bytes have another SHA-256 than its name. Delete it and "
                "snapshot the same files again, or restore it from a copy"
            )
        return content


def _write_all(descriptor: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        written = os.write(descriptor, view)
        if not written:
            raise OSError(errno.EIO, "nothing was written")
        view = view[written:]


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return -1


def _kept(file: Path, name: str) -> Iterator[Kept]:
    with suppress(FileNotFoundError):  # renamed or deleted meanwhile
        state = file.stat()
        yield Kept(file=file, name=name, size=state.st_size, changed_at=state.st_mtime)
