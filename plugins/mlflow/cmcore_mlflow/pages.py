"""Pages: what a portion of events says of each MLflow run, as values. Nothing here knows MLflow or remembers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from pydantic import JsonValue

from cmcore.events import Event, EventKind
from cmcore.tracked import RECORDS, TRACKED_FILES, Note, Param, Point, SystemReading, Tag
from cmcore_mlflow import spelling

ENDS: Mapping[str, str] = MappingProxyType(
    {
        "SUCCEEDED": "FINISHED", "COMPLETE": "FINISHED", "CACHED": "FINISHED", "REUSED": "FINISHED",
        "FAILED": "FAILED", "CANCELED": "KILLED", "SKIPPED": "KILLED",
    }
)  # fmt: skip
RUNNING, RETRIED, LOST = "RUNNING", "RETRIED", "LOST"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One value of a metric; equal rows are one row to MLflow."""

    name: str
    value: float
    at_ms: int
    step: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """How an MLflow run begins: its name, and for a pipeline's run the words that its experiment is named after."""

    title: str
    at_ms: int
    project: str = ""
    pipeline: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """How an MLflow run stands since when."""

    status: str
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """An artifact that a node read."""

    key: str
    name: str
    type: str
    uri: str
    digest: str
    id: int


@dataclass(slots=True)
class Page:
    """All that one portion says of the run (`node` empty) or of an attempt at one of its nodes.

    `attempt` is 0 where the event does not say which: the newest is meant. `finals` are metrics without a step, which
    may belong to a series that earlier portions began.
    """

    run: str
    node: str = ""
    attempt: int = 0
    start: Start | None = None
    end: End | None = None
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str | None] = field(default_factory=dict)
    points: list[Row] = field(default_factory=list)
    system: list[Row] = field(default_factory=list)
    finals: list[Row] = field(default_factory=list)
    notes: dict[str, str] = field(default_factory=dict)
    inputs: list[Input] = field(default_factory=list)
    outputs: list[dict[str, JsonValue]] = field(default_factory=list)
    uploads: list[str] = field(default_factory=list)


class Book:
    """The pages of one portion, in the order in which events first speak of them."""

    def __init__(self) -> None:
        self._pages: dict[tuple[str, str, int], Page] = {}

    def page(self, run: str, node: str = "", attempt: int = 0) -> Page:
        """The page of a run or of an attempt at a node, empty at first."""
        return self._pages.setdefault((run, node, attempt), Page(run=run, node=node, attempt=attempt))

    def pages(self) -> list[Page]:
        """Those of runs before those of nodes, which need them."""
        return sorted(self._pages.values(), key=lambda page: page.node != "")


def book_of(events: Iterable[Event]) -> Book:
    """What these events say; those about anything but runs are passed over."""
    book = Book()
    for event in events:
        if event.kind in WRITERS:
            WRITERS[event.kind](book, event)
    return book


def ms(at: float) -> int:
    """Milliseconds, as MLflow counts."""
    return round(at * 1000)


def text(data: Mapping[str, JsonValue], key: str) -> str:
    """A text among an event's data; empty if it is not there."""
    found = data.get(key)
    return "" if found is None else spelling.value(found)


def mapping(data: Mapping[str, JsonValue], key: str) -> dict[str, JsonValue]:
    """A mapping among an event's data; empty if it is not there."""
    found = data.get(key)
    return found if isinstance(found, dict) else {}


def listed(data: Mapping[str, JsonValue], key: str) -> Sequence[JsonValue]:
    """A list among an event's data; empty if it is not there."""
    found = data.get(key)
    return found if isinstance(found, list) else []


def node_page(book: Book, event: Event) -> Page:
    """The page of the event's node, which began by then."""
    attempt = int(event.address.rpartition("/")[2] or 0)
    page = book.page(event.run, event.node, attempt)
    title = event.node if attempt < 2 else f"{event.node} (attempt {attempt})"
    page.start = page.start or Start(title=title, at_ms=ms(event.at))
    return page


def run_started(book: Book, event: Event) -> None:
    """A run begins, or goes on."""
    page, data = book.page(event.run), event.data
    code = mapping(data, "code_version")
    page.start = Start(
        title=event.run, at_ms=ms(event.at), project=text(data, "project"), pipeline=text(data, "pipeline")
    )
    page.end = End(status=RUNNING, at_ms=ms(event.at))
    page.tags |= {
        "cmcore.run": event.run,
        "cmcore.pipeline": text(data, "pipeline"),
        "cmcore.project": text(data, "project"),
        "cmcore.state": RUNNING,
        "cmcore.environment": text(data, "environment_digest"),
        "cmcore.command": " ".join(map(str, listed(data, "argv"))),
        "cmcore.commit": text(code, "commit"),
        "cmcore.dirty": text(code, "dirty_digest"),
        "mlflow.user": text(data, "actor"),
        "mlflow.source.name": text(data, "source") or text(data, "pipeline"),
        "mlflow.source.type": "LOCAL",
        "mlflow.source.git.commit": text(code, "commit"),
        "mlflow.source.git.branch": text(code, "branch"),
    }
    for name, layered in mapping(data, "parameters").items():
        given = layered if isinstance(layered, dict) else {"value": layered}
        page.params[name] = spelling.value(given.get("value"))
        page.tags[f"cmcore.layer.{name}"] = text(given, "layer")


