"""Origin: what an artifact was made from, by digests that two equal trainings share. How it is told is `why`'s affair.

The walk follows the artifact's own run: what that run was served from the cache counts under its own node names, so
that a warm cache and a cold one give the same origin. A resolver is no step; what it found is followed to its makers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pydantic import JsonValue

from cmcore.components.code.environment import Environment
from cmcore.document.write import canonical
from cmcore.lineage.record import ArtifactRecord, ExecutionRecord, RunRecord
from cmcore.lineage.store import LineageStore
from cmcore.lineage.walk import identity, read_by
from cmcore.registry.facts import Origin

DIGITS = 16
SHOWN = 200  # characters of a parameter's value


@dataclass(frozen=True, slots=True, kw_only=True)
class Ancestry:
    """Everything that an artifact was made from, nearest first.

    `executions` begin with its maker; `data` are the artifacts that no component made: imported, or of unknown making.
    """

    artifact: ArtifactRecord
    executions: tuple[ExecutionRecord, ...] = ()
    data: tuple[ArtifactRecord, ...] = ()

    @property
    def maker(self) -> ExecutionRecord | None:
        """The execution that first wrote the artifact; None where none is recorded."""
        return self.executions[0] if self.executions else None

    @property
    def components(self) -> tuple[ExecutionRecord, ...]:
        """The executions that did work: all but imports."""
        return tuple(execution for execution in self.executions if not is_import(execution))


def ancestry(store: LineageStore, artifact: ArtifactRecord) -> Ancestry:
    """The artifact's makers and data, as its own run saw them."""
    made_in: dict[str, dict[str, ExecutionRecord]] = {}

    def maker(wanted: ArtifactRecord, run: str) -> ExecutionRecord | None:
        if run and run not in made_in:
            made_in[run] = _by_output(store.executions(run))
        known = made_in.get(run, {}).get(identity(wanted))
        return known or next((each for each in store.producers(wanted) if not each.internal), None)

    executions: dict[str, ExecutionRecord] = {}
    data: dict[str, ArtifactRecord] = {}
    seen, frontier = {identity(artifact)}, [(artifact, "")]
    while frontier:
        following: list[tuple[ArtifactRecord, str]] = []
        for wanted, run in frontier:
            found = maker(wanted, run)
            if found is None or is_import(found):
                data[identity(wanted)] = wanted
            if found is None or found.name in executions:
                continue
            executions[found.name] = found
            fresh = [each for each in read_by(store, found) if identity(each) not in seen]
            seen.update(map(identity, fresh))
            following += [(each, found.run) for each in fresh]
        frontier = following
    return Ancestry(artifact=artifact, executions=tuple(executions.values()), data=tuple(data.values()))


def _by_output(executions: Iterable[ExecutionRecord]) -> dict[str, ExecutionRecord]:
    published = [each for each in executions if each.state.published and not each.internal]
    return {identity(edge.artifact): each for each in published for edge in each.outputs}


def is_import(execution: ExecutionRecord) -> bool:
    """Whether an execution only brought data in."""
    return any(edge.artifact.facts.get("imported") for edge in execution.outputs)


def origin_of(store: LineageStore, artifact: ArtifactRecord) -> Origin:
    """The origin of an artifact; empty where nothing recorded its making."""
    found = ancestry(store, artifact)
    return origin(found, store.run(found.maker.run) if found.maker else None)


def origin(found: Ancestry, run: RunRecord | None) -> Origin:
    """The origin that an ancestry and the record of its run tell.

    `commit` is the commit alone; whether files differed from it is in the run's facts, what they held in `steps`.
    """
    if found.maker is None:
        return Origin(data=data_digests(found.data))
    facts = run.facts if run else {}
    version = facts.get("code_version")
    return Origin(
        run=found.maker.run,
        node=found.maker.node,
        pipeline=found.maker.pipeline,
        steps=steps(found.components, found.maker.pipeline),
        parameters=shown_parameters(found.components, found.maker.pipeline),
        data=data_digests(found.data),
        commit=str(version.get("commit") or "") if isinstance(version, dict) else "",
        environment=environment_digest(facts.get("environment")),
    )


def steps(executions: Iterable[ExecutionRecord], pipeline: str) -> dict[str, str]:
    """Each node's `code parameters`, two digests with a blank between them; nodes of other pipelines with its name.

    A node that worked more than once, as where a model trains an earlier one on, has digests over all its works.
    """
    code: dict[str, set[str]] = {}
    parameters: dict[str, set[str]] = {}
    for each in executions:
        node = step_name(each, pipeline)
        code.setdefault(node, set()).add(_short([each.type_name, each.facts.get("code", "")]))
        parameters.setdefault(node, set()).add(_short(_named_anew(each)))
    return {node: f"{_joined(code[node])} {_joined(parameters[node])}" for node in sorted(code)}


def step_name(execution: ExecutionRecord, pipeline: str) -> str:
    """What a step is called among those of a pipeline: its node; one of another pipeline with that in front."""
    return execution.node if execution.pipeline == pipeline else f"{execution.pipeline}/{execution.node}"


def shown_parameters(executions: Iterable[ExecutionRecord], pipeline: str) -> dict[str, str]:
    """The beginning of each parameter's value; of a node that worked more than once, the values of the last time."""
    found: dict[str, str] = {}
    for each in executions:
        for name, value in each.parameters.items():
            found.setdefault(f"{step_name(each, pipeline)}.{name}", _anew(value, each.run)[:SHOWN])
    return dict(sorted(found.items()))


def _named_anew(execution: ExecutionRecord) -> JsonValue:
    return _anew(dict(execution.parameters), execution.run)


def _anew(value: JsonValue, run: str) -> str:
    """A value as text with the run's own name, which `${run.id}` may have put there, taken out."""
    return canonical(value).decode().replace(run, "${run.id}")


def _short(value: JsonValue) -> str:
    return hashlib.sha256(canonical(value)).hexdigest()[:DIGITS]


def _joined(digests: set[str]) -> str:
    return next(iter(digests)) if len(digests) == 1 else _short(sorted(digests))  # type: ignore[arg-type] # list[str] is JSON


def data_digests(data: Iterable[ArtifactRecord]) -> dict[str, str]:
    """The digest at each URI."""
    return {each.uri: each.digest for each in sorted(data, key=lambda each: (each.uri, each.digest))}


def environment_digest(recorded: JsonValue) -> str:
    """The digest of an environment as a run's facts hold it; empty where they hold none."""
    found = recorded_environment(recorded)
    return found.digest if found else ""


def recorded_environment(recorded: JsonValue) -> Environment | None:
    """The environment in a run's facts; None where they hold none that can be read."""
    if not isinstance(recorded, Mapping):
        return None
    packages = recorded.get("packages")
    return Environment(
        python=str(recorded.get("python", "")),
        implementation=str(recorded.get("implementation", "")),
        platform=str(recorded.get("platform", "")),
        interpreter=str(recorded.get("interpreter", "")),
        packages=tuple(map(str, packages)) if isinstance(packages, list) else (),
    )
