"""A project whose only tracker is a diary, a plugin that has its moods; and a real MLflow server on PostgreSQL."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from cmcore.events import Event, EventKind
from cmcore.state.database import StateDatabase
from cmcore.state.journal import Journal
from cmcore.state.migration import STATE_BRANCH
from cmcore.tracking.couriers import Couriers, Site, TrackerOrder
from cmcore.tracking.delivery_tables import COURIERS_BRANCH
from cmcore.tracking.standing import Book
from cmcore_mlflow.testing import keep_environment
from tests.integration.state.conftest import Postgres
from tests.integration.tracking.mlflow_server import MlflowServer

DIARY = """
import json, time
from pathlib import Path
from cmcore.errors import TrackerError
from cmcore.hooks import Provider, hookimpl

CMCORE_API = ">=1,<2"

@hookimpl
def cmcore_providers():
    return [Provider(kind="tracker", name="diary", factory="diary:Diary", summary="Writes into a file")]

class Diary:
    def __init__(self, memory, folder, **options):
        self.folder = folder

    def deliver(self, events):
        mood = self.folder / "mood"
        word = mood.read_text() if mood.exists() else ""
        if word == "down":
            raise TrackerError("the diary is locked")
        if word == "hanging":
            time.sleep(3600)
        if word == "slow":
            time.sleep(0.05)
        for event in events:
            if event.run == "unspeakable":
                raise ValueError("one does not write such things")
        with (self.folder / "diary.jsonl").open("a") as file:
            file.write("".join(json.dumps(event.seq) + "\\n" for event in events))

    def link(self, run, node=""):
        return f"diary:{run}"

    def close(self):
        pass
"""


class Place:
    """The project's folder, its log, and its couriers."""

    def __init__(self, folder: Path, plugin: Path) -> None:
        self.folder, self.home = folder, folder / ".cm" / "trackers"
        self.environment = {**os.environ, "PYTHONPATH": str(plugin)}
        self.url = f"sqlite:///{folder}/.cm/state.db"
        self.database = StateDatabase.open(self.url, branches=(STATE_BRANCH, COURIERS_BRANCH))
        self.journal = Journal(self.database)

    def log(self, *runs: str) -> None:
        """Add an event for each of these runs."""
        self.journal.append([Event(kind=EventKind.RUN_TAGGED, at=1.0, run=run) for run in runs], lease=None)

    def couriers(self, *, patience_s: float = 20.0, names: Sequence[str] = ("diary",)) -> Couriers:
        """Couriers that have not been started."""
        orders = [TrackerOrder(name=name, patience_s=patience_s, link=lambda run: f"diary:{run}") for name in names]
        site = Site(folder=self.folder, home=self.home, environment=self.environment, sets={})
        return Couriers(self.database, orders, site)

    def feel(self, mood: str) -> None:
        """Put the diary into a mood."""
        (self.folder / "mood").write_text(mood)

    @property
    def written(self) -> list[int]:
        """The numbers of the events in the diary."""
        path = self.folder / "diary.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    @property
    def book(self) -> Book:
        """How far the diary has got."""
        return Book(self.database, "diary", folder=self.home)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A database server of our own."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not found:
        pytest.skip("no PostgreSQL server here: apt-get install postgresql")
    folder = Path(tempfile.mkdtemp(prefix="cm-postgres-", dir="/tmp"))
    server = Postgres(found[-1], folder)
    server.start()
    yield server
    server.stop("immediate")
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def mlflow_server(tmp_path_factory: pytest.TempPathFactory, postgres: Postgres) -> Iterator[MlflowServer]:
    """A server that tests share; one that kills it starts it again."""
    pytest.importorskip("mlflow.server", reason="needs the whole mlflow")
    backend = postgres.fresh_url().replace("postgresql:", "postgresql+psycopg:", 1)
    server = MlflowServer(backend, tmp_path_factory.mktemp("mlflow"))
    server.start()
    yield server
    server.kill()


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the MLflow tracker sets for its process is gone after the test."""
    keep_environment(monkeypatch)


@pytest.fixture
def server(mlflow_server: MlflowServer) -> MlflowServer:
    """The server, up."""
    if not mlflow_server.runs:
        mlflow_server.start()
    return mlflow_server


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """The project."""
    plugin, folder = tmp_path / "plugin", tmp_path / "project"
    described = plugin / "diary-1.0.dist-info"
    described.mkdir(parents=True)
    (plugin / "diary.py").write_text(DIARY)
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: diary\nVersion: 1.0\n")
    (described / "entry_points.txt").write_text("[cmcore]\ndiary = diary\n")
    folder.mkdir()
    (folder / "cm.yaml").write_text("kind: Project\nname: demo\nstack:\n  trackers:\n    - name: diary\n")
    found = Place(folder, plugin)
    yield found
    found.database.close()
