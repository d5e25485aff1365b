"""TrackerContract, the tests of every tracker for its author to inherit; and MemoryTracker, the reference.

Nothing here starts a process or a server: how a tracker is fed is `cmcore.tracking`'s affair.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic

import pytest
from pydantic import JsonValue

from cmcore.errors import TrackerError
from cmcore.events import Event, EventKind
from cmcore.tracked import RECORDS, Param, Point, Record, SystemReading, Tag
from cmcore.tracking.tracker import Memory, Tracker

AT = 1_790_000_000.0
RUN = "train-20260921-141320-c0ffee00"
CANARY = "hunter2-canary"
NETWORK_S = 0.5  # what asks a network that does not answer takes longer


class PlainMemory:
    """A memory for tests: a dictionary."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}

    def get(self, name: str) -> str:
        """The text under a name."""
        return self.texts.get(name, "")

    def put(self, name: str, text: str) -> None:
        """Keep a text."""
        self.texts[name] = text


class Killed(BaseException):
    """The process ends here."""


class DyingMemory:
    """A memory whose process is killed at its nth write, before or after the text is kept."""

    def __init__(self, memory: Memory, *, nth: int, kept: bool) -> None:
        self._memory, self._left, self._kept = memory, nth, kept

    def get(self, name: str) -> str:
        """The text under a name."""
        return self._memory.get(name)

    def put(self, name: str, text: str) -> None:
        """Keep a text, or die."""
        self._left -= 1
        if self._left or self._kept:
            self._memory.put(name, text)
        if not self._left:
            raise Killed


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a tracker's backend has of a run (`node` empty) or of one of its nodes.

    `metrics` has every value of each name with its step, in the order of the steps; 0 where there is no step.
    """

    node: str = ""
    state: str = ""
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, Sequence[tuple[int, float]]] = field(default_factory=dict)

    @property
    def comparable(self) -> tuple[object, ...]:
        """Everything about it, NaN equal to itself."""
        metrics = {name: [(step, repr(value)) for step, value in values] for name, values in self.metrics.items()}
        return self.node, self.state, dict(self.params), dict(self.tags), metrics


class MemoryTracker:
    """The reference: what it got is in `seen`, which stands for a server and outlives the tracker.

    Events are told apart by their numbers. `fails` is called before anything is taken in, and may raise.
    """

    def __init__(
        self, memory: Memory, seen: dict[int, Event], *, fails: Callable[[Sequence[Event]], None] = lambda _: None
    ) -> None:
        self._memory, self.seen, self._fails = memory, seen, fails

    def deliver(self, events: Sequence[Event]) -> None:
        """Take in events that are new."""
        self._fails(events)
        self._memory.put("newest", str(events[-1].seq))
        self.seen |= {event.seq: event for event in events}

    def link(self, run: str, node: str = "") -> str:
        """There are no pages."""
        return ""

    def close(self) -> None:
        """Nothing is held."""

    def shown(self, run: str) -> list[Seen]:
        """The run and its nodes, as the events tell them."""
        told = [event for _, event in sorted(self.seen.items()) if event.run == run]
        nodes = dict.fromkeys(event.node for event in told)
        return [seen_of(node, [event for event in told if event.node == node]) for node in nodes]


def seen_of(node: str, events: Iterable[Event]) -> Seen:
    """What events say of a run or of one node."""
    state, params, tags = "", dict[str, str](), dict[str, str]()
    metrics: dict[str, list[tuple[int, float]]] = {}
    for event in events:
        state = str(event.data.get("state", state))
        params |= given_parameters(event)
        for record in RECORDS.validate_python(event.data.get("records", [])):
            match record:
                case Point():
                    metrics.setdefault(record.name, []).append((record.step, record.value))
                case SystemReading():
                    metrics.setdefault(f"system/{record.name}", []).append((0, record.value))
                case Param():
                    params[record.name] = record.value
                case Tag():
                    tags[record.name] = record.value
        told = event.data.get("metrics", {})
        for name, value in told.items() if isinstance(told, dict) else ():
            series = metrics.setdefault(name, [])
            if not series or series[-1][1] != float(str(value)):
                series.append((0, float(str(value))))
        given = event.data.get("tags", {})
        tags |= {name: str(value) for name, value in given.items()} if isinstance(given, dict) else {}
    return Seen(node=node, state=state, params=params, tags=tags, metrics=metrics)


def given_parameters(event: Event) -> dict[str, str]:
    """The parameters of a run, which have layers, or of a node."""
    given = event.data.get("parameters", {})
    values = {
        name: it["value"] if isinstance(it, dict) and "value" in it else it
        for name, it in (given.items() if isinstance(given, dict) else ())
    }
    return {name: str(value) for name, value in values.items()}


def numbered(events: Iterable[Event], *, after: int = 0) -> list[Event]:
    """The events with numbers, as the log gives them."""
    return [event.model_copy(update={"seq": seq}) for seq, event in enumerate(events, start=after + 1)]


def run_events(run: str = RUN, nodes: Sequence[str] = ("load", "train")) -> list[Event]:
    """A run of nodes that each track a parameter, a tag, a series and a metric, and that all end well."""
    started = a_fact(
        EventKind.RUN_STARTED,
        run,
        pipeline="train",
        project="demo",
        actor="ada",
        nodes=list(nodes),
        parameters={
            "rate": {"value": 0.1, "layer": "--set"},
            "token": {"value": "${secret:contract}", "layer": "file"},
        },
        source="train.py",
        argv=["cm", "run", "train.py"],
        code_version={"commit": "c0ffee", "branch": "main", "dirty": False, "dirty_digest": "", "reason": ""},
        environment_digest="sha256:" + "e" * 64,
    )
    told = [event for number, node in enumerate(nodes, start=1) for event in node_events(run, node, number)]
    return [started, *told, a_fact(EventKind.RUN_FINISHED, run, at=100.0, state="SUCCEEDED")]


def node_events(run: str, node: str, number: int) -> list[Event]:
    """What one node of `run_events` tells."""
    at = AT + number
    records: list[Record] = [
        *(Point(at=at + step / 10, name="loss", step=step, value=1.0 / (step + number)) for step in range(3)),
        SystemReading(at=at + 1, name="memory_mib", value=100.0 + number),
        Param(at=at, name="seed", value=str(number)),
        Tag(at=at, name="stage", value=f"{node}-ing"),
    ]
    address = f"{run}/{node}/1"
    reads = {"key": "data", "name": f"{run}/data/1/data/0", "type": "Examples", "uri": "s3://b/data", "id": 1}
    makes = {
        "output": "model",
        "name": f"{address}/model/0",
        "type": "Model",
        "uri": f"s3://b/{node}",
        "id": 10 + number,
    }
    return [
        a_fact(
            EventKind.ATTEMPT_SUBMITTED, run, node, address, at=number, component=node,
            parameters={"rate": 0.1, "token": "${secret:contract}"}, inputs=[{**reads, "digest": "sha256:" + "d" * 64}],
        ),
        a_fact(EventKind.ATTEMPT_TRACKED, run, node, address, at=number, records=RECORDS.dump_python(records)),
        a_fact(
            EventKind.ARTIFACT_PUBLISHED, run, node, address, at=number + 1, **makes,
            digest=f"sha256:{number:064x}", properties={},
        ),
        a_fact(
            EventKind.NODE_FINISHED, run, node, address, at=number + 1, state="COMPLETE", execution_id=number,
            metrics={"auc": 0.5 + number / 100, "loss": 1.0 / (2 + number), "gain": "nan"}, duration_s=0.5,
        ),
    ]  # fmt: skip


def a_fact(kind: EventKind, run: str, node: str = "", address: str = "", at: float = 0.0, **data: object) -> Event:
    """One event of a run, so many seconds after its start."""
    return Event.model_validate(
        {"kind": kind, "at": AT + at, "run": run, "node": node, "address": address, "data": data}
    )


def foreign_events() -> list[Event]:
    """Events that say nothing about runs."""
    data: dict[str, JsonValue] = {"name": "flights", "actor": "ada"}
    kinds = (EventKind.POLICY_APPLIED, EventKind.DATA_SNAPSHOTTED, EventKind.PIN_SET, EventKind.PAYLOAD_DELETED)
    return [Event(kind=kind, at=AT, data=data) for kind in kinds]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What most tests need: trackers of one backend, what it has, what trackers remember, and a run to deliver."""

    opened: Callable[[Memory], Tracker]
    shown: Callable[[str], Sequence[Seen]]
    memory: PlainMemory
    events: list[Event]


