"""Manifest: what a payload holds, file by file, and the digest that stands for all of it.

Values only; hashing, writing and comparing with what is there are elsewhere in this package.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from itertools import pairwise
from typing import ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from cmcore.errors import StorageError
from cmcore.storage.location import checked_name


@dataclass(frozen=True, slots=True, kw_only=True)
class FileEntry:
    """One file: `path` is relative, with slashes, spelt as found; `sha256` is hexadecimal."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True)

    path: str
    size: int
    sha256: str


class Manifest(BaseModel):
    """The files of a payload in the order of their paths.

    `stamps[i]` says how `files[i]` looked when it was sealed (time of change on a disk, ETag in an object store);
    stamps, unlike files, differ between places and are not part of the digest.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    version: Literal[1] = 1
    files: tuple[FileEntry, ...] = ()
    stamps: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if len(self.stamps) not in (0, len(self.files)):
            raise ValueError(f"{len(self.stamps)} stamps for {len(self.files)} files")
        if any(a.path >= b.path for a, b in pairwise(self.files)):
            raise ValueError("files are not in the order of their paths, or one is listed twice")
        return self

    @cached_property
    def digest(self) -> str:
        """`sha256:` and the hex digest over `SHA256 SIZE PATH NUL` of each file: equal for equal content, wherever."""
        total = sha256(b"cmcore payload 1\0")
        for entry in self.files:
            total.update(f"{entry.sha256} {entry.size} {entry.path}\0".encode())
        return f"sha256:{total.hexdigest()}"

    @property
    def total_size(self) -> int:
        """Bytes in all files together."""
        return sum(entry.size for entry in self.files)

    @classmethod
    def of(cls, files: Iterable[tuple[FileEntry, str]]) -> Manifest:
        """The manifest of files with their stamps, in any order."""
        ordered = sorted(files, key=lambda pair: pair[0].path)
        return cls(files=tuple(entry for entry, _ in ordered), stamps=tuple(stamp for _, stamp in ordered))

    @classmethod
    def parse(cls, content: bytes, uri: str) -> Manifest:
        """The manifest that was stored at `uri`; raises StorageError where it is damaged."""
        try:
            manifest = cls.model_validate_json(content)
            for entry in manifest.files:
                checked_name(entry.path, uri)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]["msg"]
            raise StorageError(f"the manifest {uri!r} is damaged ({len(content)} bytes): {first}") from error
        return manifest

    def encode(self) -> bytes:
        """The stored form; the inverse of `parse`."""
        return self.model_dump_json().encode()
