"""The arena, made once; no test changes it, because every attack is refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from shutil import copytree

import pytest

from cmcore.lineage.record import ArtifactRecord
from cmcore.stack import Project
from tests.integration.security.arena import Arena, Canary
from tests.integration.security.project import train

PROJECT = Path(__file__).parent / "project"
ENVIRONMENT: dict[str, str] = {}


def made(root: Path) -> Arena:
    """A project in `root/home/project` with canaries above, beside and inside of it."""
    project = copytree(PROJECT, root / "home" / "project")
    (project / "rows").mkdir()
    (project / "rows" / "a.csv").write_text("a,b\n1,2\n")
    arena = Arena(root=root, project=project)
    with Project(project, environment=ENVIRONMENT) as opened:
        result = opened.run(train.words, source=project / "train.py")
        model = result.artifact("train", "model")
        opened.datasets.snapshot(project / "rows", "rows")
    arena = Arena(root=root, project=project, run=result.run, uri=model.uri, digest=model.digest)
    registered(arena, model)
    folders = (root, root / "home", project.parent / "CANARY", project / ".cm" / "CANARY", arena.artifacts)
    arena.canaries.extend(Canary.laid(folder, "CANARY.txt") for folder in folders)
    return arena


def registered(arena: Arena, model: ArtifactRecord) -> None:
    """Register the model as `words@1.0.0`."""
    from cmcore.cli.main import run

    assert run(["--project", str(arena.project), "register", model.name, "--as", "words"]) == 0


@pytest.fixture(scope="session")
def arena(tmp_path_factory: pytest.TempPathFactory) -> Arena:
    return made(tmp_path_factory.mktemp("arena"))


@pytest.fixture
def opened(arena: Arena) -> Iterator[Project]:
    """The project, opened."""
    with Project(arena.project, environment=ENVIRONMENT) as project:
        yield project


@pytest.fixture(autouse=True)
def at_home(arena: Arena, monkeypatch: pytest.MonkeyPatch) -> None:
    """Attacks come from inside the project's folder."""
    monkeypatch.chdir(arena.project)
    for name in [name for name in __import__("os").environ if name.startswith("CM_")]:
        monkeypatch.delenv(name)
