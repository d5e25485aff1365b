"""A world for drivers: a lineage in memory, a state database in a folder, a launcher that follows a script, a clock."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from hypothesis import strategies as st

from cmcore.address import Address
from cmcore.components.context import TRACKED, Channel
from cmcore.components.intent import Intent
from cmcore.components.spec import ComponentSpec, InputSpec, OutputSpec
from cmcore.events import Event, EventKind
from cmcore.lineage.memory import MemoryLineage
from cmcore.lineage.record import ExecutionRecord
from cmcore.pipelines.document import OnFailure, Retries
from cmcore.pipelines.plan import Code, NodeKind, Plan, PlannedNode, Source
from cmcore.resources import Resources
from cmcore.runtime import run as runs
from cmcore.runtime.cache import Cache
from cmcore.runtime.driver import Backends
from cmcore.runtime.effects import Effects
from cmcore.runtime.inprocess import InProcessLauncher
from cmcore.runtime.job import Failure, FailureCode, Job, Outcome, Output, Storage
from cmcore.runtime.run import Ledger, Order, RunResult
from cmcore.runtime.states import NodeState
from cmcore.state.database import StateDatabase
from cmcore.state.journal import Journal
from cmcore.state.lease import Lease, Leases
from cmcore.state.runs import Runs
from cmcore.storage.store import PayloadStore
from cmcore.storage.verify import VerifyMode
from cmcore.testing.launcher import MemoryLauncher
from cmcore.tracked import Record

FINE, RAISES, HANGS = "fine", "raises", "hangs"
MACHINE = Resources(cpu_cores=4, memory_mib=4096, gpus=0)


class KilledError(BaseException):
    """This driver is dead from here on."""


class Clock:
    """Time that passes only where a test lets it."""

    def __init__(self, now: float = 1_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def pass_by(self, seconds: float) -> None:
        self.now += seconds


class Doom:
    """Kills at one write, before or after it took effect; harmless until armed."""

    def __init__(self) -> None:
        self.left = -1
        self.writes = 0

    def tick(self) -> None:
        self.writes += 1
        if self.left >= 0:
            self.left -= 1
            if self.left < 0:
                self.left = -1
                raise KilledError


class MortalLineage(MemoryLineage):
    """A lineage whose every write may be the last of its driver, before or after it took effect."""

    def __init__(self, doom: Doom) -> None:
        super().__init__()
        self.doom = doom

    def begin(self, execution: ExecutionRecord) -> None:
        self.doom.tick()
        super().begin(execution)
        self.doom.tick()

    def commit(self, execution: ExecutionRecord) -> ExecutionRecord:
        self.doom.tick()
        recorded = super().commit(execution)
        self.doom.tick()
        return recorded


class MortalJournal(Journal):
    """A journal whose every write may be the last of its driver."""

    doom: Doom

    def append(self, events: Sequence[Event], *, lease: Lease | None) -> None:
        self.doom.tick()
        super().append(events, lease=lease)
        self.doom.tick()


@dataclass(slots=True, kw_only=True)
class World:
    """Everything that a driver stands on. `script` says how each try of a node goes; after its end, all is fine.

    `tracks` are the records that every attempt at a node reports, `asks` the intents that it returns.
    """

    folder: Path
    database: StateDatabase
    journal: MortalJournal
    script: Mapping[str, Sequence[str]] = field(default_factory=dict)
    tracks: Mapping[str, Sequence[Record]] = field(default_factory=dict)
    asks: Mapping[str, Sequence[Intent]] = field(default_factory=dict)
    effects: Effects = field(default_factory=dict)
    choose: Callable[[int], int] = lambda _: 0
    workers: int = 4
    clock: Clock = field(default_factory=Clock)
    doom: Doom = field(default_factory=Doom)
    lineage: MemoryLineage = field(default_factory=MemoryLineage)
    launcher: MemoryLauncher = field(default_factory=MemoryLauncher)
    heard: list[Event] = field(default_factory=list)
    tries: dict[str, int] = field(default_factory=dict)
    most_at_once: int = 0

    def backends(self) -> Backends:
        """What the next driver stands on; its launcher is a new one."""
        self.launcher = MemoryLauncher(carry=self.carried, choose=self.choose, wait=self.clock.pass_by)
        store = PayloadStore(str(self.folder / "artifacts"))
        return Backends(
            lineage=self.lineage, journal=self.journal, launcher=self.launcher,
            cache=Cache(lineage=self.lineage, payloads=store, folder=self.folder, verify=VerifyMode.NEVER),
            in_process=InProcessLauncher(folder=self.folder), storage=Storage(root=store.root),
            scratch=self.folder / "scratch", capacity=MACHINE, workers=self.workers, resolvers={}, effects=self.effects,
            clock=self.clock, monotonic=self.clock,
        )  # fmt: skip

    @property
    def ledger(self) -> Ledger:
        return Ledger(runs=Runs(self.database), leases=Leases(self.database), actor="tester")

    def run(self, plan: Plan, order: Order | None = None) -> RunResult:
        """A new run of the plan."""
        return runs.start(plan, self.backends(), self.ledger, replace(order or Order(), listen=self.heard.append))

    def resume(self, run: str) -> RunResult:
        """The same run again."""
        return runs.resume(run, self.backends(), self.ledger, Order(listen=self.heard.append), changed_code=True)

    def carried(self, job: Job, channel: Channel) -> Outcome | None:
        """How an attempt goes, by the script; what a node writes is a function of its name and its inputs."""
        node = Address.parse(job.address).node
        for record in self.tracks.get(node, ()):
            channel.report(TRACKED, record.model_dump(mode="json"))
        tried = self.tries[node] = self.tries.get(node, 0) + 1
        steps = self.script.get(node, ())
        match steps[tried - 1] if tried <= len(steps) else FINE:
            case "hangs":
                return None
            case "raises":
                return Outcome(address=job.address, failure=Failure(code=FailureCode.RAISED, message=f"try {tried}"))
        asked = list(self.asks.get(node, ()))
        return Outcome(address=job.address, outputs={"out": written(job)}, metrics={"auc": 0.9}, intents=asked)

    def submitted(self) -> list[str]:
        """The nodes of the attempts that were submitted, in order."""
        return [event.node for event in self.heard if event.kind is EventKind.ATTEMPT_SUBMITTED]

    def executions(self, run: str, node: str) -> list[str]:
        """The states of a node's executions in a run, the oldest first."""
        return [str(it.state) for it in self.lineage.executions(run) if it.node == node]

    def submitted_at(self) -> list[float]:
        """When attempts were submitted, in seconds since the first."""
        times = [event.at for event in self.heard if event.kind is EventKind.ATTEMPT_SUBMITTED]
        return [round(at - times[0], 6) for at in times]


