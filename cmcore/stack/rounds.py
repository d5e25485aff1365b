"""The runs of a reproduction, in a project of its own: round after round until every node has been judged.

Which nodes run, on which code, packages and data, has been settled before.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from pydantic import JsonValue
from pydantic_core import to_json

from cmcore.errors import ConfigError, StorageError
from cmcore.lineage.record import ArtifactRecord, ExecutionRecord, RunRecord
from cmcore.pipelines.load import import_from
from cmcore.pipelines.plan import Plan
from cmcore.provenance.reproduction.code import Checkout
from cmcore.provenance.reproduction.data import DataCheck
from cmcore.provenance.reproduction.seeding import seed
from cmcore.provenance.reproduction.selection import Selection, held, needed, published
from cmcore.provenance.reproduction.verdict import NodeComparison, Verdict, compared, differing_files
from cmcore.runtime import run as runs
from cmcore.runtime.states import NodeState, RunState
from cmcore.settings import ProjectSettings, flat
from cmcore.stack import carrying
from cmcore.stack.carrying import RunOptions
from cmcore.stack.project import Project
from cmcore.storage.location import is_local

APART = ".reproductions"  # beside runs in an artifact store that is no folder; no run's name begins so


class Watch(Protocol):
    """Shows what goes on; the command line's affair."""

    def say(self, text: str) -> None:
        """Something worth a line."""
        ...

    def run(self, plan: Plan, start: Callable[[RunOptions], runs.RunResult]) -> runs.RunResult:
        """Start a run and show it until it is over."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What a run left: its plan, its facts, the published executions of its nodes, and what becomes of each."""

    run: str
    plan: Plan
    facts: Mapping[str, JsonValue]
    executions: Mapping[str, ExecutionRecord]
    selection: Selection


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a reproduction is carried out: its folder, and the interpreter of its workers if it is not this one."""

    folder: Path
    python: Path | None


def carried_out_again(
    project: Project, recorded: Recorded, checkout: Checkout, data: Sequence[DataCheck], place: Place, watch: Watch
) -> tuple[list[NodeComparison], str]:
    """Every node's comparison in the plan's order, and the name of the first run."""
    plan = held(recorded.plan, recorded.run, map(str, checkout.roots))
    import_from([*checkout.roots])
    with Project(checkout.project, environment={}, sets=settings_again(project, place)) as apart:
        instead = {each.then.name: each.now for each in data}
        rounds = Rounds(project=project, apart=apart, recorded=recorded, plan=plan, instead=instead, watch=watch)
        found, again = rounds.compared()
        if not is_local(apart.payloads.root):
            for attempt in list(apart.payloads.attempts()):
                apart.payloads.remove(attempt.uri)
    given = {
        node: NodeComparison(node=node, verdict=Verdict.GIVEN, reason=reason)
        for node, reason in recorded.selection.given.items()
    }
    left_out = {
        node: NodeComparison(node=node, verdict=Verdict.LEFT_OUT, reason=reason)
        for node, reason in recorded.selection.left_out.items()
    }
    every = {**given, **left_out, **found}
    return [every[node.name] for node in plan.nodes], again


def settings_again(project: Project, place: Place) -> dict[str, str]:
    """The project's settings for its reproduction: nothing shared but the kind of artifact store, nobody told."""
    values: ProjectSettings = project.settings.values
    texts = {
        key: value if isinstance(value, str) else to_json(value).decode()
        for key, value in flat(values)
        if key != "parameters"
    }
    launcher = values.stack.launcher
    if place.python is not None and launcher.name != "local":
        raise ConfigError(
            f"launcher {launcher.name!r} brings its own packages; run again with --environment current, or locally: "
            f"CM_STACK__LAUNCHER__NAME=local cm reproduce ..."
        )
    options = {**launcher.options, **({"python": str(place.python)} if place.python else {})}
    root = values.stack.artifacts.root
    apart = "" if not root or is_local(root) else f"{root.rstrip('/')}/{APART}/{place.folder.name}"
    return texts | {
        "name": project.name,
        "stack.state": "",
        "stack.lineage": "",
        "stack.data": "",
        "stack.trackers": "[]",
        "stack.artifacts.root": apart,
        "stack.launcher.options": to_json(options).decode(),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Rounds:
    """Runs until every node has been judged on what it read then.

    Where a node differs, those that read it ran on something else and prove nothing: they run again in another round
    on its recorded outputs.
    """

    project: Project
    apart: Project
    recorded: Recorded
    plan: Plan
    instead: Mapping[str, ArtifactRecord]
    watch: Watch

    def compared(self) -> tuple[dict[str, NodeComparison], str]:
        """The comparison of every node that runs again, and the name of the first run."""
        found: dict[str, NodeComparison] = {}
        remaining, first = list(self.recorded.selection.again), ""
        for number in itertools.count(1):
            differing = [name for name, it in found.items() if it.verdict is not Verdict.EQUAL]
            given = {*self.recorded.selection.given, *differing}
            result = self._run(remaining, needed(self.plan, remaining, given), number)
            first = first or result.run
            self._judge(result, remaining, found, again=number > 1)
            remaining = [name for name in remaining if name not in found]
            if not remaining:
                break
            self.watch.say(f"again, on what they read then: {brief(remaining)}")
        return found, first

    def _run(self, chosen: Sequence[str], given: Sequence[str], number: int) -> runs.RunResult:
        record = RunRecord(run=self.recorded.run, pipeline=self.plan.pipeline, project=self.plan.project)
        executions = [self.recorded.executions[name] for name in given]
        seed(self.apart.lineage, record, executions, self.instead, round_number=number)

        def start(options: RunOptions) -> runs.RunResult:
            order = replace(carrying.order_of(options, None, {"reproduces": self.recorded.run}), chosen=tuple(chosen))
            return runs.start(self.plan, carrying.backends(self.apart, options), self.apart.ledger, order)

        result = self.watch.run(self.plan, start)
        if result.state is RunState.CANCELED:
            raise KeyboardInterrupt
        return result

    def _judge(
        self, result: runs.RunResult, chosen: Sequence[str], found: dict[str, NodeComparison], *, again: bool
    ) -> None:
        """Compare the chosen nodes that ran on what they read then; of the others nothing can be said yet."""
        executions = published(self.apart.lineage.executions(result.run))
        for name in chosen:
            above = [found.get(up) for up in self.plan.node(name).upstream if up in chosen]
            if any(it is None or it.verdict is not Verdict.EQUAL for it in above):
                continue
            if name in executions:
                outputs = list(self.plan.node(name).spec.outputs)
                now, then = executions[name], self.recorded.executions[name]
                found[name] = compared(then, now, outputs, self._differing_files, again=again)
            else:
                node = result.nodes[name]
                assert node.state in (NodeState.FAILED, NodeState.SKIPPED), f"{name} is {node.state}"
                found[name] = NodeComparison(
                    node=name, verdict=Verdict.FAILED, reason=node.reason, on_recorded_inputs=again
                )

    def _differing_files(self, then: ArtifactRecord, now: ArtifactRecord) -> tuple[str, ...]:
        try:
            return differing_files(self.project.payloads.manifest(then.uri), self.apart.payloads.manifest(now.uri))
        except StorageError:
            return ()


def brief(names: Sequence[str], limit: int = 5) -> str:
    """Some names and how many more there are."""
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return f"{', '.join(names[:limit])}{more}"
