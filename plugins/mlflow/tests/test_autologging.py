"""MLflow's autologging of a real scikit-learn model, told to a component's context."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from pydantic import JsonValue

from cmcore import Context
from cmcore.tracked import RECORDS, File, Param, Point, Record, Tag
from cmcore_mlflow import autolog

pytestmark = [pytest.mark.integration, pytest.mark.filterwarnings("ignore")]  # MLflow's own warnings
pytest.importorskip("sklearn")


class Listener:
    """Hears what a context is told."""

    cancelled = False

    def __init__(self) -> None:
        self.heard: list[Mapping[str, JsonValue]] = []

    def report(self, kind: str, data: Mapping[str, JsonValue]) -> None:
        """Keep what is tracked."""
        if kind == "tracked":
            self.heard.append(data)

    @property
    def records(self) -> list[Record]:
        """What was tracked."""
        return RECORDS.validate_python(self.heard)


@pytest.fixture
def listener() -> Listener:
    return Listener()


@pytest.fixture
def context(listener: Listener, tmp_path: Path) -> Context:
    return Context(channel=listener, work_dir=tmp_path / "work")


def fit() -> None:
    """What a trainer does."""
    from sklearn.linear_model import LogisticRegression

    LogisticRegression(C=0.7).fit([[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1])


def fit_and_fail(context: Context) -> None:
    """What an unlucky trainer does."""
    with autolog(context, "sklearn"):
        fit()
        raise ZeroDivisionError


def test_parameters_of_the_model_are_told(context: Context, listener: Listener) -> None:
    with autolog(context, "sklearn"):
        fit()
    params = {it.name: it.value for it in listener.records if isinstance(it, Param)}
    assert params["C"] == "0.7"


def test_metrics_of_the_training_are_told(context: Context) -> None:
    with autolog(context, "sklearn"):
        fit()
    assert context.metrics["training_accuracy_score"] == 1.0


def test_tags_are_told_except_mlflows_own(context: Context, listener: Listener) -> None:
    with autolog(context, "sklearn"):
        fit()
    tags = {it.name: it.value for it in listener.records if isinstance(it, Tag)}
    assert (tags["estimator_name"], [name for name in tags if name.startswith("mlflow.")]) == ("LogisticRegression", [])


def test_small_files_are_told_and_no_model(context: Context, listener: Listener) -> None:
    with autolog(context, "sklearn"):
        fit()
    files = {it.name for it in listener.records if isinstance(it, File)}
    assert ("estimator.html" in files, any("model" in name for name in files)) == (True, False)


def test_it_may_be_used_twice(context: Context, listener: Listener) -> None:
    with autolog(context, "sklearn"):
        fit()
    with autolog(context, "sklearn"):
        fit()
    assert len([it for it in listener.records if isinstance(it, Param) and it.name == "C"]) == 2


def test_what_is_logged_by_hand_with_steps_becomes_a_series(context: Context, listener: Listener) -> None:
    import mlflow

    with autolog(context, "sklearn"):
        for step in range(3):
            mlflow.log_metric("loss", 1 / (step + 1), step=step)
    points = [(it.step, it.value) for it in listener.records if isinstance(it, Point)]
    assert points == [(0, 1.0), (1, 1 / 2), (2, 1 / 3)]


def test_what_was_logged_before_an_exception_is_told(context: Context, listener: Listener) -> None:
    with pytest.raises(ZeroDivisionError):
        fit_and_fail(context)
    assert any(isinstance(it, Param) for it in listener.records)


def test_afterwards_mlflow_is_as_it_was(context: Context) -> None:
    import mlflow

    before = (mlflow.get_tracking_uri(), dict(os.environ))
    with autolog(context, "sklearn"):
        fit()
    assert (mlflow.get_tracking_uri(), dict(os.environ), mlflow.active_run()) == (*before, None)


def test_afterwards_nothing_is_logged_any_more(context: Context, tmp_path: Path) -> None:
    with autolog(context, "sklearn"):
        pass
    runs = [*tmp_path.rglob("meta.yaml")]
    fit()
    assert [*tmp_path.rglob("meta.yaml")] == runs


def test_nothing_is_left_in_the_working_folder(
    context: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with autolog(context, "sklearn"):
        fit()
    assert [path.name for path in tmp_path.iterdir()] == ["work"]