class TrackerContract:
    """What every tracker keeps to. A subclass gives three fixtures.

        class TestMine(TrackerContract):
            @pytest.fixture
            def opened(self) -> Callable[[Memory], Tracker]:
                return lambda memory: MyTracker(memory, URL)

            @pytest.fixture
            def shown(self) -> Callable[[str], Sequence[Seen]]:
                return ...  # what the backend behind `opened` has of a run and of its nodes

            @pytest.fixture
            def unreachable(self) -> Callable[[Memory], Tracker]:
                return lambda memory: MyTracker(memory, "http://127.0.0.1:9")

    Each test has a backend of its own, or run names would meet.
    """

    @pytest.fixture
    def opened(self) -> Callable[[Memory], Tracker]:
        """Makes a tracker of one and the same backend, as a new process would."""
        raise NotImplementedError(f"{type(self).__name__} must have a fixture opened")

    @pytest.fixture
    def shown(self) -> Callable[[str], Sequence[Seen]]:
        """Reads back what the backend has of a run: itself and each of its nodes."""
        raise NotImplementedError(f"{type(self).__name__} must have a fixture shown")

    @pytest.fixture
    def unreachable(self) -> Callable[[Memory], Tracker]:
        """Makes a tracker whose backend cannot be reached."""
        raise NotImplementedError(f"{type(self).__name__} must have a fixture unreachable")

    @pytest.fixture
    def memory(self) -> PlainMemory:
        """What the tracker remembers."""
        return PlainMemory()

    @pytest.fixture
    def events(self) -> list[Event]:
        """A run of two nodes, as the log has it."""
        return numbered(run_events())

    @pytest.fixture
    def stage(
        self,
        opened: Callable[[Memory], Tracker],
        shown: Callable[[str], Sequence[Seen]],
        memory: PlainMemory,
        events: list[Event],
    ) -> Stage:
        """All of it together."""
        return Stage(opened=opened, shown=shown, memory=memory, events=events)

    @pytest.fixture
    def delivered(self, stage: Stage) -> dict[str, Seen]:
        """The run and its nodes by name, delivered at once; the run's own name is empty."""
        stage.opened(stage.memory).deliver(stage.events)
        return {seen.node: seen for seen in stage.shown(RUN)}

    def test_a_run_and_each_of_its_nodes_are_there_once(
        self, delivered: dict[str, Seen], shown: Callable[[str], Sequence[Seen]]
    ) -> None:
        assert sorted(seen.node for seen in shown(RUN)) == ["", "load", "train"]

    def test_every_point_of_a_series_is_there_once_at_its_step(self, delivered: dict[str, Seen]) -> None:
        assert list(delivered["train"].metrics["loss"])[:3] == [(0, 1 / 2), (1, 1 / 3), (2, 1 / 4)]

    def test_a_metric_without_a_step_is_there(self, delivered: dict[str, Seen]) -> None:
        assert [value for _, value in delivered["train"].metrics["auc"]] == [0.52]

    def test_a_metric_that_is_not_a_number_is_there(self, delivered: dict[str, Seen]) -> None:
        assert [str(value) for _, value in delivered["train"].metrics["gain"]] == ["nan"]

    def test_readings_of_the_machine_are_there(self, delivered: dict[str, Seen]) -> None:
        assert [value for _, value in delivered["train"].metrics["system/memory_mib"]] == [102.0]

    def test_the_parameters_of_the_run_are_there(self, delivered: dict[str, Seen]) -> None:
        assert delivered[""].params["rate"] == "0.1"

    def test_the_parameters_of_a_node_are_there_and_those_that_it_found_out(self, delivered: dict[str, Seen]) -> None:
        assert (delivered["train"].params["rate"], delivered["train"].params["seed"]) == ("0.1", "2")

    def test_the_tags_of_a_node_are_there(self, delivered: dict[str, Seen]) -> None:
        assert delivered["load"].tags["stage"] == "load-ing"

    def test_a_tag_that_somebody_gave_the_run_is_there(self, stage: Stage) -> None:
        tagged = a_fact(EventKind.RUN_TAGGED, RUN, tags={"team": "x"}, actor="ada")
        stage.opened(stage.memory).deliver([*stage.events, *numbered([tagged], after=len(stage.events))])
        assert next(seen for seen in stage.shown(RUN) if not seen.node).tags["team"] == "x"

    def test_delivering_twice_is_the_same_as_once(self, stage: Stage) -> None:
        tracker = stage.opened(stage.memory)
        tracker.deliver(stage.events)
        once = comparable(stage.shown(RUN))
        tracker.deliver(stage.events)
        assert comparable(stage.shown(RUN)) == once

    def test_another_process_may_deliver_everything_again(self, stage: Stage) -> None:
        stage.opened(stage.memory).deliver(stage.events)
        once = comparable(stage.shown(RUN))
        stage.opened(stage.memory).deliver(stage.events)
        assert comparable(stage.shown(RUN)) == once

    def test_one_by_one_is_the_same_as_at_once_and_then_again(self, stage: Stage) -> None:
        tracker = stage.opened(stage.memory)
        deliver_one_by_one(tracker, stage.events)
        one_by_one = comparable(stage.shown(RUN))
        tracker.deliver(stage.events)
        assert comparable(stage.shown(RUN)) == one_by_one

    @pytest.mark.parametrize("kept", [True, False], ids=["after", "before"])
    @pytest.mark.parametrize("nth", [1, 2, 3, 4, 5, 6])
    def test_a_kill_at_any_write_duplicates_nothing_and_loses_nothing(self, stage: Stage, nth: int, kept: bool) -> None:
        deliver_until_killed(stage.opened(DyingMemory(stage.memory, nth=nth, kept=kept)), stage.events)
        stage.opened(stage.memory).deliver(stage.events)
        found = {(seen.node, len(seen.metrics.get("loss", ()))) for seen in stage.shown(RUN) if seen.node}
        assert (len(stage.shown(RUN)), found) == (3, {("load", 3), ("train", 3)})

    def test_events_that_are_not_about_runs_are_passed_over(self, stage: Stage) -> None:
        stage.opened(stage.memory).deliver(numbered([*foreign_events(), *stage.events]))
        assert len(stage.shown(RUN)) == 3

    def test_while_the_backend_cannot_be_reached_it_is_a_tracker_error(
        self, unreachable: Callable[[Memory], Tracker], memory: PlainMemory, events: list[Event]
    ) -> None:
        with pytest.raises(TrackerError):
            unreachable(memory).deliver(events)

    def test_what_could_not_be_delivered_is_delivered_once_the_backend_is_back(
        self, stage: Stage, unreachable: Callable[[Memory], Tracker]
    ) -> None:
        with pytest.raises(TrackerError):
            unreachable(stage.memory).deliver(stage.events)
        stage.opened(stage.memory).deliver(stage.events)
        assert sorted(seen.node for seen in stage.shown(RUN)) == ["", "load", "train"]

    def test_a_link_is_a_text_and_asks_no_network(
        self, unreachable: Callable[[Memory], Tracker], memory: PlainMemory
    ) -> None:
        started = monotonic()
        link = unreachable(memory).link(RUN, "train")
        assert (isinstance(link, str), monotonic() - started < NETWORK_S) == (True, True)

    def test_a_run_that_is_not_known_has_no_link(
        self, opened: Callable[[Memory], Tracker], memory: PlainMemory
    ) -> None:
        assert opened(memory).link("never") == ""

    def test_a_secret_is_passed_on_as_its_name(self, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("CM_SECRET_CONTRACT", CANARY)
        stage.opened(stage.memory).deliver(stage.events)
        told = repr([seen.comparable for seen in stage.shown(RUN)])
        assert ("${secret:contract}" in told, CANARY in told) == (True, False)

    def test_it_can_be_closed(self, opened: Callable[[Memory], Tracker], memory: PlainMemory) -> None:
        opened(memory).close()


def comparable(found: Iterable[Seen]) -> list[tuple[object, ...]]:
    """What was seen, in an order of its own."""
    return sorted((seen.comparable for seen in found), key=lambda each: str(each[0]))


def deliver_one_by_one(tracker: Tracker, events: Sequence[Event]) -> None:
    """The smallest portions there are."""
    for event in events:
        tracker.deliver([event])


def deliver_until_killed(tracker: Tracker, events: Sequence[Event]) -> None:
    """Deliver with a memory that may die; one that is written seldom does not."""
    try:
        tracker.deliver(events)
    except Killed:
        return
