"""B4: archives. Snapshots, models and scans keep them as the bytes that they are; only what git gives is unpacked."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import pytest

from cmcore.datasets.names import Reference
from cmcore.errors import StorageError
from cmcore.provenance.reproduction.repository import Repository, export, has_commit
from cmcore.stack import Project
from tests.integration.security.arena import Arena
from tests.unit.scanning.corpus import HOSTILE

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[3]
ARCHIVES = {case: files for case, files in HOSTILE.items() if case.startswith(("zip", "tar", "gzip"))}
UNPACKERS = {"extractall", "extract", "unpack_archive", "extractfile"}
SOURCES = sorted(
    path
    for folder in ("cmcore", "plugins", "examples")
    for path in (ROOT / folder).rglob("*.py")
    if "/tests/" not in str(path)
)


def unpackings(source: Path) -> list[str]:
    """The calls in a file that unpack an archive."""
    calls = [node.func for node in ast.walk(ast.parse(source.read_text())) if isinstance(node, ast.Call)]
    return [call.attr for call in calls if isinstance(call, ast.Attribute) and call.attr in UNPACKERS]


def test_one_place_unpacks_archives_and_only_those_of_git() -> None:
    found = {str(source.relative_to(ROOT)) for source in SOURCES if unpackings(source)}
    assert found == {"cmcore/provenance/reproduction/repository.py"}


@pytest.mark.parametrize("case", ARCHIVES)
def test_a_hostile_archive_is_kept_and_given_back_as_bytes(
    arena: Arena, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    monkeypatch.chdir(tmp_path)
    ((name, content),) = ARCHIVES[case].items()
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / name).write_bytes(content)
    own = replace(arena, project=tmp_path)
    with Project(tmp_path, environment={}) as project:
        outcome = own.at_python(lambda: project.datasets.snapshot(tmp_path / "in", "archives"))
        own.assert_unharmed(outcome)
        version = project.datasets.get(Reference(dataset="archives"))
        own.assert_unharmed(own.at_python(lambda: project.datasets.checkout(version, tmp_path / "out")))
    found = {file.name: sha256(file.read_bytes()).hexdigest() for file in (tmp_path / "out").rglob("*")}
    assert found == {name: sha256(content).hexdigest()}


@pytest.mark.parametrize("case", ARCHIVES)
def test_a_hostile_archive_is_refused_by_the_scan(
    arena: Arena, tmp_path: Path, capfd: pytest.CaptureFixture[str], case: str
) -> None:
    ((name, content),) = ARCHIVES[case].items()
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / name).write_bytes(content)
    outcome = arena.at_cli(["scan", str(tmp_path / "model")], capfd)
    arena.assert_refused(outcome, [77])


@dataclass(frozen=True, kw_only=True)
class Trees:
    """A repository whose trees are written by hand, as an attacker's may be."""

    folder: Path

    def git(self, *words: str, given: bytes = b"") -> str:
        command = ["git", "-c", "user.name=mallory", "-c", "user.email=m@example.org", "-C", str(self.folder), *words]
        return subprocess.run(command, input=given, stdout=subprocess.PIPE, check=True).stdout.decode().strip()

    def file(self, name: str, content: bytes = b"pwned") -> str:
        return f"100644 blob {self.git('hash-object', '-w', '--stdin', given=content)}\t{name}\n"

    def link(self, name: str, target: str) -> str:
        return f"120000 blob {self.git('hash-object', '-w', '--stdin', given=target.encode())}\t{name}\n"

    def tree(self, *entries: str) -> str:
        return self.git("mktree", given="".join(entries).encode())

    def folder_of(self, name: str, *entries: str) -> str:
        return f"040000 tree {self.tree(*entries)}\t{name}\n"

    def commit(self, *entries: str) -> str:
        return self.git("commit-tree", self.tree(*entries), "-m", "evil")


def beyond_path_max(trees: Trees) -> str:
    """CVE-2025-4517: links whose real path is longer than any path may be, so that a filter gives up resolving them."""
    long, steps = "A" * 247, "abcdefghijklmnop"
    inner = [trees.link("l" * 254, "../" * 16)]
    for step in reversed(steps):
        inner = [trees.folder_of(long, trees.file("keep")), trees.link(step, long), trees.folder_of(step, *inner)]
    escape = "/".join(steps) + "/" + "l" * 254 + "/../outside"
    return trees.commit(*inner, trees.link("escape", escape), trees.folder_of("escape", trees.file("evil.txt")))


