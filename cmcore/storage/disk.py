"""The place on a local (or mounted) disk: payloads are written, sealed and read where they lie.

It never imports fsspec, and never touches anything but what it is asked for.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from cmcore.errors import StorageError
from cmcore.storage.errors import StorageUnusableError, disk_errors
from cmcore.storage.hashing import Written
from cmcore.storage.location import MANIFEST_SUFFIX, local_path
from cmcore.storage.manifest import Manifest
from cmcore.storage.place import Observed
from cmcore.storage.sealing import Sealing, sync_folder
from cmcore.storage.tree import open_inside, sized_names, tree_of

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


class Disk:
    """A root folder of this machine."""

    def __init__(self, root: str) -> None:
        self._root = root

    def check(self) -> None:
        probe = Path(self._root) / f".check-{os.getpid()}"
        try:
            Path(self._root).mkdir(parents=True, exist_ok=True)
            probe.write_bytes(b"")
            probe.unlink()
        except OSError as error:
            raise StorageUnusableError(
                f"payloads cannot be written to {self._root!r}: {error.strerror}. Make the folder writable for this "
                "user, or name another artifact store in the stack"
            ) from error

    def observe(self, uri: str) -> list[Observed]:
        with disk_errors("read", uri):
            folder, names = _files(self._real(uri))
            return [_observed(folder, name) for name in sorted(names)]

    def reader(self, uri: str) -> Callable[[str], BinaryIO]:
        real = self._real(uri)
        folder = str(real.parent if real.is_file() else real)

        def opened(path: str) -> BinaryIO:
            with disk_errors("read", f"{uri}/{path}"):
                return os.fdopen(open_inside(folder, path), "rb")

        return opened

    def read_manifest(self, uri: str) -> Manifest:
        path = local_path(uri) + MANIFEST_SUFFIX
        with disk_errors("read the manifest", path):
            content = Path(path).read_bytes()
        return Manifest.parse(content, path)

    def begin(self, uri: str) -> Path:
        folder = Path(local_path(uri))
        with disk_errors("make the folder", str(folder)):
            folder.parent.mkdir(parents=True, exist_ok=True)
            try:
                folder.mkdir()
            except FileExistsError as error:
                raise StorageError(f"{uri!r} exists: a payload is written once; use a new attempt") from error
        return folder

    def seal(self, uri: str, folder: Path, *, written: Mapping[str, Written], forbidden: Sequence[bytes]) -> Manifest:
        with disk_errors("seal", uri):
            manifest = Sealing(written=written, forbidden=forbidden).manifest(os.path.realpath(folder))
            self._sync_above(folder.parent)
            _write_new(f"{folder}{MANIFEST_SUFFIX}", manifest.encode())
            sync_folder(str(folder.parent))
        return manifest

    def discard(self, uri: str, folder: Path) -> None:
        del uri
        with disk_errors("delete", str(folder)):
            shutil.rmtree(folder, ignore_errors=not folder.exists())

    def localise(self, uri: str, digest: str | None) -> Path:
        del digest
        if not self._real(uri).exists():
            raise StorageError(f"{uri!r} is gone: run the node that made it again, or restore the folder")
        return Path(local_path(uri))

    def names(self) -> Iterator[tuple[str, int]]:
        return sized_names(self._root)

    def remove(self, uri: str) -> None:
        path = Path(local_path(uri))
        with disk_errors("delete", str(path)):
            Path(f"{path}{MANIFEST_SUFFIX}").unlink(missing_ok=True)
            with suppress(FileNotFoundError):
                shutil.rmtree(path)
            self._prune_above(path.parent)

    def _real(self, uri: str) -> Path:
        """The path without links in it; raises StorageError where a link leads out of the root."""
        real = Path(local_path(uri)).resolve()
        if not real.is_relative_to(Path(self._root).resolve()):
            raise StorageError(f"{uri!r} lies outside {self._root!r}: a link leads to {str(real)!r}")
        return real

    def _sync_above(self, folder: Path) -> None:
        """Sync the folders from above the key's up to the root: their names may be new, or another worker's and new."""
        while len(str(folder)) > len(self._root):
            folder = folder.parent
            sync_folder(str(folder))

    def _prune_above(self, folder: Path) -> None:
        with suppress(OSError):  # not empty: somebody else's things are in it
            while len(str(folder)) > len(self._root):
                folder.rmdir()
                folder = folder.parent


def _files(real: Path) -> tuple[Path, list[str]]:
    """The folder, and the names of the files in it, that a path without links stands for."""
    if real.is_file():
        return real.parent, [real.name]
    return real, tree_of(str(real)).files


def _observed(folder: Path, name: str) -> Observed:
    state = (folder / name).stat()
    return Observed(path=name, size=state.st_size, stamp=str(state.st_mtime_ns))


def _write_new(path: str, content: bytes) -> None:
    """Write and sync a file that must not exist yet."""
    with os.fdopen(os.open(path, _NEW, 0o444), "wb", buffering=0) as stream:
        stream.write(content)
        os.fsync(stream.fileno())
