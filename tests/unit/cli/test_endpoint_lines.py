"""What people see of an endpoint's events."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from pydantic import JsonValue

from cmcore.cli.view.endpoint_lines import WORDS, EndpointView, Tail
from cmcore.errors import CmError, LineageError, PluginError
from cmcore.events import Event, EventKind
from cmcore.serving.states import Change
from cmcore.state.database import StateDatabase
from cmcore.state.journal import Journal
from cmcore.state.migration import STATE_BRANCH

APPLIED: dict[str, JsonValue] = {
    "endpoint": "delays", "revision": 2, "backend": "triton", "wanted": {"main": 3}, "actor": "ada",
    "resolved": {"main": "delays@1.1.0"}, "reason": "better", "project": "demo",
}  # fmt: skip
CHANGED: dict[str, JsonValue] = {
    "endpoint": "delays", "name": "delays-1.1.0-3", "change": "loaded", "state": "LOADED", "reason": "",
    "project": "demo",
}  # fmt: skip
MOVED: dict[str, JsonValue] = {
    "endpoint": "delays", "to": {"main": {"number": 3, "name": "delays-1.1.0-3", "version": "delays@1.1.0"}},
    "project": "demo",
}  # fmt: skip


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(StateDatabase.open(f"sqlite:///{tmp_path}/state.db", branches=[STATE_BRANCH]))


@pytest.fixture
def view(journal: Journal) -> EndpointView:
    return EndpointView(tail=Tail(journal=journal, project="demo", endpoint="delays"))


@pytest.mark.parametrize(
    ("kind", "data", "told"),
    [
        (EventKind.ENDPOINT_APPLIED, APPLIED, "delays revision 2 by ada: delays@1.1.0 on triton (better)"),
        (EventKind.ENDPOINT_APPLIED, APPLIED | {"wanted": {}, "resolved": {}}, "nothing is wanted of it any more"),
        (EventKind.DEPLOYMENT_CHANGED, CHANGED, "✔ delays-1.1.0-3  loaded"),
        (EventKind.DEPLOYMENT_CHANGED, CHANGED | {"change": "refused", "reason": "no\nGPU"}, "refused     no GPU"),
        (EventKind.TRAFFIC_MOVED, MOVED, "delays: traffic moved: main is delays-1.1.0-3, delays@1.1.0"),
        (EventKind.TRAFFIC_MOVED, MOVED | {"to": {}}, "traffic ended: nobody is served any more"),
        (EventKind.ENDPOINT_HELD, {"endpoint": "delays", "reason": "away"}, "… delays: away"),
        (EventKind.ENDPOINT_HELD, {"endpoint": "delays", "reason": ""}, "✔ delays: goes on"),
    ],
)
def test_an_event_is_told_in_one_line(
    kind: EventKind,
    data: dict[str, JsonValue],
    told: str,
    view: EndpointView,
    capsys: pytest.CaptureFixture[str],
) -> None:
    view.hear(Event(kind=kind, at=5.0, data=data))
    out = click.unstyle(capsys.readouterr().out)
    assert (told in out, out.count("\n")) == (True, 1)


@pytest.mark.parametrize("change", Change)
def test_every_change_has_its_word(change: Change) -> None:
    assert WORDS[change][1]


def test_a_step_is_told_with_the_time_since_the_one_before(
    view: EndpointView, capsys: pytest.CaptureFixture[str]
) -> None:
    view.hear(Event(kind=EventKind.DEPLOYMENT_CHANGED, at=5.0, data=CHANGED | {"change": "placed", "state": "PLACED"}))
    view.hear(Event(kind=EventKind.DEPLOYMENT_CHANGED, at=7.5, data=CHANGED))
    assert capsys.readouterr().out.splitlines()[-1].endswith("2.5 s")


def test_the_same_note_is_not_said_twice(view: EndpointView, capsys: pytest.CaptureFixture[str]) -> None:
    view.note("the store is away")
    view.note("the store is away")
    assert capsys.readouterr().err.count("the store is away") == 1


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (PluginError("no such backend"), "delays is left alone: no such backend"),
        (LineageError("the database is away"), "the lineage is told later: the database is away"),
    ],
)
def test_an_error_that_came_instead_of_a_step_is_told(
    view: EndpointView, capsys: pytest.CaptureFixture[str], error: CmError, said: str
) -> None:
    view.heard("delays", error)
    assert said in capsys.readouterr().err


def test_only_events_of_its_own_endpoint_that_come_later_are_shown(
    journal: Journal, capsys: pytest.CaptureFixture[str]
) -> None:
    journal.append([Event(kind=EventKind.TRAFFIC_MOVED, at=1.0, data=MOVED)], lease=None)
    view = EndpointView(tail=Tail(journal=journal, project="demo", endpoint="delays"))
    others = [MOVED | {"endpoint": "other"}, MOVED | {"project": "other"}, MOVED]
    journal.append([Event(kind=EventKind.TRAFFIC_MOVED, at=2.0, data=data) for data in others], lease=None)
    view.catch_up()
    view.catch_up()
    assert len(capsys.readouterr().out.splitlines()) == 1
