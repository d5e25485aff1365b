"""Recorded code in a folder of its own."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from cmcore.components.code.closure import code_digest
from cmcore.components.code.keep import keep_closure
from cmcore.components.code.reference import CodeRef
from cmcore.components.spec import ComponentSpec
from cmcore.errors import NotFoundError
from cmcore.pipelines.plan import Code, NodeKind, Plan, PlannedNode
from cmcore.provenance.reproduction.code import Checkout, Wanted, checked_out, module_of, moved_roots

STEPS = "from wording import loud\n\n\ndef work():\n    return loud('a')\n"
WORDING = "def loud(text):\n    return text.upper()\n"
REFERENCE = "steps:work"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "steps.py").write_text(STEPS)
    (folder / "wording.py").write_text(WORDING)
    return folder


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "kept"


def planned(project: Path, store: Path) -> Plan:
    """The plan of one node, its code kept."""
    found = code_digest(CodeRef(REFERENCE), roots=[project])
    keep_closure(found, store)
    code = Code(digest=found.digest, references=[REFERENCE], files=dict(found.files))
    node = PlannedNode(name="work", kind=NodeKind.COMPONENT, spec=ComponentSpec(name="Work"), code=code)
    return Plan(pipeline="words", project="demo", roots=[str(project)], nodes=[node])


def again(plan: Plan, store: Path, folder: Path) -> Checkout:
    folder.mkdir()
    return checked_out(Wanted(plan=plan, nodes=["work"], store=store), folder)


def test_without_git_the_kept_files_are_written(project: Path, store: Path, tmp_path: Path) -> None:
    plan = planned(project, store)
    (project / "wording.py").write_text(WORDING.replace("upper", "lower"))
    found = again(plan, store, tmp_path / "code")
    assert (found.laid_over, (found.project / "wording.py").read_text()) == (("steps.py", "wording.py"), WORDING)


def test_what_was_written_is_what_was_recorded(project: Path, store: Path, tmp_path: Path) -> None:
    assert again(planned(project, store), store, tmp_path / "code").differing == {}


def test_a_module_from_elsewhere_that_is_what_it_was_stays_there(
    project: Path, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = package_elsewhere(project, tmp_path, monkeypatch)
    found = again(planned(project, store), store, tmp_path / "code")
    assert (found.laid_over, (elsewhere / "spoken" / "__init__.py").exists()) == (("steps.py",), True)


def package_elsewhere(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package outside the project that the node imports, with a file beside its code."""
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "spoken").mkdir(parents=True)
    (elsewhere / "spoken" / "__init__.py").write_text("VOICE = 1\n")
    (elsewhere / "spoken" / "words.txt").write_text("a")
    (project / "steps.py").write_text("import spoken\n\n\ndef work():\n    return spoken.VOICE\n")
    monkeypatch.setattr(sys, "path", [*sys.path, str(elsewhere)])
    return elsewhere


def test_a_package_from_elsewhere_that_changed_is_copied_whole_and_its_code_put_back(
    project: Path, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = package_elsewhere(project, tmp_path, monkeypatch)
    plan = planned(project, store)
    (elsewhere / "spoken" / "__init__.py").write_text("VOICE = 2\n")
    found = again(plan, store, tmp_path / "code")
    copy = found.roots[0] / "spoken"
    assert (copy / "__init__.py").read_text() == "VOICE = 1\n"
    assert (copy / "words.txt").read_text() == "a"
    assert found.differing == {}


def test_the_package_itself_is_left_as_it_is(
    project: Path, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = package_elsewhere(project, tmp_path, monkeypatch)
    plan = planned(project, store)
    (elsewhere / "spoken" / "__init__.py").write_text("VOICE = 2\n")
    again(plan, store, tmp_path / "code")
    assert (elsewhere / "spoken" / "__init__.py").read_text() == "VOICE = 2\n"


def test_code_that_is_neither_in_git_nor_kept_is_refused_by_the_nodes_name(
    project: Path, store: Path, tmp_path: Path
) -> None:
    plan = planned(project, store)
    with pytest.raises(NotFoundError, match="the code of work cannot be had again"):
        again(plan, tmp_path / "nothing", tmp_path / "code")


@pytest.mark.parametrize(
    ("roots", "prefix", "moved"),
    [
        (["/then/a"], "", ["/now"]),
        (["/then/a"], "a", ["/now/a"]),
        (["/then/a", "/then/a/pipelines"], "a", ["/now/a", "/now/a/pipelines"]),
        (["/then/a", "/then/b"], "a", ["/now/a", "/now/b"]),
        (["/then/a", "/somewhere/else"], "a", ["/now/a", "/now/.root-1"]),
    ],
)
def test_roots_move_with_the_project(roots: list[str], prefix: str, moved: list[str]) -> None:
    assert [str(root) for root in moved_roots(roots, Path("/now"), prefix)] == moved


@pytest.mark.parametrize(
    ("relative", "module"),
    [("steps.py", "steps"), ("a/b.py", "a.b"), ("a/__init__.py", "a"), ("fast.cpython-311-x86_64.so", "fast")],
)
def test_a_file_is_known_by_its_module(relative: str, module: str) -> None:
    assert module_of(relative) == module
