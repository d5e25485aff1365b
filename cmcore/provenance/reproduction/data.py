"""Whether data from outside still is what a run read: digested again where it lies. Nothing is copied or mended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from cmcore.errors import StorageError
from cmcore.lineage.record import ArtifactRecord
from cmcore.storage.location import DECLARED, is_local, local_path
from cmcore.storage.manifest import Manifest


class Standing(StrEnum):
    """What has become of data since."""

    SAME = "same"
    CHANGED = "changed"
    GONE = "gone"
    DECLARED = "declared"  # its digest was declared by whoever imported it, so that nobody can check it
    CHECKED_OUT = "checked out"  # it lies in the repository, whose recorded commit still has it as it was


@dataclass(frozen=True, slots=True, kw_only=True)
class DataCheck:
    """One import then and now; `now` is the artifact to read: another URI or digest where the standing says so."""

    node: str
    then: ArtifactRecord
    now: ArtifactRecord
    standing: Standing

    @property
    def usable(self) -> bool:
        """Whether reading it now is reading what was read then."""
        return self.standing not in (Standing.CHANGED, Standing.GONE)


def checked(
    node: str, then: ArtifactRecord, fingerprint: Callable[[str], Manifest], project: Path, checkout: Path | None
) -> DataCheck:
    """The check of one import; one that changed in the project's folder is looked for in the checked out commit."""
    if then.digest.startswith(DECLARED):
        standing = Standing.DECLARED if _digest(then.uri, fingerprint, declared=True) else Standing.GONE
        return DataCheck(node=node, then=then, now=then, standing=standing)
    found = _digest(then.uri, fingerprint)
    if found == then.digest:
        return DataCheck(node=node, then=then, now=then, standing=Standing.SAME)
    uri = _in_checkout(then.uri, project, checkout)
    if uri and _digest(uri, fingerprint) == then.digest:
        return DataCheck(node=node, then=then, now=replace(then, uri=uri), standing=Standing.CHECKED_OUT)
    standing = Standing.CHANGED if found else Standing.GONE
    return DataCheck(node=node, then=then, now=replace(then, digest=found), standing=standing)


def _digest(uri: str, fingerprint: Callable[[str], Manifest], *, declared: bool = False) -> str:
    """The digest of what lies there now; empty where nothing does. Declared data is not read: it may be large."""
    if is_local(uri) and not Path(local_path(uri)).exists():
        return ""
    if declared:
        return DECLARED
    try:
        return fingerprint(uri).digest
    except StorageError:
        return ""


def _in_checkout(uri: str, project: Path, checkout: Path | None) -> str:
    path = Path(local_path(uri)) if is_local(uri) else None
    if checkout is None or path is None or not path.is_relative_to(project):
        return ""
    return (checkout / path.relative_to(project)).as_uri()
