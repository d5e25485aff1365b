from __future__ import annotations

import sys
from pathlib import Path

import pytest

from cmcore.errors import ConfigError, TrackerError
from cmcore.testing.plugins import PluginContract
from cmcore.testing.tracker import RUN, PlainMemory, numbered, run_events
from cmcore_mlflow.server import absolute, artifact_root, shown
from cmcore_mlflow.tracker import mlflow_tracker


class TestPlugin(PluginContract):
    @pytest.fixture
    def plugin_module(self) -> str:
        return "cmcore_mlflow.plugin"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "uri: Field required"),
        ({"uri": "ftp://host"}, "no scheme 'ftp'"),
        ({"uri": "http://ada:secret@host"}, "it holds a password"),
        ({"uri": "http://host", "token": "plain"}, "token.*should match pattern"),
        ({"uri": "http://host", "urn": "x"}, "urn: Extra inputs"),
    ],
)
def test_options_that_cannot_be_are_refused(options: dict[str, str], message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=message):
        mlflow_tracker(PlainMemory(), tmp_path, **options)


def test_a_password_is_not_repeated_in_the_refusal(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        mlflow_tracker(PlainMemory(), tmp_path, uri="http://ada:hunter2@host")
    assert "hunter2" not in str(caught.value)


def test_a_token_that_nobody_set_makes_everything_wait(tmp_path: Path) -> None:
    tracker = mlflow_tracker(PlainMemory(), tmp_path, uri="http://127.0.0.1:9", token="${secret:mlflow}")
    with pytest.raises(TrackerError, match="secret 'mlflow' was asked for"):
        tracker.deliver(numbered(run_events()))


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("http://host:5000", "http://host:5000"),
        ("sqlite:///ml/flow.db", "sqlite:////p/ml/flow.db"),
        ("sqlite:////tmp/flow.db", "sqlite:////tmp/flow.db"),
        ("mlruns", "file:///p/mlruns"),
        ("/tmp/mlruns", "file:///tmp/mlruns"),
    ],
)
def test_relative_places_are_the_projects(uri: str, expected: str) -> None:
    assert absolute(uri, Path("/p")) == expected


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("http://host:5000", ""),
        ("file:///p/mlruns", ""),
        ("sqlite:////p/flow.db", "file:///p/mlartifacts"),
        ("postgresql://host/db", "file:///p/.cm/mlartifacts"),
    ],
)
def test_files_never_go_to_the_working_folder(uri: str, expected: str) -> None:
    assert artifact_root(uri, Path("/p")) == expected


def test_a_uri_is_shown_without_user_and_query() -> None:
    assert shown("https://ada@host:5000/mlflow?token=x") == "https://host:5000/mlflow"


def test_a_link_needs_no_mlflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    memory = PlainMemory()
    memory.put(f"newest/{RUN}/train", "2")
    memory.put(f"run/{RUN}/train/2", '{"id": "abc", "experiment": "7", "started_ms": 1}')
    link = mlflow_tracker(memory, tmp_path, uri="https://host:5000/").link(RUN, "train")
    assert link == "https://host:5000/#/experiments/7/runs/abc"


def test_a_folder_has_no_pages(tmp_path: Path) -> None:
    memory = PlainMemory()
    memory.put(f"run/{RUN}//0", '{"id": "abc", "experiment": "7", "started_ms": 1}')
    assert mlflow_tracker(memory, tmp_path, uri="mlruns").link(RUN) == ""
