"""B5: models that run code when they are loaded. Neither registry nor scan loads any, and registration refuses them."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from cmcore.registry.names import Reference
from cmcore.stack import Project
from tests.integration.security.arena import Arena
from tests.integration.security.project import train
from tests.unit.scanning.corpus import REFUSED, SAFE
from tests.unit.scanning.corpus import pickled as corpus_pickled

pytestmark = pytest.mark.integration

REGISTERED = [
    "pickle protocol 0", "pickle protocol 5", "pickle named onnx (CVE-2024-37052)", "torch zip (CVE-2025-32434)",
    "torch export archive pt2", "zip in zip", "joblib compressed by zlib", "npy of objects that runs",
    "keras Lambda (CVE-2024-3660)", "loader module", "Python source in a code folder",
    "onnx that leaves the folder (CVE-2024-5187)", "tar slip (CVE-2025-15031)",
]  # fmt: skip


def laid(folder: Path, name: str) -> Path:
    """The files of a case."""
    files = REFUSED[name][0] if name in REFUSED else SAFE[name][0]
    for path, content in files.items():
        target = folder / "evil" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    return folder / "evil"


@pytest.mark.parametrize("case", REFUSED)
def test_a_hostile_model_is_refused_by_the_scan(
    arena: Arena, tmp_path: Path, capfd: pytest.CaptureFixture[str], case: str
) -> None:
    outcome = arena.at_cli(["scan", str(laid(tmp_path, case))], capfd)
    arena.assert_refused(outcome, [77])


@pytest.mark.parametrize("case", SAFE)
def test_a_harmless_model_passes_the_scan(
    arena: Arena, tmp_path: Path, capfd: pytest.CaptureFixture[str], case: str
) -> None:
    assert arena.at_cli(["scan", str(laid(tmp_path, case))], capfd).code == 0


@pytest.mark.parametrize("case", REGISTERED)
def test_a_hostile_model_never_becomes_a_version(
    arena: Arena, opened: Project, tmp_path: Path, capfd: pytest.CaptureFixture[str], case: str
) -> None:
    result = opened.run(train.evil, {"folder": str(laid(tmp_path, case))}, source=arena.project / "train.py")
    model = result.artifact("train_evil", "model")
    arena.assert_refused(arena.at_cli(["register", model.name, "--as", "evil"], capfd), [77])
    arena.assert_refused(arena.at_python(lambda: opened.registry.version(Reference(model="evil"))), [66])
    arena.assert_refused(arena.at_cli(["scan", model.name], capfd), [77])


def pickled(opened: Project, arena: Arena, folder: Path, content: bytes) -> str:
    """The name of a model whose type allows pickles."""
    (folder / "in").mkdir()
    (folder / "in" / "model.pkl").write_bytes(content)
    result = opened.run(train.pickled, {"folder": str(folder / "in")}, source=arena.project / "train.py")
    return result.artifact("train_pickled", "model").name


def test_a_pickle_becomes_a_version_where_its_type_allows_pickles(
    arena: Arena, opened: Project, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    name = pickled(opened, arena, tmp_path, pickle.dumps({"weights": [1.5]}))
    assert arena.at_cli(["scan", name], capfd).code == 0
    assert arena.at_cli(["register", name, "--as", "pickled", "--dry-run"], capfd).code == 0


def test_a_pickle_that_runs_commands_does_not_even_there(
    arena: Arena, opened: Project, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    name = pickled(opened, arena, tmp_path, corpus_pickled())
    arena.assert_refused(arena.at_cli(["register", name, "--as", "pickled"], capfd), [77])