COMMITS: dict[str, Callable[[Trees], str]] = {
    "link out, then a file through it (Argo GO-2025-4223)": lambda trees: trees.commit(
        trees.link("x", "../outside"), trees.folder_of("x", trees.file("evil.txt"))
    ),
    "absolute link, then a file through it": lambda trees: trees.commit(
        trees.link("x", str(trees.folder.parent / "outside")), trees.folder_of("x", trees.file("evil.txt"))
    ),
    "link to a link out": lambda trees: trees.commit(
        trees.link("x", "y"), trees.link("y", "../outside"), trees.folder_of("x", trees.file("evil.txt"))
    ),
    "link out by way of a link": lambda trees: trees.commit(
        trees.folder_of("a", trees.folder_of("b", trees.link("s", "../.."))),
        trees.link("x", "a/b/s/../outside"),
        trees.folder_of("x", trees.file("evil.txt")),
    ),
    "beyond PATH_MAX (CVE-2025-4517)": beyond_path_max,
}


@pytest.mark.parametrize("case", COMMITS)
def test_a_hostile_commit_writes_nothing_outside_and_leaves_no_way_out(tmp_path: Path, case: str) -> None:
    trees = Trees(folder=tmp_path / "repository")
    subprocess.run(["git", "init", "-q", str(trees.folder)], check=True)
    commit = COMMITS[case](trees)
    (tmp_path / "outside").mkdir()
    (tmp_path / "code").mkdir()
    export(Repository(top=trees.folder, prefix=""), commit, tmp_path / "code")
    assert list((tmp_path / "outside").iterdir()) == []
    inside = str((tmp_path / "code").resolve())
    links = [path for path in (tmp_path / "code").rglob("*") if path.is_symlink()]
    assert [path for path in links if not str(path.resolve()).startswith(inside)] == []


@pytest.mark.parametrize(
    "commit", ["--output=evil.tar", "--remote=ssh://evil/x", "--exec=touch", "", "HEAD", "../x", "a\nb"]
)
def test_what_is_no_commit_is_never_given_to_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, commit: str) -> None:
    monkeypatch.chdir(tmp_path)
    repository = Repository(top=tmp_path, prefix="")
    with pytest.raises(StorageError, match="is no commit"):
        export(repository, commit, tmp_path)
    assert (has_commit(repository, commit), list(tmp_path.iterdir())) == (False, [])


DVC: dict[str, str] = {
    "path that leaves": "outs:\n- {md5: 00000000000000000000000000000000, path: ../../CANARY/CANARY.txt, hash: md5}\n",
    "absolute path": "outs:\n- {md5: 00000000000000000000000000000000, path: /etc/passwd, hash: md5}\n",
    "folder that leaves": "wdir: ../..\nouts:\n- {md5: 00000000000000000000000000000000, path: a, hash: md5}\n",
    "digest that is a path": "outs:\n- {md5: ../../../../CANARY/CANARY.txt, path: a, hash: md5}\n",
    "digest with a line end": 'outs:\n- {md5: "00000000000000000000000000000000\\n", path: a, hash: md5}\n',
    "object of Python": "outs: !!python/object/apply:os.system [touch CANARY_EXECUTED]\n",
    "billion laughs": "a: &a [x, x]\n" + "".join(
        f"{chr(98 + i)}: &{chr(98 + i)} [*{chr(97 + i)}, *{chr(97 + i)}]\n" for i in range(22)
    ) + "outs: *w\n",
    "nested 2,000 deep": "outs: " + "[" * 2000 + "]" * 2000 + "\n",
    "an alias to itself": "outs: &a [*a]\n",
    "nothing": "",
}  # fmt: skip


@pytest.mark.parametrize("case", DVC)
def test_a_hostile_file_of_dvc_is_refused(
    arena: Arena, tmp_path: Path, capfd: pytest.CaptureFixture[str], case: str
) -> None:
    (tmp_path / ".dvc").mkdir()
    (tmp_path / "data.dvc").write_text(DVC[case])
    outcome = arena.at_cli(["data", "import", str(tmp_path / "data.dvc"), "--name", "attack"], capfd)
    arena.assert_refused(outcome)
