"""Following imports from one module through a project, down to the distributions that it stands on.

Which names lie where is `search`'s, who owns a file `distributions`'s; nothing is imported on the way.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from cmcore.components.code.distributions import Distribution, identity, owner, required_by
from cmcore.components.code.editable import mapped_modules, source_folders
from cmcore.components.code.reference import CodeRef
from cmcore.components.code.search import Module, Search, search_path
from cmcore.components.code.source import Import, Source, read_source
from cmcore.components.code.stamped import Look
from cmcore.errors import UsageError

FRAMEWORK = "cmcore"


class Walk:
    """One walk along imports; what it met is in `files`, `locations`, `distributions` and `missing`."""

    def __init__(self, look: Look, roots: Sequence[Path], path: Sequence[str]) -> None:
        self.files: dict[str, Source] = {}
        self.locations: dict[str, Path] = {}
        self.distributions: dict[str, str] = {}
        self.missing: set[str] = set()
        self._look = look
        self._roots = frozenset(root.resolve() for root in roots)
        self._entries = search_path(roots, path)
        mapped = {name: target for entry in self._entries for name, target in look.read(mapped_modules, entry).items()}
        self._search = Search(look, self._entries, mapped)
        self._last_resort: Search | None = None
        self._in_framework = False
        self._done: set[str] = set()
        self._ends: set[str] = set()  # modules of distributions: nothing inside them is looked at
        self._pending: list[tuple[Module, Source]] = []

    def follow(self, ref: CodeRef) -> Walk:
        """Walk from the reference's module; raises UsageError if there is none, or no Python in one on the way."""
        self._in_framework = _top(ref.module) == FRAMEWORK
        self._import(ref.module, importer=str(ref))
        if self.missing:
            searched = ", ".join(map(str, self._entries))
            raise UsageError(
                f"the code of {ref} was asked for, but there is no module {ref.module!r} in {searched}; "
                f"check its spelling, put its file under the project's folder or install its distribution"
            )
        while self._pending:
            module, source = self._pending.pop()
            for name, optional in self._imported(module, source):
                self._import(name, importer=module.relative, optional=optional)
        return self

    def _imported(self, module: Module, source: Source) -> Iterator[tuple[str, bool]]:
        """The modules that a file imports, each with whether it may as well be an attribute."""
        for imported in source.imports:
            base = absolute(imported, module)
            if base is None:
                self.missing.add("." * imported.level + imported.module)
                continue
            yield base, False
            names = self._exported(base) if "*" in imported.names else imported.names
            yield from ((f"{base}.{name}", True) for name in names)

    def _exported(self, package: str) -> tuple[str, ...]:
        module = self._search.find(package)
        if module is None or module.file is None or module.relative not in self.files:
            return ()
        return self.files[module.relative].exported

    def _import(self, name: str, *, importer: str, optional: bool = False) -> None:
        """Take in a module as Python imports it: its packages first, from the outermost."""
        parts = name.split(".")
        for depth in range(1, len(parts) + 1):
            if not self._take(".".join(parts[:depth]), importer, optional=optional and depth == len(parts)):
                return

    def _take(self, name: str, importer: str, *, optional: bool) -> bool:
        """Take in one module; whether what lies inside it is still to be looked at."""
        if name in self._done:
            return True
        if name in self._ends or self._is_given(_top(name)):
            return False
        module = self._find(name)
        if module is None:
            self.missing |= set() if optional else {name}
            return False
        if module.file is None:
            return True
        if (found := self._owner(module)) is not None:
            self._depend(found, directly=not self.files)
            self._ends.add(name)
            return False
        self._read(module, module.file, importer)
        return True

    def _is_given(self, top: str) -> bool:
        """Whether a module is the framework's or the standard library's, unless the project has one of its name."""
        if top == FRAMEWORK:
            return not self._in_framework
        if top not in sys.stdlib_module_names:
            return False
        module = self._search.find(top)
        return module is None or module.file is None or module.entry not in self._roots

    def _find(self, name: str) -> Module | None:
        if (module := self._search.find(name)) or self._search.find(_top(name)):
            return module
        if self._last_resort is None:
            folders = [folder for entry in self._entries for folder in self._look.read(source_folders, entry)]
            self._last_resort = Search(self._look, folders)
        return self._last_resort.find(name)

    def _owner(self, module: Module) -> Distribution | None:
        of_a_file = module.name.rpartition(".")[0] in self._done
        if of_a_file or module.entry in self._roots or _top(module.name) == FRAMEWORK:
            return None
        return owner(self._look, module.entry, module.relative)

    def _depend(self, distribution: Distribution, *, directly: bool) -> None:
        """`directly`: the walk began in the distribution, so that no file tells what it stands on but its metadata."""
        needed = required_by(self._look, distribution, self._entries) if directly else []
        for each in (distribution, *needed):
            if each.name != FRAMEWORK:
                self.distributions[each.name] = identity(self._look, each)

    def _read(self, module: Module, file: Path, importer: str) -> None:
        try:
            source = self._look.read(read_source, file)
        except (UsageError, OSError) as error:
            raise UsageError(f"{error}; {importer} imports it, so mend it and run again") from error
        self._done.add(module.name)
        self.files[module.relative] = source
        self.locations[module.relative] = file
        self._pending.append((module, source))


def absolute(imported: Import, module: Module) -> str | None:
    """The full name that an import in a module asks for; None if it climbs out of its top package."""
    if not imported.level:
        return imported.module
    package = module.name.split(".") if module.is_package else module.name.split(".")[:-1]
    kept = len(package) - (imported.level - 1)
    if kept < 1:
        return None
    return ".".join([*package[:kept], *([imported.module] if imported.module else [])])


def _top(name: str) -> str:
    return name.partition(".")[0]
