"""The recorded code in a folder of its own: the commit where git has it, the kept files laid over, and what differs.

The project's own files are only read. What code consists of is decided by `cmcore.components.code`.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from cmcore.components.code.closure import CodeDigest, code_digest
from cmcore.components.code.keep import Listing, kept, rebuild
from cmcore.components.code.reference import CodeRef
from cmcore.errors import NotFoundError, UsageError
from cmcore.pipelines.plan import Plan, PlannedNode
from cmcore.provenance.reproduction.repository import Repository, export, has_commit

LOOKS = 5  # what is taken away may have imported others, which go at the next look
OWN = "cmcore"  # runs this very process, so that another version of it cannot be laid over


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkout:
    """Where the recorded code stands: `project` is the project's folder there, `roots` what is imported from.

    `laid_over` names the files that came from what the run kept, `differing` by node those that are not what they
    were. `uncommitted` is the digest of everything that differed from the commit then, where the commit stands for it
    now: only code is kept, so nothing tells what other files held.
    """

    project: Path
    roots: tuple[Path, ...]
    commit: str = ""
    uncommitted: str = ""
    laid_over: tuple[str, ...] = ()
    differing: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which code is wanted again: of these nodes of a plan, kept in `store`, at `commit` of the repository, from which
    files differed as the digest `uncommitted` says."""

    plan: Plan
    nodes: Collection[str]
    store: Path
    commit: str = ""
    uncommitted: str = ""
    repository: Repository | None = None

    @property
    def planned(self) -> list[PlannedNode]:
        """The wanted nodes that have code."""
        return [node for node in self.plan.nodes if node.name in self.nodes and node.code]


def checked_out(wanted: Wanted, folder: Path) -> Checkout:
    """Write the recorded code below an empty folder.

    Raises NotFoundError that names the nodes whose code is neither in git nor kept.
    """
    repository = wanted.repository
    found = repository is not None and has_commit(repository, wanted.commit)
    if repository is not None and found:
        export(repository, wanted.commit, folder)
    roots = moved_roots(wanted.plan.roots, folder, repository.prefix if repository is not None and found else "")
    for root in roots:
        root.mkdir(parents=True, exist_ok=True)
    _refuse_lost(wanted, roots)
    laid = LaidOver(wanted.store, folder, roots)
    for _ in range(LOOKS):
        if not [each for node in wanted.planned for each in laid.mend(node)]:
            break
    differing = {node.name: names for node in wanted.planned if (names := tuple(laid.differing(node)))}
    return Checkout(
        project=roots[0],
        roots=laid.roots,
        commit=wanted.commit if found else "",
        uncommitted=wanted.uncommitted if found else "",
        laid_over=tuple(sorted(laid.written)),
        differing=differing,
    )


def moved_roots(roots: Sequence[str], folder: Path, prefix: str) -> tuple[Path, ...]:
    """The import roots of a plan in another place, where the project, the first of them, lies at `prefix`."""
    project = folder / prefix if prefix else folder
    moved = [project]
    for number, root in enumerate(roots[1:], start=1):
        place = Path(os.path.normpath(project / os.path.relpath(root, roots[0])))
        moved.append(place if place.is_relative_to(folder) else folder / f".root-{number}")
    return tuple(dict.fromkeys(moved))


def _refuse_lost(wanted: Wanted, roots: Sequence[Path]) -> None:
    lost = {
        node.name
        for node in wanted.planned
        for reference, digest in parts(node)
        if _listing(wanted.store, digest) is None and _now(reference, roots) is None
    }
    if lost:
        raise NotFoundError(
            f"the code of {', '.join(sorted(lost))} cannot be had again: its commit is not in the repository around "
            f"the project, and its files are not kept under {wanted.store}"
        )


def parts(node: PlannedNode) -> list[tuple[str, str]]:
    """The references to a node's code with the digest of each."""
    assert node.code is not None
    return list(zip(node.code.references, node.code.digest.split(" "), strict=True))


