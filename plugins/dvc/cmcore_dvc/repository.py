"""A DVC repository: where its cache and its local remotes lie, how objects are found and kept there."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from configparser import Error, RawConfigParser
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from cmcore.errors import StorageError

OWN = ".dvc"
FRESH_CONFIG = "[core]\n    no_scm = True\n"
REMOTE = "'remote \""


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """The folder with `.dvc` in it; `cache` is where objects are kept, `remotes` are folders to look in as well."""

    root: Path
    cache: Path
    remotes: tuple[Path, ...] = ()

    @classmethod
    def around(cls, path: Path) -> Repository | None:
        """The repository that a path belongs to."""
        start = path.absolute()
        root = next((folder for folder in (start, *start.parents) if (folder / OWN).is_dir()), None)
        if root is None:
            return None
        settings = _settings(root / OWN)
        cache = settings.get(("cache", "dir"), "")
        urls = (value for (section, key), value in settings.items() if section.startswith(REMOTE) and key == "url")
        local = (url.removeprefix("file://") for url in urls if "://" not in url.removeprefix("file://"))
        return cls(
            root=root,
            cache=root / OWN / cache if cache else root / OWN / "cache",
            remotes=tuple(root / OWN / url for url in local),
        )

    @classmethod
    def made_at(cls, folder: Path) -> Repository:
        """A new repository, as `dvc init` makes one without git."""
        (folder / OWN).mkdir(parents=True, exist_ok=True)
        config = folder / OWN / "config"
        if not config.exists():
            config.write_text(FRESH_CONFIG, encoding="ascii")
        return cls(root=folder, cache=folder / OWN / "cache")

    def find(self, md5: str) -> Path | None:
        """Where an object lies: in the cache or a remote, in the layout of DVC 3 or 2."""
        return next((place for place in self._places(md5) if place.is_file()), None)

    def place(self, md5: str) -> Path:
        """Where DVC 3 keeps an object."""
        return self.cache / "files" / "md5" / md5[:2] / md5[2:]

    def _places(self, md5: str) -> Iterator[Path]:
        for root in (self.cache, *self.remotes):
            yield root / "files" / "md5" / md5[:2] / md5[2:]
            yield root / md5[:2] / md5[2:]


def opened(file: Path) -> tuple[int, int]:
    """(descriptor, size) of a regular file; raises StorageError for links, devices and pipes."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise StorageError(f"cannot read {str(file)!r}: {error.strerror}; an object of DVC is a plain file") from error
    state = os.fstat(descriptor)
    if not stat.S_ISREG(state.st_mode):
        os.close(descriptor)
        raise StorageError(f"{str(file)!r} is no regular file; an object of DVC is one")
    return descriptor, state.st_size


def aside(folder: Path) -> Path:
    """A name to write under before a file gets its own."""
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f".{uuid4().hex}.cm"


def write_new(file: Path, content: bytes, *, mode: int = 0o444) -> None:
    """Write a file at once, or not at all; one that says the same already is left alone."""
    if file.is_file() and not file.is_symlink() and file.read_bytes() == content:
        return
    fresh = aside(file.parent)
    try:
        fresh.write_bytes(content)
        fresh.chmod(mode)
        fresh.replace(file)
    finally:
        fresh.unlink(missing_ok=True)


def _settings(own: Path) -> dict[tuple[str, str], str]:
    """(section, key) to value; what is local goes before what is shared."""
    settings: dict[tuple[str, str], str] = {}
    for name in ("config", "config.local"):
        parser = RawConfigParser(strict=False, inline_comment_prefixes=("#",))
        try:
            parser.read(own / name, encoding="utf-8")
        except (Error, UnicodeDecodeError) as error:
            raise StorageError(f"the configuration {str(own / name)!r} cannot be read: {error}") from error
        for section in parser.sections():
            settings.update({(section, key): value for key, value in parser.items(section)})
    return settings
