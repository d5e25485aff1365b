"""Our files in the hands of the real DVC, and DVC's in ours."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from cmcore.testing.data_format import CONTENT, manifest_of, offered
from cmcore_dvc.format import DvcFormat

DVC = shutil.which("dvc")
pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(DVC is None, reason="needs the command dvc: pip install dvc, in an environment of its own"),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "project").mkdir()
    return tmp_path / "project"


def dvc(folder: Path, *arguments: str) -> str:
    environment = {**os.environ, "DVC_NO_ANALYTICS": "1", "DVC_SITE_CACHE_DIR": str(folder.parent / "site")}
    done = subprocess.run(
        [str(DVC), *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def contents(folder: Path) -> dict[str, bytes]:
    files = (file for file in folder.rglob("*") if file.is_file())
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}


def write(folder: Path) -> None:
    for path, held in CONTENT.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(held)


def test_dvc_restores_what_we_have_written(folder: Path) -> None:
    DvcFormat().write(offered(CONTENT), folder)
    dvc(folder, "checkout")
    assert contents(folder / "flights") == dict(CONTENT)


def test_dvc_finds_nothing_changed_in_what_we_have_written(folder: Path) -> None:
    DvcFormat().write(offered(CONTENT), folder)
    write(folder / "flights")
    assert "up to date" in dvc(folder, "status")


def test_dvc_itself_would_have_written_the_same(folder: Path) -> None:
    document = DvcFormat().write(offered(CONTENT), folder)
    ours = document.read_text()
    dvc(folder, "checkout")
    document.unlink()
    dvc(folder, "add", "flights")
    assert document.read_text() == ours


def test_what_we_have_written_reaches_a_remote_of_dvc(folder: Path) -> None:
    DvcFormat().write(offered(CONTENT), folder)
    dvc(folder, "remote", "add", "--default", "disk", str(folder.parent / "remote"))
    dvc(folder, "push")
    shutil.rmtree(folder / ".dvc" / "cache")
    assert manifest_of(DvcFormat().read(folder / "flights.dvc")) == manifest_of(offered(CONTENT))


def test_we_read_a_repository_that_dvc_has_made(folder: Path) -> None:
    dvc(folder, "init", "--no-scm")
    write(folder / "data")
    dvc(folder, "add", "data")
    assert manifest_of(DvcFormat().read(folder / "data.dvc")) == manifest_of(offered(CONTENT))


def test_we_write_into_a_repository_that_dvc_has_made(folder: Path) -> None:
    dvc(folder, "init", "--no-scm")
    DvcFormat().write(offered(CONTENT), folder)
    dvc(folder, "checkout")
    assert contents(folder / "flights") == dict(CONTENT)
