"""What a `.dvc` file and a `.dir` object of DVC's cache say, as values. Hostile paths are refused here."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError

from cmcore.datasets.names import checked_file
from cmcore.errors import StorageError

BYTES_MAX = 1 << 20  # a .dvc file of DVC has some hundred bytes
Md5Hex = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}(\.dir)?\z")]


class Out(BaseModel):
    """One output: a file, or a folder, whose MD5 ends in `.dir`. What else DVC writes there is passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    path: str
    md5: Md5Hex
    hash: str = ""
    isexec: bool = False

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder."""
        return self.md5.endswith(".dir")

    @property
    def is_legacy(self) -> bool:
        """Whether DVC 2 has written it, which took other hashes of text and laid its cache out otherwise."""
        return self.hash != "md5"


class DvcFile(BaseModel):
    """A `.dvc` file."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    outs: Annotated[tuple[Out, ...], Field(min_length=1)]
    wdir: str = "."
    desc: str = ""


class Entry(BaseModel):
    """One file of a folder."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    md5: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}\z")]
    relpath: str


_ENTRIES = TypeAdapter(list[Entry])


def parse_dvc(content: bytes, where: str) -> DvcFile:
    """A `.dvc` file; raises StorageError for one that is not understood or names a path outside its folder."""
    if len(content) > BYTES_MAX:
        raise StorageError(f"{where!r} has {len(content)} bytes; no .dvc file is that long")
    try:
        found = DvcFile.model_validate(yaml.safe_load(content))
    except (yaml.YAMLError, RecursionError) as error:
        raise StorageError(f"{where!r} is not YAML: {error}") from error
    except ValidationError as error:
        raise StorageError(f"{where!r} is not understood: {_first(error)}; expected outs with path and md5") from error
    for out in found.outs:
        checked_file(out.path, where)
    if found.wdir != ".":
        checked_file(found.wdir, where)
    return found


def parse_folder(content: bytes, where: str) -> list[Entry]:
    """The files of a folder, as a `.dir` object lists them."""
    try:
        entries = _ENTRIES.validate_json(content)
    except ValidationError as error:
        raise StorageError(f"{where!r} is not a list of files: {_first(error)}") from error
    for entry in entries:
        checked_file(entry.relpath, where)
    return entries


def written_dvc(path: str, md5: str, *, size: int, count: int, remark: str) -> bytes:
    """The `.dvc` file of one folder."""
    out = {"md5": md5, "size": size, "nfiles": count, "hash": "md5", "path": path}
    document = {**({"desc": remark} if remark else {}), "outs": [out]}
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True).encode()


def written_folder(entries: Iterable[tuple[str, str]]) -> bytes:
    """The `.dir` object of (path, MD5) pairs, byte for byte as DVC writes it: its own MD5 names it."""
    listed = [{"md5": md5, "relpath": path} for path, md5 in sorted(entries)]
    return json.dumps(listed, sort_keys=True).encode()


def _first(error: ValidationError) -> str:
    detail = error.errors(include_url=False)[0]
    return f"{detail['msg']} at {'.'.join(map(str, detail['loc'])) or 'the top'}"


def dvc_files(path: Path) -> list[Path]:
    """The `.dvc` files that a path means: itself, or all in a folder, those of DVC's own folder left out."""
    if path.is_file():
        return [path]
    found = (file for file in path.rglob("*.dvc") if file.is_file() and ".dvc" not in file.relative_to(path).parts[:-1])
    return sorted(found)
