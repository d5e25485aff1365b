"""What git is asked for: where a repository begins, whether it has a commit, that commit's files. It only reads."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path

from cmcore.components.code.version import OVERRIDES
from cmcore.errors import StorageError

PATIENCE_S = 30.0
COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """The repository around a project; `prefix` is the project's path in it, empty where it is the top."""

    top: Path
    prefix: str


def repository_around(folder: Path) -> Repository | None:
    """The repository that a folder lies in; None where there is no git, or none around it."""
    if shutil.which("git") is None:
        return None
    top, prefix = _asked(folder, "rev-parse", "--show-toplevel"), _asked(folder, "rev-parse", "--show-prefix")
    return Repository(top=Path(top), prefix=(prefix or "").rstrip("/")) if top else None


def has_commit(repository: Repository, commit: str) -> bool:
    """Whether a commit is there with the project's folder in it: a shallow clone may lack it, a move may have come."""
    place = f"{commit}:{repository.prefix}" if repository.prefix else f"{commit}^{{commit}}"
    return bool(COMMIT.fullmatch(commit)) and _asked(repository.top, "cat-file", "-e", place) is not None


def export(repository: Repository, commit: str, destination: Path) -> None:
    """Write the files of a commit below a folder; links that lead out of it are left out. Raises StorageError."""
    if not COMMIT.fullmatch(commit):
        raise StorageError(f"{commit[:80]!a} is no commit: expected 40 or 64 hexadecimal digits")
    command = _command(repository.top, "archive", "--format=tar", commit)
    with subprocess.Popen(command, env=_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as git:  # noqa: S603 # fixed words, a path and a commit
        assert git.stdout is not None
        assert git.stderr is not None
        try:
            with tarfile.open(fileobj=git.stdout, mode="r|") as archive:
                _write(archive, destination)
        except (tarfile.TarError, OSError) as error:
            git.kill()
            raise StorageError(f"commit {commit} could not be written to {destination}: {error}") from error
        said = git.stderr.read().decode(errors="replace").strip()
    if git.returncode:
        raise StorageError(f"git archive {commit} failed in {repository.top}: {said}")


def _write(archive: tarfile.TarFile, destination: Path) -> None:
    """Files first, links last: nothing is written through a link, whatever a filter makes of it (CVE-2025-4517)."""
    links: list[tarfile.TarInfo] = []
    for member in archive:
        if member.issym():
            links.append(member)
        elif member.isreg() or member.isdir():
            archive.extract(member, destination, filter=_inside)
    root = destination.resolve()
    made = [path for path in (_linked(link, root) for link in links) if path is not None]
    for path in made:
        if not _leads_inside(path, root):
            path.unlink()


def _linked(link: tarfile.TarInfo, root: Path) -> Path | None:
    """The link as it was made; None where something is in its place, or a link above it."""
    path = root / link.name
    if ".." in path.parts or not path.is_relative_to(root) or path.parent.resolve() != path.parent:
        return None
    try:
        path.symlink_to(link.linkname)
    except OSError:
        return None
    return path


def _leads_inside(path: Path, root: Path) -> bool:
    try:
        return path.resolve(strict=True).is_relative_to(root)
    except (OSError, RuntimeError):  # dangling, in a circle, or longer than any path may be
        return False


def _inside(member: tarfile.TarInfo, destination: str) -> tarfile.TarInfo | None:
    try:
        return tarfile.data_filter(member, destination)
    except tarfile.FilterError:
        return None


def _asked(folder: Path, *words: str) -> str | None:
    try:
        done = subprocess.run(  # noqa: S603 # fixed words, a path and a commit
            _command(folder, *words), env=_environment(), stdin=subprocess.DEVNULL, capture_output=True, check=True,
            timeout=PATIENCE_S,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return os.fsdecode(done.stdout).removesuffix("\n")


def _command(folder: Path, *words: str) -> list[str]:
    return ["git", "-c", "core.fsmonitor=false", "-C", str(folder), *words]


def _environment() -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if name not in OVERRIDES}
    return inherited | {"GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0"}
