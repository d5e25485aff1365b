"""DataFileSystem: versions as a read-only file system of fsspec, so that whatever reads a URL can read a version.

Pipelines read a version through it like an object store: copied at first use, checked against the digest, kept.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO, ClassVar

from fsspec import AbstractFileSystem

from cmcore.datasets.chunks import ChunkStore
from cmcore.datasets.content import opened
from cmcore.datasets.manifest import DataEntry
from cmcore.datasets.place import PROTOCOL, Place

Info = dict[str, object]


class DataFileSystem(AbstractFileSystem):  # type: ignore[misc] # fsspec has no types
    """Paths are `/folder/of/the/chunks@<manifest>/file`, with or without the protocol in front."""

    protocol: ClassVar = PROTOCOL
    cachable: ClassVar = False

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return str(path).removeprefix(f"{PROTOCOL}://").rstrip("/")

    def info(self, path: str, **_: object) -> Info:
        """Name, size and type of one file or folder."""
        name = self._strip_protocol(path)
        place, tree = _at(name)
        if place.path in tree.files:
            return _info(name, tree.files[place.path])
        if place.path in tree.folders:
            return _info(name, None)
        raise FileNotFoundError(path)

    def ls(self, path: str, detail: bool = True, **_: object) -> list[Info] | list[str]:
        """What lies directly in a folder, or the file itself."""
        name = self._strip_protocol(path)
        place, tree = _at(name)
        if place.path not in tree.folders:
            return [self.info(path)] if detail else [str(self.info(path)["name"])]
        above = f"{place.path}/" if place.path else ""
        found = [_info(f"{name}/{child}", tree.files.get(above + child)) for child in tree.folders[place.path]]
        return found if detail else [str(info["name"]) for info in found]

    def _open(self, path: str, mode: str = "rb", **_: object) -> BinaryIO:
        if mode != "rb":
            raise OSError(f"{path!r} cannot be opened as {mode!r}: versions of data are only read")
        place, tree = _at(self._strip_protocol(path))
        if place.path not in tree.files:
            raise FileNotFoundError(path)
        return opened(tree.files[place.path], ChunkStore(place.root))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tree:
    """Files by path, and the names in each folder; the root is the empty path."""

    files: dict[str, DataEntry] = field(default_factory=dict)
    folders: dict[str, dict[str, None]] = field(default_factory=lambda: {"": {}})

    def add(self, file: DataEntry) -> None:
        self.files[file.path] = file
        path = file.path
        while path:
            above, _, name = path.rpartition("/")
            self.folders.setdefault(above, {})[name] = None
            path = above


def _at(name: str) -> tuple[Place, _Tree]:
    place = Place.parse(name)
    if place is None:
        raise FileNotFoundError(name)
    return place, _tree(place.root, place.manifest)


@lru_cache(maxsize=4)  # a manifest never changes, and every call about a version asks for it
def _tree(root: Path, manifest: str) -> _Tree:
    tree = _Tree()
    for file in ChunkStore(root).read_manifest(manifest).files:
        tree.add(file)
    return tree


def _info(name: str, file: DataEntry | None) -> Info:
    if file is None:
        return {"name": name, "size": 0, "type": "directory"}
    return {"name": name, "size": file.size, "type": "file", "ETag": file.sha256}
