"""Runs as the log tells of them: builders of events, in the words of the runtime."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import JsonValue

from cmcore.events import Event, EventKind
from cmcore.state.database import StateDatabase
from cmcore.state.journal import record

START = 1_790_000_000.0


def started(run: str, *, at: float = START, **data: JsonValue) -> Event:
    told: dict[str, JsonValue] = {"pipeline": "flights", "project": "demo", "actor": "ana", "nodes": ["train"]}
    return Event(kind=EventKind.RUN_STARTED, at=at, run=run, data={**told, **data})


def ended(run: str, *, at: float = START + 60, state: str = "SUCCEEDED") -> Event:
    return Event(kind=EventKind.RUN_FINISHED, at=at, run=run, data={"state": state})


def of_node(kind: EventKind, run: str, node: str, attempt: int = 1, **data: JsonValue) -> Event:
    return Event(kind=kind, at=START + 1, run=run, node=node, address=f"{run}/{node}/{attempt}", data=data)


def submitted(run: str, node: str = "train", attempt: int = 1, **data: JsonValue) -> Event:
    return of_node(EventKind.ATTEMPT_SUBMITTED, run, node, attempt, **{"component": "Trainer", **data})


def tracked(run: str, *records: Mapping[str, JsonValue], node: str = "train", attempt: int = 1) -> Event:
    listed: list[JsonValue] = [{"at": START + 2, **each} for each in records]
    return of_node(EventKind.ATTEMPT_TRACKED, run, node, attempt, records=listed)


def published(run: str, output: str = "model", node: str = "train", **data: JsonValue) -> Event:
    name = f"{run}/{node}/1/{output}/0"
    said: dict[str, JsonValue] = {"type": "Model", "uri": f"/store/{name}", "digest": "sha256:12", **data}
    return of_node(EventKind.ARTIFACT_PUBLISHED, run, node, output=output, name=name, **said)


def finished(run: str, node: str = "train", attempt: int = 1, **data: JsonValue) -> Event:
    return of_node(EventKind.NODE_FINISHED, run, node, attempt, **{"state": "COMPLETE", **data})


def point(name: str, step: int, value: JsonValue) -> dict[str, JsonValue]:
    return {"kind": "point", "name": name, "step": step, "value": value}


def told(database: StateDatabase, *events: Event) -> None:
    """Append to the log as other packages do."""
    with database.writing() as connection:
        record(connection, events)


def whole_run(run: str, *, at: float = START, auc: Any = 0.9, lr: float = 0.1, team: str = "x") -> Sequence[Event]:
    """A run that trains, evaluates and ends well."""
    parameters: JsonValue = {"lr": {"value": lr, "layer": "set"}, "epochs": {"value": 3, "layer": "file cm.yaml"}}
    losses = [point("loss", step, 1.0 / (step + 1)) for step in range(3)]
    return [
        started(run, at=at, parameters=parameters, source="/work/flights.py"),
        submitted(run, "train", parameters={"lr": lr}),
        tracked(run, *losses, {"kind": "tag", "name": "team", "value": team}),
        published(run),
        finished(run, "train", metrics={"loss": 0.33, "rows": 100}),
        submitted(run, "evaluator"),
        finished(run, "evaluator", metrics={"auc": auc}),
        ended(run, at=at + 60),
    ]
