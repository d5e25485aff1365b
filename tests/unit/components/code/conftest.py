"""Projects and installed distributions in temporary folders."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from cmcore.components.code.closure import CodeDigest, code_digest
from cmcore.components.code.reference import CodeRef

Write = Callable[..., Path]
Install = Callable[..., Path]
Digest = Callable[..., CodeDigest]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "project"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return tmp_path / "site-packages"


@pytest.fixture
def write(root: Path) -> Write:
    """Writes files of the project: `write({"pkg/a.py": "x = 1"})`."""

    def written(files: Mapping[str, str], below: Path = root) -> Path:
        for name, text in files.items():
            path = below / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return below

    return written


@pytest.fixture
def install(site: Path, write: Write) -> Install:
    """Lays out a distribution as a wheel's installer does: files, METADATA and a RECORD of their digests."""

    def installed(name: str, files: Mapping[str, str], *, version: str = "1.0", requires: tuple[str, ...] = ()) -> Path:
        write(files, site)
        lines = [
            f"{path},sha256={hashlib.sha256(text.encode()).hexdigest()},{len(text)}" for path, text in files.items()
        ]
        info = f"{name.replace('-', '_')}-{version}.dist-info"
        needs = "".join(f"Requires-Dist: {need}\n" for need in requires)
        record = "\n".join([*lines, f"{info}/METADATA,sha256=0,9", f"{info}/RECORD,,", ""])
        write({f"{info}/METADATA": f"Name: {name}\nVersion: {version}\n{needs}", f"{info}/RECORD": record}, site)
        return site

    return installed


@pytest.fixture
def digest(root: Path, site: Path) -> Digest:
    """The digest of a reference, with the project as root and one folder of installed distributions."""

    def taken(reference: str = "train:fit", *, path: tuple[Path, ...] = ()) -> CodeDigest:
        searched = [str(folder) for folder in (*path, site)]
        return code_digest(CodeRef(reference), roots=[root], path=searched)

    return taken
