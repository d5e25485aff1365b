"""The version of a project as git knows it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from cmcore.components.code.version import CodeVersion, code_version

Git = Callable[..., str]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    (folder / "inner").mkdir(parents=True)
    return folder


@pytest.fixture
def git(repository: Path, tmp_path: Path) -> Git:
    """Runs git in a repository without the user's settings."""
    settings = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull, "HOME": str(tmp_path)}

    def run(*words: str, folder: Path = repository) -> str:
        author = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "protocol.file.allow=always"]
        command = ["git", "-C", str(folder), *author, *words]
        return subprocess.run(
            command, env={**os.environ, **settings}, check=True, capture_output=True, text=True
        ).stdout.strip()

    run("init", "--quiet", "--initial-branch=main")
    return run


@pytest.fixture
def committed(repository: Path, git: Git) -> Path:
    (repository / "a.py").write_text("X = 1\n")
    (repository / ".gitignore").write_text("*.log\n")
    git("add", ".")
    git("commit", "--quiet", "-m", "first")
    return repository


def test_a_clean_repository_is_its_commit_and_branch(committed: Path, git: Git) -> None:
    assert code_version(committed) == CodeVersion(commit=git("rev-parse", "HEAD"), branch="main")


def test_an_edit_is_dirty_with_a_digest(committed: Path) -> None:
    (committed / "a.py").write_text("X = 2\n")
    assert code_version(committed).dirty_digest.startswith("sha256:")


@pytest.mark.parametrize("name", ["a.py", "untracked.py", "nouvel été\n.py", "-> b.py"])
def test_another_edit_has_another_digest(committed: Path, name: str) -> None:
    (committed / name).write_text("X = 2\n")
    before = code_version(committed)
    (committed / name).write_text("X = 3\n")
    assert code_version(committed).dirty_digest != before.dirty_digest


def test_the_same_edit_has_the_same_digest_whether_staged_or_not(committed: Path, git: Git) -> None:
    (committed / "a.py").write_text("X = 2\n")
    before = code_version(committed)
    git("add", "a.py")
    assert code_version(committed) == before


def test_an_edit_taken_back_is_clean(committed: Path) -> None:
    (committed / "a.py").write_text("X = 2\n")
    code_version(committed)
    (committed / "a.py").write_text("X = 1\n")
    assert not code_version(committed).dirty


def test_ignored_files_do_not_count(committed: Path) -> None:
    (committed / "run.log").write_text("noise")
    assert not code_version(committed).dirty


def test_a_deleted_file_is_dirty(committed: Path) -> None:
    (committed / "a.py").unlink()
    assert code_version(committed).dirty


def test_a_link_counts_by_where_it_points(committed: Path) -> None:
    (committed / "link").symlink_to("nowhere")
    before = code_version(committed)
    (committed / "link").unlink()
    (committed / "link").symlink_to("elsewhere")
    assert code_version(committed).dirty_digest != before.dirty_digest


def test_a_large_file_is_not_read(committed: Path) -> None:
    with (committed / "data.bin").open("wb") as file:
        file.truncate(2**40)
    assert code_version(committed).dirty


def test_a_folder_inside_gives_the_version_of_the_whole(committed: Path) -> None:
    (committed / "a.py").write_text("X = 2\n")
    assert code_version(committed / "inner") == code_version(committed)


def test_a_submodule_counts_by_its_own_version(committed: Path, git: Git, tmp_path: Path) -> None:
    git("clone", "--quiet", str(committed), str(tmp_path / "other"))
    git("submodule", "--quiet", "add", str(tmp_path / "other"), "sub")
    git("commit", "--quiet", "-m", "sub")
    (committed / "sub/a.py").write_text("X = 2\n")
    before = code_version(committed)
    (committed / "sub/a.py").write_text("X = 3\n")
    assert before.dirty_digest != code_version(committed).dirty_digest


def test_a_detached_head_has_no_branch(committed: Path, git: Git) -> None:
    git("checkout", "--quiet", "--detach")
    assert code_version(committed).branch == ""


def test_a_repository_without_commits_says_so(repository: Path, git: Git) -> None:
    assert code_version(repository) == CodeVersion(branch="main", reason="there is no commit yet")


def test_a_folder_without_a_repository_says_so(tmp_path: Path) -> None:
    assert "not a git repository" in code_version(tmp_path).reason


def test_a_folder_that_does_not_exist_says_so(tmp_path: Path) -> None:
    assert "cannot change to" in code_version(tmp_path / "nowhere").reason


def test_a_machine_without_git_says_so(monkeypatch: pytest.MonkeyPatch, committed: Path) -> None:
    monkeypatch.setenv("PATH", "")
    assert code_version(committed) == CodeVersion(reason="git is not installed")


def test_a_git_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch, committed: Path, tmp_path: Path) -> None:
    (tmp_path / "git").write_text("#!/bin/sh\nexec /bin/sleep 60\n")
    (tmp_path / "git").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "longer than 0.04 s" in code_version(committed, timeout_s=0.04).reason


def test_asking_writes_nothing_to_the_repository(committed: Path) -> None:
    os.utime(committed / "a.py", ns=(1, 1))  # makes git want to refresh its index
    before = {path: path.stat().st_mtime_ns for path in (committed / ".git").rglob("*")}
    code_version(committed)
    assert {path: path.stat().st_mtime_ns for path in (committed / ".git").rglob("*")} == before


def test_a_hooks_variables_do_not_lead_to_another_repository(
    monkeypatch: pytest.MonkeyPatch, committed: Path, tmp_path: Path
) -> None:
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    assert code_version(committed).commit


def test_the_repositorys_settings_start_no_program(committed: Path, git: Git, tmp_path: Path) -> None:
    git("config", "core.fsmonitor", f"touch {tmp_path / 'started'}")
    code_version(committed)
    assert not (tmp_path / "started").exists()
