"""The version of a project's code as git knows it: commit, branch, and a digest of what is not committed.

It only asks: nothing here writes to a repository, and a project without git is no error.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HASHED_BYTES = 8 * 2**20  # larger files that are not committed count by size and time
PATH_FIELD = {"1": 8, "2": 9, "u": 10, "?": 1}  # fields before the path, in git-status(1)'s porcelain format 2
OVERRIDES = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX")  # set inside hooks: not about this project


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeVersion:
    """`dirty_digest` covers all that differs from the commit, untracked files that are not ignored included.

    Without git, a repository or a commit, the fields are empty and `reason` says why.
    """

    commit: str = ""
    branch: str = ""
    dirty: bool = False
    dirty_digest: str = ""
    reason: str = ""


def code_version(root: Path, *, timeout_s: float = 5.0) -> CodeVersion:
    """The version of the repository that `root` lies in; never raises."""
    git = shutil.which("git")
    if git is None:
        return CodeVersion(reason="git is not installed")
    quiet = ["-c", "core.fsmonitor=false", "-c", "core.quotePath=false"]
    status = ["status", "--porcelain=2", "--branch", "--untracked-files=all", "--no-renames", "-z"]
    try:
        top = _asked([git, *quiet, "-C", str(root), "rev-parse", "--show-toplevel"], timeout_s)
        text = _asked([git, *quiet, "-C", str(root), *status], timeout_s)
    except subprocess.TimeoutExpired:
        return CodeVersion(reason=f"git took longer than {timeout_s:g} s in {root}")
    except subprocess.CalledProcessError as error:
        return CodeVersion(reason=os.fsdecode(error.stderr).strip() or f"git failed with {error.returncode}")
    except OSError as error:
        return CodeVersion(reason=f"git could not be started in {root}: {error}")
    return _version(os.fsdecode(text), Path(os.fsdecode(top).removesuffix("\n")), timeout_s)


def _asked(command: list[str], timeout_s: float) -> bytes:
    environment = {name: value for name, value in os.environ.items() if name not in OVERRIDES}
    environment |= {"GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0"}
    return subprocess.run(  # noqa: S603 # fixed words and a path, no shell
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=True, timeout=timeout_s
    ).stdout


def _version(status: str, top: Path, timeout_s: float) -> CodeVersion:
    lines = [line for line in status.split("\0") if line]
    heads = dict(line[2:].split(" ", 1) for line in lines if line.startswith("# "))
    commit, branch = heads.get("branch.oid", ""), heads.get("branch.head", "")
    changes = sorted(_changes(line for line in lines if not line.startswith("# ")))
    described = (f"{path}\0{_content(top / path, timeout_s)}" for path in changes)
    return CodeVersion(
        commit="" if commit == "(initial)" else commit,
        branch="" if branch == "(detached)" else branch,
        dirty=bool(changes),
        dirty_digest=f"sha256:{hashlib.sha256(chr(10).join(described).encode(errors='surrogateescape')).hexdigest()}"
        if changes
        else "",
        reason="there is no commit yet" if commit == "(initial)" else "",
    )


def _changes(lines: Iterator[str]) -> Iterator[str]:
    for line in lines:
        yield line.split(" ", PATH_FIELD[line[0]])[-1]


def _content(path: Path, timeout_s: float) -> str:
    """What a changed path holds now; its commit tells what it held, and whether it is staged does not matter."""
    try:
        if path.is_symlink():
            return f"link {path.readlink()}"
        if path.is_dir():  # a submodule
            inner = code_version(path, timeout_s=timeout_s)
            return f"repository {inner.commit} {inner.dirty_digest}"
        found = path.stat()
        if found.st_size > HASHED_BYTES:
            return f"large {found.st_size} {found.st_mtime_ns}"
        return f"file {found.st_mode & 0o100:o} {hashlib.sha256(path.read_bytes()).hexdigest()}"
    except FileNotFoundError:
        return "deleted"
    except OSError as error:
        return f"unreadable {error.errno}"