def run_finished(book: Book, event: Event) -> None:
    """A run is over."""
    state = text(event.data, "state")
    page = book.page(event.run)
    page.tags["cmcore.state"] = state
    page.end = End(status=ENDS.get(state, "KILLED"), at_ms=ms(event.at))


def attempt_submitted(book: Book, event: Event) -> None:
    """A node begins, or is tried again."""
    page, data = node_page(book, event), event.data
    page.end = End(status=RUNNING, at_ms=ms(event.at))
    page.tags |= {
        "cmcore.execution": event.address,
        "cmcore.component": text(data, "component"),
        "cmcore.state": RUNNING,
        "cmcore.reason": text(data, "reason"),
    }
    page.params |= {name: spelling.value(given) for name, given in mapping(data, "parameters").items()}
    page.inputs += [input_of(it) for it in listed(data, "inputs") if isinstance(it, dict)]


def input_of(data: Mapping[str, JsonValue]) -> Input:
    """An input as an event tells it."""
    return Input(
        key=text(data, "key"),
        name=text(data, "name"),
        type=text(data, "type"),
        uri=text(data, "uri"),
        digest=text(data, "digest"),
        id=int(text(data, "id") or 0),
    )


def attempt_tracked(book: Book, event: Event) -> None:
    """What an executor told about itself."""
    page = node_page(book, event)
    for index, record in enumerate(RECORDS.validate_python(event.data.get("records", []))):
        match record:
            case Point():
                page.points.append(
                    Row(
                        name=record.name,
                        value=spelling.number(record.value),
                        at_ms=ms(record.at),
                        step=spelling.step(record.step),
                    )
                )
            case SystemReading():
                value = spelling.number(record.value)
                page.system.append(Row(name=f"system/{record.name}", value=value, at_ms=ms(record.at)))
            case Param():
                page.params[record.name] = record.value
            case Tag():
                page.tags[spelling.tag_name(record.name)] = record.value
            case Note():
                page.notes[f"{event.seq}.{index}"] = record.text


def artifact_published(book: Book, event: Event) -> None:
    """A node has an output; the files that its executor tracked are one too."""
    page, data = node_page(book, event), event.data
    if text(data, "output") == TRACKED_FILES:
        page.uploads.append(text(data, "uri"))
    page.outputs.append(dict(data))


def node_finished(book: Book, event: Event) -> None:
    """A node is over; its metrics are the run's too, so that runs can be compared by them."""
    page, data, state = node_page(book, event), event.data, text(event.data, "state")
    page.end = End(status=ENDS.get(state, "KILLED"), at_ms=ms(event.at))
    page.tags |= {
        "cmcore.state": state,
        "cmcore.reason": text(data, "reason"),
        "cmcore.cached_from": text(data, "cached_from"),
        "cmcore.mlmd.execution_id": text(data, "execution_id"),
    }
    if event.address:
        page.tags["cmcore.execution"] = event.address
    if "component" in data:  # a cached node, of which no attempt was submitted
        page.tags["cmcore.component"] = text(data, "component")
        page.params |= {name: spelling.value(given) for name, given in mapping(data, "parameters").items()}
        page.inputs += [input_of(it) for it in listed(data, "inputs") if isinstance(it, dict)]
    for name, given in mapping(data, "metrics").items():
        final = Row(name=name, value=spelling.number(given), at_ms=ms(event.at))
        page.finals.append(final)
        book.page(event.run).finals.append(Row(name=f"{event.node}/{name}", value=final.value, at_ms=final.at_ms))


def node_retrying(book: Book, event: Event) -> None:
    """An attempt failed, and there will be another one."""
    page = node_page(book, event)
    page.end = End(status="FAILED", at_ms=ms(event.at))
    page.tags |= {"cmcore.state": RETRIED, "cmcore.reason": text(event.data, "reason")}


def run_tagged(book: Book, event: Event) -> None:
    """Somebody labelled the run."""
    tags = mapping(event.data, "tags").items()
    book.page(event.run).tags |= {
        spelling.tag_name(name): None if given is None else spelling.value(given) for name, given in tags
    }


def run_noted(book: Book, event: Event) -> None:
    """Somebody wrote a remark on the run."""
    actor = text(event.data, "actor")
    book.page(event.run).notes[str(event.seq)] = f"**{actor}**: {text(event.data, 'text')}"


WRITERS: Mapping[EventKind, Callable[[Book, Event], None]] = MappingProxyType(
    {
        EventKind.RUN_STARTED: run_started,
        EventKind.RUN_RESUMED: run_started,
        EventKind.RUN_FINISHED: run_finished,
        EventKind.ATTEMPT_SUBMITTED: attempt_submitted,
        EventKind.ATTEMPT_TRACKED: attempt_tracked,
        EventKind.ARTIFACT_PUBLISHED: artifact_published,
        EventKind.NODE_FINISHED: node_finished,
        EventKind.NODE_RETRYING: node_retrying,
        EventKind.RUN_TAGGED: run_tagged,
        EventKind.RUN_NOTED: run_noted,
    }
)
