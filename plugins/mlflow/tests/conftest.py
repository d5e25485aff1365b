"""MLflows of our own: on a folder of files and on SQLite."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cmcore_mlflow.testing import View, keep_environment


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the tracker sets for its process is gone after the test."""
    keep_environment(monkeypatch)


@pytest.fixture(scope="session")
def prepared_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with MLflow's tables, to be copied: making them takes seconds."""
    from mlflow.store.db.utils import _initialize_tables, create_sqlalchemy_engine_with_retry

    path = tmp_path_factory.mktemp("prepared") / "mlflow.db"
    engine = create_sqlalchemy_engine_with_retry(f"sqlite:///{path}")  # type: ignore[no-untyped-call] # MLflow's
    _initialize_tables(engine)  # type: ignore[no-untyped-call] # MLflow's
    engine.dispose()
    return path


@pytest.fixture(params=["folder", "sqlite"])
def view(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[View]:
    """An empty MLflow, on files or on SQLite."""
    if request.param == "folder":
        yield View((tmp_path / "mlruns").as_uri())
        return
    path = tmp_path / "mlflow.db"
    path.write_bytes(request.getfixturevalue("prepared_sqlite").read_bytes())
    yield View(f"sqlite:///{path}")
