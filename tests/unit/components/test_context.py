from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from pydantic import JsonValue

from cmcore import Context
from cmcore.components.context import TRACKED
from cmcore.components.intent import Intent
from cmcore.errors import UsageError
from cmcore.tracked import RECORDS, File, Note, Param, Point, Record, Shape, Tag


class Ear:
    """A channel that remembers."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, Mapping[str, JsonValue]]] = []
        self.cancelled = False

    def report(self, kind: str, data: Mapping[str, JsonValue]) -> None:
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


@pytest.fixture
def kept() -> dict[str, bytes]:
    return {}


@pytest.fixture
def tracking(ear: Ear, kept: dict[str, bytes]) -> Context:
    """A context whose tracked files end up in `kept`, at a time that stands still."""
    return Context(channel=ear, keep=kept.__setitem__, clock=lambda: 1.5)


def tracked(ear: Ear) -> list[Record]:
    """The records among what was heard."""
    return RECORDS.validate_python([data for kind, data in ear.heard if kind == TRACKED])


def test_a_metric_with_a_step_is_a_point_of_a_series(ear: Ear, tracking: Context) -> None:
    tracking.metric("loss", 0.5, step=3)
    assert tracked(ear) == [Point(at=1.5, name="loss", step=3, value=0.5)]


def test_the_last_point_of_a_series_is_the_metric(tracking: Context) -> None:
    tracking.metric("loss", 0.5, step=0)
    tracking.metric("loss", 0.25, step=1)
    assert tracking.metrics == {"loss": 0.25}


def test_a_point_may_be_nan_and_is_spelled(ear: Ear, tracking: Context) -> None:
    tracking.metric("loss", math.nan, step=0)
    assert ear.heard[0][1]["value"] == "nan"


def test_parameters_tags_and_notes_are_told(ear: Ear, tracking: Context) -> None:
    tracking.param("layers", [64, 32])
    tracking.tag("team", "x")
    tracking.note("warm start")
    assert tracked(ear) == [
        Param(at=1.5, name="layers", value="[64, 32]"),
        Tag(at=1.5, name="team", value="x"),
        Note(at=1.5, text="warm start"),
    ]


def test_a_table_is_a_file_of_comma_separated_values(ear: Ear, tracking: Context, kept: dict[str, bytes]) -> None:
    tracking.table("confusion", {"yes": [1, 2], "no": [3, 4]})
    file = tracked(ear)[0]
    assert isinstance(file, File)
    assert (file.what, kept[file.path]) == (Shape.TABLE, b"yes,no\n1,3\n2,4\n")


def test_two_files_of_one_name_are_two(tracking: Context, kept: dict[str, bytes]) -> None:
    tracking.text("report", "one")
    tracking.text("report", "two")
    assert list(kept.values()) == [b"one", b"two"]


@pytest.mark.parametrize("name", ["../../etc/passwd", "/abs", "a/../b", "..", "C:\\x", "a b/ü"])
def test_no_name_leads_a_file_out_of_its_folder(tracking: Context, kept: dict[str, bytes], name: str) -> None:
    tracking.text(name, "x")
    assert re.fullmatch(r"texts/0001-[A-Za-z0-9._-]+\.txt", next(iter(kept)))


@pytest.mark.parametrize("name", ["", "a\nb", "a\0b", "x" * 191])
def test_a_name_that_cannot_be_shown_is_refused(tracking: Context, name: str) -> None:
    with pytest.raises(UsageError, match="cannot name what is tracked"):
        tracking.tag(name, "x")


def test_a_long_note_is_refused_and_says_what_to_use_instead(tracking: Context) -> None:
    with pytest.raises(UsageError, match=r"keep it as a text\(\)"):
        tracking.note("x" * 1001)


def test_an_intent_waits_for_the_driver(tracking: Context) -> None:
    tracking.intend("register-model", output="registered", data={"model": "flights"})
    assert tracking.intents == [Intent(kind="register-model", output="registered", data={"model": "flights"})]


@pytest.mark.parametrize(
    "call",
    [
        lambda it: it.tag("t", 3), lambda it: it.param("p", object()), lambda it: it.metric("m", 1.0, step=1.5),
        lambda it: it.table("t", 7), lambda it: it.metric("", 1.0), lambda it: it.metric("x" * 191, 1.0),
        lambda it: it.metric("blank ", 1.0), lambda it: it.param("p", "x" * 1001),
    ],
)  # fmt: skip
def test_what_cannot_be_tracked_is_refused_at_once(tracking: Context, call: Callable[[Context], None]) -> None:
    with pytest.raises(UsageError):
        call(tracking)
