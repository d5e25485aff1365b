"""Where an imported module lies: Python's own path search, on names alone and without importing anything.

What a module is worth, as a project's file or as part of a distribution, is `closure`'s to say.
"""

from __future__ import annotations

import sysconfig
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

from cmcore.components.code.stamped import Look

SUFFIXES = (*EXTENSION_SUFFIXES, ".py")  # in Python's own order
STDLIB = frozenset(Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib"))
NO_NAMES: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A folder where modules may lie; `prefix` is its path below the folder that Python searches, `entry`."""

    folder: Path
    entry: Path
    prefix: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """A module found: its file (none for a namespace package), and where its submodules would lie.

    `relative` is the file's path below the searched folder: the same on every machine.
    """

    name: str
    entry: Path
    relative: str = ""
    file: Path | None = None
    inside: tuple[Place, ...] = ()

    @property
    def is_package(self) -> bool:
        """Whether relative imports in it start from itself."""
        return bool(self.inside)


def names_in(folder: Path) -> frozenset[str]:
    """The names in a folder; none if it is no folder that can be read."""
    try:
        return frozenset(entry.name for entry in folder.iterdir())
    except OSError:
        return NO_NAMES


def search_path(roots: Iterable[Path], path: Iterable[str]) -> tuple[Path, ...]:
    """The folders to search: the roots, then `sys.path` without the standard library."""
    below_roots = [root.resolve() for root in roots]
    others = [folder for entry in path if (folder := Path(entry).resolve()) not in STDLIB]
    return tuple(dict.fromkeys(folder for folder in (*below_roots, *others) if folder.name != "lib-dynload"))


class Search:
    """Modules by name on one search path, during one look at the file system."""

    def __init__(self, look: Look, entries: Sequence[Path], mapped: Mapping[str, Path] | None = None) -> None:
        self._look = look
        self._places = tuple(Place(folder=entry, entry=entry) for entry in entries)
        self._mapped = dict(mapped or {})
        self._found: dict[str, Module | None] = {}

    def find(self, name: str) -> Module | None:
        """The module, or None; its parent packages are looked up on the way."""
        if name not in self._found:
            self._found[name] = self._looked_up(name)
        return self._found[name]

    def _looked_up(self, name: str) -> Module | None:
        parent, _, tail = name.rpartition(".")
        package = self.find(parent) if parent else None
        places = (package.inside if package else ()) if parent else self._places
        return self._in_places(name, tail, places) or self._where_mapped(name)

    def _in_places(self, name: str, tail: str, places: Sequence[Place]) -> Module | None:
        portions: list[Place] = []
        for place in places:
            if tail in self._look.read(names_in, place.folder):
                inner = Place(folder=place.folder / tail, entry=place.entry, prefix=f"{place.prefix}{tail}/")
                if regular := self._file(name, "__init__", inner, inside=(inner,)):
                    return regular
                portions.append(inner)
            if plain := self._file(name, tail, place):
                return plain
        folders = tuple(portion for portion in portions if portion.folder.is_dir())
        return Module(name=name, entry=folders[0].entry, inside=folders) if folders else None

    def _file(self, name: str, stem: str, place: Place, inside: tuple[Place, ...] = ()) -> Module | None:
        names = self._look.read(names_in, place.folder)
        file = next((stem + suffix for suffix in SUFFIXES if stem + suffix in names), None)
        if file is None:
            return None
        relative, path = place.prefix + file, place.folder / file
        return Module(name=name, entry=place.entry, relative=relative, file=path, inside=inside)

    def _where_mapped(self, name: str) -> Module | None:
        """A module that an editable install gives a folder or, without its suffix, a file by name."""
        target = self._mapped.get(name)
        if target is None:
            return None
        inner = Place(folder=target, entry=target, prefix=f"{name.replace('.', '/')}/")
        outer = Place(folder=target.parent, entry=target.parent, prefix=inner.prefix.rpartition(f"{name}/")[0])
        return self._file(name, "__init__", inner, inside=(inner,)) or self._file(name, target.name, outer)
