"""DvcFormat: `.dvc` files as versions of data, and versions as `.dvc` files that DVC itself accepts."""

from __future__ import annotations

import io
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO, cast

from cmcore.datasets.file import DataFile
from cmcore.datasets.format import ForeignData
from cmcore.datasets.names import checked_file
from cmcore.errors import StorageError
from cmcore.storage.errors import disk_errors
from cmcore_dvc.document import DvcFile, Entry, Out, dvc_files, parse_dvc, parse_folder, written_dvc, written_folder
from cmcore_dvc.hashing import BLOCK_BYTES, CheckedFile, Md5
from cmcore_dvc.repository import OWN, Repository, aside, opened, write_new

SUFFIX = ".dvc"


class DvcFormat:
    """Data that DVC tracks by `.dvc` files: those of `dvc add`, with their objects in the cache or a local remote."""

    def detects(self, path: Path) -> bool:
        return path.suffix == SUFFIX if path.is_file() else (path / OWN).is_dir()

    def read(self, path: Path) -> ForeignData:
        """A `.dvc` file, its folder's files named from that folder on; or all `.dvc` files of a folder, named from
        the folder that was given on."""
        with disk_errors("read", str(path)):
            documents = dvc_files(path)
            if not documents:
                raise StorageError(f"{str(path)!r} has no .dvc file; outputs of dvc.yaml are not read")
            alone = path.is_file()
            files = [file for document in documents for file in _files(document, None if alone else path)]
        names = [file.path for file in files]
        if len(set(names)) != len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise StorageError(f"two .dvc files under {str(path)!r} have the file {twice!r}: read one of them")
        remark = _document(documents[0]).desc if alone else ""
        return ForeignData(
            name=path.name.removesuffix(SUFFIX), files=tuple(files), remarks={"description": remark} if remark else {}
        )

    def write(self, data: ForeignData, destination: Path) -> Path:
        """`<name>.dvc` in a repository, which is made where there is none; `dvc checkout` then brings the files."""
        if "/" in checked_file(data.name, str(destination)):
            raise StorageError(f"{data.name!r} cannot name a .dvc file: it has a slash in it")
        for file in data.files:
            checked_file(file.path, data.name)
        document = destination / f"{data.name}{SUFFIX}"
        with disk_errors("write to", str(destination)):
            destination.mkdir(parents=True, exist_ok=True)
            repository = Repository.around(destination) or Repository.made_at(destination)
            folder = written_folder((file.path, _keep(file, repository)) for file in data.files)
            digest = Md5()
            digest.update(folder)
            write_new(repository.place(f"{digest.plain}.dir"), folder)
            content = written_dvc(
                data.name,
                f"{digest.plain}.dir",
                size=sum(file.size for file in data.files),
                count=len(data.files),
                remark=data.remarks.get("description", ""),
            )
            write_new(document, content, mode=0o644)
        return document


def _document(file: Path) -> DvcFile:
    return parse_dvc(file.read_bytes(), str(file))


def _files(file: Path, base: Path | None) -> Iterator[DataFile]:
    """The files of one `.dvc` file; named from `base` on, or without one from the folder that it tracks on."""
    document, repository = _document(file), Repository.around(file.parent)
    if repository is None:
        raise StorageError(f"{str(file)!r} lies in no DVC repository: there is no {OWN} folder above it")
    if base is None and len(document.outs) > 1:
        raise StorageError(f"{str(file)!r} tracks {len(document.outs)} paths: read its folder instead")
    for out in document.outs:
        workspace = file.parent / document.wdir / out.path
        prefix = "" if base is None else f"{workspace.relative_to(base).as_posix()}/"
        if out.is_folder:
            for entry in _entries(out, repository, file):
                place = repository.find(entry.md5)
                place = place or _unmoved(workspace / entry.relpath, repository)
                yield _file(prefix + entry.relpath, entry.md5, place, out)
        else:
            name = prefix.removesuffix("/") or Path(out.path).name
            yield _file(name, out.md5, repository.find(out.md5) or _unmoved(workspace, repository), out)


def _entries(out: Out, repository: Repository, file: Path) -> list[Entry]:
    place = repository.find(out.md5)
    if place is None:
        raise StorageError(
            f"the folder {out.path!r} of {str(file)!r} is not in the cache {str(repository.cache)!r}, nor in a local "
            "remote: fetch it first, by dvc pull"
        )
    with _checked(place, out.md5.removesuffix(".dir"), either=False) as stream:
        return parse_folder(stream.read(), str(place))


def _unmoved(file: Path, repository: Repository) -> Path:
    """A file of the workspace, for what was never put into the cache; not one that a link brings in from elsewhere."""
    if not file.resolve().is_relative_to(repository.root.resolve()):
        raise StorageError(f"{str(file)!r} is, or lies behind, a link out of the repository {str(repository.root)!r}")
    return file


def _file(path: str, md5: str, place: Path, out: Out) -> DataFile:
    if not place.is_file():
        raise StorageError(
            f"{path!r} is not in DVC's cache, nor in a local remote or the workspace: dvc pull brings it"
        )
    return DataFile(
        path=path,
        size=place.stat().st_size,
        executable=out.isexec,
        open=partial(_checked, place, md5, either=out.is_legacy),
    )


def _checked(place: Path, md5: str, *, either: bool) -> BinaryIO:
    descriptor, _ = opened(place)
    return cast(BinaryIO, io.BufferedReader(CheckedFile(descriptor, md5, str(place), either=either)))


def _keep(file: DataFile, repository: Repository) -> str:
    """Put the bytes of a file into the cache; their MD5."""
    digest, fresh = Md5(), aside(repository.cache / "files" / "md5")
    try:
        with file.open() as source, fresh.open("xb") as kept:
            while content := source.read(BLOCK_BYTES):
                digest.update(content)
                kept.write(content)
        place = repository.place(digest.plain)
        if not place.is_file():
            place.parent.mkdir(parents=True, exist_ok=True)
            fresh.chmod(0o444)
            fresh.replace(place)
    finally:
        fresh.unlink(missing_ok=True)
    return digest.plain
