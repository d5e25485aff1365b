"""What an event changes in the tables, as values: the whole meaning of the log for tracking. Nothing is written here.

Older journals say less, and what is missing is empty. What a database could not keep is cut or left out, because an
event that cannot be applied would stop every later one.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pydantic import JsonValue, TypeAdapter, ValidationError

from cmcore.events import Event, EventKind
from cmcore.tracked import File, Note, Param, Point, Record, SystemReading, Tag
from cmcore.tracking import statements
from cmcore.tracking.statements import Statement

NAME_MAX, TEXT_MAX = 250, 5000
STEP_MAX = 2**63 - 1
NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
UNSTORABLE = re.compile("[\0\ud800-\udfff]")
RECORD: TypeAdapter[Record] = TypeAdapter(Record)
RUNNING = "RUNNING"

Row = dict[str, object]


@dataclass(frozen=True, slots=True)
class Change:
    """A statement and what it is carried out with."""

    statement: Statement
    row: Row


def changes(event: Event, run_number: int) -> Iterator[Change]:
    """What an event changes; `run_number` is that of its run: its own, where it is the first to tell."""
    match event.kind:
        case EventKind.RUN_STARTED | EventKind.RUN_RESUMED if run_number == event.seq:
            yield Change(statements.PUT_RUN, run_row(event))
            yield from given_params(event.data.get("parameters"), run_number)
        case EventKind.RUN_STARTED | EventKind.RUN_RESUMED:
            yield Change(statements.SET_STATE, {"run_number": run_number, "state": RUNNING, "finished_at": None})
        case EventKind.RUN_FINISHED:
            state = text_of(event.data.get("state"))
            yield Change(statements.SET_STATE, {"run_number": run_number, "state": state, "finished_at": event.at})
        case EventKind.ATTEMPT_SUBMITTED:
            yield from submitted(event, run_number)
        case EventKind.ATTEMPT_TRACKED:
            yield from tracked(event, run_number)
        case EventKind.ARTIFACT_PUBLISHED:
            yield published(event, run_number)
        case EventKind.NODE_FINISHED:
            yield from finished(event, run_number)
        case EventKind.RUN_TAGGED:
            yield from tagged(event, run_number)
        case EventKind.RUN_NOTED:
            yield noted(event, run_number)
        case _:
            return


def run_row(event: Event) -> Row:
    """The row of a run that starts, or goes on after a kill came before its start was told."""
    version = mapping(event.data.get("code_version"))
    command = event.data.get("argv")
    return {
        "number": event.seq,
        "run": name_of(event.run),
        **{name: text_of(event.data.get(name)) for name in ("pipeline", "project", "actor", "source")},
        "state": RUNNING,
        "created_at": event.at,
        "finished_at": None,
        "code_commit": text_of(version.get("commit")),
        "code_changes": text_of(version.get("dirty_digest")),
        "environment": text_of(event.data.get("environment_digest")),
        "command": json.dumps([str(word) for word in command] if isinstance(command, list) else []),
    }


def given_params(parameters: JsonValue, run_number: int) -> Iterator[Change]:
    """The pipeline's parameters, each with its layer."""
    for name, given in mapping(parameters).items():
        layered = given if isinstance(given, dict) else {"value": given}
        yield param(run_number, "", name, layered.get("value"), text_of(layered.get("layer")))


def submitted(event: Event, run_number: int) -> Iterator[Change]:
    """A node is tried (again): what an earlier attempt left does not count any more."""
    place: Row = {"run_number": run_number, "node": slot(event)}
    if not event.address.endswith("/1"):
        yield from (Change(statement, place) for statement in statements.CLEARS)
    yield Change(statements.BEGIN_NODE, {**place, "component": text_of(event.data.get("component"))})
    for name, value in mapping(event.data.get("parameters")).items():
        yield param(run_number, slot(event), name, value, "node")


def tracked(event: Event, run_number: int) -> Iterator[Change]:
    """What an executor has tracked."""
    place: Row = {"run_number": run_number, "node": slot(event)}
    series: dict[tuple[str, bool], None] = {}
    last: dict[str, float] = {}
    for position, record in enumerate(records(event)):
        match record:
            case Point(step=step) if abs(step) <= STEP_MAX:
                name = name_of(record.name)
                series[name, False], last[name] = None, record.value
                row = {**place, "name": name, "step": step, "at": record.at, "number": number_of(record.value)}
                yield Change(statements.PUT_POINT, row)
            case SystemReading():
                name = name_of(record.name)
                series[name, True] = None
                row = {**place, "name": name, "at": record.at, "number": number_of(record.value)}
                yield Change(statements.PUT_READING, row)
            case Param():
                yield param(run_number, slot(event), record.name, record.value, "executor")
            case Tag():
                yield tag(run_number, slot(event), record.name, record.value)
            case Note():
                note = {"at": record.at, "actor": "", "text": storable(record.text)}
                yield Change(statements.PUT_NOTE, {**place, "seq": event.seq, "position": position, **note})
            case File():
                yield file(record, place)
    for name, system in series:
        yield Change(statements.PUT_SERIES, {**place, "name": name, "system": system})
    for name, value in last.items():
        yield metric(run_number, slot(event), name, value)


