"""BatchPredictor as a node of a real run: its table, its secret, its cache."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from cmcore.artifacts import Examples, Files, Model
from cmcore_models.batch.table import opened

from .conftest import orders
from .test_table import PASSWORD, Server, count, server

__all__ = ["server"]  # a fixture
pytestmark = pytest.mark.integration
PIPELINE = """
kind: Pipeline
name: nightly
nodes:
  rows:
    importer: {uri: "%s", type: Files}
  model:
    importer: {uri: "%s", type: Model}
  predict:
    component: BatchPredictor
    with:
      model: ${model.artifact}
      files: ${rows.artifact}
      keep: [id]
      database: "%s"
      password: ${secret:answers-password}
      table: answers
"""


@pytest.fixture
def url(server: Server) -> str:
    return server.fresh_url()


@pytest.fixture
def run(
    tmp_path: Path, trained: tuple[Model, Examples], parquet_of: Callable[..., Files], url: str
) -> Callable[[], str]:
    """Runs the pipeline in a project; what was printed."""
    (tmp_path / "project").mkdir()
    rows = parquet_of(one=orders(5, 120))
    (tmp_path / "project" / "nightly.yaml").write_text(PIPELINE % (rows.path, trained[0].path, url))
    command = [str(Path(sys.executable).with_name("cm")), "--project", ".", "run", "nightly.yaml"]
    variables = {**os.environ, "CM_SECRET_ANSWERS_PASSWORD": PASSWORD}

    def once() -> str:
        return subprocess.run(
            command, cwd=tmp_path / "project", env=variables, text=True, capture_output=True, timeout=120, check=False
        ).stdout  # fmt: skip

    return once


def test_a_run_fills_the_table_and_keeps_the_password_out_of_every_file(
    run: Callable[[], str], url: str, tmp_path: Path
) -> None:
    assert "SUCCEEDED" in (printed := run()), printed
    with opened(url, PASSWORD) as engine:
        assert count(engine) == 120
    files = [path for path in (tmp_path / "project").rglob("*") if path.is_file()]
    assert [path for path in files if PASSWORD.encode() in path.read_bytes()] == []


def test_the_same_again_is_found_in_the_cache_unless_the_table_is_gone(run: Callable[[], str], url: str) -> None:
    run()
    assert "predict  CACHED" in (printed := run()), printed
    with opened(url, PASSWORD) as engine, engine.begin() as connection:
        connection.execute(text("drop table answers"))
    assert "predict  COMPLETE" in (printed := run()), printed


def test_a_table_that_is_gone_is_filled_again(run: Callable[[], str], url: str) -> None:
    run()
    with opened(url, PASSWORD) as engine:
        with engine.begin() as connection:
            connection.execute(text("drop table answers"))
        run()
        assert count(engine) == 120
