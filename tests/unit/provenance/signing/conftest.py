"""Key pairs, a signed folder, attachments in a fresh database, and a version with its lineage."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from shutil import copyfile

import pytest

from cmcore.lineage.memory import MemoryLineage
from cmcore.provenance.signing.attachments import Attachments
from cmcore.provenance.signing.keys import generate
from cmcore.provenance.signing.statements import Made
from cmcore.provenance.signing.tables import PROVENANCE_BRANCH
from cmcore.provenance.signing.version import made_of
from cmcore.registry.facts import EvaluationFacts, Measure, VersionFacts
from cmcore.registry.names import VersionNumber
from cmcore.registry.values import Bump, Level, ModelVersion
from cmcore.state.database import StateDatabase
from cmcore.state.migration import STATE_BRANCH
from cmcore.testing.records import RUN, publish
from tests.unit.provenance.signing.pair import FILES, PASSWORD, Pair

BRANCHES = [STATE_BRANCH, PROVENANCE_BRANCH]
RUN_FACTS = {
    "parameters": {"epochs": {"value": 3, "layer": "set"}, "rate": {"value": float("nan"), "layer": "file"}},
    "source": "/home/ada/flights/pipeline.py",
    "code_version": {"commit": "c0ffee", "dirty": True, "dirty_digest": "sha256:d1"},
    "environment": {"python": "3.11.7", "platform": "Linux", "packages": ["numpy==2.4.6", "cmcore==0.1.0"]},
}


@pytest.fixture(scope="session")
def made_pair(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Pair]:
    """A pair by name; the same name is the same pair."""
    folder = tmp_path_factory.mktemp("keys")
    known: dict[str, Pair] = {}

    def make(name: str) -> Pair:
        if name not in known:
            signer = generate(folder / name, password=PASSWORD)
            public = (folder / f"{name}.pub").read_text()
            known[name] = Pair(file=folder / name, public=public, signer=signer)
        return known[name]

    return make


@pytest.fixture
def pair(made_pair: Callable[[str], Pair]) -> Pair:
    return made_pair("release")


@pytest.fixture
def other_pair(made_pair: Callable[[str], Pair]) -> Pair:
    return made_pair("mallory")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model of three files."""
    for name, content in FILES.items():
        target = tmp_path / "model" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    return tmp_path / "model"


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database whose tables have been made, to be copied."""
    path = tmp_path_factory.mktemp("provenance") / "state.db"
    StateDatabase.open(f"sqlite:///{path}", branches=BRANCHES).close()
    return path


@pytest.fixture
def database(migrated: Path, tmp_path: Path) -> Iterator[StateDatabase]:
    path = copyfile(migrated, tmp_path / "state.db")
    database = StateDatabase.open(f"sqlite:///{path}", branches=BRANCHES)
    yield database
    database.close()


@pytest.fixture
def attachments(database: StateDatabase) -> Attachments:
    return Attachments(database, actor="ada", clock=lambda: 7.0)


@pytest.fixture
def version() -> ModelVersion:
    """A version whose model was trained by r1/train/1."""
    return ModelVersion(
        model="flights",
        number=VersionNumber(1, 2, 0),
        facts=VersionFacts(
            digest="sha256:" + "5" * 64,
            uri="file:///models/5",
            artifact="r1/train/1/model/0",
            evaluation=EvaluationFacts(metrics={"auc": Measure(value=0.9, low=float("nan"))}),
        ),
        bump=Bump(level=Level.FIRST, reason="first"),
        created_at=0.0,
        actor="ada",
    )


@pytest.fixture
def made(version: ModelVersion) -> Made:
    """How it was made, as the lineage tells it."""
    lineage = MemoryLineage(clock=lambda: 100.0)
    lineage.open_run(replace(RUN, facts=RUN_FACTS))
    raw = publish(
        lineage, "r1/raw/1", output={"uri": "s3://data/2026", "digest": "sha256:da7a", "facts": {"imported": True}}
    )
    changes = {"facts": {"code": "sha256:c0de"}, "parameters": {"epochs": 3}}
    publish(lineage, "r1/train/1", raw, output={"digest": version.facts.digest}, **changes)
    return made_of(version, {"a.onnx": "a" * 64, "sub/b.txt": "b" * 64}, lineage, software="0.1.0")