def records(event: Event) -> Iterator[Record]:
    """The records of an event; what is none that we know is left out."""
    found = event.data.get("records")
    for each in found if isinstance(found, list) else ():
        try:
            yield RECORD.validate_python(each)
        except ValidationError:
            continue


def file(record: File, place: Row) -> Change:
    """A tracked file."""
    row = {
        "path": name_of(record.path),
        "what": record.what.value,
        "name": name_of(record.name),
        "media_type": name_of(record.media_type),
        "step": record.step if record.step is None or abs(record.step) <= STEP_MAX else None,
    }
    return Change(statements.PUT_FILE, {**place, **row})


def published(event: Event, run_number: int) -> Change:
    """An artifact that a node has written."""
    key = {name: name_of(text_of(event.data.get(name))) for name in ("output", "name")}
    said = {name: text_of(event.data.get(name)) for name in ("type", "uri", "digest")}
    return Change(statements.PUT_ARTIFACT, {"run_number": run_number, "node": slot(event), **key, **said})


def finished(event: Event, run_number: int) -> Iterator[Change]:
    """A node is over; one that was served from the cache has what the original execution was given and has written."""
    node = slot(event)
    cached_run, _, rest = text_of(event.data.get("cached_from")).partition("/")
    place: Row = {
        "run_number": run_number,
        "node": node,
        "cached_run": cached_run,
        "cached_node": rest.partition("/")[0],
    }
    yield Change(statements.END_NODE, {**place, "state": text_of(event.data.get("state"))})
    if cached_run:
        yield from (Change(statement, place) for statement in statements.COPIES)
    for name, value in mapping(event.data.get("metrics")).items():
        if isinstance(value, str | float | int) and (number := float_of(value)) is not None:
            yield metric(run_number, node, name_of(name), number)


def tagged(event: Event, run_number: int) -> Iterator[Change]:
    """Tags that somebody gave or took away."""
    for name, value in mapping(event.data.get("tags")).items():
        if value is None:
            yield Change(statements.REMOVE_TAG, {"run_number": run_number, "name": name_of(name)})
        else:
            yield tag(run_number, "", name, text_of(value))


def noted(event: Event, run_number: int) -> Change:
    """A remark that somebody made."""
    said = {name: text_of(event.data.get(name)) for name in ("actor", "text")}
    row = {"run_number": run_number, "seq": event.seq, "position": 0, "node": "", "at": event.at, **said}
    return Change(statements.PUT_NOTE, row)


def param(run_number: int, node: str, name: str, value: JsonValue, layer: str) -> Change:
    """One parameter."""
    text = text_of(value)
    row = {"name": name_of(name), "node": node, "text": text, "number": numeric(text), "layer": layer}
    return Change(statements.PUT_PARAM, {"run_number": run_number, **row})


def metric(run_number: int, node: str, name: str, value: float) -> Change:
    """The last value of a metric."""
    row = {"name": name, "node": node, "text": repr(value), "number": number_of(value)}
    return Change(statements.PUT_METRIC, {"run_number": run_number, **row})


def tag(run_number: int, node: str, name: str, value: str) -> Change:
    """One tag."""
    text = storable(value)
    row = {"name": name_of(name), "node": node, "text": text, "number": numeric(text)}
    return Change(statements.PUT_TAG, {"run_number": run_number, **row})


def slot(event: Event) -> str:
    """The node, with its item inside a map: what attempts follow each other at."""
    parts = event.address.split("/")
    return name_of(parts[1] if len(parts) == 3 else event.node)


def name_of(name: str) -> str:
    """A name as the tables can hold it."""
    return storable(name)[:NAME_MAX]


def text_of(value: JsonValue) -> str:
    """A value as one text: texts as they are, everything else as JSON, nothing as nothing."""
    if value is None:
        return ""
    return storable(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True))


def storable(text: str) -> str:
    """What every database can keep of a text; a long one is cut, and its digest tells it from others like it."""
    clean = UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", text)
    if len(clean) <= TEXT_MAX:
        return clean
    return f"{clean[:TEXT_MAX]}... (sha256 {hashlib.sha256(clean.encode()).hexdigest()}, {len(clean)} characters)"


def numeric(text: str) -> float | None:
    """The number that a text spells."""
    return number_of(float(text)) if len(text) < 100 and NUMBER.fullmatch(text) else None


def float_of(value: str | float) -> float | None:
    """A number as JSON can hold it, NaN and infinities by name."""
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None


def number_of(value: float) -> float | None:
    """A number as the tables hold it: NaN is NULL, because databases disagree on how it compares."""
    return None if math.isnan(value) else float(value)


def mapping(value: JsonValue) -> Mapping[str, JsonValue]:
    """A mapping, or an empty one in place of everything else."""
    return value if isinstance(value, dict) else {}