def _now(reference: str, roots: Sequence[Path]) -> CodeDigest | None:
    try:
        return code_digest(CodeRef(reference), roots=roots)
    except UsageError:
        return None


def _listing(store: Path, digest: str) -> Listing | None:
    try:
        return kept(store, digest)
    except NotFoundError:
        return None


class LaidOver:
    """Kept files over a checkout: written where the code is looked for, and named."""

    def __init__(self, store: Path, folder: Path, roots: Sequence[Path]) -> None:
        self._store, self._kept, self._shadow = store, folder / ".kept", folder / ".shadow"
        self._roots = tuple(roots)
        self.written: set[str] = set()

    @property
    def roots(self) -> tuple[Path, ...]:
        """Where to import from: copies of packages from outside the project come first."""
        return (self._shadow, *self._roots) if self._shadow.is_dir() else self._roots

    def mend(self, node: PlannedNode) -> Iterator[str]:
        """Make a node's files what they were, as far as they are kept; the names of those that had to change."""
        for reference, digest in parts(node):
            listing = _listing(self._store, digest)
            if listing is None:
                continue
            for relative, wanted in listing.files.items():
                if PurePosixPath(relative).parts[0] != OWN:
                    yield from self._made(relative, wanted, digest)
            now = _now(reference, self.roots)
            for relative in now.files.keys() - listing.files.keys() if now else ():
                yield from self._remove(relative, now.locations[relative] if now else None)

    def differing(self, node: PlannedNode) -> Iterator[str]:
        """The files of a node that still are not what they were; those that are gone or new too."""
        assert node.code is not None
        now: dict[str, str] = {}
        for reference, _ in parts(node):
            found = _now(reference, self.roots)
            now |= dict(found.files) if found else {}
        then = node.code.files
        yield from (name for name in sorted({*then, *now}) if then.get(name) != now.get(name))

    def _made(self, relative: str, wanted: str, digest: str) -> Iterator[str]:
        """Make one file what it was; its name if it was not. A file that a distribution owns by now is left alone."""
        now = _now(f"{module_of(relative)}:it", self.roots)
        if now is not None and now.files.get(relative, wanted) == wanted:
            return
        target = self._place(relative, now.locations.get(relative) if now else None) / relative
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)  # what lies there may be a link
        shutil.copyfile(self._rebuilt(digest) / relative, target)
        self.written.add(relative)
        yield relative

    def _rebuilt(self, digest: str) -> Path:
        folder = self._kept / digest.removeprefix("sha256:")
        if not folder.is_dir():
            rebuild(self._store, digest, folder)
        return folder

    def _place(self, relative: str, location: Path | None) -> Path:
        """The folder below which a file belongs: the root that has it, or its package; else the project's.

        A package outside the roots (an editable install) is copied whole, so that the files beside it are found too.
        """
        top = PurePosixPath(relative).parts[0]
        for known in (relative, top):
            for root in self.roots:
                if (root / known).exists():
                    return root
        if location is None:
            return self._roots[0]
        entry = Path(str(location).removesuffix(relative))
        self._shadow.mkdir(exist_ok=True)
        if (entry / top).is_dir():
            shutil.copytree(entry / top, self._shadow / top, ignore=shutil.ignore_patterns("__pycache__"))
        return self._shadow

    def _remove(self, relative: str, location: Path | None) -> Iterator[str]:
        """Take away a file that the recorded code did not have, unless it lies outside the checkout."""
        if location is not None and any(location.is_relative_to(root.resolve()) for root in self.roots):
            location.unlink()
            yield relative


def module_of(relative: str) -> str:
    """The module that a file below a searched folder is."""
    folder, _, name = relative.rpartition("/")
    parts_of_it = [*folder.split("/"), name.partition(".")[0]] if folder else [name.partition(".")[0]]
    return ".".join(parts_of_it).removesuffix(".__init__")
