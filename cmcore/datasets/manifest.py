"""DataManifest: the files of one version and the chunks that each consists of. Values only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from hashlib import sha256
from itertools import pairwise
from typing import Annotated, Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from cmcore.datasets.names import checked_file
from cmcore.datasets.rows import is_table
from cmcore.errors import StorageError
from cmcore.storage.manifest import FileEntry, Manifest

Hex = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}\z")]
Count = Annotated[int, Field(ge=0)]


class Chunk(NamedTuple):
    """A piece of a file, named by the SHA-256 of its bytes."""

    sha256: Hex
    size: Annotated[int, Field(gt=0)]


class DataEntry(BaseModel):
    """One file; `rows` where counting them was cheap and sure."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    path: str
    size: Count
    sha256: Hex
    executable: bool = False
    rows: Count | None = None
    chunks: tuple[Chunk, ...] = ()


class DataManifest(BaseModel):
    """The files of a version in the order of their paths. Only files count: empty folders are not kept."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    format: Literal["cmcore data 1"]
    files: tuple[DataEntry, ...]

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        for file in self.files:
            if sum(chunk.size for chunk in file.chunks) != file.size:
                raise ValueError(f"{file.path!r} has {file.size} bytes, its chunks have others")
        paths = [file.path for file in self.files]
        if any(one >= other for one, other in pairwise(paths)):
            raise ValueError("files are not in the order of their paths, or one is listed twice")
        if clash := _file_as_folder(paths):
            raise ValueError(f"{clash!r} is a file and a folder")
        return self

    @classmethod
    def of(cls, files: Iterable[DataEntry]) -> DataManifest:
        """The manifest of files in any order."""
        return cls(format="cmcore data 1", files=tuple(sorted(files, key=lambda file: file.path)))

    @classmethod
    def parse(cls, content: bytes, where: str) -> DataManifest:
        """The manifest that was kept at `where`; raises StorageError where it is damaged or names a hostile path."""
        try:
            manifest = cls.model_validate_json(content)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]["msg"]
            raise StorageError(f"the manifest {where!r} is damaged ({len(content)} bytes): {first}") from error
        for file in manifest.files:
            checked_file(file.path, where)
        return manifest

    def encode(self) -> bytes:
        """The stored form; the inverse of `parse`."""
        return self.model_dump_json(exclude_defaults=True).encode()

    @cached_property
    def digest(self) -> str:
        """The digest that a payload with these files has, so that importing a checkout gives an equal one."""
        entries = (FileEntry(path=file.path, size=file.size, sha256=file.sha256) for file in self.files)
        return Manifest(files=tuple(entries)).digest

    @property
    def size(self) -> int:
        """Bytes in all files together."""
        return sum(file.size for file in self.files)

    @property
    def rows(self) -> int | None:
        """Rows in all tables together; None where there are none, or they are not known of every one."""
        counts = [file.rows for file in self.files if is_table(file.path)]
        return sum(count for count in counts if count is not None) if counts and None not in counts else None

    def chunks(self) -> Iterator[Chunk]:
        """Every chunk of every file, in their order; some may come twice."""
        return (chunk for file in self.files for chunk in file.chunks)


def name_of(content: bytes) -> str:
    """The hexadecimal SHA-256 under which bytes are kept."""
    return sha256(content).hexdigest()


def _file_as_folder(paths: list[str]) -> str:
    files = set(paths)
    return next((above for path in paths for above in _above(path) if above in files), "")


def _above(path: str) -> Iterator[str]:
    parts = path.split("/")
    return ("/".join(parts[:length]) for length in range(1, len(parts)))
