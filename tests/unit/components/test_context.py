from __future__ import annotations

import math
from pathlib import Path

import pytest

from cmcore import Context
from cmcore.errors import UsageError


class Ear:
    """A channel that remembers."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, dict[str, float | str]]] = []
        self.cancelled = False

    def report(self, kind: str, data: dict[str, float | str]) -> None:
        self.heard.append((kind, data))


@pytest.fixture
def ear() -> Ear:
    return Ear()


@pytest.fixture
def context(ear: Ear, tmp_path: Path) -> Context:
    return Context(channel=ear, work_dir=tmp_path / "deep" / "work", name="run-1/train")


def test_progress_goes_to_the_channel(ear: Ear, context: Context) -> None:
    context.progress(1, 4, "epoch")
    assert ear.heard == [("progress", {"done": 1.0, "total": 4.0, "message": "epoch"})]


def test_a_line_for_the_log_goes_to_the_channel(ear: Ear, context: Context) -> None:
    context.log("half way")
    assert ear.heard == [("log", {"message": "half way"})]


def test_the_last_value_of_a_metric_counts(context: Context) -> None:
    context.metric("loss", 2)
    context.metric("loss", 1)
    assert context.metrics == {"loss": 1.0}


def test_a_metric_may_be_nan_though_no_event_can_carry_it(ear: Ear, context: Context) -> None:
    context.metric("auc", math.nan)
    assert (repr(context.metrics), ear.heard) == ("{'auc': nan}", [])


def test_the_work_folder_is_made_at_first_use(context: Context) -> None:
    assert context.work_dir.is_dir()


def test_the_idempotency_key_is_the_slot(context: Context) -> None:
    assert context.idempotency_key == "run-1/train"


def test_a_cancellation_is_seen(ear: Ear, context: Context) -> None:
    ear.cancelled = True
    assert context.cancelled


def test_a_plain_call_is_heard_by_nobody() -> None:
    Context().progress(1, 2)


def test_a_plain_call_has_no_work_folder_and_says_how_to_get_one() -> None:
    with pytest.raises(UsageError, match="give one: Context"):
        Context().work_dir  # noqa: B018 # reading is the claim
