"""Which nodes of a recorded run are run again, and which are only given what they gave then. Pure."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from pydantic import JsonValue

from cmcore.components.spec import Effect
from cmcore.document.expression import Reference, substitute
from cmcore.lineage.record import ExecutionRecord
from cmcore.pipelines.document import CachePolicy, OnFailure
from cmcore.pipelines.plan import NodeKind, Plan, PlannedNode, upstream

Executions = Mapping[str, ExecutionRecord]


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """`again` runs again; `given` and `left_out` say by node why it does not. What is given has recorded outputs,
    which nodes that run may read; what is left out published nothing then."""

    again: tuple[str, ...]
    given: Mapping[str, str]
    left_out: Mapping[str, str]


def selection(plan: Plan, recorded: Executions, reused: Collection[str] = ()) -> Selection:
    """What becomes of each node; `recorded` are the published executions by node, `reused` those of earlier runs."""
    given: dict[str, str] = {}
    left_out: dict[str, str] = {}
    for node in plan.nodes:
        if node.name not in recorded:
            left_out[node.name] = "it published nothing then"
        elif reason := kept_as_recorded(node, reused=node.name in reused):
            given[node.name] = reason
    again = tuple(node.name for node in plan.nodes if node.name not in given and node.name not in left_out)
    return Selection(again=again, given=given, left_out=left_out)


def kept_as_recorded(node: PlannedNode, *, reused: bool) -> str:
    """Why a node is not run again but stands for what it gave then; empty if it is run again."""
    if reused:
        return "an earlier run had made it; reproduce that one"
    if node.spec.effect is Effect.EXTERNAL:
        return "it changes the world outside: never run again"
    match node.kind:
        case NodeKind.RESOLVER:
            return "a query: what it found then is given again"
        case NodeKind.IMPORTER:
            return "data from outside: its digest is checked"
        case NodeKind.COMPONENT if node.code is None:
            return "its code was not kept: it had no import path"
        case _:
            return ""


def needed(plan: Plan, chosen: Iterable[str], given: Collection[str]) -> list[str]:
    """The given nodes that chosen ones need, in the plan's order."""
    above = upstream(plan, set(chosen))
    return [node.name for node in plan.nodes if node.name in above and node.name in given]


def published(executions: Iterable[ExecutionRecord]) -> dict[str, ExecutionRecord]:
    """The last published execution of each node, of executions that are oldest first."""
    return {each.node: each for each in executions if each.state.published}


def reused_executions(options: str) -> dict[str, str]:
    """The executions of earlier runs that a run was given instead of running their nodes, by node."""
    found = json.loads(options).get("reused") or {}
    return {str(node): str(execution) for node, execution in found.items()}


def held(plan: Plan, run: str, roots: Iterable[str]) -> Plan:
    """The plan as it is run again: in another place, uncached, one failure stopping nothing else, and with the
    recorded run's name wherever a parameter says `${run.id}`."""
    nodes = [
        node.model_copy(
            update={
                "cache": CachePolicy.OFF,
                "on_failure": OnFailure.CONTINUE,
                "parameters": {key: named_as_then(value, run) for key, value in node.parameters.items()},
            }
        )
        for node in plan.nodes
    ]
    return plan.model_copy(update={"nodes": nodes, "roots": list(roots)})


def named_as_then(value: JsonValue, run: str) -> JsonValue:
    """A parameter's value in which `${run.id}` is the recorded run."""
    return substitute(value, lambda found: run if found == Reference("run", ("id",)) else found)