def written(job: Job) -> Output:
    """The output of an attempt that went well."""
    read = sorted(given.digest for found in job.inputs.values() for given in found)
    node = Address.parse(job.address).node
    digest = hashlib.sha256("\n".join([node, *read]).encode()).hexdigest()
    uri = f"{job.storage.root}/{job.address}/out/0"
    return Output(type="Files", type_name="Files", uri=uri, digest=f"sha256:{digest}", size=1)


def step(
    name: str, *upstream: str, retries: Retries | None = None, stop: bool = True, timeout_s: float | None = None,
    cpu_cores: float = 1.0, **options: object,
) -> PlannedNode:  # fmt: skip
    """A node that reads all of its upstream nodes and writes one artifact."""
    spec = ComponentSpec(
        name=name.title(), inputs={"read": InputSpec(type="Files", list=True, optional=True)},
        outputs={"out": OutputSpec(type="Files")}, executor=f"workload:{name.replace('-', '_')}",
    )  # fmt: skip
    return PlannedNode(
        name=name, kind=NodeKind.COMPONENT, spec=spec, reference=spec.name,
        inputs={"read": [Source(node=up, output="out") for up in upstream]} if upstream else {},
        upstream=list(upstream), code=Code(digest=f"sha256:{name}"), retries=retries or Retries(), timeout_s=timeout_s,
        resources=Resources(cpu_cores=cpu_cores), on_failure=OnFailure.STOP if stop else OnFailure.CONTINUE, **options,
    )  # fmt: skip


def plan(*nodes: PlannedNode, pipeline: str = "graph") -> Plan:
    return Plan(pipeline=pipeline, project="tests", nodes=list(nodes))


def chain(*names: str, **options: object) -> Plan:
    """Each node reads the one before."""
    return plan(*(step(name, *names[max(0, at - 1) : at], **options) for at, name in enumerate(names)))


@st.composite
def plans(draw: st.DrawFn, max_nodes: int = 6) -> Plan:
    """Any graph of a few nodes, with any options that change how a run goes."""
    nodes = []
    for number in range(draw(st.integers(1, max_nodes))):
        earlier = [node.name for node in nodes]
        above = draw(st.lists(st.sampled_from(earlier), unique=True, max_size=3)) if earlier else []
        tries = draw(st.integers(1, 3))
        nodes.append(
            step(
                f"n{number}", *sorted(above), retries=Retries(attempts=tries), stop=draw(st.booleans()), timeout_s=9.0,
                cpu_cores=draw(st.sampled_from([0.0, 1.0, 3.0, 64.0])),
            )
        )  # fmt: skip
    return plan(*nodes)


def scripts(names: Iterable[str]) -> st.SearchStrategy[dict[str, list[str]]]:
    """Any way in which the tries of these nodes may go."""
    tries = st.lists(st.sampled_from([FINE, RAISES, HANGS]), max_size=3)
    return st.fixed_dictionaries(dict.fromkeys(names, tries))


def states(result: RunResult) -> dict[str, NodeState]:
    return {name: node.state for name, node in result.nodes.items()}
